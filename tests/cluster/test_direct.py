# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every module both ways, directly and as an ordinary module, over the same cases: one result.

`direct/<module>.yml` has the cases of a module: its tasks, run in order, the module's own compared in
everything they return. Other tasks may stand between to set things up. `varies` lists result keys,
at any depth, whose values are new in each run whatever the way. There are the variables `own` (begins
every name that the file makes), `scratch` (a directory, empty at first), `box` (the cluster, as the
sandbox describes it; it has an AuthN server). A file leaves the cluster as it found it.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.community.aistore.plugins.module_utils import _jobs
from ansible_collections.community.aistore.plugins.modules import ais_bucket
from ansible_collections.community.aistore.plugins.plugin_utils import _direct
from conftest import session_of
from playing import Played, Result, options_of, play

HERE = Path(__file__).parent
MODULES = sorted(path.stem for path in (HERE.parents[1] / "plugins/modules").glob("ais_*.py"))
FILES = {path.stem: path for path in sorted((HERE / "direct").glob("ais_*.yml"))}
PREFIX = "community.aistore."
#: What is new in each run of any module.
VARIES = ("seconds", "uptime")


def tasks_of(stem: str) -> list[dict[str, Any]]:
    tasks = yaml.safe_load(FILES[stem].read_text())["tasks"]
    typo = {"name": "typo", PREFIX + stem: {"endpiont": "http://127.0.0.1:1"}}
    unreachable = {"name": "nobody there", PREFIX + stem: own_options(tasks, stem, "127.0.0.1:1")}
    # What only sets things up need not be slow.
    setting_up = {"vars": {"ansible_aistore_direct": "auto"}}
    return [
        {
            **task,
            **({} if PREFIX + stem in task else setting_up),
            "name": f"{stem} | {task['name']}",
            "ignore_errors": True,
        }
        for task in (*tasks, typo, unreachable)
    ]


def own_options(tasks: list[dict[str, Any]], stem: str, address: str) -> dict[str, Any]:
    """The options of a file's first case, sent to an address where nobody is."""
    first = next(task[PREFIX + stem] for task in tasks if PREFIX + stem in task)
    return {**(first or {}), "endpoint": f"http://{address}", "retries": 0}


def comparable(result: Result, own: str, varies: frozenset[str]) -> Any:
    """All of a result, with one word for the names that a way made, and the type of what varies."""
    return plain(json.loads(json.dumps(result.result).replace(own, "own-")), varies)


def plain(value: Any, varies: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {key: type(item).__name__ if key in varies else plain(item, varies) for key, item in value.items()}
    return [plain(item, varies) for item in value] if isinstance(value, list) else value


@pytest.fixture(scope="session")
def ways(make_cluster, tmp_path_factory) -> dict[str, Played]:
    """All cases of all modules, in one playbook each way, by how the names begin that it made."""
    box = make_cluster(authn=True)
    info = box.info()
    scratch = tmp_path_factory.mktemp("both") / "scratch"
    played = {}
    for way in ("always", "never"):
        scratch.mkdir()
        own = f"both-{secrets.token_hex(4)}-"  # no way finds what the other one left
        played[own] = play(
            [task for stem in FILES for task in tasks_of(stem)],
            endpoint=box.endpoint,
            variables={"own": own, "scratch": str(scratch), "box": info},
            direct=way,
            timeout=1800,
            env={**info["environment"], "ANSIBLE_INJECT_INVOCATION": "1", "ANSIBLE_PIPELINING": "1"},
        )
        shutil.rmtree(scratch)
    return played


@pytest.mark.parametrize("stem", FILES)
def test_both_ways_return_the_same(ways, stem):
    varies = frozenset((*VARIES, *yaml.safe_load(FILES[stem].read_text()).get("varies", ())))
    tasks = tasks_of(stem)
    cases = [task for task in tasks if PREFIX + stem in task]
    for task in tasks:
        directly, ordinarily = (way[task["name"]] for way in ways.values())
        if task not in cases:
            assert not directly.failed, directly.msg
            assert not ordinarily.failed, ordinarily.msg
            continue
        assert directly.status == ordinarily.status, task["name"]
        one, other = (comparable(way[task["name"]], own, varies) for own, way in ways.items())
        assert one == other, task["name"]
    statuses = {way[task["name"]].status for way in ways.values() for task in cases}
    assert statuses >= {"ok", "failed"}
    assert any(task.get("check_mode") for task in cases)


def test_every_module_has_its_cases():
    assert list(FILES) == MODULES


@pytest.mark.ais_version("5.0")
def test_no_session_is_shared_between_hosts_tokens_or_endpoints(make_cluster, make_relay):
    """The tokens are made up: the cluster wants none."""
    box = make_cluster(version="5.0", proxies=1, targets=1, tls="off", authn=False)
    hosts = ("red", "blue")
    relays = {host: make_relay(box) for host in hosts}
    connections = {host: counted(relays[host]) for host in hosts}
    variables = {"urls": {host: relay.url for host, relay in relays.items()}}
    ask = {
        "name": "ask",
        PREFIX + "ais_info": {
            "endpoint": "{{ urls[inventory_hostname] }}",
            "token": "token-of-{{ inventory_hostname }}-{{ item }}",
            "gather_subset": "health",
        },
    }
    play([{**ask, "loop": ["same"] * 5}], hosts=hosts, variables=variables, direct="always")
    for host, relay in relays.items():
        assert tokens(relay) == {f"Bearer token-of-{host}-same"}
        assert len(relay.requests) >= 5
        assert len(connections[host]) == 1  # one for all items of the loop
        relay.reset()
    play([{**ask, "loop": ["one", "two", "one"]}], hosts=hosts, variables=variables, direct="always")
    for host, relay in relays.items():
        assert tokens(relay) == {f"Bearer token-of-{host}-{item}" for item in ("one", "two")}


def tokens(relay: Any) -> set[str | None]:
    return {request.headers.get("Authorization") for request in relay.requests}


def counted(relay: Any) -> list[Any]:
    """The connections that a relay takes from now on."""
    taken: list[Any] = []
    process = relay._server.process_request

    def count(request: Any, address: Any) -> None:
        taken.append(address)
        process(request, address)

    relay._server.process_request = count
    return taken


@pytest.mark.ais_version("5.0")
def test_it_tells_how_far_a_job_is(cluster, bucket_name, monkeypatch, tmp_path):
    monkeypatch.setattr(_jobs, "PROGRESS_AFTER", 0)
    monkeypatch.setattr(_jobs, "PROGRESS_EVERY", 0)
    source, copy = bucket_name(), bucket_name()
    lines: list[str] = []

    def bucket(**options: Any) -> dict[str, Any]:
        # One of the secrets is a word that it would tell.
        secrets = {**options_of(cluster.endpoint), "token": cluster.http().token or "any", "password": "targets"}
        args = {"endpoint": cluster.endpoint, **secrets, **options}
        sent = json.dumps({"ANSIBLE_MODULE_ARGS": args}).encode()
        return json.loads(_direct.run_here(ais_bucket, sent, str(tmp_path), lines.append)["stdout"])

    assert bucket(name=source)["changed"]
    with session_of(cluster) as session:
        for number in range(4):
            url = f"{cluster.endpoint}/v1/objects/{source}/{number}"
            assert session.put(url, data=bytes(64 << 20), timeout=60).status_code == 200
    lines.clear()
    assert bucket(name=copy, copy_from=source)["changed"]
    assert lines
    for line in lines:
        assert re.fullmatch(r"copy-\w+\[\S+\] of .*: \d objects, \S+, \d of \d \*{8} finished", line)
    assert _jobs.PROGRESS is None
