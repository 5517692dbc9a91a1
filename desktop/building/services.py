"""What a build of the window lends to the builder: secrets, ssh agent, credentials."""

from __future__ import annotations

from core.client.credentials import CredentialStore
from core.client.secret_sources import parse_secret
from core.client.session import SessionServices
from core.client.ssh_agents import parse_ssh
from desktop.building.request import BuildRequest


def session_services(request: BuildRequest, credentials: CredentialStore) -> SessionServices:
    """Raises OptionError for a secret or an agent that is not understood."""
    return SessionServices(
        secrets=tuple(parse_secret(text) for text in request.secrets),
        ssh=dict(parse_ssh(text) for text in request.ssh),
        credentials=credentials,
    )
