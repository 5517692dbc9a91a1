"""COPY: names, links, owners, modes, wildcards, ignore files."""

# ruff: noqa: E501

from __future__ import annotations

from tests.integration.differential.case import Case
from tests.integration.differential.contexts import File, Folder, HardLink, Link, Socket

TREE = {
    "d/a": "a",
    "d/sub/b": File("b", 0o755),
    "d/sub/deep/c": File("c", 0o600),
    "d/empty": Folder(0o700),
    "d/to-a": Link("a"),
    "d/dangling": Link("/nowhere"),
}

CASES = (
    Case("a-file-to-a-name", "FROM busybox\nCOPY f /new\n", {"f": "x"}),
    Case("a-file-into-a-folder-named-by-a-slash", "FROM busybox\nCOPY f /new/\n", {"f": "x"}),
    Case("a-file-into-a-folder-that-is-there", "FROM busybox\nCOPY f /tmp\n", {"f": "x"}),
    Case("a-file-below-folders-that-are-not", "FROM busybox\nCOPY f /p/q/r/f\n", {"f": "x"}),
    Case("a-folder-is-its-contents", "FROM busybox\nCOPY d /out\n", TREE),
    Case("a-folder-with-slashes", "FROM busybox\nCOPY d/ /out/\n", TREE),
    Case("the-whole-context", "FROM scratch\nCOPY . /\n", TREE),
    Case("into-a-relative-place", "FROM busybox\nWORKDIR /w/x\nCOPY f y\nCOPY f z/\n", {"f": "x"}),
    Case("to-dot", "FROM busybox\nWORKDIR /w\nCOPY f .\n", {"f": "x"}),
    Case("to-dot-slash", "FROM busybox\nWORKDIR /w\nCOPY d ./\n", TREE),
    Case("to-dot-without-workdir", "FROM busybox\nCOPY f .\n", {"f": "x"}),
    Case("several-sources", "FROM busybox\nCOPY f g d /out/\n", {"f": "1", "g": "2", **TREE}),
    # BuildKit lets the last one win; only the manual asks for a slash.
    Case("several-sources-without-a-slash", "FROM busybox\nCOPY f g /o\n", {"f": "1", "g": "2"}),
    Case("json-form-with-spaces", 'FROM busybox\nCOPY ["a b", "/c d/"]\n', {"a b": "x"}),
    Case("a-missing-source", "FROM busybox\nCOPY nothing /x\n", {"f": "x"}, fails="nothing"),
    Case("a-wildcard", "FROM busybox\nCOPY *.txt /out/\n", {"a.txt": "1", "b.txt": "2", "c": "3"}),
    Case("a-wildcard-of-folders", "FROM busybox\nCOPY d* /out/\n", {**TREE, "d2/z": "z"}),
    Case("a-wildcard-in-the-middle", "FROM busybox\nCOPY x*/f /out/\n", {"x1/f": "1", "x2/g": "2"}),
    Case("a-question-mark-and-a-class", "FROM busybox\nCOPY f? g[0-4] /o/\n",
         {"f1": "1", "f2": "2", "ff2": "3", "g3": "4", "g7": "5"}),
    Case("an-escaped-bracket", "FROM busybox\nCOPY a[[]b] /o/\n", {"a[b]": "1", "ab": "2"}),
    Case("a-wildcard-that-matches-one", "FROM busybox\nCOPY one* /out\n", {"one-file": "1"}),
    Case(
        "a-wildcard-that-matches-nothing-beside-one-that-does",
        "FROM busybox\nCOPY f nothing* /out/\n",
        {"f": "x"},
    ),
    Case("unicode-names", "FROM busybox\nCOPY grüße /größe/\n", {"grüße": "x", "andere": "y"}),
    Case("a-link-as-the-source-is-followed", "FROM busybox\nCOPY l /x\n", {"f": "x", "l": Link("f")}),
    Case(
        "a-link-to-a-folder-as-the-source",
        "FROM busybox\nCOPY l /x\n",
        {**TREE, "l": Link("d")},
    ),
    Case("through-a-linked-folder", "FROM busybox\nCOPY l/sub/b /x\n", {**TREE, "l": Link("d")}),
    Case("links-in-a-folder-stay-links", "FROM busybox\nCOPY d /x/\n",
         {"d/rel": Link("sub/b"), "d/abs": Link("/etc/passwd"), "d/up": Link("../../.."),
          "d/sub/b": "b"}),
    Case(
        "absolute-links-of-a-stage",
        "FROM busybox AS s\nRUN mkdir -p /real/in && echo x > /real/in/f && ln -s /real /abs "
        "&& ln -s /real/in/f /file\nFROM scratch\nCOPY --from=s /abs/in /one/\nCOPY --from=s /file /two\n",
    ),
    Case(
        "links-of-links-of-a-stage",
        "FROM busybox AS s\nRUN mkdir /r && echo x > /r/f && ln -s r /a && ln -s a /b && ln -s ../b /c\n"
        "FROM scratch\nCOPY --from=s /c/f /x\nCOPY --from=s /c /y\n",
    ),
    Case(
        "into-a-linked-folder",
        "FROM busybox\nRUN mkdir /real && ln -s /real /abs && ln -s real /rel\n"
        "COPY f /abs/one\nCOPY f /rel/\nCOPY d /abs\n",
        {"f": "x", **TREE},
    ),
    Case(
        "into-a-linked-folder-that-climbs",
        "FROM busybox\nRUN mkdir /real && ln -s ../../../../real /up\nCOPY f /up/one\n",
        {"f": "x"},
    ),
    Case(
        "through-a-linked-parent",
        "FROM busybox\nRUN mkdir -p /real/a && ln -s /real /abs\nCOPY f /abs/a/new/f\n",
        {"f": "x"},
    ),
    Case(
        "over-a-file",
        "FROM busybox\nRUN echo old > /x && chmod 600 /x && chown 5:6 /x\nCOPY f /x\n",
        {"f": "new"},
    ),
    Case(
        "over-one-of-two-hard-links",
        "FROM busybox\nRUN echo old > /x && ln /x /y\nCOPY f /x\n",
        {"f": "new"},
    ),
    Case("hard-links-of-a-folder", "FROM busybox\nCOPY d /x\n",
         {"d/one": "x", "d/two": HardLink("d/one"), "d/sub/three": HardLink("d/one")}),
    Case(
        "hard-links-of-a-stage",
        "FROM busybox AS s\nRUN mkdir /d && echo x > /d/a && ln /d/a /d/b && ln /d/a /outside\n"
        "FROM scratch\nCOPY --from=s /d /d\n",
    ),
    Case("a-socket", "FROM busybox\nCOPY d /x\n", {"d/s": Socket(), "d/f": "f"}),
    Case(
        "a-file-over-a-folder",
        "FROM busybox\nRUN mkdir /x /x/f\nCOPY d /x\n",
        {"d/f": "file"},
        fails="f",
    ),
    Case(
        "a-folder-over-a-file",
        "FROM busybox\nRUN mkdir /x && echo > /x/f\nCOPY d /x\n",
        {"d/f/g": "file"},
        fails="f",
    ),
    Case(
        "into-folders-that-are-there",
        "FROM busybox\nRUN mkdir -p /x/sub && chmod 700 /x /x/sub && chown -R 7:8 /x\nCOPY d /x\n",
        TREE,
    ),
    Case(
        "into-folders-that-are-there-with-an-owner",
        "FROM busybox\nRUN mkdir -p /x/sub && chmod 700 /x /x/sub && chown -R 7:8 /x\n"
        "COPY --chown=20:30 d /x\n",
        TREE,
    ),
    Case("owners-of-the-context-do-not-count", "FROM busybox\nCOPY d /x\n",
         {"d/f": File("x", 0o640, (1000, 2000))}),
    Case("setuid-and-sticky-bits", "FROM busybox\nCOPY d /x\n",
         {"d/s": File("x", 0o4755), "d/g": File("x", 0o2711), "d/t": Folder(0o1777)}),
    Case(
        "owners-and-modes-of-a-stage",
        "FROM busybox AS s\nRUN mkdir -p /d/e && echo x > /d/e/f && chown 1:2 /d && chown 3:4 /d/e "
        "&& chown 5:6 /d/e/f && chmod 4711 /d/e/f && chmod 1770 /d/e\n"
        "FROM busybox\nCOPY --from=s /d /d\nCOPY --from=s /d/e/f /elsewhere/f\n",
    ),
    Case("chown-by-numbers", "FROM busybox\nCOPY --chown=12:34 d /p/q/\n", TREE),
    Case("chown-by-one-number", "FROM busybox\nCOPY --chown=12 f /x\n", {"f": "x"}),
    Case(
        "chown-by-names",
        "FROM busybox\nRUN echo 'me:x:77:88::/:/bin/sh' >> /etc/passwd && echo 'us:x:99:' >> /etc/group\n"
        "COPY --chown=me f /a\nCOPY --chown=me:us f /b\nCOPY --chown=me:5 f /c\nCOPY --chown=6:us f /d\n",
        {"f": "x"},
    ),
    Case(
        "chown-with-a-variable",
        "FROM busybox\nARG who=3\nENV grp=4\nCOPY --chown=${who}:$grp f /x\n",
        {"f": "x"},
    ),
    Case(
        "chown-of-a-folder-with-links",
        "FROM busybox\nCOPY --chown=9:9 d /new/sub\n",
        TREE,
    ),
    Case("from-a-stage-by-number", "FROM busybox\nRUN echo x > /x\nFROM scratch\nCOPY --from=0 /x /y\n"),
    Case(
        "from-a-stage-by-name-in-other-letters",
        "FROM busybox AS Build\nRUN echo x > /x\nFROM scratch\nCOPY --from=bUILD /x /y\n",
    ),
    Case("from-an-image", "FROM scratch\nCOPY --from=busybox /etc/passwd /p\n"),
    Case(
        "from-a-wildcard-of-a-stage",
        "FROM busybox AS s\nRUN mkdir /o && touch /o/a1 /o/a2 /o/b1\n"
        "FROM scratch\nCOPY --from=s /o/a* /x/\n",
    ),
    Case(
        "an-ignore-file",
        "FROM scratch\nCOPY . /\n",
        {
            ".dockerignore": "# comment\n*.log\n!keep.log\nd/**/c\nsecret*\n/abs\n\n",
            "x.log": "1", "keep.log": "2", "secret": "3", "secrets/s": "4", "abs": "5",
            "sub/x.log": "6", "sub/abs": "7", **TREE,
        },
    ),
    Case(
        "an-ignore-file-that-brings-back-below-an-ignored-folder",
        "FROM scratch\nCOPY . /\n",
        {".dockerignore": "d\n!d/sub/b\n*ignore\nDockerfile\n", "f": "f", **TREE},
    ),
    Case("an-ignored-source", "FROM scratch\nCOPY d/a /\n", {".dockerignore": "d/a", **TREE}, fails="d/a"),
    Case("an-ignored-source-of-many", "FROM scratch\nCOPY d /x\n", {".dockerignore": "d/sub\n", **TREE}),
    # What was copied before may be shared below, and must not be seen to be.
    Case(
        "the-same-again-with-other-owners-and-modes",
        "FROM busybox\nCOPY d /x\nCOPY d /y\nCOPY --chown=5:6 d /z\nCOPY d/a d/sub/b /w/\n"
        "RUN chmod 600 /x/a && chown 7:8 /y/sub/b && echo more >> /z/a\nCOPY d /x\n",
        TREE,
    ),
    Case(
        "one-content-under-many-names",
        "FROM busybox\nCOPY . /all\nCOPY d/one /1\nCOPY d/one /2\nCOPY --from=busybox /etc/passwd /p1\n"
        "COPY --from=busybox /etc/passwd /etc/group /p2/\nRUN echo x >> /1\n",
        {"d/one": "same", "d/two": "same", "d/three": File("same", 0o600), "other": "same"},
    ),
)  # fmt: skip
