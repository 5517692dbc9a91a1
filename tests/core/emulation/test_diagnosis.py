from pathlib import Path

import pytest

from core.emulation.diagnosis import Explanation, Failure, explain_failure
from core.emulation.machine import Interpreter, Machine, Means
from core.emulation.programs import tiny_program
from core.oci.platform import Platform, parse_platform

AMD64, ARM64 = parse_platform("linux/amd64"), parse_platform("linux/arm64")
S390X = parse_platform("linux/s390x")
QEMU = Interpreter(program=Path("/usr/bin/qemu-aarch64"), means=Means.PRIVATE, version="7.2")
MACHINE = Machine(native=(AMD64,), emulated={ARM64: QEMU}, user_namespace=Path("/proc/1/ns/user"))


def program(platform: Platform) -> bytes:
    found = tiny_program(platform)
    assert found is not None
    return found


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("bin", "usr/local/bin"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "bin/sh").write_bytes(program(ARM64))
    return tmp_path


def explained(
    root: Path, output: str, *, platform: Platform = ARM64, code: int = 126, start: str = ""
) -> Explanation | None:
    failure = Failure(
        root=root, args=("/bin/sh", "-c", "x"), env=("PATH=/usr/local/bin:/bin",), cwd="/",
        platform=platform, code=code, output=output.encode(), start_failure=start,
    )  # fmt: skip
    return explain_failure(failure, MACHINE)


@pytest.mark.parametrize(
    "output",
    [
        "sh: 1: /usr/local/bin/tool: Exec format error",
        "/bin/sh: /usr/local/bin/tool: cannot execute binary file: Exec format error",
        "bash: line 1: /usr/local/bin/tool: cannot execute binary file: Exec format error",
        '/usr/local/bin/tool: line 1: syntax error: unexpected word (expecting ")")',
        "/usr/local/bin/tool: line 1: ELF\x02: not found",
        "tool: 1: Syntax error: word unexpected",
        "/bin/sh: /usr/local/bin/tool: 1: \x7fELF: not found",
    ],
)
def test_a_program_of_another_architecture_is_named_with_both(root: Path, output: str) -> None:
    (root / "usr/local/bin/tool").write_bytes(program(S390X))
    found = explained(root, output, code=2)
    assert found is not None
    assert found.code == "wrong-architecture"
    assert "/usr/local/bin/tool" in found.message
    assert "linux/s390x" in found.message
    assert "linux/arm64" in found.message


def test_a_step_of_a_platform_without_emulator_is_told_how_to_get_one(root: Path) -> None:
    (root / "bin/sh").write_bytes(program(S390X))
    start = "exec /bin/sh: exec format error"
    found = explained(root, "", platform=S390X, start=start, code=1)
    assert found is not None
    assert found.code == "no-emulation"
    assert "viaduct emulation enable linux/s390x" in found.hint


def test_a_native_program_in_a_foreign_image_that_lacks_its_loader_is_found_out(root: Path) -> None:
    (root / "usr/local/bin/tool").write_bytes(program(AMD64))
    found = explained(root, "/bin/sh: tool: not found", code=127)
    assert found is not None
    assert found.code == "wrong-architecture"
    assert "linux/amd64" in found.message


def test_the_loader_of_another_c_library_is_missed(root: Path) -> None:
    (root / "usr/local/bin/tool").write_bytes(program(ARM64))
    found = explained(root, "/bin/sh: /usr/local/bin/tool: No such file or directory", code=127)
    assert found is not None
    assert found.code == "missing-loader"


def test_carriage_returns_in_a_script_are_seen(root: Path) -> None:
    (root / "entry.sh").write_bytes(b"#!/bin/sh\r\necho\r\n")
    found = explained(root, "/bin/sh: /entry.sh: not found", code=127)
    assert found is not None
    assert found.code == "carriage-return"
    assert "CRLF" in found.message


def test_a_script_without_its_interpreter_is_seen(root: Path) -> None:
    (root / "entry.py").write_bytes(b"#!/usr/bin/python3\nprint()\n")
    found = explained(root, "/bin/sh: /entry.py: not found", code=127)
    assert found is not None
    assert found.code == "no-script-interpreter"
    assert "/usr/bin/python3" in found.message


def test_a_file_without_a_first_line_for_the_kernel_is_seen(root: Path) -> None:
    (root / "entry").write_bytes(b"echo hello\n")
    found = explained(root, "sh: 1: /entry: Exec format error")
    assert found is not None
    assert found.code == "no-interpreter-line"


def test_a_mistake_in_a_script_is_the_scripts_own(root: Path) -> None:
    assert explained(root, "sh: line 1: syntax error: unexpected word", code=2) is None
    assert explained(root, "/bin/sh: 1: Syntax error: end of file unexpected", code=2) is None


def test_what_is_really_not_there_is_an_ordinary_failure(root: Path) -> None:
    assert explained(root, "/bin/sh: gcc: not found", code=127) is None
    assert explained(root, "make: *** [all] Error 2", code=2) is None


@pytest.mark.parametrize(
    ("output", "code", "word"),
    [
        ("qemu: uncaught target signal 11 (Segmentation fault) - core dumped", 139, "segmentation"),
        ("qemu: uncaught target signal 4 (Illegal instruction)", 1, "illegal instruction"),
        ("", 132, "illegal instruction"),
        ("", 134, "abort"),
        ("", 139, "segmentation"),
    ],
)
def test_a_crash_under_emulation_names_the_emulator(
    root: Path, output: str, code: int, word: str
) -> None:
    found = explained(root, output, code=code)
    assert found is not None
    assert found.code == "emulator-crash"
    assert word in found.message
    assert "qemu-aarch64 7.2" in found.message


def test_a_native_crash_is_the_programs_own(root: Path) -> None:
    assert explained(root, "", platform=AMD64, code=139) is None


def test_missing_system_calls_are_recognised_under_emulation_alone(root: Path) -> None:
    output = "tar: usr/bin: Cannot open: Function not implemented"
    found = explained(root, output, code=2)
    assert found is not None
    assert found.code == "missing-system-call"
    assert "tar: usr/bin" in found.message
    assert explained(root, output, platform=AMD64, code=2) is None
    found = explained(root, "qemu: Unsupported syscall: 437", code=1)
    assert found is not None
    assert "437" in found.message


def test_a_loader_that_qemu_cannot_open_is_named(root: Path) -> None:
    output = "qemu-aarch64-static: Could not open '/lib/ld-linux-aarch64.so.1': No such file"
    found = explained(root, output, code=255)
    assert found is not None
    assert found.code == "missing-loader"
    assert "/lib/ld-linux-aarch64.so.1" in found.message
