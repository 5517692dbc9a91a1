"""Write ``core/wire/pb`` from ``core/wire/proto``: ``python -m core.wire.generate``.

Needs grpcio-tools (the ``dev`` extra). What it writes is committed, so that an installation needs
no compiler. The files are compiled under the path that Python imports them from.
"""

from __future__ import annotations

import sys
from importlib import resources
from pathlib import Path


def main() -> int:
    """Compile every ``.proto`` file; the compiler's exit status."""
    from grpc_tools import protoc

    here = Path(__file__).resolve().parent
    root = here.parent.parent
    out = here / "pb"
    out.mkdir(exist_ok=True)
    (out / "__init__.py").touch()
    names = sorted(path.name for path in (here / "proto").glob("*.proto"))
    well_known = resources.files("grpc_tools") / "_proto"
    return int(
        protoc.main(
            [
                "protoc",
                f"-Icore/wire/pb={here / 'proto'}",
                f"-I{well_known}",
                f"--python_out={root}",
                f"--pyi_out={root}",
                *(f"core/wire/pb/{name}" for name in names),
            ]
        )
    )


if __name__ == "__main__":
    sys.exit(main())
