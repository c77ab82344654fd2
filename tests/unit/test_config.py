# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ais_cluster_config makes of a configuration, and what it plans."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.community.aistore.plugins.module_utils import _fields
from ansible_collections.community.aistore.plugins.module_utils._errors import OptionError
from ansible_collections.community.aistore.plugins.module_utils._resources import config, config_fields
from hypothesis import given
from hypothesis import strategies as st

NEW = {
    "log": {"level": "3", "max_size": "64MiB", "to_stderr": False},
    "mirror": {"copies": 2, "enabled": False},
    "disk": {"iostat_time_long": "2s", "disk_util_low_wm": 20},
    "net": {"l4": {"proto": "tcp"}, "http": {"idle_conn_time": "6s"}},
    "timeout": {"max_keepalive": "5s", "send_file_time": "5m"},
    "distributed_sort": {"default_max_mem_usage": "80%", "missing_shards": "ignore"},
    "auth": {"client_auth_required": False},
    "backend": {"ais": {"backup": ["http://b"]}},
    "features": "0",
    "uuid": "x",
}
OLD = {**NEW, "auth": {"enabled": False}}
#: What users may write for some keys, in several spellings, and whether a node can have its own.
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "log.level": st.sampled_from(["3", 3, "5", 4]),
    "log.max_size": st.sampled_from(["64MiB", 67108864, "16384KiB", "16 MiB"]),
    "log.to_stderr": st.sampled_from([True, "yes", False, "off"]),
    "disk.iostat_time_long": st.sampled_from(["2s", "2000ms", 2, "1m30s"]),
    "disk.disk_util_low_wm": st.sampled_from([20, "20", 30]),
    "timeout.object_md": st.sampled_from(["0s", "30m", "1800s"]),
}
SHARED: dict[str, st.SearchStrategy[Any]] = {
    "mirror.copies": st.sampled_from([2, "3"]),
    "features": st.sampled_from([0, "16", ["Fsync-PUT"], "Fsync-PUT,S3-API-via-Root"]),
    "net.http.idle_conn_time": st.sampled_from(["6s", "7s"]),
}


def picked(values: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=values)


def resource(**options: Any) -> config.ConfigResource:
    defaults = {"config": None, "node": None, "transient": False, "reset": False}
    found = config.ConfigResource({**defaults, **options}, None)  # type: ignore[arg-type] - planning asks nobody
    found.chosen = list(options.get("node") or ())
    return found


def state(common: dict[str, Any] | None = None, **nodes: dict[str, Any]) -> config.Configs:
    """The configurations of a cluster of three nodes, of which ``nodes`` have some values of their own."""
    common = common or NEW
    table = config_fields.table(config_fields.flat(common))
    cluster = table.actual(common)
    own = {name: table.wanted(nodes.get(name, {}), name) for name in ("a", "b", "c")}
    return config.Configs(cluster, {name: {**cluster, **values} for name, values in own.items()}, table)


@given(picked({**VALUES, **SHARED}), picked(VALUES), st.booleans())
def test_a_plan_for_the_cluster_carried_out_leaves_nothing_to_do(
    wanted: dict[str, Any], own: dict[str, Any], reset: bool
) -> None:
    if not wanted and not reset:
        return
    before = state(b=own)
    made = resource(config=wanted, reset=reset)
    steps = made.plan(before)
    after = made.foresee(before, steps)
    assert made.plan(after) == []
    assert (after == before) == (not steps)
    if reset:
        assert not any(after.overrides(name) for name in after.nodes)
    else:
        assert after.overrides("b").keys() <= before.overrides("b").keys() | wanted.keys()


@given(picked(VALUES), picked(VALUES), st.booleans())
def test_a_plan_for_nodes_carried_out_leaves_nothing_to_do(
    wanted: dict[str, Any], own: dict[str, Any], reset: bool
) -> None:
    if not wanted and not reset:
        return
    before = state(b=own)
    made = resource(config=wanted, node=["a", "b"], reset=reset)
    steps = made.plan(before)
    after = made.foresee(before, steps)
    assert made.plan(after) == []
    assert (after == before) == (not steps)
    assert after.cluster == before.cluster
    assert after.nodes["c"] == before.nodes["c"]
    if reset:
        assert after.overrides("b").keys() <= wanted.keys()


@pytest.mark.parametrize(("common", "own"), [(NEW, "auth.client_auth_required"), (OLD, "auth.enabled")])
@pytest.mark.parametrize("name", ["auth.enabled", "auth.client_auth_required"])
def test_a_renamed_key_goes_by_the_name_that_the_cluster_has(common: dict[str, Any], own: str, name: str) -> None:
    assert resource(config={name: False}).plan(state(common)) == []
    (step,) = resource(config={name: True}).plan(state(common))
    assert step.detail == {own: True}


def test_hidden_keys_of_a_version_are_taken_under_either_name() -> None:
    for common, section in ((NEW, "intra_cluster"), (OLD, "cluster_key")):
        for name in ("auth.cluster_key.ttl", "auth.intra_cluster.ttl"):
            (step,) = resource(config={name: "1h"}).plan(state(common))
            assert step.detail == {f"auth.{section}.ttl": "1h0m"}
            assert step.payload["body"] == {"auth": {section: {"ttl": "1h0m"}}}


def test_values_are_sent_as_the_server_wants_them() -> None:
    wanted = {
        "log": {"level": 4, "max_size": 16777216},
        "features": ["Fsync-PUT"],
        "disk": {"iostat_time_long": 90, "disk_util_low_wm": "30"},
        "log.to_stderr": "yes",
    }
    (step,) = resource(config=wanted).plan(state())
    assert step.payload["body"] == {
        "log": {"level": "4", "max_size": "16MiB", "to_stderr": True},
        "features": "16",
        "disk": {"iostat_time_long": "1m30s", "disk_util_low_wm": 30},
    }


def test_backends_are_added_to_those_that_are_there() -> None:
    assert resource(config={"backend": {"ais": {"backup": ["http://b"]}}}).plan(state()) == []
    (step,) = resource(config={"backend": {"aws": {}}}).plan(state())
    assert step.payload["body"] == {"backend": {"ais": {"backup": ["http://b"]}, "aws": {}}}


def test_a_secret_is_sent_only_when_it_can_matter() -> None:
    secret = {"auth.signature": {"key": "s3cret", "method": "HS256"}}
    (step,) = resource(config=secret).plan(state())
    assert step.payload["body"] == {"auth": {"signature": {"key": "s3cret", "method": "HS256"}}}
    assert "s3cret" not in str((step.detail, step.before, step.after))
    masked = {**NEW, "auth": {"client_auth_required": False, "signature": {"key": "**********", "method": "HS256"}}}
    assert resource(config=secret).plan(state(masked)) == []
    (step,) = resource(config={**secret, "auth.client_auth_required": True}).plan(state(masked))
    assert step.payload["body"]["auth"]["signature"] == {"key": "s3cret"}
    assert list(config.secrets({"config": secret})) == ["s3cret"]


def test_what_counts_after_a_restart_is_told() -> None:
    wanted = resource(
        config={"timeout": {"max_keepalive": "6s", "send_file_time": "6m"}, "net.http.idle_conn_time": "7s"}
    )
    before = state()
    after = wanted.foresee(before, wanted.plan(before))
    assert wanted.result(after)["restart_required"] == ["net.http.idle_conn_time", "timeout.max_keepalive"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"config": {"log.levle": 1}}, r"config.log.levle: unknown property; did you mean log.level\?"),
        ({"config": {"log": 1}}, "config.log is a section; give its keys: level, max_size, to_stderr"),
        ({"config": {"net.l4.proto": "udp"}}, "read-only"),
        ({"config": {"distributed_sort.missing_shards": "ignor"}}, "not one of ignore, warn, abort"),
        ({"config": {"mirror.copies": 1}, "node": ["a"]}, "leave out 'node'"),
        ({"config": {"mirror.copies": 1}, "transient": True}, "leave out 'transient'"),
        ({"config": {"timeout.max_keepalive": "1s"}, "transient": True}, "leave out 'transient'"),
        ({"config": {"backend": "aws"}}, "give a mapping"),
    ],
)
def test_mistakes(options: dict[str, Any], message: str) -> None:
    with pytest.raises((OptionError, ValueError), match=message):
        resource(**options).plan(state())


def test_the_cluster_has_what_most_nodes_have() -> None:
    views = [{"log.level": level, "x": {"a": 1}} for level in ("3", "5", "3")]
    assert config._common(views) == {"log.level": "3", "x": {"a": 1}}


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, "bool"),
        (0, "int"),
        ("2h0m", "str"),
        ("64MiB", "str"),
        ("heartbeat", "str"),
        ([], "list"),
        ({}, "dict"),
    ],
)
def test_a_value_tells_its_kind(value: Any, kind: str) -> None:
    assert config_fields.kind_of("some.key", value).option == kind
    assert (config_fields.kind_of("some.key", "10m") is _fields.KINDS["duration"]) is True
    assert (config_fields.kind_of("some.key", "10MiB") is _fields.KINDS["iec"]) is True
