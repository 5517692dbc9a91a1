import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from core.emulation.architectures import ARCHITECTURES, Architecture
from core.emulation.handlers import read_registry
from core.emulation.interpreters import find_qemu
from core.emulation.machine import Means
from core.emulation.policy import Settings, probe_machine
from core.emulation.private import BINFMT_MISC
from core.emulation.programs import TESTABLE
from core.emulation.selftest import self_test
from core.emulation.system import Places, SystemScope, replay
from core.errors import EmulationError
from core.oci.platform import host_platform, parse_platform

pytestmark = pytest.mark.integration

Command = Callable[..., str]

S390X = next(one for one in ARCHITECTURES if one.qemu == "s390x")


def qemu(architecture: Architecture = S390X) -> Path:
    found = [program for program in find_qemu(architecture) if program.static]
    if not found:
        pytest.skip("no static QEMU is installed")
    return found[0].path


@pytest.mark.parametrize("one", ARCHITECTURES, ids=lambda one: one.qemu)
def test_tiny_programs_run_in_qemu_and_count(one: Architecture) -> None:
    path = qemu(one)
    with self_test() as test:
        for platform in one.platforms:
            assert test.run_with(path, platform).problem == ""
            assert test.seconds([str(path)], platform, counting=True) < 60


def test_an_interpreter_that_does_nothing_does_not_pass() -> None:
    with self_test() as test:
        trial = test.run_with(Path("/bin/true"), host_platform())
    assert trial.problem == "it ended with status 0"


def test_without_a_registry_qemu_is_put_in_front_of_programs() -> None:
    qemu()
    machine = probe_machine(None, Settings(), binfmt_misc=Path("/nowhere"))
    interpreter = machine.interpreter(parse_platform("linux/s390x"))
    if interpreter is not None and interpreter.means is Means.SYSTEM:
        pytest.skip("the machine has handlers")
    assert interpreter is not None
    assert interpreter.means is Means.WRAPPER
    assert "first program" in interpreter.title


def test_platforms_are_switched_for_this_app_without_touching_the_machine(
    viaduct: Command,
) -> None:
    qemu()
    before = read_registry(BINFMT_MISC)
    status = json.loads(viaduct("emulation", "status", "--json"))
    rows = {row["platform"]: row for row in status["architectures"]}
    assert set(rows) == set(TESTABLE)
    assert rows[str(host_platform())]["mode"] == "VERTEX_MODE_NATIVE"
    if rows["linux/s390x"].get("scope") != "app":
        pytest.skip("the machine has handlers of its own, or the kernel no private registry")
    viaduct("emulation", "disable", "linux/s390x")
    assert "viaduct-s390x" not in viaduct("emulation", "status", "--handlers")
    viaduct("daemon", "stop")
    assert "switched off" in viaduct("emulation")
    assert "viaduct-s390x" in viaduct("emulation", "enable", "linux/s390x") + viaduct(
        "emulation", "status", "--handlers"
    )
    assert "runs" in viaduct("emulation", "test", "linux/s390x")
    assert "binfmt_misc" in viaduct("emulation", "explain")
    assert read_registry(BINFMT_MISC) == before


def test_what_cannot_be_done_is_said_and_changes_nothing(viaduct: Command) -> None:
    assert "runs natively" in viaduct("emulation", "disable", str(host_platform()), status=2)
    assert "no emulation for sparc64" in viaduct("emulation", "enable", "sparc64", status=2)
    said = viaduct("emulation", "enable", "--image", "some/image:latest", "linux/arm64", status=2)
    assert "not pinned" in said


def test_the_whole_system_is_changed_survives_a_restart_and_is_put_back(
    machine_registry: Path, tmp_path: Path
) -> None:
    path = qemu()
    places = Places(configuration=tmp_path / "binfmt.d", state=tmp_path / "state")
    scope = SystemScope(places)
    if scope.is_ours(S390X):
        pytest.skip("this machine uses the handlers under test")
    before = read_registry(machine_registry)
    handler = scope.enable(S390X, path)
    assert handler.flags == "POCF"
    with self_test() as test:
        assert test.run(S390X.platforms[0]).passed
    # A restart: the kernel's handlers go, then what starts the machine reads the files.
    (machine_registry / handler.name).write_text("-1")
    assert handler.name not in os.listdir(machine_registry)
    assert replay(places, (str(places.configuration),)) == (handler.name,)
    assert handler.name in os.listdir(machine_registry)
    assert scope.undo(S390X)
    assert not scope.undo(S390X)
    assert read_registry(machine_registry) == before
    assert os.listdir(places.configuration) == []


def test_a_handler_of_ours_from_before_comes_back_with_its_file(
    machine_registry: Path, tmp_path: Path
) -> None:
    path = qemu()
    places = Places(configuration=tmp_path / "binfmt.d", state=tmp_path / "state")
    scope = SystemScope(places)
    if scope.is_ours(S390X):
        pytest.skip("this machine uses the handlers under test")
    old = S390X.handler("/bin/true")
    (machine_registry / "register").write_bytes(old.line().encode())
    places.configuration.mkdir()
    file = places.configuration / "viaduct-s390x.conf"
    file.write_text("# by hand\n")
    before = read_registry(machine_registry)
    scope.enable(S390X, path)
    assert scope.undo(S390X)
    after = read_registry(machine_registry)
    assert {(h.name, h.interpreter) for h in after.handlers} == {
        (h.name, h.interpreter) for h in before.handlers
    }
    assert file.read_text() == "# by hand\n"
    (machine_registry / old.name).write_text("-1")


def test_a_program_that_does_not_work_leaves_everything_as_it_was(
    machine_registry: Path, tmp_path: Path
) -> None:
    places = Places(configuration=tmp_path / "binfmt.d", state=tmp_path / "state")
    before = read_registry(machine_registry)
    with pytest.raises(EmulationError):
        SystemScope(places).enable(S390X, Path("/bin/true"))
    assert read_registry(machine_registry) == before
    assert not (places.configuration / "viaduct-s390x.conf").exists()


def test_handlers_that_are_there_are_found_by_who_answers(
    machine_registry: Path, tmp_path: Path
) -> None:
    path = qemu()
    handler = S390X.handler(str(path))
    (machine_registry / "register").write_bytes(handler.line().encode())
    # Where the registry cannot be seen, the running program tells.
    hidden = probe_machine(None, Settings(), binfmt_misc=Path("/nowhere"))
    interpreter = hidden.interpreter(S390X.platforms[0])
    assert not hidden.is_native(S390X.platforms[0])
    assert interpreter is not None
    assert interpreter.means is Means.SYSTEM
    assert interpreter.program == Path(os.path.realpath(path))


def test_an_ordinary_user_is_told_who_may(viaduct: Command) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may do everything")
    said = viaduct("emulation", "enable", "--system", "linux/s390x", status=3)
    assert "only root may change" in said
