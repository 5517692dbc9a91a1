"""The answer to the ``frontend.outline`` request: what a target takes, and where it says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from core.dockerfile.buildargs import ArgInfo
from core.errors import LineRange

if TYPE_CHECKING:
    from core.frontend.stage import StageState

Ranges = tuple[LineRange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessInfo:
    """A secret or an ssh agent that a step asks for."""

    required: bool
    ranges: Ranges


@dataclass(slots=True, kw_only=True)
class OutlineCapture:
    """What was seen on the way through a stage."""

    args: dict[str, ArgInfo] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    secrets: dict[str, AccessInfo] = field(default_factory=dict)
    ssh: dict[str, AccessInfo] = field(default_factory=dict)

    def copy(self) -> OutlineCapture:
        return OutlineCapture(
            args=dict(self.args),
            used=set(self.used),
            secrets=dict(self.secrets),
            ssh=dict(self.ssh),
        )

    def used_args(self) -> list[str]:
        """The arguments in use, with those their defaults are made of, in order of appearance."""
        found: set[str] = set()
        waiting = list(self.used)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += self.args[name].dependencies if name in self.args else ()
        return [name for name in self.args if name in found]


def outline(target: StageState) -> dict[str, Any]:
    """The outline of ``target`` as the JSON value that BuildKit's clients expect."""
    stages = tuple(_stages(target))
    answer: dict[str, Any] = {}
    if target.written_name:
        answer["name"] = target.written_name
    if target.from_ is not None and target.from_.doc:
        answer["description"] = target.from_.doc
    args = _collect(stages, _args)
    secrets = _collect(stages, lambda s: _accesses(s.outline.secrets))
    ssh = _collect(stages, lambda s: _accesses(s.outline.ssh))
    for key, entries in (("args", args), ("secrets", secrets), ("ssh", ssh)):
        if entries:
            answer[key] = entries
    return answer


def location(ranges: Iterable[LineRange]) -> dict[str, Any]:
    """Ranges as the wire has them."""
    return {"ranges": [{"start": _position(r.start), "end": _position(r.end)} for r in ranges]}


def _position(line: int) -> dict[str, int]:
    return {"line": line} if line else {}


def _stages(target: StageState) -> Iterator[StageState]:
    """``target``, then bases before what is copied from, each once."""
    seen: set[int] = set()

    def walk(stage: StageState) -> Iterator[StageState]:
        if id(stage) in seen:
            return
        seen.add(id(stage))
        yield stage
        if stage.base is not None:
            yield from walk(stage.base)
        for dependency in stage.dependencies:
            yield from walk(dependency)

    return walk(target)


Entry = tuple[str, dict[str, Any], int]


def _collect(
    stages: Iterable[StageState], entries: Callable[[StageState], Iterator[Entry]]
) -> list[dict[str, Any]]:
    found: dict[str, tuple[int, dict[str, Any]]] = {}
    for stage in stages:
        for name, value, line in entries(stage):
            found.setdefault(name, (line, value))
    return [value for _, value in sorted(found.values(), key=lambda pair: pair[0])]


def _args(stage: StageState) -> Iterator[Entry]:
    for name in stage.outline.used_args():
        info = stage.outline.args[name]
        value: dict[str, Any] = {"name": info.definition.key}
        if info.definition.doc:
            value["description"] = info.definition.doc
        if info.value:
            value["value"] = info.value
        value["location"] = location(info.ranges)
        yield name, value, info.ranges[0].start if info.ranges else 0


def _accesses(infos: dict[str, AccessInfo]) -> Iterator[Entry]:
    for name, info in infos.items():
        value: dict[str, Any] = {"name": name}
        if info.required:
            value["required"] = True
        value["location"] = location(info.ranges)
        yield name, value, info.ranges[0].start if info.ranges else 0
