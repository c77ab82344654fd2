# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of real clusters: cluster-wide and of nodes, in memory and for good, and back again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import running_cluster
from converge import Case, converge
from playing import play
from relay import Relay

MODULE = "community.aistore.ais_cluster_config"
ORDINARY = {"log": {"level": "3"}, "mirror": {"copies": 2}, "client": {"client_timeout": "10s"}, "features": "0"}


def config(**options: Any) -> dict[str, Any]:
    return {MODULE: options}


@pytest.fixture
def configured(cluster: Any) -> Iterator[Any]:
    """The shared cluster, whose configuration is as it was afterwards."""
    http, url = cluster.http(), f"{cluster.endpoint}/v1/cluster"
    before = http.read(f"{url}?what=cluster_config")
    kept = {section: before[section] for section in ("log", "mirror", "client", "net", "timeout", "downloader")}
    kept["net"].pop("l4")
    yield cluster
    assert http.call("PUT", url, {"action": "reset-config"})[0] == 200
    status, body = http.call("PUT", url, {"action": "set-config", "value": {**kept, "features": before["features"]}})
    assert status == 200, body


def test_it_converges(configured: Any, relay: Relay) -> None:
    nested = {"log": {"level": 4, "max_size": "16384KiB"}, "client": {"client_timeout": "90s"}}
    cases = [
        Case("cluster, nested", config(config=nested)),
        Case("cluster, dotted", config(config={"mirror.copies": 3, "features": ["Fsync-PUT", "S3-API-via-Root"]})),
        Case("other spellings", config(config={"log.max_size": 16777216, "client.client_timeout": "1m30s", "features": "24"}), changes=False),
        Case("one node", config(node="target-02", config={"log.level": "5", "downloader": {"timeout": "30m"}})),
        Case("all proxies", config(node="proxies", config={"log.level": "2"})),
        Case("in memory", config(node="target-03", config={"disk.disk_util_low_wm": 30}, transient=True)),
        Case("only this", config(node="target-02", config={"log.level": "5"}, reset=True)),
        Case("only that", config(node="target-02", config={"downloader.timeout": "1800s"}, reset=True)),
        Case("none", config(reset=True)),
        Case("everywhere in memory", config(config={"fshc.test_files": 5}, transient=True)),
    ]  # fmt: skip
    found = {converged.case.name: converged for converged in converge(cases, relay)}
    for converged in found.values():
        converged.verify()
    assert found["cluster, nested"].apply["config"] == {
        "log": {"level": "4", "max_size": "16MiB"},
        "client": {"client_timeout": "1m30s"},
    }
    assert found["other spellings"].apply["config"]["features"] == ["S3-API-via-Root", "Fsync-PUT"]
    assert found["one node"].apply["nodes"] == {"target-02": {"log": {"level": "5"}, "downloader": {"timeout": "30m"}}}
    assert len(found["all proxies"].apply.writes) == 3
    assert found["only this"].apply["diff"] == {
        "before": {"target-02": {"log": {"level": "5"}, "downloader": {"timeout": "30m"}}},
        "after": {"target-02": {"log": {"level": "5"}, "downloader": {"timeout": "1h0m"}}},
    }
    assert found["none"].apply["overrides"] == {}
    assert {step["verb"] for step in found["none"].apply["steps"]} == {"reset"}


def test_overrides_are_told(configured: Any) -> None:
    tasks = [
        {"name": "of the answering proxy", **config(node="proxy-01", config={"log.level": "5"})},
        {"name": "cluster", **config(config={"log.level": "3"})},
        {"name": "of others", **config(config={"log.level": "5"})},
    ]
    played = play(tasks, endpoint=configured.endpoint)
    # One proxy's own view is not taken for the cluster's.
    assert not played["cluster"].changed
    assert played["cluster"]["config"] == {"log": {"level": "3"}}
    assert played["cluster"]["overrides"] == {"proxy-01": {"log": {"level": "5"}}}
    assert played["of others"].changed
    assert played["of others"]["overrides"] == {}


def test_keys_renamed_between_versions_are_no_drift(configured: Any, ais_version: str) -> None:
    wanted = configured.spec.authn
    tasks = [{"name": name, **config(config={name: wanted})} for name in ("auth.enabled", "auth.client_auth_required")]
    both = {"name": "both", **config(config={"auth.cluster_key.nonce_window": "2m", "auth.enabled": wanted})}
    played = play([*tasks, {**both, "check_mode": True}], endpoint=configured.endpoint)
    own = {"5.0": "client_auth_required", "4.9": "enabled"}[ais_version]
    section = {"5.0": "intra_cluster", "4.9": "cluster_key"}[ais_version]
    for name in ("auth.enabled", "auth.client_auth_required"):
        assert not played[name].changed
        assert played[name]["config"] == {"auth": {own: wanted}}
    assert played["both"]["config"] == {"auth": {section: {"nonce_window": "2m"}, own: wanted}}


def test_restart_is_told(configured: Any, relay: Relay) -> None:
    (found,) = converge([Case("net", config(config={"net.http.idle_conn_time": "7s", "log.level": "4"}))], relay)
    found.verify()
    assert found.check["restart_required"] == found.apply["restart_required"] == ["net.http.idle_conn_time"]
    assert found.apply_again["restart_required"] == []


def test_mistakes_are_told_before_anything_is_sent(cluster: Any, relay: Relay) -> None:
    mistakes = {
        "config.log.levle: unknown property; did you mean log.level?": {"config": {"log": {"levle": 3}}},
        "config.mirror.copies: 'many' is not a whole number": {"config": {"mirror": {"copies": "many"}}},
        "config.mirror is a section": {"config": {"mirror": True}},
        "config.client.client_timeout: 'soon' is not a duration": {"config": {"client.client_timeout": "soon"}},
        "config.log.max_size: 'big' is not a size": {"config": {"log.max_size": "big"}},
        "config.rebalance.enabled: 'perhaps' is not a boolean": {"config": {"rebalance.enabled": "perhaps"}},
        "config.tcb.compression: 'sometimes' is not one of": {"config": {"tcb.compression": "sometimes"}},
        "config.features: unknown name 'Fsync-PUTT'; did you mean": {"config": {"features": ["Fsync-PUTT"]}},
        "config.uuid: is read-only": {"config": {"uuid": "x"}},
        "config.proxy.primary_url: is read-only": {"config": {"proxy.primary_url": "http://x"}},
        "mirror is the same for the whole cluster": {"config": {"mirror.copies": 3}, "node": "target-01"},
        "cannot be changed in memory alone": {"config": {"net.http.skip_verify": True}, "transient": True},
        "'target-11' is not in the cluster map; did you mean target-01?": {"config": {"log.level": 4}, "node": "target-11"},
        "there is nothing to do": {},
    }  # fmt: skip
    tasks = [{"name": expected, **config(**options), "ignore_errors": True} for expected, options in mistakes.items()]
    played = play(tasks, endpoint=relay.url, relay=relay)
    for expected in mistakes:
        assert played[expected].failed
        assert expected in played[expected].msg
        assert not played[expected].writes


def test_what_the_server_refuses_is_told_in_its_words(cluster: Any) -> None:
    task = {"name": "refused", **config(config={"space.lowwm": 99}), "ignore_errors": True}
    played = play([task], endpoint=cluster.endpoint)
    assert "low=99%" in played["refused"].msg
    assert not played["refused"].changed


def test_a_secret_is_neither_compared_nor_shown(ais_version: str) -> None:
    """The secret is that of tokens: a cluster that wants some would take none any more."""
    secret = "a-key-to-sign-with-0123456789abcdef"
    signature = {"auth": {"signature": {"key": secret, "method": "HS256"}}}
    with running_cluster(version=ais_version, proxies=1, targets=1, authn=False) as box:
        tasks = [
            {"name": "would", **config(config=signature), "check_mode": True},
            {"name": "set", **config(config=signature)},
            {"name": "again", **config(config=signature)},
            {"name": "another", **config(config={"auth.signature.key": "another-key-of-the-same-length-as-it"})},
            {"name": "with", **config(config={"auth.signature": {"key": secret, "method": "HS512"}})},
            {"name": "badly", **config(config={"auth.signature.key": secret, "log.levle": 1}), "ignore_errors": True},
        ]
        played = play(
            tasks, endpoint=box.endpoint, verbosity=4, variables={"secret": "x"}, env={"ANSIBLE_SHOW_TASK_PATH_ON_FAILURE": "0"}
        )  # fmt: skip
    assert [result.changed for result in played] == [True, True, False, False, True, False]
    shown = json.dumps([result.result for result in played])
    assert secret not in shown
    assert "another-key" not in shown
    assert played["set"]["steps"][0]["detail"]["auth.signature.key"] == "********"


def test_a_silent_node_does_not_stop_the_others(ais_version: str) -> None:
    patient = {
        "keepalivetracker": {
            kind: {"name": "heartbeat", "interval": "30s", "factor": 3} for kind in ("proxy", "target")
        }
    }
    with running_cluster(version=ais_version, proxies=1, targets=2, config=patient) as box:
        box.kill("target-02")
        tasks = [
            {"name": "cluster", **config(config={"log.level": "4"}, retries=0)},
            {"name": "it", **config(config={"log.level": "5"}, node="target-02", retries=0), "ignore_errors": True},
        ]
        played = play(tasks, endpoint=box.endpoint)
    assert played["cluster"]["silent"] == ["target-02"]
    assert played["cluster"]["config"] == {"log": {"level": "4"}}
    assert "read config of node target-02" in played["it"].msg
