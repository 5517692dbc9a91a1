"""Where cross-compilation would pay: pure functions over steps and what they took.

A stage that compiles for a foreign platform under emulation can often run natively instead, its
compiler told to make programs for the target. Advice is given for compilers that can do that,
where it saves enough to be worth an edit.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.emulation.calibration import SlowDown, StepTime
from core.errors import LineRange
from core.oci.platform import Platform, parse_platform
from core.progress.messages import Mode, Vertex

_LEAST_SECONDS = 5.0
_LEAST_FACTOR = 1.5
_USUAL_FACTOR = 8.0
_NANOSECONDS = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRun:
    """A step that ran for one target platform. ``seconds`` is its own time, without waiting."""

    stage: str
    instruction: str
    platform: Platform
    emulated: bool
    seconds: float
    ranges: tuple[LineRange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """``seconds`` is what the stage's emulated steps took, ``saved`` an estimate of what would go;
    ``step`` is the dearest of them, at ``ranges``. ``how`` are the edits, one sentence each."""

    stage: str
    step: str
    ranges: tuple[LineRange, ...]
    platforms: tuple[Platform, ...]
    seconds: float
    saved: float
    message: str
    how: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compiler:
    name: str
    pattern: re.Pattern[str]
    how: tuple[str, ...]


def _compiler(name: str, pattern: str, *how: str) -> _Compiler:
    return _Compiler(name=name, pattern=re.compile(rf"(?:{pattern})(?![\w-])"), how=how)


_RUN = re.compile(r"\s*RUN\s+(?:--\S+\s+|\\\n\s*)*(?:<<-?\S+\s*)?", re.IGNORECASE)
_BETWEEN = re.compile(r"&&|\|\||[;|&(\n]|\bthen\b|\bdo\b")
# Blanks, line continuations, assignments and directories in front of a program's name.
_BEFORE = re.compile(
    r"^(?:[\s\\\[\"']|\w+=\S*\s|(?:exec|time|env|nice)\s)*(?:\.{0,2}(?:/[\w.-]+)*/)?"
)

# What each toolchain's own documentation says about targets. The first that fits counts.
_COMPILERS = (
    _compiler(
        "Go",
        r"go\s+(?:build|install|test)",
        "Put `ARG TARGETOS TARGETARCH TARGETVARIANT` before it and set GOOS=$TARGETOS "
        "GOARCH=$TARGETARCH (GOARM=${TARGETVARIANT#v} for arm).",
        "With cgo, add a C cross-compiler (tonistiigi/xx brings one) or set CGO_ENABLED=0.",
    ),
    _compiler(
        "Rust",
        r"cargo\s+(?:build|install|b)|rustc",
        "Put `ARG TARGETARCH` before it, add the target with rustup, and build with --target (and "
        "that target's linker), or use xx-cargo of tonistiigi/xx.",
    ),
    _compiler(
        ".NET",
        r"dotnet\s+(?:build|publish|restore)",
        "Put `ARG TARGETARCH` before it and add `-a $TARGETARCH` to restore and publish.",
    ),
    _compiler(
        "Java",
        r"(?:mvnw?|gradlew?|javac|sbt)",
        "Its result is the same for every platform: nothing else has to change.",
    ),
    _compiler(
        "JavaScript",
        r"(?:npm|yarn|pnpm)\s+(?:run|build|ci|install)|webpack|vite\s+build|tsc",
        "What it bundles is the same for every platform; modules with native parts must still be "
        "installed in a stage of the target's platform.",
    ),
    _compiler(
        "Zig",
        r"zig\s+(?:build|cc|c\+\+)",
        "Put `ARG TARGETARCH` before it and pass -Dtarget or -target.",
    ),
    _compiler(
        "C or C++",
        r"make|ninja|cmake|meson|gcc|g\+\+|clang|cc|configure",
        "Put `ARG TARGETPLATFORM` before it and compile with a cross-compiler: xx-clang of "
        "tonistiigi/xx, or the distribution's (crossbuild-essential-arm64 and its like).",
        "Libraries are then those of the target: xx-apt and xx-apk install them.",
    ),
)


def advise(
    runs: Iterable[StepRun], slow_downs: Mapping[Platform, SlowDown] | None = None
) -> tuple[Advice, ...]:
    """What would pay, the most worthwhile first. Stages without a compiler that can cross-compile
    get none: packages of a distribution, for one, install themselves under emulation."""
    stages: dict[str, list[StepRun]] = defaultdict(list)
    for run in runs:
        if run.emulated and run.seconds > 0:
            stages[run.stage].append(run)
    found = []
    for stage, steps in stages.items():
        one = _of_stage(stage, steps, slow_downs or {})
        if one is not None:
            found.append(one)
    return tuple(sorted(found, key=lambda one: -one.saved))


def _of_stage(
    stage: str, steps: list[StepRun], slow_downs: Mapping[Platform, SlowDown]
) -> Advice | None:
    compiled = [(step, c) for step in steps if (c := _compiler_of(step.instruction)) is not None]
    total = sum(step.seconds for step, _ in compiled)
    if total < _LEAST_SECONDS:
        return None
    saved = 0.0
    for step, _ in compiled:
        known = slow_downs.get(step.platform)
        factor = known.factor if known is not None else _USUAL_FACTOR
        if factor >= _LEAST_FACTOR:
            saved += step.seconds * (1 - 1 / factor)
    if saved < _LEAST_SECONDS / 2:
        return None
    dearest, compiler = max(compiled, key=lambda pair: pair[0].seconds)
    platforms = tuple(dict.fromkeys(step.platform for step, _ in compiled))
    name = f'the stage "{stage}"' if stage else "its stage"
    return Advice(
        stage=stage,
        step=dearest.instruction,
        ranges=dearest.ranges,
        platforms=platforms,
        seconds=round(total, 1),
        saved=round(saved, 1),
        message=f"{dearest.instruction.splitlines()[0][:80]} took {dearest.seconds:.0f} s under "
        f"emulation for {dearest.platform}; {name} could compile {compiler.name} natively for "
        f"{', '.join(map(str, platforms))} and save about {saved:.0f} s",
        how=(
            f"Begin {name} with `FROM --platform=$BUILDPLATFORM …`, so that it runs natively.",
            *compiler.how,
            "Copy the result into a last stage of the target's platform with COPY --from.",
        ),
    )


def _compiler_of(instruction: str) -> _Compiler | None:
    """The compiler that the step starts itself; the name of a package is none."""
    match = _RUN.match(instruction)
    if match is None:
        return None
    commands = [_BEFORE.sub("", part) for part in _BETWEEN.split(instruction[match.end() :])]
    for one in _COMPILERS:
        if any(one.pattern.match(command) for command in commands):
            return one
    return None


def runs_of(vertices: Iterable[Vertex]) -> tuple[StepRun, ...]:
    """The steps that ran, of vertices as they stood at the end of a build."""
    found = []
    for vertex in vertices:
        if vertex.cached or vertex.error or vertex.mode in (Mode.NONE, Mode.CROSS):
            continue
        if vertex.started is None or vertex.completed is None or not vertex.instruction:
            continue
        for platform in vertex.platforms[:1]:
            found.append(
                StepRun(
                    stage=vertex.stage,
                    instruction=vertex.instruction,
                    platform=parse_platform(platform),
                    emulated=vertex.mode is Mode.EMULATED,
                    seconds=(vertex.completed - vertex.started) / _NANOSECONDS,
                    ranges=vertex.ranges,
                )
            )
    return tuple(found)


def times_of(vertices: Iterable[Vertex]) -> tuple[StepTime, ...]:
    """The same, for ``core.emulation.calibration.from_history``."""
    return tuple(
        StepTime(
            step=f"{run.stage}\0{run.instruction}",
            platform=str(run.platform),
            emulated=run.emulated,
            seconds=run.seconds,
        )
        for run in runs_of(vertices)
    )
