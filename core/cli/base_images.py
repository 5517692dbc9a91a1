"""Base images without a registry: busybox for many platforms, made from Debian's packages.

Each platform's root tree is one small tar with the program, its names as links and the files that
programs expect; the core itself builds them to one index (``ADD`` to scratch).
"""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.cli.debian_packages import data_of, download
from core.client import Builder, BuildRequest, ExportRequest
from core.errors import MachineError
from core.oci import elf
from core.oci.platform import Platform, matches, parse_platform
from core.progress.messages import SolveStatus

NAME: Final = "docker.io/library/busybox:latest"
PACKAGE: Final = "busybox-static"

ARCHITECTURES: Final = {
    "linux/amd64": "amd64",
    "linux/arm64": "arm64",
    "linux/arm/v7": "armhf",
    "linux/386": "i386",
    "linux/ppc64le": "ppc64el",
    "linux/s390x": "s390x",
    "linux/riscv64": "riscv64",
}
"""Platforms, and what Debian calls their architectures."""

# riscv64 became one of Debian's architectures with trixie; a mirror may be out of step with itself.
_LATER_SUITES: Final = ("trixie", "forky", "sid")
_PARALLEL: Final = 3
_APPLET: Final = re.compile(rb"[a-z0-9_.\[-]{1,32}")
_FIRST_APPLETS: Final = b"[\0[[\0"
_FOLDERS: Final = {
    "bin": 0o755,
    "dev": 0o755,
    "etc": 0o755,
    "home": 0o755,
    "root": 0o700,
    "sbin": 0o755,
    "tmp": 0o1777,
    "usr": 0o755,
    "usr/bin": 0o755,
    "usr/sbin": 0o755,
    "var": 0o755,
    "var/tmp": 0o1777,
}
_ACCOUNTS: Final = (
    ("root", 0, "/root", "/bin/sh"),
    ("daemon", 1, "/usr/sbin", "/bin/false"),
    ("bin", 2, "/bin", "/bin/false"),
    ("sys", 3, "/dev", "/bin/false"),
    ("mail", 8, "/var/spool/mail", "/bin/false"),
    ("www-data", 33, "/var/www", "/bin/false"),
    ("nobody", 65534, "/home", "/bin/false"),
)
_GROUPS: Final = (
    ("root", 0), ("daemon", 1), ("bin", 2), ("sys", 3), ("tty", 5), ("mail", 8), ("wheel", 10),
    ("www-data", 33), ("staff", 50), ("users", 100), ("nogroup", 65534),
)  # fmt: skip
# Scripts name these by their place in /usr or /sbin.
_ELSEWHERE: Final = {
    "usr/bin": ("env", "awk", "find", "id", "install", "xargs", "test", "which"),
    "usr/sbin": ("chroot", "adduser", "addgroup", "deluser", "delgroup"),
    "sbin": ("ip", "mount", "ifconfig", "route", "modprobe", "sysctl"),
}
DOCKERFILE: Final = """\
FROM scratch
ARG TARGETARCH TARGETVARIANT
ADD rootfs-linux-$TARGETARCH$TARGETVARIANT.tar /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
CMD ["sh"]
"""

OnProgress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseContext:
    """A build context for the base image, and the platforms that it has root trees for."""

    folder: Path
    platforms: tuple[Platform, ...]


def make_base(
    cache: Path,
    *,
    platforms: Iterable[Platform] = (),
    on_progress: OnProgress = lambda sentence: None,
) -> BaseContext:
    """Download, unpack and lay out what is not in ``cache`` yet; blocking.

    Without ``platforms``, all of ``ARCHITECTURES``; one that Debian does not offer here is left
    out and said so. MachineError when none can be had.
    """
    wanted = tuple(platforms) or tuple(parse_platform(text) for text in ARCHITECTURES)
    context = cache / "context"
    context.mkdir(parents=True, exist_ok=True)

    def make(platform: Platform) -> MachineError | None:
        target = context / _tar_name(platform)
        if target.exists():
            return None
        debian = ARCHITECTURES.get(str(platform))
        if debian is None:
            return MachineError(f"Debian has no base image for {platform}")
        on_progress(f"downloading {PACKAGE} for {platform}")
        try:
            package = download(PACKAGE, debian, cache / "apt" / debian, later_suites=_LATER_SUITES)
            data = root_tree(package, platform)
        except MachineError as error:
            return error
        temporary = target.with_suffix(".part")
        temporary.write_bytes(data)
        temporary.rename(target)
        return None

    with ThreadPoolExecutor(_PARALLEL) as pool:
        failures = list(pool.map(make, wanted))
    done = tuple(p for p, failure in zip(wanted, failures, strict=True) if failure is None)
    for failure in failures:
        if failure is not None:
            if not done:
                raise failure
            on_progress(f"left out: {failure.message}")
    (context / "Dockerfile").write_text(DOCKERFILE, encoding="utf-8")
    return BaseContext(folder=context, platforms=done)


async def build_base(
    builder: Builder,
    context: BaseContext,
    *,
    name: str = NAME,
    on_status: Callable[[SolveStatus], None] = lambda status: None,
) -> str:
    """Build the context into the builder's image store as ``name``; the index's digest.

    Raises the Error that ended the build.
    """
    build = builder.start(
        BuildRequest(
            attrs={
                "platform": ",".join(str(platform) for platform in context.platforms),
                "multi-platform": "true",
            },
            local_dirs={"context": str(context.folder), "dockerfile": str(context.folder)},
            exports=(ExportRequest(type="image", attrs={"name": name}),),
            title=f"base image {name}",
        )
    )
    async for status in build.statuses():
        on_status(status)
    return (await build.result()).digest


def _tar_name(platform: Platform) -> str:
    return f"rootfs-{platform.os}-{platform.architecture}{platform.variant}.tar"


def root_tree(package: Path, platform: Platform) -> bytes:
    """The tar of a root tree around the busybox of a .deb, the same bytes every time.

    MachineError when the program in it is for another platform.
    """
    program, moment = _program(package)
    built_for = elf.platform_of(program)
    if built_for is None or not matches(platform, built_for):
        raise MachineError(f"the program in {package.name} is for {built_for}, not {platform}")
    tree = _Tree(moment)
    for name, mode in _FOLDERS.items():
        tree.folder(name, mode)
    tree.file("bin/busybox", program, 0o755)
    applets = applet_names(program)
    for applet in applets:
        tree.link(f"bin/{applet}", "busybox")
    for folder, names in _ELSEWHERE.items():
        up = "../" * (folder.count("/") + 1)
        for applet in names:
            if applet in applets:
                tree.link(f"{folder}/{applet}", f"{up}bin/busybox")
    accounts = [f"{name}:x:{uid}:{uid}:{name}:{home}:{sh}" for name, uid, home, sh in _ACCOUNTS]
    tree.file("etc/passwd", _lines(accounts), 0o644)
    tree.file("etc/group", _lines(f"{name}:x:{gid}:" for name, gid in _GROUPS), 0o644)
    tree.file("etc/shadow", _lines(f"{name}:*::0:::::" for name, *_ in _ACCOUNTS), 0o600)
    return tree.finish()


def applet_names(program: bytes) -> tuple[str, ...]:
    """The names that a busybox answers to, from its own table (sorted, NUL between them).

    Read from the bytes: the program may be for another machine than this one.
    """
    start = program.find(_FIRST_APPLETS)
    if start < 0:
        raise MachineError("the busybox program has no table of its applets")
    names: list[str] = []
    before = b""
    for name in program[start : start + 16384].split(b"\0"):
        if not _APPLET.fullmatch(name) or name <= before:
            break
        names.append(name.decode())
        before = name
    return tuple(name for name in names if name != "busybox")


def _program(package: Path) -> tuple[bytes, int]:
    """The busybox in a package and its time, which every file of the tree gets."""
    with data_of(package) as tar:
        for member in tar:
            if member.isreg() and member.name.endswith("bin/busybox"):
                file = tar.extractfile(member)
                if file is not None:
                    return file.read(), int(member.mtime)
    raise MachineError(f"there is no busybox in {package.name}")


def _lines(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


class _Tree:
    """A tar in the making; entries are written sorted by name, owned by root."""

    def __init__(self, moment: int) -> None:
        self._moment = moment
        self._entries: dict[str, tuple[tarfile.TarInfo, bytes]] = {}

    def _add(self, name: str, kind: bytes, mode: int, data: bytes = b"", link: str = "") -> None:
        info = tarfile.TarInfo(name)
        info.type, info.mode, info.mtime = kind, mode, self._moment
        info.size, info.linkname = len(data), link
        self._entries[name] = (info, data)

    def folder(self, name: str, mode: int) -> None:
        self._add(name, tarfile.DIRTYPE, mode)

    def file(self, name: str, data: bytes, mode: int) -> None:
        self._add(name, tarfile.REGTYPE, mode, data)

    def link(self, name: str, target: str) -> None:
        self._add(name, tarfile.SYMTYPE, 0o777, link=target)

    def finish(self) -> bytes:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for name in sorted(self._entries):
                info, data = self._entries[name]
                tar.addfile(info, io.BytesIO(data))
        return out.getvalue()
