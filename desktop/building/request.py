"""What a build was asked to do, and reading the little languages of the build bar's fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from core.errors import Error, OptionError
from core.oci.reference import parse_reference


class OutputKind(Enum):
    """Where the result goes besides the registry; the value is BuildKit's exporter."""

    STORE = "image"
    OCI = "oci"
    DOCKER = "docker"
    FOLDER = "local"
    TAR = "tar"
    NOTHING = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequest:
    """``platforms`` in the order of the bar; ``push`` sends every tag to its registry.

    ``secrets`` and ``ssh`` are in docker's notation (``id=token,src=token.txt``, ``default``).
    """

    dockerfile: Path
    context: Path
    platforms: tuple[str, ...]
    target: str = ""
    tags: tuple[str, ...] = ()
    push: bool = False
    build_args: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    ssh: tuple[str, ...] = ()
    no_cache: bool = False
    no_cache_stages: tuple[str, ...] = ()
    pull: bool = False
    network: str = ""
    cache_from: tuple[str, ...] = ()
    cache_to: tuple[str, ...] = ()
    output: OutputKind = OutputKind.STORE
    output_path: str = ""
    provenance: bool = False

    @property
    def title(self) -> str:
        """A short name for tabs, the queue and notifications."""
        name = self.tags[0] if self.tags else self.context.name or str(self.context)
        return f"{name} ({self.target})" if self.target else name


def split_tags(text: str) -> tuple[str, ...]:
    """The references of the tag field: separated by commas or blanks, repeats dropped."""
    return tuple(dict.fromkeys(part for part in text.replace(",", " ").split() if part))


def tag_problem(text: str, *, push: bool) -> str:
    """What is wrong with the tag field, "" when nothing is."""
    tags = split_tags(text)
    for tag in tags:
        try:
            if parse_reference(tag).digest is not None:
                return f"{tag} names a digest; a tag cannot."
        except Error as problem:
            return problem.message
    if push and not tags:
        return "A push needs a tag, for example registry.example.com/team/app:1.0."
    return ""


def parse_pairs(lines: Iterable[str]) -> dict[str, str]:
    """``KEY=VALUE`` a line; raises OptionError for a line without a key."""
    found: dict[str, str] = {}
    for line in lines:
        text = line.strip()
        if not text:
            continue
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise OptionError(f"{text!r} is not of the form KEY=VALUE.")
        found[key.strip()] = value
    return found
