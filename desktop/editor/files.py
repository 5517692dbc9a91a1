"""A text file as the editor holds it: its text, and what must be the same when it is written."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from core.errors import NotFoundError, StorageError, UserInputError

# Larger files are not Dockerfiles; opening one by accident must not stop the window.
MAXIMUM_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFile:
    """``text`` has ``\\n`` line ends; ``newline`` and ``bom`` are put back on writing.

    ``digest`` is the SHA-256 of the bytes on disk, "" for a file that was never saved.
    """

    text: str
    newline: str = "\n"
    bom: bool = False
    digest: str = ""
    read_only: bool = False


def read_text_file(path: Path) -> TextFile:
    """Read ``path``. Errors: NotFoundError, UserInputError (not text, too large), StorageError."""
    try:
        if path.stat().st_size > MAXIMUM_BYTES:
            raise UserInputError(
                f"{path.name} is larger than 8 MB.", hint="Open a text file, not an archive."
            )
        data = path.read_bytes()
    except FileNotFoundError:
        raise NotFoundError(
            f"There is no file {path}.", hint="It may have been moved or deleted."
        ) from None
    except IsADirectoryError:
        raise UserInputError(f"{path} is a folder.", hint="Use Open Folder for it.") from None
    except OSError as problem:
        raise StorageError(
            f"{path} cannot be read: {problem.strerror}.", hint="Check its permissions."
        ) from problem
    bom = data.startswith(b"\xef\xbb\xbf")
    try:
        text = data[3 if bom else 0 :].decode("utf-8")
    except UnicodeDecodeError as problem:
        raise UserInputError(
            f"{path.name} is not UTF-8 text (byte {problem.start}).",
            hint="Convert it, for example with iconv, and open it again.",
        ) from problem
    if "\0" in text:
        raise UserInputError(f"{path.name} is a binary file.", hint="Open a text file.")
    newline = "\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n"
    return TextFile(
        text=text.replace("\r\n", "\n"),
        newline=newline,
        bom=bom,
        digest=hashlib.sha256(data).hexdigest(),
        read_only=not os.access(path, os.W_OK),
    )


def write_text_file(path: Path, text: str, like: TextFile) -> TextFile:
    """Replace ``path`` atomically, keeping mode and line ends; a symbolic link stays one."""
    body = text.replace("\n", like.newline) if like.newline != "\n" else text
    data = (b"\xef\xbb\xbf" if like.bom else b"") + body.encode("utf-8")
    target = path.resolve()
    temporary = ""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        with os.fdopen(handle, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o666 & ~_umask()
        Path(temporary).chmod(mode)
        Path(temporary).replace(target)
    except OSError as problem:
        if temporary:
            with contextlib.suppress(OSError):
                Path(temporary).unlink(missing_ok=True)
        raise StorageError(
            f"{path} cannot be written: {problem.strerror}.",
            hint="Check the disk and the permissions, or use Save As.",
        ) from problem
    return TextFile(
        text=text,
        newline=like.newline,
        bom=like.bom,
        digest=hashlib.sha256(data).hexdigest(),
    )


def _umask() -> int:
    try:
        text = Path("/proc/self/status").read_text()
        return int(text.split("Umask:")[1].split()[0], 8)
    except (OSError, IndexError, ValueError):
        return 0o022


def is_dockerfile(path: Path) -> bool:
    """Whether a name says Dockerfile: ``Dockerfile``, ``x.Dockerfile``, ``Dockerfile.x``."""
    name = path.name.lower()
    if name.endswith(".dockerignore"):
        return False
    return (
        name in ("dockerfile", "containerfile")
        or name.startswith(("dockerfile.", "containerfile."))
        or name.endswith((".dockerfile", ".containerfile"))
    )
