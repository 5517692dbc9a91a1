"""The project's own wishes for linting: ``.viaduct.toml``, table ``[check]``.

Keys: ``ignore`` (rule names or numbers), ``platforms``, ``severity`` (least to report), ``fail-on``
(least that makes the command fail). The file nearest above the Dockerfile counts.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from core.errors import OptionError
from core.lint.findings import Severity
from core.lint.rules.table import BY_NAME, RULES
from core.oci.platform import parse_platform

NAME = ".viaduct.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class LintConfig:
    """What ``[check]`` says; the defaults where it says nothing."""

    ignore: frozenset[str] = frozenset()
    platforms: tuple[str, ...] = ()
    severity: Severity = Severity.INFO
    fail_on: Severity = Severity.WARNING


def find_config(start: Path) -> Path | None:
    """The configuration file that governs ``start``, a file or a folder."""
    folder = start if start.is_dir() else start.parent
    for candidate in (folder, *folder.resolve().parents):
        path = candidate / NAME
        if path.is_file():
            return path
    return None


def read_config(path: Path) -> LintConfig:
    """The configuration in ``path``; OptionError names the key that means nothing."""
    try:
        table = tomllib.loads(path.read_text("utf-8")).get("check", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise OptionError(
            f"{path} cannot be read: {error}", hint="It must be TOML with a table [check]."
        ) from error
    if not isinstance(table, dict):
        raise OptionError(f"{path}: check is not a table", hint="Write [check] above its keys.")
    unknown = sorted(set(table) - {"ignore", "platforms", "severity", "fail-on"})
    if unknown:
        raise OptionError(
            f"{path}: [check] has no key {unknown[0]!r}",
            hint="The keys are ignore, platforms, severity and fail-on.",
        )
    ignore = _strings(path, table, "ignore")
    for name in ignore:
        check_rule(name)
    return LintConfig(
        ignore=frozenset(ignore),
        platforms=tuple(str(parse_platform(p)) for p in _strings(path, table, "platforms")),
        severity=parse_severity(str(table.get("severity", "info"))),
        fail_on=parse_severity(str(table.get("fail-on", "warning"))),
    )


def check_rule(name: str) -> None:
    """OptionError where ``name`` is no rule, by name or by number."""
    known = {rule.id.value for rule in RULES} | set(BY_NAME)
    short = {rule.name.split("/", 1)[1] for rule in RULES}
    if name not in known and name not in short and "/" in name and not name.startswith("buildkit/"):
        raise OptionError(
            f"there is no rule {name!r}", hint="`viaduct check --list` names them all."
        )


def parse_severity(text: str) -> Severity:
    """``error``, ``warning`` or ``info``; OptionError for anything else."""
    try:
        return Severity(text.lower())
    except ValueError:
        raise OptionError(f"{text!r} is no severity", hint="Use error, warning or info.") from None


def _strings(path: Path, table: dict[str, object], key: str) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise OptionError(f"{path}: {key} is not a list of strings")
    return tuple(value)
