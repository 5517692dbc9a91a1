"""Keys, results, layers, mounts, notes."""

from __future__ import annotations

import asyncio

import pytest

from core.cache.database import Database
from core.cache.downloads import Downloads
from core.cache.keys import KeyStore, Link
from core.cache.layers import BlobRecord, LayerRecords, RecordKind
from core.cache.mounts import CacheMounts, Sharing
from core.cache.results import ResultStore, StoredResult
from core.cache.stats import StatCache
from core.cache.steps import StepMemory


@pytest.fixture
def database():
    with Database(None) as opened:
        yield opened


def test_links_lead_from_an_input_to_the_operation(database) -> None:
    keys = KeyStore(database)
    base, made = keys.add_root("sha256:base", 0), keys.add()
    link = Link(input=0, digest="sha256:run", output=0)
    keys.connect(base, link, made)
    keys.connect(base, link, made)
    assert keys.follow(base, link) == (made,)
    assert keys.follow(base, Link(input=1, digest="sha256:run", output=0)) == ()
    assert keys.follow(base, Link(input=0, digest="sha256:run", output=0, selector="/x")) == ()


def test_a_root_key_is_one_for_a_digest_and_output(database) -> None:
    keys = KeyStore(database)
    assert keys.add_root("d", 0) == keys.add_root("d", 0)
    assert keys.add_root("d", 0) != keys.add_root("d", 1)


def test_the_newest_result_comes_first(database) -> None:
    results, key = ResultStore(database), KeyStore(database).add()
    old = results.add(key, StoredResult(layers=("a",), value="old"), now=1)
    new = results.add(key, StoredResult(layers=("a", "b"), value="new"), now=2)
    assert [record.id for record in results.find(key)] == [new.id, old.id]
    assert results.find(key)[0].stored == StoredResult(layers=("a", "b"), value="new")


def test_keys_without_results_go_with_all_that_led_there(database) -> None:
    keys, results = KeyStore(database), ResultStore(database)
    base, middle, top = keys.add_root("d", 0), keys.add(), keys.add()
    keys.connect(base, Link(input=0, digest="m", output=0), middle)
    keys.connect(middle, Link(input=0, digest="t", output=0), top)
    record = results.add(top, StoredResult())
    keys.forget_dead_ends([base, middle])
    assert keys.root("d", 0) == base
    keys.forget_dead_ends(results.remove(record.id))
    assert keys.root("d", 0) is None
    assert database.rows("SELECT * FROM links") == []


def test_layers_remember_blobs_and_chains_until_removed(database) -> None:
    layers = LayerRecords(database)
    blob = BlobRecord(variant="gzip", media_type="m", digest="sha256:x", size=3, diff_id="sha256:y")
    layers.add("l1", size=10, kind=RecordKind.REGULAR, description="RUN x", now=5)
    layers.set_blob("l1", blob)
    layers.set_chain("sha256:chain", "l1")
    layers.touch(["l1", "l1"], now=9)
    record = layers.get("l1")
    assert record is not None
    assert (record.uses, record.last_used, record.created) == (1, 9, 5)
    assert layers.blob("l1", "gzip") == blob
    assert layers.blob_digests() == {"sha256:x"}
    assert layers.chain("sha256:chain") == "l1"
    layers.remove("l1")
    assert layers.blobs("l1") == ()
    assert layers.chain("sha256:chain") is None


def test_file_stats_come_back_and_changed_directories_replace_old_ones(database) -> None:
    stats = StatCache(database)
    odd = b"caf\xe9".decode("utf-8", "surrogateescape")
    stats.save("/c", {"": {"a": ((1, 2, 3, 4), "d1")}, odd: {odd: ((5, 6, 7, 8), "d2")}})
    stats.save("/c", {"": {"b": ((1, 2, 3, 4), "d3")}})
    assert stats.load("/c") == {
        "": {"b": ((1, 2, 3, 4), "d3")},
        odd: {odd: ((5, 6, 7, 8), "d2")},
    }
    stats.save("/c", {}, gone=[odd])
    assert list(stats.load("/c")) == [""]


def test_steps_point_at_their_latest_explanation(database) -> None:
    memory = StepMemory(database)
    memory.save("k1", {"command": "make"})
    memory.point("project", {"build 2": "k1"}, now=1)
    memory.save("k2", {"command": "make all"})
    memory.point("project", {"build 2": "k2"}, now=2)
    assert memory.last("project") == {"build 2": "k2"}
    assert memory.last("other") == {}
    assert memory.load("k2") == {"command": "make all"}
    memory.forget(before=2)
    assert memory.load("k1") is None


def test_downloads_are_noted_by_their_source(database) -> None:
    downloads = Downloads(database)
    downloads.put("https://a/b", {"etag": "x"})
    assert downloads.get("https://a/b") == {"etag": "x"}
    assert downloads.get("https://a/c") is None


async def test_a_shared_mount_is_one_directory_for_all(database, tmp_path) -> None:
    mounts = CacheMounts(database, tmp_path)
    async with mounts.use("go", Sharing.SHARED) as one:
        (one / "file").write_text("x")
        async with mounts.use("go", Sharing.SHARED) as two:
            assert one == two
    async with mounts.use("go", Sharing.SHARED) as three:
        assert (three / "file").read_text() == "x"
    assert [record.uses for record in mounts.all()] == [3]


async def test_a_shared_mount_in_the_making_is_waited_for_and_then_shared(
    database, tmp_path
) -> None:
    mounts = CacheMounts(database, tmp_path)
    both = asyncio.Event()
    inside: list[object] = []

    async def use() -> None:
        async with mounts.use("go", Sharing.SHARED) as path:
            inside.append(path)
            if len(inside) == 2:
                both.set()
            await both.wait()

    async with asyncio.timeout(5):
        await asyncio.gather(use(), use())
    assert inside[0] == inside[1]


async def test_a_private_mount_is_another_directory_while_the_first_is_busy(
    database, tmp_path
) -> None:
    mounts = CacheMounts(database, tmp_path)
    async with (
        mounts.use("go", Sharing.PRIVATE) as one,
        mounts.use("go", Sharing.PRIVATE) as two,
    ):
        assert one != two
    async with mounts.use("go", Sharing.PRIVATE) as three:
        assert three in (one, two)
    assert len(mounts.all()) == 2


async def test_a_locked_mount_is_waited_for(database, tmp_path) -> None:
    mounts = CacheMounts(database, tmp_path)
    order = []

    async def second() -> None:
        async with mounts.use("go", Sharing.LOCKED):
            order.append("second")

    async with asyncio.TaskGroup() as group, mounts.use("go", Sharing.LOCKED):
        group.create_task(second())
        for _ in range(5):
            await asyncio.sleep(0)
        order.append("first")
    assert order == ["first", "second"]


async def test_a_build_without_the_cache_finds_mounts_empty_once(database, tmp_path) -> None:
    class Build:
        pass

    mounts, build = CacheMounts(database, tmp_path), Build()
    async with mounts.use("go", Sharing.SHARED) as path:
        (path / "old").touch()
    for expected in ([], ["new"]):
        async with mounts.use("go", Sharing.SHARED, fresh_for=build) as path:
            assert [item.name for item in path.iterdir()] == expected
            (path / "new").touch()


async def test_a_busy_mount_is_not_cleared(database, tmp_path) -> None:
    mounts = CacheMounts(database, tmp_path)
    async with mounts.use("go", Sharing.SHARED) as path:
        mounts.clear("go")
        assert path.is_dir()
    mounts.clear("go")
    assert not path.exists()
    assert mounts.all() == ()


async def test_a_mount_that_could_not_be_filled_leaves_nothing(database, tmp_path) -> None:
    mounts = CacheMounts(database, tmp_path)

    def fail(path) -> None:
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        async with mounts.use("go", Sharing.SHARED, fill=fail):
            pytest.fail("was given out")
    assert list(tmp_path.iterdir()) == []
    assert mounts.all() == ()


def test_leftover_directories_go_at_the_next_start(database, tmp_path) -> None:
    mounts = CacheMounts(database, tmp_path)
    (tmp_path / "leftover").mkdir()
    mounts.recover()
    assert list(tmp_path.iterdir()) == []
