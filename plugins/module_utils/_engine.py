# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Read, plan, apply: the three steps of every module, in one place.

A :class:`Resource` reads the actual state, and plans, purely, the :class:`Step` list that leads to the desired one.
Check mode, the diff, ``changed`` and ``steps`` all come from that plan.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Generic, TypeVar

from ansible_collections.community.aistore.plugins.module_utils._errors import AisError, JobFailed, JobTimeout
from ansible_collections.community.aistore.plugins.module_utils._jobs import Job

State = TypeVar("State")


@dataclass(frozen=True)
class Step:
    """One thing to do. ``before`` and ``after`` are what of ``target`` differs, for the diff.

    Steps of one ``chain`` (by default the target) are done in order; chains of one ``stage`` side by side; a stage
    begins when the one before is done. ``payload`` is for the resource's own ``apply``.
    """

    verb: str
    target: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    before: Any = None
    after: Any = None
    payload: Any = None
    chain: str = ""
    stage: int = 0
    #: The steps after it in its chain need its jobs to have ended, whatever ``wait`` says.
    blocks: bool = False
    #: Why it cannot be done: the others are, and then the task fails with this.
    refused: str = ""

    def shown(self) -> dict[str, Any]:
        """Return the step as the result key ``steps`` holds it."""
        return {"verb": self.verb, "target": self.target, "detail": dict(self.detail)}


class Resource(ABC, Generic[State]):
    """What one module converges. Only :meth:`read` and :meth:`apply` may do I/O."""

    #: So many chains at once.
    parallel = 8
    #: Nothing will be applied.
    check_mode = False
    #: What check mode takes for there, though it is not: a task before may make it.
    assumed: tuple[str, ...] = ()

    @abstractmethod
    def read(self) -> State:
        """Return the actual state of everything named, in as few requests as possible."""

    @abstractmethod
    def plan(self, state: State) -> Sequence[Step]:
        """Return the steps from ``state`` to the desired one; none when it is satisfied. Pure."""

    @abstractmethod
    def foresee(self, state: State, steps: Sequence[Step]) -> State:
        """Return the state after ``steps``, which check mode reports. Pure."""

    @abstractmethod
    def apply(self, step: Step) -> Sequence[Job]:
        """Carry out one step and return the jobs that it started."""

    @abstractmethod
    def result(self, state: State) -> dict[str, Any]:
        """Return the resource's own result keys for ``state``. Pure."""

    def need(self, error: AisError) -> None:
        """Raise ``error``, for something has to be there and is not; in check mode, note it and go on."""
        if not self.check_mode:
            raise error
        self.assumed = (*self.assumed, error.message.rstrip("."))

    def turn(self, state: State, steps: Sequence[Step], deadline: float) -> AbstractContextManager[bool]:
        """Hold what must stand still while ``steps`` are done, and tell whether to read and plan again before."""
        return nullcontext(False)

    def settle(self, job: Job, deadline: float) -> Job:
        """Wait for ``job`` and return it as it ended. A resource that starts jobs says how."""
        raise NotImplementedError


class Partly(AisError):
    """Raised by ``apply`` or ``settle`` for a step that stands for many things, of which only some were done: ``step`` is
    those, None for none."""

    def __init__(self, cause: AisError, step: Step | None) -> None:
        self.cause, self.step = cause, step
        super().__init__(str(cause), hint="")


class Failure(AisError):
    """A task that failed on the way: ``outcome`` says what was done until then."""

    def __init__(self, cause: AisError, outcome: dict[str, Any]) -> None:
        self.cause, self.outcome = cause, outcome
        super().__init__(str(cause), hint="")

    def facts(self) -> dict[str, Any]:
        return self.cause.facts()


def converge(
    resource: Resource[State],
    *,
    check_mode: bool = False,
    wait: bool = True,
    wait_timeout: float = 600.0,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Any]:
    """Bring ``resource`` to its desired state and return the result that every module shares.

    That is ``{changed, steps, jobs, diff}`` and the resource's own keys; in check mode, what they would be. Raises an
    :class:`AisError`, or :class:`Failure` when something was already done.
    """
    resource.check_mode = check_mode
    state = resource.read()
    steps = list(resource.plan(state))
    jobs: list[Job] = []
    trouble: AisError | None = None
    deadline = clock() + wait_timeout
    with nullcontext(False) if check_mode else resource.turn(state, steps, deadline) as again:
        if again:
            state = resource.read()
            steps = list(resource.plan(state))
        refused = [step for step in steps if step.refused]
        steps = [step for step in steps if not step.refused]
        done = steps
        if check_mode:
            state = resource.foresee(state, steps)
        elif steps:
            run = _Run(resource, wait, deadline)
            run.all(steps)
            jobs, trouble = run.jobs, run.trouble
            done = [run.done[id(step)] for step in steps if id(step) in run.done]
            try:
                state = resource.read()
            except AisError as error:
                trouble = trouble or error
    outcome = {
        "changed": bool(done),
        "steps": [step.shown() for step in done],
        "jobs": [job.shown() for job in jobs],
        "diff": difference(done),
        **resource.result(state),
    }
    if resource.assumed:
        outcome["warnings"] = [
            *outcome.get("warnings", ()),
            *(f"{problem}. Check mode assumes that a task before this one makes it." for problem in resource.assumed),
        ]
    if trouble is None and refused:
        trouble = AisError("; ".join(step.refused for step in refused))
    if trouble is not None:
        raise Failure(trouble, outcome)
    return outcome


def difference(steps: Sequence[Step]) -> dict[str, Any]:
    """Return Ansible's ``{before, after}`` of exactly what ``steps`` change, by target."""
    sides: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    for step in steps:
        for side, value in zip(sides, (step.before, step.after)):
            if value is not None:
                _merge(side, {step.target: value}, first=side is sides[0])
    return {"before": sides[0], "after": sides[1]}


def _merge(into: dict[str, Any], more: Mapping[str, Any], *, first: bool) -> None:
    """Merge nested ``more`` into ``into``; of two values for one key the ``first`` or the last one stays."""
    for key, value in more.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(into[key], value, first=first)
        elif key not in into or not first:
            into[key] = dict(value) if isinstance(value, Mapping) else value


class _Run:
    """Carries out steps: chains side by side, and no new step after the first failure."""

    def __init__(self, resource: Resource[Any], wait: bool, deadline: float) -> None:
        self._resource, self._wait, self._deadline = resource, wait, deadline
        #: What was done of each step, by the step's id().
        self.done: dict[int, Step] = {}
        self.jobs: list[Job] = []
        self.trouble: AisError | None = None

    def all(self, steps: Sequence[Step]) -> None:
        """Do every step, stage by stage."""
        for stage in sorted({step.stage for step in steps}):
            chains: dict[str, list[Step]] = {}
            for step in steps:
                if step.stage == stage:
                    chains.setdefault(step.chain or step.target, []).append(step)
            self._side_by_side(list(chains.values()))
            if self.trouble is not None:
                return

    def _side_by_side(self, chains: list[list[Step]]) -> None:
        if len(chains) == 1 or self._resource.parallel == 1:
            for chain in chains:
                self._chain(chain)
            return
        pool = ThreadPoolExecutor(max_workers=min(self._resource.parallel, len(chains)))
        try:
            for future in as_completed([pool.submit(self._chain, chain) for chain in chains]):
                future.result()
        except BaseException as error:
            # A bug, or the task's own timeout: let nothing new begin.
            self.trouble = self.trouble or AisError(f"stopped: {error}")
            raise
        finally:
            pool.shutdown(wait=self.trouble is None or isinstance(self.trouble, AisError), cancel_futures=True)

    def _chain(self, chain: list[Step]) -> None:
        for number, step in enumerate(chain):
            if self.trouble is not None:
                return
            try:
                jobs = list(self._resource.apply(step))
                self.done[id(step)] = step
                try:
                    if self._wait or (step.blocks and number + 1 < len(chain)):
                        for place, job in enumerate(jobs):
                            try:
                                jobs[place] = self._resource.settle(job, self._deadline)
                            except AisError as error:
                                jobs[place] = _unsettled(job, error)
                                raise
                finally:
                    self.jobs.extend(jobs)
            except Partly as error:
                self.done.pop(id(step), None)
                if error.step is not None:
                    self.done[id(step)] = error.step
                self.trouble = self.trouble or error.cause
                return
            except AisError as error:
                self.trouble = self.trouble or error
                return


def _unsettled(job: Job, error: AisError) -> Job:
    """Return ``job`` with what an ``error`` of waiting for it tells of its state."""
    cause = error.cause if isinstance(error, Partly) else error
    return replace(job, state=cause.state) if isinstance(cause, (JobFailed, JobTimeout)) else job
