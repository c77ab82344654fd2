# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The direct front end: a module's own `main()`, run inside the worker process.

Only the process boundary goes. The arguments still reach the module as the JSON text that Ansible
would have sent, and what the module prints is still what Ansible's own parser reads; so argument
specs, defaults, `no_log`, warnings, check mode, diff and plain JSON types need no code here, and
a result cannot differ from the ordinary module's. Wherever it could, the ordinary module runs.
"""

from __future__ import annotations

import configparser
import contextlib
import functools
import importlib
import io
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import ModuleType
from typing import Any, NamedTuple

from ansible import constants as C  # noqa: N812
from ansible.errors import AnsibleActionFail
from ansible.module_utils import basic
from ansible.module_utils.common import warnings
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action.normal import ActionModule as OrdinaryActionModule
from ansible.utils.display import Display
from ansible_collections.community.aistore.plugins.module_utils import _client, _jobs

# What is private to ansible-core may be elsewhere in its next version; then the ordinary module runs,
# where an ImportError here would end every playbook.
try:
    from ansible.module_utils import _internal
    from ansible.module_utils._internal import _errors, _messages, _traceback
    from ansible.module_utils.common.json import Direction, get_module_encoder

    PROCESS = (
        (basic, "_ANSIBLE_ARGS"),
        (basic, "_ANSIBLE_PROFILE"),
        (basic, "_PARSED_MODULE_ARGS"),
        (basic.AnsibleModule, "_load_params"),
        (basic, "remove_values"),
        (warnings, "_global_warnings"),
        (warnings, "_global_deprecations"),
        (_internal, "is_controller"),
    )
    OTHER_CORE = next((name for owner, name in PROCESS if not hasattr(owner, name)), "")
except ImportError as ex:
    OTHER_CORE = str(ex)

MODES = ("auto", "never", "always")
#: How ansible-core 2.19 and later talk to a module that asks for nothing else.
PROFILE = "legacy"
DISCOVERED = ("", "auto", "auto_silent", "auto_legacy", "auto_legacy_silent")

display = Display()


class Loaded(NamedTuple):
    """A module ready to run here, or why there is none."""

    module: ModuleType | None
    reason: str = ""


def load(action: str) -> Loaded:
    """Import the module of the same name as an action plugin, given the plugin's `__name__`.

    An action file calls this at its top: the strategy loads it once, before it forks, and every
    task finds the module and `requests` imported. An exception there would end the whole playbook,
    so none leaves.
    """
    plugins, _dot, name = action.rpartition(".action.")
    if not plugins.startswith("ansible_collections."):  # found by its short name, see ansible.cfg
        plugins = "ansible_collections.community.aistore.plugins"
    try:
        importlib.import_module("requests")
        return Loaded(importlib.import_module(f"{plugins}.modules.{name}"))
    except Exception as ex:
        return Loaded(None, f"{sys.executable} cannot import it ({type(ex).__name__}: {ex})")


@functools.lru_cache(maxsize=1)
def _ini_mode(path: str | None) -> str | None:
    parser = configparser.ConfigParser(inline_comment_prefixes=(";",), interpolation=None)
    parser.read(path or [])
    return parser.get("aistore", "direct", fallback=None)


@functools.cache
def same_python(wanted: Any) -> bool:
    """Whether an `ansible_python_interpreter` means the Python that runs now.

    Names in one directory that are one file are one Python (`python`, `python3`). Two directories
    are not, even if their files are: a virtual environment's interpreter is a link to its base.
    """
    if not isinstance(wanted, str) or wanted in DISCOVERED:
        return True
    path = wanted if os.sep in wanted else shutil.which(wanted) or wanted
    here = sys.executable
    return os.path.realpath(os.path.dirname(path)) == os.path.realpath(os.path.dirname(here)) and (
        os.path.realpath(path) == os.path.realpath(here)
    )


def scrub(value: Any, secrets: list[str]) -> Any:
    """`value`, JSON as Python has it, with every one of the secrets starred out."""
    if isinstance(value, str):
        return functools.reduce(lambda text, secret: text.replace(secret, "*" * 8), secrets, value)
    if isinstance(value, Mapping):
        return {scrub(key, secrets): scrub(item, secrets) for key, item in value.items()}
    if isinstance(value, list):
        return [scrub(item, secrets) for item in value]
    return value


@contextlib.contextmanager
def _process_of_its_own(payload: bytes, cwd: str) -> Iterator[list[basic.AnsibleModule]]:
    """What a module expects to find around it; yields the list its AnsibleModule will be in."""
    made: list[basic.AnsibleModule] = []
    before, cwd_before = [getattr(owner, name) for owner, name in PROCESS], os.getcwd()
    load_params, remove_values = basic.AnsibleModule._load_params, basic.remove_values

    def remember(module: basic.AnsibleModule) -> None:
        made.append(module)
        load_params(module)

    def remove(value: Any, secrets: set[str]) -> Any:
        # Without a secret it makes a copy, for a fifth of the time of a task about 1,000 buckets.
        return remove_values(value, secrets) if secrets else value

    def put(values: Iterable[Any], cwd: str) -> None:
        for (owner, name), value in zip(PROCESS, values):
            setattr(owner, name, value)
        os.chdir(cwd)

    try:
        # The last three: warnings are collected for the result, rather than shown at once.
        put((payload, PROFILE, None, remember, remove, {}, {}, False), cwd)
        yield made
    finally:
        put(before, cwd_before)
        for module in made:
            # A worker process ends without running what a module leaves to atexit.
            if module._tmpdir and not module._keep_remote_files:
                shutil.rmtree(module._tmpdir, ignore_errors=True)


def run_here(
    module: ModuleType, payload: bytes, cwd: str, progress: Callable[[str], None] | None = None
) -> dict[str, Any]:
    """Run `module.main()` on the JSON that Ansible would send; rc, stdout and stderr as of a process.

    Every exception of the module becomes a failed result, with the secrets of its arguments starred
    out. What is not an `Exception`, as the timeout of a task, passes through.
    """
    stdout, stderr = io.StringIO(), io.StringIO()
    rc: Any = 0
    with (
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr),
        _process_of_its_own(payload, cwd) as made,
    ):

        def secrets() -> list[str]:
            found = {str(value) for one in made for value in one.no_log_values if value}
            return sorted(found, key=len, reverse=True)

        if progress:
            _jobs.PROGRESS = lambda line: progress(scrub(line, secrets()))
        try:
            module.main()
            raise RuntimeError("New-style module did not handle its own exit.")
        except SystemExit as ex:
            rc = ex.code
        except Exception as ex:
            rc = 1
            stdout.truncate(stdout.seek(0))
            print(json.dumps(scrub(_failure(ex), secrets())))
        finally:
            _jobs.PROGRESS = None
    return {"rc": rc, "stdout": stdout.getvalue(), "stderr": stderr.getvalue()}


def _failure(ex: Exception) -> dict[str, Any]:
    """The result that Ansible makes of an exception that left a module, as JSON."""
    traced = _traceback.is_traceback_enabled(_traceback.TracebackEvent.ERROR)
    event = _errors.EventFactory.from_exception(ex, traced)
    result = {"failed": True, "exception": _messages.ErrorSummary(event=event)}
    return json.loads(json.dumps(result, cls=get_module_encoder(PROFILE, Direction.MODULE_TO_CONTROLLER)))


class DirectActionModule(OrdinaryActionModule):
    """Runs `LOADED` in this process, or the ordinary module where that would not be the same."""

    LOADED: Loaded

    def _execute_module(  # type: ignore[no-untyped-def]
        self, module_name=None, module_args=None, tmp=None, task_vars=None, **options
    ):
        task_vars = task_vars or {}
        mode, source = self._mode(task_vars)
        reason = f"{source} is never" if mode == "never" else next(self._obstacles(task_vars), None)
        name = module_name or self._task.action
        host = task_vars.get("inventory_hostname")
        if reason and mode == "always":
            raise AnsibleActionFail(f"{name} cannot run directly as {source} demands: {reason}.")
        module = self.LOADED.module
        if reason or module is None:
            display.vvv(f"{name}: as an ordinary module, because {reason}", host=host)
            return super()._execute_module(
                module_name=module_name, module_args=module_args, task_vars=task_vars, **options
            )
        display.vvv(f"{name}: directly, in this process", host=host)
        args = dict(self._task.args if module_args is None else module_args)
        self._update_module_args(name, args, task_vars)
        encoder = get_module_encoder(PROFILE, Direction.CONTROLLER_TO_MODULE)
        payload = json.dumps({"ANSIBLE_MODULE_ARGS": args}, cls=encoder).encode()
        if _client.SESSIONS is None:
            _client.SESSIONS = {}
        result = self._parse_returned_data(
            run_here(module, payload, self._loader.get_basedir(), self._progress(task_vars)),
            PROFILE,
        )
        return _without_internal_keys(result)

    def _mode(self, task_vars: Mapping[str, Any]) -> tuple[str, str]:
        """How the user wants it, and where that is said: a variable, the environment, the ini file."""
        said = (
            (self._templar.template(task_vars.get("ansible_aistore_direct")), "ansible_aistore_direct"),
            (os.environ.get("ANSIBLE_AISTORE_DIRECT"), "ANSIBLE_AISTORE_DIRECT"),
            (_ini_mode(C.CONFIG_FILE), f"[aistore] direct in {C.CONFIG_FILE}"),
            (MODES[0], "the default"),
        )
        mode, source = next((value, source) for value, source in said if value)
        if mode not in MODES:
            raise AnsibleActionFail(f"{source}: {mode!r} is none of {', '.join(MODES)}.")
        return mode, source

    def _obstacles(self, task_vars: Mapping[str, Any]) -> Iterator[str]:
        """Why running here would not be the same thing, cheapest question first."""
        if self._connection.transport != "local":
            yield f"the connection is {self._connection.transport}, not local"
        if self._connection.become:
            yield "the task says become"
        if self._task.async_val:
            yield "the task says async"
        if C.DEFAULT_KEEP_REMOTE_FILES:
            yield "keep_remote_files asks for the module's files"
        if OTHER_CORE:
            yield f"this ansible-core is not one it knows ({OTHER_CORE})"
        if not self.LOADED.module:
            yield self.LOADED.reason
        if any(self._task.environment or ()):
            environment: dict[str, Any] = {}
            self._compute_environment_string(environment)
            if environment:
                yield f"the task has an environment ({', '.join(sorted(environment))})"
        python = self._python(task_vars)
        if not same_python(python):
            yield f"ansible_python_interpreter is {python}, and this is {sys.executable}"

    def _python(self, task_vars: Mapping[str, Any]) -> Any:
        """The interpreter that the task's host asks for, as the ordinary module would look it up."""
        if self._task.delegate_to:
            task_vars = task_vars["ansible_delegated_vars"][self._task.delegate_to]
        return self._templar.template(C.config.get_config_value("INTERPRETER_PYTHON", variables=task_vars))

    def _progress(self, task_vars: Mapping[str, Any]) -> Callable[[str], None] | None:
        """Shows a line about a running job; on stderr, where no parser of results reads."""
        wanted = self._templar.template(task_vars.get("ansible_aistore_progress", True))
        if self._task.check_mode or self._task.no_log or not boolean(wanted):
            return None
        host = task_vars.get("inventory_hostname")
        if self._task.delegate_to:
            host = f"{host} -> {self._task.delegate_to}"
        return lambda line: display.display(f"progress: [{host}] {line}", color=C.COLOR_VERBOSE, stderr=True)


def _without_internal_keys(parsed: Any) -> dict[str, Any]:
    """What `_execute_module` returns of a parsed result, in the way of each ansible-core."""
    if isinstance(parsed, dict):  # 2.19, 2.20
        from ansible.vars.clean import remove_internal_keys

        remove_internal_keys(parsed)
        return parsed
    parsed.remove_internal_keys()
    return parsed.as_result_dict(for_round_trip=True)
