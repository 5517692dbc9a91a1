"""What to build and where the result goes, as the Solve call wants it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from core.wire.pb import control_pb2, ops_pb2


def new_ref() -> str:
    """A build's identity, as long and as unguessable as BuildKit's."""
    return secrets.token_hex(13)[:25]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """One exporter. ``destination`` is a path on the client's side: a directory for ``local``,
    a file for ``oci``, ``docker`` and ``tar``; "-" is standard output."""

    type: str
    attrs: Mapping[str, str] = field(default_factory=dict)
    destination: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheEntry:
    """A cache to import or export: ``type`` registry, local, inline, ..."""

    type: str
    attrs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequest:
    """A build. ``attrs`` are the frontend's options in BuildKit's names (``platform``,
    ``target``, ``build-arg:X``, ``filename``, ...); ``local_dirs`` name the directories they
    speak of: ``context`` and ``dockerfile`` at least, others for named contexts."""

    attrs: Mapping[str, str] = field(default_factory=dict)
    local_dirs: Mapping[str, str] = field(default_factory=dict)
    frontend: str = "dockerfile.v0"
    definition: ops_pb2.Definition | None = None
    exports: tuple[ExportRequest, ...] = ()
    cache_imports: tuple[CacheEntry, ...] = ()
    cache_exports: tuple[CacheEntry, ...] = ()
    entitlements: tuple[str, ...] = ()
    title: str = ""
    detach: bool = False
    """Go on when this client leaves (embedded builder only)."""
    ref: str = field(default_factory=new_ref)

    def to_message(self, *, session: str, shares_files: bool) -> control_pb2.SolveRequest:
        request = control_pb2.SolveRequest(
            Ref=self.ref,
            Session=session,
            Frontend=self.frontend if self.definition is None else "",
            FrontendAttrs=dict(self.attrs),
            Definition=self.definition,
            Cache=control_pb2.CacheOptions(
                Exports=[_cache(entry) for entry in self.cache_exports],
                Imports=[_cache(entry) for entry in self.cache_imports],
            ),
            Entitlements=self.entitlements,
            Exporters=[
                control_pb2.Exporter(Type=export.type, Attrs=dict(export.attrs))
                for export in self.exports
            ],
            EnableSessionExporter=False,
        )
        if len(self.exports) == 1:
            # Docker before 23 knows one exporter, in these fields; later ones prefer the list.
            request.ExporterDeprecated = self.exports[0].type
            request.ExporterAttrsDeprecated.update(self.exports[0].attrs)
        if shares_files:
            request.localDirs.update(self.local_dirs)
            request.title = self.title
            request.detach = self.detach
        return request


def _cache(entry: CacheEntry) -> control_pb2.CacheOptionsEntry:
    return control_pb2.CacheOptionsEntry(Type=entry.type, Attrs=dict(entry.attrs))
