# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read, plan, apply, with a resource that is a dict: check mode tells the truth, and order and failures are kept."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import contextmanager

import pytest
from ansible_collections.community.aistore.plugins.module_utils import _engine
from ansible_collections.community.aistore.plugins.module_utils._engine import Failure, Partly, Resource, Step, converge
from ansible_collections.community.aistore.plugins.module_utils._errors import AisError, JobFailed, JobTimeout
from ansible_collections.community.aistore.plugins.module_utils._jobs import Job
from hypothesis import given
from hypothesis import strategies as st

STATES = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 3))


class Things(Resource[dict]):
    """Brings ``world`` to ``wanted``; ``special`` are steps to be done otherwise, by target."""

    def __init__(self, world: dict, wanted: dict, special: dict | None = None, jobs: tuple = ()) -> None:
        self.world, self.wanted, self.special, self.started = world, wanted, special or {}, jobs
        self.reads = 0
        self.done: list[str] = []
        self.settled: list[str] = []

    def read(self) -> dict:
        self.reads += 1
        return dict(self.world)

    def plan(self, state: dict) -> Sequence[Step]:
        steps = []
        for key in sorted({*state, *self.wanted}):
            before, after = state.get(key), self.wanted.get(key)
            if before != after:
                more = self.special.get(key, {})
                steps.append(
                    Step(
                        "remove" if after is None else "set", key, {"to": after}, before, after, **more.get("step", {})
                    )
                )
        return steps

    def foresee(self, state: dict, steps: Sequence[Step]) -> dict:
        found = dict(state)
        for step in steps:
            found[step.target] = step.after
        return {key: value for key, value in found.items() if value is not None}

    def apply(self, step: Step) -> list[Job]:
        deed = self.special.get(step.target, {}).get("apply")
        if deed:
            deed(step)
        self.done.append(step.target)
        self.world = self.foresee(self.world, [step])
        return [Job(f"{step.target}{name}", "kind") for name in self.started]

    def settle(self, job: Job, deadline: float) -> Job:
        self.settled.append(job.id)
        if job.id.endswith("late"):
            raise JobTimeout("it takes long")
        if job.id.endswith("bad"):
            raise JobFailed("it went bad")
        return Job(job.id, job.kind, state="finished")

    def result(self, state: dict) -> dict:
        return {"things": state}


def fails(step: Step) -> None:
    raise AisError(f"{step.target} failed", hint="Do that.")


@given(STATES, STATES)
def test_check_is_what_is_done_and_then_nothing_is_left(before: dict, wanted: dict) -> None:
    things = Things(before, wanted)
    foreseen = converge(things, check_mode=True)
    assert things.done == []
    assert converge(things) == foreseen
    assert foreseen["changed"] is (before != wanted)
    assert things.world == wanted == foreseen["things"]
    again = converge(things)
    assert again == {"changed": False, "steps": [], "jobs": [], "diff": {"before": {}, "after": {}}, "things": wanted}


@given(STATES, STATES)
def test_the_diff_is_exactly_what_differs(before: dict, wanted: dict) -> None:
    found = converge(Things(before, wanted), check_mode=True)["diff"]
    differs = {key for key in {*before, *wanted} if before.get(key) != wanted.get(key)}
    assert found == {
        "before": {key: before[key] for key in differs if key in before},
        "after": {key: wanted[key] for key in differs if key in wanted},
    }


def test_nothing_to_do_is_one_read() -> None:
    things = Things({"a": 1}, {"a": 1})
    converge(things)
    assert things.reads == 1


def test_several_steps_of_one_target_are_one_diff() -> None:
    steps = [
        Step("set", "t", before={"a": 1, "n": {"x": 1}}, after={"a": 2, "n": {"x": 2}}),
        Step("set", "t", before={"a": 2, "b": 1}, after={"a": 3, "b": 2}),
        Step("set", "t", before={"n": {"x": 2, "y": 0}}, after={"n": {"x": 5, "y": 1}}),
    ]
    assert _engine.difference(steps) == {
        "before": {"t": {"a": 1, "n": {"x": 1, "y": 0}, "b": 1}},
        "after": {"t": {"a": 3, "n": {"x": 5, "y": 1}, "b": 2}},
    }


@pytest.mark.parametrize("parallel", [1, 8])
def test_stages_come_in_order(parallel: int) -> None:
    special = {key: {"step": {"stage": stage}} for key, stage in zip("abcdef", (2, 0, 1, 0, 2, 1))}
    things = Things({}, dict.fromkeys("abcdef", 1), special)
    things.parallel = parallel
    converge(things)
    assert [special[key]["step"]["stage"] for key in things.done] == [0, 0, 1, 1, 2, 2]


def test_a_chain_is_kept_in_order() -> None:
    slow = {"apply": lambda _step: time.sleep(0.02), "step": {"chain": "one"}}
    things = Things({}, dict.fromkeys("abcd", 1), {"a": slow, "c": slow})
    converge(things)
    assert things.done.index("a") < things.done.index("c")


def test_independent_steps_run_side_by_side_and_bounded() -> None:
    meeting, together, at_once = threading.Barrier(2, timeout=5), threading.Lock(), []

    def meet(_step: Step) -> None:
        meeting.wait()
        with together:
            at_once.append(threading.active_count())

    things = Things({}, dict.fromkeys("abcd", 1), {key: {"apply": meet} for key in "abcd"})
    things.parallel = 2
    before = threading.active_count()
    converge(things)
    assert max(at_once) <= before + 2


@pytest.mark.parametrize("parallel", [1, 8])
def test_a_failure_says_what_was_done(parallel: int) -> None:
    stages = {"a": {"step": {"stage": 0}}, "b": {"apply": fails, "step": {"stage": 1}}, "c": {"step": {"stage": 2}}}
    things = Things({}, {"a": 1, "b": 1, "c": 1}, stages)
    things.parallel = parallel
    with pytest.raises(Failure, match=r"b failed\. Do that\.") as caught:
        converge(things)
    outcome = caught.value.outcome
    assert outcome["changed"] is True
    assert [step["target"] for step in outcome["steps"]] == ["a"]
    assert outcome["things"] == {"a": 1}
    assert outcome["diff"]["after"] == {"a": 1}
    assert caught.value.facts() == {"type": "AisError"}


def test_what_is_refused_does_not_keep_the_rest_from_being_done() -> None:
    things = Things({}, {"a": 1, "b": 1}, {"a": {"step": {"refused": "a: not so"}}})
    with pytest.raises(Failure, match="a: not so") as caught:
        converge(things)
    assert things.done == ["b"]
    assert [step["target"] for step in caught.value.outcome["steps"]] == ["b"]
    with pytest.raises(Failure, match="a: not so") as foreseen:
        converge(Things({}, {"a": 1, "b": 1}, {"a": {"step": {"refused": "a: not so"}}}), check_mode=True)
    assert foreseen.value.outcome == caught.value.outcome


def test_check_mode_assumes_what_is_needed() -> None:
    class Needy(Things):
        def read(self) -> dict:
            self.need(AisError("b does not exist", hint="Make it."))
            return super().read()

    with pytest.raises(AisError, match="b does not exist. Make it."):
        converge(Needy({}, {"a": 1}))
    outcome = converge(Needy({}, {"a": 1}), check_mode=True)
    assert outcome["changed"]
    assert outcome["warnings"] == ["b does not exist. Check mode assumes that a task before this one makes it."]


def test_of_a_step_done_in_part_the_part_is_told() -> None:
    def half(step: Step) -> None:
        raise Partly(AisError("the rest failed"), Step("set", step.target, {"to": "half"}, None, "half"))

    with pytest.raises(Failure, match="the rest failed") as caught:
        converge(Things({}, {"a": 1}, {"a": {"apply": half}}))
    assert caught.value.outcome["steps"] == [{"verb": "set", "target": "a", "detail": {"to": "half"}}]


def test_a_bug_is_not_taken_for_a_failure() -> None:
    def bug(_step: Step) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        converge(Things({}, dict.fromkeys("abc", 1), {"b": {"apply": bug}}))


def test_a_state_that_cannot_be_read_again_is_a_failure() -> None:
    things = Things({}, {"a": 1})

    def read() -> dict:
        things.reads += 1
        if things.reads > 1:
            raise AisError("gone")
        return {}

    things.read = read  # type: ignore[method-assign]
    with pytest.raises(Failure, match="gone") as caught:
        converge(things)
    assert caught.value.outcome["changed"] is True


@pytest.mark.parametrize(("wait", "state"), [(True, "finished"), (False, "started")])
def test_jobs_are_waited_for_if_wanted(wait: bool, state: str) -> None:
    things = Things({}, {"a": 1, "b": 1}, jobs=("1", "2"))
    found = converge(things, wait=wait)
    assert sorted((job["id"], job["state"]) for job in found["jobs"]) == [
        (f"{key}{n}", state) for key in "ab" for n in "12"
    ]
    assert sorted(things.settled) == (["a1", "a2", "b1", "b2"] if wait else [])


def test_what_the_next_step_needs_is_waited_for_anyway() -> None:
    special = {key: {"step": {"chain": "one", "blocks": True}} for key in "ab"}
    things = Things({}, {"a": 1, "b": 1}, special, jobs=("1",))
    converge(things, wait=False)
    assert things.settled == ["a1"]


def test_a_job_that_takes_too_long_is_told_with_those_after_it() -> None:
    with pytest.raises(Failure, match="takes long") as caught:
        converge(Things({}, {"a": 1}, jobs=("1", "late", "3")))
    assert [(job["id"], job["state"]) for job in caught.value.outcome["jobs"]] == [
        ("a1", "finished"),
        ("alate", "running"),
        ("a3", "started"),
    ]


def test_a_job_that_fails_is_told_as_failed() -> None:
    with pytest.raises(Failure, match="went bad") as caught:
        converge(Things({}, {"a": 1}, jobs=("bad",)))
    assert [job["state"] for job in caught.value.outcome["jobs"]] == ["failed"]


def test_what_stands_still_is_looked_at_again() -> None:
    class Careful(Things):
        @contextmanager
        def turn(self, state: dict, steps: Sequence[Step], deadline: float):
            self.world["a"] = 1  # somebody was faster
            yield True

    things = Careful({}, {"a": 1})
    assert converge(things)["changed"] is False
    assert things.done == []
