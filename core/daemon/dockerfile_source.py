"""Reading the Dockerfile and the ignore file, wherever the client has them."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path

from core.daemon.build_run import BuildRun
from core.daemon.context import BuildContext
from core.errors import NotFoundError, OptionError
from core.frontend.contexts import IGNORE_FILE, MAIN_CONTEXT, entry_names
from core.frontend.options import FrontendOptions

_MAX_BYTES = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerfileSource:
    """``name`` is what errors call the Dockerfile; ``ignore`` the context's ignore file."""

    name: str
    text: bytes
    ignore: bytes = b""


class DirectoryReader:
    """Reads single files of the client's directories. ``scratch`` holds what is received."""

    def __init__(self, context: BuildContext, scratch: Path) -> None:
        self._context = context
        self._scratch = scratch

    async def dockerfile(
        self, run: BuildRun, options: FrontendOptions, *, context_is_local: bool
    ) -> DockerfileSource:
        """The Dockerfile and the ignore file that goes with it, shown as two vertices.

        Raises NotFoundError, OptionError.
        """
        directory, names = entry_names(options)
        with run.step(f"[internal] load build definition from {names['dockerfile']}") as step:
            found = await self.files(directory, tuple(names.values()))
            text = found.get(names["dockerfile"])
            if text is None and "lower" in names:
                text = found.get(names["lower"])
            if text is None:
                where = self._context.local_dirs.get(directory, "the directory that was given")
                raise NotFoundError(
                    f"there is no {names['dockerfile']} in {where}",
                    hint="Name the file with -f, or give the directory that holds it.",
                    phrase="failed to read dockerfile: open "
                    f"{names['dockerfile']}: no such file or directory",
                )
            step.status("transferring dockerfile", current=len(text), total=len(text))
        with run.step("[internal] load .dockerignore") as step:
            ignore = found.get(names["ignore"])
            if ignore is None and context_is_local:
                ignore = (await self.files(MAIN_CONTEXT, (IGNORE_FILE,))).get(IGNORE_FILE)
            size = len(ignore or b"")
            step.status("transferring context", current=size, total=size)
        return DockerfileSource(name=names["dockerfile"], text=text, ignore=ignore or b"")

    async def ignore_of(self, directory: str) -> bytes:
        """The ignore file of a named context's directory; empty if it has none."""
        return (await self.files(directory, (IGNORE_FILE,))).get(IGNORE_FILE, b"")

    async def files(self, directory: str, names: tuple[str, ...]) -> dict[str, bytes]:
        """The files among ``names`` that are in one of the client's directories."""
        local = self._context.local_dir(directory)
        if local is not None:
            return await asyncio.to_thread(read_files, local, names)
        session = self._context.need_session()
        self._scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._scratch) as place:
            await session.receive_directory(
                directory, Path(place), includes=list(names), follow=list(names)
            )
            return await asyncio.to_thread(read_files, Path(place), names)


def read_files(directory: Path, names: tuple[str, ...], head: int = 0) -> dict[str, bytes]:
    """Blocking; names that are not there are left out. With ``head``, only so many bytes.

    Raises OptionError for huge files.
    """
    found = {}
    for name in names:
        path = directory / name.lstrip("/")
        try:
            if head:
                with path.open("rb") as file:
                    found[name] = file.read(head)
                continue
            if path.stat().st_size > _MAX_BYTES:
                raise OptionError(f"{path} is larger than 16 MiB")
            found[name] = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except IsADirectoryError as error:
            raise OptionError(f"{path} is a directory, not a file") from error
        except PermissionError as error:
            raise OptionError(f"{path} cannot be read: permission denied") from error
    return found
