"""A privileged container on a Docker daemon, by Docker's HTTP API.

It is how handlers get onto the machine (or the virtual machine of Docker Desktop, Colima and
others) that a Docker daemon runs on: the kernel's registry can be changed from there alone.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from urllib.parse import quote

import aiohttp

from core.client.endpoints import Endpoint, EndpointKind
from core.errors import BuilderError

_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=20, sock_read=300)
_FRAME = 8


async def run_privileged(
    endpoint: Endpoint,
    image: str,
    arguments: Sequence[str],
    on_line: Callable[[str], None] = lambda line: None,
) -> str:
    """Pull ``image`` where it is missing, run it once with ``arguments``, remove the container.

    What it wrote. Raises BuilderError: no Docker, no such image, an exit status other than 0.
    """
    async with _session(endpoint) as (session, base):
        await _have(session, base, image, on_line)
        created = await _post(
            session,
            f"{base}/containers/create",
            {
                "Image": image,
                "Cmd": list(arguments),
                "HostConfig": {"Privileged": True, "NetworkMode": "none"},
            },
        )
        container = str(created["Id"])
        try:
            await _post(session, f"{base}/containers/{container}/start", None)
            ended = await _post(session, f"{base}/containers/{container}/wait", None)
            output = await _logs(session, f"{base}/containers/{container}/logs")
        finally:
            await asyncio.shield(_delete(session, f"{base}/containers/{container}?force=1"))
        status = int(str(ended.get("StatusCode", 0)))
        if status:
            last = output.strip().splitlines()[-1:] or ["it wrote nothing"]
            raise BuilderError(
                f"{image} ended with status {status} on {endpoint.name or endpoint}: {last[0]}",
                hint="A daemon in rootless mode cannot register handlers; use its machine's root.",
            )
        return output


@asynccontextmanager
async def _session(endpoint: Endpoint) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    connector: aiohttp.BaseConnector
    match endpoint.kind:
        case EndpointKind.DOCKER:
            connector, base = aiohttp.UnixConnector(path=endpoint.path), "http://docker"
        case EndpointKind.TCP if endpoint.speaks_docker:
            tls: ssl.SSLContext | bool = False
            scheme = "http"
            if endpoint.tls is not None:
                context = ssl.create_default_context(cafile=endpoint.tls.ca or None)
                if endpoint.tls.certificate:
                    context.load_cert_chain(endpoint.tls.certificate, endpoint.tls.key or None)
                tls, scheme = context, "https"
            connector = aiohttp.TCPConnector(ssl=tls)
            base = f"{scheme}://{endpoint.host}:{endpoint.port}"
        case _:
            raise BuilderError(
                f"handlers cannot be registered through {endpoint}: it is no Docker daemon that "
                "can be reached by its API",
                hint="Run `viaduct emulation enable --system` on that machine.",
            )
    try:
        async with aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT) as session:
            yield session, base
    except aiohttp.ClientConnectionError as error:
        raise BuilderError(
            f"the Docker daemon at {endpoint} cannot be reached: {error}", temporary=True
        ) from error


async def _have(
    session: aiohttp.ClientSession, base: str, image: str, on_line: Callable[[str], None]
) -> None:
    async with session.get(f"{base}/images/{quote(image, safe='/:@')}/json") as response:
        if response.status == 200:
            return
    on_line(f"pulling {image}")
    async with session.post(f"{base}/images/create", params={"fromImage": image}) as response:
        await _check(response)
        async for line in response.content:
            try:
                problem = json.loads(line).get("error", "")
            except (ValueError, AttributeError):
                continue
            if problem:
                raise BuilderError(f"{image} cannot be pulled: {problem}")


async def _post(
    session: aiohttp.ClientSession, url: str, body: dict[str, object] | None
) -> dict[str, object]:
    async with session.post(url, json=body) as response:
        await _check(response)
        value = await response.json(content_type=None) if response.status != 204 else None
    return value if isinstance(value, dict) else {}


async def _delete(session: aiohttp.ClientSession, url: str) -> None:
    async with session.delete(url):
        pass


async def _logs(session: aiohttp.ClientSession, url: str) -> str:
    async with session.get(url, params={"stdout": "1", "stderr": "1"}) as response:
        await _check(response)
        data = await response.read()
    # Each piece has a header: the stream, three zero bytes, a length in network order.
    text = bytearray()
    while len(data) >= _FRAME:
        length = int.from_bytes(data[4:_FRAME], "big")
        text += data[_FRAME : _FRAME + length]
        data = data[_FRAME + length :]
    return text.decode(errors="replace")


async def _check(response: aiohttp.ClientResponse) -> None:
    if response.status < 400:
        return
    try:
        message = str(json.loads(await response.text())["message"])
    except (ValueError, LookupError, TypeError):
        message = response.reason or f"status {response.status}"
    raise BuilderError(f"Docker refused: {message}")
