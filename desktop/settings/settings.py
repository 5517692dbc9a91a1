"""What the user may set, as one frozen value, and the file it lives in."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from desktop.theme import ColourScheme


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Unknown keys of a newer version's file are ignored, wrong types fall back to the default."""

    theme: str = ColourScheme.SYSTEM.value
    font_family: str = ""  # "" = the system's fixed font
    font_size: int = 11
    tab_width: int = 4
    word_wrap: bool = False
    format_on_save: bool = False
    show_whitespace: bool = False
    platforms: tuple[str, ...] = ("linux/amd64", "linux/arm64", "linux/arm/v7", "linux/386")
    registries: tuple[str, ...] = ()  # hosts whose credentials are kept by this application
    insecure_registries: tuple[str, ...] = ()
    keep_builds: int = 200
    keep_days: int = 90
    parallel_builds: int = 2  # of different projects; those of one wait for each other
    reopen_files: bool = True
    notify: bool = True
    reduced_motion: bool = False
    shortcuts: dict[str, tuple[str, ...]] = field(default_factory=dict)


def _typed(value: object, default: object) -> object:
    """``value`` when it has the shape of ``default``, ``default`` otherwise."""
    match default:
        case bool():
            return value if isinstance(value, bool) else default
        case int():
            is_number = isinstance(value, int) and not isinstance(value, bool)
            return value if is_number else default
        case str():
            return value if isinstance(value, str) else default
        case tuple():
            if isinstance(value, list) and all(isinstance(item, str) for item in value):
                return tuple(value)
            return default
        case _:
            if isinstance(value, dict):
                return {
                    str(key): tuple(str(item) for item in items)
                    for key, items in value.items()
                    if isinstance(items, list)
                }
            return default


def settings_from_json(text: str) -> Settings:
    """Read a settings file; what is damaged or unknown is left at its default."""
    try:
        raw = json.loads(text)
    except ValueError:
        raw = {}
    if not isinstance(raw, dict):
        raw = {}
    defaults = Settings()
    values: dict[str, Any] = {
        f.name: _typed(raw[f.name], getattr(defaults, f.name))
        for f in dataclasses.fields(Settings)
        if f.name in raw
    }
    return Settings(**values)


def settings_to_json(settings: Settings) -> str:
    return json.dumps(dataclasses.asdict(settings), indent=2, sort_keys=True) + "\n"


def write_atomically(path: Path, text: str) -> None:
    """Replace ``path`` whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


class SettingsStore(QObject):
    """The settings in use; ``changed`` carries the new value after it was written."""

    changed = Signal(object)

    def __init__(self, path: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._path = path
        try:
            text = path.read_text(encoding="utf-8")
        except OSError:
            text = "{}"
        self.value = settings_from_json(text)

    @property
    def path(self) -> Path:
        return self._path

    def update(self, **changes: Any) -> None:
        """Change fields; nothing happens when they are as asked already."""
        value = dataclasses.replace(self.value, **changes)
        if value == self.value:
            return
        self.value = value
        write_atomically(self._path, settings_to_json(value))
        self.changed.emit(value)
