"""The automatic platform arguments: undeclared, defaulted, misspelt, in the wrong place."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from core.dockerfile.commands import Add, Arg, Copy, Env, Expose, From, Label, Run, User, Workdir
from core.dockerfile.source import Span
from core.lint.analysis import Analysis, Site
from core.lint.rules.hazard import Hazard
from core.lint.rules.table import RuleId
from core.lint.scope import PLATFORM_ARGS, REFERENCE, references
from core.lint.shell.script import Word
from core.lint.stages import Role

EXPANDED = (Add, Copy, Env, Label, Workdir, User, Expose, Arg)
NEAR = re.compile(
    r"^(?:TARGET|BUILD)_?(?:PLATFORM|PLAFORM|PLATFORMS|PLATFROM|ARCH|ACRH|ARHC|ARCHITECTURE|OS|VARIANT|VARIENT|VARAINT)S?$"
)
# A use that says itself what to do without a value.
DEFAULTS = (":-", "-", ":?", "?", ":+", "+")
SHELL_DEFAULTS = (*DEFAULTS, ":=", "=")
MOUNT_ID = re.compile(r"(?:^|,)id=([^,]+)")
SHELL_SETS = re.compile(
    r"(?:^|[\s;&|(])(?:export\s+|local\s+|readonly\s+)?([A-Za-z_][A-Za-z0-9_]*)="
)
READS = re.compile(r"\b(?:read|for)\s+(?:-\w+\s+)*([A-Za-z_][A-Za-z0-9_]*)")


def check_platform_args(analysis: Analysis, site: Site) -> Iterator[Hazard]:
    """AL22 to AL26 for one instruction."""
    instruction = site.instruction
    if isinstance(instruction, Arg):
        yield from _defaults(site)
    if isinstance(instruction, From):
        yield from _from_misuse(site, instruction)
        return
    if site.stage is None:
        return
    if isinstance(instruction, Run):
        yield from _run(analysis, site, instruction)
    elif isinstance(instruction, EXPANDED):
        yield from _undeclared(analysis, site)


def _defaults(site: Site) -> Iterator[Hazard]:
    for pair in site.node.key_values:
        if pair.key not in PLATFORM_ARGS or pair.value is None:
            continue
        if pair.key in references(pair.value):
            continue
        yield Hazard(
            rule=RuleId.ARG_DEFAULT,
            site=site,
            span=pair.span,
            message=f"the default of {pair.key} overrides the value that the build sets: "
            f"it is {pair.value or 'empty'} for every platform",
        )


def _from_misuse(site: Site, instruction: From) -> Iterator[Hazard]:
    match = re.match(r"\$\{?(BUILDPLATFORM|TARGETPLATFORM)\}?", instruction.base_name)
    if match and site.node.arg_spans:
        yield Hazard(
            rule=RuleId.ARG_MISUSE,
            site=site,
            span=site.node.arg_spans[0],
            message=f"{match.group(1)} is a platform, not part of an image's name: "
            "it belongs into --platform",
        )


def _run(analysis: Analysis, site: Site, instruction: Run) -> Iterator[Hazard]:
    for text in instruction.mounts:
        match = MOUNT_ID.search(text)
        if match is None:
            continue
        for name in references(match.group(1)):
            if name in PLATFORM_ARGS and site.scope.get(name) is None:
                yield Hazard(
                    rule=RuleId.CACHE_MOUNT,
                    site=site,
                    span=_flag_span(site, text),
                    message=f"{name} is empty here, so that all platforms share one cache mount",
                )
    local = {name for script in site.scripts for name in _assigned(script.text)}
    for script in site.scripts:
        local.update(a.name for a in script.assignments)
    seen: set[str] = set()
    for script in site.scripts:
        for command in script.commands:
            for word in (*command.words, *command.redirects, *_optional(command.heredoc)):
                if word.single_quoted:
                    continue
                yield from _words(analysis, site, word.text, word.span, local, seen)
            for assignment in command.assignments:
                yield from _misuse(
                    analysis, site, assignment.name, assignment.value.text, assignment.span
                )
        for assignment in script.assignments:
            if not assignment.value.single_quoted:
                yield from _words(
                    analysis, site, assignment.value.text, assignment.value.span, local, seen
                )
            if not assignment.for_command:
                yield from _misuse(
                    analysis, site, assignment.name, assignment.value.text, assignment.span
                )
        for case in script.cases:
            yield from _words(analysis, site, case.subject.text, case.subject.span, local, seen)


def _optional(value: Word | None) -> tuple[Word, ...]:
    return () if value is None else (value,)


def _assigned(text: str) -> list[str]:
    return [*SHELL_SETS.findall(text), *READS.findall(text)]


def _wanting(
    analysis: Analysis, site: Site, text: str, known: Collection[str], defaulted: tuple[str, ...]
) -> Iterator[tuple[re.Match[str], str, RuleId, str]]:
    """Uses of platform arguments, or of names like theirs, that nothing gives a value."""
    for match in REFERENCE.finditer(text):
        name = match.group(1) or match.group(3)
        if not name or name in known or site.scope.get(name) is not None:
            continue
        if (match.group(2) or "").startswith(defaulted):
            continue
        if name in PLATFORM_ARGS:
            message = f"{name} is empty here: the stage does not declare it"
            yield match, name, RuleId.ARG_SCOPE, message
        elif NEAR.match(name) and not _known(analysis, name):
            message = f"{name} is nothing the build sets; {_meant(name)} is meant"
            yield match, name, RuleId.ARG_TYPO, message


def _words(
    analysis: Analysis, site: Site, text: str, span: Span, local: set[str], seen: set[str]
) -> Iterator[Hazard]:
    whole = len(span) == len(text)
    for match, name, rule, message in _wanting(analysis, site, text, local, SHELL_DEFAULTS):
        if name in seen:
            continue
        seen.add(name)
        start = span.start + match.start()
        found = Span(start, start + len(match.group())) if whole else span
        yield Hazard(rule=rule, site=site, span=found, message=message, atom=name)


def _undeclared(analysis: Analysis, site: Site) -> Iterator[Hazard]:
    own = (
        {pair.key for pair in site.node.key_values} if isinstance(site.instruction, Arg) else set()
    )
    seen: set[str] = set()
    text = site.node.original
    for match, name, rule, message in _wanting(analysis, site, text, own, DEFAULTS):
        if name in seen:
            continue
        seen.add(name)
        span = site.node.source.span(match.start(), match.end())
        yield Hazard(rule=rule, site=site, span=span, message=message, atom=name)


def _known(analysis: Analysis, name: str) -> bool:
    """Whether any ARG or ENV of the file, or a script, gives the name a value."""
    return any(site.scope.get(name) is not None for site in analysis.sites) or bool(
        re.search(r"(?:^|[\s;&|(])" + re.escape(name) + r"=", analysis.text)
    )


def _meant(name: str) -> str:
    plain = name.replace("_", "")
    side = "TARGET" if plain.startswith("TARGET") else "BUILD"
    rest = plain[len(side) :]
    for part, heads in (("PLATFORM", "P"), ("VARIANT", "V"), ("OS", "O"), ("ARCH", "A")):
        if rest.startswith(heads):
            return side + part
    return f"{side}ARCH"


def _misuse(analysis: Analysis, site: Site, name: str, value: str, span: Span) -> Iterator[Hazard]:
    if name not in {"GOARCH", "GOOS"}:
        return
    used = [n for n in references(value) if n in PLATFORM_ARGS]
    if not used:
        return
    stage = analysis.stage_of(site)
    for variable in used:
        wrong = variable.endswith("PLATFORM") or (
            variable.startswith("BUILD")
            and stage is not None
            and stage.role is Role.BUILD
            and stage.contributes
        )
        if wrong and not re.search(r"[%#/]", value):
            right = "TARGETARCH" if name == "GOARCH" else "TARGETOS"
            yield Hazard(
                rule=RuleId.ARG_MISUSE,
                site=site,
                span=span,
                message=f"{name} is given {variable}; {right} is what the image needs",
                atom=variable,
            )


def _flag_span(site: Site, mount: str) -> Span:
    for text, span in zip(site.node.flags, site.node.flag_spans, strict=True):
        if text.endswith(mount):
            return span
    return site.node.keyword_span
