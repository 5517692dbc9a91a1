"""ARG, ENV and LABEL: an architecture's name in a value."""

from __future__ import annotations

import re
from collections.abc import Iterator

from core.dockerfile.commands import Arg, Env, From, Label
from core.dockerfile.spans import KeyValueSpans
from core.lint.analysis import Analysis, Site
from core.lint.guards import guarded
from core.lint.rules.atoms import Atom, atoms
from core.lint.rules.hazard import Hazard
from core.lint.rules.images import names_image
from core.lint.rules.patterns import JAVA, LIBRARY, TRIPLE
from core.lint.rules.roots import Roots
from core.lint.rules.table import RuleId
from core.lint.rules.wording import message_of, related_uses, token_span
from core.lint.scope import PLATFORM_ARGS, references

ARCHIVE = re.compile(
    r"\.(?:tar|tgz|tbz|txz|zip|deb|rpm|apk|bz2|gz|xz|run|sh|bin|whl)\b", re.IGNORECASE
)
LABEL_KEY = re.compile(r"(?:^|[._-])(?:arch|architecture|platform)$", re.IGNORECASE)
NAMED_FOR_ARCH = re.compile(
    r"amd64|x86|x64|arm|aarch|386|i686|ppc|s390|linux64|64bit|riscv", re.IGNORECASE
)
DESCRIPTIVE = re.compile(
    r"desc|title|comment|summary|note|usage|doc|maintainer|authors?$", re.IGNORECASE
)


def check_definitions(
    analysis: Analysis, side_by_side: frozenset[str], roots: Roots, site: Site
) -> Iterator[Hazard]:
    """Hazards of one ARG, ENV or LABEL."""
    instruction = site.instruction
    if isinstance(instruction, Label):
        yield from _labels(site)
        return
    if not isinstance(instruction, Arg | Env):
        return
    for pair in site.node.key_values:
        if pair.value is None or pair.value_span is None:
            continue
        if pair.key in PLATFORM_ARGS or DESCRIPTIVE.search(pair.key):
            continue
        if site.scope.follows(pair.value) and "://" not in pair.value:
            continue
        for atom in atoms(pair.value):
            if atom.skeleton in side_by_side:
                continue
            rule = _rule(analysis, site, pair, atom, roots)
            if rule is None:
                continue
            yield _hazard(analysis, site, pair, atom, rule)
            roots.add(atom.text)
            roots.variables.add(pair.key)
            break


def _rule(
    analysis: Analysis, site: Site, pair: KeyValueSpans, atom: Atom, roots: Roots
) -> RuleId | None:
    key, value = pair.key, (pair.value or "").strip("\"'")
    if NAMED_FOR_ARCH.search(key) and used_under_guard(analysis, key):
        return None
    if key == "GOARCH":
        return RuleId.ARCH_VARIABLE
    if key in {"GOHOSTARCH", "GOAMD64"} or key.startswith("CARGO_TARGET_"):
        return None
    if key == "npm_config_arch":
        return RuleId.BUILD_TARGET
    if atom.is_url:
        return RuleId.URL_ARCH
    if JAVA.search(atom.text):
        return RuleId.JAVA_HOME
    if isinstance(site.instruction, Arg) and not used(analysis, key):
        return None
    if isinstance(site.instruction, Arg) and used_as_image(analysis, key):
        return RuleId.IMAGE_ARCH if names_image(value) else RuleId.ARCH_VARIABLE
    if LIBRARY.search(atom.text):
        return RuleId.LIBRARY_PATH
    if roots.follows(atom.text) and "/" in atom.text:
        return None
    if TRIPLE.fullmatch(value) or key in {"CARGO_BUILD_TARGET", "CHOST", "RUST_TARGET"}:
        return RuleId.TARGET_TRIPLE
    if TRIPLE.search(atom.text) and not LIBRARY.search(atom.text):
        return RuleId.TARGET_TRIPLE
    if ARCHIVE.search(atom.text):
        return RuleId.URL_ARCH if goes_into_url(analysis, key) else RuleId.FILE_ARCH
    if re.search(r"\s", value):
        package = re.search(r"[:.-](?:amd64|i[3-6]86|686|x86_64|arm64|armhf)$", atom.text)
        return RuleId.PACKAGE_ARCH if package and "=" not in atom.text else None
    if "/" in value and not re.fullmatch(r"[\w.-]+/[\w.-]+", value):
        return RuleId.FILE_ARCH
    if re.search(r"\bjava|jdk|jvm", key, re.IGNORECASE) and "/" in value:
        return RuleId.JAVA_HOME
    return RuleId.ARCH_VARIABLE


def _hazard(
    analysis: Analysis, site: Site, pair: KeyValueSpans, atom: Atom, rule: RuleId
) -> Hazard:
    assert pair.value is not None
    assert pair.value_span is not None
    return Hazard(
        rule=rule,
        site=site,
        span=token_span(analysis, pair.value, pair.value_span, atom),
        message=message_of(rule, atom, pair.key),
        token=atom.token,
        atom=atom.text,
        related=related_uses(analysis, frozenset({pair.key}), pair.value_span.end),
    )


def used(analysis: Analysis, name: str) -> bool:
    """Whether any instruction refers to the variable, or reads it from the environment."""
    return bool(re.search(r"\$\{?" + re.escape(name) + r"\b", analysis.text))


def used_as_image(analysis: Analysis, name: str) -> bool:
    return any(
        name in references(site.instruction.base_name)
        for site in analysis.sites
        if isinstance(site.instruction, From)
    )


def goes_into_url(analysis: Analysis, name: str) -> bool:
    return bool(re.search(r"://\S*\$\{?" + re.escape(name) + r"\b", analysis.text))


def used_under_guard(analysis: Analysis, name: str) -> bool:
    """Whether every use in a script stands under a condition on the architecture."""
    seen = False
    pattern = re.compile(r"\$\{?" + re.escape(name) + r"\b")
    for site in analysis.runs():
        for script in site.scripts:
            for command in script.commands:
                if any(pattern.search(word.text) for word in command.words):
                    if not guarded(command.guards, site.tainted):
                        return False
                    seen = True
            for assignment in script.assignments:
                if pattern.search(assignment.value.text):
                    if not guarded(assignment.guards, site.tainted):
                        return False
                    seen = True
    return seen


def _labels(site: Site) -> Iterator[Hazard]:
    for pair in site.node.key_values:
        if (
            pair.value is None
            or pair.value_span is None
            or not LABEL_KEY.search(pair.key.strip("\"'"))
        ):
            continue
        for atom in atoms(pair.value):
            yield Hazard(
                rule=RuleId.LABEL_ARCH,
                site=site,
                span=pair.value_span,
                message=f"the label {pair.key} says {atom.token.text} on every platform",
                token=atom.token,
                atom=atom.text,
            )
            break
