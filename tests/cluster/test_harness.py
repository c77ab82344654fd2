# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tools of the other tests: relay, play, converge."""

from __future__ import annotations

import http.client
import socket
import time
from urllib.parse import urlsplit

import ports
import pytest
import requests
from converge import Case, Converged, converge
from playing import Result, play, run_module
from relay import Relay

pytestmark = pytest.mark.ais_version("5.0")
URI = "ansible.builtin.uri"


@pytest.fixture
def session():
    with requests.Session() as session:
        session.trust_env = False
        yield session


def test_relay_records_and_keeps_locations(cluster, relay, bucket_name, session):
    name = bucket_name()
    url = f"{relay.url}/v1/buckets/{name}"
    assert session.post(url, json={"action": "create-bck"}).status_code == 200
    assert session.head(url).status_code == 200
    answer = session.put(f"{relay.url}/v1/objects/{name}/o", allow_redirects=False)
    assert answer.status_code == 307
    targets = {node.url for node in cluster.nodes.values() if node.role == "target"}
    location = urlsplit(answer.headers["Location"])
    assert f"{location.scheme}://{location.netloc}" in targets
    assert [(r.method, r.action, r.status) for r in relay.requests] == [
        ("POST", "create-bck", 200),
        ("HEAD", "", 200),
        ("PUT", "", 307),
    ]
    assert [r.method for r in relay.writes] == ["POST", "PUT"]
    assert relay.count(method="POST", path="/v1/buckets/", action="create-bck") == 1
    assert relay.count(action="destroy-bck") == 0
    relay.reset()
    assert relay.requests == []


def test_relay_passes_answers_unchanged(cluster, relay, session):
    for path in ("/v1/daemon?what=smap", "/v1/nonsense", "/v1/buckets/absent"):
        direct, relayed = session.get(cluster.endpoint + path), session.get(relay.url + path)
        volatile = {"Date", "Ais-Cluster-Uptime", "Ais-Node-Uptime"}
        assert relayed.status_code == direct.status_code
        assert set(relayed.headers) == set(direct.headers)
        for name in set(direct.headers) - volatile:
            if name not in ("Content-Length", "Hdr-Error"):  # errors hold the caller's port
                assert relayed.headers[name] == direct.headers[name]
        if direct.ok:
            assert relayed.content == direct.content


def test_relay_reads_chunked_bodies(relay, session):
    body = iter([b'{"action": "cre', b'ate-bck", "value": 5}'])
    session.post(f"{relay.url}/v1/buckets/x/y/z", data=body)
    assert relay.requests[0].action == "create-bck"


def test_relay_faults(cluster, session):
    with Relay(cluster.endpoint) as relay:
        url = f"{relay.url}/v1/daemon?what=smap"
        fault = relay.fault(path="daemon", times=2, status=503, body=b"busy")
        assert [session.get(url).status_code for attempt in range(3)] == [503, 503, 200]
        assert fault.times == 0
        relay.fault(cut="before")
        with pytest.raises(requests.ConnectionError):
            session.get(url)
        relay.fault(delay=0.3)
        began = time.monotonic()
        assert session.get(url).status_code == 200
        assert time.monotonic() - began >= 0.3


def test_relay_cuts_after_the_work_is_done(cluster, relay, bucket_name, session):
    url = f"/v1/buckets/{bucket_name()}"
    relay.fault(action="create-bck", cut="after")
    with pytest.raises(requests.ConnectionError):
        session.post(relay.url + url, json={"action": "create-bck"})
    assert session.head(cluster.endpoint + url).status_code == 200


def test_ports():
    with ports.refusing() as port, pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    with ports.silent() as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=0.2)
        connection.connect()
        connection.request("GET", "/")
        with pytest.raises(TimeoutError):
            connection.getresponse()


def test_play_keeps_results_and_requests(relay):
    played = play(
        [
            {"name": "one", URI: {"url": f"{relay.url}/v1/health"}},
            {"name": "none", "ansible.builtin.debug": {"msg": "{{ word }}"}},
            {"name": "skipped", "ansible.builtin.debug": {}, "when": False},
            {"name": "bad", "ansible.builtin.fail": {"msg": "so"}, "ignore_errors": True},
            {"name": "writes", URI: {"url": f"{relay.url}/v1/x", "method": "PUT", "status_code": 400}},
        ],
        extra_vars={"word": "yes"},
        relay=relay,
    )
    assert [result.status for result in played] == ["ok", "ok", "skipped", "failed", "ok"]
    assert [len(result.requests) for result in played] == [1, 0, 0, 0, 1]
    assert [len(result.writes) for result in played] == [0, 0, 0, 0, 1]
    assert played["none"].msg == "yes"
    assert played["bad"].failed


def test_play_tells_of_failures():
    tasks = [{"name": "bad", "ansible.builtin.fail": {"msg": "so it is"}}]
    with pytest.raises(AssertionError, match="so it is"):
        play(tasks)
    played = play(tasks, ok=False, hosts=["a", "b"])
    assert [(r.host, r.msg) for r in sorted(played, key=lambda r: r.host)] == [
        ("a", "so it is"),
        ("b", "so it is"),
    ]


def test_run_module():
    assert run_module("ansible.builtin.ping", {"data": "x"}, check=True)["ping"] == "x"


def test_converge_counts_writes(cluster, relay, bucket_name):
    """A task that writes each time, as a badly behaved module would."""
    task = {
        URI: {
            "url": f"{relay.url}/v1/buckets/{bucket_name()}",
            "method": "POST",
            "body_format": "json",
            "body": {"action": "create-bck"},
            "status_code": [200, 409],
        }
    }
    (case,) = converge([Case("bad", task)], relay)
    assert [r.status for r in case.rounds.values()] == ["skipped", "ok", "skipped", "ok"]
    assert [len(r.writes) for r in case.rounds.values()] == [0, 1, 0, 1]
    with pytest.raises(AssertionError, match="bad: "):
        case.verify()


def _round(changed=False, writes=0, status="ok", **result):
    request = type("Request", (), {"method": "PUT", "__str__": lambda self: "PUT"})
    return Result(1, "t", "h", status, {"changed": changed, **result}, [request()] * writes)


@pytest.mark.parametrize(
    ("rounds", "complaint"),
    [
        ((_round(True), _round(True, 1), _round(), _round()), None),
        ((_round(True), _round(True, 1), _round(), _round(True, 1)), "changed"),
        ((_round(), _round(True, 1), _round(), _round()), "changed"),
        ((_round(True, 1), _round(True, 1), _round(), _round()), "writes"),
        ((_round(True), _round(True, 1), _round(), _round(writes=1)), "writes"),
        ((_round(True), _round(True), _round(), _round()), "without a write"),
        ((_round(True, diff=1), _round(True, 1, diff=2), _round(), _round()), "diff"),
        ((_round(True), _round(True, 1, bucket={}), _round(), _round()), "bucket"),
        ((_round(True), _round(True, 1, "failed", msg="oh"), _round(), _round()), "oh"),
        ((_round(True, jobs=[]), _round(True, 1, jobs=[1]), _round(), _round()), None),
        ((_round(True), _round(True, 1, jobs=[1]), _round(), _round()), "jobs"),
    ],
)
def test_verify_complains(rounds, complaint):
    converged = Converged(Case("case", {}), *rounds)
    if complaint is None:
        converged.verify()
    else:
        with pytest.raises(AssertionError, match=complaint):
            converged.verify()
