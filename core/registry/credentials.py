"""Who signs in, as the registry client asks for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Protocol

_IDENTITY_USER: Final = "<token>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A user name and password; with an empty user name, ``secret`` is an identity token."""

    username: str
    secret: str = field(repr=False)

    @property
    def is_identity_token(self) -> bool:
        """An OAuth 2 refresh token; Docker's credential helpers mark one by a special name."""
        return self.username in {"", _IDENTITY_USER}


class CredentialSource(Protocol):
    """Where credentials come from: the client's session, a keyring, a test."""

    async def credentials(self, host: str) -> Credentials | None:
        """For a registry host as it is connected to.

        Docker Hub is ``registry-1.docker.io``, which Docker's configuration files call
        ``https://index.docker.io/v1/``.
        """
        ...


class Anonymous:
    """Nobody signs in."""

    async def credentials(self, host: str) -> Credentials | None:
        return None
