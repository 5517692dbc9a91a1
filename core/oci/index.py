"""Image indexes (Docker: manifest lists): one image for many platforms (OCI ``image-index.md``)."""

from __future__ import annotations

from dataclasses import dataclass

from core.oci import media_types
from core.oci.descriptor import Annotations, Descriptor, descriptors_from_json
from core.oci.json_values import ImageFormatError, JsonObject, as_pairs, as_text, dump, load_object
from core.oci.platform import Platform, sort_by_preference


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """An index; ``manifests`` in the order of the document."""

    manifests: tuple[Descriptor, ...]
    media_type: str = media_types.OCI_INDEX
    annotations: Annotations = ()
    artifact_type: str = ""

    def to_bytes(self) -> bytes:
        value: JsonObject = {"schemaVersion": 2, "mediaType": self.media_type}
        if self.artifact_type:
            value["artifactType"] = self.artifact_type
        value["manifests"] = [manifest.to_json() for manifest in self.manifests]
        if self.annotations:
            value["annotations"] = dict(self.annotations)
        return dump(value)

    @property
    def images(self) -> tuple[Descriptor, ...]:
        """The manifests of images: attestations and other companions left out."""
        return tuple(m for m in self.manifests if not m.is_attestation)

    @property
    def platforms(self) -> tuple[Platform, ...]:
        return tuple(m.platform.normalized() for m in self.images if m.platform is not None)

    def select(self, wanted: Platform) -> Descriptor | None:
        """The manifest that suits ``wanted`` best, or None; one without a platform suits all."""
        by_platform: dict[Platform, Descriptor] = {}
        for manifest in self.images:
            if manifest.platform is not None:
                by_platform.setdefault(manifest.platform.normalized(), manifest)
        for candidate in sort_by_preference(wanted, tuple(by_platform)):
            return by_platform[candidate]
        return next((m for m in self.images if m.platform is None), None)

    @staticmethod
    def parse(data: bytes, media_type: str = "") -> Index:
        """Parse; ``media_type`` is what the transport called it. Raises ImageFormatError."""
        value = load_object(data, "the image index")
        own = as_text(value.get("mediaType"), "index.mediaType")
        if "layers" in value or "config" in value:
            # See Manifest.parse.
            raise ImageFormatError("the image index also has the members of a manifest")
        if own and media_type and own != media_type:
            raise ImageFormatError(f"an index sent as {media_type} says that it is {own}")
        return Index(
            manifests=descriptors_from_json(value.get("manifests"), "index.manifests"),
            media_type=own or media_type or media_types.OCI_INDEX,
            annotations=as_pairs(value.get("annotations"), "index.annotations"),
            artifact_type=as_text(value.get("artifactType"), "index.artifactType"),
        )
