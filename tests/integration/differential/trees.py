"""File trees of images, read from archives without any code of the project's."""

from __future__ import annotations

import hashlib
import json
import posixpath
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_TYPES = {
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
    tarfile.DIRTYPE: "dir",
    tarfile.SYMTYPE: "link",
    tarfile.CHRTYPE: "char",
    tarfile.BLKTYPE: "block",
    tarfile.FIFOTYPE: "fifo",
}
_XATTR = "SCHILY.xattr."
CONFIG_KEYS = (
    "Env",
    "Cmd",
    "Entrypoint",
    "WorkingDir",
    "User",
    "Labels",
    "ExposedPorts",
    "Volumes",
    "Healthcheck",
    "OnBuild",
    "Shell",
    "StopSignal",
)


@dataclass(eq=False, slots=True)
class Inode:
    kind: str
    mode: int
    owner: str
    detail: str
    mtime: float
    xattrs: tuple[tuple[str, str], ...]
    names: set[str] = field(default_factory=set)

    def __str__(self) -> str:
        mode = "" if self.kind == "link" else f" {self.mode:o}"
        text = f"{self.kind}{mode} {self.owner}{' ' if self.detail else ''}{self.detail}"
        if self.xattrs:
            text += " " + " ".join(f"{name}={value}" for name, value in self.xattrs)
        if len(self.names) > 1:
            text += " = " + " ".join(sorted(self.names))
        return text


@dataclass(frozen=True, slots=True)
class Image:
    """``tree``: path (no slash in front) -> one line of type, mode, owner, content, links."""

    tree: Mapping[str, str]
    config: Mapping[str, Any]
    layers: int
    history: tuple[Mapping[str, Any], ...]
    mtimes: Mapping[str, float]


def read_image(archive: Path) -> Image:
    """The only image of an archive that ``docker save`` or the docker exporter wrote."""
    with tarfile.open(archive) as outer:

        def part(name: str) -> Any:
            found = outer.extractfile(name)
            assert found is not None, name
            return found

        (manifest,) = json.load(part("manifest.json"))
        document = json.load(part(manifest["Config"]))
        tree: dict[str, Inode] = {}
        for layer in manifest["Layers"]:
            with tarfile.open(fileobj=part(layer), mode="r:*") as inner:
                _apply(tree, inner)
    for path, inode in tree.items():
        inode.names.add(path)
    config = document.get("config") or {}
    return Image(
        tree={path: str(inode) for path, inode in sorted(tree.items())},
        config={key: config[key] for key in CONFIG_KEYS if config.get(key)},
        layers=len(manifest["Layers"]),
        history=tuple(document.get("history") or ()),
        mtimes={path: inode.mtime for path, inode in tree.items()},
    )


def _apply(tree: dict[str, Inode], layer: tarfile.TarFile) -> None:
    fresh: set[str] = set()
    for member in layer:
        path = posixpath.normpath(member.name).lstrip("/")
        if path == ".":
            continue
        folder, name = posixpath.split(path)
        if name == ".wh..wh..opq":
            for below in [p for p in tree if p.startswith(f"{folder}/") and p not in fresh]:
                del tree[below]
            continue
        if name.startswith(".wh."):
            _remove(tree, posixpath.join(folder, name.removeprefix(".wh.")))
            continue
        fresh.add(path)
        if member.islnk():
            _remove(tree, path)
            tree[path] = tree[posixpath.normpath(member.linkname).lstrip("/")]
            continue
        found = _inode(layer, member)
        if not (found.kind == "dir" and path in tree and tree[path].kind == "dir"):
            _remove(tree, path)
        tree[path] = found


def _remove(tree: dict[str, Inode], path: str) -> None:
    for below in [p for p in tree if p == path or p.startswith(f"{path}/")]:
        del tree[below]


def _inode(layer: tarfile.TarFile, member: tarfile.TarInfo) -> Inode:
    detail = ""
    if member.issym():
        detail = f"-> {member.linkname}"
    elif member.isdev() and not member.isfifo():
        detail = f"{member.devmajor}:{member.devminor}"
    elif member.isfile():
        content = layer.extractfile(member)
        assert content is not None
        data = content.read()
        readable = len(data) <= 240 and data.isascii()
        detail = repr(data.decode()) if readable else hashlib.sha256(data).hexdigest()
    xattrs = tuple(
        sorted(
            (key.removeprefix(_XATTR), value)
            for key, value in member.pax_headers.items()
            if key.startswith(_XATTR)
        )
    )
    return Inode(
        kind=_TYPES[member.type],
        mode=member.mode & 0o7777,
        owner=f"{member.uid}:{member.gid}",
        detail=detail,
        mtime=int(member.mtime),
        xattrs=xattrs,
    )
