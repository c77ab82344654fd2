# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses survive being written and read."""

from __future__ import annotations

import string

import pytest
from ansible_collections.community.aistore.plugins.module_utils import _address
from ansible_collections.community.aistore.plugins.module_utils._address import Bucket, parse_bucket, split_address
from ansible_collections.community.aistore.plugins.module_utils._errors import OptionError
from hypothesis import given
from hypothesis import strategies as st

NAMES = st.text(string.ascii_letters + string.digits + "-_.", min_size=1, max_size=64).filter(
    lambda name: not name.startswith(".") and ".." not in name
)
SPACES = st.text(string.ascii_letters + string.digits + "-_", max_size=20)
AIS = st.builds(Bucket, NAMES, st.just("ais"), SPACES, SPACES)
CLOUD = st.builds(Bucket, NAMES, st.sampled_from(["aws", "gcp", "azure", "oci", "ht"]), st.just(""), SPACES)
BUCKETS = AIS | CLOUD
OBJECTS = st.text(min_size=1, max_size=20)


@given(BUCKETS)
def test_a_bucket_survives_its_address(bucket: Bucket) -> None:
    assert parse_bucket(str(bucket)) == bucket


@given(BUCKETS)
def test_a_bucket_survives_its_json(bucket: Bucket) -> None:
    assert _address.from_json(bucket.json()) == bucket
    assert _address.from_space(bucket.provider, bucket.query().get("namespace", ""), bucket.name) == bucket


@given(BUCKETS, OBJECTS.filter(lambda name: name == name.strip()))
def test_an_object_survives_its_address(bucket: Bucket, name: str) -> None:
    assert split_address(f"{bucket}/{name}") == (bucket, name)


@given(st.text(max_size=40))
def test_whatever_is_given_is_a_bucket_or_one_message(text: str) -> None:
    told = "src: "
    try:
        bucket, name = split_address(text, "src")
        assert split_address(f"{bucket}/{name}" if name else str(bucket)) == (bucket, name)
    except OptionError as caught:
        told = str(caught)
    assert told.startswith("src: ")


@pytest.mark.parametrize(
    ("text", "bucket"),
    [
        ("logs", Bucket("logs")),
        ("ais://logs", Bucket("logs")),
        ("s3://logs", Bucket("logs", "aws")),
        ("aws://logs", Bucket("logs", "aws")),
        ("GS://logs", Bucket("logs", "gcp")),
        ("az://logs", Bucket("logs", "azure")),
        ("ais://#dev/tmp", Bucket("tmp", namespace="dev")),
        ("ais://@backup/tmp", Bucket("tmp", uuid="backup")),
        ("ais://@backup#dev/tmp", Bucket("tmp", uuid="backup", namespace="dev")),
        ("s3://#account/logs", Bucket("logs", "aws", namespace="account")),
        ("logs/", Bucket("logs")),
    ],
)
def test_spellings(text: str, bucket: Bucket) -> None:
    assert parse_bucket(text) == bucket


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "not a bucket name"),
        ("s4://logs", "unknown provider 's4'"),
        ("ais://", "not a bucket name"),
        ("ais://a..b", "not a bucket name"),
        ("ais://.a", "not a bucket name"),
        ("ais://a b", "not a bucket name"),
        ("ais://" + "a" * 65, "not a bucket name"),
        ("ais://a/b", "names an object"),
        ("ais://#d v/b", "not a namespace"),
        ("s3://@remote/b", "only ais:// buckets"),
        ("ais://b\r\nX: y", "not a bucket name"),
        ("ais://b?x=1", "not a bucket name"),
        ("ais://b\n/o", "not a bucket name"),
        ("ais://#n\n/b", "not a namespace"),
    ],
)
def test_what_is_no_bucket(text: str, told: str) -> None:
    with pytest.raises(OptionError, match=told):
        parse_bucket(text)


def test_what_a_bucket_is() -> None:
    ours, theirs, cloud = Bucket("b"), Bucket("b", uuid="u"), Bucket("b", "aws")
    assert (ours.cloud, ours.remote_ais, ours.remote) == (False, False, False)
    assert (theirs.cloud, theirs.remote_ais, theirs.remote) == (False, True, True)
    assert (cloud.cloud, cloud.remote_ais, cloud.remote) == (True, False, True)
    assert Bucket("b", uuid="u", namespace="n").uname("o") == "ais/@u#n/b/o"
    assert Bucket("b").query() == {"provider": "ais"}
    assert theirs.query() == {"provider": "ais", "namespace": "@u"}


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("a/b.txt", True),
        ("ä b\t%?#", True),
        ("", False),
        ("/a", False),
        ("a/", False),
        ("a//b", False),
        ("~/a", False),
        ("a/../b", False),
        ("./a", False),
        ("a\nb", False),
        ("..a/b..", True),
    ],
)
def test_names_that_the_server_would_change(name: str, good: bool) -> None:
    assert (_address.object_problem(name) is None) is good
