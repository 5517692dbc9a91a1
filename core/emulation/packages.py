"""How this distribution installs QEMU's static user emulators.

The command is shown to whoever is to agree before it is run: its packages register handlers for
the whole system by themselves.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence

from core.emulation.architectures import Architecture

_ALPINE = {"x86_64": "qemu-x86_64", "i386": "qemu-i386"}


def install_command(
    architectures: Sequence[Architecture],
    which: Callable[[str], str | None] = shutil.which,
) -> tuple[str, ...]:
    """What installs the emulators, to be run as root; () where no package manager is known."""
    if which("apt-get"):
        return ("apt-get", "install", "--yes", "qemu-user-static")
    for manager in ("dnf", "microdnf", "yum"):
        if which(manager):
            return (manager, "install", "--assumeyes", "qemu-user-static")
    if which("zypper"):
        return ("zypper", "--non-interactive", "install", "qemu-linux-user")
    if which("pacman"):
        return (
            "pacman", "--sync", "--noconfirm", "qemu-user-static", "qemu-user-static-binfmt",
        )  # fmt: skip
    if which("apk"):
        names = [_ALPINE.get(one.qemu, f"qemu-{one.qemu}") for one in architectures]
        return ("apk", "add", *names)
    return ()
