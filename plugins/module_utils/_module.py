# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Between Ansible and the engine: options in, result out, every foreseeable failure as one message."""

from __future__ import annotations

import functools
import os
import re
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Callable

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.community.aistore.plugins.module_utils import _client, _engine, _fields, _options
from ansible_collections.community.aistore.plugins.module_utils._errors import AisError, ProtocolError
from ansible_collections.community.aistore.plugins.module_utils._files import FileAttributes

try:
    from ansible.module_utils.secrets import register_secrets
except ImportError:  # before ansible-core 2.22, which no longer looks at no_log_values

    def register_secrets(values: Iterable[str], /) -> None:
        """Do nothing: ``no_log_values`` is enough."""


Params = Mapping[str, Any]
_UNSUPPORTED = re.compile(
    r"Unsupported parameters for .*?module: (?P<names>.*?)\. Supported parameters include: (?P<known>.*)\.$", re.S
)


def converge(
    spec: Mapping[str, Any],
    make: Callable[..., _engine.Resource[Any]],
    *,
    jobs: bool = False,
    files: bool = False,
    speak: type[_client.Client] = _client.Client,
    secrets: Callable[[Params], Iterable[str]] | None = None,
    **rules: Any,
) -> None:
    """Run a module that converges what ``make(params, client)`` returns for the task's options.

    ``spec`` is the module's own argument spec, ``jobs`` adds ``wait`` and ``wait_timeout``, ``files`` Ansible's options
    of files (``mode``, ``owner``, …) and a third argument of ``make``: the :class:`FileAttributes` that they ask for.
    ``speak`` is the kind of client, ``secrets`` yields what must not be shown of options that ``no_log`` cannot
    describe, ``rules`` are Ansible's (``mutually_exclusive``, ``required_one_of``, …).
    """

    def run(module: AnsibleModule, client: _client.Client) -> dict[str, Any]:
        return _engine.converge(
            make(module.params, client, *([FileAttributes(module)] if files else [])),
            check_mode=module.check_mode,
            wait=module.params.get("wait", True),
            wait_timeout=module.params.get("wait_timeout", 600.0),
        )

    _run(
        {**spec, **(_options.wait_spec() if jobs else {})},
        run,
        {**rules, "add_file_common_args": files},
        speak,
        secrets,
    )


def answer(spec: Mapping[str, Any], ask: Callable[[Params, _client.Client], dict[str, Any]], **rules: Any) -> None:
    """Run a module that only reads: ``ask`` returns its result keys."""
    _run(spec, lambda module, client: {"changed": False, **ask(module.params, client)}, rules)


def _run(
    spec: Mapping[str, Any],
    run: Callable[[AnsibleModule, _client.Client], dict[str, Any]],
    rules: Mapping[str, Any],
    speak: type[_client.Client] = _client.Client,
    secrets: Callable[[Params], Iterable[str]] | None = None,
) -> None:
    module = _careful(AnsibleModule)(
        argument_spec={**_options.connection_spec(), **spec}, supports_check_mode=True, **rules
    )
    if secrets:
        _hide(module, secrets(module.params))
    if not _client.HAS_REQUESTS:
        module.fail_json(msg=missing_required_lib("requests"))
    outcome: dict[str, Any] = {}
    trouble: AisError | None = None
    try:
        connection = _secretly(module, _options.connection(module.params))
        client = speak(connection, check_mode=module.check_mode)
        if connection.verify is False and any(url.startswith("https:") for url in client.connection.endpoints):
            module.warn(
                f"validate_certs is false: nobody checks the certificate of {client.service}, "
                "anybody may answer in its place."
            )
        outcome = run(module, client)
    except _engine.Failure as error:
        trouble, outcome = error, error.outcome
    except AisError as error:
        trouble = error
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        trouble = _puzzled(error)
    if not module._diff:
        outcome.pop("diff", None)
    for warning in outcome.pop("warnings", ()):
        module.warn(warning)
    if trouble is not None:
        module.fail_json(msg=str(trouble), error=trouble.facts(), **outcome)
    module.exit_json(**outcome)


def _hide(module: AnsibleModule, values: Iterable[str]) -> None:
    """Keep ``values``, secrets that Ansible does not know of, out of all that ``module`` says."""
    found = {value for value in values if value}
    module.no_log_values.update(found)
    register_secrets(found)


def _secretly(module: AnsibleModule, connection: _client.Connection) -> _client.Connection:
    """Return ``connection`` with every token that it has, or that a login brings, hidden from what ``module`` says."""

    def hidden(token: str) -> str:
        _hide(module, [token])
        return token

    hidden(connection.token)
    login = connection.login
    return replace(connection, login=login and (lambda *asked: hidden(login(*asked))))


def _puzzled(error: Exception) -> ProtocolError:
    """Return what to say of an answer whose shape nobody foresaw."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "aistore" in frame.filename]
    where = f"{os.path.basename(frames[-1].filename)}, line {frames[-1].lineno}" if frames else "unknown"
    return ProtocolError(
        f"an answer does not have the form that AIStore's answers have ({type(error).__name__} in {where}: {error})",
        hint="Check that 'endpoint' is the address of an AIStore proxy. If it is, please report this as a bug.",
    )


@functools.cache
def _careful(base: type[AnsibleModule]) -> type[AnsibleModule]:
    """Return ``base`` (Ansible's class, or what a front end puts in its place) with kinder messages for typos."""

    class AisAnsibleModule(base):
        def fail_json(self, msg: str, **kwargs: Any) -> None:
            super().fail_json(msg=advise(msg), **kwargs)

    return AisAnsibleModule


def advise(message: str) -> str:
    """Return Ansible's message about unsupported parameters with the nearest valid name of each."""
    found = _UNSUPPORTED.search(message)
    if not found:
        return message
    known = [name for part in found["known"].split(", ") for name in re.findall(r"[\w-]+", part)]
    told = []
    for name in found["names"].split(", "):
        nearest = _fields.suggest(name.rpartition(".")[2], known).rpartition(" ")[2].rstrip("?")
        parent = name.rpartition(".")[0]
        told.append(
            f"{name}: unknown option"
            + (f"; did you mean {parent + '.' if parent else ''}{nearest}?" if nearest else ".")
        )
    return f"{' '.join(told)} Nothing was changed. Known here: {', '.join(sorted(set(known)))}."
