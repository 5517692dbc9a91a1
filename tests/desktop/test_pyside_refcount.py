"""PySide6 6.12.0 on CPython 3.10 and 3.11 dropped a reference of None on every void call."""

from __future__ import annotations

import sys

from PySide6.QtCore import QRect
from PySide6.QtWidgets import QApplication


def test_a_void_call_keeps_the_reference_count_of_none(qapp: QApplication) -> None:
    rect = QRect()
    before = sys.getrefcount(None)
    for n in range(5000):
        rect.moveTo(n, n)
    assert abs(sys.getrefcount(None) - before) < 1000
