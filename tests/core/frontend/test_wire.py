"""Converted graphs on BuildKit's wire."""

from collections.abc import Callable
from typing import Any

from core.llb.definition import marshal, unmarshal
from core.llb.vertex import walk

TEXT = """FROM --platform=$BUILDPLATFORM golang AS build
ARG TARGETARCH
COPY --chown=me:1 --chmod=u+x --exclude=*.o . .
ADD https://h/r.git#v1 /git
ADD --checksum=sha256:{digits} https://h/f /f
RUN --mount=type=cache,uid=1,target=/c --mount=type=secret,id=s --mount=type=ssh <<EOF
#!/bin/sh
go build
EOF
FROM alpine
WORKDIR /w
COPY --link --from=build /a /b
COPY <<EOF /etc/x
hello
EOF
RUN --network=none --mount=type=tmpfs,target=/t x
""".replace("{digits}", "0" * 64)


def test_a_graph_survives_the_wire(build: Callable[..., Any]) -> None:
    done = build(TEXT, {"platform": "linux/amd64,linux/arm64", "no-cache": ""})
    for result in done.conversion.results:
        back = unmarshal(marshal(result.edge))
        assert back is not None
        ours = {v.digest: v for v in walk([result.edge])}
        theirs = {v.digest: v for v in walk([back])}
        assert ours.keys() == theirs.keys()
        for digest, vertex in ours.items():
            assert theirs[digest].metadata.name == vertex.metadata.name
            assert theirs[digest].metadata.ignore_cache == vertex.metadata.ignore_cache
            assert theirs[digest].metadata.stage == vertex.metadata.stage


def test_the_same_text_gives_the_same_digests(build: Callable[..., Any]) -> None:
    first, second = (build(TEXT, {"platform": "linux/arm64"}) for _ in range(2))
    assert [v.digest for v in first.vertices()] == [v.digest for v in second.vertices()]
