# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of buckets: filters, properties, what they hold, and what exists elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conftest import session_of
from playing import play

MODULE = "community.aistore.ais_bucket_info"


def uris(result: Any) -> list[str]:
    return [bucket["uri"] for bucket in result["buckets"]]


def test_filters_properties_and_sums(cluster: Any, bucket_name: Callable[..., str]) -> None:
    own = bucket_name("team")
    plain, mirrored = bucket_name(f"{own}-a"), bucket_name(f"{own}-b")
    spaced = f"ais://#{own}/{own}-c"
    tasks = [
        {
            "name": "made",
            "community.aistore.ais_bucket": {
                "buckets": [
                    {"name": plain},
                    {"name": mirrored, "props": {"mirror": {"enabled": True}}},
                    {"name": spaced},
                ]
            },
        },
        {"name": "one", MODULE: {"name": mirrored}},
        {"name": "glob", MODULE: {"name": f"{own}-*", "props": False}},
        {"name": "glob of addresses", MODULE: {"name": f"ais://{own}-?-*", "props": False}},
        {"name": "glob elsewhere", MODULE: {"name": f"s3://{own}-*"}},
        {"name": "space", MODULE: {"namespace": f"#{own}"}},
        {"name": "no space", MODULE: {"name": f"{own}*", "namespace": ""}},
        {"name": "provider", MODULE: {"name": f"{own}*", "provider": "s3"}},
        {"name": "two, one missing", MODULE: {"name": [f"{own}-none", plain]}},
        {"name": "gone", "community.aistore.ais_bucket": {"name": spaced, "state": "absent"}},
        {"name": "all", MODULE: None},
    ]
    played = play(tasks, endpoint=cluster.endpoint)
    made = played["made"]["buckets"][1]
    assert {**played["one"]["bucket"], "props": made["props"]} == made
    assert played["one"]["bucket"]["props"]["mirror"]["enabled"]
    assert uris(played["glob"]) == [f"ais://{plain}", f"ais://{mirrored}", spaced]
    assert not any("props" in bucket for bucket in played["glob"]["buckets"])
    assert uris(played["glob of addresses"]) == [f"ais://{plain}", f"ais://{mirrored}"]
    assert uris(played["space"]) == [spaced]
    assert uris(played["no space"]) == [f"ais://{plain}", f"ais://{mirrored}"]
    assert uris(played["provider"]) == uris(played["glob elsewhere"]) == []
    states = [bucket["state"] for bucket in played["two, one missing"]["buckets"]]
    assert (uris(played["two, one missing"])[0], states) == (f"ais://{plain}", ["present", "absent"])
    assert "bucket" not in played["two, one missing"].result
    assert set(uris(played["all"])) >= {f"ais://{plain}", f"ais://{mirrored}"}

    with session_of(cluster) as session:
        for number in range(5):
            url = f"{cluster.endpoint}/v1/objects/{plain}/o{number}"
            assert session.put(url, data=b"x" * 1000, timeout=30).ok
    held = play([{"name": "held", MODULE: {"name": [plain, mirrored], "summary": True}}], endpoint=cluster.endpoint)
    full, empty = (bucket["summary"] for bucket in held["held"]["buckets"])
    assert (full["objects"], full["bytes"], full["smallest"], full["largest"]) == (5, 5000, 1000, 1000)
    assert (empty["objects"], empty["bytes"]) == (0, 0)


def test_clouds_are_asked_only_when_told(cloud: Any, make_cloud_bucket: Callable[..., str]) -> None:
    own = "bucket-info"
    uri = make_cloud_bucket(cloud, own, {"a": b"1"})
    tasks = [
        {"name": "unknown", MODULE: {"name": f"s3://{own}*"}},
        {"name": "elsewhere", MODULE: {"name": f"s3://{own}*", "remote": True}},
        {"name": "registered", "community.aistore.ais_bucket": {"name": uri}},
        {"name": "known", MODULE: {"name": f"s3://{own}*", "remote": True, "summary": True}},
        {"name": "evicted", "community.aistore.ais_bucket": {"name": uri, "state": "evicted"}},
    ]
    played = play(tasks, endpoint=cloud.endpoint)
    assert uris(played["unknown"]) == []
    assert [(b["uri"], b["state"], "props" in b) for b in played["elsewhere"]["buckets"]] == [(uri, "evicted", False)]
    assert [(b["uri"], b["state"]) for b in played["known"]["buckets"]] == [(uri, "present")]
    assert played["known"]["buckets"][0]["summary"]["objects"] == 0  # nothing is cached
