"""One open file: the text area, the find bar, a notice, and what the analysis says about it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.dockerfile.commands import Program
from core.errors import Error, LineRange
from core.lint.findings import Finding
from desktop.editor.analysis import Analysis
from desktop.editor.code_editor import CodeEditor
from desktop.editor.completer import Completer
from desktop.editor.completion import Completions, Surroundings, complete
from desktop.editor.files import TextFile, is_dockerfile, read_text_file, write_text_file
from desktop.editor.find_bar import FindBar
from desktop.editor.gutter import Mark
from desktop.editor.highlighter import Highlighter
from desktop.editor.hover import hover_text
from desktop.editor.offsets import Offsets
from desktop.settings.session import Journal, Unsaved
from desktop.settings.settings import Settings
from desktop.tasks import Tasks
from desktop.theme import Theme
from desktop.widgets.banner import Banner

_JOURNAL_PAUSE = 400


class EditorTab(QWidget):
    """Text, file and findings of one document.

    ``path`` is None for a document that was never saved; ``key`` names it in the journal.
    """

    text_changed = Signal()
    modified_changed = Signal(bool)
    caret_moved = Signal(int, int)
    analysis_changed = Signal()
    go_to_definition = Signal(int)

    def __init__(
        self,
        *,
        path: Path | None,
        file: TextFile,
        key: str,
        theme: Theme,
        tasks: Tasks,
        journal: Journal,
        settings: Settings,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.path = path
        self.key = key
        self.file = file
        self.analysis: Analysis | None = None
        self.platforms: tuple[str, ...] = settings.platforms
        self.build_args: Mapping[str, str] = {}
        self.images: tuple[str, ...] = ()
        self._program: Program | None = None
        self._theme = theme
        self._tasks = tasks
        self._journal = journal
        self._saved_text = file.text
        self._journalled = False

        self.editor = CodeEditor(theme)
        self.editor.setPlainText(file.text)
        self.editor.setReadOnly(file.read_only)
        self.editor.document().setModified(False)
        self.banner = Banner(theme)
        self.find_bar = FindBar(self.editor, theme)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addWidget(self.banner)
        box.addWidget(self.editor, 1)
        box.addWidget(self.find_bar)
        self.setFocusProxy(self.editor)

        self.is_dockerfile = path is None or is_dockerfile(path)
        if self.is_dockerfile:
            self._highlighter = Highlighter(self.editor.document(), theme)
            self._completer: Completer | None = Completer(self.editor, theme, self._complete)
            self.editor.set_hover(self._hover)
            self.editor.control_clicked.connect(self.go_to_definition)
        else:
            self._completer = None
        self.apply_settings(settings)
        self._journal_timer = QTimer(self)
        self._journal_timer.setSingleShot(True)
        self._journal_timer.setInterval(_JOURNAL_PAUSE)
        self._journal_timer.timeout.connect(self._write_journal)
        self.editor.textChanged.connect(self._changed)
        self.editor.document().modificationChanged.connect(self.modified_changed)
        self.editor.caret_moved.connect(self.caret_moved)
        if file.read_only:
            self.banner.show_notice(self.tr("This file is read-only. Use Save As to keep changes."))

    @property
    def title(self) -> str:
        return self.path.name if self.path is not None else self.tr("Untitled")

    @property
    def folder(self) -> Path | None:
        return self.path.parent if self.path is not None else None

    @property
    def modified(self) -> bool:
        return self.editor.document().isModified()

    @property
    def program(self) -> Program | None:
        """The last version of the text that parsed."""
        return self._program

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self.analysis.findings if self.analysis is not None else ()

    def apply_settings(self, settings: Settings) -> None:
        self.editor.set_font(settings.font_family, settings.font_size, settings.tab_width)
        self.editor.set_show_whitespace(settings.show_whitespace)
        mode = (
            CodeEditor.LineWrapMode.WidgetWidth
            if settings.word_wrap
            else CodeEditor.LineWrapMode.NoWrap
        )
        self.editor.setLineWrapMode(mode)

    # What the analysis says

    def set_analysis(self, analysis: Analysis) -> None:
        self.analysis = analysis
        if analysis.program is not None:
            self._program = analysis.program
        squiggles: list[tuple[int, int, str]] = []
        marks: dict[int, Mark] = {}
        for finding in analysis.findings:
            role = finding.severity.value
            end = max(finding.span.end, finding.span.start + 1)
            squiggles.append((finding.span.start, end, role))
            squiggles += [(r.span.start, r.span.end, role) for r in finding.related]
            line = finding.range.start
            weight = finding.severity.rank + 1
            if line not in marks or marks[line].weight < weight:
                marks[line] = Mark(icon=role, role=role, text=finding.message, weight=weight)
        self.editor.set_squiggles(squiggles)
        self.editor.gutter.set_finding_marks(marks)
        self.analysis_changed.emit()

    def show_lines(self, lines: LineRange | None) -> None:
        """Point at lines that another view selected."""
        self.editor.set_highlighted_lines((lines.start, lines.end) if lines else None)
        if lines is not None:
            self.editor.go_to(lines.start)

    def findings_at_caret(self) -> tuple[Finding, ...]:
        """Those under the caret, or else those of its line."""
        offset = self.editor.offset()
        here = [f for f in self.findings if f.span.start <= offset <= f.span.end]
        if not here:
            line = self.editor.textCursor().blockNumber() + 1
            here = [f for f in self.findings if f.range.start <= line <= f.range.end]
        return tuple(here)

    def _hover(self, offset: int) -> str:
        current = self.analysis is not None and self.analysis.question.text == self.editor.text()
        return hover_text(
            self._program if current else None,
            self.findings if current else (),
            offset,
            Offsets(self.editor.text()),
            self.platforms,
            self.build_args,
        )

    def _complete(self, offset: int) -> Completions:
        around = Surroundings(folder=self.folder, images=self.images)
        return complete(self.editor.text(), offset, around)

    def complete_now(self) -> None:
        if self._completer is not None:
            self._completer.open()

    # The file

    def _changed(self) -> None:
        self._journal_timer.start()
        self.text_changed.emit()

    def _write_journal(self) -> None:
        if not self.modified:
            if self._journalled:
                self._journalled = False
                self._tasks.submit(self._journal.forget, self.key)
            return
        self._journalled = True
        unsaved = Unsaved(
            path=str(self.path or ""),
            title=self.title,
            text=self.editor.text(),
            base=self.file.digest,
            caret=self.editor.textCursor().position(),
        )
        self._tasks.submit(self._journal.write, self.key, unsaved)

    def recover(self, unsaved: Unsaved) -> None:
        """Put text of the journal over the file's; the undo of the editor takes it away again."""
        self.editor.replace_all(unsaved.text)
        notice = self.tr("Unsaved text of the last session was recovered.")
        if unsaved.base != self.file.digest:
            notice = self.tr(
                "Unsaved text of the last session was recovered. The file changed on disk since."
            )
        self.banner.show_notice(
            notice, actions=((self.tr("Use the File on Disk"), self.revert),), kind="banner-warning"
        )

    async def save(self, path: Path | None = None) -> None:
        """Write the text; errors of the disk are raised."""
        target = path or self.path
        assert target is not None
        text = self.editor.text()
        written = await self._tasks.in_thread(write_text_file, target, text, self.file)
        self.path = target
        self.file = written
        self._saved_text = text
        self.banner.hide()
        if self.editor.text() == text:
            self.editor.document().setModified(False)
        self._journalled = False
        self._journal_timer.stop()
        await self._tasks.in_thread(self._journal.forget, self.key)
        self.key = str(target)

    def discard(self) -> None:
        """Forget the journal of this document."""
        self._journal_timer.stop()
        self._tasks.submit(self._journal.forget, self.key)

    def revert(self) -> None:
        """Back to what is on disk, as one step of undo."""
        if self.path is not None:
            self._tasks.start(self._reload(), name="reload")

    async def changed_on_disk(self) -> None:
        """Called when the watcher saw the file change."""
        if self.path is None:
            return
        try:
            fresh = await self._tasks.in_thread(read_text_file, self.path)
        except Error:
            self.banner.show_notice(
                self.tr("This file is no longer on disk. Save it to keep it."),
                kind="banner-warning",
            )
            self.editor.document().setModified(True)
            return
        if fresh.digest == self.file.digest:
            return
        if not self.modified:
            self._take(fresh)
            return
        self.banner.show_notice(
            self.tr("The file changed on disk, and here too."),
            actions=(
                (self.tr("Use the File on Disk"), self.revert),
                (self.tr("Keep Mine"), lambda: self._keep(fresh)),
            ),
            kind="banner-warning",
        )

    def _keep(self, fresh: TextFile) -> None:
        self.file = fresh
        self.banner.hide()

    async def _reload(self) -> None:
        assert self.path is not None
        self._take(await self._tasks.in_thread(read_text_file, self.path))

    def _take(self, fresh: TextFile) -> None:
        self.file = fresh
        self._saved_text = fresh.text
        self.editor.replace_all(fresh.text)
        self.editor.document().setModified(False)
        self.banner.hide()
