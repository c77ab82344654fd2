# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of the house that no linter knows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from ansible.plugins.loader import fragment_loader
from ansible.utils.plugin_docs import get_docstring

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "plugins"
MODULES = sorted(path.stem for path in (PLUGINS / "modules").glob("ais_*.py"))
ATTRIBUTES = {"check_mode", "diff_mode", "idempotent", "action_group"}


def documentation(path: Path) -> tuple[dict, list, dict]:
    """Return what a plugin documents, doc fragments included: options, examples, return values."""
    doc, examples, returned, _metadata = get_docstring(str(path), fragment_loader)
    parsed = [yaml.safe_load(part) if isinstance(part, str) else part for part in (examples, returned)]
    return doc, *parsed


def load(name: str) -> dict:
    return yaml.safe_load((ROOT / name).read_text())


def test_there_are_modules() -> None:
    assert "ais_bucket" in MODULES


def test_the_action_group_lists_every_module() -> None:
    assert load("meta/runtime.yml")["action_groups"]["all"] == MODULES


def test_every_module_has_its_direct_front_end() -> None:
    assert sorted(path.stem for path in (PLUGINS / "action").glob("ais_*.py")) == MODULES


@pytest.mark.parametrize("name", MODULES)
def test_a_module_documents_itself(name: str) -> None:
    doc, examples, returned = documentation(PLUGINS / "modules" / f"{name}.py")
    assert doc["module"] == name
    assert doc["version_added"]
    assert set(doc["attributes"]) >= ATTRIBUTES
    assert "endpoint" in doc["options"]
    assert any(f"community.aistore.{name}" in task for task in examples)
    assert {key for key, value in returned.items() if "sample" not in value} == set()


def test_the_readme_names_what_there_is() -> None:
    kinds = ("plugins/modules/ais_*.py", "plugins/inventory/*.py", "plugins/lookup/*.py", "roles/*/", "playbooks/*.yml")
    there = {path.stem for kind in kinds for path in ROOT.glob(kind)} - {"templates"}
    named = {name.rpartition(".")[2] for name in re.findall(r"`([a-z._]+)`", (ROOT / "README.md").read_text())}
    assert there - named == set()


@pytest.mark.parametrize("role", sorted(path.parent.name for path in ROOT.glob("roles/*/tasks")))
def test_a_role_says_what_it_takes(role: str) -> None:
    specs = load(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]
    assert all(spec["short_description"] for spec in specs.values())
    assert (ROOT / "roles" / role / "README.md").is_file()
    defaults = ROOT / "roles" / role / "defaults" / "main.yml"
    if defaults.is_file():
        assert set(yaml.safe_load(defaults.read_text())) <= set(specs["main"]["options"])


@pytest.mark.parametrize("path", sorted(PLUGINS.rglob("*.py")), ids=lambda path: str(path.relative_to(PLUGINS)))
def test_a_plugin_carries_its_license(path: Path) -> None:
    head = path.read_text()[:400]
    shared = "module_utils" in path.parts
    license_id = "BSD-2-Clause" if shared else "GPL-3.0-or-later"
    assert f"-License-Identifier: {license_id}\n" in head
    assert "from __future__ import annotations" in path.read_text()


def test_the_lock_is_hashed_and_names_no_host() -> None:
    lock = (ROOT / "requirements-dev.txt").read_text()
    assert "://" not in lock
    assert "index-url" not in lock
    packages = [line for line in lock.splitlines() if line[:1].isalnum()]
    assert packages
    assert lock.count("--hash=sha256:") >= len(packages)
    wanted = {
        line.split("==")[0].split("[")[0].lower()
        for line in (ROOT / "requirements-dev.in").read_text().splitlines()
        if line[:1].isalnum()
    }
    assert wanted <= {line.split("==")[0].split("[")[0].lower() for line in packages}
