"""What is known about the projects that Dockerfiles download from.

The data, ``data/projects.json``, is a list of rows: ``project`` (host, or host/owner/repository, in
lower case), ``spellings`` (platform to the words in its file names), ``x86_only``, ``opaque`` (the
file name names no architecture), ``advice`` and ``source``. Adding a row is all it takes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """One row of the knowledge base."""

    name: str
    spellings: Mapping[str, str] = field(default_factory=dict)
    x86_only: bool = False
    opaque: bool = False
    advice: str = ""
    source: str = ""


URL = re.compile(r"(?:https?|ftp|gs|s3)://([^/\s\"'`|;)]+)(/[^\s\"'`|;)]*)?", re.IGNORECASE)


@cache
def _projects() -> Mapping[str, Project]:
    data = json.loads(files("core.lint.data").joinpath("projects.json").read_text("utf-8"))
    return MappingProxyType(
        {
            row["project"]: Project(
                name=row["project"],
                spellings=MappingProxyType(dict(row["spellings"])),
                x86_only=row["x86_only"],
                opaque=row.get("opaque", False),
                advice=row["advice"],
                source=row["source"],
            )
            for row in data["projects"]
        }
    )


def project_of(text: str) -> Project | None:
    """The known project that the first address in ``text`` downloads from."""
    match = URL.search(text)
    if match is None:
        return None
    host = match.group(1).lower().rsplit("@", 1)[-1].split(":", 1)[0]
    path = [part for part in (match.group(2) or "").lower().split("/") if part]
    for depth in range(min(len(path), 3), -1, -1):
        found = _projects().get("/".join((host, *path[:depth])))
        if found is not None:
            return found
    return _projects().get(host.removeprefix("www."))
