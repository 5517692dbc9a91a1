"""A real window on an X server of its own, a builder with base images, and a registry."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from core.cli.base_images import build_base, make_base
from core.client import Endpoint, connect
from core.client.builder import Builder

ROOT = Path(__file__).parents[3]
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


@dataclass
class Home:
    """Places of the test's own, and the environment that leads a program there."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def ask(self, work: Callable[[Builder], Any]) -> Any:
        """Run a coroutine function with the builder of this home."""

        async def run() -> Any:
            async with await connect(Endpoint.embedded()) as builder:
                return await work(builder)

        before = dict(os.environ)
        os.environ.update(self.environment)
        try:
            return asyncio.run(run())
        finally:
            os.environ.clear()
            os.environ.update(before)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A builder whose store holds busybox for every platform that Debian has."""
    if shutil.which("apt-get") is None:
        pytest.skip("there is no apt here to make base images with")
    folder = tmp_path_factory.mktemp("home")
    places = {
        name: str(folder / name.lower())
        for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME",
                     "XDG_CACHE_HOME", "VIADUCT_ROOT", "VIADUCT_HOME", "DOCKER_CONFIG")
    }  # fmt: skip
    runtime = tmp_path_factory.mktemp("rt", numbered=True)
    runtime.chmod(0o700)
    places["VIADUCT_RUNTIME_DIR"] = str(runtime)
    places["VIADUCT_IDLE_SECONDS"] = "0"
    places["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
    for path in places.values():
        Path(path).mkdir(parents=True, exist_ok=True)
    found = Home(folder, places)
    base = make_base(folder / "base")
    found.ask(lambda builder: build_base(builder, base))
    yield found
    subprocess.run(
        [sys.executable, "-m", "core.cli.main", "daemon", "stop", "--force"],
        env=os.environ | places, cwd=ROOT, check=False, capture_output=True, timeout=60,
    )  # fmt: skip


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
def start(display: str, home: Home, tmp_path: Path) -> Iterator[Callable[..., App]]:
    """Open the window; ``start(path)`` opens a file or a folder in it."""
    running: list[Any] = []

    def start(*arguments: str) -> App:
        environment = os.environ | home.environment | {"DISPLAY": display}
        environment.pop("QT_QPA_PLATFORM", None)
        manager = process(
            sys.executable, "-m", "desktop.app", *arguments, cwd=ROOT, env=environment
        )
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
