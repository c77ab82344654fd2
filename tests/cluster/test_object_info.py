# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ais_object_info on real clusters."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.community.aistore.plugins.module_utils import _errors
from ansible_collections.community.aistore.plugins.module_utils._client import Client
from ansible_collections.community.aistore.plugins.modules import ais_object_info
from objects import client, info, make_bucket, run
from playing import run_module

NAMES = ["a.txt", "dir/b.txt", "dir/c.bin", "dir2/d.txt", *(f"shard-{number:02d}.tar" for number in range(25))]


@pytest.fixture
def bucket(cluster: Any, bucket_name: Callable[..., str]) -> tuple[Client, str]:
    speaker = client(*cluster.endpoints)
    name = make_bucket(speaker, bucket_name("info"))
    for each in NAMES:
        run(speaker, bucket=name, name=each, content=each)
    return speaker, name


def listed(speaker: Client, **options: Any) -> list[str]:
    return [entry["name"] for entry in info(speaker, **options)["objects"]]


def test_listings(bucket: tuple[Client, str]) -> None:
    speaker, name = bucket
    assert listed(speaker, bucket=name) == sorted(NAMES)
    assert listed(speaker, bucket=name, prefix="dir/") == ["dir/b.txt", "dir/c.bin"]
    assert listed(speaker, bucket=name, prefix="dir") == ["dir/b.txt", "dir/c.bin", "dir2/d.txt"]
    assert listed(speaker, bucket=name, match="*.txt") == ["a.txt", "dir/b.txt", "dir2/d.txt"]
    assert listed(speaker, bucket=name, match="dir/*.t?t", prefix="d") == ["dir/b.txt"]
    assert listed(speaker, bucket=name, match="dir/*", prefix="shard") == []
    assert listed(speaker, bucket=name, template="shard-{03..09..3}.tar") == [
        "shard-03.tar",
        "shard-06.tar",
        "shard-09.tar",
    ]
    assert listed(speaker, bucket=name, template="shard-{20..99}.tar") == [f"shard-{n}.tar" for n in range(20, 25)]
    for size in (1, 7, 1000):
        assert listed(speaker, bucket=name, page_size=size) == sorted(NAMES)
    whole = info(speaker, bucket=name)
    assert (whole["truncated"], whole["doubts"], whole["warnings"]) == (False, [], [])
    assert whole["objects"][0] == {"uri": f"ais://{name}/a.txt", "name": "a.txt", "size": 5}
    for limit in (1, len(NAMES) - 1, len(NAMES), len(NAMES) + 1):
        found = info(speaker, bucket=name, limit=limit)
        assert len(found["objects"]) == min(limit, len(NAMES))
        assert found["truncated"] == (limit < len(NAMES))
    assert info(speaker, bucket=name, match="*.txt", limit=2)["truncated"]
    with pytest.raises(_errors.NotFound):
        info(speaker, bucket=f"{name}-none")


def test_a_prefix_that_is_a_directory_too(cluster: Any, bucket_name: Callable[..., str]) -> None:
    speaker = client(*cluster.endpoints)
    name = make_bucket(speaker, bucket_name("dirs"))
    inside, beside = ([f"{directory}/{number}" for number in range(10, 30)] for directory in ("in/dir", "in/dirs"))
    for each in inside + beside:
        run(speaker, bucket=name, name=each, content="x")
    assert listed(speaker, bucket=name, prefix="in/dir") == inside + beside
    assert listed(speaker, bucket=name, match="in/dir*", limit=30) == (inside + beside)[:30]
    # Directories stay when they are empty.
    run(speaker, bucket=name, name=inside, state="absent")
    assert listed(speaker, bucket=name, prefix="in/dir") == beside
    assert run(speaker, bucket=name, name=[*beside, "in/dir-none"], state="absent")["changed"]
    assert listed(speaker, bucket=name) == []


def test_properties(bucket: tuple[Client, str]) -> None:
    speaker, name = bucket
    run(speaker, bucket=name, name="a.txt", custom={"k": "v, w=x", "ü": "ß"})
    one = info(speaker, bucket=name, name="a.txt")["object"]
    assert one["custom"] == {"k": "v, w=x", "ü": "ß"}
    assert (one["exists"], one["size"], one["version"], one["copies"], one["cached"]) == (True, 5, "1", 1, True)
    assert one["location"].startswith("t[target-")
    (entry,) = info(speaker, bucket=name, prefix="a.txt", props=[*ais_object_info.SPEC["props"]["choices"]])["objects"]
    assert (entry["size"], entry["checksum"], entry["version"]) == (5, one["checksum"]["value"], "1")
    assert (entry["copies"], entry["cached"], entry["location"]) == (1, True, one["location"])
    assert entry["custom"].startswith("[")
    several = info(speaker, bucket=name, name=["dir/b.txt", "none", "a.txt"])
    assert [each["exists"] for each in several["objects"]] == [True, False, True]
    assert "object" not in several
    assert info(speaker, bucket=f"{name}-none", name="x")["object"]["exists"] is False
    for wrong in ({"name": ["/x"]}, {"name": ["x"], "match": "*"}, {"limit": 0}, {"template": "x"}):
        with pytest.raises(_errors.OptionError):
            info(speaker, bucket=name, **wrong)


def test_is_it_cached(cloud: Any, make_cloud_bucket: Callable[..., str], make_relay: Callable[..., Any]) -> None:
    address = make_cloud_bucket(cloud, f"info-{secrets.token_hex(4)}", {f"o-{number}": b"x" for number in range(5)})
    speaker = client(*cloud.endpoints)
    run(speaker, bucket=address, name=["o-1", "o-2"], state="cached")
    assert [each["cached"] for each in info(speaker, bucket=address, props=["cached"])["objects"]] == [
        False,
        True,
        True,
        False,
        False,
    ]
    assert listed(speaker, bucket=address, cached=True) == ["o-1", "o-2"]
    found = info(speaker, bucket=address, name=["o-1", "o-3", "none"], cached=True)["objects"]
    assert [(each["exists"], each["cached"]) for each in found] == [(True, True), (None, False), (None, False)]
    found = info(speaker, bucket=address, name=["o-1", "o-3", "none"])["objects"]
    assert [(each["exists"], each["cached"]) for each in found] == [(True, True), (True, False), (False, False)]
    # To ask whether something is cached did not cache it, and the cloud was not asked.
    relay = make_relay(cloud)
    result = run_module(
        "ais_object_info", {"bucket": address, "name": "o-3", "cached": True}, endpoint=relay.url, relay=relay
    )
    assert result["object"]["cached"] is False
    assert [request.query for request in relay.requests if "/objects/" in request.path] == ["provider=aws&presence=2"]
