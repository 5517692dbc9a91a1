"""``viaduct check``: architecture lint of files and trees, for people, editors and CI.

Exit status: 0 nothing found at or above --fail-on, 1 something found, 2 the command itself could
not do what was asked (a file that cannot be read, an option that means nothing).
"""

from __future__ import annotations

import argparse
import asyncio
import difflib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from core.dockerfile.instructions import instructions
from core.dockerfile.parser import parse
from core.errors import DockerfileError, Error
from core.lint.bases import base_references
from core.lint.config import LintConfig, check_rule, find_config, parse_severity, read_config
from core.lint.files import Unreadable, find_dockerfiles, read_dockerfile
from core.lint.findings import Confidence, Finding, Severity
from core.lint.reports import finding_json, sarif
from core.lint.rules.table import RULES
from core.lint.run import LintOptions, fix_text, lint_text
from core.oci.platform import parse_platforms
from core.version import VERSION

PARALLEL_FROM = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One file and how it is to be looked at."""

    path: Path
    options: LintOptions
    fixes: bool
    fix: Confidence | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a job: findings, or why not; ``fixed`` where fixing changed the text."""

    path: Path
    findings: tuple[Finding, ...] = ()
    unreadable: str = ""
    before: str = ""
    fixed: str | None = None


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    made = argparse.ArgumentParser(
        prog="viaduct check",
        description="Find what is not portable between architectures, and fix it.",
        epilog="Exit status: 0 nothing found, 1 something found, 2 something could not be done.",
    )
    made.add_argument("paths", nargs="*", type=Path, metavar="FILE|DIR", default=[Path()])
    made.add_argument("--platform", action="append", default=[], help="platforms to check for")
    made.add_argument("--format", choices=("text", "json", "sarif"), default="text")
    made.add_argument("--severity", help="least to report: info, warning, error")
    made.add_argument("--fail-on", help="least that makes the command fail (warning)")
    made.add_argument("--ignore", action="append", default=[], metavar="RULE")
    made.add_argument("--config", type=Path, help="instead of the nearest .viaduct.toml")
    made.add_argument(
        "--online",
        action="store_true",
        help="ask registries for base images and servers for the files that fixes name",
    )
    made.add_argument("--fix", action="store_true", help="write the fixes that are likely right")
    made.add_argument("--fix-all", action="store_true", help="also those that want completing")
    made.add_argument("--diff", action="store_true", help="show the fixes, write nothing")
    made.add_argument(
        "--only-arch", action="store_true", help="without BuildKit's own build checks"
    )
    made.add_argument("--list", action="store_true", help="list the rules")
    return made


def main(argv: Sequence[str]) -> int:
    """Run the command; what it finds goes to standard output, what it could not do to the other."""
    args = parser().parse_args(argv)
    if args.list:
        for rule in RULES:
            print(f"{rule.id.value}  {rule.severity.value:8} {rule.name:28} {rule.summary}")
        return 0
    try:
        return _check(args)
    except Error as error:
        print(f"viaduct: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"  {error.hint}", file=sys.stderr)
        return 2


def _check(args: argparse.Namespace) -> int:
    for name in args.ignore:
        check_rule(name)
    fix: Confidence | None = None
    if args.fix or args.diff:
        fix = Confidence.LIKELY
    if args.fix_all:
        fix = Confidence.NEEDS_INPUT
    jobs, problems, fail_on = _jobs(args, fix)
    if args.online:
        from core.cli.check_online import ask, base_images

        references = sorted({r for job in jobs for r in _bases(job.path)})
        images = asyncio.run(base_images(references)) if references else {}
        jobs = [replace(job, options=replace(job.options, images=images)) for job in jobs]
    outcomes = list(_outcomes(jobs))
    if args.online:
        outcomes = [replace(o, findings=asyncio.run(ask(o.findings))) for o in outcomes]
    problems.extend(Unreadable(path=o.path, reason=o.unreadable) for o in outcomes if o.unreadable)
    for problem in problems:
        print(f"viaduct: {problem.path} is passed over: {problem.reason}", file=sys.stderr)
    if fix is not None:
        for outcome in outcomes:
            if outcome.fixed is not None:
                _show_or_write(outcome, diff=args.diff)
    if not (args.diff and args.format == "text"):
        _print(args.format, outcomes)
    worst = max((f.severity.rank for o in outcomes for f in o.findings), default=-1)
    if worst >= fail_on.rank:
        return 1
    named = {path for path in args.paths if not path.is_dir()}
    return 2 if any(problem.path in named for problem in problems) else 0


def _jobs(
    args: argparse.Namespace, fix: Confidence | None
) -> tuple[list[Job], list[Unreadable], Severity]:
    platforms = (
        tuple(str(p) for p in parse_platforms(",".join(args.platform))) if args.platform else ()
    )
    configs: dict[Path | None, LintConfig] = {None: LintConfig()}
    jobs: list[Job] = []
    problems: list[Unreadable] = []
    fail_on = parse_severity(args.fail_on) if args.fail_on else None
    for found in find_dockerfiles(args.paths):
        if isinstance(found, Unreadable):
            problems.append(found)
            continue
        where = args.config or find_config(found)
        if where not in configs:
            assert where is not None
            configs[where] = read_config(where)
        config = configs[where]
        fail_on = fail_on or (config.fail_on if where is not None else None)
        options = LintOptions(
            platforms=platforms or config.platforms,
            ignore=config.ignore | frozenset(args.ignore),
            threshold=parse_severity(args.severity) if args.severity else config.severity,
            ignore_file=ignore_file_of(found),
            build_checks=not args.only_arch,
        )
        wanted = args.format == "json" or args.online
        jobs.append(Job(path=found, options=options, fixes=wanted, fix=fix))
    return jobs, problems, fail_on or Severity.WARNING


def _bases(path: Path) -> tuple[str, ...]:
    data = read_dockerfile(path)
    if isinstance(data, Unreadable):
        return ()
    try:
        return base_references(instructions(parse(data), lenient=True))
    except DockerfileError:
        return ()


def ignore_file_of(path: Path) -> bytes:
    """The ignore file of a Dockerfile's folder: its own one first, else .dockerignore."""
    for name in (f"{path.name}.dockerignore", ".dockerignore"):
        try:
            return (path.parent / name).read_bytes()
        except OSError:
            continue
    return b""


def _outcomes(jobs: list[Job]) -> Iterator[Outcome]:
    workers = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    if len(jobs) < PARALLEL_FROM or workers < 2:
        yield from map(look_at, jobs)
        return
    with ProcessPoolExecutor(max_workers=workers) as pool:
        yield from pool.map(look_at, jobs, chunksize=max(1, min(64, len(jobs) // (4 * workers))))


def look_at(job: Job) -> Outcome:
    """Lint one file, and fix its text in memory when that is asked for."""
    data = read_dockerfile(job.path)
    if isinstance(data, Unreadable):
        return Outcome(path=job.path, unreadable=data.reason)
    name = os.fspath(job.path)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return Outcome(
            path=job.path,
            findings=lint_text(data, name=name, options=job.options, fixes=False),
        )
    fixed: str | None = None
    if job.fix is not None:
        changed = fix_text(text, name=name, options=job.options, least=job.fix)
        fixed = changed if changed != text else None
    return Outcome(
        path=job.path,
        findings=lint_text(
            fixed if fixed is not None else text,
            name=name,
            options=job.options,
            fixes=job.fixes,
        ),
        before=text if fixed is not None else "",
        fixed=fixed,
    )


def _show_or_write(outcome: Outcome, *, diff: bool) -> None:
    assert outcome.fixed is not None
    if diff:
        sys.stdout.writelines(
            difflib.unified_diff(
                outcome.before.splitlines(keepends=True),
                outcome.fixed.splitlines(keepends=True),
                fromfile=f"a/{outcome.path}",
                tofile=f"b/{outcome.path}",
            )
        )
        return
    # Written beside and moved, so that an interruption leaves the old text or the new one.
    beside = outcome.path.with_name(f".{outcome.path.name}.viaduct")
    beside.write_bytes(outcome.fixed.encode("utf-8"))
    os.chmod(beside, outcome.path.stat().st_mode & 0o7777)
    os.replace(beside, outcome.path)
    print(f"viaduct: fixed {outcome.path}", file=sys.stderr)


def _print(form: str, outcomes: Iterable[Outcome]) -> None:
    rows = [(os.fspath(o.path), f) for o in outcomes for f in o.findings]
    if form == "json":
        print(json.dumps([finding_json(path, f) for path, f in rows], indent=1))
        return
    if form == "sarif":
        print(json.dumps(sarif(rows, VERSION), indent=1))
        return
    for path, finding in rows:
        where = f"{path}:{finding.range.start}:{finding.range.start_column + 1}"
        print(f"{where}: {finding.severity.value}: {finding.message} [{finding.rule}]")
        if finding.detail and finding.rule.startswith("arch/"):
            print(f"    {finding.detail}")
    if rows:
        print(f"{len(rows)} finding{'s' if len(rows) > 1 else ''}", file=sys.stderr)
