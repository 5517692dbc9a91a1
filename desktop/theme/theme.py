"""The theme in use: which tokens, and when they change."""

from __future__ import annotations

from enum import Enum

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QStyleFactory

from desktop.theme.icons import Icons
from desktop.theme.palette import palette
from desktop.theme.style import style_sheet
from desktop.theme.tokens import DARK, LIGHT, Tokens


class ColourScheme(Enum):
    """What the user asked for."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


class Theme(QObject):
    """Holds the tokens in use and paints the application with them.

    ``changed`` is emitted after palette and style sheet are in place: a widget that draws itself
    calls ``update()``, one that keeps icons asks for them again.
    """

    changed = Signal()

    def __init__(
        self, scheme: ColourScheme = ColourScheme.SYSTEM, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._scheme = scheme
        self.tokens: Tokens = LIGHT
        self.icons = Icons(LIGHT)
        self.tokens = self._wanted()
        self.icons = Icons(self.tokens)

    @property
    def scheme(self) -> ColourScheme:
        return self._scheme

    def install(self) -> None:
        """Dress the application and follow the system from now on."""
        app = _application()
        app.setStyle(QStyleFactory.create("Fusion"))
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._system_changed)
        self._apply()

    def set_scheme(self, scheme: ColourScheme) -> None:
        self._scheme = scheme
        self._refresh()

    def _wanted(self) -> Tokens:
        match self._scheme:
            case ColourScheme.LIGHT:
                return LIGHT
            case ColourScheme.DARK:
                return DARK
            case ColourScheme.SYSTEM:
                dark = QGuiApplication.styleHints().colorScheme() is Qt.ColorScheme.Dark
                return DARK if dark else LIGHT

    def _system_changed(self, _scheme: Qt.ColorScheme) -> None:
        if self._scheme is ColourScheme.SYSTEM:
            self._refresh()

    def _refresh(self) -> None:
        wanted = self._wanted()
        if wanted is not self.tokens:
            self.tokens = wanted
            self.icons = Icons(wanted)
            self._apply()
            self.changed.emit()

    def _apply(self) -> None:
        app = _application()
        app.setPalette(palette(self.tokens))
        app.setStyleSheet(style_sheet(self.tokens))


def _application() -> QApplication:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    return app
