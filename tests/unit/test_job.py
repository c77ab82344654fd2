# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ais_job makes of snapshots, and what it plans."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Any

import pytest
from ansible_collections.community.aistore.plugins.module_utils._errors import JobFailed, OptionError
from ansible_collections.community.aistore.plugins.module_utils._resources import job_fields
from ansible_collections.community.aistore.plugins.module_utils._resources.job import JobResource, Jobs, _moment, _time

NEVER = "0001-01-01T00:00:00Z"
DEFAULTS: dict[str, Any] = {
    "state": "started",
    "kind": None,
    "id": None,
    "bucket": None,
    "node": None,
    "args": None,
    "max_age": "10m",
    "wait": True,
    "wait_timeout": 600.0,
}


def snap(**given: Any) -> dict[str, Any]:
    return {
        "id": "a",
        "kind": "rechunk",
        "bck": {"name": "logs", "provider": "ais"},
        "start-time": "2026-01-02T03:04:05.678901234Z",
        "end-time": "2026-01-02T03:04:06Z",
        "stats": {"loc-objs": "2", "loc-bytes": "20"},
        **given,
    }


def resource(**given: Any) -> JobResource:
    return JobResource({**DEFAULTS, **given}, None)  # type: ignore[arg-type] - planning asks nobody


def ago(seconds: float) -> str:
    return datetime.fromtimestamp(time.time() - seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def known(*records: dict[str, Any], **given: Any) -> Jobs:
    whole = [{**job_fields.blank(f"j{n}", "rechunk", "finished"), **record} for n, record in enumerate(records)]
    return Jobs(tuple(whole), time.time(), **given)


@pytest.mark.parametrize(
    ("parts", "state", "error"),
    [
        ([{}, {}], "finished", ""),
        ([{}, {"end-time": NEVER}], "running", ""),
        ([{}, {"end-time": NEVER, "is_idle": True}], "idle", ""),
        ([{"aborted": True, "abort-err": "user"}, {"end-time": NEVER}], "running", "user"),
        ([{"aborted": True, "abort-err": "user"}, {}], "aborted", "user"),
        ([{"err": "disk"}, {"err": "disk"}], "failed", "disk"),
    ],
)
def test_a_job_is_the_sum_of_its_parts(parts: list[dict[str, Any]], state: str, error: str) -> None:
    (job,) = job_fields.describe({f"t{number}": [snap(**part)] for number, part in enumerate(parts)})
    assert (job["state"], job["error"]) == (state, error)
    assert (job["objects"], job["bytes"]) == (2 * len(parts), 20 * len(parts))
    assert job["bucket"] == "ais://logs"
    assert bool(job["finished"]) == (state in ("finished", "failed") or (state == "aborted"))
    assert set(job) == set(job_fields.blank("", "rechunk", "running"))


def test_the_latest_job_comes_first() -> None:
    jobs = job_fields.describe({"t": [snap(), snap(id="b", **{"start-time": "2026-01-02T04:00:00Z"})], "u": []})
    assert [job["id"] for job in jobs] == ["b", "a"]


@pytest.mark.parametrize(
    ("records", "steps"),
    [
        ([], 1),
        ([{"state": "running"}], 0),
        ([{"finished": ago(60)}], 0),
        ([{"finished": ago(3600)}], 1),
        ([{"state": "aborted", "finished": ago(1)}, {"finished": ago(60)}], 1),
    ],
)
def test_a_job_that_runs_or_has_just_finished_is_not_started(records: list[dict[str, Any]], steps: int) -> None:
    state = known(*records)
    wanted = resource(kind="rechunk", bucket="logs")
    plan = wanted.plan(state)
    assert len(plan) == steps
    foreseen = wanted.foresee(state, plan)
    assert len(wanted.result(foreseen)["jobs"]) == 1


def test_an_age_of_zero_starts_anew_unless_one_was_joined() -> None:
    wanted = resource(kind="rechunk", bucket="logs", max_age="0")
    assert len(wanted.plan(known({"finished": ago(0)}))) == 1
    assert len(wanted.plan(known({"finished": ago(-5)}))) == 1  # whatever the clocks say
    assert wanted.plan(known({"finished": ago(0)}, joined=("j0",))) == []


def test_each_target_has_its_own_resilver() -> None:
    wanted = resource(kind="resilver")
    wanted.nodes = ["t1", "t2"]
    part = {"state": "finished"}
    state = known({"kind": "resilver", "finished": ago(1), "targets": {"t1": part}})
    assert [step.target for step in wanted.plan(state)] == ["resilver on t2"]


def test_stopping_is_for_what_goes_on() -> None:
    wanted = resource(kind="rechunk", state="stopped")
    state = known({"state": "running"}, {"state": "idle"}, {"state": "finished"})
    plan = wanted.plan(state)
    assert [step.payload["id"] for step in plan] == ["j0", "j1"]
    assert wanted.plan(wanted.foresee(state, plan)) == []


@pytest.mark.parametrize("bad", ["aborted", "failed"])
def test_what_should_have_finished_and_did_not_is_a_failure(bad: str) -> None:
    wanted = resource(kind="rechunk", state="finished")
    assert wanted.plan(known({"state": "finished"}, {"state": bad})) == []
    with pytest.raises(JobFailed, match=f"rechunk.j0. {bad}: out of space"):
        wanted.plan(known({"state": bad, "error": "out of space"}, {"state": "finished"}))
    with pytest.raises(JobFailed, match="no node knows it"):
        resource(id="zzz", state="finished").plan(known())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "needs 'kind'"),
        ({"kind": "rebalance", "id": "x"}, "gets its id when it is started"),
        ({"kind": "resilver", "bucket": "logs"}, "takes no 'bucket'"),
        ({"kind": "rebalance", "args": {"force": True}}, "do not take it; they take: name, flags"),
        ({"kind": "lru", "state": "stopped", "args": {"force": True}}, "args are for state started"),
        ({"kind": "summary"}, "use ais_bucket_info"),
        ({"kind": "dsort"}, "Those that can are rebalance, resilver"),
        ({"kind": "rebalance", "max_age": "often"}, "is not a duration"),
    ],
)
def test_mistakes(given: dict[str, Any], message: str) -> None:
    with pytest.raises((OptionError, ValueError), match=message):
        resource(**given)


def test_times_of_the_server() -> None:
    assert _moment("2026-01-02T03:04:05.678901234Z") == _moment("2026-01-02T05:04:05+02:00") == 1767323045
    assert _moment(NEVER) < 0 or _moment(NEVER) == 0
    assert _moment("") == 0
    assert _time("Fri, 02 Jan 2026 03:04:05 GMT") == 1767323045
    assert abs(_time(None) - time.time()) < 5
