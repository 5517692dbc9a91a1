"""Connections to builders: a byte stream to the endpoint, upgraded where Docker's API answers."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from core.client.endpoints import Endpoint, EndpointKind, TlsFiles
from core.errors import BuilderError, OptionError
from core.wire.rpc import CallChannel, ProtocolFactory

_UPGRADE_BYTES = 64 * 1024
_CONNECT_SECONDS = 20.0
_UNIX_PATH_MAX = 100


class Dialer:
    """Opens connections to one endpoint. Closing it ends the helper processes it started."""

    def __init__(self, endpoint: Endpoint, *, socket_path: str = "") -> None:
        self._endpoint = endpoint
        self._socket_path = socket_path or endpoint.path
        self._helpers: list[asyncio.subprocess.Process] = []

    def channel(self) -> CallChannel:
        """A gRPC channel for the Control service."""
        return CallChannel(self._connect_channel)

    async def _connect_channel(self, factory: ProtocolFactory) -> Any:
        return await self.attach(factory, "/grpc")

    async def attach(
        self,
        factory: ProtocolFactory,
        path: str,
        headers: Iterable[tuple[str, str]] = (),
        *,
        accepted: bool = False,
    ) -> Any:
        """Connect a protocol; through ``POST path`` with an upgrade where Docker answers.

        ``accepted`` says that the protocol is the server of the connection. Raises BuilderError.
        """
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                sock = await self._open()
                try:
                    return await self._hand_over(sock, factory, path, headers, accepted)
                except BaseException:
                    sock.close()
                    raise
        except TimeoutError as error:
            raise BuilderError(
                f"the builder at {self._endpoint} did not answer within {_CONNECT_SECONDS:.0f} s",
                temporary=True,
            ) from error
        except ssl.SSLError as error:
            raise BuilderError(
                f"TLS with the builder at {self._endpoint} failed: {error.reason or error}",
                hint="Check the CA, certificate and key given for this builder.",
            ) from error
        except OSError as error:
            raise BuilderError(
                f"the builder at {self._endpoint} cannot be reached: {_why(error)}",
                hint=_hint(self._endpoint, error),
                temporary=True,
            ) from error

    async def _hand_over(
        self,
        sock: socket.socket,
        factory: ProtocolFactory,
        path: str,
        headers: Iterable[tuple[str, str]],
        accepted: bool,
    ) -> Any:
        loop = asyncio.get_running_loop()
        context = _tls_context(self._endpoint.tls) if self._endpoint.tls is not None else None
        if context is None:
            if self._endpoint.speaks_docker:
                await _upgrade(sock, path, headers)
            connect = loop.connect_accepted_socket if accepted else loop.create_connection
            return (await connect(factory, sock=sock))[1]
        name = (self._endpoint.tls.server_name if self._endpoint.tls else "") or self._endpoint.host
        if not self._endpoint.speaks_docker:
            context.set_alpn_protocols(["h2"])
            connected = await loop.create_connection(
                factory, sock=sock, ssl=context, server_hostname=name
            )
            return connected[1]
        # The upgrade happens inside TLS: relay the decrypted bytes through a socket pair.
        plain = await _relay_tls(sock, context, name)
        await _upgrade(plain, path, headers)
        connect = loop.connect_accepted_socket if accepted else loop.create_connection
        return (await connect(factory, sock=plain))[1]

    async def _open(self) -> socket.socket:
        loop = asyncio.get_running_loop()
        match self._endpoint.kind:
            case EndpointKind.EMBEDDED | EndpointKind.UNIX | EndpointKind.DOCKER:
                return await connect_unix(self._socket_path)
            case EndpointKind.TCP:
                error: OSError | None = None
                for family, kind, proto, _, address in await loop.getaddrinfo(
                    self._endpoint.host, self._endpoint.port, type=socket.SOCK_STREAM
                ):
                    sock = socket.socket(family, kind, proto)
                    sock.setblocking(False)
                    try:
                        await loop.sock_connect(sock, address)
                        return sock
                    except OSError as failed:
                        sock.close()
                        error = failed
                raise error or OSError(f"{self._endpoint.host} has no address")
            case EndpointKind.SSH:
                return await self._open_ssh()

    async def _open_ssh(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        try:
            command = [*_ssh_arguments(self._endpoint.host), "--", *self._endpoint.command]
            process = await asyncio.create_subprocess_exec(
                *command, stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=None
            )
        except FileNotFoundError as error:
            ours.close()
            raise BuilderError(
                "the ssh command is not installed", hint="Install an OpenSSH client."
            ) from error
        finally:
            theirs.close()
        self._helpers.append(process)
        return ours

    async def aclose(self) -> None:
        """End the helper processes."""
        for process in self._helpers:
            with suppress(ProcessLookupError):
                process.terminate()
        for process in self._helpers:
            try:
                async with asyncio.timeout(2):
                    await process.wait()
            except TimeoutError:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        self._helpers.clear()


async def connect_unix(path: str) -> socket.socket:
    """A connected socket; paths longer than the kernel's limit work on Linux."""
    loop = asyncio.get_running_loop()
    sock = socket.socket(socket.AF_UNIX)
    sock.setblocking(False)
    directory = -1
    try:
        address = path
        if len(os.fsencode(path)) > _UNIX_PATH_MAX and sys.platform == "linux":
            directory = os.open(Path(path).parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            address = f"/proc/self/fd/{directory}/{Path(path).name}"
        await loop.sock_connect(sock, address)
        return sock
    except BaseException:
        sock.close()
        raise
    finally:
        if directory >= 0:
            os.close(directory)


async def _upgrade(sock: socket.socket, path: str, headers: Iterable[tuple[str, str]]) -> None:
    """Ask Docker's API for a raw HTTP/2 stream (``Upgrade: h2c``)."""
    loop = asyncio.get_running_loop()
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: docker",
        "Connection: Upgrade",
        "Upgrade: h2c",
        *(f"{name}: {value}" for name, value in headers),
    ]
    await loop.sock_sendall(sock, ("\r\n".join(lines) + "\r\n\r\n").encode())
    answer = b""
    # One byte at a time: what follows the empty line already is HTTP/2.
    while not answer.endswith(b"\r\n\r\n") and len(answer) < _UPGRADE_BYTES:
        byte = await loop.sock_recv(sock, 1)
        if not byte:
            break
        answer += byte
    status = answer.split(b"\r\n", 1)[0].decode(errors="replace")
    if " 101 " not in f"{status} ":
        raise BuilderError(
            f"Docker did not open its BuildKit: {status or 'it closed the connection'}",
            hint="Docker 18.09 or later with BuildKit is needed.",
        )


async def _relay_tls(sock: socket.socket, context: ssl.SSLContext, name: str) -> socket.socket:
    reader, writer = await asyncio.open_connection(sock=sock, ssl=context, server_hostname=name)
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    loop = asyncio.get_running_loop()

    async def outward() -> None:
        while data := await loop.sock_recv(theirs, 1 << 18):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def inward() -> None:
        while data := await reader.read(1 << 18):
            await loop.sock_sendall(theirs, data)
        with suppress(OSError):
            theirs.shutdown(socket.SHUT_WR)

    async def both() -> None:
        try:
            await asyncio.gather(outward(), inward())
        except OSError:
            pass
        finally:
            writer.close()
            theirs.close()

    task = loop.create_task(both())
    _RELAYS.add(task)
    task.add_done_callback(_RELAYS.discard)
    return ours


# The loop holds tasks weakly; a relay lives until either side closes.
_RELAYS: set[asyncio.Task[None]] = set()


def _tls_context(files: TlsFiles) -> ssl.SSLContext:
    for path in (files.ca, files.certificate, files.key):
        if path and not Path(path).is_file():
            raise OptionError(f"the TLS file {path} is not there")
    context = ssl.create_default_context(cafile=files.ca or None)
    if files.certificate:
        context.load_cert_chain(files.certificate, files.key or None)
    return context


def _ssh_arguments(host: str) -> list[str]:
    # BatchMode: a question for a password could not be answered from here.
    return ["ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=15", "-T", host]


def _why(error: OSError) -> str:
    match error:
        case FileNotFoundError():
            return "its socket is not there"
        case ConnectionRefusedError():
            return "nobody listens there"
        case PermissionError():
            return "permission denied"
        case _:
            return error.strerror or str(error)


def _hint(endpoint: Endpoint, error: OSError) -> str:
    if isinstance(error, PermissionError) and endpoint.speaks_docker:
        return "Add your user to the docker group, or use the embedded builder."
    if endpoint.speaks_docker:
        return "Start Docker, or use the embedded builder."
    return "Start it, or choose another builder."
