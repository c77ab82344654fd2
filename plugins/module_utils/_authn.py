# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The AuthN server: logging in there, and speaking with it as with a cluster."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from ansible_collections.community.aistore.plugins.module_utils import _client
from ansible_collections.community.aistore.plugins.module_utils._client import Client, Connection
from ansible_collections.community.aistore.plugins.module_utils._errors import (
    AisError,
    LoginFailed,
    NotFound,
    OptionError,
    Unauthorized,
)

DEFAULT_URL = "http://localhost:52001"


class AuthN(Client):
    """Speaks with the AuthN server of ``connection``: the same retries, token and errors as with a cluster.

    Every refusal of this server is a 401. It redirects nowhere, and ``cluster_uuid`` means nothing to it.
    """

    option, server, service = "authn_url", "an AuthN server", "the AuthN server"

    def __init__(self, connection: Connection, **options: Any) -> None:
        #: How to reach the cluster, for the little that AuthN does not know.
        self.cluster_connection = connection
        super().__init__(replace(connection, endpoints=(connection.authn_url,), cluster_uuid=""), **options)

    def find(self, kind: str, name: str) -> dict[str, Any] | None:
        """Return the one of ``users`` or ``roles`` that is called ``name``, or None."""
        try:
            found = self.get_json(path(kind, name), what=f"read {kind[:-1]} {name}")
        except NotFound:
            return None
        return dict(found)

    def roles(self) -> dict[str, dict[str, Any]]:
        """Return every role by its name."""
        return {str(role["name"]): dict(role) for role in self.get_json(path("roles"), what="list roles") or ()}

    def clusters(self) -> dict[str, dict[str, Any]]:
        """Return every registered cluster (``id``, ``alias``, ``urls``) by its uuid."""
        found = self.get_json(path("clusters"), what="list clusters").get("clusters") or {}
        return {str(uuid): dict(cluster) for uuid, cluster in found.items()}

    def remove(self, kind: str, name: str) -> None:
        """Delete a user, a role or a cluster; one that is gone already is fine."""
        try:
            self.request("DELETE", path(kind, name), what=f"delete {kind[:-1]} {name}", repeat=True)
        except NotFound:
            pass  # an earlier try whose answer got lost, or somebody else, was faster

    def give_roles(self, user: str, roles: Sequence[Mapping[str, Any]], **more: Any) -> None:
        """Replace the roles of a user. They are sent whole: AuthN 4.9 keeps them with the user as they come."""
        body = {"id": user, "roles": list(roles), **more}
        self.request("PUT", path("users", user), what=f"update user {user}", body=body, repeat=True)

    def _trusts(self, origin: str) -> bool | None:
        return None


def path(kind: str, name: str = "") -> str:
    """Return the API's path of ``users``, ``roles`` or ``clusters``, or of the one called ``name``."""
    return f"/v1/{kind}/{quote(name, safe='')}" if name else f"/v1/{kind}"


def login(connection: Connection, refused: str = "") -> str:
    """Return a token for the connection's user, other than the ``refused`` one.

    It is kept where sessions are, in memory, for the next task of this process.
    """
    kept: dict[Any, Any] = {} if _client.SESSIONS is None else _client.SESSIONS
    key = ("token", connection.key())
    if kept.get(key, refused) == refused:
        kept[key] = issue(connection, connection.username, connection.password)
    return kept[key]


def issue(connection: Connection, username: str, password: str, lifetime: int | None = None) -> str:
    """Return a new token for a user, valid for ``lifetime`` nanoseconds (None: the server's default, 0: its maximum).

    Raises :class:`LoginFailed`, whatever the reason.
    """
    what = f"log in to {connection.authn_url} as {username!r}"
    body = {"password": password, **({} if lifetime is None else {"expires_in": lifetime})}
    client = AuthN(replace(connection, token="", login=None))
    try:
        found = client.request("POST", path("users", username), what=what, body=body, writes=False).json()
        if not isinstance(found, dict) or not isinstance(found.get("token"), str):
            raise AisError(f"{what}: the answer holds no token", hint="Check 'authn_url'.")
        return one_line(found["token"], what)
    except AisError as error:
        failure = LoginFailed(error.message, hint=error.hint or "Check 'authn_url'.")
        failure.wrong = isinstance(error, Unauthorized)
        raise failure from None


def one_line(token: str, source: str) -> str:
    """Return a token fit for a header, whatever white space is around it."""
    token = token.strip()
    if any(not 33 <= ord(letter) < 127 for letter in token):
        raise OptionError(f"{source}: that is not a token; it must be one line without spaces")
    return token


def of_json(text: str) -> str | None:
    """Return the token of ``{"token": "…"}``, as the AIStore CLI keeps it, or None."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return str(found.get("token", "")) if isinstance(found, dict) else None


def claims(token: str) -> Mapping[str, Any]:
    """Return what a token says of itself (``sub``, ``exp``, ``admin``, …), unchecked; nothing if it is no token."""
    part = token.split(".")[1] if token.count(".") == 2 else ""
    try:
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
