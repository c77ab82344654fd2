# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ais_object and a client in this process: a task takes milliseconds, where one in a play takes a tenth of a second."""

from __future__ import annotations

from typing import Any

from ansible_collections.community.aistore.plugins.module_utils import _engine, _errors
from ansible_collections.community.aistore.plugins.module_utils._client import Client
from ansible_collections.community.aistore.plugins.module_utils._options import connection
from ansible_collections.community.aistore.plugins.module_utils._resources import object_info, objects
from ansible_collections.community.aistore.plugins.modules import ais_object, ais_object_info
from playing import options_of


def client(*endpoints: str, check_mode: bool = False, retries: int = 3, timeout: float = 30.0) -> Client:
    given = {"endpoint": endpoints, "retries": retries, "timeout": timeout, **options_of(endpoints)}
    return Client(connection(given), check_mode=check_mode)


def run(speaker: Client, **options: Any) -> dict[str, Any]:
    """The result of ais_object; a failure is an AisError, as the module reports it."""
    defaults = {name: spec.get("default") for name, spec in ais_object.SPEC.items()}
    if isinstance(options.get("name"), str):
        options["name"] = [options["name"]]
    return _engine.converge(objects.make({**defaults, **options}, speaker), check_mode=speaker.check_mode)


def info(speaker: Client, **options: Any) -> dict[str, Any]:
    """The result of ais_object_info."""
    defaults = {name: spec.get("default") for name, spec in ais_object_info.SPEC.items()}
    if isinstance(options.get("name"), str):
        options["name"] = [options["name"]]
    return object_info.answer({**defaults, **options}, speaker)


def make_bucket(speaker: Client, name: str, **props: Any) -> str:
    speaker.request(
        "POST", f"/v1/buckets/{name}", what=f"create {name}", action="create-bck", value=props or None, accept=(409,)
    )
    return name


def cause(error: _errors.AisError) -> _errors.AisError:
    """What went wrong, without what was done until then."""
    return error.cause if isinstance(error, _engine.Failure) else error
