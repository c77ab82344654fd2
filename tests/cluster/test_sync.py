# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory and a prefix, both ways, on real clusters."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.community.aistore.plugins.module_utils import _checksums, _errors
from ansible_collections.community.aistore.plugins.module_utils._client import Client
from ansible_collections.community.aistore.plugins.module_utils._engine import Failure, converge
from ansible_collections.community.aistore.plugins.module_utils._options import connection
from ansible_collections.community.aistore.plugins.module_utils._resources import sync as sync_module
from conftest import running_cluster
from converge import Case
from converge import converge as play_cases
from playing import environment_of, options_of, play

MODULE = "community.aistore.ais_sync"
MIB = 1024 * 1024
CERTAIN = {"allow_degraded": True}
#: Prints what a sync returned, and the most memory that its process had, in bytes.
ALONE = """
import json, sys
sys.path.insert(0, sys.argv[3])
from ansible.plugins.loader import init_plugin_loader
init_plugin_loader()
from test_sync import sync
from playing import CREDENTIALS
CREDENTIALS[sys.argv[1]] = json.loads(sys.argv[4])
found = sync(sys.argv[1], **json.loads(sys.argv[2]))
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps({"sync": found["sync"], "memory": int(status["VmHWM"].split()[0]) * 1024}))
"""


def client_of(endpoint: str, *, check_mode: bool = False) -> Client:
    given = {"endpoint": [endpoint], "timeout": 60.0, "retries": 3, **options_of(endpoint)}
    return Client(connection(given), check_mode=check_mode)


def sync(endpoint: str, *, check: bool = False, **options: Any) -> dict[str, Any]:
    """What the module would return, without Ansible's start; of a failure also ``failed`` and ``msg``.

    On a busy machine a node may miss a keepalive, which casts doubt on what is absent. That has tests of its own.
    """
    options = {**CERTAIN, **options}
    client = client_of(endpoint, check_mode=check)
    try:
        return converge(sync_module.Sync(options, client), check_mode=check)
    except Failure as error:
        return {**error.outcome, "failed": True, "msg": str(error)}


def alone(endpoint: str, **options: Any) -> dict[str, Any]:
    """The same in a process of its own: ``{sync, memory}``."""
    given = [endpoint, json.dumps(options), str(Path(__file__).parent), json.dumps(environment_of(endpoint))]
    arguments = [sys.executable, "-c", ALONE, *given]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def fill(root: Path, files: dict[str, bytes | str]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    root.mkdir(exist_ok=True)
    return root


def held(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def done(found: dict[str, Any]) -> tuple[int, int, int]:
    assert not found.get("failed"), found.get("msg")
    assert found["changed"] == any(found["sync"][key] for key in ("created", "updated", "deleted"))
    return tuple(found["sync"][key] for key in ("created", "updated", "deleted"))  # type: ignore[return-value]


@pytest.fixture
def new_bucket(cluster: Any, bucket_name: Callable[..., str]) -> Callable[..., str]:
    def make(checksum: str = "xxhash2") -> str:
        name = bucket_name("sync")
        value = {"checksum": {"type": checksum}}
        status, answer = cluster.http().call(
            "POST", f"{cluster.endpoint}/v1/buckets/{name}", {"action": "create-bck", "value": value}
        )
        assert status == 200, answer
        return name

    return make


@pytest.fixture
def bucket(new_bucket: Callable[..., str]) -> str:
    return new_bucket()


@pytest.fixture
def objects(cluster: Any) -> Callable[[str], dict[str, int]]:
    def names(bucket: str) -> dict[str, int]:
        body = {"action": "list", "value": {"props": "name,size"}}
        _status, answer = cluster.http().call("GET", f"{cluster.endpoint}/v1/buckets/{bucket}", body)
        return {entry["name"]: int(entry.get("size", 0)) for entry in json.loads(answer)["entries"] or ()}

    return names


# -- the module -------------------------------------------------------------------------------------------


def test_check_and_apply_agree(relay: Any, bucket: str, tmp_path: Path) -> None:
    site = fill(tmp_path / "site", {"index.html": "<html>", "css/main.css": "a{}", "notes.tmp": "x", "old": "old"})
    task = {MODULE: {**CERTAIN, "src": str(site), "dest": f"ais://{bucket}/site", "delete": True, "exclude": ["*.tmp"]}}
    change = {"cmd": "printf '<HTML>' > index.html; printf new > new; rm old", "chdir": str(site)}
    first, second = play_cases(
        [Case("first", task), Case("second", task, before=[{"ansible.builtin.shell": change}])], relay
    )
    for found in (first, second):
        found.verify()
    target = f"ais://{bucket}/site/"
    assert first.apply["sync"]["created"] == 3
    assert [(step["verb"], step["detail"]["names"]) for step in second.apply["steps"]] == [
        ("create", ["new"]),
        ("update", ["index.html"]),
        ("delete", ["old"]),
    ]
    diff = second.apply["diff"]
    assert diff["before"][target].keys() == {"index.html", "old"}
    assert diff["after"][target].keys() == {"index.html", "new"}
    assert diff["before"][target]["index.html"] != diff["after"][target]["index.html"]


def test_a_download_in_check_mode_writes_nothing(relay: Any, bucket: str, tmp_path: Path) -> None:
    site, copy = fill(tmp_path / "site", {"a": "1", "b/c": "2"}), tmp_path / "new" / "copy"
    sync(relay.url, src=str(site), dest=f"ais://{bucket}")
    task = {MODULE: {**CERTAIN, "src": f"ais://{bucket}", "dest": str(copy), "delete": True}}
    stat = {"ansible.builtin.stat": {"path": str(copy)}}
    played = play(
        [
            {"name": "check", **task, "check_mode": True},
            {"name": "nothing", **stat},
            {"name": "apply", **task},
            {"name": "again", **task},
            {"name": "check again", **task, "check_mode": True},
        ],
        endpoint=relay.url,
        relay=relay,
    )
    assert not played["nothing"]["stat"]["exists"]
    assert held(copy) == held(site)
    for key in ("changed", "steps", "sync", "diff"):
        assert played["check"][key] == played["apply"][key], key
    assert played["apply"].changed
    assert not played["again"].changed
    assert not played["check again"].changed
    assert not any(result.writes for result in played)


# -- names ------------------------------------------------------------------------------------------------

NAMES = [
    "sp ace",
    "trailing ",
    "ünïcode/日本語",
    "per%cent/%2F",
    "ha#sh",
    "que?ry",
    "pl+us",
    "quo'te\"d",
    "ta\tb",
    "back\\slash",
    "st*r{1..3}",
    "a&b=c;d",
    "..dots",
    "del\x7f",
    "/".join(["deep"] * 60),
    "/".join(["l" * 99] * 10),
]


def test_names_round_trip(cluster: Any, bucket: str, objects: Any, tmp_path: Path) -> None:
    site = fill(tmp_path / "site", {**{name: f"of {name}" for name in NAMES}, "zero": b""})
    address = f"ais://{bucket}/pre fix+%/x"
    assert done(sync(cluster.endpoint, src=f"{site}/", dest=address)) == (len(NAMES) + 1, 0, 0)
    assert set(objects(bucket)) == {f"pre fix+%/x/{name}" for name in [*NAMES, "zero"]}
    assert done(sync(cluster.endpoint, src=str(site), dest=address)) == (0, 0, 0)
    copy = tmp_path / "copy"
    assert done(sync(cluster.endpoint, src=f"{address}/", dest=str(copy))) == (len(NAMES) + 1, 0, 0)
    assert held(copy) == held(site)
    assert done(sync(cluster.endpoint, src=address, dest=str(copy), delete=True)) == (0, 0, 0)
    only = fill(tmp_path / "only", {"one": "1"})
    assert done(sync(cluster.endpoint, src=str(only), dest=address, delete=True)) == (1, 0, len(NAMES) + 1)
    assert set(objects(bucket)) == {"pre fix+%/x/one"}
    assert done(sync(cluster.endpoint, src=address, dest=str(copy), delete=True)) == (1, 0, len(NAMES) + 1)
    assert sorted(path.name for path in copy.rglob("*")) == ["one"]


def test_names_that_leave_the_directory_are_refused_one_by_one(relay: Any, bucket: str, tmp_path: Path) -> None:
    sync(relay.url, src=str(fill(tmp_path / "site", {"ok": "ok", "sub/ok": "ok"})), dest=f"ais://{bucket}/p")
    evil = ["../evil", "/evil", "sub/../../evil", "nul\0", "sub/", "x" * 300, ".."]
    checksum = _checksums.digest("xxhash2", [b"ok"])
    entries = [{"name": f"p/{name}", "size": "2", "checksum": checksum} for name in ["ok", "sub/ok", *evil]]
    page = {"uuid": "u", "continuation_token": "", "entries": entries, "flags": 0}
    copy = tmp_path / "deep" / "copy"
    copy.mkdir(parents=True)
    for _round in range(2):
        relay.reset()
        relay.fault(action="list", status=200, body=json.dumps(page).encode())
        found = sync(relay.url, src=f"ais://{bucket}/p", dest=str(copy))
        assert held(copy) == {"ok": b"ok", "sub/ok": b"ok"}
        assert found["failed"]
        assert found["sync"]["refused"].keys() == set(evil)
        assert all(repr(name) in found["msg"] for name in evil)
        assert not [request for request in relay.requests if "evil" in request.path]
    assert not found["changed"]
    assert {path.name for path in tmp_path.rglob("*")} == {"site", "ok", "sub", "deep", "copy"}


def test_local_names_that_the_cluster_would_change_are_refused(
    cluster: Any, bucket: str, objects: Any, tmp_path: Path
) -> None:
    site = fill(tmp_path / "site", {"new\nline": "x", "ok": "ok"})
    (Path(os.fsdecode(os.fsencode(site) + b"/\xff\xfe"))).write_text("x")
    found = sync(cluster.endpoint, src=str(site), dest=f"ais://{bucket}")
    assert found["failed"]
    assert len(found["sync"]["refused"]) == 2
    assert set(objects(bucket)) == {"ok"}
    json.dumps(found).encode()


def test_planted_links_lead_nowhere(cluster: Any, bucket: str, tmp_path: Path) -> None:
    outside = fill(tmp_path / "outside", {"file": "outside"})
    site = fill(tmp_path / "site", {"dir/evil": "evil", "file": "inside", "ok": "ok"})
    sync(cluster.endpoint, src=str(site), dest=f"ais://{bucket}")
    copy = fill(tmp_path / "copy", {})
    (copy / "dir").symlink_to(outside)
    (copy / "file").symlink_to(outside / "file")
    (copy / "extra").symlink_to(outside / "file")
    found = sync(cluster.endpoint, src=f"ais://{bucket}", dest=str(copy), delete=True)
    assert found["failed"]
    assert found["sync"]["refused"].keys() == {"dir/evil"}
    assert held(outside) == {"file": b"outside"}
    assert (copy / "ok").read_text() == "ok"
    assert (copy / "file").read_text() == "inside"
    assert not (copy / "file").is_symlink()
    assert (copy / "extra").is_symlink()


def test_links_in_the_source(cluster: Any, bucket: str, objects: Any, tmp_path: Path) -> None:
    outside = fill(tmp_path / "outside", {"file": "outside"})
    site = fill(tmp_path / "site", {"ok": "ok"})
    (site / "dir").symlink_to(outside)
    (site / "loop").symlink_to(site)
    address = f"ais://{bucket}"
    found = sync(cluster.endpoint, src=str(site), dest=address)
    assert done(found) == (1, 0, 0)
    assert found["sync"]["skipped"].keys() == {"dir", "loop"}
    assert done(sync(cluster.endpoint, src=str(site), dest=address, follow=True)) == (1, 0, 0)
    assert set(objects(bucket)) == {"ok", "dir/file"}
    # A link that is not followed is no reason to delete.
    assert done(sync(cluster.endpoint, src=str(site), dest=address, delete=True)) == (0, 0, 0)


# -- what is sent -----------------------------------------------------------------------------------------


def test_one_listing_and_nothing_for_what_is_equal(relay: Any, bucket: str, tmp_path: Path) -> None:
    site, address = fill(tmp_path / "site", {f"{n}": f"{n}" for n in range(50)}), f"ais://{bucket}/p"
    sync(relay.url, src=str(site), dest=address)
    for options in ({"src": str(site), "dest": address}, {"src": address, "dest": str(site)}):
        relay.reset()
        assert not sync(relay.url, **options, delete=True, allow_degraded=False)["changed"]
        assert relay.count(action="list") == 1
        assert relay.count(path="/objects/") == 0
        # The bucket's properties, and how the nodes are.
        assert len(relay.requests) <= 12
    (site / "7").write_text("x")
    relay.reset()
    assert done(sync(relay.url, src=str(site), dest=address, delete=True)) == (0, 1, 0)
    assert relay.count(method="PUT", path="/objects/") == 1


def test_a_broken_connection_is_tried_again(relay: Any, bucket: str, tmp_path: Path) -> None:
    site, copy = fill(tmp_path / "site", {f"{n}": f"{n}" for n in range(5)}), tmp_path / "copy"
    relay.fault(method="PUT", path="/objects/", cut="before")
    relay.fault(method="PUT", path="/objects/", cut="after")
    assert done(sync(relay.url, src=str(site), dest=f"ais://{bucket}")) == (5, 0, 0)
    relay.fault(method="GET", path="/objects/", cut="after")
    assert done(sync(relay.url, src=f"ais://{bucket}", dest=str(copy))) == (5, 0, 0)
    assert held(copy) == held(site)


# -- delete -----------------------------------------------------------------------------------------------


def test_delete_keeps_to_its_prefix_and_to_what_takes_part(
    cluster: Any, bucket: str, objects: Any, tmp_path: Path
) -> None:
    site = fill(tmp_path / "site", {"a": "a", "b.log": "b", "sub/c": "c"})
    for prefix in ("conf", "conf2", "conf/nested/conf"):
        sync(cluster.endpoint, src=str(site), dest=f"ais://{bucket}/{prefix}")
    (site / "a").unlink()
    (site / "b.log").unlink()
    options = {"src": str(site), "dest": f"ais://{bucket}/conf", "delete": True, "exclude": ["*.log", "nested/"]}
    assert done(sync(cluster.endpoint, **options, check=True)) == (0, 0, 1)
    assert done(sync(cluster.endpoint, **options)) == (0, 0, 1)
    kept = {"b.log", "sub/c", "nested/conf/a", "nested/conf/b.log", "nested/conf/sub/c"}
    assert set(objects(bucket)) == {f"conf/{name}" for name in kept} | {"conf2/a", "conf2/b.log", "conf2/sub/c"}
    copy = fill(tmp_path / "copy", {"x.log": "x", "gone/deep": "x", "other": "x"})
    found = sync(cluster.endpoint, src=f"ais://{bucket}/conf2", dest=str(copy), delete=True, exclude=["*.log"])
    assert done(found) == (2, 0, 2)
    assert held(copy) == {"a": b"a", "sub/c": b"c", "x.log": b"x"}
    assert not (copy / "gone").exists()


def test_an_empty_source_needs_a_word(cluster: Any, bucket: str, objects: Any, tmp_path: Path) -> None:
    empty, site = fill(tmp_path / "empty", {}), fill(tmp_path / "site", {"a": "a"})
    address = f"ais://{bucket}/p"
    sync(cluster.endpoint, src=str(site), dest=address)
    for src, dest in ((str(empty), address), (f"ais://{bucket}/none", str(site))):
        assert done(sync(cluster.endpoint, src=src, dest=dest)) == (0, 0, 0)
        found = sync(cluster.endpoint, src=src, dest=dest, delete=True)
        assert "allow_empty: true" in found["msg"]
        assert (set(objects(bucket)), set(held(site))) == ({"p/a"}, {"a"})
    for src, dest in ((str(empty), address), (f"ais://{bucket}/none", str(site))):
        assert done(sync(cluster.endpoint, src=src, dest=dest, delete=True, allow_empty=True)) == (0, 0, 1)
    assert (objects(bucket), held(site)) == ({}, {})


def test_a_file_makes_way_for_a_directory_and_back(cluster: Any, bucket: str, tmp_path: Path) -> None:
    address, copy = f"ais://{bucket}/p", tmp_path / "copy"
    for number, files in enumerate(({"x": "file"}, {"x/y/z": "deep"}, {"x": "again"})):
        site = fill(tmp_path / f"site-{number}", files)
        for src, dest in ((str(site), address), (address, str(copy))):
            found = sync(cluster.endpoint, src=src, dest=dest, delete=True)
            if "destination exists and is a virtual directory" in found.get("msg", ""):
                assert "remove the empty directory" in found["msg"]
                # A mountpath keeps directories that are empty by now, and then takes no object of such a name: one of 8 here.
                for left in cluster.directory.glob(f"target-*/mp*/@ais/{bucket}/%ob/p/x/y"):
                    left.rmdir()
                    left.parent.rmdir()
                found = sync(cluster.endpoint, src=src, dest=dest, delete=True)
            assert not found.get("failed"), found["msg"]
        assert held(copy) == held(site)


# -- what is the same -------------------------------------------------------------------------------------


@contextmanager
def without_packages() -> Iterator[None]:
    """As on a host that has none of the optional packages."""
    packages = _checksums._PACKAGES
    _checksums._PACKAGES = {}
    _checksums._fast.cache_clear()
    try:
        yield
    finally:
        _checksums._PACKAGES = packages
        _checksums._fast.cache_clear()


def put(cluster: Any, bucket: str, name: str, data: bytes) -> None:
    """What another program stores."""
    client_of(cluster.endpoint).transfer("PUT", f"/v1/objects/{bucket}/{name}", what="put", data=data)


@pytest.mark.parametrize("packages", [True, False])
@pytest.mark.parametrize("kind", ["xxhash2", "md5", "crc32c", "none"])
def test_every_kind_of_checksum(cluster: Any, new_bucket: Any, tmp_path: Path, kind: str, packages: bool) -> None:
    bucket = new_bucket(kind)
    site, copy, address = (
        fill(tmp_path / "site", {"a": "one", "b/c": "two", "zero": b""}),
        tmp_path / "copy",
        f"ais://{bucket}/p",
    )
    with contextmanager(lambda: iter([None]))() if packages else without_packages():
        assert done(sync(cluster.endpoint, src=str(site), dest=address)) == (3, 0, 0)
        assert done(sync(cluster.endpoint, src=str(site), dest=address)) == (0, 0, 0)
        (site / "a").write_text("ONE")  # of the same size
        os.utime(site / "a", (1, 1))
        assert done(sync(cluster.endpoint, src=str(site), dest=address)) == (0, 1, 0)
        assert done(sync(cluster.endpoint, src=str(site), dest=address)) == (0, 0, 0)
        assert done(sync(cluster.endpoint, src=address, dest=str(copy))) == (3, 0, 0)
        assert held(copy) == held(site)
        assert done(sync(cluster.endpoint, src=address, dest=str(copy))) == (0, 0, 0)
        # Another program overwrites an object: seen both ways.
        put(cluster, bucket, "p/a", b"two")
        assert done(sync(cluster.endpoint, src=address, dest=str(copy))) == (0, 1, 0)
        assert (copy / "a").read_text() == "two"
        assert done(sync(cluster.endpoint, src=address, dest=str(copy))) == (0, 0, 0)
        assert done(sync(cluster.endpoint, src=str(site), dest=address)) == (0, 1, 0)
        assert done(sync(cluster.endpoint, src=str(site), dest=address)) == (0, 0, 0)


def test_large_files_without_the_package(
    cluster: Any, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_checksums, "SLOW_LIMIT", 10)
    site, copy, address = fill(tmp_path / "site", {"a": "more than 10 bytes"}), tmp_path / "copy", f"ais://{bucket}"
    with without_packages():
        assert done(sync(cluster.endpoint, src=str(site), dest=address)) == (1, 0, 0)
        assert done(sync(cluster.endpoint, src=str(site), dest=address)) == (0, 0, 0)
        (site / "a").write_text("MORE than 10 bytes")
        assert done(sync(cluster.endpoint, src=str(site), dest=address)) == (0, 1, 0)
        assert done(sync(cluster.endpoint, src=address, dest=str(copy))) == (1, 0, 0)
        assert done(sync(cluster.endpoint, src=address, dest=str(copy))) == (0, 0, 0)
    assert done(sync(cluster.endpoint, src=str(site), dest=address)) == (0, 0, 0)


def test_a_cloud_bucket(cloud: Any, make_cloud_bucket: Any, tmp_path: Path) -> None:
    files = {"a": b"one", "sub/b": b"two"}
    address = make_cloud_bucket(cloud, f"sync-{os.getpid()}", {f"p/{name}": data for name, data in files.items()})
    site, copy = fill(tmp_path / "site", files), tmp_path / "copy"
    # Equal by the ETag of the cloud: nothing is fetched into the cluster.
    assert done(sync(cloud.endpoint, src=str(site), dest=f"{address}/p", check=True)) == (0, 0, 0)
    assert done(sync(cloud.endpoint, src=str(site), dest=f"{address}/p")) == (0, 0, 0)
    assert done(sync(cloud.endpoint, src=f"{address}/p", dest=str(copy))) == (2, 0, 0)
    assert held(copy) == files
    assert done(sync(cloud.endpoint, src=f"{address}/p", dest=str(copy))) == (0, 0, 0)
    fill(site, {"a": b"ONE", "new": b"n" * 100})
    (site / "sub" / "b").unlink()
    assert done(sync(cloud.endpoint, src=str(site), dest=f"{address}/p", delete=True)) == (1, 1, 1)
    assert done(sync(cloud.endpoint, src=str(site), dest=f"{address}/p", delete=True)) == (0, 0, 0)
    assert done(sync(cloud.endpoint, src=f"{address}/p", dest=str(copy), delete=True)) == (1, 1, 1)
    assert held(copy) == held(site)


# -- what goes wrong --------------------------------------------------------------------------------------


def leftovers(root: Path) -> list[str]:
    return [path.name for path in root.rglob("*") if ".part" in path.name]


def test_a_damaged_object_is_noticed(cluster: Any, bucket: str, tmp_path: Path) -> None:
    data = os.urandom(5000)
    site, copy = fill(tmp_path / "site", {"bad": data, "good": "good"}), fill(tmp_path / "copy", {"bad": "before"})
    sync(cluster.endpoint, src=str(site), dest=f"ais://{bucket}")
    roots = [Path(path) for node in cluster.info()["nodes"] for path in node.get("mountpaths") or ()]
    (stored,) = [p for root in roots for p in root.rglob("bad") if p.is_file() and p.read_bytes() == data]
    stored.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    found = sync(cluster.endpoint, src=f"ais://{bucket}", dest=str(copy))
    assert found["failed"]
    assert f"fetch ais://{bucket}/bad: the content that arrived has xxhash2" in found["msg"]
    assert held(copy) == {"bad": b"before", "good": b"good"}
    assert not leftovers(copy)


def test_a_file_that_changes_while_it_is_read(
    cluster: Any, bucket: str, objects: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = fill(tmp_path / "site", {"big": b"x" * (3 * MIB), "small": "s"})
    digest = _checksums.digest

    def and_change(kind: str, parts: Any) -> str:
        found = digest(kind, parts)
        with open(site / "big", "r+b") as file:
            file.write(b"y")
        return found

    monkeypatch.setattr(_checksums, "digest", and_change)
    found = sync(cluster.endpoint, src=str(site), dest=f"ais://{bucket}")
    monkeypatch.undo()
    assert found["failed"]
    assert "changed while it was read" in found["msg"]
    assert (found["changed"], found["sync"]["created"], set(objects(bucket))) == (True, 1, {"small"})
    assert [step["detail"]["names"] for step in found["steps"]] == [["small"]]
    assert done(sync(cluster.endpoint, src=str(site), dest=f"ais://{bucket}")) == (1, 0, 0)
    assert objects(bucket) == {"small": 1, "big": 3 * MIB}


def test_a_full_disk(cluster: Any, bucket: str, tmp_path: Path) -> None:
    site = fill(tmp_path / "site", {"big": b"x" * (3 * MIB), "small": "s"})
    copy = fill(tmp_path / "copy", {"big": "before"})
    sync(cluster.endpoint, src=str(site), dest=f"ais://{bucket}")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MIB, hard))
    try:
        found = sync(cluster.endpoint, src=f"ais://{bucket}", dest=str(copy))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert found["failed"]
    assert str(copy / "big") in found["msg"]
    assert "/proc/" not in found["msg"]
    assert (held(copy), leftovers(copy)) == ({"big": b"before", "small": b"s"}, [])
    assert done(sync(cluster.endpoint, src=f"ais://{bucket}", dest=str(copy))) == (0, 1, 0)
    assert held(copy) == held(site)


def test_modes_of_files(cluster: Any, bucket: str, tmp_path: Path) -> None:
    sync(cluster.endpoint, src=str(fill(tmp_path / "site", {"a": "1", "sub/b": "2"})), dest=f"ais://{bucket}")
    copy = fill(tmp_path / "copy", {"a": "0"})
    (copy / "a").chmod(0o640)
    before = os.umask(0o027)
    try:
        sync(cluster.endpoint, src=f"ais://{bucket}", dest=str(copy))
    finally:
        os.umask(before)
    assert (copy / "a").stat().st_mode & 0o7777 == 0o640
    assert (copy / "sub").stat().st_mode & 0o777 == 0o750


def test_wrong_options_send_nothing(relay: Any, tmp_path: Path) -> None:
    here = str(tmp_path)
    for options in (
        {"src": here, "dest": here},
        {"src": "ais://a", "dest": "ais://b"},
        {"src": here, "dest": "nosuch://b"},
        {"src": here, "dest": "ais://b/../c"},
        {"src": here, "dest": "ais://b", "exclude": [""]},
    ):
        with pytest.raises(_errors.OptionError):
            sync(relay.url, **options)
    with pytest.raises(_errors.LocalError, match="src: cannot read"):
        sync(relay.url, src=f"{here}/missing", dest="ais://b")
    assert not relay.requests
    with pytest.raises(_errors.NotFound, match=r"ais_bucket"):
        sync(relay.url, src=here, dest="ais://no-such-bucket")


# -- size -------------------------------------------------------------------------------------------------


@pytest.mark.ais_version("5.0")
def test_memory_does_not_grow_with_a_file(cluster: Any, bucket: str, tmp_path: Path) -> None:
    _large(cluster, bucket, tmp_path, 200)


@pytest.mark.slow
@pytest.mark.ais_version("5.0")
def test_memory_for_a_gibibyte(cluster: Any, bucket: str, tmp_path: Path) -> None:
    _large(cluster, bucket, tmp_path, 1024)


def _large(cluster: Any, bucket: str, tmp_path: Path, size: int) -> None:
    site, copy = fill(tmp_path / "site", {}), tmp_path / "copy"
    piece, whole = os.urandom(MIB), hashlib.sha256()
    with open(site / "big", "wb") as file:
        for number in range(size):
            block = number.to_bytes(8, "big") + piece[8:]
            file.write(block)
            whole.update(block)
    for src, dest in ((str(site), f"ais://{bucket}"), (f"ais://{bucket}", str(copy))):
        found = alone(cluster.endpoint, src=src, dest=dest)
        assert found["sync"]["bytes"] == size * MIB
        assert found["memory"] < 150 * MIB
    with open(copy / "big", "rb") as file:
        assert hashlib.file_digest(file, "sha256").digest() == whole.digest()


@pytest.mark.slow
@pytest.mark.ais_version("5.0")
def test_memory_for_ten_thousand_files(cluster: Any, bucket: str, tmp_path: Path) -> None:
    site = fill(tmp_path / "site", {f"{n % 100}/{n}": os.urandom(4096) for n in range(10_000)})
    copy = tmp_path / "copy"
    for src, dest in ((str(site), f"ais://{bucket}"), (f"ais://{bucket}", str(copy))):
        for created in (10_000, 0):
            found = alone(cluster.endpoint, src=src, dest=dest)
            assert found["sync"]["created"] == created
            assert found["memory"] < 150 * MIB
    assert held(copy) == held(site)


# -- clusters that miss a node ----------------------------------------------------------------------------


@pytest.mark.slow
def test_a_target_killed_on_the_way(ais_version: str, tmp_path: Path) -> None:
    site = fill(tmp_path / "site", {f"{n}": os.urandom(100_000) for n in range(1500)})
    with running_cluster(version=ais_version, proxies=1, targets=3) as box:
        box.http().call("POST", f"{box.endpoint}/v1/buckets/b", {"action": "create-bck"})
        killer = threading.Timer(0.5, box.kill, ["target-02"])
        killer.start()
        found = sync(box.endpoint, src=str(site), dest="ais://b/p")
        killer.join()
        assert found["failed"]
        assert 0 < found["sync"]["created"] < 1500
        box.start_node("target-02")
        _until(lambda: not sync(box.endpoint, src=str(site), dest="ais://b/p").get("failed"))
        copy = tmp_path / "copy"
        sync(box.endpoint, src="ais://b/p", dest=str(copy))
        assert held(copy) == held(site)


@pytest.mark.slow
def test_nothing_is_deleted_while_a_target_is_missing(ais_version: str, tmp_path: Path) -> None:
    files = {f"{n}": f"{n}" for n in range(40)}
    site, copy = fill(tmp_path / "site", files), fill(tmp_path / "copy", files)
    with running_cluster(version=ais_version, proxies=1, targets=3) as box:
        box.http().call("POST", f"{box.endpoint}/v1/buckets/b", {"action": "create-bck"})
        assert done(sync(box.endpoint, src=str(site), dest="ais://b/p")) == (40, 0, 0)
        box.kill("target-02")
        _until(lambda: "target-02" not in box.http().read(f"{box.endpoint}/v1/daemon?what=smap")["tmap"], 120)
        found = sync(box.endpoint, src="ais://b/p", dest=str(copy), delete=True, allow_degraded=False)
        assert found["failed"]
        assert "allow_degraded: true" in found["msg"]
        assert len(held(copy)) == 40
        (site / "7").unlink()
        found = sync(box.endpoint, src=str(site), dest="ais://b/p", delete=True, allow_degraded=False)
        assert found["failed"]
        assert found["sync"]["deleted"] == found["sync"]["created"] == 0


def _until(happens: Callable[[], Any], seconds: float = 90) -> None:
    ends = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < ends
        time.sleep(0.5)
