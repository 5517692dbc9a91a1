"""How many arguments an instruction takes. All raise DockerfileError, without a range."""

from __future__ import annotations

from collections.abc import Mapping

from core.dockerfile.flags import Flags, Kind
from core.dockerfile.nodes import Node
from core.errors import DockerfileError

_NONE: Mapping[str, Kind] = {}


def count_error(node: Node, phrase: str, hint: str = "") -> DockerfileError:
    """The error of a wrong number; ``phrase`` is BuildKit's, without the keyword."""
    given = len(node.args)
    return DockerfileError(
        f"{node.name.upper()} has {given or 'no'} argument{'' if given == 1 else 's'}",
        hint=hint,
        phrase=f"{node.name.upper()} {phrase}",
    )


def require_some(node: Node) -> None:
    if not node.args:
        raise count_error(node, "requires at least one argument")


def require_one(node: Node) -> str:
    """The one argument of an instruction without flags."""
    if len(node.args) != 1:
        raise count_error(node, "requires exactly one argument")
    Flags(node.flags, _NONE)
    return node.args[0]


def require_two(node: Node) -> None:
    if len(node.args) < 2:
        raise count_error(
            node,
            "requires at least two arguments, but only one was provided. "
            "Destination could not be determined",
            hint="The last argument is the destination.",
        )
