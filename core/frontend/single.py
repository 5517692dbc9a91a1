"""The conversion of a Dockerfile for one platform."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from core.dockerfile.buildargs import automatic_args, global_args
from core.dockerfile.commands import Program
from core.dockerfile.expand import expand_word
from core.dockerfile.ignore import PatternMatcher
from core.dockerfile.lines import line_ranges
from core.errors import DockerfileError, Error, OptionError
from core.frontend.bases import BaseResolver, inherit
from core.frontend.config import UNIX_PATH, config_platform, env_pairs, set_platform
from core.frontend.contexts import (
    IGNORE_FILE,
    ContextLoader,
    context_is_local,
    ignore_patterns,
    main_context,
)
from core.frontend.conversion import PlatformResult, Scope
from core.frontend.dispatch import dispatch, enter_directory
from core.frontend.draft import Freezer
from core.frontend.epoch import KEY as EPOCH
from core.frontend.epoch import EpochReader
from core.frontend.images import ImageResolver
from core.frontend.inputs import BuildInputs, Images
from core.frontend.options import FrontendOptions
from core.frontend.platforms import PlatformChoice
from core.frontend.proxy import proxy_env
from core.frontend.stage import StageState
from core.frontend.stages import StageBuilder, StageGraph, at
from core.lint.buildkit import checks
from core.lint.buildkit.checks import IgnoreFile
from core.lint.buildkit.report import Report
from core.oci.platform import Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertedStage:
    """The target stage after all of its instructions, and all stages there are."""

    target: StageState
    graph: StageGraph
    scope: Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleConverter:
    """Converts ``program`` for one platform after the other. ``all_stages`` is for checking."""

    program: Program
    options: FrontendOptions
    images: Images
    inputs: BuildInputs
    all_stages: bool = False

    def convert(self, platform: Platform | None, report: Report) -> PlatformResult:
        """The image for ``platform``, None for "whatever fits".

        Raises ``core.errors.Error`` and ``FactsMissingError``.
        """
        converted = self.dispatch_all(platform, report)
        target, scope = converted.target, converted.scope
        edge = Freezer((scope.choice.target,)).edge(target.state.output)
        config = target.config
        choice = scope.choice
        if not choice.implicit:
            self._claim(config, choice.target)
        set_platform(config, config_platform(config).normalized())
        given = choice.target.normalized()
        return PlatformResult(
            platform=_export_platform(given, config_platform(config)),
            key=given.format_all(),
            edge=edge,
            config=config,
            base_config=target.base_config,
            epoch=scope.epoch,
        )

    def dispatch_all(self, platform: Platform | None, report: Report) -> ConvertedStage:
        """Every stage that is needed, its instructions applied."""
        program, options = self.program, self.options
        escape = program.document.escape
        if not report.silent:
            self._check_file(report)
        choice = PlatformChoice.of(options, platform)
        build_args = dict(options.build_args)
        automatic = automatic_args(
            choice.build[0],
            choice.target,
            build_args,
            options.target or program.stages[-1].name,
        )
        if not report.silent:
            self._check_default_bases(automatic, report)
        args, infos = global_args(automatic, program.meta_args, build_args, escape)
        contexts = ContextLoader(options=options, inputs=self.inputs, images=self._images())
        epoch = self._epoch(args, build_args, contexts)
        builder = StageBuilder(
            options=options,
            escape=escape,
            global_args=args,
            arg_infos=infos,
            report=report,
            target_platform=platform,
        )
        graph = builder.build(program.stages)
        target = graph.target(options.target)
        graph.connect()
        paths: set[str] = set()
        scope = Scope(
            options=options,
            choice=choice,
            escape=escape,
            global_args=args,
            build_args=build_args,
            report=report,
            context=main_context(options, self.inputs, lambda: paths),
            ignore=self._ignore(),
            proxy=proxy_env(build_args),
            epoch=epoch,
        )
        resolver = BaseResolver(
            graph=graph,
            scope=scope,
            images=self._images(),
            contexts=contexts,
            all_stages=self.all_stages,
        )
        needed = resolver.resolve(target)
        self._dispatch(graph, needed, scope, paths)
        target.paths.add("/")
        if options.labels:
            config = target.config["config"]
            config["Labels"] = {**(config.get("Labels") or {}), **options.labels}
        error = report.error()
        if error is not None:
            raise error
        return ConvertedStage(target=target, graph=graph, scope=scope)

    def _images(self) -> ImageResolver:
        return ImageResolver(known=self.images, resolve_mode=self.options.resolve_mode)

    def _check_file(self, report: Report) -> None:
        """Checks of the whole file, before anything is given a value."""
        program = self.program
        report.add(checks.empty_continuation(w.line) for w in program.document.warnings)
        for node in program.document.nodes:
            report.add(checks.node_checks(node), node.comments)
        stages = [
            (s.name, line_ranges(s.from_.node.start, s.from_.node.end)) for s in program.stages
        ]
        report.add(checks.stage_names(stages))
        instructions = [i for s in program.stages for i in (s.from_, *s.commands)]
        report.add(
            checks.instruction_casing(
                [(i.keyword, line_ranges(i.node.start, i.node.end)) for i in instructions]
            )
        )

    def _check_default_bases(self, automatic: dict[str, str], report: Report) -> None:
        program, escape = self.program, self.program.document.escape
        try:
            args, _ = global_args(automatic, program.meta_args, {}, escape)
            for stage in program.stages:
                expanded = expand_word(stage.base_name, args, escape=escape).text
                node = stage.from_.node
                report.add(
                    checks.invalid_default_base(
                        stage.base_name, expanded, line_ranges(node.start, node.end)
                    )
                )
        except DockerfileError:
            return

    def _epoch(
        self, args: dict[str, str], build_args: dict[str, str], contexts: ContextLoader
    ) -> int | None:
        value = build_args.get(EPOCH)
        if value is None:
            value = args.get(EPOCH) or None
        if value is None:
            return None
        reader = EpochReader(
            options=self.options,
            inputs=self.inputs,
            contexts=contexts,
            stages=self.program.stages,
            escape=self.program.document.escape,
        )
        epoch = reader.read(value, args)
        for known in (build_args, args):
            if EPOCH in known and epoch is None:
                del known[EPOCH]
            elif EPOCH in known:
                del known[EPOCH]
                known[EPOCH] = str(epoch)
        return epoch

    def _ignore(self) -> IgnoreFile | None:
        if not context_is_local(self.options, self.inputs):
            return None
        patterns = ignore_patterns(self.inputs.ignore_file, IGNORE_FILE)
        if not patterns:
            return None
        try:
            return IgnoreFile(patterns=patterns, matcher=PatternMatcher(patterns))
        except DockerfileError as error:
            raise OptionError(
                f"{IGNORE_FILE}: {error.message}", hint=error.hint, phrase=error.phrase
            ) from error

    def _dispatch(
        self,
        graph: StageGraph,
        needed: Iterable[StageState],
        scope: Scope,
        paths: set[str],
    ) -> None:
        wanted = set(needed)
        for stage in graph.states:
            if not self.all_stages and (stage not in wanted or stage.dispatched):
                continue
            inherit(stage)
            stage.dispatched = True
            stage.platform = stage.platform or scope.choice.target
            self._enter(stage, scope)
            for step in stage.steps:
                try:
                    dispatch(stage, step, scope)
                except Error as error:
                    raise at(error, step.ranges) from error.__cause__
            paths |= stage.context_paths

    def _enter(self, stage: StageState, scope: Scope) -> None:
        """Take environment, directory and user over from the image."""
        config = stage.config["config"]
        pairs = env_pairs(stage.config)
        if stage.platform and stage.platform.os != "windows":
            if all(key != "PATH" for key, _ in pairs):
                pairs.append(("PATH", UNIX_PATH))
            config["Env"] = [f"{key}={value}" for key, value in pairs]
        for key, value in pairs:
            stage.state.set_env(key, value)
        if scope.options.hostname:
            stage.state.hostname = scope.options.hostname
        if config.get("WorkingDir"):
            try:
                enter_directory(stage, config["WorkingDir"], scope)
            except DockerfileError as error:
                raise at(error, stage.ranges) from None
        if config.get("User"):
            stage.state.user = config["User"]
        stage.state.network = scope.options.network

    def _claim(self, config: dict[str, object], target: Platform) -> None:
        """Say in the config that the image is for ``target``, whatever its base was for."""
        known = config_platform(config)
        same = (known.os, known.architecture) == (target.os, target.architecture)
        claimed = replace(known, os=target.os, architecture=target.architecture)
        if target.variant or not same:
            claimed = replace(claimed, variant=target.variant)
        if target.os_version or not same:
            claimed = replace(claimed, os_version=target.os_version)
        if target.os_features:
            claimed = replace(claimed, os_features=target.os_features)
        set_platform(config, claimed)


def _export_platform(target: Platform, image: Platform) -> Platform:
    """What the index says: the target, for Windows with the version of the image."""
    if target.os == "windows" == image.os:
        target = replace(
            target,
            os_version=target.os_version or image.os_version,
            os_features=target.os_features or image.os_features,
        )
    return target.normalized()
