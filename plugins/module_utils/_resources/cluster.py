# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""A cluster as a whole: its primary, the clusters attached to it, its backends, its end."""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Callable

from ansible_collections.community.aistore.plugins.module_utils import _errors, _fields, _nodes
from ansible_collections.community.aistore.plugins.module_utils._address import PROVIDERS
from ansible_collections.community.aistore.plugins.module_utils._client import Client
from ansible_collections.community.aistore.plugins.module_utils._engine import Resource, Step
from ansible_collections.community.aistore.plugins.module_utils._errors import AisError, OptionError
from ansible_collections.community.aistore.plugins.module_utils._jobs import Job

#: What the server calls an attached cluster that it has lost.
DEFUNCT = "defunct"
#: Seconds until all targets know a cluster that was attached, and until all nodes are down.
ATTACHED_WITHIN, DOWN_WITHIN = 60.0, 60.0
PAUSE = 0.25
#: A bucket that need not exist: what the answer about it is like tells whether its backend is there.
_PROBE = "is-this-there"
_ALIAS = re.compile(r"^[A-Za-z0-9_-]{1,64}$")
_PRIMARY, _DETACH, _ATTACH, _ACTION, _END = range(5)
#: The action that ends a cluster, by the state that it is in then.
_ENDS = {"shutdown": "shutdown", "decommissioned": "decommission"}


@dataclass(frozen=True)
class Remote:
    """An attached cluster; ``uuid`` is ``""`` when this cluster cannot tell, :data:`DEFUNCT` when it has lost it."""

    url: str
    uuid: str = ""


@dataclass(frozen=True)
class Cluster:
    """What a cluster is. ``answers`` has the uuid of the cluster at each url that is to be attached, or why there is none."""

    uuid: str
    running: bool = True
    nodes: Mapping[str, _nodes.Node] = field(default_factory=dict)
    remotes: Mapping[str, Remote] = field(default_factory=dict)
    answers: Mapping[str, str | AisError] = field(default_factory=dict)
    #: Configured backends, and whether each that was asked about is enabled.
    configured: tuple[str, ...] = ()
    backends: Mapping[str, bool] = field(default_factory=dict)

    @property
    def primary(self) -> str:
        """The id of the primary proxy."""
        return next((node.id for node in self.nodes.values() if node.primary), "")


class ClusterResource(Resource[Cluster]):
    """Brings a cluster to what the options of ``ais_cluster`` say."""

    def __init__(self, params: Mapping[str, Any], client: Client) -> None:
        self.client = client
        self.primary: str = params["primary"] or ""
        self.force: bool = params["force"]
        self.primary_url: str = (params["primary_url"] or "").rstrip("/")
        self.remotes = None if params["remote_clusters"] is None else _remotes(params["remote_clusters"])
        self.purge: bool = params["purge_remote_clusters"]
        self.backends = {_cloud(name): _enabled(name, value) for name, value in (params["backends"] or {}).items()}
        self.reload = ["" if name == "all" else _cloud(name) for name in params["reload_credentials"] or ()]
        self.rotate: bool = params["rotate_logs"]
        self.state: str = params["state"]
        self.confirm: str = params["confirm_uuid"] or ""
        self.rm_user_data: bool = params["rm_user_data"]
        self._down = False
        #: What a user should know although the task succeeds.
        self._warnings: list[str] = []
        if self.purge and self.remotes is None:
            raise OptionError("purge_remote_clusters needs 'remote_clusters'; {} detaches all")
        if self.state == "present" and self.rm_user_data:
            raise OptionError("rm_user_data is for state decommissioned")

    # -- read -------------------------------------------------------------------------------------------------

    def read(self) -> Cluster:
        """Read the map, and of the rest only what the task is about."""
        if self._down:
            return Cluster(self.confirm, running=False)
        try:
            smap = self.client.smap(fresh=True)
        except _errors.Unanswered:
            raise
        except _errors.Unreachable:
            if self.state not in _ENDS or not self.confirm:
                raise
            self._warnings.append(
                f"nothing answers at {', '.join(self.client.connection.endpoints)}, so the cluster is taken for shut down "
                "already. Check 'endpoint' if it should be running."
            )
            self._down = True
            return self.read()
        found = Cluster(str(smap.get("uuid")), nodes=_nodes.of_map(smap))
        if self.remotes is not None:
            remotes = self._attached()
            asked = {
                url
                for alias, url in self.remotes.items()
                if url and (alias not in remotes or remotes[alias].url != url or remotes[alias].uuid in ("", DEFUNCT))
            }
            found = replace(found, remotes=remotes, answers={url: self._who(url) for url in sorted(asked)})
        if self.backends:
            configured = tuple(self.client.cluster("backends") or ())
            states = {name: self._backend_enabled(name) for name in self.backends if name in configured}
            found = replace(found, configured=configured, backends=states)
        return found

    def _attached(self) -> dict[str, Remote]:
        """Return alias -> attached cluster, as configured; who they are is not known while one of them is down."""
        backend = self.client.cluster("cluster_config").get("backend") or {}
        urls = {str(alias): _url((found or [""])[0]) for alias, found in (backend.get("ais") or {}).items()}
        if not urls:
            return {}
        try:
            uuids = {
                str(entry.get("alias")): str(entry.get("uuid"))
                for entry in self.client.cluster("remote").get("a") or ()
            }
        except _errors.BadRequest:
            uuids = {}
        return {alias: Remote(url, uuids.get(alias, "")) for alias, url in urls.items()}

    def _who(self, url: str) -> str | AisError:
        """Return the uuid of the cluster at ``url``, or why it cannot be told. No token is sent there."""
        try:
            health = self._stranger(url).get_json("/v1/health", what=f"look at {url}", query={"cii": True})
            return str(health["smap"]["uuid"])
        except AisError as error:
            return error
        except (KeyError, TypeError):
            return _errors.ProtocolError(f"look at {url}: the answer is not an AIStore proxy's")

    def _stranger(self, url: str) -> Client:
        """Return a client for another address, which gets no token, and no patience either."""
        connection = dataclasses.replace(
            self.client.connection, endpoints=(url,), token="", login=None, cluster_uuid="", retries=0, timeout=min(10.0, self.client.connection.timeout)
        )  # fmt: skip
        return Client(connection, check_mode=True)

    def _backend_enabled(self, name: str) -> bool:
        """Tell whether a configured backend is enabled: the cluster says so only by what it answers about its buckets."""
        try:
            self.client.request(
                "HEAD",
                f"/v1/buckets/{_PROBE}",
                what=f"look whether backend {name} is enabled",
                query={"provider": name, "dont_add_remote_bck_md": True},
            )
        except _errors.ApiError as error:
            return error.tcode != "ErrRemoteBucketOffline"
        return True

    # -- plan -------------------------------------------------------------------------------------------------

    def plan(self, state: Cluster) -> list[Step]:
        """Return the steps: primary, clusters, backends, credentials and logs, and the end last."""
        if not state.running:
            return []
        steps = [
            *self._plan_primary(state),
            *self._plan_remotes(state),
            *self._plan_backends(state),
            *(
                Step("reload credentials", name or "all backends", payload=("reload-creds", name, None), stage=_ACTION)
                for name in self.reload
            ),
        ]
        if self.rotate:
            steps.append(Step("rotate logs", "cluster", payload=("rotate-logs", None, None), stage=_ACTION))
        return steps + self._plan_end(state)

    def _plan_primary(self, state: Cluster) -> list[Step]:
        name = self.primary
        if not name or state.primary == name:
            return []
        query = None
        if name not in state.nodes and self.force:
            if not self.primary_url:
                raise OptionError(
                    f"primary: {name} is not in this cluster; to join the cluster that it leads, give 'primary_url'"
                )
            query = {"frc": True, "can": self.primary_url}
        else:
            if name in _nodes.GROUPS:
                raise OptionError(f"primary: give the id of one proxy, not {name!r}")
            node = _nodes.pick(state.nodes, [name], kind="proxy", option="primary")[0]
            if node.state != "active" or not node.electable:
                reason = "is non-electable" if node.state == "active" else f"is in state {node.state}"
                able = [n.id for n in state.nodes.values() if n.electable and n.state == "active"]
                raise OptionError(f"primary: {name} {reason}. Proxies that can be the primary: {', '.join(able)}")
        before, after = {"primary": state.primary}, {"primary": name}
        return [
            Step("make primary", name, {"from": state.primary}, before, after, query, chain="primary", stage=_PRIMARY)
        ]

    def _plan_remotes(self, state: Cluster) -> list[Step]:
        if self.remotes is None:
            return []
        wanted = {alias: url for alias, url in self.remotes.items() if url}
        gone = {alias for alias in state.remotes if self.purge and alias not in wanted}
        gone |= {alias for alias, url in self.remotes.items() if not url and alias in state.remotes}
        fresh = {
            alias: url
            for alias, url in wanted.items()
            if alias not in state.remotes or state.remotes[alias].url != url or state.remotes[alias].uuid == DEFUNCT
        }
        gone |= {alias for alias in fresh if alias in state.remotes}
        _check_remotes(state, fresh, {alias: state.remotes[alias] for alias in state.remotes if alias not in gone})
        detached = [
            Step("detach", alias, {"url": state.remotes[alias].url}, {"url": state.remotes[alias].url}, {"url": None}, alias, stage=_DETACH, chain="remote")
            for alias in sorted(gone)
        ]  # fmt: skip
        return detached + [
            Step("attach", alias, {"url": url}, {"url": None}, {"url": url}, (alias, url, state.answers[url]), stage=_ATTACH, chain="remote")
            for alias, url in sorted(fresh.items())
        ]  # fmt: skip

    def _plan_backends(self, state: Cluster) -> list[Step]:
        unknown = [name for name in self.backends if name not in state.configured]
        if unknown:
            known = ", ".join(state.configured) or "none"
            raise OptionError(
                f"backends: {unknown[0]} is not configured in this cluster; configured are: {known}. "
                "A backend is configured with ais_cluster_config, and counts when the nodes are started again"
            )
        return [
            Step("enable" if on else "disable", name, {}, {"enabled": not on}, {"enabled": on}, name, stage=_ACTION)
            for name, on in self.backends.items()
            if state.backends[name] != on
        ]

    def _plan_end(self, state: Cluster) -> list[Step]:
        if self.state not in _ENDS:
            return []
        if self.confirm != state.uuid:
            given = f"it is {self.confirm}" if self.confirm else "it is not given"
            raise OptionError(
                f"state {self.state} needs confirm_uuid to be the uuid of the cluster, {state.uuid}; {given}. Nothing was changed"
            )
        value = {"rm_user_data": self.rm_user_data} if self.state == "decommissioned" else None
        detail = {"nodes": len(state.nodes), **({"rm_user_data": True} if self.rm_user_data else {})}
        urls = [node.url for node in state.nodes.values()]
        return [
            Step(_ENDS[self.state], "cluster", detail, {"state": "running"}, {"state": "down"}, (_ENDS[self.state], value, urls), stage=_END)
        ]  # fmt: skip

    def foresee(self, state: Cluster, steps: Sequence[Step]) -> Cluster:
        """Return the cluster after ``steps``."""
        for step in steps:
            if step.verb == "make primary" and step.target in state.nodes:
                nodes = {n.id: n._replace(primary=n.id == step.target) for n in state.nodes.values()}
                state = replace(state, nodes=nodes)
            elif step.verb == "detach":
                state = replace(state, remotes={a: r for a, r in state.remotes.items() if a != step.target})
            elif step.verb == "attach":
                alias, url, uuid = step.payload
                state = replace(state, remotes={**state.remotes, alias: Remote(url, str(uuid))})
            elif step.verb in ("enable", "disable"):
                state = replace(state, backends={**state.backends, step.target: step.verb == "enable"})
            elif step.verb in _ENDS.values():
                state = Cluster(state.uuid, running=False)
        return state

    # -- apply ------------------------------------------------------------------------------------------------

    def apply(self, step: Step) -> list[Job]:
        """Carry out one step, and wait until it counts."""
        _DEEDS[step.verb](self, step)
        return []

    def _put(self, what: str, path: str, **options: Any) -> None:
        self.client.request("PUT", path, what=what, **options)

    def _make_primary(self, step: Step) -> None:
        self._put(
            f"make {step.target} the primary", f"/v1/cluster/proxy/{step.target}", query=step.payload, repeat=True
        )

    def _detach(self, step: Step) -> None:
        headers = {"Ais-Remote-Ais-Alias": step.payload}
        self._put(f"detach {step.payload}", "/v1/cluster/detach", query={"what": "remote"}, headers=headers)

    def _attach(self, step: Step) -> None:
        """Attach, and wait until all targets and our proxies know it: before that, what is done in its buckets is lost."""
        alias, url, uuid = step.payload
        headers = {"Ais-Remote-Ais-Alias": alias, "Ais-Remote-Ais-Url": url}
        self._put(
            f"attach {alias} at {url}", "/v1/cluster/attach", query={"what": "remote"}, headers=headers, repeat=True
        )
        nodes = _nodes.of_map(self.client.smap()).values()
        late: dict[str, Callable[[], bool]] = {
            **{
                n.id: partial(self._knows, n.id, alias, uuid)
                for n in nodes
                if n.kind == "target" and n.state == "active"
            },
            **{url: partial(self._resolves, url, uuid) for url in self.client.connection.endpoints},
        }
        deadline = time.monotonic() + ATTACHED_WITHIN
        while late := {name: knows for name, knows in late.items() if not knows()}:
            if time.monotonic() > deadline:
                raise _errors.JobTimeout(
                    f"attach {alias} at {url}: {', '.join(late)} did not reach it within {ATTACHED_WITHIN:g} s",
                    hint="Its buckets cannot be used. Check that the targets can connect to this address.",
                )
            time.sleep(PAUSE)

    def _knows(self, target: str, alias: str, uuid: str) -> bool:
        found = self.client.node(target, "remote").get("a") or ()
        return any(entry.get("alias") == alias and entry.get("uuid") == uuid for entry in found)

    def _resolves(self, endpoint: str, uuid: str) -> bool:
        """Tell whether a proxy passes requests on to the cluster called ``uuid``, which it learns about a second late.

        No request that only reads tells; this one would make a bucket, were it not for a property that there is not, so that
        the other cluster refuses it.
        """
        connection = dataclasses.replace(self.client.connection, endpoints=(endpoint,), retries=0)
        try:
            Client(connection).request(
                "POST",
                f"/v1/buckets/{_PROBE}",
                what=f"look whether {endpoint} knows cluster {uuid}",
                query={"provider": "ais", "namespace": f"@{uuid}"},
                action="create-bck",
                value={"no-such-property": True},
            )
        except _errors.NotFound:
            return False
        except _errors.ApiError:
            return True
        except _errors.Unreachable:
            return True  # an endpoint that is down need not know
        return True

    def _switch(self, step: Step) -> None:
        self._put(f"{step.verb} backend {step.payload}", f"/v1/cluster/{step.verb}-bend/{step.payload}")

    def _act(self, step: Step) -> None:
        action, name, value = step.payload
        self._put(f"{step.verb} of {step.target}", "/v1/cluster", action=action, name=name, value=value, repeat=True)

    def _end(self, step: Step) -> None:
        """End the cluster and wait until none of its nodes answers any more."""
        action, value, urls = step.payload
        try:
            self._put(f"{action} the cluster", "/v1/cluster", action=action, value=value)
        except _errors.Unanswered:
            pass  # it may have gone before its answer
        deadline = time.monotonic() + DOWN_WITHIN
        while urls := [url for url in urls if self._up(url)]:
            if time.monotonic() > deadline:
                raise _errors.JobTimeout(
                    f"{action} the cluster: still answering after {DOWN_WITHIN:g} s: {', '.join(urls)}"
                )
            time.sleep(PAUSE)
        self._down = True

    def _up(self, url: str) -> bool:
        try:
            self._stranger(url).request("GET", "/v1/health", what=f"look at {url}")
        except _errors.Unanswered:
            return True
        except _errors.Unreachable:
            return False
        except AisError:
            return True
        return True

    def result(self, state: Cluster) -> dict[str, Any]:
        """Return ``cluster``."""
        kinds = [node.kind for node in state.nodes.values()]
        found: dict[str, Any] = {
            "uuid": state.uuid,
            "state": "running" if state.running else "down",
            "primary": state.primary,
            "proxies": kinds.count("proxy"),
            "targets": kinds.count("target"),
            "remote_clusters": {
                alias: {"url": remote.url, "uuid": remote.uuid} for alias, remote in sorted(state.remotes.items())
            },
            "backends": dict(state.backends),
        }
        return {"cluster": found, **({"warnings": self._warnings} if self._warnings else {})}


_DEEDS = {
    "make primary": ClusterResource._make_primary,
    "detach": ClusterResource._detach,
    "attach": ClusterResource._attach,
    "enable": ClusterResource._switch,
    "disable": ClusterResource._switch,
    "reload credentials": ClusterResource._act,
    "rotate logs": ClusterResource._act,
    "shutdown": ClusterResource._end,
    "decommission": ClusterResource._end,
}


def _check_remotes(state: Cluster, fresh: Mapping[str, str], staying: Mapping[str, Remote]) -> None:
    """Raise for what would be attached and never work, or break what is attached already."""
    seen = {remote.url: alias for alias, remote in staying.items()}
    uuids = {remote.uuid: alias for alias, remote in staying.items() if remote.uuid not in ("", DEFUNCT)}
    for alias, url in fresh.items():
        who = state.answers[url]
        if isinstance(who, AisError):
            raise OptionError(f"remote_clusters.{alias}: {who.message}", hint="It was not attached.")
        if who == state.uuid:
            raise OptionError(f"remote_clusters.{alias}: {url} is this cluster itself")
        other = seen.get(url) or uuids.get(who)
        if other:
            raise OptionError(
                f"remote_clusters.{alias}: the cluster at {url} ({who}) is attached already, as {other}; a second alias would break the first"
            )
        seen[url], uuids[who] = alias, alias


def _remotes(given: Mapping[str, Any]) -> dict[str, str]:
    """Return alias -> url, empty for those to be detached."""
    for alias in given:
        if not _ALIAS.match(str(alias)):
            raise OptionError(f"remote_clusters: {alias!r} is not an alias (letters, digits, - and _)")
    found = {str(alias): _url(str(url or "")) for alias, url in given.items()}
    for alias, url in found.items():
        if url and not re.match(r"^https?://[^/@\s]+$", url):
            raise OptionError(f"remote_clusters.{alias}: {url!r} is not an http:// or https:// address of a proxy")
    return found


def _url(url: str) -> str:
    scheme, found, rest = url.strip().rstrip("/").partition("://")
    return f"{scheme.lower()}://{rest.lower()}" if found else url


def _cloud(name: str) -> str:
    """Return the provider of a cloud backend by any of its spellings."""
    found = PROVIDERS.get(str(name).lower(), "")
    if found in ("", "ais"):
        raise OptionError(f"backends: {name!r} is not a cloud backend{_fields.suggest(str(name), _clouds())}")
    return found


def _clouds() -> list[str]:
    return [name for name in PROVIDERS if PROVIDERS[name] != "ais"]


def _enabled(name: str, value: Any) -> bool:
    told = {"enabled": True, "disabled": False}.get(str(value).lower(), value)
    try:
        return bool(_fields.KINDS["bool"].read(told))
    except ValueError:
        raise OptionError(f"backends.{name}: {value!r} is neither enabled nor disabled") from None
