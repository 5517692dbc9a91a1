"""``plan``: the static plan of a Dockerfile, for the window to draw while one types."""

from __future__ import annotations

from core.dockerfile.instructions import instructions
from core.dockerfile.parser import parse
from core.errors import DockerfileError
from core.frontend.inputs import Images
from core.frontend.options import FrontendOptions
from core.frontend.planner import Planner
from core.frontend.planvalues import Cell, Machine, Plan, PlanStage, PlanStep, PlanWarning

__all__ = ["Cell", "Machine", "Plan", "PlanStage", "PlanStep", "PlanWarning", "plan"]


def plan(
    text: bytes | str,
    options: FrontendOptions,
    *,
    images: Images | None = None,
    machine: Machine | None = None,
) -> Plan:
    """The plan of ``text`` for the platforms of ``options`` on ``machine`` (default: this one).

    ``images`` are those that are known already: triggers of theirs become steps too. Raises
    nothing that is in ``core.errors``: what is wrong with the file is in ``Plan.errors``.
    """
    machine = machine or Machine.this()
    names = tuple(
        (target or (options.build_platforms or machine.native)[0]).format_all()
        for target in options.targets()
    )
    try:
        document = parse(text, name=options.filename)
    except DockerfileError as error:
        return Plan(platforms=names, errors=(error,))
    program = instructions(document, lenient=True)
    if not program.stages:
        missing = DockerfileError(
            "the Dockerfile has no FROM, so there is nothing to build",
            hint="Begin with FROM and a base image.",
            ranges=(document.nodes[0].range,),
        )
        return Plan(platforms=names, errors=program.errors or (missing,))
    return Planner(program, options, machine, images or {}).plan()
