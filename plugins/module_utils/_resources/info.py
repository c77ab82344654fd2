# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What a cluster says about itself, by subset: questions in parallel, each asked once, no failure spoils the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Callable, NamedTuple

from ansible_collections.community.aistore.plugins.module_utils import _address, _jobs, _nodes
from ansible_collections.community.aistore.plugins.module_utils._client import Client
from ansible_collections.community.aistore.plugins.module_utils._errors import AisError
from ansible_collections.community.aistore.plugins.module_utils._resources import job_fields

#: Gathered when nothing else is asked for: two requests, whatever the size of the cluster.
DEFAULT = ("smap", "health")
#: Questions asked at once.
PARALLEL = 16
#: Questions that a proxy puts to every node itself, and the parts of its answer; it fails whole when a node is silent,
#: and leaves out nodes in maintenance and itself.
_OF_ALL: Mapping[str, tuple[str, ...]] = {"mountpaths": ("targets",), "node_stats": ("target",)}
_PARTS = {"proxies": "pmap", "targets": "tmap"}
#: What marks a silent node among the alerts.
NO_ANSWER = {"name": "no-answer", "severity": "red"}


class Subset(NamedTuple):
    """One subset: ``shape`` makes its value of the answers to ``whats``.

    Without ``kinds`` it is about the cluster, and ``shape`` takes the :class:`Gatherer`; with them, about each chosen
    node of these kinds, and ``shape`` takes the node and its answers.
    """

    about: str
    shape: Callable[..., Any]
    whats: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()


class Gatherer:
    """Gathers subsets of one cluster, about the nodes that ``wanted`` names (all if it names none)."""

    def __init__(self, client: Client, wanted: Sequence[str] = (), filters: Mapping[str, Any] | None = None) -> None:
        self.client, self.filters = client, filters or {}
        self.smap = client.smap()
        self.nodes = _nodes.of_map(self.smap)
        self.chosen = _nodes.pick(self.nodes, wanted or ["all"])
        #: Of each node that gave no answer, the reason.
        self.silent: dict[str, str] = {}
        self.errors: list[dict[str, str]] = []
        self._answers: dict[tuple[str, str], Any] = {}

    def gather(self, names: Sequence[str]) -> dict[str, Any]:
        """Return the result keys of the subsets ``names``, ``silent`` and ``errors``; the error if none succeeds."""
        self._ask({(node.id, what) for name in names for node, what in self._questions(name)})
        found: dict[str, Any] = {}
        failure: AisError | None = None
        for name in names:
            try:
                found[name] = self._value(name)
            except AisError as error:
                failure = error
                self.note(name, "", error)
        if failure is not None and not found:
            raise failure
        missing = {"warnings": ["Something could not be gathered; see 'errors'."]} if self.errors else {}
        return {**found, "silent": sorted(self.silent), "errors": self.errors, **missing}

    def _questions(self, name: str) -> Iterable[tuple[_nodes.Node, str]]:
        subset = SUBSETS[name]
        return ((node, what) for node in self.chosen if node.kind in subset.kinds for what in subset.whats)

    def _ask(self, questions: Iterable[tuple[str, str]]) -> None:
        """Put every question to its node and keep the answers, or the errors, for :meth:`_value`."""

        def ask(question: tuple[str, str]) -> Any:
            try:
                # A node that hangs is not asked again: the others' answers wait for it.
                return self.client.node(*question, repeat=False)
            except AisError as error:
                return error

        asked = set(questions)
        for what in _OF_ALL:
            if sum(question[1] == what for question in asked) > 2:
                self._ask_all(what)
        ordered = sorted(asked - set(self._answers))
        with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
            self._answers.update(zip(ordered, pool.map(ask, ordered)))

    def _ask_all(self, what: str) -> None:
        """Put a question to every node in one request; who gives no answer in this way is asked alone afterwards."""
        with suppress(AisError):
            found = self.client.cluster(what, repeat=False)
            for part in _OF_ALL[what]:
                self._answers.update({(node, what): answer for node, answer in (found.get(part) or {}).items()})

    def _value(self, name: str) -> Any:
        subset = SUBSETS[name]
        if not subset.kinds:
            return subset.shape(self)
        found = {}
        for node in self.chosen:
            if node.kind not in subset.kinds:
                continue
            answers = [self._answers[node.id, what] for what in subset.whats]
            failed = next((answer for answer in answers if isinstance(answer, AisError)), None)
            if failed is None:
                found[node.id] = subset.shape(node, *answers)
            else:
                self.note(name, node.id, failed)
        return _alerts(found, self.silent) if name == "alerts" else found

    def note(self, subset: str, node: str, error: AisError) -> None:
        """Keep what could not be gathered, for ``errors``; a node that it is about counts as silent."""
        if node:
            self.silent.setdefault(node, str(error))
        self.errors.append({"subset": subset, "node": node, "error": str(error)})


def _smap(gatherer: Gatherer) -> dict[str, Any]:
    smap = gatherer.smap
    nodes = gatherer.nodes.values()
    return {
        **smap,
        "primary": next((node.id for node in nodes if node.primary), ""),
        "nodes": {node.id: node.shown() for node in nodes},
    }


def _health(gatherer: Gatherer) -> dict[str, Any]:
    """One proxy's view of itself and the cluster; whether the primary would start a rebalance."""
    answer = gatherer.client.request("GET", "/v1/health", what="read health", query={"cii": True})
    info = answer.json()
    flags = int(info.get("flags") or 0)
    able = gatherer.client.request(
        "GET", "/v1/health", what="read readiness for a rebalance", query={"prr": True}, accept=(400, 501, 503)
    )
    found = [
        {"node": node.id, **alert}
        for node in gatherer.nodes.values()
        for alert in _nodes.alerts(_nodes.STARTED | (1 << 10 if node.state != "active" else 0))
    ]
    return {
        "ready": flags & _nodes.STARTED == _nodes.STARTED,
        "can_rebalance": able.status == 200,
        "cluster_uptime": _seconds(answer.headers.get("Ais-Cluster-Uptime")),
        "node_uptime": _seconds(answer.headers.get("Ais-Node-Uptime")),
        "alerts": [*_nodes.alerts(flags), *found],
        **info,
    }


def _seconds(nanoseconds: str | None) -> int:
    return int(nanoseconds or 0) // 10**9


def _buckets(gatherer: Gatherer) -> list[dict[str, Any]]:
    found = gatherer.client.get_json("/v1/buckets", what="list buckets", query={"presence": 2}, body={"action": "list"})
    buckets = sorted(_address.from_json(entry) for entry in found or ())
    return [
        {
            "uri": str(bucket),
            "name": bucket.name,
            "provider": bucket.provider,
            "namespace": {"uuid": bucket.uuid, "name": bucket.namespace},
        }
        for bucket in buckets
    ]


def _remote_clusters(gatherer: Gatherer) -> list[dict[str, Any]]:
    found = gatherer.client.cluster("remote").get("a") or ()
    return [
        {
            **{name: str(entry.get(name) or "") for name in ("alias", "url", "uuid")},
            **{kind: len((entry.get("smap") or {}).get(group) or ()) for kind, group in _PARTS.items()},
        }
        for entry in found
    ]


def _xactions(gatherer: Gatherer) -> list[dict[str, Any]]:
    """Return the jobs as the targets tell them; while one of them is down, as far as the proxies keep track of them."""
    chosen = {node.id for node in gatherer.chosen}
    body = job_fields.query(gatherer.filters)
    try:
        found = _jobs.snapshots(gatherer.client, body)
    except AisError as error:
        gatherer.note("xactions", "", error)
        return [job_fields.of_status(entry) for entry in gatherer.client.cluster("status_all", body) or ()]
    jobs = job_fields.describe({target: snaps for target, snaps in found.items() if target in chosen})
    if not gatherer.filters.get("bucket"):
        return jobs
    # The server adds jobs that are about no bucket at all.
    bucket = str(_address.parse_bucket(gatherer.filters["bucket"]))
    return [job for job in jobs if bucket in (job["bucket"], job["source"], job["destination"])]


def _capacity(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return a server's capacity with numbers for its texts."""
    return {
        name: _capacity(value) if isinstance(value, Mapping) else int(value) if str(value).isdigit() else value
        for name, value in found.items()
    }


def _mountpaths(_node: _nodes.Node, paths: Mapping[str, Any], stats: Mapping[str, Any]) -> dict[str, Any]:
    capacity = _capacity(stats.get("capacity") or {})
    return {
        **{name: list(paths.get(name) or ()) for name in ("available", "waiting_dd", "disabled")},
        "capacity": {**capacity, "mountpaths": capacity.get("mountpaths") or {}},
    }


def _disks(_node: _nodes.Node, found: Mapping[str, Any]) -> dict[str, Any]:
    """Return disk name -> reads and writes (bytes per second, average size) and utilization in percent."""
    named = {"RBps": "read_bps", "Ravg": "read_size", "WBps": "write_bps", "Wavg": "write_size", "Util": "util"}
    disks = found.get("AllDiskStats", found)
    return {
        disk: {named.get(name, name): value for name, value in stats.items()}
        for disk, stats in (disks or {}).items()
        if isinstance(stats, Mapping)
    }


def _status(node: _nodes.Node, found: Mapping[str, Any]) -> dict[str, Any]:
    return {**found, "id": node.id, "kind": node.kind, "state": node.state, "alerts": _flags(node, found)}


def _flags(node: _nodes.Node, found: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return a node's alerts; of one in maintenance the status comes from the map, without flags."""
    flags = int((found.get("cluster") or {}).get("flags") or 0)
    if node.state != "active":
        flags |= _nodes.STARTED | 1 << 10
    return _nodes.alerts(flags)


def _alerts(found: Mapping[str, list[dict[str, str]]], silent: Iterable[str]) -> list[dict[str, str]]:
    flat = [{"node": node, **NO_ANSWER} for node in sorted(silent)]
    flat += [{"node": node, **alert} for node, alerts in found.items() for alert in alerts]
    return sorted(flat, key=lambda alert: alert["severity"] != "red")


def _version(_node: _nodes.Node, found: Mapping[str, Any]) -> dict[str, str]:
    return {
        "version": str(found.get("ais_version") or "").rstrip("."),
        "build_time": str(found.get("build_time") or ""),
        "deployment": str(found.get("deployment") or ""),
    }


def _as_it_is(_node: _nodes.Node, found: Any) -> Any:
    return found


def _cluster(what: str) -> Callable[[Gatherer], Any]:
    return lambda gatherer: gatherer.client.cluster(what)


_BOTH = ("proxy", "target")
#: Every subset that can be asked for.
SUBSETS: Mapping[str, Subset] = {
    "smap": Subset("the cluster map", _smap),
    "health": Subset("health of the endpoint and of the cluster as it sees it", _health),
    "bmd": Subset("bucket metadata: all buckets that the cluster knows, with all properties", _cluster("bmd")),
    "buckets": Subset("names of all buckets that the cluster knows", _buckets),
    "config": Subset("the cluster's configuration", _cluster("cluster_config")),
    "remote_clusters": Subset("attached AIStore clusters", _remote_clusters),
    "backends": Subset("configured cloud backends", lambda gatherer: gatherer.client.cluster("backends") or []),
    "xactions": Subset("jobs, running and finished", _xactions),
    "nodes": Subset("information and status of each node", _status, ("node_status",), _BOTH),
    "node_config": Subset("each node's own configuration", _as_it_is, ("config",), _BOTH),
    "stats": Subset("each node's counters and capacity", _as_it_is, ("node_stats",), _BOTH),
    "sysinfo": Subset("each node's memory, processors and load", _as_it_is, ("sysinfo",), _BOTH),
    "mountpaths": Subset(
        "each target's mountpaths and their capacity", _mountpaths, ("mountpaths", "node_stats"), ("target",)
    ),
    "disks": Subset("each target's disks and their load", _disks, ("disk",), ("target",)),
    "alerts": Subset("what each node's state flags warn of", _flags, ("node_status",), _BOTH),
    "versions": Subset("each node's software version", _version, ("node_status",), _BOTH),
}


def gather(params: Mapping[str, Any], client: Client) -> dict[str, Any]:
    """Return the result keys of an ``ais_info`` task."""
    names = list(dict.fromkeys(params["gather_subset"]))
    if "all" in names:
        names = list(SUBSETS)
    return Gatherer(client, params.get("node") or (), params.get("xactions")).gather(names)
