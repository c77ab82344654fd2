# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ais_download on real clusters, from a web server of the test's own."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from ansible_collections.community.aistore.plugins.module_utils import _engine, _errors
from ansible_collections.community.aistore.plugins.module_utils._client import Client
from ansible_collections.community.aistore.plugins.module_utils._resources.download import make
from ansible_collections.community.aistore.plugins.modules import ais_download
from conftest import session_of
from converge import Case, converge
from objects import client, make_bucket
from objects import run as objects_run
from playing import play
from web import serving

MODULE = "community.aistore.ais_download"


def download(**options: Any) -> dict[str, Any]:
    return {MODULE: options}


def content(box: Any, bucket: str) -> dict[str, bytes]:
    """What is in a bucket, by name."""
    body = {"action": "list", "value": {"props": "name"}}
    with session_of(box) as session:
        listed = session.get(f"{box.endpoint}/v1/buckets/{bucket}", json=body, timeout=30).json()
        names = [entry["name"] for entry in listed.get("entries") or ()]
        where = f"{box.endpoint}/v1/objects/{bucket}"
        return {name: session.get(f"{where}/{quote(name)}", timeout=30).content for name in names}


def jobs(box: Any) -> list[dict[str, Any]]:
    status, answer = box.http().call("GET", f"{box.endpoint}/v1/download", {})
    assert status == 200, answer
    return json.loads(answer)


def test_it_converges(cluster: Any, relay: Any, web: Any, bucket_name: Callable[..., str]) -> None:
    bucket = bucket_name()
    web.content.update({f"/d/{number:02}.tar": b"shard %d" % number for number in range(20)})
    web.content.update({"/one": b"one", "/two": b"other"})
    template, five = (f"{web.url}/d/{{00..{last}}}.tar" for last in ("19", "04"))
    new = {"one": f"{web.url}/two", "o/what?": f"{web.url}/one?token=12345678"}
    cases = [
        Case(
            "template",
            download(bucket=bucket, template=five, prefix="train/"),
            before=[{"community.aistore.ais_bucket": {"name": bucket}}],
            varies=("jobs",),
        ),
        Case("more of it", download(bucket=bucket, template=template, prefix="train/"), varies=("jobs",)),
        Case("less of it", download(bucket=bucket, template=five, prefix="train/"), changes=False),
        Case("links", download(bucket=f"ais://{bucket}", links=[f"{web.url}/one"]), varies=("jobs",)),
        Case(
            "another link",
            download(
                bucket=bucket,
                objects=new,
                headers={"X-Key": "hidden value"},
                limits={"connections": 1, "bytes_per_hour": "1GiB"},
                link_timeout="1m",
            ),
            varies=("jobs",),
        ),
        Case("nothing to stop", download(bucket=bucket, state="stopped"), changes=False),
        Case("nothing at all", download(bucket=bucket, links=[]), changes=False),
    ]
    found = {each.case.name: each for each in converge(cases, relay)}
    for each in found.values():
        each.verify()
    assert found["template"].apply["objects"] == {"bucket": f"ais://{bucket}", "selected": 5, "left": 0, "errors": {}}
    (job,) = found["more of it"].apply["jobs"]
    assert (job["state"], job["objects"]) == ("finished", 15)
    assert found["another link"].apply["diff"] == {
        "before": {f"ais://{bucket}/": {"one": "not from this address"}},
        "after": {f"ais://{bucket}/": {"one": f"{web.url}/two", "o/what?": f"{web.url}/one?..."}},
    }
    shards = {f"train/{number:02}.tar": b"shard %d" % number for number in range(20)}
    assert content(cluster, bucket) == {**shards, "one": b"other", "o/what?": b"one"}
    with_header = [path for path, headers in web.asked if headers.get("X-Key") == "hidden value"]
    assert sorted(with_header) == ["/one?token=12345678", "/two"]
    assert len(web.paths()) == 20 + 1 + 2  # each of them once
    told = json.dumps([found["another link"].check.result, found["another link"].apply.result])
    assert "hidden value" not in told
    assert "12345678" not in told
    # More than a few are looked at with one listing, whatever they are, and nothing is left of the jobs.
    again = found["more of it"].apply_again
    assert [request.method for request in again.requests if "/v1/objects/" in request.path] == []
    assert not [job for job in jobs(cluster) if f"ais://{bucket}" in job["description"]]


def test_what_goes_wrong(cluster: Any, relay: Any, web: Any, bucket_name: Callable[..., str]) -> None:
    bucket, missing = bucket_name(), bucket_name()
    good = {name: f"{web.url}/{name}" for name in "abcdef"}
    web.content.update({f"/{name}": name.encode() for name in good})
    secret = f"http://me:pass-word@{web.place}/none?signature=s3cr3t-sign"
    blocked = "http://127.0.0.1:9/x"
    tasks = [
        {"name": "no bucket", **download(bucket=missing, objects=good)},
        {"name": "no bucket yet", **download(bucket=missing, objects=good), "check_mode": True},
        {"name": "bucket", "community.aistore.ais_bucket": {"name": bucket}},
        {"name": "all bad", **download(bucket=bucket, objects={"x": secret, "y": blocked})},
        {"name": "some bad", **download(bucket=bucket, objects={**good, "x": secret, "y": blocked})},
        {"name": "the good ones", **download(bucket=bucket, objects=good)},
        # A target that cannot look at a link of an object that it has drops the rest: that is sent again.
        {"name": "now bad", **download(bucket=bucket, objects={**good, "a": blocked, "b": blocked}, force=True)},
        {"name": "replaced", "community.aistore.ais_object": {"bucket": bucket, "name": "c", "content": "by another"}},
        {"name": "mended", **download(bucket=bucket, objects=good)},
        {"name": "would be forced", **download(bucket=bucket, objects=good, force=True), "check_mode": True},
    ]
    played = play([{**task, "ignore_errors": True} for task in tasks], endpoint=relay.url, relay=relay)
    assert "does not exist, so that nothing can be downloaded into it" in played["no bucket"].msg
    assert not played["no bucket"].writes
    assert played["no bucket yet"].changed
    assert "does not exist" in str(played["no bucket yet"]["warnings"])
    bad, some = played["all bad"], played["some bad"]
    assert bad.failed
    assert not bad.changed
    assert bad["steps"] == []
    assert "2 of 2 objects could not be downloaded" in bad.msg
    assert "loopback addresses are always refused" in bad.msg
    assert some.failed
    assert some.changed
    assert some["steps"][0]["detail"] == {"objects": 6, "names": list(good)}
    assert set(some["objects"]["errors"]) == {"x", "y"}
    assert some["objects"]["left"] == 2
    assert "'x': ErrNotFound" in some.msg
    for each in (bad, some):
        assert "s3cr3t" not in json.dumps(each.result)
        assert "pass-word" not in json.dumps(each.result)
    assert not played["the good ones"].changed
    assert set(played["now bad"]["objects"]["errors"]) == {"a", "b"}
    assert played["now bad"]["steps"][0]["detail"]["names"] == list("cdef")
    assert played["mended"]["steps"][0]["detail"]["names"] == ["c"]
    assert played["would be forced"]["steps"][0]["detail"]["names"] == list(good)
    assert not played["would be forced"].writes
    assert content(cluster, bucket) == {name: name.encode() for name in good}


def run(speaker: Client, *, wait: bool = True, wait_timeout: float = 60, **options: Any) -> dict[str, Any]:
    """The result of the module, in this process."""
    defaults = {name: spec.get("default") for name, spec in ais_download.SPEC.items()}
    which = make({**defaults, "wait": wait, **options}, speaker)
    return _engine.converge(which, check_mode=speaker.check_mode, wait=wait, wait_timeout=wait_timeout)


def test_jobs_are_joined_taken_over_and_stopped(
    cluster: Any, relay: Any, web: Any, bucket_name: Callable[..., str]
) -> None:
    speaker, careful = client(relay.url), client(relay.url, check_mode=True)
    bucket, other = (make_bucket(speaker, bucket_name()) for _number in range(2))
    web.content.update({"/a": b"a", "/b": b"b"})
    slow = {"bucket": bucket, "objects": {name: f"{web.url}/{name}" for name in "ab"}}

    web.open.clear()
    begun = run(speaker, wait=False, **slow)
    (job,) = begun["jobs"]
    assert begun["changed"]
    assert begun["objects"]["left"] == 2
    relay.reset()
    assert not run(speaker, wait=False, **slow)["changed"]
    with pytest.raises(_engine.Failure, match="still running") as late:
        run(speaker, wait_timeout=0.3, **slow)
    assert isinstance(late.value.cause, _errors.JobTimeout)
    assert run(careful, **slow)["steps"][0]["detail"]["jobs"] == [job["id"]]
    assert not run(speaker, bucket=other, state="stopped")["changed"]
    assert not relay.writes

    web.open.set()
    joined = run(speaker, **slow)
    assert joined["changed"]
    assert (joined["jobs"][0]["id"], joined["jobs"][0]["objects"]) == (job["id"], 2)
    assert not run(speaker, **slow)["changed"]
    assert relay.count(method="POST") == 0
    assert web.paths() == ["/a", "/b"]

    # One that ended while nobody looked. What went wrong in it is tried again.
    unseen = {"bucket": bucket, "objects": {"t": f"{web.url}/a", "u": f"{web.url}/later"}}
    (job,) = run(speaker, wait=False, **unseen)["jobs"]
    ended(cluster, job["id"])
    web.content["/later"] = b"late"
    taken = run(speaker, **unseen)
    assert [each["state"] for each in taken["jobs"]] == ["finished", "finished"]
    assert taken["jobs"][0]["id"] == job["id"]
    assert web.paths() == ["/a", "/later", "/later"]
    assert not run(speaker, **unseen)["changed"]

    web.open.clear()
    stuck = {"bucket": bucket, "links": [f"{web.url}/b"], "prefix": "stuck/"}
    (job,) = run(speaker, wait=False, **stuck)["jobs"]
    relay.reset()
    foreseen = run(careful, bucket=bucket, state="stopped")
    assert not relay.writes
    stopped = run(speaker, bucket=bucket, state="stopped")
    assert foreseen["steps"] == stopped["steps"]
    assert [step["target"] for step in stopped["steps"]] == [f"download[{job['id']}]"]
    assert not run(speaker, bucket=bucket, state="stopped")["changed"]
    assert [each["aborted"] for each in jobs(cluster) if each["id"] == job["id"]] == [True]
    web.open.set()
    assert run(speaker, **stuck)["changed"]
    assert content(cluster, bucket) == {"a": b"a", "b": b"b", "t": b"a", "u": b"late", "stuck/b": b"b"}


def ended(box: Any, job: str) -> None:
    """Wait until a job has ended."""
    deadline = time.monotonic() + 30
    while any(each["id"] == job and each["finished_time"].startswith("1970") for each in jobs(box)):
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.slow
def test_what_is_downloaded_into_a_cloud_is_there_until_it_is_evicted(
    cloud: Any, make_cloud_bucket: Callable[..., str]
) -> None:
    bucket = make_cloud_bucket(cloud, f"downloads-{secrets.token_hex(4)}")
    speaker = client(cloud.endpoint)
    evict = {"bucket": bucket, "state": "evicted"}
    with serving(cloud) as web:
        web.content.update({f"/{number:02}": b"%d" % number for number in range(20)})
        few, many = ({"bucket": bucket, "template": f"{web.url}/{{00..{last}}}"} for last in ("02", "19"))
        for options in (few, many):
            assert run(speaker, **options)["changed"]
            assert not run(speaker, **options)["changed"]
        objects_run(speaker, name=["01"], **evict)
        assert run(speaker, **few)["steps"][0]["detail"]["names"] == ["01"]
        objects_run(speaker, all=True, **evict)
        # It went to the cloud: there is something to read back.
        with session_of(cloud) as session:
            where = f"{cloud.endpoint}/v1/objects/{bucket.partition('://')[2]}/19"
            assert session.get(where, params={"provider": "aws"}, timeout=30).content == b"19"
        assert run(speaker, **many)["objects"]["left"] == 0
        assert not run(speaker, **few)["changed"]


@pytest.mark.ais_version("5.0")
def test_mistakes_are_told_before_anything_is_sent(cluster: Any, relay: Any) -> None:
    url = "https://example.com"
    mistakes = {
        "one of objects, links, template; given are 0": {},
        "one of objects, links, template; given are 2": {"links": [url], "template": url},
        "links is for 'state: present'": {"links": [url], "state": "stopped"},
        "template: 'https://example.com/a' has no range": {"template": f"{url}/a"},
        "links: AIStore downloads from http:// and https:// addresses, not from 's3://b/o'": {"links": ["s3://b/o"]},
        "not from '://example.com/x'": {"links": ["example.com/x"]},
        "names no host": {"links": ["http:///x"]},
        "an object needs a name": {"links": [f"{url}/"]},
        "without blanks": {"objects": {"a": f"{url}/a b"}},
        "two links are for 'a'": {"links": [f"{url}/a", f"{url}/b/a?x=1"]},
        "objects: '../a'": {"objects": {"../a": f"{url}/a"}},
        "limits.connections": {"links": [f"{url}/a"], "limits": {"connections": 0}},
        "link_timeout: ": {"links": [f"{url}/a"], "link_timeout": "soon"},
    }
    tasks = [
        {"name": expected, **download(bucket="b", **options), "ignore_errors": True}
        for expected, options in mistakes.items()
    ]
    played = play(tasks, endpoint=relay.url, relay=relay)
    for expected in mistakes:
        assert expected in played[expected].msg, expected
        assert not played[expected].requests
