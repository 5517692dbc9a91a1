"""COPY and ADD: addresses, prebuilt files, emulators, folders of one architecture."""

from __future__ import annotations

import re
from collections.abc import Iterator

from core.dockerfile.commands import Add, Copy
from core.dockerfile.source import Span
from core.lint.analysis import Site
from core.lint.rules.atoms import Atom, atoms
from core.lint.rules.hazard import Hazard
from core.lint.rules.patterns import APT_SOURCE, JAVA, LIBRARY
from core.lint.rules.roots import Roots
from core.lint.rules.table import RuleId
from core.lint.rules.wording import message_of

QEMU = re.compile(r"qemu-(?:[\w$*{}]+)-static", re.IGNORECASE)


def check_transfers(side_by_side: frozenset[str], roots: Roots, site: Site) -> Iterator[Hazard]:
    """Hazards of one COPY or ADD."""
    instruction = site.instruction
    if not isinstance(instruction, Copy | Add):
        return
    from_ = instruction.from_ if isinstance(instruction, Copy) else ""
    spans = site.node.arg_spans
    for text, span in zip((*instruction.sources, instruction.destination), spans, strict=False):
        if QEMU.search(text) and "qemu-system" not in text and text is not instruction.destination:
            yield Hazard(
                rule=RuleId.QEMU_STATIC,
                site=site,
                span=span,
                message=f"{text.rsplit('/', 1)[-1]} stays in the image; registered with the F flag "
                "an emulator works without a copy",
            )
            break
        for atom in atoms(text):
            if atom.skeleton in side_by_side:
                continue
            rule = _rule(instruction, from_, text, atom, roots)
            if rule is None:
                continue
            if text == instruction.destination and rule is not RuleId.LIBRARY_PATH:
                continue
            start = span.start + atom.offset
            yield Hazard(
                rule=rule,
                site=site,
                span=Span(start, start + len(atom.token.text)) if len(span) == len(text) else span,
                message=message_of(rule, atom, ""),
                token=atom.token,
                atom=atom.text,
            )
            roots.add(atom.text)
            break
        else:
            continue
        break
    for content in instruction.contents:
        match = APT_SOURCE.search(content.content)
        if (
            match
            and not re.search(r"[$,]", match.group(1))
            and any(True for _ in atoms(match.group(1)))
        ):
            heredoc = next(h for h in site.node.heredocs if h.name == content.path)
            start = heredoc.span.start + max(heredoc.content.find(match.group()), 0)
            yield Hazard(
                rule=RuleId.APT_ARCH,
                site=site,
                span=Span(start, start + len(match.group())),
                message=message_of(RuleId.APT_ARCH, next(atoms(match.group(1))), ""),
                atom=match.group(),
            )


def _rule(
    instruction: Copy | Add, from_: str, text: str, atom: Atom, roots: Roots
) -> RuleId | None:
    if atom.is_url:
        return RuleId.URL_ARCH
    if JAVA.search(atom.text):
        return RuleId.JAVA_HOME
    if LIBRARY.search(atom.text):
        return RuleId.LIBRARY_PATH
    if roots.follows(atom.text):
        return None
    if from_:
        return RuleId.FILE_ARCH
    return RuleId.PREBUILT_COPY
