"""Annotations as exporter options: ``annotation[-TYPE][[PLATFORM]].KEY=VALUE``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from core.errors import OptionError
from core.oci.platform import Platform, parse_platform

_KEY: Final = re.compile(r"annotation(?:-([a-z-]+))?(?:\[([A-Za-z0-9_/-]+)\])?\.(\S+)")
PREFIX: Final = "annotation"


class Target(Enum):
    """Where an annotation goes; the value is the name in the option."""

    INDEX = "index"
    INDEX_DESCRIPTOR = "index-descriptor"
    MANIFEST = "manifest"
    MANIFEST_DESCRIPTOR = "manifest-descriptor"

    @property
    def of_index(self) -> bool:
        return self in {Target.INDEX, Target.INDEX_DESCRIPTOR}


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """One annotation; ``platform`` None stands for every platform."""

    target: Target
    key: str
    value: str
    platform: Platform | None = None


@dataclass(frozen=True, slots=True)
class Annotations:
    """All annotations of an export."""

    all: tuple[Annotation, ...] = ()

    def for_(self, target: Target, platform: Platform | None = None) -> dict[str, str]:
        """What ``target`` gets; one that names the platform wins over one for every platform."""
        found = {a.key: a.value for a in self.all if a.target is target and a.platform is None}
        if platform is not None:
            wanted = platform.normalized()
            found |= {
                a.key: a.value
                for a in self.all
                if a.target is target and a.platform is not None and a.platform == wanted
            }
        return dict(sorted(found.items()))

    def merged(self, other: Annotations) -> Annotations:
        """``other``'s first, so that ours win."""
        return Annotations((*other.all, *self.all))

    @property
    def platforms(self) -> frozenset[Platform]:
        return frozenset(a.platform for a in self.all if a.platform is not None)

    @property
    def needs_oci(self) -> bool:
        """Docker's formats have room for annotations of a manifest alone."""
        return any(a.target is not Target.MANIFEST for a in self.all)


def parse_annotations(options: Mapping[str, str]) -> Annotations:
    """Options whose names start with ``annotation``. OptionError for one that means nothing."""
    return Annotations(tuple(_parse(name, value) for name, value in sorted(options.items())))


def is_annotation(name: str) -> bool:
    return _KEY.fullmatch(name) is not None


def _parse(name: str, value: str) -> Annotation:
    match = _KEY.fullmatch(name)
    if match is None:
        raise OptionError(
            f"the export option {name} is not an annotation",
            hint="Write annotation.KEY, annotation-index.KEY or annotation[linux/arm64].KEY.",
        )
    kind, platform, key = match.groups()
    try:
        target = Target(kind or Target.MANIFEST.value)
    except ValueError:
        raise OptionError(
            f"the annotation {name} is for {kind}, which is nothing that can be annotated",
            hint=f"Choose one of {', '.join(t.value for t in Target)}.",
            phrase=f"unrecognized annotation type {kind}",
        ) from None
    if platform and target.of_index:
        raise OptionError(f"the annotation {name} names a platform, and an index has many")
    return Annotation(
        target=target,
        key=key,
        value=value,
        platform=parse_platform(platform) if platform else None,
    )
