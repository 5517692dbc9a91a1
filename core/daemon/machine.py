"""What this machine can run, as the daemon's services ask for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from core.daemon.namespace import Confinement
from core.emulation.machine import Machine as Probed
from core.emulation.policy import Settings, probe_machine
from core.emulation.private import PrivateRegistry
from core.oci.platform import Platform


class Machine:
    """The platforms as of now: emulators come and go while the daemon runs."""

    def __init__(
        self, confinement: Confinement, directory: Path, settings: Settings | None = None
    ) -> None:
        self._confinement = confinement
        self._directory = directory
        self._settings = settings or Settings()
        self._current = self._probe()
        self.notes: tuple[str, ...] = ()
        if confinement.registry is None:
            self.notes = (
                "This kernel gives no handler registry of its own (Linux 6.7 has them): platforms "
                "are emulated by the machine's handlers, or one program at a time.",
            )

    def _probe(self) -> Probed:
        return probe_machine(
            self._confinement.registry,
            self._settings,
            directory=self._directory,
            binfmt_misc=self._confinement.system_registry,
            everywhere=self._confinement.rootless,
        )

    @property
    def current(self) -> Probed:
        return self._current

    def refresh(self) -> Probed:
        """Look again; blocks for some 100 ms."""
        self._current = self._probe()
        return self._current

    @property
    def registry(self) -> PrivateRegistry | None:
        """The builder's own handlers."""
        return self._confinement.registry

    @property
    def system_registry(self) -> Path:
        """Where the machine's own handlers can be read."""
        return self._confinement.system_registry

    @property
    def settings(self) -> Settings:
        return self._settings

    def apply(self, settings: Settings) -> Probed:
        """Switch emulators as ``settings`` say; blocks for some 100 ms."""
        self._settings = settings
        return self.refresh()

    def native(self) -> Sequence[Platform]:
        return self._current.native

    def emulated(self) -> Mapping[Platform, str]:
        """Platform to interpreter."""
        return {p: str(i.program) for p, i in self._current.emulated.items()}

    def platforms(self) -> Sequence[Platform]:
        """Native ones first, then emulated ones."""
        return self._current.platforms
