"""Whole builds through the command: daemon, containers, emulation, registry."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

Project = Callable[..., Path]


def _steps(text: str) -> dict[str, str]:
    """Step names to their ends, from plain progress."""
    names: dict[str, str] = {}
    ends: dict[str, str] = {}
    for line in text.splitlines():
        number, _, rest = line.partition(" ")
        if not number.startswith("#"):
            continue
        names.setdefault(number, rest)
        if rest.startswith(("DONE", "CACHED", "ERROR", "CANCELED")):
            ends[names[number]] = rest.split()[0].rstrip(":")
    return ends


def test_a_second_build_of_the_same_input_runs_no_step(viaduct: Any, project: Project) -> None:
    place = project("FROM busybox\nRUN date > /when\nCOPY a /a\n", a="x")
    first = viaduct("build", "--progress", "plain", str(place))
    assert first.returncode == 0, first.stderr
    assert [end for name, end in _steps(first.stderr).items() if "RUN date" in name] == ["DONE"]
    second = viaduct("build", "--progress", "plain", str(place))
    ends = {name: end for name, end in _steps(second.stderr).items() if "/3]" in name}
    assert set(ends.values()) == {"CACHED"}


def test_every_platform_runs_its_own_programs_and_is_pushed(
    viaduct: Any, project: Project, registry: str
) -> None:
    place = project("FROM busybox\nRUN uname -m > /arch\n")
    platforms = "linux/amd64,linux/arm64,linux/arm/v7,linux/386,linux/s390x,linux/ppc64le"
    name = f"{registry}/team/app:1"
    done = viaduct("build", "--platform", platforms, "-t", name, "--push", "-q", str(place))
    assert done.returncode == 0, done.stderr
    raw = subprocess.run(
        ["skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{name}"],
        capture_output=True,
        check=True,
    ).stdout
    found = [
        "/".join(
            filter(
                None,
                (m["platform"]["os"], m["platform"]["architecture"], m["platform"].get("variant")),
            )
        )
        for m in json.loads(raw)["manifests"]
    ]
    assert ",".join(found) == platforms
    listed = viaduct("platforms", "--remote", "--json", name)
    assert [p["platform"] for p in json.loads(listed.stdout)["platforms"]] == found
    assert viaduct("run", "--platform", "linux/s390x", name, "cat", "/arch").stdout == "s390x\n"


def test_a_local_output_has_a_folder_for_each_platform(
    viaduct: Any, project: Project, tmp_path: Path
) -> None:
    place = project("FROM scratch\nARG TARGETARCH\nCOPY a /dir/$TARGETARCH\n", a="x")
    out = tmp_path / "out"
    done = viaduct("build", "--platform", "linux/amd64,linux/arm64", "-o", str(out), str(place))
    assert done.returncode == 0, done.stderr
    files = sorted(str(p.relative_to(out)) for p in out.rglob("*") if p.is_file())
    assert files == ["linux_amd64/dir/amd64", "linux_arm64/dir/arm64"]


def test_archives_are_loaded_by_ourselves_again(
    viaduct: Any, project: Project, tmp_path: Path
) -> None:
    place = project("FROM busybox\nLABEL a=b\n")
    archive = tmp_path / "image.tar"
    done = viaduct("build", "-t", "saved:1", "-o", f"type=oci,dest={archive}", "-q", str(place))
    assert done.returncode == 0, done.stderr
    with tarfile.open(archive) as tar:
        assert "index.json" in tar.getnames()
    assert viaduct("load", str(archive)).stdout.strip() == "docker.io/library/saved:1"
    assert viaduct("run", "saved:1", "echo", "hi").stdout == "hi\n"


def test_a_failing_step_is_told_with_its_line_output_and_code(
    viaduct: Any, project: Project
) -> None:
    place = project("FROM busybox\nRUN echo before\nRUN echo oops >&2; exit 3\n")
    done = viaduct("build", "--progress", "quiet", str(place))
    assert done.returncode == 1
    assert "Dockerfile:3" in done.stderr
    assert ">>> RUN echo oops >&2; exit 3" in done.stderr
    assert "exit code: 3" in done.stderr
    assert "   oops" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_shell_opens_where_a_step_failed(viaduct: Any, project: Project) -> None:
    place = project("FROM busybox\nRUN echo here > /mark\nWORKDIR /w\nENV V=1\nRUN false\n")
    assert viaduct("build", "--progress", "quiet", str(place)).returncode == 1
    shell = viaduct("debug", "shell", stdin="cat /mark; pwd; echo $V; exit 5\n")
    assert (shell.stdout, shell.returncode) == ("here\n/w\n1\n", 5)


@pytest.mark.parametrize(
    ("dockerfile", "code", "part"),
    [
        ("FROM busybox\nRUNN x\n", 1, "RUNN"),
        ("FROM nothere.invalid/x:1\n", 3, "nothere.invalid"),
        ("FROM localhost:1/x:1\n", 3, "localhost:1"),
        ("FROM busybox\nCOPY gone /x\n", 1, "gone"),
        ("FROM busybox\nRUN --mount=type=secret,id=tok,required=true true\n", 1, "tok"),
        ("FROM busybox AS a\nFROM a\nCOPY --from=b /x /\n", 3, "b"),
    ],
)
def test_what_is_wrong_is_named_in_a_sentence(
    viaduct: Any, project: Project, dockerfile: str, code: int, part: str
) -> None:
    done = viaduct("build", "--progress", "quiet", str(project(dockerfile)))
    assert done.returncode == code, done.stderr
    assert part in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_dockerfile_and_a_missing_directory_are_named(
    viaduct: Any, tmp_path: Path
) -> None:
    done = viaduct("build", "--progress", "quiet", str(tmp_path))
    assert (done.returncode, f"no Dockerfile in {tmp_path}" in done.stderr) == (1, True)
    done = viaduct("build", str(tmp_path / "gone"))
    assert "is not there" in done.stderr


def test_secrets_reach_the_step_and_nothing_else(
    viaduct: Any, project: Project, tmp_path: Path
) -> None:
    place = project(
        "FROM busybox\nRUN --mount=type=secret,id=tok wc -c < /run/secrets/tok > /size\n"
    )
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    done = viaduct(
        "build",
        "--progress",
        "rawjson",
        "--secret",
        f"id=tok,src={secret}",
        "-t",
        "sec",
        str(place),
    )
    assert done.returncode == 0, done.stderr
    assert "hunter2" not in done.stderr
    assert viaduct("run", "sec", "cat", "/size").stdout.strip() == "7"


def test_raw_json_is_one_status_a_line(viaduct: Any, project: Project) -> None:
    place = project("FROM busybox\nRUN echo raw\n")
    done = viaduct("build", "--no-cache", "--progress", "rawjson", str(place))
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert any("vertexes" in line for line in lines)
    assert any("logs" in line for line in lines)
    names = {v["name"] for line in lines for v in line.get("vertexes", ())}
    assert "[internal] load build definition from Dockerfile" in names


def test_an_interrupt_cancels_once_and_leaves_no_process(
    viaduct: Any, project: Project, until: Callable[..., None]
) -> None:
    mark = f"sleep 98{os.getpid()}"
    place = project(f"FROM busybox\nRUN {mark}\n")
    process = viaduct.start("build", "--no-cache", "--progress", "plain", str(place))
    until(lambda: bool(_running(mark)), "the step")
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "cancelling" in out
    until(lambda: not _running(mark), "the end of the step's program")


def test_a_client_that_dies_ends_its_build_and_a_detached_one_goes_on(
    viaduct: Any, project: Project, until: Callable[..., None]
) -> None:
    mark = f"sleep 97{os.getpid()}"
    place = project(f"FROM busybox\nRUN {mark}\n")
    process = viaduct.start("build", "--no-cache", "--progress", "plain", str(place))
    until(lambda: bool(_running(mark)), "the step")
    process.kill()
    process.communicate()
    until(lambda: not _running(mark), "the end of the step's program")

    ref = viaduct("build", "--no-cache", "--detach", str(place)).stdout.strip()
    until(lambda: bool(_running(mark)), "the detached step")
    assert viaduct("history", "cancel", ref).stdout.strip() == "cancelled"
    until(lambda: not _running(mark), "the end of the step's program")


def _running(mark: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().rstrip(b"\0").replace(b"\0", b" ")
            except OSError:
                continue
            if command == mark.encode():
                found.append(int(entry.name))
    return found


def test_history_keeps_the_log_and_what_was_asked(viaduct: Any, project: Project) -> None:
    place = project("FROM busybox\nRUN echo remember me\n")
    assert viaduct("build", "--no-cache", "--title", "kept", str(place)).returncode == 0
    (latest,) = json.loads(viaduct("history", "list", "--json", "-n", "1").stdout)
    assert (latest["title"], latest["state"]) == ("kept", "done")
    log = viaduct("history", "logs", latest["ref"]).stdout
    assert "remember me" in log
    assert viaduct("history", "rm", latest["ref"]).returncode == 0
    assert latest["ref"] not in viaduct("history").stdout


def test_standard_input_is_a_dockerfile_or_a_context(
    viaduct: Any, project: Project, tmp_path: Path
) -> None:
    done = viaduct("build", "-q", "-t", "stdin1", "-", stdin="FROM busybox\nRUN echo 1 > /1\n")
    assert done.returncode == 0, done.stderr
    place = project("FROM busybox\nCOPY a /a\n", a="from a tar")
    archive = tmp_path.parent / f"{tmp_path.name}.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(place, ".")
    done = viaduct("build", "-q", "-t", "stdin2", "-", stdin=archive.read_bytes())
    assert done.returncode == 0, done.stderr
    assert viaduct("run", "stdin2", "cat", "/a").stdout == "from a tar"


def test_a_git_repository_is_a_context(
    viaduct: Any, project: Project, until: Callable[..., None], unused_port: int
) -> None:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    repository = project("FROM busybox\nCOPY a /a\n", a="committed")

    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=n", "-c", "user.email=e@example.com")
        subprocess.run(
            ["git", *identity, *arguments], cwd=repository, check=True, capture_output=True
        )

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "x")
    git("update-server-info")
    server = subprocess.Popen(
        [sys.executable, "-m", "http.server", str(unused_port), "--bind", "127.0.0.1"],
        cwd=repository,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: _listens(unused_port), "the web server")
        url = f"http://127.0.0.1:{unused_port}/.git"
        done = viaduct("build", "-q", "-t", "fromgit", url)
    finally:
        server.terminate()
        server.wait(10)
    assert done.returncode == 0, done.stderr
    assert viaduct("run", "fromgit", "cat", "/a").stdout == "committed"


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
