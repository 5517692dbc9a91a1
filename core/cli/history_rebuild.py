"""From the record of a build back to the options of ``viaduct build``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from core.errors import OptionError
from core.wire.pb import control_pb2

_PLAIN = {
    "platform": "--platform",
    "target": "--target",
    "force-network-mode": "--network",
    "shm-size": "--shm-size",
    "ulimit": "--ulimit",
    "cgroup-parent": "--cgroup-parent",
}
_PREFIXED = {"build-arg:": "--build-arg", "label:": "--label"}
# Said elsewhere, or by the client for itself.
_SILENT = frozenset({"context", "filename", "cmdline", "source"})
_ON_THE_CLIENT = frozenset({"local", "tar", "oci", "docker"})


def build_arguments(record: control_pb2.BuildHistoryRecord) -> list[str]:
    """The words after ``viaduct build``; the context is the last.

    Secrets and ssh agents are not kept with a build and have to be given again. Raises OptionError
    for a build that cannot be said that way.
    """
    attrs = dict(record.FrontendAttrs)
    context = record.localDirs.get("context") or attrs.get("context", "")
    if not context:
        raise OptionError(
            f"build {record.Ref} cannot be made again: it does not tell its context",
            hint="Builds of other programs, and imported ones, may not.",
        )
    words = [*_file(record, attrs)]
    for key, value in sorted(attrs.items()):
        words += _option(record, key, value)
    words += _outputs(record)
    if record.title:
        words += ["--title", record.title]
    return [*words, context]


def _file(record: control_pb2.BuildHistoryRecord, attrs: dict[str, str]) -> Iterator[str]:
    name = attrs.get("filename", "Dockerfile")
    folder = record.localDirs.get("dockerfile", "")
    if folder and (folder != record.localDirs.get("context") or name != "Dockerfile"):
        yield from ("--file", str(Path(folder) / name))
    elif not folder and name != "Dockerfile":
        yield from ("--file", name)


def _option(record: control_pb2.BuildHistoryRecord, key: str, value: str) -> list[str]:
    if key in _PLAIN:
        return [_PLAIN[key], value]
    for prefix, option in _PREFIXED.items():
        if key.startswith(prefix):
            return [option, f"{key.removeprefix(prefix)}={value}"]
    if key.startswith("context:"):
        name = key.removeprefix("context:")
        source = record.localDirs[name] if value.startswith("local:") else value
        return ["--build-context", f"{name}={source}"]
    match key:
        case "no-cache":
            return ["--no-cache-filter", value] if value else ["--no-cache"]
        case "image-resolve-mode":
            return ["--pull"] if value == "pull" else []
        case "add-hosts":
            return [word for host in value.split(",") for word in ("--add-host", host)]
        case _ if key in _SILENT:
            return []
        case _:
            raise OptionError(
                f"build {record.Ref} was asked for {key}={value}, which `viaduct build` has no "
                "option for"
            )


def _outputs(record: control_pb2.BuildHistoryRecord) -> Iterator[str]:
    for exporter in record.Exporters:
        attrs = dict(exporter.Attrs)
        if exporter.Type in _ON_THE_CLIENT:
            raise OptionError(
                f"build {record.Ref} wrote type={exporter.Type} to its client, and where to is "
                "not kept",
                hint=f"`viaduct history inspect {record.Ref}` shows all that was asked for.",
            )
        names = [name for name in attrs.pop("name", "").split(",") if name]
        pushed = attrs.pop("push", "") == "true"
        if exporter.Type in {"image", "moby"} and not attrs:
            for name in names:
                yield from ("--tag", name)
            if pushed:
                yield "--push"
            continue
        fields = [f"type={exporter.Type}"]
        if names:
            fields.append(_quoted("name", ",".join(names)))
        fields += [_quoted(key, value) for key, value in sorted(attrs.items())]
        if pushed:
            fields.append("push=true")
        yield from ("--output", ",".join(fields))


def _quoted(key: str, value: str) -> str:
    """A field of a CSV line."""
    text = f"{key}={value}"
    if not any(character in text for character in ',"\n'):
        return text
    return '"' + text.replace('"', '""') + '"'
