# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Jobs, which AIStore calls xactions: which kind is waited for how, waiting, and what is told meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Callable, NamedTuple

from ansible_collections.community.aistore.plugins.module_utils import _errors
from ansible_collections.community.aistore.plugins.module_utils._client import Client
from ansible_collections.community.aistore.plugins.module_utils._errors import JobFailed, JobTimeout
from ansible_collections.community.aistore.plugins.module_utils._units import human_size

#: Called with a line now and then while a task waits; a front end that can show it sets it.
PROGRESS: Callable[[str], None] | None = None
#: Seconds until the first line of progress, and between two.
PROGRESS_AFTER, PROGRESS_EVERY = 3.0, 5.0
#: Seconds between two looks at a job: the first, how it grows, the longest.
POLL_FIRST, POLL_GROWTH, POLL_LONGEST = 0.05, 1.5, 2.0
#: A job that no node knows yet may still be on its way to them, for so many seconds.
APPEARS_WITHIN = 10.0
#: What the server writes for a time that has not come.
_NEVER = ("0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "", None)


class Kind(NamedTuple):
    """A kind of job. ``how`` it is waited for: its ``status`` (kept by the cluster), its snapshots until all have
    ended (``ends``), or until all are idle (``idles``: such a job never ends by itself)."""

    name: str
    display: str
    how: str
    #: An error that it reports may only be about some of the names it was given.
    lenient: bool = False


#: Every kind that a user meets, by its name.
KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("rebalance", "rebalance", "status"),
        Kind("resilver", "resilver", "ends"),
        Kind("lru", "lru-eviction", "status"),
        Kind("cleanup-store", "cleanup", "status"),
        Kind("rechunk", "rechunk", "status"),
        Kind("index-shard", "shard-index", "status"),
        Kind("promote", "promote-files", "status"),
        Kind("delete-listrange", "delete-objects", "status", True),
        Kind("evict-listrange", "evict-objects", "status", True),
        Kind("prefetch-listrange", "prefetch-objects", "status", True),
        Kind("ec-encode", "ec-bucket", "status"),
        Kind("make-n-copies", "mirror", "status"),
        Kind("move-bck", "rename-bucket", "status"),
        Kind("copy-bck", "copy-bucket", "status"),
        Kind("etl-bck", "etl-bucket", "status"),
        Kind("create-inventory", "create-inventory", "status"),
        Kind("load-lom-cache", "warm-up-metadata", "ends"),
        Kind("summary-bck", "summary", "ends"),
        Kind("dsort", "dsort", "ends"),
        Kind("blob-download", "blob-download", "ends"),
        Kind("copy-listrange", "copy-objects", "idles", True),
        Kind("etl-listrange", "etl-objects", "idles", True),
        Kind("archive", "archive", "idles", True),
        Kind("download", "download", "idles"),
        Kind("ec-get", "ec-get", "idles"),
        Kind("ec-put", "ec-put", "idles"),
        Kind("ec-resp", "ec-resp", "idles"),
        Kind("put-copies", "put-copies", "idles"),
        Kind("list", "list", "idles"),
        Kind("get-batch", "get-batch", "idles"),
        Kind("etl-inline", "etl-inline", "status"),
        Kind("summary-shard", "shard-summary", "ends"),
        Kind("evict-remote-bck", "evict-remote-bucket", "ends"),
        Kind("election", "elect-primary", "ends"),
    )
}


@dataclass(frozen=True)
class Job:
    """One job: ``state`` is started, running, finished, aborted or failed; ``error`` its own words, if any."""

    id: str
    kind: str
    target: str = ""
    state: str = "started"
    error: str = ""
    objects: int | None = None
    bytes: int | None = None

    def shown(self) -> dict[str, Any]:
        """Return the job as the result key ``jobs`` holds it."""
        found = {name: getattr(self, name) for name in ("id", "kind", "target", "state", "error", "objects", "bytes")}
        return {name: value for name, value in found.items() if value not in (None, "")}


def kind_of(name: str) -> Kind:
    """Return the kind of job by its name or display name; an unknown one is waited for by its snapshots."""
    for kind in KINDS.values():
        if name in (kind.name, kind.display):
            return kind
    return Kind(name, name, "ends")


def of_answer(text: str, kind: str, target: str) -> list[Job]:
    """Return the jobs that an answer's body names: nothing, an id, or several with commas."""
    return [Job(part.strip(), kind, target) for part in text.split(",") if part.strip()]


def wait(
    client: Client,
    job: Job,
    deadline: float,
    *,
    done: Callable[[], bool] | None = None,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Job:
    """Return ``job`` when it has ended.

    ``deadline`` is a time of ``clock``. Raises :class:`JobFailed` for one that was aborted, failed or is not known,
    :class:`JobTimeout` when time is over. An error of a lenient kind is left to the caller, in ``error``.

    A job that never ends says that it is idle some 6 seconds after its work. ``done`` may know sooner that nothing is left
    to do: it is asked, ever more seldom, when the job's count of objects stands still.
    """
    kind = kind_of(job.kind)
    look = _STATES[kind.how]
    begun, told, pause, idle, seen = clock(), clock() + PROGRESS_AFTER, POLL_FIRST, 0, False
    ask, counted = begun, -1
    while True:
        found = look(client, job)
        now = clock()
        if found is None:
            # Not known: not yet, or (an idle kind) gone since it was seen.
            if seen and kind.how == "idles":
                return replace(job, state="finished")
            if now - begun > APPEARS_WITHIN:
                raise JobFailed(f"{_label(job)}: no node knows this job; the cluster may have been restarted")
        else:
            seen = True
            job = found
            if job.state in ("aborted", "failed") and not (kind.lenient and job.state == "failed"):
                # A job that serves several tasks keeps the failure of an earlier one.
                if done is not None and done():
                    return replace(job, state="finished")
                raise JobFailed(f"{_label(job)} {job.state}: {job.error or 'no reason given'}")
            if job.state in ("finished", "failed"):
                return replace(job, state="finished")
            idle = idle + 1 if job.state == "idle" else 0
            if idle > 1:
                return replace(job, state="finished")
            if done is not None and job.objects == counted and now >= ask:
                if done():
                    return replace(job, state="finished")
                ask = now + (now - begun)
            counted = -1 if job.objects is None else job.objects
        if now >= deadline:
            raise JobTimeout(f"{_label(job)} is still running")
        if PROGRESS is not None and now >= told:
            told = now + PROGRESS_EVERY
            PROGRESS(progress(client, job))
        sleep(max(0.0, min(pause, deadline - now)))
        pause = min(pause * POLL_GROWTH, POLL_LONGEST)


def snapshots(client: Client, body: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return target id -> snapshots of the jobs that match ``body`` (``id``, ``kind``, ``bck``, ``show_active``)."""
    try:
        found = client.cluster("qryxstats", dict(body))
    except _errors.NotFound:
        return {}
    return {str(target): list(snaps or ()) for target, snaps in (found or {}).items()}


def totals(snaps: Iterable[Mapping[str, Any]]) -> tuple[int, int]:
    """Return objects and bytes that snapshots count, of their own disks or, for what only travels, sent."""
    objects = size = 0
    for snap in snaps:
        stats = snap.get("stats") or {}
        objects += int(stats.get("loc-objs") or 0) or int(stats.get("out-objs") or 0)
        size += int(stats.get("loc-bytes") or 0) or int(stats.get("out-bytes") or 0)
    return objects, size


def ended(snap: Mapping[str, Any]) -> bool:
    """Tell whether a snapshot is of a job that is over on its target."""
    return snap.get("end-time") not in _NEVER or bool(snap.get("aborted"))


def progress(client: Client, job: Job) -> str:
    """Return a line that tells how far ``job`` is."""
    try:
        found = snapshots(client, {"id": job.id})
    except _errors.AisError:
        return f"{_label(job)}: running"
    snaps = [snap for group in found.values() for snap in group]
    objects, size = totals(snaps)
    done = sum(1 for group in found.values() if group and all(map(ended, group)))
    return f"{_label(job)}: {objects} objects, {human_size(size)}, {done} of {len(found)} targets finished"


def _label(job: Job) -> str:
    return f"{job.kind}[{job.id}]" + (f" of {job.target}" if job.target else "")


def _status(client: Client, job: Job) -> Job | None:
    """Return the job as the cluster's record of it says, or None when there is none."""
    try:
        found = client.cluster("status", {"id": job.id, "kind": job.kind})
    except _errors.NotFound:
        return None
    error = str(found.get("err") or "")
    if found.get("aborted"):
        return replace(job, state="aborted", error=error)
    if not int(found.get("end_time") or 0):
        return replace(job, state="running")
    return replace(job, state="failed" if error else "finished", error=error)


def _snaps(client: Client, job: Job) -> Job | None:
    """Return the job as all its targets' snapshots together say, or None when there are none."""
    snaps = [snap for group in snapshots(client, {"id": job.id}).values() for snap in group]
    if not snaps:
        return None
    objects, size = totals(snaps)
    error = "; ".join(
        str(snap.get("abort-err") or snap.get("err")) for snap in snaps if snap.get("abort-err") or snap.get("err")
    )
    job = replace(job, objects=objects, bytes=size, error=error)
    if any(snap.get("aborted") for snap in snaps):
        return replace(job, state="aborted")
    if all(map(ended, snaps)):
        return replace(job, state="failed" if error else "finished")
    idle = all(ended(snap) or snap.get("is_idle") for snap in snaps)
    return replace(job, state="idle" if idle else "running")


def _ends(client: Client, job: Job) -> Job | None:
    found = _snaps(client, job)
    return replace(found, state="running") if found and found.state == "idle" else found


#: How to look at a job, by how its kind is waited for.
_STATES: Mapping[str, Callable[[Client, Job], Job | None]] = {"status": _status, "ends": _ends, "idles": _snaps}
