"""Frontend options from attributes."""

import pytest

from core.errors import OptionError
from core.frontend.options import FrontendOptions
from core.llb.ops import NetMode

ATTRS = {
    "platform": "linux/amd64,linux/arm64/v8",
    "target": "t",
    "build-arg:A": "1",
    "label:l": "v",
    "no-cache": "a,b",
    "context:x": "docker-image://y",
    "add-hosts": '"a=1.2.3.4",b=::1',
    "ulimit": "core=0,nofile=1:2",
    "shm-size": "64",
    "cpusetcpus": "0-3, 5",
    "memswap": "-1",
    "force-network-mode": "none",
    "cache-imports": '[{"Type": "registry", "Attrs": {"ref": "r"}}]',
    "cache-from": "q",
    "build-arg:BUILDKIT_DOCKERFILE_CHECK": "skip=all",
    "build-arg:BUILDKIT_CACHE_MOUNT_NS": "ns",
}


def test_attributes_become_options() -> None:
    options = FrontendOptions.from_attrs(ATTRS)
    assert [str(p) for p in options.platforms] == ["linux/amd64", "linux/arm64"]
    assert options.multi_platform
    assert options.build_args["A"] == "1"
    assert options.labels == {"l": "v"}
    assert options.named_contexts == {"x": "docker-image://y"}
    assert [(h.host, h.ip) for h in options.extra_hosts] == [("a", "1.2.3.4"), ("b", "::1")]
    assert [(u.name, u.soft, u.hard) for u in options.ulimits] == [("core", 0, 0), ("nofile", 1, 2)]
    assert options.network is NetMode.NONE
    assert [c.attrs["ref"] for c in options.cache_imports] == ["r", "q"]
    assert options.check is not None
    assert options.check.skip_all
    assert options.cache_namespace == "ns"
    assert options.resources is not None
    assert (options.resources.cpuset_cpus, options.resources.memory_swap) == ("0-3, 5", -1)


def test_nothing_given_means_the_builders_own_platform() -> None:
    options = FrontendOptions.from_attrs({})
    assert options.targets() == (None,)
    assert len(options.build_platforms) == 1
    assert not options.ignores_cache("any")


def test_an_empty_no_cache_means_every_stage() -> None:
    assert FrontendOptions.from_attrs({"no-cache": ""}).ignores_cache("any")
    assert FrontendOptions.from_attrs({"no-cache": "x"}).ignores_cache("X")
    assert not FrontendOptions.from_attrs({"no-cache": "x"}).ignores_cache("y")


def test_one_platform_can_be_asked_for_as_one_of_several() -> None:
    attrs = {"platform": "linux/amd64", "build-arg:BUILDKIT_MULTI_PLATFORM": "1"}
    assert FrontendOptions.from_attrs(attrs).multi_platform


@pytest.mark.parametrize(
    ("key", "value", "phrase"),
    [
        ("platform", "linux/", "failed to parse target platform linux/"),
        ("image-resolve-mode", "x", "invalid image-resolve-mode: x"),
        ("add-hosts", "a", "failed to parse additional hosts: invalid key-value pair a"),
        ("add-hosts", "a=b", "failed to parse IP b"),
        ("add-hosts", 'a"', "failed to parse additional hosts"),
        ("shm-size", "1k", "failed to parse shm size"),
        ("ulimit", "x=1", "invalid ulimit type: x"),
        ("ulimit", "core=2:1", "must be less than or equal to hard limit"),
        ("ulimit", "core=1:2:3", "too many limit value arguments"),
        ("memory", "0", "must be > 0"),
        ("cpusetmems", "3-1", "invalid cpusetmems value: 3-1"),
        ("force-network-mode", "x", "invalid netmode x"),
        ("multi-platform", "x", "invalid boolean value for multi-platform: x"),
        ("cache-imports", "{", "failed to unmarshal cache-imports"),
        ("build-arg:BUILDKIT_DOCKERFILE_CHECK", "x=y", 'invalid check option "x"'),
        ("frontend.caps", "moby.x+forward", "unsupported frontend capability moby.x"),
        ("attest:other", "", 'unknown attestation type "other"'),
        ("override-copy-image", "x", "was removed in BuildKit 0.11"),
    ],
)
def test_values_that_mean_nothing_are_refused(key: str, value: str, phrase: str) -> None:
    with pytest.raises(OptionError) as caught:
        FrontendOptions.from_attrs({key: value})
    assert phrase in str(caught.value)


def test_several_platforms_cannot_be_one_result() -> None:
    attrs = {"platform": "linux/amd64,linux/arm64", "multi-platform": "false"}
    with pytest.raises(OptionError, match="conflicting config"):
        FrontendOptions.from_attrs(attrs)
