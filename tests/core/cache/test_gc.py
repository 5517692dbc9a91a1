"""Policies and pruning."""

from __future__ import annotations

import pytest

from core.cache.database import Database
from core.cache.downloads import Downloads
from core.cache.gc import Policy, Pruner, choose, default_policies
from core.cache.holds import Holds
from core.cache.keys import KeyStore
from core.cache.layers import LayerRecords, RecordKind
from core.cache.mounts import CacheMounts
from core.cache.results import ResultStore, StoredResult
from core.cache.stats import StatCache
from core.cache.usage import UsageRecord, by_kind

MB = 10**6


def record(name, *, size=10 * MB, used=0, **more) -> UsageRecord:
    values = {
        "kind": RecordKind.REGULAR,
        "created": 0,
        "uses": 1,
        "description": "",
        "step": "",
        **more,
    }
    return UsageRecord(id=name, size=size, last_used=used, **values)


def names(records) -> list[str]:
    return [item.id for item in records]


def test_the_least_recently_used_go_until_the_limit_is_met() -> None:
    records = [record(name, used=number) for number, name in enumerate("abcd")]
    assert names(choose(records, [Policy(max_used=25 * MB)], free=0, now=100)) == ["a", "b"]


def test_a_layer_stays_while_one_above_it_stays() -> None:
    records = [
        record("base", used=1),
        record("top", used=2, parents=("base",)),
        record("z", used=3),
    ]
    assert names(choose(records, [Policy(max_used=20 * MB)], free=0, now=9)) == ["top"]
    assert names(choose(records, [Policy(max_used=10 * MB)], free=0, now=9)) == ["top", "base"]


def test_what_is_in_use_stays_and_so_does_what_it_lies_on() -> None:
    records = [record("base"), record("top", parents=("base",), in_use=True), record("z")]
    assert names(choose(records, [Policy()], free=0, now=9)) == ["z"]


def test_recently_used_records_stay() -> None:
    records = [record("old", used=10), record("new", used=95)]
    assert names(choose(records, [Policy(keep_for=10)], free=0, now=100)) == ["old"]


def test_a_policy_of_kinds_leaves_other_kinds() -> None:
    records = [record("l", kind=RecordKind.LOCAL_SOURCE), record("r")]
    policy = Policy(kinds=frozenset({RecordKind.LOCAL_SOURCE}))
    assert names(choose(records, [policy], free=0, now=9)) == ["l"]


def test_internal_records_go_only_when_everything_may() -> None:
    records = [record("i", kind=RecordKind.INTERNAL)]
    assert names(choose(records, [Policy()], free=0, now=9)) == []
    assert names(choose(records, [Policy(everything=True)], free=0, now=9)) == ["i"]


def test_a_shortage_of_free_space_counts_and_the_reserve_is_kept() -> None:
    records = [record(name, used=number) for number, name in enumerate("abcd")]
    short = Policy(min_free=30 * MB)
    assert names(choose(records, [short], free=10 * MB, now=9)) == ["a", "b"]
    assert names(choose(records, [short], free=30 * MB, now=9)) == []
    reserve = Policy(min_free=90 * MB, reserved=30 * MB)
    assert names(choose(records, [reserve], free=0, now=9)) == ["a"]


def test_default_policies_leave_a_small_cache_alone() -> None:
    records = [record(name, used=10**18) for name in "abcd"]
    policies = default_policies(500 * 10**9)
    assert choose(records, policies, free=400 * 10**9, now=10**18) == ()


@pytest.fixture
def cache(tmp_path):
    with Database(None) as database:
        holds, removed = Holds(), []
        pruner = Pruner(
            database,
            CacheMounts(database, tmp_path),
            remove_layer=removed.append,
            holds=holds,
            free=lambda: 0,
        )
        keys, results, layers = KeyStore(database), ResultStore(database), LayerRecords(database)
        for number, (name, stack) in enumerate(
            [("base", ("base",)), ("top", ("base", "top")), ("other", ("other",))]
        ):
            layers.add(name, size=MB, now=number)
            results.add(keys.add_root(name, 0), StoredResult(layers=stack))
        yield database, holds, removed, pruner


def test_pruning_deletes_layers_results_and_keys(cache) -> None:
    database, _, removed, pruner = cache
    assert names(pruner.preview([Policy()])) == ["top", "base", "other"]
    assert removed == []
    pruner.prune([Policy()])
    assert removed == ["top", "base", "other"]
    for table in ("keys", "links", "results", "result_layers", "key_results", "layers"):
        assert database.rows(f"SELECT * FROM {table}") == []


def test_pruning_spares_what_a_build_uses(cache) -> None:
    _, holds, removed, pruner = cache
    with holds.holding(("base", "top")):
        pruner.prune([Policy()])
    assert removed == ["other"]
    pruner.prune([Policy()])
    assert removed == ["other", "top", "base"]


def test_pruning_can_be_narrowed_to_some_records(cache) -> None:
    _, _, removed, pruner = cache
    pruner.prune([Policy()], only=["other"])
    assert removed == ["other"]


def test_pruning_forgets_notes_long_unused(cache) -> None:
    database, _, _, pruner = cache
    stats, downloads = StatCache(database), Downloads(database)
    stats.save("old", {"": {}}, now=1)
    stats.save("new", {"": {}})
    downloads.put("https://a", {})
    pruner.prune([])
    assert stats.load("old") == {}
    assert list(stats.load("new")) == [""]
    assert downloads.get("https://a") == {}


def test_a_layer_lost_from_disk_takes_its_results_along(cache) -> None:
    database, _, _, pruner = cache
    pruner.forget_layers(["base"])
    keys, results = KeyStore(database), ResultStore(database)
    assert keys.root("base", 0) is None
    assert keys.root("top", 0) is None
    other = keys.root("other", 0)
    assert other is not None
    assert results.has(other)


def test_usage_is_told_by_kind_and_shared_layers_are_marked(cache) -> None:
    _, _, _, pruner = cache
    records = {item.id: item for item in pruner.usage()}
    assert records["base"].shared
    assert records["top"].parents == ("base",)
    assert by_kind(records.values()) == {RecordKind.REGULAR: 3 * MB}


def test_a_layer_being_deleted_cannot_be_taken_and_a_taken_one_not_deleted() -> None:
    holds = Holds()
    with holds.condemning("a") as free:
        assert free
        assert not holds.take(("b", "a"))
        assert holds.current() == frozenset()
    assert holds.take(("a",))
    with holds.condemning("a") as free:
        assert not free
    holds.give_back(("a",))
    with holds.condemning("a") as free:
        assert free
