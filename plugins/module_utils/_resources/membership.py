# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Nodes coming, resting and leaving: what is to be done with each, and waiting until the cluster has followed."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, Callable, NamedTuple

from ansible_collections.community.aistore.plugins.module_utils import _errors, _jobs, _nodes, _turns
from ansible_collections.community.aistore.plugins.module_utils._client import Client
from ansible_collections.community.aistore.plugins.module_utils._engine import Resource, Step
from ansible_collections.community.aistore.plugins.module_utils._errors import AisError, OptionError
from ansible_collections.community.aistore.plugins.module_utils._jobs import Job
from ansible_collections.community.aistore.plugins.module_utils._nodes import Node

STATES = ("active", "maintenance", "decommissioned", "shutdown", "joined")
#: The cluster map follows a change, or a rebalance that has ended, within so many seconds.
MAP_WITHIN, MAP_LAGS = 60.0, 2.0
#: A node that does not answer is asked again after so many seconds before it counts as down.
ASK_AGAIN = 0.5
#: The first version that changes several nodes with one call, and one rebalance.
BATCHES_SINCE = (5, 0)

STOP, START, SHUT, DECOMMISSION, REMOVE, REBALANCE, JOIN = (
    "stop-maintenance",
    "start-maintenance",
    "shutdown-node",
    "decommission-node",
    "rm-unsafe",
    "start-rebalance",
    "join",
)
_LEAVES = frozenset((START, SHUT, DECOMMISSION, REMOVE))


class Condition(NamedTuple):
    """How a node that is named stands: ``place`` is active, drained (in maintenance, and there is nothing on it that has
    to be moved first), undrained (the same, with its objects still on it), leaving (being decommissioned) or gone."""

    place: str
    down: bool = False


#: What to do, by the wanted state and the node's place. A node that went into maintenance without its objects is taken
#: back for a moment: a rebalance moves them only on the way in. None: impossible.
_VERBS: Mapping[str, Mapping[str, tuple[str, ...] | None]] = {
    "active": {"active": (), "drained": (STOP,), "undrained": (STOP,), "leaving": None, "gone": None},
    "maintenance": {"active": (START,), "drained": (), "undrained": (STOP, START), "leaving": None, "gone": None},
    "shutdown": {"active": (SHUT,), "drained": (SHUT,), "undrained": (STOP, SHUT), "leaving": None, "gone": None},
    "decommissioned": {
        "active": (DECOMMISSION,),
        "drained": (DECOMMISSION,),
        "undrained": (STOP, DECOMMISSION),
        "leaving": (REBALANCE, DECOMMISSION),
        "gone": (),
    },
}


@dataclass(frozen=True)
class Place:
    """What was found at an address: the node's ``id``, ``kind``, public ``url`` and ``control`` address. ``member`` tells
    whether the map holds it, ``started`` whether it runs as a member does (a node in standby does not)."""

    id: str
    kind: str
    url: str
    control: str
    member: bool
    started: bool = True


@dataclass(frozen=True)
class World:
    """The nodes of the cluster map by id, and what of the cluster matters for changes."""

    nodes: Mapping[str, Node]
    #: The nodes named that do not answer.
    down: frozenset[str] = frozenset()
    #: The cluster rebalances after a change.
    rebalances: bool = True
    #: There are buckets, so there may be objects.
    buckets: bool = True
    #: The rebalance that runs now.
    running: str = ""
    #: The server changes several nodes with one call.
    batches: bool = True
    #: address -> what is there.
    places: Mapping[str, Place] = field(default_factory=dict)


@dataclass(frozen=True)
class Wish:
    """What the task asks for."""

    nodes: tuple[str, ...]
    state: str
    addresses: tuple[str, ...] = ()
    rebalance: bool = True
    rm_user_data: bool = False
    keep_initial_config: bool = False
    min_targets: int = 1
    force: bool = False
    wait: bool = True


def wish(params: Mapping[str, Any]) -> Wish:
    """Return what the options ask for; raises :class:`OptionError` for combinations that make no sense."""
    state = params["state"]
    nodes = tuple(dict.fromkeys(name.strip() for name in params.get("node") or () if name.strip()))
    addresses = tuple(dict.fromkeys(_address(text) for text in params.get("address") or ()))
    if state == "joined" and (nodes or not addresses):
        raise OptionError("state 'joined' takes 'address', and no 'node'; nothing was changed")
    if state != "joined" and (addresses or not nodes):
        raise OptionError(f"state '{state}' takes 'node', and no 'address'; nothing was changed")
    for option in ("rm_user_data", "keep_initial_config"):
        if params[option] and state != "decommissioned":
            raise OptionError(f"{option} is only for state 'decommissioned'; nothing was changed")
    if params["min_targets"] < 0:
        raise OptionError("min_targets must be at least 0")
    given = ("rebalance", "rm_user_data", "keep_initial_config", "min_targets", "force", "wait")
    return Wish(nodes, state, addresses, **{name: params[name] for name in given})


def _address(text: str) -> str:
    told = text.strip().rstrip("/")
    found = re.fullmatch(r"(https?://)?([^/@\s]+):(\d{1,5})", told)
    if not found:
        raise OptionError(f"address: {text!r} must be like http://host:port, the node's own address")
    return told if found[1] else f"http://{told}"


# -- plan ------------------------------------------------------------------------------------------------------


def plan(wanted: Wish, world: World) -> list[Step]:
    """Return the steps, all in one chain: membership changes never overlap. Pure."""
    if wanted.state == "joined":
        return [_join(address, world) for address in wanted.addresses if not world.places[address].member]
    todo: dict[tuple[str, tuple[str, ...], Condition], list[str]] = {}
    for name in wanted.nodes:
        verbs, condition = _todo(wanted, name, world)
        if verbs:
            alone = "" if world.batches else name
            todo.setdefault((world.nodes[name].kind + alone, verbs, condition), []).append(name)
    _possible(wanted, world, {name: verbs for (_kind, verbs, _condition), names in todo.items() for name in names})
    steps: list[Step] = []
    for (_kind, verbs, _condition), names in todo.items():
        steps += _steps(wanted, names, verbs, world)
        world = steps[-1].payload.after
    return steps


def condition(wanted: Wish, name: str, world: World) -> Condition:
    """Return how the node called ``name`` stands."""
    node = world.nodes.get(name)
    if node is None:
        return Condition("gone", True)
    down = name in world.down
    if node.state == "decommission":
        return Condition("leaving", down)
    if node.state == "active":
        return Condition("active", down)
    # One that is down has nothing left that could be moved.
    full = not node.drained and not down and _drains(wanted, node, world)
    return Condition("undrained" if full else "drained", down)


def _drains(wanted: Wish, node: Node, world: World, leaving: Sequence[str] = ()) -> bool:
    """Tell whether a rebalance moves the node's objects when it leaves together with all that are named, or with ``leaving``."""
    moved = wanted.rebalance and world.rebalances and bool(_staying(leaving or wanted.nodes, world))
    return moved and node.kind == "target"


def _staying(leaving: Sequence[str], world: World) -> list[str]:
    """Return the active targets that are not ``leaving``."""
    return [node.id for node in world.nodes.values() if _serves(node) and node.id not in leaving]


def _serves(node: Node) -> bool:
    return node.kind == "target" and node.state == "active"


def _todo(wanted: Wish, name: str, world: World) -> tuple[tuple[str, ...], Condition]:
    """Return what is to be done with a node, and how it stands."""
    found = condition(wanted, name, world)
    verbs = _VERBS[wanted.state][found.place]
    if verbs is None:
        why = "is being decommissioned" if found.place == "leaving" else "is not in the cluster map"
        raise OptionError(f"{name} {why}, so it cannot become {wanted.state}; nothing was changed")
    if found.down and wanted.state == "shutdown" and found.place == "drained":
        verbs = ()
    elif found.down and found.place == "active" and world.nodes[name].kind == "target" and verbs == (DECOMMISSION,):
        verbs = (REMOVE,)  # which asks no target anything
    elif found.place == "leaving" and (world.running or found.down or not _drains(wanted, world.nodes[name], world)):
        verbs = () if world.running else (DECOMMISSION,)
    elif found.place == "undrained" and world.running and wanted.state != "active":
        # On its way: what is still to be done comes after the rebalance.
        verbs = verbs[1:] if wanted.state != "maintenance" else ()
    return verbs, found


def _possible(wanted: Wish, world: World, todo: Mapping[str, tuple[str, ...]]) -> None:
    """Raise :class:`OptionError` for what must not, or cannot, be done."""
    leaving = [name for name, verbs in todo.items() if verbs[-1] in _LEAVES]
    for name in leaving:
        if world.nodes[name].primary:
            others = [
                node.id
                for node in world.nodes.values()
                if node.electable and node.state == "active" and node.id not in wanted.nodes
            ]
            raise OptionError(
                f"{name} is the primary; nothing was changed. First make another proxy the primary with "
                f"community.aistore.ais_cluster ('primary: {next(iter(others), '...')}')"
            )
    serving = [name for name in leaving if _serves(world.nodes[name])]
    left = sum(map(_serves, world.nodes.values())) - len(serving)
    if serving and left < wanted.min_targets:
        raise OptionError(
            f"{', '.join(serving)}: {left} active targets would be left, fewer than min_targets={wanted.min_targets}; "
            "nothing was changed"
        )
    if wanted.state == "decommissioned" and not wanted.force:
        for name in leaving:
            _not_lost(wanted, name, world)


def _not_lost(wanted: Wish, name: str, world: World) -> None:
    """Raise :class:`OptionError` when decommissioning would lose a target's objects and nobody said that it may."""
    node = world.nodes[name]
    if node.kind != "target" or node.drained or not world.buckets:
        return
    if name in world.down:
        reason = "it does not answer, so its objects cannot be moved. Start it first"
    elif not wanted.rebalance:
        if not wanted.rm_user_data:
            return
        reason = "with 'rebalance: false' and 'rm_user_data: true' its objects would be destroyed"
    elif not world.rebalances:
        reason = (
            "its objects would not be moved, since the cluster's configuration has rebalance.enabled=false. Enable it "
            "with community.aistore.ais_cluster_config, or say 'rebalance: false'"
        )
    elif not _staying(wanted.nodes, world):
        reason = "no active target would be left that could take its objects"
    else:
        return
    raise OptionError(f"decommission {name}: {reason}; nothing was changed. With 'force: true' it is done all the same")


def _steps(wanted: Wish, names: Sequence[str], verbs: Sequence[str], world: World) -> Iterator[Step]:
    """Yield the steps that take ``names``, which all stand alike, through ``verbs``."""
    for verb in verbs:
        # What is only passed through is not worth a rebalance.
        passing = verb == STOP and verb != verbs[-1]
        value: dict[str, Any] = {"skip_rebalance": passing or not wanted.rebalance or verb == REMOVE}
        if verb == DECOMMISSION:
            value.update(rm_user_data=wanted.rm_user_data, keep_initial_config=wanted.keep_initial_config)
        before, world = world, _after(wanted, verb, names, world)
        yield Step(
            verb,
            ",".join(names),
            {option: True for option, given in value.items() if given},
            before=None if verb == REBALANCE else _shown(before, names),
            after=None if verb == REBALANCE else _shown(world, names),
            payload=Change(tuple(names), value, world),
            chain="membership",
            blocks=True,
        )


class Change(NamedTuple):
    """What a step changes: the nodes, the values it sends, and the world that it should lead to."""

    nodes: tuple[str, ...]
    value: Mapping[str, Any]
    after: World


def _after(wanted: Wish, verb: str, names: Sequence[str], world: World) -> World:
    """Return the world after ``verb`` on ``names``, and after the rebalance if the task waits for it."""
    if verb == REBALANCE:
        return world
    nodes = dict(world.nodes)
    for name in names:
        node = nodes[name]
        moves = _drains(wanted, node, world, names) and node.state == "active"
        if verb == DECOMMISSION and moves and not wanted.wait:
            nodes[name] = node._replace(flags=node.flags | _nodes.DECOMMISSION)
        elif verb in (DECOMMISSION, REMOVE):
            del nodes[name]
        elif verb == STOP:
            nodes[name] = node._replace(flags=node.flags & ~(_nodes.MAINTENANCE | _nodes.DRAINED))
        else:
            drained = _nodes.DRAINED if moves and wanted.wait else 0
            nodes[name] = node._replace(flags=node.flags | _nodes.MAINTENANCE | drained)
    down = world.down | set(names) if verb == SHUT else world.down
    return replace(world, nodes=nodes, down=frozenset(down))


def _shown(world: World, names: Sequence[str]) -> dict[str, Any] | None:
    node = world.nodes.get(names[0])
    if node is None:
        return None
    state = "shutdown" if node.state == "maintenance" and node.id in world.down else node.state
    return {
        "state": state,
        **({"drained": node.drained} if node.kind == "target" and node.state == "maintenance" else {}),
    }


def _join(address: str, world: World) -> Step:
    place = world.places[address]
    if place.kind == "target" and not place.started and world.rebalances:
        raise OptionError(
            f"address: the target {place.id} at {address} runs in standby. Joined like that, it does not answer the "
            "other targets until it is restarted, the rebalance is aborted and objects cannot be read; nothing was changed. "
            "Restart it without '-standby', and it joins by itself"
        )
    nodes = {**world.nodes, place.id: Node(place.id, place.kind, place.url, 0, False)}
    after = replace(world, nodes=nodes)
    return Step(
        JOIN,
        place.id,
        {"address": address},
        after={"state": "active"},
        payload=Change((place.id,), {"kind": place.kind, "control": place.control}, after),
        chain="membership",
        blocks=True,
    )


# -- the resource ----------------------------------------------------------------------------------------------


class Membership(Resource[World]):
    """Brings nodes to what the options of ``ais_target`` say."""

    parallel = 1

    def __init__(self, params: Mapping[str, Any], client: Client) -> None:
        self.client = client
        self.wish = wish(params)
        self._single = len(self.wish.nodes) + len(self.wish.addresses) == 1
        self._ids: dict[str, str] = {}
        self._deadline = 0.0
        self._changes: dict[str, Change] = {}

    # -- read -------------------------------------------------------------------------------------------------

    def read(self) -> World:
        """The map, the switch of rebalances and the one that runs; and of each node named, what the map cannot tell."""
        smap = self.client.smap(fresh=True)
        nodes = _nodes.of_map(smap)
        self._pick(nodes)
        config = self.client.cluster("cluster_config")
        running = next(iter(_turns.rebalances(self.client)), "")
        world = World(
            nodes,
            rebalances=bool((config.get("rebalance") or {}).get("enabled")),
            running=running,
            places={address: self._place(address, smap, nodes) for address in self.wish.addresses},
        )
        if self.wish.state in ("shutdown", "decommissioned"):
            down = frozenset(name for name in self.wish.nodes if name in nodes and self._down(name))
            world = replace(world, down=down, buckets=_turns.at_stake(self.client))
        if len(self.wish.nodes) > 1:
            world = replace(world, batches=self._batches(nodes))
        return world

    def _pick(self, nodes: Mapping[str, Node]) -> None:
        """Check the nodes named, and put ids in place of the words for several."""
        named = self.wish.nodes
        if self.wish.state == "decommissioned":
            # One that has left is nothing to complain about.
            named = tuple(name for name in named if name in nodes or name in _nodes.GROUPS)
        found = [node.id for node in _nodes.pick(nodes, named)]
        gone = [name for name in self.wish.nodes if name not in named]
        self.wish = replace(self.wish, nodes=(*found, *gone))

    def _batches(self, nodes: Mapping[str, Node]) -> bool:
        primary = next((node.id for node in nodes.values() if node.primary), "")
        told = str(self.client.node(primary, "node_status").get("ais_version") or "")
        return tuple(map(int, re.findall(r"\d+", told)[:2])) >= BATCHES_SINCE

    def _down(self, name: str) -> bool:
        """Tell whether a node does not answer, twice: of itself, what the cluster map says of it does not count."""
        asker = Client(replace(self.client.connection, retries=0), check_mode=self.client.check_mode)
        for pause in (ASK_AGAIN, 0):
            try:
                asker.node(name, "snode")
                return False
            except (_errors.NotReady, _errors.Unreachable, _errors.NotFound):
                time.sleep(pause)
        return True

    def _place(self, address: str, smap: Mapping[str, Any], nodes: Mapping[str, Node]) -> Place:
        """Return what is at ``address``: as the map has it, or else as the node there says."""
        for group in _nodes.KINDS.values():
            for name, entry in (smap.get(group) or {}).items():
                nets = [entry.get(net) or {} for net in ("public_net", "intra_control_net", "intra_data_net")]
                if address in [net.get("direct_url") for net in nets]:
                    return Place(name, nodes[name].kind, nodes[name].url, "", True)
        # No token goes there: nobody has vouched for it yet.
        there = replace(self.client.connection, endpoints=(address,), token="", login=None, cluster_uuid="", retries=1)
        asker = Client(there, check_mode=self.client.check_mode)
        try:
            told = asker.get_json("/v1/daemon", what=f"ask the node at {address}", query={"what": "snode"})
            status = asker.get_json("/v1/daemon", what=f"ask the node at {address}", query={"what": "node_status"})
        except _errors.ApiError as error:
            # The address for the cluster's own traffic (5.0): only the cluster is answered there.
            found = re.fullmatch(r"([pt])\[(.+)\]", error.node)
            if not found:
                raise
            kind = {"p": "proxy", "t": "target"}[found[1]]
            return Place(found[2], kind, "", address, found[2] in nodes)
        started = int((status.get("cluster") or {}).get("flags") or 0) & _nodes.STARTED == _nodes.STARTED
        name = str(told.get("daemon_id"))
        control = str((told.get("intra_control_net") or {}).get("direct_url") or address)
        url = str((told.get("public_net") or {}).get("direct_url") or address)
        return Place(name, str(told.get("daemon_type")), url, control, name in nodes, started)

    # -- plan -------------------------------------------------------------------------------------------------

    def plan(self, state: World) -> list[Step]:
        return plan(self.wish, state)

    def foresee(self, state: World, steps: Sequence[Step]) -> World:
        """Return the world after ``steps``."""
        for step in steps:
            after = step.payload.after
            nodes = {name: node for name, node in state.nodes.items() if name not in step.payload.nodes}
            nodes |= {name: after.nodes[name] for name in step.payload.nodes if name in after.nodes}
            down = (state.down - set(step.payload.nodes)) | (after.down & set(step.payload.nodes))
            state = replace(state, nodes=nodes, down=down)
        return state

    # -- apply ------------------------------------------------------------------------------------------------

    def turn(self, state: World, steps: Sequence[Step], deadline: float) -> AbstractContextManager[bool]:
        """Hold the turn of the whole cluster; also without steps, to wait for a change of these nodes that is under way."""
        self._deadline = deadline
        places = {name: condition(self.wish, name, state).place for name in self.wish.nodes}
        settled = {"maintenance": ("drained",), "shutdown": ("drained",), "decommissioned": ("gone",)}
        under_way = [name for name, place in places.items() if place not in settled.get(self.wish.state, ())]
        if steps or (state.running and self.wish.wait and under_way):
            return self._take(deadline, bool(state.running))
        return nullcontext(False)

    @contextmanager
    def _take(self, deadline: float, waited: bool) -> Iterator[bool]:
        with _turns.take(self.client, deadline):
            if waited:
                # The map may be a moment behind the rebalance.
                self._follow(self._settled, "the cluster map to settle", fail=False)
            yield True

    def _settled(self, nodes: Mapping[str, Node]) -> bool:
        places = [condition(self.wish, name, World(nodes)).place for name in self.wish.nodes]
        return not {"leaving", "undrained"} & set(places)

    def apply(self, step: Step) -> list[Job]:
        """Make one change; while something else is going on (409), wait for that and try again."""
        change: Change = step.payload
        while True:
            try:
                text = self._call(step)
                break
            except _errors.Conflict as error:
                if error.tcode != "ErrBusy" or time.monotonic() >= self._deadline:
                    raise
                time.sleep(_turns.POLL_CLUSTER)
                _turns.until(lambda: _turns.moving(self.client), self._deadline)
        jobs = _jobs.of_answer(text, "rebalance", step.target)
        for job in jobs:
            self._changes[job.id] = change
        if not jobs:
            self._arrive(change)
        return jobs

    def _call(self, step: Step) -> str:
        """Send the request of a step and return the id of the rebalance that it starts, if any."""
        change: Change = step.payload
        what = f"{step.verb} {step.target}"
        if step.verb == JOIN:
            body = {"daemon_type": change.value["kind"], "intra_control_net": {"direct_url": change.value["control"]}}
            found = self.client.request("POST", "/v1/cluster/join-by-admin", what=what, body=body).json()
            return str(found.get("rebalance_id") or "")
        if step.verb == REBALANCE:
            return self.client.request(
                "PUT", "/v1/cluster", what=what, action="start", value={"kind": "rebalance"}
            ).text
        names = {"sid": change.nodes[0]} if len(change.nodes) == 1 else {"sids": list(change.nodes)}
        try:
            return self.client.request(
                "PUT", "/v1/cluster", what=what, action=step.verb, value={**names, **change.value}
            ).text
        except _errors.BadRequest as error:
            if "unreachable" in error.said:
                error.hint = "Start the process of that node first."
            raise

    def settle(self, job: Job, deadline: float) -> Job:
        """Wait for the rebalance, and until the cluster map shows what it led to."""
        job = _jobs.wait(self.client, job, deadline)
        if job.id in self._changes:
            self._arrive(self._changes[job.id])
        return job

    def _arrive(self, change: Change) -> None:
        """Wait until the nodes of ``change`` are, and stand, in the map as they should."""

        def arrived(nodes: Mapping[str, Node]) -> bool:
            there = all(_same(nodes.get(name), change.after.nodes.get(name)) for name in change.nodes)
            return there and all(self._down(name) for name in change.nodes if name in change.after.down)

        self._follow(arrived, f"the cluster map to show {', '.join(change.nodes)} as it should be")

    def _follow(self, arrived: Callable[[Mapping[str, Node]], bool], what: str, *, fail: bool = True) -> None:
        """Wait until the nodes of the map are as ``arrived`` says; a short while, if it is no failure that they are not."""
        deadline = min(self._deadline, time.monotonic() + (MAP_WITHIN if fail else MAP_LAGS))

        def busy() -> str:
            return "" if arrived(_nodes.of_map(self.client.smap(fresh=True))) else what

        try:
            _turns.until(busy, deadline, pause=0.2)
        except _errors.JobTimeout:
            if fail:
                raise AisError(
                    f"waited for {what}, in vain", hint="Look at the cluster's health, then run the task again."
                ) from None

    def result(self, state: World) -> dict[str, Any]:
        """Return ``nodes``, and ``node`` when exactly one was named."""
        names = [*self.wish.nodes, *(place.id for place in state.places.values())]
        shown = [self._show(state, name) for name in names]
        return {"nodes": shown, **({"node": shown[0]} if self._single and len(shown) == 1 else {})}

    def _show(self, state: World, name: str) -> dict[str, Any]:
        node = state.nodes.get(name)
        if node is None:
            return {"id": name, "state": "decommissioned"}
        return {**node.shown(), **(_shown(state, [name]) or {})}


def _same(found: Node | None, wanted: Node | None) -> bool:
    """Tell whether a node's entry in the map is as wanted; drained is more than not."""
    if found is None or wanted is None:
        return found is wanted
    return found.state == wanted.state and (found.drained or not wanted.drained)
