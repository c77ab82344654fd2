# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's playbooks about buckets, as a user runs them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from playing import PROGRAM, environment_of

ROOT = Path(__file__).resolve().parents[2]
BUCKETS = [
    {"name": "play-logs", "props": {"lru": {"enabled": True, "dont_evict_time": "3h"}, "access": ["rw", "PATCH"]}},
    {"name": "ais://#play/models", "props": {"checksum": {"type": "md5"}, "extra": {"custom": "a: b"}}},
]


@pytest.fixture
def playbook(cluster: Any, tmp_path: Path) -> Any:
    def run(name: str, *args: str) -> subprocess.CompletedProcess[str]:
        command = [
            PROGRAM,
            f"community.aistore.{name}",
            "-e",
            f"aistore_endpoint={cluster.endpoint}",
            *args,
        ]
        ansible = {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
        env = {**os.environ, **environment_of(cluster.endpoint), **ansible}
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=300)

    yield run
    gone = [{"name": each["name"], "state": "absent"} for each in BUCKETS]
    (tmp_path / "gone.yml").write_text(yaml.safe_dump({"aistore_buckets": gone}))
    run("provision", "-e", "@gone.yml")


def test_what_is_exported_is_provisioned_and_drift_is_told(playbook: Any, tmp_path: Path) -> None:
    (tmp_path / "buckets.yml").write_text(yaml.safe_dump({"aistore_buckets": BUCKETS}))
    first = playbook("provision", "-e", "@buckets.yml")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "changed=1" in first.stdout

    out = ["-e", "aistore_export_path=out.yml", "-e", '{"aistore_export_match": ["play-*", "ais://#play/*"]}']
    exported = playbook("export", *out)
    assert exported.returncode == 0, exported.stdout + exported.stderr
    found = yaml.safe_load((tmp_path / "out.yml").read_text())["aistore_buckets"]
    assert {each["name"] for each in found} == {"ais://play-logs", "ais://#play/models"}
    assert "changed=0" in playbook("export", *out).stdout

    same = playbook("drift", "-e", "@out.yml")
    assert same.returncode == 0, same.stdout + same.stderr
    assert "All buckets are as described" in same.stdout

    (tmp_path / "other.yml").write_text(
        yaml.safe_dump({"aistore_buckets": [{"name": "play-logs", "props": {"lru": {"enabled": False}}}]})
    )
    drifted = playbook("drift", "-e", "@other.yml")
    assert drifted.returncode == 2, drifted.stdout
    assert '"lru.enabled": false' in drifted.stdout.replace('\\"', '"')
    assert "All buckets are as described" in playbook("drift", "-e", "@buckets.yml").stdout
