from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "VIADUCT_HOME")}
    return subprocess.run(
        [sys.executable, "-m", "desktop.app", *words], cwd=ROOT, env=kept | environment,
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_no_screen_is_a_sentence_with_ways_out() -> None:
    done = run()
    assert done.returncode == 1
    assert "no screen" in done.stderr
    assert "viaduct build" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_version_needs_no_screen() -> None:
    done = run("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("viaduct-desktop ")


def test_a_word_about_use_needs_no_screen() -> None:
    assert "FILE | FOLDER" in run("--help").stdout


def test_a_python_without_qt_is_told_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "PySide6.py").write_text("raise ModuleNotFoundError('PySide6')\n")
    done = run(DISPLAY=":1", PYTHONPATH=str(tmp_path) + os.pathsep + str(ROOT))
    assert done.returncode == 1
    assert "PySide6" in done.stderr
    assert "./run" in done.stderr
    assert "Traceback" not in done.stderr
