from __future__ import annotations

import pytest

from desktop.models.graph_words import (
    duration_text,
    interpreter_name,
    short_platform,
    size_text,
    slowdown_text,
)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0s"), (0.01, "<0.1s"), (0.34, "0.3s"), (9.96, "10s"), (59.6, "1m 00s"),
     (64, "1m 04s"), (3599.6, "1h 00m"), (7500, "2h 05m")],
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (12_345_678, "12.3 MB"), (5e13, "50.0 TB")],
)
def test_sizes(size: float, text: str) -> None:
    assert size_text(size) == text


@pytest.mark.parametrize(
    "interpreter",
    ["/usr/bin/qemu-aarch64-static", "qemu-aarch64-static 7.2.22", "qemu-aarch64",
     "/usr/bin/qemu-aarch64-static 7.2.22 (the step's first program alone)"],
)  # fmt: skip
def test_an_interpreter_is_called_by_its_name(interpreter: str) -> None:
    assert interpreter_name(interpreter) == "qemu-aarch64"


def test_other_systems_keep_their_name() -> None:
    assert short_platform("linux/arm/v7") == "arm/v7"
    assert short_platform("windows/amd64") == "windows/amd64"
    assert slowdown_text(5.24) == "5.2×"
    assert slowdown_text(14.6) == "15×"
