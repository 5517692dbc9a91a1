"""A result as manifests, configs, layers and an index in the blob store."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from core.content.store import ContentStore
from core.errors import BuildError, OptionError
from core.errors.groups import single
from core.exporter.annotations import Annotations, Target, is_annotation, parse_annotations
from core.exporter.configs import finished_config
from core.exporter.layers import LayerBlob, LayerBlobs
from core.exporter.options import CommitOptions
from core.exporter.reporting import one_off, transfers
from core.exporter.result_check import program_for_other_platform
from core.exporter.source import (
    ExportLayer,
    ExportSource,
    Fetcher,
    PlatformImage,
    RemoteBlob,
    Reporter,
    Views,
)
from core.oci import media_types
from core.oci.descriptor import Descriptor, pairs
from core.oci.digest import Digest
from core.oci.image_config import ImageConfig
from core.oci.index import Index
from core.oci.manifest import Manifest
from core.snapshot.ids import LayerId

CREATED = "org.opencontainers.image.created"
_INTERNAL = ("containerd.io/", "buildkit/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """An image in the blob store, all but the layers in ``remote``.

    ``config`` is the digest of the config of a single platform's image, None for an index.
    ``created`` is the epoch or the time of the export, in nanoseconds.
    """

    descriptor: Descriptor
    config: Digest | None
    digests: tuple[Digest, ...]
    remote: Mapping[Digest, RemoteBlob] = field(default_factory=dict)
    created: int


class ImageWriter:
    """Turns results into images; shared by the exporters that need one."""

    def __init__(
        self, store: ContentStore, blobs: LayerBlobs, fetcher: Fetcher, views: Views
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._fetcher = fetcher
        self._views = views

    async def commit(
        self, source: ExportSource, options: CommitOptions, reporter: Reporter
    ) -> Committed:
        """Write the image. OptionError for options that do not fit the result."""
        epoch = source.epoch if options.epoch is None else options.epoch
        annotations = _annotations(source, options)
        _check(source, annotations)
        for name in options.unknown:
            reporter.warn(f"the export option {name} is not known and has no effect")
        await self._look_at_programs(source, reporter)
        rewrite = epoch if options.rewrite_timestamp else None
        if options.rewrite_timestamp and epoch is None:
            reporter.warn("rewrite-timestamp has no effect without SOURCE_DATE_EPOCH")
        with one_off(reporter, "exporting layers"):
            layers = await self._all_layers(source, options, rewrite, reporter)
        remote: dict[Digest, RemoteBlob] = {}
        digests: list[Digest] = []
        manifests: list[Descriptor] = []
        config_digest: Digest | None = None
        for image, blobs in zip(source.images, layers, strict=True):
            remote |= {b.descriptor.digest: b.remote for b in blobs if b.remote is not None}
            config = finished_config(
                image.config,
                image.layers,
                [blob.diff_id for blob in blobs],
                base_config=image.base_config,
                epoch=epoch,
            )
            manifest = _manifest(config, blobs, options, annotations, image)
            data = manifest.to_bytes()
            descriptor = replace(
                Descriptor.of(manifest.media_type, data),
                platform=image.platform,
                annotations=pairs(annotations.for_(Target.MANIFEST_DESCRIPTOR, image.platform)),
            )
            with one_off(reporter, f"exporting manifest {descriptor.digest}"):
                await asyncio.to_thread(self._store.put, data)
            config_digest = manifest.config.digest
            with one_off(reporter, f"exporting config {config_digest}"):
                await asyncio.to_thread(self._store.put, config.to_bytes())
            manifests.append(descriptor)
            digests += [descriptor.digest, *(child.digest for child in manifest.children)]
        root = manifests[0]
        if source.multi_platform:
            config_digest = None
            root = await self._index(manifests, options, annotations, reporter)
            digests.append(root.digest)
        return Committed(
            descriptor=root,
            config=config_digest,
            digests=tuple(dict.fromkeys(digests)),
            remote=remote,
            created=time.time_ns() if epoch is None else epoch * 1_000_000_000,
        )

    async def complete(self, committed: Committed, reporter: Reporter) -> None:
        """Fetch what of the image is not in the store yet."""
        tell = transfers(reporter)
        try:
            async with asyncio.TaskGroup() as group:
                for blob in committed.remote.values():
                    group.create_task(
                        self._fetcher.fetch(blob.reference, blob.descriptor, self._store, tell)
                    )
        except BaseExceptionGroup as errors:
            raise single(errors) from errors

    async def _look_at_programs(self, source: ExportSource, reporter: Reporter) -> None:
        """Warn of images that start a program of another platform."""
        for image in source.images:
            if not image.layers or any(layer.id is None for layer in image.layers):
                continue
            async with self._views.view(image) as root:
                look = partial(program_for_other_platform, root, image.platform, image.config)
                if (warning := await asyncio.to_thread(look)) is not None:
                    reporter.warn(warning)

    async def _index(
        self,
        manifests: list[Descriptor],
        options: CommitOptions,
        annotations: Annotations,
        reporter: Reporter,
    ) -> Descriptor:
        index = Index(
            manifests=tuple(manifests),
            media_type=media_types.converted(media_types.OCI_INDEX, oci=options.oci),
            annotations=pairs(annotations.for_(Target.INDEX)),
        )
        data = index.to_bytes()
        root = replace(
            Descriptor.of(index.media_type, data),
            annotations=pairs(annotations.for_(Target.INDEX_DESCRIPTOR)),
        )
        with one_off(reporter, f"exporting manifest list {root.digest}"):
            await asyncio.to_thread(self._store.put, data)
        return root

    async def _all_layers(
        self,
        source: ExportSource,
        options: CommitOptions,
        rewrite: int | None,
        reporter: Reporter,
    ) -> list[list[LayerBlob]]:
        """The blobs of every layer of every platform, made side by side."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    [
                        group.create_task(self._layer(image, number, options, rewrite))
                        for number in range(len(image.layers))
                    ]
                    for image in source.images
                ]
        except BaseExceptionGroup as errors:
            raise single(errors) from errors
        return [[task.result() for task in row] for row in tasks]

    async def _layer(
        self, image: PlatformImage, number: int, options: CommitOptions, rewrite: int | None
    ) -> LayerBlob:
        layer = image.layers[number]
        below: list[LayerId] = [one.id for one in image.layers[:number] if one.id is not None]
        epoch = None if _from_base(image, layer, number) else rewrite
        return await self._blobs.blob(
            layer, tuple(below), options.compression, epoch=epoch, fetch=self._fetch
        )

    async def _fetch(self, blob: RemoteBlob) -> None:
        await self._fetcher.fetch(blob.reference, blob.descriptor, self._store)


def _from_base(image: PlatformImage, layer: ExportLayer, number: int) -> bool:
    """Whether the layer is the base image's: those keep their times."""
    if layer.remote is not None:
        return True
    if image.base_config is None:
        return False
    return number < len(ImageConfig.parse(image.base_config).diff_ids)


def _annotations(source: ExportSource, options: CommitOptions) -> Annotations:
    given = {k: v for k, v in source.metadata.items() if is_annotation(k)}
    return options.annotations.merged(parse_annotations(given))


def _check(source: ExportSource, annotations: Annotations) -> None:
    if not source.images:
        raise BuildError("the build has no result to export")
    if len(source.images) > 1 and not source.multi_platform:
        raise BuildError("cannot export multiple platforms without multi-platform enabled")
    there = {image.platform.normalized() for image in source.images}
    for platform in sorted(annotations.platforms - there):
        raise OptionError(
            f"an annotation is for {platform}, which is not built",
            hint=f"Built is {', '.join(str(p) for p in sorted(there))}.",
            phrase=f"invalid annotation: no platform {platform} found in source",
        )
    if not source.multi_platform and any(a.target.of_index for a in annotations.all):
        raise OptionError(
            "there is no index to annotate in the image of a single platform",
            phrase="index annotations not supported for single platform export",
        )


def _manifest(
    config: ImageConfig,
    blobs: list[LayerBlob],
    options: CommitOptions,
    annotations: Annotations,
    image: PlatformImage,
) -> Manifest:
    kind: Callable[[str], str] = lambda name: media_types.converted(name, oci=options.oci)  # noqa: E731
    return Manifest(
        config=Descriptor.of(kind(media_types.OCI_CONFIG), config.to_bytes()),
        layers=tuple(
            Descriptor(
                media_type=kind(blob.descriptor.media_type),
                digest=blob.descriptor.digest,
                size=blob.descriptor.size,
                annotations=tuple(
                    (key, value)
                    for key, value in blob.descriptor.annotations
                    if options.oci and not key.startswith(_INTERNAL)
                ),
            )
            for blob in blobs
        ),
        media_type=kind(media_types.OCI_MANIFEST),
        annotations=pairs(annotations.for_(Target.MANIFEST, image.platform)),
    )
