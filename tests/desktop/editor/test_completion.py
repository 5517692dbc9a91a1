from __future__ import annotations

from pathlib import Path

from desktop.editor.completion import Surroundings, complete

NOTHING = Surroundings()


def labels(text: str, around: Surroundings = NOTHING) -> list[str]:
    """Completions at the place marked by a vertical bar."""
    offset = text.index("|")
    found = complete(text.replace("|", "", 1), offset, around)
    return [item.label for item in found.items]


def test_an_instruction_is_completed_at_the_start_of_a_line() -> None:
    assert labels("FROM x\nCO|") == ["COPY"]
    assert labels("FROM x\ne|") == ["ENTRYPOINT", "ENV", "EXPOSE"]


def test_lower_case_stays_lower_case() -> None:
    found = complete("ru", 2, NOTHING)
    assert [item.insert for item in found.items] == ["run "]


def test_no_instruction_is_offered_inside_another() -> None:
    assert labels("RUN a \\\n  CO|") == []


def test_flags_depend_on_the_instruction() -> None:
    assert labels("COPY --f|") == ["--from="]
    assert "--mount=" in labels("RUN --|")
    assert labels("WORKDIR --|") == []


def test_copy_from_offers_the_stages_above() -> None:
    text = "FROM a AS one\nFROM b AS two\nCOPY --from=|\nFROM c AS three"
    assert labels(text) == ["one", "two"]


def test_from_offers_stages_images_and_scratch() -> None:
    around = Surroundings(images=("busybox",))
    assert labels("FROM a AS build\nFROM |", around) == ["build", "busybox", "scratch"]


def test_variables_are_those_declared_above_and_the_platform_arguments() -> None:
    found = labels("ARG VERSION=1\nENV A=1 B=2\nRUN echo ${|")
    assert found[:3] == ["VERSION", "A", "B"]
    assert "TARGETARCH" in found


def test_a_value_with_blanks_is_no_variable_name() -> None:
    assert "b" not in labels('ENV A="a b" C=1\nRUN echo $|')


def test_a_brace_stays_a_brace() -> None:
    text = "RUN echo ${TARGETA"
    found = complete(text, len(text), NOTHING)
    assert [(item.insert, text[found.start :]) for item in found.items] == [
        ("${TARGETARCH}", "${TARGETA")
    ]


def test_files_of_the_context_are_offered_folders_first(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "setup.py").touch()
    (tmp_path / "README").touch()
    assert labels("COPY s|", Surroundings(folder=tmp_path)) == ["src/", "setup.py"]


def test_files_outside_the_context_are_not_offered(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "secret").touch()
    assert labels("COPY ../|", Surroundings(folder=inner)) == []


def test_platforms_are_offered_for_from() -> None:
    assert labels("FROM --platform=$B|") == [
        "BUILDPLATFORM",
        "BUILDOS",
        "BUILDARCH",
        "BUILDVARIANT",
    ]
    assert "linux/arm64" in labels("FROM --platform=|")
