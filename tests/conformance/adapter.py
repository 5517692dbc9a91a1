"""What the scorer loads: the functions of all suites in one module."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

for _name in ("adapter_language", "adapter_frontend"):
    _path = Path(__file__).with_name(f"{_name}.py")
    if _path.exists():
        _spec = importlib.util.spec_from_file_location(_name, _path)
        assert _spec is not None
        assert _spec.loader is not None
        _module = importlib.util.module_from_spec(_spec)
        sys.modules[_name] = _module
        _spec.loader.exec_module(_module)
        globals().update({k: v for k, v in vars(_module).items() if callable(v) and k[0] != "_"})
