"""What the operations of a build may use of the client that asked for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from core.daemon.sessions import Session
from core.errors import BuilderError, OptionError
from core.registry.client import RegistryClient
from core.registry.credentials import Credentials


@dataclass(slots=True, kw_only=True, eq=False)
class BuildContext:
    """The solver's context of a job. ``client`` signs in as the build's user.

    ``local_dirs`` are directories of this machine that the client named, to be read directly;
    others come through the session.
    """

    ref: str
    client: RegistryClient
    session: Session | None = None
    local_dirs: Mapping[str, str] = field(default_factory=dict)

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
            raise BuilderError(
                "the build needs something of its client, but came without a session"
            )
        return self.session


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
