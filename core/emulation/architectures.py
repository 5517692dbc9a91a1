"""The architectures that QEMU's user emulators execute, and how their programs are recognised."""

from __future__ import annotations

from dataclasses import dataclass

from core.emulation.handlers import Handler
from core.emulation.programs import tiny_program
from core.oci.platform import Platform, parse_platform

# A program may keep its own idea of credentials (C), argv[0] (P) and is handed over open (O);
# the interpreter is opened once, now (F), so that no container needs to have it.
FLAGS = "POCF"

# e_ident up to the version, then padding; e_type is 2 (executable) or 3 (shared object); the
# operating system's byte says little.
_MASK = bytes([0xFF] * 7 + [0x00] + [0xFF] * 8 + [0xFE, 0xFF, 0xFF, 0xFF])
_MASK_BIG_ENDIAN = bytes([0xFF] * 7 + [0x00] + [0xFF] * 8 + [0xFF, 0xFE, 0xFF, 0xFF])


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """``qemu`` as in ``qemu-aarch64``; one emulator may execute several variants."""

    qemu: str
    platforms: tuple[Platform, ...]

    def handler(self, interpreter: str) -> Handler:
        """A handler that gives this architecture's programs to ``interpreter``."""
        head = head_of(self.platforms[0])
        big = head[5] == 2
        return Handler(
            name=f"viaduct-{self.qemu}",
            interpreter=interpreter,
            flags=FLAGS,
            magic=head[:7] + b"\0" + head[8:20],
            mask=_MASK_BIG_ENDIAN if big else _MASK,
        )


def _architecture(qemu: str, *platforms: str) -> Architecture:
    return Architecture(qemu=qemu, platforms=tuple(parse_platform(text) for text in platforms))


ARCHITECTURES: tuple[Architecture, ...] = (
    _architecture("x86_64", "linux/amd64"),
    _architecture("aarch64", "linux/arm64"),
    _architecture("arm", "linux/arm/v7", "linux/arm/v6", "linux/arm/v5"),
    _architecture("i386", "linux/386"),
    _architecture("ppc64le", "linux/ppc64le"),
    _architecture("s390x", "linux/s390x"),
    _architecture("riscv64", "linux/riscv64"),
    _architecture("mips64el", "linux/mips64le"),
    _architecture("loongarch64", "linux/loong64"),
)


def architecture_of(platform: Platform) -> Architecture | None:
    """The entry whose emulator executes ``platform``."""
    normal = platform.normalized()
    for architecture in ARCHITECTURES:
        for known in architecture.platforms:
            same_variant = known.architecture != "arm" or known.variant == normal.variant
            if known.architecture == normal.architecture and same_variant:
                return architecture
    return None


def head_of(platform: Platform) -> bytes:
    """The first bytes of a program of ``platform``, one of the table's."""
    program = tiny_program(platform)
    assert program is not None
    return program[:64]
