"""A Dockerfile as a graph for every platform: the pure heart of a build.

``convert`` needs nothing but values. What it must know of the world and was not told it asks for
by returning ``NeedImages``; the caller finds out and calls again.
"""

from __future__ import annotations

import re

from core.dockerfile.commands import Arg, Program
from core.frontend.conversion import BuildWarning, Conversion, PlatformResult
from core.frontend.inputs import BuildInputs, FactsMissingError, Images, NeedImages
from core.frontend.options import FrontendOptions
from core.frontend.program import read_program
from core.frontend.single import SingleConverter
from core.lint.buildkit.report import Report


def convert(
    text: bytes | str,
    options: FrontendOptions,
    images: Images,
    *,
    inputs: BuildInputs | None = None,
    report: Report | None = None,
) -> Conversion | NeedImages:
    """The graphs and image configs of a Dockerfile for all platforms of ``options``.

    Warnings are those of the first platform, as BuildKit gives them; ``report`` collects them too,
    for who wants those that came before an error. Raises ``core.errors.Error``:
    ``DockerfileError`` with its lines, ``NotFoundError`` for a target that is not there, whatever
    ``images`` says of an image that cannot be had.
    """
    if report is None:
        report = Report()
    report.violations.clear()
    program = read_program(text, options, report)
    converter = SingleConverter(
        program=program, options=options, images=images, inputs=inputs or BuildInputs()
    )
    results: list[PlatformResult] = []
    needs = NeedImages()
    for index, platform in enumerate(options.targets()):
        try:
            results.append(
                converter.convert(platform, report if index == 0 else Report(silent=True))
            )
        except FactsMissingError as missing:
            needs = needs.joined(missing.needs)
    if needs:
        return needs
    return Conversion(
        results=tuple(results),
        warnings=tuple(map(BuildWarning.of, report.violations)),
        multi_platform=options.multi_platform,
        unused_args=_unused_args(program, options),
        foreign_frontend=_foreign_frontend(program, options),
    )


#: Frontend images that mean this very language.
_OWN_FRONTENDS = re.compile(
    r"(?:(?:index\.)?docker\.io/)?docker/dockerfile(?:-upstream)?(?:[:@].*)?"
)


def _foreign_frontend(program: Program, options: FrontendOptions) -> str:
    """The frontend that was asked for, where it is not this language's own."""
    directive = program.document.directive("syntax")
    asked = options.build_args.get("BUILDKIT_SYNTAX") or (directive.word if directive else "")
    asked = asked.strip().partition(" ")[0]
    if not asked or asked == "dockerfile.v0" or _OWN_FRONTENDS.fullmatch(asked):
        return ""
    return asked


#: Build arguments that the frontend itself understands.
_KNOWN_ARGS = frozenset(
    (
        *("BUILDKIT_SYNTAX", "BUILDKIT_DOCKERFILE_CHECK", "BUILDKIT_MULTI_PLATFORM"),
        *("BUILDKIT_INLINE_CACHE", "BUILDKIT_CACHE_MOUNT_NS", "BUILDKIT_CONTEXT_KEEP_GIT_DIR"),
        *("BUILDKIT_SANDBOX_HOSTNAME", "BUILDKIT_BUILD_NAME", "BUILDKIT_SBOM_SCAN_CONTEXT"),
        *("BUILDKIT_SBOM_SCAN_STAGE", "SOURCE_DATE_EPOCH"),
        *("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"),
    )
)


def _unused_args(program: Program, options: FrontendOptions) -> tuple[str, ...]:
    """Build arguments that no ARG declares and nothing else reads."""
    if not options.build_args:
        return ()
    declared = {
        definition.key
        for args in (program.meta_args, *(stage.commands for stage in program.stages))
        for arg in args
        if isinstance(arg, Arg)
        for definition in arg.args
    }
    automatic = ("TARGET", "BUILD")
    return tuple(
        key
        for key in options.build_args
        if key not in declared
        and key not in _KNOWN_ARGS
        and key.lower() not in _KNOWN_ARGS
        and not key.startswith(automatic)
    )
