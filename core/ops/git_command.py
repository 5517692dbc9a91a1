"""Running ``git`` without asking anybody, and without anybody's configuration."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import shlex
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from core.errors import BuilderError, MachineError, NotFoundError

_ENDING_SECONDS: Final = 3.0
_SECRET: Final = re.compile(r"://[^/@\s]+@")


class Git:
    """The ``git`` command for one repository.

    ``header`` is an Authorization header and ``token`` a token for it; both go to ``url`` only and
    never on a command line. ``log`` gets what git says. ``known_hosts`` are lines of that file.
    """

    def __init__(
        self,
        *,
        url: str,
        log: Callable[[bytes], None],
        header: str = "",
        token: str = "",
        known_hosts: str = "",
        ssh_socket: str = "",
    ) -> None:
        self._url = url
        self._log = log
        self._known_hosts = known_hosts
        self._ssh_socket = ssh_socket
        if token and not header:
            pair = base64.b64encode(f"x-access-token:{token}".encode()).decode()
            header = f"basic {pair}"
        self._header = header

    async def run(self, *args: str, cwd: Path | None = None) -> str:
        """Run ``git ARGS``; what it wrote to standard output.

        NotFoundError where there is no such repository, BuilderError for other failures,
        MachineError without git. Cancelled, git is ended first.
        """
        with tempfile.TemporaryDirectory(prefix="git-") as scratch:
            environment = self._environment(Path(scratch))
            try:
                process = await asyncio.create_subprocess_exec(
                    "git",
                    *args,
                    cwd=cwd,
                    env=environment,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.PIPE,
                    start_new_session=True,
                    umask=0o022,
                )
            except FileNotFoundError as error:
                raise MachineError(
                    "git is not installed, and this build has a git source.",
                    hint="Install the git package.",
                ) from error
            try:
                output, said = await process.communicate()
            except asyncio.CancelledError:
                await asyncio.shield(_end(process))
                raise
        text = _SECRET.sub("://", said.decode(errors="replace"))
        if text.strip():
            self._log(text.encode())
        if process.returncode:
            raise self._failure(args[0], text)
        return output.decode(errors="surrogateescape")

    def _environment(self, scratch: Path) -> dict[str, str]:
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(scratch),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "true",
            "LC_ALL": "C",
        }
        for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy", "SSL_CERT_FILE"):
            for spelled in (name, name.upper()):
                if spelled in os.environ:
                    environment[spelled] = os.environ[spelled]
        settings = {
            "protocol.file.allow": "user" if self._url.startswith(("http", "ssh")) else "always",
            "safe.directory": "*",
            "advice.detachedHead": "false",
            "init.defaultBranch": "main",
            "gc.auto": "0",
        }
        if self._header and self._url.startswith(("http://", "https://")):
            settings[f"http.{self._url}.extraheader"] = f"Authorization: {self._header}"
        environment["GIT_CONFIG_COUNT"] = str(len(settings))
        for number, (key, value) in enumerate(settings.items()):
            environment[f"GIT_CONFIG_KEY_{number}"] = key
            environment[f"GIT_CONFIG_VALUE_{number}"] = value
        ssh = ["ssh", "-F", "/dev/null", "-o", "BatchMode=yes"]
        if self._known_hosts:
            hosts = scratch / "known_hosts"
            hosts.write_text(self._known_hosts)
            ssh += ["-o", f"UserKnownHostsFile={hosts}"]
        else:
            ssh += ["-o", "StrictHostKeyChecking=accept-new"]
        environment["GIT_SSH_COMMAND"] = shlex.join(ssh)
        if self._ssh_socket:
            environment["SSH_AUTH_SOCK"] = self._ssh_socket
        return environment

    def _failure(self, command: str, text: str) -> BuilderError | NotFoundError:
        last = next((line for line in reversed(text.strip().splitlines()) if line), "")
        last = last.removeprefix("fatal: ").removeprefix("error: ")
        phrase = f"failed to run git {command}"
        url = _SECRET.sub("://", self._url)
        lost = ("not found", "does not appear to be a git repository", "does not exist")
        if any(words in text for words in lost):
            return NotFoundError(
                f"There is no git repository at {url}: {last}.",
                hint="Check the URL; for a private repository give the secret GIT_AUTH_TOKEN.",
                phrase=phrase,
            )
        if "could not read Username" in text or "Authentication failed" in text:
            return BuilderError(
                f"{url} wants credentials.",
                hint="Give the secret GIT_AUTH_TOKEN: --secret id=GIT_AUTH_TOKEN.",
                phrase=phrase,
            )
        return BuilderError(f"git {command} of {url} failed: {last}.", phrase=phrase)


async def _end(process: asyncio.subprocess.Process) -> None:
    for send in (process.terminate, process.kill):
        try:
            send()
        except ProcessLookupError:
            return
        try:
            async with asyncio.timeout(_ENDING_SECONDS):
                await process.wait()
                return
        except TimeoutError:
            continue
