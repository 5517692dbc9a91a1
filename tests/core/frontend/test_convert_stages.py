"""Stages, platforms, arguments and base images."""

from collections.abc import Callable
from typing import Any

import pytest

from core.errors import DockerfileError, Error, NotFoundError, OptionError
from core.progress.messages import Mode

Build = Callable[..., Any]
THREE = {"platform": "linux/amd64,linux/arm64,linux/arm/v7"}


def test_a_stage_that_nothing_needs_is_not_resolved(build: Build, registry: Any) -> None:
    registry.missing.add("docker.io/library/broken:latest")
    done = build("FROM broken AS unused\nRUN a\nFROM busybox\nRUN b\n")
    assert [r.reference for r in registry.asked] == ["docker.io/library/busybox:latest"]
    assert done.names() == [
        f"[stage-1 1/2] FROM docker.io/library/busybox:latest@sha256:{'a' * 64}",
        "[stage-1 2/2] RUN b",
    ]


def test_a_missing_image_names_the_line_and_the_nearest_stage(build: Build, registry: Any) -> None:
    registry.missing.add("docker.io/library/bulid:latest")
    with pytest.raises(NotFoundError, match=r"did you mean build\?") as caught:
        build("FROM busybox AS build\nFROM bulid\n")
    assert caught.value.lines == [2]


def test_steps_are_named_after_platform_and_stage(build: Build) -> None:
    text = "FROM --platform=$BUILDPLATFORM golang AS build\nARG TARGETARCH\nRUN go build\n"
    text += "FROM alpine\nCOPY --from=build /a /b\n"
    names = build(text, THREE).names("linux/arm/v7")
    assert "[linux/amd64->arm/v7 build 2/2] RUN go build" in names
    assert "[linux/arm/v7 stage-1 2/2] COPY --from=build /a /b" in names


def test_what_does_not_depend_on_the_target_is_one_vertex_for_all(build: Build) -> None:
    text = "FROM --platform=$BUILDPLATFORM golang AS build\nCOPY . .\nRUN go mod download\n"
    text += "ARG TARGETARCH\nRUN go build\nFROM scratch\nCOPY --from=build /a /b\n"
    done = build(text, THREE)
    runs = {}
    for result in done.conversion.results:
        for vertex in done.vertices(result.key):
            if vertex.metadata.kind == "run":
                runs.setdefault(vertex.metadata.instruction, set()).add(vertex.digest)
    assert len(runs["RUN go mod download"]) == 1
    assert len(runs["RUN go build"]) == 3


def test_a_run_knows_how_it_stands_to_its_target(build: Build) -> None:
    text = (
        "FROM --platform=$BUILDPLATFORM golang AS b\nRUN x\nFROM alpine\nRUN y\nCOPY --from=b / /\n"
    )
    done = build(text, THREE)
    modes = {v.metadata.instruction: v.metadata.mode for v in done.vertices("linux/arm64")}
    assert modes["RUN x"] is Mode.CROSS
    assert modes["RUN y"] is Mode.EMULATED
    assert modes["COPY --from=b / /"] is Mode.NONE


def test_the_config_claims_the_requested_platform(build: Build) -> None:
    done = build("FROM --platform=linux/amd64 busybox\n", {"platform": "linux/arm/v7"})
    config = done.conversion.results[0].config
    assert (config["os"], config["architecture"], config["variant"]) == ("linux", "arm", "v7")
    assert done.warnings == [
        "FromPlatformFlagConstDisallowed: FROM --platform flag should not use constant value "
        '"linux/amd64" (line 1)'
    ]


def test_without_a_requested_platform_the_base_image_decides(build: Build, registry: Any) -> None:
    registry.configs["docker.io/library/busybox:latest"] = {"architecture": "arm64"}
    done = build("FROM busybox\nRUN x\n")
    assert done.conversion.results[0].config["architecture"] == "arm64"
    assert not done.conversion.multi_platform


def test_platforms_of_one_normal_form_give_one_result(build: Build) -> None:
    done = build("FROM busybox\n", {"platform": "linux/arm64,linux/arm64/v8"})
    assert [r.key for r in done.conversion.results] == ["linux/arm64"]
    assert done.conversion.multi_platform


def test_arguments_are_visible_where_they_are_declared(build: Build) -> None:
    text = "ARG A=1\nFROM busybox AS one\nARG A\nARG B=$A$A\nENV C=$B\nRUN x\nFROM one\nRUN y\n"
    done = build(text, {"build-arg:A": "7"})
    # A child sees the arguments of its parent before what the image's config repeats.
    assert [op.meta.env for op in done.execs()] == [
        ("PATH=/bin", "A=7", "B=77", "C=77"),
        ("A=7", "B=77", "PATH=/bin", "C=77"),
    ]
    assert done.history[-1] == "RUN |2 A=7 B=77 /bin/sh -c y # buildkit"


def test_a_build_argument_that_nothing_declares_is_named(build: Build) -> None:
    attrs = {"build-arg:USED": "1", "build-arg:TYPO": "1", "build-arg:HTTP_PROXY": "x"}
    done = build("FROM busybox\nARG USED\n", attrs)
    assert done.conversion.unused_args == ("TYPO",)


def test_proxies_reach_the_program_and_stay_out_of_env(build: Build) -> None:
    (op,) = build("FROM busybox\nRUN x\n", {"build-arg:HTTP_PROXY": "http://p"}).execs()
    assert op.meta.proxy_env is not None
    assert op.meta.proxy_env.http_proxy == "http://p"
    assert op.meta.env == ("PATH=/bin",)


def test_triggers_of_a_stage_run_first_in_its_child(build: Build) -> None:
    text = "FROM busybox AS base\nONBUILD RUN early\nFROM base\nRUN late\nFROM scratch\n"
    text += "COPY --from=1 / /\n"
    done = build(text)
    assert done.names()[-3:] == [
        "[stage-1 1/2] ONBUILD RUN early",
        "[stage-1 2/2] RUN late",
        "[stage-2 1/1] COPY --from=1 / /",
    ]
    assert "OnBuild" not in done.config


def test_triggers_of_an_image_may_need_further_stages(build: Build, registry: Any) -> None:
    registry.configs["docker.io/library/parent:latest"] = {
        "config": {"OnBuild": ["COPY --from=tools /t /t", "RUN t"]}
    }
    done = build("FROM busybox AS tools\nRUN make\nFROM parent\n")
    names = done.names()
    assert any(name.endswith("RUN make") for name in names)
    assert names[-1] == "[stage-1 3/3] ONBUILD RUN t"
    ranges = [v.metadata.ranges[0].start for v in done.vertices() if v.metadata.kind == "copy"]
    assert ranges == [3]


@pytest.mark.parametrize(
    ("text", "phrase", "lines"),
    [
        ("FROM busybox AS a\nCOPY --from=b / /\nFROM a AS b\n", "circular", []),
        ("FROM busybox AS a\nCOPY --from=a / /\n", "circular dependency detected on stage: a", [2]),
        ("FROM busybox\nCOPY --from=9 / /\n", "invalid stage index 9", [2]),
        ("FROM $X\n", "base name ($X) should not be blank", [1]),
        ("FROM --platform=$X busybox\n", "empty platform value from expression $X", [1]),
        ("FROM --platform=armv7 busybox\n", "failed to parse platform armv7", [1]),
        ("FROM ImageName\n", 'failed to parse stage name "ImageName"', [1]),
        (
            "FROM busybox\nCOPY --from=$x / /\n",
            "variable expansion is not supported for --from",
            [2],
        ),
        ("FROM busybox\nSTOPSIGNAL no\n", "invalid signal: no", [2]),
        ("FROM busybox\n\nVOLUME $no\n", "VOLUME specified can not be an empty string", [3]),
        ("FROM busybox\nEXPOSE 80/x\n", "invalid proto: x", [2]),
        ("FROM busybox\nRUN --mount=type=cache,target=/ x\n", 'invalid mount target "/"', [2]),
        ("", "the Dockerfile cannot be empty", []),
        ("ARG A\n", "no stages to build", []),
    ],
)
def test_what_cannot_be_built_is_refused_at_its_line(
    build: Build, text: str, phrase: str, lines: list[int]
) -> None:
    if phrase == "circular":
        text = "FROM busybox AS a\nCOPY --from=b / /\nFROM busybox AS b\nCOPY --from=a / /\n"
        lines = [2, 4]
    with pytest.raises((DockerfileError, OptionError)) as caught:
        build(text)
    assert phrase in str(caught.value)
    assert caught.value.lines == lines


def test_a_copy_from_further_down_is_refused(build: Build) -> None:
    text = "FROM busybox AS a\nCOPY --from=b / /\nFROM busybox AS b\nFROM a\n"
    with pytest.raises(DockerfileError, match="it needs to be defined before current stage"):
        build(text)


def test_a_target_is_found_by_name_and_a_typo_is_explained(build: Build) -> None:
    text = "FROM busybox AS build\nRUN a\nFROM build\nRUN b\n"
    assert [v for v in build(text, {"target": "BUILD"}).names() if "RUN" in v] == [
        "[build 2/2] RUN a"
    ]
    with pytest.raises(NotFoundError, match=r"did you mean build\?"):
        build(text, {"target": "biuld"})


def test_checks_can_fail_a_build_after_they_were_reported(build: Build) -> None:
    with pytest.raises(Error, match="lint violation found for rules: MaintainerDeprecated"):
        build("# check=error=true\nFROM busybox\nMAINTAINER me\n")
    assert build("# check=skip=all\nFROM busybox\nMAINTAINER me\n").warnings == []


def test_warnings_come_from_the_first_platform_only(build: Build) -> None:
    done = build("FROM busybox\nMAINTAINER me\n", THREE)
    assert len(done.warnings) == 1


@pytest.mark.parametrize(
    ("syntax", "foreign"),
    [
        ("docker/dockerfile:1.7-labs", ""),
        ("docker.io/docker/dockerfile@sha256:0", ""),
        ("dockerfile.v0", ""),
        ("example.com/front:1 --opt", "example.com/front:1"),
    ],
)
def test_a_frontend_of_somebody_else_is_named(build: Build, syntax: str, foreign: str) -> None:
    done = build(f"# syntax={syntax}\nFROM busybox\n")
    assert done.conversion.foreign_frontend == foreign


def test_every_vertex_knows_its_stage_and_the_platform_that_needs_it(build: Build) -> None:
    text = "FROM alpine AS only\nCOPY a <<EOF /\nx\nEOF\nRUN --mount=type=cache,uid=1,target=/c y\n"
    done = build(text, {"platform": "linux/arm64"})
    vertices = done.vertices()
    assert {tuple(map(str, v.metadata.platforms)) for v in vertices} == {("linux/arm64",)}
    assert [v.metadata.stage for v in vertices if v.metadata.ranges] == ["only"] * 3
    assert {v.metadata.kind for v in vertices} == {
        "from",
        "context",
        "inline",
        "copy",
        "cache",
        "run",
    }
