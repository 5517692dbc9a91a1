"""``RUN --mount`` and ``RUN --device``: their options as values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from core.dockerfile.chars import quote
from core.dockerfile.scalars import csv_fields, parse_bool, parse_size, parse_unsigned
from core.dockerfile.suggest import did_you_mean
from core.errors import DockerfileError


class MountType(Enum):
    """What a mount shows."""

    BIND = "bind"
    CACHE = "cache"
    TMPFS = "tmpfs"
    SECRET = "secret"
    SSH = "ssh"


class Sharing(Enum):
    """What happens when two steps want one cache directory at once."""

    SHARED = "shared"
    PRIVATE = "private"
    LOCKED = "locked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """One mount of a RUN. Empty texts and None stand for options that were not given.

    ``id`` belongs to cache, secret and ssh; ``env`` names the variable for a secret and is empty
    for the default name; ``size`` is in bytes.
    """

    type: MountType = MountType.BIND
    from_: str = ""
    source: str = ""
    target: str = ""
    read_only: bool = True
    size: int = 0
    id: str = ""
    sharing: Sharing | None = None
    required: bool = False
    env: str | None = None
    mode: int | None = None
    uid: int | None = None
    gid: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A CDI device of a RUN."""

    name: str
    required: bool = False


Expander = Callable[[str], str]
_E = TypeVar("_E", bound=Enum)

_KEYS = (
    *("type", "from", "source", "target", "readonly", "id", "sharing", "required", "size", "mode"),
    *("uid", "gid", "src", "dst", "destination", "ro", "rw", "readwrite", "env"),
)


def check_mount(text: str) -> None:
    """What can be said of a mount before its variables are known. Raises DockerfileError."""
    for field in _fields(text, "mounts"):
        key, equals, value = field.partition("=")
        if equals and key.lower() == "from" and 0 <= value.find("$") < len(value) - 1:
            raise DockerfileError(
                "from= of a mount cannot hold a variable",
                hint="Name the image in a stage of its own (FROM $IMAGE AS name) and mount that.",
                phrase=f"'{key.lower()}' doesn't support variable expansion, "
                "define alias stage instead",
            )


def parse_mount(text: str, expand: Expander) -> Mount:
    """The mount of one ``--mount`` with its values expanded. Raises DockerfileError, no range."""
    reader = _MountReader()
    for field in _fields(text, "mounts"):
        key, equals, value = field.partition("=")
        if equals:
            reader.option(key.lower(), expand(value), field)
        else:
            reader.word(key.lower(), field)
    return reader.mount()


def _fields(text: str, what: str) -> list[str]:
    try:
        return csv_fields(text)
    except DockerfileError as error:
        error.phrase = f"failed to parse csv {what}: {error.phrase}"
        raise


class _MountReader:
    """Options in the order given: some are refused by the type that is known so far."""

    def __init__(self) -> None:
        self._type = MountType.BIND
        self._texts: dict[str, str] = {}
        self._numbers: dict[str, int] = {}
        self._read_only: bool | None = None
        self._required = False
        self._sharing: Sharing | None = None

    def word(self, key: str, field: str) -> None:
        match key:
            case "readonly" | "ro":
                self._read_only = True
            case "readwrite" | "rw":
                self._read_only = False
            case "required":
                self._only(key, MountType.SECRET, MountType.SSH)
                self._required = True
            case _:
                raise _needs_value(field)

    def option(self, key: str, value: str, field: str) -> None:
        match key:
            case "type":
                self._type = _choice(MountType, value, "unsupported mount type")
            case "from" | "id" | "env":
                self._texts[key] = value
            case "source" | "src":
                self._texts["source"] = value
            case "target" | "dst" | "destination":
                self._texts["target"] = value
            case "readonly" | "ro":
                self._read_only = _bool(key, value)
            case "readwrite" | "rw":
                self._read_only = not _bool(key, value)
            case "required":
                self._only(key, MountType.SECRET, MountType.SSH)
                self._required = _bool(key, value)
            case "size":
                self._only(key, MountType.TMPFS)
                size = parse_size(value)
                if size is None:
                    raise _bad(key, value, f"invalid value for {key}: {value}")
                self._numbers[key] = size
            case "sharing":
                self._sharing = _choice(Sharing, value, "unsupported sharing value")
            case "mode" | "uid" | "gid":
                number = parse_unsigned(value, 8 if key == "mode" else 10)
                if number is None:
                    raise _bad(key, value, f"invalid value {value} for {key}")
                self._numbers[key] = number
            case _:
                raise DockerfileError(
                    f"A mount has no option {key}",
                    hint="There are " + ", ".join(sorted(_KEYS)) + ".",
                    phrase=f"unexpected key '{key}' in '{field}'" + did_you_mean(key, _KEYS),
                )

    def _only(self, key: str, *types: MountType) -> None:
        if self._type not in types:
            names = " or ".join(t.value for t in types)
            raise DockerfileError(
                f"{key} is an option of {names} mounts",
                hint=f"Put type={types[0].value} before it, or remove it.",
                phrase=f"unexpected key '{key}' for mount type '{self._type.value}'",
            )

    def mount(self) -> Mount:
        kind, texts = self._type, self._texts
        if kind in (MountType.BIND, MountType.TMPFS):
            for key in ("mode", "uid", "gid"):
                if key in self._numbers:
                    raise DockerfileError(
                        f"A {kind.value} mount has no {key}",
                        phrase=f'{key} not allowed for "{kind.value}" type mounts',
                    )
        if kind is MountType.SECRET:
            self._check_secret()
        if self._sharing is not None and kind is not MountType.CACHE:
            raise DockerfileError(
                f"sharing is an option of cache mounts, not of {kind.value}",
                phrase=f"invalid cache sharing set for {kind.value} mount",
            )
        writable = kind in (MountType.CACHE, MountType.TMPFS)
        return Mount(
            type=kind,
            from_=texts.get("from", ""),
            source=texts.get("source", ""),
            target=texts.get("target", ""),
            read_only=not writable if self._read_only is None else self._read_only,
            size=self._numbers.get("size", 0),
            id=texts.get("id", ""),
            sharing=self._sharing,
            required=self._required,
            env=texts.get("env"),
            mode=self._numbers.get("mode"),
            uid=self._numbers.get("uid"),
            gid=self._numbers.get("gid"),
        )

    def _check_secret(self) -> None:
        texts = self._texts
        wrong = ""
        if texts.get("from"):
            wrong = "secret mount should not have a from"
        elif self._sharing is not None:
            wrong = "secret mount should not define sharing"
        elif not (texts.get("source") or texts.get("target") or texts.get("id")):
            wrong = "invalid secret mount. one of source, target required"
        elif texts.get("source") and texts.get("id"):
            wrong = "both source and id can't be set"
        if wrong:
            raise DockerfileError(
                "The secret mount does not say which secret",
                hint="Write type=secret,id=NAME and nothing of from, source and sharing.",
                phrase=wrong,
            )


def parse_device(text: str) -> Device:
    """The device of one ``--device``. Raises DockerfileError, without a range."""
    name, required = "", False
    for field in _fields(text, "devices"):
        key, equals, value = field.partition("=")
        key = key.lower()
        if key == "required":
            required = _bool(key, value) if equals else True
        elif key == "name" and equals:
            if name:
                raise DockerfileError(
                    f"The device is already called {name}",
                    phrase=f"device name already set to {name}",
                )
            name = value
        elif not name:
            name = field
        elif not equals:
            raise _needs_value(field)
        else:
            known = ("name", "required")
            raise DockerfileError(
                f"A device has no option {key}",
                hint="There are name and required.",
                phrase=f"unexpected key '{key}' in '{field}'" + did_you_mean(key, known),
            )
    return Device(name=name, required=required)


def _needs_value(field: str) -> DockerfileError:
    return DockerfileError(
        f"The option {field} needs a value",
        hint=f"Write {field}=....",
        phrase=f"invalid field '{field}' must be a key=value pair",
    )


def _bad(key: str, value: str, phrase: str) -> DockerfileError:
    return DockerfileError(f"{value or 'Nothing'} is no value for {key}", phrase=phrase)


def _bool(key: str, value: str) -> bool:
    found = parse_bool(value)
    if found is None:
        raise _bad(key, value, f"invalid value for {key}: {value}")
    return found


def _choice(kind: type[_E], value: str, phrase: str) -> _E:
    names = [str(member.value) for member in kind]
    if value.lower() not in names:
        raise DockerfileError(
            f"{value or 'Nothing'} is none of {', '.join(names)}",
            phrase=f"{phrase} {quote(value)}" + did_you_mean(value, names),
        )
    return kind(value.lower())
