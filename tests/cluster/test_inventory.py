# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory plugin through ansible-inventory and ansible-playbook, on real clusters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from ansible.plugins.loader import fragment_loader
from ansible.utils.plugin_docs import get_docstring
from conftest import running_cluster
from playing import options_of
from ports import refusing
from relay import Relay
from sandbox import Sandbox

ROOT = Path(__file__).resolve().parents[2]
PROXIES = [f"proxy-0{number}" for number in (1, 2, 3)]
TARGETS = [f"target-0{number}" for number in (1, 2, 3, 4)]


class Inventory:
    """What ``ansible-inventory`` says of a file with these options."""

    def __init__(self, tmp_path: Path) -> None:
        self.home = tmp_path

    def run(
        self, command: str, *arguments: str, fails: bool = False, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        path = self.home / "site.ais.yml"
        options = {**options_of(options.get("endpoint")), **options}
        if "clusters" in options:
            options["clusters"] = [{**options_of(each["endpoint"]), **each} for each in options["clusters"]]
        path.write_text(yaml.safe_dump({"plugin": "community.aistore.ais", **options}))
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("ANSIBLE_", "AIS_"))}
        ansible = {
            "CONFIG": str(ROOT / "ansible.cfg"),
            "HOME": str(self.home / "home"),
            "COLLECTIONS_PATH": str(self.home / "collections"),
            "INVENTORY_ANY_UNPARSED_IS_FAILED": "1",
            "INVENTORY_ENABLED": "auto",
            "NOCOLOR": "1",
        }
        done = subprocess.run(
            [str(Path(sys.executable).with_name(command)), "-i", str(path), *arguments],
            cwd=ROOT,
            env={**kept, "HOME": str(self.home), **{f"ANSIBLE_{name}": value for name, value in ansible.items()}},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert (done.returncode != 0) is fails, f"{done.stdout}\n{done.stderr}"
        return done

    def __call__(self, *arguments: str, **options: Any) -> dict[str, Any]:
        return plain(json.loads(self.run("ansible-inventory", "--list", *arguments, **options).stdout))


def plain(value: Any) -> Any:
    """Texts that are no templates, without what marks them so."""
    if isinstance(value, dict):
        return value["__ansible_unsafe"] if "__ansible_unsafe" in value else {k: plain(v) for k, v in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value


@pytest.fixture
def inventory(tmp_path: Path) -> Inventory:
    return Inventory(tmp_path)


@pytest.fixture(scope="module")
def small(ais_version: str) -> Iterator[Sandbox]:
    """Another cluster, for those who need two, or want to break one."""
    with running_cluster(version=ais_version, proxies=1, targets=2) as box:
        yield box


def test_hosts_and_what_they_have(cluster: Sandbox, ais_version: str, inventory: Inventory) -> None:
    found = inventory(
        endpoint=cluster.endpoints,
        gather=["mountpaths", "capacity", "version"],
        keyed_groups=[{"key": "ais_version", "prefix": "v"}],
        groups={"second": "ais_id.endswith('2')"},
        compose={"paths": "ais_mountpaths.available | length"},
    )
    assert found["proxies"]["hosts"] == PROXIES
    assert found["targets"]["hosts"] == TARGETS
    assert len(found["primary"]["hosts"]) == 1
    assert found["second"]["hosts"] == ["proxy-02", "target-02"]
    assert found[f"v_{ais_version.replace('.', '_')}"]["hosts"] == PROXIES + TARGETS
    hosts = found["_meta"]["hostvars"]
    one, url = hosts["target-01"], cluster.url("target-01")
    assert (one["ais_url"], f"{one['ansible_host']}:{one['ais_port']}") == (url, urlsplit(url).netloc)
    assert one["paths"] == len(one["ais_mountpaths"]["available"]) == 2
    assert sorted(one["ais_capacity"]["mountpaths"]) == sorted(one["ais_mountpaths"]["available"])
    assert one["ais_capacity"]["total_avail"] > 0
    assert one["ais_cluster_uuid"] == hosts["proxy-01"]["ais_cluster_uuid"] != ""
    assert "ais_mountpaths" not in hosts["proxy-01"]


def test_a_play_reaches_its_cluster(cluster: Sandbox, inventory: Inventory, tmp_path: Path) -> None:
    task = {
        "community.aistore.ais_info": {
            **options_of(cluster.endpoint),
            "endpoint": "{{ ais_endpoint }}",
            "gather_subset": ["mountpaths"],
        },
        "register": "found",
    }
    check = {"ansible.builtin.assert": {"that": "found.mountpaths[ais_id].available == ais_mountpaths.available"}}
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    play = {"hosts": "targets", "gather_facts": False, "vars": local, "tasks": [task, check]}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    done = inventory.run(
        "ansible-playbook", str(tmp_path / "play.yml"), endpoint=cluster.endpoint, gather=["mountpaths"]
    )
    assert done.stdout.count("ok=2") == len(TARGETS)


def test_states_and_silent_nodes(small: Sandbox, inventory: Inventory) -> None:
    http, url = small.http(), f"{small.endpoint}/v1/cluster"

    def turn(action: str, **value: Any) -> None:
        assert http.call("PUT", url, {"action": action, "value": {"sid": "target-01", **value}})[0] == 200

    asked = {"endpoint": small.endpoint, "gather": ["mountpaths", "version"], "timeout": 10}
    turn("start-maintenance", skip_rebalance=True)
    try:
        found = inventory(**asked)
        assert found["maintenance"]["hosts"] == ["target-01"]
        assert found["_meta"]["hostvars"]["target-01"]["ais_state"] == "maintenance"
        assert len(found["_meta"]["hostvars"]["target-01"]["ais_mountpaths"]["available"]) == 2
    finally:
        turn("stop-maintenance")
    small.kill("target-02")
    try:
        hosts = inventory(**asked)["_meta"]["hostvars"]
        assert "ais_version" in hosts["target-01"]
        assert "ais_mountpaths" in hosts["target-01"]
        # It has left the map already, or is there without what nobody but it knows.
        assert not {"ais_version", "ais_mountpaths"} & set(hosts.get("target-02", ()))
    finally:
        small.start_node("target-02")


def test_two_clusters(cluster: Sandbox, small: Sandbox, inventory: Inventory) -> None:
    clusters = [
        {"name": "big", "endpoint": cluster.endpoints},
        {"name": "small", "endpoint": small.endpoint, "prefix": "s-"},
    ]
    found = inventory(clusters=clusters)
    assert found["big"]["hosts"] == PROXIES + TARGETS
    assert found["small"]["hosts"] == ["s-proxy-01", "s-target-01", "s-target-02"]
    assert found["targets"]["hosts"] == [*TARGETS, "s-target-01", "s-target-02"]
    hosts = found["_meta"]["hostvars"]
    assert hosts["target-01"]["ais_endpoint"] == cluster.endpoints
    assert hosts["s-target-01"]["ais_endpoint"] == [small.endpoint]
    assert hosts["target-01"]["ais_cluster_uuid"] != hosts["s-target-01"]["ais_cluster_uuid"]
    with refusing() as port:
        dead = {"name": "dead", "endpoint": f"http://127.0.0.1:{port}"}
        told = inventory.run("ansible-inventory", "--list", clusters=[*clusters, dead], retries=0, fails=True)
        assert "cluster dead: read smap of the cluster: cannot connect to" in " ".join(told.stderr.split())
        left = inventory(clusters=[*clusters, dead], retries=0, skip_unreachable=True)
    assert left["_meta"]["hostvars"].keys() == hosts.keys()


def test_cache(relay: Relay, inventory: Inventory, tmp_path: Path) -> None:
    kept = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(tmp_path / "cache")}
    asked = {"endpoint": relay.url, "gather": ["version"], **kept}
    first = inventory(**asked)
    count = len(relay.requests)
    assert count
    assert inventory(**asked) == first
    assert len(relay.requests) == count
    assert inventory("--flush-cache", **asked) == first
    assert len(relay.requests) == 2 * count
    assert relay.writes == []


@pytest.mark.ais_version("5.0")
def test_secured(make_cluster: Callable[..., Sandbox], inventory: Inventory) -> None:
    box = make_cluster(version="5.0", proxies=1, targets=1, authn=True, tls="mtls")
    env = box.info()["environment"]
    options = {
        "ca_path": env["AIS_CLIENT_CA"],
        "client_cert": env["AIS_CRT"],
        "client_key": env["AIS_CRT_KEY"],
        "endpoint": box.endpoint,
    }
    token_file = env["AIS_AUTHN_TOKEN_FILE"]
    done = inventory.run("ansible-inventory", "--list", **options, token_file=token_file)
    assert "eyJ" not in done.stdout
    assert plain(json.loads(done.stdout))["targets"]["hosts"] == ["target-01"]
    told = inventory.run("ansible-inventory", "--list", **options, token_file=None, fails=True)
    assert "This cluster wants a token" in " ".join(told.stderr.split())


@pytest.mark.ais_version("5.0")
def test_examples(cluster: Sandbox, inventory: Inventory) -> None:
    _doc, text, *_rest = get_docstring(str(ROOT / "plugins/inventory/ais.py"), fragment_loader)
    addresses = {"8080": cluster.endpoints[0], "8081": cluster.endpoints[1], "9080": cluster.endpoints[2]}
    for port, url in addresses.items():
        text = text.replace(f"http://localhost:{port}", url)
    one, more, several = (inventory(**example) for example in yaml.safe_load_all(text))
    assert one["proxies"]["hosts"] == PROXIES
    assert more["version_5_0"]["hosts"] == PROXIES + TARGETS
    assert more["_meta"]["hostvars"]["target-01"]["mountpath_count"] == 2
    assert several["west"]["hosts"] == [f"west-{name}" for name in PROXIES + TARGETS]
