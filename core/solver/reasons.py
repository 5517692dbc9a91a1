"""Why a step runs or does not: the first difference from what it was last built from.

What a step was built from is kept in the cache under the key of its result. The next build of the
same step (same project, stage, number, platform) is compared with it part by part: the operation's
own parts in the order it names them, then its inputs. An input that differs because of how it was
made is followed down to the difference that started it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic

from core.cache.keys import KeyId
from core.cache.steps import StepMemory
from core.llb.vertex import Vertex
from core.solver.edges import Dependency, EdgeNode, VertexNode
from core.solver.protocol import Content, R

FIRST_BUILD: Final = "first build"
NEW_STEP: Final = "new step"
CACHE_IGNORED: Final = "the cache is not to be used"
NOT_KEPT: Final = "its earlier result is no longer in the cache"
UNCHANGED: Final = "unchanged"
SAME_FILES: Final = "the files it uses are the same"
EVERY_TIME: Final = "looked at by every build"
NOT_NEEDED: Final = "not needed: what uses it is cached"

_NUMBERED = re.compile(r"\[(?:\S+/\S+ )?(?:(\S+) )?(\d+)/\d+\] ")
_SHOWN = 60
_MAX_FILES = 200_000


def step_id(vertex: Vertex) -> str:
    """The name of a step within its project that stays when its text changes."""
    metadata = vertex.metadata
    platform = vertex.platform or next(iter(metadata.platforms), None)
    numbered = _NUMBERED.match(metadata.name)
    if numbered:
        name = f"{metadata.stage or numbered[1] or ''} {int(numbered[2])}"
    else:
        name = metadata.name or str(vertex.digest)
    # One instruction may make several vertices, of different kinds.
    kind = type(vertex.op).__name__
    return f"{name}|{kind}|{platform.format_all() if platform else ''}"


def _ignoring_input(node: VertexNode[R]) -> VertexNode[R] | None:
    """The nearest input that does not use the cache, which makes ``node`` run again."""
    found: VertexNode[R] | None = node
    while found is not None and not found.ignore_cache:
        found = next((source for source, _ in found.inputs if source.apart), None)
    return found


@dataclass(frozen=True, slots=True)
class Gathered:
    """What an edge was built from, taken down at one moment."""

    parts: tuple[tuple[str, str], ...]
    inputs: tuple[tuple[list[int], Content | None], ...]

    @property
    def has_files(self) -> bool:
        return any(content is not None for _, content in self.inputs)

    def value(self) -> dict[str, Any]:
        """As a JSON value. Lists files: may take a while, in any thread."""
        return {
            "parts": [list(part) for part in self.parts],
            "inputs": [
                {
                    "keys": keys,
                    "content": content.digest if content else "",
                    "files": _listed(content),
                }
                for keys, content in self.inputs
            ],
        }


def gather(edge: EdgeNode[R]) -> Gathered:
    """What ``edge`` was built from."""
    cache_map = edge.node.cache_map
    assert cache_map is not None
    return Gathered(
        cache_map.explain,
        tuple((_keys(dependency.target), dependency.content) for dependency in edge.dependencies),
    )


class Book:
    """Explanations on their way to the cache and in it.

    ``in_background`` runs a function in a thread and does not wait for it.
    """

    def __init__(
        self, memory: StepMemory, in_background: Callable[[Callable[[], None]], None]
    ) -> None:
        self.memory = memory
        self._in_background = in_background
        self._waiting: dict[str, Gathered] = {}

    def keep(self, key: str, gathered: Gathered) -> None:
        """Keep ``gathered`` for the result under ``key``."""
        if not gathered.has_files:
            self.memory.save(key, gathered.value())
            return
        # Lists of files can be long.
        self._waiting[key] = gathered
        self._in_background(lambda: self._write(key, gathered))

    def load(self, key: str) -> Any:
        """What the result under ``key`` was built from, as a JSON value, or None."""
        waiting = self._waiting.get(key)
        return waiting.value() if waiting is not None else self.memory.load(key)

    def _write(self, key: str, gathered: Gathered) -> None:
        try:
            self.memory.save(key, gathered.value())
        finally:
            if self._waiting.get(key) is gathered:
                del self._waiting[key]


class Reasons(Generic[R]):
    """The comparisons of one build.

    ``scope`` names the project; builds without one are compared with nothing.
    """

    def __init__(self, book: Book, scope: str) -> None:
        self._book = book
        self._scope = scope
        self._last = book.memory.last(scope) if scope else {}
        self._now: dict[str, str] = {}

    def why(self, edge: EdgeNode[R]) -> str:
        """Why ``edge`` has to be executed. Reads what it was last built from: may take a while."""
        if edge.node.ignore_cache:
            return CACHE_IGNORED
        if edge.node.cache_map is not None and not edge.node.cache_map.lasting:
            return EVERY_TIME
        if not self._last:
            return FIRST_BUILD
        ignoring = _ignoring_input(edge.node)
        if ignoring is not None:
            return f"{CACHE_IGNORED} (in {ignoring.vertex.name})"
        return self._difference(edge, set()) or NOT_KEPT

    def note(self, edge: EdgeNode[R], key: KeyId) -> None:
        """Take note that the step of ``edge`` now stands under ``key``."""
        self._now[step_id(edge.node.vertex)] = str(key)

    def save(self) -> None:
        """Let the next build be compared with this one."""
        changed = {
            step: found for step, found in self._now.items() if self._last.get(step) != found
        }
        if self._scope and changed:
            self._book.memory.point(self._scope, changed)

    def _difference(self, edge: EdgeNode[R], seen: set[EdgeNode[R]]) -> str:
        seen.add(edge)
        cache_map = edge.node.cache_map
        found = self._last.get(step_id(edge.node.vertex))
        if found is None:
            return NEW_STEP
        before = self._book.load(found)
        if before is None or cache_map is None:
            return ""
        arguments = dict(edge.node.vertex.metadata.description).get("args", "").split()
        text = _parts(dict(before["parts"]), dict(cache_map.explain), frozenset(arguments))
        if text:
            return text
        if len(before["inputs"]) != len(edge.dependencies):
            return "its inputs are others"
        for dependency, was in zip(edge.dependencies, before["inputs"], strict=True):
            text = self._input(dependency, was, seen)
            if text:
                return text
        return ""

    def _input(
        self, dependency: Dependency[R], was: Mapping[str, Any], seen: set[EdgeNode[R]]
    ) -> str:
        if dependency.content is not None and was["content"]:
            if dependency.content.digest == was["content"]:
                return ""
            files = dependency.content.files
            if files is None or was["files"] is None:
                return "the files it uses changed"
            return _files(was["files"], dict(files())) or "the files it uses changed"
        target = dependency.target
        if set(was["keys"]) & set(_keys(target)):
            return ""
        if target in seen:
            return ""
        cause = self._difference(target, seen)
        name = target.node.vertex.name
        if not cause or cause == NEW_STEP:
            return f"{name} is another" if cause == "" else f"new step before it: {name}"
        if cause.startswith(("base image", "new step")) or " (in " in cause:
            return cause
        return f"{cause} (in {name})"


def _keys(edge: EdgeNode[R]) -> list[int]:
    keys = set(edge.keys)
    if edge.saved_key is not None:
        keys.add(edge.saved_key)
    return sorted(keys)


def _listed(content: Content | None) -> dict[str, str] | None:
    if content is None or content.files is None:
        return None
    listed: dict[str, str] = {}
    for path, digest in content.files():
        if len(listed) == _MAX_FILES:
            return None
        # Enough to see that a file changed, and short.
        listed[path] = digest[-16:]
    return listed


def _files(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    changed = [path for path in now if path in before and now[path][-16:] != before[path]]
    added = [path for path in now if path not in before]
    removed = [path for path in before if path not in now]
    total = len(changed) + len(added) + len(removed)
    for paths, what in ((changed, "changed"), (added, "is new"), (removed, "was removed")):
        if paths:
            first = min(paths)
            more = f" and {total - 1} more" if total > 1 else ""
            return f"{first} {what}{more}"
    return ""


def _parts(before: Mapping[str, str], now: Mapping[str, str], arguments: Iterable[str]) -> str:
    for label in [*now, *(label for label in before if label not in now)]:
        old, new = before.get(label), now.get(label)
        if old == new:
            continue
        kind, _, name = label.partition(" ")
        if kind == "env":
            label = f"ARG {name}" if name in arguments else f"ENV {name}"
        if label == "base image":
            return f"base image now {new}"
        if old is None:
            return f"{label} is new"
        if new is None:
            return f"{label} was removed"
        if label == "command" or len(old) + len(new) > _SHOWN:
            return f"{label} changed"
        return f"{label} {old} -> {new}"
    return ""
