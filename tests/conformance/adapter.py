"""What the scorer loads: the functions of all suites in one module."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path


def _functions(name: str) -> dict[str, object]:
    """The public functions of the module of that name beside this file."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return {
        key: value
        for key, value in vars(module).items()
        if callable(value) and getattr(value, "__module__", "") == name and key[0] != "_"
    }


globals().update(_functions("adapter_language"))
globals().update(_functions("adapter_frontend"))
