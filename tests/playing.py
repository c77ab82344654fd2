# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running many tasks in one ansible-playbook, and getting back what each of them returned.

Starting Ansible costs a second, a task a hundredth of one: put a whole table of cases in one play.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
HERE = Path(__file__).resolve().parent
#: The ansible-playbook that belongs to this Python, whatever PATH says.
PROGRAM = str(Path(sys.executable).with_name("ansible-playbook"))
GROUP = "group/community.aistore.all"
#: Endpoint → environment with which a task reaches it: of clusters that want TLS and tokens.
CREDENTIALS: dict[str, dict[str, str]] = {}
_OPTIONS = {
    "AIS_AUTHN_TOKEN_FILE": "token_file",
    "AIS_AUTHN_URL": "authn_url",
    "AIS_CLIENT_CA": "ca_path",
    "AIS_CRT": "client_cert",
    "AIS_CRT_KEY": "client_key",
}


@dataclasses.dataclass
class Result:
    """What a task returned on a host. ``number`` counts the play's tasks, ``requests`` is what a relay
    saw meanwhile."""

    number: int
    task: str
    host: str
    status: str  # ok, failed, skipped, unreachable
    result: dict[str, Any]
    requests: list[Any] = dataclasses.field(default_factory=list)

    @property
    def changed(self) -> bool:
        return bool(self.result.get("changed"))

    @property
    def failed(self) -> bool:
        return self.status in ("failed", "unreachable")

    @property
    def msg(self) -> str:
        return str(self.result.get("msg", ""))

    @property
    def writes(self) -> list[Any]:
        return [request for request in self.requests if request.method not in ("GET", "HEAD")]

    def __getitem__(self, key: str) -> Any:
        return self.result[key]


@dataclasses.dataclass
class Played:
    """A finished ansible-playbook: results in order, or by task name."""

    code: int
    stdout: str
    stderr: str
    results: list[Result]

    def __getitem__(self, task: str) -> Result:
        found = [result for result in self.results if result.task == task]
        assert len(found) == 1, f"{len(found)} results of task {task!r}\n{self}"
        return found[0]

    def __iter__(self) -> Iterator[Result]:
        return iter(self.results)

    def __str__(self) -> str:
        return f"ansible-playbook ended with {self.code}\n{self.stdout}\n{self.stderr}"


def environment_of(endpoint: str | Sequence[str] | None) -> dict[str, str]:
    """What a process needs in its environment to reach an endpoint, or the first of several, but for its address."""
    first = endpoint if isinstance(endpoint, str) else next(iter(endpoint or ()), "")
    return CREDENTIALS.get(first, {})


def options_of(endpoint: str | Sequence[str] | None) -> dict[str, str]:
    """The same as options of a module or plugin."""
    return {_OPTIONS[name]: value for name, value in environment_of(endpoint).items()}


def play(
    tasks: Sequence[Mapping[str, Any]] | Path,
    *,
    check: bool = False,
    diff: bool = True,
    endpoint: str | Sequence[str] | None = None,
    defaults: Mapping[str, Any] | None = None,
    variables: Mapping[str, Any] | None = None,
    extra_vars: Mapping[str, Any] | None = None,
    env: Mapping[str, str] | None = None,
    forks: int | None = None,
    hosts: Sequence[str] = ("localhost",),
    direct: str | None = None,
    verbosity: int = 0,
    relay: Any = None,
    ok: bool = True,
    timeout: float = 600,
    cwd: Path = ROOT,
) -> Played:
    """Runs ``tasks`` (or a playbook file) on ``hosts``, all of them this machine.

    ``endpoint`` and ``defaults`` become module defaults of the collection, but of a playbook file, which
    just gets the credentials of ``endpoint``; ``direct`` is auto, always or never; ``relay`` tells each
    result what was asked meanwhile. A run that ends with an error is an AssertionError unless ``ok`` is
    false.
    """
    with tempfile.TemporaryDirectory(prefix="play-") as scratch:
        kept = Path(scratch, "kept")
        kept.touch()
        arguments = _arguments(Path(scratch), hosts, check, diff, forks, verbosity, extra_vars)
        if isinstance(tasks, Path):
            playbook = tasks
        else:
            playbook = Path(scratch, "play.yml")
            playbook.write_text(json.dumps([_play(tasks, endpoint, defaults, variables)]))
        done = subprocess.run(
            [PROGRAM, *arguments, str(playbook)],
            cwd=cwd,
            env={
                **_environment(scratch),
                "KEEP_FILE": str(kept),
                "KEEP_RELAY": relay.url if relay else "",
                **({"ANSIBLE_AISTORE_DIRECT": direct} if direct else {}),
                **environment_of(endpoint),
                **(env or {}),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )
        results = [Result(**json.loads(line)) for line in kept.read_text().splitlines()]
    if relay:
        for result in results:
            result.requests = relay.since(str(result.number))
    played = Played(done.returncode, done.stdout, done.stderr, results)
    assert not ok or played.code == 0, str(played)
    return played


def killed(
    playbook: Path,
    wait: Callable[[], object],
    *,
    endpoint: str,
    extra_vars: Mapping[str, Any] | None = None,
) -> None:
    """Starts a playbook file, and kills it with all its processes when ``wait`` returns."""
    process = subprocess.Popen(
        [PROGRAM, str(playbook), "--extra-vars", json.dumps(extra_vars or {})],
        env={**os.environ, **environment_of(endpoint)},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait()
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def run_module(name: str, args: Mapping[str, Any], *, ok: bool = True, **how: Any) -> dict[str, Any]:
    """One module, run once: the result it returned. A short name is one of the collection's."""
    module = name if "." in name else f"community.aistore.{name}"
    played = play([{"name": "run", module: dict(args)}], ok=ok, **how)
    assert played.results, str(played)
    return played.results[-1].result


def _play(
    tasks: Sequence[Mapping[str, Any]],
    endpoint: str | Sequence[str] | None,
    defaults: Mapping[str, Any] | None,
    variables: Mapping[str, Any] | None,
) -> dict[str, Any]:
    given = dict(defaults or {})
    if endpoint:
        given["endpoint"] = endpoint if isinstance(endpoint, str) else list(endpoint)
    return {
        "hosts": "all",
        "gather_facts": False,
        "module_defaults": {GROUP: given} if given else {},
        "vars": dict(variables or {}),
        "tasks": [dict(task) for task in tasks],
    }


def _arguments(
    scratch: Path,
    hosts: Sequence[str],
    check: bool,
    diff: bool,
    forks: int | None,
    verbosity: int,
    extra_vars: Mapping[str, Any] | None,
) -> list[str]:
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    inventory = scratch / "hosts.json"
    inventory.write_text(json.dumps({"all": {"hosts": dict.fromkeys(hosts, local)}}))
    arguments = ["--inventory", str(inventory)]
    arguments += ["--check"] * check + ["--diff"] * diff
    arguments += ["--forks", str(forks)] if forks else []
    arguments += [f"-{'v' * verbosity}"] if verbosity else []
    if extra_vars:
        given = scratch / "vars.json"
        given.write_text(json.dumps(extra_vars))
        arguments += ["--extra-vars", f"@{given}"]
    return arguments


def _environment(scratch: str) -> dict[str, str]:
    # Neither the caller's Ansible nor their AIStore settings reach a test.
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ANSIBLE_", "AIS_"))}
    return {
        **kept,
        "PATH": f"{Path(sys.executable).parent}:{kept.get('PATH', '')}",
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_HOME": f"{scratch}/home",
        "ANSIBLE_LOCAL_TEMP": f"{scratch}/tmp",
        "ANSIBLE_REMOTE_TEMP": f"{scratch}/tmp",
        # An installed copy of the collection must not win over this checkout.
        "ANSIBLE_COLLECTIONS_PATH": f"{scratch}/collections",
        "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback_plugins"),
        "ANSIBLE_CALLBACKS_ENABLED": "keep",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_DEVEL_WARNING": "0",
    }
