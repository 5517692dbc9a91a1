"""The OCI runtime spec of one container: what Docker's and BuildKit's containers see.

https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md; capabilities, masked
paths and mounts are Docker's defaults, so that a step behaves here as it does there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.executor.request import ExecRequest, Network, Security
from core.executor.seccomp import default_profile
from core.executor.users import User

_CAPABILITIES = (
    "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP "
    "NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE"
)
# Every capability of Linux 5.9 by number (include/uapi/linux/capability.h).
_ALL_CAPABILITIES = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE "
    "NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO "
    "SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME "
    "SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG "
    "WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
)
_MASKED = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
]
_READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
_QUIET = ["nosuid", "noexec", "nodev"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MountEntry:
    """One entry of the spec's ``mounts``."""

    target: str
    kind: str
    source: str
    options: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "destination": self.target,
            "type": self.kind,
            "source": self.source,
            "options": list(self.options),
        }


def base_mounts(request: ExecRequest, *, in_user_namespace: bool) -> tuple[MountEntry, ...]:
    """/proc, /dev and what is in it, /sys.

    A new sysfs belongs to the network namespace; who is root of a user namespace only and shares
    the machine's network gets the machine's, read-only.
    """
    sys_options = [*_QUIET, *([] if request.security is Security.INSECURE else ["ro"])]
    if in_user_namespace and request.network is not Network.NONE:
        sys = MountEntry(target="/sys", kind="bind", source="/sys", options=("rbind", *sys_options))
    else:
        sys = MountEntry(target="/sys", kind="sysfs", source="sysfs", options=tuple(sys_options))
    return (
        MountEntry(target="/proc", kind="proc", source="proc", options=tuple(_QUIET)),
        MountEntry(
            target="/dev",
            kind="tmpfs",
            source="tmpfs",
            options=("nosuid", "strictatime", "mode=755", "size=65536k"),
        ),
        MountEntry(
            target="/dev/pts",
            kind="devpts",
            source="devpts",
            options=("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"),
        ),
        MountEntry(
            target="/dev/shm",
            kind="tmpfs",
            source="shm",
            options=(*_QUIET, "mode=1777", f"size={request.shm_size}"),
        ),
        MountEntry(target="/dev/mqueue", kind="mqueue", source="mqueue", options=tuple(_QUIET)),
        sys,
    )


def runtime_spec(
    request: ExecRequest,
    *,
    args: Sequence[str],
    user: User,
    mounts: Sequence[MountEntry],
    in_user_namespace: bool,
    seccomp: bool,
    bounding: int | None = None,
) -> dict[str, Any]:
    """``config.json``. ``in_user_namespace``: the runtime is not root of the machine.

    ``bounding`` is the set of capabilities that can be given at all, None for every one.
    """
    insecure = request.security is Security.INSECURE
    names = _ALL_CAPABILITIES if insecure else _CAPABILITIES
    capabilities = [
        f"CAP_{name}"
        for name in names.split()
        if bounding is None or bounding >> _ALL_CAPABILITIES.split().index(name) & 1
    ]
    namespaces = ["pid", "ipc", "uts", "mount"]
    if request.network is Network.NONE:
        namespaces.append("network")
    linux: dict[str, Any] = {
        "namespaces": [{"type": name} for name in namespaces],
        "maskedPaths": [] if insecure else _MASKED,
        "readonlyPaths": [] if insecure else _READ_ONLY,
    }
    if seccomp and not insecure:
        linux["seccomp"] = default_profile()
    if not in_user_namespace:
        linux["resources"] = {"devices": _device_rules(insecure=insecure)}
    return {
        "ociVersion": "1.0.2",
        "hostname": request.hostname,
        "root": {"path": str(request.root), "readonly": request.read_only},
        "process": {
            "terminal": request.terminal is not None,
            **_console_size(request),
            "user": {
                "uid": user.uid,
                "gid": user.gid,
                # Docker lists the primary group among the others.
                "additionalGids": [user.gid, *user.groups],
            },
            "args": list(args),
            "env": _environment(request.env, user),
            "cwd": request.cwd or "/",
            "capabilities": {
                "bounding": capabilities,
                "effective": capabilities,
                "permitted": capabilities,
            },
            "rlimits": [
                {"type": f"RLIMIT_{u.name.upper()}", "soft": u.soft, "hard": u.hard}
                for u in request.ulimits
            ],
            "noNewPrivileges": False,
        },
        "mounts": [mount.to_json() for mount in mounts],
        "linux": linux,
    }


def _environment(env: Sequence[str], user: User) -> list[str]:
    if any(item.startswith("HOME=") for item in env):
        return list(env)
    return [*env, f"HOME={user.home}"]


def _console_size(request: ExecRequest) -> dict[str, Any]:
    if request.terminal is None:
        return {}
    rows, columns = request.terminal
    return {"consoleSize": {"height": rows, "width": columns}}


def _device_rules(*, insecure: bool) -> list[dict[str, Any]]:
    if insecure:
        return [{"allow": True, "access": "rwm"}]
    rules: list[dict[str, Any]] = [{"allow": False, "access": "rwm"}]
    for kind in "cb":
        rules.append({"allow": True, "type": kind, "access": "m"})
    # null, zero, full, random, urandom, tty, ptmx; pts.
    for major, minor in ((1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 2)):
        rule = {"allow": True, "type": "c", "major": major, "minor": minor, "access": "rwm"}
        rules.append(rule)
    rules.append({"allow": True, "type": "c", "major": 136, "access": "rwm"})
    return rules
