"""``dockerfile.v0`` around the pure conversion: finds out what it asks for, shows it as it goes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from core.daemon.build_run import BuildRun
from core.daemon.context import BuildContext
from core.daemon.dockerfile_source import DirectoryReader, DockerfileSource
from core.daemon.frontend_answers import Ask, answer_request
from core.daemon.image_lookup import ImageLookup
from core.daemon.outcome import Outcome
from core.errors import Error, OptionError
from core.frontend.contexts import REMOTE_FILE, context_is_local, main_context
from core.frontend.conversion import Conversion
from core.frontend.convert import convert
from core.frontend.draft import Freezer
from core.frontend.inputs import (
    BuildInputs,
    ContextInput,
    ImageMissing,
    ImageRequest,
    Images,
    NeedImages,
    ResolvedImage,
)
from core.frontend.options import FrontendOptions
from core.llb.definition import unmarshal
from core.llb.ops import SourceOp
from core.llb.vertex import Edge
from core.oci.platform import Platform
from core.progress.messages import SolveStatus, VertexWarning
from core.wire.failure import SourceText
from core.wire.pb import ops_pb2

_MAGIC_BYTES = 512


class ReadFiles(Protocol):
    """Builds an edge and reads the files among the names that its result has, or their heads."""

    async def __call__(
        self, edge: Edge, names: Sequence[str], *, head: int = 0
    ) -> dict[str, bytes]: ...


class DockerfileFrontend:
    """For one build. ``platforms`` are the machine's: the native ones first."""

    def __init__(
        self,
        *,
        run: BuildRun,
        context: BuildContext,
        lookup: ImageLookup,
        platforms: Sequence[Platform],
        scratch: Path,
        read_files: ReadFiles,
        source_time: Callable[[SourceOp], Awaitable[int | None]],
    ) -> None:
        self._run = run
        self._context = context
        self._lookup = lookup
        self._platforms = tuple(platforms)
        self._reader = DirectoryReader(context, scratch)
        self._read_files = read_files
        self._source_time = source_time
        self.text = b""
        self.options: FrontendOptions | None = None

    async def outcome(
        self, attrs: Mapping[str, str], inputs: Mapping[str, ops_pb2.Definition]
    ) -> Outcome:
        """The graphs and configs of every platform. Raises what the Dockerfile is wrong with."""
        self.options = options = FrontendOptions.from_attrs(attrs, build_platforms=self._platforms)
        facts = BuildInputs(
            session=self._context.session.id if self._context.session else "",
            inputs={
                name: ContextInput(edge=unmarshal(definition))
                for name, definition in inputs.items()
            },
        )
        source, facts = await self._load(options, facts)
        self.text = source.text
        self._run.source = SourceText(name=source.name, data=source.text)
        facts = replace(facts, ignore_file=source.ignore)
        if options.request_id:
            answer = await answer_request(source.text, options, facts, self._ask)
            return Outcome(platforms=(), metadata=answer)
        try:
            conversion = await self._convert(options, facts)
        except Error as error:
            if error.ranges and not error.source_name:
                error.source_name = source.name
            raise
        self._warn(conversion, source)
        return Outcome.of_conversion(conversion)

    async def _load(
        self, options: FrontendOptions, facts: BuildInputs
    ) -> tuple[DockerfileSource, BuildInputs]:
        local = context_is_local(options, facts)
        if local:
            return await self._reader.dockerfile(self._run, options, context_is_local=True), facts
        edge = self._remote_edge(options, facts)
        if options.attrs.get("context", "").startswith(("http://", "https://")):
            heads = await self._read_files(edge, (REMOTE_FILE,), head=_MAGIC_BYTES)
            if REMOTE_FILE in heads:
                if not is_archive(heads[REMOTE_FILE]):
                    # The URL is that of a Dockerfile, which needs no context.
                    text = (await self._read_files(edge, (REMOTE_FILE,)))[REMOTE_FILE]
                    return DockerfileSource(name=options.filename, text=text), facts
                facts = replace(facts, remote_is_archive=True)
                edge = self._remote_edge(options, facts)
        name = options.filename
        found = await self._read_files(edge, (name, f"{name}.dockerignore", ".dockerignore"))
        if name not in found:
            raise OptionError(
                f"the build context has no {name}", phrase=f"failed to read dockerfile: {name}"
            )
        ignore = found.get(f"{name}.dockerignore") or found.get(".dockerignore") or b""
        return DockerfileSource(name=name, text=found[name], ignore=ignore), facts

    def _remote_edge(self, options: FrontendOptions, facts: BuildInputs) -> Edge:
        edge = Freezer().edge(main_context(options, facts, set))
        if edge is None:
            raise OptionError("the build context is empty")
        return edge

    async def _convert(self, options: FrontendOptions, facts: BuildInputs) -> Conversion:
        def ask(images: Images, inputs: BuildInputs) -> Conversion | NeedImages:
            return convert(self.text, options, images, inputs=inputs)

        conversion = await self._ask(ask, facts)
        assert isinstance(conversion, Conversion)
        return conversion

    async def _ask(self, ask: Ask[Any], facts: BuildInputs) -> Any:
        """Ask until nothing more is wanted to know."""
        images: dict[ImageRequest, ResolvedImage | ImageMissing] = {}
        while True:
            answer = ask(images, facts)
            if not isinstance(answer, NeedImages):
                return answer
            images |= await self._lookup.find_all(answer.images, self._run)
            facts = await self._learn(facts, answer)

    async def _learn(self, facts: BuildInputs, needs: NeedImages) -> BuildInputs:
        ignores = dict(facts.context_ignores)
        for name in needs.context_ignores:
            ignores[name] = await self._reader.ignore_of(name)
        ops = tuple(needs.source_times)
        times = await asyncio.gather(*(self._source_time(op) for op in ops))
        return replace(
            facts,
            context_ignores=ignores,
            source_times={**facts.source_times, **dict(zip(ops, times, strict=True))},
        )

    def _warn(self, conversion: Conversion, source: DockerfileSource) -> None:
        vertex = next(iter(self._run.state.vertices), "")
        warnings = [
            VertexWarning(
                vertex=vertex,
                short=warning.short,
                level=warning.level,
                detail=(warning.detail,) if warning.detail else (),
                url=warning.url,
                ranges=warning.ranges,
            )
            for warning in conversion.warnings
        ]
        if conversion.unused_args:
            names = ", ".join(conversion.unused_args)
            warnings.append(
                VertexWarning(
                    vertex=vertex,
                    short=f"the build argument {names} is not used: no ARG declares it"
                    if len(conversion.unused_args) == 1
                    else f"the build arguments {names} are not used: no ARG declares them",
                )
            )
        if warnings:
            self._run.emit(SolveStatus(warnings=tuple(warnings)))


def is_archive(head: bytes) -> bool:
    """Whether a file that begins so is a tar, compressed or not."""
    compressed = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")
    return head.startswith(compressed) or head[257:262] == b"ustar"
