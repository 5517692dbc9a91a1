"""Asking the servers: does the file that a fix would download exist for every platform?"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from dataclasses import replace

import aiohttp

from core.client import connect
from core.errors import Error
from core.lint.findings import Confidence, Finding
from core.lint.rules.advice import ImageFacts
from core.oci.media_types import is_index
from core.version import VERSION
from core.wire.pb import engine_pb2
from core.wire.services import Engine

TIMEOUT_SECONDS = 15.0
AT_ONCE = 8
ADDRESS = re.compile(r"https?://[^\s\"'`|;)>]+")


async def ask(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings with fixes judged by the servers' answers.

    All addresses of a fix answer: it becomes safe. One does not exist: it needs input, and the
    detail names the platform. What cannot be asked (variables in it, no network) stays as it is.
    """
    rows = tuple(findings)
    gate = asyncio.Semaphore(AT_ONCE)
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    async with aiohttp.ClientSession(
        timeout=timeout, headers={"User-Agent": f"viaduct/{VERSION}"}, trust_env=True
    ) as session:
        return tuple(await asyncio.gather(*(_judged(session, gate, row) for row in rows)))


async def base_images(references: Iterable[str]) -> dict[str, ImageFacts]:
    """What the local store or a registry says of base images, without those it does not have.

    Asks the embedded builder, which is started for it. Raises BuilderError where there is none.
    """
    facts: dict[str, ImageFacts] = {}
    async with await connect() as builder, builder.session() as session:

        async def look(reference: str) -> None:
            request = engine_pb2.InspectImageRequest(reference=reference, session=session)
            try:
                reply = await builder.call(Engine.INSPECT_IMAGE, request)
            except Error:
                return
            facts[reference] = ImageFacts(
                platforms=tuple(p.platform for p in reply.image.platforms if p.platform),
                is_index=is_index(reply.image.media_type),
            )

        await asyncio.gather(*(look(reference) for reference in references))
    return facts


async def _judged(
    session: aiohttp.ClientSession, gate: asyncio.Semaphore, finding: Finding
) -> Finding:
    fix = finding.fix
    if fix is None or fix.confidence is Confidence.NEEDS_INPUT:
        return finding
    addresses = {
        platform: match.group()
        for platform, text in fix.results
        if (match := ADDRESS.search(text)) and "$" not in match.group()
    }
    if not addresses or len(addresses) != len(fix.results):
        return finding
    answers = dict(
        zip(
            addresses,
            await asyncio.gather(*(_exists(session, gate, url) for url in addresses.values())),
            strict=True,
        )
    )
    missing = [platform for platform, there in answers.items() if there is False]
    if missing:
        return replace(
            finding,
            detail=f"{addresses[missing[0]]} does not exist, so there is no file for "
            f"{', '.join(missing)}",
            fix=replace(fix, confidence=Confidence.NEEDS_INPUT),
        )
    if all(answers.values()):
        return replace(finding, fix=replace(fix, confidence=Confidence.SAFE))
    return finding


async def _exists(
    session: aiohttp.ClientSession, gate: asyncio.Semaphore, address: str
) -> bool | None:
    """Whether the server has it; None where it does not say."""
    async with gate:
        try:
            async with session.head(address, allow_redirects=True) as response:
                status = response.status
            if status in {403, 405, 501}:
                # Some stores answer HEAD unlike GET; the first byte tells.
                async with session.get(
                    address, allow_redirects=True, headers={"Range": "bytes=0-0"}
                ) as response:
                    status = response.status
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return None
    if status in {404, 410}:
        return False
    return True if status < 400 else None
