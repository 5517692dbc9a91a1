"""What stages start from: scratch, images, named contexts, other stages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.dockerfile.suggest import did_you_mean
from core.errors import Error, OptionError
from core.frontend.config import (
    clone_config,
    config_platform,
    empty_config,
    parse_config,
)
from core.frontend.contexts import ContextLoader, find_context
from core.frontend.conversion import Scope
from core.frontend.draft import source_draft
from core.frontend.images import ImageResolver
from core.frontend.inputs import FactsMissingError, NeedImages
from core.frontend.metadata import step_metadata
from core.frontend.names import next_step_name
from core.frontend.platforms import detect_platform
from core.frontend.sources import image_source
from core.frontend.stage import StageState
from core.frontend.stages import (
    SCRATCH,
    StageGraph,
    at,
    onbuild_steps,
    onbuild_triggers,
    reachable,
)
from core.frontend.state import State
from core.lint.buildkit import checks
from core.oci.platform import Platform
from core.oci.quoting import go_quote
from core.oci.reference import parse_reference

_COMMON_IMAGES = ("alpine", "busybox", "centos", "debian", "golang", "ubuntu", "fedora")


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseResolver:
    """Gives every stage its first state; ``all_stages`` also those that nothing needs."""

    graph: StageGraph
    scope: Scope
    images: ImageResolver
    contexts: ContextLoader
    all_stages: bool

    def resolve(self, target: StageState) -> dict[StageState, None]:
        """Resolve what ``target`` needs, triggers included, and say which stages those are.

        Raises ``FactsMissingError`` with everything that is missing, and ``core.errors.Error``.
        """
        while True:
            needed = reachable(target)
            self._resolve_bases(needed)
            again = [self._take_triggers(stage) for stage in needed]
            if not any(again):
                return needed

    def _resolve_bases(self, needed: dict[StageState, None]) -> None:
        needs = NeedImages()
        for stage in self.graph.states:
            if stage.base is not None or stage.dispatched or stage.resolved:
                continue
            is_needed = self.all_stages or stage in needed
            try:
                self._resolve(stage, is_needed)
            except FactsMissingError as missing:
                needs = needs.joined(missing.needs)
            stage.resolved = is_needed
        if needs:
            raise FactsMissingError(needs)

    def _resolve(self, stage: StageState, is_needed: bool) -> None:
        if stage.base_name == SCRATCH and stage.named_context is None:
            stage.state = State()
            stage.config = empty_config(self.scope.choice.target)
            stage.platform = self.scope.choice.target
        else:
            try:
                self._resolve_image(stage, is_needed)
            except Error as error:
                raise at(error, stage.ranges) from error.__cause__
        if stage.unregistered:
            stage.dispatched = True

    def _resolve_image(self, stage: StageState, is_needed: bool) -> None:
        name = stage.base_name
        try:
            reference = str(parse_reference(name).tagged())
        except OptionError as error:
            raise OptionError(
                error.message,
                hint=error.hint,
                phrase=f"failed to parse stage name {go_quote(name)}: {error.phrase}",
            ) from error
        platform = stage.platform or self.scope.choice.target
        if not is_needed:
            # BuildKit names the FROM before it knows whether the stage is needed, and again when
            # a trigger makes it needed later: its steps then count from 2.
            next_step_name(stage, "", platform, {})
            stage.platform = platform
            return
        if stage.named_context is not None:
            self._load_stage(stage)
            return
        named = find_context(self.scope.options, reference, platform)
        if named is not None:
            loaded = self.contexts.load(named, lambda: stage.paths)
            config = loaded.config or empty_config(platform)
            stage.base_config = clone_config(config)
            config.pop("created", None)
            stage.config, stage.state = config, loaded.state
            stage.state.platform = platform.normalized()
            stage.platform = platform
            return
        self._pull(stage, name, reference, platform)

    def _load_stage(self, stage: StageState) -> None:
        """A named context instead of the stage of that name: its instructions do not run."""
        assert stage.named_context is not None
        loaded = self.contexts.load(stage.named_context, lambda: stage.paths)
        stage.dispatched = True
        stage.state = loaded.state
        if loaded.config is not None:
            loaded.config.pop("created", None)
            stage.config = loaded.config
            platform = config_platform(loaded.config)
            if platform.os and platform.architecture:
                stage.platform = platform

    def _pull(self, stage: StageState, name: str, reference: str, platform: Platform) -> None:
        scope = self.scope
        prefix = f"[{platform.format_all()} " if scope.options.multi_platform else "["
        try:
            found = self.images.resolve(
                reference,
                platform,
                log_name=f"{prefix}internal] load metadata for {reference}",
            )
        except Error as error:
            raise self._not_found(error, name) from error
        config = parse_config(found.config)
        stage.base_config = clone_config(config)
        config.pop("created", None)
        stage.config = config
        if stage.platform is None and scope.choice.implicit:
            platform = detect_platform(config_platform(config), platform, scope.choice.build)
        stage.base_name = found.reference
        if not _is_empty(config):
            text = f"FROM {found.reference}"
            stage.platform = platform
            step = next_step_name(stage, text, platform, {})
            metadata = step_metadata(stage, scope, step, None, described=True)
            op = image_source(found.reference, scope.options.resolve_mode)
            stage.state = State(
                output=source_draft(lambda: op, metadata, platform.normalized()),
                platform=platform.normalized(),
            )
            scope.report.add(
                checks.base_image_platform(name, platform, config_platform(config), stage.ranges)
            )
        stage.platform = platform

    def _not_found(self, error: Error, name: str) -> Error:
        options = [*self.graph.names()]
        for image in _COMMON_IMAGES:
            options += [image, f"{image}:latest"]
        near = did_you_mean(name, options)
        text = error.phrase or error.message
        return type(error)(
            f"{name}: {error.message}{near}",
            hint=error.hint,
            temporary=error.temporary,
            phrase=f"{name}: {text}{near}",
            code=error.instance_code,
        )

    def _take_triggers(self, stage: StageState) -> bool:
        """Put the triggers of the base before ``stage``'s own steps; whether they need stages."""
        inherit(stage)
        config = stage.config["config"]
        triggers = list(config.get("OnBuild") or ())
        if stage.base is not None and not stage.onbuild_taken:
            triggers += onbuild_triggers(stage.base)
        stage.onbuild_taken = True
        if not triggers:
            return False
        steps = onbuild_steps(self.graph, stage, triggers)
        stage.steps[:0] = steps
        stage.step_total += len(steps)
        config.pop("OnBuild", None)
        return any(step.sources for step in steps)


def inherit(stage: StageState) -> None:
    """Start ``stage`` from where its base is now; nothing for one that starts from an image."""
    base = stage.base
    if base is None:
        return
    stage.state = base.state.copy()
    stage.platform = base.platform
    stage.config = clone_config(base.config)
    stage.config["config"].pop("OnBuild", None)
    stage.base_config = base.base_config
    stage.paths = base.paths
    stage.workdir_set = base.workdir_set
    stage.build_args += base.build_args


def _is_empty(config: dict[str, Any]) -> bool:
    """Whether an image has no layer at all."""
    if (config.get("rootfs") or {}).get("diff_ids"):
        return False
    return all(entry.get("empty_layer") for entry in config.get("history") or ())
