"""What was open: read at the start, written at the end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QSize, QTimer

from core.errors import Error
from desktop.settings.paths import state_folder
from desktop.settings.session import Session, load_session, save_session

if TYPE_CHECKING:
    from desktop.window.main_window import MainWindow


class SessionKeeper:
    """Files, carets, layout and the recent list of one window."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._path = state_folder() / "session.json"
        self._first_start = True

    async def restore(self, argument: Path | None, *, sample: Callable[[], Path]) -> None:
        """Open what was asked for, what was open, or the sample; then what was not saved."""
        window, session = self._window, load_session(self._path)
        window.recent = session.recent
        self._first_start = session.first_start
        state = dict(session.layout)
        if "geometry" in state:
            window.restoreGeometry(QByteArray.fromBase64(state["geometry"].encode()))
        _keep_on_screen(window)
        # Once more when the build bar has wrapped: before that it asks for more width.
        QTimer.singleShot(0, window, lambda: _keep_on_screen(window))
        window.workbench.restore_layout(session.layout)
        if argument is not None:
            await window.open_path(argument)
        elif session.first_start or not (session.files or session.folder):
            await window.open_sample(sample)
        elif window.context.settings.value.reopen_files:
            await self._reopen(session)
        entries = await window.context.tasks.in_thread(window.context.journal.entries)
        for key, unsaved in entries:
            await window.workbench.documents.recover(key, unsaved)
        self._first_start = False
        self.save()

    async def _reopen(self, session: Session) -> None:
        window = self._window
        documents = window.workbench.documents
        if session.folder and Path(session.folder).is_dir():
            window.set_folder(Path(session.folder))
        for file in session.files:
            if Path(file.path).is_file():
                try:
                    tab = await documents.open(Path(file.path), focus=False)
                except Error as problem:
                    window.context.notices.error(problem)
                    continue
                documents.restore(file, tab)
        current = documents.by_path(Path(session.current or "/"))
        if current is not None:
            documents.setCurrentWidget(current)
            current.editor.setFocus()

    def save(self) -> None:
        window = self._window
        tab = window.workbench.documents.current()
        geometry = bytes(window.saveGeometry().toBase64().data()).decode()
        save_session(
            self._path,
            Session(
                folder=str(window.folder or ""),
                files=window.workbench.documents.session(),
                current=str(tab.path) if tab is not None and tab.path else "",
                page=window.page,
                recent=window.recent,
                layout=(("geometry", geometry), *window.workbench.layout_state()),
                first_start=self._first_start,
            ),
        )


def _keep_on_screen(window: MainWindow) -> None:
    """The last session's screen may have been larger, or this one is scaled."""
    room = window.screen().availableGeometry()
    if room.contains(window.geometry()) or window.isMaximized() or window.isFullScreen():
        return
    title = window.geometry().top() - window.frameGeometry().top()
    window.resize(window.size().boundedTo(room.size() - QSize(0, title)))
    corner = room.bottomRight() - window.rect().bottomRight()
    place = window.geometry().topLeft()
    window.move(
        max(room.left(), min(place.x(), corner.x())),
        max(room.top(), min(place.y(), corner.y()) - title),
    )
