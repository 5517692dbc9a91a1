"""The formatter: white space, keyword case, blank lines; never meaning.

Here-documents, continuation lines' indentation (it may stand in quotes), indented comments (their
text includes the ``#`` for BuildKit) and line endings stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator

from core.dockerfile.chars import SPACE
from core.dockerfile.nodes import Document, Node
from core.dockerfile.parser import parse
from core.dockerfile.words import KNOWN


def format_text(text: str) -> str:
    """The formatted Dockerfile. Raises DockerfileError for one that does not parse.

    Formatting twice changes nothing more. What the file means stays: nodes, comments, directives
    and bodies are compared before and after, and a file that would differ is returned as it is.
    """
    document = parse(text)
    formatted = _format(document)
    after = parse(formatted, lenient=True)
    return formatted if not after.errors and meaning(after) == meaning(document) else text


def meaning(document: Document) -> object:
    """Everything of a document that a build or a check can see, without places."""
    return (
        document.escape,
        [(d.name, d.value) for d in document.directives],
        [_node_meaning(node) for node in document.nodes],
    )


def _node_meaning(node: Node) -> object:
    return (
        node.name,
        node.args,
        node.flags,
        node.json,
        [(h.name, h.content, h.expand, h.chomp, h.fd) for h in node.heredocs],
        node.comments,
        node.child and _node_meaning(node.child),
    )


def _format(document: Document) -> str:
    lines = document.text.split("\n")
    if lines[-1] == "":
        lines.pop()
    out: list[str] = []
    done = 0
    for index, node in enumerate(document.nodes):
        between = lines[done : node.start - 1]
        _between(out, between, spaced=node.name == "from" and index > 0)
        body_start = node.heredocs[0].start_line - 1 if node.heredocs else node.end
        out += _instruction(node, lines[node.start - 1 : body_start], document.escape)
        out += lines[body_start : node.end]
        done = node.end
    _between(out, lines[done:], spaced=False)
    while len(out) > 1 and not out[-1].strip(" \t\r"):
        out.pop()
    return "\n".join(out) + "\n"


def _between(out: list[str], lines: list[str], *, spaced: bool) -> None:
    """Comments and blank lines before an instruction: one blank line in place of several."""
    had_blank = False
    start = len(out)
    for line in lines:
        bare, ending = _ending(line)
        bare = bare.rstrip(" \t")
        if not bare:
            if not had_blank:
                out.append(ending)
            had_blank = True
            continue
        had_blank = False
        out.append(bare + ending)
    if spaced and not any(not line.strip("\r") for line in out[start:]):
        out.insert(start, "\r" if out[start - 1].endswith("\r") else "")


def _ending(line: str) -> tuple[str, str]:
    bare = line.rstrip("\r")
    return bare, line[len(bare) :]


def _instruction(node: Node, lines: list[str], escape: str) -> Iterator[str]:
    """The physical lines of an instruction; its first line is rebuilt where that is safe."""
    first = True
    for line in lines:
        bare, ending = _ending(line)
        bare = bare.rstrip(" \t")
        if first:
            first = False
            lead = "\ufeff" if bare.startswith("\ufeff") else ""
            yield lead + _head(node, bare.removeprefix("\ufeff").lstrip(SPACE), escape) + ending
        elif bare.strip(SPACE):
            yield bare + ending


def _head(node: Node, line: str, escape: str) -> str:
    """Keyword, flags and the first argument of a line, one blank apart."""
    if not node.keyword or not line.startswith(node.keyword) or node.name not in KNOWN:
        return line
    rest = line[len(node.keyword) :]
    blank = rest.lstrip("\t\v\f\r ")
    if not blank:
        return node.keyword.upper()
    if rest == blank or blank.startswith(escape):
        return (node.keyword if rest == blank else node.keyword.upper()) + rest
    if node.child is not None:
        return f"{node.keyword.upper()} {_head(node.child, blank, escape)}"
    pieces = [node.keyword.upper()]
    for flag in node.flags:
        if not blank.startswith(flag) or blank[len(flag) : len(flag) + 1] not in (" ", "\t"):
            break
        after = blank[len(flag) :].lstrip(" \t")
        if after.startswith(escape) or not after:
            break
        pieces.append(flag)
        blank = after
    return " ".join([*pieces, blank])
