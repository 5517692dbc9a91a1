"""Media types of images, OCI's and Docker's, and the map between the two.

Sources: the OCI image specification (``media-types.md``) and Docker's "Image Manifest V 2,
Schema 2" document.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
OCI_LAYER: Final = "application/vnd.oci.image.layer.v1.tar"
OCI_LAYER_GZIP: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_LAYER_ZSTD: Final = "application/vnd.oci.image.layer.v1.tar+zstd"
OCI_EMPTY: Final = "application/vnd.oci.empty.v1+json"
_OCI_FOREIGN: Final = "application/vnd.oci.image.layer.nondistributable.v1.tar"

DOCKER_INDEX: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG: Final = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER: Final = "application/vnd.docker.image.rootfs.diff.tar"
DOCKER_LAYER_GZIP: Final = "application/vnd.docker.image.rootfs.diff.tar.gzip"
DOCKER_LAYER_ZSTD: Final = "application/vnd.docker.image.rootfs.diff.tar.zstd"
_DOCKER_FOREIGN: Final = "application/vnd.docker.image.rootfs.foreign.diff.tar"

DOCKER_SCHEMA1: Final = (
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
)

INDEXES: Final = (OCI_INDEX, DOCKER_INDEX)
MANIFESTS: Final = (OCI_MANIFEST, DOCKER_MANIFEST)
CONFIGS: Final = (OCI_CONFIG, DOCKER_CONFIG)
ACCEPTED: Final = (*INDEXES, *MANIFESTS)
"""What is asked of a registry when a reference is resolved."""


class Compression(Enum):
    """How a layer's tar is stored; the value is BuildKit's ``compression`` attribute."""

    UNCOMPRESSED = "uncompressed"
    GZIP = "gzip"
    ZSTD = "zstd"


_OCI_LAYERS: Final = {
    Compression.UNCOMPRESSED: OCI_LAYER,
    Compression.GZIP: OCI_LAYER_GZIP,
    Compression.ZSTD: OCI_LAYER_ZSTD,
}
_DOCKER_LAYERS: Final = {
    Compression.UNCOMPRESSED: DOCKER_LAYER,
    Compression.GZIP: DOCKER_LAYER_GZIP,
    Compression.ZSTD: DOCKER_LAYER_ZSTD,
}
_LAYERS: Final = (
    {v: k for k, v in _OCI_LAYERS.items()}
    | {v: k for k, v in _DOCKER_LAYERS.items()}
    | {
        _OCI_FOREIGN: Compression.UNCOMPRESSED,
        _OCI_FOREIGN + "+gzip": Compression.GZIP,
        _OCI_FOREIGN + "+zstd": Compression.ZSTD,
        _DOCKER_FOREIGN: Compression.UNCOMPRESSED,
        _DOCKER_FOREIGN + ".gzip": Compression.GZIP,
        _DOCKER_FOREIGN + ".zstd": Compression.ZSTD,
    }
)
_PAIRS: Final = {OCI_INDEX: DOCKER_INDEX, OCI_MANIFEST: DOCKER_MANIFEST, OCI_CONFIG: DOCKER_CONFIG}


def is_index(media_type: str) -> bool:
    return media_type in INDEXES


def is_manifest(media_type: str) -> bool:
    return media_type in MANIFESTS


def is_config(media_type: str) -> bool:
    return media_type in CONFIGS


def is_layer(media_type: str) -> bool:
    """A file system layer, distributable or not."""
    return media_type in _LAYERS


def is_nondistributable(media_type: str) -> bool:
    """A "foreign" layer: its bytes come from ``urls`` and are not pushed by default."""
    return media_type.startswith((_OCI_FOREIGN, _DOCKER_FOREIGN))


def compression_of(media_type: str) -> Compression | None:
    """How a layer of this type is compressed; None for what is not a layer."""
    return _LAYERS.get(media_type)


def layer_type(compression: Compression, *, oci: bool) -> str:
    return (_OCI_LAYERS if oci else _DOCKER_LAYERS)[compression]


def converted(media_type: str, *, oci: bool) -> str:
    """The same kind of thing in the other family; unknown types stay as they are.

    Foreign layers become distributable ones, as BuildKit does without ``prefer-nondist-layers``.
    """
    if (compression := _LAYERS.get(media_type)) is not None:
        return layer_type(compression, oci=oci)
    for ours, theirs in _PAIRS.items():
        if media_type in {ours, theirs}:
            return ours if oci else theirs
    return media_type
