"""Images: from the local store, lazily; results and how they are kept."""

from __future__ import annotations

import pytest

from core.errors import NotFoundError, OptionError, StorageError
from core.llb.ops import BuildOp, DiffOp, MergeOp, SourceOp, pairs
from core.llb.vertex import Edge, Vertex
from core.oci.descriptor import Descriptor
from core.oci.digest import Digest
from core.oci.platform import parse_platform
from core.oci.reference import parse_reference
from core.ops.refs import Ref, RemoteLayer
from core.snapshot.ids import LayerId

NAME = "docker.io/library/busybox:latest"
ARM = parse_platform("linux/arm64")


@pytest.fixture
def image(stores):
    return stores.add_image(NAME, [{"bin": b"one"}], platforms=("linux/amd64", "linux/arm64"))


def source(identifier, platform=ARM, **attrs) -> Vertex:
    return Vertex(op=SourceOp(identifier=identifier, attrs=pairs(attrs)), platform=platform)


async def test_a_tag_is_found_in_the_local_store(stores, step, image) -> None:
    op = stores.table.resolve(source(f"docker-image://{NAME}"))
    answer = await op.cache_map(step)
    pinned = stores.table.resolve(source(f"docker-image://{NAME}@{image.digest}"))
    assert pinned.cache_map(step).digest == answer.digest
    assert answer.explain[0] == ("base image", image.digest)


async def test_platforms_of_one_image_are_different_operations(stores, step, image) -> None:
    name = f"docker-image://{NAME}@{image.digest}"
    arm = stores.table.resolve(source(name)).cache_map(step)
    amd = stores.table.resolve(source(name, parse_platform("linux/amd64"))).cache_map(step)
    assert arm.digest != amd.digest


async def test_an_image_is_given_without_unpacking_it(stores, step, image) -> None:
    op = stores.table.resolve(source(f"docker-image://{NAME}@{image.digest}"))
    (ref,) = await op.execute([], step)
    (layer,) = ref.layers
    assert isinstance(layer, RemoteLayer)
    assert stores.snapshots.layers() == ()


async def test_an_image_is_unpacked_once_and_its_blob_is_remembered(stores, step, image) -> None:
    op = stores.table.resolve(source(f"docker-image://{NAME}@{image.digest}"))
    (ref,) = await op.execute([], step)
    async with stores.table.puller.unpacked(ref, step) as layers:
        assert (stores.snapshots.layer_path(layers[0]) / "bin").read_bytes() == b"one"
        assert stores.holds.current() == {layers[0]}
        assert isinstance(ref.layers[0], RemoteLayer)
        blob = stores.records.blob(layers[0], "pulled")
        assert blob is not None
        assert blob.digest == ref.layers[0].descriptor.digest
    assert stores.holds.current() == frozenset()
    async with stores.table.puller.unpacked(ref, step) as again:
        assert again == layers
    assert len(stores.snapshots.layers()) == 1


async def test_a_layer_with_a_wrong_diff_id_is_refused(stores, step, image) -> None:
    op = stores.table.resolve(source(f"docker-image://{NAME}@{image.digest}"))
    (ref,) = await op.execute([], step)
    (good,) = ref.remote_layers
    bad = RemoteLayer(
        reference=good.reference, descriptor=good.descriptor, diff_id=Digest.of(b"other")
    )
    with pytest.raises(StorageError, match="unpacks to"):
        async with stores.table.puller.unpacked(Ref(layers=(bad,)), step):
            pytest.fail("was unpacked")
    assert stores.snapshots.layers() == ()
    assert stores.holds.current() == frozenset()


async def test_a_build_sees_one_image_for_a_tag(stores, build, image) -> None:
    reference = parse_reference(NAME)
    first = await stores.table.images.resolve(build, reference)
    stores.add_image(NAME, [{"bin": b"two"}])
    assert await stores.table.images.resolve(build, reference) == first
    build.resolved.clear()
    assert await stores.table.images.resolve(build, reference) != first


async def test_a_missing_platform_is_named_with_those_there_are(stores, step, image) -> None:
    name = f"docker-image://{NAME}@{image.digest}"
    op = stores.table.resolve(source(name, parse_platform("linux/s390x")))
    with pytest.raises(NotFoundError, match="s390x") as caught:
        await op.execute([], step)
    assert "linux/arm64" in caught.value.hint


async def test_an_image_that_is_not_the_one_asked_for_is_refused(stores, step, image) -> None:
    attrs = {"image.checksum": str(Digest.of(b"another"))}
    op = stores.table.resolve(source(f"docker-image://{NAME}", **attrs))
    with pytest.raises(NotFoundError, match="not the"):
        await op.cache_map(step)


def test_sources_of_unknown_kinds_are_refused(stores) -> None:
    with pytest.raises(OptionError, match="no source that this builder knows"):
        stores.table.resolve(source("ftp://example.org/x"))
    with pytest.raises(OptionError, match="cannot do that"):
        stores.table.resolve(Vertex(op=BuildOp()))


def remote(number: int, parent=None) -> RemoteLayer:
    return RemoteLayer(
        reference=parse_reference(NAME),
        descriptor=Descriptor.of("application/x", bytes([number])),
        diff_id=Digest.of(bytes([number])),
        parent=parent,
    )


def test_kept_results_come_back(stores) -> None:
    with stores.snapshots.create(()) as made:
        layer = made.commit()
    results = stores.table.results
    for ref in (
        Ref(),
        Ref(layers=(layer,)),
        Ref(layers=(remote(1), remote(2, remote(1)), layer)),
    ):
        stored = results.encode(ref)
        assert stored is not None
        assert results.decode(stored) == ref
        results.release(ref)
    assert stores.holds.current() == frozenset()


def test_a_result_with_a_lost_layer_does_not_come_back(stores) -> None:
    stored = stores.table.results.encode(Ref(layers=(LayerId("gone"),)))
    assert stored is not None
    assert stores.table.results.decode(stored) is None
    assert stores.holds.current() == frozenset()


def test_a_chain_id_depends_on_what_is_below() -> None:
    assert remote(1).chain_id == remote(1).diff_id
    assert remote(2, remote(1)).chain_id != remote(2).chain_id
    assert remote(2, remote(1)).lineage() == (remote(1), remote(2, remote(1)))


async def test_a_merge_stacks_layers_and_fetches_nothing(stores, step) -> None:
    base, top = Ref(layers=(remote(1),)), Ref(layers=(LayerId("a"), LayerId("b")))
    vertex = Vertex(
        op=MergeOp(inputs=(0, -1, 1)), inputs=(Edge(source("local://a")), Edge(source("local://b")))
    )
    op = stores.table.resolve(vertex)
    assert len(op.cache_map(step).inputs) == 2
    (ref,) = await op.execute([base, top], step)
    assert ref.layers == (remote(1), "a", "b")


async def test_a_diff_of_what_lies_on_its_lower_are_the_layers_above(stores, step) -> None:
    lower, upper = Ref(layers=(LayerId("a"),)), Ref(layers=(LayerId("a"), LayerId("b")))
    vertex = Vertex(
        op=DiffOp(lower=0, upper=1),
        inputs=(Edge(source("local://a")), Edge(source("local://b"))),
    )
    (ref,) = await stores.table.resolve(vertex).execute([lower, upper], step)
    assert ref.layers == ("b",)
    op = stores.table.resolve(Vertex(op=DiffOp(lower=-1, upper=0), inputs=vertex.inputs[:1]))
    (ref,) = await op.execute([upper], step)
    assert ref == upper
