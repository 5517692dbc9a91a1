"""Typed instructions and stages."""

from __future__ import annotations

import pytest

from core.dockerfile.commands import Add, Copy, Env, Healthcheck, OnBuild, Run, SourceContent
from core.dockerfile.expand import expand_word
from core.dockerfile.expanded import expand_contents, expand_instruction
from core.dockerfile.instructions import instructions, parse_single
from core.dockerfile.mounts import Mount, MountType, Sharing, parse_device, parse_mount
from core.dockerfile.parser import parse
from core.dockerfile.suggest import suggest
from core.errors import DockerfileError


def single(text: str) -> object:
    return parse_single(parse(text).nodes[0])


def test_stages_take_the_commands_that_follow_their_from() -> None:
    program = instructions(
        parse("ARG V=1\n# base the base\nFROM a AS Base\nRUN x\nFROM --platform=$P base\nRUN y\n")
    )
    assert [str(arg) for arg in program.meta_args[0].args] == ["V=1"]
    first, second = program.stages
    assert (first.name, first.base_name, first.doc, first.index) == ("base", "a", "the base", 0)
    assert (second.platform, second.base_name) == ("$P", "base")
    assert second.range.start == 5
    assert program.find_stage("BASE") is first
    assert [i.name for i in program.instructions()] == ["arg", "from", "run", "from", "run"]


def test_a_lenient_program_keeps_what_can_be_typed() -> None:
    program = instructions(
        parse("RUN x\nFROM a\nCOPY b\nFNV a=b\nRUN y\nENV z\n", lenient=True), lenient=True
    )
    assert [len(stage.commands) for stage in program.stages] == [1]
    assert sorted(error.lines[0] for error in program.errors) == [1, 3, 4, 6]


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("FNTRYPOINT a", "unknown instruction: FNTRYPOINT (did you mean ENTRYPOINT?)"),
        ("FROM a b", "FROM requires either one or three arguments"),
        ("FROM a AS 1b", 'invalid name for build stage: "1b"'),
        ("COPY --form=x a b", "unknown flag: --form (did you mean from?)"),
        ("COPY --link --link a b", "duplicate flag specified: --link"),
        ("COPY --link=x a b", "expecting boolean value for flag --link, not: x"),
        ("COPY --link= a b", "missing a value on flag: --link"),
        ("COPY --from a b", "missing a value on flag: --from"),
        ("COPY a <<E\nE", "COPY cannot accept a heredoc as a destination"),
        ("RUN --network=x y", 'invalid network mode "x"'),
        ("RUN --security=x y", 'security "x" is not valid'),
        ("RUN --mount=from=$x y", "'from' doesn't support variable expansion"),
        ('RUN --mount=a"b y', "arg"),
        ("HEALTHCHECK NONE x", "HEALTHCHECK NONE takes no arguments"),
        ("HEALTHCHECK x", 'Unknown type "X" in HEALTHCHECK (try CMD)'),
        ("HEALTHCHECK CMD", "Missing command after HEALTHCHECK CMD"),
        ("HEALTHCHECK --interval=5 CMD a", 'time: missing unit in duration "5"'),
        ("HEALTHCHECK --interval=5us CMD a", 'Interval "interval" cannot be less than 1ms'),
        ("HEALTHCHECK --retries=-1 CMD a", "--retries cannot be negative (-1)"),
        ("HEALTHCHECK --retries=x CMD a", 'strconv.ParseInt: parsing "x": invalid syntax'),
        ("ONBUILD FROM a", "FROM isn't allowed as an ONBUILD trigger"),
        ("ARG =x", "ARG names can not be blank"),
        ("SHELL a", "SHELL requires the arguments to be in JSON form"),
        ('VOLUME [" "]', "VOLUME specified can not be an empty string"),
        ("USER a\\\n", ""),
        ("ENV", "ENV requires at least one argument"),
    ],
)
def test_what_cannot_be_is_refused_in_our_words_and_in_buildkits(text: str, phrase: str) -> None:
    if phrase in ("", "arg"):
        single(text)
        return
    with pytest.raises(DockerfileError) as caught:
        single(text)
    assert phrase in str(caught.value)
    assert caught.value.lines[0] == 1


def test_a_health_check_reads_its_times() -> None:
    check = single("HEALTHCHECK --interval=1m30.5s --timeout=-0 --retries=3 CMD a b")
    assert isinstance(check, Healthcheck)
    assert (check.interval, check.timeout, check.retries) == (90_500_000_000, 0, 3)
    assert check.test == ("CMD-SHELL", "a b")


def test_onbuild_keeps_the_bodies_of_its_heredocs() -> None:
    trigger = single("onbuild  RUN <<E\nx\nE\n")
    assert isinstance(trigger, OnBuild)
    assert trigger.expression == "RUN <<E\nx\nE"
    assert parse(trigger.expression).nodes[0].heredocs[0].content == "x\n"


def test_copy_tells_files_from_here_documents() -> None:
    copy = single("COPY --exclude=a --exclude=b <<-E f /d\n\t$x\nE\n")
    assert isinstance(copy, Copy)
    assert copy.sources == ("f",)
    assert copy.contents == (SourceContent(path="E", content="$x\n", expand=True),)
    assert copy.excludes == ("a", "b")
    env = {"x": "1"}
    (content,) = expand_contents(copy, lambda text: expand_word(text, env, keep_quotes=True).text)
    assert content.content == "1\n"


def test_each_instruction_expands_its_own_fields() -> None:
    env = {"x": "1"}

    def expand(word: str) -> str:
        return expand_word(word, env).text

    add = single("ADD --checksum=$x --chown=$x --keep-git-dir=false $x/a $x")
    assert isinstance(add, Add)
    expanded = expand_instruction(add, expand)
    assert (expanded.checksum, expanded.chown, expanded.sources) == ("1", "1", ("1/a",))
    assert add.keep_git_dir is False
    assert add.unpack is None
    pairs = single('ENV a=$x b="$x y"')
    assert isinstance(pairs, Env)
    assert [p.value for p in expand_instruction(pairs, expand).pairs] == ["1", "1 y"]
    run = single("RUN --mount=type=cache,target=/$x echo $x")
    assert isinstance(run, Run)
    assert expand_instruction(run, expand) == run
    assert parse_mount(run.mounts[0], expand).target == "/1"


def test_mounts_know_their_types() -> None:
    assert parse_mount("target=/a", str) == Mount(target="/a")
    cache = parse_mount("type=cache,dst=/a,sharing=LOCKED,mode=0700,uid=5", str)
    assert cache == Mount(
        type=MountType.CACHE,
        target="/a",
        read_only=False,
        sharing=Sharing.LOCKED,
        mode=0o700,
        uid=5,
    )
    assert parse_mount("type=tmpfs,size=1.5k", str).size == 1536
    assert parse_mount('type=secret,"id=a,b",env=', str).env == ""


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("type=bnd", 'unsupported mount type "bnd" (did you mean bind?)'),
        ("size=1", "unexpected key 'size' for mount type 'bind'"),
        ("type=tmpfs,size=x", "invalid value for size: x"),
        ("type=secret", "invalid secret mount. one of source, target required"),
        ("type=secret,id=a,src=b", "both source and id can't be set"),
        ("type=ssh,sharing=shared", "invalid cache sharing set for ssh mount"),
        ("mode=8", "invalid value 8 for mode"),
        ("uid=1", 'uid not allowed for "bind" type mounts'),
        ("targt=1", "unexpected key 'targt' in 'targt=1' (did you mean target?)"),
        ("target", "invalid field 'target' must be a key=value pair"),
        ("", "failed to parse csv mounts: EOF"),
        ('a"b', 'parse error on line 1, column 2: bare " in non-quoted field'),
        ('"a"b', 'extraneous or missing " in quoted-field'),
    ],
)
def test_a_mount_that_means_nothing_is_refused(text: str, phrase: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        parse_mount(text, str)
    assert phrase in str(caught.value)


def test_a_device_has_a_name_and_may_be_required() -> None:
    assert parse_device("a.com/b=c,required").required
    assert parse_device("name=x,required=0").name == "x"


def test_a_suggestion_is_near_and_takes_the_case_of_the_word() -> None:
    assert suggest("rnu", ["RUN", "USER"], case_sensitive=False) == "run"
    assert suggest("RUN", ["RUN", "ARG"]) == ""
    assert suggest("entirely", ["RUN"]) == ""
