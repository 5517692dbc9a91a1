"""Go's regular expressions (RE2 syntax) in Python's, as far as ignore patterns can produce them."""

from __future__ import annotations

import re

_CLASSES = {
    "d": "0-9",
    "D": r"\x00-/:-\U0010ffff",
    "s": r"\t\n\f\r ",
    "S": "\\x00-\\x08\\x0b\\x0e-\\x1f!-\\U0010ffff",
    "w": "0-9A-Za-z_",
    "W": r"\x00-/:-@\[-\^`{-\U0010ffff",
}
_POSIX = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7f",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t\n\v\f\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
_CONTROLS = {"a": 7, "f": 12, "t": 9, "n": 10, "r": 13, "v": 11}
_ASSERTIONS = {"A": r"\A", "z": r"\Z", "b": r"\b", "B": r"\B"}
_REPEAT = re.compile(r"\{([0-9]+)(,?)([0-9]*)\}")


def translate(source: str) -> str:
    """The same expression for ``re``. Raises ValueError for what Go refuses."""
    out: list[str] = []
    at = 0
    quantifiable = False
    while at < len(source):
        char = source[at]
        if char == "[":
            piece, at = _class(source, at + 1)
            out.append(piece)
            quantifiable = True
        elif char == "\\":
            piece, at, quantifiable = _escape(source, at + 1)
            out.append(piece)
        elif char == "$":
            out.append(r"\Z")
            at += 1
            quantifiable = False
        elif char == "^":
            out.append(r"\A")
            at += 1
            quantifiable = False
        elif char == "{":
            match = _REPEAT.match(source, at)
            if match is None:
                out.append(r"\{")
                at += 1
                quantifiable = True
                continue
            low, _, high = match.groups()
            if int(low) > 1000 or (high and not int(low) <= int(high) <= 1000):
                raise ValueError("invalid repeat count")
            if quantifiable:
                out.append(match.group())
            elif not out or out[-1] not in (r"\A", r"\Z", r"\b", r"\B"):
                raise ValueError("missing argument to repetition operator")
            at = match.end()
            quantifiable = False
        else:
            out.append(char if char in ".*?()|" else re.escape(char))
            at += 1
            quantifiable = char not in "*?(|"
    return "".join(out)


def _escape(source: str, at: int) -> tuple[str, int, bool]:
    """What ``\\`` and the character at ``at`` mean outside a class."""
    char = source[at : at + 1]
    if char in _ASSERTIONS and char:
        return _ASSERTIONS[char], at + 1, False
    if char in _CLASSES and char:
        return f"[{_CLASSES[char]}]", at + 1, True
    code, at = _code_point(source, at)
    return re.escape(chr(code)), at, True


def _code_point(source: str, at: int) -> tuple[int, int]:
    char = source[at : at + 1]
    if not char or not char.isascii():
        raise ValueError("invalid escape sequence")
    if not char.isalnum():
        return ord(char), at + 1
    if char in _CONTROLS:
        return _CONTROLS[char], at + 1
    octal = re.compile(r"0[0-7]{0,2}|[1-7][0-7]{1,2}").match(source, at)
    if octal:
        return int(octal.group(), 8), octal.end()
    hexadecimal = re.compile(r"x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,8})\})").match(source, at)
    if hexadecimal:
        code = int(hexadecimal.group(1) or hexadecimal.group(2), 16)
        if code <= 0x10FFFF:
            return code, hexadecimal.end()
    raise ValueError("invalid escape sequence")


def _class(source: str, at: int) -> tuple[str, int]:
    members: list[str] = []
    negated = source[at : at + 1] == "^"
    if negated:
        at += 1
    first = True
    while True:
        char = source[at : at + 1]
        if not char:
            raise ValueError("missing closing ]")
        if char == "]" and not first:
            return f"[{'^' if negated else ''}{''.join(members)}]", at + 1
        first = False
        posix = re.compile(r"\[:(\^?)([a-z]+):\]").match(source, at)
        if posix:
            name = _POSIX.get(posix.group(2))
            if name is None or posix.group(1):
                raise ValueError("invalid character class")
            members.append(name)
            at = posix.end()
            continue
        if char == "\\" and source[at + 1 : at + 2] in _CLASSES:
            members.append(_CLASSES[source[at + 1]])
            at += 2
            continue
        low, at = _member(source, at)
        high = low
        if source[at : at + 1] == "-" and source[at + 1 : at + 2] not in ("]", ""):
            high, at = _member(source, at + 1)
            if high < low:
                raise ValueError("invalid character class range")
        members.append(f"\\U{low:08x}-\\U{high:08x}")


def _member(source: str, at: int) -> tuple[int, int]:
    char = source[at : at + 1]
    if not char:
        raise ValueError("missing closing ]")
    if char == "\\":
        return _code_point(source, at + 1)
    return ord(char), at + 1
