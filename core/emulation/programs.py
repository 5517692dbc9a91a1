"""The smallest program of every architecture: an ELF file whose few instructions call exit(2).

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
    loop: bytes
    bits: int = 64
    big_endian: bool = False
    flags: int = 0


def _words(*words: int) -> bytes:
    return struct.pack(f"<{len(words)}I", *words)


EXIT_STATUS = 42
"""What the programs end with: 0 could come from an interpreter that does nothing at all."""

ROUNDS = 1 << 24
"""How often the loop of a counting program goes round."""

# Each program is a loop that counts down from ROUNDS (for calibration alone) and an exit.
_ARM_LOOP = (
    0xE3A04401,  # mov r4, #1 << 24
    0xE2544001,  # subs r4, r4, #1
    0x1AFFFFFD,  # bne to subs
)
_ARM_EXIT = (
    0xE3A0002A,  # mov r0, #42
    0xE3A07001,  # mov r7, #1 (exit)
    0xEF000000,  # svc #0
)


def _arm(*extra: int) -> _Program:
    return _Program(
        machine=40,
        bits=32,
        flags=0x05000000,
        code=_words(*extra, *_ARM_EXIT),
        loop=_words(*_ARM_LOOP),
    )


_PROGRAMS = {
    "linux/amd64": _Program(
        machine=62,
        # mov eax, 60; mov edi, 42; syscall
        code=bytes.fromhex("b83c000000bf2a0000000f05"),
        # mov ecx, ROUNDS; dec ecx; jnz to dec
        loop=bytes.fromhex("b900000001ffc975fc"),
    ),
    "linux/386": _Program(
        machine=3,
        bits=32,
        # mov eax, 1; mov ebx, 42; int 0x80
        code=bytes.fromhex("b801000000bb2a000000cd80"),
        loop=bytes.fromhex("b9000000014975fd"),
    ),
    "linux/arm64": _Program(
        machine=183,
        code=_words(0xD2800BA8, 0xD2800540, 0xD4000001),  # mov x8, #93; mov x0, #42; svc #0
        # mov w9, #0; movk w9, #256, lsl #16; subs w9, w9, #1; b.ne to subs
        loop=_words(0x52800009, 0x72A02009, 0x71000529, 0x54FFFFE1),
    ),
    "linux/arm/v5": _arm(),
    # rev is new in ARMv6, movw in ARMv7.
    "linux/arm/v6": _arm(0xE6BF0F30),
    "linux/arm/v7": _arm(0xE3000000),
    "linux/ppc64le": _Program(
        machine=21,
        flags=2,  # ELFv2
        code=_words(0x38000001, 0x3860002A, 0x44000002),  # li r0, 1; li r3, 42; sc
        loop=_words(0x3C800100, 0x7C8903A6, 0x42000000),  # lis r4, 256; mtctr r4; bdnz here
    ),
    "linux/s390x": _Program(
        machine=22,
        big_endian=True,
        code=bytes.fromhex("a729002a0a01"),  # lghi %r2, 42; svc 1
        loop=bytes.fromhex("c01101000000a7160000"),  # lgfi %r1, ROUNDS; brct %r1, here
    ),
    "linux/riscv64": _Program(
        machine=243,
        flags=5,  # compressed instructions, double floats
        code=_words(0x05D00893, 0x02A00513, 0x00000073),  # li a7, 93; li a0, 42; ecall
        loop=_words(0x010002B7, 0xFFF28293, 0xFE029EE3),  # lui t0, 4096; addi t0, -1; bnez t0
    ),
    "linux/mips64le": _Program(
        machine=8,
        flags=0x80000007,  # MIPS64r2
        code=_words(0x240213C2, 0x2404002A, 0x0000000C),  # li v0, 5058; li a0, 42; syscall
        loop=_words(0x3C080100, 0x2508FFFF, 0x1500FFFE, 0),  # lui t0; addiu t0, -1; bnez t0; nop
    ),
    "linux/loong64": _Program(
        machine=258,
        flags=0x43,  # double floats, object ABI 1
        code=_words(0x0381740B, 0x0380A804, 0x002B0000),  # ori a7, 93; ori a0, 42; syscall 0
        loop=_words(0x1402000C, 0x02BFFD8C, 0x47FFFD9F),  # lu12i.w t0; addi.w t0, -1; bnez t0
    ),
}

TESTABLE: tuple[str, ...] = tuple(_PROGRAMS)


def tiny_program(platform: Platform) -> bytes | None:
    """A static executable for ``platform`` that exits with EXIT_STATUS; None if we know none."""
    program = _PROGRAMS.get(str(platform))
    return None if program is None else _elf(program, program.code)


def counting_program(platform: Platform) -> bytes | None:
    """The same, with a loop of ROUNDS before the exit."""
    program = _PROGRAMS.get(str(platform))
    return None if program is None else _elf(program, program.loop + program.code)


def _elf(program: _Program, code: bytes) -> bytes:
    wide = program.bits == 64
    order = ">" if program.big_endian else "<"
    header_size, segment_size = (64, 56) if wide else (52, 32)
    start = header_size + segment_size
    size = start + len(code)
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
    return identity + header + segment + code
