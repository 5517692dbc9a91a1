"""Paths inside an image, for the operating system the image is for.

Windows images write paths with a drive letter and backslashes; inside the builder every path has
forward slashes and no drive.
"""

from __future__ import annotations

import posixpath

from core.errors import DockerfileError


def clean(path: str) -> str:
    """The shortest path of the same meaning, as Go's ``path.Clean``: ``//a`` is ``/a``."""
    cleaned = posixpath.normpath(path) if path else "."
    return "/" + cleaned.lstrip("/") if cleaned.startswith("//") else cleaned


def join(*parts: str) -> str:
    """The parts with slashes between, cleaned; empty parts do not count."""
    present = [part for part in parts if part]
    return clean("/".join(present)) if present else ""


def to_slash(path: str, os: str) -> str:
    return path.replace("\\", "/") if os == "windows" else path


def is_absolute(path: str, os: str) -> bool:
    """Whether ``path`` starts at the root of an image for ``os``."""
    try:
        return without_drive(path, os, keep_slash=False).startswith("/")
    except DockerfileError:
        return False


def normalize_path(parent: str, path: str, os: str, *, keep_slash: bool) -> str:
    """``path`` below ``parent``, absolute, with forward slashes and without a drive.

    ``keep_slash`` keeps a slash (or ``/.``) at the end. Raises ``DockerfileError`` for a drive
    other than ``C:`` and for network paths.
    """
    path = original = to_slash(path, os)
    parent = without_drive(to_slash(parent, os) or "/", os, keep_slash=keep_slash)
    if not parent.startswith("/"):
        parent = join("/", parent)
    path = without_drive(path or parent, os, keep_slash=keep_slash)
    if not is_absolute(path, os):
        path = join(parent, path)
    if keep_slash:
        if original.endswith("/") and not path.endswith("/"):
            path += "/"
        elif original.endswith("/."):
            path = f"{path if path == '/' else path + '/'}."
    return path


def normalize_workdir(current: str, path: str, os: str) -> str:
    """The working directory that ``path`` selects from ``current``, as an image config has it."""
    found = normalize_path(current, path, os, keep_slash=False)
    return found.replace("/", "\\") if os == "windows" else found


def without_drive(path: str, os: str, *, keep_slash: bool) -> str:
    """``path`` without ``C:``; other systems than Windows have no drives."""
    if os != "windows":
        return path
    if len(path) == 2 and path[1] == ":":
        raise DockerfileError(
            f"the path {path!r} names a drive and nothing on it",
            phrase=f'No relative path specified in "{path}"',
        )
    if to_slash(path[:2], os) == "//":
        raise DockerfileError(f"{path!r} is a network path", phrase="UNC paths are not supported")
    drive, colon, rest = path.partition(":")
    if colon and drive.lower() != "c":
        raise DockerfileError(
            f"{path!r} is not on drive C:",
            phrase="The specified path is not on the system drive (C:)",
        )
    rest = to_slash(rest if colon else path, os)
    cleaned = clean(rest)
    return f"{cleaned}/" if keep_slash and len(cleaned) > 1 and rest.endswith("/") else cleaned
