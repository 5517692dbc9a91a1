"""The piece of text around an architecture's name, and what in it speaks against a hazard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from core.lint.projects import project_of
from core.lint.spelling import Confidence, Token, find_tokens

ATOM = re.compile(r"[^\s\"'`;|()<>&,]+")
OTHER_SYSTEM = re.compile(
    r"darwin|macos|(?<![a-z])mac(?![a-z])|osx|apple|windows|(?<![a-z])win(?:32|64|nt|dows)?(?![a-z])|mingw"
    r"|msys|cygwin|freebsd|netbsd|openbsd|solaris|illumos|(?<![a-z])aix(?![a-z])|\.exe\b|\.msi\b|\.dmg\b"
    r"|android",
    re.IGNORECASE,
)
NO_ARCH = re.compile(
    r"noarch|_all\.deb|-any\.whl|none-any|universal|multiarch(?!ive)|\.jar\b|\.war\b|binutils-multiarch",
    re.IGNORECASE,
)
BARE_METAL = re.compile(
    r"none-eabi|-none-elf|unknown-elf|unknown-none|-elf\b|thumbv|xtensa|msp430|wasm32|\bavr\b|-uefi\b",
    re.IGNORECASE,
)
FOREIGN_TARGET = re.compile(
    r"qemu-system|qemu-user|--target-list|grub-efi|grub-pc|crossbuild-essential|-cross\b|cross-"
    r"|(?:gcc|g\+\+|binutils|cpp|gfortran|pkg-config|libc6-dev|gdb)-(?:\d+-)?(?:arm|aarch64|x86-64|i686"
    r"|powerpc64le|s390x|riscv64|mips)|CARGO_TARGET_|osxcross|mingw-w64|gcc-multiarch|system-images;"
    r"|softmmu|linux-user|-linux-android|(?:amd64|x86|x86_64|arm64)[-_]only",
    re.IGNORECASE,
)
FILE_CONTEXT = re.compile(
    r"linux|musl|gnu|glibc|\.deb\b|\.rpm\b|\.apk\b|\.tar|\.tgz|\.tbz|\.txz|\.zip|\.gz\b|\.xz\b|\.bz2|\.bin\b"
    r"|\.run\b|\.sh\b|\.so\b|\.appimage|ubuntu|debian|centos|alpine|fedora|rhel|el[5-9]",
    re.IGNORECASE,
)
URL = re.compile(r"(?:https?|ftp|gs|s3)://", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Atom:
    """``text`` (``text[at:]`` starts at offset ``start`` of the searched text) and its token."""

    text: str
    start: int
    token: Token

    @property
    def offset(self) -> int:
        """Where the token starts in the searched text."""
        return self.start + self.token.start

    @property
    def end(self) -> int:
        return self.start + self.token.end

    @property
    def is_url(self) -> bool:
        return bool(URL.search(self.text))

    @property
    def skeleton(self) -> str:
        """The text with every architecture taken out: equal for siblings of two platforms."""
        parts: list[str] = []
        position = 0
        for token in find_tokens(self.text):
            parts.append(self.text[position : token.start])
            position = token.end
        parts.append(self.text[position:])
        return "@".join(parts).lower()


def atoms(text: str) -> Iterator[Atom]:
    """Every atom of ``text`` that names an architecture and that nothing in it speaks against.

    An atom with several names counts once, by the last: folders repeat what the file name says.
    """
    for match in ATOM.finditer(text):
        word = match.group()
        tokens = [token for token in find_tokens(word) if _counts(token, word, text)]
        if not tokens or speaks_against(word):
            continue
        yield Atom(text=word, start=match.start(), token=tokens[-1])


def speaks_against(word: str) -> bool:
    """Whether ``word`` is for another system, for no architecture, or names a foreign target."""
    return bool(
        OTHER_SYSTEM.search(word)
        or NO_ARCH.search(word)
        or BARE_METAL.search(word)
        or FOREIGN_TARGET.search(word)
    )


def _counts(token: Token, word: str, text: str) -> bool:
    match token.confidence:
        case Confidence.SURE:
            return True
        case Confidence.CONTEXT:
            outside = word[: token.start] + word[token.end :]
            return bool(
                FILE_CONTEXT.search(outside)
                or "linux" in token.text.lower()
                or _known(token, word)
                or token.text.lower().startswith(("--cpu", "goarch"))
                or re.fullmatch(r"(?:-*[\w-]*arch(?:itecture)?[=:])?", outside, re.IGNORECASE)
            )
        case Confidence.AMBIGUOUS:
            if token.text.lower().startswith(("linux", "goarch")):
                return True
            outside = word[: token.start] + word[token.end :]
            return _known(token, word) or (
                "linux" in outside.lower() and bool(URL.search(word)) and "kernel" not in outside
            )


def _known(token: Token, word: str) -> bool:
    project = project_of(word)
    if project is None:
        return False
    return any(token.text.lower() in spelling.lower() for spelling in project.spellings.values())
