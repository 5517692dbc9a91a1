"""What can stand at the caret.

Works on text that does not parse yet, so it looks at lines, not at the syntax tree.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from desktop.editor.reference import FLAGS, INSTRUCTIONS, MOUNT_TYPES, PLATFORM_ARGUMENTS


class ItemKind(Enum):
    """The value is the icon's name."""

    INSTRUCTION = "editor"
    FLAG = "settings"
    STAGE = "images"
    VARIABLE = "tag"
    FILE = "file"
    FOLDER = "folder"
    IMAGE = "registries"
    VALUE = "check"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    label: str
    insert: str
    kind: ItemKind
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completions:
    """``start`` is the offset where the text that an item replaces begins."""

    start: int
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the text itself does not tell. ``images`` are references that are known here."""

    folder: Path | None = None
    images: tuple[str, ...] = ()
    platforms: tuple[str, ...] = field(
        default=("linux/amd64", "linux/arm64", "linux/arm/v7", "linux/386", "linux/ppc64le",
                 "linux/s390x", "linux/riscv64")
    )  # fmt: skip


_STAGE = re.compile(r"^\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?", re.IGNORECASE)
_VARIABLE = re.compile(r"\$(\{?)([A-Za-z0-9_]*)$")
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?==|\s|$)")
_LIMIT = 300


def stage_names(text: str) -> tuple[str, ...]:
    """Stage names in the order of the file."""
    names = (m.group(2) for line in text.split("\n") if (m := _STAGE.match(line)))
    return tuple(name for name in names if name)


def complete(text: str, offset: int, around: Surroundings) -> Completions:
    """Completions for the caret at ``offset`` of ``text``; no items when nothing is known."""
    line_start = text.rfind("\n", 0, offset) + 1
    before = text[line_start:offset]
    first_line = _first_line(text, line_start)
    instruction, head = _instruction(text, first_line, offset)
    if re.fullmatch(r"\s*[A-Za-z]*", before) and first_line == line_start:
        return _instructions(before, line_start)
    if re.match(r"\s*ONBUILD\s+[A-Za-z]*$", before, re.IGNORECASE):
        return _instructions(before.split()[-1] if before[-1:].strip() else "", offset)
    if re.match(r"\s*#", before):
        return _directives(before, line_start)
    if variable := _VARIABLE.search(before):
        return _variables(text, line_start, offset, variable)
    word_start = max(before.rfind(" "), before.rfind("\t"), before.rfind(",")) + 1
    word = before[word_start:]
    start = line_start + word_start
    flag, _, value = word.partition("=")
    if word.startswith("--") and "=" not in word:
        return _flags(instruction, word, start)
    if word.startswith("--"):
        return _flag_values(text, first_line, flag, value, offset, around)
    if instruction == "FROM" and len(head.split()) <= 2 + head.count("--"):
        return _bases(text, first_line, word, start, around)
    if instruction in ("COPY", "ADD") and "--from=" not in head:
        return _files(word, start, around.folder)
    return Completions(start=offset)


def _first_line(text: str, line_start: int) -> int:
    """Where the instruction that holds the line at ``line_start`` begins."""
    while line_start > 0:
        previous_start = text.rfind("\n", 0, line_start - 1) + 1
        if not text[previous_start : line_start - 1].rstrip().endswith("\\"):
            break
        line_start = previous_start
    return line_start


def _instruction(text: str, first_line: int, offset: int) -> tuple[str, str]:
    head = text[first_line:offset]
    match = re.match(r"\s*([A-Za-z]+)", head)
    name = match.group(1).upper() if match else ""
    if name == "ONBUILD":
        inner = re.match(r"\s*ONBUILD\s+([A-Za-z]+)", head, re.IGNORECASE)
        name = inner.group(1).upper() if inner else name
    return name, head


def _instructions(before: str, line_start: int) -> Completions:
    word = before.strip()
    lower = bool(word) and word.islower()
    items = tuple(
        Item(
            label=name,
            insert=(name.lower() if lower else name) + " ",
            kind=ItemKind.INSTRUCTION,
            detail=help_.form.removeprefix(name).strip(),
        )
        for name, help_ in INSTRUCTIONS.items()
        if name.startswith(word.upper()) and name != "MAINTAINER"
    )
    return Completions(start=line_start + len(before) - len(before.lstrip()), items=items)


def _directives(before: str, line_start: int) -> Completions:
    options = (
        ("# syntax=docker/dockerfile:1", "the Dockerfile frontend"),
        ("# escape=`", "the escape character"),
        ("# check=skip=", "build checks to leave out"),
    )
    typed = before.strip()
    items = tuple(
        Item(label=text, insert=text, kind=ItemKind.VALUE, detail=detail)
        for text, detail in options
        if text.startswith(typed) or text.replace(" ", "").startswith(typed)
    )
    return Completions(start=line_start, items=items)


def _variables(text: str, line_start: int, offset: int, match: re.Match[str]) -> Completions:
    brace, typed = match.groups()
    names: dict[str, str] = {}
    for line in text[:line_start].split("\n"):
        found = re.match(r"\s*(ARG|ENV)\s+(.*)", line, re.IGNORECASE)
        if found:
            for name in _ASSIGNMENT.findall(_without_values(found.group(2))):
                names.setdefault(name, found.group(1).upper())
    for name, detail in PLATFORM_ARGUMENTS.items():
        names.setdefault(name, detail)
    items = tuple(
        Item(
            label=name,
            insert=f"${{{name}}}" if brace else f"${name}",
            kind=ItemKind.VARIABLE,
            detail=detail,
        )
        for name, detail in names.items()
        if name.upper().startswith(typed.upper())
    )
    return Completions(start=offset - len(match.group(0)), items=items)


def _without_values(text: str) -> str:
    return re.sub(r"=(\"[^\"]*\"|'[^']*'|\S*)", "=", text)


def _flags(instruction: str, word: str, start: int) -> Completions:
    items = tuple(
        Item(label=flag, insert=flag if flag.endswith("=") else f"{flag} ", kind=ItemKind.FLAG,
             detail=detail)
        for flag, detail in FLAGS.get(instruction, {}).items()
        if flag.startswith(word)
    )  # fmt: skip
    return Completions(start=start, items=items)


def _flag_values(
    text: str, first_line: int, flag: str, value: str, offset: int, around: Surroundings
) -> Completions:
    start = offset - len(value)
    match flag:
        case "--platform":
            wanted: Iterable[tuple[str, str]] = (
                ("$BUILDPLATFORM", "native on the builder"),
                ("$TARGETPLATFORM", "what every stage has by default"),
                *((name, "always this platform") for name in around.platforms),
            )
        case "--from":
            wanted = ((name, "stage") for name in stage_names(text[:first_line]))
        case "--mount":
            wanted = ((mount, "") for mount in MOUNT_TYPES)
        case "--network":
            wanted = (("default", ""), ("none", "no network"), ("host", "the builder's network"))
        case "--security":
            wanted = (("sandbox", ""), ("insecure", "needs the entitlement"))
        case _:
            wanted = ()
    kind = ItemKind.STAGE if flag == "--from" else ItemKind.VALUE
    items = tuple(
        Item(label=name, insert=name, kind=kind, detail=detail)
        for name, detail in wanted
        if name.lower().startswith(value.lower())
    )
    return Completions(start=start, items=items)


def _bases(text: str, first_line: int, word: str, start: int, around: Surroundings) -> Completions:
    stages = [
        Item(label=name, insert=name, kind=ItemKind.STAGE, detail="stage")
        for name in stage_names(text[:first_line])
    ]
    images = [
        Item(label=name, insert=name, kind=ItemKind.IMAGE, detail="in the local store")
        for name in around.images
    ]
    scratch = Item(label="scratch", insert="scratch", kind=ItemKind.IMAGE, detail="nothing")
    items = (item for item in (*stages, *images, scratch) if word.lower() in item.label.lower())
    return Completions(start=start, items=tuple(items))


def _files(word: str, start: int, folder: Path | None) -> Completions:
    if folder is None or word.startswith(("http:", "https:", "<<", "[", '"')):
        return Completions(start=start)
    parent, _, name = word.rpartition("/")
    place = folder / parent if parent else folder
    try:
        if not place.resolve().is_relative_to(folder.resolve()):
            return Completions(start=start)
        found: Sequence[Path] = sorted(place.iterdir(), key=lambda p: (not p.is_dir(), p.name))
    except OSError:
        return Completions(start=start)
    prefix = f"{parent}/" if parent else ""
    items = tuple(
        Item(
            label=prefix + path.name + ("/" if path.is_dir() else ""),
            insert=prefix + path.name + ("/" if path.is_dir() else ""),
            kind=ItemKind.FOLDER if path.is_dir() else ItemKind.FILE,
        )
        for path in found[:_LIMIT]
        if path.name.lower().startswith(name.lower()) and path.name != ".git"
    )
    return Completions(start=start, items=items)
