"""What a client may demand of the frontend: capabilities and attestations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from core.dockerfile.scalars import csv_fields
from core.errors import DockerfileError, OptionError
from core.oci.quoting import go_quote

CAPABILITIES: Final = (
    "moby.buildkit.frontend.inputs",
    "moby.buildkit.frontend.subrequests",
    "moby.buildkit.frontend.contexts",
    "moby.buildkit.frontend.gitquerystring",
)
ATTESTATIONS: Final = ("sbom", "provenance")
_PREFIXES: Final = ("attest:", "build-arg:BUILDKIT_ATTEST_")


def require_capabilities(text: str) -> None:
    """Raise ``OptionError`` for a capability (``name[+forward]``, ...) that is not there."""
    for demanded in text.split(",") if text else ():
        name = demanded.partition("+")[0]
        if name not in CAPABILITIES:
            raise OptionError(
                f"this Dockerfile frontend has no capability {name!r}",
                hint="The client is newer than this builder; update the builder.",
                phrase=f"unsupported frontend capability {name}",
            )


def parse_attestations(attrs: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The attestations asked for by type, with their options; ``OptionError`` for other types."""
    found: dict[str, dict[str, str]] = {}
    for key, value in attrs.items():
        prefix = next((p for p in _PREFIXES if key.startswith(p)), None)
        if prefix is None:
            continue
        kind = key.removeprefix(prefix).lower()
        if kind not in ATTESTATIONS:
            raise OptionError(
                f"there is no attestation {kind!r}",
                hint=f"There are {' and '.join(ATTESTATIONS)}.",
                phrase=f"unknown attestation type {go_quote(kind)}",
            )
        try:
            fields = csv_fields(value) if value else []
        except DockerfileError as error:
            raise OptionError(
                f"the options of the attestation {kind} cannot be read: {error.message}",
                phrase=f"failed to parse {kind}: {error.phrase}",
            ) from error
        pairs = (field.partition("=") for field in fields)
        found[kind] = {name: option for name, _, option in pairs}
    return found
