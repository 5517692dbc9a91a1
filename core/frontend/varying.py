"""Values for several platforms at once: one text where all agree, else one text for each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias

Varying: TypeAlias = str | tuple[str, ...]
#: Which platforms are alike: for each, the number of the first platform that is the same.
Partition: TypeAlias = tuple[int, ...]

_NAMES: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def settle(values: tuple[str, ...]) -> Varying:
    """One text if all are equal."""
    first = values[0]
    return first if all(value == first for value in values) else values


class PlatformView(Mapping[str, str]):
    """An environment of varying values as one platform sees it."""

    def __init__(self, env: Mapping[str, Varying], index: int) -> None:
        self._env = env
        self._index = index

    def __getitem__(self, key: str) -> str:
        value = self._env[key]
        return value if isinstance(value, str) else value[self._index]

    def __iter__(self) -> Iterator[str]:
        return iter(self._env)

    def __len__(self) -> int:
        return len(self._env)


def evaluate(
    text: str,
    env: Mapping[str, Varying],
    count: int,
    expand: Callable[[str, Mapping[str, str]], str],
) -> Varying:
    """``text`` expanded for ``count`` platforms, once if it names nothing that varies."""
    if "$" not in text:
        return expand(text, {})
    if not varying_names(text, env):
        return expand(text, PlatformView(env, 0))
    return settle(tuple(expand(text, PlatformView(env, index)) for index in range(count)))


def varying_names(text: str, env: Mapping[str, Varying]) -> list[str]:
    """The names in ``text`` whose values differ between platforms (names without $ count too)."""
    if "$" not in text:
        return []
    return [name for name in set(_NAMES.findall(text)) if isinstance(env.get(name, ""), tuple)]


def refine(partition: Partition, keys: tuple[object, ...]) -> Partition:
    """``partition`` with platforms told apart whose ``keys`` differ."""
    first: dict[tuple[int, object], int] = {}
    return tuple(
        first.setdefault((group, key), index)
        for index, (group, key) in enumerate(zip(partition, keys, strict=True))
    )
