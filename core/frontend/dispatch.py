"""One instruction after the other, applied to a stage."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from core.dockerfile.buildargs import ArgInfo
from core.dockerfile.commands import (
    Add,
    Arg,
    ArgDefinition,
    Cmd,
    Copy,
    Entrypoint,
    Env,
    Expose,
    Healthcheck,
    Label,
    Maintainer,
    OnBuild,
    Run,
    Shell,
    StopSignal,
    User,
    Volume,
    Workdir,
)
from core.dockerfile.expand import expand_word, expand_words
from core.dockerfile.expanded import expand_contents, expand_instruction
from core.errors import DockerfileError
from core.frontend.config import add_history, set_env
from core.frontend.conversion import Scope
from core.frontend.fileops import mkdir_output
from core.frontend.gotext import format_duration, format_list
from core.frontend.metadata import step_metadata
from core.frontend.names import expanded_code, next_step_name
from core.frontend.paths import is_absolute, join, normalize_workdir, to_slash
from core.frontend.ports import parse_ports
from core.frontend.run import dispatch_run, with_shell
from core.frontend.signals import is_signal
from core.frontend.stage import StageState, Step
from core.frontend.transfer import dispatch_transfer
from core.lint.buildkit import checks
from core.oci.quoting import go_quote_list


def dispatch(stage: StageState, step: Step, scope: Scope) -> None:
    """Apply ``step`` to ``stage``. Raises ``core.errors.Error`` without ranges."""
    stage.in_onbuild = step.is_onbuild
    _Dispatcher(stage, step, scope).run()


class _Dispatcher:
    def __init__(self, stage: StageState, step: Step, scope: Scope) -> None:
        self._stage = stage
        self._step = step
        self._scope = scope

    def run(self) -> None:
        command = self._step.command
        if not isinstance(command, Arg | Run):
            command = expand_instruction(command, self._word)
        if isinstance(command, Copy | Add) and command.contents:
            command = replace(command, contents=expand_contents(command, self._content))
        match command:
            case Env():
                self._env(command)
            case Arg():
                self._arg(command)
            case Label():
                self._label(command)
            case Run():
                dispatch_run(self._stage, command, self._step, self._scope, self._word)
            case Copy() | Add():
                self._transfer(command)
            case Workdir():
                self._workdir(command)
            case Cmd():
                self._cmd(command)
            case Entrypoint():
                self._entrypoint(command)
            case Healthcheck():
                self._healthcheck(command)
            case Expose():
                self._expose(command)
            case User():
                self._stage.state.user = command.user
                self._stage.config["config"]["User"] = command.user
                self._history(f"USER {command.user}")
            case Volume():
                self._volume(command)
            case StopSignal():
                self._stop_signal(command)
            case Shell():
                self._stage.config["config"]["Shell"] = list(command.shell)
                self._history(f"SHELL {format_list(command.shell)}")
            case Maintainer():
                self._stage.config["author"] = command.maintainer
                self._history(f"MAINTAINER {command.maintainer}")
            case OnBuild():
                triggers = self._stage.config["config"].get("OnBuild") or []
                self._stage.config["config"]["OnBuild"] = [*triggers, command.expression]
            case _:
                assert_never(command)

    def _word(self, word: str) -> str:
        expansion = expand_word(word, self._stage.state.env, escape=self._scope.escape)
        self._undefined(expansion.unmatched)
        return expansion.text

    def _content(self, text: str) -> str:
        expansion = expand_word(text, self._stage.state.env, keep_quotes=True)
        self._undefined(expansion.unmatched)
        return expansion.text

    def _undefined(self, unmatched: frozenset[str]) -> None:
        if unmatched:
            known = [argument.key for argument in self._stage.build_args]
            self._report(
                checks.undefined_variables(
                    unmatched, known, self._stage.state.env, self._step.ranges
                )
            )

    def _report(self, found: checks.Found) -> None:
        self._scope.report.add(found, self._step.command.comments)

    def _history(self, text: str, *, layer: bool = False) -> None:
        add_history(self._stage.config, text, layer=layer, created=self._scope.created)

    def _env(self, command: Env) -> None:
        for pair in command.pairs:
            if pair.legacy:
                self._report(checks.legacy_format(command.keyword, self._step.ranges))
            self._report(checks.secret_name("ENV", pair.key, self._step.ranges))
            self._stage.state.set_env(pair.key, pair.value)
            set_env(self._stage.config, pair.key, pair.value)
        self._history(" ".join(("ENV", *map(str, command.pairs))))

    def _label(self, command: Label) -> None:
        labels = self._stage.config["config"].get("Labels") or {}
        for pair in command.pairs:
            if pair.legacy:
                self._report(checks.legacy_format(command.keyword, self._step.ranges))
            labels[pair.key] = pair.value
        self._stage.config["config"]["Labels"] = labels
        self._history(" ".join(("LABEL", *map(str, command.pairs))))

    def _arg(self, command: Arg) -> None:
        written = [self._define(definition) for definition in command.args]
        self._history(" ".join(("ARG", *written)))

    def _define(self, definition: ArgDefinition) -> str:
        stage, scope, key = self._stage, self._scope, definition.key
        self._report(checks.secret_name("ARG", key, self._step.ranges))
        inherited = False
        if key in scope.build_args:
            value: str | None = scope.build_args[key]
        elif definition.value is not None:
            value = self._word(definition.value)
        else:
            value = scope.global_args.get(key)
            inherited = value is not None
        definition = replace(definition, value=value)
        if value is not None and key not in checks.NON_ENV_ARGS:
            stage.state.set_env(key, value)
        if not inherited:
            stage.outline.args[key] = ArgInfo(
                definition=definition, value=value or "", ranges=self._step.ranges
            )
        stage.outline.used.add(key)
        stage.build_args.append(definition)
        return key if value is None else f"{key}={value}"

    def _transfer(self, command: Copy | Add) -> None:
        stage, step = self._stage, self._step
        source = self._scope.context
        if step.sources:
            named = step.sources[0]
            if not named.dispatched:
                raise DockerfileError(
                    f"COPY --from={_from(command)} copies from a stage further down",
                    hint="Move that stage above this one.",
                    phrase=f'cannot copy from stage "{_from(command)}", it needs to be defined '
                    f'before current stage "{stage.name}"',
                )
            source = named.state.output
        dispatch_transfer(stage, command, step, source, self._scope)
        for path in command.sources:
            if isinstance(command, Add) and path.startswith(("http://", "https://")):
                continue
            read = step.sources[0].paths if step.sources else stage.context_paths
            read.add(join("/", path))

    def _workdir(self, command: Workdir) -> None:
        stage, scope = self._stage, self._scope
        platform = stage.platform or scope.choice.target
        if not stage.workdir_set and not is_absolute(command.path, platform.os):
            self._report(checks.relative_workdir(command.path, self._step.ranges))
        stage.workdir_set = True
        directory = enter_directory(stage, command.path, scope)
        layer = directory != "/"
        if layer:
            env = stage.state.env
            text = expanded_code(command.code, env, scope.escape)
            name = next_step_name(stage, text, platform, env)
            stage.state.output = mkdir_output(
                stage.state.output,
                directory,
                step_metadata(stage, scope, name, command),
                owner=stage.config["config"].get("User") or "",
                timestamp=-1 if scope.epoch is None else scope.epoch * 10**9,
            )
            stage.state.platform = platform.normalized()
        self._history(f"WORKDIR {directory}", layer=layer)

    def _cmd(self, command: Cmd) -> None:
        args = self._program(command)
        config = self._stage.config["config"]
        config["Cmd"] = list(args)
        config["ArgsEscaped"] = True
        self._history(f"CMD {go_quote_list(args)}")

    def _entrypoint(self, command: Entrypoint) -> None:
        args = self._program(command)
        config = self._stage.config["config"]
        config["Entrypoint"] = list(args)
        if "cmd" not in self._stage.seen:
            config.pop("Cmd", None)
        self._history(f"ENTRYPOINT {go_quote_list(args)}")

    def _program(self, command: Cmd | Entrypoint) -> tuple[str, ...]:
        self._used_once(command)
        if not command.shell_form:
            return command.command
        if not self._stage.config["config"].get("Shell"):
            self._report(checks.json_recommended(command.keyword, self._step.ranges))
        return with_shell(self._stage.config, command.command)

    def _used_once(self, command: Cmd | Entrypoint | Healthcheck) -> None:
        previous = self._stage.seen.get(command.name)
        if previous is not None:
            self._report(checks.repeated_instruction(command.keyword, previous))
        self._stage.seen[command.name] = self._step.ranges

    def _healthcheck(self, command: Healthcheck) -> None:
        self._used_once(command)
        check = {
            "Test": list(command.test),
            "Interval": command.interval,
            "Timeout": command.timeout,
            "StartPeriod": command.start_period,
            "StartInterval": command.start_interval,
            "Retries": command.retries,
        }
        self._stage.config["config"]["Healthcheck"] = {k: v for k, v in check.items() if v}
        durations = " ".join(
            f"{name}:{format_duration(value)}"
            for name, value in (
                ("Interval", command.interval),
                ("Timeout", command.timeout),
                ("StartPeriod", command.start_period),
                ("StartInterval", command.start_interval),
            )
        )
        test = format_list(command.test)
        self._history(f"HEALTHCHECK {{Test:{test} {durations} Retries:{command.retries}}}")

    def _expose(self, command: Expose) -> None:
        env = self._stage.state.env
        words = [
            word
            for port in command.ports
            for word in expand_words(port, env, escape=self._scope.escape)
        ]
        ports: list[str] = []
        for text in words:
            (spec,) = parse_ports([text])
            self._report(
                checks.port_format(
                    text, spec.protocol, mapped=spec.mapped, ranges=self._step.ranges
                )
            )
            ports += spec.ports()
        exposed = self._stage.config["config"].get("ExposedPorts") or {}
        self._stage.config["config"]["ExposedPorts"] = exposed | {port: {} for port in ports}
        self._history(f"EXPOSE {format_list(ports)}")

    def _volume(self, command: Volume) -> None:
        if "" in command.volumes:
            raise DockerfileError(
                "a volume has an empty path",
                hint="Name a directory, or remove the VOLUME.",
                phrase="VOLUME specified can not be an empty string",
            )
        volumes = self._stage.config["config"].get("Volumes") or {}
        volumes |= {volume: {} for volume in command.volumes}
        self._stage.config["config"]["Volumes"] = volumes
        self._history(f"VOLUME {format_list(command.volumes)}")

    def _stop_signal(self, command: StopSignal) -> None:
        if not is_signal(command.signal):
            raise DockerfileError(
                f"{command.signal!r} is no signal",
                hint="Write a name such as SIGTERM, or a number.",
                phrase=f"invalid signal: {command.signal}",
            )
        self._stage.config["config"]["StopSignal"] = command.signal
        self._history(f"STOPSIGNAL {command.signal}")


def _from(command: Copy | Add) -> str:
    return command.from_ if isinstance(command, Copy) else ""


def enter_directory(stage: StageState, path: str, scope: Scope) -> str:
    """Make ``path`` the working directory; it comes back with forward slashes."""
    os = (stage.platform or scope.choice.target).os
    config = stage.config["config"]
    config["WorkingDir"] = normalize_workdir(config.get("WorkingDir") or "", path, os)
    directory = to_slash(config["WorkingDir"], os)
    previous = stage.state.directory or "/"
    stage.state.directory = directory if directory.startswith("/") else join(previous, directory)
    return directory
