"""binfmt_misc: which file formats the kernel hands to which interpreter.

``Documentation/admin-guide/binfmt-misc.rst``: one file per handler, and ``register`` and
``status`` to write to.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

_SPECIAL = ("register", "status")
_LONGEST = 1920


class RegistryState(Enum):
    ABSENT = "absent"
    """The kernel has no binfmt_misc (a module may be missing)."""
    NOT_MOUNTED = "not mounted"
    OFF = "off"
    """Mounted, but switched off as a whole."""
    ON = "on"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handler:
    """One handler. ``magic`` is compared under ``mask`` at ``offset`` of a file's first bytes.

    A handler for a file name extension has ``extension`` and no magic. ``flags`` are letters: F
    opens the interpreter at registration, C takes credentials from the program, O hands an open
    file over, P keeps argv[0].
    """

    name: str
    interpreter: str
    flags: str = ""
    enabled: bool = True
    offset: int = 0
    magic: bytes = b""
    mask: bytes = b""
    extension: str = ""

    def matches(self, head: bytes) -> bool:
        """Whether a file that begins with ``head`` goes to this handler when it is enabled."""
        if not self.magic:
            return False
        part = head[self.offset : self.offset + len(self.magic)]
        mask = self.mask or b"\xff" * len(self.magic)
        return len(part) == len(self.magic) and all(
            (a ^ b) & m == 0 for a, b, m in zip(part, self.magic, mask, strict=True)
        )

    def line(self) -> str:
        """What is written to ``register`` (and into files of /etc/binfmt.d) to have it."""
        kind = "E" if self.extension else "M"
        magic = self.extension or _escaped(self.magic)
        offset = str(self.offset) if self.offset else ""
        fields = (self.name, kind, offset, magic, _escaped(self.mask), self.interpreter, self.flags)
        # The line's first character parts the fields; no field may have it.
        between = next((one for one in ":|,!%~" if not any(one in f for f in fields)), ":")
        return between + between.join(fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerRegistry:
    """``odd`` are names of handlers that could not be understood."""

    state: RegistryState
    handlers: tuple[Handler, ...] = ()
    odd: tuple[str, ...] = ()

    def matching(self, head: bytes) -> tuple[Handler, ...]:
        """Enabled handlers for a file that begins with ``head``."""
        if self.state is not RegistryState.ON:
            return ()
        return tuple(h for h in self.handlers if h.enabled and h.matches(head))


def parse_handler(name: str, text: str) -> Handler | None:
    """The handler in a file called ``name`` below binfmt_misc; None if it makes no sense."""
    values: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        values[key.rstrip(":")] = value.strip()
    if not ("enabled" in values or "disabled" in values) or "interpreter" not in values:
        return None
    try:
        return Handler(
            name=name,
            interpreter=values["interpreter"],
            flags=values.get("flags", ""),
            enabled="enabled" in values,
            offset=int(values.get("offset", "0") or "0"),
            magic=bytes.fromhex(values.get("magic", "")),
            mask=bytes.fromhex(values.get("mask", "")),
            extension=values.get("extension", "").removeprefix("."),
        )
    except ValueError:
        return None


def parse_line(line: str) -> Handler | None:
    """A line of a binfmt.d file (binfmt.d(5)); None for comments and nonsense."""
    line = line.strip()
    if not line or line[0] in "#;":
        return None
    fields = line[1:].split(line[0])
    if len(fields) != 7 or fields[1] not in ("M", "E") or not fields[0] or not fields[5]:
        return None
    name, kind, offset, magic, mask, interpreter, flags = fields
    try:
        return Handler(
            name=name,
            interpreter=interpreter,
            flags=flags,
            offset=int(offset or "0"),
            magic=_unescaped(magic) if kind == "M" else b"",
            mask=_unescaped(mask) if kind == "M" else b"",
            extension=magic if kind == "E" else "",
        )
    except ValueError:
        return None


def read_registry(directory: Path) -> HandlerRegistry:
    """What is registered at ``directory``, where binfmt_misc is or should be mounted."""
    try:
        status = (directory / "status").read_text().strip()
    except OSError as error:
        absent = error.errno == errno.ENOENT and not directory.is_dir()
        state = RegistryState.ABSENT if absent else RegistryState.NOT_MOUNTED
        return HandlerRegistry(state=state)
    handlers, odd = [], []
    for name in sorted(os.listdir(directory)):
        if name in _SPECIAL:
            continue
        try:
            text = (directory / name).read_text(errors="surrogateescape")
        except OSError:
            continue
        handler = parse_handler(name, text)
        if handler is None:
            odd.append(name)
        else:
            handlers.append(handler)
    state = RegistryState.ON if status == "enabled" else RegistryState.OFF
    return HandlerRegistry(state=state, handlers=tuple(handlers), odd=tuple(odd))


def register(directory: Path, handler: Handler) -> None:
    """Add ``handler``. Raises OSError: EEXIST, ENOENT (no interpreter), EACCES, EROFS, EINVAL."""
    line = handler.line().encode()
    if len(line) > _LONGEST:
        raise OSError(errno.EINVAL, f"handler {handler.name} is too long to be registered")
    _write(directory / "register", line)


def remove(directory: Path, name: str) -> None:
    """Take a handler away; no error when it is not there."""
    try:
        _write(directory / name, b"-1")
    except FileNotFoundError:
        return


def shown_name(name: str) -> str:
    """A handler's name for people: names may hold any byte but a slash."""
    return name if name.isprintable() else ascii(name)


def set_enabled(directory: Path, name: str, *, enabled: bool) -> None:
    _write(directory / name, b"1" if enabled else b"0")


def _write(path: Path, data: bytes) -> None:
    # One write(2) without creating anything: these are commands, not files.
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, data)
    finally:
        os.close(fd)


def _escaped(data: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in data)


def _unescaped(text: str) -> bytes:
    out = bytearray()
    position = 0
    while position < len(text):
        if text.startswith("\\x", position):
            out.append(int(text[position + 2 : position + 4], 16))
            position += 4
        else:
            out += text[position].encode()
            position += 1
    return bytes(out)
