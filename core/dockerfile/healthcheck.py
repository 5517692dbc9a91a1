"""HEALTHCHECK: its test, times and retries."""

from __future__ import annotations

import re

from core.dockerfile.argcount import require_some
from core.dockerfile.chars import quote
from core.dockerfile.commands import Healthcheck
from core.dockerfile.flags import Flags, Kind
from core.dockerfile.nodes import Node
from core.dockerfile.scalars import parse_duration
from core.errors import DockerfileError

_TIMES = ("interval", "timeout", "start-period", "start-interval")
_HEALTH = dict.fromkeys((*_TIMES, "retries"), Kind.TEXT)
_INT32 = 2**31 - 1
_MILLISECOND = 1_000_000


def _interval(name: str, text: str) -> int:
    if not text:
        return 0
    duration = parse_duration(text)
    if duration != 0 and duration < _MILLISECOND:
        raise DockerfileError(
            f"--{name} of {text} is shorter than a millisecond",
            phrase=f'Interval "{name}" cannot be less than 1ms',
        )
    return duration


def _retries(text: str) -> int:
    if not text:
        return 0
    if not re.fullmatch(r"[+-]?[0-9]{1,40}", text) or abs(int(text)) > _INT32 + (text[0] == "-"):
        digits = re.fullmatch(r"[+-]?[0-9]+", text)
        reason = "value out of range" if digits else "invalid syntax"
        raise DockerfileError(
            f"--retries={text} is no count",
            phrase=f"strconv.ParseInt: parsing {quote(text)}: {reason}",
        )
    if int(text) < 0:
        raise DockerfileError(
            f"--retries={text} is less than 0", phrase=f"--retries cannot be negative ({int(text)})"
        )
    return int(text)


def build_healthcheck(node: Node) -> Healthcheck:
    """Raises DockerfileError, without a range. The flags of HEALTHCHECK NONE go unread."""
    require_some(node)
    kind, args = node.args[0].upper(), node.args[1:]
    if kind == "NONE":
        if args:
            raise DockerfileError(
                "HEALTHCHECK NONE stands alone", phrase="HEALTHCHECK NONE takes no arguments"
            )
        return Healthcheck(node=node, test=("NONE",))
    flags = Flags(node.flags, _HEALTH)
    if kind != "CMD":
        raise DockerfileError(
            f"HEALTHCHECK has no {kind}",
            hint="Write HEALTHCHECK CMD and a command, or HEALTHCHECK NONE.",
            phrase=f"Unknown type {quote(kind)} in HEALTHCHECK (try CMD)",
        )
    if not args:
        raise DockerfileError(
            "HEALTHCHECK CMD lacks its command", phrase="Missing command after HEALTHCHECK CMD"
        )
    times = [_interval(name, flags.text(name)) for name in _TIMES]
    return Healthcheck(
        node=node,
        test=("CMD", *args) if node.json else ("CMD-SHELL", " ".join(args)),
        interval=times[0],
        timeout=times[1],
        start_period=times[2],
        start_interval=times[3],
        retries=_retries(flags.text("retries")),
    )
