"""What Docker 20.10 does not know: the expected tree is written down."""

# ruff: noqa: E501

from __future__ import annotations

import zstandard

from tests.integration.differential.case import Case
from tests.integration.differential.contexts import Archive, File, Link, Member

TREE = {
    "src/a/one.txt": "1",
    "src/a/two.log": "2",
    "src/b/deep/three.txt": File("3", 0o755),
    "src/b/four": "4",
}
FOLDER = "dir 755 0:0"
CAPABILITY = "\1\0\0\2\0\x20" + "\0" * 14

CASES = (
    Case(
        "heredoc-run",
        "FROM busybox\nRUN <<EOF\necho one > /x\necho two >> /x\nEOF\n",
        expected={"x": "file 644 0:0 'one\\ntwo\\n'"},
    ),
    Case(
        "heredoc-run-with-a-program",
        "FROM busybox\nRUN <<EOF\n#!/bin/sh\necho $0 | grep -c . > /x\nEOF\n",
        expected={"x": "file 644 0:0 '1\\n'"},
    ),
    Case(
        "heredoc-as-input",
        "FROM busybox\nENV V=shell\nRUN cat <<EOF > /x && cat <<'RAW' > /y\na $V\nEOF\nb $V\nRAW\n",
        expected={"x": "file 644 0:0 'a shell\\n'", "y": "file 644 0:0 'b $V\\n'"},
    ),
    Case(
        "heredoc-copy",
        "FROM scratch\nENV V=v\nCOPY <<EOF <<-'RAW' /d/\nx $V\nEOF\n\t\ty $V\n\tRAW\nCOPY <<f /d/named\nz\nf\n",
        expected={
            "d": FOLDER,
            "d/EOF": "file 644 0:0 'x v\\n'",
            "d/RAW": "file 644 0:0 'y $V\\n'",
            "d/named": "file 644 0:0 'z\\n'",
        },
    ),
    Case(
        "heredoc-copy-with-owner-and-mode",
        "FROM scratch\nCOPY --chown=4:5 --chmod=700 <<EOF /x\nrun\nEOF\n",
        expected={"x": "file 700 4:5 'run\\n'"},
    ),
    Case(
        "parents",
        "FROM scratch\nCOPY --parents src/a/*.txt src/b/deep /o/\n",
        TREE,
        expected={
            "o": FOLDER,
            "o/src": FOLDER,
            "o/src/a": FOLDER,
            "o/src/a/one.txt": "file 644 0:0 '1'",
            "o/src/b": FOLDER,
            "o/src/b/deep": FOLDER,
            "o/src/b/deep/three.txt": "file 755 0:0 '3'",
        },
    ),
    Case(
        "parents-from-a-point-on",
        "FROM scratch\nCOPY --parents ./src/./b/*/three.txt /o/\n",
        TREE,
        expected={
            "o": FOLDER,
            "o/b": FOLDER,
            "o/b/deep": FOLDER,
            "o/b/deep/three.txt": "file 755 0:0 '3'",
        },
    ),
    Case(
        "parents-of-any-depth",
        "FROM scratch\nCOPY --parents **/*.txt /\n",
        TREE,
        expected={
            "src": FOLDER,
            "src/a": FOLDER,
            "src/a/one.txt": "file 644 0:0 '1'",
            "src/b": FOLDER,
            "src/b/deep": FOLDER,
            "src/b/deep/three.txt": "file 755 0:0 '3'",
        },
    ),
    Case(
        "exclude",
        "FROM scratch\nCOPY --exclude=*.log --exclude=deep src/a src/b /o/\n",
        TREE,
        expected={
            "o": FOLDER,
            "o/one.txt": "file 644 0:0 '1'",
            "o/four": "file 644 0:0 '4'",
        },
    ),
    Case(
        "exclude-with-exception",
        "FROM scratch\nCOPY --exclude=** --exclude=!**/*.txt src /o/\n",
        TREE,
        expected={
            "o": FOLDER,
            "o/a": FOLDER,
            "o/a/one.txt": "file 644 0:0 '1'",
            "o/b": FOLDER,
            "o/b/deep": FOLDER,
            "o/b/deep/three.txt": "file 755 0:0 '3'",
        },
    ),
    Case(
        "link",
        "FROM busybox\nRUN mkdir /o && chmod 700 /o\nCOPY --link --chown=3 f /o/f\nCOPY --link f /p/q/\n",
        {"f": "x"},
        # A linked layer brings its own folders.
        expected={
            "o": "dir 755 3:3",
            "o/f": "file 644 3:3 'x'",
            "p": FOLDER,
            "p/q": FOLDER,
            "p/q/f": "file 644 0:0 'x'",
        },
    ),
    Case(
        "link-replaces-a-link-of-the-image",
        "FROM busybox\nRUN mkdir /real && ln -s /real /o\nCOPY --link f /o/f\n",
        {"f": "x"},
        expected={"real": FOLDER, "o": FOLDER, "o/f": "file 644 0:0 'x'"},
    ),
    Case(
        "chmod-by-letters",
        "FROM scratch\nCOPY --chmod=u=rwX,go-rwx src/a /a\nCOPY --chmod=a+x src/b/four /four\n",
        TREE,
        expected={
            "a": "dir 755 0:0",
            "a/one.txt": "file 600 0:0 '1'",
            "a/two.log": "file 600 0:0 '2'",
            "four": "file 755 0:0 '4'",
        },
    ),
    Case(
        "chmod-of-nonsense",
        "FROM scratch\nCOPY --chmod=999 src/a /a\n",
        TREE,
        fails="chmod",
        oracle=False,
    ),
    Case(
        "chown-of-an-unknown-name-is-root",
        "FROM busybox\nCOPY --chown=stranger:strangers f /x\n",
        {"f": "x"},
        expected={"x": "file 644 0:0 'x'"},
    ),
    Case(
        "add-zstandard",
        "FROM scratch\nADD a /\n",
        {"a": zstandard.compress(Archive((Member("top", "x"),)).packed())},
        expected={"top": "file 644 0:0 'x'"},
    ),
    Case(
        "a-secret-in-the-environment-that-is-not-there",
        "FROM busybox\nRUN --mount=type=secret,id=t,env=TOKEN,required=true true\n",
        fails="t",
        oracle=False,
    ),
    Case(
        "onbuild-heredoc",
        "FROM busybox AS p\nONBUILD COPY <<EOF /x\nlater\nEOF\nFROM p\n",
        expected={"x": "file 644 0:0 'later\\n'"},
    ),
    Case(
        "env-secretly-named-stage-argument",
        'FROM busybox AS a\nARG X=1\nFROM a AS b\nRUN echo "[$X]" > /x\n',
        expected={"x": "file 644 0:0 '[1]\\n'"},
    ),
    Case(
        "no-network",
        "FROM busybox\nRUN --network=none ip -o link | wc -l > /x\n",
        expected={"x": "file 644 0:0 '1\\n'"},
    ),
    Case(
        "mount-points-do-not-stay",
        "FROM busybox\nRUN --mount=type=tmpfs,target=/m/n/o --mount=target=/file,source=f "
        "--mount=type=secret,id=none cat /file > /x\n",
        {"f": "f"},
        expected={"x": "file 644 0:0 'f'"},
    ),
    Case(
        "copy-of-a-link-loop",
        "FROM scratch\nCOPY l /x\n",
        {"l": Link("l")},
        fails="l",
        oracle=False,
    ),
    Case(
        "times-of-files-are-kept",
        "FROM scratch\nCOPY src/a/one.txt /one\nCOPY src/b /b\n",
        TREE,
        expected={
            "one": "file 644 0:0 '1'",
            "b": FOLDER,
            "b/deep": FOLDER,
            "b/deep/three.txt": "file 755 0:0 '3'",
            "b/four": "file 644 0:0 '4'",
        },
    ),
    Case(
        "add-that-keeps-an-archive",
        "FROM busybox AS kept\nADD --unpack=false a.tar /a.tar\nRUN tar tf /a.tar > /list\n"
        "FROM scratch\nADD --unpack=true a.tar /u/\nCOPY --from=kept /list /\n",
        {"a.tar": Archive((Member("f", "x"),))},
        expected={
            "u": FOLDER,
            "u/f": "file 644 0:0 'x'",
            "list": "file 644 0:0 'f\\n'",
        },
    ),
    Case(
        "add-with-an-owner",
        "FROM scratch\nADD --chown=5:6 a.tar /x/\nADD --chown=7 f /y/\n",
        {
            "a.tar": Archive((Member("top", "t", uid=11), Member("d/f", "f", gid=3))),
            "f": "x",
        },
        expected={
            "x": "dir 755 5:6",
            "x/top": "file 644 5:6 't'",
            "x/d": FOLDER,  # implied: not in the archive
            "x/d/f": "file 644 5:6 'f'",
            "y": "dir 755 7:7",
            "y/f": "file 644 7:7 'x'",
        },
    ),
    Case(
        "a-link-in-the-place-of-resolv-conf",
        "FROM busybox\nCOPY etc /etc\nRUN cat /etc/resolv.conf > /dev/null; echo x > /x\n",
        {"etc/resolv.conf": Link("/stolen"), "etc/hosts": Link("../../stolen2")},
        expected={
            "etc/resolv.conf": "link 0:0 -> /stolen",
            "etc/hosts": "link 0:0 -> ../../stolen2",
            "x": "file 644 0:0 'x\\n'",
        },
    ),
    Case(
        "a-hard-link-to-a-file-of-a-lower-layer",
        "FROM busybox\nRUN echo x > /a\nRUN ln /a /e\n",
        # The lower file did not change: its new name is a file of its own.
        expected={"a": "file 644 0:0 'x\\n'", "e": "file 644 0:0 'x\\n'"},
    ),
    Case(
        "a-link-that-climbs-stays-inside",
        "FROM scratch\nCOPY l/f /x\n",
        {"f": "inside", "l": Link("../../../../..")},
        expected={"x": "file 644 0:0 'inside'"},
    ),
    Case(
        "chmod-in-octal",
        "FROM scratch\nCOPY --chmod=0751 src/b /x/y\nCOPY --chmod=4755 src/a/one.txt /z\n",
        TREE,
        expected={
            "x": "dir 751 0:0",
            "x/y": "dir 751 0:0",
            "x/y/deep": "dir 751 0:0",
            "x/y/deep/three.txt": "file 751 0:0 '3'",
            "x/y/four": "file 751 0:0 '4'",
            "z": "file 4755 0:0 '1'",
        },
    ),
    Case(
        "attributes-and-capabilities",
        "FROM scratch AS s\nCOPY f g /\nFROM scratch\nCOPY --from=s / /\n",
        {
            "f": File("x", 0o755, xattrs={"security.capability": CAPABILITY.encode()}),
            "g": File("x", xattrs={"user.colour": b"blue"}),
        },
        expected={
            "f": f"file 755 0:0 'x' security.capability={CAPABILITY}",
            "g": "file 644 0:0 'x' user.colour=blue",
        },
    ),
    Case(
        "a-tar-with-attributes",
        "FROM scratch\nADD a.tar /\n",
        {"a.tar": Archive((Member("f", "x", xattrs={"user.colour": "blue"}),))},
        expected={"f": "file 644 0:0 'x' user.colour=blue"},
    ),
    Case(
        "cache-bind-and-tmpfs-mounts",
        "FROM busybox AS s\nRUN mkdir /o && echo s > /o/f\nFROM busybox\n"
        "RUN --mount=type=cache,target=/c/d echo x > /c/d/x\n"
        "RUN --mount=type=cache,target=/c/d cat /c/d/x > /x\n"
        "RUN --mount=target=/src cat /src/f > /y\n"
        "RUN --mount=from=s,source=/o,target=/mnt,rw cat /mnt/f > /z && echo lost > /mnt/g\n"
        "RUN --mount=type=tmpfs,target=/t echo x > /t/x && ls /t > /w\n",
        {"f": "f"},
        expected={
            "x": "file 644 0:0 'x\\n'",
            "y": "file 644 0:0 'f'",
            "z": "file 644 0:0 's\\n'",
            "w": "file 644 0:0 'x\\n'",
        },
    ),
)
