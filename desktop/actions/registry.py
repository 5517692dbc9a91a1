"""Every command of the window as a value; menus, toolbar, palette and shortcuts read this table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

from desktop.theme import Theme


class Menu(Enum):
    """Top-level menus, in order."""

    FILE = "file"
    EDIT = "edit"
    VIEW = "view"
    GO = "go"
    BUILD = "build"
    HELP = "help"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One thing that can be done.

    ``id`` is stable (shortcut settings refer to it). ``text`` is translated and may hold a ``&``.
    ``group`` sorts within a menu; a change of group is a separator.
    """

    id: str
    text: str
    run: Callable[[], object]
    menu: Menu
    group: int = 0
    icon: str = ""
    shortcuts: tuple[str, ...] = ()
    checkable: bool = False
    role: QAction.MenuRole = QAction.MenuRole.NoRole
    hint: str = ""


class ActionRegistry(QObject):
    """Makes a QAction of every command and keeps icons and shortcuts current."""

    ran = Signal(str)  # the id of a command that was triggered

    def __init__(
        self, theme: Theme, overrides: Mapping[str, tuple[str, ...]], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._owner = parent
        self._overrides = dict(overrides)
        self._commands: dict[str, Command] = {}
        self._actions: dict[str, QAction] = {}
        theme.changed.connect(self._dress)

    def add(self, command: Command) -> QAction:
        action = QAction(command.text, self._owner)
        action.setObjectName(command.id)
        action.setCheckable(command.checkable)
        action.setMenuRole(command.role)
        action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        action.triggered.connect(lambda _checked=False, c=command: self._run(c))
        self._commands[command.id] = command
        self._actions[command.id] = action
        self._owner.addAction(action)
        self._apply_shortcuts(command.id)
        self._dress_one(command.id)
        return action

    def add_all(self, commands: Iterable[Command]) -> None:
        for command in commands:
            self.add(command)

    def _run(self, command: Command) -> None:
        self.ran.emit(command.id)
        command.run()

    def action(self, command_id: str) -> QAction:
        return self._actions[command_id]

    def command(self, command_id: str) -> Command:
        return self._commands[command_id]

    def commands(self) -> tuple[Command, ...]:
        return tuple(self._commands.values())

    def shortcuts(self, command_id: str) -> tuple[str, ...]:
        """The key sequences in use, as portable text."""
        return self._overrides.get(command_id, self._commands[command_id].shortcuts)

    def set_overrides(self, overrides: Mapping[str, tuple[str, ...]]) -> None:
        self._overrides = dict(overrides)
        for command_id in self._commands:
            self._apply_shortcuts(command_id)

    def owner_of(self, shortcut: str) -> str | None:
        """The command that ``shortcut`` (portable text) triggers now."""
        wanted = QKeySequence(shortcut)
        for command_id in self._commands:
            if any(QKeySequence(text) == wanted for text in self.shortcuts(command_id)):
                return command_id
        return None

    def _apply_shortcuts(self, command_id: str) -> None:
        action = self._actions[command_id]
        action.setShortcuts([QKeySequence(text) for text in self.shortcuts(command_id)])
        plain = plain_text(self._commands[command_id].text)
        hint = self._commands[command_id].hint
        shortcut = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        tip = f"{plain} ({shortcut})" if shortcut else plain
        action.setToolTip(f"{tip}\n{hint}" if hint else tip)

    def _dress(self) -> None:
        for command_id in self._commands:
            self._dress_one(command_id)

    def _dress_one(self, command_id: str) -> None:
        icon = self._commands[command_id].icon
        if icon:
            self._actions[command_id].setIcon(self._theme.icons.get(icon))

    def fill_menu_bar(self, bar: QMenuBar, titles: Mapping[Menu, str]) -> dict[Menu, QMenu]:
        """Menus with every command, a separator between groups."""
        menus: dict[Menu, QMenu] = {}
        for menu, title in titles.items():
            widget = bar.addMenu(title)
            widget.setToolTipsVisible(False)
            menus[menu] = widget
            members = [c for c in self._commands.values() if c.menu is menu]
            last: int | None = None
            for command in sorted(members, key=lambda c: c.group):
                if last is not None and command.group != last:
                    widget.addSeparator()
                last = command.group
                widget.addAction(self._actions[command.id])
        return menus


def plain_text(text: str) -> str:
    """A menu text without its mnemonic mark and dots."""
    return text.replace("&&", "\0").replace("&", "").replace("\0", "&").removesuffix("…")
