from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.emulation.handlers import (
    Handler,
    RegistryState,
    parse_handler,
    parse_line,
    read_registry,
    shown_name,
)

DEBIAN = """enabled
interpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P
flags: OCPF
offset 0
magic 7f454c460201010000000000000000000200b700
mask ffffffffffffff00fffffffffffffffffeffffff
"""


def test_a_handler_of_the_kernel_is_read() -> None:
    handler = parse_handler("qemu-aarch64", DEBIAN)
    assert handler is not None
    assert handler.enabled
    assert handler.flags == "OCPF"
    assert handler.interpreter == "/usr/libexec/qemu-binfmt/aarch64-binfmt-P"
    assert handler.magic[:4] == b"\x7fELF"
    assert handler.matches(bytes.fromhex("7f454c460201010000000000000000000300b700"))
    assert not handler.matches(bytes.fromhex("7f454c460201010000000000000000000200 3e00"))


def test_a_handler_for_an_extension_is_read() -> None:
    handler = parse_handler("python", "disabled\ninterpreter /usr/bin/p\nflags: \nextension .pyc\n")
    assert handler is not None
    assert not handler.enabled
    assert handler.extension == "pyc"
    assert not handler.matches(b"anything")


@pytest.mark.parametrize(
    "text",
    ["", "enabled\n", "interpreter /x\n", "enabled\ninterpreter /x\nmagic zz\n",
     "enabled\ninterpreter /x\noffset many\n"],
)  # fmt: skip
def test_what_is_no_handler_is_none(text: str) -> None:
    assert parse_handler("odd", text) is None


def test_a_line_of_binfmt_d_is_read_and_written_back() -> None:
    line = r":q:M::\x7f\x45\x4c\x46\x02:\xff\xff\xff\xff\xff:/usr/bin/q:POCF"
    handler = parse_line(line)
    assert handler is not None
    assert handler.magic == b"\x7fELF\x02"
    assert handler.line() == line.replace(r"\x45\x4c\x46", r"\x45\x4c\x46")


@pytest.mark.parametrize(
    "line", ["# :q:M::a::/b:", "", ":q:M::a:/b:", ":q:X::a::/b:", ":q:M:n:a::/b:"]
)
def test_comments_and_nonsense_in_binfmt_d_are_skipped(line: str) -> None:
    assert parse_line(line) is None


@given(
    name=st.text(st.characters(codec="ascii", exclude_characters="/\n\\"), min_size=1, max_size=20),
    interpreter=st.text(st.characters(codec="ascii", categories=["L", "P"]), min_size=1),
    magic=st.binary(min_size=1, max_size=40),
    offset=st.integers(0, 100),
)
def test_what_is_written_is_read_back(
    name: str, interpreter: str, magic: bytes, offset: int
) -> None:
    used = name + interpreter
    if all(one in used for one in ":|,!%~") or name.strip() != name:
        return
    handler = Handler(
        name=name, interpreter=f"/{interpreter}", flags="F", magic=magic, mask=magic, offset=offset
    )
    line = handler.line()
    if line[0] in "#;":
        return
    assert parse_line(line) == handler


def test_a_registry_tells_its_state_and_its_odd_entries(tmp_path: Path) -> None:
    assert read_registry(tmp_path / "none").state is RegistryState.ABSENT
    assert read_registry(tmp_path).state is RegistryState.NOT_MOUNTED
    (tmp_path / "status").write_text("enabled\n")
    (tmp_path / "register").write_text("")
    (tmp_path / "qemu-aarch64").write_text(DEBIAN)
    (tmp_path / "odd\nname").write_bytes(b"\xff\xfe")
    registry = read_registry(tmp_path)
    assert registry.state is RegistryState.ON
    assert [handler.name for handler in registry.handlers] == ["qemu-aarch64"]
    assert registry.odd == ("odd\nname",)
    assert shown_name(registry.odd[0]) == r"'odd\nname'"
    (tmp_path / "status").write_text("disabled\n")
    assert read_registry(tmp_path).state is RegistryState.OFF
    assert read_registry(tmp_path).matching(b"\x7fELF") == ()
