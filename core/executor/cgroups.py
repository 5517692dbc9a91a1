"""Limits on memory and processes, where this user may make control groups.

Version 2 (``cgroup-v2.rst``) and version 1 are both used directly, without the runtime: a group is
a directory, a process joins it by being written into ``cgroup.procs``.
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

_PREFIX = "viaduct"


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlGroup:
    """The directories of one container's group: one in version 2, one per controller in 1."""

    directories: tuple[Path, ...]

    @property
    def joins(self) -> tuple[Path, ...]:
        """Files into which a process writes 0 to join."""
        return tuple(directory / "cgroup.procs" for directory in self.directories)

    def killed_for_memory(self) -> bool:
        """Whether the kernel killed a process of the group because the group was full."""
        for directory in self.directories:
            for name in ("memory.events", "memory.oom_control"):
                try:
                    lines = (directory / name).read_text().splitlines()
                except OSError:
                    continue
                for line in lines:
                    key, _, value = line.partition(" ")
                    if key == "oom_kill" and value != "0":
                        return True
        return False

    def refused_a_process(self) -> bool:
        """Whether a fork failed because the group had as many processes as it may have."""
        for directory in self.directories:
            try:
                lines = (directory / "pids.events").read_text().splitlines()
            except OSError:
                continue
            if any(line.startswith("max ") and line != "max 0" for line in lines):
                return True
        return False

    def remove(self) -> None:
        for directory in self.directories:
            # The last process may still be on its way out.
            for pause in (0.0, 0.002, 0.01, 0.05):
                time.sleep(pause)
                try:
                    directory.rmdir()
                    break
                except FileNotFoundError:
                    break
                except OSError:
                    continue


class ControlGroups:
    """Makes groups next to or below the daemon's own in the hierarchies at ``root``.

    ``owner`` is a word of this daemon's alone: groups that it left when it was killed are removed.
    """

    def __init__(self, root: Path, owner: str = "own") -> None:
        self._parents = _find_parents(root)
        self._prefix = f"{_PREFIX}-{owner}-"
        for _, parent in self._parents:
            for left in parent.glob(f"{self._prefix}*"):
                with contextlib.suppress(OSError):
                    left.rmdir()

    @property
    def available(self) -> bool:
        return bool(self._parents)

    def create(self, name: str, *, memory: int, pids: int) -> ControlGroup | None:
        """A group with these limits (bytes, processes; 0 for none); None if it cannot be had."""
        made: list[Path] = []
        try:
            for controller, parent in self._parents:
                # Removing a group takes milliseconds: none without a purpose.
                if (controller == "memory" and not memory) or (controller == "pids" and not pids):
                    continue
                directory = parent / f"{self._prefix}{name}"
                directory.mkdir()
                made.append(directory)
                _limit(directory, memory, pids)
        except OSError:
            ControlGroup(directories=tuple(made)).remove()
            return None
        return ControlGroup(directories=tuple(made)) if made else None


def _limit(directory: Path, memory: int, pids: int) -> None:
    settings: list[tuple[str, str, bool]] = []
    if memory:
        settings += [
            ("memory.max", str(memory), True),
            ("memory.swap.max", "0", False),
            ("memory.oom.group", "1", False),
            ("memory.limit_in_bytes", str(memory), True),
            ("memory.memsw.limit_in_bytes", str(memory), False),
        ]
    if pids:
        settings.append(("pids.max", str(pids), True))
    for name, value, required in settings:
        file = directory / name
        if not file.exists():
            continue
        try:
            file.write_text(value)
        except OSError:
            if required:
                raise


def _find_parents(root: Path) -> tuple[tuple[str, Path], ...]:
    """Where groups can be made, by controller; "" is version 2, with all of them."""
    own = _own_groups()
    if (root / "cgroup.controllers").exists():
        # A group with processes in it cannot have limited children: use the one above.
        mine = root / own.get("", "/").lstrip("/")
        for candidate in (mine.parent, mine):
            if candidate.is_relative_to(root) and _delegates(candidate):
                return (("", candidate),)
        return ()
    parents = []
    for controller in ("memory", "pids"):
        parent = root / controller / own.get(controller, "/").lstrip("/")
        if not parent.is_dir():
            parent = root / controller
        if os.access(parent, os.W_OK):
            parents.append((controller, parent))
    return tuple(parents)


def _delegates(directory: Path) -> bool:
    """Whether children of a version 2 group can be limited, after asking for it."""
    if not os.access(directory, os.W_OK):
        return False
    switch = directory / "cgroup.subtree_control"
    try:
        if not {"memory", "pids"} <= set(switch.read_text().split()):
            switch.write_text("+memory +pids")
    except OSError:
        return False
    return True


def _own_groups() -> dict[str, str]:
    """Path of this process's group by controller; "" is version 2 (proc_pid_cgroup(5))."""
    groups = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            groups[controller] = path
    return groups
