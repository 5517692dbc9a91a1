"""What the operations of a build may use of the client that asked for it.

``BuildContext`` is the solver's context of a job: it answers the protocols of
``core.ops.contexts``.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from weakref import WeakValueDictionary

from core.daemon.sessions import Session
from core.errors import BuilderError, Error, NotFoundError, OptionError
from core.oci.descriptor import Descriptor
from core.ops.contexts import Directory, DirectoryRequest
from core.registry.client import RegistryClient
from core.registry.credentials import Credentials


class ReceivedDirectories:
    """Copies of directories of clients on other machines, kept so that differences travel.

    ``root/KEY`` is one directory as one client shows it through one set of patterns.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def receive(self, session: Session, request: DirectoryRequest) -> Directory:
        """Bring the copy up to date."""
        parts = (
            session.shared_key or session.id,
            request.name,
            *sorted(request.include_patterns),
            "\0exclude",
            *request.exclude_patterns,
            "\0follow",
            *sorted(request.follow_paths),
        )
        key = hashlib.sha256("\0".join(parts).encode(errors="surrogateescape")).hexdigest()[:32]
        lock = self._locks.setdefault(key, asyncio.Lock())
        path = self._root / key
        async with lock:
            self._root.mkdir(parents=True, exist_ok=True)
            await session.receive_directory(
                request.name,
                path,
                includes=request.include_patterns,
                excludes=request.exclude_patterns,
                follow=request.follow_paths,
            )
            with suppress(OSError):
                os.utime(path)
        return Directory(path=path, identity=f"received:{key}", filtered=True)


class BuildContext:
    """One build's. ``local_dirs`` are directories of this machine, by the client's names."""

    def __init__(
        self,
        *,
        ref: str,
        registry: RegistryClient,
        received: ReceivedDirectories,
        scratch: Path,
        session: Session | None = None,
        local_dirs: Mapping[str, str] | None = None,
    ) -> None:
        self.ref = ref
        self.registry = registry
        self.resolved: dict[str, Descriptor] = {}
        self.session = session
        self.local_dirs = dict(local_dirs or {})
        self._received = received
        self._scratch = scratch

    def local_dir(self, name: str) -> Path | None:
        """The directory to read, or None when it has to be fetched through the session.

        Raises OptionError for one that is not there.
        """
        path = self.local_dirs.get(name)
        if path is None:
            return None
        found = Path(path)
        if not found.is_absolute():
            raise OptionError(f"the directory {path} must be given as an absolute path")
        if not found.is_dir():
            raise OptionError(
                f"the directory {path} is not there",
                phrase=f"failed to read directory {path}",
            )
        return found

    def need_session(self) -> Session:
        """The session. Raises BuilderError for a build that came without one."""
        if self.session is None:
            raise BuilderError("the build needs its client, but came without a session")
        return self.session

    @asynccontextmanager
    async def directory(self, request: DirectoryRequest) -> AsyncIterator[Directory]:
        """A directory of the client: itself on this machine, else an up-to-date copy."""
        local = self.local_dir(request.name)
        if local is not None:
            yield Directory(path=local, identity=f"local:{local}")
        else:
            yield await self._received.receive(self.need_session(), request)

    @asynccontextmanager
    async def layout(self, store: str, session: str) -> AsyncIterator[Path]:
        """An OCI layout that the client gave as a directory."""
        local = self.local_dir(store)
        if local is None:
            raise OptionError(
                f"the OCI layout {store} was not given as a directory of this machine",
                hint="OCI layouts work with the embedded builder only.",
            )
        yield local

    async def secret(self, id: str) -> bytes | None:
        """The secret, or None when the client has none of that name."""
        try:
            return await self.need_session().secret(id)
        except NotFoundError:
            return None

    @asynccontextmanager
    async def agent(self, id: str) -> AsyncIterator[Path | None]:
        """A socket that leads to the client's ssh agent; None when it lends none."""
        session = self.need_session()
        try:
            await session.check_agent(id)
        except NotFoundError:
            yield None
            return
        self._scratch.mkdir(parents=True, exist_ok=True)

        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(Error, OSError):
                await session.forward_agent(id, reader, writer)
            writer.close()

        with tempfile.TemporaryDirectory(dir=self._scratch) as place:
            path = Path(place) / "agent.sock"
            server = await asyncio.start_unix_server(carry, path)
            try:
                yield path
            finally:
                server.close()


class SessionCredentials:
    """``core.registry.credentials.CredentialSource``: the client of the build is asked once."""

    def __init__(self, session: Session | None) -> None:
        self._session = session
        self._known: dict[str, Credentials | None] = {}

    async def credentials(self, host: str) -> Credentials | None:
        if self._session is None or self._session.closed.is_set():
            return None
        if host not in self._known:
            self._known[host] = await self._session.credentials(host)
        return self._known[host]
