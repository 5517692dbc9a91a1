"""Did you mean: the nearest of some known words."""

from __future__ import annotations

from collections.abc import Iterable

#: A word this many edits away is another word.
_TOO_FAR = 3


def suggest(word: str, options: Iterable[str], *, case_sensitive: bool = True) -> str:
    """The option at most two edits away, the first of the alphabet among equals, or nothing.

    Empty also when ``word`` is itself an option. Without ``case_sensitive`` the answer takes the
    case of ``word`` if that is all upper or all lower.
    """
    wanted = word if case_sensitive else word.lower()
    best, best_distance = "", _TOO_FAR
    for option in sorted(options):
        candidate = option if case_sensitive else option.lower()
        if candidate == wanted:
            return ""
        distance = _distance(wanted, candidate, best_distance)
        if distance < best_distance:
            best, best_distance = candidate, distance
    if not best or case_sensitive:
        return best
    return best.upper() if word == word.upper() != word.lower() else best


def did_you_mean(word: str, options: Iterable[str], *, case_sensitive: bool = True) -> str:
    """`` (did you mean X?)`` with the leading blank, or nothing."""
    found = suggest(word, options, case_sensitive=case_sensitive)
    return f" (did you mean {found}?)" if found else ""


def _distance(a: str, b: str, limit: int) -> int:
    """Levenshtein's distance, or ``limit`` if it is no less."""
    if abs(len(a) - len(b)) >= limit:
        return limit
    row = list(range(len(b) + 1))
    for i, char in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            cost = min(row[j] + 1, row[j - 1] + 1, diagonal + (char != other))
            diagonal, row[j] = row[j], cost
        if min(row) >= limit:
            return limit
    return min(row[-1], limit)
