# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tasks of the guide for users of the command line are ones that the modules take."""

from __future__ import annotations

import importlib
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.community.aistore.plugins.plugin_utils._direct import run_here

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "cluster")]

import ports  # noqa: E402

GUIDE = ROOT / "docs/docsite/rst/guide_cli.rst"
TASKS = re.findall(r"^     - ``(ais_.*)``$", GUIDE.read_text(), re.M)
MODULES = "ansible_collections.community.aistore.plugins.modules"


def test_every_module_is_in_the_guide() -> None:
    named = {next(iter(yaml.safe_load(task))) for task in TASKS}
    assert named == {path.stem for path in (ROOT / "plugins/modules").glob("ais_*.py")}


@pytest.mark.parametrize("task", TASKS)
def test_a_task_of_the_guide_comes_as_far_as_the_cluster(task: str, tmp_path: Path) -> None:
    [(name, options)] = yaml.safe_load(task).items()
    (tmp_path / "site").mkdir()
    for file in ("site.yml", "bob.token"):
        (tmp_path / file).write_text("x")
    with ports.refusing() as port:
        url = f"http://127.0.0.1:{port}"
        connection: dict[str, Any] = {"endpoint": [url], "authn_url": url, "retries": 0}
        if "password" not in options:
            connection["token"] = "some-token"
        connection["_ansible_check_mode"] = True
        payload = json.dumps({"ANSIBLE_MODULE_ARGS": {**connection, **options}}).encode()
        ran = run_here(importlib.import_module(f"{MODULES}.{name}"), payload, str(tmp_path))
    said = json.loads(ran["stdout"])
    assert not said.get("failed") or said["error"]["type"] == "Unreachable", said
