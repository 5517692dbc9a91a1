"""What can go wrong, as somebody outside this program can act on it.

The tree::

    Error
    ├── UserInputError            what was asked for cannot be understood
    │   ├── DockerfileError       the Dockerfile, at a range of lines
    │   └── OptionError           a flag, a frontend option, a platform, a reference
    ├── NotFoundError             a file, image, stage, blob, builder, record that is not there
    ├── BuildError                a build that ran and failed
    │   ├── ExecError             a step's program ended with a status other than 0
    │   └── CancelledBuildError   somebody cancelled it
    ├── RegistryError             a registry refused or did not answer
    │   └── AuthenticationError   credentials are missing, wrong or lack a permission
    ├── StorageError              disk full, a store that is damaged
    ├── MachineError              this machine lacks a runtime, subordinate ids, a kernel feature
    │   └── EmulationError        a platform cannot be run here
    └── BuilderError              a builder (daemon, socket, session) cannot be reached or went away

Anything raised that is not an ``Error`` is a bug of ours and keeps its traceback.
"""

from core.errors.tree import (
    AuthenticationError,
    BuilderError,
    BuildError,
    CancelledBuildError,
    DockerfileError,
    EmulationError,
    Error,
    ExecError,
    LineRange,
    MachineError,
    NotFoundError,
    OptionError,
    RegistryError,
    StorageError,
    UserInputError,
)

__all__ = [
    "AuthenticationError",
    "BuildError",
    "BuilderError",
    "CancelledBuildError",
    "DockerfileError",
    "EmulationError",
    "Error",
    "ExecError",
    "LineRange",
    "MachineError",
    "NotFoundError",
    "OptionError",
    "RegistryError",
    "StorageError",
    "UserInputError",
]
