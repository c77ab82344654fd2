# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real nodes that rest, leave and come back. Rebalances take half a minute: most tests are without, those with one are slow."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from conftest import relay_to, running_cluster
from converge import Case, converge
from holdings import holding
from playing import killed, play
from sandbox import _processes

MODULE = "community.aistore.ais_target"
MAINTENANCE, DECOMMISSION, DRAINED = 4, 8, 16


def task(**args: Any) -> dict[str, Any]:
    return {MODULE: args}


def flags(box: Any) -> dict[str, int]:
    """id -> flags of the nodes in the primary's map, without those that tell who may become the primary."""
    smap = box.http().read(f"{box.endpoint}/v1/cluster?what=smap")
    return {name: node.get("flags", 0) & ~3 for group in ("pmap", "tmap") for name, node in smap[group].items()}


def change(box: Any, action: str, **value: Any) -> str:
    """Change a node's membership as anybody else would."""
    body = {"action": action, "value": value}
    status, text = box.http().call("PUT", f"{box.endpoint}/v1/cluster", body, timeout=60)
    assert status == 200, text
    return text.decode().strip()


def rebalances(box: Any) -> list[dict[str, Any]]:
    url = f"{box.endpoint}/v1/cluster?what=status_all"
    _status, text = box.http().call("GET", url, {"kind": "rebalance"}, timeout=30)
    return json.loads(text) or []


def wait_for(true: Callable[[], Any], timeout: float = 120) -> None:
    deadline = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < deadline, true
        time.sleep(0.1)


def start(box: Any, name: str) -> None:
    """Start a node that is in maintenance: it runs, and is not ready before it is active again."""
    box.start_node(name, wait=False)
    wait_for(lambda: box.http().call("GET", f"{box.url(name)}/v1/health")[0] == 200)


def in_standby(box: Any, name: str) -> None:
    """Start a node anew, in such a way that it waits to be joined."""
    command, environ = (
        Path(f"/proc/{box.pids[name]}/{what}").read_text().strip("\0").split("\0") for what in ("cmdline", "environ")
    )
    box.stop_node(name)
    wait_for(lambda: name not in flags(box))
    _processes.spawn(box.directory, name, [*command, "-standby"], dict(line.split("=", 1) for line in environ))
    wait_for(lambda: box.http().call("GET", f"{box.url(name)}/v1/daemon?what=snode")[0] == 200)


def set_config(box: Any, **sections: Any) -> None:
    body = {"action": "set-config", "value": sections}
    status, text = box.http().call("PUT", f"{box.endpoint}/v1/cluster", body, timeout=60)
    assert status == 200, text


def test_resting_and_coming_back_converge(wide: Any) -> None:
    cases = [
        Case("maintenance", task(node="target-01", state="maintenance")),
        Case("back", task(node="target-01", state="active")),
        Case("a batch", task(node=["target-02", "target-03", "proxy-02"], state="maintenance", rebalance=False)),
        Case("one more", task(node=["target-02", "target-04"], state="maintenance", min_targets=2)),
        Case("active all the time", task(node=["target-01", "proxy-01"], state="active"), changes=False),
        Case("all back", task(node="targets", state="active")),
        Case("the proxy too", task(node="proxies", state="active", rebalance=False)),
    ]
    with relay_to(wide) as relay:
        found = converge(cases, relay)
        for each in found:
            each.verify()
    batch = found[2].apply
    several = [request for request in batch.writes if b'"sids"' in request.body]
    # One call for all targets where the server can, else one after the other.
    assert (len(batch.writes), len(several)) == ((2, 1) if wide.spec.version == "5.0" else (3, 0))
    assert set(flags(wide).values()) == {0}


def test_shut_down_and_started_again(wide: Any) -> None:
    names = ["target-04", "proxy-03"]
    with relay_to(wide) as relay:
        (found,) = converge([Case("shutdown", task(node=names, state="shutdown", rebalance=False))], relay)
    found.verify()
    assert {node["state"] for node in found.apply["nodes"]} == {"shutdown"}
    assert not set(names) & set(wide.pids)
    played = play(
        [
            {"name": "rests already", **task(node=names, state="maintenance", rebalance=False)},
            {"name": "cannot come back", **task(node="target-04", state="active"), "ignore_errors": True},
        ],
        endpoint=wide.endpoint,
    )
    assert not played["rests already"].changed
    assert "Start the process of that node first" in played["cannot come back"].msg
    for name in names:
        start(wide, name)
    back = play([{"name": "back", **task(node=names, state="active")}], endpoint=wide.endpoint)["back"]
    assert back.changed
    assert set(flags(wide).values()) == {0}


def test_what_is_refused_is_refused_before_anything_is_sent(wide: Any) -> None:
    refused = {
        "proxy-01 is the primary; nothing was changed": task(node="proxy-01", state="maintenance"),
        "'target-11' is not in the cluster map; did you mean": task(node="target-11", state="maintenance"),
        "would be left, fewer than min_targets=5": task(node="target-01", state="shutdown", min_targets=5),
        "0 active targets would be left": task(node="targets", state="maintenance"),
        "rm_user_data is only for": task(node="target-01", state="active", rm_user_data=True),
        "takes 'address'": task(node="target-01", state="joined"),
        "cannot connect to": task(address="http://127.0.0.1:1", state="joined"),
    }
    with holding(wide, 1), relay_to(wide) as relay:
        refused["rebalance.enabled=false"] = task(node="target-01", state="decommissioned")
        refused["would be destroyed"] = task(
            node="target-01", state="decommissioned", rebalance=False, rm_user_data=True
        )
        tasks = [{"name": why, "ignore_errors": True, **what} for why, what in refused.items()]
        played = play(tasks, endpoint=relay.url, relay=relay)
    for why in refused:
        assert played[why].failed, why
        assert why in played[why].msg
        assert played[why].writes == []
    assert set(flags(wide).values()) == {0}


@pytest.mark.slow_on("4.9")
def test_nodes_leave_for_good_and_others_join_by_their_address(ais_version: str) -> None:
    with running_cluster(version=ais_version, proxies=2, targets=4, mountpaths=1) as box:
        in_standby(box, "target-03")
        public, control = (
            f"{urlsplit(box.endpoint).scheme}://127.0.0.1:{port}" for port in box.nodes["target-03"].ports[:2]
        )
        joined = task(address=public, state="joined")
        set_config(box, rebalance={"enabled": True})
        played = play([{"name": "refused", **joined}], endpoint=box.endpoint, ok=False)
        assert "Restart it without '-standby'" in played["refused"].msg
        set_config(box, rebalance={"enabled": False})
        cases = [
            Case("joined", joined),
            Case("joined, by another address of it", task(address=control, state="joined"), changes=False),
            Case("gone", task(node="target-04", state="decommissioned", rm_user_data=True, rebalance=False)),
            Case("a proxy too", task(node=["proxy-02", "target-04"], state="decommissioned")),
        ]
        with relay_to(box) as relay:
            for found in converge(cases, relay):
                found.verify()
        assert set(flags(box)) == {"proxy-01", "target-01", "target-02", "target-03"}
        wait_for(lambda: not {"target-04", "proxy-02"} & set(box.pids))
        # One that is down goes too, but its objects with it only if somebody says so.
        with holding(box, 20):
            change(box, "shutdown-node", sid="target-03", skip_rebalance=True)
            wait_for(lambda: "target-03" not in box.pids)
            tasks = [
                {"name": "refused", "ignore_errors": True, **task(node="target-03", state="decommissioned")},
                {"name": "forced", **task(node="target-03", state="decommissioned", force=True)},
            ]
            played = play(tasks, endpoint=box.endpoint)
        assert "it does not answer, so its objects cannot be moved" in played["refused"].msg
        assert played["forced"].changed
        assert "target-03" not in flags(box)


# -- with rebalances -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def moving(ais_version: str) -> Iterator[Any]:
    """A cluster that rebalances, and that resilvers."""
    with running_cluster(version=ais_version, targets=5, mountpaths=3, rebalance=True) as box:
        yield box


@pytest.mark.slow
def test_objects_move_away_and_back(moving: Any) -> None:
    before = len(rebalances(moving))
    names = ["target-01", "target-02"]
    with holding(moving, 300) as held, relay_to(moving) as relay:
        cases = [
            Case("a batch rests", task(node=names, state="maintenance")),
            Case("one is shut down", task(node="target-01", state="shutdown")),
        ]
        for found in converge(cases, relay):
            found.verify()
        assert {name: flags(moving)[name] for name in names} == dict.fromkeys(names, MAINTENANCE | DRAINED)
        assert held.lost() == []
        expected = 1 if moving.spec.version == "5.0" else 2
        assert len(rebalances(moving)) == before + expected
        start(moving, "target-01")
        (found,) = converge([Case("back", task(node=names, state="active"))], relay)
        found.verify()
        assert {job["state"] for job in found.apply["jobs"]} == {"finished"}
        assert held.lost() == []


@pytest.mark.slow
def test_one_that_rests_undrained_is_drained_by_the_next_task(moving: Any) -> None:
    with holding(moving, 300) as held:
        change(moving, "start-maintenance", sid="target-03", skip_rebalance=True)
        assert flags(moving)["target-03"] == MAINTENANCE
        name = {"node": "target-03"}
        tasks = [
            {"name": "not asked", **task(**name, state="maintenance", rebalance=False)},
            {"name": "drained", **task(**name, state="maintenance")},
            {"name": "again", **task(**name, state="maintenance")},
        ]
        played = play(tasks, endpoint=moving.endpoint)
        assert [played[each].changed for each in ("not asked", "drained", "again")] == [False, True, False]
        assert flags(moving)["target-03"] == MAINTENANCE | DRAINED
        assert held.lost() == []
        play([task(**name, state="decommissioned")], endpoint=moving.endpoint)
        assert "target-03" not in flags(moving)
        assert held.lost() == []


@pytest.mark.slow
def test_a_play_that_was_killed_is_taken_up(moving: Any, tmp_path: Path) -> None:
    playbook = tmp_path / "rest.yml"
    options = {"endpoint": [moving.endpoint], "node": "target-04", "state": "maintenance"}
    playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [task(**options)]}]))
    with holding(moving, 300) as held:
        killed(playbook, lambda: wait_for(lambda: flags(moving)["target-04"] == MAINTENANCE), endpoint=moving.endpoint)
        assert flags(moving)["target-04"] == MAINTENANCE
        again = play([{"name": "again", **task(node="target-04", state="maintenance")}], endpoint=moving.endpoint)[
            "again"
        ]
        assert not again.changed
        assert again["node"]["drained"]
        assert held.lost() == []
        # Back, and while that moves objects, already the next change: it waits for its turn.
        tasks = [
            {"name": "back", **task(node="target-04", state="active", wait=False)},
            {"name": "waited", **task(node="target-04", state="active")},
        ]
        played = play(tasks, endpoint=moving.endpoint)
        assert played["back"]["jobs"][0]["state"] == "started"
        assert not played["waited"].changed
        assert not [job for job in rebalances(moving) if not job["end_time"]]
        assert held.lost() == []


@pytest.mark.slow
def test_parallel_hosts_take_turns(moving: Any) -> None:
    path = moving.nodes["target-05"].mountpaths[0]
    tasks = {
        "h1": task(node="target-01", state="maintenance"),
        "h2": task(node="target-02", state="maintenance"),
        "h3": {"community.aistore.ais_mountpath": {"node": "target-05", "path": path, "state": "disabled"}},
    }
    both = [
        {"when": f"inventory_hostname == '{host}'", "name": f"turn of {host}", **what} for host, what in tasks.items()
    ]
    with holding(moving, 300) as held:
        played = play(both, endpoint=moving.endpoint, hosts=list(tasks), forks=3, env={"ANSIBLE_STRATEGY": "free"})
        assert {result.host for result in played if result.changed} == set(tasks)
        assert not [job for job in rebalances(moving) if job["aborted"]]
        assert {flags(moving)[name] for name in ("target-01", "target-02")} == {MAINTENANCE | DRAINED}
        assert held.lost() == []
        play(
            [
                task(node=["target-01", "target-02"], state="active"),
                {"community.aistore.ais_mountpath": {"node": "target-05", "path": path, "state": "enabled"}},
            ],
            endpoint=moving.endpoint,
        )
        assert held.lost() == []
