"""What the solver asks of the operations that it schedules."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Generic, Protocol, TypeVar, runtime_checkable

from core.cache.results import StoredResult
from core.errors import LineRange
from core.llb.vertex import Vertex
from core.progress.messages import Mode

R = TypeVar("R")


class Slot(Enum):
    """Which limit on parallel work an operation counts against."""

    NONE = "none"
    """None: it waits for others, or for a network."""
    NATIVE = "native"
    EMULATED = "emulated"
    """The lower limit for emulated programs as well as the one for all."""


class Step(Protocol):
    """What an operation sees of the builds that wait for it."""

    @property
    def vertex(self) -> Vertex: ...

    @property
    def ignores_cache(self) -> bool:
        """Whether the step has to run even if its result is known."""
        ...

    @property
    def contexts(self) -> Sequence[object]:
        """What each waiting build gave as its context, the first to ask first."""
        ...

    def log(self, stream: int, data: bytes) -> None:
        """Output of the step: stream 1 or 2, in pieces of any size."""
        ...

    def status(
        self,
        id: str,
        *,
        current: int = 0,
        total: int = 0,
        name: str = "",
        started: int | None = None,
        completed: int | None = None,
    ) -> None:
        """Report on a part of the work called ``id``; bytes, and nanoseconds since the epoch."""
        ...

    def warn(
        self,
        short: str,
        *,
        detail: Sequence[str] = (),
        url: str = "",
        ranges: Iterable[LineRange] = (),
    ) -> None:
        """Say something that people should see."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What an input holds, as far as an operation uses it.

    ``files`` gives (path, digest) of every file that ``digest`` covers. It is asked for when the
    operation has to run, to say next time which file changed.
    """

    digest: str
    files: Callable[[], Iterable[tuple[str, str]]] | None = None


# No slots: before Python 3.12 a frozen class with slots cannot be made as ``InputKey[X]()``
# (https://github.com/python/cpython/issues/90562).
@dataclass(frozen=True, kw_only=True)
class InputKey(Generic[R]):
    """How one input enters an operation's cache key.

    ``selector`` tells uses of different parts of the input apart. ``content`` identifies the part
    that is used by what is in it; without it the input counts by how it was made.
    """

    selector: str = ""
    content: Callable[[R, Step], Awaitable[Content]] | None = None


@dataclass(frozen=True, kw_only=True)
class CacheMap(Generic[R]):
    """How an operation is cached.

    ``digest`` stands for the operation without its inputs (for an image: the image's own digest).
    ``inputs`` has one entry for each input. ``explain`` are named parts of ``digest`` in the order
    in which a difference is worth telling. One that is not ``lasting`` means something to builds
    that run now and nothing later, such as a directory of a client.
    """

    digest: str
    inputs: tuple[InputKey[R], ...] = ()
    explain: tuple[tuple[str, str], ...] = ()
    lasting: bool = True


class Op(Protocol[R]):
    """An operation."""

    @property
    def slot(self) -> Slot: ...

    def cache_map(self, step: Step) -> CacheMap[R] | Awaitable[CacheMap[R]]:
        """How this is cached. Answered at once where nothing has to be asked of the world."""
        ...

    async def execute(self, inputs: Sequence[R], step: Step) -> Sequence[R]:
        """Do it; one result for each output. Cancellation leaves nothing behind."""
        ...


@runtime_checkable
class RunsProgram(Protocol):
    """An operation that runs a program and knows how this machine does that."""

    @property
    def manner(self) -> tuple[Mode, str]:
        """NATIVE and "", or EMULATED and what by."""
        ...


class Results(Protocol[R]):
    """How results are kept and brought back.

    A result that was brought back or executed is held until ``release``: nothing that it needs may
    go away meanwhile.
    """

    def encode(self, result: R) -> StoredResult | None:
        """``result`` as it is kept, or None for one that is not kept."""
        ...

    def decode(self, stored: StoredResult) -> R | None:
        """A kept result, held; None when it is no longer whole."""
        ...

    def hold(self, result: R) -> None:
        """Hold a result that was just executed."""
        ...

    def release(self, result: R) -> None:
        """Let go of a result that was held."""
        ...
