"""Times as images carry them: RFC 3339 text, with what fraction of a second there is."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from core.oci.json_values import ImageFormatError

_SECOND: Final = 1_000_000_000
_SHAPE: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))",
    re.ASCII,
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def to_text(nanoseconds: int) -> str:
    """``2026-11-23T21:00:00.5Z`` for nanoseconds since the epoch, as Go prints it."""
    seconds, rest = divmod(nanoseconds, _SECOND)
    text = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f".{rest:09d}".rstrip("0") if rest else ""
    return f"{text.zfill(19)}{fraction}Z"


def from_text(text: str) -> int:
    """Nanoseconds since the epoch; ImageFormatError for what is no time."""
    match = _SHAPE.fullmatch(text)
    try:
        if match is None:
            raise ValueError("not RFC 3339")
        *numbers, fraction, sign, hours, minutes = match.groups()
        zone: timezone = UTC
        if sign:
            offset = timedelta(hours=int(hours), minutes=int(minutes))
            zone = timezone(-offset if sign == "-" else offset)
        moment = datetime(*(int(n) for n in numbers), tzinfo=zone)  # type: ignore[arg-type, misc]
    except ValueError as error:
        raise ImageFormatError(f"{text!r} is not a time: {error}") from error
    whole = (moment - _EPOCH) // timedelta(seconds=1)
    return whole * _SECOND + int((fraction or "0")[:9].ljust(9, "0"))
