"""The cells of a plan, made once for all steps that are alike."""

from __future__ import annotations

from collections.abc import Mapping

from core.frontend.planvalues import Cell, Machine
from core.frontend.varying import Partition
from core.oci.platform import Platform, matches
from core.progress.messages import Mode


class CellMaker:
    """Makes cells for the target platforms ``targets``, called ``names``, on ``machine``."""

    def __init__(
        self, names: tuple[str, ...], targets: tuple[Platform, ...], machine: Machine
    ) -> None:
        self.names = names
        self._targets = targets
        self._machine = machine
        self._made: dict[object, Mapping[str, Cell]] = {}
        self._runs: dict[Platform, tuple[bool, str]] = {}

    def can_run(self, platform: Platform) -> bool:
        native, interpreter = self._how(platform)
        return native or bool(interpreter)

    def cells(
        self,
        needed: frozenset[int],
        partition: Partition,
        runs: tuple[Platform, ...] | None,
        inputs: tuple[tuple[str, ...], ...] | None,
    ) -> Mapping[str, Cell]:
        """The cells of a step; ``runs`` is where its program runs, None if it runs none."""
        key = (needed, partition, runs, inputs)
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = {
                name: self._cell(index, needed, partition, runs, inputs)
                for index, name in enumerate(self.names)
            }
        return found

    def _cell(
        self,
        index: int,
        needed: frozenset[int],
        partition: Partition,
        runs: tuple[Platform, ...] | None,
        inputs: tuple[tuple[str, ...], ...] | None,
    ) -> Cell:
        mode, possible, interpreter = Mode.NONE, True, ""
        if runs is not None:
            native, interpreter = self._how(runs[index])
            possible = native or bool(interpreter)
            target = self._targets[index]
            same = (runs[index].os, runs[index].architecture) == (target.os, target.architecture)
            mode = Mode.EMULATED if not native else Mode.NATIVE if same else Mode.CROSS
        return Cell(
            needed=index in needed,
            mode=mode,
            possible=possible,
            interpreter=interpreter,
            shared_with=tuple(
                self.names[other]
                for other, group in enumerate(partition)
                if group == partition[index]
                and other != index
                and (other in needed) == (index in needed)
            ),
            inputs=None if inputs is None else inputs[index],
        )

    def _how(self, platform: Platform) -> tuple[bool, str]:
        """Whether ``platform`` runs natively, else by which interpreter ("" is not at all)."""
        known = self._runs.get(platform)
        if known is None:
            known = self._runs[platform] = _how(self._machine, platform)
        return known


def _how(machine: Machine, platform: Platform) -> tuple[bool, str]:
    for native in machine.native:
        if (native.os, native.architecture) == (platform.os, platform.architecture):
            return True, ""
    for emulated, interpreter in machine.emulated.items():
        if matches(emulated, platform):
            return False, interpreter or "emulated"
    return False, ""
