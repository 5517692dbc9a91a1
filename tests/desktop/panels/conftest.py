from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QApplication, QWidget

from core.progress import raw_json
from core.progress.codec import timestamp
from core.wire.pb import control_pb2
from desktop.models.history import summary
from desktop.models.history_replay import RecordedBuild, moment
from desktop.selection import Selection
from desktop.theme import ColourScheme, Theme

RECORDINGS = Path(__file__).parent.parent / "recordings"
Record = Callable[..., RecordedBuild]


@pytest.fixture
def theme(qapp: QApplication) -> Theme:
    """Not installed: dressing the application takes longer than most of these tests."""
    return Theme(ColourScheme.LIGHT)


@pytest.fixture
def selection(qapp: QApplication) -> Selection:
    return Selection()


@pytest.fixture
def recorded(qapp: QApplication) -> Iterator[Record]:
    """A recorded build of dockerd, at its end."""
    made: list[RecordedBuild] = []

    def recorded(name: str, ref: str = "") -> RecordedBuild:
        lines = (RECORDINGS / f"dockerd20-{name}.jsonl").read_text().splitlines()
        events = tuple(raw_json.loads(line) for line in lines)
        times = [t for t in (moment(e) for e in events) if t]
        record = control_pb2.BuildHistoryRecord(
            Ref=ref or name, title=f"team/{name}", state="failed" if name == "fail" else "done",
            CreatedAt=timestamp(min(times)), CompletedAt=timestamp(max(times)),
        )  # fmt: skip
        record.FrontendAttrs["platform"] = "linux/amd64,linux/386"
        source = (RECORDINGS / "Dockerfile.fail").read_text()
        made.append(RecordedBuild(summary(record), events, source_text=source))
        return made[-1]

    yield recorded
    for build in made:
        build.close()
        build.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def shown() -> Iterator[Callable[[QWidget], QWidget]]:
    """Show a widget for the length of the test."""
    widgets: list[QWidget] = []

    def shown(widget: QWidget) -> QWidget:
        widget.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
        widget.resize(900, 600)
        widget.show()
        QApplication.processEvents()
        widgets.append(widget)
        return widget

    yield shown
    for widget in widgets:
        widget.hide()
        widget.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
