"""Where files come from: images, the client's directories, git, downloads."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterable, Sequence
from urllib.parse import unquote

from core.dockerfile.gitref import GitRef, parse_git_ref, parse_git_url
from core.errors import OptionError
from core.frontend.paths import join
from core.llb.ops import SourceOp, pairs
from core.oci.digest import Digest

UNNAMED = "__unnamed__"


def image_source(reference: str, resolve_mode: str) -> SourceOp:
    """An image by its canonical reference."""
    attrs = {} if resolve_mode == "default" else {"image.resolvemode": resolve_mode}
    return SourceOp(identifier=f"docker-image://{reference}", attrs=pairs(attrs))


def layout_source(reference: str, *, session: str, store: str) -> SourceOp:
    """An image in an OCI layout that the client holds."""
    attrs = {"oci.session": session} if session else {}
    attrs["oci.store"] = store
    return SourceOp(identifier=f"oci-layout://{reference}", attrs=pairs(attrs))


def local_source(
    name: str,
    *,
    session: str,
    shared_key: str,
    follow_paths: Sequence[str] = (),
    excludes: Sequence[str] = (),
    differ: bool = True,
) -> SourceOp:
    """A directory of the client; ``differ`` compares with what was transferred before."""
    attrs = {"local.sharedkeyhint": shared_key}
    if session:
        attrs["local.session"] = session
    if follow_paths:
        attrs["local.followpaths"] = _json(follow_paths)
    if excludes:
        attrs["local.excludepatterns"] = _json(excludes)
    if not differ:
        attrs["local.differ"] = "none"
    return SourceOp(identifier=f"local://{name}", attrs=pairs(attrs))


def _json(values: Sequence[str]) -> str:
    return json.dumps(list(values), separators=(",", ":"), ensure_ascii=False)


def follow_paths(paths: Iterable[str]) -> tuple[str, ...]:
    """The paths to ask of a directory, relative; () when the whole of it is needed."""
    wanted = set(paths)
    if "/" in wanted:
        return ()
    return tuple(sorted(join(".", path) for path in wanted))


def git_source(found: GitRef, *, keep_git_dir: bool, checksum: str, mtime: str = "") -> SourceOp:
    """A checkout."""
    url = parse_git_url(found.remote) or parse_git_url(f"https://{found.remote}")
    if url is None:
        raise OptionError(f"{found.remote!r} is not the URL of a git repository")
    identifier = url.host + join("/", url.path)
    if found.ref or found.subdir:
        identifier += f"#{found.ref}" + (f":{found.subdir}" if found.subdir else "")
    attrs = {
        "git.fullurl": url.remote,
        "git.authtokensecret": "GIT_AUTH_TOKEN",
        "git.authheadersecret": "GIT_AUTH_HEADER",
    }
    if keep_git_dir:
        attrs["git.keepgitdir"] = "true"
    if url.scheme == "ssh":
        attrs["git.mountsshsock"] = "default"
    if checksum:
        attrs["git.checksum"] = checksum
    if found.submodules is False:
        attrs["git.skipsubmodules"] = "true"
    if mtime:
        attrs["git.mtime"] = mtime
    if found.fetch_by_commit:
        attrs["git.fetchbycommit"] = "true"
    return SourceOp(identifier=f"git://{identifier}", attrs=pairs(attrs))


def http_source(url: str, *, filename: str, checksum: Digest | None = None) -> SourceOp:
    """A download, kept under ``filename``."""
    attrs = {"http.filename": filename}
    if checksum:
        attrs["http.checksum"] = checksum
    return SourceOp(identifier=url, attrs=pairs(attrs))


def http_filename(url: str) -> str:
    """The name that ADD gives the download of ``url``."""
    path = unquote(url.partition("#")[0].partition("?")[0].partition("://")[2])
    base = posixpath.basename(path.partition("/")[2].rstrip("/"))
    return base if base not in ("", ".") else UNNAMED


def is_git(source: str) -> bool:
    """Whether ``source`` is a git reference (a broken one counts)."""
    try:
        return parse_git_ref(source) is not None
    except OptionError:
        return False


def is_http(source: str) -> bool:
    """Whether ADD downloads ``source`` as a file."""
    return source.startswith(("http://", "https://")) and not is_git(source)
