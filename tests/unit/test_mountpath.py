# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is planned for mountpaths: every state reached, nothing left to do, nothing lost without a word."""

from __future__ import annotations

import pytest
from ansible_collections.community.aistore.plugins.module_utils._errors import OptionError
from ansible_collections.community.aistore.plugins.module_utils._resources import mountpath
from ansible_collections.community.aistore.plugins.module_utils._resources.mountpath import Paths, Wish, World
from hypothesis import given
from hypothesis import strategies as st

NAMES = [f"/ais/mp{number}" for number in range(5)]
PLACES = ("available", "disabled", "waiting_dd")
paths = st.builds(Paths, st.dictionaries(st.sampled_from(NAMES), st.sampled_from(PLACES)))
worlds = st.builds(
    World,
    st.dictionaries(st.sampled_from(["t1", "t2"]), paths, min_size=1),
    resilvers=st.booleans(),
    buckets=st.booleans(),
)
wishes = st.builds(
    Wish,
    st.lists(st.sampled_from(NAMES), min_size=1, unique=True).map(tuple),
    st.sampled_from(mountpath.STATES),
    resilver=st.booleans(),
    force=st.booleans(),
)


class Server:
    """A target as it behaves: every call checked against where the path is."""

    def __init__(self, at: dict[str, str]) -> None:
        self.at = dict(at)

    def call(self, verb: str, path: str) -> None:
        allowed = {
            "attach": ("absent",),
            "enable": ("disabled", "waiting_dd"),
            "disable": ("available",),
            "detach": ("available", "disabled"),
        }
        assert self.at.get(path, "absent") in allowed[verb], (verb, path, self.at)
        after = {"attach": "available", "enable": "available", "disable": "disabled", "detach": "absent"}[verb]
        self.at[path] = after
        if after == "absent":
            del self.at[path]


@given(wishes, worlds)
def test_the_plan_reaches_the_state_and_then_there_is_nothing_to_do(wanted: Wish, world: World) -> None:
    try:
        steps = mountpath.plan(wanted, world)
    except OptionError:
        return
    servers = {target: Server(dict(found.at)) for target, found in world.targets.items()}
    for step in steps:
        before = dict(servers[step.payload.target].at)
        servers[step.payload.target].call(step.verb, step.payload.path)
        assert step.blocks
        assert step.chain == step.payload.target
        assert (step.before or {}).get("state", "absent") == before.get(step.payload.path, "absent")
    after = World({target: Paths(server.at) for target, server in servers.items()}, world.resilvers, world.buckets)
    assert mountpath.plan(wanted, after) == []
    for target, server in servers.items():
        had = world.targets[target].available()
        assert server.at.keys() - set(wanted.paths) == world.targets[target].at.keys() - set(wanted.paths)
        if had and not wanted.force:
            assert "available" in server.at.values()


@given(wishes, worlds)
def test_check_mode_foresees_what_the_steps_do(wanted: Wish, world: World) -> None:
    try:
        steps = mountpath.plan(wanted, world)
    except OptionError:
        return
    params = {"node": list(world.targets), "path": list(wanted.paths), "label": None}
    params.update(state=wanted.state, resilver=wanted.resilver, force=wanted.force)
    resource = mountpath.Mountpaths(params, client=None)  # type: ignore[arg-type]
    foreseen = resource.foresee(world, steps)
    servers = {target: Server(dict(found.at)) for target, found in world.targets.items()}
    for step in steps:
        servers[step.payload.target].call(step.verb, step.payload.path)
    assert {target: found.at for target, found in foreseen.targets.items()} == {
        target: server.at for target, server in servers.items()
    }
    shown = resource.result(foreseen)["mountpaths"]
    assert set(shown) == set(world.targets)


@given(wishes, worlds)
def test_objects_are_left_behind_only_if_somebody_said_so(wanted: Wish, world: World) -> None:
    if world.resilvers or not world.buckets or wanted.force or not wanted.resilver:
        return
    try:
        steps = mountpath.plan(wanted, world)
    except OptionError:
        return
    removed = [step for step in steps if step.verb in ("disable", "detach")]
    assert all(step.verb == "detach" and step.payload.where == "disabled" for step in removed)


@pytest.mark.parametrize(("outer", "inner"), [("/ais", "/ais/mp1"), ("/ais/mp1", "/ais/mp1/deep/er"), ("/a", "/a/b")])
def test_nested_paths_are_refused_whichever_was_first(outer: str, inner: str) -> None:
    for first, second in ((outer, inner), (inner, outer)):
        world = World({"t1": Paths({first: "available", "/other": "available"})})
        with pytest.raises(OptionError, match=f"{inner} is inside {outer}"):
            mountpath.plan(Wish((second,)), world)
    with pytest.raises(OptionError, match="nested"):
        mountpath.plan(Wish((outer, inner)), World({"t1": Paths()}))


def test_a_name_that_only_begins_alike_is_not_nested() -> None:
    assert mountpath.plan(Wish(("/ais/mp10",)), World({"t1": Paths({"/ais/mp1": "available"})}))


def test_the_last_mountpath_goes_only_by_force() -> None:
    world = World({"t1": Paths({"/a": "available", "/b": "disabled"})})
    for state in ("absent", "disabled"):
        with pytest.raises(OptionError, match="t1: /a would leave it without a mountpath"):
            mountpath.plan(Wish(("/a",), state), world)
        assert mountpath.plan(Wish(("/a",), state, force=True), world)


def test_a_label_is_compared_and_never_changed() -> None:
    world = World({"t1": Paths({"/a": "available"}, {"/a": "fast"})})
    assert mountpath.plan(Wish(("/a",), label="fast"), world) == []
    with pytest.raises(OptionError, match="has the label 'fast', not 'slow'"):
        mountpath.plan(Wish(("/a",), label="slow"), world)
    (step,) = mountpath.plan(Wish(("/b",), label="slow"), world)
    assert step.detail == {"label": "slow"}
    assert step.after == {"state": "available", "label": "slow"}


def test_what_is_not_there_cannot_be_disabled() -> None:
    with pytest.raises(OptionError, match=r"t1: /b is no mountpath of it.*it has: /a"):
        mountpath.plan(Wish(("/b",), "disabled"), World({"t1": Paths({"/a": "available"})}))


@pytest.mark.parametrize("path", ["relative", "/", "//", "", "/" + "x" * 255])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(OptionError, match="absolute path"):
        mountpath.wish({"path": [path], "state": "present", "label": None, "resilver": True, "force": False})


def test_paths_are_brought_to_one_form() -> None:
    options = {
        "path": ["/ais//mp1/", "/ais/x/../mp1"],
        "state": "absent",
        "label": None,
        "resilver": True,
        "force": False,
    }
    assert mountpath.wish(options).paths == ("/ais/mp1",)
    with pytest.raises(OptionError, match="label"):
        mountpath.wish({**options, "label": "x"})
