"""Descriptors: what points at content (OCI image specification, ``descriptor.md``)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from core.errors import OptionError
from core.oci.digest import Digest
from core.oci.json_values import (
    ImageFormatError,
    Json,
    JsonObject,
    as_list,
    as_object,
    as_pairs,
    as_text,
)
from core.oci.platform import Platform

Annotations = tuple[tuple[str, str], ...]

REFERENCE_TYPE = "vnd.docker.reference.type"
"""Annotation by which BuildKit marks a manifest that is not an image (an attestation)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """Type, digest and size (bytes) of some content, and what an index says about it.

    ``annotations`` are pairs sorted by key.
    """

    media_type: str
    digest: Digest
    size: int
    platform: Platform | None = None
    annotations: Annotations = ()
    artifact_type: str = ""
    urls: tuple[str, ...] = ()

    @staticmethod
    def of(media_type: str, data: bytes) -> Descriptor:
        return Descriptor(media_type=media_type, digest=Digest.of(data), size=len(data))

    def annotation(self, key: str) -> str:
        """The annotation's value, or an empty string."""
        return dict(self.annotations).get(key, "")

    def annotated(self, annotations: Mapping[str, str]) -> Descriptor:
        """With these annotations added, an older value of a key replaced."""
        merged = dict(self.annotations) | dict(annotations)
        return replace(self, annotations=pairs(merged))

    @property
    def is_attestation(self) -> bool:
        """Whether an index lists this beside the images instead of as one of them."""
        if self.annotation(REFERENCE_TYPE):
            return True
        return self.platform is not None and self.platform.os == "unknown"

    def to_json(self) -> JsonObject:
        value: JsonObject = {
            "mediaType": self.media_type,
            "digest": str(self.digest),
            "size": self.size,
        }
        if self.urls:
            value["urls"] = list(self.urls)
        if self.annotations:
            value["annotations"] = dict(self.annotations)
        if self.platform is not None:
            value["platform"] = platform_to_json(self.platform)
        if self.artifact_type:
            value["artifactType"] = self.artifact_type
        return value

    @staticmethod
    def from_json(value: object, what: str = "descriptor") -> Descriptor:
        """Parse; ImageFormatError names ``what`` and the member that is wrong."""
        data = as_object(value, what)
        size = data.get("size")
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise ImageFormatError(f"{what}.size must be a number of bytes")
        platform = data.get("platform")
        return Descriptor(
            media_type=as_text(data.get("mediaType"), f"{what}.mediaType"),
            digest=digest_from_json(data.get("digest"), f"{what}.digest"),
            size=size,
            platform=None if platform is None else platform_from_json(platform, what),
            annotations=as_pairs(data.get("annotations"), f"{what}.annotations"),
            artifact_type=as_text(data.get("artifactType"), f"{what}.artifactType"),
            urls=tuple(as_text(url, f"{what}.urls") for url in as_list(data.get("urls"), what)),
        )


def pairs(annotations: Mapping[str, str]) -> Annotations:
    return tuple(sorted(annotations.items()))


def digest_from_json(value: object, what: str) -> Digest:
    try:
        return Digest.parse(as_text(value, what))
    except OptionError as error:
        raise ImageFormatError(f"{what} is not a digest: {value!r}") from error


def platform_to_json(platform: Platform) -> JsonObject:
    value: JsonObject = {"architecture": platform.architecture, "os": platform.os}
    if platform.os_version:
        value["os.version"] = platform.os_version
    if platform.os_features:
        value["os.features"] = list(platform.os_features)
    if platform.variant:
        value["variant"] = platform.variant
    return value


def platform_from_json(value: object, what: str) -> Platform:
    """A platform as an index or an image config spells it, not normalized."""
    data = as_object(value, f"{what}.platform")
    return Platform(
        os=as_text(data.get("os"), f"{what}.os"),
        architecture=as_text(data.get("architecture"), f"{what}.architecture"),
        variant=as_text(data.get("variant"), f"{what}.variant"),
        os_version=as_text(data.get("os.version"), f"{what}.os.version"),
        os_features=_texts(data.get("os.features"), f"{what}.os.features"),
    )


def _texts(value: Json, what: str) -> tuple[str, ...]:
    return tuple(as_text(item, what) for item in as_list(value, what))


def descriptors_from_json(value: object, what: str) -> tuple[Descriptor, ...]:
    items: Iterable[Json] = as_list(value, what)
    return tuple(Descriptor.from_json(item, f"{what}[{n}]") for n, item in enumerate(items))
