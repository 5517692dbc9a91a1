"""The History page: every build that the builder remembers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from desktop.panels.history import HistoryPage

if TYPE_CHECKING:
    from desktop.window.main_window import MainWindow


def make(window: MainWindow) -> QWidget:
    context = window.context
    page = HistoryPage(context.theme, context.selection, engine=context.engine, tasks=context.tasks)
    page.open_requested.connect(window.open_recorded_build)
    page.rebuild_requested.connect(window.builds.start)
    return page
