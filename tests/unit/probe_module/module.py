# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module that does on demand what a module can do, to see both front ends handle it alike."""

from __future__ import annotations

import os
import sys
import time

from ansible.module_utils.basic import AnsibleModule, env_fallback
from ansible.module_utils.common.warnings import get_warnings
from ansible_collections.community.aistore.plugins.module_utils import _client, _jobs


def facts(module):
    return {
        "cwd": os.getcwd(),
        "types": {key: type(value).__name__ for key, value in module.params.items()},
        "check": module.check_mode,
        "verbosity": module._verbosity,
        "no_log": module.no_log,
    }


def warned(module):
    module.warn(f"careful with {module.params['text']}")
    module.deprecate("gone soon", version="9.9.9", collection_name="community.aistore")
    return {}


def raised(module):
    try:
        raise KeyError(module.params["text"])
    except KeyError as ex:
        raise ValueError(f"no good: {module.params['token']}") from ex


def failed(module):
    module.fail_json(msg=f"refused {module.params['token']}", seen=module.params["data"])


def printed(module):
    print("a stray line")
    print("another", file=sys.stderr)
    return {}


def littered(module):
    os.chdir("/")
    with open(os.path.join(module.tmpdir, "file"), "w") as file:
        file.write("x")
    return {"tmpdir": module.tmpdir}


def tidy(module):
    return {"tmpdir": module._tmpdir, "cwd": os.getcwd(), "before": len(get_warnings())}


def progressed(module):
    if _jobs.PROGRESS:
        _jobs.PROGRESS(f"{module.params['text']}: half done with {module.params['token']}")
    return {}


def direct(module):
    """Tells the front ends apart, and what one keeps of the items before; not for comparing."""
    sessions = _client.SESSIONS
    if sessions is None:
        return {"direct": False}
    before = sorted(sessions)
    sessions[module.params["text"]] = module.params["token"]
    return {"direct": True, "sessions": before, "pid": os.getpid()}


DEEDS = {
    "facts": facts,
    "warn": warned,
    "raise": raised,
    "fail": failed,
    "print": printed,
    "litter": littered,
    "tidy": tidy,
    "progress": progressed,
    "direct": direct,
    "echo": lambda module: {"data": module.params["data"], "said": module.params["token"]},
    "secret": lambda module: {"a": module.params["token"], "b": f"<{module.params['token']}>"},
    "diff": lambda module: {"diff": {"before": {"a": 1}, "after": {"a": 2}}, "changed": True},
    "sleep": lambda module: time.sleep(20) or {},
    "quit": lambda module: sys.exit(3),
    "return": lambda module: None,
}


def main():
    module = AnsibleModule(
        argument_spec={
            "deed": {"type": "str", "choices": sorted(DEEDS), "required": True},
            "text": {"type": "str", "default": "nothing", "aliases": ["words"]},
            "number": {"type": "int", "fallback": (env_fallback, ["PROBE_NUMBER"])},
            "token": {"type": "str", "no_log": True},
            "data": {"type": "raw"},
            "nested": {"type": "dict", "options": {"flag": {"type": "bool", "default": True}}},
        },
        mutually_exclusive=[("number", "nested")],
        supports_check_mode=True,
    )
    result = DEEDS[module.params["deed"]](module)
    if result is not None:
        module.exit_json(**result)


if __name__ == "__main__":
    main()
