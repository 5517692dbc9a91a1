"""A plan as text: a line for each step, a column for each platform."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from core.frontend.options import FrontendOptions
from core.frontend.planvalues import Cell, Machine, Plan
from core.oci.platform import Platform, host_platform
from core.progress.messages import Mode

_SIGNS = {Mode.NONE: "+", Mode.NATIVE: "n", Mode.CROSS: "x", Mode.EMULATED: "e"}
_WIDTH = 72


def machine_for(options: FrontendOptions, *, emulation: bool) -> Machine:
    """This machine, as one that can emulate all that is asked for, or nothing."""
    host = host_platform()
    native = [host]
    if host.architecture == "amd64":
        # 64-bit kernels of x86 run 32-bit programs.
        native.append(Platform(os=host.os, architecture="386"))
    wanted = [target for target in options.targets() if target is not None]
    foreign = {p.normalized(): "emulator" for p in wanted if p.normalized() not in native}
    return Machine(native=tuple(native), emulated=foreign if emulation else {})


def plan_lines(plan: Plan) -> Iterator[str]:
    """The table, then what is shared, then warnings; errors are the caller's."""
    heads = [platform.removeprefix("linux/") for platform in plan.platforms]
    yield "  ".join([*heads, "STEP"])
    steps = {step.id: step for step in plan.steps}
    inside = {step for stage in plan.stages for step in stage.steps}
    for step in plan.steps:
        if step.id not in inside:
            yield _row(plan, heads, step.cells, step.name)
    for stage in plan.stages:
        yield ""
        yield f"{' ' * (sum(map(len, heads)) + 2 * len(heads))}stage {stage.name or stage.id}"
        for name in stage.steps:
            if name in steps:
                yield _row(plan, heads, steps[name].cells, steps[name].name)
    for warning in plan.warnings:
        yield ""
        where = f"line {warning.range.start}: " if warning.range else ""
        yield f"warning: {where}{warning.message}"
        if warning.hint:
            yield f"  {warning.hint}"


def _row(plan: Plan, heads: list[str], cells: Mapping[str, Cell], name: str) -> str:
    marks = [
        f"{sign(cells.get(platform)):<{len(head)}}"
        for platform, head in zip(plan.platforms, heads, strict=True)
    ]
    text = " ".join(name.split())
    return "  ".join([*marks, text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."])


def sign(cell: Cell | None) -> str:
    """One character for a step on a platform; ``=`` after it where another platform shares it."""
    if cell is None or not cell.needed:
        return "."
    if not cell.possible:
        return "!"
    return _SIGNS[cell.mode] + ("=" if cell.shared_with else "")
