# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory plugin against recorded cluster maps: hosts, groups, variables, templates, cache, several clusters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleError
from ansible.inventory.data import InventoryData
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import fragment_loader, inventory_loader
from ansible.utils.plugin_docs import get_docstring
from ansible_collections.community.aistore.plugins.module_utils import _client, _options
from server import Request, Server, answer, error

PLUGIN = Path(__file__).resolve().parents[2] / "plugins" / "inventory" / "ais.py"
DOC, EXAMPLES, *_REST = get_docstring(str(PLUGIN), fragment_loader)
Read = Callable[..., InventoryData]


def node(name: str, kind: str, number: int, flags: int = 0) -> dict[str, Any]:
    address = f"10.0.0.{number}"

    def net(port: int) -> dict[str, str]:
        return {"node_ip_addr": address, "daemon_port": str(port), "direct_url": f"http://{address}:{port}"}

    return {
        "public_net": net(8080),
        "intra_control_net": net(9080),
        "intra_data_net": net(10080),
        "daemon_type": kind,
        "daemon_id": name,
        "flags": flags,
    }


def cluster_map(uuid: str = "u1") -> dict[str, Any]:
    proxies = {name: node(name, "proxy", number) for number, name in enumerate(("p1", "p2"), 1)}
    flags = {"t1": 0, "t2": 4, "t3": 4 | 16, "t4": 8}
    targets = {name: node(name, "target", number, flags[name]) for number, name in enumerate(flags, 11)}
    return {"uuid": uuid, "version": "7", "pmap": proxies, "tmap": targets, "proxy_si": proxies["p2"]}


class Cluster:
    """What a cluster answers: ``down`` are nodes that do not."""

    def __init__(self, uuid: str = "u1") -> None:
        self.map = cluster_map(uuid)
        self.down: set[str] = set()

    def __call__(self, request: Request) -> bytes:
        what, asked = request.query["what"], request.headers.get("ais-node-id", "")
        if what == "smap":
            return answer(self.map)
        if what == "node_status" and asked not in self.down:
            return answer({"ais_version": "5.0.abc"})
        paths = {"available": ["/ais/1", "/ais/2"], "waiting_dd": [], "disabled": ["/ais/3"]}
        stats = {"capacity": {"mountpaths": None, "pct_max": 71, "total_used": "12345678901234"}}
        details = {"mountpaths": ("targets", paths), "node_stats": ("target", stats)}
        if what in details and not asked:
            if self.down:
                return answer(b"")
            part, value = details[what]
            return answer({part: dict.fromkeys(("t1", "t4"), value)})
        if what in details and asked not in self.down:
            return answer(details[what][1])
        return error(404, "no such node", "ErrFailedTo")


@pytest.fixture
def aistore() -> Iterator[Server]:
    with Server(Cluster()) as server:
        yield server


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """``read(option=value, ...)`` gives what a file with these options becomes."""
    for entry in [entry for option in DOC["options"].values() for entry in option.get("env", ())]:
        monkeypatch.delenv(entry["name"], raising=False)
    monkeypatch.setattr(_client, "BACKOFF", (0.0,))
    monkeypatch.setattr(_options, "TOKEN_FILE", str(tmp_path / "none"))

    def inventory(*, fresh: bool = False, **options: Any) -> InventoryData:
        path = tmp_path / "my.ais.yml"
        path.write_text(yaml.safe_dump({"plugin": "community.aistore.ais", **options}))
        plugin = inventory_loader.get("community.aistore.ais")
        assert plugin.verify_file(str(path))
        data = InventoryData()
        plugin.parse(data, DataLoader(), str(path), cache=not fresh)
        if options.get("cache"):
            plugin.update_cache_if_changed()
        return data

    return inventory


def members(data: InventoryData, group: str) -> list[str]:
    return [host.name for host in data.groups[group].get_hosts()]


def test_groups(aistore: Server, read: Read) -> None:
    data = read(endpoint=[aistore.url])
    assert list(data.hosts) == ["p1", "p2", "t1", "t2", "t3", "t4"]
    assert members(data, "proxies") == ["p1", "p2"]
    assert members(data, "targets") == ["t1", "t2", "t3", "t4"]
    assert members(data, "primary") == ["p2"]
    assert members(data, "maintenance") == ["t2", "t3"]
    assert members(data, "decommission") == ["t4"]
    assert len(aistore.requests) == 1


def test_variables(aistore: Server, read: Read) -> None:
    data = read(endpoint=[aistore.url], token="eyJ-secret")
    found = dict(data.hosts["t3"].vars)
    for name in ("inventory_file", "inventory_dir"):
        found.pop(name, None)

    def net(port: int) -> dict[str, Any]:
        return {"url": f"http://10.0.0.13:{port}", "address": "10.0.0.13", "port": port}

    assert found == {
        "ansible_host": "10.0.0.13",
        "ais_id": "t3",
        "ais_kind": "target",
        "ais_state": "maintenance",
        "ais_drained": True,
        "ais_primary": False,
        "ais_url": "http://10.0.0.13:8080",
        "ais_address": "10.0.0.13",
        "ais_port": 8080,
        "ais_networks": {"public": net(8080), "control": net(9080), "data": net(10080)},
        "ais_cluster": "",
        "ais_cluster_uuid": "u1",
        "ais_endpoint": [aistore.url],
    }
    assert [name for name in found if f"C({name})" not in " ".join(DOC["description"])] == []
    assert data.hosts["p2"].vars["ais_primary"]
    assert aistore.requests[0].token == "Bearer eyJ-secret"


def test_details(aistore: Server, read: Read) -> None:
    data = read(endpoint=[aistore.url], gather=["mountpaths", "capacity", "version"])
    assert data.hosts["t1"].vars["ais_mountpaths"] == {
        "available": ["/ais/1", "/ais/2"],
        "waiting_dd": [],
        "disabled": ["/ais/3"],
    }
    assert data.hosts["t2"].vars["ais_capacity"] == {"mountpaths": {}, "pct_max": 71, "total_used": 12345678901234}
    assert {host.vars["ais_version"] for host in data.hosts.values()} == {"5.0.abc"}
    assert "ais_mountpaths" not in data.hosts["p1"].vars
    # The map, two questions to all, two more to each of the two that are in maintenance, six for the version.
    assert len(aistore.requests) == 1 + 2 + 4 + 6


def test_a_silent_node_lacks_its_details(aistore: Server, read: Read, capsys: pytest.CaptureFixture[str]) -> None:
    aistore.script.down = {"t1"}
    data = read(endpoint=[aistore.url], gather=["mountpaths", "version"])
    assert "ais_mountpaths" not in data.hosts["t1"].vars
    assert "ais_version" not in data.hosts["t1"].vars
    assert data.hosts["t4"].vars["ais_mountpaths"]["disabled"] == ["/ais/3"]
    assert "no mountpaths of t1" in " ".join(capsys.readouterr().err.split())


def test_constructed(aistore: Server, read: Read) -> None:
    data = read(
        endpoint=[aistore.url],
        compose={"ansible_user": "'root'", "where": "ais_address ~ '/' ~ ais_id"},
        groups={"first": "ais_id.endswith('1')"},
        keyed_groups=[{"key": "ais_state", "prefix": "state"}],
    )
    assert data.hosts["p1"].vars["ansible_user"] == "root"
    assert data.hosts["t1"].vars["where"] == "10.0.0.11/t1"
    assert members(data, "first") == ["p1", "t1"]
    assert members(data, "state_decommission") == ["t4"]
    with pytest.raises(AnsibleError, match="nowhere"):
        read(endpoint=[aistore.url], strict=True, compose={"x": "nowhere"})


def test_names(aistore: Server, read: Read) -> None:
    data = read(endpoint=[aistore.url], hostnames="address", group_prefix="ais-")
    assert members(data, "ais_primary") == ["10.0.0.2"]
    assert "proxies" not in data.groups
    aistore.script.map["tmap"]["t1"] = node("t1", "target", 1)
    with pytest.raises(AnsibleError, match=r"the host '10.0.0.1': p1 and t1.*hostnames: id"):
        read(endpoint=[aistore.url], hostnames="address")


def test_several_clusters(aistore: Server, read: Read) -> None:
    with Server(Cluster("u2")) as other:
        clusters = [
            {"name": "east", "endpoint": [aistore.url], "prefix": "e-"},
            {"name": "we-st", "endpoint": other.url, "token": "its-own"},
        ]
        data = read(clusters=clusters, token="shared", timeout=5)
        assert members(data, "east") == ["e-p1", "e-p2", "e-t1", "e-t2", "e-t3", "e-t4"]
        assert members(data, "we_st") == ["p1", "p2", "t1", "t2", "t3", "t4"]
        assert members(data, "primary") == ["e-p2", "p2"]
        assert data.hosts["p1"].vars["ais_cluster"] == "we-st"
        assert data.hosts["p1"].vars["ais_cluster_uuid"] == "u2"
        assert data.hosts["e-p1"].vars["ais_endpoint"] == [aistore.url]
        assert {request.token for request in aistore.requests} == {"Bearer shared"}
        assert {request.token for request in other.requests} == {"Bearer its-own"}
        with pytest.raises(AnsibleError, match=r"the host 'p1': p1 of east and p1 of we-st.*prefix"):
            read(clusters=[{**clusters[0], "prefix": ""}, clusters[1]])


def test_an_own_user_is_not_mixed_with_the_shared_token(read: Read) -> None:
    plugin = inventory_loader.get("community.aistore.ais")
    shared = dict.fromkeys(_options.connection_spec()) | {"token": "t", "cluster_uuid": "u", "ca_path": "/ca"}
    entries = [{"name": "a", "endpoint": "x:1", "username": "me", "password": "pw"}, {"name": "b", "endpoint": "x:2"}]
    clusters_of = __import__(type(plugin).__module__, fromlist=["clusters_of"]).clusters_of
    own, other = clusters_of(entries, shared)
    assert (own.get_option("token"), own.get_option("username")) == (None, "me")
    assert (own.get_option("ca_path"), own.get_option("cluster_uuid")) == ("/ca", None)
    assert (other.get_option("token"), other.get_option("endpoint")) == ("t", ["x:2"])


def test_options_are_templates(aistore: Server, read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHERE", aistore.url)
    monkeypatch.setenv("SECRET", "from-env")
    lookup = "{{ lookup('ansible.builtin.env', '%s') }}"
    read(endpoint=lookup % "WHERE", token=lookup % "SECRET")
    read(clusters=[{"name": "c", "endpoint": [lookup % "WHERE"], "token": lookup % "SECRET"}])
    assert [request.token for request in aistore.requests] == ["Bearer from-env"] * 2


def test_what_the_cluster_says_is_no_template(aistore: Server, read: Read) -> None:
    aistore.script.map["uuid"] = "{{ 1 + 1 }}"
    data = read(endpoint=[aistore.url], compose={"composed": "ais_cluster_uuid"})
    assert data.hosts["p1"].vars["composed"] == "{{ 1 + 1 }}"


def test_cache(aistore: Server, read: Read, tmp_path: Path) -> None:
    kept = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(tmp_path / "cache")}
    first = read(endpoint=[aistore.url], **kept, token="eyJ-secret")
    del aistore.script.map["tmap"]["t1"]
    again = read(endpoint=[aistore.url], **kept, token="eyJ-secret")
    assert len(aistore.requests) == 1
    assert [host.vars for host in again.hosts.values()] == [host.vars for host in first.hosts.values()]
    assert "secret" not in "".join(path.read_text() for path in (tmp_path / "cache").iterdir())
    # Another question is asked, and so is the same one when somebody wants it fresh.
    assert "ais_version" in read(endpoint=[aistore.url], **kept, gather=["version"]).hosts["p1"].vars
    assert "t1" not in read(endpoint=[aistore.url], **kept, fresh=True).hosts
    assert "t1" not in read(endpoint=[aistore.url], **kept).hosts


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"endpoitn": "x"}, "endpoitn: unknown option; did you mean endpoint"),
        ({"gather": ["versoin"]}, "gather"),
        ({"hostnames": "ip"}, "hostnames"),
        ({"endpoint": "ftp://x"}, "neither an http:// nor"),
        ({"endpoint": "http://me:pw@x"}, "no user or password"),
        ({"username": "me"}, "give both"),
        ({"clusters": ["x"]}, "dictionary with at least 'name'"),
        ({"clusters": [{"name": "a"}]}, r"clusters\[0\]: missing required arguments: endpoint"),
        ({"clusters": [{"name": "a", "endpoint": []}]}, "at least one proxy"),
        ({"clusters": [{"name": "a", "endpoint": "x", "tokn": "x"}]}, r"clusters\[0\]: tokn: .* did you mean token"),
        ({"clusters": [{"name": "a", "endpoint": "x", "timeout": "soon"}]}, "timeout"),
        ({"clusters": [{"name": "a", "endpoint": "x"}, {"name": "a", "endpoint": "y"}]}, "a is there twice"),
        ({"endpoint": "x", "clusters": [{"name": "a", "endpoint": "x"}]}, "give it to each of them"),
    ],
)
def test_mistakes(read: Read, options: dict[str, Any], message: str) -> None:
    with pytest.raises(AnsibleError, match=message):
        read(**options)


def test_another_cluster_than_the_one_named(aistore: Server, read: Read) -> None:
    with pytest.raises(AnsibleError, match="cluster_uuid is other, but the cluster at .* has uuid u1"):
        read(endpoint=[aistore.url], cluster_uuid="other")


def test_unreachable(aistore: Server, read: Read, capsys: pytest.CaptureFixture[str]) -> None:
    with Server(Cluster()) as gone:
        pass
    with pytest.raises(AnsibleError, match=r"^read smap of the cluster: cannot connect to .* Check 'endpoint'"):
        read(endpoint=[gone.url])
    clusters = [{"name": "dead", "endpoint": [gone.url]}, {"name": "live", "endpoint": [aistore.url]}]
    with pytest.raises(AnsibleError, match=r"^cluster dead: read smap"):
        read(clusters=clusters)
    capsys.readouterr()
    data = read(clusters=clusters, skip_unreachable=True)
    assert members(data, "dead") == []
    assert len(members(data, "live")) == 6
    assert "left out: cluster dead: read smap" in " ".join(capsys.readouterr().err.split())


def test_only_files_that_are_named_so(tmp_path: Path) -> None:
    plugin = inventory_loader.get("community.aistore.ais")
    for name, mine in {"ais.yml": True, "prod.ais.yaml": True, "ais.json": False, "other.yml": False}.items():
        (tmp_path / name).touch()
        assert plugin.verify_file(str(tmp_path / name)) is mine


def test_documentation_knows_every_option() -> None:
    connection = set(_options.connection_spec())
    assert connection <= set(DOC["options"])
    assert set(DOC["options"]["clusters"]["suboptions"]) == {"name", "prefix", *connection}
    assert all(set(example) <= set(DOC["options"]) for example in yaml.safe_load_all(EXAMPLES))
