"""The scorer's functions for the Dockerfile language: parse, instructions, expand, dockerignore."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.dockerfile.expand import expand_word, expand_words
from core.dockerfile.ignore import PatternMatcher, parse_ignore
from core.dockerfile.instructions import instructions as parse_instructions
from core.dockerfile.nodes import Node
from core.dockerfile.parser import dump
from core.dockerfile.parser import parse as parse_document


def _node(node: Node, *, is_child: bool = False) -> dict[str, Any]:
    return {
        "value": node.keyword,
        "args": list(node.args),
        "flags": list(node.flags),
        "start": 0 if is_child else node.start,
        "end": 0 if is_child else node.end,
        "json": node.json,
        "comments": list(node.comments),
        "heredocs": [
            {"name": h.name, "content": h.content, "expand": h.expand, "chomp": h.chomp, "fd": h.fd}
            for h in node.heredocs
        ],
        "child": _node(node.child, is_child=True) if node.child else None,
    }


def parse(text: str) -> dict[str, Any]:
    document = parse_document(text)
    return {
        "dump": dump(document),
        "nodes": [_node(node) for node in document.nodes],
        "escape": document.escape,
        "warnings": [{"short": w.short, "line": w.line} for w in document.warnings],
    }


def instructions(text: str) -> object:
    return parse_instructions(parse_document(text))


def expand(text: str, env: Mapping[str, str], escape: str, mode: str) -> str | list[str]:
    if mode == "words":
        return expand_words(text, env, escape=escape)
    return expand_word(text, env, escape=escape).text


def dockerignore(text: str, paths: Sequence[str]) -> dict[str, bool]:
    matcher = PatternMatcher(parse_ignore(text))
    return {path: matcher.matches(path) for path in paths}


def dockerignore_patterns(patterns: Sequence[str], path: str) -> bool:
    return PatternMatcher(patterns).matches(path)
