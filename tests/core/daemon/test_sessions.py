"""Both halves of a session: the client's services called by the daemon, streams in a stream."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from core.client.credentials import Credential, CredentialStore
from core.client.file_services import Output
from core.client.secret_sources import SecretSource
from core.client.session import SessionServer, SessionServices
from core.daemon.sessions import Session, Sessions
from core.errors import BuilderError, NotFoundError
from core.registry.credentials import Credentials
from core.wire.rpc import join, route
from core.wire.services import Control
from core.wire.tree import walk

Connected = Callable[[SessionServer], Any]


class _Store(CredentialStore):
    async def find(self, host: str) -> Credential | None:
        return Credential(username="me", secret="s") if host == "r.example" else None


@pytest.fixture
def connected(joined: Callable[[dict[str, Any]], Any]) -> Connected:
    """``async with connected(server) as session``: the daemon's view of a client's session."""

    @asynccontextmanager
    async def connect(server: SessionServer) -> AsyncIterator[Session]:
        sessions = Sessions()
        async with joined(join(route(Control.SESSION, sessions.serve))) as channel:
            ready = asyncio.Event()
            running = asyncio.create_task(
                server.run(None, channel, docker=False, ready=ready.set)  # type: ignore[arg-type]
            )
            await ready.wait()
            session = await sessions.get(server.id)
            try:
                yield session
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
            async with asyncio.timeout(5):
                await session.closed.wait()
            assert len(sessions) == 0

    return connect


async def test_credentials_are_asked_of_the_client(connected: Connected) -> None:
    server = SessionServer(SessionServices(credentials=_Store()))
    async with connected(server) as session:
        assert await session.credentials("r.example") == Credentials(username="me", secret="s")
        assert await session.credentials("other") is None


async def test_secrets_are_given_by_id(connected: Connected) -> None:
    services = SessionServices(secrets=(SecretSource(id="a", value=b"\x00x"),))
    async with connected(SessionServer(services)) as session:
        assert await session.secret("a") == b"\x00x"
        with pytest.raises(NotFoundError, match='"b"'):
            await session.secret("b")


async def test_a_directory_is_received_in_part(connected: Connected, tmp_path: Path) -> None:
    context = tmp_path / "context"
    (context / "sub").mkdir(parents=True)
    for name in ("a", "b", "sub/c", "ünï"):
        (context / name).write_text(name)
    server = SessionServer(SessionServices(), directories={"context": str(context)})
    async with connected(server) as session:
        target = tmp_path / "target"
        await session.receive_directory("context", target, includes=["sub", "ünï"])
        assert sorted(p.name for p in target.rglob("*")) == ["c", "sub", "ünï"]
        await session.receive_directory("context", target, excludes=["sub"])
        assert sorted(p.name for p in target.rglob("*")) == ["a", "b", "ünï"]
        with pytest.raises(NotFoundError, match='"other"'):
            await session.receive_directory("other", target)


async def test_results_go_to_where_the_client_wants_them(
    connected: Connected, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "x").write_bytes(b"y" * 100_000)
    outputs = {0: Output(file=str(tmp_path / "file")), 1: Output(directory=str(tmp_path / "dir"))}
    async with connected(SessionServer(SessionServices(), outputs=outputs)) as session:
        async with session.file_writer(exporter=0, metadata={"image.name": "n"}) as file:
            for _ in range(3):
                await file.write(b"z" * 1_500_000)
        await session.send_directory(walk(str(source)), exporter=1)
        with pytest.raises(NotFoundError, match="nobody asked"):
            await session.send_directory(walk(str(source)), exporter=7)
    assert (tmp_path / "file").read_bytes() == b"z" * 4_500_000
    assert (tmp_path / "dir" / "x").read_bytes() == b"y" * 100_000


async def test_an_export_that_fails_leaves_the_old_file(
    connected: Connected, tmp_path: Path
) -> None:
    target = tmp_path / "file"
    target.write_text("before")
    server = SessionServer(SessionServices(), outputs={0: Output(file=str(target))})
    async with connected(server) as session:
        with pytest.raises(RuntimeError, match="no more"):
            async with session.file_writer(exporter=0, metadata={}) as file:
                await file.write(b"half")
                raise RuntimeError("no more")
    assert target.read_text() == "before"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


async def test_an_ssh_agent_is_lent(connected: Connected) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"agent says " + await reader.read(100))
        await writer.drain()
        writer.close()

    with tempfile.TemporaryDirectory(prefix="va") as folder:
        agent = await asyncio.start_unix_server(echo, f"{folder}/agent")
        server = SessionServer(SessionServices(ssh={"default": f"{folder}/agent"}))
        async with connected(server) as session:
            assert await session.check_agent("default")
            assert not await session.check_agent("other")

            async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await session.forward_agent("default", reader, writer)

            step = await asyncio.start_unix_server(carry, f"{folder}/step")
            reader, writer = await asyncio.open_unix_connection(f"{folder}/step")
            writer.write(b"hello")
            assert await reader.read(100) == b"agent says hello"
            writer.close()
            step.close()
        agent.close()


async def test_what_a_client_does_not_offer_is_not_asked_for(connected: Connected) -> None:
    async with connected(SessionServer(SessionServices())) as session:
        assert not await session.check_agent("default")
        with pytest.raises(BuilderError, match="takes no files"):
            await session.send_directory([], exporter=0)


async def test_a_session_that_has_gone_says_so(connected: Connected) -> None:
    async with connected(SessionServer(SessionServices(credentials=_Store()))) as session:
        pass
    with pytest.raises(BuilderError, match="went away"):
        await session.credentials("r.example")


async def test_a_session_that_never_comes_is_not_waited_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("core.daemon.sessions._WAIT_SECONDS", 0.01)
    with pytest.raises(BuilderError, match="did not connect"):
        await Sessions().get("nobody")
