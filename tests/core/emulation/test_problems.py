from dataclasses import replace
from pathlib import Path

import pytest

from core.emulation.architectures import architecture_of, head_of
from core.emulation.handlers import Handler, HandlerRegistry, RegistryState
from core.emulation.problems import (
    Surroundings,
    Weight,
    architecture_problems,
    interpreter_problems,
    platforms_of,
    registry_problems,
)
from core.emulation.programs import tiny_program
from core.oci.platform import parse_platform

AMD64, ARM64 = parse_platform("linux/amd64"), parse_platform("linux/arm64")
AROUND = Surroundings(native=(AMD64,))
FOUND = architecture_of(ARM64)
assert FOUND is not None
ARCHITECTURE = FOUND


@pytest.fixture
def qemu(tmp_path: Path) -> Path:
    """Something that is a static program of this machine, and tells no version."""
    path = tmp_path / "qemu-aarch64-static"
    path.write_bytes(tiny_program(AMD64) or b"")
    path.chmod(0o755)
    return path


def registry(*handlers: Handler, state: RegistryState = RegistryState.ON) -> HandlerRegistry:
    return HandlerRegistry(state=state, handlers=handlers)


def codes(*handlers: Handler) -> list[str]:
    return [p.code for p in architecture_problems(ARCHITECTURE, registry(*handlers), AROUND)]


def test_a_whole_handler_has_no_problem(qemu: Path) -> None:
    assert codes(ARCHITECTURE.handler(str(qemu))) == []


def test_a_missing_f_flag_is_found(qemu: Path) -> None:
    handler = replace(ARCHITECTURE.handler(str(qemu)), flags="OC")
    (problem,) = architecture_problems(ARCHITECTURE, registry(handler), AROUND)
    assert problem.code == "no-fix-binary"
    assert problem.weight is Weight.BROKEN
    assert "viaduct emulation enable --system linux/arm64" in problem.remedy


def test_a_missing_c_flag_is_a_note(qemu: Path) -> None:
    assert codes(replace(ARCHITECTURE.handler(str(qemu)), flags="OPF")) == ["no-credentials"]


def test_a_dead_interpreter_is_found_and_f_keeps_it_alive_until_the_next_start() -> None:
    handler = ARCHITECTURE.handler("/nowhere/qemu")
    (problem,) = architecture_problems(ARCHITECTURE, registry(handler), AROUND)
    assert (problem.code, problem.weight) == ("dead-interpreter", Weight.NOTE)
    (problem,) = architecture_problems(ARCHITECTURE, registry(replace(handler, flags="")), AROUND)
    assert (problem.code, problem.weight) == ("dead-interpreter", Weight.BROKEN)


def test_two_handlers_that_clash_are_named(qemu: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(qemu.read_bytes())
    one = ARCHITECTURE.handler(str(qemu))
    two = replace(ARCHITECTURE.handler(str(other)), name="qemu-aarch64")
    problems = architecture_problems(ARCHITECTURE, registry(one, two), AROUND)
    assert [p.code for p in problems] == ["clash"]
    assert "qemu-aarch64" in problems[0].message
    link = tmp_path / "link"
    link.symlink_to(qemu)
    assert codes(one, replace(one, name="again", interpreter=str(link))) == []
    assert codes(one, replace(two, enabled=False)) == ["handler-off"]


def test_an_interpreter_for_another_machine_is_found(tmp_path: Path) -> None:
    path = tmp_path / "qemu"
    path.write_bytes(tiny_program(parse_platform("linux/s390x")) or b"")
    (problem,) = architecture_problems(
        ARCHITECTURE, registry(ARCHITECTURE.handler(str(path))), AROUND
    )
    assert problem.code == "wrong-machine"
    assert "linux/s390x" in problem.message


@pytest.mark.parametrize(
    ("version", "page", "expected"),
    [
        ("", 4096, []),
        ("5.2.0", 4096, ["old-qemu"]),
        ("7.2.22", 4096, ["no-openat2"]),
        ("9.2.0", 4096, []),
        ("8.2.1", 65536, ["no-openat2", "page-size"]),
        ("10.0.2", 65536, []),
        ("odd.version", 4096, []),
    ],
)
def test_versions_have_known_limits(version: str, page: int, expected: list[str]) -> None:
    around = replace(AROUND, page_size=page)
    found = interpreter_problems(Path("/usr/bin/qemu-aarch64"), version, (ARM64,), around)
    assert [problem.code for problem in found] == expected


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (RegistryState.ABSENT, "no-binfmt"),
        (RegistryState.NOT_MOUNTED, "not-mounted"),
        (RegistryState.OFF, "switched-off"),
    ],
)
def test_states_of_the_registry_are_told(state: RegistryState, code: str) -> None:
    assert [p.code for p in registry_problems(registry(state=state), AROUND)] == [code]


def test_read_only_odd_and_greedy_registries_are_told() -> None:
    greedy = Handler(name="all-elf", interpreter="/x", magic=b"\x7fELF", mask=b"\xff" * 4)
    found = registry_problems(
        HandlerRegistry(state=RegistryState.ON, handlers=(greedy,), odd=("a\nb",)),
        replace(AROUND, read_only=True),
    )
    assert [p.code for p in found] == ["read-only", "odd-handler", "catches-native"]
    assert r"'a\nb'" in found[1].message


def test_a_handler_names_the_platforms_it_takes() -> None:
    arm = architecture_of(parse_platform("linux/arm/v7"))
    assert arm is not None
    assert {str(p) for p in platforms_of(arm.handler("/q"))} == {
        "linux/arm/v5", "linux/arm/v6", "linux/arm/v7",
    }  # fmt: skip
    assert platforms_of(Handler(name="x", interpreter="/y", extension="py")) == ()
    assert head_of(AMD64)[:4] == b"\x7fELF"
