# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is planned for the membership of nodes: every state reached, nothing left to do, no objects lost without a word."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.community.aistore.plugins.module_utils import _nodes
from ansible_collections.community.aistore.plugins.module_utils._errors import OptionError
from ansible_collections.community.aistore.plugins.module_utils._nodes import Node
from ansible_collections.community.aistore.plugins.module_utils._resources import membership
from ansible_collections.community.aistore.plugins.module_utils._resources.membership import Place, Wish, World
from hypothesis import example, given, settings
from hypothesis import strategies as st

MAINTENANCE, DECOMMISSION, DRAINED = _nodes.MAINTENANCE, _nodes.DECOMMISSION, _nodes.DRAINED
IDS = ["p1", "p2", "p3", "t1", "t2", "t3", "t4"]


def node(name: str, flags: int = 0, primary: bool = False) -> Node:
    return Node(name, "proxy" if name.startswith("p") else "target", f"http://{name}:1", flags, primary)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    nodes = {"p1": node("p1", 2, True), "t1": node("t1")}
    for name in IDS:
        flags = draw(st.sampled_from([0, 0, MAINTENANCE, MAINTENANCE | DRAINED, DECOMMISSION, None]))
        if name not in nodes and flags is not None:
            nodes[name] = node(name, flags if name.startswith("t") else flags & ~DRAINED)
    return World(
        nodes,
        down=frozenset(name for name in nodes if not nodes[name].primary and draw(st.integers(0, 9)) == 0),
        rebalances=draw(st.booleans()),
        buckets=draw(st.booleans()),
        batches=draw(st.booleans()),
    )


wishes = st.builds(
    Wish,
    st.lists(st.sampled_from(IDS), min_size=1, unique=True).map(tuple),
    st.sampled_from([state for state in membership.STATES if state != "joined"]),
    rebalance=st.booleans(),
    rm_user_data=st.booleans(),
    min_targets=st.integers(0, 3),
    force=st.booleans(),
)


class Server:
    """The cluster as it behaves, with what is on which target."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.nodes = dict(world.nodes)
        self.down = set(world.down)
        #: Targets with objects on them that nobody else has.
        self.full = {name for name, found in self.nodes.items() if found.kind == "target" and not found.drained}
        self.lost: set[str] = set()

    def rebalance(self) -> bool:
        """Move objects from those that leave, if there is somebody to take them."""
        if not self.world.rebalances or not any(self.serves(name) for name in self.nodes):
            return False
        self.full -= {name for name in self.full if not self.serves(name) and name not in self.down}
        return True

    def serves(self, name: str) -> bool:
        return self.nodes[name].kind == "target" and self.nodes[name].state == "active"

    def call(self, verb: str, names: tuple[str, ...], value: dict) -> None:
        assert all(not self.nodes[name].primary for name in names)
        assert len(names) == 1 or self.world.batches
        active = [name for name in names if self.serves(name)]
        if verb == "start-rebalance":
            self.rebalance()
            return
        for name in names:
            found = self.nodes[name]
            if verb == "stop-maintenance":
                assert found.state == "maintenance"
                self.nodes[name] = found._replace(flags=0)
                self.full |= {name} if found.kind == "target" else set()
            elif verb in ("start-maintenance", "shutdown-node"):
                assert verb == "shutdown-node" or found.state == "active"
                assert found.state != "decommission"
                self.nodes[name] = found._replace(flags=found.flags | MAINTENANCE)
            else:
                assert name not in self.down or verb == "rm-unsafe" or not self.serves(name)
                assert verb != "rm-unsafe" or found.kind == "target"
                self.nodes[name] = found._replace(flags=found.flags | DECOMMISSION)
        # The server moves objects only when active targets leave, and ignores what is on the others.
        if active and not value.get("skip_rebalance") and self.rebalance():
            for name in active:
                if self.nodes[name].state == "maintenance":
                    self.nodes[name] = self.nodes[name]._replace(flags=MAINTENANCE | DRAINED)
        for name in names:
            if verb == "shutdown-node":
                self.down.add(name)
            elif self.nodes[name].state == "decommission":
                del self.nodes[name]
                self.lost |= self.full & {name}
                self.full -= {name}

    def seen(self) -> World:
        return replace(self.world, nodes=dict(self.nodes), down=frozenset(self.down & self.nodes.keys()))


@settings(max_examples=500)
@given(wishes, worlds())
def test_the_plan_reaches_the_state_and_loses_nothing_unasked(wanted: Wish, world: World) -> None:
    try:
        steps = membership.plan(wanted, world)
    except OptionError:
        return
    server = Server(world)
    left = sum(server.serves(name) for name in server.nodes)
    for step in steps:
        server.call(step.verb, step.payload.nodes, step.payload.value)
    after = server.seen()
    assert membership.plan(wanted, after) == []
    expected = {"active": ("active",), "maintenance": ("maintenance",), "shutdown": ("maintenance",)}
    for name in wanted.nodes:
        if wanted.state == "decommissioned":
            assert name not in after.nodes
        else:
            assert after.nodes[name].state in expected[wanted.state]
        if wanted.state == "shutdown":
            assert name in after.down
    now = sum(server.serves(name) for name in server.nodes)
    assert now >= min(left, wanted.min_targets)
    if server.lost and world.buckets and not wanted.force:
        assert not wanted.rebalance
    assert [step.chain for step in steps] == ["membership"] * len(steps)
    assert all(step.blocks for step in steps)


@settings(max_examples=300)
@given(wishes, worlds())
# One after the other: the first one's objects go to the second one, and the second one's nowhere.
@example(
    Wish(("t1", "t2"), "maintenance", min_targets=0),
    World(
        {name: node(name) for name in ("t1", "t2")} | {"p1": node("p1", primary=True)}, rebalances=True, batches=False
    ),
)
def test_check_mode_foresees_what_the_steps_do(wanted: Wish, world: World) -> None:
    try:
        steps = membership.plan(wanted, world)
    except OptionError:
        return
    options = {"node": list(wanted.nodes), "state": wanted.state, "rm_user_data": False, "keep_initial_config": False}
    options.update(rebalance=wanted.rebalance, min_targets=0, force=wanted.force, wait=True)
    resource = membership.Membership(options, client=None)  # type: ignore[arg-type]
    foreseen = resource.foresee(world, steps)
    server = Server(world)
    for step in steps:
        server.call(step.verb, step.payload.nodes, step.payload.value)
    assert resource.result(foreseen) == resource.result(server.seen())


@given(worlds())
def test_several_nodes_take_one_call_where_the_server_can(world: World) -> None:
    names = [name for name, found in world.nodes.items() if found.kind == "target" and found.state == "active"]
    steps = membership.plan(Wish(tuple(names), "maintenance", min_targets=0), replace(world, down=frozenset()))
    assert len(steps) == (1 if world.batches else len(names))


@pytest.mark.parametrize("state", ["maintenance", "shutdown", "decommissioned"])
def test_the_primary_is_refused_with_what_to_do(state: str) -> None:
    world = World({"p1": node("p1", 2, True), "p2": node("p2", 1), "p3": node("p3", 2), "t1": node("t1")})
    with pytest.raises(OptionError, match=r"p1 is the primary; nothing was changed.*'primary: p3'"):
        membership.plan(Wish(("p1",), state), world)


def test_too_few_targets_are_refused() -> None:
    world = World({"p1": node("p1", 2, True), **{name: node(name) for name in ("t1", "t2", "t3")}})
    assert membership.plan(Wish(("t1", "t2"), "maintenance"), world)
    with pytest.raises(OptionError, match="t1, t2: 1 active targets would be left, fewer than min_targets=2"):
        membership.plan(Wish(("t1", "t2"), "maintenance", min_targets=2), world)


def test_what_drains_already_is_not_started_again() -> None:
    nodes = {"p1": node("p1", 2, True), "t1": node("t1"), "t2": node("t2", MAINTENANCE)}
    assert membership.plan(Wish(("t2",), "maintenance"), World(nodes, running="g7")) == []
    steps = membership.plan(Wish(("t2",), "maintenance"), World(nodes))
    assert [(step.verb, dict(step.detail)) for step in steps] == [
        ("stop-maintenance", {"skip_rebalance": True}),
        ("start-maintenance", {}),
    ]
    assert membership.plan(Wish(("t2",), "maintenance", rebalance=False), World(nodes)) == []
    nodes["t2"] = node("t2", DECOMMISSION)
    assert membership.plan(Wish(("t2",), "decommissioned"), World(nodes, running="g7")) == []
    steps = membership.plan(Wish(("t2",), "decommissioned"), World(nodes))
    assert [step.verb for step in steps] == ["start-rebalance", "decommission-node"]


def test_a_target_in_standby_is_not_joined_where_that_would_hurt() -> None:
    place = Place("t9", "target", "http://t9:1", "http://t9:2", member=False, started=False)
    wanted = Wish((), "joined", ("http://t9:1",))
    world = World({"p1": node("p1", 2, True)}, places={"http://t9:1": place})
    with pytest.raises(OptionError, match="runs in standby"):
        membership.plan(wanted, world)
    (step,) = membership.plan(wanted, replace(world, rebalances=False))
    assert step.payload.value == {"kind": "target", "control": "http://t9:2"}
    member = replace(place, member=True)
    assert membership.plan(wanted, replace(world, places={"http://t9:1": member})) == []


GIVEN = {
    "rebalance": True,
    "rm_user_data": False,
    "keep_initial_config": False,
    "min_targets": 1,
    "force": False,
    "wait": True,
}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"state": "joined", "node": ["t1"]}, "takes 'address'"),
        ({"state": "active"}, "takes 'node'"),
        ({"state": "active", "node": ["t1"], "address": ["http://h:1"]}, "no 'address'"),
        ({"state": "maintenance", "node": ["t1"], "rm_user_data": True}, "rm_user_data is only for"),
        ({"state": "joined", "address": ["h"]}, "must be like http://host:port"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        membership.wish({**GIVEN, **options})
