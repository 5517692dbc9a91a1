"""What was chosen in the build bar, per project.

Kept in the state folder; ``viaduct.build.json`` in the project's own folder goes first, so that a
team can commit its choices. Secrets are named in it, never contained.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from desktop.settings.settings import write_atomically

PROFILE_NAME = "viaduct.build.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The choices of one project."""

    platforms: tuple[str, ...] = ()
    target: str = ""
    tags: tuple[str, ...] = ()
    build_args: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    ssh: tuple[str, ...] = ()
    cache_from: tuple[str, ...] = ()
    cache_to: tuple[str, ...] = ()


def profile_to_json(profile: Profile) -> str:
    """Empty fields are left out."""
    values: dict[str, Any] = {}
    for name in Profile.__slots__:
        value = getattr(profile, name)
        if value:
            values[name] = dict(value) if isinstance(value, Mapping) else value
    return json.dumps(values, indent=2) + "\n"


def profile_from_json(text: str) -> Profile | None:
    """None for what is no profile; unknown keys are ignored."""
    try:
        raw = json.loads(text)
    except ValueError:
        return None
    if not isinstance(raw, dict):
        return None
    values: dict[str, Any] = {}
    for name in Profile.__slots__:
        value = raw.get(name)
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            values[name] = tuple(value)
        elif isinstance(value, dict):
            values[name] = {str(key): str(item) for key, item in value.items()}
        elif isinstance(value, str) and name == "target":
            values[name] = value
    return Profile(**values)


class Projects:
    """Profiles by folder. Every method may run in a thread."""

    def __init__(self, state: Path) -> None:
        self._state = state

    def _file(self, folder: Path) -> Path:
        digest = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:24]
        return self._state / f"{digest}.json"

    def load(self, folder: Path) -> Profile | None:
        """The project's own file, else what was chosen last, else None."""
        for path in (folder / PROFILE_NAME, self._file(folder)):
            try:
                text = path.read_text(encoding="utf-8")
            except OSError:
                continue
            profile = profile_from_json(text)
            if profile is not None:
                return profile
        return None

    def remember(self, folder: Path, profile: Profile) -> None:
        write_atomically(self._file(folder), profile_to_json(profile))
        own = folder / PROFILE_NAME
        if own.exists():
            write_atomically(own, profile_to_json(profile))

    def share(self, folder: Path, profile: Profile) -> Path:
        """Write the file that can be committed; later changes keep it current."""
        path = folder / PROFILE_NAME
        write_atomically(path, profile_to_json(profile))
        return path
