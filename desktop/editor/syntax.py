"""Colours of a Dockerfile, line by line.

Not a parser: it must colour text that is half typed, and one line at a time with the state of the
line before. What a line means is ``core.dockerfile``'s business.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum

INSTRUCTIONS = (
    "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL",
    "MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
)  # fmt: skip


class Kind(Enum):
    """What a piece of text is; the value is the colour token's name."""

    KEYWORD = "code_keyword"
    FLAG = "code_flag"
    STRING = "code_string"
    VARIABLE = "code_variable"
    COMMENT = "code_comment"
    DIRECTIVE = "code_directive"
    OPERATOR = "code_operator"
    STAGE = "code_stage"
    HEREDOC = "code_heredoc"


@dataclass(frozen=True, slots=True)
class Token:
    start: int
    length: int
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What the end of a line hands to the next.

    ``instruction`` is set while an instruction goes on; ``heredocs`` are the (name, strip tabs)
    whose bodies are still to come.
    """

    header: bool = True
    escape: str = "\\"
    instruction: str = ""
    heredocs: tuple[tuple[str, bool], ...] = ()


_DIRECTIVE = re.compile(r"^\s*#\s*(syntax|escape|check)\s*=\s*(.*?)\s*$", re.IGNORECASE)
_WORD = re.compile(r"\s*([A-Za-z]+)(?=\s|$)")
_FLAG = re.compile(r"\s+(--[a-z][a-z.-]*)(=\S*)?")
_HEREDOC = re.compile(r"<<(-?)(['\"]?)([A-Za-z0-9_.]+)\2")
_PIECE = re.compile(
    r"""(?P<string>"(?:[^"\\]|\\.)*"?|'[^']*'?)
      | (?P<variable>\$\{[^}]*\}?|\$[A-Za-z_][A-Za-z0-9_]*|\$[@*#?0-9])
      | (?P<comment>(?<!\S)\#.*)
      | (?P<operator>&&|\|\||[|;<>]+)
    """,
    re.VERBOSE,
)
_INNER_VARIABLE = re.compile(r"\$\{[^}]*\}|\$[A-Za-z_][A-Za-z0-9_]*")
_AS = re.compile(r"\s(as)\s+(\S+)", re.IGNORECASE)


def tokens_of(line: str, state: State) -> tuple[list[Token], State]:
    """The coloured pieces of ``line`` and the state after it. Pieces may overlap: later wins."""
    if state.heredocs:
        return _heredoc_line(line, state)
    if line.lstrip().startswith("#"):
        return _comment_line(line, state)
    if not line.strip():
        return [], replace(state, header=False)
    found: list[Token] = []
    position = 0
    instruction = state.instruction
    if not instruction:
        position, instruction = _keyword(line, found)
    state = replace(state, header=False)
    while match := _FLAG.match(line, position):
        found.append(Token(match.start(1), match.end() - match.start(1), Kind.FLAG))
        found += _variables(line, match.start(1), match.end())
        position = match.end()
    if instruction == "FROM" and (match := _AS.search(line, position)):
        found.append(Token(match.start(1), 2, Kind.KEYWORD))
        found.append(Token(match.start(2), len(match.group(2)), Kind.STAGE))
    shell = instruction in ("RUN", "CMD", "ENTRYPOINT", "HEALTHCHECK")
    found += _pieces(line, position, shell=shell)
    heredocs: tuple[tuple[str, bool], ...] = ()
    if instruction in ("RUN", "COPY", "ADD"):
        for match in _HEREDOC.finditer(line, position):
            found.append(Token(match.start(), match.end() - match.start(), Kind.DIRECTIVE))
            heredocs += ((match.group(3), bool(match.group(1))),)
    stripped = line.rstrip()
    goes_on = stripped.endswith(state.escape)
    if goes_on:
        found.append(Token(len(stripped) - 1, 1, Kind.OPERATOR))
    after = instruction if goes_on or heredocs else ""
    return found, replace(state, instruction=after, heredocs=heredocs)


def _keyword(line: str, found: list[Token]) -> tuple[int, str]:
    match = _WORD.match(line)
    if match is None:
        return 0, ""
    name = match.group(1).upper()
    if name in INSTRUCTIONS:
        found.append(Token(match.start(1), len(name), Kind.KEYWORD))
    if name == "ONBUILD" and (inner := _WORD.match(line, match.end())):
        found.append(Token(inner.start(1), len(inner.group(1)), Kind.KEYWORD))
        return inner.end(), inner.group(1).upper()
    return match.end(), name


def _comment_line(line: str, state: State) -> tuple[list[Token], State]:
    directive = _DIRECTIVE.match(line) if state.header else None
    start = len(line) - len(line.lstrip())
    if directive is None:
        return [Token(start, len(line) - start, Kind.COMMENT)], replace(state, header=False)
    if directive.group(1).lower() == "escape" and directive.group(2) in ("\\", "`"):
        state = replace(state, escape=directive.group(2))
    return [Token(start, len(line) - start, Kind.DIRECTIVE)], state


def _heredoc_line(line: str, state: State) -> tuple[list[Token], State]:
    name, strip_tabs = state.heredocs[0]
    if (line.lstrip("\t") if strip_tabs else line) == name:
        rest = state.heredocs[1:]
        ended = "" if not rest else state.instruction
        token = Token(line.find(name), len(name), Kind.DIRECTIVE)
        return [token], replace(state, heredocs=rest, instruction=ended)
    found = [Token(0, len(line), Kind.HEREDOC)]
    if state.instruction == "RUN":
        if line.lstrip().startswith("#"):
            return [Token(0, len(line), Kind.COMMENT)], state
        found += _pieces(line, 0, shell=True)
    else:
        found += _variables(line, 0, len(line))
    return found, state


def _pieces(line: str, position: int, *, shell: bool) -> list[Token]:
    found: list[Token] = []
    for match in _PIECE.finditer(line, position):
        kind = Kind[str(match.lastgroup).upper()]
        if kind is Kind.COMMENT and not shell:
            continue
        if kind is Kind.OPERATOR and not shell:
            continue
        found.append(Token(match.start(), match.end() - match.start(), kind))
        if kind is Kind.STRING and line[match.start()] == '"':
            found += _variables(line, match.start(), match.end())
    return found


def _variables(line: str, start: int, end: int) -> list[Token]:
    return [
        Token(match.start(), match.end() - match.start(), Kind.VARIABLE)
        for match in _INNER_VARIABLE.finditer(line, start, end)
    ]
