"""Does a registry answer, and does it take the credentials that are known?

The distribution specification's ``GET /v2/``: 200 is yes, 401 says how to ask for a token.
"""

from __future__ import annotations

import re

import aiohttp

from core.client.credentials import Credential, CredentialStore
from core.errors import AuthenticationError, RegistryError

_SECONDS = 15.0
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')


async def check_registry(host: str, credentials: CredentialStore, *, insecure: bool = False) -> str:
    """One or two words on success. Raises RegistryError, AuthenticationError."""
    credential = await credentials.find(host)
    name = "registry-1.docker.io" if host == "docker.io" else host
    local = name.split(":")[0] in ("localhost", "127.0.0.1", "[::1]")
    scheme = "http" if local or insecure else "https"
    timeout = aiohttp.ClientTimeout(total=_SECONDS)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as http:
            return await _ask(http, f"{scheme}://{name}/v2/", host, credential)
    except (aiohttp.ClientError, TimeoutError, OSError) as problem:
        raise RegistryError(
            f"{host} does not answer: {problem or 'no answer in time'}.",
            hint="Check the name, the network and the proxy settings.",
            temporary=True,
        ) from problem


async def _ask(
    http: aiohttp.ClientSession, url: str, host: str, credential: Credential | None
) -> str:
    async with http.get(url) as answer:
        if answer.status == 200:
            return "works"
        challenge = answer.headers.get("WWW-Authenticate", "")
        if answer.status != 401:
            raise RegistryError(f"{host} answers {answer.status}; is it a registry?")
    if credential is None:
        raise AuthenticationError(f"{host} wants credentials.", hint="Sign in to it.")
    kind, _, rest = challenge.partition(" ")
    if kind.lower() == "bearer":
        parameters = dict(_PARAMETER.findall(rest))
        return await _token(http, parameters, host, credential)
    login = aiohttp.BasicAuth(credential.username, credential.secret)
    async with http.get(url, auth=login) as answer:
        if answer.status == 200:
            return "signed in"
    raise _refused(host, credential)


async def _token(
    http: aiohttp.ClientSession, parameters: dict[str, str], host: str, credential: Credential
) -> str:
    realm = parameters.get("realm", "")
    if not realm:
        raise RegistryError(f"{host} asks for a token and does not say where.")
    service = parameters.get("service", "")
    if credential.username:
        query = {"service": service, "account": credential.username}
        login = aiohttp.BasicAuth(credential.username, credential.secret)
        async with http.get(realm, params=query, auth=login) as answer:
            if answer.status == 200:
                return "signed in"
    else:
        form = {
            "grant_type": "refresh_token",
            "service": service,
            "client_id": "viaduct",
            "refresh_token": credential.secret,
        }
        async with http.post(realm, data=form) as answer:
            if answer.status == 200:
                return "signed in"
    raise _refused(host, credential)


def _refused(host: str, credential: Credential) -> AuthenticationError:
    who = credential.username or "this token"
    return AuthenticationError(
        f"{host} refuses {who}.", hint="The password may have changed: sign in again."
    )
