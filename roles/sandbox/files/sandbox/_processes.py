# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes of a sandbox. Each carries a mark in its environment; /proc is the only record of them.

A recorded pid may long belong to someone else. A process that carries the mark is ours for certain,
also when the launcher died between starting it and writing that down.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from ._errors import SandboxError

MARK = "COMMUNITY_AISTORE_SANDBOX"
_children: dict[int, subprocess.Popen[bytes]] = {}


def running(directory: Path) -> dict[str, int]:
    """Names and pids of this sandbox's processes."""
    prefix = _prefix(directory)
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            mark = _mark(int(entry), prefix)
            if mark:
                found[mark] = int(entry)
    return found


def _prefix(directory: Path) -> bytes:
    return f"{MARK}={directory}/".encode()


def _mark(pid: int, prefix: bytes) -> str:
    try:
        environ = Path(f"/proc/{pid}/environ").read_bytes()  # empty for a zombie
    except OSError:
        return ""
    for item in environ.split(b"\0"):
        if item.startswith(prefix):
            return item[len(prefix) :].decode()
    return ""


def spawn(directory: Path, name: str, command: list[str], env: dict[str, str]) -> int:
    """Starts one process in the background; what it prints goes to DIR/NAME/out."""
    home = directory / name
    home.mkdir(exist_ok=True)
    with open(home / "out", "ab") as out:
        child = subprocess.Popen(
            command,
            cwd=home,
            env={**_environment(), **env, MARK: f"{directory}/{name}"},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,  # a Ctrl-C at the playbook is not meant for the servers
        )
    _children[child.pid] = child
    # /proc shows the environment of a new program only a moment after the program began.
    while child.poll() is None and not _mark(child.pid, _prefix(directory)):
        time.sleep(0.001)
    return child.pid


def _environment() -> dict[str, str]:
    # Neither the caller's AIStore nor their AWS settings reach the servers, and no HTTP proxy may
    # stand between the nodes; AWS_CA_BUNDLE alone would break every call to the S3 backend.
    unwanted = ("AIS_", "AWS_", "S3_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "SSL_CERT_")
    return {key: value for key, value in os.environ.items() if not key.upper().startswith(unwanted)}


def send(directory: Path, name: str, what: signal.Signals) -> None:
    """Signals one process of the sandbox; nothing happens when it does not run."""
    pid = running(directory).get(name)
    if pid is not None:
        _kill(pid, what)


def _kill(pid: int, what: signal.Signals) -> None:
    try:
        os.kill(pid, what)
    except ProcessLookupError:
        pass


def end(directory: Path, names: set[str] | None = None, *, patience: float = 10.0) -> list[str]:
    """Ends the named processes, or all, together: asks first, then insists. Returns who ran."""
    ended: dict[str, int] = {}
    start = time.monotonic()
    asked = -1.0
    while True:
        alive = {name: pid for name, pid in running(directory).items() if names is None or name in names}
        ended.update(alive)
        for pid in ended.values():
            _reap(pid)
        if not alive:
            return sorted(ended)
        waited = time.monotonic() - start
        if waited > patience + 5:
            raise SandboxError(f"sandbox: cannot end {alive}")
        if waited - asked > 1.5:  # server 4.9 overlooks a SIGTERM in its first second: ask again
            asked = waited
            for pid in alive.values():
                _kill(pid, signal.SIGKILL if waited > patience else signal.SIGTERM)
                _kill(pid, signal.SIGCONT)  # a frozen process cannot end
        time.sleep(0.05)


def _reap(pid: int) -> None:
    child = _children.get(pid)
    if child is not None and child.poll() is not None:
        del _children[pid]


def last_words(home: Path, lines: int = 12) -> str:
    """The end of what a process printed and logged."""
    logs = sorted((home / "log").glob("*"), key=lambda path: path.stat().st_mtime)[-1:]
    parts = []
    for path in [home / "out", *logs]:
        try:
            tail = path.read_text(errors="replace").splitlines()[-lines:]
        except OSError:
            continue
        if tail:
            parts.append("\n".join([f"--- {path}", *tail]))
    return "\n".join(parts)


def find_program(name: str, beside: str) -> str:
    """A program of the same Python installation, else of PATH."""
    sibling = Path(beside).with_name(name)
    found = str(sibling) if sibling.exists() else shutil.which(name)
    if not found:
        raise SandboxError(f"sandbox: needs the program {name}; install it beside Python or on PATH")
    return found
