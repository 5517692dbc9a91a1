"""The build checks on a program alone: no images, no graph, every stage, every platform.

``frontend`` runs the same checks while it converts; this walk knows what can be known offline. It
goes on where a build would stop, and looks at each platform where BuildKit looks at the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from core.dockerfile.buildargs import automatic_args, global_args
from core.dockerfile.commands import (
    Add,
    Arg,
    Cmd,
    Command,
    Copy,
    Entrypoint,
    Env,
    Expose,
    Healthcheck,
    Instruction,
    Label,
    Program,
    Run,
    Shell,
    Stage,
    Transfer,
    Workdir,
)
from core.dockerfile.expand import Expansion, expand_word, expand_words
from core.dockerfile.expanded import expand_contents, expand_instruction
from core.dockerfile.ignore import PatternMatcher, parse_ignore
from core.dockerfile.lines import line_ranges
from core.dockerfile.mounts import parse_mount
from core.errors import DockerfileError, OptionError
from core.lint.buildkit import checks
from core.lint.buildkit.checks import Found, IgnoreFile, Ranges
from core.lint.buildkit.config import LintConfig, parse_check
from core.lint.buildkit.report import Report
from core.lint.buildkit.rules import Violation
from core.oci.platform import Platform, host_platform

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def check_program(
    program: Program,
    *,
    platforms: Sequence[Platform] = (),
    build_platform: Platform | None = None,
    build_args: Mapping[str, str] | None = None,
    ignore_file: bytes | str = b"",
    config: LintConfig | None = None,
) -> tuple[Violation, ...]:
    """What BuildKit's checks object to in ``program``, in order; never raises for its content.

    ``config`` overrides the file's own ``# check=``. A violation that not every one of
    ``platforms`` has names those that have it.
    """
    build = build_platform or host_platform()
    chosen = _config(program) if config is None else config
    ignore = _ignore(ignore_file)
    found: dict[Violation, list[str]] = {}
    targets = tuple(platforms) or (build,)
    for target in targets:
        report = Report(config=chosen)
        walk = _Walk(program, report, ignore, build, target, build_args or {})
        walk.run()
        for violation in dict.fromkeys(report.violations):
            found.setdefault(violation, []).append(target.format_all())
    return tuple(
        violation if len(names) == len(targets) else replace(violation, platforms=tuple(names))
        for violation, names in sorted(found.items(), key=lambda pair: pair[0].line)
    )


def _config(program: Program) -> LintConfig:
    directive = program.document.directive("check")
    if directive is None:
        return LintConfig()
    try:
        return parse_check(directive.word)
    except OptionError:
        return LintConfig()


def _ignore(text: bytes | str) -> IgnoreFile | None:
    if not text:
        return None
    try:
        patterns = parse_ignore(text)
        return IgnoreFile(patterns=patterns, matcher=PatternMatcher(patterns))
    except DockerfileError:
        return None


@dataclass(slots=True, kw_only=True)
class _Scope:
    """What is known inside a stage."""

    env: dict[str, str]
    args: list[str] = field(default_factory=list)
    shell: bool = False
    workdir: bool = False
    seen: dict[str, Ranges] = field(default_factory=dict)


class _Walk:
    def __init__(
        self,
        program: Program,
        report: Report,
        ignore: IgnoreFile | None,
        build: Platform,
        target: Platform,
        build_args: Mapping[str, str],
    ) -> None:
        self._program = program
        self._report = report
        self._ignore = ignore
        self._build = build
        self._target = target
        self._build_args = build_args
        self._escape = program.document.escape
        self._globals: dict[str, str] = {}
        self._declared: list[str] = []
        self._stages: dict[str, _Scope] = {}

    def run(self) -> None:
        self._file()
        program = self._program
        automatic = automatic_args(
            self._build,
            self._target,
            self._build_args,
            program.stages[-1].name if program.stages else "",
        )
        try:
            defaults, _ = global_args(automatic, program.meta_args, {}, self._escape)
            self._globals, infos = global_args(
                automatic, program.meta_args, self._build_args, self._escape
            )
        except DockerfileError:
            return
        self._declared = list(dict.fromkeys((*infos, *self._globals)))
        self._default_bases(defaults)
        for stage in program.stages:
            self._stage(stage)

    def _file(self) -> None:
        document = self._program.document
        self._report.add(checks.empty_continuation(w.line) for w in document.warnings)
        for node in document.nodes:
            self._report.add(checks.node_checks(node), node.comments)
        stages = self._program.stages
        self._report.add(checks.stage_names([(s.name, _ranges(s.from_)) for s in stages]))
        keywords = [(i.keyword, _ranges(i)) for s in stages for i in (s.from_, *s.commands)]
        self._report.add(checks.instruction_casing(keywords))

    def _default_bases(self, defaults: Mapping[str, str]) -> None:
        for stage in self._program.stages:
            try:
                base = expand_word(stage.base_name, defaults, escape=self._escape).text
            except DockerfileError:
                return
            self._report.add(
                checks.invalid_default_base(stage.base_name, base, _ranges(stage.from_))
            )

    def _stage(self, stage: Stage) -> None:
        from_ = stage.from_
        base = self._from_word(stage.base_name, stage)
        if stage.platform:
            platform = self._from_word(stage.platform, stage)
            if platform is not None:
                self._report.add(
                    checks.platform_flag(
                        stage.platform,
                        stage.name,
                        platform,
                        self._globals.get("TARGETPLATFORM", ""),
                        _ranges(from_),
                    ),
                    from_.comments,
                )
        parent = self._stages.get(base.text) if base else None
        scope = _Scope(env={"PATH": _PATH})
        if parent is not None:
            scope = _Scope(
                env=dict(parent.env),
                args=list(parent.args),
                shell=parent.shell,
                workdir=parent.workdir,
            )
        for command in stage.commands:
            _Checker(command, scope, self).check()
        if stage.name:
            self._stages[stage.name] = scope

    def _from_word(self, text: str, stage: Stage) -> Expansion | None:
        try:
            expansion = expand_word(text, self._globals, escape=self._escape)
        except DockerfileError:
            return None
        self._report.add(
            checks.undefined_from_args(expansion.unmatched, self._declared, _ranges(stage.from_)),
            stage.comments,
        )
        return expansion

    @property
    def escape(self) -> str:
        return self._escape

    @property
    def ignore(self) -> IgnoreFile | None:
        return self._ignore

    def report(self, found: Found, comments: Iterable[str]) -> None:
        self._report.add(found, comments)

    def argument(self, key: str) -> str | None:
        """The value of an ARG without a default."""
        return self._globals.get(key)

    def given(self, key: str) -> str | None:
        """The build argument of that name."""
        return self._build_args.get(key)


class _Checker:
    """One instruction and the checks that its expansion and its meaning call for."""

    def __init__(self, command: Command, scope: _Scope, walk: _Walk) -> None:
        self._command = command
        self._scope = scope
        self._walk = walk
        self._ranges = _ranges(command)

    def check(self) -> None:
        command = self._command
        try:
            if not isinstance(command, Arg | Run):
                command = expand_instruction(command, self._word)
            if isinstance(command, Transfer):
                expand_contents(command, self._content)
            self._meaning(command)
        except DockerfileError:
            return

    def _add(self, found: Found) -> None:
        self._walk.report(found, self._command.comments)

    def _word(self, text: str) -> str:
        return self._expanded(expand_word(text, self._scope.env, escape=self._walk.escape))

    def _content(self, text: str) -> str:
        return self._expanded(expand_word(text, self._scope.env, keep_quotes=True))

    def _expanded(self, expansion: Expansion) -> str:
        if expansion.unmatched:
            self._add(
                checks.undefined_variables(
                    expansion.unmatched, self._scope.args, self._scope.env, self._ranges
                )
            )
        return expansion.text

    def _meaning(self, command: Command) -> None:
        scope, ranges = self._scope, self._ranges
        match command:
            case Arg():
                self._arg(command)
            case Env() | Label():
                self._pairs(command)
            case Run():
                for text in command.mounts:
                    parse_mount(text, self._word)
            case Copy() | Add():
                if not (isinstance(command, Copy) and command.from_):
                    verb = "Add" if isinstance(command, Add) else "Copy"
                    for source in command.sources:
                        self._add(checks.ignored_source(verb, source, self._walk.ignore, ranges))
            case Workdir():
                if not scope.workdir and not command.path.startswith("/"):
                    self._add(checks.relative_workdir(command.path, ranges))
                scope.workdir = True
            case Shell():
                scope.shell = True
            case Cmd() | Entrypoint():
                self._once()
                if command.shell_form and not scope.shell:
                    self._add(checks.json_recommended(command.keyword, ranges))
            case Healthcheck():
                self._once()
            case Expose():
                self._expose(command)
            case _:
                pass

    def _arg(self, command: Arg) -> None:
        for definition in command.args:
            key = definition.key
            self._add(checks.secret_name("ARG", key, self._ranges))
            value = self._walk.given(key)
            if value is None and definition.value is not None:
                value = self._word(definition.value)
            elif value is None:
                value = self._walk.argument(key)
            if value is not None and key not in checks.NON_ENV_ARGS:
                self._set(key, value)
            self._scope.args.append(key)

    def _pairs(self, command: Env | Label) -> None:
        for pair in command.pairs:
            if pair.legacy:
                self._add(checks.legacy_format(command.keyword, self._ranges))
            if isinstance(command, Env):
                self._add(checks.secret_name("ENV", pair.key, self._ranges))
                self._set(pair.key, pair.value)

    def _set(self, key: str, value: str) -> None:
        self._scope.env.pop(key, None)
        self._scope.env[key] = value

    def _once(self) -> None:
        name = self._command.name
        previous = self._scope.seen.get(name)
        if previous is not None:
            self._add(checks.repeated_instruction(self._command.keyword, previous))
        self._scope.seen[name] = self._ranges

    def _expose(self, command: Expose) -> None:
        for port in command.ports:
            for text in expand_words(port, self._scope.env, escape=self._walk.escape):
                *host, last = text.split(":")
                protocol = last.partition("/")[2]
                mapped = any(host)
                self._add(checks.port_format(text, protocol, mapped=mapped, ranges=self._ranges))


def _ranges(instruction: Instruction) -> Ranges:
    return line_ranges(instruction.node.start, instruction.node.end)
