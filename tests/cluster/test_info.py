# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cluster says about itself, whole and with nodes that do not answer."""

from __future__ import annotations

import signal
from typing import Any

import pytest
from conftest import running_cluster
from playing import play, run_module
from relay import Relay

PROXIES = ["proxy-01", "proxy-02", "proxy-03"]
TARGETS = ["target-01", "target-02", "target-03", "target-04"]
EVERYBODY = [*PROXIES, *TARGETS]


@pytest.fixture(scope="module")
def everything(cluster: Any) -> dict[str, Any]:
    return run_module("ais_info", {"gather_subset": "all"}, endpoint=cluster.endpoint)


def test_the_default_is_cheap(cluster: Any, relay: Relay) -> None:
    played = play([{"name": "ask", "community.aistore.ais_info": None}], endpoint=relay.url, relay=relay)
    asked = played["ask"]
    assert asked["smap"]["uuid"] == cluster.info()["uuid"]
    assert asked["health"]["ready"]
    assert asked["silent"] == asked["errors"] == []
    assert not asked.changed
    assert len(asked.requests) <= 3
    assert not asked.writes


def test_the_map_is_decoded(everything: dict[str, Any]) -> None:
    smap = everything["smap"]
    assert smap["primary"] == smap["proxy_si"]["daemon_id"] == "proxy-01"
    assert list(smap["nodes"]) == EVERYBODY
    assert smap["nodes"]["target-01"]["state"] == "active"
    assert smap["nodes"]["proxy-01"]["primary"]
    assert sorted(smap["tmap"]) == TARGETS


@pytest.mark.parametrize("subset", ["nodes", "node_config", "stats", "sysinfo", "versions"])
def test_every_node_is_asked(everything: dict[str, Any], subset: str) -> None:
    assert list(everything[subset]) == EVERYBODY
    assert all(everything[subset].values())


@pytest.mark.parametrize("subset", ["mountpaths", "disks"])
def test_every_target_is_asked(everything: dict[str, Any], subset: str) -> None:
    assert list(everything[subset]) == TARGETS


def test_what_the_nodes_say(cluster: Any, ais_version: str, everything: dict[str, Any]) -> None:
    assert everything["errors"] == everything["silent"] == []
    paths = everything["mountpaths"]["target-01"]
    assert paths["available"] == [str(path) for path in cluster.nodes["target-01"].mountpaths]
    assert paths["capacity"]["total_avail"] > 0
    assert set(paths["capacity"]["mountpaths"]) == set(paths["available"])
    assert {node["version"][:3] for node in everything["versions"].values()} == {ais_version}
    assert everything["config"]["uuid"] == everything["bmd"]["uuid"] == everything["smap"]["uuid"]
    assert everything["node_config"]["target-01"]["confdir"]
    assert "up.ns.time" in everything["stats"]["target-01"]["tracker"]
    assert everything["sysinfo"]["proxy-02"]["mem_used"] > 0
    assert everything["nodes"]["target-02"]["kind"] == "target"
    assert everything["backends"] == everything["remote_clusters"] == []
    assert all(set(alert) == {"node", "name", "severity"} for alert in everything["alerts"])


def test_nodes_filters_and_mistakes(cluster: Any, bucket_name: Any) -> None:
    bucket = bucket_name()
    tasks = [
        {"name": "bucket", "community.aistore.ais_bucket": {"name": bucket}},
        {"name": "job", "community.aistore.ais_job": {"kind": "rechunk", "bucket": bucket}},
        {"name": "two", **ask("stats", node=["proxy-02", "target-03"])},
        {"name": "group", **ask("sysinfo", node="proxies")},
        {"name": "primary", **ask("nodes", node="primary")},
        {"name": "buckets", **ask("buckets")},
        {"name": "of the bucket", **ask("xactions", xactions={"bucket": bucket, "kind": "rechunk"})},
        {"name": "of one target", **ask("xactions", xactions={"bucket": bucket}, node="target-02")},
        {"name": "rebalances", **ask("xactions", xactions={"kind": "rebalance"})},
        {"name": "prefetches", **ask("xactions", xactions={"kind": "prefetch-objects"})},
        {"name": "running", **ask("xactions", xactions={"running": True, "bucket": bucket})},
        {"name": "no such kind", **ask("xactions", xactions={"kind": "rebalanse"})},
        {"name": "no such node", **ask("nodes", node=["target-1", "proxy-01"])},
    ]
    played = play([{**task, "ignore_errors": True} for task in tasks], endpoint=cluster.endpoint)
    assert list(played["two"]["stats"]) == ["proxy-02", "target-03"]
    assert list(played["group"]["sysinfo"]) == PROXIES
    assert list(played["primary"]["nodes"]) == ["proxy-01"]
    assert f"ais://{bucket}" in [found["uri"] for found in played["buckets"]["buckets"]]
    (job,) = played["of the bucket"]["xactions"]
    assert job["id"] == played["job"]["jobs"][0]["id"]
    assert (job["kind"], job["bucket"], job["state"]) == ("rechunk", f"ais://{bucket}", "finished")
    assert list(job["targets"]) == TARGETS
    assert [list(one["targets"]) for one in played["of one target"]["xactions"]] == [["target-02"]]
    assert played["running"]["xactions"] == []
    assert {one["kind"] for one in played["rebalances"]["xactions"]} <= {"rebalance"}
    assert {one["kind"] for one in played["prefetches"]["xactions"]} <= {"prefetch-listrange"}
    assert "did you mean rebalance?" in played["no such kind"].msg
    assert "did you mean target-01?" in played["no such node"].msg
    assert ", ".join(EVERYBODY) in played["no such node"].msg


def ask(subset: str, **options: Any) -> dict[str, Any]:
    return {"community.aistore.ais_info": {"gather_subset": subset, **options}}


def test_a_bad_node_does_not_spoil_the_rest(ais_version: str) -> None:
    """A node that is dead, one that hangs, and one in maintenance."""
    with running_cluster(version=ais_version, proxies=2, targets=4, config=PATIENT) as box:
        value = {"sid": "target-04", "skip_rebalance": True}
        body = {"action": "start-maintenance", "value": value}
        assert box.http().call("PUT", f"{box.endpoint}/v1/cluster", body)[0] == 200
        box.kill("target-02")
        box.signal("target-03", signal.SIGSTOP)
        try:
            options = {
                "gather_subset": ["smap", "stats", "nodes", "alerts", "mountpaths", "config", "xactions"],
                "timeout": 4,
                "retries": 0,
            }
            found = run_module("ais_info", options, endpoint=box.endpoint)
        finally:
            box.signal("target-03", signal.SIGCONT)
    assert set(found["silent"]) == {"target-02", "target-03"}
    assert {(error["subset"], error["node"]) for error in found["errors"]} >= {
        ("stats", "target-02"),
        ("stats", "target-03"),
    }
    assert "xactions" in found
    assert list(found["stats"]) == ["proxy-01", "proxy-02", "target-01", "target-04"]
    assert found["config"]["uuid"] == found["smap"]["uuid"]
    assert found["nodes"]["target-04"]["state"] == "maintenance"
    alerts = {(alert["node"], alert["name"]) for alert in found["alerts"]}
    assert alerts >= {
        ("target-02", "no-answer"),
        ("target-03", "no-answer"),
        ("target-04", "in-maintenance-mode"),
    }


#: Nobody is dropped from the map while the test looks.
PATIENT = {
    "keepalivetracker": {kind: {"name": "heartbeat", "interval": "30s", "factor": 3} for kind in ("proxy", "target")}
}


def test_a_failure_that_is_all_there_is_fails_the_task(cluster: Any, relay: Relay) -> None:
    relay.fault(path="/v1/cluster", times=9, status=400, body=b'{"message": "no such what"}')
    with_map = run_module("ais_info", {"gather_subset": "config"}, endpoint=relay.url, ok=False)
    assert "no such what" in with_map["msg"]
