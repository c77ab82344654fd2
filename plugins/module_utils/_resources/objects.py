# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Many objects of one bucket: removed, evicted, cached or copied from another bucket by one job of the cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.community.aistore.plugins.module_utils import _evidence, _jobs, _listing
from ansible_collections.community.aistore.plugins.module_utils._address import Bucket, parse_bucket, unreachable
from ansible_collections.community.aistore.plugins.module_utils._client import Client
from ansible_collections.community.aistore.plugins.module_utils._engine import Partly, Resource, Step
from ansible_collections.community.aistore.plugins.module_utils._errors import AisError, OptionError
from ansible_collections.community.aistore.plugins.module_utils._files import FileAttributes
from ansible_collections.community.aistore.plugins.module_utils._jobs import Job
from ansible_collections.community.aistore.plugins.module_utils._resources import object as one
from ansible_collections.community.aistore.plugins.module_utils._resources.object_wish import (
    Wish,
    check_name,
    origin_bucket,
    spoiled,
    wish,
)

#: So many names are shown in results and diffs, and remembered of a whole bucket.
SHOWN = 100
#: Names that are sent one by one to a job; of more, the template is sent.
_MOST_SENT = 10_000


@dataclass(frozen=True)
class Act:
    """How a state is reached: the ``verb`` of the step, method, action and kind of job, and what is true ``after``."""

    verb: str
    method: str
    action: str
    before: str
    after: str


ACTS: Mapping[str, Act] = {
    "absent": Act("delete", "DELETE", "delete-listrange", "present", "absent"),
    "evicted": Act("evict", "DELETE", "evict-listrange", "cached", "evicted"),
    "cached": Act("prefetch", "POST", "prefetch-listrange", "not cached", "cached"),
    "present": Act("copy", "POST", "copy-listrange", "missing or different", "as in the other bucket"),
}


@dataclass(frozen=True)
class Selection:
    """Which objects of ``bucket``: ``names``, those of a ``template``, or all of them (both are empty).

    With an ``origin``, they are to be what they are there; all of them are then those that are there.
    """

    bucket: Bucket
    state: str
    names: tuple[str, ...] = ()
    template: str = ""
    allow_degraded: bool = False
    origin: Bucket | None = None

    @property
    def everything(self) -> bool:
        """The whole bucket is meant."""
        return not self.names

    @property
    def asked(self) -> tuple[Bucket, ...]:
        """The buckets whose own store is asked for each object. Evicting is the cluster's alone."""
        return () if self.state == "evicted" else tuple(filter(None, (self.bucket, self.origin)))

    @property
    def label(self) -> str:
        """What steps call it."""
        return f"{self.bucket}/{self.template or (self.names[0] if len(self.names) == 1 else '')}"


@dataclass(frozen=True)
class State:
    """``todo``: the objects that are not as they should be (of a whole bucket only the first), ``count`` how many.

    ``missing``: the names that did not exist when the task began. ``unfound``: those that are to be copied, and are not there.
    ``beyond``: of those to do, the ones that cannot be reached in another cluster.
    """

    todo: tuple[str, ...] = ()
    count: int = 0
    missing: tuple[str, ...] = ()
    unfound: tuple[str, ...] = ()
    beyond: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def make(params: Mapping[str, Any], client: Client, files: FileAttributes | None = None) -> Resource[Any]:
    """Return the resource that the options of ``ais_object`` describe: one object, or many."""
    bucket = parse_bucket(params["bucket"], "bucket")
    state, names = str(params["state"]), params.get("name")
    ways = [way for way in ("name", "template", "all") if params.get(way) not in (None, False)]
    if len(ways) > 1:
        raise OptionError(f"{' and '.join(ways)}: objects are selected in one way")
    if names is not None and not names:
        raise OptionError("name: the list is empty; say 'all: true' if the whole bucket is meant")
    whole = str(params.get("promote_from") or "").endswith("/")
    if not ways and not whole:
        raise OptionError(
            "name an object with 'name', several with a list or 'template', or all of them with 'all: true'"
        )
    origin = None
    if state == "present" and ways:
        origin = origin_bucket(params, bucket, several=ways != ["name"] or len(names or ()) > 1)
    if state in ("present", "fetched") and origin is None:
        if ways not in (["name"], []) or (names and len(names) > 1):
            raise OptionError(
                f"'state: {state}' is for one object; give one name",
                hint="Several are copied with 'copy_from: <address of a bucket>'." if state == "present" else None,
            )
        return one.ObjectResource(wish(params, bucket, names[0] if names else ""), client, files)
    if state == "absent" and names and len(names) == 1:
        return one.ObjectResource(wish(params, bucket, names[0]), client, files)
    wish({**params, "copy_from": None} if origin else params, bucket, "-")
    return ObjectsResource(_selection(params, bucket, state, origin), client)


def _selection(params: Mapping[str, Any], bucket: Bucket, state: str, origin: Bucket | None) -> Selection:
    if state == "evicted" and not bucket.remote:
        raise OptionError(
            f"'state: evicted': {bucket} is no cache of another store; evicting from it would destroy the only copy",
            hint="Say 'state: absent' to remove objects for good.",
        )
    if state == "cached" and not bucket.remote:
        raise OptionError(
            f"'state: cached': {bucket} is no cache of another store; its objects are in the cluster anyway"
        )
    template = params.get("template")
    found = Selection(bucket, state, (), str(template or ""), bool(params.get("allow_degraded")), origin)
    if template is not None:
        names = _listing.template_names(str(template))
        check_name(names[0], "template", *found.asked)
    else:
        names = list(dict.fromkeys(map(str, params.get("name") or ())))
        for name in names:
            check_name(name, "name", *found.asked)
    return replace(found, names=tuple(names))


class ObjectsResource(Resource[State]):
    """Many objects, in one of the states of :data:`ACTS`."""

    def __init__(self, selection: Selection, client: Client) -> None:
        self.selection, self.client = selection, client
        self._tried: frozenset[str] = frozenset()
        self._said: list[str] = []
        self._settled = False
        self._missing: tuple[str, ...] | None = None

    def read(self) -> State:
        wish = self.selection
        state = self._look()
        left = [name for name in state.todo if name in self._tried]
        if self._settled and left:
            reasons = "; ".join(filter(None, self._said)) or "the job gave no reason"
            raise AisError(
                f"{wish.label}: {len(left)} objects are still {ACTS[wish.state].before}, {_few(left)}: {reasons}"
            )
        unseen = state.unfound if wish.origin else state.missing
        rests_on_absence = wish.state in ("absent", "present") and (wish.everything or unseen)
        if rests_on_absence and not wish.allow_degraded:
            state = replace(state, doubts=_evidence.doubts(self.client, wish.origin or wish.bucket))
        return state

    def _look(self) -> State:
        """Return what is to do, by looking at each name or by a listing."""
        wish = self.selection
        if wish.origin:
            return self._look_at_both(wish.origin)
        wanted = frozenset(wish.names)
        known: Iterable[tuple[str, bool]]
        if wish.names and len(wish.names) <= one.FEW:
            with ThreadPoolExecutor(max_workers=self.parallel) as pool:
                known = [found for found in pool.map(self._head, wish.names) if found is not None]
        else:
            known = (
                (entry.name, entry.cached)
                for entry in _listing.entries(
                    self.client,
                    wish.bucket,
                    prefix=_listing.common_prefix(wish.names),
                    props=("name", "cached"),
                    flags=_listing.CACHED if wish.state == "evicted" else 0,
                    missing_ok=True,
                )
                if not wanted or entry.name in wanted
            )
        todo: list[str] = []
        beyond: list[str] = []
        seen: set[str] = set()
        count = 0
        for name, cached in known:
            if wanted:
                seen.add(name)
            if wish.state == "cached" and cached:
                continue
            if unreachable(name, *wish.asked):
                beyond.append(name)
            count += 1
            if wanted or count <= SHOWN:
                todo.append(name)
        if self._missing is None:
            self._missing = tuple(name for name in wish.names if name not in seen)
        return State(tuple(sorted(todo)), count, self._missing, beyond=tuple(beyond))

    def _head(self, name: str) -> tuple[str, bool] | None:
        found = one.head(self.client, self.selection.bucket, name, presence=self.selection.state == "evicted")
        return (name, bool(found.cached)) if found.exists else None

    def _look_at_both(self, origin: Bucket, *, closely: bool = True) -> State:
        """Return what is to be copied. Where lists do not tell, each object is looked at, or (not ``closely``) copied."""
        wish = self.selection
        there, here = self._find(origin), self._find(wish.bucket)
        for found, address in ((there, f"copy_from: {origin}"), (here, str(wish.bucket))):
            if found is None:
                self.need(AisError(f"{address} does not exist, so that nothing can be copied"))
        here, source = here or {}, there or {}
        todo: list[str] = []
        unclear: list[str] = []
        for name in wish.names or source:
            same = alike(here.get(name), source.get(name))
            if not same:
                (unclear if same is None and closely else todo).append(name)
        with ThreadPoolExecutor(max_workers=self.parallel) as pool:
            answers = pool.map(lambda name: not unreachable(name, *wish.asked) and self._same(origin, name), unclear)
            todo += [name for name, same in zip(unclear, answers) if not same]
        unfound = () if there is None else tuple(name for name in wish.names if name not in there)
        beyond = tuple(name for name in todo if unreachable(name, *wish.asked))
        return State(tuple(sorted(todo)), len(todo), unfound=unfound, beyond=beyond)

    def _find(self, bucket: Bucket) -> dict[str, one.Found] | None:
        """Return what of the selection is in ``bucket``, by name; None when there is no such bucket.

        Of more than a few, only size and value of the checksum are known.
        """
        return one.find(self.client, bucket, self.selection.names or None, parallel=self.parallel)

    def _same(self, origin: Bucket, name: str) -> bool:
        where, source = (self.selection.bucket, name), (origin, name)
        ours, theirs = one.head(self.client, *where), one.head(self.client, *source)
        return ours.exists and theirs.exists and one.same_object(self.client, where, ours, source, theirs)

    def plan(self, state: State) -> Sequence[Step]:
        wish = self.selection
        _listing.refuse_unreachable(wish.label, state.beyond, *wish.asked)
        if wish.origin:
            return self._plan_copies(state, wish.origin)
        if state.doubts:
            claim = f"{len(state.missing)} of the objects were not found" if wish.names else f"{wish.bucket} was listed"
            _evidence.refuse(claim, state.doubts)
        if wish.state == "cached" and len(wish.names) == 1 and state.missing:
            raise AisError(f"{wish.bucket}/{wish.names[0]} does not exist; it cannot be cached")
        return [self._step(state.todo, state.count)] if state.count else []

    def _plan_copies(self, state: State, origin: Bucket) -> list[Step]:
        if state.unfound:
            more = len(state.unfound) - SHOWN
            names = ", ".join(state.unfound[:SHOWN]) + (f" and {more} more" if more > 0 else "")
            _evidence.refuse(f"copy_from: {origin} was found without {names}", state.doubts)
            self.need(AisError(f"copy_from: {origin} does not have {names}"))
        _evidence.refuse(f"copy_from: {origin} was listed", state.doubts)
        relays = {name for name in state.todo if spoiled(self.selection.bucket, name)}
        parts = (tuple(name for name in state.todo if (name in relays) is by_hand) for by_hand in (False, True))
        return [self._step(part, len(part)) for part in parts if part]

    def _step(self, names: Sequence[str], count: int) -> Step:
        wish, act = self.selection, ACTS[self.selection.state]
        more = [f"... and {count - SHOWN} more"] if count > SHOWN else []
        before = dict.fromkeys([*names[:SHOWN], *more], act.before)
        detail = {"objects": count, "names": list(names[:SHOWN]), **({"from": str(wish.origin)} if wish.origin else {})}
        return Step(act.verb, wish.label, detail, before, dict.fromkeys(before, act.after), payload=tuple(names))

    def foresee(self, state: State, steps: Sequence[Step]) -> State:
        return replace(state, todo=(), count=0, unfound=())

    def apply(self, step: Step) -> Sequence[Job]:
        wish, act = self.selection, ACTS[self.selection.state]
        if wish.origin and spoiled(wish.bucket, step.payload[0]):
            return self._relay(step.payload, wish.origin)
        self._tried = frozenset(step.payload)
        bucket = wish.origin or wish.bucket
        jobs: dict[str, Job] = {}
        for value in self._values(step.payload):
            answer = self.client.request(
                act.method,
                bucket.path,
                what=f"{act.verb} {wish.label}",
                query=bucket.query(),
                action=act.action,
                value=value,
            )
            jobs.update((job.id, job) for job in _jobs.of_answer(answer.text, act.action, wish.label))
        return list(jobs.values())

    def _values(self, names: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Yield what to send for a job of ``names``. Never an empty selection by accident: that is the whole bucket."""
        wish = self.selection
        if wish.origin:
            # For the same pair of buckets, one job takes it all.
            for at in range(0, len(names), _MOST_SENT):
                yield {"objnames": list(names[at : at + _MOST_SENT]), "tobck": wish.bucket.json()}
        elif wish.everything:
            yield {"template": ""}
        elif wish.template and len(names) > _MOST_SENT:
            yield {"template": wish.template}
        else:
            yield {"objnames": list(names)}

    def _relay(self, names: Sequence[str], origin: Bucket) -> Sequence[Job]:
        """Copy each of ``names`` as a single object is."""
        done: list[str] = []

        def copy(name: str) -> None:
            which = one.ObjectResource(Wish(self.selection.bucket, name, copy_from=(origin, name)), self.client)
            for step in which.plan(which.read()):
                which.apply(step)
            done.append(name)

        try:
            with ThreadPoolExecutor(max_workers=self.parallel) as pool:
                list(pool.map(copy, names))
        except AisError as error:
            if not done:
                raise
            raise Partly(error, self._step(sorted(done), len(done))) from None
        return ()

    def settle(self, job: Job, deadline: float) -> Job:
        origin = self.selection.origin
        if origin:
            tried = self._tried
            found = _jobs.wait(
                self.client,
                job,
                deadline,
                done=lambda: tried.isdisjoint(self._look_at_both(origin, closely=False).todo),
            )
            # What it counted and complained of may be about what earlier tasks gave the same job.
            job = replace(job, state=found.state)
        else:
            found = job = _jobs.wait(self.client, job, deadline)
        self._said.append(found.error)
        self._settled = True
        return job

    def result(self, state: State) -> dict[str, Any]:
        wish = self.selection
        return {
            "objects": {
                "bucket": str(wish.bucket),
                "selected": len(wish.names) if wish.names else None,
                "missing": list(state.missing[:SHOWN]),
                "left": state.count,
            }
        }


def alike(ours: one.Found | None, theirs: one.Found | None) -> bool | None:
    """Tell whether two objects are the same by size and value of the checksum; None where that does not tell.

    Values of one length are of one algorithm, but for the ETags (with a ``-``) of what came to a cloud in parts.
    """
    if ours is None or theirs is None or ours.size != theirs.size:
        return False
    if ours.value and ours.value == theirs.value:
        return True
    known = ours.value and theirs.value and "-" not in ours.value + theirs.value
    return False if known and len(ours.value) == len(theirs.value) else None


def _few(names: Sequence[str]) -> str:
    """Return the first of ``names``, for a message."""
    return "for example " + ", ".join(names[:3])
