# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects of another cluster that is attached to this one, reached through this one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.community.aistore.plugins.module_utils import _transfer
from ansible_collections.community.aistore.plugins.module_utils._address import parse_bucket
from ansible_collections.community.aistore.plugins.module_utils._client import Client
from ansible_collections.community.aistore.plugins.module_utils._resources import objects
from converge import Case, converge
from objects import client, info, make_bucket, run
from playing import play, run_module

OBJECT, SYNC = "community.aistore.ais_object", "community.aistore.ais_sync"
#: AIStore would ask the other cluster for `a` instead of the first two, and for `qA` instead of the third.
TAKEN_FOR_ANOTHER = ["a#b", "a?c", "q%41", "per%cent", "tab\there"]
PLAIN = ["a", "qA", "with space", "ünïcode-日本", "a+b&c", "d/e/f"]
SAYS = "taken for another name"

pytestmark = pytest.mark.slow_on("4.9")


@pytest.fixture(scope="module")
def other(make_cluster: Any, ais_version: str, cluster: Any) -> Iterator[Any]:
    """The other cluster, attached as `far`. It has no secrets: clusters do not hand on their certificates and tokens."""
    box = make_cluster(version=ais_version, proxies=1, targets=1, tls="off", authn=False)
    attach = {"name": "attach", "community.aistore.ais_cluster": {"remote_clusters": {"far": box.endpoint}}}
    play([attach], endpoint=cluster.endpoint)
    yield box
    attach["community.aistore.ais_cluster"] = {"remote_clusters": {"far": ""}}
    play([attach], endpoint=cluster.endpoint)
    box.remove()


@pytest.fixture
def there(other: Any) -> Client:
    return client(other.endpoint)


@pytest.fixture
def here(cluster: Any) -> Client:
    return client(*cluster.endpoints)


@pytest.fixture
def far(there: Client, bucket_name: Callable[..., str]) -> Iterator[str]:
    """The name of a bucket of the other cluster."""
    name = make_bucket(there, bucket_name("far"))
    yield name
    there.request("DELETE", f"/v1/buckets/{name}", what="clean up", action="destroy-bck")


def fill(speaker: Client, bucket: str, names: list[str], says: str = "I am") -> None:
    for name in names:
        _transfer.upload(speaker, parse_bucket(bucket), name, _transfer.of_bytes(f"{says} {name}".encode()))


def contents(speaker: Client, bucket: str) -> dict[str, str]:
    listed = [entry["name"] for entry in info(speaker, bucket=bucket)["objects"]]
    return {name: _transfer.read(speaker, parse_bucket(bucket), name, limit=1000).decode() for name in listed}


def test_objects_of_another_cluster(
    relay: Any, here: Client, there: Client, far: str, bucket_name: Callable[..., str], tmp_path: Path
) -> None:
    fill(there, far, PLAIN)
    near, remote = make_bucket(here, bucket_name("near")), f"ais://@far/{far}"
    (tmp_path / "up").mkdir()
    (tmp_path / "up/new file").write_text("up")

    def task(module: str = OBJECT, **options: Any) -> dict[str, Any]:
        return {module: options}

    cases = [
        Case("copy some", task(bucket=near, name=PLAIN[:3], copy_from=remote)),
        Case("copy all", task(bucket=near, all=True, copy_from=remote)),
        Case("copy one", task(bucket=near, name="one", copy_from=f"{remote}/d/e/f")),
        Case("copy back", task(bucket=remote, name=["one"], copy_from=f"ais://{near}")),
        Case("cached", task(bucket=remote, all=True, state="cached")),
        Case("evicted", task(bucket=remote, name=PLAIN[:2], state="evicted")),
        Case("stored", task(bucket=remote, name="stored here", content="yes")),
        Case("absent", task(bucket=remote, name=["stored here", "a+b&c"], state="absent")),
        Case("sync up", task(SYNC, src=str(tmp_path / "up"), dest=f"{remote}/up", delete=True)),
    ]
    for each in converge(cases, relay):
        each.verify()
    fetched = {"name": "fetch", **task(bucket=remote, name="with space", state="fetched", dest=str(tmp_path / "got"))}
    down = {"name": "down", **task(SYNC, src=remote, dest=str(tmp_path / "down"))}
    assert [each.changed for each in play([fetched, down] * 2, endpoint=relay.url)] == [True, True, False, False]
    assert contents(here, near) == {**{name: f"I am {name}" for name in PLAIN}, "one": "I am d/e/f"}
    kept = {name: f"I am {name}" for name in PLAIN if name != "a+b&c"}
    assert contents(there, far) == {**kept, "one": "I am d/e/f", "up/new file": "up"}
    assert (tmp_path / "got").read_text() == "I am with space"
    assert (tmp_path / "down/d/e/f").read_text() == "I am d/e/f"


def test_names_that_are_taken_for_others_there(
    relay: Any, here: Client, there: Client, far: str, bucket_name: Callable[..., str], tmp_path: Path
) -> None:
    fill(there, far, [*PLAIN, *TAKEN_FOR_ANOTHER])
    near, remote = make_bucket(here, bucket_name("near")), f"ais://@far/{far}"
    fill(here, near, TAKEN_FOR_ANOTHER, "no copy of")
    empty = make_bucket(here, bucket_name("empty"))
    (tmp_path / "up").mkdir()
    (tmp_path / "up/new").write_text("up")
    (tmp_path / "up/n#w").write_text("up")
    whole = bucket_name("whole")
    refused: dict[str, dict[str, Any]] = {
        "store": {OBJECT: {"bucket": remote, "name": "a#b", "content": "x"}},
        "remove": {OBJECT: {"bucket": remote, "name": "a#b", "state": "absent"}},
        "remove some": {OBJECT: {"bucket": remote, "name": ["a", "a?c"], "state": "absent"}},
        "remove all": {OBJECT: {"bucket": remote, "all": True, "state": "absent"}},
        "cache all": {OBJECT: {"bucket": remote, "all": True, "state": "cached"}},
        "fetch": {OBJECT: {"bucket": remote, "name": "q%41", "state": "fetched", "dest": str(tmp_path / "got")}},
        "copy one": {OBJECT: {"bucket": empty, "name": "x", "copy_from": f"{remote}/q%41"}},
        "copy some": {OBJECT: {"bucket": empty, "name": ["a", "a?c"], "copy_from": remote}},
        "copy all": {OBJECT: {"bucket": empty, "all": True, "copy_from": remote}},
        "copy there": {OBJECT: {"bucket": remote, "all": True, "copy_from": f"ais://{near}"}},
        "copy the bucket": {"community.aistore.ais_bucket": {"name": whole, "copy_from": remote}},
        "copy a bucket there": {"community.aistore.ais_bucket": {"name": f"ais://@far/{whole}", "copy_from": near}},
        "look": {"community.aistore.ais_object_info": {"bucket": remote, "name": "a#b"}},
        "read": {"ansible.builtin.debug": {"msg": f"{{{{ lookup('{OBJECT}', '{remote}/a#b', endpoint=endpoint) }}}}"}},
    }
    synced = {
        "sync down": {SYNC: {"src": remote, "dest": str(tmp_path / "down")}},
        "sync up": {SYNC: {"src": str(tmp_path / "up"), "dest": remote, "delete": True}},
    }
    tasks = [{"name": name, "ignore_errors": True, **task} for name, task in {**refused, **synced}.items()]
    before = contents(there, far)
    for check in (True, False):
        relay.reset()
        played = play(tasks, endpoint=relay.url, relay=relay, check=check, variables={"endpoint": relay.url})
        for name in refused:
            assert played[name].failed, name
            assert SAYS in played[name].msg, f"{name}: {played[name].msg}"
            assert not played[name].writes, name
        for name in synced:
            assert played[name].failed, name
            assert SAYS in played[name].msg, f"{name}: {played[name].msg}"
            assert set(played[name]["sync"]["refused"]) >= set(TAKEN_FOR_ANOTHER), name
        if check:
            assert contents(there, far) == before
    # The rest was synced; nothing that is there was taken for something else, or removed in its place.
    down = {str(path.relative_to(tmp_path / "down")) for path in (tmp_path / "down").rglob("*") if path.is_file()}
    assert down == set(PLAIN)
    assert contents(there, far) == {"new": "up", **{name: f"I am {name}" for name in TAKEN_FOR_ANOTHER}}
    assert not (tmp_path / "got").exists()
    assert contents(here, empty) == {}


@pytest.mark.slow
def test_more_objects_than_fit_into_one_request(
    here: Client, there: Client, far: str, bucket_name: Callable[..., str], tmp_path: Path
) -> None:
    count = objects._MOST_SENT + 1
    for number in range(count):
        (tmp_path / f"{number:05}").write_text(f"{number % 7}")
    run_module("ais_sync", {"src": str(tmp_path), "dest": f"ais://{far}"}, endpoint=there.connection.endpoints[0])
    near, nearer = make_bucket(here, bucket_name("near")), make_bucket(here, bucket_name("nearer"))
    for bucket, origin in ((near, f"ais://@far/{far}"), (nearer, f"ais://{near}")):
        options = {"bucket": bucket, "copy_from": origin}
        done = run(here, all=True, wait_timeout=900, **options)
        assert done["steps"][0]["detail"]["objects"] == count
        assert not run(here, all=True, **options)["changed"]
        assert not run(here, template="{00000..10000}", **options)["changed"]
        assert contents_of_some(here, bucket) == {"00000": "0", "05000": "2", "10000": "4"}


def contents_of_some(speaker: Client, bucket: str) -> dict[str, str]:
    some = ("00000", "05000", "10000")
    return {name: _transfer.read(speaker, parse_bucket(bucket), name, limit=10).decode() for name in some}
