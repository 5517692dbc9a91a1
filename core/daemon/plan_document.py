"""A build's plan as a JSON document, kept with its history."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from enum import Enum
from typing import Any

from core.errors import Error
from core.frontend.plan import Plan


def plan_document(plan: Plan) -> dict[str, Any]:
    """The fields of ``core.frontend.plan.Plan`` by name; enums by value, errors as sentences."""
    document = _plain(plan)
    assert isinstance(document, dict)
    return document


def _plain(value: object) -> Any:
    match value:
        case Error():
            return {"message": str(value), "hint": value.hint, "lines": value.lines}
        case Enum():
            return value.value
        case None | bool() | int() | float():
            return value
        case str():
            return str(value)
        case Mapping():
            return {str(key): _plain(entry) for key, entry in value.items()}
        case tuple() | list():
            return [_plain(entry) for entry in value]
        case frozenset() | set():
            return sorted(str(entry) for entry in value)
        case _ if dataclasses.is_dataclass(value):
            fields = dataclasses.fields(value)
            return {field.name: _plain(getattr(value, field.name)) for field in fields}
        case _:
            return str(value)
