# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Many objects of one bucket: removed, evicted or cached by one job of the cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.community.aistore.plugins.module_utils import _evidence, _jobs, _listing
from ansible_collections.community.aistore.plugins.module_utils._address import Bucket, parse_bucket
from ansible_collections.community.aistore.plugins.module_utils._client import Client
from ansible_collections.community.aistore.plugins.module_utils._engine import Resource, Step
from ansible_collections.community.aistore.plugins.module_utils._errors import AisError, OptionError
from ansible_collections.community.aistore.plugins.module_utils._files import FileAttributes
from ansible_collections.community.aistore.plugins.module_utils._jobs import Job
from ansible_collections.community.aistore.plugins.module_utils._resources import object as one
from ansible_collections.community.aistore.plugins.module_utils._resources.object_wish import check_name, wish

#: Up to so many names are looked at one by one; for more, what they have in common is listed.
FEW = 16
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
}


@dataclass(frozen=True)
class Selection:
    """Which objects of ``bucket``: ``names``, those of a ``template``, or all of them (both are empty)."""

    bucket: Bucket
    state: str
    names: tuple[str, ...] = ()
    template: str = ""
    allow_degraded: bool = False

    @property
    def everything(self) -> bool:
        """The whole bucket is meant."""
        return not self.names

    @property
    def label(self) -> str:
        """What steps call it."""
        return f"{self.bucket}/{self.template or (self.names[0] if len(self.names) == 1 else '')}"


@dataclass(frozen=True)
class State:
    """``todo``: the objects that are not as they should be (of a whole bucket only the first), ``count`` how many.

    ``missing``: the names that did not exist when the task began.
    """

    todo: tuple[str, ...] = ()
    count: int = 0
    missing: tuple[str, ...] = ()
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
    if state in ("present", "fetched"):
        if ways not in (["name"], []) or (names and len(names) > 1):
            raise OptionError(f"'state: {state}' is for one object; give one name")
        return one.ObjectResource(wish(params, bucket, names[0] if names else ""), client, files)
    if state == "absent" and names and len(names) == 1:
        return one.ObjectResource(wish(params, bucket, names[0]), client, files)
    wish(params, bucket, "-")
    return ObjectsResource(_selection(params, bucket, state), client)


def _selection(params: Mapping[str, Any], bucket: Bucket, state: str) -> Selection:
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
    if template is not None:
        names = _listing.template_names(str(template))
        check_name(names[0], "template")
    else:
        names = list(dict.fromkeys(map(str, params.get("name") or ())))
        for name in names:
            check_name(name, "name")
    return Selection(bucket, state, tuple(names), str(template or ""), bool(params.get("allow_degraded")))


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
        rests_on_absence = wish.state == "absent" and (state.missing or wish.everything)
        if rests_on_absence and not wish.allow_degraded:
            state = replace(state, doubts=_evidence.doubts(self.client, wish.bucket))
        return state

    def _look(self) -> State:
        """Return what is to do, by looking at each name or by a listing."""
        wish = self.selection
        wanted = frozenset(wish.names)
        known: Iterable[tuple[str, bool]]
        if wish.names and len(wish.names) <= FEW:
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
        seen: set[str] = set()
        count = 0
        for name, cached in known:
            if wanted:
                seen.add(name)
            if wish.state == "cached" and cached:
                continue
            count += 1
            if wanted or count <= SHOWN:
                todo.append(name)
        if self._missing is None:
            self._missing = tuple(name for name in wish.names if name not in seen)
        return State(tuple(sorted(todo)), count, self._missing)

    def _head(self, name: str) -> tuple[str, bool] | None:
        found = one.head(self.client, self.selection.bucket, name, presence=self.selection.state == "evicted")
        return (name, bool(found.cached)) if found.exists else None

    def plan(self, state: State) -> Sequence[Step]:
        wish, act = self.selection, ACTS[self.selection.state]
        if state.doubts:
            claim = f"{len(state.missing)} of the objects were not found" if wish.names else f"{wish.bucket} was listed"
            _evidence.refuse(claim, state.doubts)
        if wish.state == "cached" and len(wish.names) == 1 and state.missing:
            raise AisError(f"{wish.bucket}/{wish.names[0]} does not exist; it cannot be cached")
        if not state.count:
            return []
        more = [f"... and {state.count - SHOWN} more"] if state.count > SHOWN else []
        before = dict.fromkeys([*state.todo[:SHOWN], *more], act.before)
        detail = {"objects": state.count, "names": list(state.todo[:SHOWN])}
        return [Step(act.verb, wish.label, detail, before, dict.fromkeys(before, act.after), payload=state.todo)]

    def foresee(self, state: State, steps: Sequence[Step]) -> State:
        return replace(state, todo=(), count=0)

    def apply(self, step: Step) -> Sequence[Job]:
        wish, act = self.selection, ACTS[self.selection.state]
        self._tried = frozenset(step.payload)
        # Never an empty selection by accident: to the server that is the whole bucket.
        value: dict[str, Any] = {"objnames": list(step.payload)}
        if wish.everything:
            value = {"template": ""}
        elif wish.template and len(step.payload) > _MOST_SENT:
            value = {"template": wish.template}
        answer = self.client.request(
            act.method,
            wish.bucket.path,
            what=f"{act.verb} {wish.label}",
            query=wish.bucket.query(),
            action=act.action,
            value=value,
        )
        return _jobs.of_answer(answer.text, act.action, wish.label)

    def settle(self, job: Job, deadline: float) -> Job:
        job = _jobs.wait(self.client, job, deadline)
        self._said.append(job.error)
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


def _few(names: Sequence[str]) -> str:
    """Return the first of ``names``, for a message."""
    return "for example " + ", ".join(names[:3])
