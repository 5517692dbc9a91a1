"""The ``viaduct`` command: finds the subcommand and leaves the rest to its module.

Exit codes: 0 done; 1 the build, check or program failed; 2 the command line is wrong; 3 a builder,
registry or this machine is in the way; 130 interrupted. ``run`` and ``debug shell`` end with the
program's own code.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

COMMANDS = {
    "build": ("core.cli.build", "build an image from a Dockerfile"),
    "check": ("core.cli.check", "find architecture and other mistakes in Dockerfiles"),
    "format": ("core.cli.format", "format Dockerfiles"),
    "platforms": ("core.cli.platforms", "list the platforms of an image"),
    "images": ("core.cli.images", "list, tag, remove and make images of the local store"),
    "push": ("core.cli.push", "push an image of the local store to a registry"),
    "run": ("core.cli.run", "run a program in an image"),
    "save": ("core.cli.save", "write images to an archive"),
    "load": ("core.cli.load", "read images from an archive"),
    "history": ("core.cli.history", "list builds, show their logs"),
    "du": ("core.cli.du", "show what the build cache holds"),
    "prune": ("core.cli.prune", "make room in the build cache"),
    "emulation": ("core.cli.emulation", "see, enable, disable and test emulators"),
    "builders": ("core.cli.builders", "list builders and their platforms"),
    "daemon": ("core.cli.daemon", "start, stop and inspect the embedded builder"),
    "debug": ("core.cli.debug", "look into plans, graphs and failed steps"),
    "lsp": ("core.cli.lsp", "serve the linter to editors"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit code."""
    args = list(sys.argv[1:] if arguments is None else arguments)
    if not args or args[0] in {"-h", "--help", "help"}:
        print(_usage())
        return 0 if args else 2
    if args[0] in {"-v", "--version", "version"}:
        from core.version import VERSION

        print(f"viaduct {VERSION}")
        return 0
    name = args[0]
    if name not in COMMANDS:
        print(f"viaduct: there is no command {name!r}.", file=sys.stderr)
        print("`viaduct --help` lists them.", file=sys.stderr)
        return 2
    import importlib

    from core.cli.failures import report

    module = importlib.import_module(COMMANDS[name][0])
    try:
        return int(module.main(args[1:]))
    except BaseException as error:
        return report(error)


def _usage() -> str:
    width = max(len(name) for name in COMMANDS)
    lines = [f"  {name:<{width}}  {text}" for name, (_, text) in COMMANDS.items()]
    return "\n".join(
        (
            "Usage: viaduct COMMAND [OPTIONS]",
            "",
            *lines,
            "",
            "`viaduct COMMAND --help` tells more; `viaduct-desktop` opens the window.",
        )
    )


if __name__ == "__main__":
    sys.exit(main())
