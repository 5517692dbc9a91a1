"""What a file's last stage sets, with variables replaced: for forms and summaries.

``dockerfile-parse`` reads it where it sees the file as our parser does; it knows no
here-documents, no directive but ``escape`` and no ranges, so elsewhere there is no answer. See
docs/dockerfile-language.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO

from dockerfile_parse import DockerfileParser

from core.dockerfile.decode import encode
from core.dockerfile.nodes import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Properties:
    """Of the last stage, except ``base_images``, which has one for each FROM."""

    base_images: tuple[str, ...]
    labels: Mapping[str, str]
    envs: Mapping[str, str]
    args: Mapping[str, str]


def properties(
    document: Document, *, build_args: Mapping[str, str] | None = None
) -> Properties | None:
    """What the document sets, or None where ``dockerfile-parse`` reads it otherwise than we do."""
    try:
        parser = DockerfileParser(
            fileobj=BytesIO(encode(document.text)), build_args=dict(build_args or {})
        )
        if not _agrees(document, parser):
            return None
        return Properties(
            base_images=tuple(parser.parent_images),
            labels=dict(parser.labels),
            envs=dict(parser.envs),
            args=dict(parser.args),
        )
    except (ValueError, KeyError, IndexError, AttributeError, TypeError, UnicodeError):
        return None


def _agrees(document: Document, parser: DockerfileParser) -> bool:
    """Whether both find the same instructions on the same lines."""
    theirs = [
        (found["instruction"], found["startline"] + 1, found["endline"] + 1)
        for found in parser.structure
        if found["instruction"] != "COMMENT"
    ]
    return theirs == [(node.name.upper(), node.start, node.end) for node in document.nodes]
