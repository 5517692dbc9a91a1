"""What remains of a task group's errors."""

from __future__ import annotations

from core.errors import NotFoundError
from core.errors.groups import single


def test_the_first_error_is_taken_out_of_nested_groups() -> None:
    first, second = NotFoundError("one"), NotFoundError("two")
    group = BaseExceptionGroup("", [BaseExceptionGroup("", [first]), second])
    assert single(group) is first


def test_a_bug_comes_before_an_error() -> None:
    bug = KeyError("x")
    assert single(BaseExceptionGroup("", [NotFoundError("one"), bug])) is bug
