"""Emulation on the machine of a Docker daemon: what it runs, and its handlers switched there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from core.client.docker_privileged import run_privileged
from core.client.endpoints import Endpoint, EndpointKind
from core.emulation.architectures import ARCHITECTURES, Architecture, architecture_of
from core.emulation.images import IMAGES
from core.oci.platform import parse_platform
from core.progress.messages import Mode
from core.wire.pb import control_pb2, engine_pb2
from desktop.building.platform_card import PlatformState

IMAGE = IMAGES[0]
_MODES = {
    Mode.NATIVE: control_pb2.VERTEX_MODE_NATIVE,
    Mode.EMULATED: control_pb2.VERTEX_MODE_EMULATED,
}


def can_register(endpoint: Endpoint) -> bool:
    """Whether a privileged container can be run there."""
    tcp = endpoint.kind is EndpointKind.TCP and endpoint.speaks_docker
    return endpoint.kind is EndpointKind.DOCKER or tcp


def answer_of(
    platforms: Mapping[str, PlatformState], name: str, *, switchable: bool
) -> engine_pb2.EmulationResponse:
    """What another builder says that it runs, in the form of the embedded one's answer."""
    known = dict.fromkeys(str(p) for one in ARCHITECTURES for p in one.platforms)
    states = []
    for platform in {**known, **dict.fromkeys(platforms)}:
        found = platforms.get(platform)
        mode = control_pb2.VERTEX_MODE_NONE
        if found is not None:
            mode = _MODES.get(found.mode, control_pb2.VERTEX_MODE_NONE)
        states.append(
            engine_pb2.ArchitectureState(platform=platform, mode=mode, can_enable=switchable)
        )
    return engine_pb2.EmulationResponse(host=name, architectures=states)


def privileged_runs(platforms: Sequence[str], *, on: bool) -> tuple[tuple[str, ...], ...]:
    """The arguments of each run of IMAGE; for every architecture when none is named."""
    found: dict[str, Architecture] = {}
    for name in platforms:
        architecture = architecture_of(parse_platform(name))
        if architecture is not None:
            found[architecture.qemu] = architecture
    return IMAGE.container_arguments(tuple(found.values()) or ARCHITECTURES, on=on)


async def switch(
    endpoint: Endpoint, runs: Sequence[Sequence[str]], on_line: Callable[[str], None]
) -> None:
    """Raises BuilderError with the daemon's or the container's words."""
    for words in runs:
        on_line(" ".join((IMAGE.reference.partition("@")[0], *words)))
        await run_privileged(endpoint, IMAGE.reference, words, on_line)
