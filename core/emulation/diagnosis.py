"""Why a step failed, when its platform is the reason.

From the end of the step's output, its status and the program's own header: a format that the
machine cannot execute, a crash of the emulator, a system call it lacks, a missing loader.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.emulation.machine import Interpreter, Machine, Means
from core.linux.rooted import open_in_root
from core.oci.elf import HEADER_SIZE, is_elf, platform_of
from core.oci.platform import Platform

_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SIGNALS = {
    4: "illegal instruction",
    5: "trap",
    6: "abort",
    7: "bus error",
    8: "floating point exception",
    11: "segmentation fault",
}
_FORMAT_ERROR = re.compile(
    rb"(?:^|[\s:'\"`])(/?[\w./+@-]+?)['\"`]?:"
    rb"(?: cannot execute(?: binary file)?:)? exec format error",
    re.IGNORECASE | re.MULTILINE,
)
_CRASH = re.compile(rb"qemu: uncaught target signal (\d+)")
_SYSCALL = re.compile(rb"qemu: Unsupported syscall: (\d+)|Unsupported (?:setsockopt|ioctl)[^\n]*")
_LOADER = re.compile(rb"qemu-\w+(?:-static)?: Could not open '([^']+)'")
# What shells say that take a program of another machine for a script of their own.
_AS_SCRIPT = re.compile(
    rb"^(?:(?:/bin/)?(?:sh|bash|ash|dash): )?([\w./+@-]+): "
    rb"(?:line )?\d+: (?:[^\n]*ELF[^\n]*|[Ss]yntax error[^\n]*)",
    re.MULTILINE,
)
_NOT_FOUND = re.compile(
    rb"(?:^|[\s:'\"`])(/?[\w./+@-]+)['\"`]?: (?:\S+: bad interpreter: )?"
    rb"(?:no such file or directory|not found)",
    re.IGNORECASE | re.MULTILINE,
)
_NO_FUNCTION = re.compile(rb"^.*(?:Function not implemented|ENOSYS).*$", re.MULTILINE)
_STATUSES = {132: 4, 133: 5, 134: 6, 135: 7, 136: 8, 139: 11}


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A step that ended badly. ``output`` is the end of what it wrote."""

    root: Path
    args: Sequence[str]
    env: Sequence[str]
    cwd: str
    platform: Platform
    code: int
    output: bytes
    start_failure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One sentence on the cause and one on the way out; ``code`` is stable."""

    code: str
    message: str
    hint: str


def explain_failure(failure: Failure, machine: Machine) -> Explanation | None:
    """The cause, if it has to do with platforms; None for an ordinary failure. Reads files."""
    interpreter = machine.interpreter(failure.platform)
    for explain in (
        _format_error, _taken_for_script, _crash, _missing_loader, _not_found, _missing_call,
    ):  # fmt: skip
        found = explain(failure, machine, interpreter)
        if found is not None:
            return found
    return None


def _format_error(
    failure: Failure, machine: Machine, interpreter: Interpreter | None
) -> Explanation | None:
    if "exec format error" in failure.start_failure.lower():
        program = _find_program(failure, failure.args[0])
    else:
        match = _last(_FORMAT_ERROR, failure.output)
        if match is None:
            return None
        program = _find_program(failure, os.fsdecode(match[1]))
    head = _head(failure.root, program)
    if head and not is_elf(head):
        if head.startswith(b"#!"):
            return _format_error_of_script(failure, machine, program, head)
        return Explanation(
            code="no-interpreter-line",
            message=f"{program} is no program: it has no #! line that names its interpreter",
            hint=f"Begin {program} with a line such as #!/bin/sh, or run it with a shell.",
        )
    file_platform = platform_of(head) if head else None
    return _wrong_format(failure.platform, file_platform, program, machine, interpreter)


def _format_error_of_script(
    failure: Failure, machine: Machine, program: str, head: bytes
) -> Explanation:
    words = os.fsdecode(head[2:].partition(b"\n")[0]).split()
    shell = words[0] if words else ""
    found = platform_of(_head(failure.root, shell))
    interpreter = machine.interpreter(failure.platform)
    return _wrong_format(failure.platform, found, shell or program, machine, interpreter)


def _wrong_format(
    wanted: Platform,
    found: Platform | None,
    program: str,
    machine: Machine,
    interpreter: Interpreter | None,
) -> Explanation:
    if found is None:
        message = f"{program} is in a format that cannot be executed for {wanted}"
    else:
        message = f"{program} is a program for {found}, which cannot be executed here"
    if found is not None and found.architecture != wanted.architecture:
        hint = (
            f"Take the {wanted} build of it: check its download URL, or the platform of the "
            "image or stage that it was copied from."
        )
        if machine.interpreter(found) is not None:
            hint += (
                f" If it is meant to be emulated inside a {wanted} step: `viaduct emulation enable "
                f"--system {found}`."
            )
        return Explanation(
            code="wrong-architecture",
            message=f"{message}: the step is for {wanted}",
            hint=hint,
        )
    if interpreter is not None and interpreter.means is Means.WRAPPER:
        return Explanation(
            code="wrapped-child",
            message=f"{message}; without a handler only a step's first program is emulated",
            hint=f"Run `viaduct emulation enable --system {wanted}` to emulate all of them.",
        )
    return Explanation(
        code="no-emulation",
        message=message,
        hint=f"Enable emulation with `viaduct emulation enable {wanted}` "
        "(QEMU: `apt install qemu-user-static`), or build on a machine of that architecture.",
    )


def _crash(
    failure: Failure, machine: Machine, interpreter: Interpreter | None
) -> Explanation | None:
    match = _last(_CRASH, failure.output)
    number = int(match[1]) if match else _STATUSES.get(failure.code, 0)
    if match is None and (interpreter is None or not number):
        return None
    name = interpreter.name if interpreter is not None else "QEMU"
    signal = _SIGNALS.get(number, f"signal {number}")
    return Explanation(
        code="emulator-crash",
        message=f"A {failure.platform} program crashed under emulation by {name} ({signal})",
        hint="Emulation has limits: use a newer QEMU, or let the step run natively and "
        "cross-compile (FROM --platform=$BUILDPLATFORM).",
    )


def _taken_for_script(
    failure: Failure, machine: Machine, interpreter: Interpreter | None
) -> Explanation | None:
    """Shells try a file that the kernel refuses as a script of their own."""
    match = _last(_AS_SCRIPT, failure.output)
    if match is None:
        return None
    program = _find_program(failure, os.fsdecode(match[1]))
    found = platform_of(_head(failure.root, program))
    if found is None:
        return None
    wrapped = interpreter is not None and interpreter.means is Means.WRAPPER
    if found.architecture == failure.platform.architecture and machine.runs(found) and not wrapped:
        # The shell itself speaks of a script.
        return None
    return _wrong_format(failure.platform, found, program, machine, interpreter)


def _not_found(
    failure: Failure, machine: Machine, interpreter: Interpreter | None
) -> Explanation | None:
    """A file that is there and is "not found": what it needs to be started is missing."""
    if failure.code not in (126, 127) and not failure.start_failure:
        return None
    said = failure.start_failure.encode() + b"\n" + failure.output
    for match in reversed(list(_NOT_FOUND.finditer(said))):
        program = _find_program(failure, os.fsdecode(match[1]))
        head = _head(failure.root, program)
        if head.startswith(b"#!"):
            return _no_script_interpreter(failure, program, head)
        found = platform_of(head) if head else None
        if found is not None and found.architecture != failure.platform.architecture:
            return _wrong_format(failure.platform, found, program, machine, interpreter)
        if found is not None:
            return Explanation(
                code="missing-loader",
                message=f"{program} is there, but the loader that it names is not in the image",
                hint="The program was built for another C library than the image's (glibc or "
                "musl): take the matching download or a static build.",
            )
    return None


def _no_script_interpreter(failure: Failure, program: str, head: bytes) -> Explanation | None:
    line = head[2:].partition(b"\n")[0]
    if line.endswith(b"\r"):
        return Explanation(
            code="carriage-return",
            message=f"The lines of {program} end with a carriage return (CRLF), so the kernel "
            f"looks for a program named {os.fsdecode(line.strip().split()[0])}\\r",
            hint="Save the file with LF line ends, or add `*.sh text eol=lf` to .gitattributes.",
        )
    words = os.fsdecode(line).split()
    if words and not _head(failure.root, words[0]):
        return Explanation(
            code="no-script-interpreter",
            message=f"{program} names the interpreter {words[0]}, which is not in the image",
            hint=f"Install it, or name one that is there in the first line of {program}.",
        )
    return None


def _missing_loader(
    failure: Failure, machine: Machine, interpreter: Interpreter | None
) -> Explanation | None:
    match = _last(_LOADER, failure.output)
    if match is None:
        return None
    loader = os.fsdecode(match[1])
    return Explanation(
        code="missing-loader",
        message=f"A program needs the loader {loader}, which the image does not have",
        hint="The program was built for another C library or architecture than the image: take "
        "the matching download or a static build.",
    )


def _missing_call(
    failure: Failure, machine: Machine, interpreter: Interpreter | None
) -> Explanation | None:
    match = _last(_SYSCALL, failure.output)
    name = interpreter.name if interpreter is not None else "QEMU"
    if match is None:
        refused = _last(_NO_FUNCTION, failure.output) if interpreter is not None else None
        if refused is None:
            return None
        what = f'something ("{os.fsdecode(refused[0]).strip()[:120]}")'
    else:
        what = f"system call {int(match[1])}" if match[1] else os.fsdecode(match[0])
    return Explanation(
        code="missing-system-call",
        message=f"The emulator {name} does not know {what}, which the step's program needs",
        hint="Use a newer QEMU, or let the step run natively and cross-compile "
        "(FROM --platform=$BUILDPLATFORM).",
    )


def _last(pattern: re.Pattern[bytes], output: bytes) -> re.Match[bytes] | None:
    found = None
    for match in pattern.finditer(output):
        found = match
    return found


def _find_program(failure: Failure, name: str) -> str:
    if "/" in name:
        return posixpath.join(failure.cwd or "/", name)
    path = _DEFAULT_PATH
    for item in failure.env:
        if item.startswith("PATH="):
            path = item.removeprefix("PATH=")
    for directory in path.split(":"):
        candidate = posixpath.join(failure.cwd or "/", directory, name)
        if _head(failure.root, candidate):
            return candidate
    return name


def _head(root: Path, path: str) -> bytes:
    """The first bytes of a file inside ``root``; none when it cannot be read."""
    try:
        base = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        fd = open_in_root(base, os.fsencode(path), os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return b""
    finally:
        os.close(base)
    try:
        return os.read(fd, max(HEADER_SIZE, 256))
    except OSError:
        return b""
    finally:
        os.close(fd)
