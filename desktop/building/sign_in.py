"""Asking for a registry's credentials."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from desktop.widgets.form import label


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """What was typed. ``keep`` asks for the keyring."""

    host: str
    username: str
    secret: str
    keep: bool = True


class SignInDialog(QDialog):
    """Opened with ``open``; the answer comes through ``ask``'s future."""

    def __init__(
        self, host: str, *, reason: str = "", username: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Sign In to a Registry"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(440)
        self._host = QLineEdit(host)
        self._host.setObjectName("host")
        self._host.setPlaceholderText("registry.example.com")
        self._host.setReadOnly(bool(host))
        self._user = QLineEdit(username)
        self._user.setObjectName("user")
        self._user.setPlaceholderText(self.tr("leave empty for an identity token"))
        self._secret = QLineEdit()
        self._secret.setObjectName("secret")
        self._secret.setEchoMode(QLineEdit.EchoMode.Password)
        self._keep = QCheckBox(self.tr("Keep it in this computer's keyring"))
        self._keep.setChecked(True)
        form = QFormLayout()
        form.setVerticalSpacing(10)
        for text, field in (
            (self.tr("Registry"), self._host),
            (self.tr("User name"), self._user),
            (self.tr("Password or token"), self._secret),
        ):
            field.setAccessibleName(text)
            form.addRow(text, field)
        form.addRow("", self._keep)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self._ok = buttons.button(QDialogButtonBox.StandardButton.Ok)
        self._ok.setText(self.tr("Sign In"))
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        box = QVBoxLayout(self)
        box.setSpacing(12)
        if reason:
            box.addWidget(label(reason, "error", wrap=True))
        box.addLayout(form)
        box.addWidget(buttons)
        for field in (self._host, self._secret):
            field.textChanged.connect(lambda _text: self._check())
        self._check()
        (self._host if not host else self._secret if username else self._user).setFocus()

    def _check(self) -> None:
        self._ok.setEnabled(bool(self._host.text().strip() and self._secret.text()))

    def answer(self) -> SignIn:
        return SignIn(
            host=self._host.text().strip(),
            username=self._user.text().strip(),
            secret=self._secret.text(),
            keep=self._keep.isChecked(),
        )


async def ask_sign_in(
    parent: QWidget, host: str, *, reason: str = "", username: str = ""
) -> SignIn | None:
    """None when the user left the dialog."""
    answer: asyncio.Future[SignIn | None] = asyncio.get_running_loop().create_future()
    dialog = SignInDialog(host, reason=reason, username=username, parent=parent)

    def finished(result: int) -> None:
        if not answer.done():
            answer.set_result(dialog.answer() if result else None)

    dialog.finished.connect(finished)
    dialog.open()
    return await answer
