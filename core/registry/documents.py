"""Manifests and indexes as a registry hands them out: which kind, and whose."""

from __future__ import annotations

from typing import Final

from core.errors import NotFoundError, RegistryError
from core.oci import media_types
from core.oci.descriptor import Descriptor
from core.oci.digest import Digest
from core.oci.index import Index
from core.oci.json_values import ImageFormatError, as_text, load_object
from core.oci.manifest import Manifest
from core.oci.platform import Platform
from core.oci.reference import Reference

_CONFIG_LIMIT: Final = 16 << 20


def wrong_digest(host: str, reference: Reference, found: Digest) -> RegistryError:
    return RegistryError(
        f"{host} sent {found} when asked for {reference.familiar()}",
        hint="Something between here and there changes data; try again.",
        temporary=True,
    )


def known_type(host: str, reference: Reference, media_type: str, data: bytes) -> str:
    """The media type of a manifest, from its own words when the header says nothing useful."""
    if media_type in media_types.ACCEPTED:
        return media_type
    own = ""
    if media_type not in media_types.DOCKER_SCHEMA1:
        value = load_object(data, f"the manifest of {reference.familiar()}")
        own = as_text(value.get("mediaType"), "mediaType")
        if not own:
            own = media_types.OCI_INDEX if "manifests" in value else ""
            own = media_types.OCI_MANIFEST if "layers" in value else own
    if own in media_types.ACCEPTED:
        return own
    old = media_type in media_types.DOCKER_SCHEMA1
    raise RegistryError(
        f"{reference.familiar()} on {host} has the unsupported media type "
        f"{own or media_type or 'none'}",
        hint="Images of Docker's schema 1 must be pushed again by a newer program."
        if old
        else "Only OCI images and Docker schema 2 images can be pulled.",
        phrase="unsupported media type",
    )


def select_platform(reference: Reference, index: Index, platform: Platform) -> Descriptor:
    found = index.select(platform)
    if found is None:
        there = ", ".join(str(p) for p in index.platforms) or "none"
        raise NotFoundError(
            f"{reference.familiar()} has no image for {platform}",
            hint=f"It has: {there}.",
            phrase=f"no match for platform in manifest: {reference.familiar()}: not found",
        )
    return found


def parse_index(reference: Reference, descriptor: Descriptor, data: bytes) -> Index:
    """RegistryError names the image when the index is broken."""
    try:
        return Index.parse(data, descriptor.media_type)
    except ImageFormatError as error:
        raise _broken(reference, error) from error


def parse_manifest(reference: Reference, descriptor: Descriptor, data: bytes) -> Manifest:
    """RegistryError names the image when the manifest is broken or its config is no config."""
    try:
        manifest = Manifest.parse(data, descriptor.media_type)
    except ImageFormatError as error:
        raise _broken(reference, error) from error
    if manifest.config.size > _CONFIG_LIMIT:
        raise RegistryError(f"the config of {reference.familiar()} is too big to be one")
    return manifest


def _broken(reference: Reference, error: ImageFormatError) -> RegistryError:
    return RegistryError(
        f"the image {reference.familiar()} is broken: {error.message}",
        hint="Whoever pushed it has to push it again.",
    )
