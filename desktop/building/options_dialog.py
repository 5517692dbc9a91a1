"""The options of a build that do not fit into the bar."""

from __future__ import annotations

import dataclasses

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from core.client.secret_sources import parse_secret
from core.errors import Error
from desktop.building.request import BuildRequest, OutputKind, parse_pairs
from desktop.widgets.form import label, row


class OptionsDialog(QDialog):
    """Edits a BuildRequest; ``accepted_request`` carries the new one."""

    accepted_request = Signal(object)

    def __init__(self, request: BuildRequest, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._request = request
        self.setWindowTitle(self.tr("Build Options"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(620, 520)
        self._build_args = self._lines(
            "\n".join(f"{k}={v}" for k, v in request.build_args.items()), "VERSION=1.2.3"
        )
        self._labels = self._lines(
            "\n".join(f"{k}={v}" for k, v in request.labels.items()),
            "org.opencontainers.image.source=https://example.com/app",
        )
        self._secrets = self._lines("\n".join(request.secrets), "id=token,src=token.txt")
        self._ssh = QLineEdit(" ".join(request.ssh))
        self._ssh.setPlaceholderText("default")
        self._no_cache = QCheckBox(self.tr("Run every step again (no cache)"))
        self._no_cache.setChecked(request.no_cache)
        self._no_cache_stages = QLineEdit(" ".join(request.no_cache_stages))
        self._no_cache_stages.setPlaceholderText(self.tr("stage names, separated by blanks"))
        self._no_cache.toggled.connect(self._no_cache_stages.setDisabled)
        self._no_cache_stages.setDisabled(request.no_cache)
        self._pull = QCheckBox(self.tr("Look for newer base images"))
        self._pull.setChecked(request.pull)
        self._network = QComboBox()
        for value, text in (
            ("", self.tr("default")),
            ("none", self.tr("none")),
            ("host", self.tr("the builder's own")),
        ):
            self._network.addItem(text, value)
        self._network.setCurrentIndex(max(0, self._network.findData(request.network)))
        self._cache_from = self._lines("\n".join(request.cache_from), "type=registry,ref=...")
        self._cache_to = self._lines("\n".join(request.cache_to), "type=inline")
        self._output = QComboBox()
        for kind, text in (
            (OutputKind.STORE, self.tr("Local image store")),
            (OutputKind.OCI, self.tr("OCI archive (.tar)")),
            (OutputKind.DOCKER, self.tr("Docker archive (.tar)")),
            (OutputKind.FOLDER, self.tr("Files in a folder")),
            (OutputKind.TAR, self.tr("Files in a tar")),
            (OutputKind.NOTHING, self.tr("Nowhere (try it only)")),
        ):
            self._output.addItem(text, kind)
        self._output.setCurrentIndex(self._output.findData(request.output))
        self._path = QLineEdit(request.output_path)
        self._browse = QPushButton(self.tr("Choose…"))
        self._browse.clicked.connect(self._choose_path)
        self._output.currentIndexChanged.connect(lambda _index: self._output_changed())
        self._error = label("", "error", wrap=True)
        self._arrange()
        self._output_changed()

    def _lines(self, text: str, example: str) -> QPlainTextEdit:
        field = QPlainTextEdit(text)
        field.setProperty("role", "field")
        field.setPlaceholderText(example)
        field.setTabChangesFocus(True)
        field.setMaximumHeight(110)
        return field

    def _arrange(self) -> None:
        tabs = QTabWidget()
        tabs.setDocumentMode(True)
        tabs.setAccessibleName(self.tr("Groups of options"))
        tabs.addTab(
            self._form(
                (self.tr("Build arguments, one KEY=VALUE a line"), self._build_args),
                (self.tr("Labels, one KEY=VALUE a line"), self._labels),
                (self.tr("Network of RUN steps"), self._network),
            ),
            self.tr("Arguments"),
        )
        tabs.addTab(
            self._form(
                (self.tr("Secrets, one a line"), self._secrets),
                (self.tr("ssh agents"), self._ssh),
            ),
            self.tr("Secrets"),
        )
        cache = self._form(
            ("", self._no_cache),
            (self.tr("Stages that must run again"), self._no_cache_stages),
            ("", self._pull),
            (self.tr("Import cache from, one a line"), self._cache_from),
            (self.tr("Export cache to, one a line"), self._cache_to),
        )
        tabs.addTab(cache, self.tr("Cache"))
        path = QWidget()
        path.setLayout(row(self._path, self._browse))
        tabs.addTab(
            self._form((self.tr("Result goes to"), self._output), (self.tr("Path"), path)),
            self.tr("Output"),
        )
        self._path.setAccessibleName(self.tr("Path of the output"))
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok
            | QDialogButtonBox.StandardButton.Cancel
            | QDialogButtonBox.StandardButton.Reset
        )
        buttons.accepted.connect(self._accept)
        buttons.rejected.connect(self.reject)
        reset = buttons.button(QDialogButtonBox.StandardButton.Reset)
        reset.clicked.connect(self._reset)
        box = QVBoxLayout(self)
        box.addWidget(tabs, 1)
        box.addWidget(self._error)
        box.addWidget(buttons)
        self._error.hide()

    def _form(self, *rows: tuple[str, QWidget]) -> QWidget:
        page = QWidget()
        form = QFormLayout(page)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapAllRows)
        form.setContentsMargins(12, 14, 12, 12)
        form.setVerticalSpacing(10)
        for text, field in rows:
            if text:
                caption = QLabel(text)
                caption.setBuddy(field)
                if not field.accessibleName():
                    field.setAccessibleName(text)
                form.addRow(caption, field)
            else:
                form.addRow(field)
        return page

    def _output_changed(self) -> None:
        kind = self._output.currentData()
        needs = kind not in (OutputKind.STORE, OutputKind.NOTHING)
        self._path.setEnabled(needs)
        self._browse.setEnabled(needs)

    def _choose_path(self) -> None:
        dialog = QFileDialog(self, self.tr("Output"))
        if self._output.currentData() is OutputKind.FOLDER:
            dialog.setFileMode(QFileDialog.FileMode.Directory)
        else:
            dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
            dialog.selectFile("image.tar")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self._path.setText)
        dialog.open()

    def _reset(self) -> None:
        for field in (self._build_args, self._labels, self._secrets, self._cache_from,
                      self._cache_to):  # fmt: skip
            field.clear()
        for line in (self._ssh, self._no_cache_stages, self._path):
            line.clear()
        self._no_cache.setChecked(False)
        self._pull.setChecked(False)
        self._network.setCurrentIndex(0)
        self._output.setCurrentIndex(0)

    def request(self) -> BuildRequest:
        """What the fields say; raises OptionError."""
        secrets = tuple(s for s in self._secrets.toPlainText().split("\n") if s.strip())
        for secret in secrets:
            parse_secret(secret)
        return dataclasses.replace(
            self._request,
            build_args=parse_pairs(self._build_args.toPlainText().split("\n")),
            labels=parse_pairs(self._labels.toPlainText().split("\n")),
            secrets=secrets,
            ssh=tuple(self._ssh.text().split()),
            no_cache=self._no_cache.isChecked(),
            no_cache_stages=tuple(self._no_cache_stages.text().replace(",", " ").split()),
            pull=self._pull.isChecked(),
            network=str(self._network.currentData()),
            cache_from=tuple(t for t in self._cache_from.toPlainText().split("\n") if t.strip()),
            cache_to=tuple(t for t in self._cache_to.toPlainText().split("\n") if t.strip()),
            output=self._output.currentData(),
            output_path=self._path.text().strip(),
        )

    def _accept(self) -> None:
        try:
            request = self.request()
            if self._path.isEnabled() and not request.output_path:
                self._say(self.tr("This output needs a path."))
                return
        except Error as problem:
            self._say(problem.message)
            return
        self.accepted_request.emit(request)
        self.accept()

    def _say(self, text: str) -> None:
        self._error.setText(text)
        self._error.show()
