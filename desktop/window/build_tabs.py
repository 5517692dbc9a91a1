"""The strip of builds above the panels: waiting, running and ended ones, and recorded ones."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QTabBar, QWidget

from desktop.builds import BuildSession, BuildStatus
from desktop.theme import Theme

_LOOKS = {
    BuildStatus.QUEUED: ("waiting", "waiting"),
    BuildStatus.RUNNING: ("running", "running"),
    BuildStatus.DONE: ("done", "done"),
    BuildStatus.FAILED: ("failed", "failed"),
    BuildStatus.CANCELLED: ("cancelled", "cancelled"),
}


class BuildTabs(QTabBar):
    """One tab a build, hidden while there is none. Del and a click on the cross ask to close."""

    chosen = Signal(object)
    close_requested = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._sessions: list[BuildSession] = []
        self.setObjectName("builds")
        self.setAccessibleName(self.tr("Builds"))
        self.setDocumentMode(True)
        self.setDrawBase(False)
        self.setExpanding(False)
        self.setTabsClosable(True)
        self.setUsesScrollButtons(True)
        self.setElideMode(Qt.TextElideMode.ElideMiddle)
        self.currentChanged.connect(self._current_changed)
        self.tabCloseRequested.connect(lambda n: self.close_requested.emit(self._sessions[n]))
        theme.changed.connect(self._dress)
        self.hide()

    @property
    def sessions(self) -> tuple[BuildSession, ...]:
        """In the order of the strip."""
        return tuple(self._sessions)

    def current(self) -> BuildSession | None:
        index = self.currentIndex()
        return self._sessions[index] if 0 <= index < len(self._sessions) else None

    def add(self, session: BuildSession) -> None:
        """At the end, without choosing it. One that is there already stays where it is."""
        if session in self._sessions:
            return
        with QSignalBlocker(self):
            self._sessions.append(session)
            index = self.addTab(session.request.title.replace("&", "&&"))
            button = self.tabButton(index, QTabBar.ButtonPosition.RightSide)
            if button is not None:
                name = self.tr("Close the build %1").replace("%1", session.request.title)
                button.setAccessibleName(name)
        session.status_changed.connect(self._dress)
        session.changed.connect(self._counted)
        self._dress()
        self.show()

    def select(self, session: BuildSession) -> None:
        """Bring it to the front without saying so."""
        with QSignalBlocker(self):
            self.setCurrentIndex(self._sessions.index(session))

    def remove(self, session: BuildSession) -> None:
        """Its neighbour becomes the current one, without saying so."""
        if session not in self._sessions:
            return
        session.status_changed.disconnect(self._dress)
        session.changed.disconnect(self._counted)
        index = self._sessions.index(session)
        with QSignalBlocker(self):
            del self._sessions[index]
            self.removeTab(index)
        self.setVisible(bool(self._sessions))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        current = self.current()
        if event.key() == Qt.Key.Key_Delete and current is not None:
            self.close_requested.emit(current)
            return
        super().keyPressEvent(event)

    def _current_changed(self, index: int) -> None:
        if 0 <= index < len(self._sessions):
            self.chosen.emit(self._sessions[index])

    def _counted(self, _status: object) -> None:
        """Tooltips are asked for rarely; only that of the tab in front is kept up to date."""
        current = self.current()
        if current is not None:
            self.setTabToolTip(self.currentIndex(), self._tip(current))

    def _dress(self) -> None:
        for n, session in enumerate(self._sessions):
            self.setTabIcon(n, self._theme.icons.get(*_LOOKS[session.status]))
            self.setTabToolTip(n, self._tip(session))
            word = self._word(session.status)
            self.setAccessibleTabName(n, f"{session.request.title}, {word}")

    def _word(self, status: BuildStatus) -> str:
        match status:
            case BuildStatus.QUEUED:
                return self.tr("waits")
            case BuildStatus.RUNNING:
                return self.tr("is being built")
            case BuildStatus.DONE:
                return self.tr("built")
            case BuildStatus.FAILED:
                return self.tr("failed")
            case BuildStatus.CANCELLED:
                return self.tr("cancelled")

    def _tip(self, session: BuildSession) -> str:
        done, total = session.counts()
        request = session.request
        lines = [
            f"{request.title}: {self._word(session.status)}",
            ", ".join(request.platforms),
            str(request.dockerfile),
        ]
        if total:
            steps = self.tr("%1 of %2 steps").replace("%1", str(done)).replace("%2", str(total))
            lines.insert(1, steps)
        return "\n".join(line for line in lines if line)
