# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The primary is killed while a play goes on, which lists all proxies: no task may notice."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from conftest import running_cluster, session_of
from playing import play

#: So many tasks, and the bucket at whose sight the primary is killed.
TASKS, HALF = 50, 10
#: An election takes longer than the default number of retries where it is as slow as by default.
DEFAULTS = {"retries": 8}


def tasks() -> list[dict[str, Any]]:
    """Buckets, each then given an object, and changed: everything needs the primary or a redirect."""
    found: list[dict[str, Any]] = []
    for number in range(TASKS // 2):
        name = f"b{number}"
        copies = {"mirror": {"enabled": True, "copies": 2}} if number % 2 else {"versioning": {"enabled": False}}
        found.append({"name": f"create {name}", "community.aistore.ais_bucket": {"name": name, "props": copies}})
        put = {"bucket": f"ais://{name}", "name": "note", "content": f"about {name}"}
        found.append({"name": f"put {name}", "community.aistore.ais_object": put})
    return found


def primary_of(box: Any, proxies: list[str]) -> str:
    """The primary that all ``proxies`` agree on; nothing as long as they do not."""
    told = set()
    for name in proxies:
        smap = box.http().read(f"{box.url(name)}/v1/daemon?what=smap", timeout=3)
        told.add(smap["proxy_si"]["daemon_id"] if smap else "")
    return told.pop() if len(told) == 1 else ""


@pytest.mark.slow_on("4.9")
def test_the_primary_dies_in_the_middle_of_a_play(ais_version: str) -> None:
    with running_cluster(version=ais_version, targets=3) as box, session_of(box) as session:
        first, *others = (name for name, node in box.nodes.items() if node.role == "proxy")
        assert primary_of(box, [first, *others]) == first
        killed = threading.Event()

        def kill() -> None:
            url = f"{box.url(others[0])}/v1/buckets/b{HALF}"
            deadline = time.monotonic() + 120
            while time.monotonic() < deadline:
                if session.head(url, timeout=10).ok:
                    box.kill(first)
                    killed.set()
                    return
                time.sleep(0.01)

        killer = threading.Thread(target=kill)
        killer.start()
        # The one that dies comes first: it is what every task tries first.
        played = play(tasks(), endpoint=box.endpoints, defaults=DEFAULTS)
        killer.join()
        assert killed.is_set()
        assert len(played.results) == TASKS
        assert [result.task for result in played if result.failed] == []
        assert all(result.changed for result in played)
        successor = primary_of(box, others)
        assert successor in others
        for number in range(TASKS // 2):
            props = session.head(f"{box.url(successor)}/v1/buckets/b{number}", timeout=10)
            assert ('"copies":2,"burst_buffer":512,"enabled":true' in props.headers["Ais-Bucket-Props"]) == bool(
                number % 2
            )
            note = session.get(f"{box.url(successor)}/v1/objects/b{number}/note", timeout=10)
            assert note.text == f"about b{number}"
        again = play(tasks(), endpoint=box.endpoints, defaults=DEFAULTS)
        assert [result.task for result in again if result.changed or result.failed] == []
