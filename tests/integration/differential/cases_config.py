"""What an image says about itself."""

# ruff: noqa: E501

from __future__ import annotations

from tests.integration.differential.case import Case

CASES = (
    Case("config-of-scratch", "FROM scratch\nLABEL a=1\nCOPY f /\n", {"f": "f"}),
    Case("cmd-forms", 'FROM busybox AS a\nCMD echo $HOME\nFROM busybox\nCMD ["a", "b c"]\n'),
    Case("entrypoint-clears-the-cmd-of-the-base",
         'FROM busybox AS a\nCMD ["a"]\nFROM a\nENTRYPOINT ["b"]\n'),
    Case("cmd-after-entrypoint", 'FROM busybox\nENTRYPOINT e 1\nCMD ["c"]\n'),
    Case("cmd-before-entrypoint", 'FROM busybox\nCMD ["c"]\nENTRYPOINT ["e"]\n'),
    Case("empty-entrypoint", 'FROM busybox AS a\nENTRYPOINT ["x"]\nFROM a\nENTRYPOINT []\n'),
    Case("labels", "FROM busybox\nLABEL a=1 \"b c\"='d e'\nLABEL a=2 multi=\"x\\\ny\"\nARG v=9\nLABEL v=$v\n"),
    Case("ports", "FROM busybox\nARG p=90\nEXPOSE 80 443/tcp 53/udp 7000-7002 $p\nEXPOSE 80\n"),
    Case("volumes", 'FROM busybox\nVOLUME /a /b\nVOLUME ["/c d"]\n'),
    Case("healthcheck", 'FROM busybox\nHEALTHCHECK --interval=5s --timeout=1m --retries=3 '
         '--start-period=10s CMD ["true"]\n'),
    Case("healthcheck-in-a-shell", "FROM busybox\nHEALTHCHECK CMD test -e /x\n"),
    Case("no-healthcheck", "FROM busybox AS a\nHEALTHCHECK CMD x\nFROM a\nHEALTHCHECK NONE\n"),
    Case("stop-signal-and-shell", 'FROM busybox\nARG s=SIGQUIT\nSTOPSIGNAL $s\nSHELL ["/bin/sh", "-c", "x"]\n'
         "CMD y\n"),
    Case("users-and-folders-are-inherited", "FROM busybox AS a\nUSER 5\nWORKDIR /x\nENV P=1\nFROM a\nENV Q=$P\n"),
    Case("onbuild-is-written-down", 'FROM busybox\nONBUILD RUN echo "x y"\nONBUILD CMD ["z"]\n'),
    Case("onbuild-is-used-once", "FROM busybox AS a\nONBUILD LABEL x=1\nFROM a AS b\nFROM b\nLABEL y=1\n"),
    Case("path-is-kept", "FROM busybox\nENV PATH=/opt/bin:$PATH\nENV path=x\n"),
    Case("user-with-variables", "FROM busybox\nARG u=3\nENV g=4\nUSER ${u}:$g\n"),
    Case("maintainer-and-comments", "# first\nFROM busybox\n# second\nMAINTAINER me <me@example.org>\nLABEL a=b\n"),
    Case("nothing-at-all", "FROM busybox\n"),
)  # fmt: skip
