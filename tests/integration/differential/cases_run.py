"""RUN: environment, arguments, users, folders, what must not leak; changes as layers."""

# ruff: noqa: E501

from __future__ import annotations

from tests.integration.differential.case import Case

USERS = (
    "RUN echo 'me:x:77:88::/home/me:/bin/sh' >> /etc/passwd "
    "&& echo 'us:x:99:me' >> /etc/group && echo 'own:x:88:' >> /etc/group\n"
)
SHOW = "RUN id -u > /tmp/i && id -g >> /tmp/i && id -G >> /tmp/i && pwd >> /tmp/i && echo $HOME >> /tmp/i\n"

CASES = (
    Case(
        "environment",
        'FROM busybox\nENV A=1 B="two words" C=$A\nENV D=${A}x${B}\nENV E old form\n'
        "RUN env | grep -v HOSTNAME | sort > /env\n",
    ),
    Case("env-of-one-line-sees-old-values", "FROM busybox\nENV a=1\nENV a=2 b=$a\nRUN echo $a$b > /x\n"),
    Case(
        "arg-after-env-and-env-after-arg",
        "FROM busybox\nENV A=1\nARG A=2\nARG B=3\nENV B=4\nARG C=5\nRUN echo $A $B $C > /x\n",
    ),
    Case("arg-without-a-value-keeps-env", "FROM busybox\nENV A=1\nARG A\nRUN echo $A > /x\n"),
    Case(
        "build-args",
        "FROM busybox\nARG A=1\nARG B\nARG C=3\nRUN echo $A,$B,${C-unset},${D-unset} > /x\nARG D\n"
        "RUN echo $D > /y\n",
        args={"A": "one", "B": "two", "C": "", "D": "four"},
    ),
    Case(
        "global-args",
        "ARG tag=latest\nARG other=g\nFROM busybox:${tag}\nRUN echo [$tag] > /a\nARG other\n"
        "RUN echo $other > /b\nFROM busybox\nCOPY --from=0 /a /b /\nRUN echo [$other] > /c\n",
    ),
    Case(
        "args-of-a-parent-stage",
        "FROM busybox AS base\nARG X=1\nENV Y=$X\nFROM base\nRUN echo [$X][$Y] > /x\n",
    ),
    Case("platform-args", "FROM busybox\nARG TARGETPLATFORM TARGETARCH\nARG BUILDOS\n"
         "RUN echo $TARGETPLATFORM $TARGETARCH $BUILDOS > /x\n"),
    Case(
        "modifiers",
        "FROM busybox\nENV A=a E=\nENV R=${A:-x}${Z:-y}${A:+z}${E:-e}${Z:+w}\nRUN echo $R > /x\n",
    ),
    Case("quotes-and-escapes", "FROM busybox\nENV A='$x' B=\\$x C=\"a\\\"b\" D=a\\ b\n"
         "RUN echo \"$A|$B|$C|$D\" > /x\n"),
    Case("exec-form-expands-nothing", 'FROM busybox\nENV A=1\nRUN ["/bin/touch", "/$A", "/b c"]\n'),
    Case("shell", 'FROM busybox\nSHELL ["/bin/sh", "-ec"]\nRUN false; echo no\n', fails="exit code: 1"),
    Case("shell-with-arguments", 'FROM busybox\nSHELL ["/bin/sh", "-xc"]\nRUN echo x > /x\nCMD y z\n'),
    Case("continuation-lines", "FROM busybox\nRUN echo a \\\n  # comment\n  b \\\n\n  c > /x\n"),
    Case("other-escape", "# escape=`\nFROM busybox\nRUN echo a `\n b > /x\n"),
    Case("workdir", "FROM busybox\nWORKDIR /a/b\nRUN pwd > /1\nWORKDIR c\nRUN pwd > /2\nWORKDIR ../d\n"
         "ENV w=e\nWORKDIR $w\nRUN pwd > /3\n"),
    Case("workdir-is-made", "FROM busybox\nWORKDIR /new/er\n"),
    Case("workdir-of-a-user", f"FROM busybox\n{USERS}USER me\nWORKDIR /home/me/x\n"),
    Case("user-by-name", f"FROM busybox\n{USERS}USER me\n{SHOW}"),
    Case("user-and-group", f"FROM busybox\n{USERS}USER me:us\n{SHOW}"),
    Case("user-by-number-without-an-entry", f"FROM busybox\nUSER 1234:56\n{SHOW}"),
    Case("user-by-number-with-an-entry", f"FROM busybox\n{USERS}USER 77\n{SHOW}"),
    Case("copy-ignores-user", f"FROM busybox\n{USERS}USER me\nCOPY f /x\nADD f /y\n", {"f": "f"}),
    Case("an-unknown-user", "FROM busybox\nUSER nobody-here\nRUN true\n", fails="nobody-here"),
    Case("a-failing-command", "FROM busybox\nRUN exit 3\n", fails="exit code: 3"),
    Case("a-missing-program", 'FROM busybox\nRUN ["/no/such/program"]\n', fails="/no/such/program"),
    Case("entrypoint-is-not-used-by-run", 'FROM busybox\nENTRYPOINT ["/bin/false"]\nRUN echo x > /x\n'),
    Case("removal", "FROM busybox\nRUN mkdir -p /d/e && touch /d/a /d/e/b\nRUN rm -r /d/e /d/a\n"),
    Case("replacement-of-a-folder-by-a-file",
         "FROM busybox\nRUN mkdir -p /d/e && touch /d/e/f\nRUN rm -r /d/e && echo x > /d/e\n"),
    Case("replacement-of-a-file-by-a-folder",
         "FROM busybox\nRUN mkdir /d && echo x > /d/e\nRUN rm /d/e && mkdir /d/e && touch /d/e/f\n"),
    Case("a-folder-made-anew", "FROM busybox\nRUN mkdir /d && touch /d/old\n"
         "RUN rm -r /d && mkdir /d && touch /d/new\n"),
    Case("a-moved-folder", "FROM busybox\nRUN mkdir -p /d/e && touch /d/e/f\nRUN mv /d /moved\n"),
    Case("changed-owners-and-modes", "FROM busybox\nRUN mkdir /d && touch /d/a /d/b\n"
         "RUN chown 5:6 /d/a && chmod 4700 /d/b && chmod 711 /d\n"),
    Case("links", "FROM busybox\nRUN echo x > /a && ln /a /b && ln -s a /c && ln -s /none /d\n"
         "RUN rm /b && mv /c /e\n"),
    Case("special-files", "FROM busybox\nRUN mkfifo /p && mknod /c c 1 3 && mknod /b b 7 200\n"),
    Case("nothing-happens", "FROM busybox\nRUN true\nRUN true\n"),
    Case("only-a-time-changes", "FROM busybox\nRUN touch -d @1000000 /etc/passwd\n"),
    Case("hosts-and-resolv-conf-are-not-kept",
         "FROM busybox\nRUN cat /etc/hosts /etc/resolv.conf > /dev/null; ls /proc /sys /dev > /dev/null\n"),
    Case("folders-that-are-mounted-over", "FROM busybox\nRUN touch /dev/x /tmp/y; mkdir -p /run/z; true\n"),
    Case("strange-names", "FROM busybox\nRUN cd /tmp && touch 'a b' \"c'd\" -- -e $(printf 'new\\nline')\n"),
    Case("a-volume-keeps-what-is-written", "FROM busybox\nVOLUME /v\nRUN mkdir /v && echo x > /v/x\n"
         "FROM scratch\nCOPY --from=0 /v /w\n"),
    Case("an-optional-secret", "FROM busybox\nRUN --mount=type=secret,id=none ls /run/secrets > /x 2>&1; true\n"),
    Case("onbuild", "FROM busybox AS p\nONBUILD RUN echo x > /x\nONBUILD COPY f /f\nONBUILD ENV O=1\n"
         "FROM p AS q\nRUN echo $O > /o\nFROM q\nRUN ls / > /l\n", {"f": "f"}),
    Case("stages-that-are-not-needed", "FROM busybox AS broken\nRUN exit 1\nFROM busybox\nRUN echo x > /x\n"),
    Case("a-target", "FROM busybox AS one\nRUN echo 1 > /x\nFROM one AS two\nRUN echo 2 > /x\n", target="one"),
)  # fmt: skip
