"""Vertices, their digests and the wire form."""

from __future__ import annotations

import json

import pytest

from core.errors import LineRange, OptionError
from core.llb import files as f
from core.llb import ops as o
from core.llb.definition import SourceFile, marshal, source_file, to_bytes, unmarshal
from core.llb.dot import to_dot, to_json_lines
from core.llb.metadata import LinuxResources, Metadata, Mode, ProgressGroup
from core.llb.vertex import Edge, Vertex, walk
from core.oci.digest import Digest
from core.oci.platform import parse_platform
from core.wire.pb import ops_pb2 as pb

ARM = parse_platform("linux/arm/v7")
AMD = parse_platform("linux/amd64")


def image(platform=ARM, **metadata) -> Vertex:
    return Vertex(
        op=o.SourceOp(
            identifier="docker-image://docker.io/library/busybox:latest",
            attrs=o.pairs({"image.resolvemode": "local", "a": "b"}),
        ),
        platform=platform,
        metadata=Metadata(**metadata),
    )


def everything() -> Edge:
    """A graph that has every operation and every field set to something."""
    context = Vertex(op=o.SourceOp(identifier="local://context"))
    base = image(name="[1/3] FROM busybox", platforms=(ARM,), kind="from")
    run = Vertex(
        op=o.ExecOp(
            meta=o.Meta(
                args=("/bin/sh", "-c", "true"),
                env=("A=1", "A=2"),
                cwd="/w",
                user="me",
                proxy_env=o.ProxyEnv(http_proxy="p", no_proxy="n"),
                extra_hosts=(o.HostIP(host="h", ip="1.2.3.4"),),
                hostname="box",
                ulimits=(o.Ulimit(name="nofile", soft=1, hard=-1),),
                cgroup_parent="g",
                remove_mount_stubs_recursive=True,
                valid_exit_codes=(0, 3),
            ),
            mounts=(
                o.Mount(dest="/", input=0, output=0),
                o.Mount(dest="/s", input=1, selector="/x", readonly=True),
                o.Mount(dest="/t", mount_type=o.MountType.TMPFS, tmpfs_size=0),
                o.Mount(
                    dest="/c",
                    mount_type=o.MountType.CACHE,
                    cache=o.CacheOpt(id="c", sharing=o.CacheSharing.LOCKED),
                ),
                o.Mount(
                    dest="/k", mount_type=o.MountType.SECRET, secret=o.SecretOpt(id="k", uid=3)
                ),
                o.Mount(
                    dest="/a",
                    mount_type=o.MountType.SSH,
                    ssh=o.SSHOpt(id="default", optional=True),
                    result_id="r",
                    content_cache=o.ContentCache.OFF,
                ),
            ),
            network=o.NetMode.NONE,
            security=o.SecurityMode.INSECURE,
            secret_env=(o.SecretEnv(id="k", name="K", optional=True),),
            cdi_devices=(o.CDIDevice(name="v/d=0", optional=True),),
        ),
        inputs=(Edge(base), Edge(context)),
        platform=ARM,
        metadata=Metadata(
            name="[2/3] RUN true",
            ignore_cache=True,
            description=(("note", "x"),),
            progress_group=ProgressGroup(id="g", name="group", weak=True),
            caps=("exec.meta.base",),
            resources=LinuxResources(memory=1 << 30, cpuset_cpus="0-1"),
            stage="build",
            mode=Mode.EMULATED,
            interpreter="qemu-arm",
            kind="run",
            instruction="RUN true",
            ranges=(LineRange(start=2, end=3),),
            platforms=(ARM, AMD),
        ),
    )
    owner = f.ChownOpt(user=f.NamedUser(name="me", input=0), group=7)
    copied = Vertex(
        op=o.FileOp(
            actions=(
                f.FileAction(
                    action=f.CopyAction(
                        src="/*",
                        dest="/d/",
                        owner=owner,
                        mode=0o644,
                        mode_str="u=rw",
                        follow_symlink=True,
                        include_patterns=("a",),
                        exclude_patterns=("b",),
                        required_paths=("c",),
                        timestamp=5,
                    ),
                    input=0,
                    secondary_input=1,
                ),
                f.FileAction(action=f.MkDirAction(path="/m", make_parents=True), input=2),
                f.FileAction(action=f.MkFileAction(path="/n", data=b"\x00x", owner=owner), input=3),
                f.FileAction(action=f.RmAction(path="/o", allow_wildcard=True), input=4),
                f.FileAction(
                    action=f.SymlinkAction(old_path="a", new_path="/b"), input=5, output=0
                ),
            )
        ),
        inputs=(Edge(run), Edge(context)),
    )
    diff = Vertex(op=o.DiffOp(lower=0, upper=1), inputs=(Edge(base), Edge(copied)))
    merge = Vertex(op=o.MergeOp(inputs=(0, 1)), inputs=(Edge(base), Edge(diff)))
    passed = Vertex(op=o.PassthroughOp(id="p", outputs=(0,)), inputs=(Edge(merge),))
    built = Vertex(
        op=o.BuildOp(inputs=(("d", 0),), definition=b"", attrs=(("f", "g"),)),
        inputs=(Edge(passed),),
    )
    return Edge(built)


def test_a_definition_comes_back_as_it_went() -> None:
    edge = everything()
    back = unmarshal(pb.Definition.FromString(to_bytes(marshal(edge))))
    assert back is not None
    before, after = list(walk((edge,))), list(walk((back,)))
    assert {v.digest: v.op for v in after} == {v.digest: v.op for v in before}
    assert {v.digest: v.platform for v in after} == {v.digest: v.platform for v in before}
    assert back == edge


def test_metadata_and_source_ranges_travel_with_the_definition() -> None:
    edge = everything()
    source = SourceFile(filename="Dockerfile", data=b"FROM x\n")
    definition = marshal(edge, source=source)
    back = unmarshal(definition)
    assert back is not None
    sent = {v.digest: v.metadata for v in walk((edge,))}
    assert {v.digest: v.metadata for v in walk((back,))} == sent
    assert source_file(definition) == source


def test_equal_graphs_marshal_to_equal_bytes() -> None:
    assert to_bytes(marshal(everything())) == to_bytes(marshal(everything()))


def test_the_digest_is_that_of_the_plain_protobuf_message() -> None:
    # Field 3 (source), fields 1 and 2 within it; maps sorted by key.
    vertex = Vertex(op=o.SourceOp(identifier="local://c", attrs=(("a", "1"), ("b", "2"))))
    source = b"\x0a\x09local://c" + b"\x12\x06\x0a\x01a\x12\x011" + b"\x12\x06\x0a\x01b\x12\x012"
    assert vertex.encoded == b"\x1a" + bytes([len(source)]) + source
    assert vertex.digest == Digest.of(vertex.encoded)


def test_metadata_is_outside_the_digest_and_the_platform_inside() -> None:
    assert image(name="a") == image(name="b", ignore_cache=True)
    assert image(AMD) != image(ARM)


def test_a_definition_of_another_builder_keeps_its_digests() -> None:
    # An unknown field, as a newer builder may send it.
    data = image().encoded + b"\xa2\x06\x01z"
    definition = pb.Definition()
    ops = getattr(definition, "def")
    ops.append(data)
    last = pb.Op()
    last.inputs.add(digest=Digest.of(data), index=0)
    ops.append(last.SerializeToString())
    edge = unmarshal(definition)
    assert edge is not None
    assert edge.vertex.digest == Digest.of(data)


def test_scratch_is_an_empty_definition() -> None:
    assert unmarshal(marshal(None)) is None


def test_a_definition_with_a_hole_is_refused() -> None:
    definition = marshal(everything())
    del getattr(definition, "def")[0]
    with pytest.raises(OptionError, match="lacks the operation"):
        unmarshal(definition)


def test_a_definition_without_a_result_is_refused() -> None:
    definition = marshal(everything())
    getattr(definition, "def").pop()
    with pytest.raises(OptionError, match="does not end"):
        unmarshal(definition)


def test_an_unknown_operation_is_refused() -> None:
    definition = pb.Definition()
    ops = getattr(definition, "def")
    ops.append(b"\x52\x00")
    last = pb.Op()
    last.inputs.add(digest=Digest.of(b"\x52\x00"), index=0)
    ops.append(last.SerializeToString())
    with pytest.raises(OptionError, match="kind this builder does not know"):
        unmarshal(definition)


def test_equal_vertices_of_two_platforms_are_one_with_both_platforms() -> None:
    def context(platform):
        return Vertex(
            op=o.SourceOp(identifier="local://c"), metadata=Metadata(platforms=(platform,))
        )

    merge = Vertex(op=o.MergeOp(inputs=(0, 1)), inputs=(Edge(context(AMD)), Edge(context(ARM))))
    definition = marshal(Edge(merge))
    assert len(getattr(definition, "def")) == 3
    back = unmarshal(definition)
    assert back is not None
    assert back.vertex.inputs[0].vertex.metadata.platforms == (AMD, ARM)


def test_long_chains_need_no_deep_stack() -> None:
    edge = Edge(image())
    for number in range(5000):
        action = f.FileAction(action=f.MkDirAction(path=f"/{number}"), input=0, output=0)
        edge = Edge(Vertex(op=o.FileOp(actions=(action,)), inputs=(edge,)))
    back = unmarshal(marshal(edge))
    assert back is not None
    assert back.vertex.digest == edge.vertex.digest


def test_dot_and_json_name_every_vertex() -> None:
    edge = everything()
    text = to_dot(edge)
    values = [json.loads(line) for line in to_json_lines(edge).splitlines()]
    for vertex in walk((edge,)):
        assert vertex.digest in text
    assert values[-1] == {"result": {"digest": edge.vertex.digest, "output": 0}}
    assert "[2/3] RUN true" in text
