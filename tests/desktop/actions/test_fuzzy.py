from __future__ import annotations

from desktop.actions.fuzzy import score


def best(query: str, *texts: str) -> str:
    scored = [(value, text) for text in texts if (value := score(query, text)) is not None]
    return max(scored)[1]


def test_letters_must_occur_in_order() -> None:
    assert score("bp", "Build & Push") is not None
    assert score("pb", "Build & Push") is None


def test_starts_of_words_win_over_letters_inside() -> None:
    assert best("bp", "Build & Push", "Bump") == "Build & Push"


def test_a_whole_match_wins_over_scattered_letters() -> None:
    assert best("log", "Build Log", "Large or Green") == "Build Log"


def test_an_empty_query_takes_everything() -> None:
    assert score("", "x") == 0
