# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Jobs (xactions) of one kind, or one job by id: started, stopped, waited for."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from ansible_collections.community.aistore.plugins.module_utils import _fields, _jobs, _nodes
from ansible_collections.community.aistore.plugins.module_utils._address import Bucket, parse_bucket
from ansible_collections.community.aistore.plugins.module_utils._client import Client
from ansible_collections.community.aistore.plugins.module_utils._engine import Resource, Step
from ansible_collections.community.aistore.plugins.module_utils._errors import JobFailed, JobTimeout, OptionError, known
from ansible_collections.community.aistore.plugins.module_utils._jobs import Job
from ansible_collections.community.aistore.plugins.module_utils._resources import job_fields

Record = Mapping[str, Any]
#: States of a job that goes on.
GOING = ("running", "idle")
FLAGS = _fields.Flags({"zero-size": 1, "latest-version": 2, "sync": 4, "keep-misplaced": 8, "remove-misplaced": 16}, {})


class Start(NamedTuple):
    """How jobs of a kind are started: what they ``need`` (``bucket``, ``node``), and which of ``args`` they take.

    ``own`` is the bucket property that a job which has an API of its own repeats.
    """

    needs: str = ""
    takes: tuple[str, ...] = ()
    own: str = ""


#: Kinds that can be started by themselves.
STARTS: Mapping[str, Start] = {
    "rebalance": Start(takes=("name", "flags")),
    "resilver": Start("node"),
    "lru": Start(takes=("buckets", "force")),
    "cleanup-store": Start(takes=("buckets", "force", "flags")),
    "rechunk": Start("bucket"),
    "load-lom-cache": Start("bucket"),
    "ec-encode": Start("bucket", ("name",), "ec"),
    "make-n-copies": Start("bucket", (), "mirror"),
}
#: Kinds whose snapshots name no bucket, whatever they were started with.
_WHOLE_CLUSTER = frozenset(("rebalance", "resilver", "lru", "cleanup-store"))
#: What to use for kinds that cannot be.
_INSTEAD = {
    "ais_object": ("prefetch-listrange", "evict-listrange", "delete-listrange", "copy-listrange", "blob-download"),
    "ais_bucket": ("copy-bck", "move-bck", "evict-remote-bck"),
    "ais_bucket_info": ("summary-bck",),
}


@dataclass(frozen=True)
class Jobs:
    """What is known of the jobs asked about, the latest first; ``now`` is the cluster's time."""

    records: tuple[Record, ...]
    now: float
    #: Ids that ran when the task began, and have been waited for.
    joined: tuple[str, ...] = ()
    props: Mapping[str, Any] | None = None


class JobResource(Resource[Jobs]):
    """Brings jobs to the state that the options of ``ais_job`` ask for."""

    def __init__(self, params: Mapping[str, Any], client: Client) -> None:
        self.client = client
        self.params = params
        self.state: str = params["state"]
        self.id: str = params["id"] or ""
        self.kind = job_fields.known_kind(params["kind"]).name if params["kind"] else ""
        self.bucket = parse_bucket(params["bucket"], "bucket") if params["bucket"] else None
        self.args = {name: value for name, value in (params["args"] or {}).items() if value is not None}
        self.wait: bool = params["wait"]
        self.max_age = _fields.KINDS["duration"].read(params["max_age"]) / 10**9
        self._deadline = time.monotonic() + params["wait_timeout"]
        self.nodes: list[str] = []
        #: Ids that this task started or stopped, and whether the first look is over.
        self._mine: list[str] = []
        self._seen: Jobs | None = None
        self._check()

    def _check(self) -> None:
        if self.state == "started":
            if not self.kind:
                raise OptionError("state started needs 'kind'")
            if self.id:
                raise OptionError("a job gets its id when it is started; 'id' is for the states stopped and finished")
            start = STARTS.get(self.kind)
            if start is None:
                module = next((name for name, kinds in _INSTEAD.items() if self.kind in kinds), "")
                instead = f"; use {module}" if module else f". Those that can are {', '.join(STARTS)}"
                raise OptionError(f"kind: a job of kind {self.kind} cannot be started by itself{instead}")
            unknown = [name for name in self.args if name not in start.takes]
            if unknown:
                known = ", ".join(start.takes) or "none"
                raise OptionError(f"args.{unknown[0]}: jobs of kind {self.kind} do not take it; they take: {known}")
            if start.needs == "bucket" and self.bucket is None:
                raise OptionError(f"jobs of kind {self.kind} need 'bucket'")
            if self.params["node"] and start.needs != "node":
                raise OptionError(f"jobs of kind {self.kind} run on all targets; 'node' is for resilver")
            if self.kind == "resilver" and self.bucket is not None:
                raise OptionError("a resilver is for all buckets of a target; it takes no 'bucket'")
        elif not (self.kind or self.id):
            raise OptionError(f"state {self.state} needs 'kind' or 'id'")
        elif self.args:
            raise OptionError("args are for state started")

    # -- read -------------------------------------------------------------------------------------------------

    def read(self) -> Jobs:
        """Look at the jobs; the first time, and unless ``wait`` is off, wait for those that are going on."""
        if self._seen is not None:
            return replace(self._look(), joined=self._seen.joined)
        if self.params["node"] or self.kind == "resilver":
            nodes = _nodes.of_map(self.client.smap())
            self.nodes = [node.id for node in _nodes.pick(nodes, self.params["node"] or ["all"], kind="target")]
        found = self._look()
        if self.state != "stopped":
            going = [record for record in found.records if record["state"] in GOING]
            joined = tuple(record["id"] for record in going)
            if self.wait and going:
                for record in going:
                    job = Job(record["id"], record["kind"], record["bucket"])
                    _jobs.wait(self.client, job, self._deadline)
                found = self._look()
            found = replace(found, joined=joined)
        own = STARTS[self.kind].own if self.state == "started" else ""
        if own:
            found = replace(found, props=self._props(own))
        self._seen = found
        return found

    def _look(self) -> Jobs:
        """Return what the targets remember of the jobs, and those that only the proxies know of yet."""
        body = job_fields.query({"kind": self.kind, "id": self.id})
        answer = self.client.request(
            "GET",
            "/v1/cluster",
            what="read the jobs of the cluster",
            query={"what": "qryxstats"},
            body=body,
            accept=(404,),
        )
        snaps = answer.json() if answer.status == 200 else {}
        records = [record for record in job_fields.describe(self._of_nodes(snaps or {})) if self._fits(record)]
        known = {record["id"]: number for number, record in enumerate(records)}
        for entry in self._records_of_proxies():
            name = str(entry.get("uuid"))
            if name in known:
                # All targets may be through while the job as a whole is not.
                record = records[known[name]]
                if record["state"] == "finished":
                    records[known[name]] = {**record, "state": "running", "finished": ""}
            elif self.kind in _WHOLE_CLUSTER and self.bucket is None:
                records.insert(0, job_fields.blank(name, self.kind, "running"))
        return Jobs(tuple(records), _time(answer.headers.get("Date")))

    def _of_nodes(self, snaps: Mapping[str, Any]) -> dict[str, Any]:
        return {target: found or () for target, found in snaps.items() if not self.nodes or target in self.nodes}

    def _fits(self, record: Record) -> bool:
        if self.kind == "resilver":
            return True
        if self.kind not in _WHOLE_CLUSTER:
            # Of a copy, either end will do.
            ends = (record["bucket"], record["source"], record["destination"])
            return self.bucket is None or str(self.bucket) in ends
        # What these were started with is only in their own words, which name buckets in braces.
        wanted = [self.bucket.name] if self.bucket else [parse_bucket(b).name for b in self.args.get("buckets") or ()]
        if self.state != "started":
            return all(name in record["about"] for name in wanted)
        return all(name in record["about"] for name in wanted) and bool(wanted) == ("[{" in record["about"])

    def _records_of_proxies(self) -> list[Mapping[str, Any]]:
        """Return the entries of jobs that have not ended, of the kinds that the proxies keep the state of."""
        if not self.kind or _jobs.kind_of(self.kind).how != "status":
            return []
        entries = self.client.cluster("status_all", {"kind": self.kind}) or []
        over = {entry.get("uuid") for entry in entries if entry.get("end_time") or entry.get("aborted")}
        return [entry for entry in entries if entry.get("uuid") not in over]

    def _props(self, section: str) -> Mapping[str, Any]:
        """Return a section of the bucket's properties, which must be switched on."""
        bucket = known(self.bucket)
        answer = self.client.request("HEAD", bucket.path, what=f"look at {bucket}", query=bucket.query())
        props = json.loads(answer.headers.get("Ais-Bucket-Props") or "{}").get(section) or {}
        if not props.get("enabled"):
            raise OptionError(
                f"bucket: {section}.enabled is false for {self.bucket}; a job of kind {self.kind} repeats what the "
                f"bucket's properties say. Set them with ais_bucket, which starts the job too"
            )
        return {str(key): value for key, value in props.items()}

    # -- plan -------------------------------------------------------------------------------------------------

    def plan(self, state: Jobs) -> list[Step]:
        """Return a step for each job to start or to stop. Raises for what was to be finished and is not."""
        if self.state == "stopped":
            return [
                Step(
                    "stop",
                    f"{record['kind']}[{record['id']}]",
                    {"id": record["id"]},
                    {"state": "running"},
                    {"state": "aborted"},
                    record,
                )
                for record in state.records
                if record["state"] in GOING
            ]
        if self.state == "finished":
            self._require(state)
            return []
        return [
            Step(
                "start",
                self._label(node),
                {**self._scope(), **({"node": node} if node else {})},
                {"latest": next((record["id"] for record in self._at(state, node)), "none")},
                {"latest": "a new one, finished" if self.wait else "a new one, running"},
                {"node": node, "props": state.props},
            )
            for node in (self.nodes or [""])
            if not self._satisfied(state, node)
        ]

    def _require(self, state: Jobs) -> None:
        if self.id and not state.records:
            raise JobFailed(f"job {self.id}: no node knows it; the id may be wrong, or the cluster has forgotten it")
        latest = state.records[:1] if not state.joined else [r for r in state.records if r["id"] in state.joined]
        for record in latest:
            if record["state"] in ("aborted", "failed"):
                raise JobFailed(
                    f"{record['kind']}[{record['id']}] {record['state']}: {record['error'] or 'no reason given'}",
                    hint="Start it again with state started.",
                )

    def _label(self, node: str) -> str:
        return self.kind + (f" of {self.bucket}" if self.bucket else "") + (f" on {node}" if node else "")

    def _scope(self) -> dict[str, Any]:
        return {**({"bucket": str(self.bucket)} if self.bucket else {}), **self.args}

    def _at(self, state: Jobs, node: str) -> list[Record]:
        """Return the jobs of ``node``, or all."""
        return [record for record in state.records if not node or node in record["targets"]]

    def _satisfied(self, state: Jobs, node: str) -> bool:
        """Tell whether such a job runs, was joined, or has finished well and not too long ago."""
        for record in self._at(state, node):
            if record["state"] in GOING or record["id"] in state.joined:
                return True
            # An older one that failed, or ended without a time, counts for nothing.
            recent = self.max_age > 0 and state.now - _moment(record["finished"]) <= self.max_age
            return record["state"] == "finished" and recent
        return False

    def foresee(self, state: Jobs, steps: Sequence[Step]) -> Jobs:
        """Return the jobs after ``steps``; a job that is yet to start has no id."""
        if self.state == "stopped":
            gone = {step.payload["id"] for step in steps}
            self._mine = [record["id"] for record in state.records if record["id"] in gone]
            records = [{**r, "state": "aborted"} if r["id"] in gone else r for r in state.records]
            return replace(state, records=tuple(records))
        ends = "finished" if self.wait else "started"
        made = [job_fields.blank("", self.kind, ends, str(self.bucket or "")) for _step in steps]
        return replace(state, records=(*made, *state.records))

    # -- apply ------------------------------------------------------------------------------------------------

    def apply(self, step: Step) -> list[Job]:
        """Start or stop one job."""
        if step.verb == "stop":
            record = step.payload
            value = {"ID": record["id"], "Kind": record["kind"]}
            self._put(f"stop {step.target}", "stop", value=value, repeat=True)
            jobs = [Job(record["id"], record["kind"], record["bucket"])]
        else:
            answer = self._start(step)
            jobs = _jobs.of_answer(answer, self.kind, step.payload["node"] or str(self.bucket or ""))
        self._mine += [job.id for job in jobs]
        return jobs

    def _start(self, step: Step) -> str:
        what = f"start {step.target}"
        own = STARTS[self.kind].own
        if own and self.bucket is not None:
            props = step.payload["props"]
            value: Any = props["copies"] if own == "mirror" else json.dumps(props)
            found = self.client.request(
                "POST", self.bucket.path, what=what, query=self.bucket.query(), action=self.kind, value=value, name=self._name()
            )  # fmt: skip
            return found.text
        buckets: list[Bucket] = [parse_bucket(name, "args.buckets") for name in self.args.get("buckets") or ()]
        given = {
            "Kind": self.kind,
            "DaemonID": step.payload["node"],
            "Bck": self.bucket.json() if self.bucket else None,
            "Buckets": [bucket.json() for bucket in buckets],
            "Force": self.args.get("force"),
            "flags": FLAGS.read(self.args.get("flags") or ()),
        }
        return self._put(what, "start", value={key: value for key, value in given.items() if value}, name=self._name())

    def _name(self) -> str | None:
        return self.args.get("name")

    def _put(self, what: str, action: str, **options: Any) -> str:
        return self.client.request("PUT", "/v1/cluster", what=what, action=action, **options).text

    def settle(self, job: Job, deadline: float) -> Job:
        """Wait until a job that was started has finished, or one that was stopped is over everywhere."""
        if self.state != "stopped":
            return _jobs.wait(self.client, job, deadline)
        while True:
            snaps = [snap for group in _jobs.snapshots(self.client, {"id": job.id}).values() for snap in group]
            if all(map(_jobs.ended, snaps)):
                return replace(job, state="aborted")
            if time.monotonic() >= deadline:
                raise JobTimeout(f"{job.kind}[{job.id}] was told to stop, and is still running")
            time.sleep(_jobs.POLL_FIRST * 4)

    def result(self, state: Jobs) -> dict[str, Any]:
        """Return ``jobs``: those that this task started, stopped or joined, else the latest one."""
        mine = [*self._mine, *state.joined]
        shown = [dict(record) for record in state.records if record["id"] in mine or not record["id"]]
        missing = [name for name in self._mine if name not in {record["id"] for record in shown}]
        shown += [job_fields.blank(name, self.kind, "started", str(self.bucket or "")) for name in missing]
        if not shown and self.state != "stopped":
            latest = (self._at(state, node)[:1] for node in (self.nodes or [""]))
            shown = [dict(record) for records in latest for record in records]
        return {"jobs": shown}


def _moment(text: str) -> float:
    """Return a time of the server (with up to nine digits of a second) as seconds since 1970; 0 if there is none."""
    found = re.match(r"(\d+-\d+-\d+T\d+:\d+:\d+)(?:\.\d+)?(Z|[+-]\d\d:\d\d)$", text)
    if not found:
        return 0.0
    return datetime.fromisoformat(found[1] + found[2].replace("Z", "+00:00")).timestamp()


def _time(date: str | None) -> float:
    """Return the time of an answer, by the cluster's own clock where it tells."""
    if not date:
        return datetime.now(timezone.utc).timestamp()
    return parsedate_to_datetime(date).timestamp()
