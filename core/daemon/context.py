"""What the operations of a build may use of the client that asked for it.

``BuildContext`` is the solver's context of a job: it answers the protocols of
``core.ops.contexts``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from core.daemon.sessions import Session
from core.errors import BuilderError, OptionError
from core.oci.descriptor import Descriptor
from core.registry.client import RegistryClient
from core.registry.credentials import Credentials


class BuildContext:
    """One build's. ``local_dirs`` are directories of this machine, by the client's names."""

    def __init__(
        self,
        *,
        ref: str,
        client: RegistryClient,
        scratch: Path,
        session: Session | None = None,
        local_dirs: Mapping[str, str] | None = None,
    ) -> None:
        self.ref = ref
        self.client = client
        self.resolved: dict[str, Descriptor] = {}
        self.session = session
        self.local_dirs = dict(local_dirs or {})
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
    async def layout(self, store: str) -> AsyncIterator[Path]:
        """An OCI layout that the client gave as a directory."""
        local = self.local_dir(store)
        if local is None:
            raise OptionError(
                f"the OCI layout {store} was not given as a directory of this machine",
                hint="OCI layouts work with the embedded builder only.",
            )
        yield local


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
