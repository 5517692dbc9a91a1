"""Image manifests: one platform's config and layers (OCI ``manifest.md``, Docker schema 2)."""

from __future__ import annotations

from dataclasses import dataclass

from core.oci import media_types
from core.oci.descriptor import Annotations, Descriptor, descriptors_from_json
from core.oci.json_values import (
    ImageFormatError,
    JsonObject,
    as_pairs,
    as_text,
    dump,
    load_object,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A manifest; ``layers`` run from the bottom to the top."""

    config: Descriptor
    layers: tuple[Descriptor, ...]
    media_type: str = media_types.OCI_MANIFEST
    annotations: Annotations = ()
    artifact_type: str = ""
    subject: Descriptor | None = None

    def to_bytes(self) -> bytes:
        """The same bytes for the same manifest, in the member order that BuildKit writes."""
        value: JsonObject = {"schemaVersion": 2, "mediaType": self.media_type}
        if self.artifact_type:
            value["artifactType"] = self.artifact_type
        value["config"] = self.config.to_json()
        value["layers"] = [layer.to_json() for layer in self.layers]
        if self.subject is not None:
            value["subject"] = self.subject.to_json()
        if self.annotations:
            value["annotations"] = dict(self.annotations)
        return dump(value)

    @property
    def children(self) -> tuple[Descriptor, ...]:
        """Everything that must be there before the manifest may be."""
        return (self.config, *self.layers)

    @staticmethod
    def parse(data: bytes, media_type: str = "") -> Manifest:
        """Parse; ``media_type`` is what the transport called it. Raises ImageFormatError."""
        value = load_object(data, "the image manifest")
        own = as_text(value.get("mediaType"), "manifest.mediaType")
        if "manifests" in value:
            # One document that is both can be read differently by two programs (CVE-2021-41190).
            raise ImageFormatError("the image manifest also has a list of manifests")
        if own and media_type and own != media_type:
            raise ImageFormatError(f"a manifest sent as {media_type} says that it is {own}")
        subject = value.get("subject")
        return Manifest(
            config=Descriptor.from_json(value.get("config"), "manifest.config"),
            layers=descriptors_from_json(value.get("layers"), "manifest.layers"),
            media_type=own or media_type or media_types.OCI_MANIFEST,
            annotations=as_pairs(value.get("annotations"), "manifest.annotations"),
            artifact_type=as_text(value.get("artifactType"), "manifest.artifactType"),
            subject=None if subject is None else Descriptor.from_json(subject, "manifest.subject"),
        )
