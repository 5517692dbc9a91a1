"""Containers through an OCI runtime."""

from core.executor.executor import Executor
from core.executor.request import (
    BindMount,
    ExecRequest,
    ExitStatus,
    Mount,
    Network,
    SecretMount,
    Security,
    TmpfsMount,
    Ulimit,
)
from core.executor.runtime import Runtime, find_runtime

__all__ = [
    "BindMount",
    "ExecRequest",
    "Executor",
    "ExitStatus",
    "Mount",
    "Network",
    "Runtime",
    "SecretMount",
    "Security",
    "TmpfsMount",
    "Ulimit",
    "find_runtime",
]
