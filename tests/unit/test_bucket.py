# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ais_bucket plans, without a cluster."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.community.aistore.plugins.module_utils import _engine
from ansible_collections.community.aistore.plugins.module_utils._address import parse_bucket
from ansible_collections.community.aistore.plugins.module_utils._errors import OptionError
from ansible_collections.community.aistore.plugins.module_utils._fields import nest
from ansible_collections.community.aistore.plugins.module_utils._resources.bucket import Buckets, Found, World
from ansible_collections.community.aistore.plugins.module_utils._resources.bucket_fields import (
    FIELDS,
    RESETTABLE,
    defaults,
)
from hypothesis import given
from hypothesis import strategies as st

CONFIG = {
    "versioning": {"enabled": True},
    "checksum": {"type": "xxhash2"},
    "lru": {"enabled": True, "dont_evict_time": "2h0m", "capacity_upd_time": "10m", "batch_size": 32768},
    "mirror": {"copies": 2, "burst_buffer": 512},
    "ec": {"data_slices": 2, "parity_slices": 2, "objsize_limit": 262144, "compression": "never"},
    "write_policy": {"data": "", "md": ""},
}
NAMES = ("alpha", "beta", "team-red", "s3://cloud", "ais://#dev/gamma")
#: What users may write for some properties, in several spellings.
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "mirror.enabled": st.booleans(),
    "mirror.copies": st.sampled_from([1, 2, "2"]),
    "ec.enabled": st.booleans(),
    "ec.objsize_limit": st.sampled_from([-1, 0, "256KiB", 1048576, "1MiB"]),
    "lru.enabled": st.booleans(),
    "lru.dont_evict_time": st.sampled_from(["1h", "2h", "7200s", "120m"]),
    "checksum.type": st.sampled_from(["md5", "xxhash2", "none"]),
    "versioning.validate_warm_get": st.booleans(),
    "extra.custom": st.sampled_from(["", "x", "owner=red"]),
    "extra.aws.multipart_size": st.sampled_from([-1, 0, "5MiB"]),
    "access": st.sampled_from([["ro"], ["rw"], ["all"], ["GET", "PUT"], ["771"]]),
    "features": st.sampled_from([[], ["Fsync-PUT"], ["16", "Disable-Cold-GET"]]),
    "rate_limit.backend.interval": st.sampled_from(["1m", "60s", "30s"]),
}


def world(*names: str, targets: int = 9, mountpaths: int = 4, **props: Any) -> World:
    usual = {**defaults(CONFIG), **props}
    buckets = {parse_bucket(name): Found(dict(usual), holds=False) for name in names}
    return World(buckets, CONFIG, targets, mountpaths)


def steps(at: World, **params: Any) -> list[_engine.Step]:
    return Buckets(params, None).plan(at)  # type: ignore[arg-type]


def verbs(at: World, **params: Any) -> list[tuple[str, str]]:
    return [(step.verb, step.target) for step in steps(at, **params)]


@st.composite
def tasks(draw: st.DrawFn) -> dict[str, Any]:
    items = []
    for name in draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1)):
        cloud = name.startswith("s3:")
        state = draw(st.sampled_from(["present", "evicted"] if cloud else ["present", "absent"]))
        item: dict[str, Any] = {"name": name, "state": state}
        if state == "present":
            item["props"] = nest(draw(st.fixed_dictionaries({}, optional=VALUES)))
            item["reset"] = draw(st.lists(st.sampled_from([*RESETTABLE, "all"]), max_size=3))
            if not cloud and draw(st.booleans()):
                item["copy_from"] = "source"
        items.append(item)
    return {"buckets": items, "purge": draw(st.booleans()), "purge_match": "team-*"}


@given(tasks(), st.sets(st.sampled_from(NAMES)), st.fixed_dictionaries({}, optional=VALUES))
def test_what_was_done_once_is_not_done_again(task: dict[str, Any], there: set[str], props: dict[str, Any]) -> None:
    """Applying a plan to the model and planning again gives nothing to do."""
    if not task["purge"]:
        del task["purge_match"]
    start = world(*there, "source", **FIELDS.wanted(nest(props), "props"))
    elsewhere = parse_bucket("s3://cloud")
    if elsewhere not in start.buckets:
        start = World({**start.buckets, elsewhere: Found(defaults(CONFIG, remote=True), known=False)}, CONFIG, 9, 4)
    resource = Buckets(task, None)  # type: ignore[arg-type]
    try:
        plan = resource.plan(start)
    except OptionError:
        return  # an impossible wish is one error, whatever else is wished
    after = resource.foresee(start, plan)
    assert resource.plan(after) == []
    assert _engine.difference(resource.plan(after)) == {"before": {}, "after": {}}
    if not plan:
        assert resource.result(after) == resource.result(start)


@pytest.mark.parametrize(
    ("given_value", "server"),
    [
        ({"lru": {"dont_evict_time": "2h"}}, {"lru": {"dont_evict_time": "2h0m"}}),
        ({"lru": {"batch_size": "32768"}}, {"lru": {"batch_size": 32768}}),
        ({"chunks": {"chunk_size": 1073741824}}, {"chunks": {"chunk_size": "1GiB"}}),
        ({"chunks": {"chunk_size": "1gb"}}, {"chunks": {"chunk_size": "1GiB"}}),
        ({"ec": {"objsize_limit": "256KiB"}}, {"ec": {"objsize_limit": 262144}}),
        ({"backend_bck": {"name": "c", "provider": "s3"}}, {"backend_bck": {"name": "c", "provider": "aws"}}),
        ({"access": ["PUT", "get"]}, {"access": "5"}),
        ({"access": ["all"]}, {"access": "18446744073709551615"}),
        ({"features": ["Fsync-PUT"]}, {"features": "16"}),
        ({"extra": {"custom": ""}}, {}),
        ({"versioning": {"enabled": "yes"}}, {"versioning": {"enabled": True}}),
    ],
)
def test_what_the_server_normalizes_is_no_drift(given_value: dict[str, Any], server: dict[str, Any]) -> None:
    actual = FIELDS.actual(server)
    assert FIELDS.changes(FIELDS.wanted(given_value, "props"), actual) == {}


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"name": ["a"], "props": {"mirorr": {"enabled": True}}}, "did you mean mirror"),
        (
            {"name": ["a"], "props": {"chunks": {"chunk_size": "1 lot"}}},
            "props.chunks.chunk_size: '1 lot' is not a size",
        ),
        ({"name": ["a"], "props": {"chunks": {"chunk_size": "1.5GiB"}}}, "cannot be kept exactly"),
        ({"name": ["a"], "props": {"lru": {"dont_evict_time": "5m"}}}, "at least 1h0m"),
        ({"name": ["a"], "props": {"access": ["GTE"]}}, "did you mean GET"),
        ({"name": ["a"], "reset": ["mirorr"]}, "did you mean mirror"),
        ({"name": ["a/b"]}, "names an object"),
        ({"name": ["a", "ais://a"]}, "named twice"),
        ({"name": ["x://a"]}, "unknown provider"),
        ({"name": ["s3://a"], "state": "absent"}, "never destroyed"),
        ({"name": ["a"], "state": "evicted"}, "cannot be evicted"),
        ({"name": ["a"], "state": "absent", "props": {"lru": {"enabled": True}}}, "for state present"),
        ({"name": ["a", "b"], "rename_from": "c"}, "for one name"),
        ({"name": ["a"], "rename_from": "s3://c"}, "can be renamed"),
        ({"name": ["a"], "copy_from": "a"}, "the bucket itself"),
        ({"name": ["a"], "purge": True}, "purge needs purge_match"),
        ({"name": ["a"], "purge_match": "x*"}, "does nothing without"),
    ],
)
def test_a_task_that_cannot_be_is_refused_before_anything_is_read(params: dict[str, Any], told: str) -> None:
    with pytest.raises(OptionError, match=told.replace("(", r"\(")):
        Buckets(params, None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"props": {"mirror": {"enabled": True, "copies": 5}}}, "only 4 mountpaths"),
        ({"props": {"ec": {"enabled": True, "data_slices": 8, "parity_slices": 2}}}, "needs 11 targets"),
        ({"props": {"backend_bck": {"name": "c"}}}, "needs both name and provider"),
    ],
)
def test_what_the_cluster_cannot_do_is_refused(params: dict[str, Any], told: str) -> None:
    with pytest.raises(OptionError, match=told):
        steps(world(), name=["new"], **params)


def test_slices_do_not_change_under_erasure_coding() -> None:
    state = world("a", **{"ec.enabled": True})
    with pytest.raises(OptionError, match="cannot change while erasure coding is on"):
        steps(state, name=["a"], props={"ec": {"data_slices": 3}})


def test_mirror_and_erasure_coding_are_done_one_after_the_other() -> None:
    both = {"mirror": {"enabled": True}, "ec": {"enabled": True, "data_slices": 1, "parity_slices": 1}}
    first, second = steps(world("a"), name=["a"], props=both)
    assert set(first.detail) == {"mirror.enabled"}
    assert first.blocks
    assert {path.partition(".")[0] for path in second.detail} == {"ec"}
    made, later = steps(world(), name=["a"], props=both)
    assert made.verb == "create"
    assert "ec.enabled" not in made.detail
    assert made.blocks
    assert later.detail["ec.enabled"] is True


def test_a_bucket_with_objects_needs_force() -> None:
    state = World({parse_bucket("a"): Found(defaults(CONFIG), holds=True)}, CONFIG)
    with pytest.raises(OptionError, match="holds objects"):
        steps(state, name=["a"], state="absent")
    assert verbs(state, name=["a"], state="absent", force=True) == [("destroy", "ais://a")]


def test_purge_takes_only_what_matches_and_is_not_listed() -> None:
    state = world("team-red", "team-blue", "other", "s3://team-cloud", "ais://#dev/team-x")
    assert verbs(state, name=["team-red"], purge=True, purge_match="team-*") == [("destroy", "ais://team-blue")]
    assert verbs(state, name=["team-red"], purge=True, purge_match="ais://#dev/*") == [("destroy", "ais://#dev/team-x")]


def test_a_cloud_bucket_is_registered_not_created() -> None:
    bucket = parse_bucket("s3://c")
    there = World({bucket: Found(defaults(CONFIG, remote=True), known=False)}, CONFIG)
    assert verbs(there, name=["s3://c"]) == [("register", "s3://c")]
    with pytest.raises(OptionError, match="not created there"):
        steps(World({}, CONFIG), name=["s3://c"])


def test_the_options_of_the_task_are_the_defaults_of_its_buckets() -> None:
    resource = Buckets(
        {
            "props": {"lru": {"enabled": True, "batch_size": 2048}},
            "buckets": [{"name": "a"}, {"name": "b", "props": {"lru": {"enabled": False}}}],
        },
        None,  # type: ignore[arg-type]
    )
    assert [dict(wish.props) for wish in resource.wishes] == [
        {"lru.enabled": True, "lru.batch_size": 2048},
        {"lru.enabled": False, "lru.batch_size": 2048},
    ]


def test_reset_goes_back_to_the_clusters_defaults() -> None:
    state = world("a", **{"lru.enabled": True, "checksum.type": "md5", "extra.custom": "x"})
    (step,) = steps(state, name=["a"], reset=["lru", "checksum"])
    assert step.detail == {"lru.enabled": False, "checksum.type": "xxhash2"}
    (step,) = steps(state, name=["a"], reset=["all"], props={"checksum": {"type": "sha256"}})
    assert step.detail == {"lru.enabled": False, "checksum.type": "sha256", "extra.custom": ""}
