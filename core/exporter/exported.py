"""What an export hands back."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from core.exporter.image_writer import CREATED, Committed
from core.oci import times
from core.oci.descriptor import Descriptor
from core.oci.json_values import dump
from core.oci.reference import Reference, parse_reference

Finish = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """The exporter's response, in BuildKit's keys.

    ``finish`` is what is left to do when every exporter of the build has come this far: pushing.
    """

    response: dict[str, str] = field(default_factory=dict)
    descriptor: Descriptor | None = None
    finish: Finish | None = None


def response(committed: Committed, names: Sequence[str], *, created: bool) -> dict[str, str]:
    """``containerimage.digest`` and its companions; ``created`` adds the time as an annotation."""
    descriptor = committed.descriptor
    if created and not descriptor.annotation(CREATED):
        # Whole seconds, as archives have it.
        seconds = committed.created // 1_000_000_000 * 1_000_000_000
        descriptor = descriptor.annotated({CREATED: times.to_text(seconds)})
    encoded = base64.b64encode(dump(descriptor.to_json(), indent=None)).decode()
    found = {
        "containerimage.digest": str(descriptor.digest),
        "containerimage.descriptor": encoded,
    }
    if committed.config is not None:
        found["containerimage.config.digest"] = str(committed.config)
    if names:
        found["image.name"] = ",".join(names)
    return found


def with_created(committed: Committed) -> Committed:
    """With the time of creation on the descriptor, for an archive's ``index.json``."""
    if committed.descriptor.annotation(CREATED):
        return committed
    seconds = committed.created // 1_000_000_000 * 1_000_000_000
    annotated = committed.descriptor.annotated({CREATED: times.to_text(seconds)})
    return replace(committed, descriptor=annotated)


def references(names: Sequence[str], suggested: str) -> tuple[Reference, ...]:
    """The names of an image, ``*`` replaced by the frontend's, each with a tag or digest."""
    texts: list[str] = []
    for name in names:
        texts += [n for n in suggested.split(",") if n] if name == "*" else [name]
    return tuple(dict.fromkeys(parse_reference(text).tagged() for text in texts))
