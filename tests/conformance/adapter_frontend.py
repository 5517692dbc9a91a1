"""The core's frontend, checks, platforms and references as the conformance scorer calls them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any, TypeVar

from core.dockerfile.gitref import parse_git_ref
from core.dockerfile.parser import parse as parse_dockerfile
from core.errors import Error, NotFoundError
from core.frontend.conversion import Conversion
from core.frontend.convert import convert
from core.frontend.inputs import (
    BuildInputs,
    ImageMissing,
    ImageRequest,
    Images,
    NeedImages,
    ResolvedImage,
)
from core.frontend.options import FrontendOptions
from core.frontend.requests import lint_request, outline_request, targets_request
from core.lint.buildkit.report import Report
from core.lint.buildkit.rules import Violation
from core.llb.ops import ExecOp, FileOp
from core.llb.vertex import walk
from core.oci.platform import Platform, matches, parse_platform, sort_by_preference
from core.oci.reference import parse_reference

_HOST = Platform(os="linux", architecture="amd64")
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_T = TypeVar("_T")


class FailedError(Exception):
    """A build error with every line it names, and the warnings given before it."""

    def __init__(self, error: Error, warnings: Iterable[Violation] = ()) -> None:
        super().__init__(str(error))
        self.lines = sorted(n for r in error.ranges for n in range(r.start, r.end + 1))
        self.warnings = _tuples(warnings)


def _tuples(violations: Iterable[Violation]) -> list[tuple[str, int | None, str]]:
    return [(v.rule.name, v.line or None, v.message) for v in violations]


def _parse(text: str) -> Platform:
    return parse_platform(text, normalize=False, host=_HOST)


def platform(text: str) -> dict[str, str]:
    found = _parse(text)
    return {
        "format": str(found),
        "format_all": found.format_all(),
        "format_normalized": found.normalized().format_all(),
    }


def platform_match(wanted: str, candidate: str, strict: bool) -> bool:
    return matches(_parse(wanted), _parse(candidate), strict=strict)


def platform_sort(wanted: str, candidates: Iterable[str]) -> list[str]:
    parsed = []
    for candidate in candidates:
        try:
            parsed.append(_parse(candidate))
        except Error:
            continue
    return [p.format_all() for p in sort_by_preference(_parse(wanted), parsed)]


_GIT_KEYS = {
    "remote": "Remote",
    "short_name": "ShortName",
    "ref": "Ref",
    "checksum": "Checksum",
    "subdir": "SubDir",
    "ambiguous": "IndistinguishableFromLocal",
    "unencrypted": "UnencryptedTCP",
    "keep_git_dir": "KeepGitDir",
    "submodules": "Submodules",
    "mtime": "MTime",
    "fetch_by_commit": "FetchByCommit",
}


def git_ref(text: str) -> dict[str, Any] | None:
    found = parse_git_ref(text)
    return {_GIT_KEYS[k]: v for k, v in asdict(found).items()} if found else None


def image_ref(text: str) -> dict[str, str]:
    found = parse_reference(text)
    return {
        "domain": found.domain,
        "path": found.path,
        "familiar": found.familiar(),
        "normalized": str(found),
        "tag_name_only": str(found.tagged()),
    }


def _look_up(request: ImageRequest, overrides: Mapping[str, Any]) -> ResolvedImage | ImageMissing:
    """The scorer's registry: any name exists for any platform, but for what a row overrides."""
    reference = request.reference
    for key in (f"{reference}::{request.platform.format_all()}", reference):
        if key in overrides:
            config = overrides[key]
            break
    else:
        config = {
            "architecture": request.platform.architecture,
            "os": request.platform.os,
            "config": {"Env": [_PATH], "Cmd": ["/bin/sh"], "WorkingDir": "/"},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{'1' * 64}"]},
            "created": "2024-01-01T00:00:00Z",
            "history": [
                {"created": "2024-01-01T00:00:00Z", "created_by": "ADD rootfs / # base"},
                {
                    "created": "2024-01-01T00:00:00Z",
                    "created_by": 'CMD ["/bin/sh"]',
                    "empty_layer": True,
                },
            ],
        }
        if request.platform.variant:
            config["variant"] = request.platform.variant
        if request.platform.os_version:
            config["os.version"] = request.platform.os_version
    if config is None:
        return ImageMissing(error=NotFoundError(f"{reference}: not found"))
    data = config.encode() if isinstance(config, str) else json.dumps(config).encode()
    digest = hashlib.sha256(f"{reference} {request.platform.format_all()}".encode()).hexdigest()
    pinned = reference if "@" in reference else f"{reference}@sha256:{digest}"
    return ResolvedImage(reference=pinned, config=data)


def _with_facts(
    ask: Callable[[Images, BuildInputs], _T | NeedImages],
    inputs: BuildInputs,
    overrides: Mapping[str, Any],
    contexts: Mapping[str, Mapping[str, str]],
) -> _T:
    images: dict[ImageRequest, ResolvedImage | ImageMissing] = {}
    ignores: dict[str, bytes] = {}
    times: dict[Any, int | None] = {}
    while True:
        known = BuildInputs(
            ignore_file=inputs.ignore_file,
            context_ignores=dict(ignores),
            source_times=dict(times),
        )
        answer = ask(images, known)
        if not isinstance(answer, NeedImages):
            return answer
        for request in answer.images:
            images[request] = _look_up(request, overrides)
        for name in answer.context_ignores:
            files = contexts.get(name)
            text = files.get(".dockerignore", "") if isinstance(files, Mapping) else ""
            ignores[name] = str(text).encode()
        times.update(dict.fromkeys(answer.source_times))


def _options(row: Mapping[str, Any]) -> FrontendOptions:
    worker = row.get("worker") or "linux/amd64"
    if isinstance(worker, Mapping):
        worker = worker.get("platforms") or "linux/amd64"
    # BuildKit counts only the first platform of its first worker.
    names = (worker.split(",") if isinstance(worker, str) else worker)[:1]
    return FrontendOptions.from_attrs(
        row.get("opts") or {}, build_platforms=[parse_platform(name) for name in names]
    )


def _inputs(ignore: str | None) -> BuildInputs:
    return BuildInputs(ignore_file=(ignore or "").encode())


def _convert(
    text: bytes, options: FrontendOptions, row: Mapping[str, Any]
) -> tuple[Conversion, Report]:
    report = Report()
    try:
        done = _with_facts(
            lambda images, inputs: convert(text, options, images, inputs=inputs, report=report),
            _inputs(row.get("dockerignore")),
            row.get("images") or {},
            row.get("contexts") or {},
        )
    except Error as error:
        raise FailedError(error, report.violations) from error
    return done, report


def frontend(row: Mapping[str, Any]) -> dict[str, Any]:
    try:
        options = _options(row)
    except Error as error:
        raise FailedError(error) from error
    done, _ = _convert(row["dockerfile"].encode("utf-8", "surrogateescape"), options, row)
    platforms: dict[str, Any] = {}
    for result in done.results:
        vertices = list(walk([result.edge])) if result.edge else []
        vertices = list({v.digest: v for v in vertices}.values())
        platforms[result.key if done.multi_platform else "default"] = {
            "config": result.config,
            "steps": [
                v.metadata.name
                for v in vertices
                if isinstance(v.op, ExecOp | FileOp) and v.metadata.name
            ],
            "execs": [
                {
                    "args": list(v.op.meta.args),
                    "env": list(v.op.meta.env),
                    "cwd": v.op.meta.cwd,
                    "user": v.op.meta.user,
                }
                for v in vertices
                if isinstance(v.op, ExecOp)
            ],
        }
    return {"platforms": platforms, "warnings": [w.short for w in done.warnings]}


def lint(
    text: str, dockerignore: str | None, opts: Mapping[str, str], all_targets: bool
) -> list[tuple[str, int | None, str]]:
    options = _options({"opts": opts})
    data = text.encode("utf-8", "surrogateescape")
    if not all_targets:
        return _tuples(_convert(data, options, {"dockerignore": dockerignore})[1].violations)
    answer = _with_facts(
        lambda images, inputs: lint_request(data, options, images, inputs=inputs),
        _inputs(dockerignore),
        {},
        {},
    )
    if answer.error is not None:
        raise FailedError(answer.error, answer.violations)
    return _tuples(answer.violations)


def subrequest(row: Mapping[str, Any]) -> dict[str, Any]:
    text = row["dockerfile"].encode("utf-8", "surrogateescape")
    if row["opts"]["requestid"] == "frontend.targets":
        # BuildKit's own answer is empty (it crashes) where a comment above an instruction chooses
        # checks: it reads such comments for a linter that this request does not have.
        if any(_chooses_checks(node.comments) for node in parse_dockerfile(text).nodes):
            return {}
        return targets_request(text)
    options = _options(row)
    return _with_facts(
        lambda images, inputs: outline_request(text, options, images, inputs=inputs),
        _inputs(row.get("dockerignore")),
        row.get("images") or {},
        row.get("contexts") or {},
    )


def _chooses_checks(comments: Iterable[str]) -> bool:
    return any(re.match(r"\s*check\s*=\s*\S", comment, re.IGNORECASE) for comment in comments)
