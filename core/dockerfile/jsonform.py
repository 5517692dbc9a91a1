"""The JSON form of arguments: an array of strings, read as Go's ``encoding/json`` reads it."""

from __future__ import annotations

import json
from typing import NoReturn

from core.dockerfile.decode import readable
from core.errors import DockerfileError


def _refuse(text: str) -> NoReturn:
    raise ValueError(text)


def _number(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(text)
    return value


_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_float=_number, parse_int=_number)


def json_strings(text: str) -> list[str] | None:
    """The strings of a JSON array, or None where ``text`` is no JSON array.

    Raises DockerfileError, without a range, for an array that holds anything but strings.
    """
    if not text.startswith("["):
        return None
    try:
        values: list[object] = _DECODER.decode(text)
    except ValueError:
        return None
    except RecursionError:
        values = [None]
    strings = [value for value in values if isinstance(value, str)]
    if len(strings) != len(values):
        raise DockerfileError(
            "A JSON array of arguments may hold strings only",
            hint="Put every element in double quotes.",
            phrase="when using JSON array syntax, arrays must be comprised of strings only",
        )
    return [readable(value) for value in strings] if "\\u" in text else strings
