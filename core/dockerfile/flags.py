"""The flags of one instruction: which it has, of which kind, and what was given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum

from core.dockerfile.suggest import suggest
from core.errors import DockerfileError


class Kind(Enum):
    """What a flag holds: yes or no, one text, or several."""

    BOOL = "bool"
    TEXT = "text"
    LIST = "list"


class Flags:
    """Flags as given. Raises DockerfileError, without a range, when they do not fit ``kinds``."""

    def __init__(self, given: Iterable[str], kinds: Mapping[str, Kind]) -> None:
        self._texts: dict[str, str] = {}
        self._lists: dict[str, list[str]] = {}
        self.used: dict[str, None] = {}
        for flag in given:
            if not self._take(flag, kinds):
                break

    def _take(self, flag: str, kinds: Mapping[str, Kind]) -> bool:
        if flag == "--":
            return False
        if not flag.startswith("--"):
            raise DockerfileError(f"{flag} is no flag", phrase=f"arg should start with -- : {flag}")
        written, equals, value = flag.partition("=")
        name = written[2:]
        kind = kinds.get(name)
        if kind is None:
            near = suggest(name, kinds)
            raise DockerfileError(
                f"There is no flag {written} here",
                hint=_known(kinds, near),
                phrase=f"unknown flag: {written}" + (f" (did you mean {near}?)" if near else ""),
            )
        if name in self.used and kind is not Kind.LIST:
            raise DockerfileError(
                f"{written} is given twice",
                hint="Keep one of the two.",
                phrase=f"duplicate flag specified: {written}",
            )
        self.used[name] = None
        if (kind is not Kind.BOOL and not equals) or (equals and not value and kind is Kind.BOOL):
            raise DockerfileError(
                f"{written} needs a value",
                hint=f"Write {written}=....",
                phrase=f"missing a value on flag: {written}",
            )
        match kind:
            case Kind.BOOL:
                if value.lower() not in ("", "true", "false"):
                    raise DockerfileError(
                        f"{written} is true or false, not {value}",
                        phrase=f"expecting boolean value for flag {written}, not: {value}",
                    )
                self._texts[name] = "false" if value.lower() == "false" else "true"
            case Kind.TEXT:
                self._texts[name] = value
            case Kind.LIST:
                self._lists.setdefault(name, []).append(value)
        return True

    def text(self, name: str, default: str = "") -> str:
        return self._texts.get(name, default)

    def on(self, name: str) -> bool:
        return self._texts.get(name) == "true"

    def maybe(self, name: str) -> bool | None:
        """None where the flag is absent."""
        return self.on(name) if name in self._texts else None

    def several(self, name: str) -> tuple[str, ...]:
        return tuple(self._lists.get(name, ()))


def _known(kinds: Mapping[str, Kind], near: str) -> str:
    if near:
        return f"Did you mean --{near}?"
    if not kinds:
        return "This instruction has no flags."
    return "There are " + ", ".join(f"--{name}" for name in sorted(kinds)) + "."
