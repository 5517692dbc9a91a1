"""``viaduct lsp``: the same findings and fixes in other editors, over the language server protocol.

Served with pygls on standard input and output. Positions count UTF-16 code units there
(https://microsoft.github.io/language-server-protocol, "Position"); ours count code points.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlparse

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from core.dockerfile.formatting import format_text
from core.dockerfile.source import Span
from core.errors import Error
from core.lint.config import LintConfig, find_config, read_config
from core.lint.findings import Confidence, Finding, Severity
from core.lint.rules.table import BY_NAME
from core.lint.run import LintOptions, fix_text, lint_text
from core.version import VERSION

SEVERITIES = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.INFO: types.DiagnosticSeverity.Information,
}
FIX_ALL = "source.fixAll.viaduct"


class Positions:
    """Code point offsets of a text as the protocol's positions, both ways."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = text.split("\n")

    def position(self, offset: int) -> types.Position:
        before = self.text[:offset]
        line = before.count("\n")
        start = before.rfind("\n") + 1
        return types.Position(line=line, character=_units(before[start:]))

    def range(self, span: Span) -> types.Range:
        return types.Range(start=self.position(span.start), end=self.position(span.end))

    def whole(self) -> types.Range:
        last = len(self.lines) - 1
        return types.Range(
            start=types.Position(line=0, character=0),
            end=types.Position(line=last, character=_units(self.lines[last])),
        )


def _units(text: str) -> int:
    return len(text) + sum(1 for character in text if ord(character) > 0xFFFF)


@dataclass(slots=True)
class Checked:
    """The newest text of a document with its findings."""

    version: int | None
    text: str
    findings: tuple[Finding, ...] = field(default_factory=tuple)


def build_server() -> LanguageServer:
    """The server with its features, ready to be started on a transport."""
    server = LanguageServer("viaduct", VERSION)
    checked: dict[str, Checked] = {}

    def check(uri: str) -> None:
        document = server.workspace.get_text_document(uri)
        text = document.source
        path = Path(unquote(urlparse(uri).path))
        findings = lint_text(text, name=str(path), options=_options(path))
        checked[uri] = Checked(version=document.version, text=text, findings=findings)
        positions = Positions(text)
        server.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(
                uri=uri,
                version=document.version,
                diagnostics=[_diagnostic(uri, positions, finding) for finding in findings],
            )
        )

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def _opened(params: types.DidOpenTextDocumentParams) -> None:
        check(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def _changed(params: types.DidChangeTextDocumentParams) -> None:
        check(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def _closed(params: types.DidCloseTextDocumentParams) -> None:
        uri = params.text_document.uri
        checked.pop(uri, None)
        server.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(uri=uri, diagnostics=[])
        )

    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION,
        types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix, FIX_ALL]),
    )
    def _actions(params: types.CodeActionParams) -> list[types.CodeAction]:
        uri = params.text_document.uri
        known = checked.get(uri)
        if known is None:
            return []
        first, last = params.range.start.line + 1, params.range.end.line + 1
        actions = [
            _quick_fix(uri, known, finding)
            for finding in known.findings
            if finding.fix is not None
            and finding.range.start <= last
            and finding.range.end >= first
        ]
        if any(f.fix and f.fix.confidence is not Confidence.NEEDS_INPUT for f in known.findings):
            actions.append(_fix_all(uri, known))
        return actions

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def _hover(params: types.HoverParams) -> types.Hover | None:
        known = checked.get(params.text_document.uri)
        if known is None:
            return None
        line = params.position.line + 1
        here = [f for f in known.findings if f.range.start <= line <= f.range.end]
        if not here:
            return None
        return types.Hover(
            contents=types.MarkupContent(
                kind=types.MarkupKind.Markdown, value="\n\n---\n\n".join(map(_markdown, here))
            )
        )

    @server.feature(types.TEXT_DOCUMENT_FORMATTING)
    def _format(params: types.DocumentFormattingParams) -> list[types.TextEdit]:
        text = server.workspace.get_text_document(params.text_document.uri).source
        try:
            formatted = format_text(text)
        except Error:
            return []
        if formatted == text:
            return []
        return [types.TextEdit(range=Positions(text).whole(), new_text=formatted)]

    return server


def _options(path: Path) -> LintOptions:
    config = LintConfig()
    where = find_config(path) if path.parent.is_dir() else None
    if where is not None:
        try:
            config = read_config(where)
        except Error:
            # A broken configuration is reported by `viaduct check`; typing goes on without it.
            config = LintConfig()
    return LintOptions(platforms=config.platforms, ignore=config.ignore, threshold=config.severity)


def _diagnostic(uri: str, positions: Positions, finding: Finding) -> types.Diagnostic:
    if finding.span.end > finding.span.start:
        where = positions.range(finding.span)
    else:
        line = finding.range.start - 1
        where = types.Range(
            start=types.Position(line=line, character=0),
            end=types.Position(line=line, character=_units(positions.lines[line])),
        )
    return types.Diagnostic(
        range=where,
        message=finding.message,
        severity=SEVERITIES[finding.severity],
        code=finding.rule,
        source="viaduct",
        related_information=[
            types.DiagnosticRelatedInformation(
                location=types.Location(uri=uri, range=positions.range(related.span)),
                message=related.message,
            )
            for related in finding.related
        ],
    )


def _quick_fix(uri: str, known: Checked, finding: Finding) -> types.CodeAction:
    assert finding.fix is not None
    positions = Positions(known.text)
    return types.CodeAction(
        title=finding.fix.title,
        kind=types.CodeActionKind.QuickFix,
        diagnostics=[_diagnostic(uri, positions, finding)],
        is_preferred=finding.fix.confidence is not Confidence.NEEDS_INPUT,
        edit=types.WorkspaceEdit(
            changes={
                uri: [
                    types.TextEdit(range=positions.range(edit.span), new_text=edit.text)
                    for edit in finding.fix.edits
                ]
            }
        ),
    )


def _fix_all(uri: str, known: Checked) -> types.CodeAction:
    path = Path(unquote(urlparse(uri).path))
    fixed = fix_text(known.text, name=str(path), options=_options(path))
    return types.CodeAction(
        title="Fix everything that can be fixed",
        kind=FIX_ALL,
        edit=types.WorkspaceEdit(
            changes={uri: [types.TextEdit(range=Positions(known.text).whole(), new_text=fixed)]}
        ),
    )


def _markdown(finding: Finding) -> str:
    rule = BY_NAME.get(finding.rule)
    parts = [f"**{finding.rule}**: {finding.message}"]
    if rule is not None:
        parts.append(f"{rule.id.value}: {rule.summary}.")
    if finding.fix is not None and finding.fix.results:
        rows = "\n".join(f"| `{platform}` | `{text}` |" for platform, text in finding.fix.results)
        parts.append(f"| platform | after the fix |\n|---|---|\n{rows}")
    return "\n\n".join(parts)


def main(argv: Sequence[str]) -> int:
    """Serve standard input and output, or one TCP client, until it leaves."""
    parser = argparse.ArgumentParser(
        prog="viaduct lsp", description="Language server for Dockerfiles."
    )
    parser.add_argument("--tcp", metavar="HOST:PORT", help="instead of standard input and output")
    args = parser.parse_args(argv)
    server = build_server()
    if args.tcp:
        host, _, port = args.tcp.rpartition(":")
        if not port.isdigit():
            parser.error("--tcp wants HOST:PORT")
        server.start_tcp(host or "127.0.0.1", int(port))
    else:
        server.start_io()
    return 0
