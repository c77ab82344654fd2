# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs of real clusters: each state, joined, aborted, and the classes of jobs that are waited for differently."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from conftest import running_cluster, session_of
from converge import Case, converge
from playing import play
from relay import Relay

MODULE = "community.aistore.ais_job"
TARGETS = ["target-01", "target-02", "target-03", "target-04"]


def job(**options: Any) -> dict[str, Any]:
    return {MODULE: options}


def fill(box: Any, bucket: str, count: int) -> None:
    http = box.http()
    assert http.call("POST", f"{box.endpoint}/v1/buckets/{bucket}", {"action": "create-bck"})[0] in (200, 409)
    with session_of(box) as session:
        for number in range(count):
            url = f"{box.endpoint}/v1/objects/{bucket}/o{number}"
            assert session.put(url, data=b"x" * 1000, timeout=30).ok


def begin(box: Any, bucket: str, to: str) -> str:
    """Start a job that takes its time whatever there is to do, and return its id."""
    body = {"action": "copy-bck", "value": {}}
    status, answer = box.http().call("POST", f"{box.endpoint}/v1/buckets/{bucket}?bck_to=ais/@%23/{to}/", body)
    assert status == 200, answer
    return answer.decode().strip()


def test_every_startable_kind_converges(cluster: Any, relay: Relay, bucket_name: Callable[..., str]) -> None:
    bucket = bucket_name()
    fill(cluster, bucket, 3)
    props = {"mirror": {"enabled": True, "copies": 2}}
    mirrored = {"community.aistore.ais_bucket": {"name": bucket, "props": props}}
    cases = [
        Case("lru", job(kind="lru-eviction", bucket=bucket)),
        Case("cleanup", job(kind="cleanup", args={"buckets": [bucket], "flags": ["zero-size"]})),
        Case("rechunk", job(kind="rechunk", bucket=bucket)),
        Case("warm up", job(kind="warm-up-metadata", bucket=bucket)),
        Case("resilver", job(kind="resilver", node=["target-02", "target-03"])),
        Case("resilver one more", job(kind="resilver", node=["target-01", "target-02"])),
        Case("mirror", job(kind="mirror", bucket=bucket), before=[mirrored], changes=False),
        Case("finished", job(kind="rechunk", bucket=bucket, state="finished"), changes=False),
        Case("nothing to wait for", job(kind="etl-bucket", state="finished"), changes=False),
        Case("nothing to stop", job(kind="copy-bucket", bucket=bucket, state="stopped"), changes=False),
    ]
    found = {converged.case.name: converged for converged in converge(cases, relay)}
    for converged in found.values():
        converged.verify()
    (rechunked,) = found["rechunk"].apply["jobs"]
    assert (rechunked["state"], rechunked["objects"], rechunked["bytes"]) == ("finished", 3, 3000)
    assert list(rechunked["targets"]) == TARGETS
    assert {part["state"] for part in rechunked["targets"].values()} == {"finished"}
    assert rechunked == found["finished"].apply["jobs"][0]
    resilvered = found["resilver"].apply["jobs"]
    assert sorted(target for one in resilvered for target in one["targets"]) == ["target-02", "target-03"]
    assert [step["target"] for step in found["resilver one more"].apply["steps"]] == ["resilver on target-01"]
    assert found["mirror"].apply["jobs"][0]["kind"] == "make-n-copies"


def test_a_new_one_each_time(cluster: Any, relay: Relay, bucket_name: Callable[..., str]) -> None:
    bucket = bucket_name()
    tasks = [
        {"name": "bucket", "community.aistore.ais_bucket": {"name": bucket}},
        {"name": "first", **job(kind="rechunk", bucket=bucket)},
        {"name": "again", **job(kind="rechunk", bucket=bucket)},
        {"name": "anew", **job(kind="rechunk", bucket=bucket, max_age="0")},
        {"name": "not waited for", **job(kind="rechunk", bucket=bucket, max_age="0", wait=False)},
        {"name": "lru anew", **job(kind="lru", max_age="0")},
        {"name": "lru again", **job(kind="lru")},
        {"name": "lru of one bucket is another", **job(kind="lru", bucket=bucket)},
    ]
    played = play(tasks, endpoint=relay.url, relay=relay)
    changed = [result.task for result in played if result.changed]
    assert changed == [
        "bucket",
        "first",
        "anew",
        "not waited for",
        "lru anew",
        "lru of one bucket is another",
    ]
    ids = [played[name]["jobs"][0]["id"] for name in ("first", "again", "anew", "not waited for")]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


def test_running_jobs_are_joined_and_stopped(cluster: Any, relay: Relay, bucket_name: Callable[..., str]) -> None:
    source, copy, other = bucket_name(), bucket_name(), bucket_name()
    fill(cluster, source, 3)
    first = begin(cluster, source, copy)
    tasks = [
        {"name": "by bucket, no wait", **job(kind="copy-bucket", bucket=source, state="finished", wait=False)},
        {"name": "too impatient", **job(id=first, state="finished", wait_timeout=0.3), "ignore_errors": True},
        {"name": "would stop", **job(id=first, state="stopped"), "check_mode": True},
        {"name": "stop", **job(kind="copy-bck", bucket=source, state="stopped")},
        {"name": "stop again", **job(kind="copy-bck", bucket=source, state="stopped")},
        {"name": "was aborted", **job(id=first, state="finished"), "ignore_errors": True},
    ]
    played = play(tasks, endpoint=relay.url, relay=relay)
    assert played["by bucket, no wait"]["jobs"][0]["id"] == first
    assert played["by bucket, no wait"]["jobs"][0]["state"] == "running"
    assert "still running" in played["too impatient"].msg
    assert played["too impatient"]["error"]["type"] == "JobTimeout"
    assert played["would stop"].changed
    assert not played["would stop"].writes
    assert played["stop"].changed
    assert [(one["id"], one["state"]) for one in played["stop"]["jobs"]] == [(first, "aborted")]
    assert not played["stop again"].changed
    assert played["was aborted"]["error"]["type"] == "JobFailed"
    assert first in played["was aborted"].msg

    second = begin(cluster, source, other)
    waited = play([{"name": "wait", **job(kind="copy-bucket", bucket=source, state="finished")}], endpoint=relay.url)
    assert waited["wait"]["jobs"][0]["id"] == second
    assert waited["wait"]["jobs"][0]["state"] == "finished"
    assert not waited["wait"].changed


def test_mistakes_are_told_before_anything_is_sent(cluster: Any, relay: Relay) -> None:
    mistakes = {
        "kind: unknown kind of job 'rebalanse'; did you mean rebalance?": {"kind": "rebalanse"},
        "cannot be started by itself; use ais_object": {"kind": "prefetch-objects"},
        "cannot be started by itself; use ais_bucket": {"kind": "copy-bucket"},
        "jobs of kind rechunk need 'bucket'": {"kind": "rechunk"},
        "'node' is for resilver": {"kind": "lru", "node": "all"},
        "args.name: jobs of kind lru do not take it": {"kind": "lru", "args": {"name": "x"}},
        "needs 'kind' or 'id'": {"state": "stopped"},
        "'proxy-01' is a proxy, not a target": {"kind": "resilver", "node": ["proxy-01"]},
        "no node knows it": {"id": "abcdefghij", "state": "finished"},
    }
    tasks = [{"name": expected, **job(**options), "ignore_errors": True} for expected, options in mistakes.items()]
    played = play(tasks, endpoint=relay.url, relay=relay)
    for expected in mistakes:
        assert played[expected].failed
        assert expected in played[expected].msg
        assert not played[expected].writes


@pytest.mark.slow
def test_rebalance(ais_version: str) -> None:
    with running_cluster(version=ais_version, proxies=1, targets=2, rebalance=True) as box:
        fill(box, "rebalanced", 20)
        tasks = [
            {"name": "joined or started", **job(kind="rebalance", wait=False, max_age="0")},
            {"name": "joined", **job(kind="rebalance")},
            {"name": "finished", **job(kind="rebalance", state="finished")},
        ]
        played = play(tasks, endpoint=box.endpoint)
        assert not played["joined"].changed
        (rebalance,) = played["joined"]["jobs"]
        assert rebalance["state"] == "finished"
        assert rebalance["id"] == played["joined or started"]["jobs"][0]["id"]
        assert played["finished"]["jobs"][0]["id"] == rebalance["id"]
