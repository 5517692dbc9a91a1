from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QMessageBox, QPushButton

from core.client.endpoints import Endpoint
from core.emulation.capability import Capability
from core.oci.platform import parse_platform
from core.progress.messages import Mode
from core.wire.pb import control_pb2, engine_pb2
from desktop.building.platform_card import PlatformState
from desktop.pages import docker_emulation, emulation, whole_system
from desktop.pages.architecture_card import ArchitectureCard
from desktop.window.main_window import MainWindow

pytestmark = pytest.mark.qt_log_ignore("does not support propagateSizeHints", extend=True)

Until = Callable[[Callable[[], object]], None]
Page = Callable[[str], Any]
Action = engine_pb2.EmulationRequest


def words(widget: Any) -> str:
    return "\n".join(label.text() for label in widget.findChildren(QLabel))


def press(widget: Any, name: str) -> None:
    found = [
        b for b in widget.findChildren(QPushButton)
        if name in (b.text(), b.accessibleName()) and b.isVisibleTo(widget)
    ]  # fmt: skip
    assert len(found) == 1, [b.accessibleName() or b.text() for b in found]
    found[0].click()


@pytest.fixture
def answer(builder: Any) -> engine_pb2.EmulationResponse:
    state = engine_pb2.ArchitectureState
    found = engine_pb2.EmulationResponse(
        host="linux/amd64",
        architectures=[
            state(platform="linux/amd64", mode=control_pb2.VERTEX_MODE_NATIVE),
            state(platform="linux/arm64", mode=control_pb2.VERTEX_MODE_EMULATED, scope="system",
                  interpreter="/usr/bin/qemu-aarch64-static"),
            state(platform="linux/riscv64", diagnosis="No QEMU for it", remedy="Fetch it."),
        ],
        handlers=[engine_pb2.Handler(name="viaduct-aarch64", platform="linux/arm64",
                                     enabled=True, scope="system")],
        problems=[engine_pb2.EmulationProblem(code="off", weight="risky",
                                              message="binfmt_misc is off", remedy="Turn it on.")],
        text=["QEMU translates."],
    )  # fmt: skip
    builder.answers["Emulation"] = found
    builder.answers["Hello"] = engine_pb2.HelloResponse(native=["linux/amd64"])
    return found


@pytest.fixture
def shown(page: Page, until: Until, answer: engine_pb2.EmulationResponse) -> Any:
    found = page("emulation")
    until(lambda: found.findChildren(ArchitectureCard))
    return found


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What is run as root; it is agreed to, and succeeds."""
    ran: list[tuple[str, ...]] = []

    async def run(command: Any) -> tuple[int, str]:
        ran.append(tuple(command))
        return 0, "linux/arm64: done"

    async def yes(*_words: object) -> bool:
        return True

    monkeypatch.setattr(whole_system, "_run", run)
    monkeypatch.setattr(whole_system, "agreed", yes)
    monkeypatch.setattr(emulation, "agreed", yes)
    monkeypatch.setattr(whole_system, "elevated", lambda command, terminal: ("pkexec", *command))
    return ran


def test_problems_of_the_machine_stand_above_with_their_remedies(shown: Any) -> None:
    assert "binfmt_misc is off.\nTurn it on." in words(shown._problems)


def test_the_whole_system_is_changed_by_the_command_as_root(
    shown: Any, until: Until, commands: list[tuple[str, ...]]
) -> None:
    shown.switch.system.setChecked(True)
    press(shown, "Enable linux/riscv64")
    until(lambda: shown.banner.text == "linux/arm64: done")
    assert commands[0][0] == "pkexec"
    assert commands[0][-1] == "linux/riscv64"
    assert {"enable", "--system", "--no-elevation", "--programs"} <= set(commands[0])


def test_a_handler_of_ours_is_undone_and_the_start_up_files_are_read_again(
    shown: Any, until: Until, commands: list[tuple[str, ...]]
) -> None:
    shown.switch.system.setChecked(True)
    press(shown, "Undo linux/arm64")
    until(lambda: commands)
    assert "disable" in commands[0]
    press(shown, "Register what the start-up files say")
    until(lambda: len(commands) == 2)
    assert commands[1][-1] == "restore"


def test_a_running_build_keeps_the_whole_systems_handlers(
    shown: Any, until: Until, commands: list[tuple[str, ...]], builder: Any
) -> None:
    builder.answers["Hello"] = engine_pb2.HelloResponse(builds=2)
    shown.switch.system.setChecked(True)
    press(shown, "Undo linux/arm64")
    until(lambda: "2 builds still run" in shown.banner.text)
    assert commands == []


def test_where_nothing_can_ask_for_root_the_command_can_be_copied(
    shown: Any, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole_system, "elevated", lambda command, terminal: ())
    monkeypatch.setattr(whole_system.shutil, "which", lambda _name: None)
    shown.switch.system.setChecked(True)
    press(shown, "Enable linux/riscv64")
    until(lambda: not shown.command.isHidden())
    press(shown.command, "Copy the command")
    copied = QGuiApplication.clipboard().text()
    assert copied == shown.command.command
    assert "emulation enable --system" in copied


def test_a_closed_password_dialogue_leaves_the_command(
    shown: Any, until: Until, commands: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dismissed(_command: object) -> tuple[int, str]:
        return 126, "Request dismissed"

    monkeypatch.setattr(whole_system, "_run", dismissed)
    shown.switch.system.setChecked(True)
    press(shown, "Enable linux/riscv64")
    until(lambda: not shown.command.isHidden())


def test_fetching_is_shown_and_can_be_cancelled(
    shown: Any, until: Until, builder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = []

    async def endless(*_words: object, **_options: object) -> Any:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            stopped.append(True)
            raise

    monkeypatch.setattr(builder, "call", endless)
    press(shown, "Fetch QEMU for linux/riscv64")
    until(lambda: not shown.work.isHidden())
    assert "for linux/riscv64 from docker.io/tonistiigi/binfmt" in words(shown.work)
    shown.work.cancel()
    until(lambda: stopped and shown.work.isHidden())


def test_one_platform_is_tested(shown: Any, until: Until, builder: Any) -> None:
    press(shown, "Test linux/arm64")
    until(lambda: "linux/arm64 was run" in shown.banner.text)
    request = builder.asked[-1][1]
    assert (request.action, list(request.platforms)) == (Action.TEST, ["linux/arm64"])
    assert not request.calibrate


def test_what_the_engine_runs_is_one_click(
    shown: Any, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def found(_builder: object) -> tuple[Capability, ...]:
        arm = Capability(platform=parse_platform("linux/arm64"), answer="aarch64", works=True)
        x86 = Capability(platform=parse_platform("linux/386"), answer="no answer", works=False)
        return arm, x86

    monkeypatch.setattr(emulation, "capabilities", found)
    press(shown, "What Can This Engine Run?")
    until(lambda: not shown._result.isHidden())
    assert "✓ linux/arm64 runs: uname -m says aarch64" in words(shown._result)
    assert "✗ linux/386 does not run: no answer" in words(shown._result)


def test_the_explanation_can_be_closed(shown: Any, until: Until) -> None:
    press(shown, "Explain")
    until(lambda: not shown._result.isHidden())
    assert "QEMU translates." in words(shown._result)
    press(shown, "Close: How this works here")
    assert shown._result.isHidden()


@pytest.fixture
def docker(
    window: MainWindow, page: Page, until: Until, monkeypatch: pytest.MonkeyPatch
) -> tuple[Any, list[Any]]:
    engine = window.context.engine
    engine.endpoint = Endpoint.docker("/run/docker.sock", name="docker")
    engine.platforms = {
        "linux/amd64": PlatformState(mode=Mode.NATIVE),
        "linux/arm64": PlatformState(mode=Mode.EMULATED),
    }
    ran: list[Any] = []

    async def nothing() -> None: ...

    async def privileged(_endpoint: object, image: str, arguments: Any, *_more: object) -> str:
        ran.append((image, *arguments))
        return ""

    monkeypatch.setattr(engine, "refresh_platforms", nothing)
    monkeypatch.setattr(docker_emulation, "run_privileged", privileged)
    shown = page("emulation")
    until(lambda: shown.findChildren(ArchitectureCard))
    return shown, ran


@pytest.mark.usefixtures("commands")
def test_a_docker_daemons_machine_is_switched_by_a_pinned_image(
    docker: tuple[Any, list[Any]], until: Until
) -> None:
    shown, ran = docker
    press(shown, "Enable linux/riscv64")
    until(lambda: shown.banner.text.startswith("Done on the machine of docker"))
    press(shown, "Disable linux/arm64")
    until(lambda: len(ran) == 2)
    assert all("@sha256:" in image for image, *_ in ran)
    assert [words[1:] for words in ran] == [
        ("--install", "riscv64"), ("--uninstall", "qemu-aarch64"),
    ]  # fmt: skip


def test_a_docker_daemon_is_left_alone_until_somebody_agrees(
    docker: tuple[Any, list[Any]], until: Until
) -> None:
    shown, ran = docker
    press(shown, "Enable linux/riscv64")
    until(lambda: shown.findChildren(QMessageBox))
    box = shown.findChildren(QMessageBox)[0]
    assert "--privileged" in box.informativeText()
    box.reject()
    until(lambda: not shown.findChildren(QMessageBox))
    assert ran == []


def test_the_words_of_a_command_that_failed_are_shown(
    shown: Any, until: Until, commands: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failed(_command: object) -> tuple[int, str]:
        return 1, "binfmt_misc cannot be mounted: Read-only file system"

    monkeypatch.setattr(whole_system, "_run", failed)
    shown.switch.system.setChecked(True)
    press(shown, "Enable linux/riscv64")
    until(lambda: "cannot be mounted" in shown.banner.text)


def test_the_system_command_names_this_users_emulators() -> None:
    command = whole_system.system_command("enable", ("linux/arm64",))
    assert command[command.index("--programs") + 1].endswith("/qemu")
