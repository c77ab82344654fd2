# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Buckets: existence, properties, renaming, copying, eviction."""

from __future__ import annotations

import fnmatch
import functools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.community.aistore.plugins.module_utils import _errors, _fields, _jobs, _listing
from ansible_collections.community.aistore.plugins.module_utils._address import Bucket, from_space, parse_bucket
from ansible_collections.community.aistore.plugins.module_utils._client import CONTROL_PATIENCE, Client
from ansible_collections.community.aistore.plugins.module_utils._engine import Resource, Step
from ansible_collections.community.aistore.plugins.module_utils._errors import OptionError
from ansible_collections.community.aistore.plugins.module_utils._jobs import Job
from ansible_collections.community.aistore.plugins.module_utils._resources.bucket_fields import (
    FIELDS,
    RESETTABLE,
    defaults,
)

#: More buckets than this in one task are read with one request for all of the cluster's metadata.
READ_ONE_BY_ONE = 1
#: Removing and evicting come before anything that may need the name or the space; sources before copies of them.
_REMOVE, _BRING, _SET = 0, 1, 2


@dataclass(frozen=True)
class Wish:
    """What one bucket should be."""

    bucket: Bucket
    state: str = "present"
    props: Mapping[str, Any] = field(default_factory=dict)
    reset: tuple[str, ...] = ()
    rename_from: Bucket | None = None
    copy_from: Bucket | None = None
    keep_props: bool = False
    force: bool = False

    def named(self) -> list[str]:
        """Return the paths of the properties that the task is about."""
        return [path for path in FIELDS.fields if path in self.props or path.partition(".")[0] in self.reset]


@dataclass(frozen=True)
class Found:
    """What one bucket is: ``props`` by path (None when it is not there), whether it holds objects (None: not asked).

    ``known`` is False for a remote bucket that this cluster's metadata does not list.
    """

    props: Mapping[str, Any] | None = None
    known: bool = True
    holds: bool | None = None


@dataclass(frozen=True)
class World:
    """What is known of the cluster: every bucket named, what new ones get, and what it can hold."""

    buckets: Mapping[Bucket, Found]
    #: The cluster's configuration; empty when nobody needed it.
    config: Mapping[str, Any] = field(default_factory=dict)
    targets: int | None = None
    #: Mountpaths of the target that has the fewest.
    mountpaths: int | None = None

    def at(self, bucket: Bucket) -> Found:
        """Return what ``bucket`` is."""
        return self.buckets.get(bucket, Found())

    def exists(self, bucket: Bucket) -> bool:
        """Tell whether ``bucket`` is in this cluster."""
        found = self.at(bucket)
        return found.props is not None and found.known


def argument_spec() -> dict[str, Any]:
    """Return the argument spec of ``ais_bucket``."""
    states = {"type": "str", "choices": list(_PLANS)}
    item: dict[str, Any] = {
        "props": {"type": "dict", "options": FIELDS.argument_spec()},
        "reset": {"type": "list", "elements": "str"},
        "rename_from": {"type": "str"},
        "copy_from": {"type": "str"},
        "keep_props": {"type": "bool"},
        "force": {"type": "bool"},
    }
    named = {"name": {"type": "str", "required": True}, "state": states, **item}
    return {
        "name": {"type": "list", "elements": "str"},
        "buckets": {"type": "list", "elements": "dict", "options": named},
        "state": {**states, "default": "present"},
        **item,
        "purge": {"type": "bool", "default": False},
        "purge_match": {"type": "str"},
    }


def wishes(params: Mapping[str, Any]) -> list[Wish]:
    """Return what the options of ``ais_bucket`` ask for, checked as far as that needs no cluster."""
    names, items = params.get("name") or [], params.get("buckets") or []
    shared = {**{key: params.get(key) for key in _ITEM}, "state": params.get("state") or "present"}
    asked = [_wish({**shared, "name": name}, "") for name in names]
    for number, item in enumerate(items):
        own = {key: value for key, value in item.items() if value is not None}
        # What is said of all buckets of the task is said of those that are to be there.
        usual = shared if own.get("state", shared["state"]) == "present" else {"force": shared["force"]}
        asked.append(_wish({**usual, **own}, f"buckets[{number}].", usual))
    seen: dict[Bucket, Wish] = {}
    for wish in asked:
        if wish.bucket in seen:
            raise OptionError(f"{wish.bucket} is named twice")
        seen[wish.bucket] = wish
    if not asked and not params.get("purge_match"):
        raise OptionError("name: give the name of a bucket, or several in 'buckets'")
    if (params.get("rename_from") or params.get("copy_from")) and len(names) > 1:
        raise OptionError("rename_from and copy_from are for one name; use 'buckets' for several")
    if params.get("purge") and not params.get("purge_match"):
        raise OptionError("purge needs purge_match: a glob of the names that may be destroyed, for example team-*")
    if params.get("purge_match") and not params.get("purge"):
        raise OptionError("purge_match does nothing without 'purge: true'")
    return asked


_ITEM = ("props", "reset", "rename_from", "copy_from", "keep_props", "force")


def _wish(item: Mapping[str, Any], where: str, shared: Mapping[str, Any] | None = None) -> Wish:
    bucket = parse_bucket(item["name"], f"{where}name")
    state = item.get("state") or "present"
    props = item.get("props") or {}
    if shared and shared.get("props"):
        props = {**dict(_fields.flatten(shared["props"], FIELDS.fields)), **dict(_fields.flatten(props, FIELDS.fields))}
        props = _fields.nest(props)
    source = {
        name: parse_bucket(item[name], f"{where}{name}") for name in ("rename_from", "copy_from") if item.get(name)
    }
    wish = Wish(
        bucket,
        state,
        FIELDS.wanted(props, f"{where}props"),
        _sections(item.get("reset") or (), f"{where}reset"),
        keep_props=bool(item.get("keep_props")),
        force=bool(item.get("force")),
        **source,
    )
    _check(wish)
    return wish


def _sections(given: Iterable[str], option: str) -> tuple[str, ...]:
    for name in given:
        if name != "all" and name not in RESETTABLE:
            raise OptionError(f"{option}: unknown section {name!r}{_fields.suggest(name, (*RESETTABLE, 'all'))}")
    return RESETTABLE if "all" in given else tuple(given)


def _check(wish: Wish) -> None:
    """Raise for what cannot be, whatever the cluster looks like."""
    bucket = wish.bucket
    rules = (
        (wish.state != "present" and (wish.props or wish.reset), "props and reset are for state present"),
        (wish.state != "present" and (wish.rename_from or wish.copy_from), "rename_from and copy_from are for state present"),
        (wish.rename_from and wish.copy_from, "give rename_from or copy_from, not both"),
        (wish.rename_from == bucket or wish.copy_from == bucket, "the source is the bucket itself"),
        (wish.rename_from and (wish.rename_from.remote or bucket.remote), "only ais:// buckets of this cluster can be renamed"),
        (wish.copy_from and bucket.cloud, "a bucket can be copied to an ais:// bucket only"),
        (wish.state == "evicted" and not bucket.remote, "an ais:// bucket of this cluster cannot be evicted: it would be lost. Use state absent"),
        (wish.state == "absent" and bucket.cloud, "a cloud bucket is never destroyed. To remove it from the cluster, use state evicted"),
        (bucket.provider == "ht" and wish.state == "present", "ht:// buckets cannot be registered"),
    )  # fmt: skip
    for broken, reason in rules:
        if broken:
            raise OptionError(f"{bucket}: {reason}")
    mirror, chunks = wish.props.get("mirror.enabled"), wish.props.get("chunks.objsize_limit")
    if mirror and chunks:
        raise OptionError(f"{bucket}: props: mirror.enabled and chunks.objsize_limit exclude each other")


class Buckets(Resource[World]):
    """Brings buckets to what the options of ``ais_bucket`` say."""

    def __init__(self, params: Mapping[str, Any], client: Client) -> None:
        self.client = client
        self.wishes = wishes(params)
        self.purge_match = params.get("purge_match") if params.get("purge") else None
        self.purge_force = bool(params.get("force"))
        self.single = len(params.get("name") or []) == 1 and not params.get("buckets") and not self.purge_match
        self._resolved = False

    # -- read -------------------------------------------------------------------------------------------------

    def read(self) -> World:
        """One bucket is one HEAD, several are one read of the bucket metadata; more only for what needs it."""
        self._resolve()
        wanted = [wish.bucket for wish in self.wishes]
        sources = [source for wish in self.wishes for source in (wish.rename_from, wish.copy_from) if source]
        needed = list(dict.fromkeys((*wanted, *sources)))
        if len(needed) > READ_ONE_BY_ONE or self.purge_match:
            asked = frozenset(needed)
            buckets = known(self.client, lambda bucket: bucket in asked or self._purged(bucket))
        else:
            buckets = {bucket: found for bucket in needed if (found := self._head(bucket)).props is not None}
        evicted = {wish.bucket for wish in self.wishes if wish.state == "evicted"}
        for bucket in needed:
            # What this cluster does not list may still exist elsewhere; to evict it, nobody needs to know.
            if bucket not in buckets and bucket.remote:
                buckets[bucket] = Found(known=False) if bucket in evicted else self._look(bucket)
        world = World({bucket: buckets.get(bucket, Found()) for bucket in self._relevant(buckets, needed)})
        for wish in self.wishes:
            source = wish.rename_from or wish.copy_from
            if source and not world.exists(wish.bucket) and world.at(source).props is None:
                self.need(
                    OptionError(
                        f"{wish.bucket} does not exist, nor does the bucket that it should be made of, {source}"
                    )
                )
            elif source and not world.exists(wish.bucket) and (source.remote_ais or wish.bucket.remote_ais):
                names = (entry.name for entry in _listing.entries(self.client, source, flags=_listing.NAMES))
                _listing.refuse_unreachable(f"copy {source} to {wish.bucket}", names, source, wish.bucket)
        return self._completed(world)

    def _relevant(self, buckets: Mapping[Bucket, Found], needed: Sequence[Bucket]) -> list[Bucket]:
        return list(dict.fromkeys((*needed, *(bucket for bucket in buckets if self._purged(bucket)))))

    def _purged(self, bucket: Bucket) -> bool:
        if self.purge_match is None or bucket.remote or bucket in self._named:
            return False
        names = (str(bucket), bucket.name) if not bucket.namespace else (str(bucket), str(bucket).partition("://")[2])
        return any(fnmatch.fnmatchcase(name, self.purge_match) for name in names)

    @functools.cached_property
    def _named(self) -> frozenset[Bucket]:
        return frozenset(wish.bucket for wish in self.wishes)

    def _resolve(self) -> None:
        """Replace the aliases of remote clusters by their uuids, once."""
        spaces = {b.uuid for w in self.wishes for b in (w.bucket, w.rename_from, w.copy_from) if b and b.uuid}
        if self._resolved or not spaces:
            return
        found = self.client.cluster("remote")
        uuids: dict[str, str] = {}
        for remote in found.get("a") or ():
            for name in (remote.get("alias"), remote.get("uuid")):
                uuids[str(name)] = str(remote.get("uuid"))
        for space in spaces:
            if space not in uuids:
                known = ", ".join(str(remote.get("alias")) for remote in found.get("a") or ()) or "none"
                raise OptionError(f"@{space}: no such remote cluster is attached; attached are: {known}")

        def resolved(bucket: Bucket | None) -> Bucket | None:
            return bucket._replace(uuid=uuids[bucket.uuid]) if bucket and bucket.uuid else bucket

        self.wishes = [
            replace(w, bucket=resolved(w.bucket) or w.bucket, rename_from=resolved(w.rename_from), copy_from=resolved(w.copy_from))
            for w in self.wishes
        ]  # fmt: skip
        self._resolved = True

    def _head(self, bucket: Bucket, **query: Any) -> Found:
        """Look at one bucket; a remote one only as far as this cluster knows it."""
        if bucket.remote and not query:
            query = {"presence": 2}
        try:
            answer = self.client.request(
                "HEAD", bucket.path, what=f"look at {bucket}", query={**bucket.query(), **query}
            )
        except _errors.NotFound as error:
            if error.tcode not in ("", "ErrBckNotFound", "ErrRemoteBckNotFound", "ErrNotFound"):
                raise
            return Found()
        told = answer.headers.get("Ais-Bucket-Props")
        if not told:
            raise _errors.ProtocolError(f"look at {bucket}: the answer holds no bucket properties")
        return Found(FIELDS.actual(json.loads(told)))

    def _look(self, bucket: Bucket) -> Found:
        """Look at a remote bucket where it lives, without adding it to this cluster's metadata."""
        found = self._head(bucket, dont_add_remote_bck_md=True)
        return found if found.props is None else replace(found, known=False)

    def _completed(self, world: World) -> World:
        """Add what the plan needs of the rest of the cluster, and nothing for buckets that are as they should be."""
        creates = any(wish.state == "present" and not world.exists(wish.bucket) for wish in self.wishes)
        if creates or any(wish.reset for wish in self.wishes):
            world = replace(world, config=self.client.cluster("cluster_config"))
        if any(_needs_capacity(wish, world) for wish in self.wishes):
            paths = self.client.cluster("mountpaths").get("targets") or {}
            counts = [len((found or {}).get("available") or ()) for found in paths.values()]
            world = replace(world, targets=len(counts), mountpaths=min(counts, default=0))
        asked = {}
        for bucket in self._to_remove(world):
            asked[bucket] = replace(world.at(bucket), holds=_holds(self.client, bucket))
        for wish in self.wishes:
            if wish.state == "evicted" and wish.keep_props and world.exists(wish.bucket):
                asked[wish.bucket] = replace(world.at(wish.bucket), holds=_holds(self.client, wish.bucket, cached=True))
        return replace(world, buckets={**world.buckets, **asked})

    def _to_remove(self, world: World) -> list[Bucket]:
        """Return the existing buckets whose destruction depends on whether they hold objects."""
        wanted = [
            w.bucket
            for w in self.wishes
            if w.state == "absent" and not w.force and world.at(w.bucket).props is not None
        ]
        purged = [] if self.purge_force else [bucket for bucket in world.buckets if self._purged(bucket)]
        return wanted + purged

    # -- plan -------------------------------------------------------------------------------------------------

    def plan(self, state: World) -> list[Step]:
        """Return the steps for every bucket named, and for those that are purged."""
        steps = [step for wish in self.wishes for step in _PLANS[wish.state](wish, state)]
        for bucket in state.buckets:
            if self._purged(bucket):
                steps += _destroy(bucket, state.at(bucket), self.purge_force, "matches purge_match and is not listed")
        return steps

    def foresee(self, state: World, steps: Sequence[Step]) -> World:
        """Return the world after ``steps``."""
        buckets = dict(state.buckets)
        for step in steps:
            bucket: Bucket = step.payload["bucket"]
            before = buckets.get(bucket, Found())
            props = before.props or {}
            if step.verb == "destroy":
                buckets[bucket] = Found()
            elif step.verb == "evict":
                buckets[bucket] = replace(before, holds=False) if step.payload["keep"] else Found(known=False)
            elif step.verb in ("create", "register"):
                buckets[bucket] = Found({**_new(bucket, state), **step.payload["props"]})
            elif step.verb == "rename":
                buckets[bucket] = buckets.get(step.payload["source"], Found())
                buckets[step.payload["source"]] = Found()
            elif step.verb == "copy":
                buckets[bucket] = Found(_copied(step.payload["source"], bucket, state))
            else:
                buckets[bucket] = replace(before, props={**props, **step.payload["props"]}, known=True)
        return replace(state, buckets=buckets)

    # -- apply ------------------------------------------------------------------------------------------------

    def apply(self, step: Step) -> list[Job]:
        """Carry out one step."""
        return _DEEDS[step.verb](self.client, step)

    def settle(self, job: Job, deadline: float) -> Job:
        return _jobs.wait(self.client, job, deadline)

    def result(self, state: World) -> dict[str, Any]:
        """Return ``buckets`` with the properties that the task names, and all of ``bucket`` if it is one.

        A result with every property of a thousand buckets takes Ansible longer than all the rest.
        """
        found: dict[str, Any] = {
            "buckets": [show(wish.bucket, state.at(wish.bucket), wish.named()) for wish in self.wishes]
        }
        if self.single:
            (wish,) = self.wishes
            found["bucket"] = show(wish.bucket, state.at(wish.bucket))
        return found


def known(client: Client, wanted: Callable[[Bucket], bool] = lambda _bucket: True) -> dict[Bucket, Found]:
    """Return the ``wanted`` buckets of the cluster's metadata with their properties: one request, nothing remote."""
    return {
        bucket: Found(FIELDS.actual(props))
        for provider, spaces in (client.cluster("bmd").get("providers") or {}).items()
        for space, buckets in spaces.items()
        for name, props in buckets.items()
        if wanted(bucket := from_space(provider, space, name))
    }


def show(bucket: Bucket, found: Found, only: Iterable[str] | None = None) -> dict[str, Any]:
    """Return a bucket as results hold it: ``uri``, ``name``, ``provider``, ``namespace``, ``state``, ``props``.

    The properties are all of them, or ``only`` those with these paths.
    """
    state = "evicted" if not found.known else "absent" if found.props is None else "present"
    item: dict[str, Any] = {
        "uri": str(bucket),
        "name": bucket.name,
        "provider": bucket.provider,
        "namespace": {"uuid": bucket.uuid, "name": bucket.namespace},
        "state": state,
    }
    if found.props is not None and found.known:
        item["props"] = FIELDS.shown(found.props, only)
    return item


# -- the plans, pure -------------------------------------------------------------------------------------------


def _needs_capacity(wish: Wish, world: World) -> bool:
    """Tell whether a change of ``wish`` depends on how many targets and mountpaths there are."""
    if wish.state != "present":
        return False
    actual = world.at(wish.bucket).props or {}
    return any(
        path.partition(".")[0] in ("mirror", "ec") and actual.get(path) != value for path, value in wish.props.items()
    )


def _new(bucket: Bucket, world: World) -> dict[str, Any]:
    """Return the properties of a new bucket; one that lives elsewhere brings those it has there."""
    usual = defaults(world.config, remote=bucket.remote)
    found = {**usual, **(world.at(bucket).props or {})}
    # A look at the cloud tells the region, registering the bucket does not keep it.
    found.update({path: value for path, value in usual.items() if path.startswith("extra.")})
    # Versions of another cluster's objects are not kept here.
    return {**found, "versioning.enabled": False} if bucket.remote_ais else found


def _copied(source: Bucket, bucket: Bucket, world: World) -> dict[str, Any]:
    """Return the properties of a bucket that copying ``source`` makes: those of the source, if it lives here alone."""
    found = world.at(source).props or {}
    if source.remote or bucket.remote_ais or found.get("backend_bck.name"):
        return _new(bucket, world)
    return {**_new(bucket, world), **found}


def _wanted(wish: Wish, world: World) -> dict[str, Any]:
    """Return path -> value of everything asked for; what is reset has the cluster's defaults."""
    found: dict[str, Any] = {}
    if wish.reset:
        usual = defaults(world.config, remote=wish.bucket.remote)
        found = {path: value for path, value in usual.items() if path.partition(".")[0] in wish.reset}
        if wish.bucket.cloud:
            found.pop("versioning.enabled", None)  # it is the cloud's
    found.update(wish.props)
    if wish.props.get("backend_bck.name") == "" and (world.at(wish.bucket).props or {}).get("backend_bck.name"):
        # Detaching is refused unless versioning is what the bucket behind has, mostly off.
        found.setdefault("versioning.enabled", False)
    return found


def _present(wish: Wish, world: World) -> list[Step]:
    bucket, wanted = wish.bucket, _wanted(wish, world)
    made: Step | None = None
    source = wish.rename_from or wish.copy_from
    if world.exists(bucket):
        before = world.at(bucket).props or {}
    elif source is None:
        before = _new(bucket, world)
    elif wish.rename_from:
        before = world.at(source).props or _new(bucket, world)
        made = _bring("rename", wish, source)
    else:
        before = _copied(source, bucket, world)
        made = _bring("copy", wish, source)
    _possible(wish, {**before, **wanted}, before, world)
    actual = before
    if made is None and not world.exists(bucket):
        made, first = _create(wish, wanted, world)
        actual = {**before, **first}
    steps = [made] if made else []
    for number, part in enumerate(parts := _in_turns(wanted, actual)):
        changes = FIELDS.changes(part, actual)
        steps.append(
            Step(
                "set",
                str(bucket),
                {path: after for path, (_before, after) in changes.items()},
                {"props": _fields.nest({path: before for path, (before, _after) in changes.items()})},
                {"props": _fields.nest({path: after for path, (_before, after) in changes.items()})},
                {"bucket": bucket, "props": part, "force": _forced(part, actual)},
                stage=_SET if made and source else _BRING,
                blocks=number + 1 < len(parts),
            )
        )
    return steps


def _create(wish: Wish, wanted: Mapping[str, Any], world: World) -> tuple[Step, dict[str, Any]]:
    """Return the step that makes a bucket, and the properties that it makes it with."""
    bucket = wish.bucket
    first = dict(wanted)
    if bucket.remote_ais:
        first = {}  # what is given now would count in the other cluster, not here
    elif first.get("mirror.enabled") and first.get("ec.enabled"):
        first = {path: value for path, value in first.items() if not path.startswith("ec.")}
    verb = "register" if bucket.cloud or (bucket.remote_ais and world.at(bucket).props is not None) else "create"
    if bucket.cloud and world.at(bucket).props is None:
        raise OptionError(
            f"{bucket}: no such bucket in the cloud, or the cluster may not see it; it is not created there"
        )
    shown = {path: FIELDS.fields[path].show(value) for path, value in first.items()}
    before = {"state": "evicted" if verb == "register" else "absent"}
    after = {"state": "present", **({"props": _fields.nest(shown)} if shown else {})}
    payload = {"bucket": bucket, "props": first}
    return Step(verb, str(bucket), shown, before, after, payload, stage=_BRING, blocks=True), first


def _bring(verb: str, wish: Wish, source: Bucket) -> Step:
    return Step(
        verb,
        str(wish.bucket),
        {"from": str(source)},
        {"state": "absent"},
        {"state": "present", "from": str(source)},
        {"bucket": wish.bucket, "source": source},
        stage=_BRING,
        blocks=True,
    )


def _in_turns(wanted: Mapping[str, Any], actual: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what differs, in the parts that the server can do: mirroring and erasure coding one after the other."""
    differs = {path: value for path, value in wanted.items() if actual.get(path) != value}
    later = {path: value for path, value in differs.items() if path.startswith("ec.")}
    if not later or not any(path.startswith("mirror.") for path in differs):
        return [differs] if differs else []
    return [{path: value for path, value in differs.items() if path not in later}, later]


def _forced(part: Mapping[str, Any], actual: Mapping[str, Any]) -> bool:
    """Tell whether the server wants ``force``: for the size limit of erasure coding while that is on."""
    return "ec.objsize_limit" in part and bool(actual.get("ec.enabled"))


def _possible(wish: Wish, after: Mapping[str, Any], actual: Mapping[str, Any], world: World) -> None:
    """Raise for properties that the cluster, or the bucket as it is, cannot have."""
    bucket = wish.bucket
    copies, slices = after.get("mirror.copies", 0), after.get("ec.data_slices", 0) + after.get("ec.parity_slices", 0)
    if after.get("ec.objsize_limit") == -1:
        slices = after.get("ec.parity_slices", 0)
    changed = [path for path, value in wish.props.items() if actual.get(path) != value]
    touches = {path.partition(".")[0] for path in changed}
    frozen = [path for path in changed if path in ("ec.data_slices", "ec.parity_slices")]
    if (
        "mirror" in touches
        and after.get("mirror.enabled")
        and world.mountpaths is not None
        and copies > world.mountpaths
    ):
        raise OptionError(
            f"{bucket}: props.mirror.copies is {copies}, but a target has only {world.mountpaths} mountpaths to hold a copy each"
        )
    if "ec" in touches and after.get("ec.enabled") and world.targets is not None and slices + 1 > world.targets:
        raise OptionError(
            f"{bucket}: props.ec needs {slices + 1} targets (data_slices + parity_slices + 1), but the cluster has {world.targets}"
        )
    if frozen and actual.get("ec.enabled") and after.get("ec.enabled"):
        raise OptionError(
            f"{bucket}: props.{frozen[0]} cannot change while erasure coding is on; set ec.enabled to false first, in a task of its own"
        )
    if after.get("mirror.enabled") and after.get("chunks.objsize_limit") and {"mirror", "chunks"} & touches:
        raise OptionError(f"{bucket}: props: mirror.enabled and chunks.objsize_limit exclude each other")
    name, provider = after.get("backend_bck.name"), after.get("backend_bck.provider")
    if "backend_bck" in touches and bool(name) != bool(provider):
        raise OptionError(f"{bucket}: props.backend_bck needs both name and provider (both empty to detach)")
    if bucket.cloud and "versioning.enabled" in changed:
        raise OptionError(f"{bucket}: props.versioning.enabled is the cloud's and cannot be set here")


def _absent(wish: Wish, world: World) -> list[Step]:
    return _destroy(wish.bucket, world.at(wish.bucket), wish.force, "")


def _destroy(bucket: Bucket, found: Found, force: bool, why: str) -> list[Step]:
    if found.props is None:
        return []
    if found.holds and not force:
        raise OptionError(
            f"{bucket} holds objects and would be lost with them; to destroy it all the same, set 'force: true'. Nothing was changed"
        )
    detail = {"why": why} if why else {}
    return [
        Step(
            "destroy", str(bucket), detail, {"state": "present"}, {"state": "absent"}, {"bucket": bucket}, stage=_REMOVE
        )
    ]


def _evicted(wish: Wish, world: World) -> list[Step]:
    if not world.exists(wish.bucket) or (wish.keep_props and not world.at(wish.bucket).holds):
        return []
    before, after = (
        ({"cached": True}, {"cached": False}) if wish.keep_props else ({"state": "present"}, {"state": "evicted"})
    )
    detail = {"keep_props": wish.keep_props}
    payload = {"bucket": wish.bucket, "keep": wish.keep_props}
    return [Step("evict", str(wish.bucket), detail, before, after, payload, stage=_REMOVE)]


_PLANS = {"present": _present, "absent": _absent, "evicted": _evicted}


# -- the deeds -------------------------------------------------------------------------------------------------


def _holds(client: Client, bucket: Bucket, *, cached: bool = False) -> bool:
    """Tell whether ``bucket`` holds an object, or this cluster a cached one of it."""
    value = {"pagesize": 1, "props": "name", "flags": "1" if cached else "0"}
    page = client.get_json(
        bucket.path,
        what=f"list {bucket}",
        query=bucket.query(),
        body={"action": "list", "value": value},
        patience=max(CONTROL_PATIENCE, client.connection.timeout),
    )
    return bool(page.get("entries"))


def _do_create(client: Client, step: Step) -> list[Job]:
    bucket: Bucket = step.payload["bucket"]
    _create_bucket(client, bucket, step.payload["props"], f"{step.verb} {bucket}")
    if bucket.remote_ais:
        # The other cluster has it; a look at it enters it here.
        client.request("HEAD", bucket.path, what=f"register {bucket}", query=bucket.query(), writes=True, repeat=True)
    return []


def _create_bucket(client: Client, bucket: Bucket, props: Mapping[str, Any], what: str) -> None:
    value = FIELDS.payload(props) or None
    try:
        client.request(
            "POST", bucket.path, what=what, query=bucket.query(), action="create-bck", value=value, repeat=True
        )
    except _errors.Conflict as error:
        # Somebody else, or an earlier try whose answer got lost, was faster.
        if error.tcode != "ErrBucketAlreadyExists":
            raise


def _do_set(client: Client, step: Step) -> list[Job]:
    bucket: Bucket = step.payload["bucket"]
    value = FIELDS.payload(step.payload["props"])
    if step.payload["force"]:
        value["force"] = True
    answer = client.request(
        "PATCH", bucket.path, what=f"set properties of {bucket}", query=bucket.query(), action="set-bprops", value=value, repeat=True
    )  # fmt: skip
    kind = "ec-encode" if any(path.startswith("ec.") for path in step.payload["props"]) else "make-n-copies"
    return _jobs.of_answer(answer.text, kind, str(bucket))


def _do_rename(client: Client, step: Step) -> list[Job]:
    bucket, source = step.payload["bucket"], step.payload["source"]
    return _move(client, bucket, source, "move-bck", what=f"rename {source} to {bucket}")


def _do_copy(client: Client, step: Step) -> list[Job]:
    bucket, source = step.payload["bucket"], step.payload["source"]
    what = f"copy {source} to {bucket}"
    if bucket.remote_ais:
        _do_create(client, replace(step, payload={"bucket": bucket, "props": {}}))
    if not source.remote:
        return _move(client, bucket, source, "copy-bck", what=what)
    # All of a remote bucket's objects, not only the cached ones: another kind of job, which makes no bucket when
    # there is nothing to copy.
    _create_bucket(client, bucket, {}, what)
    if not _holds(client, source):
        return []
    jobs = _move(client, bucket, source, "copy-bck", what=what, presence=0)
    return [replace(job, kind="copy-listrange") if job.id.startswith("tco-") else job for job in jobs]


def _move(client: Client, bucket: Bucket, source: Bucket, action: str, *, what: str, **query: Any) -> list[Job]:
    query = {**source.query(), "bck_to": bucket.uname(), **query}
    answer = client.request("POST", source.path, what=what, query=query, action=action)
    return _jobs.of_answer(answer.text, action, str(bucket))


def _do_remove(client: Client, step: Step) -> list[Job]:
    bucket: Bucket = step.payload["bucket"]
    evicts = step.verb == "evict"
    query = {**bucket.query(), **({"keep_bck_md": True} if evicts and step.payload["keep"] else {})}
    try:
        client.request(
            "DELETE",
            bucket.path,
            what=f"{step.verb} {bucket}",
            query=query,
            action="evict-remote-bck" if evicts else "destroy-bck",
            repeat=True,
        )
    except _errors.NotFound:
        pass  # somebody else, or an earlier try whose answer got lost, was faster
    return []


_DEEDS = {
    "create": _do_create,
    "register": _do_create,
    "set": _do_set,
    "rename": _do_rename,
    "copy": _do_copy,
    "destroy": _do_remove,
    "evict": _do_remove,
}
