"""Emulation for every program of the machine: needs root, so it shows the command first."""

from __future__ import annotations

import asyncio
import shlex
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QMessageBox

from core.emulation.elevation import elevated, own_command
from core.errors import EmulationError
from desktop.tasks import settle

if TYPE_CHECKING:
    from desktop.pages.base import EnginePage


def _tr(text: str) -> str:
    return QCoreApplication.translate("WholeSystem", text)


async def change_whole_system(page: EnginePage, verb: str) -> bool:
    """``verb`` is enable or disable; False when the user left it. Raises EmulationError."""
    plain = own_command(("emulation", verb, "--system"))
    command = elevated(plain, terminal=False)
    if not command:
        raise EmulationError(
            "There is no pkexec here to ask for root with.",
            hint=f"Run this in a terminal as root: {shlex.join(plain)}",
        )
    if not await _agreed(page, verb, command):
        return False
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        output, _ = await process.communicate()
    except asyncio.CancelledError:
        process.terminate()
        await process.wait()
        raise
    text = output.decode(errors="replace").strip()
    if process.returncode != 0:
        raise EmulationError(
            text.rpartition("\n")[2] or "The change for the whole system failed.",
            hint=f"The command was: {shlex.join(command)}",
        )
    page.say(text or _tr("Done for the whole system."))
    return True


async def _agreed(page: EnginePage, verb: str, command: tuple[str, ...]) -> bool:
    answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    box = QMessageBox(page)
    box.setIcon(QMessageBox.Icon.Warning)
    if verb == "enable":
        box.setText(_tr("Enable emulation for every program and every user of this machine?"))
    else:
        box.setText(_tr("Undo what was enabled for the whole system?"))
    box.setInformativeText(
        _tr("It needs the rights of root. This command is run:") + f"\n{shlex.join(command)}"
    )
    go = box.addButton(_tr("Continue"), QMessageBox.ButtonRole.AcceptRole)
    box.addButton(QMessageBox.StandardButton.Cancel)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.buttonClicked.connect(lambda button: settle(answer, button is go))
    box.rejected.connect(lambda: settle(answer, False))
    box.open()
    return await answer
