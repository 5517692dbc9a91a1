"""What was open when the window closed, and text that was not saved yet."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from desktop.settings.settings import write_atomically

# Raised when the arrangement of splitters changes: an older state is not applied.
LAYOUT_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFile:
    """One editor tab. ``caret`` is an offset in UTF-16 units, as Qt counts."""

    path: str
    caret: int = 0
    scroll: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """The window as it was left. ``layout`` maps a part's name to its base64 state."""

    version: int = LAYOUT_VERSION
    folder: str = ""
    files: tuple[OpenFile, ...] = ()
    current: str = ""
    page: str = "editor"
    recent: tuple[str, ...] = ()
    layout: tuple[tuple[str, str], ...] = ()
    first_start: bool = True


def load_session(path: Path) -> Session:
    """The session in ``path``; a fresh one when there is none or it is damaged."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        layout = raw["layout"] if raw["version"] == LAYOUT_VERSION else []
        return Session(
            folder=str(raw["folder"]),
            files=tuple(OpenFile(**item) for item in raw["files"]),
            current=str(raw["current"]),
            page=str(raw["page"]),
            recent=tuple(str(item) for item in raw["recent"]),
            layout=tuple((str(name), str(state)) for name, state in layout),
            first_start=bool(raw["first_start"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return Session()


def save_session(path: Path, session: Session) -> None:
    write_atomically(path, json.dumps(asdict(session), indent=1) + "\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsaved:
    """Text that is not on disk. ``base`` is the SHA-256 of the file it began from."""

    path: str
    title: str
    text: str
    base: str
    caret: int = 0


class Journal:
    """One file a document below ``folder``; written while typing, gone once the text is saved."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _file(self, key: str) -> Path:
        return self._folder / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.json"

    def write(self, key: str, unsaved: Unsaved) -> None:
        """From any thread; ``key`` names the document (its path, or a made-up name)."""
        write_atomically(self._file(key), json.dumps({"key": key, **asdict(unsaved)}))

    def forget(self, key: str) -> None:
        self._file(key).unlink(missing_ok=True)

    def entries(self) -> tuple[tuple[str, Unsaved], ...]:
        """Everything that can be recovered, by key."""
        found: list[tuple[str, Unsaved]] = []
        for path in sorted(self._folder.glob("*.json")) if self._folder.is_dir() else ():
            try:
                raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
                key = str(raw.pop("key"))
                found.append((key, Unsaved(**raw)))
            except (OSError, ValueError, KeyError, TypeError):
                path.unlink(missing_ok=True)
        return tuple(found)
