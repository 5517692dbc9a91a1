"""Findings as JSON values: our own form and SARIF 2.1.0 (docs.oasis-open.org/sarif)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

from core.lint.findings import Finding, Severity
from core.lint.rules.table import BY_NAME, RULES

LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def finding_json(path: str, finding: Finding) -> dict[str, Any]:
    """One finding; lines and columns count from 1, edits are offsets in code points."""
    where = finding.range
    return {
        "file": path,
        "line": where.start,
        "column": where.start_column + 1,
        "end_line": where.end,
        "end_column": where.end_column + 1 if where.end_column >= 0 else None,
        "end": {
            "line": where.end,
            "column": where.end_column + 1 if where.end_column >= 0 else None,
        },
        "rule": finding.rule,
        "id": finding.id,
        "severity": finding.severity.value,
        "message": finding.message,
        "detail": finding.detail,
        "url": finding.url,
        "platforms": list(finding.platforms),
        "related": [{"line": r.line, "message": r.message} for r in finding.related],
        "fix": None
        if finding.fix is None
        else {
            "title": finding.fix.title,
            "confidence": finding.fix.confidence.value,
            "edits": [
                {"start": e.span.start, "end": e.span.end, "text": e.text}
                for e in finding.fix.edits
            ],
            "results": dict(finding.fix.results),
        },
    }


def sarif(found: Iterable[tuple[str, Finding]], version: str) -> dict[str, Any]:
    """A SARIF log with one run."""
    rows = list(found)
    names = list(dict.fromkeys([*BY_NAME, *(f.rule for _, f in rows)]))
    index: Mapping[str, int] = {name: i for i, name in enumerate(names)}
    summaries = {rule.name: rule.summary for rule in RULES}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "viaduct",
                        "version": version,
                        "rules": [
                            {"id": name, "shortDescription": {"text": summaries.get(name, name)}}
                            for name in names
                        ],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(path, finding, index) for path, finding in rows],
            }
        ],
    }


def _result(path: str, finding: Finding, index: Mapping[str, int]) -> dict[str, Any]:
    region = {
        "startLine": finding.range.start,
        "startColumn": finding.range.start_column + 1,
        "endLine": finding.range.end,
    }
    if finding.range.end_column >= 0:
        region["endColumn"] = finding.range.end_column + 1
    return {
        "ruleId": finding.rule,
        "ruleIndex": index[finding.rule],
        "level": LEVELS[finding.severity],
        "message": {"text": finding.message},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": PurePath(path).as_posix()},
                    "region": region,
                }
            }
        ],
    }
