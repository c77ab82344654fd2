# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m sandbox started|stopped|absent|info [--check] [--directory D] [options]``

Options are also read from standard input, as JSON, with ``--stdin`` (so that a password is in no
process list). Prints ``{"changed": …, "sandbox": {…}}``.
"""

from __future__ import annotations

import argparse
import json
import sys

from . import Sandbox, SandboxError, Spec
from ._spec import BACKENDS, TLS_MODES, VERSIONS


def main() -> int:
    parser = argparse.ArgumentParser(prog="sandbox", description="A throwaway AIStore cluster.")
    parser.add_argument("state", choices=("started", "stopped", "absent", "info"))
    parser.add_argument("--directory", default="~/.cache/community.aistore/sandbox")
    parser.add_argument("--cache", default="~/.cache/community.aistore")
    parser.add_argument("--check", action="store_true", help="say what would change, change nothing")
    parser.add_argument("--stdin", action="store_true", help="read options as JSON from stdin")
    default = Spec()
    parser.add_argument("--version", choices=VERSIONS, default=default.version)
    for name in ("proxies", "targets", "mountpaths"):
        parser.add_argument(f"--{name}", type=int, default=getattr(default, name))
    parser.add_argument("--base-port", type=int, default=default.base_port)
    parser.add_argument("--backends", nargs="*", choices=BACKENDS, default=[])
    parser.add_argument("--tls", choices=TLS_MODES, default=default.tls)
    parser.add_argument("--authn", action="store_true")
    parser.add_argument("--rebalance", action="store_true")
    options = vars(parser.parse_args())
    state, directory, cache, check = (options.pop(name) for name in ("state", "directory", "cache", "check"))
    if options.pop("stdin"):
        options.update(json.load(sys.stdin))
    password = options.pop("authn_password", "")
    try:
        box = Sandbox(directory, Spec(**options), cache=cache, authn_password=password)
        act = {"started": box.start, "stopped": box.stop, "absent": box.remove}.get(state)
        changed = act(check=check) if act else False
    except SandboxError as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps({"changed": changed, "sandbox": box.info()}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
