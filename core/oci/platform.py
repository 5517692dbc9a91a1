"""Platforms: how they are spelled, when one can stand for another, and which is the better one.

The spellings and the order of preference are containerd's (github.com/containerd/platforms), which
every builder and registry client follows: ``os[(version+feature+...)]/architecture[/variant]``.
"""

from __future__ import annotations

import platform as machine
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from core.errors import OptionError
from core.oci.quoting import go_quote

_COMPONENT: Final = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)
_OS: Final = re.compile(
    r"([A-Za-z0-9_-]+)(?:\(([A-Za-z0-9_.%-]*)((?:\+[A-Za-z0-9_.%-]+)*)\))?", re.ASCII
)
_GO_COMPONENT: Final = "^[A-Za-z0-9_.-]+$"
_GO_OS: Final = r"^([A-Za-z0-9_-]+)(?:\(([A-Za-z0-9_.%-]*)((?:\+[A-Za-z0-9_.%-]+)*)\))?$"
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_KNOWN_OS: Final = frozenset(
    (
        *("aix", "android", "darwin", "dragonfly", "freebsd", "hurd", "illumos", "ios", "js"),
        *("linux", "nacl", "netbsd", "openbsd", "plan9", "solaris", "windows", "zos"),
    )
)
_KNOWN_ARCHITECTURES: Final = frozenset(
    (
        *("386", "amd64", "amd64p32", "arm", "armbe", "arm64", "arm64be", "ppc64", "ppc64le"),
        *("loong64", "mips", "mipsle", "mips64", "mips64le", "mips64p32", "mips64p32le", "ppc"),
        *("riscv", "riscv64", "s390", "s390x", "sparc", "sparc64", "wasm"),
    )
)
_MACHINES: Final = {
    "x86_64": ("amd64", ""),
    "amd64": ("amd64", ""),
    "i386": ("386", ""),
    "i686": ("386", ""),
    "aarch64": ("arm64", ""),
    "arm64": ("arm64", ""),
    "armv7l": ("arm", "v7"),
    "armv6l": ("arm", "v6"),
    "armv5tel": ("arm", "v5"),
    "loongarch64": ("loong64", ""),
    "mips64": ("mips64le" if sys.byteorder == "little" else "mips64", ""),
}


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Platform:
    """What a program runs on. ``str`` gives ``linux/arm/v7``, without OS version and features."""

    os: str
    architecture: str
    variant: str = ""
    os_version: str = ""
    os_features: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.os:
            return "unknown"
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))

    def format_all(self) -> str:
        """Like ``str``, with OS version and features: ``windows(10.0.20348+win32k)/amd64``."""
        if not self.os:
            return "unknown"
        features = "+".join(_encode(f) for f in sorted(set(self.os_features)) if f)
        extra = _encode(self.os_version) + (f"+{features}" if features else "")
        os = f"{self.os}({extra})" if extra else self.os
        return "/".join(filter(None, (os, self.architecture, self.variant)))

    def normalized(self) -> Platform:
        """The one spelling of this platform: ``arm`` is ``arm/v7``, ``arm64/v8`` is ``arm64``."""
        architecture, variant = _normalize_architecture(self.architecture, self.variant)
        return replace(
            self,
            os=_normalize_os(self.os),
            architecture=architecture,
            variant=variant,
            os_features=tuple(sorted(set(self.os_features))),
        )


def host_platform() -> Platform:
    """The platform of this process, normalized."""
    name = machine.machine().lower()
    architecture, variant = _MACHINES.get(name, (name, ""))
    return Platform(os=sys.platform, architecture=architecture, variant=variant).normalized()


def parse_platform(text: str, *, normalize: bool = True, host: Platform | None = None) -> Platform:
    """The platform that ``text`` names; ``OptionError`` when it names none.

    A lone OS or architecture is completed from ``host`` (default: this machine). With
    ``normalize=False`` the variant stays as spelled where both spellings are in use.
    """
    parsed = _parse(text, host or host_platform())
    return parsed.normalized() if normalize else parsed


def parse_platforms(texts: str | Iterable[str]) -> tuple[Platform, ...]:
    """Several platforms (a comma separated text, or one text each), without repeats, in order."""
    if isinstance(texts, str):
        texts = texts.split(",")
    return tuple(dict.fromkeys(parse_platform(text) for text in texts))


def matches(wanted: Platform, candidate: Platform, *, strict: bool = False) -> bool:
    """Whether something made for ``candidate`` serves who asks for ``wanted``.

    ``strict`` accepts only the same architecture and variant; otherwise older variants and the
    32-bit architecture of the same family serve too.
    """
    return _rank(wanted, candidate, strict) is not None


def sort_by_preference(wanted: Platform, candidates: Iterable[Platform]) -> list[Platform]:
    """The candidates that serve ``wanted``, best first; equal ones keep their order."""
    ranked = [(rank, c) for c in candidates if (rank := _rank(wanted, c, False)) is not None]
    return [c for _, c in sorted(ranked, key=lambda pair: (pair[0], -len(pair[1].os_features)))]


def _parse(text: str, host: Platform) -> Platform:
    if "*" in text:
        raise _invalid(
            text,
            "wildcards are not supported",
            f"{go_quote(text)}: wildcards not yet supported: invalid argument",
        )
    os, *rest = parts = text.split("/", 3)
    found = _OS.fullmatch(os)
    if not found:
        raise _invalid(
            text,
            f"{os!r} is not an operating system",
            f"{go_quote(os)} is an invalid OS component of {go_quote(text)}: "
            f"OSAndVersion specifier component must match {go_quote(_GO_OS)}: invalid argument",
        )
    for part in rest[:2]:
        if not _COMPONENT.fullmatch(part):
            raise _invalid(
                text,
                f"{part!r} is not an architecture or variant",
                f"{go_quote(part)} is an invalid component of {go_quote(text)}: "
                f"platform specifier component must match {go_quote(_GO_COMPONENT)}: "
                "invalid argument",
            )
    if len(parts) == 4:
        raise _invalid(
            text,
            "it has too many parts",
            f"{go_quote(text)}: cannot parse platform specifier: invalid argument",
        )
    name = _normalize_os(found[1])
    version = _decode(found[2] or "", text)
    features = tuple(f for f in (_decode(f, text) for f in (found[3] or "").split("+")[1:]) if f)
    if len(parts) == 1:
        if name in _KNOWN_OS:
            architecture, variant = host.architecture, host.variant
        else:
            name = host.os
            architecture, variant = _normalize_architecture(os, "")
            if architecture not in _KNOWN_ARCHITECTURES:
                raise _invalid(
                    text,
                    "it is neither an operating system nor an architecture",
                    f"{go_quote(text)}: unknown operating system or architecture: invalid argument",
                )
    elif len(parts) == 2:
        architecture, variant = _normalize_architecture(parts[1], "")
    else:
        architecture, variant = _normalize_architecture(parts[1], parts[2])
        if architecture == "arm64" and not variant:
            variant = "v8"
    if len(parts) < 3 and architecture == "arm" and variant == "v7":
        variant = ""
    return Platform(
        os=name,
        architecture=architecture,
        variant=variant,
        os_version=version,
        os_features=features,
    )


def _invalid(text: str, why: str, phrase: str) -> OptionError:
    return OptionError(
        f"{text!r} is not a platform: {why}",
        hint="A platform reads like linux/amd64, linux/arm64 or linux/arm/v7.",
        phrase=phrase,
    )


def _encode(value: str) -> str:
    for char in "%+()/":
        value = value.replace(char, f"%{ord(char):02X}")
    return value


def _decode(value: str, text: str) -> str:
    if _BAD_ESCAPE.search(value):
        raise _invalid(text, f"{value!r} has an incomplete % escape", "invalid URL escape")
    return unquote(value)


def _normalize_os(os: str) -> str:
    os = os.lower() or sys.platform
    return "darwin" if os == "macos" else os


def _normalize_architecture(architecture: str, variant: str) -> tuple[str, str]:
    architecture, variant = architecture.lower(), variant.lower()
    match architecture:
        case "i386":
            return "386", ""
        case "x86_64" | "x86-64" | "amd64":
            return "amd64", "" if variant == "v1" else variant
        case "aarch64" | "arm64":
            if variant in ("8", "v8", "v8.0"):
                variant = ""
            elif variant in ("9", "9.0", "v9.0"):
                variant = "v9"
            return "arm64", variant
        case "armhf":
            return "arm", "v7"
        case "armel":
            return "arm", "v6"
        case "arm":
            if variant in ("", "7"):
                variant = "v7"
            elif variant in ("5", "6", "8"):
                variant = f"v{variant}"
            return "arm", variant
        case _:
            return architecture, variant


@lru_cache(maxsize=256)
def _vector(wanted: Platform) -> tuple[Platform, ...]:
    """Every platform that serves the normalized ``wanted``, best first."""
    variant = wanted.variant
    match wanted.architecture:
        case "amd64":
            below = range(_version(variant) - 1, 0, -1)
            older = [replace(wanted, variant=f"v{n}") for n in below]
            return (wanted, *older, replace(wanted, architecture="386", variant=""))
        case "arm":
            below = range(_version(variant) - 1, 4, -1)
            return (wanted, *(replace(wanted, variant=f"v{n}") for n in below))
        case "arm64":
            generations = _arm64_generations(variant or "v8")
            if generations is None:
                return ()
            chain = [
                replace(wanted, variant=f"v{major}.{minor}" if minor else f"v{major}")
                for major, top in generations
                for minor in range(top, -1, -1)
            ]
            return (*chain, *_vector(replace(wanted, architecture="arm", variant="v8")))
        case _:
            return (wanted,)


def _version(variant: str) -> int:
    digits = variant.removeprefix("v")
    return int(digits) if re.fullmatch(r"[+-]?[0-9]{1,4}", digits) else 0


def _arm64_generations(variant: str) -> tuple[tuple[int, int], ...] | None:
    """The Armv8/v9 levels below ``variant``: v9.n includes everything of v8.(n+5), at most v8.9."""
    found = re.fullmatch(r"v([89])(?:\.([0-9]))?", variant)
    if not found:
        return None
    minor = int(found[2] or 0)
    if found[1] == "8":
        return ((8, minor),)
    return ((9, minor), (8, min(minor + 5, 9))) if minor <= 7 else None


@lru_cache(maxsize=65536)
def _rank(wanted: Platform, candidate: Platform, strict: bool) -> int | None:
    normalized = wanted.normalized()
    if strict:
        return 0 if _equal(normalized, candidate) else None
    for index, accepted in enumerate(_vector(normalized)):
        if _equal(accepted.normalized(), candidate):
            return index
    return None


def _equal(accepted: Platform, candidate: Platform) -> bool:
    features = set(candidate.os_features)
    if accepted.os == "windows":
        features.discard("win32k")
        if not _windows_serves(accepted.os_version, candidate.os_version):
            return False
    other = candidate.normalized()
    return (
        accepted.os == other.os
        and accepted.architecture == other.architecture
        and accepted.variant == other.variant
        and features <= set(accepted.os_features)
    )


_LTSC2022: Final = 20348
_LTSC2025: Final = 26100


def _windows_serves(host: str, container: str) -> bool:
    """Windows' container version rules: same build before Server 2022, an LTSC floor since."""
    wanted, offered = _windows_version(host), _windows_version(container)
    if wanted == (0, 0, 0) or not container:
        return True
    if wanted[:2] != offered[:2]:
        return False
    if wanted[2] < _LTSC2022:
        return wanted[2] == offered[2]
    floor = _LTSC2025 if wanted[2] > _LTSC2025 else _LTSC2022
    return floor <= offered[2] <= wanted[2]


def _windows_version(text: str) -> tuple[int, int, int]:
    parts = text.split(".")
    if len(parts) < 3 or not all(re.fullmatch(r"[0-9]+", p) for p in parts[:3]):
        return (0, 0, 0)
    major, minor, build = (int(p) for p in parts[:3])
    return (major, minor, build) if major < 256 and minor < 256 and build < 65536 else (0, 0, 0)
