"""Faults of this program: kept on disk, shown with a way to report them, never swallowed."""

from __future__ import annotations

import faulthandler
import platform
import re
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler, qVersion
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QDialogButtonBox,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from core.version import VERSION
from desktop.settings.paths import state_folder
from desktop.widgets.form import label

if TYPE_CHECKING:
    from desktop.engine import Engine

_KEPT_BYTES = 512 * 1024
_SECRETS = re.compile(
    r"(?i)(password|passwd|secret|token|authorization|auth)(\"?\s*[=:]\s*\"?)([^\s\",}]+)"
)
_IN_URL = re.compile(r"(https?://)[^/\s:@]+:[^/\s@]+@")


def redact(text: str) -> str:
    """Blank out what looks like a secret."""
    return _IN_URL.sub(r"\1…@", _SECRETS.sub(r"\1\2…", text))


class CrashLog:
    """The file that faults go to; the one before is kept once it has grown large."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > _KEPT_BYTES:
            path.replace(path.with_suffix(".old.log"))
        self._file: TextIO = path.open("a", encoding="utf-8")

    def write(self, text: str) -> None:
        self._file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {redact(text)}\n")
        self._file.flush()

    @property
    def stream(self) -> TextIO:
        return self._file

    def close(self) -> None:
        self._file.close()


class CrashDialog(QDialog):
    """What happened, to be copied; the window stays open behind it."""

    def __init__(self, details: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Viaduct made a mistake"))
        self.resize(720, 440)
        text = QPlainTextEdit(details)
        text.setReadOnly(True)
        text.setAccessibleName(self.tr("Details"))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        copy = buttons.addButton(self.tr("Copy Details"), QDialogButtonBox.ButtonRole.ActionRole)
        copy.clicked.connect(lambda: QApplication.clipboard().setText(details))
        buttons.rejected.connect(self.reject)
        box = QVBoxLayout(self)
        box.addWidget(
            label(
                self.tr(
                    "This is a fault of the program, not of your Dockerfile. Your text is kept and"
                    " running builds go on. Please report what stands below."
                ),
                wrap=True,
            )
        )
        box.addWidget(text, 1)
        box.addWidget(buttons)


class CrashGuard:
    """Hooks for everything that can go wrong unseen; ``install`` and ``remove`` once each."""

    def __init__(self, log: CrashLog, parent: Callable[[], QWidget | None]) -> None:
        self._log = log
        self._parent = parent
        self._dialog: CrashDialog | None = None

    def install(self) -> None:
        faulthandler.enable(self._log.stream)
        sys.excepthook = self._exception
        threading.excepthook = lambda args: self._record(
            args.exc_value or RuntimeError(str(args.exc_type))
        )
        qInstallMessageHandler(self._qt_message)

    def remove(self) -> None:
        faulthandler.disable()
        sys.excepthook = sys.__excepthook__
        threading.excepthook = threading.__excepthook__
        qInstallMessageHandler(None)

    def _exception(
        self,
        kind: type[BaseException],
        problem: BaseException,
        trace: TracebackType | None,
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            QApplication.quit()
            return
        self.report(problem)

    def _record(self, problem: BaseException) -> str:
        text = "".join(traceback.format_exception(problem))
        self._log.write(text)
        return text

    def report(self, problem: BaseException) -> None:
        """Write it down and show it, one dialog at a time."""
        text = self._record(problem)
        sys.stderr.write(text)
        if self._dialog is not None and self._dialog.isVisible():
            return
        self._dialog = CrashDialog(redact(text), self._parent())
        self._dialog.open()

    def _qt_message(self, kind: QtMsgType, where: QMessageLogContext, text: str) -> None:
        if kind is QtMsgType.QtDebugMsg:
            return
        self._log.write(f"Qt {kind.name}: {text}")
        if kind is not QtMsgType.QtInfoMsg:
            sys.stderr.write(f"{text}\n")


def diagnostics(engine: Engine | None = None) -> str:
    """Versions, the builder's state and the end of the fault log, without secrets."""
    log = state_folder() / "faults.log"
    try:
        tail = log.read_text(encoding="utf-8", errors="replace")[-8000:]
    except OSError:
        tail = ""
    lines = [
        f"Viaduct {VERSION}",
        f"Python {platform.python_version()}, Qt {qVersion()}",
        f"{platform.system()} {platform.release()} {platform.machine()}",
        f"Platform plugin {QApplication.platformName()}",
    ]
    if engine is not None:
        lines.append(f"Builder {engine.name}: {engine.state.value} {engine.problem or ''}".rstrip())
        lines += [
            f"  {name}: {state.mode.value} {state.detail}".rstrip()
            for name, state in engine.platforms.items()
        ]
    return redact("\n".join([*lines, "", tail]).strip())
