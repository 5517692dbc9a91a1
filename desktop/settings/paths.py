"""Where the window keeps its files: the platform's own places, through appdirs.

``VIADUCT_HOME`` puts everything below one folder instead (tests, portable use).
"""

from __future__ import annotations

import os
from pathlib import Path

import appdirs

APP = "viaduct"


def _folder(kind: str, default: str) -> Path:
    home = os.environ.get("VIADUCT_HOME")
    path = Path(home) / kind if home else Path(default)
    path.mkdir(parents=True, exist_ok=True)
    return path


def config_folder() -> Path:
    """Settings that a person may read and edit."""
    return _folder("config", appdirs.user_config_dir(APP, appauthor=False))


def state_folder() -> Path:
    """Layout, session, recovery journal, crash reports."""
    return _folder("state", appdirs.user_state_dir(APP, appauthor=False))


def data_folder() -> Path:
    """What the user made and would miss: the sample project, once it was opened."""
    return _folder("data", appdirs.user_data_dir(APP, appauthor=False))


def cache_folder() -> Path:
    """What can be made again."""
    return _folder("cache", appdirs.user_cache_dir(APP, appauthor=False))
