from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.executor.request import ExecRequest, Network, Security, Ulimit
from core.executor.runtime import read_log
from core.executor.spec import base_mounts, runtime_spec
from core.executor.users import User


def spec_of(request: ExecRequest, *, nested: bool = False, **options: Any) -> dict[str, Any]:
    return runtime_spec(
        request,
        args=request.args,
        user=User(uid=5, gid=6, groups=(7,), home="/home/x"),
        mounts=base_mounts(request, in_user_namespace=nested),
        in_user_namespace=nested,
        seccomp=True,
        **options,
    )


def a_request(**options: Any) -> ExecRequest:
    return ExecRequest(args=("true",), root=Path("/r"), **options)


def test_a_step_has_dockers_capabilities_and_filter() -> None:
    spec = spec_of(a_request())

    bounding = spec["process"]["capabilities"]["bounding"]
    assert len(bounding) == 14
    assert "CAP_SETFCAP" in bounding
    assert "CAP_SYS_ADMIN" not in bounding
    calls = spec["linux"]["seccomp"]["syscalls"][0]["names"]
    assert "openat2" in calls
    assert "mount" not in calls
    assert "/proc/kcore" in spec["linux"]["maskedPaths"]
    assert spec["process"]["noNewPrivileges"] is False


def test_an_insecure_step_has_all_that_can_be_given() -> None:
    spec = spec_of(a_request(security=Security.INSECURE), bounding=1 << 21 | 1)

    assert spec["process"]["capabilities"]["bounding"] == ["CAP_CHOWN", "CAP_SYS_ADMIN"]
    assert "seccomp" not in spec["linux"]
    assert spec["linux"]["maskedPaths"] == []


def test_the_primary_group_is_among_the_groups() -> None:
    assert spec_of(a_request())["process"]["user"] == {
        "uid": 5,
        "gid": 6,
        "additionalGids": [6, 7],
    }


def test_home_is_the_users_unless_the_environment_says_otherwise() -> None:
    assert spec_of(a_request(env=("A=1",)))["process"]["env"] == ["A=1", "HOME=/home/x"]
    assert spec_of(a_request(env=("HOME=/h",)))["process"]["env"] == ["HOME=/h"]


def test_only_a_step_without_network_gets_a_network_namespace() -> None:
    def namespaces(network: Network) -> set[str]:
        spec = spec_of(a_request(network=network))
        return {namespace["type"] for namespace in spec["linux"]["namespaces"]}

    assert "network" in namespaces(Network.NONE)
    assert "network" not in namespaces(Network.HOST) | namespaces(Network.DEFAULT)


def test_sys_is_bound_where_a_new_one_is_not_ours_to_mount() -> None:
    def kind(request: ExecRequest, *, nested: bool) -> str:
        mounts = base_mounts(request, in_user_namespace=nested)
        return next(mount.kind for mount in mounts if mount.target == "/sys")

    assert kind(a_request(), nested=False) == "sysfs"
    assert kind(a_request(), nested=True) == "bind"
    assert kind(a_request(network=Network.NONE), nested=True) == "sysfs"


def test_limits_reach_the_spec() -> None:
    spec = spec_of(a_request(ulimits=(Ulimit(name="nofile", soft=1, hard=2),), shm_size=4096))

    assert spec["process"]["rlimits"] == [{"type": "RLIMIT_NOFILE", "soft": 1, "hard": 2}]
    shm = next(m for m in spec["mounts"] if m["destination"] == "/dev/shm")
    assert "size=4096" in shm["options"]


@pytest.mark.parametrize(
    ("log", "sentence"),
    [
        (
            "2026-11-23T22:00:00.5Z: executable file `x` not found\n",
            "executable file `x` not found",
        ),
        ('time="2026" level=warning msg="w"\ntime="2026" level=error msg="a \\"b\\""\n', 'a "b"'),
        ("", ""),
    ],
)
def test_a_runtimes_last_complaint_is_read(tmp_path: Path, log: str, sentence: str) -> None:
    (tmp_path / "log").write_text(log)

    assert read_log(tmp_path) == sentence
