"""Find the OCI runtime that works on this machine by running a container with each.

crun is four times as fast as runc but refuses machines with both versions of control groups,
unless /sys/fs/cgroup is covered (``core.daemon.namespace``); runc cannot do without them.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.emulation.programs import EXIT_STATUS, tiny_program
from core.errors import MachineError
from core.executor.request import ExecRequest
from core.executor.spec import base_mounts, runtime_spec
from core.executor.users import User
from core.oci.platform import host_platform

_TIMEOUT = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """A runtime that ran a container here.

    ``seccomp``: it can filter system calls. ``filter`` is the default profile as crun compiled
    it once, in base64: passed along, it saves 12 ms a container.
    """

    name: str
    path: str
    version: str
    seccomp: bool
    filter: str = field(default="", repr=False)

    def command(self, state: Path, bundle: Path, container: str) -> list[str]:
        """The command that runs ``bundle`` in the foreground; complaints go to ``bundle/log``."""
        options = ["--bundle", str(bundle), "--pid-file", str(bundle / "pid")]
        return [*self.base_command(state, bundle), "run", *options, container]

    def base_command(self, state: Path, bundle: Path) -> list[str]:
        options = [self.path, "--root", str(state), "--log", str(bundle / "log")]
        if self.name == "crun":
            return [*options, "--cgroup-manager=disabled"]
        return [*options, "--log-format", "text"]


def find_runtime(*, in_user_namespace: bool) -> Runtime:
    """The first of crun and runc that runs a program here.

    Takes about 50 ms. Raises MachineError naming what each said.
    """
    complaints = []
    for name in ("crun", "runc"):
        path = shutil.which(name)
        if path is None:
            continue
        version = _version(path)
        features = version.lower()
        runtime = Runtime(
            name=name,
            path=path,
            version=version.splitlines()[0].rpartition(" ")[2] if version else "",
            seccomp="+seccomp" in features or "libseccomp" in features,
        )
        with tempfile.TemporaryDirectory(prefix="viaduct-probe-") as directory:
            try:
                return _tried(runtime, Path(directory), in_user_namespace=in_user_namespace)
            except MachineError as error:
                complaints.append(f"{name}: {error}")
    if not complaints:
        raise MachineError(
            "No OCI runtime is installed: neither crun nor runc was found on PATH.",
            hint="Install one, for example with `apt install crun` or `dnf install crun`.",
        )
    raise MachineError(
        "No OCI runtime can start a container here. " + "; ".join(complaints),
        hint="Inside a container, start it with --privileged; on the host, try the other runtime "
        "(crun, runc).",
    )


def _version(path: str) -> str:
    try:
        done = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def _tried(runtime: Runtime, bundle: Path, *, in_user_namespace: bool) -> Runtime:
    """Run the smallest program; the runtime, with its compiled filter if it shows one."""
    program = tiny_program(host_platform())
    if program is None:
        return runtime
    root = bundle / "root"
    root.mkdir()
    (root / "probe").write_bytes(program)
    (root / "probe").chmod(0o755)
    request = ExecRequest(args=("/probe",), root=root)
    spec = runtime_spec(
        request,
        args=request.args,
        user=User(uid=0, gid=0),
        mounts=base_mounts(request, in_user_namespace=in_user_namespace),
        in_user_namespace=in_user_namespace,
        seccomp=runtime.seccomp,
    )
    (bundle / "config.json").write_text(json.dumps(spec))
    state = bundle / "state"
    container = f"probe-{os.getpid()}"
    if runtime.name == "crun" and runtime.seccomp:
        base = runtime.base_command(state, bundle)
        _call([*base, "create", "--bundle", str(bundle), container], bundle)
        try:
            compiled = (state / container / "seccomp.bpf").read_bytes()
            runtime = replace(runtime, filter=base64.b64encode(compiled).decode())
            spec["annotations"] = filter_annotation(runtime.filter)
            (bundle / "config.json").write_text(json.dumps(spec))
        except OSError:
            # This version keeps it elsewhere: it compiles the profile for every container.
            pass
        finally:
            _call([*base, "delete", "--force", container], bundle)
    _call(runtime.command(state, bundle, container), bundle, expected=EXIT_STATUS)
    return runtime


def filter_annotation(compiled: str) -> dict[str, str]:
    """crun(1): a filter that is used instead of compiling ``linux.seccomp``."""
    return {"run.oci.seccomp_bpf_data": compiled}


def _call(command: list[str], bundle: Path, *, expected: int = 0) -> None:
    try:
        # No pipes: a container that was created keeps them open.
        with (bundle / "output").open("wb") as output:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=_TIMEOUT,
                check=False,
            )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MachineError(str(error)) from error
    if done.returncode != expected:
        said = (bundle / "output").read_text(errors="replace").strip()
        raise MachineError(read_log(bundle) or said or f"exit status {done.returncode}")


def read_log(bundle: Path) -> str:
    """The runtime's last complaint in ``bundle/log``, without time and level."""
    try:
        lines = (bundle / "log").read_text(errors="replace").strip().splitlines()
    except OSError:
        return ""
    for line in reversed(lines):
        text = line.strip()
        if text.startswith("time="):
            # logrus: time="..." level=error msg="..."
            level = text.partition("level=")[2].partition(" ")[0]
            if level not in ("error", "fatal"):
                continue
            text = text.partition("msg=")[2].strip()
            return json.loads(text) if text.startswith('"') else text
        # crun: 2026-11-23T22:00:00.000000Z: sentence
        stamp, _, rest = text.partition(": ")
        return rest if stamp[:4].isdigit() and rest else text
    return ""
