"""The measurements, one function each. Every bar is a ratio or a span within one run."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import statistics
import subprocess
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from isal import isal_zlib

from core.client.request import ExportRequest
from tests.bench.subjects import MIB, Ours, docker_build, drop, forget_peak, memory
from tests.integration.dockerd import Docker


@dataclass(frozen=True, slots=True)
class Row:
    """``good`` is None where there is no bar."""

    what: str
    ours: str
    beside: str = ""
    docker: str = ""
    bar: str = ""
    good: bool | None = None


@dataclass(slots=True)
class Bench:
    ours: Ours
    docker: Docker | None
    folder: Path
    registry: str
    rows: list[Row] = field(default_factory=list)

    def project(self, name: str, dockerfile: str) -> Path:
        made = self.folder / name
        made.mkdir()
        (made / "Dockerfile").write_text(dockerfile)
        return made

    def beside(self, folder: Path, *words: str) -> str:
        """Docker's seconds for the same, empty without Docker."""
        return "" if self.docker is None else f"{docker_build(self.docker, folder, *words):.2f} s"


def _median(values: list[float]) -> float:
    return statistics.median(values)


async def run_overhead(bench: Bench) -> None:
    """Sixty RUN steps against sixty bare runs of the same program, and the same again."""
    steps = 60
    text = "FROM busybox\nARG ROUND\n" + "".join(f"RUN : {n}\n" for n in range(steps))
    folder = bench.project("sixty", text)
    await bench.ours.build(folder, args={"ROUND": "warm"})
    root = bench.folder / "root"
    export = ExportRequest(type="local", destination=str(root))
    await bench.ours.build(bench.project("plain", "FROM busybox\n"), exports=(export,))
    bare, cold = [], []
    for turn in range(3):
        bare.append(await asyncio.to_thread(_bare_runs, root, bench.folder / f"bare{turn}", steps))
        cold.append((await bench.ours.build(folder, args={"ROUND": str(turn)})).seconds)
    again = [(await bench.ours.build(folder, args={"ROUND": "2"})).seconds for _ in range(9)]
    over = (_median(cold) - _median(again)) / steps - _median(bare)
    bench.rows.append(
        Row(
            "RUN, over a bare crun run",
            f"{over * 1000:.1f} ms",
            f"crun {_median(bare) * 1000:.1f} ms",
            bar="15 ms",
            good=over <= 0.015,
        )
    )
    bench.rows.append(
        Row(
            "60 steps, nothing to do (daemon)",
            f"{_median(again) * 1000:.0f} ms",
            f"best {min(again) * 1000:.0f} ms",
            bar="40 ms",
            good=_median(again) <= 0.040,
        )
    )
    words = ("-t", "bench/sixty", "--build-arg")
    bench.rows.append(
        Row(
            "f: 60 RUN, command, cold",
            f"{bench.ours.command(folder, *words, 'ROUND=a'):.2f} s",
            docker=bench.beside(folder, *words, "ROUND=a"),
        )
    )
    bench.rows.append(
        Row(
            "f: 60 RUN, command, no-op",
            f"{bench.ours.command(folder, *words, 'ROUND=a'):.2f} s",
            docker=bench.beside(folder, *words, "ROUND=a"),
        )
    )


def _bare_runs(root: Path, folder: Path, count: int) -> float:
    """Seconds of one ``crun run`` of a shell that does nothing, out of ``count`` in a row."""
    folder.mkdir()
    subprocess.run(["crun", "spec"], cwd=folder, check=True)
    config = json.loads((folder / "config.json").read_text())
    config["process"]["terminal"] = False
    config["root"] = {"path": str(root), "readonly": False}
    config["process"]["args"] = ["/bin/sh", "-c", ": x"]
    (folder / "config.json").write_text(json.dumps(config))
    # crun refuses machines with both cgroup versions; an empty folder in their place suits it.
    script = (
        "mount -t tmpfs none /sys/fs/cgroup\n"
        f"for i in $(seq {count}); do crun --cgroup-manager=disabled run bare$i || exit 1; done"
    )
    begun = time.perf_counter()
    subprocess.run(["unshare", "-m", "sh", "-c", script], cwd=folder, check=True)
    return (time.perf_counter() - begun) / count


async def many_files(bench: Bench) -> None:
    """COPY of 50,000 files, 200 MB."""
    folder = bench.project("many", "FROM scratch\nCOPY . /\n")
    for directory in range(50):
        place = folder / f"d{directory:02}"
        place.mkdir()
        for number in range(1000):
            content = hashlib.sha256(b"%d %d" % (directory, number)).digest() * 125
            (place / f"f{number}").write_bytes(content)
    plain = []
    for turn in range(2):
        target = bench.folder / f"plain{turn}"
        os.sync()
        begun = time.perf_counter()
        await asyncio.to_thread(subprocess.run, ["cp", "-a", str(folder), str(target)], check=True)
        plain.append(time.perf_counter() - begun)
        await asyncio.to_thread(drop, target)
    forget_peak(bench.ours.pid)
    os.sync()
    cold = (await bench.ours.build(folder)).seconds
    again = _median([(await bench.ours.build(folder)).seconds for _ in range(3)])
    (folder / "d07" / "f7").write_text("changed")
    changed = (await bench.ours.build(folder)).seconds
    peak = memory(bench.ours.pid, "VmHWM")
    ratio = cold / min(plain)
    first = bench.beside(folder, "-t", "bench/many")
    second = bench.beside(folder, "-t", "bench/many")
    (folder / "d08" / "f8").write_text("changed")
    third = bench.beside(folder, "-t", "bench/many")
    bench.rows += [
        Row("COPY 50,000 files, cold", f"{cold:.2f} s = {ratio:.2f} x",
            f"cp -a {min(plain):.2f} s", first, "1.5 x", ratio < 1.5),
        Row("COPY 50,000 files, no-op", f"{again:.2f} s", docker=second, bar="0.5 s",
            good=again < 0.5),
        Row("COPY 50,000 files, one changed", f"{changed:.2f} s", docker=third, bar="2 s",
            good=changed < 2),
        Row("daemon, at most, there", f"{peak:.0f} MiB", bar="400 MiB", good=peak < 400),
    ]  # fmt: skip
    await asyncio.to_thread(drop, folder)


def _block(number: int) -> bytes:
    """Like a program: a third of it noise, the rest repetitive."""
    noise = hashlib.shake_256(number.to_bytes(4, "big")).digest(MIB // 3)
    words = b"".join(b"%08x call %d\n" % (n * number, n % 97) for n in range(40_000))
    return (noise + words * 2)[:MIB].ljust(MIB, b"\0")


async def big_layer(bench: Bench) -> None:
    """A layer of 1 GB: exported, against igzip and SHA-256 on all cores."""
    blocks = [_block(number) for number in range(16)]
    folder = bench.project("big", "FROM busybox\nARG ROUND\nCOPY big /big\n")
    (folder / "big").write_bytes(b"".join(blocks) * 64)

    def ideal() -> float:
        def work(number: int) -> None:
            packer = isal_zlib.compressobj(1, isal_zlib.DEFLATED, -15)
            packed = packer.compress(blocks[number % 16]) + packer.flush()
            hashlib.sha256(blocks[number % 16]).digest()
            hashlib.sha256(packed).digest()

        begun = time.perf_counter()
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(work, range(1024)))
        return time.perf_counter() - begun

    limit = await asyncio.to_thread(ideal)
    forget_peak(bench.ours.pid)
    await bench.ours.build(folder)
    await asyncio.sleep(1)
    export = ExportRequest(type="image", attrs={"name": "bench/big", "push": "false"})
    seconds = (await bench.ours.build(folder, exports=(export,))).seconds
    limit = min(limit, await asyncio.to_thread(ideal))
    peak = memory(bench.ours.pid, "VmHWM")
    share = limit / seconds
    bench.rows += [
        Row("1 GB layer, export", f"{1024 / seconds:.0f} MiB/s = {share:.2f} x",
            f"igzip, sha256 {1024 / limit:.0f} MiB/s", bar="0.5 x", good=share >= 0.5),
        Row("daemon, at most, there", f"{peak:.0f} MiB", bar="400 MiB", good=peak < 400),
    ]  # fmt: skip
    drop(folder)


async def stages(bench: Bench) -> None:
    """Case b: four stages of one second each."""
    text = "".join(
        f"FROM busybox AS s{n}\nARG R{n}\nRUN sleep 1; echo $R{n} > /o\n" for n in range(4)
    )
    text += "FROM busybox\n" + "".join(f"COPY --from=s{n} /o /{n}\n" for n in range(4))
    folder = bench.project("stages", text)
    for what, words in (
        ("b: four stages of 1 s, cold", ("--build-arg=R1=1",)),
        ("b: one changed", ("--build-arg=R1=2",)),
        ("b: no-op", ("--build-arg=R1=2",)),
    ):
        options = ("-t", "bench/stages", *words)
        bench.rows.append(
            Row(what, f"{bench.ours.command(folder, *options):.2f} s",
                docker=bench.beside(folder, *options))
        )  # fmt: skip


async def cache_mount(bench: Bench) -> None:
    """Case h: a cache mount that makes the second run short."""
    folder = bench.project(
        "mount",
        "FROM busybox\nCOPY input /input\nRUN --mount=type=cache,target=/cache "
        "test -e /cache/done || sleep 2; touch /cache/done; cp /input /output\n",
    )
    for what, content in (
        ("h: cache mount, cold", "1"),
        ("h: input changed", "2"),
        ("h: no-op", "2"),
    ):
        (folder / "input").write_text(content)
        options = ("-t", "bench/mount")
        bench.rows.append(
            Row(what, f"{bench.ours.command(folder, *options):.2f} s",
                docker=bench.beside(folder, *options))
        )  # fmt: skip


async def emulated(bench: Bench) -> None:
    """Case e: six steps on four platforms, pushed."""
    text = "FROM busybox\nARG ROUND\n" + "".join(
        f"RUN echo {n} > /f{n} && cat /f{n} && uname -m\n" for n in range(6)
    )
    folder = bench.project("emulated", text)
    platforms = "linux/amd64,linux/arm64,linux/arm/v7,linux/s390x"
    for what in ("e: 4 platforms x 6 RUN, pushed", "e: no-op"):
        options = (f"--platform={platforms}", "-t", f"{bench.registry}/e", "--push")
        bench.rows.append(Row(what, f"{bench.ours.command(folder, *options):.2f} s"))


async def at_rest(bench: Bench) -> None:
    """The daemon's memory after everything else, and as it started."""
    fresh = memory(bench.ours.pid)
    bench.rows.append(Row("daemon, at rest", f"{fresh:.0f} MiB", bar="80 MiB", good=fresh < 80))


Measure = Callable[[Bench], Awaitable[None]]
MEASURES: dict[str, Measure] = {
    "rest": at_rest,
    "run": run_overhead,
    "copy": many_files,
    "layer": big_layer,
    "stages": stages,
    "mount": cache_mount,
    "emulated": emulated,
    "rest-after": at_rest,
}
