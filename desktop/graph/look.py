"""What each node looks like now, as the painter wants it: values without a model behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """A platform on a node. ``token`` names the colour of its state; ``icon`` the picture, in the
    colour of that name, "" for none."""

    text: str
    token: str
    state: str
    """The state in words."""
    icon: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """``token`` is the theme's role of the state; ``icon`` names its picture; ``badge`` is a mode
    and its words, such as ("emulated", "qemu-aarch64 5.2x")."""

    title: str
    token: str
    status: str
    detail: str = ""
    time: str = ""
    chips: tuple[Chip, ...] = ()
    badge: tuple[str, str] | None = None
    fraction: float | None = None
    stacked: bool = False
    folded: bool = False
    dimmed: bool = False
    planned: bool = False
    running: bool = False
    description: str = ""
    """The whole of it in words, for a tool tip and for screen readers."""


@dataclass(slots=True)
class Marks:
    """What is pointed at. Nodes outside of ``focus`` are dimmed when it is not None."""

    selected: str = ""
    hovered: str = ""
    focus: frozenset[str] | None = None
    critical: frozenset[str] = frozenset()
    critical_edges: frozenset[tuple[str, str]] = frozenset()
    affected: frozenset[str] = frozenset()
    current: str = ""
    """The node with the keyboard, shown while the canvas is ``focused``."""
    focused: bool = False
    looks: Mapping[str, Look] = field(default_factory=dict)
