"""Reading a Dockerfile for a conversion: the typed program and the choice of checks."""

from __future__ import annotations

from core.dockerfile.commands import Program
from core.dockerfile.instructions import instructions, parse_single
from core.dockerfile.nodes import Document
from core.dockerfile.parser import parse
from core.errors import DockerfileError, OptionError
from core.frontend.options import FrontendOptions
from core.lint.buildkit import checks
from core.lint.buildkit.config import LintConfig, parse_check
from core.lint.buildkit.report import Report


def read_program(text: bytes | str, options: FrontendOptions, report: Report) -> Program:
    """The typed Dockerfile; ``report`` is given the choice of checks that the file makes.

    Raises ``DockerfileError`` for a file that cannot be understood or has no stage; ``report``
    then holds what the checks said of the instructions before.
    """
    if not text:
        raise DockerfileError(
            "the Dockerfile is empty",
            hint="Begin with FROM and a base image.",
            source_name=options.filename,
            phrase="the Dockerfile cannot be empty",
        )
    document = parse(text, name=options.filename)
    report.config = _lint_config(document, options)
    try:
        program = instructions(document)
    except DockerfileError:
        _check_until_error(document, report)
        raise
    if not program.stages:
        raise DockerfileError(
            "the Dockerfile has no FROM, so there is nothing to build",
            hint="Begin with FROM and a base image.",
            source_name=options.filename,
            phrase="dockerfile contains no stages to build",
        )
    return program


def _lint_config(document: Document, options: FrontendOptions) -> LintConfig:
    """The choice of checks: the build argument's, else the file's."""
    if options.check is not None:
        return options.check
    directive = document.directive("check")
    if directive is None:
        return LintConfig()
    try:
        return parse_check(directive.word)
    except OptionError as error:
        raise DockerfileError(
            error.message,
            hint=error.hint,
            ranges=(directive.range,),
            source_name=document.name,
            phrase=f"failed to parse check options: {error.phrase}",
        ) from error


def _check_until_error(document: Document, report: Report) -> None:
    """The checks that BuildKit makes before it meets the instruction it cannot understand."""
    report.add(checks.empty_continuation(w.line) for w in document.warnings)
    for node in document.nodes:
        report.add(checks.node_checks(node), node.comments)
        try:
            parse_single(node)
        except DockerfileError:
            return
