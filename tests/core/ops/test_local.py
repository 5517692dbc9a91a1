"""Local directories: what is seen, what is read, what is copied."""

from __future__ import annotations

import hashlib
import os

import pytest

from core.errors import NotFoundError, StorageError
from core.llb.ops import SourceOp, pairs
from core.llb.vertex import Vertex
from core.ops.contexts import DirectoryRequest
from core.ops.local_scan import follow_links, scan
from core.ops.local_tree import LocalTree
from core.ops.tree_sync import LocalCopier


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def context(tmp_path):
    top = tmp_path / "context"
    for path, text in {
        "a.txt": "a",
        "src/main.c": "main",
        "src/deep/x.h": "x",
        "node_modules/big/file.js": "big",
        "node_modules/keep.js": "keep",
        "z": "z",
    }.items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_text(text)
    return top


def look(top, **request) -> list[str]:
    return list(scan(top, DirectoryRequest(name="context", **request))[0])


@pytest.fixture
def tree(stores, context):
    def make() -> LocalTree:
        entries, digest = scan(context, DirectoryRequest(name="context"))
        return LocalTree(
            root=context,
            entries=entries,
            digest=digest,
            context="c",
            stats=stores.stats,
            readers=stores.readers,
        )

    return make


def test_everything_is_seen_parents_first(context) -> None:
    assert look(context) == [
        "a.txt",
        "node_modules",
        "node_modules/big",
        "node_modules/big/file.js",
        "node_modules/keep.js",
        "src",
        "src/deep",
        "src/deep/x.h",
        "src/main.c",
        "z",
    ]


def test_excluded_directories_are_not_entered(context) -> None:
    os.chmod(context / "node_modules", 0)
    found = look(context, exclude_patterns=("node_modules",))
    os.chmod(context / "node_modules", 0o755)
    assert found == ["a.txt", "src", "src/deep", "src/deep/x.h", "src/main.c", "z"]


def test_what_is_taken_back_from_an_excluded_directory_is_seen(context) -> None:
    found = look(context, exclude_patterns=("node_modules", "!node_modules/keep.js", "src", "?"))
    assert found == ["a.txt", "node_modules", "node_modules/keep.js"]


def test_only_what_is_asked_for_is_seen(context) -> None:
    assert look(context, follow_paths=("src/deep",)) == ["src", "src/deep", "src/deep/x.h"]
    assert look(context, follow_paths=("*.txt", "z")) == ["a.txt", "z"]
    assert look(context, include_patterns=("src/*.c",)) == ["src", "src/main.c"]


def test_asking_for_the_root_is_asking_for_everything(context) -> None:
    assert look(context, follow_paths=(".",)) == look(context)


def test_links_on_the_way_are_followed_inside_the_root(context) -> None:
    (context / "link").symlink_to("/src")
    (context / "out").symlink_to("../../../a.txt")
    (context / "loop").symlink_to("loop")
    assert follow_links(context, ("link/deep",)) == ["link", "src/deep"]
    assert look(context, follow_paths=("link/deep", "out", "loop")) == [
        "a.txt",
        "link",
        "loop",
        "out",
        "src",
        "src/deep",
        "src/deep/x.h",
    ]


@pytest.mark.parametrize("target", ["loop", "loop/more", "x/../loop/", "/loop/a/b"])
def test_links_in_circles_end(context, target) -> None:
    (context / "loop").symlink_to(target)
    assert "loop" in follow_links(context, ("loop/inside/it",))


def test_a_wildcard_follows_the_links_that_it_matches(context) -> None:
    (context / "l1").symlink_to("src/main.c")
    assert "src/main.c" in look(context, follow_paths=("l*",))


def test_names_that_are_no_text_are_seen(context) -> None:
    odd = os.fsdecode(b"caf\xe9")
    (context / odd).write_text("odd")
    entries, _ = scan(context, DirectoryRequest(name="context"))
    assert odd in entries


def test_a_context_that_is_no_directory_is_named(tmp_path) -> None:
    with pytest.raises(NotFoundError, match="is not a directory"):
        scan(tmp_path / "none", DirectoryRequest(name="context"))


def test_contents_are_read_once(tree, context) -> None:
    read: list[int] = []
    first = tree().digests(["a.txt", "src/main.c", "src"], read.append)
    assert first == {"a.txt": sha("a"), "src/main.c": sha("main")}
    assert len(read) == 2
    assert tree().digests(["a.txt", "src/main.c"], read.append) == first
    assert len(read) == 2


def test_only_a_changed_file_is_read_again(tree, context) -> None:
    tree().digests(["a.txt", "z"])
    (context / "z").write_text("zz")
    read: list[int] = []
    assert tree().digests(["a.txt", "z"], read.append)["z"] == sha("zz")
    assert read == [2]


def test_a_file_that_changes_while_it_is_read_is_an_error(tree, context) -> None:
    seen = tree()
    (context / "a.txt").write_text("other")
    with pytest.raises(StorageError, match=r"a\.txt changed while"):
        seen.digests(["a.txt"])


def test_a_file_that_goes_while_it_is_read_is_an_error(tree, context) -> None:
    seen = tree()
    (context / "a.txt").unlink()
    with pytest.raises(NotFoundError, match=r"a\.txt was there"):
        seen.digests(["a.txt"])


def test_the_digest_of_a_tree_follows_its_changes(tree, context) -> None:
    before = tree().digest
    assert tree().digest == before
    (context / "a.txt").chmod(0o600)
    assert tree().digest != before


async def test_a_local_source_gives_the_directory_itself(stores, build, step, context) -> None:
    build.directories["context"] = context
    attrs = pairs({"local.followpaths": '["src"]', "local.excludepatterns": '["src/deep"]'})
    vertex = Vertex(op=SourceOp(identifier="local://context", attrs=attrs))
    op = stores.table.resolve(vertex)
    assert not op.cache_map(step).lasting
    (ref,) = await op.execute([], step)
    assert ref.local is not None
    assert list(ref.local.entries) == ["src", "src/main.c"]
    assert stores.table.results.encode(ref) is None


async def test_a_local_directory_can_be_made_a_layer(stores, build, step, context) -> None:
    (context / "link").symlink_to("a.txt")
    os.link(context / "a.txt", context / "hard")
    (context / "z").chmod(0o4711)
    os.utime(context / "src", ns=(1, 1_000_000_007))
    build.directories["context"] = context
    op = stores.table.resolve(Vertex(op=SourceOp(identifier="local://context")))
    (ref,) = await op.execute([], step)
    async with stores.table.puller.unpacked(ref, step) as layers:
        top = stores.snapshots.layer_path(layers[0])
        assert (top / "src/main.c").read_text() == "main"
        assert os.readlink(top / "link") == "a.txt"
        assert (top / "hard").stat().st_ino == (top / "a.txt").stat().st_ino
        assert (top / "z").stat().st_mode & 0o7777 == 0o4711
        assert (top / "src").stat().st_mtime_ns == 1_000_000_007
    async with stores.table.puller.unpacked(ref, step) as again:
        assert again == layers


def test_a_copy_of_a_changing_directory_leaves_nothing(stores, tree, context) -> None:
    seen = tree()
    (context / "a.txt").write_text("other")
    with pytest.raises(StorageError, match="changed while"):
        LocalCopier(stores.snapshots).copy(seen)
    assert stores.snapshots.layers() == ()
