"""The build checks as pure functions: what they look at in, violations out.

Each yields what BuildKit's check of that name reports, for the caller to filter by the choice of
checks (``report.py``). Ranges are those of the instruction, one a line, as BuildKit counts them.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from core.dockerfile.expand import Expansion
from core.dockerfile.ignore import PatternMatcher
from core.dockerfile.lines import line_ranges
from core.dockerfile.nodes import Node
from core.dockerfile.suggest import suggest
from core.errors import DockerfileError, LineRange, OptionError
from core.lint.buildkit import rules
from core.lint.buildkit.rules import Rule, Violation
from core.oci.platform import Platform, parse_platform
from core.oci.quoting import go_quote
from core.oci.reference import parse_reference

RESERVED_STAGE_NAMES: Final = frozenset({"context", "scratch"})
#: Build arguments that choose what an SBOM scans and are no environment variables.
NON_ENV_ARGS: Final = frozenset({"BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"})
_SECRET: Final = re.compile(
    r"(?:_|^)(?:apikey|auth|credential|credentials|key|password|pword|passwd|secret|token)(?:_|$)",
    re.IGNORECASE | re.ASCII,
)
_NO_SECRET: Final = re.compile(r"(?:_|^)(?:public|file|version)(?:_|$)", re.IGNORECASE | re.ASCII)

Ranges = tuple[LineRange, ...]
Found = Violation | Iterable[Violation]


def _violation(rule: Rule, message: str, ranges: Ranges) -> Violation:
    return Violation(rule=rule, message=message, ranges=ranges)


def node_checks(node: Node) -> Iterator[Violation]:
    """What can be said of one instruction alone, before it is understood."""
    ranges = line_ranges(node.start, node.end)
    match node.name:
        case "maintainer":
            yield _violation(
                rules.MAINTAINER_DEPRECATED,
                "Maintainer instruction is deprecated in favor of using label",
                ranges,
            )
        case "from":
            yield from _from_checks(node, ranges)
        case "arg":
            keys = [arg.partition("=")[0] for arg in node.args]
            yield from _definition_description("ARG", keys, node.comments, ranges)
        case _:
            pass


def _from_checks(node: Node, ranges: Ranges) -> Iterator[Violation]:
    args = node.args
    if len(args) == 3 and args[2] != args[2].lower():
        yield _violation(
            rules.STAGE_NAME_CASING, f"Stage name '{args[2]}' should be lowercase", ranges
        )
    if len(args) >= 3 and not _same_case(node.keyword, args[1]):
        yield _violation(
            rules.FROM_AS_CASING,
            f"'{args[1]}' and '{node.keyword}' keywords' casing do not match",
            ranges,
        )
    if len(args) == 3 and args[1].lower() == "as":
        yield from _definition_description("FROM", [args[2].lower()], node.comments, ranges)


def _same_case(keyword: str, second: str) -> bool:
    if keyword == keyword.lower():
        return second == second.lower()
    return keyword != keyword.upper() or second == second.upper()


def _definition_description(
    keyword: str, keys: Sequence[str], comments: Sequence[str], ranges: Ranges
) -> Iterator[Violation]:
    if not comments or not keys or comments[-1].split(" ")[0] in keys:
        return
    example = keys[0] if len(keys) == 1 else "<arg_key>"
    yield _violation(
        rules.INVALID_DEFINITION_DESCRIPTION,
        f"Comment for {keyword} should follow the format: `# {example} <description>`",
        ranges,
    )


def empty_continuation(line: int) -> Violation:
    return _violation(
        rules.NO_EMPTY_CONTINUATION, "Empty continuation line", (LineRange(line, line),)
    )


def stage_names(stages: Iterable[tuple[str, Ranges]]) -> Iterator[Violation]:
    """Reserved and repeated names among the stages' names (lower case, empty where unnamed)."""
    seen: set[str] = set()
    for name, ranges in stages:
        if not name:
            continue
        if name in RESERVED_STAGE_NAMES:
            yield _violation(
                rules.RESERVED_STAGE_NAME,
                f"Stage name should not use the same name as reserved stage {go_quote(name)}",
                ranges,
            )
        if name in seen:
            yield _violation(
                rules.DUPLICATE_STAGE_NAME,
                f"Duplicate stage name {go_quote(name)}, stage names should be unique",
                ranges,
            )
        seen.add(name)


def instruction_casing(keywords: Sequence[tuple[str, Ranges]]) -> Iterator[Violation]:
    """Keywords, as written, whose case differs from that of most; a tie is for upper case."""
    lower = sum(1 for word, _ in keywords if word == word.lower())
    upper = sum(1 for word, _ in keywords if word != word.lower() and word == word.upper())
    wanted = "lowercase" if lower > upper else "uppercase"
    for word, ranges in keywords:
        if word != (word.lower() if lower > upper else word.upper()):
            yield _violation(
                rules.CONSISTENT_INSTRUCTION_CASING,
                f"Command '{word}' should match the case of the command majority ({wanted})",
                ranges,
            )


def invalid_default_base(base_name: str, expanded: str, ranges: Ranges) -> Iterator[Violation]:
    """A base name that is no image when no build argument is given."""
    try:
        parse_reference(expanded)
    except OptionError:
        yield _violation(
            rules.INVALID_DEFAULT_ARG_IN_FROM,
            f"Default value for ARG {base_name} results in empty or invalid base image name",
            ranges,
        )


def undefined_from_args(
    unmatched: Iterable[str], declared: Sequence[str], ranges: Ranges
) -> Iterator[Violation]:
    """Variables of a FROM that no global ARG declares."""
    for name in sorted(unmatched):
        if name in declared:
            continue
        yield _violation(
            rules.UNDEFINED_ARG_IN_FROM,
            f"FROM argument '{name}' is not declared{_did_you_mean(name, declared, '')}",
            ranges,
        )


def platform_flag(
    written: str, stage_name: str, expansion: Expansion, target_platform: str, ranges: Ranges
) -> Iterator[Violation]:
    """A FROM --platform that says nothing new, or that says the same for every platform."""
    if expansion.used or expansion.unmatched:
        if (
            expansion.used == {"TARGETPLATFORM"}
            and not expansion.unmatched
            and expansion.text == target_platform
        ):
            yield _violation(
                rules.REDUNDANT_TARGET_PLATFORM,
                f"Setting platform to predefined {written} in FROM is redundant as this is the "
                "default behavior",
                ranges,
            )
        return
    try:
        platform = parse_platform(expansion.text, normalize=False)
    except OptionError:
        return
    if platform.os not in stage_name and platform.architecture not in stage_name:
        yield _violation(
            rules.FROM_PLATFORM_FLAG_CONST_DISALLOWED,
            f"FROM --platform flag should not use constant value {go_quote(expansion.text)}",
            ranges,
        )


def base_image_platform(
    name: str, expected: Platform, actual: Platform, ranges: Ranges
) -> Iterator[Violation]:
    """A base image made for another platform than the one asked for."""
    if (expected.os, expected.architecture) != (actual.os, actual.architecture):
        yield _violation(
            rules.INVALID_BASE_IMAGE_PLATFORM,
            f"Base image {name} was pulled with platform "
            f"{go_quote(actual.normalized().format_all())}, expected "
            f"{go_quote(expected.normalized().format_all())} for current build",
            ranges,
        )


def undefined_variables(
    unmatched: Iterable[str], build_args: Iterable[str], env: Mapping[str, str], ranges: Ranges
) -> Iterator[Violation]:
    """Variables of an instruction that neither the environment nor an ARG of the stage defines."""
    known = set(build_args) | NON_ENV_ARGS
    for name in sorted(set(unmatched) - known):
        yield _violation(
            rules.UNDEFINED_VAR,
            f"Usage of undefined variable '${name}'{_did_you_mean(name, list(env), '$')}",
            ranges,
        )


def _did_you_mean(name: str, options: Sequence[str], prefix: str) -> str:
    match = suggest(name, options)
    return f" (did you mean {prefix}{match}?)" if match else ""


def secret_name(instruction: str, key: str, ranges: Ranges) -> Iterator[Violation]:
    if _SECRET.search(key) and not _NO_SECRET.search(key):
        yield _violation(
            rules.SECRETS_USED_IN_ARG_OR_ENV,
            "Do not use ARG or ENV instructions for sensitive data "
            f"({instruction} {go_quote(key)})",
            ranges,
        )


def legacy_format(keyword: str, ranges: Ranges) -> Violation:
    return _violation(
        rules.LEGACY_KEY_VALUE_FORMAT,
        f'"{keyword} key=value" should be used instead of legacy "{keyword} key value" format',
        ranges,
    )


def json_recommended(keyword: str, ranges: Ranges) -> Violation:
    return _violation(
        rules.JSON_ARGS_RECOMMENDED,
        f"JSON arguments recommended for {keyword} to prevent unintended behavior related to OS "
        "signals",
        ranges,
    )


def repeated_instruction(keyword: str, previous: Ranges) -> Violation:
    """At the earlier of two instructions of which only the last counts."""
    return _violation(
        rules.MULTIPLE_INSTRUCTIONS_DISALLOWED,
        f"Multiple {keyword} instructions should not be used in the same stage because only the "
        "last one will be used",
        previous,
    )


def relative_workdir(path: str, ranges: Ranges) -> Violation:
    return _violation(
        rules.WORKDIR_RELATIVE_PATH,
        f"Relative workdir {go_quote(path)} can have unexpected results if the base image changes",
        ranges,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class IgnoreFile:
    """An ignore file's patterns, and the matcher made of them."""

    patterns: tuple[str, ...]
    matcher: PatternMatcher


def ignored_source(
    command: str, source: str, ignore: IgnoreFile | None, ranges: Ranges
) -> Iterator[Violation]:
    """A COPY or ADD source ("Copy", "Add") that the ignore file keeps out of the context."""
    if ignore is None or ignore.matcher.has_negations:
        return
    path = posixpath.normpath(source) if source else "."
    path = f"/{path.lstrip('/')}" if path.startswith("//") else path
    if path in (".", "/") and not any(p in ("*", "**", "**/*") for p in ignore.patterns):
        return
    try:
        ignored = ignore.matcher.matches(path)
    except DockerfileError:
        return
    if ignored:
        yield _violation(
            rules.COPY_IGNORED_FILE,
            f"Attempting to {command} file {go_quote(path)} that is excluded by .dockerignore",
            ranges,
        )


def port_format(port: str, protocol: str, *, mapped: bool, ranges: Ranges) -> Iterator[Violation]:
    """An EXPOSE with an upper-case protocol, or with an address or port of the host."""
    if protocol != protocol.lower():
        yield _violation(
            rules.EXPOSE_PROTO_CASING,
            f"Defined protocol '{port}' in EXPOSE instruction should be lowercase",
            ranges,
        )
    if mapped:
        yield _violation(
            rules.EXPOSE_INVALID_FORMAT,
            "EXPOSE instruction should not define an IP address or host-port mapping, found "
            f"'{port}'",
            ranges,
        )
