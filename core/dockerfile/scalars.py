"""Values of flags and mount options, read as Go's standard library reads them."""

from __future__ import annotations

import re

from core.errors import DockerfileError

_UNITS = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,
    "\u03bcs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?([^0-9.]*)")
_MAX_DURATION = 2**63 - 1
_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})
_SIZE = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?) ?([a-zA-Z]{0,3})")
_POWERS = {"k": 1, "m": 2, "g": 3, "t": 4, "p": 5}


def parse_duration(text: str) -> int:
    """Nanoseconds of ``1h2m3.5s``. Raises DockerfileError, without a range."""
    body = text[1:] if text[:1] in ("+", "-") else text
    if body == "0":
        return 0
    if not body:
        raise _bad_duration(text, f'time: invalid duration "{text}"')
    total = 0
    at = 0
    while at < len(body):
        match = _PART.match(body, at)
        whole, fraction, unit = match.groups() if match else ("", None, "")
        if match is None or not (whole or fraction):
            raise _bad_duration(text, f'time: invalid duration "{text}"')
        if not unit:
            raise _bad_duration(text, f'time: missing unit in duration "{text}"')
        scale = _UNITS.get(unit)
        if scale is None:
            raise _bad_duration(text, f'time: unknown unit "{unit}" in duration "{text}"')
        if len(whole) > 19:
            raise _bad_duration(text, f'time: invalid duration "{text}"')
        digits = (fraction or "")[:18]
        total += int(whole or "0") * scale + int(digits or "0") * scale // 10 ** len(digits)
        if total > _MAX_DURATION:
            raise _bad_duration(text, f'time: invalid duration "{text}"')
        at = match.end()
    return -total if text.startswith("-") else total


def _bad_duration(text: str, phrase: str) -> DockerfileError:
    return DockerfileError(
        f"{text or 'Nothing'} is no duration",
        hint="Write a number and a unit, such as 30s, 1m30s or 500ms.",
        phrase=phrase,
    )


def parse_bool(text: str) -> bool | None:
    """None for what is no boolean."""
    return True if text in _TRUE else False if text in _FALSE else None


def parse_unsigned(text: str, base: int) -> int | None:
    """A number of 32 bits in base 8 or 10, or None."""
    digits = "01234567" if base == 8 else "0123456789"
    if not text or len(text) > 64 or any(char not in digits for char in text):
        return None
    value = int(text, base)
    return value if value < 2**32 else None


def parse_size(text: str) -> int | None:
    """Bytes of ``64m``, ``1.5 GiB``, ``100``, in powers of 1024; None for what is no size."""
    match = _SIZE.fullmatch(text)
    if match is None:
        return None
    number, suffix = float(match.group(1)), match.group(2).lower()
    if number < 0 or number == float("inf"):
        return None
    if suffix in ("", "b"):
        return int(number)
    power = _POWERS.get(suffix[0])
    if power is None or suffix[1:] not in ("", "b", "ib"):
        return None
    return int(number * 1024**power)


def csv_fields(text: str) -> list[str]:
    """The fields of one line of comma-separated values.

    Raises DockerfileError, without a range, for a quote out of place and for no text at all.
    """
    line = text[:-1].removesuffix("\r") if text.endswith("\n") else text
    if not line:
        raise DockerfileError("The value is empty", phrase="EOF")
    fields: list[str] = []
    at = 0
    while True:
        if line[at : at + 1] != '"':
            end = line.find(",", at)
            field = line[at:] if end < 0 else line[at:end]
            quote = field.find('"')
            if quote >= 0:
                raise _bad_csv(at + quote, 'bare " in non-quoted field')
            fields.append(field)
            if end < 0:
                return fields
            at = end + 1
            continue
        at += 1
        pieces: list[str] = []
        while True:
            end = line.find('"', at)
            if end < 0:
                raise _bad_csv(at, 'extraneous or missing " in quoted-field')
            pieces.append(line[at:end])
            at = end + 1
            following = line[at : at + 1]
            if following != '"':
                break
            pieces.append('"')
            at += 1
        fields.append("".join(pieces))
        if not following:
            return fields
        if following != ",":
            raise _bad_csv(at - 1, 'extraneous or missing " in quoted-field')
        at += 1


def _bad_csv(column: int, what: str) -> DockerfileError:
    return DockerfileError(
        "A double quote stands in the wrong place of a list of options",
        hint='Quote a whole option: "source=a,b".',
        phrase=f"parse error on line 1, column {column + 1}: {what}",
    )
