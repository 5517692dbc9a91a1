"""Runs one case in the builder's namespaces and prints what it found as JSON.

Not a test: ``conftest.inside`` starts it, as root or as another user.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import shutil
import signal
import sys
import tarfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.daemon.namespace import Confinement, enter
from core.emulation.policy import probe_machine
from core.errors import Error
from core.executor import (
    BindMount,
    ExecRequest,
    Executor,
    Network,
    SecretMount,
    Security,
    TmpfsMount,
    Ulimit,
    find_runtime,
)
from core.oci.platform import parse_platform
from core.snapshot import Layers, SnapshotStore

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TRY_MOUNT = "mount -t tmpfs x /tmp"
SHOW_FILTER = "grep Seccomp: /proc/1/status"


@dataclass(frozen=True, slots=True)
class Inside:
    confinement: Confinement
    snapshots: SnapshotStore
    executor: Executor
    tars: Path
    state: Path

    def base(self, platform: str) -> Layers:
        name = f"rootfs-{platform.replace('/', '-').replace('arm-v7', 'armv7')}.tar"
        with (self.tars / name).open("rb") as tar:
            return (self.snapshots.apply_tar(tar, ()),)

    async def run(self, layers: Layers, *args: str, **options: Any) -> dict[str, Any]:
        """One program on a new layer: how it ended, what it said, what the layer holds."""
        out, err = bytearray(), bytearray()
        on_output = options.pop("on_output", lambda: None)

        def stdout(data: bytes) -> None:
            out.extend(data)
            on_output()

        with self.snapshots.create(layers) as active:
            request = ExecRequest(args=args, root=active.path, env=(PATH,), **options)
            began = time.perf_counter()
            status = await self.executor.run(request, stdout, err.extend)
            took = time.perf_counter() - began
            layer = active.commit()
        held = bytearray()
        self.snapshots.write_tar(layer, layers, held.extend)
        return {
            "code": status.code,
            "out_of_memory": status.out_of_memory,
            "start_failure": status.start_failure,
            "stdout": out.decode(),
            "stderr": err.decode(),
            "seconds": took,
            "files": _names(bytes(held)),
        }

    async def shell(self, layers: Layers, script: str, **options: Any) -> dict[str, Any]:
        return await self.run(layers, "/bin/sh", "-c", script, **options)


def _names(tar: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        return archive.getnames()


async def programs(inside: Inside) -> dict[str, Any]:
    """What a step sees and leaves, in several ways."""
    base = inside.base("linux/amd64")
    shell = inside.shell
    with inside.snapshots.create(()) as made:
        (made.path / "given").write_text("given")
        bound = made.commit()
    source = inside.snapshots.layer_path(bound)
    return {
        "plain": await shell(base, "id; hostname; cat /proc/1/comm; pwd; env; echo err >&2"),
        "files": await shell(base, "cat /etc/hosts /etc/resolv.conf; ls /dev; true"),
        "status": await shell(base, "echo x > /f; exit 3"),
        "user": await shell(base, "id -u; id -G; pwd", user="www-data", cwd="/new/dir"),
        "missing": await inside.run(base, "no-such-program"),
        "not executable": await inside.run(base, "/etc/passwd"),
        "no network": await shell(base, "ip addr | grep inet", network=Network.NONE),
        "mounts": await shell(
            base,
            "cat /run/secrets/s; stat -c %a:%u /run/secrets/s; cat /m/b/given; echo x > /m/b/y;"
            "df -m /m/t | tail -1; touch /m/t/x /m/rw/here",
            mounts=(
                SecretMount(target="/run/secrets/s", data=b"secret\n", mode=0o440, uid=7),
                BindMount(source=source, target="/m/b", read_only=True),
                BindMount(source=inside.state, target="/m/rw"),
                TmpfsMount(target="/m/t", size=1 << 20),
            ),
        ),
        "limits": await shell(
            base,
            "ulimit -n; df -k /dev/shm | tail -1; cat /etc/hosts",
            ulimits=(Ulimit(name="nofile", soft=64, hard=64),),
            shm_size=1 << 20,
            extra_hosts=(("here", "10.1.2.3"),),
            hostname="box",
        ),
        "confined": await shell(
            base, "mount -t tmpfs x /tmp; grep -E 'Seccomp:|NoNew' /proc/1/status"
        ),
        "insecure": await shell(
            base,
            "mount -t tmpfs x /tmp && grep Seccomp: /proc/1/status",
            security=Security.INSECURE,
        ),
        "layers": await shell(
            base, "rm -r /etc; mkdir /etc; ln /bin/busybox /b2; chown 5:6 /tmp; mkfifo /p"
        ),
        "memory": await shell(base, "tail /dev/zero | wc -c", memory_limit=32 << 20)
        if inside.executor.limits_available
        else None,
        "left": sorted(os.listdir(inside.state / "executor" / "run" / "bundles")),
    }


async def cancellation(inside: Inside) -> dict[str, Any]:
    """A step that is cancelled leaves no process behind."""
    base = inside.base("linux/amd64")
    script = "trap '' TERM; (sleep 98765; true) & setsid sleep 98764 & echo up; sleep 98763"
    up = asyncio.Event()
    step = asyncio.ensure_future(inside.shell(base, script, on_output=up.set))
    await up.wait()
    began = time.perf_counter()
    step.cancel()
    await asyncio.gather(step, return_exceptions=True)
    took = time.perf_counter() - began
    soon = asyncio.ensure_future(inside.shell(base, script))
    await asyncio.sleep(0)
    soon.cancel()
    await asyncio.gather(soon, return_exceptions=True)
    return {
        "cancelled": step.cancelled() and soon.cancelled(),
        "seconds": took,
        "left": _count(b"sleep\x00"),
        "active": os.listdir(inside.state / "snapshots" / "active"),
    }


async def emulated(inside: Inside) -> dict[str, Any]:
    """A program of each platform that there is a base for."""
    machine = probe_machine(inside.confinement.registry)
    found: dict[str, Any] = {"platforms": [str(platform) for platform in machine.platforms]}
    for tar in sorted(inside.tars.glob("rootfs-*.tar")):
        text = tar.stem.removeprefix("rootfs-").replace("-", "/").replace("armv7", "arm/v7")
        emulator = machine.emulator(parse_platform(text))
        script = "uname -m; /bin/busybox uname -m; id -u; chown 5:6 /tmp; stat -c %u:%g /tmp"
        found[text] = await inside.shell(inside.base(text), script, emulator=emulator)
    return found


async def many_layers(inside: Inside) -> dict[str, Any]:
    """More layers than mount(2) has room for."""
    layers: Layers = ()
    for number in range(300):
        with inside.snapshots.create(layers[-1:]) as active:
            (active.path / f"f{number}").touch()
            layers = (*layers, active.commit())
    with inside.snapshots.view(layers) as view:
        return {"files": len(os.listdir(view))}


async def sleep_forever(inside: Inside) -> dict[str, Any]:
    """For the test that kills the builder: a container that outlives everything else."""
    base = inside.base("linux/amd64")
    print("ready", flush=True)
    return await inside.shell(base, "sleep 87654")


async def wait_for_signal(inside: Inside) -> dict[str, Any]:
    """Ends when the outer process is told to."""
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    print("ready", flush=True)
    await told.wait()
    return {"told": True}


def _count(command: bytes) -> int:
    found = 0
    for listing in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += listing.read_bytes().startswith(command)
        except OSError:
            continue
    return found


CASES: dict[str, Callable[[Inside], Awaitable[dict[str, Any]]]] = {
    case.__name__: case
    for case in (programs, cancellation, emulated, many_layers, sleep_forever, wait_for_signal)
}


async def _answer(
    case: Callable[[Inside], Awaitable[dict[str, Any]]], inside: Inside
) -> dict[str, Any]:
    return await case(inside)


def main() -> None:
    case, state, tars = CASES[sys.argv[1]], Path(sys.argv[2]), Path(sys.argv[3])
    try:
        confinement = enter()
        (state / "executor").mkdir()
        snapshots = SnapshotStore(state / "snapshots", rootless=confinement.rootless)
        executor = Executor(
            state / "executor",
            find_runtime(in_user_namespace=confinement.rootless),
            rootless=confinement.rootless,
            cgroups=confinement.cgroups,
        )
    except Error as error:
        print(json.dumps({"error": error.message, "hint": error.hint}))
        return
    inside = Inside(confinement, snapshots, executor, tars, state)
    try:
        found = asyncio.run(_answer(case, inside))
    finally:
        executor.close()
        for child in state.iterdir():
            shutil.rmtree(child, ignore_errors=True)
    found["rootless"] = confinement.rootless
    found["registry"] = confinement.registry is not None
    print(json.dumps(found))


if __name__ == "__main__":
    main()
