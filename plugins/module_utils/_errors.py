# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Every way in which a task can fail, as a type.

What a server answered becomes an :class:`ApiError` by its HTTP status (:data:`BY_STATUS`); what went wrong
before or after that has a type of its own. A message says what was tried, on what, who answered what, and
what to do about it where that is known.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")

#: Anything that looks like a JSON Web Token: servers repeat tokens in their messages.
_JWT = re.compile(r"eyJ[\w-]{5,}(?:\.[\w-]*){0,2}")
_HIDDEN = "********"
#: What a server says is shown on a terminal: nothing that steers one.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
#: A server's own words are shown up to this many characters.
_LONGEST = 1500
#: So many things that went wrong are told in one message.
TOLD = 20


def scrub(text: str) -> str:
    """Return ``text`` without anything that looks like a token, and without control characters."""
    return _CONTROL.sub("?", _JWT.sub(_HIDDEN, text))


def known(value: T | None) -> T:
    """Return ``value``, which is there whenever this is reached; for the type checker."""
    if value is None:
        raise AssertionError("a value that must be known is not")
    return value


def listed(what: str, reasons: Mapping[str, str]) -> str:
    """Return a message that tells of the first things that went wrong, name -> reason, and how many more there are."""
    told = [f"{name!r}: {reasons[name]}" for name in sorted(reasons)[:TOLD]]
    more = len(reasons) - len(told)
    return f"{what}: {'; '.join(told)}" + (f"; and {more} more" if more else "")


class AisError(Exception):
    """Something a user should read: what happened, and (``hint``) what to do."""

    hint = ""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        self.message = scrub(message)
        if hint is not None:
            self.hint = hint
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message.rstrip('.')}. {self.hint}".strip() if self.hint else self.message

    def facts(self) -> dict[str, Any]:
        """Return what a playbook may want to branch on; the ``error`` key of a failed result."""
        return {"type": type(self).__name__}


class OptionError(AisError):
    """The task asks for something impossible; nothing was sent."""


class CheckModeError(AisError):
    """A request that would change something was about to be sent in check mode: a bug of this collection."""


class Unreachable(AisError):
    """No endpoint answered, or an answer broke off."""


class Unanswered(Unreachable):
    """The request was sent and no answer came: it may or may not have been carried out."""

    hint = "It may have been carried out all the same; run the task again to find out."


class TlsRefused(Unreachable):
    """The other side's certificate is not accepted, or it does not accept ours."""


class LoginFailed(AisError):
    """The AuthN server gave no token; ``wrong`` if that is because user or password is not right."""

    wrong = False


class ProtocolError(AisError):
    """Something answered that does not speak as AIStore does."""

    hint = "Check that 'endpoint' is the address of an AIStore proxy."


class WrongCluster(AisError):
    """The cluster's uuid is not the one that ``cluster_uuid`` names."""


class Degraded(AisError):
    """An absence cannot be proven: a node is missing, or a rebalance was interrupted."""


class LocalError(AisError):
    """A file on this host cannot be read or written, or changed meanwhile."""


class BadChecksum(AisError):
    """Content is not what its checksum says: it was damaged on its way, or at rest."""


class JobFailed(AisError):
    """A job (xaction) was aborted or ended with an error."""

    #: What the result says of the job.
    state = "failed"


class JobTimeout(AisError):
    """A job was still running when ``wait_timeout`` was over."""

    state = "running"
    hint = "It goes on in the cluster; wait longer with a larger 'wait_timeout'."


class ApiError(AisError):
    """An error answer of a server.

    ``status`` is the HTTP status, ``tcode`` the server's own error type (may be empty), ``node`` the node that
    answered, ``said`` the server's words.
    """

    #: It came in AIStore's own form.
    typed = False

    def __init__(self, operation: str, status: int, said: str = "", tcode: str = "", node: str = "") -> None:
        self.operation, self.status, self.tcode, self.node = operation, status, tcode, node
        self.said = " ".join(scrub(said).split())[:_LONGEST]
        where = f" by {node}" if node else ""
        kind = f" {tcode}" if tcode else ""
        super().__init__(f"{operation}: answered{where} with HTTP {status}{kind}: {self.said or 'no explanation'}")

    def facts(self) -> dict[str, Any]:
        return {**super().facts(), "status": self.status, "tcode": self.tcode, "node": self.node}


class BadRequest(ApiError):
    """400: the server refuses, whatever the reason."""

    def __init__(self, operation: str, status: int, said: str = "", tcode: str = "", node: str = "") -> None:
        super().__init__(operation, status, said, tcode, node)
        self.hint = next((advice for words, advice in _REFUSAL_ADVICE if words in self.said), "")


class Unauthorized(ApiError):
    """401: no token, or one that does not count."""

    @property
    def hint(self) -> str:  # type: ignore[override]
        """What to do, by what the server says about the token."""
        for word, advice in _TOKEN_ADVICE:
            if word in self.said.lower():
                return advice
        return "Give a valid 'token', 'token_file' or AIS_AUTHN_TOKEN, or log in with 'username' and 'password'."


class Forbidden(ApiError):
    """403: the token does not allow this, or the bucket's access mask does not."""

    @property
    def hint(self) -> str:  # type: ignore[override]
        """What to do, by who refuses."""
        if self.tcode in ("ErrBucketAccessDenied", "ErrObjectAccessDenied"):
            return "The bucket's own 'access' property forbids it."
        if "built-in" in self.said or "administrator" in self.said:
            return "AuthN does not let anybody change its own administrator."
        return (
            "Ask the AuthN administrator for a role that grants this permission; "
            "the collection's guide 'Security' lists what each module needs."
        )


class NotFound(ApiError):
    """404: a bucket, an object, a node, a mountpath, a job."""


class NotAllowed(ApiError):
    """405: the operation does not exist for this kind of thing."""


class Conflict(ApiError):
    """409: it exists already, or something else is going on."""


class Gone(ApiError):
    """410: removed in the remote backend."""


class Throttled(ApiError):
    """429: too many requests."""

    hint = "The bucket's or backend's rate limit is reached; try later, or with a larger 'retries'."


class ServerFault(ApiError):
    """500: the server failed."""


class NotSupported(ApiError):
    """501: this combination, or this build of the server, cannot do it."""


class NotReady(ApiError):
    """502, 503: starting, stopping, electing a primary, or a node is out of reach."""

    hint = "The cluster is starting, electing a primary or misses a node; try later, or with a larger 'retries'."


class OutOfSpace(ApiError):
    """507: above the high watermark."""


#: The type of a server's error answer by its HTTP status.
BY_STATUS: Mapping[int, type[ApiError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    405: NotAllowed,
    409: Conflict,
    410: Gone,
    429: Throttled,
    500: ServerFault,
    501: NotSupported,
    502: NotReady,
    503: NotReady,
    507: OutOfSpace,
}

#: What is not plain from the server's words -> what to do.
_REFUSAL_ADVICE = (
    (
        "is a virtual directory",
        "There are, or were, objects whose names begin with this name and '/', and a target keeps the directory of them, "
        "empty or not. Use another name, or remove the empty directory from the target's mountpath.",
    ),
    (
        "failed to verify certificate",
        "The server that answered does not trust that certificate. An AuthN server trusts what SSL_CERT_FILE in its "
        "environment names; AIStore 5.0 also has AIS_AUTHN_SKIP_VERIFY_CRT=true.",
    ),
    (
        "certificate required",
        "The cluster wants client certificates, and an AuthN server has none to show: give 'urls' of a cluster where "
        "net.http.client_auth_tls does not require them.",
    ),
)
_TOKEN_ADVICE = (
    ("expired", "The token has expired: log in again ('ais auth login') or give 'username' and 'password'."),
    ("revoked", "The token was revoked: log in again ('ais auth login') or give 'username' and 'password'."),
    ("invalid credentials", "User name or password is wrong."),
    (
        "token required",
        "This cluster wants a token: give 'token', 'token_file', AIS_AUTHN_TOKEN, or 'username' and 'password'.",
    ),
    ("malformed", "The token is not a JSON Web Token: check 'token', 'token_file' and AIS_AUTHN_TOKEN."),
    ("signature", "The token was signed by another AuthN server, or its secret has changed."),
    ("not authorized", "This needs the token, or the user name and password, of an AuthN administrator."),
)


def api_error(operation: str, status: int, body: str, content_type: str = "") -> ApiError:
    """Return the typed error for a server's answer.

    ``body`` is the JSON error of AIStore (``{"tcode","message","node","status",…}``, from the body or, for HEAD,
    from the header ``Hdr-Error``), plain text, or nothing.
    """
    kind = BY_STATUS.get(status, ApiError)
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        told = None
    if isinstance(told, dict) and isinstance(told.get("message"), str):
        tcode, node = (scrub(str(told.get(name) or ""))[:100] for name in ("tcode", "node"))
        error = kind(operation, status, told["message"], tcode, node)
        error.typed = True
        return error
    if "html" in content_type.lower():
        body = "an HTML page (is this an AIStore proxy?)"
    return kind(operation, status, body)
