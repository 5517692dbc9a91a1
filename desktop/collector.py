"""Garbage collection on the window's thread alone.

CPython collects cycles on whichever thread happens to allocate. A Qt object that is part of a
cycle would then be destroyed off the window's thread, with its timers and children: Qt warns
("Timers cannot be stopped from another thread") and may crash. So the automatic collection is
switched off and done here, between events, the oldest generation at most four times a minute.
"""

from __future__ import annotations

import gc
import time

from PySide6.QtCore import QObject, QTimer

_INTERVAL = 500
_FULL_SECONDS = 15.0


class Collector(QObject):
    """Begins with ``start``, gives the interpreter its own way back with ``stop``."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thresholds = gc.get_threshold()
        self._last_full = 0.0
        self._timer = QTimer(self)
        self._timer.setInterval(_INTERVAL)
        self._timer.timeout.connect(self.collect)

    def start(self) -> None:
        gc.collect()
        # What exists now lives as long as the program: no need to walk it again.
        gc.freeze()
        gc.disable()
        self._timer.start()

    def stop(self) -> None:
        self._timer.stop()
        gc.unfreeze()
        gc.enable()

    def collect(self) -> None:
        """The generation that is due."""
        young, middle, old = gc.get_count()
        limits = self._thresholds
        now = time.monotonic()
        if old > limits[2] and now - self._last_full > _FULL_SECONDS:
            self._last_full = now
            gc.collect(2)
        elif middle > limits[1]:
            gc.collect(1)
        elif young > limits[0]:
            gc.collect(0)
