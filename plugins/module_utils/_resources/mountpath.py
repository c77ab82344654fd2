# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Mountpaths of targets: which there are, what is to be done with them, and waiting until their objects have moved."""

from __future__ import annotations

import posixpath
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from ansible_collections.community.aistore.plugins.module_utils import _errors, _jobs, _nodes, _turns
from ansible_collections.community.aistore.plugins.module_utils._client import Client
from ansible_collections.community.aistore.plugins.module_utils._engine import Resource, Step
from ansible_collections.community.aistore.plugins.module_utils._errors import AisError, OptionError
from ansible_collections.community.aistore.plugins.module_utils._jobs import Job

STATES = ("present", "absent", "enabled", "disabled")
#: The server takes no longer path.
LONGEST = 255
#: A resilver shows up within so many seconds after the change that starts it.
RESILVER_WITHIN = 3.0

#: What to do, by the wanted state and where the path is. A path that waits to be emptied, with no resilver that does
#: it, is enabled first: to remove it just so would leave its objects behind. None: impossible.
_VERBS: Mapping[str, Mapping[str, tuple[str, ...] | None]] = {
    "present": {"absent": ("attach",), "available": (), "disabled": (), "waiting_dd": ("enable",)},
    "enabled": {"absent": ("attach",), "available": (), "disabled": ("enable",), "waiting_dd": ("enable",)},
    "disabled": {"absent": None, "available": ("disable",), "disabled": (), "waiting_dd": ("enable", "disable")},
    "absent": {
        "absent": (),
        "available": ("detach",),
        "disabled": ("detach",),
        "waiting_dd": ("enable", "detach"),
    },
}
#: Where a path is after each verb.
_AFTER = {"attach": "available", "enable": "available", "disable": "disabled", "detach": "absent"}
_REMOVES = frozenset(("disable", "detach"))


@dataclass(frozen=True)
class Paths:
    """The mountpaths of one target: path -> ``available``, ``disabled`` or ``waiting_dd``."""

    at: Mapping[str, str] = field(default_factory=dict)
    #: path -> label, as far as they are known.
    labels: Mapping[str, str] = field(default_factory=dict)

    def where(self, path: str) -> str:
        """Return where ``path`` is; ``absent`` when it is no mountpath."""
        return self.at.get(path, "absent")

    def available(self) -> int:
        """Return how many are in use, and stay so."""
        return sum(where == "available" for where in self.at.values())

    def after(self, verb: str, path: str, label: str = "") -> Paths:
        """Return the mountpaths after ``verb`` on ``path``."""
        rest = {known: where for known, where in self.at.items() if known != path}
        gone = _AFTER[verb] == "absent"
        labels = {**self.labels, path: label} if verb == "attach" and label else self.labels
        return Paths(rest if gone else {**rest, path: _AFTER[verb]}, labels)

    def shown(self) -> dict[str, list[str]]:
        """Return the mountpaths as results hold them."""
        lists = ("available", "disabled", "waiting_dd")
        return {name: sorted(path for path, where in self.at.items() if where == name) for name in lists}


@dataclass(frozen=True)
class World:
    """The mountpaths of the targets named, by id, and what of the cluster matters for changes."""

    targets: Mapping[str, Paths]
    #: The cluster resilvers after a change.
    resilvers: bool = True
    #: There are buckets, so there may be objects.
    buckets: bool = False


class Change(NamedTuple):
    """What a step changes: ``path`` of ``target``, where it is, and how many paths are in use before and after."""

    target: str
    path: str
    where: str
    used: int
    left: int


@dataclass(frozen=True)
class Wish:
    """What the task asks for."""

    paths: tuple[str, ...]
    state: str = "present"
    label: str = ""
    resilver: bool = True
    force: bool = False


def wish(params: Mapping[str, Any]) -> Wish:
    """Return what the options ask for; raises :class:`OptionError` for what cannot be a mountpath."""
    paths = tuple(dict.fromkeys(_path(text) for text in params["path"]))
    if not paths:
        raise OptionError("path: name at least one mountpath")
    label = params.get("label") or ""
    if label and params["state"] not in ("present", "enabled"):
        raise OptionError("label is given when a mountpath is attached, with 'state: present' or 'state: enabled'")
    return Wish(paths, params["state"], label, params["resilver"], params["force"])


def _path(text: str) -> str:
    path = posixpath.normpath(text.strip() or ".")
    path = path[1:] if path.startswith("//") else path
    if not path.startswith("/") or path == "/" or len(path) > LONGEST:
        raise OptionError(f"path: {text!r} must be an absolute path other than /, of at most {LONGEST} characters")
    return path


def plan(wanted: Wish, world: World) -> list[Step]:
    """Return the steps for every target and path; those of one target in one chain. Pure."""
    steps: list[Step] = []
    for target, paths in world.targets.items():
        steps += _steps(wanted, target, paths, world)
    return steps


def _steps(wanted: Wish, target: str, paths: Paths, world: World) -> list[Step]:
    todo = _todo(wanted, target, paths)
    after = paths
    for path, verb in todo:
        if verb == "attach":
            _not_nested(path, target, after)
        after = after.after(verb, path, wanted.label)
    if paths.available() and not after.available() and not wanted.force:
        raise OptionError(
            f"{target}: {', '.join(wanted.paths)} would leave it without a mountpath, and out of the cluster; "
            "nothing was changed. If that is what you want, say 'force: true'; to take the target out of service with its "
            "objects moved to the others, use community.aistore.ais_target"
        )
    lossy = [path for path, verb in todo if verb in _REMOVES and paths.where(path) != "disabled"]
    if lossy and wanted.resilver and not world.resilvers and world.buckets and not wanted.force:
        raise OptionError(
            f"{target}: the objects on {', '.join(lossy)} would not be moved, since the cluster's configuration has "
            "resilver.enabled=false; nothing was changed. Enable it with community.aistore.ais_cluster_config, or say "
            "'resilver: false' to leave them behind"
        )
    steps: list[Step] = []
    for path, verb in todo:
        before, paths = paths, paths.after(verb, path, wanted.label)
        steps.append(_step(wanted, target, path, verb, before, paths))
    return steps


def _todo(wanted: Wish, target: str, paths: Paths) -> list[tuple[str, str]]:
    """Return (path, verb) of what is to be done on ``target``."""
    todo: list[tuple[str, str]] = []
    for path in wanted.paths:
        where = paths.where(path)
        verbs = _VERBS[wanted.state][where]
        if verbs is None:
            known = ", ".join(sorted(paths.at)) or "none"
            raise OptionError(
                f"{target}: {path} is no mountpath of it, so it cannot be {wanted.state}; it has: {known}"
            )
        label = paths.labels.get(path)
        if wanted.label and label is not None and label != wanted.label:
            raise OptionError(
                f"{target}: {path} has the label {label!r}, not {wanted.label!r}; a label is given when a mountpath is "
                "attached, so detach it first ('state: absent')"
            )
        todo += [(path, verb) for verb in verbs]
    return todo


def _not_nested(path: str, target: str, paths: Paths) -> None:
    """Raise :class:`OptionError` for a path inside another mountpath, or around one: the server takes the first."""
    for other in paths.at:
        inner, outer = sorted((path, other), key=len, reverse=True)
        if inner.startswith(f"{outer}/"):
            raise OptionError(f"{target}: mountpaths must not be nested: {inner} is inside {outer}")


def _step(wanted: Wish, target: str, path: str, verb: str, before: Paths, after: Paths) -> Step:
    where = before.where(path)
    detail: dict[str, Any] = {"label": wanted.label} if verb == "attach" and wanted.label else {}
    if verb in _REMOVES and not wanted.resilver:
        detail["resilver"] = False
    return Step(
        verb,
        f"{target}:{path}",
        detail,
        before=None if where == "absent" else {"state": where},
        after=None if _AFTER[verb] == "absent" else {"state": _AFTER[verb], **detail},
        payload=Change(target, path, where, before.available(), after.available()),
        chain=target,
        blocks=True,
    )


class Mountpaths(Resource[World]):
    """Brings mountpaths to what the options of ``ais_mountpath`` say."""

    def __init__(self, params: Mapping[str, Any], client: Client) -> None:
        self.client = client
        self.wish = wish(params)
        self.wanted: list[str] = params["node"]
        self._resilvers = True
        self._homes: dict[str, Client] = {}
        self._deadline = 0.0

    # -- read -------------------------------------------------------------------------------------------------

    def read(self) -> World:
        """One request for all targets, one more for each that is in maintenance; the rest only before a change."""
        answers = self.client.cluster("mountpaths").get("targets") or {}
        stats = self.client.cluster("node_stats").get("target") or {} if self.wish.label else {}
        targets = {}
        for target in self._chosen():
            found = answers.get(target) or self._ask(target, answers)
            capacity = ((stats.get(target) or {}).get("capacity") or {}).get("mountpaths") or {}
            labels = {path: str((about or {}).get("mountpath_label") or "") for path, about in capacity.items()}
            lists = ("disabled", "available", "waiting_dd")
            targets[target] = Paths({path: name for name in lists for path in found.get(name) or ()}, labels)
        world = World(targets)
        if any(_todo(self.wish, target, paths) for target, paths in targets.items()):
            resilvers = bool((self.client.cluster("cluster_config").get("resilver") or {}).get("enabled"))
            world = replace(world, resilvers=resilvers, buckets=not resilvers and _turns.at_stake(self.client))
        self._resilvers = world.resilvers
        return world

    def _ask(self, target: str, answers: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the mountpaths of one target, which did not answer together with the others."""
        try:
            return self._at(target).node(target, "mountpaths")
        except (_errors.NotReady, _errors.Unreachable) as error:
            raise _errors.Unreachable(
                f"target {target} does not answer: {error.message}. Those that answer: {', '.join(sorted(answers)) or 'none'}",
                hint="Start it, or take it out of the cluster with community.aistore.ais_target.",
            ) from None

    def _chosen(self) -> list[str]:
        """Return the ids of the targets named: those of the map, and those that dropped out of it."""
        nodes = _nodes.of_map(self.client.smap(fresh=True))
        lost = [name for name in self.wanted if name not in nodes and name not in _nodes.GROUPS and self._answers(name)]
        named = [name for name in self.wanted if name not in lost]
        found = [node.id for node in _nodes.pick(nodes, named, kind="target")] if named else []
        return [*found, *lost]

    def _answers(self, target: str) -> bool:
        """Tell whether the primary still reaches a target that left the map, as it does without a mountpath."""
        primary = str(((self.client.smap().get("proxy_si") or {}).get("public_net") or {}).get("direct_url") or "")
        if not primary:
            return False
        client = Client(replace(self.client.connection, endpoints=(primary,)), check_mode=self.client.check_mode)
        try:
            client.node(target, "mountpaths")
        except AisError:
            return False
        self._homes[target] = client
        return True

    def _at(self, target: str) -> Client:
        return self._homes.get(target, self.client)

    # -- plan -------------------------------------------------------------------------------------------------

    def plan(self, state: World) -> list[Step]:
        return plan(self.wish, state)

    def foresee(self, state: World, steps: Sequence[Step]) -> World:
        """Return the mountpaths after ``steps``, their objects moved."""
        targets = dict(state.targets)
        for step in steps:
            target = step.payload.target
            targets[target] = targets[target].after(step.verb, step.payload.path, self.wish.label)
        return replace(state, targets=targets)

    # -- apply ------------------------------------------------------------------------------------------------

    def turn(self, state: World, steps: Sequence[Step], deadline: float) -> AbstractContextManager[bool]:
        """Hold the turn of every target that is to be changed."""
        targets = sorted({step.payload.target for step in steps})
        return self._take(targets, deadline) if targets else nullcontext(False)

    @contextmanager
    def _take(self, targets: Sequence[str], deadline: float) -> Iterator[bool]:
        self._deadline = deadline
        with _turns.take(self.client, deadline, [target for target in targets if target not in self._homes]):
            yield True

    def apply(self, step: Step) -> list[Job]:
        """Change one mountpath, and return the jobs that this starts."""
        change: Change = step.payload
        before = self._resilvers_of(change.target)
        query: dict[str, Any] = {"mountpath_label": self.wish.label} if step.detail.get("label") else {}
        if step.verb in _REMOVES and not self.wish.resilver:
            query = {"dntres": True}
        self._change(change.target, step.verb, change.path, query)
        jobs = [] if change.used else self._rejoined(change.target)
        moves = self._resilvers and change.left and not query.get("dntres") and change.where != _AFTER[step.verb]
        if moves and not (change.where == "disabled" and step.verb == "detach"):
            jobs += self._started(change, before)
        return jobs

    def _started(self, change: Change, before: set[str]) -> list[Job]:
        """Return the resilver that a change has started, also where nobody waits: the next change must find it running."""
        ends = time.monotonic() + RESILVER_WITHIN
        while not (new := self._resilvers_of(change.target) - before) and time.monotonic() < ends:
            time.sleep(0.05)
        if not new:
            # Of a target in maintenance, the cluster does not tell which resilvers there are; only that one runs.
            _turns.until(lambda: self._emptying(change.target, change.path), self._deadline)
            _turns.until(lambda: _turns.moving(self._at(change.target), [change.target]), self._deadline)
        return [Job(name, "resilver", f"{change.target}:{change.path}") for name in sorted(new)]

    def _rejoined(self, target: str) -> list[Job]:
        """Return the rebalances that run once a target is back in the map with its first mountpath."""

        def away() -> str:
            found = target in _nodes.of_map(self.client.smap(fresh=True))
            return "" if found else f"{target} to join the cluster again"

        _turns.until(away, self._deadline)
        self._homes.pop(target, None)
        return [Job(name, "rebalance", target) for name in _turns.rebalances(self.client)]

    def _change(self, target: str, verb: str, path: str, query: Mapping[str, Any]) -> None:
        try:
            self._call(target, verb, path, query)
        except _errors.BadRequest as error:
            # A path that was disabled when its target started cannot be enabled any more, only attached anew.
            if verb != "enable" or "sharing is not allowed" not in error.said:
                raise
            self._call(target, "detach", path, {})
            self._call(target, "attach", path, {})

    def _call(self, target: str, verb: str, path: str, query: Mapping[str, Any]) -> None:
        self._at(target).request(
            "PUT",
            "/v1/reverse/daemon/mountpaths",
            what=f"{verb} mountpath {path} of {target}",
            node=target,
            action=f"{verb}-mp",
            value=path,
            query=query,
        )

    def _resilvers_of(self, target: str) -> set[str]:
        return {str(snap.get("id")) for snap in _jobs.snapshots(self.client, {"kind": "resilver"}).get(target) or ()}

    def _emptying(self, target: str, path: str) -> str:
        waiting = self._at(target).node(target, "mountpaths").get("waiting_dd") or ()
        return f"{path} of {target} to be emptied" if path in waiting else ""

    def settle(self, job: Job, deadline: float) -> Job:
        """Wait for a job, and until a path that it emptied is gone from those that are waiting."""
        target, colon, path = job.target.partition(":")
        job = _jobs.wait(self.client, job, deadline)
        if colon:
            _turns.until(lambda: self._emptying(target, path), deadline, pause=0.1)
        return job

    def result(self, state: World) -> dict[str, Any]:
        """Return ``mountpaths``: target -> its lists of paths."""
        return {"mountpaths": {target: paths.shown() for target, paths in state.targets.items()}}
