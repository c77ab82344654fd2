# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ais_cluster plans, and what it refuses, without a cluster."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.community.aistore.plugins.module_utils._errors import OptionError, Unreachable
from ansible_collections.community.aistore.plugins.module_utils._nodes import Node
from ansible_collections.community.aistore.plugins.module_utils._resources.cluster import (
    DEFUNCT,
    Cluster,
    ClusterResource,
    Remote,
)
from hypothesis import given
from hypothesis import strategies as st

NODES = {
    name: Node(name, kind, f"http://{name}", flags, name == "p1")
    for name, kind, flags in (("p1", "proxy", 2), ("p2", "proxy", 2), ("p3", "proxy", 1), ("p4", "proxy", 4), ("t1", "target", 0))
}  # fmt: skip
URLS = [f"http://c{number}:8080" for number in range(4)]
UUIDS = {url: f"uuid{number}" for number, url in enumerate(URLS)}


def resource(**options: Any) -> ClusterResource:
    defaults: dict[str, Any] = dict.fromkeys(
        ("primary", "primary_url", "remote_clusters", "backends", "reload_credentials", "confirm_uuid")
    )
    flags = dict.fromkeys(("force", "purge_remote_clusters", "rotate_logs", "rm_user_data"), False)
    return ClusterResource({**defaults, **flags, "state": "present", **options}, None)  # type: ignore[arg-type]


def cluster(**given: Any) -> Cluster:
    return Cluster("me", nodes=NODES, answers=UUIDS, configured=("aws", "gcp"), **given)


@given(
    st.dictionaries(st.sampled_from("abcd"), st.sampled_from(URLS), max_size=3),
    st.dictionaries(st.sampled_from("abcd"), st.sampled_from([*URLS, None]), max_size=4),
    st.booleans(),
)
def test_attaching_carried_out_leaves_nothing_to_do_or_is_refused(
    attached: dict[str, str], wanted: dict[str, Any], purge: bool
) -> None:
    if len(set(attached.values())) < len(attached):
        return  # the server lost one of them long ago
    before = cluster(remotes={alias: Remote(url, UUIDS[url]) for alias, url in attached.items()})
    made = resource(remote_clusters=wanted, purge_remote_clusters=purge)
    try:
        steps = made.plan(before)
    except OptionError:
        with pytest.raises(OptionError, match="is attached already"):
            made.plan(before)
        return
    after = made.foresee(before, steps)
    assert made.plan(after) == []
    assert (after == before) == (not steps)
    uuids = [remote.uuid for remote in after.remotes.values()]
    assert len(set(uuids)) == len(uuids)  # no two aliases for one cluster
    assert {alias: remote.url for alias, remote in after.remotes.items()}.items() >= {
        alias: url for alias, url in wanted.items() if url
    }.items()
    if purge:
        assert set(after.remotes) == {alias for alias, url in wanted.items() if url}


def test_a_lost_cluster_is_attached_again() -> None:
    before = cluster(remotes={"a": Remote(URLS[0], DEFUNCT)})
    assert [step.verb for step in resource(remote_clusters={"a": URLS[0]}).plan(before)] == ["detach", "attach"]
    unknown = cluster(remotes={"a": Remote(URLS[0], "")})
    assert resource(remote_clusters={"a": URLS[0]}).plan(unknown) == []


def test_what_does_not_answer_is_not_attached() -> None:
    silent = Cluster("me", nodes=NODES, answers={URLS[0]: Unreachable("cannot connect")})
    with pytest.raises(OptionError, match=r"remote_clusters.a: cannot connect. It was not attached"):
        resource(remote_clusters={"a": URLS[0]}).plan(silent)
    itself = Cluster("uuid0", nodes=NODES, answers=UUIDS)
    with pytest.raises(OptionError, match="this cluster itself"):
        resource(remote_clusters={"a": URLS[0]}).plan(itself)


@pytest.mark.parametrize(
    ("primary", "message"),
    [
        ("p3", "is non-electable. Proxies that can be the primary: p1, p2"),
        ("p4", "is in state maintenance"),
        ("t1", "is a target, not a proxy"),
        ("p9", "Known proxies: p1, p2, p3, p4"),
        ("all", "give the id of one proxy"),
    ],
)
def test_not_everybody_can_be_the_primary(primary: str, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        resource(primary=primary).plan(cluster())


def test_the_primary_moves() -> None:
    made, before = resource(primary="p2"), cluster()
    after = made.foresee(before, made.plan(before))
    assert (before.primary, after.primary) == ("p1", "p2")
    assert made.plan(after) == []


def test_a_primary_elsewhere_needs_force_and_an_address() -> None:
    with pytest.raises(OptionError, match="give 'primary_url'"):
        resource(primary="q1", force=True).plan(cluster())
    (step,) = resource(primary="q1", force=True, primary_url="http://q1/").plan(cluster())
    assert step.payload == {"frc": True, "can": "http://q1"}


@given(
    st.dictionaries(st.sampled_from(["s3", "gcp"]), st.sampled_from([True, False, "enabled", "disabled"]), min_size=1),
    st.booleans(),
    st.booleans(),
)
def test_backends_carried_out_leave_nothing_to_do(wanted: dict[str, Any], aws: bool, gcp: bool) -> None:
    made, before = resource(backends=wanted), cluster(backends={"aws": aws, "gcp": gcp})
    after = made.foresee(before, made.plan(before))
    assert made.plan(after) == []


@pytest.mark.parametrize("state", ["shutdown", "decommissioned"])
def test_the_end_is_last_and_confirmed(state: str) -> None:
    for confirm in (None, "another"):
        with pytest.raises(OptionError, match="needs confirm_uuid to be the uuid of the cluster, me"):
            resource(state=state, confirm_uuid=confirm).plan(cluster())
    made, before = resource(state=state, confirm_uuid="me", rotate_logs=True, primary="p2"), cluster()
    steps = made.plan(before)
    assert max(steps, key=lambda step: step.stage) is steps[-1]
    after = made.foresee(before, steps)
    assert made.result(after)["cluster"]["state"] == "down"
    assert made.plan(after) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"remote_clusters": {"a b": "http://x"}}, "is not an alias"),
        ({"remote_clusters": {"a": "http://x/v1"}}, "is not an http:// or https:// address"),
        ({"remote_clusters": {"a": "x:8080"}}, "is not an http:// or https:// address"),
        ({"purge_remote_clusters": True}, "needs 'remote_clusters'"),
        ({"backends": {"ais": True}}, "not a cloud backend"),
        ({"backends": {"aws": "maybe"}}, "neither enabled nor disabled"),
        ({"reload_credentials": ["gcs"]}, r"not a cloud backend; did you mean gs\?|not a cloud backend"),
        ({"rm_user_data": True}, "is for state decommissioned"),
    ],
)
def test_mistakes(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        resource(**options)


def test_only_configured_backends_can_be_enabled() -> None:
    with pytest.raises(OptionError, match="azure is not configured in this cluster; configured are: aws, gcp"):
        resource(backends={"azure": True}).plan(cluster())
