"""What somebody decided about emulation in this app, kept in one file."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import OptionError
from core.oci.platform import Platform, parse_platform

_FILE = "emulation.json"
_PROGRAMS = "qemu"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """``off`` are platforms that this builder is not to emulate.

    ``programs`` are more directories in which QEMU may lie; those first.
    """

    off: frozenset[Platform] = field(default_factory=frozenset)
    programs: tuple[Path, ...] = ()


class SettingsFile:
    """The settings of the builder whose data lie in ``directory``."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / _FILE
        self.programs = directory / _PROGRAMS
        """Where fetched emulators go."""

    def load(self) -> Settings:
        """What was saved; a file that cannot be read counts as none."""
        off: set[Platform] = set()
        try:
            value = json.loads(self._path.read_text())
            off = {parse_platform(str(name)) for name in value["off"]}
        except (OSError, ValueError, LookupError, TypeError, OptionError):
            pass
        return Settings(off=frozenset(off), programs=(self.programs,))

    def save(self, settings: Settings) -> None:
        """Replace the file at once. Raises OSError."""
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps({"off": sorted(str(platform) for platform in settings.off)}))
        os.replace(new, self._path)
