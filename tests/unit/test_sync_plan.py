# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a sync would do, by model: two sides as tables of names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.community.aistore.plugins.module_utils._errors import TOLD
from ansible_collections.community.aistore.plugins.module_utils._listing import Entry as Found
from ansible_collections.community.aistore.plugins.module_utils._resources import sync_plan
from ansible_collections.community.aistore.plugins.module_utils._resources.sync_plan import (
    Entry,
    Selection,
    State,
    Wanted,
)
from hypothesis import given
from hypothesis import strategies as st

UP = Wanted("/srv/site/", "ais://www/site/", upload=True, prefix="site/", delete=True)
DOWN = Wanted("ais://www/site/", "/srv/site/", upload=False, prefix="site/", delete=True)

parts = st.sampled_from(["a", "b", "c", "..", "", "d" * 256])
names = st.lists(parts, min_size=1, max_size=3).map("/".join)
entries = st.builds(
    Entry,
    size=st.integers(0, 2),
    since=st.just(5),
    until=st.just(5),
    checksum=st.sampled_from(["", "md5:1", "md5:2"]),
)
sides = st.dictionaries(names, entries, max_size=12)


def verbs(steps: list[Any]) -> list[tuple[str, list[str]]]:
    return [(step.verb, list(step.payload)) for step in steps if not step.refused]


def refusals(steps: list[Any]) -> str:
    return " | ".join(step.refused for step in steps if step.refused)


# -- the plan as a whole ----------------------------------------------------------------------------------


@given(sides, sides, st.booleans(), st.booleans(), st.booleans())
def test_a_plan_leads_where_it_should(
    source: dict[str, Entry], dest: dict[str, Entry], upload: bool, delete: bool, empty: bool
) -> None:
    wanted = replace(UP if upload else DOWN, delete=delete, allow_empty=empty)
    state = State(source, dest)
    steps = sync_plan.plan(wanted, state)
    done = [step for step in steps if not step.refused]
    after = sync_plan.foresee(state, done)
    refused = sync_plan.changes(wanted, state).refused

    again = [step for step in sync_plan.plan(wanted, after) if not step.refused]
    assert not again
    for name, entry in source.items():
        assert name in refused or sync_plan.same(entry, after.dest[name])
    for name in dest:
        if not delete or (not source and not empty):
            assert name in after.dest
        elif name not in source:
            assert name not in after.dest
    assert state.dest == dest
    assert sync_plan.result(wanted, after)["sync"]["files"] <= len(source)


@given(sides, sides)
def test_a_download_never_leaves_its_directory(source: dict[str, Entry], dest: dict[str, Entry]) -> None:
    after = sync_plan.foresee(State(source, {}), [s for s in sync_plan.plan(DOWN, State(source, {})) if not s.refused])
    for name in after.dest:
        assert not name.startswith("/")
        assert not {"", ".", ".."} & set(name.split("/"))
    # No name is a file and a directory at once.
    assert not sync_plan.above(after.dest) & set(after.dest)


def test_steps_tell_what_they_do() -> None:
    new, old, gone = Entry(3, 1, 1, "md5:a"), Entry(2, checksum="md5:b"), Entry(1)
    steps = sync_plan.plan(UP, State({"n": new, "u": new, "s": new}, {"u": old, "s": new, "g": gone}))
    assert verbs(steps) == [("create", ["n"]), ("update", ["u"]), ("delete", ["g"])]
    assert steps[1].detail == {"files": 1, "bytes": 3, "names": ["u"]}
    assert (steps[1].before, steps[1].after) == ({"u": "2 bytes, md5:b"}, {"u": "3 bytes, md5:a"})
    assert (steps[0].before, steps[2].after) == (None, None)


def test_an_update_that_times_decided_shows_in_the_diff() -> None:
    (step,) = sync_plan.plan(UP, State({"u": Entry(2, 9, 9)}, {"u": Entry(2, 5, 5)}))
    assert (step.before, step.after) == ({"u": "2 bytes"}, {"u": "2 bytes, newer"})


def test_long_lists_are_shortened() -> None:
    many = {f"{number:04}": Entry(1) for number in range(sync_plan.SHOWN + 7)}
    (step,) = sync_plan.plan(UP, State(many, {}))
    assert len(step.payload) == sync_plan.SHOWN + 7
    assert len(step.after) == sync_plan.SHOWN + 1
    assert step.after["... create"] == "and 7 more"
    assert (len(step.detail["names"]), step.detail["more"]) == (sync_plan.SHOWN, 7)


def test_what_is_in_the_way_goes_first() -> None:
    steps = sync_plan.plan(
        DOWN, State({"a/b": Entry(1), "c": Entry(1)}, {"a": Entry(2), "c/d": Entry(2), "e": Entry(2)})
    )
    assert verbs(steps) == [("delete", ["a", "c/d"]), ("create", ["a/b", "c"]), ("delete", ["e"])]
    assert len({step.chain for step in steps}) == 1


def test_without_delete_what_is_in_the_way_is_refused() -> None:
    wanted = replace(DOWN, delete=False)
    steps = sync_plan.plan(
        wanted, State({"a/b": Entry(1), "c": Entry(1), "f": Entry(1)}, {"a": Entry(2), "c/d": Entry(2)})
    )
    assert verbs(steps) == [("create", ["f"])]
    assert "'a/b': 'a' is a file" in refusals(steps)
    assert "'c': there is a directory" in refusals(steps)


# -- when nothing is deleted ------------------------------------------------------------------------------


def test_an_empty_source_deletes_nothing_unless_allowed() -> None:
    state = State({}, {"a": Entry(1)})
    steps = sync_plan.plan(UP, state)
    assert not verbs(steps)
    assert "allow_empty: true" in refusals(steps)
    assert verbs(sync_plan.plan(replace(UP, allow_empty=True), state)) == [("delete", ["a"])]
    assert sync_plan.plan(replace(UP, delete=False), state) == []
    assert sync_plan.plan(UP, State({}, {})) == []


def test_a_doubtful_listing_deletes_and_creates_nothing() -> None:
    state = State({"n": Entry(1), "u": Entry(2)}, {"u": Entry(3), "g": Entry(1)}, doubts=("target t1 does not answer",))
    steps = sync_plan.plan(UP, state)
    assert verbs(steps) == [("update", ["u"])]
    assert "target t1 does not answer" in refusals(steps)
    assert "allow_degraded: true" in refusals(steps)
    steps = sync_plan.plan(DOWN, state)
    assert verbs(steps) == [("create", ["n"]), ("update", ["u"])]
    assert "objects may be missing in /srv/site/" in refusals(steps)
    steps = sync_plan.plan(replace(UP, allow_degraded=True), state)
    assert [verb for verb, _names in verbs(steps)] == ["create", "update", "delete"]
    assert not refusals(steps)


def test_a_download_of_a_doubtful_listing_fails_even_if_it_changes_nothing() -> None:
    state = State({"a": Entry(0)}, {"a": Entry(0)}, doubts=("x",))
    assert refusals(sync_plan.plan(replace(DOWN, delete=False), state))
    assert not refusals(sync_plan.plan(replace(UP, delete=False), state))


def test_a_directory_that_cannot_be_read_deletes_nothing() -> None:
    state = State({"a": Entry(1)}, {"sub/x": Entry(1)}, unreadable={"sub": "Permission denied"})
    steps = sync_plan.plan(UP, state)
    assert verbs(steps) == [("create", ["a"])]
    assert "'sub': Permission denied" in refusals(steps)
    steps = sync_plan.plan(DOWN, State({"sub/y": Entry(1), "z": Entry(1)}, {}, unreadable={"sub": "Permission denied"}))
    assert verbs(steps) == [("create", ["z"])]
    assert "'sub/y': 'sub' cannot be read" in refusals(steps)


def test_links_are_left_alone() -> None:
    steps = sync_plan.plan(
        UP, State({"a": Entry(1)}, {"l": Entry(1), "l/x": Entry(1), "m": Entry(1)}, skipped={"l": "a link"})
    )
    assert verbs(steps) == [("create", ["a"]), ("delete", ["m"])]
    steps = sync_plan.plan(
        DOWN, State({"l/x": Entry(1), "m": Entry(1)}, {}, skipped={"l": "a link, not followed", "m": "a link"})
    )
    assert verbs(steps) == [("create", ["m"])]
    assert "'l' in the destination is a link, not followed" in refusals(steps)


# -- names ------------------------------------------------------------------------------------------------


def test_names_are_refused_one_by_one() -> None:
    source = {"ok": Entry(1), "../x": Entry(1), "/etc/y": Entry(1), "a": Entry(1), "a/b": Entry(1)}
    steps = sync_plan.plan(DOWN, State(source, {}))
    assert verbs(steps) == [("create", ["a/b", "ok"])]
    assert "3 names cannot be copied" in refusals(steps)
    assert sync_plan.result(DOWN, State(source, {}))["sync"]["refused"].keys() == {"../x", "/etc/y", "a"}


@pytest.mark.parametrize("name", ["new\nline", "bell\x07", "not utf-8 \udc80"])
def test_an_upload_refuses_names_that_the_cluster_would_change(name: str) -> None:
    steps = sync_plan.plan(UP, State({name: Entry(1), "ok": Entry(1)}, {}))
    assert verbs(steps) == [("create", ["ok"])]
    assert refusals(steps)


def test_many_refusals_are_shortened() -> None:
    source = {f"../{number}": Entry(1) for number in range(TOLD + 5)}
    assert refusals(sync_plan.plan(DOWN, State(source, {}))).endswith("; and 5 more")


# -- what is the same -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "dest", "same"),
    [
        (Entry(1, checksum="md5:a"), Entry(1, checksum="md5:a"), True),
        (Entry(1, checksum="md5:a"), Entry(1, checksum="md5:b"), False),
        (Entry(1, 1, 1, "md5:a"), Entry(1, 2, 2, "md5:b"), False),
        (Entry(1, checksum="md5:a"), Entry(2, checksum="md5:a"), False),
        (Entry(0), Entry(0), True),
        (Entry(1), Entry(1), False),
        (Entry(1, 3, 4), Entry(1, 4, 4), True),
        (Entry(1, 3, 4), Entry(1, 3, 5), False),
        (Entry(1, 3, 4), Entry(1, 0, 9), False),  # written then or earlier: perhaps before the source changed
        (Entry(1, 0, 4), Entry(1, 4, 4), True),
        (Entry(1, 0, 0), Entry(1, 4, 4), False),
    ],
)
def test_same(source: Entry, dest: Entry, same: bool) -> None:
    assert sync_plan.same(source, dest) is same


def cost(kind: str, size: int) -> int:
    return {"md5": 0, "sha256": 0, "xxhash2": 1 if size <= 10 else 2}[kind]


@pytest.mark.parametrize(
    ("found", "checksum"),
    [
        (Found("o", 5, checksum="a" * 16), "xxhash2:" + "a" * 16),
        (Found("o", 50, checksum="a" * 16), ""),
        (Found("o", 5, checksum="b" * 32), "md5:" + "b" * 32),
        (Found("o", 5, checksum="b" * 30 + "-2"), ""),
        (Found("o", 5, version="7", custom="[ais_sync:7/sha256/abc]"), "sha256:abc"),
        (Found("o", 5, version="7", custom="[x:y ais_sync:7/sha256/abc z:1]"), "sha256:abc"),
        (Found("o", 5, version="8", custom="[ais_sync:7/sha256/abc]"), ""),
        (Found("o", 5, version="7", custom="[not_ais_sync:7/sha256/abc]"), ""),
        (Found("o", 5, custom="[ais_sync:/sha256/abc]"), "sha256:abc"),
        (Found("o", 5, "a" * 16, "7", custom="[ais_sync:7/sha256/abc]"), "sha256:abc"),
        (Found("o", 5, "b" * 32, "7", custom="[ais_sync:7/sha256/abc]"), "md5:" + "b" * 32),
    ],
)
def test_checksum_of_an_object(found: Found, checksum: str) -> None:
    assert sync_plan.of_object(found, cost).checksum == checksum


def test_times_of_an_object() -> None:
    second = 10**9
    cloud = sync_plan.of_object(Found("o", 5, custom="[ETag: LastModified:2026-11-26T11:43:13Z]"), cost)
    assert (cloud.since % second, cloud.until - cloud.since) == (0, second)
    local = sync_plan.of_object(Found("o", 5, atime="2026-11-26T11:43:13.5Z"), cost)
    assert (local.since, local.until) == (0, cloud.since + second // 2)
    assert sync_plan.nanoseconds("nonsense") == 0


@pytest.mark.parametrize(("version", "after"), [("", "1"), ("1", "2"), ("9", "10")])
def test_a_mark_is_found_again(version: str, after: str) -> None:
    key, _equals, value = sync_plan.mark(version, True, "sha256", "abc").partition("=")
    found = Found("o", 5, version=after, custom=f"[{key}:{value}]")
    assert sync_plan.of_object(found, cost).checksum == "sha256:abc"
    key, _equals, value = sync_plan.mark("", False, "sha256", "abc").partition("=")
    assert sync_plan.of_object(Found("o", 5, custom=f"[{key}:{value}]"), cost).checksum == "sha256:abc"


# -- globs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("glob", "names", "others"),
    [
        ("*.tmp", ["a.tmp", "x/y/b.tmp", "d.tmp/inside"], ["a.tmpx", "tmp", "a.tmp.gz"]),
        ("cache", ["cache", "x/cache", "cache/y", "x/cache/y/z"], ["cached", "my-cache", "x/cached/y"]),
        ("cache/", ["cache/y", "x/cache/y"], ["cache", "x/cache", "cached/y"]),
        ("/top", ["top", "top/x"], ["x/top"]),
        ("img/*.png", ["img/a.png"], ["a.png", "img/x/a.png", "x/img/a.png"]),
        ("img/**/*.png", ["img/a.png", "img/x/y/a.png"], ["a.png", "x/img/a.png"]),
        ("img/**", ["img/a", "img/x/y"], ["img", "x/img/a"]),
        ("**/x", ["x", "a/x", "a/b/x", "a/x/c"], ["ax"]),
        ("a?c", ["abc", "a.c"], ["ac", "abbc"]),
        ("a?c/d", ["abc/d"], ["a/c/d"]),
        ("[ab]c", ["ac", "x/bc"], ["cc", "abc"]),
        ("[!ab]c", ["cc"], ["ac", "bc"]),
        ("a[", ["a["], ["a"]),
        ("a.b+(c)|d", ["a.b+(c)|d"], ["axb+(c)|d", "d"]),
        ("new\nline*", ["new\nline\nmore"], ["new"]),
    ],
)
def test_globs(glob: str, names: list[str], others: list[str]) -> None:
    include, exclude = Selection([glob], []), Selection([], [glob])
    for name in names:
        assert include(name), name
        assert not exclude(name), name
    for name in others:
        assert not include(name), name
        assert exclude(name), name


def test_exclude_wins_and_prunes() -> None:
    selected = Selection(["*.html"], ["drafts/", "secret.html"])
    assert selected("a/index.html")
    assert not selected("drafts/index.html")
    assert not selected("secret.html")
    assert not selected("a.css")
    assert selected.prunes("drafts")
    assert selected.prunes("x/drafts")
    assert not selected.prunes("x")
