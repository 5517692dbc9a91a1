"""Build contexts, named contexts, ignore files and SOURCE_DATE_EPOCH."""

from collections.abc import Callable
from typing import Any

import pytest

from core.errors import DockerfileError, OptionError
from core.frontend.contexts import entry_names
from core.frontend.convert import convert
from core.frontend.inputs import BuildInputs, ContextInput, NeedImages
from core.frontend.options import FrontendOptions
from core.llb.ops import SourceOp
from core.llb.vertex import Edge, Vertex
from core.oci.platform import parse_platform

Build = Callable[..., Any]
COPY = "FROM scratch\nCOPY a /\n"


def test_the_local_context_belongs_to_its_session_and_leaves_out_what_is_ignored(
    build: Build,
) -> None:
    inputs = BuildInputs(ignore_file=b"*.o\n!x.o\n", session="s1")
    source = build(COPY, inputs=inputs).sources()["local://context"]
    assert source.attr("local.session") == "s1"
    assert source.attr("local.excludepatterns") == '["*.o","!x.o"]'
    assert source.attr("local.sharedkeyhint") == "context"


def test_a_source_that_is_ignored_is_pointed_out(build: Build) -> None:
    done = build(COPY, inputs=BuildInputs(ignore_file=b"a\n"))
    assert done.warnings == [
        'CopyIgnoredFile: Attempting to Copy file "a" that is excluded by .dockerignore (line 2)'
    ]


@pytest.mark.parametrize(
    ("url", "identifier"),
    [
        ("https://h/r.git#main:sub", "git://h/r.git#main:sub"),
        ("git@h:r", "git://h/r"),
        ("https://h/x.txt", "https://h/x.txt"),
    ],
)
def test_a_remote_context_takes_the_place_of_the_local_one(
    build: Build, url: str, identifier: str
) -> None:
    done = build(COPY, {"context": url}, inputs=BuildInputs(ignore_file=b"a\n"))
    assert list(done.sources()) == [identifier]
    assert done.warnings == []


def test_an_archive_over_http_is_unpacked(build: Build) -> None:
    done = build(COPY, {"context": "http://h/c.tgz"}, inputs=BuildInputs(remote_is_archive=True))
    action = done.files()[0].actions[0].action
    assert (action.src, action.attempt_unpack) == ("/context", True)


def test_a_named_context_stands_in_for_a_stage_an_image_and_a_copy(build: Build) -> None:
    text = "FROM alpine AS base\nRUN never\nFROM base\nCOPY --from=tool / /\n"
    attrs = {
        "context:base": "docker-image://busybox",
        "context:tool": "https://h/t.git",
    }
    done = build(text, attrs)
    assert sorted(done.sources()) == [
        f"docker-image://docker.io/library/busybox:latest@sha256:{'a' * 64}",
        "git://h/t.git",
    ]
    assert done.execs() == []
    replaced = build("FROM alpine\nRUN x\n", {"context:alpine": "docker-image://debian"})
    assert "debian" in next(iter(replaced.sources()))


def test_a_context_for_one_platform_wins_over_one_for_all(build: Build) -> None:
    attrs = {
        "platform": "linux/amd64,linux/arm64",
        "context:alpine": "docker-image://a",
        "context:alpine::linux/arm64": "docker-image://b",
    }
    done = build("FROM alpine\n", attrs)
    bases = [next(iter(done.sources(r.key))) for r in done.conversion.results]
    assert [base.partition("library/")[2][:2] for base in bases] == ["a:", "b:"]


def test_a_local_named_context_is_asked_for_its_ignore_file_and_then_for_paths() -> None:
    options = FrontendOptions.from_attrs(
        {"context:src": "local:dir"}, build_platforms=[parse_platform("linux/amd64")]
    )
    text = "FROM scratch\nCOPY --from=src a b /\n"
    asked = convert(text, options, {})
    assert isinstance(asked, NeedImages)
    assert asked.context_ignores == {"dir"}
    done = convert(text, options, {}, inputs=BuildInputs(context_ignores={"dir": b"*.o\n"}))
    assert not isinstance(done, NeedImages)
    edge = done.results[0].edge
    assert edge is not None
    (source,) = (e.vertex.op for e in edge.vertex.inputs)
    assert isinstance(source, SourceOp)
    assert source.attr("local.followpaths") == '["a","b"]'
    assert source.attr("local.excludepatterns") == '["*.o"]'


def test_a_result_of_another_build_can_be_a_context(build: Build) -> None:
    vertex = Vertex(op=SourceOp(identifier="https://h/f"))
    inputs = BuildInputs(inputs={"up": ContextInput(edge=Edge(vertex))})
    done = build(
        "FROM scratch\nCOPY --from=base / /\n", {"context:base": "input:up"}, inputs=inputs
    )
    assert vertex.digest in {v.digest for v in done.vertices()}


@pytest.mark.parametrize(
    ("source", "phrase"),
    [
        ("nothing", "invalid context specifier nothing for a"),
        ("ftp:x", "unsupported context source ftp for a"),
        ("input:x", "invalid input x for a"),
        ("oci-layout://x", "has no digest"),
    ],
)
def test_a_context_that_is_no_source_is_refused(build: Build, source: str, phrase: str) -> None:
    with pytest.raises(OptionError) as caught:
        build("FROM a\n", {"context:a": source})
    assert phrase in str(caught.value)
    assert caught.value.lines == [1]


def test_an_epoch_dates_history_and_directories(build: Build) -> None:
    done = build("FROM busybox\nWORKDIR /w\n", {"build-arg:SOURCE_DATE_EPOCH": "1700000000"})
    result = done.conversion.results[0]
    assert result.epoch == 1700000000
    assert result.config["history"][-1]["created"] == "2023-11-14T22:13:20Z"
    assert done.files()[0].actions[0].action.timestamp == 1700000000 * 10**9


def test_an_epoch_may_be_the_time_of_a_download() -> None:
    text = "FROM scratch AS when\nADD https://h/f /\nFROM busybox\nRUN x\n"
    options = FrontendOptions.from_attrs(
        {"build-arg:SOURCE_DATE_EPOCH": "when", "target": "when"},
        build_platforms=[parse_platform("linux/amd64")],
    )
    asked = convert(text, options, {})
    assert isinstance(asked, NeedImages)
    (op,) = asked.source_times
    assert op.identifier == "https://h/f"
    done = convert(text, options, {}, inputs=BuildInputs(source_times={op: 5}))
    assert not isinstance(done, NeedImages)
    assert done.results[0].epoch == 5


@pytest.mark.parametrize(
    ("value", "stage", "phrase"),
    [
        ("when", "RUN x", "unsupported RUN instruction"),
        ("when", "ADD f /", "must be a single HTTP(S) or Git ADD"),
        ("when", "ARG A", "must contain exactly one remote ADD"),
        ("nothing", "ARG A", "invalid SOURCE_DATE_EPOCH: nothing"),
    ],
)
def test_an_epoch_of_something_else_is_refused(
    build: Build, value: str, stage: str, phrase: str
) -> None:
    text = f"FROM scratch AS when\n{stage}\nFROM busybox\n"
    with pytest.raises((DockerfileError, OptionError)) as caught:
        build(text, {"build-arg:SOURCE_DATE_EPOCH": value})
    assert phrase in str(caught.value)


def test_the_dockerfile_is_looked_for_in_lower_case_too() -> None:
    assert entry_names(FrontendOptions.from_attrs({"filename": "d/Dockerfile"})) == (
        "dockerfile",
        {
            "dockerfile": "d/Dockerfile",
            "ignore": "d/Dockerfile.dockerignore",
            "lower": "d/dockerfile",
        },
    )
