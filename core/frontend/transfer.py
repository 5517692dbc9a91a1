"""COPY and ADD."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from core.dockerfile.commands import Add, Copy
from core.dockerfile.gitref import GitRef, parse_git_ref
from core.errors import DockerfileError, OptionError
from core.frontend.config import add_history
from core.frontend.conversion import Scope
from core.frontend.draft import Draft, Inputs, MadeOp, Output, source_draft
from core.frontend.fileops import copy_output, inline_file
from core.frontend.metadata import INLINE, step_metadata
from core.frontend.names import expanded_code, next_step_name, step_name
from core.frontend.paths import clean, join, normalize_path, to_slash, without_drive
from core.frontend.sources import git_source, http_filename, http_source, is_git, is_http
from core.frontend.stage import StageState, Step
from core.lint.buildkit import checks
from core.llb.files import CopyAction
from core.llb.metadata import ProgressGroup
from core.llb.ops import MergeOp
from core.llb.vertex import Edge
from core.oci.digest import Digest

_OCTAL: Final = re.compile(r"[0-7]+", re.ASCII)
_SYMBOLIC: Final = re.compile(
    r"[augo]*(?:[-+=][rstwXxugo]*)+(?:,[augo]*(?:[-+=][rstwXxugo]*)+)*", re.ASCII
)
_LARGEST_MODE: Final = 0o7777

Transfer = Copy | Add


def dispatch_transfer(
    stage: StageState, command: Transfer, step: Step, source: Output | None, scope: Scope
) -> None:
    """Copy what ``command`` (expanded) names from ``source`` into the stage."""
    _Transfer(stage, command, step, source, scope).run()


class _Transfer:
    def __init__(
        self,
        stage: StageState,
        command: Transfer,
        step: Step,
        source: Output | None,
        scope: Scope,
    ) -> None:
        self._stage = stage
        self._command = command
        self._step = step
        self._source = source
        self._scope = scope
        self._os = (stage.platform or scope.choice.target).os
        self._is_add = isinstance(command, Add)
        self._checksum = command.checksum if isinstance(command, Add) else ""
        self._copies: list[tuple[Output | None, CopyAction]] = []

    def run(self) -> None:
        stage, command, scope = self._stage, self._command, self._scope
        destination = self._destination()
        mode, mode_str = parse_chmod(command.chmod)
        self._check_checksum()
        platform = stage.platform or scope.choice.target
        env = stage.state.env
        text = expanded_code(command.code, env, scope.escape)
        name = next_step_name(stage, text, platform, env)
        action = CopyAction(
            src="",
            dest=destination,
            mode=mode,
            mode_str=mode_str,
            create_dest_path=True,
            exclude_patterns=command.excludes,
        )
        for path in command.sources:
            self._add(path, name, action)
        for content in command.contents:
            self._add_content(content.path, content.content, action)
        if command.link and not command.chmod:
            self._link(name, step_name(stage, f"LINK {text}", platform, env))
        else:
            metadata = step_metadata(stage, scope, name, command, ignores_cache=stage.ignores_cache)
            stage.state.output = copy_output(
                stage.state.output, self._copies, command.chown, metadata
            )
        add_history(
            stage.config, f"{self._history()} # buildkit", layer=True, created=scope.created
        )

    def _destination(self) -> str:
        path = without_drive(self._command.destination, self._os, keep_slash=True)
        if not to_slash(path, self._os).startswith("/"):
            path = path if path not in (".", "") else "./"
            path = normalize_path(self._stage.state.directory, path, self._os, keep_slash=True)
        else:
            path = normalize_path("/", path, self._os, keep_slash=True)
        return _clean_keeping_slash(path)

    def _check_checksum(self) -> None:
        if not self._checksum:
            return
        sources = self._command.sources
        if len(sources) != 1:
            raise DockerfileError(
                "--checksum is for one source, and there are several",
                hint="Write one ADD for each source.",
                phrase="checksum can't be specified for multiple sources",
            )
        if not is_http(sources[0]) and not is_git(sources[0]):
            raise DockerfileError(
                f"--checksum is for downloads and git repositories; {sources[0]} is neither",
                phrase="checksum requires HTTP(S) or Git sources",
            )

    def _add(self, path: str, name: str, action: CopyAction) -> None:
        found = _git_ref(path)
        if found is not None and not found.ambiguous:
            self._add_git(found, name, action)
        elif is_http(path):
            self._add_http(path, name, action)
        else:
            self._add_path(path, action)

    def _add_git(self, found: GitRef, name: str, action: CopyAction) -> None:
        command = self._command
        if not isinstance(command, Add):
            raise DockerfileError(
                "COPY cannot copy from a git repository",
                hint="Use ADD.",
                phrase="source can't be a git ref for COPY",
            )
        keep = command.keep_git_dir
        if None not in (keep, found.keep_git_dir) and keep != found.keep_git_dir:
            raise DockerfileError(
                "--keep-git-dir and the query of the URL contradict each other",
                phrase="inconsistent keep-git-dir configuration",
            )
        if found.checksum:
            if self._checksum and self._checksum != found.checksum:
                raise DockerfileError(
                    "--checksum and the query of the URL name different commits",
                    phrase=f'checksum mismatch "{self._checksum}" != "{found.checksum}"',
                )
            self._checksum = found.checksum
        op = git_source(
            replace(found, mtime=""),
            keep_git_dir=bool(keep if found.keep_git_dir is None else found.keep_git_dir),
            checksum=self._checksum,
        )
        metadata = step_metadata(self._stage, self._scope, name, command)
        self._copies.append((source_draft(lambda: op, metadata), replace(action, src="/")))

    def _add_http(self, url: str, name: str, action: CopyAction) -> None:
        command = self._command
        if not isinstance(command, Add):
            raise DockerfileError(
                "COPY cannot copy from a URL",
                hint="Use ADD.",
                phrase="source can't be a URL for COPY",
            )
        filename = http_filename(url)
        checksum = Digest.parse(self._checksum) if self._checksum else None
        op = http_source(url, filename=filename, checksum=checksum)
        metadata = step_metadata(self._stage, self._scope, name, command)
        self._copies.append(
            (
                source_draft(lambda: op, metadata),
                replace(action, src=join("/", filename), attempt_unpack=bool(command.unpack)),
            )
        )

    def _add_path(self, path: str, action: CopyAction) -> None:
        command, scope = self._command, self._scope
        reads_context = self._is_add or not self._step.sources
        scope.report.add(
            checks.ignored_source(
                "Add" if self._is_add else "Copy",
                path,
                scope.ignore if reads_context else None,
                self._step.ranges,
            ),
            command.comments,
        )
        include: tuple[str, ...] = ()
        required: tuple[str, ...] = ()
        if isinstance(command, Copy) and command.parents:
            parent, pivot, pattern = path.partition("/./")
            path, pattern = (parent, pattern) if pivot else ("/", path)
            pattern = normalize_path("/", pattern, self._os, keep_slash=False)
            include = (pattern.removeprefix("/"),)
            if not _has_wildcard(path) and not _has_wildcard(pattern):
                needed = join(path, pattern)
                required = (normalize_path("/", needed, self._os, keep_slash=False),)
        source = normalize_path("/", path, self._os, keep_slash=False)
        unpack = self._is_add
        if isinstance(command, Add) and command.unpack is not None:
            unpack = command.unpack
        self._copies.append(
            (
                self._source,
                replace(
                    action,
                    src=clean(source),
                    follow_symlink=True,
                    dir_copy_contents=True,
                    include_patterns=include,
                    required_paths=required,
                    attempt_unpack=unpack,
                    allow_wildcard=True,
                    allow_empty_wildcard=True,
                ),
            )
        )

    def _add_content(self, path: str, content: str, action: CopyAction) -> None:
        name = without_drive(path, self._os, keep_slash=False)
        data = content.encode("utf-8", "surrogateescape")
        source = inline_file(name, data, INLINE)
        self._copies.append((source, replace(action, src=join("/", to_slash(name, self._os)))))

    def _link(self, name: str, link_name: str) -> None:
        """Copy into an empty file system and put that over the stage, independent of its base."""
        stage, scope, command = self._stage, self._scope, self._command
        ignores = stage.ignores_cache
        group = ProgressGroup(
            id=f"link {scope.choice.target.format_all()} {stage.name} {stage.step_index} "
            f"{command.node.start}",
            name=name,
        )
        copied = copy_output(
            None,
            self._copies,
            command.chown,
            step_metadata(
                stage,
                scope,
                name,
                command,
                group=replace(group, weak=True),
                ignores_cache=ignores,
            ),
        )
        base = stage.state.output
        if base is None:
            stage.state.output = copied
            return
        metadata = step_metadata(
            stage, scope, link_name, command, group=group, ignores_cache=ignores
        )
        stage.state.output = Output(Draft(make=_merge, sources=(base, copied), metadata=metadata))

    def _history(self) -> str:
        command = self._command
        words = ["ADD" if self._is_add else "COPY"]
        if isinstance(command, Copy) and command.parents:
            words.append("--parents")
        if command.chown:
            words.append(f"--chown={command.chown}")
        if command.chmod:
            words.append(f"--chmod={command.chmod}")
        words += command.sources
        words += [f"<<{content.path}" for content in command.contents]
        return " ".join((*words, command.destination))


def _merge(edges: Sequence[Edge | None]) -> MadeOp:
    inputs = Inputs()
    numbers = tuple(inputs.number(edge) for edge in edges)
    return MergeOp(inputs=numbers), tuple(inputs.edges)


def parse_chmod(text: str) -> tuple[int, str]:
    """The value of --chmod as a number (-1: keep) or as a symbolic mode."""
    if not text:
        return -1, ""
    if _OCTAL.fullmatch(text) and int(text, 8) <= _LARGEST_MODE:
        return int(text, 8), ""
    if _SYMBOLIC.fullmatch(text):
        return -1, text
    phrase = "invalid syntax"
    if text[0].isdigit():
        phrase = (
            f"invalid chmod parameter: '{text}'. it should be octal string and between 0 and 07777"
        )
    raise DockerfileError(
        f"--chmod={text} is no mode",
        hint="Write an octal mode such as 755 or a symbolic one such as u=rwX,go=rX.",
        phrase=phrase,
    )


def _git_ref(path: str) -> GitRef | None:
    try:
        return parse_git_ref(path)
    except OptionError as error:
        raise DockerfileError(error.message, hint=error.hint, phrase=error.phrase) from error


def _has_wildcard(path: str) -> bool:
    return re.search(r"(?<!\\)(?:\\\\)*[*?\[]", path) is not None


def _clean_keeping_slash(path: str) -> str:
    cleaned = posixpath.normpath(path)
    cleaned = "/" + cleaned.lstrip("/")
    if path.endswith("/") and not cleaned.endswith("/"):
        return f"{cleaned}/"
    if path.endswith("/."):
        return f"{cleaned}." if cleaned == "/" else f"{cleaned}/."
    return cleaned
