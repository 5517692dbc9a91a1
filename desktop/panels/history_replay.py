"""The bar that moves a recorded build in time."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLabel, QSlider, QToolButton, QWidget

from desktop.models.graph_words import duration_text
from desktop.models.history_replay import SPEEDS, RecordedBuild
from desktop.theme.theme import Theme

_STEPS = 10_000


class ReplayBar(QFrame):
    """Hidden unless a recorded build is shown."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "bar")
        self._theme = theme
        self._build: RecordedBuild | None = None
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 4, 8, 4)
        row.setSpacing(6)
        self._start = QToolButton(self)
        self._start.setAccessibleName(self.tr("Back to the start"))
        self._start.setToolTip(self._start.accessibleName())
        self._play = QToolButton(self)
        self._play.setAccessibleName(self.tr("Play"))
        self._slider = QSlider(Qt.Orientation.Horizontal, self)
        self._slider.setRange(0, _STEPS)
        self._slider.setPageStep(_STEPS // 20)
        self._slider.setAccessibleName(self.tr("Moment of the build"))
        self._time = QLabel(self)
        self._time.setProperty("role", "muted")
        self._speed = QComboBox(self)
        self._speed.setAccessibleName(self.tr("Speed"))
        for speed in SPEEDS:
            self._speed.addItem(f"{speed:g}×", speed)
        self._speed.setCurrentIndex(SPEEDS.index(1.0))
        for widget in (self._start, self._play):
            row.addWidget(widget)
        row.addWidget(self._slider, 1)
        row.addWidget(self._time)
        row.addWidget(self._speed)
        self._start.clicked.connect(lambda: self._go(0))
        self._play.clicked.connect(self._toggle)
        self._slider.valueChanged.connect(self._go)
        self._speed.currentIndexChanged.connect(lambda _: self._set_speed())
        theme.changed.connect(self._moved)
        self.hide()

    def set_build(self, build: object) -> None:
        """Steer ``build`` if it is a recorded one."""
        if build is self._build:
            return
        if self._build is not None:
            self._build.pause()
            self._build.moved.disconnect(self._moved)
        self._build = build if isinstance(build, RecordedBuild) else None
        self.setVisible(self._build is not None)
        if self._build is not None:
            self._build.moved.connect(self._moved)
            self._set_speed()
            self._moved()

    def _set_speed(self) -> None:
        if self._build is not None:
            self._build.speed = float(self._speed.currentData())

    def _toggle(self) -> None:
        if self._build is None:
            return
        if self._build.playing:
            self._build.pause()
        else:
            self._build.play()

    def _go(self, value: int) -> None:
        if self._build is not None:
            self._build.seek_seconds(self._build.length * value / _STEPS)

    def _moved(self) -> None:
        build = self._build
        self._start.setIcon(self._theme.icons.get("chevron-left"))
        playing = build is not None and build.playing
        self._play.setIcon(self._theme.icons.get("minus" if playing else "play"))
        words = self.tr("Pause") if playing else self.tr("Play")
        self._play.setAccessibleName(words)
        self._play.setToolTip(words)
        if build is None:
            return
        share = build.position / build.length if build.length else 1.0
        blocked = self._slider.blockSignals(True)
        self._slider.setValue(round(share * _STEPS))
        self._slider.blockSignals(blocked)
        self._time.setText(f"{duration_text(build.position)} / {duration_text(build.length)}")
