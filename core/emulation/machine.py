"""What this machine can execute, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from core.emulation.emulator import Emulator, HandlerInNamespace, Wrapper
from core.oci.platform import Platform


class Means(Enum):
    """How an interpreter gets to a program."""

    SYSTEM = "system"
    """A handler that is registered for the whole machine."""
    PRIVATE = "private"
    """A handler in the registry of this builder's own namespace."""
    WRAPPER = "wrapper"
    """The interpreter is put in front of each step's program; what that starts is on its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """What executes programs of a foreign platform; ``version`` is "" when it does not say."""

    program: Path
    means: Means
    version: str = ""

    @property
    def name(self) -> str:
        """``qemu-aarch64 7.2.0``, as people read it."""
        return f"{self.program.name} {self.version}".strip()

    @property
    def title(self) -> str:
        """The same, and what has to be said besides."""
        if self.means is Means.WRAPPER:
            return f"{self.name} (the step's first program alone)"
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Platforms that run here, found by running a program of each.

    ``native`` has the machine's own platform first. ``user_namespace`` is the one whose registry
    knows the ``PRIVATE`` interpreters. With ``everywhere`` native steps run in it too, so that
    they can start foreign programs: a builder that is root would lose rights by that, such as
    making device nodes, one that is not loses nothing.
    """

    native: tuple[Platform, ...]
    emulated: Mapping[Platform, Interpreter] = field(default_factory=dict)
    user_namespace: Path | None = None
    everywhere: bool = False

    @property
    def platforms(self) -> tuple[Platform, ...]:
        """All that run here, native ones first."""
        return (*self.native, *(p for p in self.emulated if p not in self.native))

    def is_native(self, platform: Platform) -> bool:
        return _base(platform) in {_base(one) for one in self.native}

    def interpreter(self, platform: Platform) -> Interpreter | None:
        """What executes ``platform``; None for one that is native or does not run here."""
        if self.is_native(platform):
            return None
        wanted = _base(platform)
        for candidate, interpreter in self.emulated.items():
            if _base(candidate) == wanted:
                return interpreter
        return None

    def runs(self, platform: Platform) -> bool:
        return self.is_native(platform) or self.interpreter(platform) is not None

    def emulator(self, platform: Platform | None) -> Emulator | None:
        """What the executor has to do for a step of ``platform``; None for nothing."""
        interpreter = None if platform is None else self.interpreter(platform)
        if interpreter is None:
            return self._for_native()
        if interpreter.means is Means.SYSTEM:
            return None
        if interpreter.means is Means.WRAPPER:
            return Wrapper(interpreter=interpreter.program)
        assert self.user_namespace is not None
        return HandlerInNamespace(
            user_namespace=self.user_namespace, interpreter=interpreter.program
        )

    def _for_native(self) -> Emulator | None:
        if not self.everywhere or self.user_namespace is None:
            return None
        means = {one.means: one.program for one in self.emulated.values()}
        if Means.PRIVATE not in means:
            return None
        return HandlerInNamespace(
            user_namespace=self.user_namespace, interpreter=means[Means.PRIVATE]
        )


def _base(platform: Platform) -> tuple[str, str, str]:
    """What decides whether a program runs; amd64's levels do not, QEMU and CPUs go by feature."""
    normal = platform.normalized()
    variant = normal.variant if normal.architecture == "arm" else ""
    return normal.os, normal.architecture, variant
