from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from core.client import credentials as store
from core.errors import AuthenticationError, BuilderError
from desktop.building.credentials import WindowCredentials
from desktop.building.sign_in import SignIn, SignInDialog, ask_sign_in
from desktop.tasks import Tasks
from desktop.widgets.words import sentence

pytestmark = pytest.mark.qt_log_ignore("does not support propagateSizeHints", extend=True)


@pytest.fixture
def parent(qtbot: QtBot) -> QWidget:
    parent = QWidget()
    qtbot.addWidget(parent)
    return parent


def field(parent: QWidget, name: str) -> QLineEdit:
    found = parent.findChild(QLineEdit, name)
    assert found is not None
    return found


def test_what_was_typed_comes_back(
    parent: QWidget, tasks: Tasks, until: Callable[[Callable[[], object]], None]
) -> None:
    task = tasks.start(ask_sign_in(parent, "reg:5000"), name="ask")
    until(lambda: parent.findChild(SignInDialog))
    QTest.keyClicks(field(parent, "user"), "me")
    QTest.keyClicks(field(parent, "secret"), "s3cret")
    QTest.keyClick(field(parent, "secret"), Qt.Key.Key_Return)
    until(task.done)
    assert task.result() == SignIn(host="reg:5000", username="me", secret="s3cret")


def test_leaving_the_dialog_is_no_answer(
    parent: QWidget, tasks: Tasks, until: Callable[[Callable[[], object]], None]
) -> None:
    task = tasks.start(ask_sign_in(parent, "reg:5000"), name="ask")
    until(lambda: parent.findChild(SignInDialog))
    QTest.keyClick(field(parent, "user"), Qt.Key.Key_Escape)
    until(task.done)
    assert task.result() is None


def test_the_secret_is_not_shown(parent: QWidget) -> None:
    dialog = SignInDialog("", parent=parent)
    assert field(dialog, "secret").echoMode() is QLineEdit.EchoMode.Password


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The keyring as a dictionary; "locked" in it makes every call fail."""
    kept: dict[str, str] = {}

    def call(operation: str, _service: str, host: str, *rest: str) -> Any:
        if "locked" in kept:
            raise store.KeyringUnavailableError("the keyring is locked")
        match operation:
            case "set_password":
                kept[host] = rest[0]
            case "delete_password":
                kept.pop(host)
            case _:
                return kept.get(host)
        return None

    monkeypatch.setattr(store, "_with_keyring", call)
    return kept


def test_credentials_go_to_the_keyring(run: Callable[..., Any], keyring: dict[str, str]) -> None:
    credentials = WindowCredentials()
    assert run(credentials.take("reg", "me", "x", keep=True)) == ""
    assert "x" in keyring["reg"]
    found = run(credentials.find("reg"))
    assert (found.username, found.secret, found.origin) == ("me", "x", "keyring")
    assert run(credentials.forget("reg"))
    assert run(credentials.find("reg")) is None


def test_without_a_keyring_they_hold_until_the_window_closes(
    run: Callable[..., Any], keyring: dict[str, str]
) -> None:
    keyring["locked"] = ""
    credentials = WindowCredentials()
    assert run(credentials.take("reg", "me", "x", keep=True)) == "the keyring is locked"
    assert run(credentials.find("reg")).origin == "this session"
    assert run(credentials.forget("reg"))
    assert run(WindowCredentials().find("reg")) is None


def test_not_keeping_writes_nothing(run: Callable[..., Any], keyring: dict[str, str]) -> None:
    credentials = WindowCredentials()
    run(credentials.take("reg", "me", "x", keep=False))
    assert keyring == {}
    assert run(credentials.find("reg")).secret == "x"


def test_an_error_and_its_hint_are_two_sentences() -> None:
    problem = BuilderError("the socket is not there", hint="Start Docker.")
    assert sentence(problem) == "The socket is not there. Start Docker."
    refused = AuthenticationError("localhost:5000 refuses", phrase="no basic auth")
    assert sentence(refused) == "localhost:5000 refuses [no basic auth]."
