# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""How jobs are asked for and shown: filters to queries, snapshots of all targets to one record a job. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.community.aistore.plugins.module_utils import _address, _jobs
from ansible_collections.community.aistore.plugins.module_utils._errors import OptionError
from ansible_collections.community.aistore.plugins.module_utils._fields import suggest

#: States, from the one that a job as a whole has if any of its targets has it.
STATES = ("running", "aborted", "failed", "idle", "finished")
#: Counters of a snapshot, by what we call them.
_COUNTERS = {
    "objects": "loc-objs",
    "bytes": "loc-bytes",
    "sent_objects": "out-objs",
    "sent_bytes": "out-bytes",
    "received_objects": "in-objs",
    "received_bytes": "in-bytes",
}


def known_kind(name: str, option: str = "kind") -> _jobs.Kind:
    """Return the kind of job of this name or display name. The server takes an unknown one for "all", so we do not."""
    kind = _jobs.kind_of(name)
    if kind.name not in _jobs.KINDS:
        names = sorted({each for known in _jobs.KINDS.values() for each in (known.name, known.display)})
        raise OptionError(
            f"{option}: unknown kind of job {name!r}{suggest(name, names) or '.'} Known are: {', '.join(names)}"
        )
    return kind


def query(filters: Mapping[str, Any], option: str = "xactions") -> dict[str, Any]:
    """Return the body of a job query for ``kind``, ``id``, ``bucket`` and ``running`` (None: not filtered)."""
    found: dict[str, Any] = {}
    if filters.get("kind"):
        found["kind"] = known_kind(filters["kind"], f"{option}.kind").name
    if filters.get("id"):
        found["id"] = filters["id"]
    if filters.get("bucket"):
        found["bck"] = _address.parse_bucket(filters["bucket"], f"{option}.bucket").json()
    if filters.get("running"):
        found["show_active"] = True
    return found


def describe(snapshots: Mapping[str, Iterable[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Return one record for each job in ``snapshots`` (target id -> snapshots), the latest first."""
    parts: dict[str, dict[str, Mapping[str, Any]]] = {}
    for target, snaps in sorted(snapshots.items()):
        for snap in snaps:
            parts.setdefault(str(snap.get("id")), {})[target] = snap
    return sorted((_job(job, snaps) for job, snaps in parts.items()), key=lambda job: job["started"], reverse=True)


def _job(job: str, snaps: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    targets = {target: _part(snap) for target, snap in snaps.items()}
    first = next(iter(snaps.values()))
    kind = str(first.get("kind"))
    states = {part["state"] for part in targets.values()}
    ends = [part["finished"] for part in targets.values()]
    return {
        "id": job,
        "kind": kind,
        "display": _jobs.kind_of(kind).display,
        "bucket": _bucket(first.get("bck")),
        "source": _bucket(first.get("src-bck")),
        "destination": _bucket(first.get("dst-bck")),
        "state": next((state for state in STATES if state in states), "running"),
        "started": min(part["started"] for part in targets.values()),
        "finished": max(ends) if all(ends) else "",
        **{name: sum(part[name] for part in targets.values()) for name in _COUNTERS},
        "error": "; ".join(dict.fromkeys(part["error"] for part in targets.values() if part["error"])),
        "about": str(first.get("ctlmsg") or ""),
        "targets": targets,
    }


def blank(job: str, kind: str, state: str, bucket: str = "") -> dict[str, Any]:
    """Return the record of a job of which no target has told anything (yet)."""
    texts = {"source": "", "destination": "", "started": "", "finished": ""}
    head = {"id": job, "kind": kind, "display": _jobs.kind_of(kind).display, "bucket": bucket, "state": state}
    return {**head, **texts, **dict.fromkeys(_COUNTERS, 0), "error": "", "about": "", "targets": {}}


def of_status(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of a job of which only the proxies tell."""
    error, ended = str(entry.get("err") or ""), bool(entry.get("end_time"))
    state = "aborted" if entry.get("aborted") else "running" if not ended else "failed" if error else "finished"
    return {**blank(str(entry.get("uuid")), str(entry.get("kind")), state), "error": error}


def _part(snap: Mapping[str, Any]) -> dict[str, Any]:
    """Return one target's part of a job."""
    error = str(snap.get("abort-err") or snap.get("err") or "")
    over = _jobs.ended(snap)
    if snap.get("aborted"):
        state = "aborted"
    elif over:
        state = "failed" if error else "finished"
    else:
        state = "idle" if snap.get("is_idle") else "running"
    stats = snap.get("stats") or {}
    return {
        "state": state,
        "started": str(snap.get("start-time") or ""),
        "finished": str(snap.get("end-time") or "") if over else "",
        **{name: int(stats.get(counter) or 0) for name, counter in _COUNTERS.items()},
        "error": error,
    }


def _bucket(found: Mapping[str, Any] | None) -> str:
    return str(_address.from_json(found)) if found and found.get("name") else ""
