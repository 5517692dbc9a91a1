"""Structured edits of forms and quick fixes: base image, platform, label, env, arg.

Each function takes a document and gives text edits; bytes outside them stay as they are, comments
and line continuations with them.
"""

from __future__ import annotations

import re

from core.dockerfile.edits import TextEdit
from core.dockerfile.nodes import Document, Node
from core.dockerfile.source import Span
from core.errors import NotFoundError, OptionError

_PLAIN_VALUE = re.compile(r"[\w./:@%+,=^~*?!-]+", re.ASCII)
_NAME = re.compile(r"[^\s=\"'$\\`]+")


def set_base_image(document: Document, stage: int, image: str) -> tuple[TextEdit, ...]:
    """Give stage number ``stage`` another base. Raises NotFoundError or OptionError."""
    if not image or any(char.isspace() for char in image):
        raise OptionError(f"{image or 'Nothing'} cannot stand as the base of a FROM")
    node = _from(document, stage)
    spans = node.arg_spans
    if not spans:
        raise NotFoundError(f"The FROM on line {node.start} has no image to replace")
    return _replace(document, spans[0], image)


def set_platform(document: Document, stage: int, platform: str) -> tuple[TextEdit, ...]:
    """Set, or with an empty text remove, ``--platform`` of a stage. Raises NotFoundError."""
    node = _from(document, stage)
    for flag, span in zip(node.flags, node.flag_spans, strict=True):
        if flag.partition("=")[0] == "--platform":
            if platform:
                return _replace(document, span, f"--platform={platform}")
            end = span.end
            while document.text[end : end + 1] in (" ", "\t") and end < len(document.text):
                end += 1
            return (TextEdit(span=Span(span.start, end), text=""),)
    if not platform:
        return ()
    at = node.keyword_span.end
    return (TextEdit(span=Span(at, at), text=f" --platform={platform}"),)


def set_label(
    document: Document, key: str, value: str, *, stage: int = -1, literal: bool = False
) -> tuple[TextEdit, ...]:
    """Give a label its value where it is set last in the stage, or add a LABEL at its end."""
    return _set(document, "label", key, value, stage, literal)


def set_env(
    document: Document, key: str, value: str, *, stage: int = -1, literal: bool = False
) -> tuple[TextEdit, ...]:
    """As ``set_label``; a new ENV follows the ENVs and ARGs at the top of the stage."""
    return _set(document, "env", key, value, stage, literal)


def set_arg(
    document: Document, key: str, value: str | None, *, stage: int | None = None
) -> tuple[TextEdit, ...]:
    """Give an ARG its default, or none; ``stage`` None means before the first FROM."""
    return _set(document, "arg", key, value, stage, False)


def quote_value(value: str, escape: str, *, literal: bool = False) -> str:
    """The value as one word of ENV, LABEL or ARG; with ``literal`` a ``$`` is no variable.

    Raises OptionError for a line break, which such a value cannot hold.
    """
    if "\n" in value or "\r" in value or "\0" in value:
        raise OptionError(
            "The value has a line break, which an ENV, LABEL or ARG cannot hold",
            hint="Put the text into a file and COPY it.",
        )
    if _PLAIN_VALUE.fullmatch(value):
        return value
    special = {escape, '"', "$"} if literal else {escape, '"'}
    return '"' + "".join(escape + char if char in special else char for char in value) + '"'


def _replace(document: Document, span: Span, text: str) -> tuple[TextEdit, ...]:
    return () if span.of(document.text) == text else (TextEdit(span=span, text=text),)


def _from(document: Document, stage: int) -> Node:
    froms = [node for node in document.nodes if node.name == "from"]
    if not -len(froms) <= stage < len(froms):
        raise NotFoundError(f"The Dockerfile has no stage number {stage}")
    return froms[stage]


def _stage_nodes(document: Document, stage: int | None) -> list[Node]:
    """The nodes of a stage with its FROM, or those before the first FROM."""
    groups: list[list[Node]] = [[]]
    for node in document.nodes:
        if node.name == "from":
            groups.append([])
        groups[-1].append(node)
    if stage is None:
        return groups[0]
    if not -len(groups) < stage < len(groups) - 1:
        raise NotFoundError(f"The Dockerfile has no stage number {stage}")
    return groups[1:][stage]


def _set(
    document: Document, name: str, key: str, value: str | None, stage: int | None, literal: bool
) -> tuple[TextEdit, ...]:
    if not _NAME.fullmatch(key):
        raise OptionError(f"{key or 'Nothing'} cannot name a variable or label")
    quoted = None if value is None else quote_value(value, document.escape, literal=literal)
    nodes = _stage_nodes(document, stage)
    for node in reversed(nodes):
        if node.name != name:
            continue
        for pair in reversed(node.key_values):
            if _unquoted(pair.key) != key:
                continue
            if pair.value_span is None:
                added = "" if quoted is None else f"={quoted}"
                return _insert(pair.key_span.end, added)
            if quoted is None:
                return (TextEdit(span=Span(pair.key_span.end, pair.value_span.end), text=""),)
            return _replace(document, pair.value_span, quoted)
    line = f"{name.upper()} {key}" + ("" if quoted is None else f"={quoted}")
    return _insert_line(document, nodes, name, line)


def _unquoted(key: str) -> str:
    return key[1:-1] if len(key) > 1 and key[0] == key[-1] and key[0] in "'\"" else key


def _insert(at: int, text: str) -> tuple[TextEdit, ...]:
    return (TextEdit(span=Span(at, at), text=text),) if text else ()


def _insert_line(
    document: Document, nodes: list[Node], name: str, line: str
) -> tuple[TextEdit, ...]:
    anchor = _anchor(nodes, name)
    if anchor is None:
        return _insert(_before_first(document), line + _newline(document.text))
    if anchor.keyword.islower():
        line = name + line[len(name) :]
    _check_end(document, anchor)
    at = _end_of_line(document.text, anchor.end)
    ending = _newline(document.text)
    if document.text[at - 1 : at] == "\n":
        return _insert(at, line + ending)
    return _insert(at, ending + line)


def _check_end(document: Document, anchor: Node) -> None:
    """Refuse to add a line that the last one would swallow."""
    if anchor is not document.nodes[-1] or anchor.heredocs:
        return
    lines = document.text.rstrip("\r\n").split("\n")
    last = lines[min(anchor.end, len(lines)) - 1].rstrip(" \t\r")
    if last.endswith(document.escape) and last[-2:-1] != document.escape:
        raise OptionError(
            "The Dockerfile ends in the middle of an instruction",
            hint="Finish its last line: it ends in a line continuation.",
        )


def _anchor(nodes: list[Node], name: str) -> Node | None:
    """The instruction that a new one follows."""
    if not nodes:
        return None
    if name == "label":
        labels = [node for node in nodes if node.name == "label"]
        return labels[-1] if labels else nodes[-1]
    anchor: Node | None = None
    for node in nodes:
        if node.name not in ("from", "arg", "env"):
            break
        anchor = node
    return anchor


def _before_first(document: Document) -> int:
    """Where a first instruction goes: above the first node's comments, below the directives."""
    lines = document.text.split("\n")
    line = document.nodes[0].start - 1
    directives = max((d.line for d in document.directives), default=0)
    while line > directives and lines[line - 1].lstrip().startswith("#"):
        line -= 1
    at = sum(len(text) + 1 for text in lines[:line])
    return at + (line == 0 and document.text.startswith("\ufeff"))


def _end_of_line(text: str, number: int) -> int:
    """The offset after line ``number`` with its newline."""
    at = 0
    for _ in range(number):
        found = text.find("\n", at)
        if found < 0:
            return len(text)
        at = found + 1
    return at


def _newline(text: str) -> str:
    first = text.find("\n")
    return "\r\n" if first > 0 and text[first - 1] == "\r" else "\n"
