"""Build secrets: ``id=...`` with a file, an environment variable or a value behind it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from core.errors import NotFoundError, OptionError

MAX_BYTES = 500 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretSource:
    """One of the three is set; with none, the environment variable or file of the same name."""

    id: str
    file: str = ""
    env: str = ""
    value: bytes | None = None

    def read(self) -> bytes:
        """The secret. Raises NotFoundError, OptionError (larger than 500 KiB)."""
        if self.value is not None:
            return self.value
        if self.env:
            return os.environb.get(os.fsencode(self.env), b"")
        path = Path(self.file or self.id).expanduser()
        try:
            data = path.read_bytes()
        except OSError as error:
            raise NotFoundError(
                f"the secret {self.id} cannot be read from {path}: {error.strerror}"
            ) from error
        if len(data) > MAX_BYTES:
            raise OptionError(f"the secret {self.id} is larger than 500 KiB")
        return data


def parse_secret(text: str) -> SecretSource:
    """Read ``id=NAME[,src=FILE|,env=VARIABLE][,type=file|env]``. Raises OptionError."""
    fields: dict[str, str] = {}
    for part in text.split(","):
        key, equals, value = part.partition("=")
        if not equals or key.strip().lower() not in {"id", "src", "source", "env", "type"}:
            raise OptionError(
                f'--secret {text}: "{part}" is not understood',
                hint="Write --secret id=NAME,src=FILE or --secret id=NAME,env=VARIABLE.",
            )
        fields[key.strip().lower()] = value
    if not fields.get("id"):
        raise OptionError(f"--secret {text}: the id is missing")
    source = fields.get("src") or fields.get("source", "")
    env = fields.get("env", "")
    if fields.get("type") == "env" and not env:
        env, source = source or fields["id"], ""
    if not source and not env and not fields.get("type") and fields["id"] in os.environ:
        env = fields["id"]
    return SecretSource(id=fields["id"], file=source, env=env)
