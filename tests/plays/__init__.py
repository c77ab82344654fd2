# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run plays as a user would, with the ansible-core of this Python, and look at every result."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

BIN = Path(sys.executable).parent
CACHE = Path(__file__).parents[2] / ".cache"
CALLBACKS = Path(__file__).parent / "callback"
#: In an inventory, so that nothing is implied about it; the ordinary module finds `requests` there.
LOCALHOST = "localhost ansible_connection=local ansible_python_interpreter={{ansible_playbook_python}}\n"


@dataclass(frozen=True)
class Played:
    """What came of a run: `results` in order, each with task, host, outcome and result."""

    rc: int
    stdout: str
    stderr: str
    results: Sequence[Mapping[str, Any]]

    def of(self, task: str, host: str | None = None) -> dict[str, Any]:
        """The one result of a task, by its name."""
        (found,) = (
            line for line in self.results if line["task"] == task and host in (None, line["host"])
        )
        return found["result"]

    def outcome(self, task: str) -> str:
        (found,) = (line["outcome"] for line in self.results if line["task"] == task)
        return found


def environment(home: Path, **extra: str) -> dict[str, str]:
    """This process's environment without its Ansible and AIStore settings, and a home of its own."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ANSIBLE_", "AIS_", "PYTEST_", "PYTHONDONTWRITE"))
    }
    return {
        **kept,
        "HOME": str(home),
        "PYTHONPYCACHEPREFIX": str(CACHE / "pycache"),
        "ANSIBLE_ASYNC_DIR": str(home / "async"),
        "ANSIBLE_REMOTE_TMP": str(home / "remote"),
        "ANSIBLE_PIPELINING": "true",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
        "ANSIBLE_CALLBACKS_ENABLED": "record",
        "ANSIBLE_LOAD_CALLBACK_PLUGINS": "true",  # in ad hoc commands too
        **extra,
    }


def ansible(command: Sequence[str], cwd: Path, **env: str) -> Played:
    """Run an Ansible command, its name first, in a directory."""
    handle, record = tempfile.mkstemp(suffix=".results", dir=cwd)
    os.close(handle)
    done = subprocess.run(
        [sys.executable, BIN / command[0], *command[1:]],
        cwd=cwd,
        env=environment(cwd, **env, RECORD=record),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    lines = Path(record).read_text().splitlines()
    return Played(done.returncode, done.stdout, done.stderr, [json.loads(line) for line in lines])


def play(
    plays: Sequence[Mapping[str, Any]],
    cwd: Path,
    *options: str,
    inventory: str = LOCALHOST,
    **env: str,
) -> Played:
    """Run plays, or bare tasks against localhost, as one playbook in a directory."""
    if plays and "hosts" not in plays[0]:
        plays = [{"hosts": "localhost", "gather_facts": False, "tasks": list(plays)}]
    hosts, book = cwd / "hosts.ini", cwd / "play.yml"
    hosts.write_text(inventory)
    book.write_text(yaml.safe_dump(list(plays), sort_keys=False))
    return ansible(["ansible-playbook", "-i", str(hosts), *options, str(book)], cwd, **env)
