"""What the desktop is told over the session bus: notifications, progress on the task bar.

``org.freedesktop.Notifications`` (Desktop Notifications Specification 1.2) and the signal
``com.canonical.Unity.LauncherEntry.Update``. Everything is silent where there is no bus.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from PySide6.QtCore import QObject

from desktop.tasks import Tasks

DESKTOP_FILE = "viaduct.desktop"
_SERVICE = "org.freedesktop.Notifications"
_PATH = "/org/freedesktop/Notifications"
_SECONDS = 3.0


class SessionBus(QObject):
    """Belongs to the window; connects when something is said for the first time."""

    def __init__(self, tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._said: asyncio.Queue[Any] = asyncio.Queue(64)
        self._loop: asyncio.Task[None] | None = None
        self._gone = not os.environ.get("DBUS_SESSION_BUS_ADDRESS")
        self._actions: dict[int, Callable[[], object]] = {}
        self._progress: tuple[float, bool] | None = None

    def notify(
        self,
        title: str,
        text: str,
        *,
        action: str,
        run: Callable[[], object],
        unheard: Callable[[], object],
        urgent: bool = False,
    ) -> None:
        """Its button ``action`` calls ``run``; ``unheard`` is called when nobody shows it."""
        self._say(("notify", title, text, action, run, unheard, urgent), unheard)

    def progress(self, part: float | None) -> None:
        """Between 0 and 1 on the task bar's icon; None takes it away."""
        shown = (round(part or 0.0, 2), part is not None)
        if shown != self._progress:
            self._progress = shown
            self._say(("progress", *shown), None)

    def _say(self, what: tuple[Any, ...], unheard: Callable[[], object] | None) -> None:
        if self._gone or self._said.full():
            if unheard is not None:
                unheard()
            return
        self._said.put_nowait(what)
        if self._loop is None:
            self._loop = self._tasks.start(self._speak(), name="session bus")

    async def _speak(self) -> None:
        """Until the bus goes away or the window closes."""
        from jeepney.io.asyncio import open_dbus_router

        try:
            async with asyncio.timeout(_SECONDS):
                opening = open_dbus_router()
                router = await opening.__aenter__()
        except Exception:  # whatever keeps the bus from answering: there is none then
            self._fall_silent()
            return
        try:
            await self._serve(router)
        except (OSError, EOFError, ValueError, KeyError):
            self._fall_silent()
        finally:
            with suppress(Exception):
                await opening.__aexit__(None, None, None)

    def _fall_silent(self) -> None:
        """What was still to be said is told in other ways."""
        self._gone = True
        while not self._said.empty():
            what = self._said.get_nowait()
            if what[0] == "notify":
                what[5]()

    async def _serve(self, router: Any) -> None:
        from jeepney import DBusAddress, MatchRule, new_signal
        from jeepney.bus_messages import message_bus
        from jeepney.io.asyncio import Proxy

        rule = MatchRule(type="signal", interface=_SERVICE, path=_PATH)
        await Proxy(message_bus, router).AddMatch(rule)
        with router.filter(rule, bufsize=32) as signals:
            listening = asyncio.ensure_future(self._listen(signals))
            try:
                while True:
                    match await self._said.get():
                        case ("progress", part, visible):
                            entry = DBusAddress(
                                "/com/canonical/unity/launcherentry/viaduct",
                                interface="com.canonical.Unity.LauncherEntry",
                            )
                            values = {"progress": ("d", part), "progress-visible": ("b", visible)}
                            body = (f"application://{DESKTOP_FILE}", values)
                            await router.send(new_signal(entry, "Update", "sa{sv}", body))
                        case ("notify", title, text, action, run, unheard, urgent):
                            number = await _notify(router, title, text, action, urgent=urgent)
                            if number is None:
                                unheard()
                            else:
                                self._actions[number] = run
                        case what:
                            raise ValueError(f"nothing to say: {what!r}")
            finally:
                listening.cancel()

    async def _listen(self, signals: asyncio.Queue[Any]) -> None:
        """Buttons that were pressed, and notifications that went away."""
        from jeepney import HeaderFields

        while True:
            message = await signals.get()
            member = message.header.fields.get(HeaderFields.member)
            if member == "ActionInvoked" and message.body[0] in self._actions:
                self._actions.pop(message.body[0])()
            elif member == "NotificationClosed":
                self._actions.pop(message.body[0], None)


async def _notify(router: Any, title: str, text: str, action: str, *, urgent: bool) -> int | None:
    """The notification's number; None where nobody shows notifications."""
    from jeepney import DBusAddress, MessageType, new_method_call

    service = DBusAddress(_PATH, bus_name=_SERVICE, interface=_SERVICE)
    hints = {"urgency": ("y", 2 if urgent else 1), "desktop-entry": ("s", "viaduct")}
    # "default" is a click on the notification itself.
    actions = ["default", action, "show", action]
    body = ("Viaduct", 0, "viaduct", title, text, actions, hints, -1)
    call = new_method_call(service, "Notify", "susssasa{sv}i", body)
    try:
        async with asyncio.timeout(_SECONDS):
            reply = await router.send_and_get_reply(call)
    except TimeoutError:
        return None
    if reply.header.message_type is not MessageType.method_return:
        return None
    return int(reply.body[0])
