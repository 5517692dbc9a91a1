"""RUN."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from core.dockerfile.commands import InlineFile, Run
from core.dockerfile.heredoc import parse_heredoc_word
from core.dockerfile.mounts import Mount as RunMount
from core.dockerfile.mounts import MountType as RunMountType
from core.dockerfile.mounts import parse_device, parse_mount
from core.errors import DockerfileError
from core.frontend.config import Config, add_history
from core.frontend.conversion import Scope
from core.frontend.draft import Draft, Inputs, MadeOp, Output
from core.frontend.fileops import inline_file
from core.frontend.metadata import INLINE, step_metadata
from core.frontend.mounts import ExecParts, MountSpec, add_mount
from core.frontend.names import expanded_code, heredoc_summary, next_step_name
from core.frontend.stage import StageState, Step
from core.frontend.state import env_list
from core.llb.metadata import Metadata
from core.llb.ops import (
    SKIP_OUTPUT,
    CacheOpt,
    CDIDevice,
    ExecOp,
    Meta,
    Mount,
    MountType,
    NetMode,
    SecurityMode,
)
from core.llb.vertex import Edge

PIPES: Final = "/dev/pipes/"
_SHELL: Final = ("/bin/sh", "-c")
_WINDOWS_SHELL: Final = ("cmd", "/S", "/C")


def shell_of(config: Config) -> tuple[str, ...]:
    """The program and options that run the shell form of an instruction."""
    shell = config["config"].get("Shell")
    if shell:
        return tuple(shell)
    return _WINDOWS_SHELL if config.get("os") == "windows" else _SHELL


def with_shell(config: Config, command: Sequence[str]) -> tuple[str, ...]:
    """``command`` in shell form as an argument vector."""
    return (*shell_of(config), " ".join(command))


def dispatch_run(
    stage: StageState, command: Run, step: Step, scope: Scope, expand: Callable[[str], str]
) -> None:
    """Run ``command`` on the stage; ``expand`` expands the options of its mounts."""
    mounts = [parse_mount(text, expand) for text in command.mounts]
    stage.paths.add("/")
    code, args, parts = _command_line(stage, command, scope)
    for number, mount in enumerate(mounts):
        add_mount(parts, mount, stage, step, number, scope)
    parts.security = SecurityMode[command.security.upper()]
    if command.network != "default":
        parts.network = NetMode[command.network.upper()]
    devices = tuple(map(parse_device, command.devices))
    parts.devices = tuple(
        CDIDevice(name=device.name, optional=not device.required) for device in devices
    )
    if scope.options.shm_size > 0:
        parts.mounts.append(MountSpec(target="/dev/shm", tmpfs_size=scope.options.shm_size))
    env = stage.state.env
    text = expanded_code(code, _masked(env, mounts), scope.escape, for_shell=True)
    name = next_step_name(stage, text, stage.state.platform, env)
    history = "RUN " + " ".join((*_history_args(stage, env), *args))
    metadata = step_metadata(
        stage,
        scope,
        name,
        command,
        described=True,
        runs=True,
        ignores_cache=stage.ignores_cache,
    )
    stage.state.output = _exec_output(stage, args, parts, scope, metadata)
    add_history(stage.config, f"{history} # buildkit", layer=True, created=scope.created)


def _command_line(
    stage: StageState, command: Run, scope: Scope
) -> tuple[str, tuple[str, ...], ExecParts]:
    """The text to name the step by, the argument vector and the mounts a script needs."""
    code, args = command.code, command.command
    parts = ExecParts(network=stage.state.network)
    if command.files:
        if len(args) != 1 or not command.shell_form:
            raise DockerfileError(
                "a here-document needs the shell form of RUN",
                phrase=f"parsing produced an invalid run command: {' '.join(args)}",
            )
        first = command.files[0]
        if parse_heredoc_word(args[0]) is not None:
            data = _text(first)
            code = f"{code} ({heredoc_summary(first.content)})"
            if data.startswith("#!") and stage.config.get("os") != "windows":
                script = inline_file(
                    first.name,
                    data.encode("utf-8", "surrogateescape"),
                    INLINE,
                    mode=0o755,
                )
                parts.mounts.append(
                    MountSpec(target=PIPES, source=script, selector="/", readonly=True)
                )
                args = (f"{PIPES}{first.name}",)
            else:
                args = (data,)
        else:
            bodies = "".join(f"\n{file.content}{file.name}" for file in command.files)
            args = (args[0] + bodies,)
    if command.shell_form:
        args = with_shell(stage.config, args)
    return code, args, parts


def _text(file: InlineFile) -> str:
    if not file.chomp:
        return file.content
    return "\n".join(line.lstrip("\t") for line in file.content.split("\n"))


def _masked(env: Mapping[str, str], mounts: Sequence[RunMount]) -> Mapping[str, str]:
    """``env`` with stars for the variables that secrets will fill."""
    secrets = [m.env for m in mounts if m.type is RunMountType.SECRET and m.env is not None]
    return {**env, **dict.fromkeys(secrets, "****")} if secrets else env


def _history_args(stage: StageState, env: Mapping[str, str]) -> list[str]:
    """``|2 A=1 B=2``: the build arguments in scope with the values the program sees."""
    values: dict[str, str] = {}
    for argument in stage.build_args:
        values[argument.key] = env.get(argument.key, argument.value or "")
    return [f"|{len(values)}", *env_list(values)] if values else []


def _exec_output(
    stage: StageState,
    args: tuple[str, ...],
    parts: ExecParts,
    scope: Scope,
    metadata: Metadata,
) -> Output:
    state, options = stage.state, scope.options
    env = dict(state.env)
    for number, agent in enumerate(parts.agents):
        if not agent.dest:
            parts.agents[number] = replace(agent, dest=f"/run/buildkit/ssh_agent.{number}")
    if parts.agents and "SSH_AUTH_SOCK" not in env:
        env["SSH_AUTH_SOCK"] = parts.agents[0].dest
    meta = Meta(
        args=args,
        env=env_list(env),
        cwd=state.directory or "/",
        user=state.user,
        proxy_env=scope.proxy,
        extra_hosts=options.extra_hosts,
        hostname=state.hostname,
        ulimits=options.ulimits,
        cgroup_parent=options.cgroup_parent,
        remove_mount_stubs_recursive=True,
    )
    specs = sorted(
        (MountSpec(target="/", source=state.output, keeps=True), *parts.mounts),
        key=lambda spec: spec.target,
    )
    maker = _ExecMaker(meta=meta, specs=tuple(specs), parts=parts)
    if options.resources is not None:
        metadata = replace(metadata, resources=options.resources)
    draft = Draft(
        make=maker,
        sources=tuple(spec.source for spec in specs),
        platform=(state.platform or scope.choice.target).normalized(),
        metadata=metadata,
    )
    return Output(draft)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ExecMaker:
    meta: Meta
    specs: tuple[MountSpec, ...]
    parts: ExecParts

    def __call__(self, edges: Sequence[Edge | None]) -> MadeOp:
        inputs = Inputs()
        mounts: list[Mount] = []
        for spec, edge in zip(self.specs, edges, strict=True):
            number = inputs.number(edge)
            mounts.append(_mount(spec, number))
        op = ExecOp(
            meta=self.meta,
            mounts=(*mounts, *self.parts.secrets, *self.parts.agents),
            network=self.parts.network,
            security=self.parts.security,
            secret_env=tuple(self.parts.secret_env),
            cdi_devices=self.parts.devices,
        )
        return op, tuple(inputs.edges)


def _mount(spec: MountSpec, number: int) -> Mount:
    kind, cache = MountType.BIND, None
    if spec.cache_id:
        kind, cache = MountType.CACHE, CacheOpt(id=spec.cache_id, sharing=spec.sharing)
    elif spec.tmpfs_size is not None:
        kind = MountType.TMPFS
    return Mount(
        dest=spec.target,
        input=number,
        selector=spec.selector,
        output=0 if spec.keeps else SKIP_OUTPUT,
        readonly=spec.readonly,
        mount_type=kind,
        tmpfs_size=spec.tmpfs_size,
        cache=cache,
    )
