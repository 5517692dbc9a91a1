"""Git references as build contexts and ADD sources.

``https://host/repo.git#ref:subdir``, ``git@host:repo``, ``ssh://``, ``git://`` and, for contexts
only, ``github.com/owner/repo``; the same as a query: ``?ref=``, ``tag=``, ``branch=``, ``subdir=``,
``checksum=`` (``commit=``), ``keep-git-dir``, ``submodules``, ``mtime=``, ``fetch-by-commit``.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import unquote, unquote_plus

from core.errors import OptionError

_SCHEMES: Final = frozenset({"http", "https", "ssh", "git"})
_PROTOCOL: Final = re.compile(r"([a-zA-Z0-9]+)://")
_SCP: Final = re.compile(
    r"([a-zA-Z0-9\-_]+)@([a-zA-Z0-9\-.]+):(.*?)(?:\?(.*?))?(?:#(.*))?", re.ASCII
)
_AUTHORITY: Final = re.compile(
    r"(?:(?P<user>[^@]*)@)?(?P<host>\[[0-9A-Fa-f:.%]*\]|[^:\[\]]*)(?P<port>:[0-9]*)?"
)
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_BAD_HOST: Final = re.compile(r"[\s\\^`{|}\"<>]")
_TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE: Final = frozenset({"0", "f", "F", "FALSE", "false", "False"})
_PATH_UNRESERVED: Final = re.compile(r"[^A-Za-z0-9\-_.~$&+,/:;=@!'()*]")


@dataclass(frozen=True, slots=True, kw_only=True)
class GitUrl:
    """A URL of a repository: ``remote`` is what git itself is given, ``query`` in written order."""

    scheme: str
    host: str
    path: str
    remote: str
    query: tuple[tuple[str, str], ...] = ()
    ref: str = ""
    subdir: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GitRef:
    """What to check out: ``ref`` a branch, tag or commit, ``checksum`` the commit it must be.

    ``ambiguous`` marks ``github.com/...`` without a scheme, which could be a local path as well.
    ``keep_git_dir`` and ``submodules`` are None where nothing was said.
    """

    remote: str
    short_name: str = ""
    ref: str = ""
    checksum: str = ""
    subdir: str = ""
    ambiguous: bool = False
    unencrypted: bool = False
    keep_git_dir: bool | None = None
    submodules: bool | None = None
    mtime: str = ""
    fetch_by_commit: bool = False


def parse_git_ref(text: str) -> GitRef | None:
    """The reference ``text`` is, or None when it is none.

    Raises ``OptionError`` for a reference whose options contradict each other or mean nothing.
    """
    if text.startswith(("./", "../")):
        return None
    ambiguous = text.startswith("github.com/")
    url = _parse_http_like(f"https://{text}") if ambiguous else parse_git_url(text)
    if url is None:
        return None
    if not ambiguous and url.scheme in ("http", "https") and not url.path.endswith(".git"):
        return None
    remote = url.remote.partition("://")[2] if ambiguous else url.remote
    found = GitRef(
        remote=remote,
        short_name=remote.rsplit("/", 1)[-1].removesuffix(".git"),
        ref=url.ref,
        subdir=url.subdir,
        ambiguous=ambiguous,
        unencrypted=not ambiguous and url.scheme in ("http", "git"),
    )
    return _with_query(found, url.query) if url.query else found


def parse_git_url(text: str) -> GitUrl | None:
    """A URL, or an ssh address like ``git@host:path``; None when it is neither."""
    protocol = _PROTOCOL.match(text)
    if protocol:
        return _parse_http_like(text) if protocol[1].lower() in _SCHEMES else None
    scp = _SCP.fullmatch(text)
    if scp is None or "\n" in text:
        return None
    user, host, path, query, fragment = scp.groups()
    pairs = _parse_query(query or "", strict=True)
    if pairs is None:
        return None
    ref, subdir = _parse_fragment(fragment or "")
    return GitUrl(
        scheme="ssh",
        host=host,
        path=path,
        remote=f"{user}@{host}:{path}",
        query=pairs,
        ref=ref,
        subdir=subdir,
    )


def _parse_http_like(text: str) -> GitUrl | None:
    if _CONTROL.search(text):
        return None
    text, _, fragment = text.partition("#")
    text, _, query = text.partition("?")
    scheme, _, rest = text.partition("://")
    scheme = scheme.lower()
    authority, slash, path = rest.partition("/")
    path = slash + path
    parts = _AUTHORITY.fullmatch(authority)
    if not parts or _BAD_HOST.search(authority) or _BAD_ESCAPE.search(path + fragment):
        return None
    host = parts["host"] + (parts["port"] or "")
    plain = unquote(path)
    # A path that says what its decoded form would be spelled as keeps its own spelling.
    encoded = path if _valid_encoded(path) else _PATH_UNRESERVED.sub(_percent, plain)
    user = f"{parts['user']}@" if parts["user"] is not None else ""
    ref, subdir = _parse_fragment(unquote(fragment))
    return GitUrl(
        scheme=scheme,
        host=host,
        path=plain,
        remote=f"{scheme}://{user}{host}{encoded}",
        query=_parse_query(query, strict=False) or (),
        ref=ref,
        subdir=subdir,
    )


def _valid_encoded(path: str) -> bool:
    return not re.search(r"[^A-Za-z0-9\-_.~$&+,/:;=@!'()*%\[\]]", path)


def _percent(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode())


def _parse_fragment(fragment: str) -> tuple[str, str]:
    ref, _, subdir = fragment.partition(":")
    return ref, posixpath.normpath(f"/{subdir}").lstrip("/") if subdir else ""


def _parse_query(text: str, *, strict: bool) -> tuple[tuple[str, str], ...] | None:
    pairs: list[tuple[str, str]] = []
    for part in text.split("&"):
        if not part:
            continue
        if ";" in part or _BAD_ESCAPE.search(part):
            if strict:
                return None
            continue
        key, _, value = part.partition("=")
        pairs.append((unquote_plus(key), unquote_plus(value)))
    return tuple(pairs)


def _with_query(found: GitRef, query: tuple[tuple[str, str], ...]) -> GitRef:
    values: dict[str, list[str]] = {}
    for key, value in query:
        values.setdefault(key, []).append(value)
    tag = branch = ""
    for key, several in values.items():
        if len(several) > 1:
            raise _invalid(f'query "{key}" has multiple values')
        value = several[0]
        if not value and key not in ("submodules", "keep-git-dir", "fetch-by-commit"):
            raise _invalid(f'query "{key}" has no value')
        match key:
            case "ref":
                found = _with_ref(found, value)
            case "tag":
                tag = value
            case "branch":
                branch = value
            case "subdir":
                if found.subdir and found.subdir != value:
                    raise _invalid(f'subdir conflicts: "{found.subdir}" vs "{value}"')
                found = replace(found, subdir=value)
            case "checksum" | "commit":
                found = replace(found, checksum=value)
            case "keep-git-dir":
                found = replace(found, keep_git_dir=_flag(key, value))
            case "submodules":
                found = replace(found, submodules=_flag(key, value))
            case "mtime":
                if value not in ("checkout", "commit"):
                    raise _invalid(
                        f'invalid mtime value: "{value}" (must be "checkout" or "commit")'
                    )
                found = replace(found, mtime=value)
            case "fetch-by-commit":
                found = replace(found, fetch_by_commit=_flag(key, value))
            case _:
                raise _invalid(f'unexpected query "{key}"')
    if tag:
        found = _with_ref(found, tag if tag.startswith("refs/tags/") else f"refs/tags/{tag}")
    if branch:
        if tag:
            raise _invalid("branch conflicts with tag")
        found = _with_ref(
            found, branch if branch.startswith("refs/heads/") else f"refs/heads/{branch}"
        )
    return found


def _with_ref(found: GitRef, ref: str) -> GitRef:
    if found.ref and found.ref != ref:
        raise _invalid(f'ref conflicts: "{found.ref}" vs "{ref}"')
    return replace(found, ref=ref)


def _flag(key: str, value: str) -> bool:
    if not value or value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise _invalid(f'invalid {key} value: "{value}"')


def _invalid(phrase: str) -> OptionError:
    return OptionError(f"the git reference cannot be used: {phrase}", phrase=phrase)
