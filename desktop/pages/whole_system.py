"""Emulation for every program of the machine: needs root, so it shows the command first."""

from __future__ import annotations

import asyncio
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from core.client.locations import locations
from core.emulation.elevation import elevated, own_command
from core.emulation.settings import SettingsFile
from core.errors import EmulationError
from desktop.tasks import settle

# pkexec: the dialogue was closed; nobody may agree or no dialogue can be shown.
_DISMISSED, _REFUSED = 126, 127


def _tr(text: str) -> str:
    return QCoreApplication.translate("WholeSystem", text)


@dataclass(frozen=True, slots=True, kw_only=True)
class ByHand:
    """What the user has to run, because nothing here can ask for root."""

    command: tuple[str, ...]


def system_command(verb: str, platforms: Sequence[str] = ()) -> tuple[str, ...]:
    """``verb`` is enable, disable or restore. Root's home is another: it is told where the
    fetched emulators of this user are."""
    if verb == "restore":
        return own_command(("emulation", "restore"))
    programs = str(SettingsFile(locations().root).programs)
    return own_command(
        ("emulation", verb, "--system", "--no-elevation", "--programs", programs, *platforms)
    )


async def change_whole_system(
    parent: QWidget, verb: str, platforms: Sequence[str] = ()
) -> str | ByHand | None:
    """What the command said; ByHand where root cannot be had; None when the user left it.

    Raises EmulationError with the command's own words.
    """
    plain = system_command(verb, platforms)
    command = elevated(plain, terminal=False)
    if not command and await _sudo_needs_no_password():
        command = ("sudo", "-n", *plain)
    if not command:
        return ByHand(command=by_hand(plain))
    question = {
        "enable": _tr("Enable emulation for every program and every user of this machine?"),
        "disable": _tr("Undo what was enabled for the whole system?"),
    }.get(verb, _tr("Register again what the start-up files say?"))
    words = _tr("It needs the rights of root. This command is run:")
    if not await agreed(parent, question, f"{words}\n{shlex.join(command)}"):
        return None
    status, text = await _run(command)
    if command[0] == "pkexec" and status in (_DISMISSED, _REFUSED):
        return ByHand(command=by_hand(plain))
    if status != 0:
        said = text.rpartition("\n")[2]
        raise EmulationError(
            said or _tr("The change for the whole system failed."),
            hint=f"The command was: {shlex.join(command)}",
        )
    return text or _tr("Done for the whole system.")


def by_hand(plain: Sequence[str]) -> tuple[str, ...]:
    """``plain`` for a terminal; without sudo it is for a shell of root."""
    return ("sudo", *plain) if shutil.which("sudo") else tuple(plain)


async def _sudo_needs_no_password() -> bool:
    return bool(shutil.which("sudo")) and (await _run(("sudo", "-n", "true")))[0] == 0


async def _run(command: Sequence[str]) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await process.communicate()
    except asyncio.CancelledError:
        process.terminate()
        await process.wait()
        raise
    return process.returncode or 0, output.decode(errors="replace").strip()


async def agreed(parent: QWidget, question: str, details: str) -> bool:
    """Ask before something that concerns more than this app."""
    answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Warning)
    box.setText(question)
    box.setInformativeText(details)
    go = box.addButton(_tr("Continue"), QMessageBox.ButtonRole.AcceptRole)
    box.addButton(QMessageBox.StandardButton.Cancel)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.buttonClicked.connect(lambda button: settle(answer, button is go))
    box.rejected.connect(lambda: settle(answer, False))
    box.open()
    return await answer
