"""The ``oci`` and ``docker`` exporters: an image as one tar, or as a folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from core.content.store import ContentStore
from core.errors import OptionError
from core.exporter.exported import Exported, references, response, with_created
from core.exporter.files import send
from core.exporter.image_writer import Committed, ImageWriter
from core.exporter.options import ArchiveKind, ArchiveOptions
from core.exporter.outputs import FileOutput, LayoutOutput
from core.exporter.reporting import one_off
from core.exporter.source import ExportSource, Reporter
from core.exporter.tree_tar import END
from core.oci.descriptor import Descriptor
from core.oci.digest import Digest
from core.oci.index import Index
from core.oci.json_values import dump
from core.oci.layout import IMAGE_NAME, INDEX_FILE, REF_NAME, VERSION, VERSION_FILE, blob_path
from core.oci.manifest import Manifest
from core.oci.reference import Reference
from core.snapshot.tar_header import BLOCK, DIRECTORY, REGULAR, Entry, encode_header

_DOCKER_FILE = "manifest.json"
_PIECE = 1 << 20


class ArchiveExporter:
    """Writes an OCI layout; ``docker`` adds what ``docker load`` reads, for one platform."""

    def __init__(
        self,
        options: ArchiveOptions,
        *,
        writer: ImageWriter,
        store: ContentStore,
        output: FileOutput | LayoutOutput,
    ) -> None:
        self._options = options
        self._writer = writer
        self._store = store
        self._output = output
        self.name = f"exporting to {options.kind.value} image format"

    async def export(self, source: ExportSource, reporter: Reporter) -> Exported:
        options = self._options
        if options.kind is ArchiveKind.DOCKER and source.multi_platform:
            raise OptionError(
                "docker's archive holds the image of one platform only",
                hint="Export type=oci, or build for one platform.",
                phrase="docker exporter does not currently support exporting manifest lists",
            )
        suggested = options.commit.metadata.get("image.name") or source.metadata.get(
            "image.name", ""
        )
        names = references(options.commit.names, suggested)
        committed = with_created(await self._writer.commit(source, options.commit, reporter))
        await self._writer.complete(committed, reporter)
        answer = response(committed, [str(name) for name in names], created=True)
        documents = archive_documents(self._store, committed, names, kind=options.kind)
        with one_off(reporter, "sending tarball" if options.tar else "writing image layout"):
            await self._write(committed, documents, answer)
        return Exported(response=answer, descriptor=committed.descriptor)

    async def _write(
        self, committed: Committed, documents: Mapping[str, bytes], answer: Mapping[str, str]
    ) -> None:
        if self._options.tar:
            if not hasattr(self._output, "open"):
                raise TypeError("a tar needs a FileOutput")
            async with self._output.open(answer) as sink:
                await send(sink, archive_tar(self._store, committed.digests, documents))
        else:
            if hasattr(self._output, "open"):
                raise TypeError("a folder needs a LayoutOutput")
            await self._output.write(self._store, committed.digests, documents)


def archive_documents(
    store: ContentStore,
    committed: Committed,
    names: Sequence[Reference],
    *,
    kind: ArchiveKind,
) -> dict[str, bytes]:
    """``index.json``, and for docker ``manifest.json``."""
    index = Index(manifests=tuple(_entries(committed.descriptor, names)))
    documents = {INDEX_FILE: index.to_bytes()}
    if kind is ArchiveKind.DOCKER:
        manifest = Manifest.parse(store.read(committed.descriptor.digest))
        documents[_DOCKER_FILE] = dump(
            [
                {
                    "Config": blob_path(manifest.config.digest),
                    "RepoTags": [name.with_digest(None).familiar() for name in names if name.tag],
                    "Layers": [blob_path(layer.digest) for layer in manifest.layers],
                }
            ],
            indent=None,
        )
    return documents


def _entries(descriptor: Descriptor, names: Sequence[Reference]) -> Iterator[Descriptor]:
    if not names:
        yield descriptor
    for name in names:
        short = name.tag or str(name)
        yield descriptor.annotated({IMAGE_NAME: str(name), REF_NAME: short})


def archive_tar(
    store: ContentStore, digests: Sequence[Digest], documents: Mapping[str, bytes]
) -> Iterator[bytes]:
    """Pieces of the tar of an OCI layout, sorted by name, the same bytes every time."""
    blobs = {blob_path(digest): digest for digest in digests}
    texts = {VERSION_FILE: VERSION, **documents}
    folders = sorted({"blobs/"} | {f"blobs/{digest.algorithm}/" for digest in digests})
    for folder in folders:
        yield bytes(encode_header(Entry(name=folder.encode(), kind=DIRECTORY, mode=0o755)))
    for name in sorted({*blobs, *texts}):
        size = store.size(blobs[name]) if name in blobs else len(texts[name])
        entry = Entry(name=name.encode(), kind=REGULAR, mode=0o644, size=size)
        yield bytes(encode_header(entry))
        if name in texts:
            yield texts[name]
        else:
            with store.open(blobs[name]) as file:
                while data := file.read(_PIECE):
                    yield data
        yield bytes(-size % BLOCK)
    yield END
