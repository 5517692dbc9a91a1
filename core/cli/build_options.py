"""The options of ``viaduct build``, in the words of ``docker buildx build``."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence

from core.cli.display import ProgressMode

_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[bkmgt]?)(?:i?b)?", re.IGNORECASE)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="viaduct build",
        description="Build an image from a Dockerfile, for as many platforms as you name.",
        epilog="Exit codes: 0 built, 1 the build failed, 2 an option is wrong, 3 the builder or "
        "a registry is in the way, 130 cancelled.",
    )
    made.add_argument("context", metavar="PATH|URL|-", nargs="?", default=".")
    add = made.add_argument
    add("-f", "--file", help="the Dockerfile (PATH/Dockerfile)")
    add("-t", "--tag", action="append", default=[], metavar="NAME[:TAG]")
    add("--platform", action="append", default=[], metavar="OS/ARCH[/VARIANT],...")
    add("--target", default="", metavar="STAGE")
    add("--build-arg", action="append", default=[], metavar="NAME[=VALUE]")
    add("--label", action="append", default=[], metavar="NAME=VALUE")
    add("--annotation", action="append", default=[], metavar="[SCOPE:]NAME=VALUE")
    add("--no-cache", action="store_true")
    add("--no-cache-filter", action="append", default=[], metavar="STAGE,...")
    add("--pull", action="store_true", help="ask registries even for images that are here")
    add("--secret", action="append", default=[], metavar="id=NAME[,src=FILE|,env=VAR]")
    add("--ssh", action="append", default=[], metavar="default|ID[=SOCKET]")
    add("--push", action="store_true", help="push to the registries of the tags")
    add("--load", action="store_true", help="into the local store, or Docker's with --builder")
    add("-o", "--output", action="append", default=[], metavar="DIR|type=TYPE,dest=PATH,...")
    add("--build-context", action="append", default=[], metavar="NAME=SOURCE")
    add("--add-host", action="append", default=[], metavar="HOST:IP")
    add("--network", default="", choices=("", "default", "none", "host"))
    add("--allow", action="append", default=[], metavar="ENTITLEMENT")
    add("-m", "--memory", default="", metavar="SIZE", help="the most that one step may use")
    add("--shm-size", default="", metavar="SIZE")
    add("--ulimit", action="append", default=[], metavar="NAME=SOFT[:HARD]")
    add("--cgroup-parent", default="", metavar="GROUP")
    add("--cache-from", action="append", default=[], metavar="REF|type=TYPE,...")
    add("--cache-to", action="append", default=[], metavar="REF|type=TYPE,...")
    add("--attest", action="append", default=[], help=argparse.SUPPRESS)
    add("--provenance", default="", help=argparse.SUPPRESS)
    add("--sbom", default="", help=argparse.SUPPRESS)
    add("--metadata-file", default="", metavar="FILE", help="write the result as JSON")
    add("--iidfile", default="", metavar="FILE", help="write the image's digest")
    add(
        "--progress",
        type=ProgressMode,
        choices=list(ProgressMode),
        default=ProgressMode(os.environ.get("BUILDKIT_PROGRESS") or "auto"),
        metavar="auto|tty|plain|rawjson|quiet",
    )
    add("-q", "--quiet", action="store_true", help="print the digest and nothing else")
    add(
        "--builder",
        default=os.environ.get("VIADUCT_BUILDER", ""),
        metavar="BUILDER",
        help="embedded (default), docker, docker-context:NAME, unix://, tcp://, ssh://HOST",
    )
    add("--detach", action="store_true", help="leave the build to the builder, print its ref")
    add("--title", default="", help="what the history calls it")
    add(
        "--call",
        choices=("build", "outline", "targets", "lint"),
        default="build",
        help="ask the frontend a question instead of building; the answer is JSON",
    )
    add("--check", action="store_true", help="run the build checks, build nothing")
    return made


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    return parser().parse_args(arguments)


def size_in_bytes(text: str) -> int | None:
    """``64m``, ``1.5g``, ``67108864``; None for what is no size."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        return None
    exponent = "bkmgt".index(match["unit"].lower() or "b")
    return int(float(match["number"]) * 1024**exponent)
