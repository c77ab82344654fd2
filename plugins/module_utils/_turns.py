# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Turns: changes of mountpaths and of membership, one after another.

A second change while a resilver or rebalance still moves objects loses sight of some. So a change takes the turn of
its targets, or of the whole cluster, and then waits until nothing moves there. A turn is a lock between the processes
of one user on one machine, where the tasks of parallel hosts meet; whatever moves in the cluster, on whoever's
behalf, is waited for.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Callable

from ansible_collections.community.aistore.plugins.module_utils import _errors, _jobs, _nodes
from ansible_collections.community.aistore.plugins.module_utils._client import Client
from ansible_collections.community.aistore.plugins.module_utils._errors import AisError, JobTimeout

#: Seconds between two looks, at a lock and at what moves.
POLL_LOCK, POLL_CLUSTER = 0.1, 0.5
#: A target's state flags (``tracker["state.flags"]``), and what they say that goes on there.
_MOVES = {1 << 3: "rebalance", 1 << 5: "resilver"}


@contextmanager
def take(client: Client, deadline: float, targets: Sequence[str] | None = None) -> Iterator[None]:
    """Hold the turn of ``targets``, or of the whole cluster, from when nothing moves there.

    Raises :class:`JobTimeout` when that takes longer than ``deadline`` (of :func:`time.monotonic`).
    """
    cluster = str(client.smap().get("uuid"))
    path = os.path.join(tempfile.gettempdir(), f"community.aistore-{os.getuid()}.lock")
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise AisError(f"cannot open {path}, which keeps changes of the cluster apart: {error.strerror}") from None
    try:
        # Many change mountpaths, or one changes the membership. Everybody locks in the same order.
        _lock(file, cluster, fcntl.LOCK_EX if targets is None else fcntl.LOCK_SH, deadline)
        for target in sorted(set(targets or ())):
            _lock(file, f"{cluster}/{target}", fcntl.LOCK_EX, deadline)
        until(lambda: moving(client, targets), deadline)
        yield
    finally:
        os.close(file)


def until(busy: Callable[[], str], deadline: float, pause: float = POLL_CLUSTER) -> None:
    """Wait until ``busy`` returns nothing; what it returns else is what is waited for."""
    told = time.monotonic() + _jobs.PROGRESS_AFTER
    while True:
        what = busy()
        if not what:
            return
        now = time.monotonic()
        if now >= deadline:
            raise JobTimeout(f"waited for {what}, in vain")
        if _jobs.PROGRESS is not None and now >= told:
            told = now + _jobs.PROGRESS_EVERY
            _jobs.PROGRESS(f"waiting for {what}")
        time.sleep(min(pause, deadline - now))


def moving(client: Client, targets: Sequence[str] | None = None) -> str:
    """Return what moves objects just now: a rebalance, or a resilver of ``targets`` (default: of any); or nothing."""
    running = rebalances(client)
    if running:
        return f"rebalance[{running[0]}]"
    for target, flags in _flags(client, targets):
        for flag, what in _MOVES.items():
            if flags & flag:
                return f"the {what} of {target}"
    return ""


def _flags(client: Client, targets: Sequence[str] | None) -> Iterator[tuple[str, int]]:
    """Yield the id and the state flags of ``targets``, or of all active ones. One that does not answer moves nothing."""
    once = Client(replace(client.connection, retries=0), check_mode=client.check_mode)
    try:
        stats = dict(once.cluster("node_stats").get("target") or {})
    except AisError:
        stats = {}  # one target that is down spoils it
    nodes = _nodes.of_map(client.smap())
    active = [node.id for node in nodes.values() if node.kind == "target" and node.state == "active"]
    for target in active if targets is None else sorted(set(targets)):
        # The cluster leaves out those in maintenance; they answer for themselves.
        try:
            found = stats.get(target) or once.node(target, "node_stats")
        except (_errors.Unreachable, _errors.NotReady, _errors.NotFound):
            continue
        yield target, int((found.get("tracker") or {}).get("state.flags") or 0)


def rebalances(client: Client) -> list[str]:
    """Return the ids of the rebalances that run, by the cluster's records."""
    records = client.cluster("status_all", {"kind": "rebalance"}) or ()
    return [str(job["uuid"]) for job in records if not job.get("end_time") and not job.get("aborted")]


def at_stake(client: Client) -> bool:
    """Tell whether there are buckets, so that there may be objects to lose sight of."""
    providers = client.cluster("bmd").get("providers") or {}
    return any(buckets for spaces in providers.values() for buckets in (spaces or {}).values())


def _lock(file: int, name: str, kind: int, deadline: float) -> None:
    """Lock the byte of ``file`` that stands for ``name``; the system releases it when this process ends."""
    offset = int.from_bytes(hashlib.sha256(name.encode()).digest()[:7], "big")

    def busy() -> str:
        try:
            fcntl.lockf(file, kind | fcntl.LOCK_NB, 1, offset)
        except (BlockingIOError, PermissionError):
            return "another task that changes this cluster's nodes or mountpaths"
        return ""

    until(busy, deadline, POLL_LOCK)
