"""Confine the daemon: its own mounts, and without privileges its own ids and processes too.

``enter`` must run before the process has a second thread, an event loop or a socket. It returns
in a grandchild, the daemon, that lives in a mount and a PID namespace of its own. The process
that was called stays outside as its shadow: it passes signals on, ends with the daemon's status,
and takes the daemon and everything the daemon started with it when it is killed. Mounts of the
machine still show up inside (slave propagation); nothing that is mounted inside outlives it.

Unprivileged, a user namespace comes first, in which the daemon is root and the user's
subordinate ids (/etc/subuid, /etc/subgid) are the other users.
"""

from __future__ import annotations

import errno
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from core.daemon.subordinate_ids import IdRange, mapping_arguments, own_ranges
from core.emulation.private import BINFMT_MISC, PrivateRegistry, create_private_registry
from core.errors import MachineError
from core.linux.mounts import MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_REC, MS_SLAVE, mount
from core.linux.namespaces import (
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    die_with_parent,
    in_initial_user_namespace,
    kernel_version,
    unshare,
)

CGROUPS = Path("/sys/fs/cgroup")
_FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
_DEEPEST_CALLS = 10_000
# siginfo's si_code for signals the kernel itself sends, as a terminal's ^C to its whole group.
_SI_KERNEL = 0x80


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """What the daemon found once it was inside.

    ``rootless`` says that the daemon is not root of the machine: overlay mounts need
    ``userxattr`` and device nodes cannot be made. ``registry`` is its own handler registry, or
    None where the kernel has none to give (before Linux 6.7). ``cgroups`` is where the machine's
    control groups can still be reached, ``cgroups_hidden`` that /sys/fs/cgroup itself is covered.
    ``system_registry`` is where the machine's own handlers can be read, if they are mounted.
    """

    rootless: bool
    ids: int
    registry: PrivateRegistry | None
    cgroups: Path
    cgroups_hidden: bool
    system_registry: Path = BINFMT_MISC


def enter() -> Confinement:
    """Enter the daemon's namespaces (see the module).

    Raises MachineError: no OCI runtime, namespaces are forbidden, newuidmap is missing, the user
    has no subordinate ids, the process already has threads.
    """
    require_runtime()
    if threading.active_count() > 1:
        raise MachineError("The builder's namespaces must be entered before any thread starts.")
    # The daemon's own /proc hides what is or will be mounted below the machine's.
    proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    if os.geteuid() == 0:
        _enter_as_root()
    else:
        _enter_unprivileged()
    _become_daemon_inside()
    # Trees are walked by recursion, and a path has room for 2,048 names.
    sys.setrecursionlimit(max(sys.getrecursionlimit(), _DEEPEST_CALLS))
    return _settle(proc)


def require_runtime() -> None:
    """Raises MachineError when neither crun nor runc is installed."""
    if shutil.which("crun") is None and shutil.which("runc") is None:
        raise MachineError(
            "No OCI runtime is installed: neither crun nor runc was found on PATH.",
            hint="Install one, for example with `apt install crun` or `dnf install crun`.",
        )


def _enter_as_root() -> None:
    try:
        unshare(CLONE_NEWNS | CLONE_NEWPID)
        mount(None, "/", None, MS_REC | MS_SLAVE)
    except OSError as error:
        raise MachineError(
            f"root may not mount file systems here: {error}.",
            hint="Inside a container, start it with --privileged; or run the builder on the host.",
        ) from error


def _settle(proc: int) -> Confinement:
    cgroups = os.open(CGROUPS, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    hidden = False
    # crun refuses hosts with both cgroup versions mounted, even with its cgroup manager disabled;
    # an empty tmpfs in their place satisfies it. runc alone cannot live without them.
    if shutil.which("crun") is not None and not (CGROUPS / "cgroup.controllers").exists():
        try:
            mount("tmpfs", CGROUPS, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=755,size=64k")
            hidden = True
        except OSError:
            hidden = False
    return Confinement(
        rootless=not in_initial_user_namespace(),
        ids=_mapped_ids(),
        registry=create_private_registry() if kernel_version() >= (6, 7) else None,
        cgroups=Path(f"/proc/{os.getpid()}/fd/{cgroups}"),
        cgroups_hidden=hidden,
        system_registry=Path(f"/proc/{os.getpid()}/fd/{proc}") / BINFMT_MISC.relative_to("/proc"),
    )


def _mapped_ids() -> int:
    lines = Path("/proc/self/uid_map").read_text().splitlines()
    return sum(int(line.split()[2]) for line in lines)


# Unprivileged


def _enter_unprivileged() -> None:
    users, groups = _require_subordinate_ids()
    helper, go = _start_mapping_helper(users, groups)
    try:
        try:
            unshare(CLONE_NEWUSER | CLONE_NEWNS)
        except OSError as error:
            raise _forbidden(error) from error
        os.write(go, b"m")
    finally:
        os.close(go)
        status = os.waitstatus_to_exitcode(os.waitpid(helper, 0)[1])
    if status != 0:
        raise MachineError(
            "newuidmap or newgidmap refused the user's subordinate ids.",
            hint="Both must be setuid root (`ls -l $(which newuidmap)`), and /etc/subuid and "
            "/etc/subgid must give this user ranges that nobody else uses.",
        )
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    try:
        mount(None, "/", None, MS_REC | MS_SLAVE)
        unshare(CLONE_NEWPID)
    except OSError as error:
        raise _forbidden(error) from error


def _require_subordinate_ids() -> tuple[tuple[IdRange, ...], tuple[IdRange, ...]]:
    missing = [name for name in ("newuidmap", "newgidmap") if shutil.which(name) is None]
    if missing:
        raise MachineError(
            f"Building without root needs {' and '.join(missing)}.",
            hint="Install it with `apt install uidmap` or `dnf install shadow-utils`, "
            "or run the builder as root.",
        )
    users = own_ranges("/etc/subuid", own=os.getuid())
    groups = own_ranges("/etc/subgid", own=os.getgid())
    if not users or not groups:
        lacking = "/etc/subuid" if not users else "/etc/subgid"
        raise MachineError(
            f"{lacking} gives this user no subordinate ids, so image files cannot have owners.",
            hint="Run `sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 "
            '"$USER"` with a range that is still free.',
        )
    return users, groups


def _forbidden(error: OSError) -> MachineError:
    """Name the switch that forbids user namespaces."""

    def setting(path: str) -> str:
        try:
            return Path("/proc/sys", path).read_text().strip()
        except OSError:
            return ""

    if setting("kernel/unprivileged_userns_clone") == "0":
        hint = "Allow it with `sudo sysctl kernel.unprivileged_userns_clone=1`."
    elif setting("user/max_user_namespaces") == "0":
        hint = "Allow it with `sudo sysctl user.max_user_namespaces=28633`."
    elif setting("kernel/apparmor_restrict_unprivileged_userns") == "1":
        hint = (
            "AppArmor restricts them: give the program a profile with `userns`, or run "
            "`sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`."
        )
    elif error.errno == errno.ENOSPC:
        hint = "The limit user.max_user_namespaces is reached; raise it with sysctl."
    else:
        hint = "Inside a container they need --privileged; or run the builder as root."
    return MachineError(f"This machine forbids user namespaces: {error}.", hint=hint)


def _start_mapping_helper(
    users: tuple[IdRange, ...], groups: tuple[IdRange, ...]
) -> tuple[int, int]:
    """Fork the process that stays outside and maps this one's ids when told to.

    Returns its pid and the pipe to write one byte into; closing it unwritten ends the helper.
    """
    pid = os.getpid()
    commands = (
        ["newuidmap", str(pid), *mapping_arguments(os.getuid(), users)],
        ["newgidmap", str(pid), *mapping_arguments(os.getgid(), groups)],
    )
    read, write = os.pipe()
    helper = os.fork()
    if helper:
        os.close(read)
        return helper, write
    status = 1
    try:
        os.close(write)
        if os.read(read, 1):
            quiet = subprocess.DEVNULL
            status = max(subprocess.run(c, stdout=quiet, check=False).returncode for c in commands)
    finally:
        os._exit(1 if status else 0)


def _become_daemon_inside() -> None:
    """Fork the namespace's first process and the daemon; return in the daemon only.

    Outside process, first process (reaps orphans) and daemon hold one pipe: its closing tells
    the first process that the outside one was gone before it could ask for a death signal.
    """
    alive_read, alive_write = os.pipe()
    first = os.fork()
    if first:
        os.close(alive_read)
        _shadow(first)
    os.close(alive_write)
    die_with_parent()
    if select.select([alive_read], [], [], 0)[0]:
        os._exit(1)
    os.close(alive_read)
    try:
        mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    except OSError as error:
        raise MachineError(
            f"The kernel refuses a /proc for the builder's processes: {error}.",
            hint="Inside a container, start it with --privileged or "
            "--security-opt systempaths=unconfined.",
        ) from error
    daemon = os.fork()
    if daemon:
        _shadow(daemon)
    # The first process cannot be killed from inside; the daemon can, and asks for the same fate.
    die_with_parent()


def _shadow(child: int) -> NoReturn:
    """Pass signals on to ``child``, reap every orphan, and end as it ends."""
    watched = {*_FORWARDED, signal.SIGCHLD}
    signal.pthread_sigmask(signal.SIG_BLOCK, watched)
    while True:
        status = _reap_until(child)
        if status is not None:
            os._exit(status if status >= 0 else 128 - status)
        information = signal.sigwaitinfo(watched)
        if information.si_signo in _FORWARDED and information.si_code != _SI_KERNEL:
            os.kill(child, information.si_signo)


def _reap_until(child: int) -> int | None:
    """Collect ended children; the exit code of ``child`` (minus a signal's number) if it ended."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return 1
        if pid == 0:
            return None
        if pid == child:
            return os.waitstatus_to_exitcode(status)
