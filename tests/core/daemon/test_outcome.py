"""What frontends give, over the gateway and back."""

from __future__ import annotations

import pytest

from core.daemon.outcome import Outcome, PlatformOutcome, outcome_of_result
from core.errors import OptionError
from core.oci.platform import parse_platform

AMD64, ARM = parse_platform("linux/amd64"), parse_platform("linux/arm/v7")


def _outcome(*platforms: str, multi: bool) -> Outcome:
    return Outcome(
        platforms=tuple(
            PlatformOutcome(
                key=text,
                platform=parse_platform(text),
                edge=None,
                config={"architecture": text, "os": "linux"},
                base_config=b"{}",
            )
            for text in platforms
        ),
        multi_platform=multi,
    )


@pytest.mark.parametrize(
    ("platforms", "multi"), [(("linux/amd64",), False), (("linux/amd64", "linux/arm/v7"), True)]
)
def test_a_result_comes_back_from_its_client(platforms: tuple[str, ...], multi: bool) -> None:
    outcome = _outcome(*platforms, multi=multi)
    edges = dict.fromkeys(platforms if multi else ("",))
    back = outcome_of_result(edges, outcome.result_metadata(), multi_platform=multi, default=AMD64)
    assert back == outcome


def test_a_result_without_metadata_is_for_the_machine_itself() -> None:
    outcome = outcome_of_result({"": None}, {}, multi_platform=False, default=ARM)
    (only,) = outcome.platforms
    assert only.platform == ARM
    assert only.config == {"architecture": "arm", "os": "linux", "variant": "v7"}


def test_a_result_that_lacks_a_platform_is_refused() -> None:
    metadata = _outcome("linux/amd64", "linux/arm/v7", multi=True).result_metadata()
    with pytest.raises(OptionError, match="linux/arm/v7"):
        outcome_of_result({"linux/amd64": None}, metadata, multi_platform=True, default=AMD64)


def test_metadata_that_is_no_json_is_refused() -> None:
    with pytest.raises(OptionError, match="platforms"):
        outcome_of_result({}, {"refs.platforms": b"{"}, multi_platform=True, default=AMD64)
