# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sorts of small shards on real clusters: what the output holds, what counts as sorted, what is refused."""

from __future__ import annotations

import contextlib
import io
import json
import tarfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from conftest import session_of
from converge import Case, converge
from playing import play
from relay import Relay

MODULE = "community.aistore.ais_dsort"
SHARDS, RECORDS = 5, 10
VARIES = ("jobs", "sort")


def dsort(**options: Any) -> dict[str, Any]:
    return {MODULE: options}


def shard(names: list[str]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = 100
            tar.addfile(info, io.BytesIO(name.encode().ljust(100)))
    return packed.getvalue()


def records(shard_number: int) -> list[str]:
    return [f"{(shard_number * RECORDS + n) * 7919 % 1000:03d}.txt" for n in range(RECORDS)]


ALL = sorted(name for number in range(SHARDS) for name in records(number))


class Store:
    """The objects of a cluster, as its users see them."""

    def __init__(self, box: Any) -> None:
        self.box = box

    def put(self, bucket: str, name: str, data: bytes) -> None:
        with session_of(self.box) as session:
            assert session.put(f"{self.box.endpoint}/v1/objects/{bucket}/{name}", data=data, timeout=30).ok

    def names(self, bucket: str, prefix: str = "") -> list[str]:
        body = {"action": "list", "value": {"props": "name", "flags": "0"}}
        status, answer = self.box.http().call("GET", f"{self.box.endpoint}/v1/buckets/{bucket}?provider=ais", body)
        assert status == 200, answer
        return [each["name"] for each in json.loads(answer)["entries"] or () if each["name"].startswith(prefix)]

    def records(self, bucket: str, prefix: str = "") -> list[str]:
        """The records of all shards, in order."""
        found = []
        with session_of(self.box) as session:
            for name in self.names(bucket, prefix):
                answer = session.get(f"{self.box.endpoint}/v1/objects/{bucket}/{name}", timeout=30)
                with tarfile.open(fileobj=io.BytesIO(answer.content)) as tar:
                    for member in tar.getmembers():
                        assert tar.extractfile(member).read().strip() == member.name.encode()  # type: ignore[union-attr]
                        found.append(member.name)
        return found

    def delete(self, bucket: str, name: str) -> None:
        with session_of(self.box) as session:
            assert session.delete(f"{self.box.endpoint}/v1/objects/{bucket}/{name}", timeout=30).ok

    def sort(self, what: str, **query: str) -> int:
        url = f"{self.box.endpoint}/v1/sort?" + "&".join(f"{key}={value}" for key, value in query.items())
        return self.box.http().call(what, url)[0]  # type: ignore[no-any-return]


@pytest.fixture
def store(cluster: Any) -> Store:
    return Store(cluster)


@pytest.fixture
def raw(store: Store, bucket_name: Callable[..., str]) -> str:
    """A bucket with shards that are not in order."""
    bucket = bucket_name()
    body = {"action": "create-bck"}
    assert store.box.http().call("POST", f"{store.box.endpoint}/v1/buckets/{bucket}", body)[0] == 200
    for number in range(SHARDS):
        store.put(bucket, f"shard-{number}.tar", shard(records(number)))
    return bucket


def spec(raw: str, out: str, **more: Any) -> dict[str, Any]:
    """A sort of all into 5 shards or so."""
    source = {"bucket": raw, "template": "shard-{0..9}.tar"}
    return {
        "name": out,
        "input": source,
        "output": {"bucket": out, "template": "new-{000..999}", "shard_size": 1000},
        **more,
    }


def test_sorts_converge(store: Store, relay: Relay, raw: str, bucket_name: Callable[..., str]) -> None:
    out, packed = bucket_name(), bucket_name()
    shuffle = {"algorithm": {"kind": "shuffle", "seed": 7}}
    here = spec(raw, raw, output={"template": "here-{0..99}", "shard_size": 2000}, **shuffle, name=f"{out}-shuffled")
    names = {"bucket": raw, "names": ["shard-1.tar", "shard-3.tar"]}
    tgz = spec(raw, packed, input=names, output={"bucket": packed, "template": "p-{0..9}", "extension": ".tgz"})
    cases = [
        Case("sorted", dsort(**spec(raw, out)), varies=VARIES),
        Case("shuffled, beside the input", dsort(**here), varies=VARIES),
        Case("two by name, repacked", dsort(**{**tgz, "algorithm": {"kind": "none"}}), varies=VARIES),
        Case("faster", dsort(**spec(raw, out, max_mem_usage="50%", create_concurrency_max_limit=2)), changes=False),
    ]
    found = {converged.case.name: converged for converged in converge(cases, relay)}
    for converged in found.values():
        converged.verify()
    assert store.names(out) == [f"new-{number:03d}.tar" for number in range(SHARDS)]
    assert store.records(out) == ALL
    shuffled = store.records(raw, "here-")
    assert sorted(shuffled) == ALL != shuffled
    assert sorted(store.records(packed)) == sorted(records(1) + records(3))

    first = found["sorted"].apply
    assert first["steps"][0]["detail"] == {
        "input": f"ais://{raw}/shard-{{0..9}}.tar",
        "output": f"ais://{out}/new-{{000..999}}",
        "algorithm": "alphanumeric",
        "shards": SHARDS,
        "creates": f"ais://{out}",
    }
    assert first["jobs"][0] == {
        "id": first["sort"]["id"],
        "kind": "dsort",
        "target": out,
        "state": "finished",
        "objects": SHARDS,
        "bytes": SHARDS * RECORDS * 100,
    }
    counted = {
        name: first["sort"][name] for name in ("state", "input_shards", "records", "bytes", "output_shards", "errors")
    }
    assert counted == {
        "state": "finished",
        "input_shards": SHARDS,
        "records": SHARDS * RECORDS,
        "bytes": SHARDS * RECORDS * 100,
        "output_shards": SHARDS,
        "errors": [],
    }
    assert sum(part["records"] for part in first["sort"]["targets"].values()) == SHARDS * RECORDS
    predicted = found["sorted"].check["sort"]
    assert (predicted["id"], predicted["state"], predicted["input_shards"]) == ("", "finished", SHARDS)
    assert found["faster"].apply["sort"] == first["sort"]


def test_what_counts_as_sorted(store: Store, relay: Relay, raw: str, bucket_name: Callable[..., str]) -> None:
    out = bucket_name()
    whole = spec(raw, out)
    coarse = spec(raw, out, output={**whole["output"], "shard_size": 3000})
    played = play(
        [
            {"name": "begun", **dsort(**whole, wait=False)},
            {"name": "joined", **dsort(**whole)},
            {"name": "again", **dsort(**whole)},
            {"name": "forced", **dsort(**whole, force=True)},
            {"name": "coarser, predicted", **dsort(**coarse), "check_mode": True},
            {"name": "coarser", **dsort(**coarse)},
            {"name": "coarser again", **dsort(**coarse)},
            {"name": "nothing to stop", **dsort(name=out, state="stopped")},
            {"name": "would forget", **dsort(name=out, state="absent"), "check_mode": True},
        ],
        endpoint=relay.url,
        relay=relay,
    )
    assert [each.task for each in played if each.changed] == [
        "begun",
        "forced",
        "coarser, predicted",
        "coarser",
        "would forget",
    ]
    assert played["joined"]["sort"]["state"] == "finished"
    assert played["joined"]["sort"]["id"] == played["begun"]["jobs"][0]["id"]
    assert played["again"]["sort"]["id"] != played["forced"]["sort"]["id"]
    assert not played["coarser, predicted"].writes
    assert "with another spec" in str(played["coarser"]["diff"]["before"])
    assert played["coarser"]["sort"]["output_shards"] == 2
    (told,) = played["coarser"]["warnings"]
    assert "3 more objects with names of output shards, as new-002.tar" in told
    assert not played["nothing to stop"].writes
    assert not played["would forget"].writes

    relay.reset()
    # Another sort of the same spec is not this one, and must not write over it.
    other = dsort(**{**coarse, "name": f"{out}-other"})
    played = play(
        [
            {"name": "predicted", **other, "check_mode": True, "ignore_errors": True},
            {"name": "another name", **other, "ignore_errors": True},
        ],
        endpoint=relay.url,
        relay=relay,
    )
    for refused in played:
        assert "has 5 objects already with names of output shards, as new-000.tar" in refused.msg
        assert not refused.writes


def test_the_output_tells_of_a_sort_that_the_cluster_forgot(
    store: Store, relay: Relay, raw: str, bucket_name: Callable[..., str]
) -> None:
    out = bucket_name()
    whole = spec(raw, out, output={"bucket": out, "template": "one-{0..9}", "shard_size": "1MiB"})
    other = {**whole, "algorithm": {"decreasing": True}}
    forget = dsort(name=out, state="absent")
    played = play(
        [
            {"name": "sorted", **dsort(**whole)},
            {"name": "forgotten", **forget},
            {"name": "forgotten already", **forget},
            {"name": "still sorted", **dsort(**whole)},
            {"name": "the other way", **dsort(**other)},
            {"name": "and forgotten", **forget},
            {"name": "the other way still", **dsort(**other)},
        ],
        endpoint=relay.url,
        relay=relay,
    )
    assert [each.task for each in played if each.changed] == ["sorted", "forgotten", "the other way", "and forgotten"]
    assert played["forgotten"]["sort"]["state"] == "none"
    told = played["still sorted"]["sort"]
    assert (told["id"], told["state"], told["output_shards"], told["records"]) == ("", "finished", 1, None)
    assert played["the other way"]["diff"]["before"] == {out: {"latest": "one that the cluster has forgotten"}}
    assert store.records(out) == ALL[::-1]

    # What is not there is not sorted.
    store.delete(out, "one-0.tar")
    played = play([{"name": "sorted again", **dsort(**other)}], endpoint=relay.url)
    assert played["sorted again"].changed
    assert store.records(out) == ALL[::-1]


def test_a_sort_that_runs_is_stopped_and_one_that_fails_says_why(
    store: Store, relay: Relay, raw: str, bucket_name: Callable[..., str]
) -> None:
    out = bucket_name()
    # So many names take the targets seconds, whatever they find.
    long = spec(raw, out, input={"bucket": raw, "template": "shard-{0..499999}"}, missing_shards="ignore")
    played = play(
        [
            {"name": "begun", **dsort(**long, wait=False)},
            {"name": "too impatient", **dsort(**long, wait_timeout=0.1), "ignore_errors": True},
            {"name": "another spec", **dsort(**spec(raw, out)), "ignore_errors": True},
            {"name": "not removed", **dsort(name=out, state="absent"), "ignore_errors": True},
            {"name": "would stop", **dsort(name=out, state="stopped"), "check_mode": True},
            {"name": "stopped", **dsort(name=out, state="stopped")},
            {"name": "stopped again", **dsort(name=out, state="stopped")},
            {"name": "no order", **dsort(**spec(raw, out, algorithm={"kind": "content", "extension": ".cls"})), "ignore_errors": True},
            {"name": "begun again", **dsort(**long, wait=False)},
            {"name": "removed", **dsort(name=out, state="absent", force=True)},
        ],
        endpoint=relay.url,
        relay=relay,
    )  # fmt: skip
    assert played["too impatient"]["error"]["type"] == "JobTimeout"
    assert "is running, with another spec" in played["another spec"].msg
    assert "Stop it with 'state: stopped'" in played["not removed"].msg
    assert played["would stop"].changed
    for quiet in ("too impatient", "another spec", "not removed", "would stop", "stopped again"):
        assert not played[quiet].writes
    assert played["stopped"].changed
    assert not played["stopped again"].changed
    assert [(each["id"], each["state"]) for each in played["stopped"]["jobs"]] == [
        (played["begun"]["jobs"][0]["id"], "aborted")
    ]
    assert played["stopped"]["sort"]["state"] == "aborted"
    failed = played["no order"]
    assert failed["error"]["type"] == "JobFailed"
    assert "failed: target-0" in failed.msg
    assert "key is missing" in failed.msg
    assert "aborted" not in failed.msg
    assert failed["sort"]["state"] == "failed"
    assert played["removed"].changed
    assert store.sort("GET", uuid=played["begun again"]["jobs"][0]["id"]) == 404


def test_what_cannot_be_is_refused_before_anything_is_sent(
    store: Store, relay: Relay, raw: str, bucket_name: Callable[..., str]
) -> None:
    out = bucket_name()
    nothing = {"bucket": raw, "template": "nothing-{0..9}"}
    gone = {"bucket": f"{raw}-gone", "template": "shard-{0..4}"}
    listed = {"bucket": raw, "names": ["shard-0.tar", "shard-7.tar"]}
    mistakes = {
        "nothing-{0..9}: no such shard exists": spec(raw, out, input=nothing),
        f"input: ais://{raw}-gone does not exist": spec(raw, out, input=gone),
        "1 of the shards do not exist, as shard-7.tar": spec(raw, out, input=listed),
        "5 of the shards do not exist, as shard-5.tar": spec(raw, out, missing_shards="abort"),
        "output.template: 'new' has no range": spec(raw, out, output={"bucket": out, "template": "new"}),
        "and would destroy it": spec(raw, raw, output={"template": "shard-{1..3}.tar"}),
    }
    tasks = [{"name": told, **dsort(**options), "ignore_errors": True} for told, options in mistakes.items()]
    assumed = [
        {"name": f"check: {told}", **dsort(**mistakes[told]), "check_mode": True}
        for told in list(mistakes)[:3]
    ]  # fmt: skip
    played = play([*tasks, *assumed], endpoint=relay.url, relay=relay)
    for told in mistakes:
        assert played[told].failed
        assert told in played[told].msg
        assert not played[told].writes
    for task in assumed:
        assert played[task["name"]].changed
        assert "Check mode assumes" in played[task["name"]]["warnings"][0]


@pytest.mark.ais_version("5.0")
def test_servers_without_dsort_are_found_out(
    store: Store, relay: Relay, raw: str, bucket_name: Callable[..., str]
) -> None:
    out = bucket_name()
    for check in (True, False):
        relay.fault(method="GET", path="/v1/sort", times=2, status=200, body=b"[]")
        played = play(
            [{"name": "sort", **dsort(**spec(raw, out)), "ignore_errors": True}], endpoint=relay.url, check=check
        )
        assert "the servers were built without dsort" in played["sort"].msg
    relay.fault(method="POST", path="/v1/sort", status=501, body=b"dsort not enabled (build with -tags=dsort)")
    played = play([{"name": "sort", **dsort(**spec(raw, out)), "ignore_errors": True}], endpoint=relay.url)
    assert "built without dsort" in played["sort"].msg
    assert "dsort not enabled" in played["sort"].msg


@pytest.mark.slow
def test_of_a_cloud_what_is_cached_is_sorted(
    cloud: Any, make_cloud_bucket: Callable[..., str], make_relay: Any, bucket_name: Callable[..., str]
) -> None:
    content = {f"shard-{number}.tar": shard(records(number)) for number in range(3)}
    bucket = make_cloud_bucket(cloud, bucket_name(), content)
    out = bucket_name()
    some = spec(bucket, out, output={"bucket": bucket, "template": "new-{0..9}", "shard_size": "1MiB"})
    relay = make_relay(cloud)
    played = play(
        [
            {"name": "nothing cached", **dsort(**some), "ignore_errors": True},
            {"name": "no bucket", **dsort(**{**some, "output": {**some["output"], "bucket": out}}), "ignore_errors": True},
            {"name": "cached", "community.aistore.ais_object": {"bucket": bucket, "template": "shard-{0..1}.tar", "state": "cached"}},
            {"name": "sorted", **dsort(**some)},
            {"name": "forgotten", **dsort(name=out, state="absent")},
            {"name": "sorted still", **dsort(**some)},
        ],
        endpoint=relay.url,
        relay=relay,
    )  # fmt: skip
    assert "'ais_object' with 'state: cached' fetches it" in played["nothing cached"].msg
    assert f"output: ais://{out} does not exist" in played["no bucket"].msg
    assert not played["nothing cached"].writes
    assert not played["no bucket"].writes
    assert (played["sorted"]["sort"]["input_shards"], played["sorted"]["sort"]["records"]) == (2, 2 * RECORDS)
    assert not played["sorted still"].changed


@pytest.mark.slow
def test_an_order_file_names_the_output(
    store: Store, relay: Relay, raw: str, bucket_name: Callable[..., str], ais_version: str
) -> None:
    out = bucket_name()
    with ordering({"even-{00..99}.tar": ALL[::2], "odd-{00..99}.tar": ALL[1::2]}) as url:
        some = dsort(**spec(raw, out, output={"bucket": out, "shard_size": "1MiB"}, ekm_file=url))
        tasks = [
            {"name": "sorted", **some, "ignore_errors": True},
            {"name": "forgotten", **dsort(name=out, state="absent")},
            {"name": "sorted still", **some, "ignore_errors": True},
        ]
        played = play(tasks, endpoint=relay.url, relay=relay)
    if ais_version == "5.0":
        # It fetches nothing from private addresses.
        assert "egress blocked" in played["sorted"].msg
        return
    assert played["sorted"]["sort"]["output_shards"] == 2
    assert not played["sorted still"].changed
    assert store.names(out) == ["even-00.tar", "odd-00.tar"]
    assert store.records(out, "odd") == ALL[1::2]


@contextlib.contextmanager
def ordering(order: dict[str, list[str]]) -> Iterator[str]:
    """The address of an order file."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(order).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/order.json"
        finally:
            server.shutdown()
