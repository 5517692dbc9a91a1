"""Registry credentials: this program's own in the keyring first, then Docker's configuration."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
from dataclasses import dataclass, replace
from typing import Any

from core.client.endpoints import docker_config_dir
from core.errors import AuthenticationError, Error

SERVICE = "viaduct"
"""Under this name the keyring holds, per registry domain (``docker.io``, ``localhost:5000``), a
JSON document with ``username`` and ``secret``."""

DOCKER_HUB_KEYS = (
    "https://index.docker.io/v1/",
    "index.docker.io",
    "docker.io",
    "registry-1.docker.io",
)
_HELPER_SECONDS = 15.0


class KeyringUnavailableError(Error):
    """The secret store of the desktop is absent or locked."""

    code = "keyring"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """User and secret for a registry. An empty user marks an identity token."""

    username: str
    secret: str
    origin: str = ""
    """Where it was found, for people: "keyring", "docker config", a helper's name."""


class CredentialStore:
    """Looks credentials up; one instance remembers that the keyring does not work."""

    def __init__(self, *, use_keyring: bool = True) -> None:
        self._use_keyring = use_keyring
        self.keyring_problem = ""
        """Why the keyring was passed over, a sentence; empty when it works."""

    async def find(self, host: str) -> Credential | None:
        """The credential for a registry host, None when there is none.

        Raises AuthenticationError when a credential helper that is configured for the host fails.
        """
        return await self._from_keyring(domain_of(host)) or await find_in_docker_config(host)

    async def _from_keyring(self, key: str) -> Credential | None:
        if not self._use_keyring or self.keyring_problem:
            return None
        try:
            return await asyncio.to_thread(read_keyring, key)
        except KeyringUnavailableError as error:
            self.keyring_problem = error.message
            return None

    async def save(self, host: str, username: str, secret: str) -> None:
        """Keep a credential in the keyring. Raises KeyringUnavailableError."""
        document = json.dumps({"username": username, "secret": secret})
        await asyncio.to_thread(_with_keyring, "set_password", SERVICE, domain_of(host), document)

    async def forget(self, host: str) -> bool:
        """Remove what ``save`` kept; whether there was something."""
        key = domain_of(host)
        if await asyncio.to_thread(read_keyring, key) is None:
            return False
        await asyncio.to_thread(_with_keyring, "delete_password", SERVICE, key)
        return True


def domain_of(host: str) -> str:
    """The domain as references write it: Docker Hub's other names become ``docker.io``."""
    return "docker.io" if host in DOCKER_HUB_KEYS else host


def host_keys(host: str) -> tuple[str, ...]:
    """The names under which credentials of a host may be kept."""
    return DOCKER_HUB_KEYS if host in DOCKER_HUB_KEYS else (host, f"https://{host}")


def read_keyring(key: str) -> Credential | None:
    """Blocking. Raises KeyringUnavailableError: no secret service, or locked."""
    value = _with_keyring("get_password", SERVICE, key)
    if not value:
        return None
    try:
        document = json.loads(value)
        return Credential(
            username=document["username"], secret=document["secret"], origin="keyring"
        )
    except (ValueError, KeyError, TypeError):
        return None


def _with_keyring(operation: str, *arguments: str) -> Any:
    import keyring
    from keyring.errors import KeyringError, KeyringLocked

    try:
        return getattr(keyring, operation)(*arguments)
    except KeyringLocked as error:
        raise KeyringUnavailableError(
            "the keyring is locked", hint="Unlock it in your desktop's password application."
        ) from error
    except (KeyringError, OSError) as error:
        raise KeyringUnavailableError(
            "this session has no keyring to keep secrets in",
            hint="Log in with `docker login`; Docker's configuration is read too.",
        ) from error
    except Exception as error:
        # Backends let the errors of D-Bus libraries through, each with classes of its own.
        raise KeyringUnavailableError(f"the keyring failed: {error}") from error


async def find_in_docker_config(host: str) -> Credential | None:
    """credHelpers, then credsStore, then auths, as the docker command reads them."""
    config = await asyncio.to_thread(_docker_config)
    keys = host_keys(host)
    helpers = config.get("credHelpers") or {}
    for key in keys:
        if helper := helpers.get(key):
            return await _ask_helper(str(helper), key)
    if store := config.get("credsStore"):
        for key in keys:
            if found := await _ask_helper(str(store), key):
                return found
    auths = config.get("auths") or {}
    for key in keys:
        if found := _from_auth(auths.get(key) or auths.get(f"{key}/") or {}):
            return found
    return None


def _docker_config() -> dict[str, Any]:
    try:
        document = json.loads((docker_config_dir() / "config.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _from_auth(entry: dict[str, Any]) -> Credential | None:
    if token := entry.get("identitytoken"):
        return Credential(username="", secret=str(token), origin="docker config")
    if auth := entry.get("auth"):
        try:
            user, colon, secret = base64.b64decode(auth).decode().partition(":")
        except ValueError:
            return None
        if colon:
            return Credential(username=user, secret=secret.rstrip("\0"), origin="docker config")
    if entry.get("username"):
        return Credential(
            username=str(entry["username"]),
            secret=str(entry.get("password", "")),
            origin="docker config",
        )
    return None


async def _ask_helper(name: str, host: str) -> Credential | None:
    """Ask ``docker-credential-NAME get``; None when it has nothing for the host."""
    program = shutil.which(f"docker-credential-{name}")
    if program is None:
        raise AuthenticationError(
            f"Docker's configuration names the credential helper {name}, which is not installed",
            hint=f"Install docker-credential-{name} or remove it from "
            f"{docker_config_dir() / 'config.json'}.",
        )
    process = await asyncio.create_subprocess_exec(
        program,
        "get",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_HELPER_SECONDS):
            out, problem = await process.communicate(host.encode())
    except BaseException as error:
        if process.returncode is None:
            process.kill()
            await process.wait()
        if isinstance(error, TimeoutError):
            raise AuthenticationError(
                f"the credential helper {name} did not answer within {_HELPER_SECONDS:.0f} s"
            ) from error
        raise
    if process.returncode != 0:
        said = (out + problem).decode(errors="replace").strip()
        if "not found" in said:
            return None
        raise AuthenticationError(f"the credential helper {name} failed: {said}")
    document = json.loads(out)
    user, secret = document.get("Username", ""), document.get("Secret", "")
    if not secret:
        return None
    found = Credential(username=user, secret=secret, origin=f"docker-credential-{name}")
    return replace(found, username="") if user == "<token>" else found
