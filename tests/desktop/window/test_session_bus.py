from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from jeepney import DBusAddress, MatchRule, MessageType, new_method_return, new_signal
from jeepney.bus_messages import message_bus
from jeepney.io.asyncio import DBusConnection, open_dbus_connection

from desktop.tasks import Tasks
from desktop.window.session_bus import SessionBus

Until = Callable[[Callable[[], object]], None]


@pytest.fixture
def bus_address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A session bus of the test's own."""
    program = shutil.which("dbus-daemon")
    if program is None:
        pytest.skip("there is no dbus-daemon")
    started = subprocess.Popen(
        [program, "--session", "--nofork", "--print-address=1"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert started.stdout is not None
    address = started.stdout.readline().strip()
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
    yield address
    started.kill()
    started.wait()
    started.stdout.close()


class Desktop:
    """Shows notifications: keeps them, and presses their button."""

    def __init__(self) -> None:
        self.ready = False
        self.shown: list[tuple[Any, ...]] = []
        self.progress: list[tuple[Any, ...]] = []

    async def serve(self) -> None:
        async with _named() as connection:
            self.ready = True
            while True:
                message = await connection.receive()
                if message.header.message_type is MessageType.signal:
                    if len(message.body) == 2:
                        self.progress.append(message.body)
                elif message.header.message_type is MessageType.method_call:
                    self.shown.append(message.body)
                    await connection.send(new_method_return(message, "u", (7,)))
                    place = DBusAddress(
                        "/org/freedesktop/Notifications", interface="org.freedesktop.Notifications"
                    )
                    await connection.send(new_signal(place, "ActionInvoked", "us", (7, "show")))


@asynccontextmanager
async def _named() -> AsyncIterator[DBusConnection]:
    async with await open_dbus_connection() as connection:
        rule = MatchRule(type="signal", interface="com.canonical.Unity.LauncherEntry")
        await connection.send(message_bus.AddMatch(rule))
        await connection.send(message_bus.RequestName("org.freedesktop.Notifications"))
        for _ in range(3):  # NameAcquired and two answers
            await connection.receive()
        yield connection


def test_a_notification_is_shown_and_its_button_runs(
    bus_address: str, tasks: Tasks, until: Until
) -> None:
    desktop, pressed, unheard = Desktop(), [], []
    tasks.start(desktop.serve(), name="desktop")
    until(lambda: desktop.ready)
    bus = SessionBus(tasks)
    bus.notify(
        "Failed: app", "The step failed.", action="Show",
        run=lambda: pressed.append(1), unheard=lambda: unheard.append(1), urgent=True,
    )  # fmt: skip
    until(lambda: pressed)
    assert unheard == []
    name, replaces, icon, title, text, actions, hints, _expires = desktop.shown[0]
    assert (name, replaces, icon) == ("Viaduct", 0, "viaduct")
    assert (title, text) == ("Failed: app", "The step failed.")
    assert actions == ["default", "Show", "show", "Show"]
    assert hints["urgency"] == ("y", 2)


def test_progress_goes_to_the_launcher_once_a_value(
    bus_address: str, tasks: Tasks, until: Until
) -> None:
    desktop = Desktop()
    tasks.start(desktop.serve(), name="desktop")
    until(lambda: desktop.ready)
    bus = SessionBus(tasks)
    for part in (0.5, 0.5, 0.501, None):
        bus.progress(part)
    until(lambda: len(desktop.progress) == 2)
    application, values = desktop.progress[0]
    assert application == "application://viaduct.desktop"
    assert values == {"progress": ("d", 0.5), "progress-visible": ("b", True)}
    assert desktop.progress[1][1]["progress-visible"] == ("b", False)


def test_a_bus_on_which_nobody_shows_notifications_says_so(
    bus_address: str, tasks: Tasks, until: Until
) -> None:
    unheard: list[int] = []
    bus = SessionBus(tasks)
    bus.notify("a", "b", action="Show", run=lambda: None, unheard=lambda: unheard.append(1))
    until(lambda: unheard)


@pytest.mark.parametrize("address", ["", "unix:path=/nowhere/bus"])
def test_without_a_bus_other_ways_are_taken(
    address: str, tasks: Tasks, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
    unheard: list[int] = []
    bus = SessionBus(tasks)
    bus.progress(0.5)
    bus.notify("a", "b", action="Show", run=lambda: None, unheard=lambda: unheard.append(1))
    until(lambda: unheard)
    bus.notify("a", "b", action="Show", run=lambda: None, unheard=lambda: unheard.append(2))
    assert unheard == [1, 2]
