"""ADD: archives, by content and not by name."""

# ruff: noqa: E501

from __future__ import annotations

import gzip
import tarfile

from tests.integration.differential.case import Case
from tests.integration.differential.contexts import Archive, File, Link, Member

MEMBERS = (
    Member("top", "t", uid=11, gid=12, mode=0o640),
    Member("dir", kind=tarfile.DIRTYPE, mode=0o750, uid=3, gid=4),
    Member("dir/file", "f", mode=0o4755),
    Member("implied/deep/file", "g"),
    Member("dir/hard", kind=tarfile.LNKTYPE, link="dir/file", mode=0o4755),
    Member("soft", kind=tarfile.SYMTYPE, link="dir/file"),
    Member("abs", kind=tarfile.SYMTYPE, link="/etc/passwd"),
    Member("pipe", kind=tarfile.FIFOTYPE, mode=0o600),
)
# Bytes of the kernel's struct vfs_cap_data, revision 2, that are also UTF-8.
CAN_PING = "\1\0\0\2\0\x20" + "\0" * 14

CASES = (
    Case("add-a-file", "FROM busybox\nADD f /x/\n", {"f": "x"}),
    Case("add-a-folder", "FROM busybox\nADD d /x\n", {"d/f": "x", "d/a.tar": Archive(MEMBERS)}),
    Case("add-a-tar", "FROM busybox\nADD a.tar /x/\n", {"a.tar": Archive(MEMBERS)}),
    Case("add-a-tar-without-a-slash", "FROM busybox\nADD a.tar /x\n", {"a.tar": Archive(MEMBERS)}),
    Case("add-a-tar-to-the-root", "FROM scratch\nADD a.tar /\n", {"a.tar": Archive(MEMBERS)}),
    Case("add-gzip", "FROM scratch\nADD a /\n", {"a": Archive(MEMBERS, "gz")}),
    Case("add-bzip2", "FROM scratch\nADD a /\n", {"a": Archive(MEMBERS, "bz2")}),
    Case("add-xz", "FROM scratch\nADD a /\n", {"a": Archive(MEMBERS, "xz")}),
    Case("add-what-is-no-tar", "FROM scratch\nADD a.tar /\n", {"a.tar": "not an archive at all"}),
    Case("add-gzip-of-no-tar", "FROM scratch\nADD a.gz /\n", {"a.gz": gzip.compress(b"text", mtime=0)}),
    Case("copy-does-not-unpack", "FROM scratch\nCOPY a.tar /x/\n", {"a.tar": Archive(MEMBERS[:2])}),
    Case("add-several-archives", "FROM scratch\nADD *.tar /x/\n",
         {"a.tar": Archive(MEMBERS[:1]), "b.tar": Archive((Member("other", "o"),))}),
    Case("add-an-archive-through-a-link", "FROM scratch\nADD l /\n",
         {"a.tar": Archive(MEMBERS[:3]), "l": Link("a.tar")}),
    Case(
        "add-into-a-linked-folder",
        "FROM busybox\nRUN mkdir /real && ln -s /real /abs\nADD a.tar /abs/\n",
        {"a.tar": Archive(MEMBERS[:4])},
    ),
    Case(
        "add-over-linked-folders-of-the-image",
        "FROM busybox\nRUN mkdir /real && ln -s /real /dir\nADD a.tar /\n",
        {"a.tar": Archive((Member("dir/file", "f"),))},
    ),
    Case(
        "add-over-what-is-there",
        "FROM busybox\nRUN mkdir -p /x/dir && echo old > /x/top && ln -s top /x/soft "
        "&& chmod 700 /x/dir\nADD a.tar /x/\n",
        {"a.tar": Archive(MEMBERS)},
    ),
    Case("add-a-tar-with-capabilities", "FROM scratch\nADD a.tar /\n",
         {"a.tar": Archive((Member("f", "x", mode=0o755, xattrs={"security.capability": CAN_PING}),))}),
    Case("add-large-numbers", "FROM scratch\nADD a.tar /\n",
         {"a.tar": Archive((Member("f", "x", uid=3_000_000, gid=2_500_000),))}),
    Case("add-long-names", "FROM scratch\nADD a.tar /\n",
         {"a.tar": Archive((Member("/".join(["n" * 90] * 4), "x"),
                            Member("l", kind=tarfile.SYMTYPE, link="t/" * 90)))}),
    Case("add-a-mode-of-the-context", "FROM busybox\nADD f /f\n", {"f": File("x", 0o711, (8, 9))}),
    Case("add-an-empty-archive", "FROM busybox\nADD a.tar /x/\n", {"a.tar": Archive(())}),
    Case("add-members-named-from-the-root", "FROM scratch\nADD a.tar /x/\n",
         {"a.tar": Archive((Member("/abs", "1"), Member("./dot", "2")))}),
)  # fmt: skip
