"""Builders that somebody added by name, and the one that was chosen.

``builders.json`` in the settings folder holds ``{"chosen": NAME, "builders": {NAME: ENDPOINT}}``,
endpoints as ``parse_endpoint`` reads them. A file that is damaged counts as empty until the next
change replaces it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.client.endpoints import Endpoint, docker_contexts, parse_endpoint
from core.errors import OptionError, StorageError

EMBEDDED = "embedded"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_RESERVED = frozenset({EMBEDDED, "docker", "viaduct"})


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBuilders:
    """``builders`` are texts of endpoints by name; ``chosen`` is any text for ``find_builder``."""

    builders: Mapping[str, str] = field(default_factory=dict)
    chosen: str = EMBEDDED

    def with_builder(self, name: str, endpoint: str) -> StoredBuilders:
        """Raises OptionError for a name or an endpoint that cannot be used."""
        if not _NAME.fullmatch(name):
            raise OptionError(
                f"{name!r} cannot be a builder's name",
                hint="Use letters, digits, dots, dashes and underscores.",
            )
        if name in _RESERVED or name in {context.name for context in docker_contexts()}:
            raise OptionError(f'there is a builder called "{name}" already')
        if name in self.builders:
            raise OptionError(
                f'there is a builder called "{name}" already',
                hint=f"`viaduct builders rm {name}` removes it.",
            )
        parse_endpoint(endpoint)
        return replace(self, builders={**self.builders, name: endpoint})

    def without_builder(self, name: str) -> StoredBuilders:
        """Raises OptionError where no such builder was added. The embedded one is chosen then."""
        if name not in self.builders:
            raise OptionError(
                f'no builder called "{name}" was added',
                hint="`viaduct builders ls` lists them.",
            )
        left = {key: value for key, value in self.builders.items() if key != name}
        return StoredBuilders(
            builders=left, chosen=EMBEDDED if self.chosen == name else self.chosen
        )


def settings_file() -> Path:
    """Below the same folder as the window's settings."""
    import appdirs

    if home := os.environ.get("VIADUCT_HOME"):
        return Path(home) / "config" / "builders.json"
    return Path(appdirs.user_config_dir("viaduct", appauthor=False)) / "builders.json"


def read_builders() -> StoredBuilders:
    try:
        document = json.loads(settings_file().read_text(encoding="utf-8"))
        builders = document.get("builders", {})
        chosen = document.get("chosen", EMBEDDED)
        if isinstance(builders, dict) and isinstance(chosen, str):
            texts = {str(name): str(text) for name, text in builders.items()}
            return StoredBuilders(builders=texts, chosen=chosen or EMBEDDED)
    except (OSError, ValueError, AttributeError):
        pass
    return StoredBuilders()


def write_builders(stored: StoredBuilders) -> None:
    """Replace the file whole or not at all. Raises StorageError."""
    path = settings_file()
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    text = json.dumps({"chosen": stored.chosen, "builders": dict(stored.builders)}, indent=2)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        with suppress(OSError):
            partial.unlink()


def find_builder(text: str = "") -> Endpoint:
    """The builder of that name, Docker context or endpoint; "" is the chosen one.

    Raises OptionError.
    """
    stored = read_builders()
    wanted = text or stored.chosen
    if wanted in stored.builders:
        return replace(parse_endpoint(stored.builders[wanted]), name=wanted)
    for context in docker_contexts():
        if context.name == wanted:
            return context
    try:
        return parse_endpoint(wanted)
    except OptionError as error:
        raise OptionError(
            f'there is no builder called "{wanted}"',
            hint="`viaduct builders ls` lists them; an endpoint (unix:///PATH, tcp://HOST:PORT, "
            "ssh://HOST, docker-context:NAME) does too.",
        ) from error


def all_builders() -> Iterator[Endpoint]:
    """The embedded builder, Docker's contexts, those that were added."""
    yield Endpoint.embedded()
    yield from docker_contexts()
    for name, text in read_builders().builders.items():
        try:
            yield replace(parse_endpoint(text), name=name)
        except OptionError:
            # Written by a newer version, or by hand: `builders rm` still knows its name.
            continue
