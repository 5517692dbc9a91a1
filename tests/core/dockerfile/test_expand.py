"""Word expansion."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.dockerfile.expand import errors_at, expand_word, expand_words
from core.errors import DockerfileError, LineRange

GENERATED = settings(max_examples=150, deadline=None, derandomize=True, database=None)

ENV = {"a": "1", "e": "", "path": "x/y/z.tar.gz", "d": "$a"}


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("${a}${n}${e}", "1"),
        ("${n:-w$a}${e-x}${e:-x}", "w1x"),
        ("${a:+y}${e+y}${e:+z}", "yy"),
        ("${path##*/}", "z.tar.gz"),
        ("${path#*/}", "y/z.tar.gz"),
        ("${path%.*}", "x/y/z.tar"),
        ("${path%%.*}", "x/y/z"),
        ("${path/\\//-}", "x-y/z.tar.gz"),
        ("${path//\\//-}", "x-y-z.tar.gz"),
        ("${path//*/-}", "-"),
        ("${path//?/$}", "$" * 12),
        ('\'$a\' "$a" \\$a "\\$a" "\\x"', "$a 1 $a $a \\x"),
        ("$. $ ${a}b", "$. $ 1b"),
        ("${path#\\*}", "x/y/z.tar.gz"),
    ],
)
def test_words_expand(word: str, expected: str) -> None:
    assert expand_word(word, ENV).text == expected


@pytest.mark.parametrize(
    ("word", "phrase"),
    [
        ("${a", "unsupported modifier"),
        ("${", "syntax error: missing '}'"),
        ("${}", "syntax error: bad substitution"),
        ("${a:-b", "syntax error: missing '}'"),
        ("${a:#b}", "unsupported modifier (:#) in substitution"),
        ("${n:?say $a}", "n: say 1"),
        ("${e:?}", "e: is not allowed to be empty"),
        ("${n?}", "n: is not allowed to be unset"),
        ("'a", "looking for matching single-quote"),
        ('"a', "looking for matching double-quote"),
        ("${a/b}", "syntax error: missing '/' in ${}"),
        ("${a#\\x}", "invalid escape"),
    ],
)
def test_words_that_mean_nothing_are_refused(word: str, phrase: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        expand_word(word, ENV)
    assert phrase in str(caught.value)


def test_variables_are_told_apart_by_whether_they_have_a_value() -> None:
    expansion = expand_word("$a ${n:-$d} ${n}", ENV)
    assert expansion.used == {"a", "d"}
    assert expansion.unmatched == {"n"}


def test_the_other_escape_character_escapes() -> None:
    assert expand_word("`$a \\$a", ENV, escape="`").text == "$a \\1"


def test_words_split_after_expansion_but_not_in_quotes() -> None:
    assert expand_words("a $p \"$p\" 'x y'", {"p": "b c"}) == ["a", "b", "c", "b c", "x y"]


def test_unset_variables_and_quotes_can_be_kept() -> None:
    assert expand_word("$n ${n:-x} $a", ENV, keep_unset=True).text == "$n ${n:-x} 1"
    assert expand_word("'$a' \"$a\"", ENV, keep_quotes=True).text == "'1' \"1\""
    assert expand_word("'x' \"y\"", ENV, raw_quotes=True).text == "'x' \"y\""


def test_deep_nesting_is_an_error_with_a_range() -> None:
    for depth in (1000, 100_000):
        word = "${a:-" * depth + "}" * depth
        with pytest.raises(DockerfileError) as caught, errors_at([LineRange(3, 4)]):
            expand_word(word, {})
        assert caught.value.lines == [3, 4]
        assert "deep" in caught.value.message
    assert expand_word("${n:-" * 90 + "x" + "}" * 90, {}).text == "x"


def test_many_stars_take_no_longer_than_the_text() -> None:
    pattern = "*a" * 200 + "b"
    assert expand_word("${v#" + pattern + "}", {"v": "a" * 2000}).text == "a" * 2000


@GENERATED
@given(st.text("ab$ {}:-+?#%/*'\"\\", max_size=40), st.sampled_from(["\\", "`"]))
def test_any_word_expands_or_raises_our_error(word: str, escape: str) -> None:
    env = {"a": "ab", "b": ""}
    try:
        whole = expand_word(word, env, escape=escape)
        words = expand_words(word, env, escape=escape)
    except DockerfileError:
        return
    assert all(words)
    if "${" not in word:  # a nested word drops what stood before it when words are split
        assert "".join(words).replace(" ", "") == whole.text.replace(" ", "")


@GENERATED
@given(st.text(max_size=30))
def test_a_single_quoted_text_is_itself(text: str) -> None:
    text = text.replace("'", "")
    assert expand_word(f"x'{text}'", {}).text == "x" + text
