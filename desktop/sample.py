"""The sample project: a copy that the user may change."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from desktop.settings.paths import data_folder


def install_sample() -> Path:
    """Copy the files that are not there yet; what the user changed stays. Returns the folder."""
    target = data_folder() / "sample"
    for source in sample_files():
        path = target / source
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            text = (resources.files("resources") / "sample" / source).read_text(encoding="utf-8")
            path.write_text(text, encoding="utf-8")
    return target


def sample_files() -> tuple[str, ...]:
    """Relative paths of the sample's files."""
    root = resources.files("resources") / "sample"
    found: list[str] = []

    def walk(folder, prefix: str) -> None:  # type: ignore[no-untyped-def]
        for entry in folder.iterdir():
            if entry.name in ("__init__.py", "__pycache__"):
                continue
            if entry.is_dir():
                walk(entry, f"{prefix}{entry.name}/")
            else:
                found.append(f"{prefix}{entry.name}")

    walk(root, "")
    return tuple(sorted(found))
