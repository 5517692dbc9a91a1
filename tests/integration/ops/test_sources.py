"""Git, downloads, images of several layers and diffs, with the real git, servers and mounts."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess

import pytest
from aiohttp import web

from core.errors import BuilderError, NotFoundError
from core.llb.ops import DiffOp, SourceOp, pairs
from core.llb.vertex import Edge, Vertex
from core.oci.platform import parse_platform
from core.ops.refs import Ref

pytestmark = pytest.mark.integration

AMD = parse_platform("linux/amd64")


def source(identifier, platform=None, **attrs) -> Vertex:
    values = pairs({name.replace("__", "."): value for name, value in attrs.items()})
    return Vertex(op=SourceOp(identifier=identifier, attrs=values), platform=platform)


async def run(stores, step, vertex):
    """The cache map's digest and the result."""
    op = stores.table.resolve(vertex)
    answer = op.cache_map(step)
    if asyncio.iscoroutine(answer):
        answer = await answer
    (ref,) = await op.execute([], step)
    return answer.digest, ref


def files(stores, ref) -> dict[str, str]:
    with stores.snapshots.view(ref.kept_layers) as top:
        return {
            str(path.relative_to(top)): path.read_text()
            for path in sorted(top.rglob("*"))
            if path.is_file() and ".git/" not in str(path)
        }


# Git.


def git(folder, *args) -> str:
    done = subprocess.run(
        ["git", "-c", "protocol.file.allow=always", *args],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "GIT_AUTHOR_NAME": "a",
            "GIT_AUTHOR_EMAIL": "a@b",
            "GIT_COMMITTER_NAME": "a",
            "GIT_COMMITTER_EMAIL": "a@b",
            "GIT_COMMITTER_DATE": "2001-02-03T04:05:06Z",
            "GIT_CONFIG_GLOBAL": "/dev/null",
        },
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    git(inner, "init", "-q", "-b", "main")
    (inner / "lib.c").write_text("lib")
    git(inner, "add", ".")
    git(inner, "commit", "-q", "-m", "inner")
    top = tmp_path / "repository"
    top.mkdir()
    git(top, "init", "-q", "-b", "main")
    (top / "README").write_text("one")
    (top / "sub").mkdir()
    (top / "sub" / "file").write_text("file")
    git(top, "add", ".")
    git(top, "commit", "-q", "-m", "one")
    git(top, "tag", "-a", "v1", "-m", "v1")
    (top / "README").write_text("two")
    git(top, "commit", "-q", "-am", "two")
    git(top, "branch", "feature")
    git(top, "submodule", "add", "-q", str(inner), "vendor")
    git(top, "commit", "-q", "-m", "with a submodule")
    return top


def checkout(repository, fragment="", **attrs) -> Vertex:
    return source(
        f"git://example.org/repository{fragment}",
        git__fullurl=f"file://{repository}",
        **attrs,
    )


async def test_a_repository_gives_its_files_and_submodules(stores, step, repository) -> None:
    _, ref = await run(stores, step, checkout(repository))
    assert files(stores, ref) == {
        ".gitmodules": (repository / ".gitmodules").read_text(),
        "README": "two",
        "sub/file": "file",
        "vendor/lib.c": "lib",
    }
    with stores.snapshots.view(ref.kept_layers) as top:
        assert not list(top.rglob(".git"))
        assert (top / "README").stat().st_mode & 0o777 == 0o644


async def test_submodules_can_be_left_out(stores, step, repository) -> None:
    _, ref = await run(stores, step, checkout(repository, git__skipsubmodules="true"))
    assert "vendor/lib.c" not in files(stores, ref)


async def test_tags_branches_and_commits(stores, step, repository) -> None:
    for ref_name in ("#v1", "#refs/tags/v1"):
        tag, ref = await run(stores, step, checkout(repository, ref_name))
        assert files(stores, ref)["README"] == "one"
    _, ref = await run(stores, step, checkout(repository, "#feature"))
    assert files(stores, ref) == {"README": "two", "sub/file": "file"}
    commit = git(repository, "rev-parse", "v1^{commit}")
    by_commit, ref = await run(stores, step, checkout(repository, f"#{commit}"))
    assert files(stores, ref)["README"] == "one"
    assert by_commit == tag


async def test_a_subdirectory_becomes_the_root(stores, step, repository) -> None:
    _, ref = await run(stores, step, checkout(repository, "#v1:sub"))
    assert files(stores, ref) == {"file": "file"}
    with pytest.raises(NotFoundError, match="no directory"):
        await run(stores, step, checkout(repository, "#v1:../../"))
    with pytest.raises(NotFoundError, match="no directory nowhere"):
        await run(stores, step, checkout(repository, "#v1:nowhere"))


async def test_the_git_directory_can_be_kept(stores, step, repository) -> None:
    _, ref = await run(stores, step, checkout(repository, "#feature", git__keepgitdir="true"))
    with stores.snapshots.view(ref.kept_layers) as top:
        assert git(top, "-c", "safe.directory=*", "status", "--porcelain") == ""
        assert git(top, "-c", "safe.directory=*", "branch", "--show-current") == "feature"
        assert git(top, "-c", "safe.directory=*", "remote", "get-url", "origin") == (
            f"file://{repository}"
        )


async def test_a_new_commit_is_seen(stores, step, repository) -> None:
    before, _ = await run(stores, step, checkout(repository, "#feature"))
    git(repository, "checkout", "-q", "feature")
    (repository / "README").write_text("three")
    git(repository, "commit", "-q", "-am", "three")
    after, ref = await run(stores, step, checkout(repository, "#feature"))
    assert after != before
    assert files(stores, ref)["README"] == "three"


async def test_commit_times_can_be_asked_for(stores, step, repository) -> None:
    _, ref = await run(stores, step, checkout(repository, "#v1", git__mtime="commit"))
    with stores.snapshots.view(ref.kept_layers) as top:
        assert (top / "README").stat().st_mtime == 981173106


async def test_a_checksum_has_to_match(stores, step, repository) -> None:
    commit = git(repository, "rev-parse", "feature")
    await run(stores, step, checkout(repository, "#feature", git__checksum=commit[:12]))
    with pytest.raises(NotFoundError, match="not the deadbeef"):
        await run(stores, step, checkout(repository, "#feature", git__checksum="deadbeef"))


async def test_missing_repositories_and_names_are_named(stores, step, repository) -> None:
    with pytest.raises(NotFoundError, match="no branch or tag 'nowhere'"):
        await run(stores, step, checkout(repository, "#nowhere"))
    with pytest.raises(NotFoundError, match="no git repository"):
        await run(stores, step, checkout(repository.parent / "none"))


# Downloads.


@pytest.fixture
async def server():
    state = {"body": b"hello", "etag": '"1"', "asked": [], "status": 200}

    async def answer(request: web.Request) -> web.Response:
        state["asked"].append((request.path, request.headers.get("If-None-Match")))
        if state["status"] != 200:
            return web.Response(status=state["status"])
        if request.headers.get("If-None-Match") == state["etag"]:
            return web.Response(status=304)
        headers = {"ETag": state["etag"], "Last-Modified": "Sat, 03 Feb 2001 04:05:06 GMT"}
        return web.Response(body=state["body"], headers=headers)

    app = web.Application()
    app.router.add_get("/{name:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    state["url"] = f"http://127.0.0.1:{port}/dir/a%20file.txt?x=1"
    yield state
    await runner.cleanup()


async def test_a_download_is_a_file_named_by_its_url(stores, step, server) -> None:
    _, ref = await run(stores, step, source(server["url"]))
    assert files(stores, ref) == {"a file.txt": "hello"}
    with stores.snapshots.view(ref.kept_layers) as top:
        status = (top / "a file.txt").stat()
        assert status.st_mode & 0o7777 == 0o600
        assert status.st_mtime == 981173106


async def test_name_mode_and_owner_can_be_given(stores, step, server) -> None:
    vertex = source(
        server["url"], http__filename="x", http__perm="755", http__uid="7", http__gid="8"
    )
    _, ref = await run(stores, step, vertex)
    with stores.snapshots.view(ref.kept_layers) as top:
        status = (top / "x").stat()
        assert (status.st_mode & 0o777, status.st_uid, status.st_gid) == (0o755, 7, 8)


async def test_an_unchanged_file_is_not_sent_again(stores, step, server) -> None:
    first, _ = await run(stores, step, source(server["url"]))
    second, ref = await run(stores, step, source(server["url"]))
    assert first == second
    assert [etag for _, etag in server["asked"]] == [None, '"1"']
    assert files(stores, ref) == {"a file.txt": "hello"}
    server.update(body=b"other", etag='"2"')
    third, ref = await run(stores, step, source(server["url"]))
    assert third != first
    assert files(stores, ref) == {"a file.txt": "other"}


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
async def test_a_checksum_is_checked_and_then_asks_nobody(stores, step, server, algorithm) -> None:
    right = f"{algorithm}:{hashlib.new(algorithm, b'hello').hexdigest()}"
    wrong = f"{algorithm}:{hashlib.new(algorithm, b'other').hexdigest()}"
    with pytest.raises(BuilderError, match="has the digest"):
        await run(stores, step, source(server["url"], http__checksum=wrong))
    await run(stores, step, source(server["url"], http__checksum=right))
    asked = len(server["asked"])
    _, ref = await run(stores, step, source(server["url"], http__checksum=right))
    assert len(server["asked"]) == asked
    assert files(stores, ref) == {"a file.txt": "hello"}


async def test_refusals_are_named(stores, step, server) -> None:
    server["status"] = 404
    with pytest.raises(NotFoundError, match="answered 404 Not Found"):
        await run(stores, step, source(server["url"]))
    server["status"] = 503
    with pytest.raises(BuilderError, match="answered 503") as caught:
        await run(stores, step, source(server["url"]))
    assert caught.value.temporary
    with pytest.raises(BuilderError, match="Cannot download"):
        await run(stores, step, source("http://127.0.0.1:1/x"))


# Layers.


async def test_layers_of_an_image_are_unpacked_on_each_other(stores, step) -> None:
    image = stores.add_image(
        "", [{"a": b"1", "dir/b": b"2"}, {"dir/.wh.b": b"", "c": b"3"}], platforms=("linux/amd64",)
    )
    vertex = source(f"docker-image://example.org/x@{image.digest}", AMD)
    _, ref = await run(stores, step, vertex)
    async with stores.table.puller.unpacked(ref, step) as layers:
        assert files(stores, Ref(layers=layers)) == {"a": "1", "c": "3"}
    other = stores.add_image("", [{"a": b"1", "dir/b": b"2"}, {"d": b"4"}])
    _, ref = await run(stores, step, source(f"docker-image://example.org/y@{other.digest}", AMD))
    async with stores.table.puller.unpacked(ref, step) as shared:
        assert shared[0] == layers[0]
    assert len(stores.snapshots.layers()) == 3


async def test_a_diff_holds_what_was_added_changed_and_removed(stores, step) -> None:
    def layer(content):
        with stores.snapshots.create(()) as made:
            for path, text in content.items():
                (made.path / path).parent.mkdir(parents=True, exist_ok=True)
                (made.path / path).write_text(text)
                os.utime(made.path / path, (1, 1))
            return Ref(layers=(made.commit(),))

    lower = layer({"same": "1", "changed": "2", "gone/x": "3", "becomes": "4"})
    upper = layer({"same": "1", "changed": "22", "new/y": "5", "becomes/dir": "6"})
    vertex = Vertex(
        op=DiffOp(lower=0, upper=1),
        inputs=(Edge(source("local://a")), Edge(source("local://b"))),
    )
    op = stores.table.resolve(vertex)
    (diff,) = await op.execute([lower, upper], step)
    both = Ref(layers=lower.layers + diff.layers)
    assert files(stores, both) == {
        "same": "1",
        "changed": "22",
        "new/y": "5",
        "becomes/dir": "6",
    }
    own = stores.snapshots.layer_path(diff.kept_layers[0])
    assert not (own / "same").exists()
