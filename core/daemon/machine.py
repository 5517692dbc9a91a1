"""What this machine can run, as the daemon's services ask for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.daemon.namespace import Confinement
from core.oci.platform import Platform, host_platform


class Machine:
    """The platforms as of now: emulators come and go while the daemon runs."""

    def __init__(self, native: Sequence[Platform], notes: Sequence[str] = ()) -> None:
        self._native = tuple(native)
        self.notes = tuple(notes)

    @classmethod
    def probe(cls, confinement: Confinement) -> Machine:
        """Find out; blocks for some ten milliseconds."""
        return cls((host_platform(),))

    def native(self) -> Sequence[Platform]:
        return self._native

    def emulated(self) -> Mapping[Platform, str]:
        """Platform to interpreter."""
        return {}

    def platforms(self) -> Sequence[Platform]:
        """Native ones first, then emulated ones."""
        return (*self.native(), *self.emulated())
