"""The plan that a builder kept with a build, as ``core.daemon.plan_document`` wrote it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from core.errors import Error, LineRange, UserInputError
from core.frontend.planvalues import Cell, Plan, PlanStage, PlanStep, PlanWarning
from core.progress.messages import Mode
from core.wire.pb import engine_pb2
from core.wire.services import Engine

if TYPE_CHECKING:
    from core.client import Builder


def plan_from_json(text: bytes) -> Plan | None:
    """None where none was kept, or a file was damaged: the graph is drawn of the steps then."""
    if not text:
        return None
    try:
        return _plan(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


async def recorded_plan(builder: Builder, ref: str) -> Plan | None:
    """What an embedded builder planned for a build. None where it cannot be had."""
    try:
        request = engine_pb2.GetBuildRequest(ref=ref)
        answer = await builder.call(Engine.GET_BUILD, request, timeout=5)
    except Error:
        return None
    return plan_from_json(answer.plan)


def _plan(raw: dict[str, Any]) -> Plan:
    return Plan(
        platforms=tuple(raw["platforms"]),
        stages=tuple(_stage(entry) for entry in raw["stages"]),
        steps=tuple(_step(entry) for entry in raw["steps"]),
        errors=tuple(
            UserInputError(entry["message"], hint=entry["hint"]) for entry in raw["errors"]
        ),
        warnings=tuple(
            PlanWarning(
                message=entry["message"],
                hint=entry["hint"],
                range=_lines(entry["range"]),
                platforms=tuple(entry["platforms"]),
            )
            for entry in raw["warnings"]
        ),
    )


def _stage(raw: dict[str, Any]) -> PlanStage:
    lines = _lines(raw["range"])
    if lines is None:
        raise ValueError("a stage has lines")
    return PlanStage(
        id=raw["id"],
        name=raw["name"],
        range=lines,
        base=raw["base"],
        platforms=dict(raw["platforms"]),
        needed=frozenset(raw["needed"]),
        steps=tuple(raw["steps"]),
    )


def _step(raw: dict[str, Any]) -> PlanStep:
    return PlanStep(
        id=raw["id"],
        stage=raw["stage"],
        name=raw["name"],
        instruction=raw["instruction"],
        kind=raw["kind"],
        range=_lines(raw["range"]),
        inputs=tuple(raw["inputs"]),
        cells={platform: _cell(cell) for platform, cell in raw["cells"].items()},
    )


def _cell(raw: dict[str, Any]) -> Cell:
    inputs = raw["inputs"]
    return Cell(
        needed=raw["needed"],
        mode=Mode(raw["mode"]),
        possible=raw["possible"],
        interpreter=raw["interpreter"],
        vertex=raw["vertex"],
        shared_with=tuple(raw["shared_with"]),
        inputs=None if inputs is None else tuple(inputs),
    )


def _lines(raw: dict[str, int] | None) -> LineRange | None:
    return None if raw is None else LineRange(raw["start"], raw["end"])
