"""One error out of those that a task group collects."""

from __future__ import annotations

from core.errors.tree import Error


def single(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error to go on with: a bug before an ``Error``, else the first ``Error``.

    For ``except BaseExceptionGroup as group: raise single(group) from group``. Up to Python 3.11.3
    an error raised in an ``except*`` clause is wrapped in a group again
    (https://github.com/python/cpython/issues/103590), so that such a clause cannot be used for it.
    """
    leaves: list[BaseException] = []
    pending: list[BaseException] = [group]
    while pending:
        error = pending.pop(0)
        if isinstance(error, BaseExceptionGroup):
            pending[:0] = error.exceptions
        else:
            leaves.append(error)
    return next((error for error in leaves if not isinstance(error, Error)), leaves[0])
