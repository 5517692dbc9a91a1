"""Repositories that were fetched from before, and checkouts made of them.

``ROOT/HASH`` is a bare repository for each URL. It is a cache: deleting one costs a fetch.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.cache.layers import LayerRecords
from core.errors import BuilderError, Error, NotFoundError
from core.ops.git_command import Git
from core.ops.threads import in_thread
from core.snapshot.ids import LayerId
from core.snapshot.store import SnapshotStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """What is wanted of a repository; ``name`` is the full name of the branch or tag, if any."""

    url: str
    commit: str
    name: str
    subdir: str
    keep_git_dir: bool
    submodules: bool
    commit_times: bool


class GitRepositories:
    """The repositories under ``root``; one operation on each at a time."""

    def __init__(self, root: Path, snapshots: SnapshotStore, records: LayerRecords) -> None:
        self._root = root
        self._snapshots = snapshots
        self._locks: dict[str, asyncio.Lock] = {}
        self.records = records
        shutil.rmtree(root / "tmp", ignore_errors=True)
        (root / "tmp").mkdir(parents=True)

    async def check_out(self, wanted: Checkout, git: Git) -> tuple[LayerId, int]:
        """A layer with the files of ``wanted``, and its size in bytes."""
        name = hashlib.sha256(wanted.url.encode()).hexdigest()[:32]
        bare = self._root / name
        async with self._locks.setdefault(name, asyncio.Lock()):
            await self._have(bare, wanted, git)
            with tempfile.TemporaryDirectory(dir=self._root / "tmp") as place:
                tree = Path(place) / "tree"
                time = await self._into(tree, bare, wanted, git)
                return await in_thread(
                    lambda: self._layer(tree, wanted, time),
                    lambda made: self._snapshots.remove(made[0]),
                )

    async def _have(self, bare: Path, wanted: Checkout, git: Git) -> None:
        if not (bare / "HEAD").is_file():
            shutil.rmtree(bare, ignore_errors=True)
            await git.run("init", "-q", "--bare", str(bare))
        if await self._has(bare, wanted.commit, git):
            return
        # Shallow by name first, then by commit, then everything: servers differ in what they give.
        shallow = ("fetch", "-q", "--no-tags", "--force", "--depth=1", "--", wanted.url)
        attempts = [(*shallow, f"{wanted.name}:{wanted.name}")] if wanted.name else []
        if wanted.name == "HEAD":
            attempts = [(*shallow, "HEAD")]
        attempts.append((*shallow, wanted.commit))
        whole = ("fetch", "-q", "--force", "--tags")
        shallow_file = bare / "shallow"
        last: Error | None = None
        for attempt in attempts:
            try:
                await git.run(*attempt, cwd=bare)
            except BuilderError as error:
                last = error
            if await self._has(bare, wanted.commit, git):
                return
        unshallow = ("--unshallow",) if shallow_file.exists() else ()
        await git.run(*whole, *unshallow, "--", wanted.url, "+refs/heads/*:refs/heads/*", cwd=bare)
        if not await self._has(bare, wanted.commit, git):
            raise NotFoundError(f"{wanted.url} has no commit {wanted.commit}.") from last

    async def _has(self, bare: Path, commit: str, git: Git) -> bool:
        try:
            await git.run("cat-file", "-e", f"{commit}^{{commit}}", cwd=bare)
        except Error:
            return False
        return True

    async def _into(self, tree: Path, bare: Path, wanted: Checkout, git: Git) -> int:
        """Check out into ``tree``; the commit's time in seconds since the epoch."""
        await git.run("init", "-q", str(tree))
        pull = ["fetch", "-q", "--no-tags", "--force", "--depth=1", "--update-head-ok", "--"]
        source = f"file://{bare}"
        reference = f"refs/viaduct/{wanted.commit}"
        await git.run("update-ref", reference, wanted.commit, cwd=bare)
        kind, _, short = wanted.name.removeprefix("refs/").partition("/")
        if kind == "heads":
            await git.run(*pull, source, f"{reference}:{wanted.name}", cwd=tree)
            await git.run("checkout", "-q", "-f", short, "--", cwd=tree)
        else:
            into = f"{reference}:{wanted.name}" if kind == "tags" else reference
            await git.run(*pull, source, into, cwd=tree)
            await git.run("checkout", "-q", "-f", "--detach", wanted.commit, "--", cwd=tree)
        await git.run("remote", "add", "origin", wanted.url, cwd=tree)
        if wanted.submodules and (tree / ".gitmodules").is_file():
            await git.run(
                "submodule", "update", "-q", "--init", "--recursive", "--depth=1", cwd=tree
            )
        time = await git.run("log", "-1", "--format=%ct", wanted.commit, cwd=tree)
        return int(re.sub(r"\D", "", time) or "0")

    def _layer(self, tree: Path, wanted: Checkout, time: int) -> tuple[LayerId, int]:
        if not wanted.keep_git_dir:
            for path in list(_git_directories(tree)):
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink()
        top = _inside(tree, wanted)
        with self._snapshots.create(()) as made:
            for item in os.listdir(top):
                shutil.move(top / item, made.path / item)
            if wanted.commit_times:
                for path in [*made.path.rglob("*"), made.path]:
                    os.utime(path, (time, time), follow_symlinks=False)
            layer = made.commit()
        return layer, self._snapshots.usage(layer)


def _git_directories(tree: Path) -> Iterator[Path]:
    for directory, names, files in os.walk(tree):
        if ".git" in names:
            names.remove(".git")
            yield Path(directory, ".git")
        if ".git" in files:
            yield Path(directory, ".git")


def _inside(tree: Path, wanted: Checkout) -> Path:
    """The directory of the checkout that was asked for, which no link may lead out of."""
    if wanted.subdir.strip("/") in ("", "."):
        return tree
    top = (tree / wanted.subdir.strip("/")).resolve()
    if not top.is_relative_to(tree.resolve()) or not top.is_dir():
        raise NotFoundError(
            f"{wanted.url} has no directory {wanted.subdir} at {wanted.commit[:12]}.",
            phrase=f"subdir {wanted.subdir} does not exist",
        )
    return top
