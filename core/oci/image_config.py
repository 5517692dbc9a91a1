"""Image configs: how an image runs and how it came to be (OCI ``config.md``).

Docker and others add members of their own (``Healthcheck``, ``OnBuild``, ``container``, ...), so a
config is kept as the JSON object it was read from and is changed by replacing members: what this
module does not know survives.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from core.oci.descriptor import digest_from_json, platform_from_json
from core.oci.digest import Digest
from core.oci.json_values import (
    ImageFormatError,
    Json,
    JsonObject,
    as_list,
    as_object,
    as_text,
    dump,
    load_object,
)
from core.oci.platform import Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """One entry of an image's history; ``created`` is RFC 3339 text or empty."""

    created: str = ""
    created_by: str = ""
    author: str = ""
    comment: str = ""
    empty_layer: bool = False

    def to_json(self) -> JsonObject:
        value: JsonObject = {}
        if self.created:
            value["created"] = self.created
        if self.created_by:
            value["created_by"] = self.created_by
        if self.author:
            value["author"] = self.author
        if self.comment:
            value["comment"] = self.comment
        if self.empty_layer:
            value["empty_layer"] = True
        return value

    @staticmethod
    def from_json(value: object) -> History:
        data = as_object(value, "config.history")
        return History(
            created=as_text(data.get("created"), "history.created"),
            created_by=as_text(data.get("created_by"), "history.created_by"),
            author=as_text(data.get("author"), "history.author"),
            comment=as_text(data.get("comment"), "history.comment"),
            empty_layer=data.get("empty_layer") is True,
        )


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """An image config over its JSON object, which must not be changed in place."""

    value: JsonObject

    @staticmethod
    def parse(data: bytes) -> ImageConfig:
        """Raises ImageFormatError when the bytes are no JSON object."""
        return ImageConfig(load_object(data, "the image config"))

    def to_bytes(self) -> bytes:
        return dump(self.value, indent=None)

    @property
    def platform(self) -> Platform:
        """As the config spells it; os and architecture may be empty in a broken one."""
        return platform_from_json(self.value, "config")

    @property
    def diff_ids(self) -> tuple[Digest, ...]:
        """Digests of the uncompressed layers, bottom to top."""
        rootfs = as_object(self.value.get("rootfs") or {}, "config.rootfs")
        items = as_list(rootfs.get("diff_ids"), "config.rootfs.diff_ids")
        return tuple(digest_from_json(item, "config.rootfs.diff_ids") for item in items)

    @property
    def history(self) -> tuple[History, ...]:
        items = as_list(self.value.get("history"), "config.history")
        return tuple(History.from_json(item) for item in items)

    @property
    def created(self) -> str:
        return as_text(self.value.get("created"), "config.created")

    @property
    def runtime(self) -> JsonObject:
        """The ``config`` member: Env, Cmd, Entrypoint, User, WorkingDir, Labels, ..."""
        return as_object(self.value.get("config") or {}, "config.config")

    @property
    def environment(self) -> tuple[str, ...]:
        items = as_list(self.runtime.get("Env"), "config.Env")
        return tuple(as_text(item, "config.Env") for item in items)

    def with_layers(
        self, diff_ids: Iterable[Digest], history: Iterable[History], *, created: str
    ) -> ImageConfig:
        """With the layers, history and time of creation of a finished image."""
        ids: list[Json] = [str(d) for d in diff_ids]
        entries: list[Json] = [entry.to_json() for entry in history]
        patched = dict(self.value)
        patched["rootfs"] = {"type": "layers", "diff_ids": ids}
        patched["history"] = entries
        if created:
            patched["created"] = created
        return ImageConfig(patched)

    def check_exportable(self) -> None:
        """Raise ImageFormatError when os or architecture is missing."""
        for member in ("os", "architecture"):
            if not as_text(self.value.get(member), f"config.{member}"):
                raise ImageFormatError(
                    f"invalid image config for export: missing {member}",
                    hint="Every image must name its operating system and architecture.",
                )


def complete_history(history: Iterable[History], layers: Iterable[History]) -> tuple[History, ...]:
    """Make a history agree with the layers and give every entry a time.

    ``layers`` describes each layer, bottom to top, as a history entry would (created, created_by).
    Entries for layers that the history does not know are appended, entries that claim a layer too
    many become empty ones. An entry that made no layer gets the time of the first new layer
    before any, later that of the layer before it (BuildKit does the same).
    """
    described = list(layers)
    entries: list[History] = []
    used = 0
    for entry in history:
        if not entry.empty_layer:
            if used >= len(described):
                entry = replace(entry, empty_layer=True)
            else:
                if not entry.created:
                    entry = replace(entry, created=described[used].created)
                used += 1
        entries.append(entry)
    entries.extend(
        replace(layer, comment=layer.comment or "buildkit.exporter.image.v0")
        for layer in described[used:]
    )
    return _timed(entries)


def _timed(entries: list[History]) -> tuple[History, ...]:
    created = ""
    gap = False
    for entry in entries:
        if entry.created:
            created = entry.created
            if gap:
                break
        else:
            gap = True
    gap = False
    done: list[History] = []
    for entry in entries:
        if entry.created:
            if gap:
                created = entry.created
        else:
            gap = True
            entry = replace(entry, created=created)
        done.append(entry)
    return tuple(done)
