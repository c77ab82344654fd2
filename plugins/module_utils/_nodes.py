# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The nodes of a cluster map: who they are, what their flags mean, and which of them a task names. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.community.aistore.plugins.module_utils._errors import OptionError
from ansible_collections.community.aistore.plugins.module_utils._fields import suggest

#: The two kinds of nodes and the part of the map that holds each.
KINDS: Mapping[str, str] = {"proxy": "pmap", "target": "tmap"}
#: Words that stand for several nodes.
GROUPS = ("all", "proxies", "targets", "primary")
#: A node's flags in the map.
NON_ELECTABLE, IC_MEMBER, MAINTENANCE, DECOMMISSION, DRAINED = (1 << bit for bit in range(5))
#: The flags of a node that is up and belongs to the cluster.
STARTED = 1 << 1 | 1 << 2
_NOT_STARTED = {1 << 1: "cluster-not-started-yet", 1 << 2: "node-not-started-yet"}
#: What else a node's state flags say: bit, AIStore's name of it, how grave it is.
_ALERTS = (
    (0, "vote-in-progress", "warning"),
    (3, "rebalancing", "warning"),
    (4, "rebalance-interrupted", "warning"),
    (5, "resilvering", "warning"),
    (6, "resilver-interrupted", "warning"),
    (7, "restarted", "warning"),
    (8, "OOS", "red"),
    (9, "OOM", "red"),
    (10, "in-maintenance-mode", "warning"),
    (11, "low-usable-capacity", "warning"),
    (12, "low-memory", "warning"),
    (13, "disk-fault", "red"),
    (14, "number-of-goroutines", "warning"),
    (15, "high-number-of-goroutines", "red"),
    (16, "tls-cert-will-soon-expire", "warning"),
    (17, "tls-cert-expired", "red"),
    (18, "tls-cert-invalid", "red"),
    (19, "keep-alive-errors", "warning"),
    (20, "out-of-cpu", "red"),
    (21, "low-cpu", "warning"),
    (22, "disk-OOS", "red"),
    (23, "disk-low-capacity", "warning"),
)


class Node(NamedTuple):
    """A node of the map: ``kind`` is proxy or target, ``url`` its public address, ``flags`` those of the map."""

    id: str
    kind: str
    url: str
    flags: int
    primary: bool

    @property
    def state(self) -> str:
        """``active``, ``maintenance`` or ``decommission`` (which is under way)."""
        if self.flags & DECOMMISSION:
            return "decommission"
        return "maintenance" if self.flags & MAINTENANCE else "active"

    @property
    def drained(self) -> bool:
        """The rebalance that empties a node in maintenance has ended."""
        return bool(self.flags & DRAINED)

    @property
    def electable(self) -> bool:
        """It may become the primary."""
        return self.kind == "proxy" and not self.flags & NON_ELECTABLE

    def shown(self) -> dict[str, Any]:
        """Return the node as results hold it."""
        found = {"id": self.id, "kind": self.kind, "url": self.url, "state": self.state}
        return {**found, "primary": self.primary} if self.kind == "proxy" else {**found, "drained": self.drained}


def of_map(smap: Mapping[str, Any]) -> dict[str, Node]:
    """Return id -> node of a cluster map, proxies first, each kind by id."""
    primary = str((smap.get("proxy_si") or {}).get("daemon_id", ""))
    return {
        name: Node(
            name,
            kind,
            str((entry.get("public_net") or {}).get("direct_url", "")),
            int(entry.get("flags") or 0),
            name == primary,
        )
        for kind, group in KINDS.items()
        for name, entry in sorted((smap.get(group) or {}).items())
    }


def pick(
    nodes: Mapping[str, Node], wanted: Iterable[str], *, kind: str | None = None, option: str = "node"
) -> list[Node]:
    """Return the nodes that ``wanted`` names, each once, in the order of the map.

    A name is an id or one of :data:`GROUPS`; ``all`` means all of ``kind`` if that is given. Raises one
    :class:`OptionError` for all unknown ids and all of the wrong kind; it lists those that would do.
    """
    groups: dict[str, Callable[[Node], bool]] = {
        "all": lambda node: kind in (None, node.kind),
        "proxies": lambda node: node.kind == "proxy",
        "targets": lambda node: node.kind == "target",
        "primary": lambda node: node.primary,
    }
    chosen: set[str] = set()
    wrong: list[str] = []
    able = [node.id for node in nodes.values() if kind in (None, node.kind)]
    for name in wanted:
        found = (
            [name] if name in nodes else [node.id for node in nodes.values() if name in groups and groups[name](node)]
        )
        if not found:
            wrong.append(f"{name!r} is not in the cluster map{suggest(name, able)}")
        for each in found:
            if kind not in (None, nodes[each].kind):
                wrong.append(f"{each!r} is a {nodes[each].kind}, not a {kind}")
        chosen.update(found)
    if wrong:
        told = "; ".join(wrong)
        stop = "" if told.endswith("?") else "."
        raise OptionError(f"{option}: {told}{stop} Known {_plural(kind)}: {', '.join(able) or 'none'}")
    return [node for node in nodes.values() if node.id in chosen]


def alerts(flags: int, *, started: bool = True) -> list[dict[str, str]]:
    """Return ``{name, severity}`` of each alert in a node's state ``flags``, the gravest first.

    With ``started``, the lack of the two bits that every running member has is an alert too.
    """
    missing = [name for bit, name in _NOT_STARTED.items() if started and not flags & bit]
    found = [{"name": name, "severity": "red"} for name in missing]
    found += [{"name": name, "severity": severity} for bit, name, severity in _ALERTS if flags >> bit & 1]
    rest = flags & ~STARTED & ~sum(1 << bit for bit, _name, _severity in _ALERTS)
    found += [{"name": f"flag-{rest}", "severity": "warning"}] if rest else []
    return sorted(found, key=lambda alert: alert["severity"] != "red")


def missing(nodes: Mapping[str, Node], answered: Sequence[str], kind: str = "target") -> list[str]:
    """Return the ids of the ``kind`` of nodes that did not answer."""
    return [node.id for node in nodes.values() if node.kind == kind and node.id not in answered]


def _plural(kind: str | None) -> str:
    return {None: "nodes", "proxy": "proxies"}.get(kind, f"{kind}s")
