"""What is selected, shared by the editor, the graph, the timeline and the log."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from core.errors import LineRange


class Selection(QObject):
    """One selection for all views.

    Every change carries its ``origin`` (the view that made it), so that a view can ignore its own.
    ``vertex`` is a vertex digest while a build is shown, a plan step's id before; "" is nothing.
    """

    vertex_changed = Signal(str, object)
    lines_changed = Signal(object, object)
    platform_changed = Signal(str, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.vertex = ""
        self.lines: LineRange | None = None
        self.platform = ""

    def set_vertex(self, vertex: str, origin: object = None) -> None:
        if vertex != self.vertex:
            self.vertex = vertex
            self.vertex_changed.emit(vertex, origin)

    def set_lines(self, lines: LineRange | None, origin: object = None) -> None:
        if lines != self.lines:
            self.lines = lines
            self.lines_changed.emit(lines, origin)

    def set_platform(self, platform: str, origin: object = None) -> None:
        if platform != self.platform:
            self.platform = platform
            self.platform_changed.emit(platform, origin)
