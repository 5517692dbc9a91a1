"""Run programs in containers."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import signal
import stat
import uuid
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from core.emulation.emulator import HandlerInNamespace, Wrapper
from core.emulation.wrapper import WRAPPER_TARGET, wrapped_arguments
from core.errors import MachineError, OptionError
from core.executor.cgroups import ControlGroup, ControlGroups
from core.executor.interactive import InteractiveProcess
from core.executor.mount_points import MountPoints
from core.executor.network_files import hosts_file, resolv_conf
from core.executor.process import Output, run_process
from core.executor.request import (
    DEFAULT_HOSTNAME,
    BindMount,
    ExecRequest,
    ExitStatus,
    SecretMount,
    Security,
    TmpfsMount,
)
from core.executor.runtime import Runtime, filter_annotation, read_log
from core.executor.spec import MountEntry, base_mounts, runtime_spec
from core.executor.users import resolve_user
from core.linux.mounts import MS_NODEV, MS_NOEXEC, MS_NOSUID, mount, unmount
from core.linux.namespaces import bounding_capabilities
from core.snapshot.failures import storage_error

# Joins control groups, then becomes the runtime: what it starts inherits them.
_JOIN = 'while [ "$1" != -- ]; do echo 0 > "$1" || exit 125; shift; done; shift; exec "$@"'


class Executor:
    """Runs containers with ``runtime``.

    ``state`` is a directory of this daemon alone; a tmpfs is mounted there for bundles, which
    hold secrets. ``rootless`` and ``cgroups`` as in ``core.daemon.namespace.Confinement``.
    """

    def __init__(self, state: Path, runtime: Runtime, *, rootless: bool, cgroups: Path) -> None:
        self.runtime = runtime
        self._rootless = rootless
        owner = hashlib.sha256(os.fsencode(state)).hexdigest()[:12]
        self._groups = ControlGroups(cgroups, owner)
        # The kernel takes its time to remove a control group; no step waits for that.
        self._sweeper = ThreadPoolExecutor(1, thread_name_prefix="control-groups")
        self._bounding = bounding_capabilities()
        self._memory = state / "run"
        self._memory.mkdir(parents=True, exist_ok=True)
        flags = MS_NOSUID | MS_NODEV | MS_NOEXEC
        mount("tmpfs", self._memory, "tmpfs", flags, "mode=700,size=256m")
        self._bundles = self._memory / "bundles"
        self._bundles.mkdir()
        self._hosts = self._memory / "hosts"
        self._hosts.write_text(hosts_file(DEFAULT_HOSTNAME, ()))
        self._resolv_conf = self._memory / "resolv.conf"

    @property
    def limits_available(self) -> bool:
        """Whether memory and process limits have an effect here."""
        return self._groups.available

    def close(self) -> None:
        """Nothing may run any more."""
        self._sweeper.shutdown()
        unmount(self._memory, lazily=True)

    async def run(self, request: ExecRequest, stdout: Output, stderr: Output) -> ExitStatus:
        """Run one program to its end; output callbacks get bytes as they come, on the loop.

        Cancelling kills every process of the container before CancelledError is raised. Raises
        BuildError for a user the image does not have, MachineError when the runtime fails.
        """
        if not request.args:
            raise OptionError("There is no program to run.")
        async with self._container(request) as run:
            status = await run_process(
                run.command,
                pid_file=run.pid_file,
                stdout=stdout,
                stderr=stderr,
                emulated=request.emulator is not None,
            )
            return run.exit_status(status)

    @asynccontextmanager
    async def interactive(
        self,
        request: ExecRequest,
        output: Output,
        *,
        tty: bool,
        size: tuple[int, int] = (24, 80),
    ) -> AsyncIterator[InteractiveProcess]:
        """Run a program that somebody types to; it is killed when the context is left early.

        With ``tty`` it has a terminal of its own, of ``size`` (rows, columns), and ``output`` gets
        what that shows; without, both of its streams. Raises as ``run``.
        """
        async with self._container(replace(request, terminal=size if tty else None)) as run:
            process = await InteractiveProcess.start(
                run.command, pid_file=run.pid_file, output=output, tty=tty, status=run.exit_status
            )
            try:
                yield process
            finally:
                await process.end()

    @asynccontextmanager
    async def _container(self, request: ExecRequest) -> AsyncIterator[_Run]:
        if not request.args:
            raise OptionError("There is no program to run.")
        run = _Run(self, request, self._bundles / uuid.uuid4().hex)
        try:
            preparing = asyncio.ensure_future(asyncio.to_thread(run.prepare))
            try:
                await asyncio.shield(preparing)
            except asyncio.CancelledError:
                await asyncio.wait([preparing])
                raise
            except OSError as error:
                raise storage_error(error, "prepare a container") from error
            yield run
        finally:
            # Short and never skipped, whatever was cancelled.
            run.clean_up()


class _Run:
    """The files and directories of one container."""

    def __init__(self, executor: Executor, request: ExecRequest, bundle: Path) -> None:
        self._executor = executor
        self._request = request
        self._bundle = bundle
        self._root = os.open(request.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._points = MountPoints(self._root)
        self._group: ControlGroup | None = None
        self._kills_before = _out_of_memory_kills()
        self.command: list[str] = []
        self.pid_file = bundle / "pid"

    def prepare(self) -> None:
        """Write the bundle and decide on the command that runs it."""
        executor, request = self._executor, self._request
        self._bundle.mkdir(mode=0o700)
        user = resolve_user(self._root, request.user)
        nested = isinstance(request.emulator, HandlerInNamespace)
        in_user_namespace = executor._rootless or nested
        mounts = self._mounts(in_user_namespace=in_user_namespace)
        self._points.make_working_directory(request.cwd, user.uid, user.gid)
        args: Sequence[str] = request.args
        if isinstance(request.emulator, Wrapper):
            args = wrapped_arguments(self._root, request.args, request.env, request.cwd)
        spec = runtime_spec(
            request,
            args=args,
            user=user,
            mounts=mounts,
            in_user_namespace=in_user_namespace,
            seccomp=executor.runtime.seccomp,
            bounding=None if nested else executor._bounding,
        )
        if executor.runtime.filter and request.security is Security.SANDBOX:
            spec["annotations"] = filter_annotation(executor.runtime.filter)
        (self._bundle / "config.json").write_text(json.dumps(spec))
        self.command = self._command()

    def exit_status(self, status: int) -> ExitStatus:
        """What an exit status of the runtime (minus a signal's number) says of the program."""
        code = 128 - status if status < 0 else status
        killed = code == 128 + signal.SIGKILL
        out_of_memory = self._group is not None and self._group.killed_for_memory()
        if killed and not out_of_memory:
            out_of_memory = _out_of_memory_kills() > self._kills_before
        complaint = read_log(self._bundle)
        if complaint and code != 0:
            failure = _start_failure(complaint)
            if failure is not None:
                return failure
            if not self.pid_file.exists():
                name = self._executor.runtime.name
                raise MachineError(f"{name} could not start the container: {complaint}.")
        ended_by = code - 128 if 128 < code <= 128 + signal.SIGRTMAX else 0
        return ExitStatus(
            code=code,
            signal=ended_by,
            out_of_memory=out_of_memory,
            out_of_processes=self._group is not None and self._group.refused_a_process(),
        )

    def clean_up(self) -> None:
        try:
            self._points.remove()
        finally:
            os.close(self._root)
        if self._group is not None:
            self._executor._sweeper.submit(self._group.remove)
        shutil.rmtree(self._bundle, ignore_errors=True)
        shutil.rmtree(self._executor._memory / "state" / self._bundle.name, ignore_errors=True)

    def _mounts(self, *, in_user_namespace: bool) -> list[MountEntry]:
        executor, request = self._executor, self._request
        entries = []
        for entry in base_mounts(request, in_user_namespace=in_user_namespace):
            self._points.provide(entry.target, directory=True)
            entries.append(entry)
        executor._resolv_conf.write_text(resolv_conf())
        hosts = executor._hosts
        if request.extra_hosts or request.hostname != DEFAULT_HOSTNAME:
            hosts = self._bundle / "hosts"
            hosts.write_text(hosts_file(request.hostname, request.extra_hosts))
        files: list[BindMount | TmpfsMount | SecretMount] = [
            BindMount(source=executor._resolv_conf, target="/etc/resolv.conf", read_only=True),
            BindMount(source=hosts, target="/etc/hosts", read_only=True),
        ]
        if isinstance(request.emulator, Wrapper):
            emulator = request.emulator.interpreter
            files.append(BindMount(source=emulator, target=WRAPPER_TARGET, read_only=True))
        # Outer mounts before the ones inside them.
        for number, wanted in enumerate([*files, *sorted(request.mounts, key=_depth)]):
            entries.append(self._entry(wanted, number))
        return entries

    def _entry(self, wanted: BindMount | TmpfsMount | SecretMount, number: int) -> MountEntry:
        if isinstance(wanted, TmpfsMount):
            options = ["nosuid", "nodev", "mode=1777"]
            if wanted.size:
                options.append(f"size={wanted.size}")
            target = self._points.provide(wanted.target, directory=True)
            return MountEntry(target=target, kind="tmpfs", source="tmpfs", options=tuple(options))
        if isinstance(wanted, SecretMount):
            file = self._bundle / f"secret-{number}"
            file.write_bytes(wanted.data)
            os.chmod(file, wanted.mode)
            os.chown(file, wanted.uid, wanted.gid)
            target = self._points.provide(wanted.target, directory=False)
            return MountEntry(
                target=target,
                kind="bind",
                source=str(file),
                options=("bind", "ro", "nosuid", "nodev", "noexec"),
            )
        try:
            directory = stat.S_ISDIR(os.stat(wanted.source).st_mode)
        except OSError as error:
            raise MachineError(
                f"Cannot mount {wanted.source} at {wanted.target}: {error}."
            ) from error
        target = self._points.provide(wanted.target, directory=directory)
        access = "ro" if wanted.read_only else "rw"
        return MountEntry(
            target=target, kind="bind", source=str(wanted.source), options=("rbind", access)
        )

    def _command(self) -> list[str]:
        executor, request = self._executor, self._request
        state = executor._memory / "state"
        command = executor.runtime.command(state, self._bundle, self._bundle.name)
        if isinstance(request.emulator, HandlerInNamespace):
            namespace = f"--user={request.emulator.user_namespace}"
            command = ["nsenter", namespace, "--preserve-credentials", "--", *command]
        if request.memory_limit or request.pids_limit:
            self._group = executor._groups.create(
                self._bundle.name, memory=request.memory_limit, pids=request.pids_limit
            )
        if request.terminal is not None:
            command = ["setsid", "--ctty", *command]
        if self._group is not None:
            joins = [str(path) for path in self._group.joins]
            command = ["/bin/sh", "-c", _JOIN, "sh", *joins, "--", *command]
        return command


def _depth(wanted: BindMount | TmpfsMount | SecretMount) -> int:
    return os.path.normpath(wanted.target).count("/")


def _start_failure(complaint: str) -> ExitStatus | None:
    """The status of a program that could not be started; None for other complaints."""
    text = complaint.lower()
    if "exec" not in text:
        return None
    if "exec format error" in text or "permission denied" in text:
        return ExitStatus(code=126, start_failure=complaint)
    if "executable file" in text or "no such file or directory" in text:
        return ExitStatus(code=127, start_failure=complaint)
    return None


def _out_of_memory_kills() -> int:
    """How often the kernel has killed for memory since boot; 0 where it does not say."""
    try:
        with open("/proc/vmstat", encoding="ascii") as lines:
            for line in lines:
                if line.startswith("oom_kill "):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0
