"""Credentials of this run: what was typed and not kept, before the keyring and Docker's file."""

from __future__ import annotations

from core.client.credentials import Credential, CredentialStore, KeyringUnavailableError


class WindowCredentials(CredentialStore):
    """One for the whole window; nothing of it is written anywhere but to the keyring."""

    def __init__(self) -> None:
        super().__init__()
        self._typed: dict[str, Credential] = {}

    async def find(self, host: str) -> Credential | None:
        typed = self._typed.get(host)
        return typed if typed is not None else await super().find(host)

    async def take(self, host: str, username: str, secret: str, *, keep: bool) -> str:
        """Use these from now on. Returns why they could not be kept, "" when all is as asked."""
        self._typed[host] = Credential(username=username, secret=secret, origin="this session")
        if not keep:
            return ""
        try:
            await self.save(host, username, secret)
        except KeyringUnavailableError as problem:
            return problem.message
        self._typed.pop(host)
        return ""

    async def forget(self, host: str) -> bool:
        """Both the typed and the kept one; whether there was any."""
        typed = self._typed.pop(host, None)
        try:
            kept = await super().forget(host)
        except KeyringUnavailableError:
            kept = False
        return kept or typed is not None
