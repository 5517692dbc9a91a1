"""What a differential case is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.integration.differential.contexts import Made


@dataclass(frozen=True, slots=True)
class Case:
    """A Dockerfile that two builders have to agree on.

    ``expected``: what the image holds beyond its base, where Docker 20.10 does not know the syntax
    or is known to be wrong; then ``config`` is what the config must hold. ``fails``: neither may
    build it, and our sentence contains this.
    """

    name: str
    dockerfile: str
    context: Mapping[str, Made] = field(default_factory=dict)
    args: Mapping[str, str] = field(default_factory=dict)
    target: str = ""
    expected: Mapping[str, str] | None = None
    config: Mapping[str, object] | None = None
    fails: str = ""
    oracle: bool = True

    def __str__(self) -> str:
        return self.name
