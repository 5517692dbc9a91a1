"""Tar headers: POSIX.1-2001 (ustar and pax), and GNU's extensions for reading.

Numbers that a ustar field cannot hold, long names and extended attributes travel in a pax header
before the entry; attributes as ``SCHILY.xattr.NAME``, as every image tool does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.errors import StorageError

BLOCK = 512
REGULAR, HARD_LINK, SYMLINK, CHARACTER, BLOCK_DEVICE, DIRECTORY, FIFO = b"0123456"
PAX, PAX_GLOBAL, GNU_LONG_NAME, GNU_LONG_LINK, GNU_SPARSE = b"xgLKS"
XATTR_PREFIX = b"SCHILY.xattr."

_MAX_OCTAL_7 = 0o7777777
_MAX_OCTAL_11 = 0o77777777777
_EMPTY_DEVICE = b"0000000\x000000000\x00"


@dataclass(slots=True)
class Entry:
    """One tar entry. ``name`` and ``link`` are bytes as stored, ``mtime`` is in nanoseconds."""

    name: bytes
    kind: int
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    size: int = 0
    mtime: int = 0
    link: bytes = b""
    major: int = 0
    minor: int = 0
    xattrs: Mapping[bytes, bytes] = field(default_factory=dict)


def encode_header(entry: Entry) -> bytes | bytearray:
    """The header block of ``entry``, with a pax header before it where that is needed.

    The mtime is cut to seconds, a time before 1970 to 0: layers carry seconds.
    """
    name, prefix, link = entry.name, b"", entry.link
    records: list[tuple[bytes, bytes]] = []
    if len(name) > 100:
        prefix, name = _split(name)
        if not prefix:
            records.append((b"path", entry.name))
            # For readers that know no pax: a name that ends in a slash would be a directory's.
            name = entry.name[:100]
            if entry.kind != DIRECTORY:
                name = name.rstrip(b"/")
    if len(link) > 100:
        records.append((b"linkpath", link))
        link = link[:100]
    uid, gid, size = entry.uid, entry.gid, entry.size
    if uid > _MAX_OCTAL_7:
        records.append((b"uid", b"%d" % uid))
        uid = 0
    if gid > _MAX_OCTAL_7:
        records.append((b"gid", b"%d" % gid))
        gid = 0
    if size > _MAX_OCTAL_11:
        records.append((b"size", b"%d" % size))
        size = 0
    seconds = max(entry.mtime // 1_000_000_000, 0)
    if seconds > _MAX_OCTAL_11:
        records.append((b"mtime", b"%d" % seconds))
        seconds = 0
    if entry.xattrs:
        records += [(XATTR_PREFIX + key, value) for key, value in entry.xattrs.items()]
    device = _EMPTY_DEVICE
    if entry.major or entry.minor:
        device = b"%07o\0%07o\0" % (entry.major, entry.minor)
    block = _block(
        name, entry.mode, uid, gid, size, seconds, entry.kind, link, device, prefix
    )  # fmt: skip
    if not records:
        return block
    body = b"".join(_record(key, value) for key, value in sorted(records))
    short = b"PaxHeaders.0/" + entry.name.rstrip(b"/").rpartition(b"/")[2][:80]
    head = _block(short, 0o644, 0, 0, len(body), 0, PAX, b"", _EMPTY_DEVICE, b"")
    return head + body + bytes(-len(body) % BLOCK) + block


def _block(
    name: bytes,
    mode: int,
    uid: int,
    gid: int,
    size: int,
    seconds: int,
    kind: int,
    link: bytes,
    device: bytes,
    prefix: bytes,
) -> bytearray:
    block = bytearray(BLOCK)
    block[0 : len(name)] = name
    block[100:157] = b"%07o\0%07o\0%07o\0%011o\0%011o\0        %c" % (
        mode & 0o7777, uid, gid, size, seconds, kind,
    )  # fmt: skip
    if link:
        block[157 : 157 + len(link)] = link
    block[257:265] = b"ustar\x0000"
    block[329:345] = device
    if prefix:
        block[345 : 345 + len(prefix)] = prefix
    block[148:156] = b"%06o\0 " % sum(block)
    return block


def _split(name: bytes) -> tuple[bytes, bytes]:
    """``name`` as ustar's prefix (155 bytes) and name (100 bytes); no prefix when it cannot be."""
    cut = name.rfind(b"/", 0, 156)
    while cut > 0:
        if cut <= 155 and 0 < len(name) - cut - 1 <= 100:
            return name[:cut], name[cut + 1 :]
        if len(name) - cut - 1 > 100:
            break
        cut = name.rfind(b"/", 0, cut)
    return b"", name


def _record(key: bytes, value: bytes) -> bytes:
    """``LENGTH KEY=VALUE\\n``, where the length counts itself."""
    rest = len(key) + len(value) + 3
    length = rest + len(str(rest))
    if rest + len(str(length)) != length:
        length = rest + len(str(length))
    return b"%d %s=%s\n" % (length, key, value)


def decode_block(block: bytes, offset: int) -> Entry:
    """The entry of one header block at ``offset`` of the tar (for the error only).

    Raises StorageError for a wrong checksum or a field that is no number.
    """
    stored = _number(block[148:156], offset)
    if stored != sum(block) - sum(block[148:156]) + 8 * 32:
        raise damaged("the checksum of a header is wrong", offset)
    magic = block[257:263]
    name = _text(block[0:100])
    if magic == b"ustar\0" and block[345]:
        name = _text(block[345:500]) + b"/" + name
    kind = block[156] or REGULAR
    # A contiguous file.
    if kind == ord("7"):
        kind = REGULAR
    device = magic.startswith(b"ustar") and kind in (CHARACTER, BLOCK_DEVICE)
    return Entry(
        name=name,
        kind=kind,
        mode=_number(block[100:108], offset) & 0o7777,
        uid=_number(block[108:116], offset),
        gid=_number(block[116:124], offset),
        size=_number(block[124:136], offset),
        mtime=_number(block[136:148], offset) * 1_000_000_000,
        link=_text(block[157:257]),
        major=_number(block[329:337], offset) if device else 0,
        minor=_number(block[337:345], offset) if device else 0,
    )


def decode_pax(body: bytes, offset: int) -> dict[bytes, bytes]:
    """The records of a pax header."""
    records: dict[bytes, bytes] = {}
    position = 0
    while position < len(body):
        blank = body.find(b" ", position, position + 20)
        if blank < 0:
            if not body[position:].strip(b"\0"):
                break
            raise damaged("a pax record has no length", offset)
        digits = body[position:blank]
        end = position + int(digits) if digits.isdigit() else 0
        key, equals, value = body[blank + 1 : max(end - 1, 0)].partition(b"=")
        if not (blank < end <= len(body)) or not equals or body[end - 1] != 0x0A:
            raise damaged("a pax record is cut", offset)
        records[key] = value
        position = end
    return records


def apply_pax(entry: Entry, records: Mapping[bytes, bytes], offset: int) -> None:
    """Let ``records`` override what the header block of ``entry`` says."""
    xattrs: dict[bytes, bytes] = {}
    for key, value in records.items():
        if key == b"path":
            entry.name = value
        elif key == b"linkpath":
            entry.link = value
        elif key in (b"size", b"uid", b"gid"):
            if not value.isdigit():
                raise damaged(f"pax {key.decode()} is no number", offset)
            setattr(entry, key.decode(), int(value))
        elif key == b"mtime":
            entry.mtime = _decimal_seconds(value, offset)
        elif key.startswith(XATTR_PREFIX):
            xattrs[key.removeprefix(XATTR_PREFIX)] = value
        elif key.startswith(b"GNU.sparse."):
            raise damaged("sparse files are not supported", offset)
    entry.xattrs = xattrs


def damaged(what: str, offset: int) -> StorageError:
    return StorageError(f"The tar is damaged or not supported: {what} (byte {offset}).")


def _decimal_seconds(value: bytes, offset: int) -> int:
    whole, _, fraction = value.partition(b".")
    try:
        nanoseconds = int(fraction[:9].ljust(9, b"0") or b"0")
        seconds = int(whole or b"0")
    except ValueError as error:
        raise damaged("pax mtime is no number", offset) from error
    if whole.startswith(b"-"):
        nanoseconds = -nanoseconds
    return seconds * 1_000_000_000 + nanoseconds


def _text(field_: bytes) -> bytes:
    return field_.partition(b"\0")[0]


def _number(field_: bytes, offset: int) -> int:
    """Octal, or GNU's base 256 when the first bit is set."""
    if field_[0] & 0x80:
        value = int.from_bytes(field_, "big")
        bits = len(field_) * 8
        if field_[0] & 0x40:
            return value - (1 << bits)
        return value & ((1 << (bits - 1)) - 1)
    digits = field_.strip(b" \0").partition(b"\0")[0]
    try:
        return int(digits or b"0", 8)
    except ValueError as error:
        raise damaged("a header field is no number", offset) from error
