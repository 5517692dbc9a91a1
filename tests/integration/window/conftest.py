"""A real window on an X server of its own, a builder with base images, and a registry."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.people import Person

TOOLS = ("Xvfb", "openbox", "xdotool", "import", "docker-registry", "skopeo")


def wait_for(holds: Callable[[], Any], seconds: float, what: str) -> Any:
    """The first true value of ``holds``; fails the test with ``what`` when time is up."""
    deadline = time.monotonic() + seconds
    while not (value := holds()):
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.05)
    return value


@contextmanager
def process(*command: str, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A child that ends with the block."""
    child = subprocess.Popen(command, **options)
    try:
        yield child
    finally:
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        for stream in (child.stdout, child.stderr):
            if stream is not None:
                stream.close()


@pytest.fixture(scope="session")
def display(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The DISPLAY of a fresh X server with a window manager."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    read_end, write_end = os.pipe()
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with process(
        "Xvfb", "-displayfd", str(write_end), "-screen", "0", "1600x1000x24", "-nolisten", "tcp",
        pass_fds=(write_end,), **quiet,
    ):  # fmt: skip
        os.close(write_end)
        with os.fdopen(read_end) as answer:
            name = f":{answer.readline().strip()}"
        with process("openbox", env=os.environ | {"DISPLAY": name}, **quiet):
            time.sleep(0.5)
            yield name


ASK = """
import asyncio, json, sys
from core.client import Endpoint, connect
from core.progress.state import BuildState
from core.wire.pb import engine_pb2
from core.wire.services import Engine

async def images(builder):
    answer = await builder.call(Engine.LIST_IMAGES, engine_pb2.ListImagesRequest())
    return [image.name for image in answer.images]

async def running(builder):
    return (await builder.hello()).builds

async def last_build(builder):
    records = [event.record async for event in builder.history()]
    if not records:
        return []
    newest = max(records, key=lambda record: record.CreatedAt.ToNanoseconds())
    state = BuildState()
    async for status in builder.attach(newest.Ref):
        state.apply(status)
    return [
        {"name": v.name, "kind": v.vertex.kind, "state": v.state.value, "error": v.vertex.error}
        for v in state.vertices.values()
    ]

async def main():
    async with await connect(Endpoint.embedded()) as builder:
        print(json.dumps(await globals()[sys.argv[1]](builder)))

asyncio.run(main())
"""


@dataclass(frozen=True)
class Owner:
    """Whoever owns the window and its builder."""

    person: Person

    def ask(self, what: str) -> Any:
        """images, running or last_build, as the owner's own client sees it."""
        done = self.person.run([self.person.python, "-c", ASK, what], timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def folder(self, name: str, dockerfile: str) -> Path:
        """A project of the owner's."""
        folder = self.person.home / name
        folder.mkdir()
        (folder / "Dockerfile").write_text(dockerfile)
        self.person.own(folder)
        return folder


@pytest.fixture
def owner(person: Person) -> Iterator[Owner]:
    _lend_qt(person)
    yield Owner(person)
    # The next test is a first start again.
    for name in ("config", "state", "data"):
        shutil.rmtree(person.home / "window" / name, ignore_errors=True)


def _lend_qt(person: Person) -> None:
    """A copied Python comes without PySide6; a link is enough where it can be read."""
    packages = next(Path(person.python).parents[1].glob("lib/python3.*/site-packages"), None)
    target = packages / "PySide6" if packages is not None else None
    if person.python != sys.executable and target is not None and not target.exists():
        source = next(Path(sys.prefix, "lib").glob("python3.*/site-packages")) / "PySide6"
        target.symlink_to(source)


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """HOST:PORT of a registry that takes anyone."""
    folder = tmp_path_factory.mktemp("registry")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    config = folder / "config.yml"
    config.write_text(
        "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
        f"storage: {{filesystem: {{rootdirectory: {folder}/data}}}}\n"
        f"http: {{addr: 127.0.0.1:{port}, secret: x}}\n"
    )
    with process(
        "docker-registry", "serve", str(config),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ):  # fmt: skip
        wait_for(lambda: _answers(port), 10, "the registry")
        yield f"localhost:{port}"


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


Colour = tuple[int, int, int]


@dataclass
class Picture:
    """A screenshot as 8-bit RGB."""

    width: int
    height: int
    data: bytes

    def colours(self) -> int:
        """How many different colours there are; a blank window has few."""
        return len({self.data[n : n + 3] for n in range(0, len(self.data), 3 * 97)})

    def run_of(self, colour: Colour, length: int) -> tuple[int, int, int] | None:
        """(left, right, top) of the first line with ``length`` pixels of a colour in a row."""
        needle = bytes(colour) * length
        row = self.width * 3
        for y in range(self.height):
            line = self.data[y * row : (y + 1) * row]
            at = line.find(needle)
            while at >= 0 and at % 3:
                at = line.find(needle, at + 1)
            if at >= 0:
                right = at // 3
                while right < self.width and line[right * 3 : right * 3 + 3] == bytes(colour):
                    right += 1
                return at // 3, right, y
        return None


@dataclass
class App:
    """The window as a person meets it: keys, a mouse, and what is on the screen."""

    child: subprocess.Popen[bytes]
    environment: dict[str, str]
    shots: Path

    def _xdotool(self, *words: str) -> str:
        done = subprocess.run(
            ["xdotool", *words], env=self.environment, capture_output=True, text=True, check=False
        )
        return done.stdout.strip()

    def wait_for_title(self, pattern: str, seconds: float = 15) -> None:
        wait_for(
            lambda: self._xdotool("search", "--onlyvisible", "--name", pattern),
            seconds,
            f"a window called {pattern}",
        )

    def key(self, *keys: str) -> None:
        self._xdotool("key", "--clearmodifiers", *keys)
        time.sleep(0.15)

    def type(self, text: str) -> None:
        self._xdotool("type", "--delay", "15", text)
        time.sleep(0.2)

    def click(self, x: int, y: int) -> None:
        self._xdotool("mousemove", str(x), str(y), "click", "1")
        time.sleep(0.15)

    def picture(self, name: str) -> Picture:
        """What the screen shows; kept as a PNG beside the test."""
        done = subprocess.run(
            ["import", "-window", "root", "-depth", "8", "ppm:-"],
            env=self.environment, capture_output=True, check=True,
        )  # fmt: skip
        magic, size, depth, data = done.stdout.split(b"\n", 3)
        assert (magic, depth) == (b"P6", b"255")
        width, height = map(int, size.split())
        subprocess.run(
            ["convert", "ppm:-", str(self.shots / f"{name}.png")], input=done.stdout, check=False
        )
        return Picture(width, height, data)

    def build_button(self, accent: Colour) -> tuple[int, int, int]:
        """(left, right, middle) of the Build button: the widest thing in the accent's colour."""
        left, right, top = wait_for(
            lambda: self.picture("looking").run_of(accent, 60), 10, "the Build button"
        )
        return left, right, top + 14


@pytest.fixture
def start(display: str, owner: Owner, tmp_path: Path) -> Iterator[Callable[..., App]]:
    """Open the window; ``start(path)`` opens a file or a folder in it."""
    running: list[Any] = []

    def start(*arguments: str) -> App:
        person = owner.person
        environment = person.environment | {
            "DISPLAY": display,
            "VIADUCT_HOME": str(person.home / "window"),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        }
        manager = process(
            *person.prefix, person.python, "-m", "desktop.app", *arguments,
            cwd=person.project, env=environment,
        )  # fmt: skip
        child = manager.__enter__()
        running.append(manager)
        app = App(child, environment, tmp_path)
        app.wait_for_title("Viaduct")
        return app

    yield start
    for manager in reversed(running):
        manager.__exit__(None, None, None)


@pytest.fixture
def wait_until() -> Callable[[Callable[[], Any], float, str], Any]:
    return wait_for
