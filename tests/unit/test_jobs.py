# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for jobs, against recorded answers and a clock that does what it is told."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.community.aistore.plugins.module_utils import _errors, _jobs
from ansible_collections.community.aistore.plugins.module_utils._errors import JobFailed, JobTimeout
from ansible_collections.community.aistore.plugins.module_utils._jobs import KINDS, Job

NEVER = "0001-01-01T00:00:00Z"
ENDED = "2026-11-26T11:37:33.054762772Z"


class Cluster:
    """Answers cluster queries with a list of answers, the last one for ever; a moment passes with each look."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, Any]] = []
        self.now = 0.0
        self.slept: list[float] = []

    def cluster(self, what: str, body: Any = None) -> Any:
        self.asked.append((what, body))
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(found, Exception):
            raise found
        return found

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def wait(self, kind: str, deadline: float = 60.0, **more: Any) -> Job:
        return _jobs.wait(self, Job("id1", kind, "ais://b"), deadline, sleep=self.sleep, clock=lambda: self.now, **more)  # type: ignore[arg-type]


def snap(ended: bool = False, idle: bool = False, **more: Any) -> dict[str, Any]:
    return {"end-time": ENDED if ended else NEVER, "is_idle": idle, "aborted": False, "stats": {}, **more}


def gone() -> _errors.NotFound:
    return _errors.NotFound("read", 404, "no such job")


def test_a_status_is_waited_for() -> None:
    cluster = Cluster({"end_time": "0"}, {"end_time": "0"}, {"end_time": "123"})
    assert cluster.wait("rebalance").state == "finished"
    assert cluster.asked == [("status", {"id": "id1", "kind": "rebalance"})] * 3


def test_snapshots_are_waited_for_on_all_targets() -> None:
    cluster = Cluster(
        {"t1": [snap(ended=True)], "t2": [snap()]},
        {"t1": [snap(ended=True)], "t2": [snap(idle=True)]},
        {
            "t1": [snap(ended=True, stats={"loc-objs": "3", "loc-bytes": "30"})],
            "t2": [snap(ended=True, stats={"out-objs": 1, "out-bytes": 10})],
        },
    )
    job = cluster.wait("resilver")
    assert (job.state, job.objects, job.bytes) == ("finished", 4, 40)
    assert job.shown() == {
        "id": "id1",
        "kind": "resilver",
        "target": "ais://b",
        "state": "finished",
        "objects": 4,
        "bytes": 40,
    }


def test_a_job_that_only_idles_is_over_when_it_idles_twice() -> None:
    busy, idle = {"t1": [snap()]}, {"t1": [snap(idle=True)]}
    cluster = Cluster(busy, idle, busy, idle, idle)
    assert cluster.wait("copy-listrange").state == "finished"
    assert len(cluster.asked) == 5


def test_who_knows_sooner_that_all_is_done_is_asked_where_the_count_stands_still() -> None:
    counts = [1, 2, 3, 3, 4, *[5] * 100]
    asked: list[float] = []
    cluster = Cluster(*({"t1": [snap(stats={"loc-objs": str(count)})]} for count in counts))

    def done() -> bool:
        asked.append(cluster.now)
        return len(asked) == 5

    assert cluster.wait("copy-listrange", done=done).state == "finished"
    assert asked[0] == pytest.approx(sum(cluster.slept[:3]))  # at the second 3
    assert all(later >= 2 * sooner for sooner, later in zip(asked, asked[1:]))


def test_a_job_that_idled_and_went_is_over() -> None:
    assert Cluster({"t1": [snap()]}, gone()).wait("archive").state == "finished"


@pytest.mark.parametrize("kind", ["rebalance", "resilver", "copy-listrange", "never-heard-of"])
def test_a_job_may_need_a_moment_to_appear(kind: str) -> None:
    done = {"end_time": "1", "t1": [snap(ended=True)]} if kind == "rebalance" else {"t1": [snap(ended=True)]}
    assert Cluster(gone(), gone(), done).wait(kind).state == "finished"


@pytest.mark.parametrize("kind", ["rebalance", "resilver", "archive"])
def test_a_job_that_never_appears_is_an_error(kind: str) -> None:
    cluster = Cluster(gone())
    with pytest.raises(JobFailed, match=r"\[id1\] of ais://b: no node knows this job"):
        cluster.wait(kind)
    assert _jobs.APPEARS_WITHIN < cluster.now < 2 * _jobs.APPEARS_WITHIN


@pytest.mark.parametrize(
    ("kind", "answer", "told"),
    [
        ("rebalance", {"end_time": "1", "aborted": True, "err": "user asked"}, "aborted: user asked"),
        ("rebalance", {"end_time": "1", "err": "disk full"}, "failed: disk full"),
        ("resilver", {"t1": [snap(ended=True)], "t2": [snap(aborted=True, **{"abort-err": "gone"})]}, "aborted: gone"),
        ("resilver", {"t1": [snap(ended=True, err="a; b")]}, "failed: a; b"),
        ("dsort", {"t1": [snap(aborted=True)]}, "aborted: no reason given"),
    ],
)
def test_a_job_that_fails_is_an_error(kind: str, answer: dict, told: str) -> None:
    with pytest.raises(JobFailed, match=told):
        Cluster(answer).wait(kind)


def test_some_jobs_only_report_what_they_missed() -> None:
    job = Cluster({"end_time": "1", "err": "object x does not exist"}).wait("delete-listrange")
    assert (job.state, job.error) == ("finished", "object x does not exist")


def test_time_is_over() -> None:
    cluster = Cluster({"end_time": "0"})
    with pytest.raises(JobTimeout, match=r"is still running.*wait_timeout"):
        cluster.wait("rebalance", 10.0)
    assert cluster.now == pytest.approx(10.0)
    assert max(cluster.slept) <= _jobs.POLL_LONGEST
    assert cluster.slept[0] == _jobs.POLL_FIRST


def test_progress_is_told_now_and_then(monkeypatch) -> None:
    lines: list[str] = []
    monkeypatch.setattr(_jobs, "PROGRESS", lines.append)
    cluster = Cluster({"t1": [snap(ended=True)], "t2": [snap(stats={"loc-objs": 2, "loc-bytes": 2048})]})
    with pytest.raises(JobTimeout):
        cluster.wait("resilver", 20.0)
    assert 2 <= len(lines) <= 5
    assert lines[0] == "resilver[id1] of ais://b: 2 objects, 2KiB, 1 of 2 targets finished"


def test_a_kind_has_two_names() -> None:
    for kind in KINDS.values():
        assert _jobs.kind_of(kind.name) is kind
        assert kind.how in _jobs._STATES
    assert _jobs.kind_of("copy-bucket").name == "copy-bck"


@pytest.mark.parametrize(("text", "ids"), [("", []), ("a", ["a"]), ("a,b, c", ["a", "b", "c"]), ("\n", [])])
def test_the_jobs_of_an_answer(text: str, ids: list) -> None:
    assert [job.id for job in _jobs.of_answer(text, "lru", "t")] == ids
