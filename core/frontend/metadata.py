"""What the vertices of a stage say about themselves."""

from __future__ import annotations

from core.dockerfile.commands import Instruction
from core.frontend.conversion import Scope
from core.frontend.stage import StageState
from core.llb.metadata import CUSTOM_NAME, Metadata, Mode, ProgressGroup
from core.oci.platform import Platform

#: Of a file that stands in the Dockerfile itself.
INLINE = Metadata(name="[internal] preparing inline document", kind="inline")
COMMAND = "com.docker.dockerfile.v1.command"


def step_metadata(
    stage: StageState,
    scope: Scope,
    name: str,
    instruction: Instruction | None,
    *,
    described: bool = False,
    runs: bool = False,
    group: ProgressGroup | None = None,
    ignores_cache: bool = False,
) -> Metadata:
    """Metadata of a step of ``stage``; without ``instruction`` it is the FROM.

    ``described`` adds the instruction's text under BuildKit's key, ``runs`` says that a program
    runs, and which build arguments it sees. Triggers of a base image stand
    where the FROM stands.
    """
    instruction = instruction or stage.from_
    code = instruction.code if instruction else ""
    description = [(CUSTOM_NAME, name)]
    if described:
        description.append((COMMAND, code))
    if runs and stage.build_args:
        description.append(("args", " ".join(dict.fromkeys(a.key for a in stage.build_args))))
    at_from = stage.in_onbuild and stage.from_ is not None
    shown = stage.from_ if at_from else instruction
    return Metadata(
        name=name,
        ignore_cache=ignores_cache,
        description=tuple(sorted(description)),
        progress_group=group,
        stage=stage.label,
        mode=mode_hint(stage.platform, scope) if runs else Mode.NONE,
        kind=instruction.name if instruction else "from",
        instruction=code,
        ranges=(shown.range,) if shown else (),
    )


def mode_hint(platform: Platform | None, scope: Scope) -> Mode:
    """How a step on ``platform`` stands to the target, as far as platforms alone tell.

    Cross is a step on the build platform for another target. A step on a foreign platform is
    called emulated; the machine may have something better.
    """
    build, target = scope.choice.build[0], scope.choice.target
    own = platform or target
    if (own.os, own.architecture) != (build.os, build.architecture):
        return Mode.EMULATED
    same = (own.os, own.architecture) == (target.os, target.architecture)
    return Mode.NATIVE if same else Mode.CROSS
