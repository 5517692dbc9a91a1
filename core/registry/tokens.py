"""Signing in: Basic, and Bearer tokens (the distribution project's token specification)."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import aiohttp

from core.errors import AuthenticationError, RegistryError
from core.registry.challenge import Challenge
from core.registry.credentials import Credentials, CredentialSource
from core.registry.refusals import Answer, unreachable, wrong_credentials

_CLIENT_ID: Final = "viaduct"
_DEFAULT_LIFE: Final = 60.0
_MARGIN: Final = 10.0
_REFUSED_FOR: Final = 3.0

Scopes = frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    header: str
    expires: float


def repository_scope(path: str, *actions: str) -> str:
    return f"repository:{path}:{','.join(actions)}"


class Authorizer:
    """What one host wants to see in ``Authorization``.

    Tokens are kept until shortly before they end, one for each set of scopes; requests that want
    the same one at the same time fetch it once.
    """

    def __init__(self, host: str, source: CredentialSource) -> None:
        self.host = host
        self._source = source
        self._challenge: Challenge | None = None
        self._tokens: dict[Scopes, _Token] = {}
        self._locks: dict[Scopes, asyncio.Lock] = {}
        self._user: str | None = None
        self._refusal: tuple[float, AuthenticationError | None] = (0.0, None)

    @property
    def user(self) -> str | None:
        """Who signed in last: None for nobody, empty for an identity token."""
        return self._user

    def learn(self, challenges: Iterable[Challenge]) -> None:
        """Remember how the host wants to be asked; Bearer before Basic."""
        by_scheme = {challenge.scheme: challenge for challenge in challenges}
        self._challenge = by_scheme.get("bearer") or by_scheme.get("basic") or self._challenge

    def forget(self, scopes: Scopes) -> None:
        """The token for these scopes was refused."""
        self._tokens.pop(scopes, None)

    async def header(self, session: aiohttp.ClientSession, scopes: Scopes) -> str:
        """The header's value, empty for a host that never asked.

        AuthenticationError when the credentials are refused.
        """
        challenge = self._challenge
        if challenge is None:
            return ""
        token = self._valid(scopes)
        if token is not None:
            return token.header
        async with self._locks.setdefault(scopes, asyncio.Lock()):
            token = self._valid(scopes)
            if token is None:
                self._raise_recent_refusal()
                try:
                    token = await self._fetch(session, challenge, scopes)
                except AuthenticationError as error:
                    self._refusal = (time.monotonic(), error)
                    raise
                self._tokens[scopes] = token
        return token.header

    def _raise_recent_refusal(self) -> None:
        # Uploads run side by side: one wrong password must not count as several attempts.
        moment, error = self._refusal
        if error is not None and time.monotonic() - moment < _REFUSED_FOR:
            raise error

    def _valid(self, scopes: Scopes) -> _Token | None:
        token = self._tokens.get(scopes)
        return token if token is not None and token.expires > time.monotonic() else None

    async def _fetch(
        self, session: aiohttp.ClientSession, challenge: Challenge, scopes: Scopes
    ) -> _Token:
        credentials = await self._source.credentials(self.host)
        self._user = None if credentials is None else self._name(credentials)
        if challenge.scheme == "basic":
            if credentials is None:
                return _Token(header="", expires=0.0)
            basic = _basic(credentials)
            return _Token(header=basic, expires=float("inf"))
        return await self._bearer(session, challenge, scopes, credentials)

    @staticmethod
    def _name(credentials: Credentials) -> str:
        return "" if credentials.is_identity_token else credentials.username

    async def _bearer(
        self,
        session: aiohttp.ClientSession,
        challenge: Challenge,
        scopes: Scopes,
        credentials: Credentials | None,
    ) -> _Token:
        realm = challenge.get("realm")
        if not realm.startswith(("http://", "https://")):
            raise RegistryError(
                f"{self.host} asks for a token and does not say where to get it (realm {realm!r})"
            )
        wanted = sorted(scopes) or challenge.get("scope").split()
        service = challenge.get("service")
        try:
            if credentials is not None and credentials.is_identity_token:
                form = {
                    "grant_type": "refresh_token",
                    "refresh_token": credentials.secret,
                    "service": service,
                    "client_id": _CLIENT_ID,
                    "scope": " ".join(wanted),
                }
                request = session.post(realm, data=form)
            else:
                query = [("service", service)] if service else []
                query += [("scope", scope) for scope in wanted]
                headers = {}
                if credentials is not None:
                    query.append(("account", credentials.username))
                    headers["Authorization"] = _basic(credentials)
                request = session.get(realm, params=query, headers=headers)
            async with request as response:
                body = await response.read()
                status = response.status
        except (aiohttp.ClientError, OSError) as error:
            raise unreachable(realm.split("/")[2], error) from error
        return self._read(status, body, credentials)

    def _read(self, status: int, body: bytes, credentials: Credentials | None) -> _Token:
        answer = Answer.of(status, body)
        if status in {400, 401, 403} and credentials is not None:
            raise wrong_credentials(self.host, self._name(credentials), answer)
        if status in {401, 403}:
            raise AuthenticationError(
                f"{self.host} gives no token to somebody who is not signed in{answer.said}",
                hint=f"Sign in to {self.host}.",
            )
        token, life = _token_of(body)
        if status != 200 or not token:
            raise RegistryError(
                f"the token server of {self.host} answered {status} without a token{answer.said}",
                temporary=status == 429 or status >= 500,
            )
        return _Token(
            header=f"Bearer {token}", expires=time.monotonic() + max(life - _MARGIN, life / 2)
        )


def _token_of(body: bytes) -> tuple[str, float]:
    try:
        value = _load(body)
    except ValueError:
        return "", _DEFAULT_LIFE
    token = value.get("token") or value.get("access_token")
    life = value.get("expires_in")
    seconds = float(life) if isinstance(life, int | float) and life > 0 else _DEFAULT_LIFE
    return (token if isinstance(token, str) else ""), seconds


def _basic(credentials: Credentials) -> str:
    pair = f"{credentials.username}:{credentials.secret}".encode()
    return "Basic " + base64.b64encode(pair).decode()


def _load(body: bytes) -> dict[str, object]:
    value = json.loads(body)
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value
