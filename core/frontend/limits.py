"""Resource options of a build: ulimits, memory and processor limits."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from core.errors import OptionError
from core.llb.metadata import LinuxResources
from core.llb.ops import Ulimit

_ULIMITS: Final = frozenset(
    (
        *("core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice"),
        *("nofile", "nproc", "rss", "rtprio", "rttime", "sigpending", "stack"),
    )
)
_SIGNED: Final = re.compile(r"[+-]?[0-9]+")
_UNSIGNED: Final = re.compile(r"[0-9]+")
_CPU_RANGE: Final = re.compile(r"\s*(\+?[0-9]+)\s*(?:-\s*(\+?[0-9]+)\s*)?")
_LARGEST_CPU: Final = 8192


def parse_ulimit(text: str) -> Ulimit:
    """``name=soft[:hard]``; the hard limit is the soft one when absent, -1 is unlimited."""
    name, equals, values = text.partition("=")
    if not equals:
        raise _ulimit(text, f"invalid ulimit argument: {text}")
    if name not in _ULIMITS:
        raise _ulimit(text, f"invalid ulimit type: {name}")
    soft_text, colon, hard_text = values.partition(":")
    if ":" in hard_text:
        raise _ulimit(
            text,
            f"too many limit value arguments - {values}, can only have up to two, `soft[:hard]`",
        )
    hard_limit = _limit(text, hard_text) if colon else None
    soft = _limit(text, soft_text)
    hard = soft if hard_limit is None else hard_limit
    if hard != -1 and soft == -1:
        raise _ulimit(
            text,
            f"ulimit soft limit must be less than or equal to hard limit: "
            f"soft: -1 (unlimited), hard: {hard}",
        )
    if hard != -1 and soft > hard:
        raise _ulimit(
            text,
            f"ulimit soft limit must be less than or equal to hard limit: {soft} > {hard}",
        )
    return Ulimit(name=name, soft=soft, hard=hard)


def _limit(text: str, value: str) -> int:
    if not _SIGNED.fullmatch(value) or not -(2**63) <= int(value) < 2**63:
        raise _ulimit(text, f'strconv.ParseInt: parsing "{value}": invalid syntax')
    return int(value)


def _ulimit(text: str, phrase: str) -> OptionError:
    return OptionError(
        f"the ulimit {text!r} cannot be used",
        hint="A ulimit reads like nofile=1024:2048.",
        phrase=f"failed to parse ulimit: {phrase}",
    )


def parse_resources(attrs: Mapping[str, str]) -> LinuxResources | None:
    """The limits among ``attrs``, or None when there is none."""
    resources = LinuxResources(
        memory=_number(attrs, "memory", lambda n: n > 0, "must be > 0"),
        memory_swap=_number(
            attrs, "memswap", lambda n: n > 0 or n == -1, "must be -1 (unlimited) or > 0"
        ),
        cpu_shares=_number(attrs, "cpushares", lambda n: n > 0, "must be > 0", _UNSIGNED),
        cpu_period=_number(attrs, "cpuperiod", lambda n: n > 0, "must be > 0", _UNSIGNED),
        cpu_quota=_number(attrs, "cpuquota", lambda n: n > 0, "must be > 0"),
        cpuset_cpus=_cpu_list(attrs, "cpusetcpus"),
        cpuset_mems=_cpu_list(attrs, "cpusetmems"),
    )
    return None if resources == LinuxResources() else resources


def _number(
    attrs: Mapping[str, str],
    key: str,
    accepts: Callable[[int], bool],
    wanted: str,
    shape: re.Pattern[str] = _SIGNED,
) -> int:
    text = attrs.get(key, "")
    if not text:
        return 0
    if not shape.fullmatch(text) or not -(2**63) <= int(text) < 2**64:
        raise _resource(f"invalid {key} value: {text}", key, text)
    if not accepts(int(text)):
        raise _resource(f"invalid {key} value: {text}: {wanted}", key, text)
    return int(text)


def _cpu_list(attrs: Mapping[str, str], key: str) -> str:
    text = attrs.get(key, "")
    for part in text.split(","):
        if not part.strip():
            continue
        found = _CPU_RANGE.fullmatch(part)
        first = int(found[1]) if found else 0
        last = int(found[2] or found[1]) if found else 0
        if not found or last < first or last > _LARGEST_CPU:
            raise _resource(f"invalid {key} value: {text}", key, text)
    return text


def _resource(phrase: str, key: str, text: str) -> OptionError:
    return OptionError(
        f"{key} is {text!r}, which is no such limit",
        phrase=f"failed to parse resource limits: {phrase}",
    )
