# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mountpaths of real targets: each state, what is refused, and that objects stay in sight whatever happens at once."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import relay_to, running_cluster, session_of
from converge import Case, converge
from holdings import holding
from playing import play

MODULE = "community.aistore.ais_mountpath"


def task(**args: Any) -> dict[str, Any]:
    return {MODULE: args}


def new_path(box: Any, target: str, name: str) -> str:
    """A directory of a target that is not a mountpath yet."""
    path = Path(box.nodes[target].directory, name)
    path.mkdir(exist_ok=True)
    return str(path)


def paths(box: Any, target: str) -> dict[str, list[str]]:
    """The target's mountpaths, as it says itself; the shared cluster of a test is left with those it came with."""
    return box.http().read(f"{box.url(target)}/v1/daemon?what=mountpaths")


def set_config(box: Any, **sections: Any) -> None:
    status, body = box.http().call("PUT", f"{box.endpoint}/v1/cluster", {"action": "set-config", "value": sections})
    assert status == 200, body


def change(box: Any, target: str, action: str, path: str) -> None:
    """Change a mountpath as anybody else would."""
    url = f"{box.endpoint}/v1/reverse/daemon/mountpaths"
    body = {"action": action, "value": path}
    with session_of(box) as session:
        found = session.put(url, json=body, headers={"Ais-Node-Id": target}, timeout=30)
    assert found.ok, found.text


def wait_for(true: Callable[[], Any], timeout: float = 60) -> None:
    deadline = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < deadline, true
        time.sleep(0.1)


def restore(box: Any, target: str) -> None:
    """Leave the target with the mountpaths that it was started with."""
    own = box.nodes[target].mountpaths
    wanted = {"available": own, "waiting_dd": [], "disabled": []}
    # One at a time: a change during another one's resilver leaves a path that is never emptied.
    for _turn in range(12):
        now = paths(box, target)
        if now == wanted:
            return
        known = {*now["available"], *now["disabled"], *now["waiting_dd"]}
        missing = [path for path in own if path not in now["available"]]
        if missing:
            change(box, target, "enable-mp" if missing[0] in known else "attach-mp", missing[0])
        elif known - set(own):
            change(box, target, "detach-mp", min(known - set(own)))
        with contextlib.suppress(AssertionError):
            wait_for(lambda: not paths(box, target)["waiting_dd"], 10)
    assert paths(box, target) == wanted


@pytest.fixture
def target(wide: Any) -> Iterator[str]:
    """A target whose mountpaths are as they were afterwards."""
    yield "target-02"
    restore(wide, "target-02")


def test_every_state_converges(wide: Any, target: str) -> None:
    extra, more = new_path(wide, target, "extra"), new_path(wide, target, "more")
    first, second, third = wide.nodes[target].mountpaths
    cases = [
        Case("present", task(node=target, path=extra)),
        Case("present is not enabled", task(node=target, path=third), changes=False),
        Case("disabled", task(node=target, path=extra, state="disabled")),
        Case("disabled stays so when present", task(node=target, path=extra), changes=False),
        Case("enabled", task(node=target, path=extra, state="enabled")),
        Case("enabled attaches", task(node=target, path=more, state="enabled", label="spare")),
        Case("two are disabled", task(node=target, path=[first, more], state="disabled")),
        Case("absent", task(node=target, path=[extra, more], state="absent")),
        Case("enabled again", task(node=target, path=first, state="enabled")),
    ]
    with relay_to(wide) as relay:
        for found in converge(cases, relay):
            found.verify()
    assert paths(wide, target)["available"] == [first, second, third]


def test_all_targets_at_once(wide: Any) -> None:
    names = [name for name, node in wide.nodes.items() if node.role == "target"]
    absent = str(wide.directory / "no-such-mountpath")
    cases = [Case("absent everywhere", task(node="all", path=absent, state="absent"), changes=False)]
    with relay_to(wide) as relay:
        (found,) = converge(cases, relay)
        found.verify()
        # One look at the map and one at all mountpaths, however many targets there are.
        assert len(found.apply.requests) == 2
    assert sorted(found.apply["mountpaths"]) == names


def test_a_list_is_done_one_at_a_time_and_every_object_stays(wide: Any, target: str) -> None:
    first, second, _third = wide.nodes[target].mountpaths
    with holding(wide, 300) as held:
        played = play(
            [
                {"name": "two", **task(node=target, path=[first, second], state="disabled")},
                {"name": "back", **task(node=target, path=[first, second], state="enabled")},
                {"name": "no wait", **task(node=target, path=[second, first], state="absent", wait=False)},
                {"name": "and on", **task(node=target, path=[first, second], state="enabled", wait=False)},
            ],
            endpoint=wide.endpoint,
        )
        assert [len(result["jobs"]) for result in played] == [2, 2, 2, 2]
        assert {job["state"] for job in played["two"]["jobs"]} == {"finished"}
        assert played["no wait"]["jobs"][1]["state"] == "started"
        assert held.lost() == []


def test_parallel_hosts_take_turns_and_every_object_stays(wide: Any, target: str) -> None:
    first, second, third = wide.nodes[target].mountpaths
    extra = new_path(wide, target, "extra")
    wanted = {"h1": (first, "disabled"), "h2": (second, "absent"), "h3": (extra, "present"), "h4": (third, "enabled")}
    choice = json.dumps({host: {"path": path, "state": state} for host, (path, state) in wanted.items()})
    arguments = {
        "node": target,
        "path": "{{ (choice | from_json)[inventory_hostname].path }}",
        "state": "{{ (choice | from_json)[inventory_hostname].state }}",
    }
    with holding(wide, 300) as held:
        played = play(
            [{"name": "turn", **task(**arguments)}, {"name": "again", **task(**arguments)}],
            endpoint=wide.endpoint,
            variables={"choice": choice},
            hosts=list(wanted),
            forks=4,
        )
        changed = {result.host for result in played if result.task == "turn" and result.changed}
        assert changed == {"h1", "h2", "h3"}
        assert not [result.host for result in played if result.task == "again" and result.changed]
        found = paths(wide, target)
        assert (found["available"], found["disabled"]) == (sorted([extra, third]), [first])
        assert held.lost() == []


def test_what_is_refused_is_refused_before_anything_is_sent(wide: Any, target: str) -> None:
    first, *_rest = wide.nodes[target].mountpaths
    everything = wide.nodes[target].mountpaths
    inside = new_path(wide, target, "mp1/inside")
    refused = {
        f"{inside} is inside {first}": task(node=target, path=inside),
        "would leave it without a mountpath": task(node=target, path=everything, state="disabled"),
        "is no mountpath of it": task(node=target, path="/no/such/path", state="disabled"),
        "'target-22' is not in the cluster map; did you mean target-02? Known targets: target-01, target-02": task(
            node="target-22", path=first
        ),
        "'proxy-01' is a proxy, not a target": task(node="proxy-01", path=first),
        "must be an absolute path": task(node=target, path="relative/path"),
        "label is given when a mountpath is attached": task(node=target, path=first, state="absent", label="x"),
        "so detach it first": task(node=target, path=first, label="another"),
    }
    with relay_to(wide) as relay:
        played = play(
            [{"name": why, "ignore_errors": True, **what} for why, what in refused.items()],
            endpoint=relay.url,
            relay=relay,
        )
        for why in refused:
            assert played[why].failed, why
            assert why in played[why].msg
            assert played[why].writes == []
    missing = play([task(node=target, path="/no/such/path")], endpoint=wide.endpoint, ok=False)
    assert "mountpath /no/such/path does not exist" in missing.results[0].msg


def test_objects_are_not_left_behind_in_silence(wide: Any, target: str) -> None:
    first, *_rest = wide.nodes[target].mountpaths
    set_config(wide, resilver={"enabled": False})
    try:
        with holding(wide, 100) as held:
            off = task(node=target, path=first, state="disabled")
            played = play([{"name": "refused", **off}], endpoint=wide.endpoint, ok=False)
            assert "resilver.enabled=false" in played["refused"].msg
            asked = task(node=target, path=first, state="disabled", resilver=False)
            back = task(node=target, path=first, state="enabled")
            played = play([{"name": "asked for", **asked}, {"name": "back", **back}], endpoint=wide.endpoint)
            assert played["asked for"]["jobs"] == []
            assert played["asked for"]["steps"][0]["detail"] == {"resilver": False}
            assert held.lost() == []
    finally:
        set_config(wide, resilver={"enabled": True})


def test_the_last_mountpath_by_force_and_back(wide: Any) -> None:
    name = "target-05"
    own = wide.nodes[name].mountpaths
    cases = [
        # On the way out a target of 5.0 leaves the map; only the primary still knows it.
        Case("all of them", task(node=name, path=own, state="disabled", force=True)),
        Case("back", task(node=name, path=own, state="enabled")),
    ]
    with relay_to(wide) as relay:
        for found in converge(cases, relay):
            found.verify()
    wide.wait_ready()
    assert paths(wide, name)["available"] == own


def test_a_change_that_was_cut_off_is_taken_up(wide: Any, target: str) -> None:
    """An attach aborts the resilver that empties another path: that one waits then, and nobody empties it."""
    first, *_rest = wide.nodes[target].mountpaths
    extra = new_path(wide, target, "extra")
    with holding(wide, 1000) as held:
        for _attempt in range(20):  # on a busy machine the resilver is often over by then
            change(wide, target, "disable-mp", first)
            change(wide, target, "attach-mp", extra)
            if paths(wide, target)["waiting_dd"]:
                break
            restore(wide, target)
        played = play([{"name": "again", **task(node=target, path=first, state="disabled")}], endpoint=wide.endpoint)
        assert [step["verb"] for step in played["again"]["steps"]] == ["enable", "disable"]
        assert paths(wide, target)["disabled"] == [first]
        assert held.lost() == []


@pytest.fixture
def disks(tmp_path: Path) -> Iterator[list[str]]:
    """Three small filesystems, each on a disk of its own."""
    if os.geteuid() or not os.path.exists("/dev/loop-control"):
        pytest.skip("filesystems are mounted as root, with loop devices")
    mounted: list[str] = []
    try:
        for number in range(3):
            image, mount = tmp_path / f"disk{number}", tmp_path / f"mount{number}"
            mount.mkdir()
            with image.open("wb") as file:
                file.truncate(200 * 1024 * 1024)
            subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)
            subprocess.run(["mount", "-o", "loop", str(image), str(mount)], check=True)
            mounted.append(str(mount))
        yield mounted
    finally:
        for mount in mounted:
            subprocess.run(["umount", "--lazy", mount], check=True)


@pytest.mark.slow_on("4.9")
def test_filesystems_of_their_own(ais_version: str, disks: list[str]) -> None:
    first, second, third = disks
    with running_cluster(version=ais_version, proxies=1, targets=2) as box:
        name = "target-02"
        box.stop_node(name)
        local = Path(box.nodes[name].directory, "local.json")
        config = json.loads(local.read_text())
        del config["test_fspaths"]
        local.write_text(json.dumps({**config, "fspaths": {first: "", second: ""}}))
        box.start_node(name)
        shared = [f"{third}/a", f"{third}/b"]
        with holding(box, 200) as held:
            cases = [
                Case("a third disk", task(node=name, path=third)),
                Case("off", task(node=name, path=first, state="disabled")),
                Case("on", task(node=name, path=first, state="enabled")),
                Case("detached", task(node=name, path=third, state="absent")),
                Case(
                    "labels where a disk is shared",
                    task(node=name, path=shared, label="shared"),
                    before=[{"ansible.builtin.file": {"path": path, "state": "directory"}} for path in shared],
                ),
                Case("the label is known", task(node=name, path=shared, label="shared"), changes=False),
                Case("off again", task(node=name, path=first, state="disabled")),
            ]
            with relay_to(box) as relay:
                for found in converge(cases, relay):
                    found.verify()
            assert held.lost() == []
            # What was disabled when a target starts cannot be enabled, the server says; it is attached anew.
            box.stop_node(name)
            box.start_node(name)
            tasks = [
                {"name": "on after all", **task(node=name, path=first, state="enabled")},
                {"name": "no label", "ignore_errors": True, **task(node=name, path=f"{second}/sub", state="present")},
            ]
            played = play(tasks, endpoint=box.endpoint)
            assert paths(box, name) == {"available": sorted([first, second, *shared]), "waiting_dd": [], "disabled": []}
            assert "must not be nested" in played["no label"].msg
            assert held.lost() == []
