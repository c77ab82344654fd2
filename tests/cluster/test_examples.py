# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every example of the documentation, carried out on a real cluster: each has to succeed.

`examples/<plugin>.yml` has the tasks that set the stage for a plugin's examples, if they need one; there are the
variables `box` (the cluster, as the sandbox describes it) and `scratch`, the directory where relative paths begin.
Absolute paths of the examples are moved below it.
"""

from __future__ import annotations

import ast
import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.yaml.loader import AnsibleLoader
from conftest import VERSIONS, running_cluster
from playing import GROUP, Played, play
from web import serving

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PLUGINS = {
    path.stem if kind == "modules" else f"{kind}-{path.stem}": path
    for kind in ("modules", "lookup")
    for path in sorted((ROOT / "plugins" / kind).glob("ais_*.py"))
}
#: The cluster that the examples of a plugin need, if it is not the one that all others share.
CLUSTERS: Mapping[str, Mapping[str, Any]] = {
    "ais_authn_cluster": {"authn": True, "proxies": 1, "targets": 1},
    "ais_authn_role": {"authn": True, "proxies": 1, "targets": 1},
    "ais_authn_token": {"authn": True, "proxies": 1, "targets": 1},
    "ais_authn_user": {"authn": True, "proxies": 1, "targets": 1},
    "ais_cluster": {"proxies": 3, "targets": 2},
    "ais_job": {"proxies": 1, "targets": 2, "rebalance": True},
    "ais_mountpath": {"proxies": 1, "targets": 1},
    "ais_target": {"proxies": 3, "targets": 4, "rebalance": True},
}
#: Examples that wait for rebalances.
LONG = ("ais_job", "ais_target")
#: Where an example's absolute paths go, below the scratch directory.
ROOTS = "ais|tmp|var/lib"


def examples(path: Path, scratch: Path) -> list[dict[str, Any]]:
    found = {
        node.targets[0].id: node.value
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    text = ast.literal_eval(found["EXAMPLES"])
    text = re.sub(rf"(?<=[ \[])(?=/(?:{ROOTS})/)", str(scratch), text)
    return yaml.load(text, Loader=AnsibleLoader)


def stage(stem: str) -> list[dict[str, Any]]:
    path = HERE / "examples" / f"{stem}.yml"
    return yaml.safe_load(path.read_text()) if path.is_file() else []


@pytest.fixture(scope="module")
def shared() -> Iterator[dict[str, Any]]:
    """A cluster for each version, when somebody asks for it; the examples leave buckets, which are removed after each."""
    with contextlib.ExitStack() as stack:

        class Boxes(dict):  # type: ignore[type-arg]
            def __missing__(self, version: str) -> Any:
                self[version] = stack.enter_context(running_cluster(version=version, backends=["aws"]))
                return self[version]

        yield Boxes()


@contextlib.contextmanager
def cluster_for(stem: str, version: str, shared: dict[str, Any]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """The cluster for a plugin's examples, and further variables."""
    with contextlib.ExitStack() as stack:
        variables = {}
        if stem == "ais_cluster":
            other = stack.enter_context(running_cluster(version=version, proxies=1, targets=1))
            variables["backup_endpoint"] = other.endpoint
        if stem == "ais_download":
            web = stack.enter_context(serving(shared[version]))
            web.content.update({f"/train/shard-{number:04}.tar": b"shard" for number in range(10)})
            web.content.update(dict.fromkeys(("/v1/weights.bin", "/v2/weights.bin", "/private/one.bin"), b"weights"))
            variables.update(site=web.url, site_token="a-token")
        if stem in CLUSTERS:
            yield stack.enter_context(running_cluster(version=version, **CLUSTERS[stem])), variables
        else:
            yield shared[version], variables
            sweep(shared[version])


def sweep(box: Any) -> None:
    http, url = box.http(), f"{box.endpoint}/v1/buckets"
    _status, body = http.call("GET", f"{url}?presence=2", {"action": "list"})
    for bucket in json.loads(body) or ():
        space = bucket.get("namespace") or {}
        where = f"{url}/{bucket['name']}?provider={bucket['provider']}&namespace=%23{space.get('name', '')}"
        action = "destroy-bck" if bucket["provider"] == "ais" else "evict-remote-bck"
        http.call("DELETE", where, {"action": action})


def carried_out(stem: str, box: Any, scratch: Path, variables: Mapping[str, Any]) -> Played:
    tasks = [*stage(stem), *examples(PLUGINS[stem], scratch)]
    playbook = scratch / "play.yml"
    content = {
        "hosts": "all",
        "gather_facts": False,
        "module_defaults": {GROUP: {"endpoint": box.endpoints}},
        "vars": {"box": box.info(), "scratch": str(scratch), **variables},
        "tasks": tasks,
    }
    playbook.write_text(yaml.safe_dump([json.loads(json.dumps(content))]))
    return play(playbook, cwd=scratch, env=box.info()["environment"])


@pytest.mark.parametrize(
    ("stem", "version"),
    [
        pytest.param(
            stem, version, marks=[pytest.mark.slow] if stem in LONG or version != VERSIONS[0] else [], id=f"{stem}-{version}"
        )
        for version in VERSIONS
        for stem in PLUGINS
    ],
)  # fmt: skip
def test_every_example_works(stem: str, version: str, shared: dict[str, Any], tmp_path: Path) -> None:
    with cluster_for(stem, version, shared) as (box, variables):
        played = carried_out(stem, box, tmp_path, variables)
    statuses = {result.status for result in played}
    assert statuses <= {"ok", "skipped"}, str(played)
    own = [task for task in examples(PLUGINS[stem], tmp_path) if any(stem in key for key in task)]
    done = [result for result in played if result.task in {task["name"] for task in own}]
    assert [result.status for result in done] == ["ok"] * len(own)


def test_every_stage_is_somebodys() -> None:
    assert {path.stem for path in (HERE / "examples").glob("*.yml")} <= set(PLUGINS)
