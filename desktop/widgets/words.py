"""Words that depend on a number, and errors as sentences."""

from __future__ import annotations

from core.errors import Error


def counted(count: int, one: str, many: str) -> str:
    """``one`` for 1, else ``many`` with its ``%n`` replaced; both are translated already."""
    return one if count == 1 else many.replace("%n", str(count))


def begun(text: str) -> str:
    """``text`` as the start of a sentence; a host or a path keeps its spelling."""
    if text.partition(" ")[0].isalpha():
        return f"{text[:1].upper()}{text[1:]}"
    return text


def sentence(problem: Error) -> str:
    """An error and its way out as whole sentences."""
    text = begun(str(problem).strip())
    if text and text[-1] not in ".!?":
        text += "."
    return f"{text} {problem.hint}".strip()
