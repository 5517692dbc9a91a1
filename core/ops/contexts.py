"""What operations ask of the build that they work for; the daemon's jobs carry this as context."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from core.errors import BuilderError, NotFoundError
from core.oci.descriptor import Descriptor
from core.registry.client import RegistryClient
from core.solver.protocol import Step


class ClientSession(Protocol):
    """What the client serves while it is connected; calls raise BuilderError once it has gone."""

    @property
    def shared_key(self) -> str:
        """The same for all sessions of one client's working directory."""
        ...

    async def secret(self, id: str) -> bytes:
        """A secret; NotFoundError when the client has none of that name."""
        ...

    async def receive_directory(
        self,
        name: str,
        destination: Path,
        *,
        includes: Sequence[str] = (),
        excludes: Sequence[str] = (),
        follow: Sequence[str] = (),
    ) -> int:
        """Make ``destination`` equal to that part of the client's directory; bytes received."""
        ...


@runtime_checkable
class BuildContext(Protocol):
    """One build, as its operations see it.

    ``client`` has its credentials. ``resolved`` remembers what references point at, so that one
    build sees one image for a tag. ``local_dir`` is the client's directory itself when it is on
    this machine.
    """

    @property
    def client(self) -> RegistryClient: ...

    @property
    def resolved(self) -> dict[str, Descriptor]: ...

    @property
    def session(self) -> ClientSession | None: ...

    def local_dir(self, name: str) -> Path | None: ...


@runtime_checkable
class LayoutContext(Protocol):
    """A build whose client has OCI layouts."""

    def layout(self, store: str) -> AbstractAsyncContextManager[Path]:
        """The layout called ``store``, as a directory or tar file on this machine."""
        ...


@runtime_checkable
class AgentContext(Protocol):
    """A build whose client may lend ssh agents."""

    def agent(self, id: str) -> AbstractAsyncContextManager[Path | None]:
        """A socket that leads to the agent ``id`` while the context lasts; None for no agent."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryRequest:
    """A directory of the client: ``name`` as the client knows it, and the part that is needed.

    ``session`` is the client's session where the definition names one.
    """

    name: str
    session: str = ""
    follow_paths: tuple[str, ...] = ()
    include_patterns: tuple[str, ...] = ()
    exclude_patterns: tuple[str, ...] = ()


def build_of(step: Step) -> BuildContext:
    """The first build that waits for ``step``; BuilderError when none can serve it."""
    for context in step.contexts:
        if isinstance(context, BuildContext):
            return context
    raise _cannot_serve(step)


def layouts_of(step: Step) -> LayoutContext:
    """The first of the step's builds that has OCI layouts."""
    for context in step.contexts:
        if isinstance(context, LayoutContext):
            return context
    raise _cannot_serve(step)


async def secret(step: Step, id: str) -> bytes | None:
    """The secret ``id`` of the first of the step's builds that has it, or None."""
    for context in step.contexts:
        if isinstance(context, BuildContext) and context.session is not None:
            try:
                return await context.session.secret(id)
            except NotFoundError:
                continue
    return None


def _cannot_serve(step: Step) -> BuilderError:
    return BuilderError(f"The client of this build cannot serve the step {step.vertex.name!r}.")
