"""What counts in the cache keys of exec and file operations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from core.emulation.machine import Interpreter, Machine, Means
from core.llb import ops as llb
from core.llb.files import ChownOpt, CopyAction, FileAction, MkDirAction, NamedUser
from core.llb.vertex import Edge, Vertex
from core.oci.platform import parse_platform
from core.ops.exec import ExecOperation, ExecOperations
from core.ops.file import FileOperation
from core.solver.protocol import CacheMap, Slot, Step

META = llb.Meta(args=("/bin/sh", "-c", "make"), env=("PATH=/bin", "V=1"), cwd="/src")
ROOT = llb.Mount(dest="/", input=0, output=0)
SOURCE = Vertex(op=llb.SourceOp(identifier="docker-image://base"))
NO_STEP = cast(Step, None)


def exec_op(op: llb.ExecOp, platform: str = "linux/amd64", inputs: int = 2) -> ExecOperation:
    machine = Machine(
        native=(parse_platform("linux/amd64"),),
        emulated={
            parse_platform("linux/arm64"): Interpreter(program=None, means=Means.SYSTEM)  # type: ignore[arg-type]
        },
    )

    class Services:
        def machine(self) -> Machine:
            return machine

    vertex = Vertex(op=op, inputs=(Edge(SOURCE, 0),) * inputs, platform=parse_platform(platform))
    return ExecOperation(cast(ExecOperations, Services()), vertex, op)


def exec_map(op: llb.ExecOp, platform: str = "linux/amd64") -> CacheMap[Any]:
    found = exec_op(op, platform).cache_map(NO_STEP)
    assert isinstance(found, CacheMap)
    return found


BASE = llb.ExecOp(meta=META, mounts=(ROOT,))


@pytest.mark.parametrize(
    "change",
    [
        lambda op: replace(op, meta=replace(op.meta, args=("other",))),
        lambda op: replace(op, meta=replace(op.meta, env=("PATH=/bin", "V=2"))),
        lambda op: replace(op, meta=replace(op.meta, cwd="/")),
        lambda op: replace(op, meta=replace(op.meta, user="bob")),
        lambda op: replace(op, network=llb.NetMode.NONE),
        lambda op: replace(op, security=llb.SecurityMode.INSECURE),
        lambda op: replace(op, mounts=(ROOT, llb.Mount(dest="/m", input=1))),
        lambda op: replace(
            op, meta=replace(op.meta, extra_hosts=(llb.HostIP(host="h", ip="1.2.3.4"),))
        ),
    ],
)
def test_what_a_program_can_tell_counts(change: Callable[[llb.ExecOp], llb.ExecOp]) -> None:
    assert exec_map(change(BASE)).digest != exec_map(BASE).digest


def test_the_platform_counts() -> None:
    assert exec_map(BASE, "linux/arm64").digest != exec_map(BASE).digest


def test_proxies_addresses_and_cache_ids_do_not_count() -> None:
    def variant(number: str) -> llb.ExecOp:
        return llb.ExecOp(
            meta=replace(
                META,
                proxy_env=llb.ProxyEnv(http_proxy=f"http://{number}"),
                extra_hosts=(llb.HostIP(host="h", ip=f"10.0.0.{number}"),),
            ),
            mounts=(
                ROOT,
                llb.Mount(dest="/c", mount_type=llb.MountType.CACHE, cache=llb.CacheOpt(id=number)),
            ),
        )

    assert exec_map(variant("1")).digest == exec_map(variant("2")).digest


def test_the_root_counts_by_its_making_and_other_inputs_by_their_content() -> None:
    op = replace(BASE, mounts=(ROOT, llb.Mount(dest="/m", input=1, selector="/sub")))

    root, other = exec_map(op).inputs

    assert root.content is None
    assert other.content is not None
    assert other.selector == "/sub"


def test_a_part_that_is_written_to_and_kept_does_not_count_by_content() -> None:
    mount = llb.Mount(dest="/m", input=1, selector="/sub", output=1)

    assert exec_map(replace(BASE, mounts=(ROOT, mount))).inputs[1].content is None


def test_emulated_steps_have_a_limit_of_their_own() -> None:
    assert exec_op(BASE).slot is Slot.NATIVE
    assert exec_op(BASE, "linux/arm64").slot is Slot.EMULATED


def test_a_difference_can_be_told() -> None:
    explain = dict(exec_map(BASE).explain)

    assert explain["command"] == "/bin/sh -c make"
    assert explain["env V"] == "1"
    assert explain["platform"] == "linux/amd64"


def file_map(*actions: FileAction, inputs: int = 2) -> CacheMap[Any]:
    operation = FileOperation(None, llb.FileOp(actions=actions), inputs)  # type: ignore[arg-type]
    return operation.cache_map(NO_STEP)


def a_copy(**options: Any) -> FileAction:
    settings = {"src": "/a/b", "dest": "/x/", **options}
    return FileAction(action=CopyAction(**settings), input=0, secondary_input=1, output=0)


def test_a_copy_counts_its_source_by_content_and_its_base_by_its_making() -> None:
    base, source = file_map(a_copy()).inputs

    assert base.content is None
    assert source.content is not None


def test_where_the_source_lies_does_not_count_but_its_name_does() -> None:
    digest = file_map(a_copy()).digest

    assert file_map(a_copy(src="/other/b")).digest == digest
    assert file_map(a_copy(src="/a/c")).digest != digest
    assert (
        file_map(a_copy(src="/other/b")).inputs[1].selector != file_map(a_copy()).inputs[1].selector
    )


@pytest.mark.parametrize(
    "options",
    [
        {"dest": "/y/"},
        {"mode": 0o644},
        {"mode_str": "u+x"},
        {"owner": ChownOpt(user=5)},
        {"exclude_patterns": ("x",)},
        {"always_replace": True},
        {"timestamp": 7},
    ],
)
def test_how_files_are_copied_counts(options: dict[str, Any]) -> None:
    assert file_map(a_copy(**options)).digest != file_map(a_copy()).digest


def test_owners_by_name_count_the_files_that_name_them() -> None:
    named = FileAction(
        action=MkDirAction(path="/d", owner=ChownOpt(user=NamedUser(name="bob", input=1))),
        input=0,
        output=0,
    )

    base, passwd = file_map(named).inputs

    assert base.content is None
    assert passwd.content is not None
    assert "/etc/passwd" in passwd.selector
