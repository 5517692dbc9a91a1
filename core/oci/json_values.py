"""Reading JSON documents of which nothing is known, and writing them the same way every time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TypeAlias

from core.errors import UserInputError

Json: TypeAlias = "Mapping[str, Json] | list[Json] | str | int | float | bool | None"
JsonObject: TypeAlias = dict[str, Json]


class ImageFormatError(UserInputError):
    """A manifest, index, config or layout does not have the form that the specification asks."""

    code = "image-format"


def load_object(data: bytes, what: str) -> JsonObject:
    """The JSON object in ``data``; ImageFormatError names ``what`` when it is none."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ImageFormatError(f"{what} is not valid JSON: {error}") from error
    return as_object(value, what)


def as_object(value: object, what: str) -> JsonObject:
    if not isinstance(value, dict):
        raise ImageFormatError(f"{what} must be a JSON object")
    return value


def as_list(value: object, what: str) -> list[Json]:
    """A list; an absent or null one is empty, as Go writes it."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise ImageFormatError(f"{what} must be a JSON array")
    return value


def as_text(value: object, what: str) -> str:
    """A string; an absent or null one is empty."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ImageFormatError(f"{what} must be a string")
    return value


def as_pairs(value: object, what: str) -> tuple[tuple[str, str], ...]:
    """A map of strings as sorted pairs."""
    if value is None:
        return ()
    items = as_object(value, what).items()
    return tuple(sorted((key, as_text(item, f"{what}.{key}")) for key, item in items))


def dump(value: Json, *, indent: int | None = 2) -> bytes:
    """Bytes that depend on the value alone; keys stay in the order given."""
    separators = (",", ":") if indent is None else (",", ": ")
    return json.dumps(value, indent=indent, separators=separators, ensure_ascii=False).encode()
