# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Distributed sorts: shards that are there, sorted as a spec says.

The cluster keeps the record of a sort for a day or two. What outlasts it is a mark in the custom metadata of the first
output shard: the name of the sort, the digest of its spec, and how many shards it made.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.community.aistore.plugins.module_utils import _evidence, _jobs, _listing
from ansible_collections.community.aistore.plugins.module_utils._client import Client, object_path
from ansible_collections.community.aistore.plugins.module_utils._engine import Resource, Step
from ansible_collections.community.aistore.plugins.module_utils._errors import (
    AisError,
    JobFailed,
    JobTimeout,
    NotFound,
    NotSupported,
    known,
)
from ansible_collections.community.aistore.plugins.module_utils._jobs import Job
from ansible_collections.community.aistore.plugins.module_utils._resources import dsort_spec
from ansible_collections.community.aistore.plugins.module_utils._resources.dsort_spec import Mark, Record, Spec

_PATH = "/v1/sort"
#: A job that certainly does not exist: a server that can sort does not know it, one that cannot has an empty list for it.
_NOBODY = "srt-none"
_WITHOUT = "the servers were built without dsort (the build tag 'dsort' of AIStore)"
#: Result keys of a sort: all that a record has, but for what only this module uses.
_SHOWN = tuple(name for name in dsort_spec.blank("", "") if name not in ("place", "digest", "archived"))


@dataclass(frozen=True)
class Sorts:
    """What is known of the sorts of one name.

    ``records`` are what the targets remember of them, the latest first; ``there`` the objects with names that the output has,
    and their marks (None: no such bucket). Before a sort: ``inputs``, how many of the input shards are there.
    """

    records: tuple[Record, ...] = ()
    there: Mapping[str, Mark | None] | None = field(default_factory=dict)
    inputs: int | None = None
    doubts: tuple[str, ...] = ()
    joined: bool = False


class DsortResource(Resource[Sorts]):
    """Brings a sort to the state that the options of ``ais_dsort`` ask for."""

    def __init__(self, params: Mapping[str, Any], client: Client) -> None:
        self.client, self.params = client, params
        self.state: str = params["state"]
        self.name = dsort_spec.check_name(params["name"])
        self.spec: Spec | None = dsort_spec.parse(params) if self.state == "present" else None
        self.force: bool = params["force"]
        self.wait: bool = params["wait"]
        self._deadline = time.monotonic() + params["wait_timeout"]
        self._seen: Sorts | None = None

    # -- read -------------------------------------------------------------------------------------------------

    def read(self) -> Sorts:
        """Look at the sorts of this name and at their output; at first, wait for one like it, and look at the input."""
        records = self._records()
        if self.spec is None:
            return Sorts(records)
        if self._seen is not None:
            found = Sorts(records, self._outputs(self.spec))
        else:
            going = [record for record in records if record["state"] == "running" and self._same(record)]
            if going and self.wait:
                self._wait(Job(going[0]["id"], "dsort", self.name), self._deadline)
                records = self._records()
            found = Sorts(records, self._outputs(self.spec), joined=bool(going))
            if not found.joined and (self.force or not self._satisfied(found)):
                found = self._before(self.spec, found)
        self._seen = found
        return self._remember(self.spec, found)

    def _records(self) -> tuple[Record, ...]:
        """Return what the targets remember of the sorts of this name, the latest first."""
        pattern = f"^{self.name.replace('.', '[.]')} \\["
        jobs = self._ask(f"list the sorts of the name {self.name}", regex=pattern).json() or ()
        looked = [self._look(str(job["id"])) for job in jobs]
        found = [record for record in looked if record and record["name"] == self.name]
        # One that is yet to begin has no time.
        return tuple(sorted(found, key=lambda record: record["started"] or "9", reverse=True))

    def _look(self, job: str) -> Record | None:
        """Return the record of one sort; None when no target knows it (any more)."""
        answer = self._ask(f"look at the sort {job}", uuid=job)
        return dsort_spec.describe(job, answer.json()) if answer.status == 200 else None

    def _ask(self, what: str, **query: str) -> Any:
        return self.client.request("GET", _PATH, what=what, query=query, accept=(404,))

    def _outputs(self, spec: Spec) -> Mapping[str, Mark | None] | None:
        """Return the objects that have names of output shards, with their marks; None when there is no such bucket."""
        prefix = _listing.common_prefix(spec.outputs)
        there: dict[str, Mark | None] = {}
        # What a cloud lists has no marks; the cluster's own copies have.
        for flags in (0, _listing.CACHED) if spec.dest.remote else (0,):
            found = _listing.entries(self.client, spec.dest, prefix=prefix, props=("name", "custom"), flags=flags)
            try:
                there |= {each.name: dsort_spec.mark_of(each.custom) for each in found if spec.owns(each.name)}
            except NotFound:
                return None
        return there

    def _before(self, spec: Spec, found: Sorts) -> Sorts:
        """Return also what a sort that is to start needs; raise, or in check mode assume it, when that is not there."""
        if not found.records and self._ask("find out whether the cluster can sort", uuid=_NOBODY).status != 404:
            raise AisError(f"sort {spec.source}: {_WITHOUT}")
        if found.there is None and (spec.dest.remote or spec.source.remote):
            self.need(
                AisError(f"output: {spec.dest} does not exist", hint="Make it first, for example with ais_bucket.")
            )
        try:
            shards = list(
                _listing.entries(
                    self.client,
                    spec.source,
                    prefix=_listing.common_prefix(spec.inputs),
                    props=("name",),
                    # A sort fetches nothing from a cloud.
                    flags=_listing.CACHED if spec.source.remote else _listing.NAMES,
                )
            )
        except NotFound:
            self.need(AisError(f"input: {spec.source} does not exist, so that there is nothing to sort"))
            return found
        there = {each.name for each in shards} & spec.inputs
        doubts = _evidence.doubts(self.client)
        allow = self.params["allow_degraded"]
        if not there or (spec.whole and len(there) < len(spec.inputs)):
            missing = sorted(spec.inputs - there)
            claim = f"input: {spec.shown['input']}: {'no such shard' if not there else f'{len(missing)} of the shards'}"
            claim += f" {'exists' if not there else 'do not exist'}, as {missing[0]}"
            claim += " (in the cluster; 'ais_object' with 'state: cached' fetches it)" if spec.source.remote else ""
            if not allow:
                _evidence.refuse(claim, doubts)
            self.need(AisError(claim))
        return replace(found, inputs=len(there) or None, doubts=() if allow else doubts)

    def _remember(self, spec: Spec, found: Sorts) -> Sorts:
        """Mark the output of a sort that has finished, unless it is: the cluster forgets the sort, the mark stays."""
        there = found.there
        if self.check_mode or not there or not found.records or not self._satisfied(found):
            return found
        made = Mark(self.name, spec.digest, found.records[0]["output_shards"])
        if self._own_mark(there) or not made.shards:
            return found
        first = spec.outputs[0] if spec.outputs else min(there)
        self._mark(spec, first, made)
        return replace(found, there={**there, first: made})

    def _mark(self, spec: Spec, name: str, mark: Mark) -> None:
        self.client.transfer(
            "PATCH",
            object_path(spec.dest.name, name),
            what=f"mark {spec.dest}/{name} as made by the sort {self.name}",
            query=spec.dest.query(),
            body={"value": {dsort_spec.MARK: str(mark)}},
            repeat=True,
        )

    # -- plan -------------------------------------------------------------------------------------------------

    def _same(self, record: Record) -> bool:
        spec = known(self.spec)
        return bool(record["digest"] == spec.digest and record["place"] == spec.place)

    def _satisfied(self, state: Sorts) -> bool:
        """Tell whether the latest sort of this name was this one, has finished, and all that it made is there."""
        spec, there = known(self.spec), state.there or {}
        if state.records:
            latest = state.records[0]
            finished = latest["state"] == "finished" and self._same(latest)
            return finished and spec.complete(there, latest["output_shards"])
        mark = self._own_mark(there)
        return mark is not None and spec.complete(there, mark.shards)

    def _own_mark(self, there: Mapping[str, Mark | None]) -> Mark | None:
        """Return the mark of this sort among those of the objects that are ``there``."""
        own = self.name, known(self.spec).digest
        return next((mark for mark in there.values() if mark and (mark.name, mark.digest) == own), None)

    def plan(self, state: Sorts) -> list[Step]:
        """Return the steps. Raises for what must not be done without ``force``, or cannot be done now."""
        running = [record for record in state.records if record["state"] == "running"]
        if self.state == "stopped":
            return [self._step("stop", record, "aborted") for record in running]
        if self.state == "absent":
            if running and not self.force:
                raise AisError(
                    f"{self.name}: the sort {running[0]['id']} is running",
                    hint="Stop it with 'state: stopped' first, or say 'force: true'.",
                )
            return [self._step("remove", record, None) for record in state.records]
        if state.joined or (not self.force and self._satisfied(state)):
            return []
        if running:
            raise AisError(
                f"{self.name}: a sort of this name is running, with another spec ({running[0]['id']})",
                hint="Wait for it, or stop it with 'state: stopped'.",
            )
        return [self._plan_sort(known(self.spec), state)]

    def _plan_sort(self, spec: Spec, state: Sorts) -> Step:
        there = state.there or {}
        ours = any(record["place"] == spec.place for record in state.records)
        ours = ours or any(mark and mark.name == self.name for mark in there.values())
        if there and not ours and not self.force:
            raise AisError(
                f"output: {spec.dest} has {len(there)} objects already with names of output shards, as {min(there)}, "
                f"and nothing tells that a sort of the name {self.name} made them; they would be overwritten",
                hint="Remove them, choose another output, or say 'force: true'.",
            )
        _evidence.refuse(
            f"{self.name}: not all shards of {spec.source} and {spec.dest} may have been seen", state.doubts
        )
        creates = {"creates": str(spec.dest)} if state.there is None else {}
        latest = state.records[0] if state.records else None
        before = "none"
        if latest:
            other = "" if self._same(latest) else ", with another spec"
            before = f"{latest['id']}, {latest['state']}{other}"
        elif ours:
            before = "one that the cluster has forgotten"
        return Step(
            "sort",
            self.name,
            {**spec.shown, "shards": state.inputs, **creates},
            {"latest": before, **({"output_bucket": "absent"} if creates else {})},
            {
                "latest": f"a new one, {'finished' if self.wait else 'running'}",
                **({"output_bucket": "present"} if creates else {}),
            },
            [name for name, mark in there.items() if mark],
        )

    def _step(self, verb: str, record: Record, after: str | None) -> Step:
        target = f"{self.name}[{record['id']}]"
        return Step(
            verb, target, {"id": record["id"]}, {"state": record["state"]}, {"state": after or "absent"}, record
        )

    def foresee(self, state: Sorts, steps: Sequence[Step]) -> Sorts:
        """Return the sorts after ``steps``; one that is yet to start has no id."""
        if not steps:
            return state
        if self.spec is None:
            touched = {step.payload["id"] for step in steps}
            gone = self.state == "absent"
            return Sorts(
                tuple(
                    {**record, "state": "aborted"} if record["id"] in touched else record
                    for record in state.records
                    if not (gone and record["id"] in touched)
                )
            )
        ends = "finished" if self.wait else "running"
        made = dsort_spec.blank(self.name, ends, str(self.spec.source), str(self.spec.dest))
        return replace(state, records=({**made, "input_shards": state.inputs}, *state.records))

    # -- apply ------------------------------------------------------------------------------------------------

    def apply(self, step: Step) -> list[Job]:
        """Start, stop or remove one sort."""
        if step.verb == "sort":
            return [self._start(known(self.spec), step)]
        record: Record = step.payload
        if record["state"] == "running":
            self._delete(f"{_PATH}/abort", record["id"], "stop")
        if step.verb == "stop":
            return [Job(record["id"], "dsort", self.name)]
        self._archived(record["id"])
        self._delete(_PATH, record["id"], "remove")
        return []

    def _start(self, spec: Spec, step: Step) -> Job:
        for name in step.payload:
            self._mark(spec, name, Mark(self.name))
        try:
            answer = self.client.request(
                "POST",
                _PATH,
                what=f"sort {spec.source}",
                body={**spec.body, "description": spec.description(self.name)},
            )
        except NotSupported as error:
            raise AisError(f"sort {spec.source}: {_WITHOUT}: {error.said}") from None
        return Job(answer.text, "dsort", self.name)

    def _delete(self, path: str, job: str, verb: str) -> None:
        what = f"{verb} the sort {self.name}[{job}]"
        # Not known (any more), or over: so be it.
        self.client.request("DELETE", path, what=what, query={"uuid": job}, repeat=True, accept=(404, 410))

    def _archived(self, job: str) -> None:
        """Wait until all targets are through with a sort, which may be 8 seconds after its end: before, it cannot be removed."""
        pause = _jobs.POLL_FIRST
        while (record := self._look(job)) and not record["archived"]:
            if time.monotonic() >= self._deadline:
                raise JobTimeout(
                    f"{self.name}: the targets are not through with the sort {job}, so that it cannot be removed"
                )
            time.sleep(pause)
            pause = min(pause * _jobs.POLL_GROWTH, _jobs.POLL_LONGEST)

    def settle(self, job: Job, deadline: float) -> Job:
        """Wait until a sort has finished, or one that was stopped is over everywhere."""
        if self.state == "stopped":
            self._archived(job.id)
            return replace(job, state="aborted")
        return self._wait(job, deadline)

    def _wait(self, job: Job, deadline: float) -> Job:
        """Return ``job`` when the sort has finished and its output is there; raise :class:`JobFailed` with the targets' reasons.

        A sort that made several shards is archived 8 seconds after all of them are there.
        """
        spec = known(self.spec)
        label = f"{job.kind}[{job.id}] {self.name}"
        pause, told = _jobs.POLL_FIRST, time.monotonic() + _jobs.PROGRESS_AFTER
        while True:
            record, now = self._look(job.id), time.monotonic()
            if record is None:
                raise JobFailed(f"{label}: no target knows this sort; it was removed, or the cluster was restarted")
            over = record["archived"] or now >= deadline
            # The target that knows why may be the last one to say so.
            if record["state"] == "failed" or (record["state"] == "aborted" and over):
                raise JobFailed(f"{label} {record['state']}: {'; '.join(record['errors']) or 'somebody stopped it'}")
            if record["state"] == "finished":
                count = record["output_shards"]
                # A shard that was made on another target than its own may still be on its way.
                if spec.complete(self._outputs(spec) or (), count):
                    return replace(job, state="finished", objects=count, bytes=record["bytes"])
                if record["archived"]:
                    raise JobFailed(
                        f"{label} finished, but {spec.dest} does not have all of the {count} shards it made"
                    )
            if now >= deadline:
                raise JobTimeout(f"{label} is still running")
            if _jobs.PROGRESS is not None and now >= told:
                told = now + _jobs.PROGRESS_EVERY
                _jobs.PROGRESS(dsort_spec.progress(record))
            time.sleep(max(0.0, min(pause, deadline - now)))
            pause = min(pause * _jobs.POLL_GROWTH, _jobs.POLL_LONGEST)

    # -- result -----------------------------------------------------------------------------------------------

    def result(self, state: Sorts) -> dict[str, Any]:
        """Return ``sort``: the latest of this name, or what its mark tells."""
        record = state.records[0] if state.records else self._marked(state)
        warnings = [*record["warnings"], *self._left_over(state, record)]
        return {"sort": {name: record[name] for name in _SHOWN}, **({"warnings": warnings} if warnings else {})}

    def _marked(self, state: Sorts) -> Record:
        mark = self._own_mark(state.there or {}) if self.spec else None
        if self.spec is None or mark is None or not self._satisfied(state):
            return dsort_spec.blank(self.name, "none")
        made = dsort_spec.blank(self.name, "finished", str(self.spec.source), str(self.spec.dest))
        return {**made, "output_shards": mark.shards}

    def _left_over(self, state: Sorts, record: Record) -> list[str]:
        """Return a warning of objects that readers of the output will take for a part of it."""
        there, spec = state.there, self.spec
        if not (there and spec and spec.outputs and record["state"] == "finished" and record["output_shards"]):
            return []
        # What a target made that has left the cluster, its mark still counts.
        mark = self._own_mark(there)
        surplus = sorted(set(there) - set(spec.outputs[: max(record["output_shards"], mark.shards if mark else 0)]))
        if not surplus:
            return []
        return [
            f"{spec.dest} has {len(surplus)} more objects with names of output shards, as {surplus[0]}, "
            f"that the latest sort of the name {self.name} did not make"
        ]
