"""Coloured copies of icons on disk, for the places where a style sheet only takes a file."""

from __future__ import annotations

import hashlib
from pathlib import Path

from desktop.settings.paths import cache_folder
from desktop.theme.icons import svg_source


def style_icon(name: str, colour: str) -> str:
    """A file holding icon ``name`` in ``colour``, written on first use, as a style sheet URL."""
    text = svg_source(name).replace("currentColor", colour)
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    path: Path = cache_folder() / "icons" / f"{name}-{digest}.svg"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return path.as_posix()
