"""Questions about a Dockerfile: lint, outline, targets."""

from core.frontend.inputs import ImageRequest, NeedImages, ResolvedImage
from core.frontend.options import FrontendOptions
from core.frontend.requests import (
    LintAnswer,
    describe_request,
    lint_request,
    outline_request,
    targets_request,
    unknown_request,
)
from core.oci.platform import parse_platform

AMD64 = parse_platform("linux/amd64")
CONFIG = b'{"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"diff_ids": ["x"]}}'


def options(**attrs: str) -> FrontendOptions:
    return FrontendOptions.from_attrs(attrs, build_platforms=[AMD64])


def images(*names: str) -> dict[ImageRequest, ResolvedImage]:
    return {
        ImageRequest(reference=f"docker.io/library/{n}:latest", platform=AMD64): ResolvedImage(
            reference=f"docker.io/library/{n}:latest", config=CONFIG
        )
        for n in names
    }


def lint(text: str, **attrs: str) -> LintAnswer:
    answer = lint_request(text, options(**attrs), images("a", "b"))
    assert isinstance(answer, LintAnswer)
    return answer


def test_lint_looks_at_every_stage_and_a_target_narrows_it() -> None:
    text = "FROM a AS one\nMAINTAINER me\nWORKDIR x\nFROM b AS two\nWORKDIR y\n"
    rules = [(v.rule.name, v.line) for v in lint(text).violations]
    assert ("WorkdirRelativePath", 3) in rules
    assert ("WorkdirRelativePath", 5) in rules
    assert ("WorkdirRelativePath", 3) not in [
        (v.rule.name, v.line) for v in lint(text, target="two").violations
    ]


def test_lint_keeps_what_it_found_before_an_error() -> None:
    answer = lint("FROM a As B\nMAINTAINER me\nWHAT\n")
    assert [v.rule.name for v in answer.violations] == [
        "StageNameCasing",
        "FromAsCasing",
        "MaintainerDeprecated",
    ]
    assert answer.error is not None
    assert answer.error.lines == [3]


def test_lint_asks_for_images_it_does_not_know() -> None:
    asked = lint_request("FROM c\n", options(), {})
    assert isinstance(asked, NeedImages)


def test_targets_list_the_stages() -> None:
    text = "# one does it\nFROM --platform=$X a AS one\nFROM one\n"
    first, second = targets_request(text)["targets"]
    assert first["name"] == "one"
    assert first["description"] == "does it"
    assert first["platform"] == "$X"
    assert second == {
        "default": True,
        "base": "one",
        "location": {"ranges": [{"start": {"line": 3}, "end": {"line": 3}}]},
    }


def test_the_outline_lists_what_the_target_takes() -> None:
    text = (
        "ARG BASE=a\nARG UNUSED\nFROM $BASE AS t\n# KEY is a key\nARG KEY=v\n"
        "RUN --mount=type=secret,id=s,required --mount=type=ssh x\n"
    )
    answer = outline_request(text, options(), images("a"))
    assert not isinstance(answer, NeedImages)
    assert [(a["name"], a.get("value"), a.get("description")) for a in answer["args"]] == [
        ("BASE", "a", None),
        ("KEY", "v", "is a key"),
    ]
    assert answer["name"] == "t"
    assert [(s["name"], s.get("required")) for s in answer["secrets"]] == [("s", True)]
    assert [s["name"] for s in answer["ssh"]] == ["default"]


def test_the_requests_describe_themselves_and_refuse_others() -> None:
    assert describe_request()[0]["name"] == "frontend.lint"
    assert "unsupported request x" in str(unknown_request("x"))
