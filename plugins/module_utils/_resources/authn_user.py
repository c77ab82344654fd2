# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Users of the AuthN server: existence, roles, password."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.community.aistore.plugins.module_utils import _authn, _errors
from ansible_collections.community.aistore.plugins.module_utils._authn import AuthN
from ansible_collections.community.aistore.plugins.module_utils._engine import Resource, Step
from ansible_collections.community.aistore.plugins.module_utils._errors import OptionError
from ansible_collections.community.aistore.plugins.module_utils._fields import suggest
from ansible_collections.community.aistore.plugins.module_utils._jobs import Job
from ansible_collections.community.aistore.plugins.module_utils._resources.authn_role import Role

#: A longer password (in bytes) ends AuthN's answer without a word.
LONGEST_PASSWORD = 72
#: Nanoseconds that a token lives which is made only to try a password: AuthN's shortest.
_TRIAL = 60 * 10**9


@dataclass(frozen=True)
class World:
    """A user (``roles``: as AuthN keeps them with it; None when there is none) and the roles that there are."""

    roles: tuple[Role, ...] | None = None
    known: Mapping[str, Role] = field(default_factory=dict)
    #: Whether the wanted password is the user's; None when nobody asked.
    password: bool | None = None


class User(Resource[World]):
    """Brings a user to what the options of ``ais_authn_user`` say."""

    def __init__(self, params: Mapping[str, Any], client: AuthN) -> None:
        self.client = client
        self.name: str = params["name"]
        self.present = params["state"] == "present"
        self.roles: list[str] | None = params["roles"] and list(dict.fromkeys(params["roles"]))
        if params["roles"] == []:
            self.roles = []
        self.password: str = params["new_password"] or ""
        self.renews = params["update_password"] == "always"
        if len(self.password.encode()) > LONGEST_PASSWORD:
            raise OptionError(f"new_password: AuthN takes at most {LONGEST_PASSWORD} bytes")

    def read(self) -> World:
        found = self.client.find("users", self.name)
        wants_roles = self.present and self.roles is not None
        known = {name: Role.of(role) for name, role in self.client.roles().items()} if wants_roles else {}
        for name in self.roles or () if wants_roles else ():
            if name not in known:
                self.need(
                    OptionError(
                        f"roles: there is no role {name!r}{suggest(name, known) or '.'} "
                        f"Known roles: {', '.join(sorted(known)) or 'none'}"
                    )
                )
        if found is None:
            return World(None, known)
        roles = tuple(Role.of(role) for role in found.get("roles") or () if role)
        return World(roles, known, self._has_password() if self.present and self.password and self.renews else None)

    def _has_password(self) -> bool:
        """Tell whether the user has the wanted password already. AuthN never says: a login with it tells."""
        try:
            _authn.issue(self.client.cluster_connection, self.name, self.password, _TRIAL)
        except _errors.LoginFailed as error:
            if not error.wrong:
                raise
            return False
        return True

    def plan(self, state: World) -> Sequence[Step]:
        target = f"user {self.name}"
        if not self.present:
            return [] if state.roles is None else [Step("delete", target, {}, before=_shown(state.roles))]
        wanted = self._wanted(state)
        if state.roles is None:
            if not self.password:
                raise OptionError(f"new_password: user {self.name} does not exist, and a new one needs a password")
            return [
                Step("create", target, {"roles": [role.name for role in wanted]}, after=_shown(wanted), payload=wanted)
            ]
        detail: dict[str, Any] = {}
        before, after = {}, {}
        if wanted != state.roles:
            detail["roles"] = [role.name for role in wanted]
            before, after = _shown(state.roles), _shown(wanted)
        if state.password is False:
            detail["password"] = "changed"
            after["password"] = "changed"
        if not detail:
            return []
        if "roles" in detail and not wanted:
            if not self.password:
                raise OptionError(
                    f"roles: AuthN cannot take the last role from user {self.name}; give 'new_password' too, "
                    "and the user is made anew"
                )
            return [Step("recreate", target, detail, before, after, payload=wanted)]
        return [Step("set", target, detail, before, after, payload=wanted)]

    def _wanted(self, state: World) -> tuple[Role, ...]:
        """Return the roles that the user should have; in an order that differs in nothing, those of now."""
        if self.roles is None:
            return state.roles or ()
        wanted = tuple(state.known.get(name) or Role(name) for name in self.roles)
        return state.roles if state.roles and set(state.roles) == set(wanted) else wanted

    def foresee(self, state: World, steps: Sequence[Step]) -> World:
        for step in steps:
            state = replace(state, roles=None if step.verb == "delete" else step.payload, password=None)
        return state

    def apply(self, step: Step) -> Sequence[Job]:
        if step.verb in ("delete", "recreate"):
            self.client.remove("users", self.name)
        if step.verb in ("create", "recreate"):
            body = {"id": self.name, "pass": self.password, "roles": [role.json() for role in step.payload]}
            self.client.request("POST", _authn.path("users"), what=f"create user {self.name}", body=body)
        if step.verb == "set":
            roles = [role.json() for role in step.payload] if "roles" in step.detail else []
            secret = {"pass": self.password} if "password" in step.detail else {}
            self.client.give_roles(self.name, roles, **secret)
        return []

    def result(self, state: World) -> dict[str, Any]:
        there = state.roles is not None
        found = {"name": self.name, "state": "present" if there else "absent"}
        return {"user": {**found, **_shown(state.roles or ())} if there else found}


def _shown(roles: Sequence[Role]) -> dict[str, Any]:
    return {"roles": [role.name for role in roles]}
