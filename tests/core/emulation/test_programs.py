import struct

import pytest

from core.emulation.architectures import ARCHITECTURES, architecture_of, head_of
from core.emulation.programs import TESTABLE, counting_program, tiny_program
from core.oci.elf import platform_of
from core.oci.platform import parse_platform


@pytest.mark.parametrize("name", TESTABLE)
def test_a_tiny_program_is_an_elf_file_of_its_architecture(name: str) -> None:
    platform = parse_platform(name)
    program = tiny_program(platform)
    assert program is not None
    found = platform_of(program)
    assert found is not None
    assert found.architecture == platform.architecture


@pytest.mark.parametrize("name", TESTABLE)
def test_segments_suit_pages_of_64_kib(name: str) -> None:
    program = tiny_program(parse_platform(name))
    assert program is not None
    order = "<" if program[5] == 1 else ">"
    if program[4] == 2:
        address = struct.unpack_from(order + "Q", program, 64 + 16)[0]
        alignment = struct.unpack_from(order + "Q", program, 64 + 48)[0]
    else:
        address = struct.unpack_from(order + "I", program, 52 + 8)[0]
        alignment = struct.unpack_from(order + "I", program, 52 + 28)[0]
    assert alignment == 1 << 16
    assert address % alignment == 0


def test_the_counting_program_is_the_tiny_one_with_a_loop_before_its_exit() -> None:
    for name in TESTABLE:
        tiny, counting = tiny_program(parse_platform(name)), counting_program(parse_platform(name))
        assert tiny is not None
        assert counting is not None
        assert len(counting) > len(tiny)
        assert counting.endswith(tiny[-6:])


def test_there_is_no_program_for_an_unknown_platform() -> None:
    assert tiny_program(parse_platform("linux/sparc64")) is None


def test_each_architecture_handles_its_own_programs_and_no_others() -> None:
    for one in ARCHITECTURES:
        handler = one.handler("/usr/bin/qemu")
        for other in ARCHITECTURES:
            for platform in other.platforms:
                assert handler.matches(head_of(platform)) == (one is other)


def test_variants_of_arm_share_an_emulator() -> None:
    for name in ("linux/arm", "linux/arm/v5", "linux/arm/v6", "linux/arm/v7"):
        found = architecture_of(parse_platform(name))
        assert found is not None
        assert found.qemu == "arm"
    assert architecture_of(parse_platform("linux/sparc64")) is None
