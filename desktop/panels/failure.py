"""What went wrong, where, and buttons that do something about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontDatabase, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from core.errors import OptionError
from core.oci.reference import parse_reference
from desktop.models.log_failure import Cause, Excerpt, Failure, Remedy, failure
from desktop.selection import Selection
from desktop.theme.theme import Theme
from desktop.widgets.flow import FlowLayout
from desktop.widgets.words import begun

if TYPE_CHECKING:
    from core.frontend.plan import Plan
    from desktop.builds import BuildSession

_SOURCE_LIMIT = 1 << 20


class FailurePanel(QWidget):
    """Empty unless the build failed; ``remedy_requested`` carries ``kind:argument``."""

    remedy_requested = Signal(str)

    def __init__(self, theme: Theme, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._selection = selection
        self._build: BuildSession | None = None
        self._failure: Failure | None = None
        frame = QFrame(self)
        frame.setProperty("role", "banner-failed")
        outer = QVBoxLayout(self)
        outer.setContentsMargins(8, 8, 8, 4)
        outer.addWidget(frame)
        box = QVBoxLayout(frame)
        box.setContentsMargins(12, 10, 12, 10)
        box.setSpacing(8)
        head = QHBoxLayout()
        head.setSpacing(8)
        self._icon = QLabel()
        head.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        words = QVBoxLayout()
        words.setSpacing(2)
        self._title = QLabel()
        self._title.setProperty("role", "heading")
        self._cause = QLabel()
        for label in (self._title, self._cause):
            label.setWordWrap(True)
            label.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextSelectableByMouse
                | Qt.TextInteractionFlag.TextSelectableByKeyboard
            )
            words.addWidget(label)
        head.addLayout(words, 1)
        box.addLayout(head)
        self._code = _Lines(theme, frame)
        self._output = _Lines(theme, frame)
        self._code.setAccessibleName(self.tr("Dockerfile lines"))
        self._output.setAccessibleName(self.tr("Last output"))
        sides = QHBoxLayout()
        sides.setSpacing(8)
        sides.addWidget(self._code, 1, Qt.AlignmentFlag.AlignTop)
        sides.addWidget(self._output, 1, Qt.AlignmentFlag.AlignTop)
        box.addLayout(sides)
        self._buttons = QWidget(frame)
        self._flow = FlowLayout(self._buttons, spacing=8)
        box.addWidget(self._buttons)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        theme.changed.connect(self._dress)
        self._dress()

    def set_plan(self, plan: Plan | None) -> None:
        """A plan cannot fail."""

    def set_build(self, build: BuildSession | None) -> None:
        """Speak of ``build`` when it failed."""
        if self._build is not None:
            self._build.status_changed.disconnect(self._status_changed)
        self._build = build
        if build is not None:
            build.status_changed.connect(self._status_changed)
        self._status_changed()

    @property
    def failure(self) -> Failure | None:
        return self._failure

    def _status_changed(self) -> None:
        build = self._build
        if build is None or build.status.value != "failed":
            self._failure = None
            return
        self._show(failure(build.state, build.error, _source(build), pushed_to=_pushed_to(build)))

    def _show(self, found: Failure) -> None:
        self._failure = found
        self._title.setText(self._title_words(found))
        self._cause.setText(self._cause_words(found))
        self._code.set_lines(found.excerpt)
        self._output.set_lines(
            tuple(Excerpt(number=0, text=text, marked=False) for text in found.output[-6:])
        )
        self._code.setVisible(bool(found.excerpt))
        self._output.setVisible(bool(found.output))
        for button in self._buttons.findChildren(QPushButton):
            button.deleteLater()
            self._flow.removeWidget(button)
        for number, (remedy, argument) in enumerate(found.remedies):
            button = QPushButton(self._remedy_words(remedy, argument), self._buttons)
            if number == 0:
                button.setProperty("role", "primary")
            action = f"{remedy.value}:{argument}" if argument else remedy.value
            button.clicked.connect(lambda _=False, a=action: self.remedy_requested.emit(a))
            self._flow.addWidget(button)
            button.show()
        self.setAccessibleName(f"{self._title.text()} {self._cause.text()}")

    def _dress(self) -> None:
        self._icon.setPixmap(self._theme.icons.get("failed", "failed").pixmap(20, 20))

    # Words

    def _title_words(self, found: Failure) -> str:
        where = ""
        if found.ranges:
            where = self.tr("Line {0}: ").format(found.ranges[0].start)
        step = found.step if len(found.step) < 90 else found.step[:89] + "…"
        if not step:
            return where + self.tr("The build failed")
        on = self.tr(" on {0}").format(found.platform) if found.platform else ""
        return where + self.tr("“{0}” failed{1}").format(step, on)

    def _cause_words(self, found: Failure) -> str:
        sentence = self._sentence(found)
        if sentence and sentence[-1] not in ".!?":
            sentence += "."
        if found.hint and found.hint not in sentence:
            sentence = f"{sentence} {found.hint}"
        return sentence

    def _sentence(self, f: Failure) -> str:
        if f.hint and f.message:
            # Whoever knows a way out has looked closer than what can be told from an exit status.
            return begun(f.message)
        subject = f.subject
        platform = f.platform or self.tr("this platform")
        match f.cause:
            case Cause.EXEC_FORMAT:
                what = f"“{subject}”" if subject else self.tr("A program of this step")
                return self.tr(
                    "{0} is not a program that can run for {1}: it is made for another "
                    "architecture, or no emulator for {1} is enabled."
                ).format(what, platform)
            case Cause.EMULATOR:
                name = f.interpreter or "QEMU"
                return self.tr(
                    "The emulator {0} crashed (signal {1}). The same step may work natively, "
                    "cross-compiled, or with a newer QEMU."
                ).format(name, subject or "?")
            case Cause.MEMORY:
                return self.tr("The step was killed, most likely because memory ran out.")
            case Cause.NOT_FOUND_IN_CONTEXT:
                return self.tr(
                    "“{0}” is not in the build context. It may be missing, misspelt, or excluded "
                    "by .dockerignore."
                ).format(subject)
            case Cause.CONTEXT_UNREADABLE:
                return self.tr("“{0}” in the build context may not be read.").format(subject)
            case Cause.COMMAND_NOT_FOUND:
                if not subject:
                    return self.tr("The shell did not find a command (status 127).")
                return self.tr("The command “{0}” is not in this image.").format(subject)
            case Cause.NOT_EXECUTABLE:
                return self.tr("A file was found but may not be executed (status 126).")
            case Cause.CREDENTIALS:
                return self.tr("{0} refused: credentials are missing or wrong.").format(subject)
            case Cause.NETWORK:
                return self.tr("A server could not be reached: {0}").format(f.message)
            case Cause.DISK_FULL:
                return self.tr("The disk is full. The Cache page can make room.")
            case Cause.EXIT_STATUS:
                return self.tr("The program ended with status {0}.").format(subject)
            case Cause.OTHER:
                return f.message

    def _remedy_words(self, remedy: Remedy, argument: str) -> str:
        match remedy:
            case Remedy.ENABLE_EMULATION:
                return self.tr("Emulation of {0}…").format(argument)
            case Remedy.SIGN_IN:
                return self.tr("Sign in to {0}…").format(argument)
            case Remedy.IGNORE_FILE:
                return self.tr("Add {0} to .dockerignore").format(argument)
            case Remedy.RETRY_WITHOUT_CACHE:
                return self.tr("Retry without cache from here")
            case Remedy.OPEN_SHELL:
                return self.tr("Open a shell in this step")
            case Remedy.RETRY:
                return self.tr("Retry")


def _pushed_to(build: BuildSession) -> tuple[str, ...]:
    """The hosts that the tags of a push name."""
    if not build.request.push:
        return ()
    try:
        return tuple(dict.fromkeys(parse_reference(tag).domain for tag in build.request.tags))
    except OptionError:
        return ()


def _source(build: BuildSession) -> str:
    """The Dockerfile of a build: what a record kept of it, else the file as it is now."""
    kept = getattr(build, "source_text", "")
    if kept:
        return str(kept)
    path = build.request.dockerfile
    try:
        if path.stat().st_size > _SOURCE_LIMIT:
            return ""
        return str(path.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return ""


class _Lines(QScrollArea):
    """A few monospaced lines, scrolled across when they are long."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._body = _LinesBody(theme)
        self.setWidget(self._body)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def set_lines(self, lines: tuple[Excerpt, ...]) -> None:
        self._body.set_lines(lines)
        self._body.resize(self._body.sizeHint().expandedTo(self.viewport().size()))
        height = self._body.sizeHint().height()
        self.setFixedHeight(height + self.horizontalScrollBar().sizeHint().height())
        self.setAccessibleDescription("\n".join(line.text for line in lines))

    def resizeEvent(self, event: object) -> None:
        self._body.resize(self._body.sizeHint().expandedTo(self.viewport().size()))


class _LinesBody(QWidget):
    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._lines: tuple[Excerpt, ...] = ()
        self._font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        self._metrics = QFontMetricsF(self._font)
        theme.changed.connect(self.update)

    def set_lines(self, lines: tuple[Excerpt, ...]) -> None:
        self._lines = lines
        self.updateGeometry()
        self.update()

    def _row(self) -> float:
        return self._metrics.height() + 3

    def _gutter(self) -> float:
        digits = len(str(max((line.number for line in self._lines), default=0)))
        shown = any(line.number for line in self._lines)
        return self._metrics.horizontalAdvance("0") * digits + 14 if shown else 0.0

    def sizeHint(self) -> QSize:
        widest = max((self._metrics.horizontalAdvance(x.text) for x in self._lines), default=0)
        return QSize(int(self._gutter() + widest + 20), int(self._row() * len(self._lines) + 8))

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = self._theme.tokens
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(tokens.surface))
        painter.setFont(self._font)
        gutter = self._gutter()
        y = 4.0
        for line in self._lines:
            if line.marked:
                painter.fillRect(
                    QRectF(0, y, self.width(), self._row()), QColor(tokens.failed_soft)
                )
                painter.fillRect(QRectF(0, y, 3, self._row()), QColor(tokens.failed))
            baseline = y + self._metrics.ascent() + 1
            if gutter:
                number = str(line.number)
                width = self._metrics.horizontalAdvance(number)
                painter.setPen(QColor(tokens.line_number))
                painter.drawText(QRectF(gutter - width - 6, y, width + 2, self._row()), number)
            painter.setPen(QColor(tokens.text))
            painter.drawText(int(gutter + 8), int(baseline), line.text.expandtabs(8))
            y += self._row()
        painter.end()
