# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters as a whole: the primary, attached clusters, backends, and their end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import ports
import pytest
from conftest import relay_to, running_cluster, session_of
from converge import Case, converge
from playing import play

MODULE = "community.aistore.ais_cluster"
CONFIG = "community.aistore.ais_cluster_config"


def task(**options: Any) -> dict[str, Any]:
    return {MODULE: options}


@pytest.fixture(scope="module")
def pair(ais_version: str) -> Iterator[tuple[Any, Any]]:
    """Two clusters of their own: the second one is to be attached to the first.

    That one has neither the certificates nor a token of another, which hence wants none.
    """
    with running_cluster(version=ais_version, proxies=2, targets=2, backends=["aws"]) as box:  # noqa: SIM117
        with running_cluster(version=ais_version, proxies=2, targets=1, tls="off", authn=False) as other:
            yield box, other


def remotes(box: Any) -> dict[str, str]:
    found = box.http().read(f"{box.endpoint}/v1/cluster?what=remote")["a"] or ()
    return {entry["alias"]: entry["uuid"] for entry in found}


def test_primary_and_backends_converge(pair: tuple[Any, Any]) -> None:
    box, _other = pair
    cases = [
        Case("primary", task(primary="proxy-02")),
        Case("primary, back", task(primary="proxy-01")),
        Case("disabled", task(backends={"aws": "disabled"})),
        Case("enabled", task(backends={"s3": True})),
    ]
    with relay_to(box) as relay:
        for found in converge(cases, relay):
            found.verify()
            assert len(found.apply.writes) == 1
    assert box.http().read(f"{box.endpoint}/v1/cluster?what=smap")["proxy_si"]["daemon_id"] == "proxy-01"


def test_attached_clusters_converge_and_can_be_used_at_once(pair: tuple[Any, Any]) -> None:
    box, other = pair
    uuid = other.info()["uuid"]
    cases = [
        Case("attach", task(remote_clusters={"backup": f"{other.endpoint}/"})),
        Case("other alias", task(remote_clusters={"mirror": other.endpoint, "backup": ""})),
        Case("other address", task(remote_clusters={"mirror": other.endpoints[1]})),
        Case("unlisted stays", task(remote_clusters={}), changes=False),
        Case("purge", task(remote_clusters={}, purge_remote_clusters=True)),
        Case("detached already", task(remote_clusters={"mirror": None}), changes=False),
    ]
    with relay_to(box) as relay:
        found = {converged.case.name: converged for converged in converge(cases, relay)}
    for converged in found.values():
        converged.verify()
    assert found["attach"].apply["cluster"]["remote_clusters"] == {"backup": {"url": other.endpoint, "uuid": uuid}}
    assert [step["verb"] for step in found["other address"].apply["steps"]] == ["detach", "attach"]
    assert remotes(box) == {}

    # Nothing may get lost of what is done in its buckets from the first moment on.
    played = play([{"name": "attach", **task(remote_clusters={"again": other.endpoint})}], endpoint=box.endpoint)
    assert played["attach"].changed
    space = {"provider": "ais", "namespace": f"@{uuid}"}
    url = f"{box.endpoint}/v1/buckets/used-at-once"
    with session_of(box) as session:
        assert session.post(url, params=space, json={"action": "create-bck"}, timeout=60).ok
        for number in range(8):
            name = f"{box.endpoint}/v1/objects/used-at-once/o{number}"
            assert session.put(name, params=space, data=b"kept", timeout=60).ok
    with session_of(other) as session:
        names = [f"{other.endpoint}/v1/objects/used-at-once/o{number}" for number in range(8)]
        kept = [session.get(name, timeout=60).content for name in names]
    assert kept == [b"kept"] * 8
    play([{"name": "detach", **task(remote_clusters={}, purge_remote_clusters=True)}], endpoint=box.endpoint)


def test_attaching_what_would_break_is_refused(pair: tuple[Any, Any]) -> None:
    box, other = pair
    web = Web()
    with ports.refusing() as nobody, relay_to(box) as relay:
        mistakes = {
            "is attached already, as first; a second alias would break the first": {"second": other.endpoint},
            "by its other address": {"second": other.endpoints[1]},
            "cannot connect to": {"nobody": f"http://127.0.0.1:{nobody}"},
            "is this cluster itself": {"me": box.endpoint},
            "is not an alias": {"a b": other.endpoint},
            "is not an http:// or https:// address": {"path": f"{other.endpoint}/v1"},
            "twice at once": {"x": other.endpoint, "first": "", "y": other.endpoints[1]},
            "answered with an HTML page": {"web": f"http://127.0.0.1:{web.port}"},
        }
        tasks = [{"name": "attach", **task(remote_clusters={"first": other.endpoint})}]
        tasks += [
            {"name": name, **task(remote_clusters=given), "ignore_errors": True} for name, given in mistakes.items()
        ]
        played = play(tasks, endpoint=box.endpoint, relay=relay)
        web.stop()
    for name in mistakes:
        assert played[name].failed, name
        assert not played[name].writes
        if name not in ("by its other address", "twice at once"):
            assert name in played[name].msg
    for name in ("by its other address", "twice at once"):
        assert "is attached already" in played[name].msg
    assert remotes(box) == {"first": other.info()["uuid"]}
    play([{"name": "detach", **task(remote_clusters={"first": ""})}], endpoint=box.endpoint)


class Web:
    """Something that is not a proxy."""

    def __init__(self) -> None:
        import http.server
        import threading

        class Page(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"hi")

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def test_other_mistakes(pair: tuple[Any, Any]) -> None:
    box, _other = pair
    uuid = box.info()["uuid"]
    mistakes = {
        "'proxy-22' is not in the cluster map; did you mean proxy-02?": {"primary": "proxy-22"},
        "'target-01' is a target, not a proxy": {"primary": "target-01"},
        "give the id of one proxy": {"primary": "proxies"},
        "give 'primary_url'": {"primary": "elsewhere", "force": True},
        "gcp is not configured in this cluster; configured are: aws": {"backends": {"gcp": "enabled"}},
        "'ais' is not a cloud backend": {"backends": {"ais": True}},
        "'perhaps' is neither enabled nor disabled": {"backends": {"aws": "perhaps"}},
        f"the uuid of the cluster, {uuid}; it is not given": {"state": "shutdown"},
        f"the uuid of the cluster, {uuid}; it is another": {"state": "decommissioned", "confirm_uuid": "another"},
        "purge_remote_clusters needs": {"purge_remote_clusters": True},
        "rm_user_data is for": {"rm_user_data": True},
    }
    with relay_to(box) as relay:
        tasks = [{"name": name, **task(**given), "ignore_errors": True} for name, given in mistakes.items()]
        played = play(tasks, endpoint=relay.url, relay=relay)
    for name in mistakes:
        assert played[name].failed, name
        assert name in played[name].msg
        assert not played[name].writes


def test_actions_are_done_every_time(pair: tuple[Any, Any]) -> None:
    box, _other = pair
    do = task(rotate_logs=True, reload_credentials=["aws", "all"])
    with relay_to(box) as relay:
        played = play(
            [{"name": "would", **do, "check_mode": True}, {"name": "do", **do}, {"name": "again", **do}],
            endpoint=relay.url,
            relay=relay,
        )
    assert [result.changed for result in played] == [True] * 3
    assert not played["would"].writes
    sent = [json.loads(request.body) for request in played["again"].writes]
    assert sorted(body["action"] for body in sent) == ["reload-creds", "reload-creds", "rotate-logs"]


def test_the_end(pair: tuple[Any, Any]) -> None:
    """Comes last: the second cluster is shut down, then the first one is decommissioned."""
    box, other = pair
    ends = {"shutdown": other, "decommissioned": box}
    for state, ended in ends.items():
        end = task(state=state, confirm_uuid=ended.info()["uuid"], retries=0)
        played = play(
            [
                {"name": "would", **end, "check_mode": True},
                {"name": "end", **end},
                {"name": "ended already", **end},
                {"name": "not sure", **task(state=state, retries=0), "ignore_errors": True},
            ],
            endpoint=ended.endpoints,
        )
        assert played["would"].changed
        assert played["end"].changed
        assert played["would"]["cluster"] == played["end"]["cluster"]
        assert played["end"]["cluster"]["state"] == "down"
        assert not played["ended already"].changed
        assert "taken for shut down" in played["ended already"]["warnings"][0]
        assert "cannot connect" in played["not sure"].msg
