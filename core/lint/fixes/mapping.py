"""How a token is spelt for the other platforms: from the project, else from its naming family."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from core.lint.projects import project_of
from core.lint.spelling import Token, family, find_tokens

GOARCH = {
    "linux/amd64": "amd64",
    "linux/arm64": "arm64",
    "linux/arm/v7": "arm",
    "linux/386": "386",
    "linux/ppc64le": "ppc64le",
    "linux/s390x": "s390x",
    "linux/riscv64": "riscv64",
}
FAMILY_OF = {
    "amd64": "goarch",
    "x86_64": "uname",
    "x86-64": "uname",
    "x64": "node",
    "64bit": "bits",
    "linux64": "linux64",
    "linux-64": "linux-64",
    "arm64": "goarch",
    "aarch64": "uname",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformSpelling:
    """``start``/``end`` widen the token within its atom; ``spellings`` maps platform to text.

    ``known``: the project itself is in the knowledge base; ``x86_only``: it has nothing else.
    """

    start: int
    end: int
    spellings: Mapping[str, str]
    known: bool
    x86_only: bool = False
    advice: str = ""

    def direct(self, platforms: tuple[str, ...]) -> bool:
        """Whether TARGETARCH alone gives the right spelling for all ``platforms``."""
        return all(self.spellings.get(p) == GOARCH.get(p, "?") for p in platforms)

    def covers(self, platforms: tuple[str, ...]) -> bool:
        return all(p in self.spellings for p in platforms)


def mapping_of(atom: str, token: Token, resolved: str) -> PlatformSpelling | None:
    """How to spell ``token`` (offsets within ``atom``) elsewhere; None when nothing is known."""
    project = project_of(resolved) or project_of(atom)
    if project is not None:
        if project.x86_only:
            return PlatformSpelling(
                start=token.start,
                end=token.end,
                spellings={"linux/amd64": token.text},
                known=True,
                x86_only=True,
                advice=project.advice,
            )
        found = _from_project(atom, token, dict(project.spellings))
        if found is not None:
            return found
    name = FAMILY_OF.get(token.text.lower())
    if name is None:
        return None
    if name == "goarch" and re.search(r"\.deb\b", atom):
        name = "debian"
    if name == "uname" and re.search(r"\.apk\b", atom):
        name = "alpine"
    if "protoc-" in atom and name == "uname":
        name = "protoc"
    table = dict(family(name))
    if name in {"bits", "linux64", "linux-64", "protoc"}:
        return _from_project(atom, token, table) or None
    if token.text.lower() == "x86-64":
        table = {"linux/amd64": token.text, "linux/arm64": "aarch64"}
    spellings = {p: _like(token.text, s) for p, s in table.items() if p in GOARCH}
    if spellings.get(token.platforms[0], "").lower() != token.text.lower():
        spellings[token.platforms[0]] = token.text
    return PlatformSpelling(start=token.start, end=token.end, spellings=spellings, known=False)


def _from_project(atom: str, token: Token, table: dict[str, str]) -> PlatformSpelling | None:
    own = table.get(token.platforms[0], "")
    at = own.lower().find(token.text.lower())
    if not own or at < 0:
        return None
    prefix, suffix = own[:at], own[at + len(token.text) :]
    inner: dict[str, str] = {}
    for platform, spelling in table.items():
        low = spelling.lower()
        if low.startswith(prefix.lower()) and low.endswith(suffix.lower()):
            inner[platform] = spelling[len(prefix) : len(spelling) - len(suffix) or None]
    if len(inner) == len(table) and all(inner.values()):
        inner[token.platforms[0]] = token.text
        return PlatformSpelling(start=token.start, end=token.end, spellings=inner, known=True)
    start = token.start - at
    end = start + len(own)
    if start >= 0 and atom[start:end].lower() == own.lower():
        table[token.platforms[0]] = atom[start:end]
        return PlatformSpelling(start=start, end=end, spellings=table, known=True)
    return None


def _like(example: str, text: str) -> str:
    return text.upper() if example.isupper() else text


def tokens_alike(text: str, token: Token) -> list[Token]:
    """Tokens of ``text`` spelt exactly like ``token``."""
    return [t for t in find_tokens(text) if t.text == token.text]
