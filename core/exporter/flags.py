"""Values of exporter options: every one arrives as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from core.errors import OptionError

_TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE: Final = frozenset({"0", "f", "F", "FALSE", "false", "False"})


class Options:
    """The attributes of one exporter, each taken out once; what is left over was not understood."""

    def __init__(self, attrs: Mapping[str, str]) -> None:
        self._left = dict(attrs)

    def text(self, name: str, default: str = "") -> str:
        return self._left.pop(name, default)

    def flag(self, name: str, default: bool) -> bool:
        """A boolean; the option without a value means yes."""
        found = self.maybe_flag(name)
        return default if found is None else found

    def maybe_flag(self, name: str) -> bool | None:
        value = self._left.pop(name, None)
        if value is None:
            return None
        if value in _TRUE or value == "":
            return True
        if value in _FALSE:
            return False
        raise OptionError(
            f"the export option {name}={value} is neither true nor false",
            phrase=f"non-bool value specified for {name}",
        )

    def number(self, name: str) -> int | None:
        value = self._left.pop(name, "")
        if not value:
            return None
        try:
            return int(value)
        except ValueError:
            raise OptionError(
                f"the export option {name}={value} is not a number",
                phrase=f"non-integer value for {name}",
            ) from None

    def take(self, prefix: str) -> dict[str, str]:
        """Every option whose name starts with ``prefix``."""
        found = {name: value for name, value in self._left.items() if name.startswith(prefix)}
        for name in found:
            del self._left[name]
        return found

    @property
    def rest(self) -> tuple[str, ...]:
        """Names that nobody took."""
        return tuple(sorted(self._left))
