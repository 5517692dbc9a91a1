"""Platforms: spellings, normal form, matching and preference."""

import pytest

from core.errors import OptionError
from core.oci.platform import (
    Platform,
    host_platform,
    matches,
    parse_platform,
    parse_platforms,
    sort_by_preference,
)

HOST = Platform(os="linux", architecture="amd64")


@pytest.mark.parametrize(
    ("text", "spelled", "normal"),
    [
        ("linux/amd64", "linux/amd64", "linux/amd64"),
        ("linux/arm", "linux/arm", "linux/arm/v7"),
        ("armhf", "linux/arm", "linux/arm/v7"),
        ("armel", "linux/arm/v6", "linux/arm/v6"),
        ("linux/arm64/8", "linux/arm64/v8", "linux/arm64"),
        ("x86_64", "linux/amd64", "linux/amd64"),
        ("i386", "linux/386", "linux/386"),
        ("macos/arm64", "darwin/arm64", "darwin/arm64"),
        ("windows", "windows/amd64", "windows/amd64"),
        ("linux/mips64el", "linux/mips64el", "linux/mips64el"),
    ],
)
def test_a_platform_keeps_its_spelling_and_has_one_normal_form(
    text: str, spelled: str, normal: str
) -> None:
    assert str(parse_platform(text, normalize=False, host=HOST)) == spelled
    assert str(parse_platform(text, host=HOST)) == normal


def test_os_version_and_features_survive_a_round_trip() -> None:
    text = "windows(10.0.17763+win32k)/amd64"
    assert parse_platform(text).format_all() == text
    escaped = Platform(os="linux", architecture="amd64", os_version="1+2/3").format_all()
    assert parse_platform(escaped).os_version == "1+2/3"


@pytest.mark.parametrize(
    "text", ["", "linux/", "linux//amd64", "linux/amd64/v2/x", "linux/*", "armv7", "linux amd64"]
)
def test_what_is_no_platform_is_refused_by_name(text: str) -> None:
    with pytest.raises(OptionError, match="is not a platform"):
        parse_platform(text)


def test_several_platforms_lose_repeats_and_keep_their_order() -> None:
    got = parse_platforms("linux/arm64/v8,linux/amd64,linux/arm64")
    assert [str(p) for p in got] == ["linux/arm64", "linux/amd64"]


def test_a_newer_machine_runs_older_variants_and_the_32_bit_family() -> None:
    def serves(wanted: str, candidate: str) -> bool:
        return matches(parse_platform(wanted), parse_platform(candidate))

    assert serves("linux/amd64/v3", "linux/amd64/v2")
    assert serves("linux/amd64", "linux/386")
    assert serves("linux/arm64", "linux/arm/v6")
    assert serves("linux/arm64/v9", "linux/arm64/v8.5")
    assert not serves("linux/arm64/v9", "linux/arm64/v8.6")
    assert not serves("linux/arm/v6", "linux/arm/v7")
    assert not serves("linux/386", "linux/amd64")


def test_strict_matching_wants_the_same_variant() -> None:
    assert not matches(parse_platform("linux/amd64"), parse_platform("linux/386"), strict=True)
    assert matches(parse_platform("linux/arm64"), parse_platform("linux/arm64/v8"), strict=True)


def test_the_best_candidate_comes_first() -> None:
    candidates = [parse_platform(t) for t in ("linux/386", "linux/s390x", "linux/amd64")]
    assert [str(p) for p in sort_by_preference(HOST, candidates)] == ["linux/amd64", "linux/386"]


def test_windows_versions_follow_the_host_rules() -> None:
    host = parse_platform("windows(10.0.26200.1)/amd64")
    assert matches(host, parse_platform("windows(10.0.26100.2)/amd64"))
    assert not matches(host, parse_platform("windows(10.0.20348.2)/amd64"))


def test_this_machine_has_a_normalized_platform() -> None:
    assert host_platform() == host_platform().normalized()
