"""Root causes reported so far, so that what follows from them is not reported again."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from core.lint.rules.atoms import atoms


@dataclass(slots=True)
class Roots:
    """Names already reported, so that what follows from them is not reported again."""

    stems: set[str] = field(default_factory=set)
    variables: set[str] = field(default_factory=set)
    architectures_added: bool = False

    def add(self, atom_text: str) -> None:
        for part in re.split(r"[/=]", atom_text):
            if any(True for _ in atoms(part)):
                self.stems.add(stem(part))

    def follows(self, atom_text: str) -> bool:
        parts = [
            stem(part) for part in re.split(r"[/=:]", atom_text) if any(True for _ in atoms(part))
        ]
        return bool(parts) and all(
            any(
                part == known or part.startswith(known) or known.startswith(part)
                for known in self.stems
            )
            for part in parts
        )


def stem(name: str) -> str:
    """A file name without quotes, endings and what varies behind a wildcard."""
    name = name.strip("\"'").lower().split("*", 1)[0]
    return re.sub(
        r"(?:\.(?:tar|t?[gbx]z2?|tgz|zip|deb|rpm|apk|bin|run|sh|sha\d+(?:sum)?|md5|asc|sig|zst))+$",
        "",
        name,
    )
