"""The window's own icons: SVG files of one stroke colour, painted in a token's colour.

A file says ``currentColor``; it is replaced before rendering, so one file serves every theme.
"""

from __future__ import annotations

import functools
from importlib import resources

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QIconEngine, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from desktop.theme.tokens import Tokens


@functools.cache
def svg_source(name: str) -> str:
    """The text of ``resources/icons/NAME.svg``; FileNotFoundError when there is none."""
    return (resources.files("resources") / "icons" / f"{name}.svg").read_text(encoding="utf-8")


def icon_names() -> tuple[str, ...]:
    """Every icon there is, sorted."""
    folder = resources.files("resources") / "icons"
    return tuple(sorted(f.name[:-4] for f in folder.iterdir() if f.name.endswith(".svg")))


class _Engine(QIconEngine):
    """Renders at any size and scale factor; dims when disabled."""

    def __init__(self, name: str, colour: str, disabled: str) -> None:
        super().__init__()
        self._name = name
        self._colour = colour
        self._disabled = disabled

    def clone(self) -> QIconEngine:
        return _Engine(self._name, self._colour, self._disabled)

    def paint(self, painter: QPainter, rect, mode: QIcon.Mode, state: QIcon.State) -> None:  # type: ignore[no-untyped-def]
        colour = self._disabled if mode is QIcon.Mode.Disabled else self._colour
        _renderer(self._name, colour).render(painter, QRectF(rect))

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        return self.scaledPixmap(size, mode, state, 1.0)

    def scaledPixmap(
        self, size: QSize, mode: QIcon.Mode, state: QIcon.State, scale: float
    ) -> QPixmap:
        pixmap = QPixmap(size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        colour = self._disabled if mode is QIcon.Mode.Disabled else self._colour
        _renderer(self._name, colour).render(painter, QRectF(0, 0, size.width(), size.height()))
        painter.end()
        return pixmap


@functools.cache
def _renderer(name: str, colour: str) -> QSvgRenderer:
    data = svg_source(name).replace("currentColor", colour).encode()
    return QSvgRenderer(QByteArray(data))


class Icons:
    """Icons in the colours of one set of tokens. ``Theme.icons`` is always the current one."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._cache: dict[tuple[str, str], QIcon] = {}

    def get(self, name: str, role: str = "text_muted") -> QIcon:
        """The icon ``name`` in the colour of the token ``role`` ("text", "failed", ...)."""
        key = (name, role)
        if key not in self._cache:
            svg_source(name)
            self._cache[key] = QIcon(
                _Engine(name, getattr(self._tokens, role), self._tokens.text_disabled)
            )
        return self._cache[key]

    def paint(self, painter: QPainter, rect: QRectF, name: str, colour: str) -> None:
        """Paint into ``rect`` at once, for views that draw themselves."""
        _renderer(name, colour).render(painter, rect)


def application_icon() -> QPixmap:
    """The application's own icon, 256 pixels."""
    data = (resources.files("resources") / "viaduct.svg").read_bytes()
    pixmap = QPixmap(256, 256)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    QSvgRenderer(QByteArray(data)).render(painter)
    painter.end()
    return pixmap
