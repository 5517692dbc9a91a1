"""The text that a hover shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

from PySide6.QtCore import QCoreApplication

from core.dockerfile.commands import Program
from core.lint.findings import Finding
from desktop.editor.navigation import SymbolKind, instruction_at, symbol_at
from desktop.editor.offsets import Offsets
from desktop.editor.reference import INSTRUCTIONS, PLATFORM_ARGUMENTS
from desktop.editor.values import value_at


def _tr(text: str) -> str:
    return QCoreApplication.translate("Hover", text)


def hover_text(
    program: Program | None,
    findings: Iterable[Finding],
    offset: int,
    offsets: Offsets,
    platforms: tuple[str, ...],
    build_args: Mapping[str, str],
) -> str:
    """Rich text for the place, "" when there is nothing to say."""
    parts = [_finding(f) for f in findings if f.span.start <= offset <= f.span.end]
    if program is not None:
        symbol = symbol_at(program, offset)
        line = offsets.line_of(offset)
        if symbol is not None and symbol.kind is SymbolKind.VARIABLE:
            parts.append(
                _variable(symbol.name, value_at(program, symbol.name, line, platforms, build_args))
            )
        elif symbol is not None:
            parts.append(f"<b>{escape(symbol.name)}</b> — {_tr('a stage of this file')}")
        instruction = instruction_at(program, line)
        if instruction is not None and not parts:
            span = instruction.node.keyword_span
            if span.start <= offset <= span.end:
                parts.append(_instruction(instruction.name.upper()))
    return f"<qt>{'<hr>'.join(part for part in parts if part)}</qt>" if any(parts) else ""


def _instruction(name: str) -> str:
    help_ = INSTRUCTIONS.get(name)
    if help_ is None:
        return ""
    return f"<b><code>{escape(help_.form)}</code></b><br>{escape(help_.text)}"


def _finding(finding: Finding) -> str:
    text = f"<b>{escape(finding.message)}</b>"
    if finding.detail:
        text += f"<br>{escape(finding.detail)}"
    if finding.platforms:
        text += f"<br>{_tr('Concerns')}: {escape(', '.join(finding.platforms))}"
    if finding.fix is not None:
        text += f"<br><i>{_tr('Ctrl+. fixes it')}: {escape(finding.fix.title)}</i>"
        rows = "".join(
            f"<tr><td>{escape(platform)}&nbsp;&nbsp;</td><td><code>{escape(result)}</code></td></tr>"
            for platform, result in finding.fix.results[:8]
        )
        text += f"<table>{rows}</table>" if rows else ""
    return text + f"<br><small>{escape(finding.rule)}</small>"


def _variable(name: str, values: Mapping[str, str]) -> str:
    text = f"<b><code>{escape(name)}</code></b>"
    if name in PLATFORM_ARGUMENTS:
        text += f" — {escape(PLATFORM_ARGUMENTS[name])}"
    if not values:
        return text + f"<br>{_tr('No value is known here.')}"
    if len(set(values.values())) == 1:
        value = next(iter(values.values()))
        return text + f"<br><code>{escape(value) or _tr('empty')}</code>"
    rows = "".join(
        f"<tr><td>{escape(platform)}&nbsp;&nbsp;</td>"
        f"<td><code>{escape(value) or _tr('empty')}</code></td></tr>"
        for platform, value in values.items()
    )
    return text + f"<table>{rows}</table>"
