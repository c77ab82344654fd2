# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ais_object on real clusters: every state, odd names, damaged content, broken connections, missing nodes."""

from __future__ import annotations

import os
import resource
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.community.aistore.plugins.module_utils import _checksums, _errors, _evidence, _transfer
from ansible_collections.community.aistore.plugins.module_utils._address import parse_bucket
from ansible_collections.community.aistore.plugins.module_utils._client import Client, object_path
from ansible_collections.community.aistore.plugins.module_utils._resources import object as one
from ansible_collections.community.aistore.plugins.module_utils._resources import objects
from conftest import running_cluster
from converge import Case, converge
from objects import cause, client, info, make_bucket, run
from playing import play

sys.path.append(str(Path(__file__).resolve().parents[1] / "unit"))
from server import Server

OBJECT = "community.aistore.ais_object"
#: Names that something on the way might take for something else.
ODD_NAMES = [
    "with space",
    " outer spaces ",
    "per%cent",
    "per%2Fcent",
    "hash#tag",
    "what?",
    "a+b&c=d;e",
    "quotes\"'`",
    "back\\slash",
    "tab\there",
    "ünïcode-ß-日本-🎉",
    "star*{1..3}[x]",
    "colon:at@",
    "deep/" * 40 + "leaf",
    "long-" + "x" * 995,
    "too-long-to-copy/" + "y" * 300,
    "-rf",
    ".hidden",
    "...",
    "del\x7f",
]
REFUSED_NAMES = ["", "/lead", "trail/", "a//b", "./x", "a/../b", "..", "~/x", "new\nline", "nul\0", "bell\a"]


@pytest.fixture
def speaker(cluster: Any) -> Client:
    return client(*cluster.endpoints)


@pytest.fixture
def bucket(speaker: Client, bucket_name: Callable[..., str]) -> str:
    return make_bucket(speaker, bucket_name("obj"))


def task(**options: Any) -> dict[str, Any]:
    return {OBJECT: options}


def put(speaker: Client, bucket: str, name: str, data: bytes) -> None:
    _transfer.upload(speaker, parse_bucket(bucket), name, _transfer.of_bytes(data))


def content(speaker: Client, bucket: str, name: str) -> bytes:
    return _transfer.read(speaker, parse_bucket(bucket), name, limit=1 << 30)


def names(speaker: Client, bucket: str) -> list[str]:
    return [entry["name"] for entry in info(speaker, bucket=bucket)["objects"]]


def failure(speaker: Client, **options: Any) -> _errors.AisError:
    with pytest.raises(_errors.AisError) as caught:
        run(speaker, **options)
    return cause(caught.value)


# -- every state, in a play -----------------------------------------------------------------------------------


def test_every_case_converges(relay: Any, bucket: str, speaker: Client, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(secrets.token_bytes(3 << 20))
    for number in range(40):
        put(speaker, bucket, f"shard-{number:04d}.tar", b"x")

    def one(**options: Any) -> dict[str, Any]:
        return task(bucket=bucket, **options)

    cases = [
        Case("content", one(name="a/text", content="hällo\n", custom={"owner": "web", "n": 1})),
        Case("other content", one(name="a/text", content="hello\n")),
        Case("merged metadata", one(name="a/text", custom={"n": "2", "more": "x, y=z"})),
        Case("exact metadata", one(name="a/text", custom={"n": "2"}, purge_custom=True)),
        Case("no metadata", one(name="a/text", custom={}, purge_custom=True)),
        Case("nothing to do", one(name="a/text", content="hello\n"), changes=False),
        Case("empty", one(name="empty", content="")),
        Case("file", one(name="b/file", src=str(source), custom={"k": "v"})),
        Case("copy", one(name="b/copy", copy_from="b/file")),
        Case("copy over another", one(name="b/copy", copy_from=f"ais://{bucket}/a/text", custom={"copied": "yes"})),
        Case("copy to a name that the server cannot copy to", one(name="b/50% #1?", copy_from="b/file")),
        Case("rename", one(name="c/renamed", rename_from="b/copy", custom={"z": "1"})),
        Case(
            "rename over the same content",
            one(name="c/renamed", rename_from="c/same"),
            before=[one(name="c/same", copy_from="c/renamed")],
        ),
        Case("rename over another", one(name="c/renamed", rename_from="empty", force=True)),
        Case("absent", one(name="c/renamed", state="absent")),
        Case("absent before", one(name="c/renamed", state="absent"), changes=False),
        Case("a list", one(name=["shard-0000.tar", "shard-0001.tar", "no-such"], state="absent")),
        Case("a template", one(template="shard-{0000..0019}.tar", state="absent")),
        Case("a template that stands for nothing", one(template="none-{0..9}", state="absent"), changes=False),
        Case("everything", one(all=True, state="absent")),
        Case("an empty bucket", one(all=True, state="absent"), changes=False),
    ]
    found = {each.case.name: each for each in converge(cases, relay)}
    for each in found.values():
        each.verify()
    assert found["a list"].apply["objects"]["missing"] == ["no-such"]
    assert found["a list"].apply["jobs"][0]["state"] == "finished"
    assert found["a template"].apply["steps"][0]["detail"]["objects"] == 18
    assert found["everything"].apply["objects"]["left"] == 0
    assert found["file"].apply["object"]["checksum"]["value"] == _transfer.of_file(str(source)).digest("xxhash2")
    assert found["content"].apply["object"]["custom"] == {"owner": "web", "n": "1"}
    # The same content costs nothing but the look at it (and, once a task, the cluster map).
    asked = [(request.method, request.path) for request in found["nothing to do"].apply.requests]
    assert asked == [("HEAD", f"/v1/objects/{bucket}/a/text"), ("GET", "/v1/cluster")]
    assert names(speaker, bucket) == []


def test_what_cannot_be_is_refused_before_anything_is_sent(
    relay: Any, bucket: str, bucket_name: Callable[..., str], speaker: Client
) -> None:
    put(speaker, bucket, "a", b"one")
    put(speaker, bucket, "b", b"two")
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"name": []}, "all: true"),
        ({"name": [], "state": "absent"}, "all: true"),
        ({"state": "absent"}, "all: true"),
        ({"template": "no-range", "state": "absent"}, "has no range"),
        ({"template": "x-{9..1}", "state": "absent"}, "counts from 9 to 1"),
        ({"name": ["a", "b"], "content": "x"}, "one name"),
        ({"name": ["a", "b"], "copy_from": "other"}, "no bucket's address"),
        ({"name": ["a", "b"], "copy_from": "ais://other/a"}, "give the bucket alone, as in 'ais://other'"),
        ({"all": True, "copy_from": f"ais://{bucket}"}, "is the bucket itself"),
        ({"all": True, "copy_from": "ais://other", "custom": {}}, "custom is for one object"),
        ({"name": ["a", "b"], "copy_from": "ais://no-such-bucket"}, "ais://no-such-bucket does not exist"),
        ({"all": True, "copy_from": "ais://no-such-bucket"}, "ais://no-such-bucket does not exist"),
        ({"name": "a", "all": True, "state": "absent"}, "in one way"),
        ({"name": "a", "src": "/etc/hosts", "content": "x"}, "one of them"),
        ({"name": "a", "state": "absent", "content": "x"}, "state: present"),
        ({"name": "a", "state": "fetched"}, "needs dest"),
        ({"name": "a", "state": "fetched", "dest": "/tmp/x", "range": "9-1"}, "no part"),
        ({"name": "a", "state": "evicted"}, "the only copy"),
        ({"all": True, "state": "evicted"}, "the only copy"),
        ({"name": "a", "state": "cached"}, "in the cluster anyway"),
        ({"name": "a", "rename_from": "b"}, "they differ"),
        ({"name": "a", "rename_from": "ais://other/b"}, "out of its bucket"),
        ({"name": "new", "rename_from": "nope"}, "neither"),
        ({"name": "new", "copy_from": "nope"}, "does not exist"),
        ({"name": "new"}, "does not exist"),
        ({"name": "a", "src": "/no/such/file"}, "cannot read"),
        ({"name": "a", "src": "/etc"}, "is not a file"),
        ({"name": "a", "custom": {"k": "line\nbreak"}}, "cannot be kept"),
        ({"name": "a", "custom": {"k": "x" * 3000}}, "2048 bytes"),
        ({"name": "a", "purge_custom": True}, "needs custom"),
        ({"name": "a", "promote_from": "relative"}, "absolute path"),
        ({"name": "50%", "promote_from": "/x"}, "another name"),
        *(({"name": name, "content": "x"}, "name: ") for name in REFUSED_NAMES),
    ]  # fmt: skip
    through = client(relay.url)
    for options, words in wrong:
        assert words in str(failure(through, bucket=bucket, **options)), options
    assert relay.writes == []
    assert names(speaker, bucket) == ["a", "b"]
    assert "does not exist" in str(failure(through, bucket="no-such-bucket", name="x", content="x"))
    # The server would make the bucket.
    for options in ({"name": ["a", "b"]}, {"all": True}):
        error = failure(through, bucket="no-such-bucket", copy_from=f"ais://{bucket}", **options)
        assert "ais://no-such-bucket does not exist" in str(error)
    other = make_bucket(speaker, bucket_name("other"))
    for options in ({"name": ["a", "nope", "nix"]}, {"template": "{0..19}"}):
        error = failure(through, bucket=other, copy_from=f"ais://{bucket}", **options)
        assert f"ais://{bucket} does not have {'nope, nix' if 'name' in options else '0, 1, 2'}" in str(error)
    assert relay.writes == []


def test_many_are_copied_by_one_job(relay: Any, bucket: str, bucket_name: Callable[..., str], speaker: Client) -> None:
    other = make_bucket(speaker, bucket_name("other"))
    shards = [f"shard-{number:02d}" for number in range(40)]
    for name in shards:
        put(speaker, bucket, name, name.encode())
    run(speaker, bucket=bucket, name="shard-01", content="new", custom={"k": "new"})
    run(speaker, bucket=other, name="shard-01", content="old", custom={"k": "old", "gone": "1"})
    put(speaker, other, "shard-02", b"shard-??")
    put(speaker, other, "shard-03", b"shard-03")
    put(speaker, other, "kept", b"x")

    def copied(**options: Any) -> dict[str, Any]:
        return task(bucket=other, copy_from=f"ais://{bucket}", **options)

    cases = [
        Case("one of a list", copied(name=["shard-00"])),
        Case("a list", copied(name=shards[:4])),
        Case("a template", copied(template="shard-{00..29}")),
        Case("everything", copied(all=True)),
        Case("nothing", copied(all=True), changes=False),
    ]
    found = {each.case.name: each for each in converge(cases, relay)}
    for each in found.values():
        each.verify()
    # Only what is missing or differs, and all of it at once.
    asked = {name: each.apply["steps"][0]["detail"]["names"] for name, each in found.items() if each.case.changes}
    assert asked["one of a list"] == shards[:1]
    assert asked["a list"] == shards[1:3]
    assert asked["a template"] == shards[4:30]
    assert asked["everything"] == shards[30:]
    assert [(each.method, each.path) for each in found["a template"].apply.writes] == [
        ("POST", f"/v1/buckets/{bucket}")
    ]
    assert found["everything"].apply["jobs"][0]["kind"] == "copy-listrange"
    assert found["everything"].apply["objects"] == {
        "bucket": f"ais://{other}",
        "selected": None,
        "missing": [],
        "left": 0,
    }
    assert names(speaker, other) == ["kept", *shards]
    assert content(speaker, other, "shard-01") == b"new"
    assert content(speaker, other, "shard-02") == b"shard-02"
    assert info(speaker, bucket=other, name="shard-01")["object"]["custom"] == {"k": "new"}


def test_copies_are_compared_whatever_their_checksums_are(
    speaker: Client, bucket: str, bucket_name: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one, "FEW", 3)
    monkeypatch.setattr(objects, "_MOST_SENT", 4)
    for number in range(10):
        put(speaker, bucket, f"o{number}", b"content %d" % number)
    other = make_bucket(speaker, bucket_name("none"), checksum={"type": "none"})
    options = {"bucket": other, "copy_from": f"ais://{bucket}"}
    assert run(speaker, template="o{0..9}", **options)["steps"][0]["detail"]["objects"] == 10
    assert not run(speaker, template="o{0..9}", **options)["changed"]
    assert not run(speaker, all=True, **options)["changed"]
    put(speaker, other, "o3", b"content ?")
    again = run(client(*speaker.connection.endpoints, check_mode=True), all=True, **options)
    assert again["steps"][0]["detail"]["names"] == ["o3"]


def test_check_mode_of_a_play_that_begins_with_nothing(relay: Any, speaker: Client, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    first, second, third = (f"new-{secrets.token_hex(4)}" for _each in "123")
    told = [
        ("the bucket", {"community.aistore.ais_bucket": {"name": first}}, 0),
        ("content", task(bucket=first, name="a/x", content="x", custom={"k": "v"}), 1),
        ("a copy", task(bucket=first, name="b", copy_from="a/x"), 2),
        ("metadata", task(bucket=first, name="b", custom={"more": "x"}), 2),
        ("a file", task(bucket=first, name="a/x", state="fetched", dest=str(tmp_path / "fetched")), 1),
        ("a directory", {"community.aistore.ais_sync": {"src": f"{tmp_path}/", "dest": f"ais://{first}/c/"}}, 1),
        ("a second bucket", {"community.aistore.ais_bucket": {"name": third}}, 0),
        ("copies of some", task(bucket=third, name=["a/x", "b"], copy_from=f"ais://{first}"), 2),
        ("a copy of it all", {"community.aistore.ais_bucket": {"name": second, "copy_from": first}}, 1),
    ]
    tasks = [{"name": name, **each} for name, each, _warnings in told]
    try:
        foreseen = play(tasks, endpoint=relay.url, check=True, relay=relay)
        for name, _each, warnings in told:
            assert foreseen[name].changed, name
            assert foreseen[name].writes == [], name
            found = foreseen[name].result.get("warnings") or []
            assert len([each for each in found if "assumes that a task before" in str(each)]) == warnings, name
        done = play(tasks, endpoint=relay.url)
        for name, *_rest in told:
            steps = [[(step["verb"], step["target"]) for step in each[name]["steps"]] for each in (done, foreseen)]
            assert steps[0] == steps[1], name
            assert not done[name].result.get("warnings"), name
    finally:
        gone = {"name": [first, second, third], "state": "absent", "force": True}
        play([{"community.aistore.ais_bucket": gone}], endpoint=relay.url)


def test_a_file_is_fetched_with_its_attributes(relay: Any, bucket: str, speaker: Client, tmp_path: Path) -> None:
    data = secrets.token_bytes(100_000)
    put(speaker, bucket, "x/data.bin", data)
    dest = tmp_path / "data.bin"

    def fetch(**options: Any) -> dict[str, Any]:
        return task(bucket=bucket, name="x/data.bin", state="fetched", **options)

    def round_of(name: str, **options: Any) -> list[dict[str, Any]]:
        return [
            {"name": f"{name} {number}", "check_mode": number % 2 == 0, **fetch(**options)} for number in range(4)
        ]  # fmt: skip

    rounds = {
        "whole": {"dest": f"{tmp_path}/", "mode": "0600"},
        "attributes": {"dest": str(dest), "mode": "0640"},
        "part": {"dest": str(dest), "range": "10-19"},
        "end": {"dest": str(dest), "range": "-100"},
        "rest": {"dest": str(dest), "range": "99990-"},
        "again": {"dest": str(dest)},
    }
    played = play(
        [each for name, options in rounds.items() for each in round_of(name, **options)],
        endpoint=relay.url,
        relay=relay,
    )
    for name in rounds:
        results = [played[f"{name} {number}"] for number in range(4)]
        assert [result.changed for result in results] == [True, True, False, False], name
        assert not any(result.writes for result in results), name
        assert results[0]["steps"] == results[1]["steps"], name
        assert results[0]["diff"] == results[1]["diff"], name
    assert dest.read_bytes() == data
    assert dest.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["data.bin"]
    assert played["attributes 1"]["steps"][0]["verb"] == "set"
    assert "the object has 100000 bytes" in str(
        failure(speaker, bucket=bucket, name="x/data.bin", state="fetched", dest=str(dest), range="100000-")
    )
    assert "does not exist" in str(failure(speaker, bucket=bucket, name="nope", state="fetched", dest=str(dest)))
    assert dest.read_bytes() == data


def test_odd_names_round_trip_exactly(
    speaker: Client, bucket: str, bucket_name: Callable[..., str], tmp_path: Path
) -> None:
    dest = tmp_path / "back"
    for name in ODD_NAMES:
        data = f"content of {name!r}"
        assert run(speaker, bucket=bucket, name=name, content=data)["changed"], name
        assert not run(speaker, bucket=bucket, name=name, content=data)["changed"], name
        run(speaker, bucket=bucket, name=name, state="fetched", dest=str(dest))
        assert dest.read_text() == data, name
    assert sorted(names(speaker, bucket)) == sorted(ODD_NAMES)
    other = make_bucket(speaker, bucket_name("many"))
    assert run(speaker, bucket=other, all=True, copy_from=f"ais://{bucket}")["objects"]["left"] == 0
    assert sorted(names(speaker, other)) == sorted(ODD_NAMES)
    assert {content(speaker, other, name).decode() for name in ODD_NAMES} == {f"content of {n!r}" for n in ODD_NAMES}
    assert not run(speaker, bucket=other, all=True, copy_from=f"ais://{bucket}")["changed"]
    # The server does not escape what it is told to copy to: compare with what it made of it.
    for number, name in enumerate(ODD_NAMES):
        if len(name) < 900:
            run(speaker, bucket=bucket, name=f"copies/{number}/{name}", copy_from=name)
            assert content(speaker, bucket, f"copies/{number}/{name}").decode() == f"content of {name!r}"
    assert {f"copies/{number}/{name}" for number, name in enumerate(ODD_NAMES) if len(name) < 900} < {
        *names(speaker, bucket)
    }
    long = next(name for name in ODD_NAMES if name.startswith("too-long"))
    run(speaker, bucket=bucket, name=long, custom={"k": "v"})
    assert run(speaker, bucket=bucket, name=long, custom={}, purge_custom=True)["object"]["custom"] == {}
    run(speaker, bucket=bucket, name=f"{long}er", rename_from=long)
    run(speaker, bucket=bucket, name="shorter", rename_from=f"{long}er")
    run(speaker, bucket=bucket, name=long, rename_from="shorter")
    assert long in names(speaker, bucket)
    for name in ODD_NAMES[:12]:
        assert run(speaker, bucket=bucket, name=f"renamed/{name}", rename_from=name)["changed"]
        assert content(speaker, bucket, f"renamed/{name}").decode() == f"content of {name!r}"
    assert not set(ODD_NAMES[:12]) & set(names(speaker, bucket))
    assert run(speaker, bucket=bucket, name=ODD_NAMES[12:], state="absent")["objects"]["left"] == 0
    assert not set(ODD_NAMES) & set(names(speaker, bucket))


@pytest.mark.parametrize("kind", ["none", "md5", "sha256", "sha512", "crc32c", "xxhash"])
def test_buckets_of_every_checksum(speaker: Client, bucket_name: Callable[..., str], kind: str, tmp_path: Path) -> None:
    bucket = make_bucket(speaker, bucket_name(kind), checksum={"type": kind})
    predicted = run(client(*speaker.connection.endpoints, check_mode=True), bucket=bucket, name="x", content="hello")
    stored = run(speaker, bucket=bucket, name="x", content="hello")
    assert predicted["object"] == stored["object"]
    assert (stored["object"]["checksum"] or {"type": "none"})["type"] == kind
    assert not run(speaker, bucket=bucket, name="x", content="hello")["changed"]
    assert run(speaker, bucket=bucket, name="x", content="hallo")["changed"]
    dest = tmp_path / "x"
    run(speaker, bucket=bucket, name="x", state="fetched", dest=str(dest))
    assert dest.read_text() == "hallo"
    assert not run(speaker, bucket=bucket, name="x", state="fetched", dest=str(dest))["changed"]


def test_without_the_package_large_content_is_compared_by_reading(
    speaker: Client, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_checksums, "fast", lambda kind: kind == "sha256")
    monkeypatch.setattr(_checksums, "SLOW_LIMIT", 1000)
    source = tmp_path / "source"
    source.write_bytes(secrets.token_bytes(2_500_000))
    assert run(speaker, bucket=bucket, name="x", src=str(source))["changed"]
    assert not run(speaker, bucket=bucket, name="x", src=str(source))["changed"]
    source.write_bytes(source.read_bytes()[:-1] + b"?")
    assert run(speaker, bucket=bucket, name="x", src=str(source))["changed"]
    assert content(speaker, bucket, "x") == source.read_bytes()


# -- damage ---------------------------------------------------------------------------------------------------


def test_damaged_content_is_not_stored(speaker: Client, bucket: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"a" * 1000)
    damaged = _transfer.of_file(str(source))
    damaged.digest("xxhash2")
    before = source.stat()
    with open(source, "r+b") as file:
        file.write(b"b")
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))  # nothing but the content tells
    with pytest.raises(_errors.BadChecksum, match="what arrived is not what was sent"):
        _transfer.upload(speaker, parse_bucket(bucket), "x", damaged)
    assert names(speaker, bucket) == []


def test_a_damaged_object_is_not_fetched(cluster: Any, speaker: Client, bucket: str, tmp_path: Path) -> None:
    put(speaker, bucket, "victim", b"a" * 5000)
    (stored,) = Path(cluster.directory).glob(f"target-*/mp*/@ais/{bucket}/%ob/victim")
    stored.write_bytes(b"b" + stored.read_bytes()[1:])
    dest = tmp_path / "dest"
    dest.write_text("before")
    error = failure(speaker, bucket=bucket, name="victim", state="fetched", dest=str(dest))
    assert isinstance(error, _errors.BadChecksum)
    assert dest.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["dest"]


@pytest.mark.parametrize("change", ["grows", "shrinks", "differs", "goes"])
def test_a_file_that_changes_while_it_is_read(speaker: Client, bucket: str, tmp_path: Path, change: str) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"a" * (_transfer.PIECE + 10))
    seen = _transfer.of_file(str(source))
    pieces = seen.pieces()
    next(pieces)
    if change == "grows":
        source.open("ab").write(b"more")
    elif change == "shrinks":
        os.truncate(source, 5)
    elif change == "differs":
        source.open("r+b").write(b"b")
    else:
        source.unlink()
        source.write_bytes(b"c" * (_transfer.PIECE + 10))
    if change == "goes":
        # What was opened is whole all the same.
        assert len(next(pieces)) == 10
    else:
        with pytest.raises(_errors.LocalError, match="changed while it was read"):
            next(pieces)
    with pytest.raises(_errors.AisError):
        _transfer.upload(speaker, parse_bucket(bucket), "x", seen)
    assert names(speaker, bucket) == []


def test_a_full_disk_leaves_what_was_there(speaker: Client, bucket: str, tmp_path: Path) -> None:
    put(speaker, bucket, "x", b"a" * 3_000_000)
    dest = tmp_path / "dest"
    dest.write_text("before")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, limits[1]))
    try:
        error = failure(speaker, bucket=bucket, name="x", state="fetched", dest=str(dest))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert isinstance(error, _errors.LocalError)
    assert "cannot write" in str(error)
    assert dest.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["dest"]
    run(speaker, bucket=bucket, name="x", state="fetched", dest=str(dest))
    assert dest.stat().st_size == 3_000_000


class Cutter:
    """Stands for a target: a redirect leads there once, and its connection breaks half-way."""

    def __init__(self, relay: Any, method: str, answer: bytes = b"") -> None:
        self._server = Server(lambda request: [answer, b""])
        self._relay, self._method, self._answer = relay, method, answer

    def __enter__(self) -> Cutter:
        server = self._server.__enter__()
        self.client = client(self._relay.url, server.url, retries=1)
        self.arm()
        return self

    def arm(self, times: int = 1) -> None:
        location = {"Location": f"{self._server.url}/v1/objects/x/x"}
        self._relay.fault(method=self._method, path="/v1/objects/", status=307, headers=location, times=times)

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()


def test_a_download_that_breaks_off_is_tried_again(relay: Any, speaker: Client, bucket: str, tmp_path: Path) -> None:
    data = secrets.token_bytes(2_000_000)
    put(speaker, bucket, "x", data)
    half = b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + data[:1_000_000]
    dest = tmp_path / "dest"
    with Cutter(relay, "GET", half) as cutter:
        run(cutter.client, bucket=bucket, name="x", state="fetched", dest=str(dest))
        assert dest.read_bytes() == data
        dest.write_text("before")
        cutter.arm(times=9)
        error = failure(cutter.client, bucket=bucket, name="x", state="fetched", dest=str(dest))
    assert isinstance(error, _errors.Unanswered)
    assert dest.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["dest"]


def test_wrong_content_on_the_wire_is_noticed(relay: Any, speaker: Client, bucket: str, tmp_path: Path) -> None:
    put(speaker, bucket, "x", b"right")
    wrong = (
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nAis-Checksum-Type: xxhash2\r\nAis-Checksum-Value: "
        + _checksums.digest("xxhash2", [b"right"]).encode()
        + b"\r\n\r\nwrong"
    )
    with Cutter(relay, "GET", wrong) as cutter:
        error = failure(cutter.client, bucket=bucket, name="x", state="fetched", dest=str(tmp_path / "dest"))
    assert isinstance(error, _errors.BadChecksum)
    assert list(tmp_path.iterdir()) == []


def test_an_upload_that_breaks_off_is_tried_again(relay: Any, speaker: Client, bucket: str) -> None:
    with Cutter(relay, "PUT") as cutter:
        assert run(cutter.client, bucket=bucket, name="x", content="x" * 1000)["changed"]
    assert content(speaker, bucket, "x") == b"x" * 1000


@pytest.mark.slow
def test_300_megabytes_from_a_pipe(speaker: Client, bucket: str, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    maker = subprocess.Popen(
        [sys.executable, "-c", f"import sys\nwith open({str(pipe)!r}, 'wb') as file:\n"
         "    for number in range(300): file.write(bytes([number % 251]) * (1 << 20))"]
    )  # fmt: skip
    try:
        assert run(speaker, bucket=bucket, name="x", src=str(pipe))["object"]["size"] == 300 << 20
        assert maker.wait(60) == 0
    finally:
        maker.kill()
        maker.wait()
    dest = tmp_path / "dest"
    run(speaker, bucket=bucket, name="x", state="fetched", dest=str(dest))
    with open(dest, "rb") as file:
        for number in range(300):
            assert file.read(1 << 20) == bytes([number % 251]) * (1 << 20)
        assert not file.read(1)


# -- sources on the cluster's side ----------------------------------------------------------------------------


def test_promote(cluster: Any, relay: Any, speaker: Client, bucket: str, ais_version: str, tmp_path: Path) -> None:
    root = Path("/var/lib/ais/promote" if ais_version == "5.0" else tmp_path)
    below = root / secrets.token_hex(6)
    try:
        (below / "sub").mkdir(parents=True)
    except OSError:
        # Nobody but root can make this directory: then at least the server's refusal is told.
        assert "promote" in str(failure(speaker, bucket=bucket, name="x", promote_from=str(below / "one")))
        return
    try:
        for name in ("one", "two", "sub/three"):
            (below / name).write_text(f"content of {name}")
        varies = ("jobs", "object", "diff")
        cases = [
            Case(
                "file", task(bucket=bucket, name="p/one", promote_from=f"{below}/one", custom={"k": "v"}), varies=varies
            ),
            Case("directory", task(bucket=bucket, name="d/", promote_from=f"{below}/"), varies=varies),
        ]
        for each in converge(cases, relay):
            each.verify()
        assert sorted(names(speaker, bucket)) == ["d/one", "d/sub/three", "d/two", "p/one"]
        assert content(speaker, bucket, "d/sub/three") == b"content of sub/three"
        (below / "one").write_text("new content")
        assert not run(speaker, bucket=bucket, name="p/one", promote_from=f"{below}/one")["changed"]
        assert run(speaker, bucket=bucket, name="p/one", promote_from=f"{below}/one", force=True)["changed"]
        assert content(speaker, bucket, "p/one") == b"new content"
        error = failure(speaker, bucket=bucket, name="q", promote_from=f"{below}/none")
        assert isinstance(error, _errors.ApiError)
    finally:
        subprocess.run(["rm", "-rf", str(below)], check=True)


def test_the_cluster_downloads(speaker: Client, bucket: str, web: Any) -> None:
    refused = failure(speaker, bucket=bucket, name="x", url="http://127.0.0.1:9/x")
    assert isinstance(refused, _errors.JobFailed)
    assert "loopback addresses are always refused" in str(refused)
    assert names(speaker, bucket) == []
    web.content.update({"/one": b"first", "/two": b"second"})
    options = {"bucket": bucket, "name": "x", "custom": {"k": "v"}}
    assert run(speaker, url=f"{web.url}/one", **options)["changed"]
    assert not run(speaker, url=f"{web.url}/one", **options)["changed"]
    assert content(speaker, bucket, "x") == b"first"
    signed = run(speaker, url=f"http://me:pass@{web.place}/two?signature=abc", **options)
    assert signed["object"]["custom"] == {"k": "v"}
    assert signed["steps"][0]["detail"] == {"from": f"{web.url}/two?..."}
    assert content(speaker, bucket, "x") == b"second"
    put(speaker, bucket, "x", b"by another")
    assert run(speaker, url=f"{web.url}/two", **options)["changed"]
    assert "does not exist" in str(failure(speaker, url=f"{web.url}/none", **options))
    for name in ("what?", "per%41cent", "1:colon", "hash#tag"):
        run(speaker, bucket=bucket, name=name, url=f"{web.url}/one")
        assert content(speaker, bucket, name) == b"first"


# -- clouds ---------------------------------------------------------------------------------------------------


def test_cloud_objects(cloud: Any, make_cloud_bucket: Callable[..., str], make_relay: Callable[..., Any]) -> None:
    data = {f"n-{number}": b"content %d" % number for number in range(30)}
    address = make_cloud_bucket(cloud, f"cases-{secrets.token_hex(4)}", data)
    other = make_cloud_bucket(cloud, f"copies-{secrets.token_hex(4)}", {"z": b"z"})
    relay = make_relay(cloud)
    speaker = client(relay.url)
    plain = make_bucket(speaker, f"plain-{secrets.token_hex(4)}")

    def one(**options: Any) -> dict[str, Any]:
        return task(bucket=address, **options)

    cases = [
        Case("cache one", one(name="n-1", state="cached")),
        Case("cache a list", one(name=["n-1", "n-2", "nope"], state="cached")),
        Case("cache a template", one(template="n-{0..19}", state="cached")),
        Case("evict one", one(name="n-1", state="evicted")),
        Case("cache all", one(all=True, state="cached")),
        Case("evict some", one(template="n-{10..19}", state="evicted")),
        Case("evict all", one(all=True, state="evicted")),
        Case("absent", one(name="n-3", state="absent")),
        Case("absent, many", one(template="n-{20..29}", state="absent")),
        Case("same content", one(name="n-4", content="content 4"), changes=False),
        Case("other content", one(name="n-4", content="new", custom={"k": "v"})),
        Case("new", one(name="new name", content="new")),
        Case("copy into the cluster", task(bucket=plain, template="n-{5..19}", copy_from=address)),
        Case("copy all of it", task(bucket=plain, all=True, copy_from=address)),
        Case("copy into the cloud", task(bucket=other, template="n-{5..9}", copy_from=f"ais://{plain}")),
        Case(
            "copy one into the cloud",
            task(bucket=other, name="n-1", copy_from=f"ais://{plain}/n-1"),
            varies=("object", "diff"),
        ),
        Case("copy from cloud to cloud", task(bucket=other, all=True, copy_from=address)),
    ]
    found = {each.case.name: each for each in converge(cases, relay)}
    for each in found.values():
        each.verify()
    assert found["cache a list"].apply["steps"][0]["detail"] == {"objects": 1, "names": ["n-2"]}
    assert found["cache a list"].apply["objects"]["missing"] == ["nope"]
    assert found["evict all"].apply["steps"][0]["detail"]["objects"] == 20
    assert found["other content"].apply["object"]["custom"] == {"k": "v"}
    assert "cannot be cached" in str(failure(speaker, bucket=address, name="nope", state="cached"))
    left = sorted(set(data) - {"n-3", *(f"n-{number}" for number in range(20, 30))} | {"new name"})
    assert sorted(names(speaker, address)) == left
    # What the store itself has: eviction removed nothing there, and an upload arrived.
    run(speaker, bucket=address, all=True, state="evicted")
    assert content(speaker, address, "n-1") == b"content 1"
    assert content(speaker, address, "n-4") == b"new"
    run(speaker, bucket=other, all=True, state="evicted")
    assert sorted(names(speaker, other)) == sorted([*left, "z"])
    assert {name: content(speaker, other, name) for name in left} == {
        name: content(speaker, address, name) for name in left
    }


# -- missing nodes --------------------------------------------------------------------------------------------


def _placed(box: Any, speaker: Client, bucket: str) -> dict[str, str]:
    """A name of an object on each target."""
    found: dict[str, str] = {}
    for number in range(100):
        put(speaker, bucket, f"o-{number}", b"x")
        location = info(speaker, bucket=bucket, name=f"o-{number}")["object"]["location"]
        found.setdefault(location.partition("[")[2].partition("]")[0], f"o-{number}")
        if len(found) == box.spec.targets:
            return found
    raise AssertionError(f"objects are only on {sorted(found)}")


def _until(condition: Callable[[], bool], seconds: float = 60) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.1)


def test_not_found_is_no_proof_while_a_node_is_missing(ais_version: str, tmp_path: Path) -> None:
    with running_cluster(version=ais_version, proxies=1, targets=2) as box:
        speaker = client(*box.endpoints, retries=0)
        make_bucket(speaker, "b")
        placed = _placed(box, speaker, "b")
        gone = placed["target-02"]
        assert _evidence.doubts(speaker) == ()
        assert not run(speaker, bucket="b", name="never", state="absent")["changed"]

        box.kill("target-02")
        assert _evidence.doubts(speaker) == ("target target-02 does not answer",)
        # As long as the map has it, its objects are out of reach, and others are not proven absent.
        assert isinstance(failure(speaker, bucket="b", name=gone, state="absent"), _errors.Unreachable)
        never = next(name for name in (f"never-{number}" for number in range(100)) if _answers(speaker, name))
        refused = failure(speaker, bucket="b", name=never, state="absent")
        assert isinstance(refused, _errors.Degraded)
        assert "target-02 does not answer" in str(refused)
        assert "allow_degraded" in str(refused)
        assert isinstance(failure(speaker, bucket="b", name=never, rename_from=placed["target-01"]), _errors.Degraded)
        assert not run(speaker, bucket="b", name=never, state="absent", allow_degraded=True)["changed"]
        with pytest.raises(_errors.Degraded):
            info(speaker, bucket="b", name=never)

        box.start_node("target-02")
        _until(lambda: _answers(speaker, gone))
        assert not run(speaker, bucket="b", name=never, state="absent")["changed"]

        # Stopped in order, but its rebalance did not come to an end.
        box.stop_node("target-02")
        for markers in Path(box.directory).glob("target-02/mp*/.ais.markers"):
            (markers / "rebalance").touch()
        box.start_node("target-02")
        _until(lambda: any("interrupted rebalance" in doubt for doubt in _evidence.doubts(speaker)))
        assert isinstance(failure(speaker, bucket="b", all=True, state="absent"), _errors.Degraded)
        listed = info(speaker, bucket="b")
        assert "interrupted rebalance" in listed["doubts"][0]
        assert listed["warnings"]
        # What is there can be removed all the same.
        assert run(speaker, bucket="b", name=gone, state="absent")["changed"]


@pytest.mark.slow
def test_a_target_that_dropped_out_of_the_map_leaves_a_trace(ais_version: str) -> None:
    with running_cluster(version=ais_version, proxies=1, targets=2) as box:
        speaker = client(*box.endpoints, retries=0)
        make_bucket(speaker, "b")
        gone = _placed(box, speaker, "b")["target-02"]
        box.kill("target-02")
        _until(lambda: "target-02" not in speaker.smap(fresh=True)["tmap"])
        assert not info(speaker, bucket="b", name=gone, allow_degraded=True)["object"]["exists"]
        error = failure(speaker, bucket="b", name=gone, state="absent")
        assert isinstance(error, _errors.Degraded)
        assert "dropped out of the cluster map" in str(error)


def _answers(speaker: Client, name: str) -> bool:
    """Whether the target of this name answers."""
    try:
        speaker.transfer("HEAD", object_path("b", name), what="probe", query={"provider": "ais"}, accept=(404,))
    except _errors.AisError:
        return False
    return True


@pytest.mark.slow
def test_a_target_killed_in_the_middle(ais_version: str, tmp_path: Path) -> None:
    with running_cluster(version=ais_version, proxies=1, targets=2) as box:
        speaker = client(*box.endpoints, retries=1)
        make_bucket(speaker, "b")
        source = tmp_path / "source"
        source.write_bytes(secrets.token_bytes(64 << 20))
        name = _placed(box, speaker, "b")["target-02"]
        killed = threading.Event()

        def slowly() -> Iterator[bytes]:
            for number, piece in enumerate(_transfer.of_file(str(source)).pieces()):
                if number == 32 and not killed.is_set():
                    killed.set()
                    box.kill("target-02")
                yield piece

        broken = _transfer.Content(size=64 << 20, pieces_of=slowly)
        with pytest.raises(_errors.Unreachable):
            _transfer.upload(speaker, parse_bucket("b"), name, broken, kind="none")
        assert killed.is_set()
        box.start_node("target-02")
        _until(lambda: _answers(speaker, name))
        assert content(speaker, "b", name) == b"x"
        assert run(speaker, bucket="b", name=name, src=str(source))["changed"]
        assert not run(speaker, bucket="b", name=name, src=str(source))["changed"]
        assert content(speaker, "b", name) == source.read_bytes()
