"""The blob store and the names of images."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from core.content.images import ImageStore
from core.content.reachable import missing, reachable
from core.content.store import ContentStore
from core.content.writer import DigestMismatchError
from core.errors import NotFoundError, StorageError
from core.oci import media_types
from core.oci.descriptor import Descriptor
from core.oci.digest import Digest
from core.oci.manifest import Manifest


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore(tmp_path / "content")


def _age(store: ContentStore, digest: Digest) -> None:
    os.utime(store.path(digest), (1, 1))


def test_what_was_put_is_read_back(store: ContentStore) -> None:
    digest = store.put(b"hello")
    assert store.put(b"hello") == digest
    assert store.has(digest)
    assert store.has(digest, 5)
    assert not store.has(digest, 6)
    assert store.size(digest) == 5
    assert store.read(digest) == b"hello"
    assert [blob.digest for blob in store.walk()] == [digest]


def test_an_absent_blob_is_not_found(store: ContentStore) -> None:
    digest = Digest.of(b"absent")
    for call in (store.open, store.read, store.size, store.touch):
        with pytest.raises(NotFoundError, match=r"sha256:.* is not in the store"):
            call(digest)
    store.delete(digest)


def test_a_writer_left_without_commit_is_taken_up_by_the_next(store: ContentStore) -> None:
    with store.writer("pull", expected=Digest.of(b"hello world"), total=11) as writer:
        writer.write(b"hello ")
    with store.writer("pull", expected=Digest.of(b"hello world"), total=11) as writer:
        assert writer.offset == 6
        writer.write(b"world")
        digest = writer.commit()
    assert store.read(digest) == b"hello world"
    with store.writer("pull") as writer:
        assert writer.offset == 0


def test_a_writer_without_a_ref_leaves_nothing(store: ContentStore) -> None:
    with store.writer(None) as writer:
        writer.write(b"half")
    assert list((store.root / "ingest").iterdir()) == []


def test_wrong_bytes_never_become_a_blob(store: ContentStore) -> None:
    expected = Digest.of(b"right")
    with (
        pytest.raises(DigestMismatchError, match="have the digest"),
        store.writer("x", expected=expected) as writer,
    ):
        writer.write(b"wrong")
        writer.commit()
    with store.writer("x", expected=expected) as writer:
        assert writer.offset == 0, "the wrong bytes must not be taken up"
    assert not store.has(expected)


def test_a_short_blob_is_refused_and_can_be_continued(store: ContentStore) -> None:
    with pytest.raises(DigestMismatchError, match="5 bytes"), store.writer("x", total=5) as writer:
        writer.write(b"abc")
        writer.commit()
    with store.writer("x", total=5) as writer:
        assert writer.offset == 3


def test_two_writers_of_one_ref_do_not_disturb_each_other(store: ContentStore) -> None:
    with store.writer("x") as first, store.writer("x") as second:
        first.write(b"one")
        second.write(b"two")
        assert {first.commit(), second.commit()} == {Digest.of(b"one"), Digest.of(b"two")}


def test_many_threads_can_write_the_same_blob(store: ContentStore) -> None:
    threads = [threading.Thread(target=store.put, args=(b"same" * 1000,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.read(Digest.of(b"same" * 1000)) == b"same" * 1000
    assert list((store.root / "ingest").iterdir()) == []


def test_a_damaged_blob_is_noticed(store: ContentStore) -> None:
    digest = store.put(b"hello")
    store.path(digest).chmod(0o600)
    store.path(digest).write_bytes(b"jello")
    for call in (store.read, store.verify):
        with pytest.raises(StorageError, match="damaged"):
            call(digest)


def test_collection_keeps_roots_leases_and_what_was_just_used(store: ContentStore) -> None:
    kept, leased, fresh, old = (store.put(name) for name in (b"k", b"l", b"f", b"o"))
    for digest in (kept, leased, old):
        _age(store, digest)
    with store.lease(leased):
        collected = store.collect([kept])
    assert (collected.blobs, collected.size) == (1, 1)
    assert {blob.digest for blob in store.walk()} == {kept, leased, fresh}
    assert not store.has(old)
    store.collect([kept])
    assert not store.has(leased)


def test_a_full_disk_is_a_storage_error(store: ContentStore) -> None:
    with store.writer(None) as writer:
        real, writer._file = writer._file, open("/dev/full", "wb", buffering=0)  # noqa: SIM115
        with pytest.raises(StorageError, match="disk is full"):
            writer.write(b"x")
        writer._file.close()
        writer._file = real


def test_a_killed_process_leaves_a_part_and_no_blob(store: ContentStore) -> None:
    script = (
        "import os, sys, signal; from pathlib import Path\n"
        "from core.content.store import ContentStore\n"
        "store = ContentStore(Path(sys.argv[1]))\n"
        "a = store.writer('resume'); a.write(b'abc')\n"
        "b = store.writer(None); b.write(b'abc')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(store.root)], check=False)
    assert list(store.walk()) == []
    store.recover()
    assert [path.suffix for path in (store.root / "ingest").iterdir()] == [".part"]
    with store.writer("resume") as writer:
        assert writer.offset == 3


def test_big_blobs_are_flushed_once(store: ContentStore) -> None:
    with store.writer(None) as writer:
        writer.write(bytes(2 << 20))
        digest = writer.commit()
    store.flush([digest])
    store.flush()
    assert store.has(digest)


def test_what_a_manifest_needs_is_reachable_and_what_lacks_is_missing(store: ContentStore) -> None:
    layer = Descriptor.of(media_types.OCI_LAYER, b"layer")
    config = Descriptor.of(media_types.OCI_CONFIG, b"{}")
    manifest = Manifest(config=config, layers=(layer,)).to_bytes()
    root = Descriptor.of(media_types.OCI_MANIFEST, manifest)
    store.put(b"{}")
    store.put(manifest)
    assert reachable(store, [root]) == {root.digest, config.digest, layer.digest}
    assert missing(store, root) == (layer,)


def test_names_point_at_descriptors(tmp_path: Path) -> None:
    images = ImageStore(tmp_path)
    one, two = (Descriptor.of(media_types.OCI_INDEX, text) for text in (b"1", b"2"))
    assert images.get("docker.io/library/a:latest") is None
    images.put("docker.io/library/a:latest", one)
    images.put("docker.io/library/b:latest", one)
    images.put("docker.io/library/a:latest", two)
    assert images.get("docker.io/library/a:latest") == two
    assert [i.name for i in images.list()] == [
        "docker.io/library/a:latest",
        "docker.io/library/b:latest",
    ]
    assert images.delete("docker.io/library/a:latest")
    assert not images.delete("docker.io/library/a:latest")


def test_a_damaged_name_is_named_and_the_others_stay(tmp_path: Path) -> None:
    images = ImageStore(tmp_path)
    images.put("a", Descriptor.of(media_types.OCI_INDEX, b"1"))
    (path,) = tmp_path.glob("*.json")
    path.write_bytes(b"{")
    images.put("b", Descriptor.of(media_types.OCI_INDEX, b"1"))
    with pytest.raises(StorageError, match="entry of the image a is damaged"):
        images.get("a")
    assert [image.name for image in images.list()] == ["b"]
