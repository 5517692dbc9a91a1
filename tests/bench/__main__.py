"""``python -m tests.bench [--no-docker] [NAME ...]``: measure the builder, print a table.

Ours and Docker's BuildKit run in turns on the same machine, so that what is compared was measured
under the same load. Names: rest, run, copy, layer, stages, mount, emulated, rest-after.
Exit code 1 when a bar is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from core.client import Endpoint, connect
from tests.bench.measures import MEASURES, Bench, Row
from tests.bench.subjects import Ours
from tests.integration.crash.builder import Builder as Located
from tests.integration.dockerd import Docker, UnavailableError, docker_daemon
from tests.integration.people import myself
from tests.integration.registry.conftest import serve


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--no-docker", action="store_true")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="viaduct-bench-", dir="/var/tmp"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        person = myself(folder / "me")
        os.environ.update(person.environment)
        made = person.viaduct("images", "make-base", timeout=900)
        assert made.returncode == 0, made.stderr
        stack.callback(person.viaduct, "daemon", "stop", "--force")
        registry = stack.enter_context(serve(folder / "registry"))
        docker = None if options.no_docker else _docker(stack, folder)
        # A daemon that has done nothing yet.
        person.viaduct("daemon", "stop")
        if docker is not None:
            saved = folder / "busybox.tar"
            plain = folder / "busybox"
            plain.mkdir()
            (plain / "Dockerfile").write_text("FROM busybox\n")
            output = f"type=docker,dest={saved}"
            built = person.viaduct("build", "-t", "busybox", "-o", output, str(plain))
            assert built.returncode == 0, built.stderr
            loaded = docker.run("load", "-i", str(saved))
            assert loaded.returncode == 0, loaded.stderr
            person.viaduct("daemon", "stop")
        located = Located(person)
        pid = located.start()
        rows = asyncio.run(_measure(folder, Ours, located, pid, docker, registry, options.names))
    _print(rows)
    return 1 if any(row.good is False for row in rows) else 0


async def _measure(
    folder: Path,
    make: type[Ours],
    located: Located,
    pid: int,
    docker: Docker | None,
    registry: str,
    names: list[str],
) -> list[Row]:
    async with await connect(Endpoint.embedded()) as builder:
        bench = Bench(make(located.person, builder, pid), docker, folder, registry)
        for name, measure in MEASURES.items():
            if not names or name in names:
                await measure(bench)
                print(f"{name} done", file=sys.stderr)
        return bench.rows


def _docker(stack: ExitStack, folder: Path) -> Docker | None:
    try:
        return stack.enter_context(docker_daemon())
    except UnavailableError as error:
        print(f"without Docker: {error}", file=sys.stderr)
        return None


def _print(rows: list[Row]) -> None:
    print("| measured | ours | beside it | Docker 20.10 | bar | |")
    print("|---|---|---|---|---|---|")
    for row in rows:
        mark = {None: "", True: "met", False: "MISSED"}[row.good]
        print(f"| {row.what} | {row.ours} | {row.beside} | {row.docker} | {row.bar} | {mark} |")


if __name__ == "__main__":
    sys.exit(main())
