# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ais_object plans, what proves an absence, checksums, templates: without a cluster."""

from __future__ import annotations

import hashlib
import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.community.aistore.plugins.module_utils import _checksums, _evidence, _listing, _transfer
from ansible_collections.community.aistore.plugins.module_utils._address import parse_bucket
from ansible_collections.community.aistore.plugins.module_utils._errors import (
    AisError,
    Degraded,
    LocalError,
    OptionError,
)
from ansible_collections.community.aistore.plugins.module_utils._resources import object as one
from ansible_collections.community.aistore.plugins.module_utils._resources import object_wish, objects
from hypothesis import given
from hypothesis import strategies as st

BUCKET = parse_bucket("b")
CLOUD = parse_bucket("s3://b")


# -- plans ----------------------------------------------------------------------------------------------------

TEXTS = ("", "one", "two")
KEYS = ("k", "l")
CUSTOM = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(["1", "2", ""]))


def stored(text: str, custom: dict[str, str]) -> one.Found:
    content = _transfer.of_bytes(text.encode())
    return one.Found(True, content.size, "md5", content.digest("md5"), custom=custom, cached=True)


def resource(bucket: Any = BUCKET, **options: Any) -> one.ObjectResource:
    return one.ObjectResource(object_wish.wish(options, bucket, "x"), None)  # type: ignore[arg-type]


def satisfied(which: one.ObjectResource, state: one.State) -> one.State:
    """The state with what reading it would find: whether the content is the desired one."""
    wish, found = which.wish, state.found
    same = found.exists
    if wish.content is not None:
        same = found.exists and found.value == wish.content.digest("md5")
    if wish.copy_from and state.source:
        same = found.exists and found.value == state.source.value
    return replace(state, same=same, kind="md5")


found = st.none() | st.builds(stored, st.sampled_from(TEXTS), CUSTOM)


@given(
    st.sampled_from(["content", "copy_from", "rename_from", None]), st.sampled_from(TEXTS),
    st.none() | CUSTOM, st.booleans(), found, found, st.booleans(),
)  # fmt: skip
def test_a_plan_leads_to_a_state_that_needs_none(
    source: str | None, text: str, custom: Any, purge: bool, here: Any, there: Any, force: bool
) -> None:
    options: dict[str, Any] = {"custom": custom, "purge_custom": purge and custom is not None, "force": force}
    if source:
        options[source] = text if source == "content" else "other"
    which = resource(**options)
    state = satisfied(which, one.State(here or one.Found(), source=there or one.Found()))
    try:
        steps = which.plan(state)
    except AisError:
        return  # nothing to make it from, or something in the way
    after = which.foresee(state, steps)
    if source == "rename_from":
        after = replace(after, source=one.Found())
    assert after.found.exists
    assert list(which.plan(satisfied(which, after))) == []
    if custom is not None:
        kept = one.own_custom(BUCKET, after.found.custom)
        assert kept == custom if purge else {**kept, **custom} == kept
    if source == "content":
        assert after.found.value == hashlib.md5(text.encode()).hexdigest()


def test_renaming_never_replaces_unseen() -> None:
    which = resource(rename_from="old")
    both = one.State(stored("one", {}), source=stored("two", {}))
    with pytest.raises(AisError, match="they differ"):
        which.plan(both)
    assert [step.verb for step in resource(rename_from="old", force=True).plan(both)] == ["rename"]
    assert [step.verb for step in which.plan(replace(both, source=stored("one", {})))] == ["rename"]
    doubtful = one.State(one.Found(), source=stored("two", {}), doubts=("a target is missing",))
    with pytest.raises(Degraded, match="would replace it"):
        which.plan(doubtful)
    with pytest.raises(Degraded):
        which.plan(one.State(stored("two", {}), source=one.Found(), doubts=("a target is missing",)))


def test_an_absence_in_doubt_is_not_reported() -> None:
    doubtful = one.State(one.Found(), doubts=("target t2 does not answer",))
    with pytest.raises(Degraded, match="x was not found, but .* t2 does not answer.*allow_degraded"):
        resource(state="absent").plan(doubtful)
    assert resource(state="absent").plan(one.State(one.Found())) == []
    # To store content is right whatever is there.
    assert [step.verb for step in resource(content="a").plan(replace(doubtful, kind="md5"))] == ["create"]


def test_custom_metadata_of_the_server_stays() -> None:
    state = one.State(stored("one", {"ETag": "e", "source": "aws", "k": "1"}), same=True)
    (step,) = resource(CLOUD, content="one", custom={"l": "2"}, purge_custom=True).plan(state)
    assert step.payload[0] == {"ETag": "e", "source": "aws", "l": "2"}
    assert (step.before, step.after) == ({"custom": {"k": "1"}}, {"custom": {"l": "2"}})
    assert one.shown(CLOUD, "x", state.found)["custom"] == {"k": "1"}
    # In a plain bucket these are words like any others.
    assert one.shown(BUCKET, "x", state.found)["custom"] == {"ETag": "e", "k": "1", "source": "aws"}


def test_an_etag_that_is_an_md5_stands_for_the_checksum() -> None:
    uncached = one.Found(True, 3, custom={"ETag": '"900150983cd24fb0d6963f7d28e17f72"'})
    assert uncached.props == (3, "md5", "900150983cd24fb0d6963f7d28e17f72")
    several = one.Found(True, 3, custom={"ETag": '"900150983cd24fb0d6963f7d28e17f72-2"'})
    assert several.props == (3, "", "")


@pytest.mark.parametrize(
    ("text", "size", "expected"),
    [("0-99", 1000, 100), ("0-99", 50, 50), ("10-", 50, 40), ("-20", 50, 20), ("-20", 5, 5), ("49-49", 50, 1)],
)
def test_sizes_of_ranges(text: str, size: int, expected: int) -> None:
    part = object_wish.wish({"state": "fetched", "dest": "/x", "range": text}, BUCKET, "x").part
    assert part is not None
    assert object_wish.part_size(part, size) == expected


@pytest.mark.parametrize("text", ["", "-", "5-2", "a-b", "0-", "-0", "1,2", "0-1,3-4"])
def test_what_is_no_range(text: str) -> None:
    with pytest.raises(OptionError, match="range"):
        object_wish.wish({"state": "fetched", "dest": "/x", "range": text}, BUCKET, "x")


def test_no_request_for_many_can_mean_the_whole_bucket_by_accident() -> None:
    sent: list[Any] = []

    class Recorder:
        def request(self, *_: Any, value: Any, **__: Any) -> Any:
            sent.append(value)
            return type("Answer", (), {"text": ""})

    for options in ({"name": ["a", "b"]}, {"template": "a-{0..3}"}, {"all": True}):
        which = objects.make({"bucket": "b", "state": "absent", **options}, Recorder())  # type: ignore[arg-type]
        assert which.plan(objects.State()) == []
        for step in which.plan(objects.State(("a", "b"), 2)):
            which.apply(step)
    assert sent == [{"objnames": ["a", "b"]}, {"objnames": ["a", "b"]}, {"template": ""}]


def copying(**options: Any) -> objects.ObjectsResource:
    which = objects.make({"bucket": "b", "state": "present", "copy_from": "ais://other", **options}, None)  # type: ignore[arg-type]
    assert isinstance(which, objects.ObjectsResource)
    return which


SEEN = st.none() | st.builds(
    one.Found, st.just(True), st.sampled_from([1, 2]), value=st.sampled_from(["", "aa", "bb", "aaaa", "aa-2", "bb-2"])
)


@given(SEEN, SEEN)
def test_lists_tell_objects_apart_or_do_not_tell(ours: one.Found | None, theirs: one.Found | None) -> None:
    same = objects.alike(ours, theirs)
    there = ours is not None and theirs is not None and ours.size == theirs.size
    values = {found.value for found in (ours, theirs) if found}
    if same:
        assert there
        assert values in ({"aa"}, {"bb"}, {"aaaa"}, {"aa-2"}, {"bb-2"})
    elif same is None:
        assert there
        assert values != {"aa", "bb"}
    else:
        assert not there or values == {"aa", "bb"}


def test_copies_of_many() -> None:
    which = copying(template="x-{0..9}")
    (step,) = which.plan(objects.State(("x-1", "x-2"), 2))
    assert step.detail == {"objects": 2, "names": ["x-1", "x-2"], "from": "ais://other"}
    assert which.plan(which.foresee(objects.State(("x-1",), 1), [step])) == []
    lacking = objects.State(("x-1", "x-2"), 2, unfound=("x-2",))
    with pytest.raises(AisError, match="ais://other does not have x-2"):
        which.plan(lacking)
    doubtful = replace(lacking, doubts=("target t2 does not answer",))
    with pytest.raises(Degraded, match="found without x-2, but .* t2 does not answer"):
        which.plan(doubtful)
    with pytest.raises(Degraded, match="ais://other was listed, but"):
        copying(all=True).plan(objects.State(doubts=("target t2 does not answer",)))
    which.check_mode = True
    assert [step.payload for step in which.plan(lacking)] == [("x-1", "x-2")]
    assert which.assumed == ("copy_from: ais://other does not have x-2",)


def test_what_the_cluster_would_copy_wrong_goes_through_this_host() -> None:
    names = ("50% #1?", "d/" + "x" * 255, "d/" + "x" * 256, "y" * 200 + "/z", "ü" * 128)
    steps = copying(all=True).plan(objects.State(names, len(names)))
    # The job takes such names as they are, where they are not too long for a disk.
    assert [step.payload for step in steps] == [(names[0], names[1], names[3]), (names[2], names[4])]
    # For one object, it does not escape them.
    assert [object_wish.relayed(BUCKET, name) for name in names] == [True, False, True, False, True]
    # What it copies into a cloud may stay in the cluster alone.
    assert object_wish.relayed(CLOUD, "x")


def test_a_long_name_is_kept_where_nobody_sees_it() -> None:
    was = {object_wish.LONG_NAME: "/disk/x", "k": "1"}
    state = one.State(stored("one", was), same=True)
    assert one.shown(BUCKET, "x", state.found)["custom"] == {"k": "1"}
    (step,) = resource(content="one", custom={}, purge_custom=True).plan(state)
    assert step.payload[0] == {object_wish.LONG_NAME: "/disk/x"}
    (copy,) = resource(copy_from="other").plan(one.State(one.Found(), source=stored("one", was)))
    assert copy.payload == {"k": "1"}
    with pytest.raises(OptionError, match="AIStore keeps this key"):
        resource(content="one", custom={object_wish.LONG_NAME: "x"})


# -- evidence -------------------------------------------------------------------------------------------------


def node(flags: int = 6, uptime: float = 1000) -> dict[str, Any]:
    return {"tracker": {"state.flags": flags, "up.ns.time": int(uptime * 1e9)}, "cluster": {"flags": 6}}


def smap(**flags: int) -> dict[str, Any]:
    return {"tmap": {name: {"flags": value} for name, value in flags.items()}, "proxy_si": {"daemon_id": "p"}}


HEALTHY = {"p": node(), "t1": node(), "t2": node()}
ALERT = {**HEALTHY, "p": node(6 | 1 << 19)}


@pytest.mark.parametrize(
    ("cluster", "answers", "rebalances", "words"),
    [
        (smap(t1=0, t2=0), HEALTHY, True, []),
        (smap(), HEALTHY, True, ["no target"]),
        (smap(t1=0, t2=0), {**HEALTHY, "t2": None}, True, ["t2 does not answer"]),
        (smap(t1=0, t2=4), HEALTHY, True, ["t2 is leaving"]),
        (smap(t1=0, t2=8), HEALTHY, True, ["t2 is leaving"]),
        (smap(t1=0, t2=20), {**HEALTHY, "t2": None}, True, []),
        (smap(t1=0, t2=0), {**HEALTHY, "t1": node(6 | 8)}, True, ["t1 is rebalancing"]),
        (
            smap(t1=0, t2=0),
            {**HEALTHY, "t1": node(6 | 16 | 64)},
            True,
            ["interrupted rebalance, has an interrupted res"],
        ),
        (smap(t1=0, t2=0), {**HEALTHY, "t1": {"cluster": {"flags": 6 | 16}}}, True, ["interrupted rebalance"]),
        (smap(t1=0, t2=0), {**HEALTHY, "t1": node(6 | 128)}, True, ["restarted after a crash"]),
        (smap(t1=0, t2=0), {**HEALTHY, "t1": node(6 | 128)}, False, []),
        (smap(t1=0, t2=0), ALERT, True, ["dropped out"]),
        (smap(t1=0, t2=0), {**ALERT, "t2": node(uptime=100)}, True, []),
        (
            smap(t1=0, t2=0),
            {"p": node(6 | 1 << 19, 20), "t1": node(uptime=10), "t2": node(uptime=20)},
            True,
            ["dropped out"],
        ),
        (smap(t1=0, t2=0), {**HEALTHY, "t1": node(6 | 1 << 19)}, True, []),
    ],
)
def test_what_puts_an_absence_in_doubt(cluster: Any, answers: Any, rebalances: bool, words: list[str]) -> None:
    reasons = list(_evidence.judge(cluster, answers, rebalances))
    assert len(reasons) == len(words), reasons
    assert all(word in reason for word, reason in zip(words, reasons)), reasons


def test_a_cloud_is_believed() -> None:
    assert _evidence.doubts(None, CLOUD) == ()  # type: ignore[arg-type]


# -- checksums ------------------------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=100), max_size=12))
def test_xxh64_in_python(parts: list[bytes]) -> None:
    xxhash = pytest.importorskip("xxhash")
    counted = _checksums.Xxh64()
    for part in parts:
        counted.update(part)
    assert counted.hexdigest() == xxhash.xxh64(b"".join(parts)).hexdigest()


def test_known_checksums() -> None:
    slow = _checksums.Crc32c()
    slow.update(b"1234")
    slow.update(b"56789")
    assert slow.hexdigest() == "e3069283"
    assert _checksums.digest("xxhash2", []) == "ef46db3751d8e999"
    assert _checksums.digest("sha256", [b"a", b"b"]) == hashlib.sha256(b"ab").hexdigest()
    assert not _checksums.known("none")
    assert not _checksums.known("foo")
    assert _checksums.for_upload("foo") == "sha256"


# -- listing --------------------------------------------------------------------------------------------------


def test_templates() -> None:
    names = _listing.template_names
    assert names("a-{0..2}") == ["a-0", "a-1", "a-2"]
    assert names("{08..10}.tar") == ["08.tar", "09.tar", "10.tar"]
    assert names("{0001..100..50}") == ["001", "051"]
    assert names("{0..1}-{5..6}x") == ["0-5x", "0-6x", "1-5x", "1-6x"]
    for wrong in ("plain", "a*", "{1..}", "{5..1}", "{1..5..0}", "{a..b}", "{0..1}{", "{0..99999999}"):
        with pytest.raises(OptionError, match="template"):
            names(wrong)


@given(st.lists(st.text(alphabet="ab/", max_size=6), max_size=6))
def test_common_prefix(names: list[str]) -> None:
    found = _listing.common_prefix(names)
    assert all(name.startswith(found) for name in names)
    following = {name[len(found) : len(found) + 1] for name in names}
    assert not names or "" in following or len(following) > 1


# -- content --------------------------------------------------------------------------------------------------


def test_files_that_are_none(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none", Path("/dev/null")):
        with pytest.raises(LocalError, match="src"):
            _transfer.of_file(str(path))


def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"x" * 100_000,))
    content = _transfer.of_file(str(pipe))
    writer.start()
    assert content.whole() == b"x" * 100_000
    writer.join()
    assert content.size is None


@pytest.mark.parametrize("extra", [0, 1, _transfer.TURN - 1, _transfer.TURN, 2 * _transfer.TURN + 1])
@pytest.mark.parametrize("kind", ["md5", "sha256"])
def test_the_checksum_of_a_large_file(tmp_path: Path, kind: str, extra: int) -> None:
    file = tmp_path / "large"
    file.write_bytes(os.urandom(_transfer.LARGE + extra))
    assert _transfer.of_file(str(file)).digest(kind) == hashlib.new(kind, file.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda file: os.truncate(file, 0), "changed while it was read"),
        (lambda file: os.truncate(file, _transfer.LARGE - 1), "changed while it was read"),
        (lambda file: os.truncate(file, _transfer.LARGE + 1), "changed while it was read"),
        (lambda file: os.utime(file, (1, 1)), "changed while it was read"),
        (os.remove, "cannot read .*large"),
    ],
)
def test_a_large_file_that_changes_has_no_checksum(tmp_path: Path, change: Any, said: str) -> None:
    file = tmp_path / "large"
    file.write_bytes(bytes(_transfer.LARGE))
    content = _transfer.of_file(str(file))
    change(file)
    with pytest.raises(LocalError, match=said):
        content.digest("md5")
