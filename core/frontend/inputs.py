"""What a conversion must be told about the world, and how it asks for it.

A conversion is pure: it names the facts it misses (``NeedImages``), the caller finds them and
calls again with more of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.errors import Error
from core.llb.ops import SourceOp
from core.llb.vertex import Edge
from core.oci.platform import Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRequest:
    """An image's config is needed.

    ``reference`` is canonical with tag or digest; ``layout`` names the OCI layout of the client
    that holds it, or is empty for a registry. ``log_name`` is how progress calls the look-up.
    """

    reference: str
    platform: Platform
    resolve_mode: str = "default"
    layout: str = ""
    log_name: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedImage:
    """``reference`` is canonical with its digest; ``config`` is the image config's JSON."""

    reference: str
    config: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageMissing:
    """The image cannot be had, for the reason ``error`` gives."""

    error: Error


Images = Mapping[ImageRequest, ResolvedImage | ImageMissing]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextInput:
    """A build's result given as a context: ``edge`` None is an empty file system."""

    edge: Edge | None
    config: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildInputs:
    """Everything but images.

    ``ignore_file`` is the content of the main context's ignore file. ``context_ignores`` holds, by
    name of a client's directory that a named context uses, its ``.dockerignore`` (empty if none).
    ``source_times`` says when a source was made, in seconds since the epoch, None if unknown.
    ``remote_is_archive`` says whether a context fetched over HTTP is an archive. ``session`` is
    the id of the client's session, ``inputs`` are results of other builds by name.
    """

    ignore_file: bytes = b""
    context_ignores: Mapping[str, bytes] = field(default_factory=dict)
    source_times: Mapping[SourceOp, int | None] = field(default_factory=dict)
    remote_is_archive: bool | None = None
    session: str = ""
    inputs: Mapping[str, ContextInput] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedImages:
    """A conversion cannot go on without these facts; never empty."""

    images: frozenset[ImageRequest] = frozenset()
    context_ignores: frozenset[str] = frozenset()
    source_times: frozenset[SourceOp] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.images or self.context_ignores or self.source_times)

    def joined(self, other: NeedImages) -> NeedImages:
        return NeedImages(
            images=self.images | other.images,
            context_ignores=self.context_ignores | other.context_ignores,
            source_times=self.source_times | other.source_times,
        )


class FactsMissingError(Exception):
    """Control flow inside a conversion: nothing more can be said without ``needs``."""

    def __init__(self, needs: NeedImages) -> None:
        super().__init__("facts are missing")
        self.needs = needs
