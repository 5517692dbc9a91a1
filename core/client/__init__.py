"""Driving a builder: the embedded one, Docker's, a buildkitd, near or far.

``connect`` gives a Builder for an Endpoint; the embedded builder is started when it does not run.
Everything here works on macOS too.
"""

from core.client.builder import Build, Builder, BuildResult, connect
from core.client.endpoints import Endpoint, EndpointKind, parse_endpoint
from core.client.request import BuildRequest, CacheEntry, ExportRequest
from core.client.session import SessionServices

__all__ = [
    "Build",
    "BuildRequest",
    "BuildResult",
    "Builder",
    "CacheEntry",
    "Endpoint",
    "EndpointKind",
    "ExportRequest",
    "SessionServices",
    "connect",
    "parse_endpoint",
]
