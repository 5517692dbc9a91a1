"""BuildKit's checks on programs alone, and the choice of checks."""

from __future__ import annotations

import pytest

from core.dockerfile.instructions import instructions
from core.dockerfile.parser import parse
from core.errors import OptionError
from core.lint.buildkit.config import LintConfig, parse_check, with_comments
from core.lint.buildkit.report import Report
from core.lint.buildkit.rules import RULES, Violation
from core.lint.buildkit.walk import check_program
from core.oci.platform import parse_platform

ALL = LintConfig(experimental_all=True)


def check(text: str, ignore: str = "", platforms: str = "linux/amd64") -> tuple[Violation, ...]:
    program = instructions(parse(text), lenient=True)
    return check_program(
        program,
        platforms=[parse_platform(p) for p in platforms.split(",")],
        ignore_file=ignore,
        config=None if text.startswith("# check") else ALL,
    )


#: Rule, a Dockerfile it objects to, the line, and the same made right.
CASES = [
    ("StageNameCasing", "FROM a AS Build\n", 1, "FROM a AS build\n"),
    ("FromAsCasing", "FROM a as b\n", 1, "FROM a AS b\n"),
    ("NoEmptyContinuation", "FROM a\nRUN x \\\n\n  y\n", 4, "FROM a\nRUN x \\\n  y\n"),
    ("ConsistentInstructionCasing", "FROM a\nrun x\n", 2, "FROM a\nRUN x\n"),
    ("DuplicateStageName", "FROM a AS b\nFROM a AS b\n", 2, "FROM a AS b\nFROM a AS c\n"),
    ("ReservedStageName", "FROM a AS scratch\n", 1, "FROM a AS s\n"),
    ("JSONArgsRecommended", "FROM a\nCMD x\n", 2, 'FROM a\nCMD ["x"]\n'),
    ("MaintainerDeprecated", "FROM a\nMAINTAINER me\n", 2, "FROM a\nLABEL m=me\n"),
    ("UndefinedArgInFrom", "FROM a:$V\n", 1, "ARG V=1\nFROM a:$V\n"),
    ("WorkdirRelativePath", "FROM a\nWORKDIR x\n", 2, "FROM a\nWORKDIR /\nWORKDIR x\n"),
    ("UndefinedVar", "FROM a\nCOPY $x /\n", 2, "FROM a\nARG x\nCOPY $x /\n"),
    (
        "MultipleInstructionsDisallowed",
        'FROM a\nCMD ["x"]\nCMD ["y"]\n',
        2,
        'FROM a AS b\nCMD ["x"]\nFROM b\nCMD ["y"]\n',
    ),
    ("LegacyKeyValueFormat", "FROM a\nENV a b\n", 2, "FROM a\nENV a=b\n"),
    ("RedundantTargetPlatform", "FROM --platform=$TARGETPLATFORM a\n", 1, "FROM a\n"),
    ("SecretsUsedInArgOrEnv", "FROM a\nARG DB_PASSWORD\n", 2, "FROM a\nARG PASSWORD_FILE\n"),
    ("InvalidDefaultArgInFrom", "ARG V\nFROM a:$V\n", 2, "ARG V=1\nFROM a:$V\n"),
    (
        "FromPlatformFlagConstDisallowed",
        "FROM --platform=linux/arm64 a\n",
        1,
        "FROM --platform=linux/arm64 a AS x-arm64\n",
    ),
    ("InvalidDefinitionDescription", "# what\nFROM a AS b\n", 2, "# b what\nFROM a AS b\n"),
    ("ExposeProtoCasing", "FROM a\nEXPOSE 80/TCP\n", 2, "FROM a\nEXPOSE 80/tcp\n"),
    ("ExposeInvalidFormat", "FROM a\nEXPOSE 1:80\n", 2, "FROM a\nEXPOSE 80\n"),
]


@pytest.mark.parametrize(("rule", "bad", "line", "good"), CASES, ids=[c[0] for c in CASES])
def test_each_check_objects_where_it_should_and_is_silent_when_it_is_right(
    rule: str, bad: str, line: int, good: str
) -> None:
    assert (rule, line) in [(v.rule.name, v.line) for v in check(bad)]
    assert rule not in [v.rule.name for v in check(good)]


def test_ignored_sources_are_found_unless_exceptions_make_it_hard_to_say() -> None:
    text = "FROM a\nCOPY x.o /\nCOPY --from=b x.o /\nADD . /\n"
    assert [v.short for v in check(text, "*.o\n")] == [
        'CopyIgnoredFile: Attempting to Copy file "x.o" that is excluded by .dockerignore (line 2)'
    ]
    assert check(text, "*.o\n!x.o\n") == ()
    assert [v.line for v in check(text, "**\n")] == [2, 4]


def test_every_check_has_a_case_but_those_that_need_more_than_the_text() -> None:
    tested = {case[0] for case in CASES} | {"CopyIgnoredFile", "InvalidBaseImagePlatform"}
    assert {rule.name for rule in RULES} == tested
    assert len(RULES) == 22


def test_variables_are_followed_from_stage_to_stage() -> None:
    text = "ARG G=1\nFROM a AS b\nARG G\nENV E=$G\nFROM b\nCOPY $E$G /\nFROM a\nCOPY $E /\n"
    assert [(v.rule.name, v.line) for v in check(text)] == [("UndefinedVar", 8)]


def test_a_typo_is_answered_with_the_nearest_name() -> None:
    (found,) = check("FROM a\nARG VERSION=1\nLABEL v=$VERSON\n")
    assert found.message == "Usage of undefined variable '$VERSON' (did you mean $VERSION?)"


def test_what_only_some_platforms_have_names_them() -> None:
    text = "ARG BASE_amd64=a\nARG PICK=${TARGETARCH#amd64}\nFROM a${PICK:+:}\n"
    found = check(text, platforms="linux/amd64,linux/arm64")
    assert [(v.rule.name, v.platforms) for v in found] == [
        ("InvalidDefaultArgInFrom", ("linux/arm64",))
    ]


def test_comments_and_directives_choose_checks() -> None:
    text = "FROM a\n# check=skip=MaintainerDeprecated\nMAINTAINER me\nMAINTAINER you\n"
    assert [v.line for v in check(text)] == [4]
    assert check("# check=skip=all\nFROM a\nMAINTAINER me\n") == ()


def test_a_file_with_errors_is_checked_as_far_as_it_is_understood() -> None:
    assert [v.line for v in check("FROM a\nWHAT\nMAINTAINER me\nEXPOSE x/y\n")] == [3]


def test_a_choice_of_checks_is_parsed_and_joined() -> None:
    config = parse_check(" skip=A, B ; error=true ;experimental=all")
    assert config.error
    assert not config.runs("A", experimental=False)
    assert config.runs("X", experimental=True)
    joined = with_comments(config, ["something", "check=skip=C because"])
    assert not joined.runs("C", experimental=False)
    assert with_comments(config, ["check=nonsense"]) == config


@pytest.mark.parametrize("text", ["x", "x=y", "error=maybe"])
def test_a_choice_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(OptionError):
        parse_check(text)


def test_violations_become_an_error_only_when_asked_to() -> None:
    violation = check("FROM a\nMAINTAINER me\n")[0]
    report = Report(config=LintConfig(error=True))
    assert report.error() is None
    report.add(violation)
    assert "lint violation found for rules: MaintainerDeprecated" in str(report.error())
    lenient = Report()
    lenient.add(violation)
    assert lenient.error() is None
