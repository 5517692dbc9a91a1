"""Which pages there are; each is made when it is first shown."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget

if TYPE_CHECKING:
    from desktop.window.main_window import MainWindow


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSpec:
    """``module`` holds ``make(window)``; ``text`` is the untranslated title."""

    name: str
    text: str
    icon: str
    module: str
    bottom: bool = False

    def title(self) -> str:
        return QCoreApplication.translate("Pages", self.text)


PAGES = (
    PageSpec(name="history", text="History", icon="history", module="desktop.pages.history"),
    PageSpec(name="images", text="Images", icon="images", module="desktop.pages.images"),
    PageSpec(
        name="emulation", text="Emulation", icon="emulation", module="desktop.pages.emulation"
    ),
    PageSpec(
        name="registries", text="Registries", icon="registries", module="desktop.pages.registries"
    ),
    PageSpec(name="builders", text="Builders", icon="builders", module="desktop.pages.builders"),
    PageSpec(name="cache", text="Cache", icon="cache", module="desktop.pages.cache"),
    PageSpec(
        name="settings", text="Settings", icon="settings", module="desktop.pages.settings",
        bottom=True,
    ),
)  # fmt: skip


def make_page(spec: PageSpec, window: MainWindow) -> QWidget:
    page: QWidget = importlib.import_module(spec.module).make(window)
    return page
