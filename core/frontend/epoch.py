"""SOURCE_DATE_EPOCH: a number of seconds, or the name of what to take the time from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from core.dockerfile.commands import Add, Arg, Stage
from core.dockerfile.expand import expand_word
from core.dockerfile.gitref import parse_git_ref
from core.errors import DockerfileError, OptionError
from core.frontend.contexts import ContextLoader, find_context, main_context
from core.frontend.draft import Freezer, Output
from core.frontend.inputs import BuildInputs, FactsMissingError, NeedImages
from core.frontend.options import FrontendOptions
from core.frontend.sources import git_source, http_filename, http_source, is_http
from core.llb.ops import SourceOp
from core.llb.vertex import walk
from core.oci.digest import Digest

KEY: Final = "SOURCE_DATE_EPOCH"
_NUMBER: Final = re.compile(r"[+-]?[0-9]+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochReader:
    """Finds the time that a value of SOURCE_DATE_EPOCH stands for."""

    options: FrontendOptions
    inputs: BuildInputs
    contexts: ContextLoader
    stages: tuple[Stage, ...]
    escape: str

    def read(self, value: str, global_args: Mapping[str, str]) -> int | None:
        """Seconds since the epoch, or None where the source has no time.

        Raises ``OptionError`` for a value that names nothing, ``DockerfileError`` for a stage that
        is more than one source, ``FactsMissingError``.
        """
        if not value:
            return None
        if _NUMBER.fullmatch(value) and -(2**63) <= int(value) < 2**63:
            return int(value)
        op = self._source(value, global_args)
        if op is None or op.scheme == "local":
            return None
        if op not in self.inputs.source_times:
            raise FactsMissingError(NeedImages(source_times=frozenset({op})))
        return self.inputs.source_times[op]

    def _source(self, value: str, global_args: Mapping[str, str]) -> SourceOp | None:
        if value == "context":
            return _only_source(main_context(self.options, self.inputs, set))
        named = find_context(self.options, value, None)
        if named is not None:
            return _only_source(self.contexts.load(named, set).state.output)
        for stage in self.stages:
            if stage.name and stage.name == value.lower():
                args = {k: v for k, v in global_args.items() if k != KEY}
                try:
                    return self._of_stage(stage, args)
                except DockerfileError as error:
                    error.ranges = error.ranges or (stage.from_.range,)
                    raise
        raise OptionError(
            f"{KEY} is {value!r}: neither seconds nor a context or stage",
            hint="Write seconds since 1970, context, or the name of a stage that ADDs one source.",
            phrase=f"invalid {KEY}: {value}",
        )

    def _of_stage(self, stage: Stage, args: dict[str, str]) -> SourceOp:
        if expand_word(stage.base_name, args, escape=self.escape).text != "scratch":
            raise _not_a_source(f"{KEY} stage must use FROM scratch")
        source: SourceOp | None = None
        for command in stage.commands:
            match command:
                case Arg():
                    self._declare(command, args)
                case Add() if source is None:
                    source = self._of_add(command, args)
                case Add():
                    raise _not_a_source(f"{KEY} stage must contain exactly one remote ADD")
                case _:
                    raise _not_a_source(
                        f"{KEY} stage does not meet source-only requirements: unsupported "
                        f"{command.keyword} instruction"
                    )
        if source is None:
            raise _not_a_source(f"{KEY} stage must contain exactly one remote ADD")
        return source

    def _declare(self, command: Arg, args: dict[str, str]) -> None:
        for definition in command.args:
            value = self.options.build_args.get(definition.key)
            if value is None and definition.value is not None:
                value = expand_word(definition.value, args, escape=self.escape).text
            if value is not None:
                args[definition.key] = value

    def _of_add(self, command: Add, args: Mapping[str, str]) -> SourceOp:
        if command.contents or len(command.sources) != 1:
            raise _not_a_source(f"{KEY} stage must contain exactly one remote ADD source")
        path = expand_word(command.sources[0], args, escape=self.escape).text
        checksum = expand_word(command.checksum, args, escape=self.escape).text
        if is_http(path):
            return http_source(
                path,
                filename=http_filename(path),
                checksum=Digest.parse(checksum) if checksum else None,
            )
        found = parse_git_ref(path)
        if found is None or found.ambiguous:
            raise _not_a_source(f"{KEY} stage source must be a single HTTP(S) or Git ADD")
        return git_source(
            found,
            keep_git_dir=bool(command.keep_git_dir) or bool(found.keep_git_dir),
            checksum=checksum or found.checksum,
        )


def _only_source(output: Output | None) -> SourceOp | None:
    edge = Freezer().edge(output)
    if edge is None:
        return None
    found = [v.op for v in walk([edge]) if isinstance(v.op, SourceOp)]
    return found[0] if len(found) == 1 else None


def _not_a_source(phrase: str) -> DockerfileError:
    return DockerfileError(
        f"a stage that {KEY} names has to be FROM scratch and one ADD of a download or repository",
        phrase=phrase,
    )
