# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps every result of a play, one JSON line each, for tests/playing.py."""

from __future__ import annotations

import json
import os
import urllib.request
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: keep
type: notification
short_description: Keeps results for tests
description: Writes each result as a line of JSON to the file that E(KEEP_FILE) names.
author: community.aistore contributors
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "keep"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._number = 0
        self._relay = os.environ.get("KEEP_RELAY")
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        self._number += 1
        if self._relay:  # it notes where this task's requests begin
            self._open(f"{self._relay}/__relay__/mark?{self._number}", timeout=10).close()

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        self.v2_playbook_on_task_start(task, False)

    def _keep(self, status: str, result: Any) -> None:
        with open(os.environ["KEEP_FILE"], "a", encoding="utf-8") as kept:
            line = {
                "number": self._number,
                "task": result._task.get_name().partition(" : ")[2] or result._task.get_name(),
                "host": result._host.get_name(),
                "status": status,
                "result": result._result,
            }
            kept.write(json.dumps(line, default=str) + "\n")

    def v2_runner_on_ok(self, result: Any) -> None:
        self._keep("ok", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._keep("failed", result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._keep("skipped", result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._keep("unreachable", result)
