"""Words that depend on a number, and errors as sentences."""

from __future__ import annotations

from core.errors import Error


def counted(count: int, one: str, many: str) -> str:
    """``one`` for 1, else ``many`` with its ``%n`` replaced; both are translated already."""
    return one if count == 1 else many.replace("%n", str(count))


def sentence(problem: Error) -> str:
    """An error and its way out as whole sentences."""
    text = str(problem).strip()
    # A host or a path at the start keeps its spelling.
    if text.partition(" ")[0].isalpha():
        text = f"{text[:1].upper()}{text[1:]}"
    if text and text[-1] not in ".!?":
        text += "."
    return f"{text} {problem.hint}".strip()
