from __future__ import annotations

from desktop.editor.syntax import Kind, State, tokens_of


def kinds(line: str, state: State | None = None) -> dict[str, Kind]:
    tokens, _ = tokens_of(line, state or State(header=False))
    return {line[t.start : t.start + t.length]: t.kind for t in tokens}


def states(text: str) -> list[State]:
    state, found = State(), []
    for line in text.split("\n"):
        _, state = tokens_of(line, state)
        found.append(state)
    return found


def test_an_instruction_its_flag_and_its_stage_are_told_apart() -> None:
    found = kinds("FROM --platform=$BUILDPLATFORM golang:1.23 AS build")
    assert found["FROM"] is Kind.KEYWORD
    assert found["--platform=$BUILDPLATFORM"] is Kind.FLAG
    assert found["$BUILDPLATFORM"] is Kind.VARIABLE
    assert found["AS"] is Kind.KEYWORD
    assert found["build"] is Kind.STAGE


def test_a_word_that_is_no_instruction_stays_plain() -> None:
    assert "BUILD" not in kinds("BUILD x")


def test_onbuild_colours_the_instruction_it_holds() -> None:
    assert kinds("ONBUILD RUN make") == {"ONBUILD": Kind.KEYWORD, "RUN": Kind.KEYWORD}


def test_a_directive_is_one_only_at_the_top() -> None:
    assert kinds("# syntax=docker/dockerfile:1", State())["# syntax=docker/dockerfile:1"] is (
        Kind.DIRECTIVE
    )
    assert kinds("# syntax=x")["# syntax=x"] is Kind.COMMENT


def test_the_escape_directive_changes_what_continues_a_line() -> None:
    after = states("# escape=`\nRUN dir `\nc:\\")
    assert after[1].instruction == "RUN"
    assert after[2].instruction == ""


def test_a_heredoc_body_lasts_until_its_name() -> None:
    after = states("RUN <<EOF\necho $X\nEOF\nFROM x")
    assert [s.heredocs for s in after] == [(("EOF", False),), (("EOF", False),), (), ()]


def test_two_heredocs_follow_one_another() -> None:
    after = states("COPY <<a <<-b /x/\none\na\n\ttwo\n\tb\nRUN x")
    assert after[2].heredocs == (("b", True),)
    assert after[4].heredocs == ()


def test_a_heredoc_sign_in_a_label_opens_nothing() -> None:
    assert states("LABEL x=<<EOF")[0].heredocs == ()


def test_a_comment_inside_a_continued_instruction_does_not_end_it() -> None:
    assert states("RUN a \\\n# why\n  b")[1].instruction == "RUN"


def test_variables_inside_double_quotes_are_seen_and_inside_single_quotes_not() -> None:
    assert "$A" in kinds('RUN echo "$A"')
    assert "$A" not in kinds("RUN echo '$A'")
