"""The classes of the error tree that ``core.errors`` draws."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, order=True)
class LineRange:
    """Lines ``start`` to ``end`` of a Dockerfile, 1-based, both included.

    Columns are 0-based offsets in code points; ``end_column`` is exclusive and -1 means
    "to the end of the line".
    """

    start: int
    end: int
    start_column: int = 0
    end_column: int = -1


class Error(Exception):
    """Something that somebody outside this program can act on.

    ``message`` is one sentence that names the thing, ``hint`` one sentence that says what to do,
    ``code`` is stable and can be searched for, ``ranges`` are the Dockerfile lines concerned (of
    the file called ``source_name``), ``temporary`` says that the same call may succeed later.
    ``phrase`` is BuildKit's own wording of the same thing where ours differs: ``str(error)``
    carries it in brackets so that a search for the known text still finds its way here.
    """

    code: ClassVar[str] = "error"

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        ranges: Iterable[LineRange] = (),
        source_name: str = "",
        temporary: bool = False,
        phrase: str = "",
        code: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.ranges = tuple(ranges)
        self.source_name = source_name
        self.temporary = temporary
        self.phrase = phrase
        self.instance_code = code or type(self).code

    def __str__(self) -> str:
        if self.phrase and self.phrase not in self.message:
            return f"{self.message} [{self.phrase}]"
        return self.message

    @property
    def lines(self) -> list[int]:
        """Every line number concerned, ascending, without repeats."""
        return sorted({n for r in self.ranges for n in range(r.start, r.end + 1)})


class UserInputError(Error):
    """What was asked for cannot be understood."""

    code = "input"


class DockerfileError(UserInputError):
    """The Dockerfile is wrong at ``ranges``."""

    code = "dockerfile"


class OptionError(UserInputError):
    """A flag, frontend option, platform or reference has a value that means nothing."""

    code = "option"


class NotFoundError(Error):
    """Something that was named is not there."""

    code = "not-found"


class BuildError(Error):
    """A build ran and failed."""

    code = "build"


class ExecError(BuildError):
    """A step's program ended with ``exit_code`` (128 + n when signal n ended it)."""

    code = "exec"

    def __init__(
        self,
        message: str,
        *,
        exit_code: int,
        vertex: str = "",
        out_of_memory: bool = False,
        hint: str = "",
        ranges: Iterable[LineRange] = (),
        source_name: str = "",
        phrase: str = "",
    ) -> None:
        super().__init__(message, hint=hint, ranges=ranges, source_name=source_name, phrase=phrase)
        self.exit_code = exit_code
        self.vertex = vertex
        self.out_of_memory = out_of_memory


class CancelledBuildError(BuildError):
    """Somebody cancelled the build."""

    code = "cancelled"


class RegistryError(Error):
    """A registry refused or did not answer."""

    code = "registry"


class AuthenticationError(RegistryError):
    """Credentials are missing, wrong, or lack a permission."""

    code = "registry-auth"


class StorageError(Error):
    """The disk is full or a store on it is damaged."""

    code = "storage"


class MachineError(Error):
    """This machine lacks something the builder needs."""

    code = "machine"


class EmulationError(MachineError):
    """Programs of a platform cannot be run here."""

    code = "emulation"


class BuilderError(Error):
    """A builder cannot be reached or went away."""

    code = "builder"
