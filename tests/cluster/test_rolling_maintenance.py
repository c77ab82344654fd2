# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role rolling_maintenance: one batch after the other, and on from wherever it was interrupted."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, running_cluster
from holdings import holding
from playing import killed, play

PLAYBOOK = ROOT / "playbooks" / "rolling_maintenance.yml"
MAINTENANCE, DRAINED = 4, 16
TASKS = """
- name: Note who rests
  ansible.builtin.shell: echo {{ rolling_maintenance_current | map(attribute='id') | join(' ') }} >> {{ log }}
  changed_when: true
- name: One cannot be maintained
  ansible.builtin.fail:
  when: rolling_maintenance_current | selectattr('id', '==', broken) | length > 0
"""


def smap(box: Any) -> dict[str, Any]:
    return box.http().read(f"{box.endpoint}/v1/cluster?what=smap")


def flags(box: Any) -> dict[str, int]:
    found = smap(box)
    return {name: node.get("flags", 0) & ~3 for group in ("pmap", "tmap") for name, node in found[group].items()}


def wait_for(true: Callable[[], Any], timeout: float = 120) -> None:
    deadline = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < deadline, true
        time.sleep(0.1)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """What the user's tasks noted: a line a batch."""
    (tmp_path / "tasks.yml").write_text(TASKS)
    return tmp_path / "log"


def variables(box: Any, log: Path, broken: str = "", **more: Any) -> dict[str, Any]:
    tasks = str(log.with_name("tasks.yml"))
    own = {f"rolling_maintenance_{name}": value for name, value in more.items()}
    return {
        "aistore_endpoint": box.endpoints,
        "rolling_maintenance_tasks": tasks,
        "log": str(log),
        "broken": broken,
        **own,
    }


@pytest.mark.slow_on("4.9")
def test_batches_and_the_primary_first_moved_away(wide: Any, log: Path) -> None:
    first = smap(wide)["proxy_si"]["daemon_id"]
    nodes = ["target-01", "target-02", "target-03", first]
    failed = play(
        PLAYBOOK, endpoint=wide.endpoints, extra_vars=variables(wide, log, "target-02", nodes=nodes, batch=2), ok=False
    )
    assert failed.code != 0
    assert log.read_text().splitlines() == [f"{first} target-01", "target-02 target-03"]
    assert smap(wide)["proxy_si"]["daemon_id"] != first
    assert {name for name, flag in flags(wide).items() if flag} == {"target-02", "target-03"}
    log.unlink()
    play(PLAYBOOK, endpoint=wide.endpoints, extra_vars=variables(wide, log, nodes=nodes, batch=2))
    assert log.read_text().splitlines() == ["target-02 target-03", f"{first} target-01"]
    assert set(flags(wide).values()) == {0}
    play([{"community.aistore.ais_cluster": {"primary": first}}], endpoint=wide.endpoints)
    unknown = play(PLAYBOOK, endpoint=wide.endpoints, extra_vars=variables(wide, log, nodes=["target-0"]), ok=False)
    assert "target-0 not in the cluster map. Known nodes: proxy-01" in str(unknown).replace("\n", " ")


@pytest.mark.slow
def test_interrupted_anywhere(ais_version: str, log: Path) -> None:
    nodes = ["target-01", "target-02"]
    with running_cluster(version=ais_version, proxies=2, targets=3, rebalance=True) as box, holding(box, 300) as held:
        killed(
            PLAYBOOK,
            lambda: wait_for(lambda: flags(box)["target-01"] == MAINTENANCE),
            endpoint=box.endpoint,
            extra_vars=variables(box, log, nodes=nodes),
        )
        assert not log.exists()
        # On it goes: what was begun is waited for, done, and so is the other one, which then cannot be maintained.
        play(PLAYBOOK, endpoint=box.endpoints, extra_vars=variables(box, log, "target-02", nodes=nodes), ok=False)
        assert log.read_text().split() == nodes
        assert flags(box) | {"target-02": 0} == dict.fromkeys(flags(box), 0)
        assert flags(box)["target-02"] == MAINTENANCE | DRAINED
        assert held.lost() == []
        log.unlink()
        play(PLAYBOOK, endpoint=box.endpoints, extra_vars=variables(box, log, nodes=nodes))
        assert log.read_text().split() == ["target-02", "target-01"]
        assert set(flags(box).values()) == {0}
        assert held.lost() == []
