"""The composition root of the window: ``viaduct-desktop [FILE | FOLDER]``."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

NO_DISPLAY = (
    "viaduct-desktop: there is no screen to open a window on (neither DISPLAY nor WAYLAND_DISPLAY"
    " is set). Start it from a desktop session, use `ssh -X`, or build from the command line with"
    " `viaduct build`."
)
NO_QT = (
    "viaduct-desktop: Qt cannot be loaded: {problem}. On Debian and Ubuntu:"
    " apt install libegl1 libgl1 libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4"
    " libxcb-keysyms1 libxcb-image0 libxcb-render-util0 libxcb-shape0 libxcb-xkb1"
)
NO_PYSIDE = (
    "viaduct-desktop: PySide6, which draws the window, is not installed for {python}. `./run`"
    " installs it; so does `pip install viaduct-desktop`."
)


def main(argv: Sequence[str] | None = None) -> int:
    """Open the window and stay until it is closed. Returns the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments and arguments[0] in ("-h", "--help"):
        sys.stdout.write("usage: viaduct-desktop [FILE | FOLDER]\n")
        return 0
    if arguments and arguments[0] == "--version":
        from core.version import VERSION

        sys.stdout.write(f"viaduct-desktop {VERSION}\n")
        return 0
    if not _has_display():
        sys.stderr.write(NO_DISPLAY + "\n")
        return 1
    try:
        from PySide6.QtWidgets import QApplication
    except ModuleNotFoundError:
        sys.stderr.write(NO_PYSIDE.format(python=sys.executable) + "\n")
        return 1
    except ImportError as problem:
        sys.stderr.write(NO_QT.format(problem=problem) + "\n")
        return 1
    app = QApplication([sys.argv[0]])
    app.setApplicationName("viaduct")
    app.setApplicationDisplayName("Viaduct")
    app.setDesktopFileName("viaduct")
    app.setQuitOnLastWindowClosed(False)
    return _run(app, Path(arguments[0]).absolute() if arguments else None)


def _has_display() -> bool:
    """Qt aborts the process when it finds no screen: look before it does."""
    if sys.platform != "linux" or os.environ.get("QT_QPA_PLATFORM", "") in ("offscreen", "minimal"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _run(app: object, argument: Path | None) -> int:
    from PySide6.QtWidgets import QApplication
    from qasync import QEventLoop

    assert isinstance(app, QApplication)
    loop = QEventLoop(app)
    asyncio.set_event_loop(loop)
    with loop:
        return int(loop.run_until_complete(_session(app, argument)))


async def _session(app: object, argument: Path | None) -> int:
    """Make everything, show the window, wait for its end, take everything down."""
    from PySide6.QtGui import QIcon
    from PySide6.QtWidgets import QApplication

    from core.errors import Error
    from desktop.building.translate import client_request
    from desktop.builds import BuildQueue
    from desktop.collector import Collector
    from desktop.context import Context
    from desktop.crash import CrashGuard, CrashLog
    from desktop.engine import Engine
    from desktop.notices import Notices
    from desktop.sample import install_sample
    from desktop.selection import Selection
    from desktop.settings.paths import config_folder, state_folder
    from desktop.settings.session import Journal
    from desktop.settings.settings import SettingsStore
    from desktop.tasks import Tasks
    from desktop.theme import Theme
    from desktop.theme.icons import application_icon
    from desktop.window.main_window import MainWindow, until_closed

    assert isinstance(app, QApplication)
    log = CrashLog(state_folder() / "faults.log")
    windows: list[MainWindow] = []
    guard = CrashGuard(log, lambda: windows[0] if windows else None)
    guard.install()
    settings = SettingsStore(config_folder() / "settings.json")
    theme = Theme(_scheme(settings.value.theme))
    theme.install()
    settings.changed.connect(lambda value: theme.set_scheme(_scheme(value.theme)))
    notices = Notices()
    tasks = Tasks(on_error=notices.error, on_bug=guard.report)
    try:
        engine = Engine()
    except Error as problem:
        # A builder that was chosen once and is gone must not keep the window from opening.
        engine = Engine("embedded")
        engine.problem = problem
    queue = BuildQueue(
        tasks,
        engine.start,
        lambda request: client_request(request, insecure_hosts=settings.value.insecure_registries),
        engine.attach,
        at_once=lambda: settings.value.parallel_builds,
    )
    context = Context(
        theme=theme,
        settings=settings,
        tasks=tasks,
        notices=notices,
        journal=Journal(state_folder() / "journal"),
        selection=Selection(),
        engine=engine,
        queue=queue,
    )
    app.setWindowIcon(QIcon(application_icon()))
    window = MainWindow(context)
    windows.append(window)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError, ValueError, RuntimeError):
            loop.add_signal_handler(number, window.close_at_once)
    window.show()
    window.raise_()
    window.activateWindow()
    collector = Collector(window)
    collector.start()
    ended = until_closed(window)
    tasks.start(window.restore(argument, sample=install_sample), name="restore")
    tasks.start(window.reconnect(), name="connect")
    try:
        await ended
    finally:
        await tasks.close()
        collector.stop()
        queue.close()
        await engine.close()
        window.hide()
        window.deleteLater()
        guard.remove()
        log.close()
    return 0


def _scheme(value: str):  # type: ignore[no-untyped-def]
    from desktop.theme import ColourScheme

    try:
        return ColourScheme(value)
    except ValueError:
        return ColourScheme.SYSTEM


if __name__ == "__main__":
    raise SystemExit(main())
