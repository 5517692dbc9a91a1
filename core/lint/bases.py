"""The images that a Dockerfile is built on, as a registry is asked for them."""

from __future__ import annotations

from dataclasses import replace

from core.dockerfile.commands import From, Program
from core.lint.analysis import Analysis


def base_references(program: Program) -> tuple[str, ...]:
    """Every image of a FROM with its known ARGs put in, in order, without repeats.

    Stages, ``scratch`` and names that depend on what is not known are left out. The texts are the
    keys that ``LintOptions.images`` is looked up by.
    """
    bare = replace(program, stages=tuple(replace(s, commands=()) for s in program.stages))
    analysis = Analysis(bare)
    found: dict[str, None] = {}
    for site in analysis.sites:
        stage = analysis.stage_of(site)
        if not isinstance(site.instruction, From) or stage is None or stage.parents:
            continue
        reference = site.scope.resolve(site.instruction.base_name)
        if reference != "scratch" and "$" not in reference:
            found[reference] = None
    return tuple(found)
