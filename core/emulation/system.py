"""Handlers for the whole machine: registered now, registered again at every start, undone.

Needs root. For each architecture there is one handler of ours, ``viaduct-<qemu>``, and one file,
``/etc/binfmt.d/viaduct-<qemu>.conf``, which systemd-binfmt.service and its like read when the
machine starts (binfmt.d(5)). The kernel asks the handler first that was registered last, and
files are read in the order of their names, so ours come before those of the distribution's
packages, which stay as they are. What stood in our own places before is kept below ``state``
until it is put back.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from core.emulation.architectures import Architecture
from core.emulation.handlers import (
    Handler,
    HandlerRegistry,
    RegistryState,
    parse_line,
    read_registry,
    register,
    remove,
    set_enabled,
)
from core.emulation.interpreters import describe
from core.emulation.private import BINFMT_MISC
from core.emulation.selftest import self_test
from core.errors import EmulationError
from core.linux.mounts import mount

# binfmt.d(5): a file of an earlier directory replaces those of the same name in later ones.
_BOOT_DIRECTORIES = (
    "/etc/binfmt.d",
    "/run/binfmt.d",
    "/usr/local/lib/binfmt.d",
    "/usr/lib/binfmt.d",
)
_PACKAGED = ("/usr/", "/opt/", "/nix/", "/gnu/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where things are; tests have others."""

    binfmt_misc: Path = BINFMT_MISC
    configuration: Path = Path("/etc/binfmt.d")
    state: Path = Path("/var/lib/viaduct/emulation")

    @property
    def programs(self) -> Path:
        """Copies of emulators that would else lie in somebody's home."""
        return self.state / "qemu"


class SystemScope:
    """The machine's registry and its start-up files."""

    def __init__(self, places: Places | None = None) -> None:
        self._places = places or Places()

    def registry(self) -> HandlerRegistry:
        return read_registry(self._places.binfmt_misc)

    def is_ours(self, architecture: Architecture) -> bool:
        """Whether a handler or a start-up file of ours is there."""
        return (
            self._file(architecture).exists()
            or (self._places.binfmt_misc / _name(architecture)).exists()
        )

    def enable(self, architecture: Architecture, program: Path) -> Handler:
        """Register ``program`` (a static QEMU), now and for every start of the machine.

        Nothing is changed when it fails: raises EmulationError (no permission, no binfmt_misc,
        a program that does not work).
        """
        self._prepare()
        before = self._current(architecture)
        handler = architecture.handler(str(self._settled(architecture, program)))
        try:
            self._register(handler)
            _require_run(architecture, handler)
            self._write(self._file(architecture), f"{handler.line()}\n")
            self._remember(architecture, before)
        except (OSError, EmulationError) as error:
            self._restore(architecture, before)
            if isinstance(error, OSError):
                raise _refused(error, f"the handler {handler.name} cannot be registered") from error
            raise
        return handler

    def undo(self, architecture: Architecture) -> bool:
        """Put back what was there before ``enable``; whether there was anything to undo.

        Raises EmulationError.
        """
        if not self.is_ours(architecture):
            return False
        before = self._remembered(architecture)
        try:
            self._restore(architecture, before)
        except OSError as error:
            raise _refused(error, f"{_name(architecture)} cannot be taken away") from error
        self._record(architecture).unlink(missing_ok=True)
        (self._places.programs / f"qemu-{architecture.qemu}-static").unlink(missing_ok=True)
        return True

    def _prepare(self) -> None:
        """Have a registry that can be written to."""
        places = self._places
        state = self.registry().state
        if state in (RegistryState.NOT_MOUNTED, RegistryState.ABSENT):
            try:
                mount("binfmt_misc", places.binfmt_misc, "binfmt_misc")
            except OSError as error:
                raise _refused(error, "binfmt_misc cannot be mounted") from error
        elif state is RegistryState.OFF:
            raise EmulationError(
                "binfmt_misc is switched off as a whole, so no handler would be used",
                hint=f"Switch it on with `echo 1 | sudo tee {places.binfmt_misc}/status`.",
            )

    def _settled(self, architecture: Architecture, program: Path) -> Path:
        """Where the emulator will still be tomorrow."""
        real = Path(os.path.realpath(program))
        found = describe(real)
        if found is None or not found.static:
            raise EmulationError(
                f"{program} is not a static program, so it would not run inside containers",
                hint="Install the static QEMU: the package is often called qemu-user-static.",
            )
        if str(real).startswith(_PACKAGED):
            return real
        target = self._places.programs / f"qemu-{architecture.qemu}-static"
        if real != target:
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                new = target.with_suffix(".new")
                shutil.copyfile(real, new)
                new.chmod(0o755)
                os.replace(new, target)
            except OSError as error:
                raise _refused(error, f"{program} cannot be copied to {target}") from error
        return target

    def _register(self, handler: Handler) -> None:
        remove(self._places.binfmt_misc, handler.name)
        register(self._places.binfmt_misc, handler)

    def _current(self, architecture: Architecture) -> _Before:
        handler = next((h for h in self.registry().handlers if h.name == _name(architecture)), None)
        file = self._file(architecture)
        return _Before(
            line="" if handler is None else handler.line(),
            enabled=handler is None or handler.enabled,
            file=file.read_text(errors="surrogateescape") if file.exists() else None,
        )

    def _restore(self, architecture: Architecture, before: _Before) -> None:
        remove(self._places.binfmt_misc, _name(architecture))
        earlier = parse_line(before.line)
        if earlier is not None:
            register(self._places.binfmt_misc, earlier)
            set_enabled(self._places.binfmt_misc, earlier.name, enabled=before.enabled)
        if before.file is None:
            self._file(architecture).unlink(missing_ok=True)
        else:
            self._write(self._file(architecture), before.file)

    def _remember(self, architecture: Architecture, before: _Before) -> None:
        record = self._record(architecture)
        if not record.exists():
            self._write(record, json.dumps(asdict(before)))

    def _remembered(self, architecture: Architecture) -> _Before:
        try:
            value = json.loads(self._record(architecture).read_text())
            file = value["file"]
            return _Before(
                line=str(value["line"]),
                enabled=bool(value["enabled"]),
                file=None if file is None else str(file),
            )
        except (OSError, ValueError, LookupError, TypeError):
            return _Before()

    def _file(self, architecture: Architecture) -> Path:
        return self._places.configuration / f"{_name(architecture)}.conf"

    def _record(self, architecture: Architecture) -> Path:
        return self._places.state / f"{_name(architecture)}.json"

    @staticmethod
    def _write(path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}.new")
        new.write_text(text, errors="surrogateescape")
        new.chmod(0o644)
        os.replace(new, path)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Before:
    line: str = ""
    enabled: bool = True
    file: str | None = None


def start_up_handlers(directories: Iterable[str] = _BOOT_DIRECTORIES) -> tuple[Handler, ...]:
    """What the start-up files register, in their order (binfmt.d(5))."""
    files: dict[str, Path] = {}
    for directory in directories:
        for path in sorted(Path(directory).glob("*.conf")):
            files.setdefault(path.name, path)
    found = []
    for name in sorted(files):
        try:
            lines = files[name].read_text(errors="surrogateescape").splitlines()
        except OSError:
            continue
        found += [handler for line in lines if (handler := parse_line(line)) is not None]
    return tuple(found)


def replay(
    places: Places | None = None, directories: Iterable[str] = _BOOT_DIRECTORIES
) -> tuple[str, ...]:
    """Register what the start-up files say, as the machine's start would; the names.

    For machines without systemd-binfmt. Those that cannot be registered are left out, as there.
    Raises EmulationError where nothing may be registered.
    """
    places = places or Places()
    SystemScope(places)._prepare()
    done = []
    for handler in start_up_handlers(directories):
        try:
            remove(places.binfmt_misc, handler.name)
            register(places.binfmt_misc, handler)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise _refused(error, "handlers cannot be registered") from error
            continue
        done.append(handler.name)
    return tuple(done)


def may_change_system(places: Places | None = None) -> bool:
    """Whether this process is root where it counts: of the machine, not of a user namespace."""
    from core.linux.namespaces import in_initial_user_namespace

    return os.geteuid() == 0 and in_initial_user_namespace()


def is_read_only(places: Places | None = None) -> bool:
    """Whether binfmt_misc is mounted read-only, as in most containers."""
    try:
        found = os.statvfs((places or Places()).binfmt_misc)
    except OSError:
        return False
    return bool(found.f_flag & os.ST_RDONLY)


def _require_run(architecture: Architecture, handler: Handler) -> None:
    with self_test() as test:
        trials = [test.run(platform) for platform in architecture.platforms]
        if any(trial.passed for trial in trials):
            return
    raise EmulationError(
        f"{handler.interpreter} does not run a {architecture.platforms[0]} program: "
        f"{trials[0].problem}",
        hint="The handler was taken away again. Try another QEMU.",
    )


def _refused(error: OSError, what: str) -> EmulationError:
    reason = os.strerror(error.errno) if error.errno else str(error)
    match error.errno:
        case errno.EACCES | errno.EPERM:
            hint = "Only root may change the whole system: use sudo, or enable it for this app."
        case errno.EROFS:
            hint = "It is mounted read-only here: inside a container, do this on its host."
        case errno.ENODEV:
            hint = (
                "The kernel has no binfmt_misc: load its module with `sudo modprobe binfmt_misc`."
            )
        case errno.ENOENT:
            hint = "The kernel has no binfmt_misc here, or the interpreter is gone."
        case _:
            hint = "Nothing was changed."
    return EmulationError(f"{what}: {reason}", hint=hint)


def _name(architecture: Architecture) -> str:
    return f"viaduct-{architecture.qemu}"
