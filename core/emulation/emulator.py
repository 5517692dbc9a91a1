"""How a step of a foreign platform is to be executed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerInNamespace:
    """Run the container inside ``user_namespace``, whose registry knows ``interpreter``."""

    user_namespace: Path
    interpreter: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrapper:
    """Put ``interpreter`` (static) in front of the step's program: no handler can be registered.

    Programs that the step's program starts are not helped: see ``core.emulation.policy``.
    """

    interpreter: Path


Emulator = HandlerInNamespace | Wrapper
