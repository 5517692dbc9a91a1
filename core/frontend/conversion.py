"""What all instructions of one conversion share, and what a conversion gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import LineRange
from core.frontend.draft import Output
from core.frontend.options import FrontendOptions
from core.frontend.platforms import PlatformChoice
from core.lint.buildkit.checks import IgnoreFile
from core.lint.buildkit.report import Report
from core.lint.buildkit.rules import Violation
from core.llb.ops import ProxyEnv
from core.llb.vertex import Edge
from core.oci.platform import Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The surroundings of an instruction; ``epoch`` in seconds, None where nothing is clamped."""

    options: FrontendOptions
    choice: PlatformChoice
    escape: str
    global_args: Mapping[str, str]
    build_args: Mapping[str, str]
    report: Report
    context: Output | None
    ignore: IgnoreFile | None
    proxy: ProxyEnv | None
    epoch: int | None = None

    @property
    def created(self) -> str | None:
        """The time to write into history, or None to leave it to the exporter."""
        return None if self.epoch is None else rfc3339(self.epoch)


def rfc3339(seconds: int) -> str:
    """``2024-01-31T12:00:00Z``."""
    days, rest = divmod(seconds, 86400)
    year, month, day = _civil(days)
    return (
        f"{year:04d}-{month:02d}-{day:02d}"
        f"T{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}Z"
    )


def _civil(days: int) -> tuple[int, int, int]:
    """The date ``days`` after 1970-01-01, for any year (datetime stops at 9999)."""
    days += 719468
    era, day_of_era = divmod(days, 146097)
    year_of_era = (
        day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096
    ) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9
    year = year_of_era + era * 400 + (1 if month <= 2 else 0)
    return year, month, day_of_year - (153 * shifted + 2) // 5 + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformResult:
    """One platform's image. ``edge`` None is an image without layers.

    ``key`` is how results of several platforms are told apart. ``config`` is the image's config as
    a JSON value, ``base_config`` that of the base image, None where there was none. ``epoch`` is
    SOURCE_DATE_EPOCH in seconds. ``platform`` is what the index says of the image.
    """

    platform: Platform
    key: str
    edge: Edge | None
    config: dict[str, Any]
    base_config: dict[str, Any] | None = None
    epoch: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildWarning:
    """A warning of a build, as ``VertexWarning`` carries it."""

    rule: str
    short: str
    detail: str
    url: str
    ranges: tuple[LineRange, ...]
    level: int = 1

    @classmethod
    def of(cls, violation: Violation) -> BuildWarning:
        return cls(
            rule=violation.rule.name,
            short=violation.short,
            detail=violation.rule.description,
            url=violation.rule.url,
            ranges=violation.ranges,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """A Dockerfile as a graph for each platform.

    ``multi_platform`` says that the result is one of several platforms, even if it has one.
    ``unused_args`` are build arguments that nothing declares. ``foreign_frontend`` is the frontend
    image that the file or a build argument asks for, where that is not Docker's own: this one did
    the work in its stead.
    """

    results: tuple[PlatformResult, ...]
    warnings: tuple[BuildWarning, ...] = ()
    multi_platform: bool = False
    unused_args: tuple[str, ...] = ()
    foreign_frontend: str = ""
