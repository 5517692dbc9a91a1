"""Headers, and reading what tar programs write."""

from __future__ import annotations

import io
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import StorageError
from core.snapshot.tar_header import DIRECTORY, REGULAR, SYMLINK, Entry, encode_header
from core.snapshot.tar_reader import TarReader

names = st.lists(
    st.binary(min_size=1, max_size=120).filter(
        lambda b: not set(b) & {0, ord("/")} and b not in (b".", b"..")
    ),
    min_size=1,
    max_size=6,
).map(b"/".join)


def entries_of(data: bytes) -> list[tuple[Entry, bytes]]:
    reader = TarReader(io.BytesIO(data))
    return [(entry, b"".join(reader.data())) for entry in reader.entries()]


@settings(max_examples=150, deadline=None)
@given(
    name=names,
    mode=st.integers(0, 0o7777),
    uid=st.integers(0, 2**32 - 2),
    gid=st.integers(0, 2**32 - 2),
    seconds=st.integers(0, 2**40),
    content=st.binary(max_size=2000),
    xattrs=st.dictionaries(
        st.sampled_from([b"security.capability", b"user.a", b"user.b=c"[:6]]),
        st.binary(max_size=200),
        max_size=2,
    ),
)
def test_what_is_written_is_read_again(
    name: bytes,
    mode: int,
    uid: int,
    gid: int,
    seconds: int,
    content: bytes,
    xattrs: dict[bytes, bytes],
) -> None:
    entry = Entry(
        name=name,
        kind=REGULAR,
        mode=mode,
        uid=uid,
        gid=gid,
        size=len(content),
        mtime=seconds * 10**9,
        xattrs=xattrs,
    )
    data = bytes(encode_header(entry)) + content + bytes(-len(content) % 512) + bytes(1024)

    assert entries_of(data) == [(entry, content)]


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_other_programs_formats_are_read(form: int) -> None:
    out = io.BytesIO()
    long = "d" * 90 + "/" + "f" * (90 if form == tarfile.USTAR_FORMAT else 200)
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        info = tarfile.TarInfo(long)
        info.size, info.mtime, info.uid = 5, 1000, 70000
        tar.addfile(info, io.BytesIO(b"hello"))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "t" * 90
        tar.addfile(link)
        folder = tarfile.TarInfo("folder")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)

    found = entries_of(out.getvalue())

    assert [(e.name.rstrip(b"/"), e.kind) for e, _ in found] == [
        (long.encode(), REGULAR),
        (b"link", SYMLINK),
        (b"folder", DIRECTORY),
    ]
    assert found[0][1] == b"hello"
    assert found[0][0].uid == 70000
    assert found[1][0].link == b"t" * 90


def test_python_reads_what_we_write() -> None:
    entry = Entry(
        name=b"d/" + b"x" * 300,
        kind=REGULAR,
        uid=5_000_000,
        size=3,
        mtime=1_500_000_000 * 10**9,
        xattrs={b"user.k": b"\xff\n="},
    )
    data = bytes(encode_header(entry)) + b"abc" + bytes(509 + 1024)

    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        member = tar.getmembers()[0]
        file = tar.extractfile(member)

        assert member.name == "d/" + "x" * 300
        assert (member.uid, member.mtime) == (5_000_000, 1_500_000_000)
        assert file is not None
        assert file.read() == b"abc"


@pytest.mark.parametrize("cut", [100, 511, 600, 1535])
def test_a_tar_that_is_cut_is_damaged(cut: int) -> None:
    entry = Entry(name=b"a", kind=REGULAR, size=1024)
    data = bytes(encode_header(entry)) + bytes(1024)

    with pytest.raises(StorageError, match="damaged"):
        entries_of(data[:cut])


def test_a_changed_header_is_damaged() -> None:
    data = bytearray(encode_header(Entry(name=b"a", kind=REGULAR)))
    data[3] ^= 1

    with pytest.raises(StorageError, match="checksum"):
        entries_of(bytes(data))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=3000))
def test_no_bytes_make_the_reader_fail_otherwise(data: bytes) -> None:
    valid = bytes(encode_header(Entry(name=b"a", kind=REGULAR, size=len(data))))
    for start in (b"", valid[:512], bytes(encode_header(Entry(name=b"p" * 400, kind=REGULAR)))):
        try:
            entries_of(start + data)
        except StorageError:
            pass


def test_a_long_name_that_is_cut_at_a_slash_is_still_a_file() -> None:
    entry = Entry(name=b"d/" * 600 + b"f", kind=REGULAR, size=1)
    data = bytes(encode_header(entry)) + b"x" + bytes(511 + 1024)

    assert entries_of(data) == [(entry, b"x")]
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert tar.getmembers()[0].isreg()
