"""A document as text again, one physical line for each instruction."""

from __future__ import annotations

from core.dockerfile.chars import SPACE
from core.dockerfile.nodes import Document, Node


def print_document(document: Document) -> str:
    """A Dockerfile of the same meaning: directives, then each instruction below its comments.

    Continuations are joined; comments that nothing follows and blank lines are gone.
    """
    lines = [f"# {directive.name}={directive.value}" for directive in document.directives]
    first = document.nodes[0] if document.nodes else None
    if first is not None and (first.comments or first.original.lstrip(SPACE).startswith("\ufeff")):
        # A blank line ends the directives: a comment that looks like one stays a comment.
        lines.append("")
    for node in document.nodes:
        lines += _node(node, document.escape)
    return "\n".join(lines) + "\n"


def _node(node: Node, escape: str) -> list[str]:
    lines = [f"# {comment}" for comment in node.comments]
    line = node.original.lstrip(SPACE)
    bare = line.rstrip(" \t")
    if not bare or (bare.endswith(escape) and bare[-2:-1] != escape):
        # The file ended in a continuation; without its mark the line would join the next.
        line += escape
    lines.append(line)
    for heredoc in node.heredocs:
        lines.append(heredoc.content + heredoc.name)
    return lines
