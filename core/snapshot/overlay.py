"""Mount overlayfs with as many lower directories as the kernel's own limit of 500 allows.

mount(2) takes one page of options and cuts the rest off, so that a long stack silently loses
layers; the calls of ``core.linux.mounts`` add lower directories one by one (Linux 6.8).
``Documentation/filesystems/overlayfs.rst``.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from core.errors import StorageError
from core.linux.mounts import filesystem_context, mount

MAX_LOWER = 500
# fsconfig(2) takes strings of up to 255 bytes.
_LONGEST_PATH = 240
_PAGE = 4096


def mount_overlay(
    lower: Sequence[Path],
    target: Path,
    *,
    upper: Path | None = None,
    work: Path | None = None,
    rootless: bool,
) -> None:
    """Mount ``lower`` (top first) under ``upper`` at ``target``; read-only without ``upper``.

    Raises StorageError for more than 500 lower directories, OSError as the kernel does.
    """
    if len(lower) > MAX_LOWER:
        raise StorageError(
            f"The result has {len(lower)} layers; the kernel stacks at most {MAX_LOWER}.",
            hint="Join RUN steps, or copy the result into a new stage with COPY --from.",
        )
    flags = ["userxattr"] if rootless else []
    # Changes must be visible in the upper directory itself, or layers would miss them.
    options = {} if rootless else {"redirect_dir": "nofollow", "metacopy": "off", "index": "off"}
    if upper is not None:
        # No fsync reaches the disk: a layer that was not finished is thrown away after a crash.
        flags.append("volatile")
    with ExitStack() as stack:
        paths = [_short(path, stack) for path in lower]
        if upper is not None and work is not None:
            options |= {"upperdir": _short(upper, stack), "workdir": _short(work, stack)}
        try:
            with filesystem_context("overlay") as context:
                for path in paths:
                    context.set_string("lowerdir+", path)
                for key, value in options.items():
                    context.set_string(key, value)
                for flag in flags:
                    context.set_flag(flag)
                context.mount_on(target, read_only=upper is None)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOSYS):
                raise
            _mount_in_one_call(lower, target, options, flags, stack)


def _short(path: Path, stack: ExitStack) -> str:
    text = os.fspath(path)
    return text if len(os.fsencode(text)) <= _LONGEST_PATH else _by_descriptor(path, stack)


def _by_descriptor(path: Path, stack: ExitStack) -> str:
    fd = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    stack.callback(os.close, fd)
    return f"/proc/self/fd/{fd}"


def _mount_in_one_call(
    lower: Sequence[Path],
    target: Path,
    options: dict[str, str],
    flags: list[str],
    stack: ExitStack,
) -> None:
    """Kernels before 6.8: mount(2), every path as short as a descriptor's."""
    paths = ":".join(_by_descriptor(path, stack) for path in lower)
    data = ",".join([f"lowerdir={paths}", *(f"{k}={v}" for k, v in options.items()), *flags])
    if len(os.fsencode(data)) >= _PAGE:
        raise StorageError(
            f"The result has {len(lower)} layers, more than this kernel can stack in one call.",
            hint="Linux 6.8 and later stack 500; join RUN steps to have fewer.",
        )
    mount("overlay", target, "overlay", 0, data)
