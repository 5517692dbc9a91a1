"""What is built on the build platform and where it goes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from core.dockerfile.commands import Add, Copy, From, Run
from core.lint.analysis import Analysis, Site
from core.lint.rules.hazard import Hazard
from core.lint.rules.patterns import FETCHERS
from core.lint.rules.table import RuleId
from core.lint.stages import Role, StageFacts

COMPILERS = re.compile(r"^(?:gcc|g\+\+|cc|c\+\+|clang|clang\+\+|make|ninja)$")
CROSS = re.compile(
    r"GOARCH|GOOS|\bxx-|TARGETARCH|TARGETPLATFORM|TARGETOS|--target|--host|CARGO_BUILD_TARGET|\bzig\b"
    r"|goxx|CMAKE_TOOLCHAIN|--sysroot|cross|-gnueabihf|linux-gnu-gcc"
)
MACHINE = re.compile(
    r"uname\s+-m|dpkg\s+--print-architecture|apk\s+--print-arch|\$\(arch\)|`arch`|rpm\s+(?:-E|--eval)"
)


def check_dataflow(analysis: Analysis) -> Iterator[Hazard]:
    """AL27, AL28 and AL29 for the whole file."""
    yield from _exported(analysis)
    for facts in analysis.stages:
        if facts.role is Role.BUILD and facts.contributes and _feeds_target(analysis, facts):
            yield from _compiled(analysis, facts)
            yield from _asked(analysis, facts)


def _sites(analysis: Analysis, index: int) -> list[Site]:
    return [site for site in analysis.sites if site.stage == index]


def _exported(analysis: Analysis) -> Iterator[Hazard]:
    if not analysis.stages:
        return
    last = analysis.stages[-1]
    if last.role is not Role.BUILD:
        return
    culprit = last
    while not culprit.own_platform and culprit.parents:
        culprit = analysis.stages[culprit.parents[0]]
    if culprit.stage.base_name == "scratch":
        return
    chain = [last]
    while chain[-1] is not culprit:
        chain.append(analysis.stages[chain[-1].parents[0]])
    if (
        not any(
            isinstance(command, Run | Copy | Add)
            for facts in chain
            for command in facts.stage.commands
        )
        and not last.stage.commands
    ):
        return
    # What the user exports may be a folder of data from a stage that is not an image at all.
    site = next(
        s
        for s in analysis.sites
        if isinstance(s.instruction, From) and s.stage == culprit.stage.index
    )
    yield Hazard(
        rule=RuleId.FINAL_BUILDPLATFORM,
        site=site,
        span=site.node.span,
        message="the result is this stage's file system: every platform's image gets the build "
        "machine's files",
    )


def _feeds_target(analysis: Analysis, facts: StageFacts) -> bool:
    """Whether a stage of the target copies from this one, directly or through build stages."""
    pending, seen = [facts.stage.index], set[int]()
    while pending:
        index = pending.pop()
        if index in seen:
            continue
        seen.add(index)
        for other in analysis.stages:
            if index in other.copies or index in other.parents:
                if other.role is Role.TARGET and other.contributes and index in other.copies:
                    return True
                pending.append(other.stage.index)
    return False


def _compiled(analysis: Analysis, facts: StageFacts) -> Iterator[Hazard]:
    sites = _sites(analysis, facts.stage.index)
    if any(CROSS.search(site.text) for site in sites):
        return
    if any(
        name in scope_site.scope.variables
        for scope_site in sites[-1:]
        for name in ("GOARCH", "CARGO_BUILD_TARGET", "CC", "TARGETARCH", "TARGETPLATFORM")
    ):
        return
    for site in sites:
        for script in site.scripts:
            for command in script.commands:
                words = [w.plain for w in command.words[command.program_index :]]
                name = command.name
                what = ""
                if name == "go" and len(words) > 1 and words[1] == "build":
                    what = "go build"
                elif name == "cargo" and len(words) > 1 and words[1] in {"build", "install"}:
                    what = f"cargo {words[1]}"
                elif COMPILERS.match(name) and name not in {"make", "ninja"}:
                    what = name
                elif name == "cmake" and "--build" in words:
                    what = "cmake --build"
                if what:
                    yield Hazard(
                        rule=RuleId.CROSS_MISSING,
                        site=site,
                        span=command.span,
                        message=f"{what} on the build platform builds for the build machine, "
                        "and the result is copied to the target",
                        atom=what,
                    )
                    return


def _asked(analysis: Analysis, facts: StageFacts) -> Iterator[Hazard]:
    for site in _sites(analysis, facts.stage.index):
        if not site.scripts or not MACHINE.search(site.text):
            continue
        if re.search(r"TARGETARCH|TARGETPLATFORM", site.text):
            continue
        if any(command.name in FETCHERS for script in site.scripts for command in script.commands):
            match = MACHINE.search(site.text)
            assert match is not None
            yield Hazard(
                rule=RuleId.BUILD_EXEC,
                site=site,
                span=site.node.source.span(match.start(), match.end()),
                message=f"{match.group().strip('$()`')} answers for the build machine here, "
                "not for the image",
            )
