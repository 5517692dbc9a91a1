"""The git source: a commit's files, through the ``git`` command."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from core.cache.layers import RecordKind
from core.errors import NotFoundError, OptionError
from core.llb.ops import SourceOp
from core.ops.contexts import AgentContext, secret
from core.ops.git_command import Git
from core.ops.git_repositories import Checkout, GitRepositories
from core.ops.refs import Ref
from core.solver.protocol import CacheMap, Slot, Step

__all__ = ["GitOp", "GitRepositories"]

_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Resolved:
    """A commit (or the tag object that leads to it), and the name that it was found under."""

    commit: str
    name: str
    peeled: str = ""


class GitOp:
    """``git://host/path#ref:subdir``; the URL to fetch from is the attribute ``git.fullurl``."""

    slot = Slot.NONE

    def __init__(self, op: SourceOp, repositories: GitRepositories) -> None:
        self._op = op
        self._repositories = repositories
        place, _, fragment = op.identifier.partition("://")[2].partition("#")
        self._url = op.attr("git.fullurl") or f"https://{place}"
        self._ref, _, self._subdir = fragment.partition(":")
        if self._url.startswith("-") or self._ref.startswith("-"):
            raise OptionError(f"{op.identifier!r} is no git source.")
        self._keep = op.attr("git.keepgitdir") == "true"
        self._checksum = op.attr("git.checksum").lower()
        self._found: _Resolved | None = None

    def cache_map(self, step: Step) -> CacheMap[Ref] | Awaitable[CacheMap[Ref]]:
        """The commit; only a branch or tag has to be asked for."""
        if _COMMIT.fullmatch(self._ref):
            self._found = _Resolved(commit=self._ref, name="")
            return self._map()
        return self._ask(step)

    async def execute(self, inputs: Sequence[Ref], step: Step) -> Sequence[Ref]:
        """Fetch the commit unless it is here, and check its files out into a layer."""
        found = self._found
        assert found is not None
        checkout = Checkout(
            url=self._url,
            commit=found.commit,
            name=found.name,
            subdir=self._subdir,
            keep_git_dir=self._keep,
            submodules=self._op.attr("git.skipsubmodules") != "true",
            commit_times=self._op.attr("git.mtime") == "commit",
        )
        async with self._git(step) as git:
            layer, size = await self._repositories.check_out(checkout, git)
        self._repositories.records.add(
            layer,
            size=size,
            kind=RecordKind.GIT_CHECKOUT,
            description=f"git checkout of {self._url} {found.commit[:12]}",
            step=step.vertex.name,
        )
        return [Ref(layers=(layer,))]

    def _map(self) -> CacheMap[Ref]:
        assert self._found is not None
        found = self._found
        self._check(found)
        # A tag object and its commit give the same files, but not the same .git.
        commit = found.commit if self._keep else found.peeled or found.commit
        parts = (
            commit,
            self._subdir,
            self._keep,
            self._op.attr("git.skipsubmodules"),
            self._op.attr("git.mtime"),
            (self._url, found.name) if self._keep else "",
        )
        return CacheMap(
            digest=hashlib.sha256(repr(("git", *parts)).encode()).hexdigest(),
            explain=(("commit", commit[:12]), ("subdirectory", self._subdir)),
        )

    def _check(self, found: _Resolved) -> None:
        wanted = self._checksum
        if not wanted or found.commit.startswith(wanted) or found.peeled.startswith(wanted):
            return
        raise NotFoundError(
            f"{self._ref or 'HEAD'} of {self._url} is {found.commit}, not the {wanted} that was "
            "asked for.",
            phrase=f"expected checksum to match {wanted}, got {found.commit}",
        )

    async def _ask(self, step: Step) -> CacheMap[Ref]:
        ref = self._ref or "HEAD"
        head = f"refs/heads/{ref.removeprefix('refs/heads/')}"
        tag = f"refs/tags/{ref.removeprefix('refs/tags/')}"
        async with self._git(step) as git:
            listed = await git.run("ls-remote", "--", self._url, ref, head, tag, f"{tag}^{{}}")
        there: dict[str, str] = {}
        for line in listed.splitlines():
            commit, _, name = line.partition("\t")
            there[name] = commit
        # A branch comes before a tag of the same name, as with git checkout.
        for name in (head, tag, ref):
            if name in there and (name != ref or ref == "HEAD" or ref.startswith("refs/")):
                peeled = there.get(f"{name}^{{}}", "")
                self._found = _Resolved(commit=there[name], name=name, peeled=peeled)
                return self._map()
        raise NotFoundError(
            f"{self._url} has no branch or tag {ref!r}.",
            hint="Check the name, or give a whole commit id.",
            phrase=f"repository does not contain ref {self._url}, output: {listed!r}",
        )

    @asynccontextmanager
    async def _git(self, step: Step) -> AsyncIterator[Git]:
        header = await self._secret(step, "git.authheadersecret")
        token = "" if header else await self._secret(step, "git.authtokensecret")
        async with AsyncExitStack() as stack:
            socket = None
            agent = self._op.attr("git.mountsshsock")
            for context in step.contexts if agent else ():
                if isinstance(context, AgentContext):
                    socket = await stack.enter_async_context(context.agent(agent))
                    break
            yield Git(
                url=self._url,
                log=lambda data: step.log(2, data),
                header=header,
                token=token,
                known_hosts=self._op.attr("git.knownsshhosts"),
                ssh_socket=str(socket or ""),
            )

    async def _secret(self, step: Step, attribute: str) -> str:
        """The secret that ``attribute`` names: the host's own, or the one for all hosts."""
        name = self._op.attr(attribute)
        for candidate in (f"{name}.{_host(self._url)}", name) if name else ():
            value = await secret(step, candidate)
            if value is not None:
                return value.decode(errors="replace").strip()
        return ""


def _host(url: str) -> str:
    place = url.partition("://")[2].partition("/")[0] if "://" in url else url.partition(":")[0]
    return place.rpartition("@")[2].partition(":")[0]
