"""Packages, processor flags and downloads that are for x86 though no name says so."""

from __future__ import annotations

import re
from collections.abc import Iterator

from core.dockerfile.commands import Add, Arg, Env, Run
from core.dockerfile.source import Span
from core.lint.analysis import Analysis, Site
from core.lint.guards import guarded
from core.lint.projects import URL, project_of
from core.lint.rules.hazard import Hazard
from core.lint.rules.patterns import INSTALLERS
from core.lint.rules.table import RuleId
from core.lint.shell.script import Command, Word

X86_PACKAGES = re.compile(
    r"^(?:lib32\w[\w.+-]*|libc6-i386|lib64\w+-i386|gcc-multilib|g\+\+-multilib|gcc-[\d.]+-multilib|ia32-libs[\w-]*"
    r"|google-chrome(?:-\w+)*|oracle-java\d+-(?:installer|set-default)|intel-mkl[\w.-]*|virtualbox[\w.-]*"
    r"|glibc\.i686|libstdc\+\+\.i686|libgcc\.i686|steamcmd|skypeforlinux|microsoft-edge[\w-]*|libc6-dev-i386"
    r"|wine32|teamviewer|spotify-client)(?:=.*)?$"
)
CPU = re.compile(
    r"-m(?:arch=(?:native|core2|corei7[\w-]*|haswell|skylake[\w-]*|broadwell|sandybridge|ivybridge|x86-64[\w-]*"
    r"|westmere|nehalem|athlon\w*|k8|znver\d|pentium\w*|i686|armv\d[\w.+-]*)|tune=native|cpu=native"
    r"|avx\w*|sse[\w.]*|aes\b|fma\b|bmi2?\b)",
)
SGERRAND = re.compile(r"sgerrand/alpine-pkg-glibc|sgerrand\.rsa\.pub")
OPAQUE = re.compile(
    r"/tini(?:-static)?[\"']?$|steamcmd_linux|/cuda_[\d.]+\w*_linux(?:\.run)?|cuda[\w.-]*linux[\w.-]*\.run"
)


def check_packages(analysis: Analysis, site: Site) -> Iterator[Hazard]:
    """AL07, AL20 and AL34 for one instruction."""
    instruction = site.instruction
    if isinstance(instruction, Run):
        opaque = False
        for script in site.scripts:
            for command in script.commands:
                if guarded(command.guards, site.tainted):
                    continue
                yield from _packages(site, command)
                yield from _flags_of(site, command)
                if not opaque:
                    for hazard in _opaque(site, command):
                        opaque = True
                        yield hazard
                        break
            for assignment in script.assignments:
                yield from _flags(site, assignment.value.text, assignment.value.span)
    elif isinstance(instruction, Env | Arg):
        for pair in site.node.key_values:
            if pair.value is not None and pair.value_span is not None:
                yield from _flags(site, pair.value, pair.value_span)
                project = project_of(site.scope.resolve(pair.value))
                if project is not None and project.opaque:
                    yield _opaque_hazard(site, pair.value_span, project.advice)
    elif isinstance(instruction, Add):
        for text, span in zip(instruction.sources, site.node.arg_spans, strict=False):
            resolved = site.scope.resolve(text)
            project = project_of(resolved)
            if (project is not None and project.opaque) or (
                URL.match(resolved) and OPAQUE.search(resolved)
            ):
                yield _opaque_hazard(site, span, project.advice if project else "")


def _packages(site: Site, command: Command) -> Iterator[Hazard]:
    if command.name not in INSTALLERS:
        return
    if not any(w.plain in {"install", "add", "-i", "localinstall"} for w in command.arguments):
        return
    found = [w for w in command.arguments if X86_PACKAGES.match(w.plain)]
    for word in found[:1]:
        rest = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        yield Hazard(
            rule=RuleId.X86_PACKAGE,
            site=site,
            span=word.span,
            message=f"the package {word.plain} does not exist on arm64{rest}",
            atom=word.plain,
        )


def _flags_of(site: Site, command: Command) -> Iterator[Hazard]:
    if command.name in {"sed", "grep", "echo", "perl", "awk"}:
        return
    for word in command.words:
        yield from _flags(site, word.text, word.span)


def _flags(site: Site, text: str, span: Span) -> Iterator[Hazard]:
    match = CPU.search(text)
    if (
        match is None
        or re.search(r"cortex|none-eabi|thumb", text)
        or text.lstrip("\"'").startswith("s/")
    ):
        return
    start = span.start + match.start()
    whole = len(span) == len(text)
    yield Hazard(
        rule=RuleId.CPU_FLAGS,
        site=site,
        span=Span(start, start + len(match.group())) if whole else span,
        message=f"{match.group()} ties the program to one kind of processor",
        atom=match.group(),
    )


def _opaque(site: Site, command: Command) -> Iterator[Hazard]:
    for word in command.words:
        resolved = site.scope.resolve(word.plain)
        if "://" not in resolved or word_is_arch(word):
            continue
        project = project_of(resolved)
        if (project is not None and project.opaque) or OPAQUE.search(resolved):
            yield _opaque_hazard(site, word.span, project.advice if project else "")


def word_is_arch(word: Word) -> bool:
    """Whether the word already varies by architecture."""
    return any("ARCH" in name.upper() for name in word.variables)


def _opaque_hazard(site: Site, span: Span, advice: str) -> Hazard:
    return Hazard(
        rule=RuleId.OPAQUE_BINARY,
        site=site,
        span=span,
        message="this download is for x86 though its name does not say so"
        + (f": {advice}" if advice else ""),
    )
