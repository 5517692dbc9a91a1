"""The questions a client can ask about a Dockerfile without building it.

``frontend.lint``, ``frontend.outline``, ``frontend.targets`` and
``frontend.subrequests.describe``; answers are the JSON values of BuildKit's ``result.json``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from core.dockerfile.instructions import instructions
from core.dockerfile.lines import line_ranges
from core.dockerfile.parser import parse
from core.errors import Error, OptionError
from core.frontend.inputs import BuildInputs, FactsMissingError, Images, NeedImages
from core.frontend.options import FrontendOptions
from core.frontend.outline import location, outline
from core.frontend.program import read_program
from core.frontend.single import SingleConverter
from core.lint.buildkit.report import Report
from core.lint.buildkit.rules import Violation

LINT: Final = "frontend.lint"
OUTLINE: Final = "frontend.outline"
TARGETS: Final = "frontend.targets"
DESCRIBE: Final = "frontend.subrequests.describe"

_DESCRIPTIONS: Final = (
    (LINT, "Lint a Dockerfile"),
    (OUTLINE, "List all parameters current build target supports"),
    (TARGETS, "List all targets current build supports"),
    (DESCRIBE, "List available subrequest types"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LintAnswer:
    """What the build checks object to, and what keeps the file from being built at all."""

    violations: tuple[Violation, ...]
    error: Error | None = None


def lint_request(
    text: bytes | str,
    options: FrontendOptions,
    images: Images,
    *,
    inputs: BuildInputs | None = None,
) -> LintAnswer | NeedImages:
    """Run the build checks on every stage, or on what a target needs if one is named.

    As BuildKit does, for the builder's own platform, whichever are asked for (``check_program`` of
    ``core.lint.buildkit`` looks at each). Never raises ``core.errors.Error``: it is part of the
    answer.
    """
    report = Report()
    try:
        program = read_program(text, options, report)
        SingleConverter(
            program=program,
            options=options,
            images=images,
            inputs=inputs or BuildInputs(),
            all_stages=not options.target,
        ).dispatch_all(None, report)
    except FactsMissingError as missing:
        return missing.needs
    except Error as error:
        return LintAnswer(violations=tuple(report.violations), error=error)
    return LintAnswer(violations=tuple(report.violations))


def targets_request(text: bytes | str, name: str = "Dockerfile") -> dict[str, Any]:
    """The stages of a file. Raises ``DockerfileError``."""
    stages = instructions(parse(text, name=name)).stages
    targets: list[dict[str, Any]] = []
    for stage in stages:
        target: dict[str, Any] = {}
        if stage.name:
            target["name"] = stage.name
        if stage.doc:
            target["description"] = stage.doc
        if stage.index == len(stages) - 1:
            target["default"] = True
        target["base"] = stage.base_name
        if stage.platform:
            target["platform"] = stage.platform
        node = stage.from_.node
        target["location"] = location(line_ranges(node.start, node.end))
        targets.append(target)
    return {"targets": targets} if targets else {}


def outline_request(
    text: bytes | str,
    options: FrontendOptions,
    images: Images,
    *,
    inputs: BuildInputs | None = None,
) -> dict[str, Any] | NeedImages:
    """Arguments, secrets and agents of the target. Raises ``core.errors.Error``."""
    report = Report()
    program = read_program(text, options, report)
    converter = SingleConverter(
        program=program, options=options, images=images, inputs=inputs or BuildInputs()
    )
    try:
        return outline(converter.dispatch_all(None, report).target)
    except FactsMissingError as missing:
        return missing.needs


def describe_request() -> list[dict[str, Any]]:
    """The requests there are."""
    return [
        {
            "name": name,
            "version": "1.0.0",
            "type": "rpc",
            "description": description,
            "opts": [],
            "metadata": [{"name": "result.json"}, {"name": "result.txt"}],
        }
        for name, description in _DESCRIPTIONS
    ]


def unknown_request(request_id: str) -> OptionError:
    """The error for a request that is none of these."""
    known = ", ".join(name for name, _ in _DESCRIPTIONS)
    return OptionError(
        f"the frontend cannot answer the request {request_id!r}",
        hint=f"It answers {known}.",
        phrase=f"unsupported request {request_id}",
    )
