"""Image references: ``[domain/]path[:tag][@digest]`` (github.com/distribution/reference)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from core.errors import OptionError
from core.oci.digest import Digest

DEFAULT_DOMAIN: Final = "docker.io"
DEFAULT_TAG: Final = "latest"
_LEGACY_DOMAIN: Final = "index.docker.io"
_NAME_LIMIT: Final = 255

_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[(?:[a-fA-F0-9:]+)\])(?::[0-9]+)?"
_PART = r"[a-z0-9]+(?:(?:[._]|__|[-]+)[a-z0-9]+)*"
_REFERENCE: Final = re.compile(
    rf"(?P<name>(?:(?P<domain>{_DOMAIN})/)?(?P<path>{_PART}(?:/{_PART})*))"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?:@(?P<digest>[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?",
    re.ASCII,
)
_IDENTIFIER: Final = re.compile(r"[a-f0-9]{64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Reference:
    """A parsed reference; ``str`` is the canonical text with domain, tag and digest."""

    domain: str
    path: str
    tag: str | None = None
    digest: Digest | None = None

    def __str__(self) -> str:
        return self.name + self._suffix()

    @property
    def name(self) -> str:
        """Domain and path: the repository."""
        return f"{self.domain}/{self.path}"

    def familiar(self) -> str:
        """The short text people write: ``alpine:3`` for ``docker.io/library/alpine:3``."""
        name = self.name
        if self.domain == DEFAULT_DOMAIN:
            name = self.path
            parts = self.path.split("/")
            if len(parts) == 2 and parts[0] == "library":
                name = parts[1]
        return name + self._suffix()

    def with_tag(self, tag: str | None) -> Reference:
        return replace(self, tag=tag)

    def with_digest(self, digest: Digest | None) -> Reference:
        return replace(self, digest=digest)

    def tagged(self) -> Reference:
        """The same reference, with the tag ``latest`` when it has neither tag nor digest."""
        return self if self.tag or self.digest else replace(self, tag=DEFAULT_TAG)

    def _suffix(self) -> str:
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


def parse_reference(text: str) -> Reference:
    """The reference that ``text`` names; ``OptionError`` when it is none."""
    if _IDENTIFIER.fullmatch(text):
        raise OptionError(
            f"{text!r} is an image id, not the name of an image",
            phrase=f"invalid repository name ({text}), cannot specify 64-byte hexadecimal strings",
        )
    domain, rest = _split_domain(text)
    cut = rest.find(":")
    remote = rest if cut < 0 else rest[:cut]
    if remote.lower() != remote:
        raise OptionError(
            f"the repository name {remote!r} in {text!r} has upper-case letters",
            hint=f"Write {remote.lower()!r}.",
            phrase=(f"invalid reference format: repository name ({remote}) must be lowercase"),
        )
    found = _REFERENCE.fullmatch(f"{domain}/{rest}")
    if not found:
        raise OptionError(
            f"{text!r} is not an image reference",
            hint="A reference reads like name:tag or registry.example/team/name:tag.",
            phrase="invalid reference format",
        )
    if len(found["path"]) > _NAME_LIMIT:
        raise OptionError(
            f"the repository name in {text!r} is longer than {_NAME_LIMIT} characters",
            phrase="repository name must not be more than 255 characters",
        )
    digest = Digest.parse(found["digest"]) if found["digest"] else None
    return Reference(
        domain=found["domain"] or "", path=found["path"], tag=found["tag"], digest=digest
    )


def _split_domain(text: str) -> tuple[str, str]:
    """Docker's rule: the first part is a domain when it looks like a host name."""
    head, slash, rest = text.partition("/")
    is_domain = slash and (
        any(c in head for c in ".:") or head == "localhost" or head.lower() != head
    )
    domain, remote = (head, rest) if is_domain else (DEFAULT_DOMAIN, text)
    if domain == _LEGACY_DOMAIN:
        domain = DEFAULT_DOMAIN
    if domain == DEFAULT_DOMAIN and "/" not in remote:
        remote = f"library/{remote}"
    return domain, remote
