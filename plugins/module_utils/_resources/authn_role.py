# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Roles of the AuthN server: what they allow on clusters and buckets, and the users who have them.

AuthN 5.0 changes a role in the users who have it, AuthN 4.9 leaves them what it was when they got it, even after the
role is gone. So the users are looked at too, and given the role anew where theirs differs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.community.aistore.plugins.module_utils import _address, _authn
from ansible_collections.community.aistore.plugins.module_utils._authn import AuthN
from ansible_collections.community.aistore.plugins.module_utils._engine import Resource, Step
from ansible_collections.community.aistore.plugins.module_utils._errors import OptionError
from ansible_collections.community.aistore.plugins.module_utils._fields import Flags, suggest
from ansible_collections.community.aistore.plugins.module_utils._jobs import Job
from ansible_collections.community.aistore.plugins.module_utils._resources.bucket_fields import (
    PERMISSION_PRESETS,
    PERMISSIONS,
)

#: The role that AuthN keeps for its administrators.
BUILT_IN = "Admin"
RIGHTS = Flags(PERMISSIONS, {**PERMISSION_PRESETS, "su": PERMISSION_PRESETS["all"]})

Acl = frozenset[tuple[Any, int]]


@dataclass(frozen=True)
class Role:
    """A role: permission bits by cluster uuid, and by bucket (the uuid of its namespace is the cluster's)."""

    name: str
    description: str = ""
    clusters: Acl = frozenset()
    buckets: Acl = frozenset()
    admin: bool = False

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Role:
        """Return the role of an answer."""
        return cls(
            str(told["name"]),
            str(told.get("desc") or ""),
            frozenset((str(acl["id"]), int(acl.get("perm") or 0)) for acl in told.get("clusters") or () if acl),
            frozenset(
                (_address.from_json(acl["bck"]), int(acl.get("perm") or 0)) for acl in told.get("buckets") or () if acl
            ),
            bool(told.get("admin")),
        )

    def json(self) -> dict[str, Any]:
        """Return the role as requests hold it."""
        return {
            "name": self.name,
            "desc": self.description,
            "clusters": [{"id": uuid, "perm": str(bits)} for uuid, bits in sorted(self.clusters)],
            "buckets": [{"bck": bucket.json(), "perm": str(bits)} for bucket, bits in sorted(self.buckets)],
            "admin": self.admin,
        }

    @property
    def allows(self) -> bool:
        """It allows anything."""
        return self.admin or any(bits for _what, bits in (*self.clusters, *self.buckets))

    def shown(self) -> dict[str, Any]:
        """Return the role as results hold it."""
        return {
            "description": self.description,
            "clusters": [{"cluster": uuid, "permissions": RIGHTS.show(bits)} for uuid, bits in sorted(self.clusters)],
            "buckets": [
                {
                    "bucket": str(bucket._replace(uuid="")),
                    "cluster": bucket.uuid,
                    "permissions": RIGHTS.show(bits),
                }
                for bucket, bits in sorted(self.buckets)
            ],
        }


@dataclass(frozen=True)
class World:
    """A role, if it is there, and all roles of each user who has it."""

    role: Role | None = None
    holders: Mapping[str, tuple[Role, ...]] = field(default_factory=dict)
    #: What users may be given: every role, by name.
    known: Mapping[str, Role] = field(default_factory=dict)


class RoleResource(Resource[World]):
    """Brings a role to what the options of ``ais_authn_role`` say."""

    parallel = 1

    def __init__(self, params: Mapping[str, Any], client: AuthN) -> None:
        self.client = client
        self.name: str = params["name"]
        self.present = params["state"] == "present"
        self.description: str | None = params["description"]
        if self.name == BUILT_IN:
            raise OptionError(f"name: AuthN does not let anybody change its own role {BUILT_IN}")
        self._asked = {option: params[option] if self.present else None for option in ("clusters", "buckets")}
        self._aliases: dict[str, str] | None = None
        #: The permissions wanted, or None where nothing was said; known once the clusters' names were looked up.
        self.clusters: Acl | None = None
        self.buckets: Acl | None = None

    def _acl(self, option: str) -> Acl | None:
        """Return the permissions that an option asks for, or None if it is not given."""
        asked = self._asked[option]
        if asked is None:
            return None
        found: dict[Any, int] = {}
        for number, item in enumerate(asked):
            where = f"{option}[{number}]"
            what: Any = self._uuid(item.get("cluster"), f"{where}.cluster")
            if option == "buckets":
                bucket = _address.parse_bucket(item["bucket"], f"{where}.bucket")
                if bucket.uuid:
                    raise OptionError(f"{where}.bucket: name the cluster with 'cluster', not in the address")
                what = bucket._replace(uuid=what)
            if what in found:
                raise OptionError(f"{where}: {what} is named twice")
            try:
                found[what] = RIGHTS.read(item["permissions"])
            except ValueError as error:
                raise OptionError(f"{where}.permissions: {error}") from None
        return frozenset(found.items())

    def _uuid(self, name: str | None, option: str) -> str:
        """Return the uuid of the registered cluster of this uuid or alias; of the only one if nothing is given."""
        if self._aliases is None:
            self._aliases = {}
            for uuid, cluster in self.client.clusters().items():
                self._aliases.update({str(cluster.get("alias") or uuid): uuid, uuid: uuid})
        uuids = sorted(set(self._aliases.values()))
        if name is None and len(uuids) == 1:
            return uuids[0]
        if name is None or name not in self._aliases:
            known = ", ".join(sorted(set(self._aliases) - set(uuids)) or uuids) or "none"
            problem = (
                "which one?" if name is None else f"no cluster {name!r} is registered{suggest(name, self._aliases)}."
            )
            error = OptionError(f"{option}: {problem} Registered are: {known}. See ais_authn_cluster")
            if name is None and uuids:
                raise error
            self.need(error)
        return self._aliases.get(name or "", name or "")

    # -- read -------------------------------------------------------------------------------------------------

    def read(self) -> World:
        if self._aliases is None:
            self.clusters, self.buckets = self._acl("clusters"), self._acl("buckets")
        known = {name: Role.of(role) for name, role in self.client.roles().items()}
        users = self.client.get_json(_authn.path("users"), what="list users") or {}
        kept = {
            str(name): tuple(Role.of(role) for role in user.get("roles") or () if role) for name, user in users.items()
        }
        holders = {name: roles for name, roles in kept.items() if any(role.name == self.name for role in roles)}
        return World(known.get(self.name), dict(sorted(holders.items())), known)

    # -- plan -------------------------------------------------------------------------------------------------

    def plan(self, state: World) -> Sequence[Step]:
        wanted = self._wanted(state.role) if self.present else None
        target = f"role {self.name}"
        steps = []
        anew = False
        if wanted is None and state.role is not None:
            steps.append(Step("delete", target, {}, before=state.role.shown()))
        elif wanted is not None and state.role is None:
            steps.append(Step("create", target, wanted.shown(), after=wanted.shown(), payload=wanted))
        elif wanted is not None and state.role is not None and wanted != state.role:
            before, after = state.role.shown(), wanted.shown()
            differ = [key for key in after if after[key] != before[key]]
            anew = self._loses(state.role, wanted)
            detail, before = {key: after[key] for key in differ}, {key: before[key] for key in differ}
            steps.append(Step("recreate" if anew else "set", target, detail, before, detail, payload=wanted))
        for user, roles in state.holders.items():
            mine = next(role for role in roles if role.name == self.name)
            if anew or (mine != wanted if wanted else mine.allows):
                steps.append(self._refreshed(state, user, mine, wanted))
        return steps

    def _wanted(self, role: Role | None) -> Role:
        found = role or Role(self.name)
        return replace(
            found,
            description=found.description if self.description is None else self.description,
            clusters=found.clusters if self.clusters is None else self.clusters,
            buckets=found.buckets if self.buckets is None else self.buckets,
        )

    @staticmethod
    def _loses(before: Role, after: Role) -> bool:
        """Tell whether something has to go. An update only adds and replaces: the role has to be made anew."""
        sides = ((before.clusters, after.clusters), (before.buckets, after.buckets))
        return bool(before.description and not after.description) or any(
            {what for what, _bits in old} - {what for what, _bits in new} for old, new in sides
        )

    def _refreshed(self, state: World, user: str, mine: Role, wanted: Role | None) -> Step:
        """Return the step that gives a user the role as it is to be, or takes it."""
        others = [state.known.get(role.name, role) for role in state.holders[user] if role.name != self.name]
        # AuthN cannot take the last role from a user; one that allows nothing takes its place.
        roles = [*others, *([wanted] if wanted else [] if others else [Role(self.name)])]
        return Step(
            "refresh",
            f"user {user}",
            {"role": self.name},
            {"roles": {self.name: mine.shown()}},
            {"roles": {self.name: wanted.shown()} if wanted else {}},
            payload=(user, tuple(roles)),
            stage=1,
        )

    def foresee(self, state: World, steps: Sequence[Step]) -> World:
        for step in steps:
            if step.verb == "refresh":
                user, roles = step.payload
                state = replace(state, holders={**state.holders, user: roles})
            else:
                state = replace(state, role=step.payload)
        return state

    # -- apply ------------------------------------------------------------------------------------------------

    def apply(self, step: Step) -> Sequence[Job]:
        what = f"{step.verb} role {self.name}"
        if step.verb == "refresh":
            user, roles = step.payload
            self.client.give_roles(user, [role.json() for role in roles])
        elif step.verb == "set":
            body = step.payload.json()
            self.client.request("PUT", _authn.path("roles", self.name), what=what, body=body, repeat=True)
        else:
            if step.verb in ("delete", "recreate"):
                self.client.remove("roles", self.name)
            if step.verb in ("create", "recreate"):
                self.client.request("POST", _authn.path("roles"), what=what, body=step.payload.json())
        return []

    def result(self, state: World) -> dict[str, Any]:
        there = state.role is not None
        users = [
            user for user, roles in state.holders.items() if any(role.name == self.name for role in roles)
        ] if there else []  # fmt: skip
        found = {"name": self.name, "state": "present" if there else "absent", "users": users}
        return {"role": {**found, **state.role.shown()} if state.role else found}
