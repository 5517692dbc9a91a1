from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.progress.messages import SolveStatus, Vertex, VertexLog
from desktop.models.log_search import ERRORS, Search, compiled
from desktop.models.log_store import LineFilter, LineStore

SECOND = 10**9


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LineStore]:
    found = LineStore(tmp_path)
    yield found
    found.close()


def texts(store: LineStore) -> list[bytes]:
    return [store.line(n) for n in range(len(store))]


def test_a_line_may_come_in_pieces(store: LineStore) -> None:
    store.append("a", 1, b"one\ntw", 0)
    store.append("b", 1, b"other\n", 0)
    store.append("a", 1, b"o\nthree\n", 0)
    assert texts(store) == [b"one", b"other", b"two", b"three"]
    assert [store.info(n).vertex for n in range(4)] == ["a", "b", "a", "a"]


def test_the_last_line_counts_when_its_step_ends(store: LineStore) -> None:
    store.take(SolveStatus(logs=(VertexLog(vertex="a", data=b"no newline"),)))
    assert len(store) == 0
    assert store.partial("a") == b"no newline"
    store.take(SolveStatus(vertexes=(Vertex(digest="a", started=1, completed=2),)))
    assert texts(store) == [b"no newline"]


def test_two_streams_do_not_mix_within_a_line(store: LineStore) -> None:
    store.append("a", 1, b"out", 0)
    store.append("a", 2, b"err\n", 0)
    store.append("a", 1, b"put\n", 0)
    assert texts(store) == [b"err", b"output"]
    assert [store.info(n).stream for n in range(2)] == [2, 1]


def test_times_are_kept_to_a_fifth_of_a_second(store: LineStore) -> None:
    for n in range(10):
        store.append("a", 1, b"x\n", n * SECOND // 10)
    for n in range(10):
        assert 0 <= n * SECOND // 10 - store.info(n).time <= SECOND // 5


def test_lines_are_read_across_what_is_written_and_what_is_not(store: LineStore) -> None:
    many = b"".join(b"line %d\n" % n for n in range(60_000))
    store.append("a", 1, many, 0)
    store.append("a", 1, b"tail\n", 0)
    assert store.read(59_999, 60_001) == b"line 59999\ntail\n"
    assert store.line_at(store.start(777) + 2) == 777


def test_a_filter_shows_the_lines_of_its_vertices_and_grows(store: LineStore) -> None:
    store.append("a", 1, b"a0\na1\n", 0)
    store.append("b", 1, b"b0\n", 0)
    shown = LineFilter(store, frozenset({"a"}))
    store.append("b", 1, b"b1\n", 0)
    store.append("a", 1, b"a2\n", 0)
    assert len(shown) == 2
    shown.update()
    assert [store.line(shown.number(r)) for r in range(len(shown))] == [b"a0", b"a1", b"a2"]
    assert [shown.row(n) for n in range(5)] == [0, 1, 2, 2, 2]
    assert [n for n in range(5) if shown.has(n)] == [0, 1, 4]


def test_a_search_sees_through_colours_and_goes_round(store: LineStore) -> None:
    store.append("a", 1, b"fine\n\x1b[31mErr\x1b[0mor: no\nok\nan error again\n", 0)
    search = Search(store, compiled("error"))
    while search.step():
        pass
    shown = LineFilter(store)
    assert list(search.lines) == [1, 3]
    assert search.following(-1, shown) == 1
    assert search.following(1, shown) == 3
    assert search.following(3, shown) == 1
    assert search.preceding(1, shown) == 3


def test_a_search_goes_on_with_what_comes_later(store: LineStore) -> None:
    store.append("a", 1, b"x\n", 0)
    search = Search(store, ERRORS)
    assert not search.step()
    store.append("a", 1, b"fatal: y\n", 0)
    assert not search.finished
    search.step()
    assert list(search.lines) == [1]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.binary(max_size=12)), max_size=30))
def test_every_byte_that_was_printed_is_kept(chunks: list[tuple[str, bytes]]) -> None:
    store = LineStore()
    wanted: dict[str, bytes] = {}
    for n, (vertex, data) in enumerate(chunks):
        store.append(vertex, 1, data, n * SECOND)
        wanted[vertex] = wanted.get(vertex, b"") + data
    store.finish_all(0)
    for vertex, data in wanted.items():
        shown = LineFilter(store, frozenset({vertex}))
        found = b"".join(store.line(shown.number(r)) + b"\n" for r in range(len(shown)))
        assert found == data + (b"\n" if data and not data.endswith(b"\n") else b"")
    store.close()
