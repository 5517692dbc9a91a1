"""One function an instruction: from the node to the typed value.

What is checked, in which order, and what is left unchecked (the flags of ARG, STOPSIGNAL and
``HEALTHCHECK NONE``) follows BuildKit's ``instructions/parse.go``. Errors have no range yet.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from core.dockerfile.argcount import count_error, require_one, require_some, require_two
from core.dockerfile.chars import quote, trim_space
from core.dockerfile.commands import (
    Add,
    Arg,
    ArgDefinition,
    Cmd,
    Copy,
    Entrypoint,
    Env,
    Expose,
    From,
    Instruction,
    KeyValue,
    Label,
    Maintainer,
    OnBuild,
    Run,
    Shell,
    SourceContent,
    StopSignal,
    User,
    Volume,
    Workdir,
    inline_files,
)
from core.dockerfile.flags import Flags, Kind
from core.dockerfile.healthcheck import build_healthcheck
from core.dockerfile.heredoc import HeredocWord, parse_heredoc_word
from core.dockerfile.mounts import check_mount, parse_device
from core.dockerfile.nodes import Node
from core.errors import DockerfileError

_STAGE_NAME = re.compile(r"[a-z][a-z0-9\-_.]*")
_ONBUILD = re.compile(r"[\t\n\f\r ]*ONBUILD[\t\n\f\r ]*", re.IGNORECASE)
_NONE: Mapping[str, Kind] = {}
_COPY = {
    **dict.fromkeys(("chown", "from", "chmod"), Kind.TEXT),
    **dict.fromkeys(("link", "parents"), Kind.BOOL),
    "exclude": Kind.LIST,
}
_ADD = {
    **dict.fromkeys(("chown", "chmod", "checksum"), Kind.TEXT),
    **dict.fromkeys(("link", "keep-git-dir", "unpack"), Kind.BOOL),
    "exclude": Kind.LIST,
}
_RUN = {"mount": Kind.LIST, "device": Kind.LIST, "network": Kind.TEXT, "security": Kind.TEXT}


def _doc(comments: tuple[str, ...], name: str) -> str:
    if not name:
        return ""
    return next((c[len(name) + 1 :] for c in comments if c.startswith(name + " ")), "")


def _blank_name(node: Node) -> DockerfileError:
    command = node.name.upper()
    return DockerfileError(
        f"{command} has a = with no name before it", phrase=f"{command} names can not be blank"
    )


def _pairs(node: Node) -> tuple[KeyValue, ...]:
    Flags(node.flags, _NONE)
    require_some(node)
    args = node.args
    pairs = tuple(
        KeyValue(key=args[i], value=args[i + 1], legacy=not args[i + 2])
        for i in range(0, len(args), 3)
    )
    if any(not pair.key for pair in pairs):
        raise _blank_name(node)
    return pairs


def _command(node: Node) -> tuple[str, ...]:
    return node.args if node.json or not node.args else (" ".join(node.args),)


def _sources(node: Node) -> tuple[tuple[str, ...], tuple[SourceContent, ...], str]:
    *given, destination = node.args
    command = node.name.upper()
    if _heredoc(destination) is not None:
        raise DockerfileError(
            f"The destination of {command} is a here-document",
            hint="Put the destination's path after it.",
            phrase=f"{command} cannot accept a heredoc as a destination",
        )
    bodies = {heredoc.name: heredoc for heredoc in node.heredocs}
    sources: list[str] = []
    contents: list[SourceContent] = []
    for source in given:
        word = _heredoc(source)
        if word is None:
            sources.append(source)
            continue
        body = bodies.get(word.name)
        text = body.content if body else ""
        if word.chomp:
            text = "\n".join(line.lstrip("\t") for line in text.split("\n"))
        contents.append(SourceContent(path=word.name, content=text, expand=word.expand))
    return tuple(sources), tuple(contents), destination


def _heredoc(word: str) -> HeredocWord | None:
    try:
        return parse_heredoc_word(word)
    except DockerfileError:
        return None


def _add(node: Node) -> Add:
    require_two(node)
    flags = Flags(node.flags, _ADD)
    sources, contents, destination = _sources(node)
    return Add(
        node=node,
        sources=sources,
        contents=contents,
        destination=destination,
        chown=flags.text("chown"),
        chmod=flags.text("chmod"),
        link=flags.on("link"),
        excludes=flags.several("exclude"),
        keep_git_dir=flags.maybe("keep-git-dir"),
        checksum=flags.text("checksum"),
        unpack=flags.maybe("unpack"),
    )


def _copy(node: Node) -> Copy:
    require_two(node)
    flags = Flags(node.flags, _COPY)
    sources, contents, destination = _sources(node)
    return Copy(
        node=node,
        sources=sources,
        contents=contents,
        destination=destination,
        chown=flags.text("chown"),
        chmod=flags.text("chmod"),
        link=flags.on("link"),
        excludes=flags.several("exclude"),
        from_=flags.text("from"),
        parents=flags.on("parents"),
    )


def _from(node: Node) -> From:
    args = node.args
    name = ""
    if len(args) == 3 and args[1].lower() == "as":
        name = args[2].lower()
        if not _STAGE_NAME.fullmatch(name):
            raise DockerfileError(
                f"{args[2]} cannot name a stage",
                hint="A name starts with a letter; then letters, digits, -, _ and . may follow.",
                phrase=f"invalid name for build stage: {quote(args[2])}, "
                "name can't start with a number or contain symbols",
            )
    elif len(args) != 1:
        raise count_error(
            node, "requires either one or three arguments", hint="Write FROM image [AS name]."
        )
    flags = Flags(node.flags, {"platform": Kind.TEXT})
    return From(
        node=node,
        base_name=args[0],
        stage_name=name,
        platform=flags.text("platform"),
        doc=_doc(node.comments, name),
    )


def _onbuild(node: Node) -> OnBuild:
    if node.child is None:
        raise count_error(node, "requires at least one argument")
    Flags(node.flags, _NONE)
    trigger = trim_space(node.child.keyword).upper()
    if trigger == "ONBUILD":
        raise DockerfileError(
            "ONBUILD cannot stand in ONBUILD",
            phrase="Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed",
        )
    if trigger in ("MAINTAINER", "FROM"):
        raise DockerfileError(
            f"{trigger} cannot stand in ONBUILD",
            phrase=f"{trigger} isn't allowed as an ONBUILD trigger",
        )
    expression = _ONBUILD.sub("", node.original, count=1)
    for heredoc in node.heredocs:
        expression += f"\n{heredoc.content}{heredoc.name}"
    return OnBuild(node=node, expression=expression)


def _run(node: Node) -> Run:
    flags = Flags(node.flags, _RUN)
    devices, mounts = flags.several("device"), flags.several("mount")
    for device in devices:
        parse_device(device)
    for mount in mounts:
        check_mount(mount)
    network = flags.text("network", "default")
    if network not in ("default", "none", "host"):
        raise DockerfileError(
            f"There is no network {network or '(empty)'}",
            hint="There are default, none and host.",
            phrase=f"invalid network mode {quote(network)}",
        )
    security = flags.text("security", "sandbox")
    if security not in ("sandbox", "insecure"):
        raise DockerfileError(
            f"There is no security mode {security or '(empty)'}",
            hint="There are sandbox and insecure.",
            phrase=f"security {quote(security)} is not valid",
        )
    return Run(
        node=node,
        command=_command(node),
        files=inline_files(node.heredocs),
        shell_form=not node.json,
        mounts=mounts,
        devices=devices,
        network=network,
        security=security,
        flags_used=tuple(flags.used),
    )


def _cmd(node: Node) -> Cmd:
    Flags(node.flags, _NONE)
    return Cmd(node=node, command=_command(node), shell_form=not node.json)


def _entrypoint(node: Node) -> Entrypoint:
    Flags(node.flags, _NONE)
    return Entrypoint(node=node, command=_command(node), shell_form=not node.json)


def _expose(node: Node) -> Expose:
    require_some(node)
    Flags(node.flags, _NONE)
    return Expose(node=node, ports=tuple(sorted(node.args)))


def _volume(node: Node) -> Volume:
    require_some(node)
    Flags(node.flags, _NONE)
    volumes = tuple(trim_space(volume) for volume in node.args)
    if "" in volumes:
        raise DockerfileError(
            "A volume of VOLUME has no path", phrase="VOLUME specified can not be an empty string"
        )
    return Volume(node=node, volumes=volumes)


def _stop_signal(node: Node) -> StopSignal:
    if len(node.args) != 1:
        raise count_error(node, "requires exactly one argument")
    return StopSignal(node=node, signal=node.args[0])


def _arg(node: Node) -> Arg:
    require_some(node)
    args: list[ArgDefinition] = []
    for text in node.args:
        key, equals, value = text.partition("=")
        if equals and not key:
            raise _blank_name(node)
        doc = _doc(node.comments, key)
        args.append(ArgDefinition(key=key, value=value if equals else None, doc=doc))
    return Arg(node=node, args=tuple(args))


def _shell(node: Node) -> Shell:
    Flags(node.flags, _NONE)
    require_some(node)
    if not node.json:
        raise DockerfileError(
            "SHELL is written as a JSON array",
            hint='For example SHELL ["/bin/bash", "-c"].',
            phrase="SHELL requires the arguments to be in JSON form",
        )
    return Shell(node=node, shell=node.args)


BUILDERS: Mapping[str, Callable[[Node], Instruction]] = {
    "add": _add,
    "arg": _arg,
    "cmd": _cmd,
    "copy": _copy,
    "entrypoint": _entrypoint,
    "env": lambda node: Env(node=node, pairs=_pairs(node)),
    "expose": _expose,
    "from": _from,
    "healthcheck": build_healthcheck,
    "label": lambda node: Label(node=node, pairs=_pairs(node)),
    "maintainer": lambda node: Maintainer(node=node, maintainer=require_one(node)),
    "onbuild": _onbuild,
    "run": _run,
    "shell": _shell,
    "stopsignal": _stop_signal,
    "user": lambda node: User(node=node, user=require_one(node)),
    "volume": _volume,
    "workdir": lambda node: Workdir(node=node, path=require_one(node)),
}
