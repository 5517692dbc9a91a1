"""Renaming a stage or a variable everywhere it is meant."""

from __future__ import annotations

import re
from collections.abc import Iterator

from core.dockerfile.edits import TextEdit
from core.dockerfile.nodes import Document, Node
from core.dockerfile.source import Span
from core.errors import NotFoundError, OptionError

_STAGE_NAME = re.compile(r"[a-z][a-z0-9\-_.]*", re.IGNORECASE)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FROM_FLAG = re.compile(r"--from=")
_FROM_OPTION = re.compile(r"(?:^|[=,])from=", re.IGNORECASE)
#: Instructions whose text a shell, and not BuildKit, expands.
_SHELL = frozenset({"run", "cmd", "entrypoint", "healthcheck"})
#: Instructions that hold no variables at all.
_FIXED = frozenset({"shell", "maintainer"})


def rename_stage(document: Document, old: str, new: str) -> tuple[TextEdit, ...]:
    """The stage's name in its FROM, and in every FROM, COPY and RUN mount that means it.

    Raises NotFoundError when no stage has the name, OptionError for a name that is taken or none.
    """
    if not _STAGE_NAME.fullmatch(new):
        raise OptionError(
            f"{new or 'Nothing'} cannot name a stage",
            hint="A name starts with a letter; then letters, digits, -, _ and . may follow.",
        )
    names = {
        node.args[2].lower()
        for node in document.nodes
        if node.name == "from" and len(node.args) == 3
    }
    if old.lower() not in names:
        raise NotFoundError(f"No stage is called {old}")
    if new.lower() in names and new.lower() != old.lower():
        raise OptionError(f"A stage is already called {new}", hint="Choose another name.")
    edits: list[TextEdit] = []
    known = False
    for node in document.nodes:
        if node.name == "from":
            args, spans = node.args, node.arg_spans
            if known and args and args[0].lower() == old.lower():
                edits.append(TextEdit(span=spans[0], text=new))
            if len(args) == 3 and args[2].lower() == old.lower():
                edits.append(TextEdit(span=spans[2], text=new))
                known = True
        elif known:
            edits += (TextEdit(span=span, text=new) for span in _stage_uses(document, node, old))
    return tuple(edits)


def _stage_uses(document: Document, node: Node, old: str) -> Iterator[Span]:
    """Where a COPY or a RUN mount names the stage; ONBUILD means the stages of another build."""
    if node.name == "copy":
        opener = _FROM_FLAG
    elif node.name == "run":
        opener = _FROM_OPTION
    else:
        return
    for span in node.flag_spans:
        written = span.of(document.text)
        if node.name == "run" and not written.startswith("--mount="):
            continue
        for match in opener.finditer(written):
            start = match.end()
            end = start + len(old)
            if written[start:end].lower() == old.lower() and written[end : end + 1] in (
                "",
                ",",
                '"',
            ):
                yield Span(span.start + start, span.start + end)


def rename_variable(document: Document, old: str, new: str) -> tuple[TextEdit, ...]:
    """The variable in every ARG and ENV that sets it and wherever its value is taken.

    In the text of a shell, assignments change along and what stands in single quotes does too,
    for ``sh -c '...'`` reads it there. Raises NotFoundError when no ARG or ENV sets ``old``,
    OptionError for a name that is taken or none.
    """
    if not _VARIABLE.fullmatch(new):
        raise OptionError(f"{new or 'Nothing'} cannot name a variable")
    defined = {
        pair.key
        for node in document.nodes
        if node.name in ("arg", "env")
        for pair in node.key_values
    }
    if old not in defined:
        raise NotFoundError(f"No ARG and no ENV is called {old}")
    if new in defined and new != old:
        raise OptionError(f"{new} is already set in this Dockerfile", hint="Choose another name.")
    edits = {
        span: TextEdit(span=span, text=new)
        for node in document.nodes
        for span in _variable_uses(document, node, old)
    }
    return tuple(edits[span] for span in sorted(edits))


def _variable_uses(document: Document, node: Node, name: str) -> Iterator[Span]:
    inner = node.child if node.child is not None else node
    if inner.name in _FIXED:
        return
    if inner.name in ("arg", "env"):
        for pair in inner.key_values:
            if pair.key == name:
                yield pair.key_span
    shell = inner.name in _SHELL
    escape = "\\" if shell else document.escape
    for start, end in _references(inner.original, name, escape, shell=shell):
        yield inner.source.span(start, end)
    for heredoc in node.heredocs:
        if not shell and not heredoc.expand:
            continue
        found = _references(heredoc.content, name, escape, shell=shell, quotes=False)
        for start, end in found:
            yield Span(heredoc.span.start + start, heredoc.span.start + end)


def _references(
    text: str, name: str, escape: str, *, shell: bool, quotes: bool = True
) -> Iterator[tuple[int, int]]:
    """Where ``$name`` and ``${name`` stand unescaped; in a shell ``name=`` as well.

    Without ``quotes`` a quote is a character like others, as in a here-document.
    """
    pattern = re.compile(
        rf"(?P<escaped>{re.escape(escape)}.)|(?P<single>')"
        rf"|\$\{{?(?P<name>{re.escape(name)})(?![A-Za-z0-9_])"
        + (rf"|(?<![\w$./-])(?P<set>{re.escape(name)})(?==)" if shell else ""),
        re.DOTALL | re.ASCII,
    )
    at = 0
    in_double = False
    while match := pattern.search(text, at):
        in_double ^= text.count('"', at, match.start()) % 2 == 1
        at = match.end()
        if match.group("single"):
            if quotes and not shell and not in_double:
                end = text.find("'", at)
                at = len(text) if end < 0 else end + 1
            continue
        for group in ("name", "set") if shell else ("name",):
            if match.group(group):
                yield match.span(group)
