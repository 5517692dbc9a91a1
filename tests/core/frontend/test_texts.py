"""Paths, ports, durations and dates as the image's config has them."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import DockerfileError
from core.frontend.conversion import rfc3339
from core.frontend.gotext import format_duration
from core.frontend.paths import is_absolute, normalize_path, normalize_workdir
from core.frontend.ports import parse_ports
from core.frontend.sources import follow_paths, http_filename


@pytest.mark.parametrize(
    ("current", "path", "os", "found"),
    [
        ("", "test", "linux", "/test"),
        ("/test", "../subdir", "linux", "/subdir"),
        ("test", "", "linux", "/test"),
        ("", "C:/first\\second/third", "windows", "\\first\\second\\third"),
        ("/test", "C:testing", "windows", "\\test\\testing"),
    ],
)
def test_working_directories_follow_the_images_system(
    current: str, path: str, os: str, found: str
) -> None:
    assert normalize_workdir(current, path, os) == found


@pytest.mark.parametrize("path", ["D:\\x", "C:", "\\\\host\\share"])
def test_other_drives_are_refused(path: str) -> None:
    with pytest.raises(DockerfileError):
        normalize_workdir("/", path, "windows")
    assert not is_absolute(path, "windows")


def test_a_slash_at_the_end_can_be_kept() -> None:
    assert normalize_path("/w", "a/", "linux", keep_slash=True) == "/w/a/"
    assert normalize_path("/w", "./", "linux", keep_slash=True) == "/w/"
    assert normalize_path("/w", "a/.", "linux", keep_slash=True) == "/w/a/."
    assert normalize_path("/w", "a/", "linux", keep_slash=False) == "/w/a"


def test_ports_are_listed_one_by_one() -> None:
    (spec,) = parse_ports(["[::1]:80-81:90-91/UDP"])
    assert spec.mapped
    assert spec.ports() == ["90/udp", "91/udp"]


@pytest.mark.parametrize("text", ["", "80/x", "x", "90-80", "70000", "localhost:1:1", "1-2:3-5"])
def test_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(DockerfileError):
        [p for spec in parse_ports([text]) for p in spec.ports()]


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1_500, "1.5µs"),
        (300_000_000, "300ms"),
        (90_000_000_000, "1m30s"),
        (3_600_000_000_000, "1h0m0s"),
        (1_500_000_000, "1.5s"),
    ],
)
def test_durations_read_as_go_prints_them(nanoseconds: int, text: str) -> None:
    assert format_duration(nanoseconds) == text


@given(st.integers(min_value=0, max_value=4_000_000_000))
def test_dates_are_those_of_the_calendar(seconds: int) -> None:
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    assert rfc3339(seconds) == moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_downloads_are_called_after_their_url() -> None:
    assert http_filename("https://h/a/b%20c.tgz?x=/y#z") == "b c.tgz"
    assert http_filename("https://h") == "__unnamed__"


def test_everything_needed_is_no_list_of_paths() -> None:
    assert follow_paths({"/a", "/b/c"}) == ("a", "b/c")
    assert follow_paths({"/a", "/"}) == ()
