"""RUN, COPY, ADD, WORKDIR and the image's config."""

from collections.abc import Callable
from typing import Any

import pytest

from core.errors import DockerfileError
from core.llb.files import CopyAction, MkDirAction, MkFileAction, NamedUser
from core.llb.ops import CacheSharing, MergeOp, MountType, NetMode, SecurityMode

Build = Callable[..., Any]


def test_run_uses_the_stages_shell_and_directory(build: Build) -> None:
    text = 'FROM busybox\nWORKDIR /a\nWORKDIR b\nSHELL ["bash", "-c"]\nUSER me\nRUN x  y\n'
    (op,) = build(text).execs()
    assert op.meta.args == ("bash", "-c", "x  y")
    assert (op.meta.cwd, op.meta.user) == ("/a/b", "me")


def test_a_heredoc_alone_is_the_script(build: Build) -> None:
    done = build("FROM busybox\nRUN <<EOF\necho a\necho b\nEOF\n")
    (op,) = done.execs()
    assert op.meta.args == ("/bin/sh", "-c", "echo a\necho b\n")
    assert done.names()[-1] == "[2/2] RUN <<EOF (echo a...)"


def test_a_heredoc_with_an_interpreter_becomes_a_mounted_file(build: Build) -> None:
    done = build("FROM busybox\nRUN <<EOF\n#!/usr/bin/python\nprint()\nEOF\n")
    (op,) = done.execs()
    assert op.meta.args == ("/bin/sh", "-c", "/dev/pipes/EOF")
    mount = next(m for m in op.mounts if m.dest == "/dev/pipes/")
    assert mount.readonly
    (action,) = done.files()[0].actions
    assert action.action == MkFileAction(
        path="/EOF", data=b"#!/usr/bin/python\nprint()\n", mode=0o755
    )


def test_mounts_of_every_kind(build: Build) -> None:
    text = (
        "FROM busybox AS tools\nFROM busybox\nARG N=x\n"
        "RUN --mount=type=cache,target=/c,id=$N,sharing=locked --mount=type=tmpfs,target=t,size=1m "
        "--mount=from=tools,source=/bin,target=/tools --mount=type=secret,id=s,env=S "
        "--mount=type=secret,id=f --mount=type=ssh --network=none --security=insecure go $S\n"
    )
    done = build(text)
    (op,) = done.execs()
    mounts = {m.dest: m for m in op.mounts}
    assert mounts["/c"].cache is not None
    assert (mounts["/c"].cache.id, mounts["/c"].cache.sharing) == ("/x", CacheSharing.LOCKED)
    assert mounts["/t"].tmpfs_size == 1 << 20
    assert (mounts["/tools"].selector, mounts["/tools"].readonly) == ("/bin", True)
    assert mounts["/run/secrets/f"].mount_type is MountType.SECRET
    assert mounts["/run/buildkit/ssh_agent.0"].mount_type is MountType.SSH
    assert [s.name for s in op.secret_env] == ["S"]
    assert (op.network, op.security) == (NetMode.NONE, SecurityMode.INSECURE)
    assert "SSH_AUTH_SOCK=/run/buildkit/ssh_agent.0" in op.meta.env
    assert done.names()[-1].endswith("go ****")


def test_a_cache_mount_with_an_owner_is_seeded(build: Build) -> None:
    done = build("FROM busybox\nRUN --mount=type=cache,target=/c,uid=5,mode=0700 x\n")
    (action,) = done.files()[0].actions
    assert isinstance(action.action, MkDirAction)
    assert (action.action.path, action.action.mode) == ("/cache", 0o700)
    assert action.action.owner is not None
    assert (action.action.owner.user, action.action.owner.group) == (5, 0)


def test_copy_asks_the_context_only_for_what_is_needed(build: Build) -> None:
    text = (
        "FROM busybox AS unused\nCOPY no .\nFROM busybox\nCOPY a b/ /x/\nADD c.tar http://h/f /y/\n"
    )
    done = build(text)
    context = done.sources()["local://context"]
    assert context.attr("local.followpaths") == '["a","b","c.tar"]'
    assert done.sources()["http://h/f"].attr("http.filename") == "f"
    tar, download = (a.action for a in done.files()[1].actions)
    assert isinstance(tar, CopyAction)
    assert isinstance(download, CopyAction)
    assert (tar.attempt_unpack, download.attempt_unpack) == (True, False)


def test_copying_everything_asks_for_everything(build: Build) -> None:
    context = build("FROM busybox\nCOPY a /\nCOPY . /\n").sources()["local://context"]
    assert context.attr("local.followpaths") == ""


def test_copy_options_reach_the_action(build: Build) -> None:
    text = (
        "FROM busybox\nWORKDIR /w\nCOPY --chown=me:7 --chmod=u+x --exclude=*.o --parents a/./b c/\n"
    )
    (action,) = build(text).files()[1].actions
    copy = action.action
    assert isinstance(copy, CopyAction)
    assert (copy.src, copy.dest, copy.mode_str) == ("/a", "/w/c/", "u+x")
    assert (copy.include_patterns, copy.required_paths) == (("b",), ("/a/b",))
    assert copy.exclude_patterns == ("*.o",)
    assert copy.owner is not None
    assert (copy.owner.user, copy.owner.group) == (NamedUser(name="me", input=0), 7)


def test_a_linked_copy_is_independent_of_its_base(build: Build) -> None:
    done = build("FROM busybox\nCOPY --link a /b\n")
    merge = done.vertices()[-1]
    assert isinstance(merge.op, MergeOp)
    copied = merge.inputs[1].vertex
    assert [i.vertex.op.identifier for i in copied.inputs] == ["local://context"]
    group = copied.metadata.progress_group
    assert group is not None
    assert group.weak
    assert merge.metadata.name == "[2/2] LINK COPY --link a /b"


def test_copied_heredocs_are_expanded_unless_quoted(build: Build) -> None:
    text = "FROM busybox\nENV V=1\nCOPY <<A <<'B' /d/\n$V \"q\"\nA\n$V\nB\n"
    actions = [f.actions[0].action for f in build(text).files()[:2]]
    assert [a.data for a in actions if isinstance(a, MkFileAction)] == [b'1 "q"\n', b"$V\n"]


def test_git_sources_keep_what_their_url_says(build: Build) -> None:
    text = "FROM scratch\nADD --keep-git-dir=true https://h/r.git?tag=v1&subdir=s /x\n"
    (source,) = build(text).sources().values()
    assert source.identifier == "git://h/r.git#refs/tags/v1:s"
    assert source.attr("git.fullurl") == "https://h/r.git"
    assert source.attr("git.keepgitdir") == "true"


@pytest.mark.parametrize(
    ("line", "phrase"),
    [
        ("COPY http://h/f /", "source can't be a URL for COPY"),
        ("COPY https://h/f.git /", "source can't be a git ref for COPY"),
        ("ADD --checksum=sha256:0 a /", "checksum requires HTTP(S) or Git sources"),
        ("ADD --checksum=sha256:0 http://a http://b /", "checksum can't be specified for multiple"),
        ("COPY --chmod=999 a /", "it should be octal string and between 0 and 07777"),
        ("COPY --chmod=wat a /", "invalid syntax"),
    ],
)
def test_copies_that_mean_nothing_are_refused(build: Build, line: str, phrase: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        build(f"FROM busybox\n{line}\n")
    assert phrase in str(caught.value)
    assert caught.value.lines == [2]


def test_config_and_history_are_written_as_buildkit_writes_them(build: Build) -> None:
    text = """FROM scratch
ENV A=1 B="x y"
LABEL l=v
EXPOSE 80 53/udp 8000-8001
VOLUME /v
USER me
HEALTHCHECK --interval=1m30s CMD curl x
ENTRYPOINT ["/e"]
CMD run it
STOPSIGNAL TERM
COPY --chown=1:2 a b /c/
"""
    done = build(text, {"label:extra": "1"})
    assert done.config["Cmd"] == ["/bin/sh", "-c", "run it"]
    assert done.config["ArgsEscaped"] is True
    assert done.config["Labels"] == {"l": "v", "extra": "1"}
    assert sorted(done.config["ExposedPorts"]) == ["53/udp", "80/tcp", "8000/tcp", "8001/tcp"]
    entries = done.conversion.results[0].config["history"]
    assert [e["created_by"] for e in entries] == [
        "ENV A=1 B=x y",
        "LABEL l=v",
        "EXPOSE [53/udp 80/tcp 8000/tcp 8001/tcp]",
        "VOLUME [/v]",
        "USER me",
        "HEALTHCHECK {Test:[CMD-SHELL curl x] Interval:1m30s Timeout:0s StartPeriod:0s "
        "StartInterval:0s Retries:0}",
        'ENTRYPOINT ["/e"]',
        'CMD ["/bin/sh" "-c" "run it"]',
        "STOPSIGNAL TERM",
        "COPY --chown=1:2 a b /c/ # buildkit",
    ]
    assert [bool(e.get("empty_layer")) for e in entries] == [True] * 9 + [False]


def test_an_entrypoint_clears_the_cmd_of_the_base_only(build: Build) -> None:
    assert "Cmd" not in build('FROM busybox\nENTRYPOINT ["e"]\n').config
    own = build('FROM busybox\nCMD ["c"]\nENTRYPOINT ["e"]\n').config
    assert own["Cmd"] == ["c"]


def test_entering_the_root_makes_no_layer(build: Build) -> None:
    done = build("FROM busybox\nWORKDIR /\n")
    assert done.files() == []
    assert done.conversion.results[0].config["history"][-1]["empty_layer"] is True


def test_an_image_without_instructions_for_files_has_no_layers(build: Build) -> None:
    assert build('FROM scratch\nCMD ["x"]\n').conversion.results[0].edge is None


def test_windows_paths_lose_their_drive(build: Build) -> None:
    done = build("FROM nano\nWORKDIR C:\\\\app\\\\x\nRUN dir\n", {"platform": "windows/amd64"})
    assert done.config["WorkingDir"] == "\\app\\x"
    (op,) = done.execs()
    assert (op.meta.cwd, op.meta.args) == ("/app/x", ("cmd", "/S", "/C", "dir"))


def test_options_of_the_build_reach_every_step(build: Build) -> None:
    attrs = {
        "add-hosts": "db=10.0.0.1",
        "shm-size": "1048576",
        "ulimit": "nofile=1024:2048",
        "hostname": "h",
        "force-network-mode": "host",
        "memory": "1000",
        "no-cache": "",
    }
    done = build("FROM busybox\nRUN x\n", attrs)
    (op,) = done.execs()
    assert (op.meta.extra_hosts[0].host, op.meta.extra_hosts[0].ip) == ("db", "10.0.0.1")
    assert (op.meta.ulimits[0].soft, op.meta.hostname) == (1024, "h")
    assert op.network is NetMode.HOST
    assert next(m for m in op.mounts if m.dest == "/dev/shm").tmpfs_size == 1 << 20
    metadata = done.vertices()[-1].metadata
    assert metadata.ignore_cache
    assert metadata.resources is not None
    assert metadata.resources.memory == 1000


def test_only_named_stages_ignore_the_cache(build: Build) -> None:
    text = "FROM busybox AS a\nRUN x\nFROM a AS b\nRUN y\n"
    done = build(text, {"no-cache": "B"})
    flags = {v.metadata.instruction: v.metadata.ignore_cache for v in done.vertices()}
    assert (flags["RUN x"], flags["RUN y"]) == (False, True)
