"""du, prune, history and builders, as root and as nobody."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.integration.people import Person

pytestmark = pytest.mark.integration


def answer(person: Person, *words: str) -> Any:
    done = person.viaduct(*words, "--format", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_usage_adds_up_by_kind_and_by_step(person: Person, application: Path) -> None:
    usage = answer(person, "du")
    total = sum(record["size"] for record in usage["records"])
    assert usage["total"] == total > 0
    assert sum(kind["size"] for kind in usage["kinds"]) == total
    assert sum(step["size"] for step in usage["steps"]) == total
    step = next(s for s in usage["steps"] if s["name"] == "RUN cat /note > /copy")
    assert step["platforms"] == ["linux/amd64", "linux/arm/v7", "linux/arm64"]
    text = person.viaduct("du")
    assert "RUN cat /note > /copy" in text.stdout


def test_filters_choose_records(person: Person, application: Path) -> None:
    chosen = answer(person, "du", "--filter", "description~=RUN cat /note")["records"]
    assert chosen
    assert all("RUN cat /note" in record["description"] for record in chosen)
    wrong = person.viaduct("du", "--filter", "colour==red")
    assert (wrong.returncode, "Traceback" in wrong.stderr) == (2, False)
    assert "colour" in wrong.stderr


def test_a_dry_run_removes_nothing_and_a_prune_what_it_said(
    person: Person, application: Path
) -> None:
    words = ("--filter", "description~=COPY note /note")
    before = answer(person, "du")["total"]
    preview = answer(person, "prune", "--dry-run", *words)
    assert preview["records"]
    assert answer(person, "du")["total"] == before
    refused = person.viaduct("prune", *words)
    assert refused.returncode == 2
    assert "--force" in refused.stderr
    pruned = answer(person, "prune", "--force", *words)
    assert {r["id"] for r in pruned["records"]} == {r["id"] for r in preview["records"]}
    assert answer(person, "du")["total"] < before


def test_prune_asks_on_a_terminal_and_no_is_no(person: Person, application: Path) -> None:
    before = answer(person, "du")["total"]
    ours, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            person.command("prune", "--all"),
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=person.environment,
            cwd=person.home,
        )
        with process:
            os.write(ours, b"no\n")
            assert process.wait(timeout=60) == 1
            assert process.stdout is not None
            assert b"[y/N]" in process.stdout.read()
    finally:
        os.close(ours)
        os.close(theirs)
    assert answer(person, "du")["total"] == before


def test_a_build_is_listed_shown_exported_and_comes_back(person: Person, application: Path) -> None:
    latest = answer(person, "history", "ls")[0]
    ref = latest["ref"]
    assert (latest["state"], latest["title"]) == ("done", "test/cli")
    assert person.viaduct("history", "inspect", ref[:10]).stdout.startswith(f"ref:        {ref}")
    logs = person.viaduct("history", "logs", ref)
    assert "RUN cat /note > /copy" in logs.stdout
    file = person.home / "build.viaductbuild"
    assert person.viaduct("history", "export", ref, "-o", str(file)).returncode == 0
    taken = person.viaduct("history", "import", str(file))
    assert (taken.returncode, "already" in taken.stderr) == (2, True)
    assert person.viaduct("history", "rm", ref).returncode == 0
    assert person.viaduct("history", "inspect", ref).returncode == 1
    imported = person.viaduct("history", "import", str(file))
    assert imported.returncode == 0, imported.stderr
    again = answer(person, "history", "inspect", ref)
    assert again["pinned"] is True
    assert again["dockerfile"] == (application / "Dockerfile").read_text()
    assert person.viaduct("history", "logs", ref).stdout == logs.stdout
    assert person.viaduct("history", "rm", ref).returncode == 0


def test_a_rebuild_has_the_same_result(person: Person, application: Path) -> None:
    ref = answer(person, "history", "ls")[0]["ref"]
    before = answer(person, "platforms", "test/cli")
    printed = person.viaduct("history", "rebuild", ref, "--print").stdout
    assert printed.startswith("viaduct build ")
    assert str(application) in printed
    rebuilt = person.viaduct("history", "rebuild", ref, "--", "--progress=quiet")
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert answer(person, "history", "ls")[0]["ref"] != ref
    assert answer(person, "platforms", "test/cli") == before


def test_a_failed_build_tells_its_line_in_the_history(person: Person, application: Path) -> None:
    (application / "Dockerfile").write_text("FROM busybox\nRUN exit 7\n")
    assert person.viaduct("build", "--progress=quiet", str(application)).returncode == 1
    shown = person.viaduct("history", "inspect")
    assert "Dockerfile:2" in shown.stdout
    assert "exit code: 7" in shown.stdout
    failure = answer(person, "history", "inspect")["failure"]
    assert failure["lines"] == [2]


def test_builders_are_added_chosen_used_and_removed(person: Person, application: Path) -> None:
    socket = person.home / "run" / "viaduct" / "engine.sock"
    assert person.viaduct("builders", "add", "other", f"unix://{socket}", "--use").returncode == 0
    try:
        listed = {b["name"]: b for b in answer(person, "builders", "ls")}
        assert listed["other"]["chosen"]
        assert not listed["embedded"]["chosen"]
        assert "linux/arm64" in listed["other"]["platforms"]
        # Whatever does not name a builder uses it: its usage is that of the engine behind it.
        assert (
            answer(person, "du")["total"] == answer(person, "du", "--builder", "embedded")["total"]
        )
        inspected = answer(person, "builders", "inspect", "other")
        assert inspected["endpoint"] == f"unix://{socket}"
        taken = person.viaduct("builders", "add", "other", "tcp://x:1")
        assert (taken.returncode, "already" in taken.stderr) == (2, True)
    finally:
        assert person.viaduct("builders", "rm", "other").returncode == 0
    assert {b["name"]: b["chosen"] for b in answer(person, "builders")}["embedded"]


def test_a_builder_that_is_away_is_named(person: Person) -> None:
    away = person.viaduct("builders", "inspect", "tcp://127.0.0.1:1")
    assert away.returncode == 3
    assert "127.0.0.1:1" in away.stderr
    assert "Traceback" not in away.stderr
    assert person.viaduct("builders", "use", "nobody").returncode == 2


@pytest.mark.parametrize(
    "command",
    ["format", "platforms", "push", "save", "load", "du", "prune", "history", "builders", "debug"],
)
def test_help_explains_quickly(me: Person, command: str) -> None:
    spent = []
    for _ in range(3):
        began = os.times().children_user
        shown = me.viaduct(command, "--help")
        spent.append(os.times().children_user - began)
        assert shown.returncode == 0
        assert "Exit codes:" in shown.stdout
    # Processor time, not the clock's: the machine may be busy with something else.
    assert min(spent) < 0.3
