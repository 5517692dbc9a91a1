"""A graph of vertices to and from BuildKit's ``pb.Definition``.

What BuildKit's metadata has no field for (stage, kind, instruction, platforms ...) travels in the
description under keys that start with ``viaduct.``; source ranges travel as BuildKit's own do.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import LineRange, OptionError
from core.llb.decoding import decode_op, decode_platform
from core.llb.metadata import CUSTOM_NAME, LinuxResources, Metadata, Mode, ProgressGroup
from core.llb.vertex import Edge, Vertex, walk
from core.oci.digest import Digest
from core.oci.platform import Platform, parse_platform
from core.wire.pb import ops_pb2 as pb

_OURS = "viaduct."
_PLATFORMS = _OURS + "platforms"
_MODE = _OURS + "mode"
_TEXTS = ("stage", "interpreter", "kind", "instruction")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """The file that a definition was made from."""

    filename: str
    data: bytes
    language: str = "Dockerfile"


def marshal(edge: Edge | None, *, source: SourceFile | None = None) -> pb.Definition:
    """``edge`` and all it leads to; None (an empty file system) gives an empty definition."""
    definition = pb.Definition()
    if edge is None:
        return definition
    ops = getattr(definition, "def")
    known: dict[Digest, Metadata] = {}
    for vertex in walk((edge,)):
        if vertex.digest in known:
            known[vertex.digest] = known[vertex.digest].joined(vertex.metadata)
            continue
        known[vertex.digest] = vertex.metadata
        ops.append(vertex.encoded)
    for digest, metadata in known.items():
        _fill_metadata(definition.metadata[digest], metadata)
        if source is not None and metadata.ranges:
            location = definition.Source.locations[digest].locations.add(sourceIndex=0)
            for lines in metadata.ranges:
                found = location.ranges.add()
                found.start.line = lines.start
                found.start.character = lines.start_column
                found.end.line = lines.end
                found.end.character = max(lines.end_column, 0)
    if source is not None:
        definition.Source.infos.add(
            filename=source.filename, data=source.data, language=source.language
        )
    last = pb.Op()
    last.inputs.add(digest=edge.vertex.digest, index=edge.output)
    ops.append(last.SerializeToString(deterministic=True))
    return definition


def to_bytes(definition: pb.Definition) -> bytes:
    """The deterministic bytes of ``definition``."""
    return bytes(definition.SerializeToString(deterministic=True))


def unmarshal(definition: pb.Definition) -> Edge | None:
    """The edge that ``definition`` ends in, or None for an empty one.

    Vertices keep the bytes they came in, and with them their digests. ``OptionError`` when the
    definition is not a graph that ends in one edge.
    """
    ops = list(getattr(definition, "def"))
    if not ops:
        return None
    messages = {Digest.of(data): (data, pb.Op.FromString(data)) for data in ops}
    last = messages[Digest.of(ops[-1])][1]
    if last.WhichOneof("op") is not None or len(last.inputs) != 1:
        raise OptionError("the definition does not end in one result")
    vertices: dict[str, Vertex] = {}
    root = last.inputs[0]
    waiting = [(root.digest, False)]
    open_digests: set[str] = set()
    while waiting:
        digest, inputs_done = waiting.pop()
        if digest in vertices:
            continue
        if digest not in messages:
            raise OptionError(f"the definition lacks the operation {digest}")
        data, message = messages[Digest(digest)]
        if not inputs_done:
            if digest in open_digests:
                raise OptionError(f"the definition's operation {digest} depends on itself")
            open_digests.add(digest)
            waiting.append((digest, True))
            waiting.extend((item.digest, False) for item in message.inputs)
            continue
        vertex = Vertex(
            op=decode_op(message),
            inputs=tuple(Edge(vertices[item.digest], item.index) for item in message.inputs),
            platform=decode_platform(message.platform) if message.HasField("platform") else None,
            metadata=_metadata(definition, digest),
        )
        vertex.keep_encoded(data)
        vertices[digest] = vertex
    return Edge(vertices[root.digest], root.index)


def source_file(definition: pb.Definition) -> SourceFile | None:
    """The first source file that ``definition`` carries."""
    for info in definition.Source.infos:
        return SourceFile(filename=info.filename, data=info.data, language=info.language)
    return None


def _fill_metadata(message: pb.OpMetadata, metadata: Metadata) -> None:
    message.SetInParent()
    message.ignore_cache = metadata.ignore_cache
    message.description.update(dict(metadata.description))
    if metadata.name:
        message.description[CUSTOM_NAME] = metadata.name
    for key in _TEXTS:
        if value := getattr(metadata, key):
            message.description[_OURS + key] = value
    if metadata.mode is not Mode.NONE:
        message.description[_MODE] = metadata.mode.name.lower()
    if metadata.platforms:
        message.description[_PLATFORMS] = ",".join(p.format_all() for p in metadata.platforms)
    for cap in metadata.caps:
        message.caps[cap] = True
    if metadata.progress_group is not None:
        group = metadata.progress_group
        message.progress_group.id = group.id
        message.progress_group.name = group.name
        message.progress_group.weak = group.weak
    if metadata.resources is not None:
        limits = metadata.resources
        message.linux_resources.CopyFrom(
            pb.LinuxResources(
                memory=limits.memory,
                memorySwap=limits.memory_swap,
                cpuShares=limits.cpu_shares,
                cpuPeriod=limits.cpu_period,
                cpuQuota=limits.cpu_quota,
                cpusetCpus=limits.cpuset_cpus,
                cpusetMems=limits.cpuset_mems,
            )
        )


def _metadata(definition: pb.Definition, digest: str) -> Metadata:
    ranges = _ranges(definition, digest)
    if digest not in definition.metadata:
        return Metadata(ranges=ranges)
    message = definition.metadata[digest]
    description = dict(message.description)
    texts = {key: description.pop(_OURS + key, "") for key in _TEXTS}
    mode = description.pop(_MODE, "none").upper()
    platforms = description.pop(_PLATFORMS, "")
    group, limits = message.progress_group, message.linux_resources
    return Metadata(
        name=description.pop(CUSTOM_NAME, ""),
        ignore_cache=message.ignore_cache,
        description=tuple(sorted(description.items())),
        caps=tuple(sorted(cap for cap, needed in message.caps.items() if needed)),
        progress_group=ProgressGroup(id=group.id, name=group.name, weak=group.weak)
        if message.HasField("progress_group")
        else None,
        resources=LinuxResources(
            memory=limits.memory,
            memory_swap=limits.memorySwap,
            cpu_shares=limits.cpuShares,
            cpu_period=limits.cpuPeriod,
            cpu_quota=limits.cpuQuota,
            cpuset_cpus=limits.cpusetCpus,
            cpuset_mems=limits.cpusetMems,
        )
        if message.HasField("linux_resources")
        else None,
        mode=Mode[mode] if mode in Mode.__members__ else Mode.NONE,
        ranges=ranges,
        platforms=_platforms(platforms),
        **texts,
    )


def _platforms(text: str) -> tuple[Platform, ...]:
    return tuple(parse_platform(item) for item in text.split(",") if item)


def _ranges(definition: pb.Definition, digest: str) -> tuple[LineRange, ...]:
    if digest not in definition.Source.locations:
        return ()
    return tuple(
        LineRange(
            start=item.start.line,
            end=item.end.line,
            start_column=item.start.character,
            end_column=item.end.character or -1,
        )
        for location in definition.Source.locations[digest].locations
        for item in location.ranges
    )
