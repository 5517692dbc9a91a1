"""Requests to one registry host: the right scheme, signed in, tried again."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

import aiohttp
from yarl import URL

from core.errors import Error
from core.registry.challenge import parse_challenges
from core.registry.credentials import CredentialSource
from core.registry.hosts import Endpoint, Origin
from core.registry.refusals import Answer, Call, refused, unreachable, wrong_credentials
from core.registry.retry import TEMPORARY_STATUSES, RetryPolicy
from core.registry.tokens import Authorizer, Scopes

_BODY_LIMIT: Final = 64 << 10
_HTTPS_WANTED: Final = b"HTTPS server"

Body = Callable[[], Any]
"""Makes the body of one attempt anew."""


class Transport:
    """Speaks with one endpoint. Not shared between event loops."""

    def __init__(
        self,
        endpoint: Endpoint,
        session: aiohttp.ClientSession,
        source: CredentialSource,
        retry: RetryPolicy,
    ) -> None:
        self.endpoint = endpoint
        self._session = session
        self._retry = retry
        self._authorizer = Authorizer(endpoint.host, source)
        self._origin: Origin | None = None
        self._tls: dict[Origin, ssl.SSLContext | bool] = {}
        self._meeting = asyncio.Lock()

    @property
    def user(self) -> str | None:
        """Who is signed in; None for nobody."""
        return self._authorizer.user

    async def origin(self) -> Origin:
        """The origin that speaks the protocol; asked once. RegistryError when none does."""
        async with self._meeting:
            if self._origin is None:
                self._origin = await self._meet()
            return self._origin

    async def _meet(self) -> Origin:
        first: Error | None = None
        for origin in self.endpoint.origins:
            attempt = 0
            while True:
                attempt += 1
                try:
                    async with self._session.get(origin.base, ssl=self._trust(origin)) as response:
                        body = await response.content.read(_BODY_LIMIT)
                        if response.status == 400 and _HTTPS_WANTED in body:
                            break
                        if response.status in TEMPORARY_STATUSES:
                            asked = response.headers.get("Retry-After", "")
                            wait = self._retry.delay(attempt, asked)
                            if wait is not None:
                                await self._retry.sleep(wait)
                                continue
                        self._learn(response)
                        return origin
                except (aiohttp.ClientError, OSError) as error:
                    first = first or unreachable(origin.host, error)
                    final = isinstance(error, aiohttp.ClientSSLError | aiohttp.ClientConnectorError)
                    # Nobody listens, or the wrong protocol: the next origin may be right.
                    wait = None if final and not _resets(error) else self._retry.delay(attempt)
                    if wait is None:
                        break
                    await self._retry.sleep(wait)
        raise first or unreachable(self.endpoint.host, TimeoutError())

    def _trust(self, origin: Origin) -> ssl.SSLContext | bool:
        # One object for all requests: connections are kept apart by it.
        if origin not in self._tls:
            self._tls[origin] = origin.tls()
        return self._tls[origin]

    def _learn(self, response: aiohttp.ClientResponse) -> None:
        headers = response.headers.getall("WWW-Authenticate", [])
        self._authorizer.learn(parse_challenges(headers))

    async def url(self, path: str) -> URL:
        """The URL of ``path`` below ``/v2/``; an absolute one is taken as it is."""
        origin = await self.origin()
        if path.startswith(("http://", "https://")):
            return URL(path, encoded=True)
        return URL(origin.base, encoded=True).join(URL(path, encoded=True))

    @asynccontextmanager
    async def request(
        self,
        method: str,
        path: str,
        *,
        call: Call,
        scopes: Scopes,
        expected: Collection[int],
        headers: Mapping[str, str] | None = None,
        body: Body | None = None,
        retry: bool = True,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send and give the response, whose status is one of ``expected``.

        Everything else is raised: RegistryError, AuthenticationError, ImageNotFoundError.
        ``retry`` False leaves repeating to the caller, except after signing in.
        """
        async with await self._send(
            method, path, call, scopes, expected, dict(headers or {}), body, retry=retry
        ) as response:
            yield response

    async def _send(
        self,
        method: str,
        path: str,
        call: Call,
        scopes: Scopes,
        expected: Collection[int],
        headers: dict[str, str],
        body: Body | None,
        *,
        retry: bool,
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        url = await self.url(path)
        origin = await self.origin()
        ours = url.origin() == URL(origin.base).origin()
        attempt = refusals = 0
        while True:
            attempt += 1
            sent = dict(headers)
            if ours and (token := await self._authorizer.header(self._session, scopes)):
                sent["Authorization"] = token
            wait: float | None = None
            try:
                response = await self._session.request(
                    method,
                    url,
                    headers=sent,
                    data=None if body is None else body(),
                    ssl=self._trust(origin),
                    allow_redirects=method in {"GET", "HEAD"},
                )
            except (aiohttp.ClientError, OSError) as error:
                wait = self._retry.delay(attempt) if retry else None
                if wait is None:
                    raise unreachable(self.endpoint.host, error) from error
            else:
                if response.status in expected:
                    return response
                async with response:
                    answer = Answer.of(response.status, await _body(response))
                    if response.status == 401 and ours and refusals < 1:
                        refusals += 1
                        self._learn(response)
                        self._authorizer.forget(scopes)
                        continue
                    if retry and response.status in TEMPORARY_STATUSES:
                        asked = response.headers.get("Retry-After", "")
                        wait = self._retry.delay(attempt, asked)
                if wait is None:
                    if response.status == 401 and sent.get("Authorization", "").startswith("Basic"):
                        raise wrong_credentials(self.endpoint.host, self.user or "", answer)
                    raise refused(call, answer, user=self.user)
            await self._retry.sleep(wait)


def _resets(error: Exception) -> bool:
    """A connection that was made and lost, as opposed to one that nobody took."""
    return isinstance(error, ConnectionResetError | aiohttp.ServerDisconnectedError)


async def _body(response: aiohttp.ClientResponse) -> bytes:
    try:
        return await response.content.read(_BODY_LIMIT)
    except (aiohttp.ClientError, OSError):
        return b""
