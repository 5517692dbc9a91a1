"""What each exporter can be told, in BuildKit's attribute names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

from core.content.compression import CompressionConfig
from core.errors import OptionError
from core.exporter.annotations import PREFIX, Annotations, parse_annotations
from core.exporter.flags import Options
from core.oci.media_types import Compression
from core.oci.reference import parse_reference

# Accepted, because clients send them, and without effect here.
_IGNORED: Final = (
    "type",
    "dest",
    "unpack",
    "oci-artifact",
    "attestation-inline",
    "attestation-prefix",
    "prefer-nondist-layers",
    "unsafe-internal-store-allow-incomplete",
)
_METADATA: Final = ("containerimage.", "refs.", "image.name", "config.")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitOptions:
    """How manifests, configs and layers are written.

    ``epoch`` is in seconds; times are cut down to it in configs and, with ``rewrite_timestamp``,
    in layers. ``names`` are as given; ``*`` stands for the name that the frontend suggests.
    """

    names: tuple[str, ...] = ()
    oci: bool = True
    compression: CompressionConfig = field(default_factory=CompressionConfig)
    rewrite_timestamp: bool = False
    epoch: int | None = None
    annotations: Annotations = field(default_factory=Annotations)
    metadata: Mapping[str, str] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageOptions:
    """The ``image`` exporter."""

    commit: CommitOptions
    push: bool = False
    push_by_digest: bool = False
    insecure: bool = False
    store: bool = True
    name_canonical: bool = False
    dangling_prefix: str = ""
    dangling_empty_only: bool = False

    @staticmethod
    def parse(attrs: Mapping[str, str]) -> ImageOptions:
        """OptionError names the option that is wrong."""
        options = Options(attrs)
        parsed = ImageOptions(
            commit=CommitOptions(),
            push=options.flag("push", False),
            push_by_digest=options.flag("push-by-digest", False),
            insecure=options.flag("registry.insecure", False),
            store=options.flag("store", True),
            name_canonical=options.flag("name-canonical", False),
            dangling_prefix=options.text("dangling-name-prefix"),
            # BuildKit's own spelling.
            dangling_empty_only=options.flag("danging-name-empty-only", False),
        )
        return replace(parsed, commit=_commit(options))


class ArchiveKind(Enum):
    OCI = "oci"
    DOCKER = "docker"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveOptions:
    """The ``oci`` and ``docker`` exporters; without ``tar`` a folder is written."""

    commit: CommitOptions
    kind: ArchiveKind
    tar: bool = True

    @staticmethod
    def parse(attrs: Mapping[str, str], kind: ArchiveKind) -> ArchiveOptions:
        options = Options(attrs)
        tar = options.flag("tar", True)
        return ArchiveOptions(kind=kind, tar=tar, commit=_commit(options))


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesOptions:
    """The ``local`` and ``tar`` exporters.

    ``platform_split`` None means a folder for each platform when there are several. ``delete``
    removes what the result does not have from the destination.
    """

    platform_split: bool | None = None
    delete: bool = False
    epoch: int | None = None
    unknown: tuple[str, ...] = ()

    @staticmethod
    def parse(attrs: Mapping[str, str]) -> FilesOptions:
        options = Options(attrs)
        mode = options.text("mode", "copy")
        if mode not in {"copy", "delete"}:
            raise OptionError(
                f"the export option mode={mode} is not known",
                hint="Use mode=copy or mode=delete.",
                phrase=f'invalid local exporter mode "{mode}"',
            )
        split = options.maybe_flag("platform-split")
        epoch = options.number("source-date-epoch")
        for name in _IGNORED:
            options.text(name)
        for prefix in (*_METADATA, PREFIX):
            options.take(prefix)
        return FilesOptions(
            platform_split=split, delete=mode == "delete", epoch=epoch, unknown=options.rest
        )

    def split(self, *, multi_platform: bool) -> bool:
        return multi_platform if self.platform_split is None else self.platform_split


def _commit(options: Options) -> CommitOptions:
    oci = options.flag("oci-mediatypes", True)
    rewrite = options.flag("rewrite-timestamp", False)
    names = tuple(n.strip() for n in options.text("name").split(",") if n.strip())
    for name in names:
        if name != "*":
            parse_reference(name)
    annotations = parse_annotations(options.take(PREFIX))
    if annotations.needs_oci and not oci:
        raise OptionError(
            "annotations of an index or a descriptor need OCI media types",
            hint="Drop oci-mediatypes=false or the annotations.",
            phrase='cannot export annotations with "oci-mediatypes=false"',
        )
    commit = CommitOptions(
        names=names,
        oci=oci,
        compression=_compression(options, reproducible=rewrite, oci=oci),
        rewrite_timestamp=rewrite,
        epoch=options.number("source-date-epoch"),
        annotations=annotations,
        metadata={k: v for prefix in _METADATA for k, v in options.take(prefix).items()},
    )
    for name in _IGNORED:
        options.text(name)
    return replace(commit, unknown=options.rest)


def _compression(options: Options, *, reproducible: bool, oci: bool) -> CompressionConfig:
    name = options.text("compression", Compression.GZIP.value)
    if name == "estargz":
        raise OptionError(
            "the compression estargz is not supported",
            hint="Use gzip or zstd.",
            phrase="unsupported compression type",
        )
    try:
        kind = Compression(name)
    except ValueError:
        raise OptionError(
            f"the compression {name!r} is not known",
            hint=f"Choose one of {', '.join(c.value for c in Compression)}.",
            phrase=f"unsupported compression type {name}",
        ) from None
    if kind is Compression.ZSTD and not oci:
        raise OptionError(
            "zstd layers need OCI media types",
            hint="Drop oci-mediatypes=false or choose gzip.",
            phrase='exporter option "compression=zstd" conflicts with "oci-mediatypes=false"',
        )
    level = options.number("compression-level")
    return CompressionConfig(
        kind=kind,
        level=level,
        force=options.flag("force-compression", False),
        reproducible=reproducible,
    )
