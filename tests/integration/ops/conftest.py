"""The fixtures of the unit tests of operations, for those that need mounts, servers and git."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

_SOURCE = Path(__file__).parents[2] / "core" / "ops" / "conftest.py"
_SPEC = importlib.util.spec_from_file_location("ops_unit_fixtures", _SOURCE)
assert _SPEC is not None
assert _SPEC.loader is not None
_FIXTURES = importlib.util.module_from_spec(_SPEC)
sys.modules["ops_unit_fixtures"] = _FIXTURES
_SPEC.loader.exec_module(_FIXTURES)

stores = _FIXTURES.stores
build = _FIXTURES.build
step = _FIXTURES.step
