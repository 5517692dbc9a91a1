"""A registry of values, and conversions against it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from core.errors import NotFoundError
from core.frontend.conversion import Conversion
from core.frontend.convert import convert
from core.frontend.inputs import (
    BuildInputs,
    ImageMissing,
    ImageRequest,
    NeedImages,
    ResolvedImage,
)
from core.frontend.options import FrontendOptions
from core.llb.ops import ExecOp, FileOp, SourceOp
from core.llb.vertex import Vertex, walk
from core.oci.platform import parse_platform

AMD64 = parse_platform("linux/amd64")


@dataclass
class FakeRegistry:
    """Knows every image on every platform, but for ``missing`` ones and those with a ``config``."""

    missing: set[str] = field(default_factory=set)
    configs: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[ImageRequest] = field(default_factory=list)

    def look_up(self, request: ImageRequest) -> ResolvedImage | ImageMissing:
        self.asked.append(request)
        name = request.reference
        if name in self.missing:
            return ImageMissing(error=NotFoundError(f"{name}: not found"))
        platform = request.platform
        config = {
            "architecture": platform.architecture,
            "os": platform.os,
            "config": {"Env": ["PATH=/bin"], "Cmd": ["/bin/sh"], "WorkingDir": "/"},
            "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "1" * 64]},
            "history": [{"created_by": "base"}],
        } | self.configs.get(name, {})
        if platform.variant:
            config.setdefault("variant", platform.variant)
        pinned = name if "@" in name else f"{name}@sha256:{'a' * 64}"
        return ResolvedImage(reference=pinned, config=json.dumps(config).encode())


@dataclass
class Converted:
    """A conversion with its vertices at hand."""

    conversion: Conversion

    def vertices(self, key: str | None = None) -> list[Vertex]:
        results = self.conversion.results
        result = results[0] if key is None else next(r for r in results if r.key == key)
        return list(walk([result.edge])) if result.edge else []

    def names(self, key: str | None = None) -> list[str]:
        return [
            v.metadata.name
            for v in self.vertices(key)
            if isinstance(v.op, ExecOp | FileOp | SourceOp)
        ]

    def execs(self, key: str | None = None) -> list[ExecOp]:
        return [v.op for v in self.vertices(key) if isinstance(v.op, ExecOp)]

    def files(self, key: str | None = None) -> list[FileOp]:
        return [v.op for v in self.vertices(key) if isinstance(v.op, FileOp)]

    def sources(self, key: str | None = None) -> dict[str, SourceOp]:
        ops = [v.op for v in self.vertices(key) if isinstance(v.op, SourceOp)]
        return {op.identifier: op for op in ops}

    @property
    def config(self) -> dict[str, Any]:
        config: dict[str, Any] = self.conversion.results[0].config["config"]
        return config

    @property
    def history(self) -> list[str]:
        entries = self.conversion.results[0].config["history"]
        return [entry["created_by"] for entry in entries[1:]]

    @property
    def warnings(self) -> list[str]:
        return [warning.short for warning in self.conversion.warnings]


@pytest.fixture
def registry() -> FakeRegistry:
    return FakeRegistry()


@pytest.fixture
def build(registry: FakeRegistry) -> Callable[..., Converted]:
    """Converts a Dockerfile: ``build(text, attrs, inputs=...)``."""

    def run(
        text: str,
        attrs: Mapping[str, str] | None = None,
        *,
        inputs: BuildInputs | None = None,
    ) -> Converted:
        options = FrontendOptions.from_attrs(attrs or {}, build_platforms=[AMD64])
        images: dict[ImageRequest, ResolvedImage | ImageMissing] = {}
        while True:
            answer = convert(text, options, images, inputs=inputs)
            if not isinstance(answer, NeedImages):
                return Converted(answer)
            assert not answer.context_ignores
            assert not answer.source_times
            images |= {request: registry.look_up(request) for request in answer.images}

    return run
