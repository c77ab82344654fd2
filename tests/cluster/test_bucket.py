# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ais_bucket on real clusters: every case checked, applied, checked and applied again, writes counted on the wire."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from converge import Case, Converged, converge
from playing import play

BUCKET, OBJECT = "community.aistore.ais_bucket", "community.aistore.ais_object"
#: Every settable property, each with a value that is not the default.
EVERY_PROPERTY: dict[str, Any] = {
    "versioning": {"enabled": False, "validate_warm_get": True, "synchronize": True},
    "checksum": {
        "type": "sha256",
        "validate_cold_get": True,
        "validate_warm_get": True,
        "validate_obj_move": True,
        "enable_read_range": True,
    },
    "lru": {"enabled": True, "dont_evict_time": "3h", "capacity_upd_time": "90s", "batch_size": "2048"},
    "mirror": {"copies": 3, "burst_buffer": 256},
    "ec": {
        "data_slices": 1,
        "parity_slices": 2,
        "objsize_limit": "1MiB",
        "compression": "always",
        "bundle_multiplier": 4,
        "burst_buffer": 64,
        "disk_only": True,
    },
    "chunks": {
        "objsize_limit": "2GiB",
        "max_monolithic_size": "512GiB",
        "chunk_size": 536870912,
        "checkpoint_every": 4,
    },
    "write_policy": {"data": "immediate", "md": "delayed"},
    "rate_limit": {
        "backend": {"enabled": True, "interval": "30s", "max_tokens": 500, "num_retries": 5, "per_op_max_tokens": "get:100"},
        "frontend": {"enabled": True, "interval": "2m", "max_tokens": 6000, "burst_size": 150},
    },
    "extra": {
        "aws": {
            "cloud_region": "eu-west-1",
            "endpoint": "http://127.0.0.1:9",
            "profile": "ops",
            "max_pagesize": 500,
            "multipart_size": "16MiB",
        },
        "custom": "managed by a test",
    },
    "access": ["rw", "PATCH", "SET-BUCKET-ACL", "DESTROY-BUCKET"],
    "features": ["Fsync-PUT", "Resume-Interrupted-MPU"],
}  # fmt: skip


def bucket(**options: Any) -> dict[str, Any]:
    return {BUCKET: options}


def absent(*names: str) -> dict[str, Any]:
    return bucket(name=list(names), state="absent", force=True)


#: Each task is checked, applied, checked and applied again.
CASES = [
    Case("create", bucket(name="one"), after=[absent("one")]),
    Case("create with every property", bucket(name="full", props=EVERY_PROPERTY), after=[absent("full")]),
    Case("set every property", bucket(name="full", props=EVERY_PROPERTY), before=[bucket(name="full")]),
    Case("reset everything", bucket(name="full", reset=["all"]), after=[absent("full")]),
    Case("the server normalizes", bucket(name="norm", props={"lru": {"dont_evict_time": "180m"}, "chunks": {"chunk_size": "524288KiB"}})),
    Case("other spellings are no drift",
         bucket(name="norm", props={"lru": {"dont_evict_time": "3h"}, "chunks": {"chunk_size": 536870912}}),
         changes=False, after=[absent("norm")]),
    Case("mirror", bucket(name="mir", props={"mirror": {"enabled": True, "copies": 2}}), before=[bucket(name="mir")]),
    Case("mirror off", bucket(name="mir", props={"mirror": {"enabled": False}}), after=[absent("mir")]),
    Case("several in namespaces", bucket(name=["multi", "ais://#dev/multi"], props={"extra": {"custom": "x"}})),
    Case("each its own", bucket(props={"extra": {"custom": "y"}}, buckets=[
        {"name": "multi", "reset": ["lru"]},
        {"name": "ais://#dev/multi", "state": "absent"},
        {"name": "more", "props": {"extra": {"custom": "z"}}},
    ])),
    Case("absent", bucket(name=["multi", "more", "never-was"], state="absent")),
    Case("purge", bucket(name="team-a", purge=True, purge_match="team-*"),
         before=[bucket(name=["team-a", "team-b", "team-c", "other"])], after=[absent("team-a", "other")]),
]  # fmt: skip
#: These start jobs that take 13 or 30 seconds each.
SLOW = [
    Case("rename", bucket(name="new", rename_from="old", props={"lru": {"enabled": True}}), before=[bucket(name="old")]),
    Case("copy", bucket(name="copy", copy_from="new"), after=[absent("new", "copy")]),
    Case("mirror and erasure coding",
         bucket(name="both", props={"mirror": {"enabled": True}, "ec": {"enabled": True, "data_slices": 1, "parity_slices": 1}}),
         before=[bucket(name="both")]),
    Case("size limit under erasure coding", bucket(name="both", props={"ec": {"objsize_limit": "1MiB"}})),
    Case("created with both",
         bucket(name="both2", props={"mirror": {"enabled": True}, "ec": {"enabled": True, "data_slices": 1, "parity_slices": 1}}),
         after=[absent("both", "both2")]),
]  # fmt: skip


def _verified(cases: list[Case], relay: Any) -> dict[str, Converged]:
    found = converge(cases, relay)
    for each in found:
        each.verify()
    return {each.case.name: each for each in found}


def test_every_case_converges(relay: Any) -> None:
    found = _verified(CASES, relay)
    (job,) = found["mirror"].apply.result["jobs"]
    assert (job["kind"], job["target"], job["state"]) == ("make-n-copies", "ais://mir", "finished")
    assert [step["target"] for step in found["purge"].apply.result["steps"]] == ["ais://team-b", "ais://team-c"]
    assert found["create"].apply.result["diff"] == {
        "before": {"ais://one": {"state": "absent"}},
        "after": {"ais://one": {"state": "present"}},
    }


@pytest.mark.slow
def test_every_long_case_converges(relay: Any) -> None:
    found = _verified(SLOW, relay)
    jobs = found["mirror and erasure coding"].apply.result["jobs"]
    assert [(job["kind"], job["state"]) for job in jobs] == [("make-n-copies", "finished"), ("ec-encode", "finished")]
    assert found["rename"].apply.result["jobs"][0]["kind"] == "move-bck"


def test_cloud_buckets(cloud: Any, make_relay: Any, make_cloud_bucket: Callable[..., str]) -> None:
    first, second = (make_cloud_bucket(cloud, name, {"key": b"data"}) for name in ("cloud-1", "cloud-2"))
    read_back = {OBJECT: {"bucket": first, "name": "key", "state": "cached"}}
    cases = [
        Case("register", bucket(name=[first, second], props={"extra": {"custom": "x"}})),
        Case("aliases are no drift", bucket(name="aws://cloud-1", props={"extra": {"custom": "x"}}), changes=False),
        Case("drop the cache", bucket(name=first, state="evicted", keep_props=True), before=[read_back]),
        Case("reset", bucket(name=first, reset=["all"])),
        Case("evict", bucket(name=[first, "s3://never-seen"], state="evicted")),
        Case("back it", bucket(name="backed", props={"backend_bck": {"name": "cloud-1", "provider": "s3"}})),
        Case("detach", bucket(name="backed", props={"backend_bck": {"name": "", "provider": ""}})),
        Case("attach", bucket(name="backed", props={"backend_bck": {"name": "cloud-1", "provider": "aws"}})),
        Case("detach again", bucket(name="backed", props={"backend_bck": {"name": "", "provider": ""}}), after=[absent("backed")]),
    ]  # fmt: skip
    _verified(cases, make_relay(cloud))
    looked = play(
        [
            {"name": "look", **bucket(name=second, state="evicted")},
            {"name": "check", **bucket(name=second), "check_mode": True},
            {"name": "destroy", **bucket(name=second, state="absent"), "ignore_errors": True},
            {"name": "create", **bucket(name="s3://not-there"), "ignore_errors": True},
        ],
        endpoint=cloud.endpoint,
    )
    metadata = cloud.http().read(f"{cloud.endpoint}/v1/cluster?what=bmd")
    assert "cloud-2" not in str(metadata), "looking at a cloud bucket added it to the metadata"
    assert "never destroyed" in looked["destroy"].msg
    assert "not created there" in looked["create"].msg


#: One task each that fails, and what its message says.
REFUSED = {
    "typo in a property": (bucket(name="x", props={"mirorr": {"enabled": True}}), "did you mean props.mirror?"),
    "typo inside": (bucket(name="x", props={"mirror": {"copis": 2}}), "did you mean props.mirror.copies?"),
    "typo in an option": (bucket(nmae="x"), "did you mean name?"),
    "bad size": (bucket(name="x", props={"chunks": {"chunk_size": "big"}}), "props.chunks.chunk_size: 'big' is not a size"),
    "too many copies": (bucket(name="x", props={"mirror": {"enabled": True, "copies": 9}}), "only 2 mountpaths"),
    "too many slices": (bucket(name="x", props={"ec": {"enabled": True, "data_slices": 9}}), "but the cluster has 4"),
    "purge without a match": (bucket(name="x", purge=True), "purge needs purge_match"),
    "evict an ais bucket": (bucket(name="x", state="evicted"), "cannot be evicted"),
    "unknown remote cluster": (bucket(name="ais://@nowhere/x"), "no such remote cluster is attached"),
    "holds objects": (bucket(name="full", state="absent"), "holds objects and would be lost"),
    "purge of one that holds objects": (bucket(name="x", purge=True, purge_match="ful*"), "holds objects"),
}  # fmt: skip


def test_what_cannot_be_is_one_clear_message_and_nothing_changed(relay: Any) -> None:
    content = {"bucket": "full", "name": "key", "content": "data"}
    tasks = [{"name": "before", **bucket(name="full")}, {"name": "put", OBJECT: content}]
    tasks += [{"name": name, **task, "ignore_errors": True} for name, (task, _told) in REFUSED.items()]
    tasks.append({"name": "after", **absent("full")})
    played = play(tasks, endpoint=relay.url, relay=relay)
    for name, (_task, told) in REFUSED.items():
        assert played[name].failed, name
        assert told in played[name].msg, f"{name}: {played[name].msg}"
        assert not played[name].writes, name


@pytest.fixture(scope="module")
def other(make_cluster: Any, ais_version: str) -> Iterator[Any]:
    box = make_cluster(version=ais_version, proxies=1, targets=1)
    yield box
    box.remove()


@pytest.mark.slow
def test_buckets_of_another_cluster(other: Any, cluster: Any, relay: Any) -> None:
    far = {"community.aistore.ais_cluster": {"remote_clusters": {"far": other.endpoint}}}
    play([{"name": "attach", **far}], endpoint=cluster.endpoint)
    cases = [
        Case("create there", bucket(name="ais://@far/r1", props={"extra": {"custom": "x"}})),
        Case("evict here", bucket(name="ais://@far/r1", state="evicted")),
        Case("register", bucket(name="ais://@far/r1", props={"lru": {"enabled": True}})),
        Case("copy from there", bucket(name="near", copy_from="ais://@far/r1")),
        Case("copy there", bucket(name="ais://@far/r2", copy_from="near")),
        Case("destroy there", bucket(name=["ais://@far/r1", "ais://@far/r2", "near"], state="absent")),
    ]
    try:
        _verified(cases, relay)
    finally:
        gone = {"community.aistore.ais_cluster": {"remote_clusters": {"far": ""}}}
        play([{"name": "detach", **gone}], endpoint=cluster.endpoint)


@pytest.mark.ais_version("5.0")
@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_many_unchanged_buckets_are_one_request(
    make_cluster: Any, make_relay: Any, ais_version: str, count: int
) -> None:
    box = make_cluster(version=ais_version, proxies=1, targets=1)
    relay = make_relay(box)
    names = [f"many-{number:04}" for number in range(count)]
    task = bucket(name=names, props={"lru": {"dont_evict_time": "2h"}})
    assert play([{"name": "create", **task}], endpoint=relay.url)["create"].changed
    relay.reset()
    again = play([{"name": "again", **task}], endpoint=relay.url)["again"]
    assert (again.failed, again.changed) == (False, False)
    assert [f"{request.path}?{request.query}" for request in relay.requests] == ["/v1/cluster?what=bmd"]
    box.remove()


def test_without_waiting_the_job_is_returned(cluster: Any) -> None:
    played = play(
        [
            {"name": "before", **bucket(name="nowait")},
            {"name": "set", **bucket(name="nowait", props={"mirror": {"enabled": True}}, wait=False)},
            {"name": "gone", **absent("nowait")},
        ],
        endpoint=cluster.endpoint,
    )
    (job,) = played["set"].result["jobs"]
    assert job["state"] == "started"
    assert job["id"]
