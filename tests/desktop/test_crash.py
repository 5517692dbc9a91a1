from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QPlainTextEdit, QWidget
from pytestqt.qtbot import QtBot

from desktop.crash import CrashGuard, CrashLog, diagnostics, redact

pytestmark = pytest.mark.qt_log_ignore("does not support propagateSizeHints", extend=True)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("password=hunter2 next", "password=… next"),
        ('"token": "abc.def"', '"token": "…"'),
        ("https://me:pw@reg.example.com/v2", "https://…@reg.example.com/v2"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_secrets_are_blanked(text: str, kept: str) -> None:
    assert redact(text) == kept


def test_a_fault_is_written_down_and_shown(qtbot: QtBot, tmp_path: Path) -> None:
    log = CrashLog(tmp_path / "faults.log")
    parent = QWidget()
    qtbot.addWidget(parent)
    guard = CrashGuard(log, lambda: parent)
    try:
        raise ZeroDivisionError("token=abc")
    except ZeroDivisionError as problem:
        guard.report(problem)
    shown = parent.findChild(QPlainTextEdit)
    assert shown is not None
    assert "ZeroDivisionError" in shown.toPlainText()
    assert "abc" not in shown.toPlainText()
    assert "ZeroDivisionError" in (tmp_path / "faults.log").read_text()
    log.close()


def test_a_large_log_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "faults.log"
    path.write_text("x" * 600_000)
    log = CrashLog(path)
    log.write("new")
    log.close()
    assert path.stat().st_size < 100
    assert (tmp_path / "faults.old.log").exists()


def test_diagnostics_name_versions(qapp: QApplication) -> None:
    text = diagnostics()
    assert "Viaduct" in text
    assert "Qt" in text
