"""Fixes are judged by what a server answers."""

from __future__ import annotations

from aiohttp import web

from core.cli.check_online import ask
from core.lint.findings import Confidence
from core.lint.run import lint_text


async def _judged(paths: set[str]) -> tuple[Confidence, str]:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=200 if request.path in paths else 404)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        port = runner.addresses[0][1]
        text = (
            f"FROM debian\nARG V=1\nRUN curl -O http://127.0.0.1:{port}/a_${{V}}_linux_amd64.zip\n"
        )
        (finding,) = await ask(lint_text(text))
    finally:
        await runner.cleanup()
    assert finding.fix is not None
    return finding.fix.confidence, finding.detail


async def test_a_fix_whose_files_all_exist_is_safe() -> None:
    confidence, _ = await _judged({"/a_1_linux_amd64.zip", "/a_1_linux_arm64.zip"})
    assert confidence is Confidence.SAFE


async def test_a_fix_to_a_file_that_does_not_exist_names_the_platform() -> None:
    confidence, detail = await _judged({"/a_1_linux_amd64.zip"})
    assert confidence is Confidence.NEEDS_INPUT
    assert "linux/arm64" in detail


async def test_a_server_that_does_not_answer_changes_nothing() -> None:
    findings = lint_text("FROM debian\nRUN curl -O http://127.0.0.1:9/a_linux_amd64.zip\n")
    (finding,) = await ask(findings)
    assert finding.fix is not None
    assert finding.fix.confidence is Confidence.LIKELY
