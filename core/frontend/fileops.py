"""File operations as drafts: copies, directories, inline files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from core.frontend.draft import Draft, Inputs, MadeOp, Output
from core.frontend.paths import clean
from core.llb.files import ChownOpt, CopyAction, FileAction, MkDirAction, MkFileAction, NamedUser
from core.llb.metadata import Metadata
from core.llb.ops import FileOp
from core.llb.vertex import Edge

_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)


def copy_output(
    base: Output | None,
    copies: Sequence[tuple[Output | None, CopyAction]],
    owner: str,
    metadata: Metadata,
) -> Output:
    """``copies``, each from its source, one after the other over ``base``.

    ``owner`` is the value of --chown: a user, with a group after a colon, by name or number.
    """

    def make(edges: Sequence[Edge | None]) -> MadeOp:
        inputs = Inputs()
        first = inputs.number(edges[0])
        seconds = [inputs.number(edge) for edge in edges[1:]]
        count = len(inputs.edges)
        last = len(copies) - 1
        chown = parse_owner(owner, first) if owner else None
        actions = tuple(
            FileAction(
                action=replace(action, owner=chown),
                input=first if index == 0 else count + index - 1,
                secondary_input=seconds[index],
                output=0 if index == last else -1,
            )
            for index, (_, action) in enumerate(copies)
        )
        return FileOp(actions=actions), tuple(inputs.edges)

    sources = (base, *(source for source, _ in copies))
    return Output(Draft(make=make, sources=sources, metadata=metadata))


def mkdir_output(
    base: Output | None,
    path: str,
    metadata: Metadata,
    *,
    mode: int = 0o755,
    parents: bool = True,
    owner: str = "",
    timestamp: int = -1,
) -> Output:
    """A directory over ``base``; ``timestamp`` in nanoseconds since the epoch, -1 for now."""

    def make(edges: Sequence[Edge | None]) -> MadeOp:
        inputs = Inputs()
        first = inputs.number(edges[0])
        action = MkDirAction(
            path=clean(path),
            mode=mode & 0o777,
            make_parents=parents,
            owner=parse_owner(owner, first) if owner else None,
            timestamp=timestamp,
        )
        return FileOp(actions=(FileAction(action=action, input=first, output=0),)), tuple(
            inputs.edges
        )

    return Output(Draft(make=make, sources=(base,), metadata=metadata))


def inline_file(name: str, data: bytes, metadata: Metadata, *, mode: int = 0o644) -> Output:
    """A file system that holds nothing but ``name`` with ``data``."""
    action = MkFileAction(path=clean(f"/{name}"), data=data, mode=mode & 0o777)
    op = FileOp(actions=(FileAction(action=action, output=0),))
    return Output(Draft(make=lambda _: (op, ()), metadata=metadata))


def parse_owner(text: str, base: int) -> ChownOpt:
    """``user[:group]``; names are looked up in the files of input ``base``."""
    user, colon, group = text.partition(":")
    return ChownOpt(user=_id(user, base), group=_id(group, base) if colon else None)


def _id(text: str, base: int) -> NamedUser | int:
    if text in ("", "root"):
        return 0
    if _INTEGER.fullmatch(text) and -(2**31) <= int(text) < 2**31:
        return int(text) & 0xFFFFFFFF
    return NamedUser(name=text, input=base)
