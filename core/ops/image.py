"""The image source: ``docker-image://`` and ``oci-layout://``."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Sequence

from core.content.store import ContentStore
from core.errors import NotFoundError, OptionError
from core.llb.ops import SourceOp
from core.oci.digest import Digest
from core.oci.image_config import ImageConfig
from core.oci.index import Index
from core.oci.layout import Layout
from core.oci.manifest import Manifest
from core.oci.media_types import is_index
from core.oci.platform import Platform
from core.oci.reference import parse_reference
from core.ops.contexts import build_of, layouts_of
from core.ops.images import Images, ResolveMode
from core.ops.puller import Puller, image_layers
from core.ops.refs import Layer, Ref
from core.ops.threads import in_thread
from core.solver.protocol import CacheMap, Slot, Step

_PIECE = 1 << 20


class ImageOp:
    """An image by reference; gives its layers without fetching them."""

    slot = Slot.NONE

    def __init__(self, op: SourceOp, platform: Platform, images: Images) -> None:
        self._op = op
        self._platform = platform
        self._images = images
        self._reference = parse_reference(op.identifier.partition("://")[2])
        mode = op.attr("image.resolvemode", "default")
        try:
            self._mode = ResolveMode(mode)
        except ValueError as error:
            raise OptionError(f"{mode!r} is no way to resolve an image") from error

    def cache_map(self, step: Step) -> CacheMap[Ref] | Awaitable[CacheMap[Ref]]:
        """The image's digest and the platform; only a tag has to be asked for."""
        if self._reference.digest is not None:
            return self._map(self._reference.digest)
        return self._resolve(step)

    async def execute(self, inputs: Sequence[Ref], step: Step) -> Sequence[Ref]:
        """Read manifest and config; the layers stay where they are."""
        build = build_of(step)
        image = await self._images.image(build, self._reference, self._platform, self._mode)
        self._check(image.resolved.digest)
        descriptors = image.manifest.layers
        config = ImageConfig.parse(image.config)
        layers = image_layers(self._reference, descriptors, config.diff_ids)
        return [Ref(layers=_limited(layers, self._op.attr("image.layerlimit")))]

    async def _resolve(self, step: Step) -> CacheMap[Ref]:
        build = build_of(step)
        found = await self._images.resolve(build, self._reference, self._mode)
        self._check(found.digest)
        return self._map(found.digest)

    def _check(self, digest: Digest) -> None:
        wanted = self._op.attr("image.checksum")
        if wanted and wanted != digest:
            raise NotFoundError(
                f"{self._reference.familiar()} is {digest}, not the {wanted} that was asked for.",
                phrase="image digest does not match expected checksum",
            )

    def _map(self, digest: Digest) -> CacheMap[Ref]:
        text = f"image {digest} {self._platform.format_all()} {self._op.attr('image.layerlimit')}"
        return CacheMap(
            digest=hashlib.sha256(text.encode()).hexdigest(),
            explain=(("base image", str(digest)), ("platform", self._platform.format_all())),
        )


class LayoutOp:
    """An image of an OCI layout that the client holds; unpacked at once, for the client leaves."""

    slot = Slot.NONE

    def __init__(
        self, op: SourceOp, platform: Platform, content: ContentStore, puller: Puller
    ) -> None:
        self._op = op
        self._platform = platform
        self._content = content
        self._puller = puller
        self._reference = parse_reference(op.identifier.partition("://")[2])
        if self._reference.digest is None:
            raise OptionError(f"{op.identifier} names no digest")
        self._digest = self._reference.digest

    def cache_map(self, step: Step) -> CacheMap[Ref]:
        """The image's digest and the platform."""
        text = (
            f"image {self._digest} {self._platform.format_all()} {self._op.attr('oci.layerlimit')}"
        )
        return CacheMap(
            digest=hashlib.sha256(text.encode()).hexdigest(),
            explain=(("base image", str(self._digest)),),
        )

    async def execute(self, inputs: Sequence[Ref], step: Step) -> Sequence[Ref]:
        """Take the image into the content store and unpack it."""
        async with layouts_of(step).layout(self._op.attr("oci.store")) as path:
            ref = await in_thread(lambda: self._import(Layout(path)))
        limited = Ref(layers=_limited(ref.layers, self._op.attr("oci.layerlimit")))
        async with self._puller.unpacked(limited, step) as layers:
            return [Ref(layers=layers)]

    def _import(self, layout: Layout) -> Ref:
        with layout:
            data = layout.read(self._digest)
            manifest = self._manifest(layout, data)
            config = layout.read(manifest.config.digest)
            for descriptor in manifest.layers:
                if self._content.has(descriptor.digest, descriptor.size):
                    continue
                with (
                    layout.open(descriptor.digest) as source,
                    self._content.writer(
                        f"layout {descriptor.digest}",
                        expected=descriptor.digest,
                        total=descriptor.size,
                    ) as writer,
                ):
                    writer.restart()
                    while piece := source.read(_PIECE):
                        writer.write(piece)
                    writer.commit()
            diff_ids = ImageConfig.parse(config).diff_ids
            return Ref(layers=image_layers(self._reference, manifest.layers, diff_ids))

    def _manifest(self, layout: Layout, data: bytes) -> Manifest:
        if b'"manifests"' not in data:
            return Manifest.parse(data)
        found = Index.parse(data).select(self._platform)
        if found is None:
            raise NotFoundError(
                f"{self._reference.familiar()} has no image for {self._platform}.",
                phrase="no match for platform in manifest",
            )
        if is_index(found.media_type):
            return self._manifest(layout, layout.read(found.digest))
        return Manifest.parse(layout.read(found.digest), found.media_type)


def _limited(layers: tuple[Layer, ...], limit: str) -> tuple[Layer, ...]:
    return layers[: int(limit)] if limit else layers
