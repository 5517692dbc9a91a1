"""Whether the sample needs its base image made, asked of a builder that is played."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.cli.base_images import NAME
from core.errors import RegistryError
from core.wire.pb import engine_pb2
from core.wire.services import Engine
from desktop.pages.base_images import is_sample, lacks_base_images
from desktop.settings.paths import data_folder


class Played:
    """Answers the two questions; ``reachable`` is whether the registry has the image."""

    def __init__(self, *stored: str, reachable: bool) -> None:
        self._stored = stored
        self._reachable = reachable

    async def call(self, method: object, request: object, timeout: float = 0) -> object:
        if method is Engine.LIST_IMAGES:
            images = [engine_pb2.Image(name=name) for name in self._stored]
            return engine_pb2.ListImagesResponse(images=images)
        if not self._reachable:
            raise RegistryError("the registry cannot be reached")
        return engine_pb2.InspectImageResponse()


@pytest.mark.parametrize(
    ("builder", "lacks"),
    [
        (Played(NAME, reachable=False), False),
        (Played(reachable=True), False),
        (Played("docker.io/library/alpine:latest", reachable=False), True),
    ],
)
async def test_base_images_are_made_only_where_nobody_has_them(
    builder: Played, lacks: bool
) -> None:
    assert await lacks_base_images(builder) is lacks  # type: ignore[arg-type]


def test_only_the_installed_sample_is_the_sample(tmp_path: Path) -> None:
    assert is_sample(data_folder() / "sample" / "Dockerfile")
    assert not is_sample(tmp_path / "sample" / "Dockerfile")
