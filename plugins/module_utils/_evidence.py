# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Whether the cluster can prove that something is absent.

While a target is missing, its objects are plainly "not found" and left out of listings, with no hint in the answer.
So an absence counts only when every target of the cluster map answers and none has a rebalance or a resilver running
or interrupted. Look at the objects first and at the evidence after that: an absence that was seen while a node was
away is then still doubted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible_collections.community.aistore.plugins.module_utils import _errors
from ansible_collections.community.aistore.plugins.module_utils._address import Bucket
from ansible_collections.community.aistore.plugins.module_utils._client import Client
from ansible_collections.community.aistore.plugins.module_utils._errors import (
    AisError,
    Degraded,
    NotReady,
    ProtocolError,
    Unreachable,
)

#: States of a target (bits of its flags) in which it may not find, or not list, what it holds.
_STATES: Mapping[int, str] = {
    1 << 3: "is rebalancing",
    1 << 4: "has an interrupted rebalance",
    1 << 5: "is resilvering",
    1 << 6: "has an interrupted resilver",
    1 << 13: "has a faulty disk",
}
#: Bit of a target that came back after a crash, until a rebalance has finished.
_RESTARTED = 1 << 7
#: Bit of the primary: in the last 5 minutes a node did not answer it. So long, a target that has left the map leaves a trace.
_KEEPALIVE_ERRORS = 1 << 19
#: A target that has run for less than the first, and less than the primary by the second (seconds), explains these errors.
_ALERT, _LATER = 330, 15
#: Seconds for a node to answer for itself, and how many are asked at once.
_PATIENCE, _PARALLEL = 5.0, 16
#: Flags of a node in the cluster map.
_LEAVING, _MOVED = 4 | 8, 16
_ADVICE = (
    "Bring the missing nodes back or let a rebalance finish, then run the task again; "
    "or take the cluster's word for it with 'allow_degraded: true'."
)


def doubts(client: Client, bucket: Bucket | None = None) -> tuple[str, ...]:
    """Return why the cluster cannot prove an absence just now; nothing when it can.

    What is in a cloud is told by the cloud, whatever the nodes do: there is no doubt about ``bucket`` then. Of a remote
    AIS cluster, only the nodes of the cluster that is asked can be judged.
    """
    if bucket is not None and bucket.cloud:
        return ()
    try:
        smap = client.smap(fresh=True)
        answers = _ask(client, smap)
        restarted = any(_flags(found) & _RESTARTED for found in answers.values() if found)
        rebalances = restarted and bool(client.cluster("cluster_config")["rebalance"]["enabled"])
    except _errors.Forbidden:
        return ("the token may not read the state of the cluster's nodes (it needs the permission SHOW-CLUSTER)",)
    except AisError as error:
        return (f"a node does not answer ({error.message})",)
    return tuple(judge(smap, answers, rebalances))


def prove(client: Client, claim: str, *, bucket: Bucket | None = None, allow_degraded: bool = False) -> None:
    """Raise :class:`Degraded` when ``claim`` ("ais://b/x does not exist") rests on an absence that is in doubt."""
    if not allow_degraded:
        refuse(claim, doubts(client, bucket))


def refuse(claim: str, reasons: tuple[str, ...]) -> None:
    """Raise :class:`Degraded` for ``claim`` when there are ``reasons`` to doubt it."""
    if reasons:
        raise Degraded(f"{claim}, but that cannot be proven just now: {'; '.join(reasons)}", hint=_ADVICE)


def judge(smap: Mapping[str, Any], answers: Mapping[str, Any], rebalances: bool) -> Iterator[str]:
    """Yield the reasons for doubt in a cluster map and what its targets and its primary say of themselves, by id. Pure.

    ``rebalances`` tells whether the cluster rebalances by itself: else a restart is not followed by anything to wait for.
    """
    targets = smap.get("tmap") or {}
    states = {
        **_STATES,
        **({_RESTARTED: "was restarted after a crash, and no rebalance has finished since"} if rebalances else {}),
    }
    if not targets:
        yield "the cluster has no target"
    for target in sorted(targets):
        flags = int(targets[target].get("flags") or 0)
        if flags & _LEAVING:
            if not flags & _MOVED:
                yield f"target {target} is leaving or in maintenance, and its objects were not moved to other targets"
        elif not answers.get(target):
            yield f"target {target} does not answer"
        else:
            found = [text for bit, text in states.items() if _flags(answers[target]) & bit]
            if found:
                yield f"target {target} {', '.join(found)}"
    primary = answers.get(_primary(smap)) or {}
    if _flags(primary) & _KEEPALIVE_ERRORS and not any(
        _uptime(found) < min(_ALERT, _uptime(primary) - _LATER) for found in map(answers.get, targets) if found
    ):
        yield "in the last 5 minutes a node did not answer the primary, so a target may have dropped out of the cluster map"


def _flags(node: Mapping[str, Any]) -> int:
    """Return the state of a node: AIStore 4.9 tells of interruptions only in the first, both of restarts in either."""
    told = (node.get("cluster") or {}).get("flags"), (node.get("tracker") or {}).get("state.flags")
    return int(told[0] or 0) | int(told[1] or 0)


def _uptime(node: Mapping[str, Any]) -> float:
    """Return how many seconds a node has run."""
    return int((node.get("tracker") or {}).get("up.ns.time") or 0) / 1e9


def _primary(smap: Mapping[str, Any]) -> str:
    return str((smap.get("proxy_si") or {}).get("daemon_id") or "")


def _ask(client: Client, smap: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the primary and each target that is in service say of themselves, by id; None for no answer."""

    def ask(node: str) -> Any:
        try:
            found = client.node(node, "node_status", patience=_PATIENCE, repeat=False)
        except (Unreachable, ProtocolError, NotReady):
            return None
        return found if isinstance(found, Mapping) else None

    nodes = [node for node, found in (smap.get("tmap") or {}).items() if not int(found.get("flags") or 0) & _LEAVING]
    nodes.append(_primary(smap))
    with ThreadPoolExecutor(max_workers=_PARALLEL) as pool:
        return dict(zip(nodes, pool.map(ask, nodes)))
