"""A shell in an image or in the state that a failed step left: a terminal dialog.

Line based: what is typed is sent with Return, what comes back is shown as text. Programs that
paint the whole screen want a real terminal: ``viaduct run`` gives one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from PySide6.QtGui import QCloseEvent, QFontDatabase, QTextCursor
from PySide6.QtWidgets import QDialog, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from core.errors import Error
from core.wire.pb import engine_pb2
from core.wire.rpc import open_stream
from core.wire.services import Engine as EngineCalls
from desktop.widgets.form import label
from desktop.widgets.words import sentence

if TYPE_CHECKING:
    from desktop.window.main_window import MainWindow

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|\r")
_MOST_LINES = 5000


class ShellDialog(QDialog):
    """Output above, a line to type in below."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.resize(820, 520)
        font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        self._output = QPlainTextEdit()
        self._output.setReadOnly(True)
        self._output.setFont(font)
        self._output.setMaximumBlockCount(_MOST_LINES)
        self._output.setAccessibleName(self.tr("Output"))
        self._line = QLineEdit()
        self._line.setFont(font)
        self._line.setPlaceholderText(self.tr("Type a command and press Return"))
        self._line.setAccessibleName(self.tr("Command"))
        self._line.returnPressed.connect(self._typed)
        self._state = label(self.tr("Starting…"), "muted")
        box = QVBoxLayout(self)
        box.addWidget(self._output, 1)
        box.addWidget(self._line)
        box.addWidget(self._state)
        self._line.setFocus()
        self._stream: Any = None
        self._tasks: Any = None
        self._closed = False

    async def serve(self, window: MainWindow, start: engine_pb2.RunStart) -> None:
        """Run until the program ends or the dialog is closed."""
        self._tasks = window.context.tasks
        builder = await window.context.engine.builder()
        try:
            async with builder.session(window.context.engine.services()) as session:
                start.session = session
                async with open_stream(builder.channel, EngineCalls.RUN) as stream:
                    self._stream = stream
                    await stream.send_message(engine_pb2.RunInput(start=start))
                    self._state.setText(self.tr("Running"))
                    async for message in stream:
                        if message.HasField("exit_code"):
                            self._ended(message.exit_code)
                            break
                        self._show(message.stdout or message.stderr)
        except Error as problem:
            self._state.setText(sentence(problem))
        finally:
            self._stream = None
            self._line.setEnabled(False)

    def _ended(self, code: int) -> None:
        self._state.setText(self.tr("Ended with status %1").replace("%1", str(code)))

    def _show(self, data: bytes) -> None:
        cursor = self._output.textCursor()
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.insertText(_CONTROL.sub("", data.decode(errors="replace")))
        self._output.setTextCursor(cursor)

    def _typed(self) -> None:
        text = self._line.text()
        self._line.clear()
        stream = self._stream
        if stream is not None:
            self._show(f"$ {text}\n".encode())
            self._tasks.start(
                stream.send_message(engine_pb2.RunInput(stdin=f"{text}\n".encode())),
                name="shell input",
            )

    def closeEvent(self, event: QCloseEvent) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            self._tasks.start(
                stream.send_message(engine_pb2.RunInput(end_of_input=True)), name="shell end"
            )
        super().closeEvent(event)


async def open_image_shell(window: MainWindow, image: str) -> None:
    """``/bin/sh`` in an image of the local store."""
    await _open(
        window,
        window.tr("Shell in %1").replace("%1", image),
        engine_pb2.RunStart(image=image, args=["/bin/sh"], entrypoint_set=True),
    )


async def open_step_shell(window: MainWindow, ref: str, vertex: str) -> None:
    """``/bin/sh`` in what a failed step left."""
    await _open(
        window,
        window.tr("Shell in the failed step"),
        engine_pb2.RunStart(ref=ref, vertex=vertex, args=["/bin/sh"]),
    )


async def _open(window: MainWindow, title: str, start: engine_pb2.RunStart) -> None:
    dialog = ShellDialog(title, window)
    dialog.show()
    await dialog.serve(window, start)
