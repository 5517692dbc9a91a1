"""Which platform a conversion is for."""

from __future__ import annotations

from dataclasses import dataclass

from core.frontend.options import FrontendOptions
from core.oci.platform import Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformChoice:
    """``target`` is what is built; ``implicit`` says that nobody asked for it."""

    target: Platform
    build: tuple[Platform, ...]
    implicit: bool

    @classmethod
    def of(cls, options: FrontendOptions, target: Platform | None) -> PlatformChoice:
        build = options.build_platforms
        return cls(target=target or build[0], build=build, implicit=target is None)


def detect_platform(image: Platform, target: Platform, build: tuple[Platform, ...]) -> Platform:
    """The platform to build where none was asked for: the image's, if the builder has it."""
    if (target.os, target.architecture) != (image.os, image.architecture):
        for platform in build:
            if (platform.os, platform.architecture) == (image.os, image.architecture):
                return platform
    return target
