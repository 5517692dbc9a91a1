"""How binfmt_misc and QEMU work, told with what this machine has at this moment."""

from __future__ import annotations

from core.emulation.architectures import architecture_of, head_of
from core.emulation.handlers import Handler, RegistryState, shown_name
from core.emulation.machine import Means
from core.emulation.problems import Weight
from core.emulation.report import PlatformState, Report
from core.oci.platform import Platform


def explain(report: Report) -> tuple[str, ...]:
    """Paragraphs of plain text."""
    machine = report.machine
    native = ", ".join(map(str, machine.native))
    paragraphs = [
        f"This machine ({report.kernel}, pages of {report.page_size >> 10} KiB) runs {native} "
        "programs natively: a test program of each was executed to find out."
    ]
    paragraphs.append(
        "A program for another processor is an ELF file like any other; what differs is a number "
        "in its header. When one is started, the kernel compares the file's first bytes with the "
        "handlers of binfmt_misc. A handler is a magic (bytes to find), a mask (which bits count) "
        "and an interpreter. On a match the kernel starts the interpreter with the program as its "
        "argument: `qemu-aarch64 program …`. QEMU translates the program's instructions to this "
        "processor's, block by block, and hands its system calls to the kernel as they are."
    )
    example = next((s for s in report.platforms if s.handler is not None), None)
    if example is not None and example.handler is not None:
        paragraphs.append(_example(example, example.handler))
    paragraphs.append(_registries(report))
    paragraphs.append(
        "The flags: F opens the interpreter when it is registered, so that containers need not "
        "have it; without F emulation works on the machine and in no container. C lets setuid "
        "programs (sudo, ping) become root. P keeps the name a program was called by, which "
        "busybox and others go by. O hands the program over as an open file."
    )
    paragraphs += [_platform(state) for state in report.platforms if not state.native]
    paragraphs.append(
        "Three ways to build for a platform: natively, on a machine of that architecture, fast; "
        "emulated, by QEMU here, simple and slow; cross, with `FROM --platform=$BUILDPLATFORM` "
        "and a compiler that makes programs for $TARGETARCH, fast, for compiled languages."
    )
    return tuple(paragraphs)


def _example(state: PlatformState, handler: Handler) -> str:
    return (
        f"For {state.platform} that is the handler {shown_name(handler.name)}: magic "
        f"{handler.magic.hex()}, mask {handler.mask.hex() or 'none'}, interpreter "
        f"{handler.interpreter}, flags {handler.flags or 'none'}. A {state.platform} program "
        f"begins with {head_of(state.platform)[: len(handler.magic)].hex()}: equal wherever the "
        "mask has ones."
    )


def _registries(report: Report) -> str:
    system = report.system
    count = len(system.handlers)
    match system.state:
        case RegistryState.ON:
            first = f"The whole system has {count} handlers in /proc/sys/fs/binfmt_misc."
        case RegistryState.OFF:
            first = f"The whole system has {count} handlers, but binfmt_misc is switched off."
        case RegistryState.NOT_MOUNTED:
            first = "The whole system has no handlers: binfmt_misc is not mounted."
        case RegistryState.ABSENT:
            first = "The whole system has no handlers: the kernel has no binfmt_misc loaded."
    if report.app is None:
        second = (
            "This kernel has one registry for everybody (Linux 6.7 and later have one for each "
            "user namespace), so only root can add handlers."
        )
    else:
        names = ", ".join(handler.name for handler in report.app.handlers) or "none now"
        second = (
            "The builder has a registry of its own in a user namespace, which needs no root and "
            f"which nobody else sees; its handlers: {names}."
        )
    return f"{first} {second}"


def _platform(state: PlatformState) -> str:
    name = str(state.platform)
    interpreter = state.interpreter
    if interpreter is not None:
        how = {
            Means.SYSTEM: "through a handler of the whole system",
            Means.PRIVATE: "through a handler of this builder alone",
            Means.WRAPPER: "put in front of each step's program, because no handler can be had",
        }[interpreter.means]
        text = f"{name}: run by {interpreter.name} ({interpreter.program}), {how}."
        if state.slow_down is not None:
            text += f" {_slow(state)}"
    elif state.off:
        text = f"{name}: switched off for this app; `viaduct emulation enable {name}` undoes that."
    else:
        text = f"{name}: does not run here."
    for problem in state.problems:
        if problem.weight is not Weight.NOTE or interpreter is None:
            text += f" {problem.message}. {problem.remedy}"
    return text


def _slow(state: PlatformState) -> str:
    slow = state.slow_down
    assert slow is not None
    if slow.steps:
        return f"In {slow.steps} steps of earlier builds it took {slow.factor:g} times as long."
    return (
        f"Measured: programs start {slow.start:g} times slower, a loop takes {slow.loop:g} times "
        f"as long; about {slow.factor:g} times for a build."
    )


def qemu_of(platform: Platform) -> str:
    """``qemu-aarch64`` for linux/arm64; "" where there is none."""
    architecture = architecture_of(platform)
    return "" if architecture is None else f"qemu-{architecture.qemu}"
