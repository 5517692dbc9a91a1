"""How long a plan takes: it is made at each pause of the keyboard."""

import time

import pytest

from core.frontend.options import FrontendOptions
from core.frontend.plan import Machine, plan
from core.oci.platform import parse_platform

PLATFORMS = "linux/amd64,linux/arm64,linux/s390x,linux/arm/v7,linux/386,linux/ppc64le"
LIMIT_SECONDS = 0.03


def large_dockerfile() -> str:
    """500 lines, 30 stages, a third of them on the build platform."""
    lines: list[str] = []
    for number in range(30):
        flag = "--platform=$BUILDPLATFORM " if number % 3 == 0 else ""
        lines.append(f"FROM {flag}alpine:3.{number} AS s{number}")
        lines += ["ARG TARGETARCH", "ENV FOO=bar BAZ=$FOO/x"]
        for step in range(4):
            lines.append(f"RUN apt-get update && apt-get install p{step} && echo $TARGETARCH")
            lines.append(f"COPY src{step}/f /dst/{step}/")
            lines.append(f"WORKDIR /app/$FOO/{step}")
        lines.append(f"COPY --from=s{number - 1} /x /y" if number else "USER me")
    return "\n".join(lines[:500])


@pytest.mark.bench
def test_a_large_file_is_planned_between_two_keystrokes() -> None:
    text = large_dockerfile()
    native = parse_platform("linux/amd64")
    options = FrontendOptions.from_attrs({"platform": PLATFORMS}, build_platforms=[native])
    times = []
    for _ in range(10):
        started = time.process_time()
        made = plan(text, options, machine=Machine(native=(native,)))
        times.append(time.process_time() - started)
    print(f"plan of {len(made.steps)} steps for 6 platforms: {1000 * min(times):.1f} ms")
    assert not made.errors
    assert min(times) < LIMIT_SECONDS
