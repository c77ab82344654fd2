# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of a cluster map: who is named, and what flags mean."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.community.aistore.plugins.module_utils import _nodes
from ansible_collections.community.aistore.plugins.module_utils._errors import OptionError

FLAGS = {"p1": 2, "p2": 3, "t1": 0, "t2": 4, "t3": 20, "t4": 8}


def smap(flags: dict[str, int] | None = None) -> dict[str, Any]:
    entries = {
        name: {"daemon_id": name, "flags": bits, "public_net": {"direct_url": f"http://{name}:8080"}}
        for name, bits in (flags or FLAGS).items()
    }
    return {
        "pmap": {name: entry for name, entry in entries.items() if name[0] == "p"},
        "tmap": {name: entry for name, entry in entries.items() if name[0] == "t"},
        "proxy_si": entries["p1"],
    }


def test_a_map_is_read() -> None:
    nodes = _nodes.of_map(smap())
    assert list(nodes) == list(FLAGS)
    assert [name for name, node in nodes.items() if node.primary] == ["p1"]
    assert [name for name, node in nodes.items() if node.electable] == ["p1"]
    assert {name: nodes[name].state for name in ("t1", "t2", "t3", "t4")} == {
        "t1": "active",
        "t2": "maintenance",
        "t3": "maintenance",
        "t4": "decommission",
    }
    assert [name for name, node in nodes.items() if node.drained] == ["t3"]
    assert nodes["p1"].shown() == {
        "id": "p1",
        "kind": "proxy",
        "url": "http://p1:8080",
        "state": "active",
        "primary": True,
    }
    assert nodes["t3"].shown()["drained"]


@pytest.mark.parametrize(
    ("wanted", "kind", "found"),
    [
        (["all"], None, list(FLAGS)),
        (["all"], "target", ["t1", "t2", "t3", "t4"]),
        (["proxies"], None, ["p1", "p2"]),
        (["targets", "primary"], None, ["p1", "t1", "t2", "t3", "t4"]),
        (["t2", "t1", "t2"], "target", ["t1", "t2"]),
        ([], None, []),
    ],
)
def test_nodes_are_picked_once_and_in_the_order_of_the_map(
    wanted: list[str], kind: str | None, found: list[str]
) -> None:
    assert [node.id for node in _nodes.pick(_nodes.of_map(smap()), wanted, kind=kind)] == found


def test_all_mistakes_are_one_message_that_names_those_who_would_do() -> None:
    with pytest.raises(OptionError) as caught:
        _nodes.pick(_nodes.of_map(smap()), ["t1", "t9", "p2"], kind="target", option="on")
    assert str(caught.value) == (
        "on: 't9' is not in the cluster map; 'p2' is a proxy, not a target. Known targets: t1, t2, t3, t4"
    )
    with pytest.raises(OptionError, match=r"did you mean target-01\? Known nodes: target-01$"):
        _nodes.pick(_nodes.of_map({"tmap": {"target-01": {}}}), ["target-1"])
    with pytest.raises(OptionError, match=r"Known proxies: none"):
        _nodes.pick({}, ["x"], kind="proxy")


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        (6, []),
        (0, ["cluster-not-started-yet", "node-not-started-yet"]),
        (6 | 1 << 3 | 1 << 8 | 1 << 13, ["OOS", "disk-fault", "rebalancing"]),
        (6 | 1 << 21, ["low-cpu"]),
        (6 | 1 << 30, ["flag-1073741824"]),
    ],
)
def test_alerts_are_named_and_the_gravest_come_first(flags: int, names: list[str]) -> None:
    assert [alert["name"] for alert in _nodes.alerts(flags)] == names
