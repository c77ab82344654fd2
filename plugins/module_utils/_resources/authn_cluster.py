# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Clusters that the AuthN server knows: it tells them which tokens were revoked, and roles are about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.community.aistore.plugins.module_utils import _authn
from ansible_collections.community.aistore.plugins.module_utils._authn import AuthN
from ansible_collections.community.aistore.plugins.module_utils._client import Client
from ansible_collections.community.aistore.plugins.module_utils._engine import Resource, Step
from ansible_collections.community.aistore.plugins.module_utils._errors import OptionError
from ansible_collections.community.aistore.plugins.module_utils._jobs import Job

#: AuthN asks the cluster before it answers; one that does not answer costs it up to 80 seconds.
PATIENCE = 120.0

#: uuid -> alias and urls of each registered cluster.
Clusters = Mapping[str, Mapping[str, Any]]


class ClusterResource(Resource[Clusters]):
    """Brings the registration of a cluster to what the options of ``ais_authn_cluster`` say."""

    def __init__(self, params: Mapping[str, Any], client: AuthN) -> None:
        self.client = client
        self.present = params["state"] == "present"
        self.uuid: str = params["uuid"] or ""
        self.alias: str | None = params["alias"]
        self.urls: list[str] | None = params["urls"] and [url.rstrip("/") for url in params["urls"]]
        self._own: str | None = None

    def read(self) -> Clusters:
        found = {
            uuid: {"alias": str(cluster.get("alias") or ""), "urls": list(cluster.get("urls") or ())}
            for uuid, cluster in self.client.clusters().items()
        }
        if not self.uuid and (self.present or not self.alias):
            self.uuid = str(Client(self.client.cluster_connection).smap().get("uuid"))
        return found

    def _at(self, state: Clusters) -> str:
        """Return the uuid of the cluster that is meant."""
        if self.uuid:
            return self.uuid
        return next((uuid for uuid, cluster in state.items() if cluster["alias"] == self.alias), "")

    def plan(self, state: Clusters) -> Sequence[Step]:
        uuid = self._at(state)
        target, found = f"cluster {uuid or self.alias}", state.get(uuid)
        if not self.present:
            return [] if found is None else [Step("unregister", target, {}, before=dict(found))]
        owner = next((other for other, cluster in state.items() if self.alias and cluster["alias"] == self.alias), uuid)
        if owner != uuid:
            raise OptionError(f"alias: {self.alias!r} is the alias of cluster {owner} already")
        if found is None:
            new = {"alias": self.alias or "", "urls": self.urls or list(self.client.cluster_connection.endpoints)}
            return [Step("register", target, new, after=new, payload=new)]
        given = {"alias": self.alias or None, "urls": self.urls}
        changes = {key: value for key, value in given.items() if value is not None and value != found[key]}
        if not changes:
            return []
        return [
            Step("set", target, changes, {key: found[key] for key in changes}, changes, payload={**found, **changes})
        ]

    def foresee(self, state: Clusters, steps: Sequence[Step]) -> Clusters:
        uuid, found = self._at(state), dict(state)
        for step in steps:
            found.pop(uuid, None)
            if step.payload:
                found[uuid] = step.payload
        return found

    def apply(self, step: Step) -> Sequence[Job]:
        uuid = step.target.partition(" ")[2]
        if step.verb == "unregister":
            self.client.remove("clusters", uuid)
            return []
        method, path = ("POST", "") if step.verb == "register" else ("PUT", uuid)
        self.client.request(
            method,
            _authn.path("clusters", path),
            what=f"{step.verb} cluster {uuid}",
            body={"id": uuid, **step.payload},
            repeat=step.verb == "set",
            patience=max(PATIENCE, self.client.connection.timeout),
        )
        return []

    def result(self, state: Clusters) -> dict[str, Any]:
        uuid = self._at(state)
        found = state.get(uuid)
        shown = {"uuid": uuid, "state": "present" if found else "absent"}
        return {"cluster": {**shown, **(found or {"alias": self.alias or ""})}}
