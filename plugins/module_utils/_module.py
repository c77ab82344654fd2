# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Between Ansible and the engine: options in, result out, every foreseeable failure as one message."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any, Callable

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.community.aistore.plugins.module_utils import _client, _engine, _fields, _options
from ansible_collections.community.aistore.plugins.module_utils._errors import AisError

Params = Mapping[str, Any]
_UNSUPPORTED = re.compile(
    r"Unsupported parameters for .*?module: (?P<names>.*?)\. Supported parameters include: (?P<known>.*)\.$", re.S
)


def converge(
    spec: Mapping[str, Any],
    make: Callable[[Params, _client.Client], _engine.Resource[Any]],
    *,
    jobs: bool = False,
    **rules: Any,
) -> None:
    """Run a module that converges what ``make`` returns for the task's options.

    ``spec`` is the module's own argument spec, ``jobs`` adds ``wait`` and ``wait_timeout``, ``rules`` are Ansible's
    (``mutually_exclusive``, ``required_one_of``, …).
    """

    def run(module: AnsibleModule, client: _client.Client) -> dict[str, Any]:
        return _engine.converge(
            make(module.params, client),
            check_mode=module.check_mode,
            wait=module.params.get("wait", True),
            wait_timeout=module.params.get("wait_timeout", 600.0),
        )

    _run({**spec, **(_options.wait_spec() if jobs else {})}, run, rules)


def answer(spec: Mapping[str, Any], ask: Callable[[Params, _client.Client], dict[str, Any]], **rules: Any) -> None:
    """Run a module that only reads: ``ask`` returns its result keys."""
    _run(spec, lambda module, client: {"changed": False, **ask(module.params, client)}, rules)


def _run(
    spec: Mapping[str, Any],
    run: Callable[[AnsibleModule, _client.Client], dict[str, Any]],
    rules: Mapping[str, Any],
) -> None:
    module = _careful(AnsibleModule)(
        argument_spec={**_options.connection_spec(), **spec}, supports_check_mode=True, **rules
    )
    if not _client.HAS_REQUESTS:
        module.fail_json(msg=missing_required_lib("requests"))
    outcome: dict[str, Any] = {}
    trouble: AisError | None = None
    try:
        connection = _options.connection(module.params)
        if connection.token:
            module.no_log_values.add(connection.token)
        if connection.verify is False and any(url.startswith("https:") for url in connection.endpoints):
            module.warn(
                "validate_certs is false: the cluster's certificate is not checked, anybody may answer in its place."
            )
        outcome = run(module, _client.Client(connection, check_mode=module.check_mode))
    except _engine.Failure as error:
        trouble, outcome = error, error.outcome
    except AisError as error:
        trouble = error
    if not module._diff:
        outcome.pop("diff", None)
    if trouble is not None:
        module.fail_json(msg=str(trouble), error=trouble.facts(), **outcome)
    module.exit_json(**outcome)


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
            + (f"; did you mean {parent + '.' if parent else ''}{nearest}?" if nearest else "")
        )
    return f"{'; '.join(told)} Nothing was changed. Known here: {', '.join(sorted(set(known)))}."
