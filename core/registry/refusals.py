"""What a registry's refusal means, in a sentence and with a way out."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
from dataclasses import dataclass
from typing import Final

import aiohttp

from core.errors import AuthenticationError, Error, NotFoundError, RegistryError
from core.oci.reference import Reference

_TEXT_LIMIT: Final = 300


class ImageNotFoundError(RegistryError, NotFoundError):
    """The registry answered that it does not have the repository, tag or blob."""

    code = "image-not-found"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is being done, for the sentence: ``action`` is "pull", "push" or "mount"."""

    action: str
    host: str
    reference: Reference
    subject: str = ""

    @property
    def image(self) -> str:
        return self.reference.familiar()

    @property
    def repository(self) -> str:
        return f"{self.reference.path} on {self.host}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The part of a response that tells why: status and the registry's own words."""

    status: int
    codes: tuple[str, ...] = ()
    text: str = ""

    @staticmethod
    def of(status: int, body: bytes) -> Answer:
        codes: list[str] = []
        texts: list[str] = []
        try:
            value = json.loads(body)
        except ValueError:
            value = None
        entries = value.get("errors") if isinstance(value, dict) else None
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict):
                codes.append(str(entry.get("code") or "").upper())
                texts.append(str(entry.get("message") or entry.get("code") or ""))
        if isinstance(value, dict) and not texts:
            details = (value.get(name) for name in ("details", "error_description", "message"))
            texts = [text for text in details if isinstance(text, str)]
        if value is None and b"<" not in body[:100]:
            texts = [body.decode(errors="replace").strip()]
        text = "; ".join(dict.fromkeys(t for t in texts if t))[:_TEXT_LIMIT]
        return Answer(status=status, codes=tuple(codes), text=text)

    @property
    def said(self) -> str:
        """The registry's words as the end of a sentence."""
        return f" ({self.text})" if self.text else ""


def refused(call: Call, answer: Answer, *, user: str | None) -> Error:
    """The error for a response that is none of those expected.

    ``user`` is who was signed in: None for nobody, empty for an identity token.
    """
    status = answer.status
    if status == 401 or (status == 403 and user is None):
        return _unauthorized(call, answer, user)
    if status == 403:
        return _denied(call, answer, user)
    if status == 404 or {"MANIFEST_UNKNOWN", "NAME_UNKNOWN", "BLOB_UNKNOWN"} & set(answer.codes):
        return not_found(call, answer)
    if status == 429:
        way = "Sign in to get a higher limit, or wait" if user is None else "Wait"
        return RegistryError(
            f"{call.host} limits how often one may {call.action}{answer.said}",
            hint=f"{way} and try again, or configure a mirror.",
            temporary=True,
            phrase="toomanyrequests",
        )
    if status >= 500:
        return RegistryError(
            f"{call.host} answered {status} to the {call.action} of {call.image}{answer.said}",
            hint="The registry has a problem of its own; try again later.",
            temporary=True,
        )
    if status in {405, 415} or "UNSUPPORTED" in answer.codes:
        return RegistryError(
            f"{call.host} does not support what the {call.action} of {call.image} needs"
            f"{answer.said}",
            hint="An old registry may want oci-mediatypes=false; a mirror cannot be pushed to.",
        )
    return RegistryError(
        f"{call.host} refused the {call.action} of {call.subject or call.image} "
        f"with status {status}{answer.said}",
    )


def _unauthorized(call: Call, answer: Answer, user: str | None) -> Error:
    if user is None:
        maybe = " or does not exist" if call.action == "pull" else ""
        return AuthenticationError(
            f"{call.host} wants you to sign in to {call.action} {call.reference.path}{maybe}"
            f"{answer.said}",
            hint=f"Sign in to {call.reference.domain}, and check the name of the image.",
            phrase="authorization failed: no basic auth credentials",
        )
    return _denied(call, answer, user)


def _denied(call: Call, answer: Answer, user: str | None) -> Error:
    who = f"the user {user}" if user else "the account signed in"
    what = "push to" if call.action == "push" else "pull from"
    return AuthenticationError(
        f"{who} may not {what} the repository {call.repository}{answer.said}",
        hint="Check the name of the repository, ask its owner for permission, or sign in as "
        "somebody else.",
        phrase="insufficient_scope: authorization failed",
    )


def wrong_credentials(host: str, user: str, answer: Answer) -> Error:
    who = f"the user {user}" if user else "the identity token"
    return AuthenticationError(
        f"{host} does not accept the credentials of {who}{answer.said}",
        hint=f"Sign in to {host} again.",
        phrase="unauthorized: incorrect username or password",
    )


def not_found(call: Call, answer: Answer) -> Error:
    if call.subject:
        return ImageNotFoundError(
            f"{call.subject} of {call.image} is not on {call.host}{answer.said}",
            phrase="not found",
        )
    return ImageNotFoundError(
        f"there is no image {call.image} on {call.host}",
        hint="Check the name and the tag.",
        phrase="not found",
    )


def unreachable(host: str, error: Exception) -> Error:
    """The error for a connection that failed for good."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError | ssl.SSLCertVerificationError):
        return RegistryError(
            f"the certificate of {host} is not trusted: {error.certificate_error}"
            if isinstance(error, aiohttp.ClientConnectorCertificateError)
            else f"the certificate of {host} is not trusted: {error}",
            hint="Add the certificate of its authority in the settings, or mark the registry as "
            "insecure.",
            phrase="x509: certificate signed by unknown authority",
        )
    if isinstance(error, aiohttp.ClientConnectorSSLError | ssl.SSLError):
        return RegistryError(
            f"{host} does not speak TLS: {error}",
            hint="Mark the registry as insecure if it is meant to speak plain http.",
            phrase="server gave HTTP response to HTTPS client",
        )
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return RegistryError(
            f"the registry {host} cannot be reached: its name is not known here",
            hint="Check the spelling, the network and the proxy settings.",
            temporary=True,
            phrase="no such host",
        )
    if isinstance(error, asyncio.TimeoutError):
        reason = "it does not answer"
    elif isinstance(error, aiohttp.ClientConnectorError):
        # The text that asyncio puts there names the address, not the reason.
        number = error.os_error.errno
        reason = (os.strerror(number) if number else str(error.os_error)).lower()
    else:
        reason = str(error) or type(error).__name__
    return RegistryError(
        f"the registry {host} cannot be reached: {reason}",
        hint="Check that it runs, its port, the network and the proxy settings.",
        temporary=True,
        phrase="connection refused" if "refused" in reason else "",
    )
