# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which buckets ais_bucket_info picks, and what ais_info makes of answers."""

from __future__ import annotations

import pytest
from ansible_collections.community.aistore.plugins.module_utils._address import Bucket
from ansible_collections.community.aistore.plugins.module_utils._errors import OptionError
from ansible_collections.community.aistore.plugins.module_utils._resources import bucket_info, info

BUCKETS = [
    Bucket("logs"),
    Bucket("logs", "aws"),
    Bucket("team-a"),
    Bucket("team-b", namespace="dev"),
    Bucket("team-c", uuid="U1"),
]


@pytest.mark.parametrize(
    ("names", "filters", "found"),
    [
        ([], {}, ["ais://logs", "s3://logs", "ais://team-a", "ais://#dev/team-b", "ais://@U1/team-c"]),
        (["logs"], {}, ["ais://logs"]),
        (["logs", "s3://logs"], {}, ["ais://logs", "s3://logs"]),
        (["team-*"], {}, ["ais://team-a", "ais://#dev/team-b", "ais://@U1/team-c"]),
        (["team-[ab]"], {}, ["ais://team-a", "ais://#dev/team-b"]),
        (["aws://*"], {}, ["s3://logs"]),
        (["ais://#dev/*"], {}, ["ais://#dev/team-b"]),
        (["*"], {"provider": "aws"}, ["s3://logs"]),
        ([], {"namespace": ""}, ["ais://logs", "s3://logs", "ais://team-a"]),
        ([], {"namespace": "#dev"}, ["ais://#dev/team-b"]),
        ([], {"namespace": "@U1"}, ["ais://@U1/team-c"]),
        (["none-*"], {}, []),
    ],
)
def test_buckets_are_selected(names: list[str], filters: dict[str, str], found: list[str]) -> None:
    assert [str(bucket) for bucket in bucket_info.selected(reversed(BUCKETS), names, **filters)] == found


@pytest.mark.parametrize(
    ("text", "resolved"),
    [
        ("@backup", "@U1"),
        ("ais://@backup#dev/x", "ais://@U1#dev/x"),
        ("@U1#dev", "@U1#dev"),
        ("ais://@other/x*", "ais://@other/x*"),
        ("plain", "plain"),
    ],
)
def test_aliases_become_uuids(text: str, resolved: str) -> None:
    assert bucket_info._resolved(text, {"backup": "U1"}) == resolved


def test_providers_have_many_names() -> None:
    assert [bucket_info._provider(name) for name in ("S3", "aws", "gs://", None, "")] == ["aws", "aws", "gcp", "", ""]
    with pytest.raises(OptionError, match=r"did you mean azure\?"):
        bucket_info._provider("azur")


def test_capacity_is_made_of_numbers() -> None:
    told = {"total_used": "17", "pct_max": 3, "cs_err": "", "mountpaths": {"/a": {"used": "5", "fs": {"Fs": "/dev/x"}}}}
    assert info._capacity(told) == {
        "total_used": 17,
        "pct_max": 3,
        "cs_err": "",
        "mountpaths": {"/a": {"used": 5, "fs": {"Fs": "/dev/x"}}},
    }


def test_a_silent_node_is_an_alert() -> None:
    found = info._alerts({"t1": [{"name": "low-cpu", "severity": "warning"}], "t2": []}, ["t3"])
    assert found == [
        {"node": "t3", "name": "no-answer", "severity": "red"},
        {"node": "t1", "name": "low-cpu", "severity": "warning"},
    ]
