"""Which platform an ELF file is for, from its first bytes (``elf.h``, ``e_machine``)."""

from __future__ import annotations

import struct
from typing import Final

from core.oci.platform import Platform

HEADER_SIZE: Final = 64
"""How many bytes of a file ``platform_of`` wants to see."""

_LITTLE, _BIG = 1, 2
_CLASS32, _CLASS64 = 1, 2
_EF_ARM_ABI_FLOAT_HARD = 0x400

# (e_machine, class, data) -> architecture, variant. Numbers of the System V ABI registry.
_MACHINES: Final[dict[tuple[int, int, int], tuple[str, str]]] = {
    (62, _CLASS64, _LITTLE): ("amd64", ""),
    (3, _CLASS32, _LITTLE): ("386", ""),
    (183, _CLASS64, _LITTLE): ("arm64", ""),
    (40, _CLASS32, _LITTLE): ("arm", ""),
    (21, _CLASS64, _LITTLE): ("ppc64le", ""),
    (21, _CLASS64, _BIG): ("ppc64", ""),
    (22, _CLASS64, _BIG): ("s390x", ""),
    (243, _CLASS64, _LITTLE): ("riscv64", ""),
    (258, _CLASS64, _LITTLE): ("loong64", ""),
    (8, _CLASS64, _LITTLE): ("mips64le", ""),
    (8, _CLASS64, _BIG): ("mips64", ""),
    (8, _CLASS32, _LITTLE): ("mipsle", ""),
    (8, _CLASS32, _BIG): ("mips", ""),
}


def is_elf(header: bytes) -> bool:
    return header[:4] == b"\x7fELF"


def platform_of(header: bytes) -> Platform | None:
    """The platform of an ELF file that starts with ``header``; None if it is none we know.

    The ARM header tells hard float from soft, not v6 from v7: a hard-float program is given
    as arm/v7 and a soft-float one as arm/v5, the variants that Debian builds so.
    """
    if len(header) < 20 or not is_elf(header):
        return None
    bits, order = header[4], header[5]
    if order not in {_LITTLE, _BIG}:
        return None
    endian = "<" if order == _LITTLE else ">"
    (machine,) = struct.unpack_from(endian + "H", header, 18)
    found = _MACHINES.get((machine, bits, order))
    if found is None:
        return None
    architecture, variant = found
    if architecture == "arm":
        variant = "v7"
        if len(header) >= 40:
            (flags,) = struct.unpack_from(endian + "I", header, 36)
            if not flags & _EF_ARM_ABI_FLOAT_HARD:
                variant = "v5"
    return Platform(os="linux", architecture=architecture, variant=variant)
