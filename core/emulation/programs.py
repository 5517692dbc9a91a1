"""The smallest program of every architecture: an ELF file whose few instructions call exit(0).

Executing one is the only honest answer to "do programs of this architecture run here": a handler
may be registered whose interpreter is gone, a 64-bit machine may lack 32-bit support. The bytes
are made here from each instruction set's manual; no compiler, no download.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from core.oci.platform import Platform

_ADDRESS = 0x400000
# Pages of 64 KiB exist on arm64 and ppc64le: segments must be aligned to them.
_ALIGNMENT = 0x10000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Program:
    machine: int
    code: bytes
    bits: int = 64
    big_endian: bool = False
    flags: int = 0


def _words(*words: int) -> bytes:
    return struct.pack(f"<{len(words)}I", *words)


_ARM_EXIT = (
    0xE3A00000,  # mov r0, #0
    0xE3A07001,  # mov r7, #1 (exit)
    0xEF000000,  # svc #0
)
_PROGRAMS = {
    "linux/amd64": _Program(
        machine=62,
        code=bytes.fromhex("b83c00000031ff0f05"),  # mov eax, 60; xor edi, edi; syscall
    ),
    "linux/386": _Program(
        machine=3,
        bits=32,
        code=bytes.fromhex("b80100000031dbcd80"),  # mov eax, 1; xor ebx, ebx; int 0x80
    ),
    "linux/arm64": _Program(
        machine=183,
        code=_words(0xD2800BA8, 0xD2800000, 0xD4000001),  # mov x8, #93; mov x0, #0; svc #0
    ),
    "linux/arm/v5": _Program(machine=40, bits=32, flags=0x05000000, code=_words(*_ARM_EXIT)),
    # rev is new in ARMv6, movw in ARMv7.
    "linux/arm/v6": _Program(
        machine=40, bits=32, flags=0x05000000, code=_words(0xE6BF0F30, *_ARM_EXIT)
    ),
    "linux/arm/v7": _Program(
        machine=40, bits=32, flags=0x05000000, code=_words(0xE3000000, *_ARM_EXIT)
    ),
    "linux/ppc64le": _Program(
        machine=21,
        flags=2,  # ELFv2
        code=_words(0x38000001, 0x38600000, 0x44000002),  # li r0, 1; li r3, 0; sc
    ),
    "linux/s390x": _Program(
        machine=22,
        big_endian=True,
        code=bytes.fromhex("a72900000a01"),  # lghi %r2, 0; svc 1
    ),
    "linux/riscv64": _Program(
        machine=243,
        flags=5,  # compressed instructions, double floats
        code=_words(0x05D00893, 0x00000513, 0x00000073),  # li a7, 93; li a0, 0; ecall
    ),
    "linux/mips64le": _Program(
        machine=8,
        flags=0x80000007,  # MIPS64r2
        code=_words(0x240213C2, 0x24040000, 0x0000000C),  # li v0, 5058; li a0, 0; syscall
    ),
    "linux/loong64": _Program(
        machine=258,
        flags=0x43,  # double floats, object ABI 1
        code=_words(0x0381740B, 0x03800004, 0x002B0000),  # ori a7, 93; ori a0, 0; syscall 0
    ),
}

TESTABLE: tuple[str, ...] = tuple(_PROGRAMS)


def tiny_program(platform: Platform) -> bytes | None:
    """A static executable for ``platform`` that exits with status 0; None if we know none."""
    program = _PROGRAMS.get(str(platform))
    return None if program is None else _elf(program)


def _elf(program: _Program) -> bytes:
    wide = program.bits == 64
    order = ">" if program.big_endian else "<"
    header_size, segment_size = (64, 56) if wide else (52, 32)
    start = header_size + segment_size
    size = start + len(program.code)
    identity = b"\x7fELF" + bytes([2 if wide else 1, 2 if program.big_endian else 1, 1]) + bytes(9)
    header = struct.pack(
        order + ("HHIQQQIHHHHHH" if wide else "HHIIIIIHHHHHH"),
        2,  # ET_EXEC
        program.machine,
        1,
        _ADDRESS + start,
        header_size,
        0,
        program.flags,
        header_size,
        segment_size,
        1,
        0,
        0,
        0,
    )
    if wide:
        segment = struct.pack(
            order + "IIQQQQQQ", 1, 5, 0, _ADDRESS, _ADDRESS, size, size, _ALIGNMENT
        )
    else:
        segment = struct.pack(
            order + "IIIIIIII", 1, 0, _ADDRESS, _ADDRESS, size, size, 5, _ALIGNMENT
        )
    return identity + header + segment + program.code
