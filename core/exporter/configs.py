"""The image config of a finished image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from core.exporter.source import ExportLayer
from core.oci import times
from core.oci.digest import Digest
from core.oci.image_config import History, ImageConfig, complete_history


def finished_config(
    config: Mapping[str, Any],
    layers: Sequence[ExportLayer],
    diff_ids: Iterable[Digest],
    *,
    base_config: bytes | None,
    epoch: int | None,
) -> ImageConfig:
    """``config`` with diff IDs, a complete history and its time of creation.

    ``epoch`` (seconds) is the latest time it may carry, but for what the base image brought.
    ImageFormatError when os or architecture is missing.
    """
    image = ImageConfig(dict(config))
    image.check_exportable()
    described = [
        History(
            created=times.to_text(layer.created) if layer.created else "",
            created_by=layer.created_by,
        )
        for layer in layers
    ]
    history = complete_history(image.history, described)
    created = image.created
    if epoch is not None:
        limit = epoch * 1_000_000_000
        base = () if base_config is None else ImageConfig.parse(base_config).history
        history = _clamped(history, base, limit)
        if created and times.from_text(created) > limit:
            created = times.to_text(limit)
    if not created:
        created = next((entry.created for entry in reversed(history) if entry.created), "")
    return image.with_layers(diff_ids, history, created=created)


def _clamped(
    history: Sequence[History], base: Sequence[History], limit: int
) -> tuple[History, ...]:
    done: list[History] = []
    ours = False
    for number, entry in enumerate(history):
        ours = ours or number >= len(base) or entry != base[number]
        if ours and (not entry.created or times.from_text(entry.created) > limit):
            entry = replace(entry, created=times.to_text(limit))
        done.append(entry)
    return tuple(done)
