"""The states that failed steps left, for looking into them; the latest few are kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from core.errors import NotFoundError
from core.llb.vertex import Vertex
from core.ops.refs import Ref
from core.ops.results import RefResults

_KEPT = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedStep:
    """The step of build ``ref`` and what it was given."""

    ref: str
    vertex: Vertex
    inputs: tuple[Ref, ...]


class FailedSteps:
    """Holds the layers of what it keeps."""

    def __init__(self, results: RefResults) -> None:
        self._results = results
        self._kept: OrderedDict[str, FailedStep] = OrderedDict()

    def keep(self, step: FailedStep) -> None:
        """Called while the build still holds the inputs."""
        for ref in step.inputs:
            self._results.hold(ref)
        self._kept[step.ref] = step
        while len(self._kept) > _KEPT:
            _, oldest = self._kept.popitem(last=False)
            self._release(oldest)

    def _release(self, step: FailedStep) -> None:
        for ref in step.inputs:
            self._results.release(ref)

    @contextmanager
    def get(self, ref: str, vertex: str = "") -> Iterator[FailedStep]:
        """The failed step of a build, kept at least as long as the context lasts.

        Raises NotFoundError.
        """
        found = self._kept.get(ref)
        if found is None or (vertex and str(found.vertex.digest) != vertex):
            raise NotFoundError(
                f"the state of a failed step of build {ref} is not there (any more)",
                hint="Build again: the state of the last few failed builds is kept while the "
                "builder runs.",
            )
        for result in found.inputs:
            self._results.hold(result)
        try:
            yield found
        finally:
            self._release(found)
