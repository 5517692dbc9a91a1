"""How well a few typed letters fit a name."""

from __future__ import annotations

_SEPARATORS = " -_/.:@"


def score(query: str, text: str) -> float | None:
    """Higher is better; None when the letters of ``query`` do not occur in order in ``text``.

    Letters at the start of a word and runs of letters count more, long texts a little less.
    """
    if not query:
        return 0.0
    low_query, low_text = query.casefold(), text.casefold()
    whole = low_text.find(low_query)
    if whole >= 0:
        start = whole == 0 or low_text[whole - 1] in _SEPARATORS
        return 100 + (20 if start else 0) - whole * 0.1 - len(text) * 0.01
    total, position, previous = 0.0, 0, -2
    for letter in low_query:
        if letter == " ":
            continue
        found = low_text.find(letter, position)
        if found < 0:
            return None
        total += 1.0
        if found == previous + 1:
            total += 2.0
        if found == 0 or low_text[found - 1] in _SEPARATORS:
            total += 3.0
        total -= (found - position) * 0.05
        previous, position = found, found + 1
    return total - len(text) * 0.01
