# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The configuration of a cluster, and what single nodes have instead of it (overrides)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.community.aistore.plugins.module_utils import _fields, _nodes
from ansible_collections.community.aistore.plugins.module_utils._client import Client
from ansible_collections.community.aistore.plugins.module_utils._engine import Resource, Step
from ansible_collections.community.aistore.plugins.module_utils._errors import AisError, OptionError
from ansible_collections.community.aistore.plugins.module_utils._jobs import Job
from ansible_collections.community.aistore.plugins.module_utils._resources import config_fields

#: Nodes asked at once.
PARALLEL = 16
#: The order of things: the cluster's values, then what nodes give up, then what they get.
_CLUSTER, _RESET, _NODE = 0, 1, 2
Values = Mapping[str, Any]


@dataclass(frozen=True)
class Configs:
    """Compared values by path: of the cluster, and of each node that was asked."""

    cluster: Values
    nodes: Mapping[str, Values]
    table: _fields.Table

    def overrides(self, node: str) -> dict[str, Any]:
        """Return what ``node`` has otherwise than the cluster."""
        return {
            field.path: self.nodes[node].get(field.path)
            for field in self.table
            if _own(field) and self.nodes[node].get(field.path) != self.cluster.get(field.path)
        }


def _own(field: _fields.Field) -> bool:
    """Tell whether a node can have its own value of this field."""
    return not (field.read_only or field.secret or field.path.partition(".")[0] in config_fields.CLUSTER_ONLY)


def given(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the task's ``config`` as path -> value, from nested or dotted keys or both."""
    return config_fields.flat(params.get("config") or {})


def secrets(params: Mapping[str, Any]) -> Iterator[str]:
    """Yield the values of the task's ``config`` that must not be shown."""
    for path, value in given(params).items():
        if path in config_fields.SECRET:
            yield str(value)


class ConfigResource(Resource[Configs]):
    """Brings the configuration of the cluster, or of nodes, to what the options of ``ais_cluster_config`` say."""

    def __init__(self, params: Mapping[str, Any], client: Client) -> None:
        self.client = client
        self.given = given(params)
        self.names: Sequence[str] = params["node"] or ()
        self.transient: bool = params["transient"]
        self.reset: bool = params["reset"]
        self.chosen: list[str] = []
        self.silent: dict[str, str] = {}
        self._restart: set[str] = set()
        #: All nodes are asked, so that a node's own values can be told from the cluster's.
        self._everybody = True
        if not self.given and not self.reset:
            raise OptionError("there is nothing to do: give 'config', or set 'reset'")

    # -- read -------------------------------------------------------------------------------------------------

    def read(self) -> Configs:
        """Ask the nodes: only those named, unless all of them are needed to tell the cluster's value from a node's own."""
        nodes = _nodes.of_map(self.client.smap())
        self.chosen = [node.id for node in _nodes.pick(nodes, self.names)] if self.names else []
        self._everybody = self.reset or not self.chosen
        asked = list(nodes) if self._everybody else self.chosen
        views = self._views(asked)
        common = _common(views.values())
        table = config_fields.table(common)
        return Configs(
            table.actual(_fields.nest(common)),
            {n: table.actual(_fields.nest(view)) for n, view in views.items()},
            table,
        )

    def _views(self, nodes: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return node -> its flat configuration. A node that is named must answer, another one need not."""

        def ask(node: str) -> Any:
            try:
                return config_fields.flat(self.client.node(node, "config", repeat=False))
            except AisError as error:
                return error

        with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
            found = dict(zip(nodes, pool.map(ask, nodes)))
        self.silent = {node: str(answer) for node, answer in found.items() if isinstance(answer, AisError)}
        failed = [answer for node, answer in found.items() if isinstance(answer, AisError) and node in self.chosen]
        if failed or len(self.silent) == len(found):
            raise (failed or list(found.values()))[0]
        return {node: view for node, view in found.items() if node not in self.silent}

    # -- plan -------------------------------------------------------------------------------------------------

    def wanted(self, state: Configs) -> dict[str, Any]:
        """Return path -> compared value of what the task asks for, under the names that this cluster has."""
        fields = state.table.fields
        found = config_fields.own_names(self.given, fields)
        if "backend" in found:
            # Providers are added to those that are there; attached clusters are a provider too.
            found["backend"] = {**state.cluster["backend"], **config_fields.MAPPING.read(found["backend"])}
        for path in found:
            section = path.partition(".")[0]
            inner = [name for name in fields if name.startswith(f"{path}.")]
            if path not in fields and inner:
                names = ", ".join(name[len(path) + 1 :] for name in inner)
                raise OptionError(f"config.{path} is a section; give its keys: {names}")
            if path not in fields:
                continue
            if self.chosen and section in config_fields.CLUSTER_ONLY:
                raise OptionError(f"config.{path}: {section} is the same for the whole cluster; leave out 'node'")
            if self.transient and (
                section in config_fields.CLUSTER_ONLY or config_fields.covers(config_fields.LASTING, path)
            ):
                raise OptionError(f"config.{path} cannot be changed in memory alone; leave out 'transient'")
        return state.table.wanted(_fields.nest(found), "config")

    def plan(self, state: Configs) -> list[Step]:
        """Return the steps: at most one for the cluster, and two for each node."""
        wanted = self.wanted(state)
        if not self.chosen:
            steps = self._set("cluster", "", wanted, state.cluster, state.table, _CLUSTER)
            after = {**state.cluster, **wanted}
            return steps + [
                step
                for node in (state.nodes if self.reset else ())
                for step in _reset(node, state.overrides(node), after, state.table)
            ]
        steps = []
        for node in self.chosen:
            actual = state.nodes[node]
            extra = {path: value for path, value in state.overrides(node).items() if path not in wanted}
            if self.reset and extra:
                # All of a node's overrides go at once; those that were asked for are set again.
                steps += _reset(node, state.overrides(node), state.cluster, state.table)
                actual = {**actual, **{path: state.cluster.get(path) for path in state.overrides(node)}}
            steps += self._set(node, node, wanted, actual, state.table, _NODE)
        return steps

    def _set(
        self, target: str, node: str, wanted: Values, actual: Values, table: _fields.Table, stage: int
    ) -> list[Step]:
        secret = {path: wanted[path] for path in wanted if table.fields[path].secret}
        differs = {path: v for path, v in wanted.items() if path not in secret and actual.get(path) != v}
        # A secret is sent where there is none yet, and along with what else changes in its section.
        sections = {path.partition(".")[0] for path in differs}
        differs.update(
            {path: v for path, v in secret.items() if not actual.get(path) or path.partition(".")[0] in sections}
        )
        if not differs:
            return []
        changes = {
            path: (table.fields[path].show(actual.get(path)), table.fields[path].show(differs[path]))
            for path in differs
        }
        before, after = (_fields.nest({path: pair[side] for path, pair in changes.items()}) for side in (0, 1))
        detail = {
            **{path: pair[1] for path, pair in changes.items()},
            **({"transient": True} if self.transient else {}),
        }
        payload = {"node": node, "values": differs, "body": table.payload(differs)}
        return [Step("set", target, detail, before, after, payload, stage=stage)]

    def foresee(self, state: Configs, steps: Sequence[Step]) -> Configs:
        """Return the configurations after ``steps``."""
        cluster, nodes = dict(state.cluster), {node: dict(values) for node, values in state.nodes.items()}
        for step in steps:
            node, values = step.payload["node"], step.payload.get("values", {})
            self._note(values)
            if step.verb == "reset":
                nodes[node] = {path: cluster.get(path) if _own(state.table.fields[path]) else value for path, value in nodes[node].items()}  # fmt: skip
            elif node:
                nodes[node].update(values)
            else:
                for name in nodes:
                    own = state.overrides(name)
                    nodes[name].update({path: value for path, value in values.items() if path not in own})
                cluster.update(values)
        return replace(state, cluster=cluster, nodes=nodes)

    def _note(self, paths: Iterable[str]) -> None:
        self._restart.update(path for path in paths if config_fields.covers(config_fields.RESTART, path))

    # -- apply ------------------------------------------------------------------------------------------------

    def apply(self, step: Step) -> list[Job]:
        """Carry out one step; each can be repeated."""
        node: str = step.payload["node"]
        self.client.request(
            "PUT",
            "/v1/reverse/daemon" if node else "/v1/cluster",
            what=f"{step.verb} configuration of {node or 'the cluster'}",
            node=node,
            query={"transient": True} if self.transient and step.verb == "set" else None,
            action=f"{step.verb}-config",
            value=step.payload.get("body"),
            repeat=True,
        )
        self._note(step.payload.get("values", {}))
        return []

    def result(self, state: Configs) -> dict[str, Any]:
        """Return what was asked for as it is now (``config``, or ``nodes``), ``overrides``, ``silent`` and what needs a restart."""
        paths = [path for path in self.wanted(state) if not state.table.fields[path].secret]

        def shown(values: Values, chosen: Iterable[str]) -> dict[str, Any]:
            return _fields.nest({path: state.table.fields[path].show(values.get(path)) for path in chosen})

        others = [path for path in state.table.fields if path in paths or self.reset]
        differing = {
            node: shown(own, own)
            for node in (self.chosen or state.nodes if self._everybody else ())
            if (own := {path: value for path, value in state.overrides(node).items() if path in others})
        }
        return {
            **(
                {"nodes": {node: shown(state.nodes[node], paths) for node in self.chosen}}
                if self.chosen
                else {"config": shown(state.cluster, paths)}
            ),
            "overrides": differing,
            "restart_required": sorted(self._restart),
            "silent": sorted(self.silent),
        }


def _reset(node: str, own: Values, cluster: Values, table: _fields.Table) -> list[Step]:
    """Return the step that takes from ``node`` its ``own`` values, if there are any."""
    if not own:
        return []
    before = _fields.nest({path: table.fields[path].show(value) for path, value in own.items()})
    after = _fields.nest({path: table.fields[path].show(cluster.get(path)) for path in own})
    return [Step("reset", node, {"keys": sorted(own)}, before, after, {"node": node}, stage=_RESET)]


def _common(views: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the value that most nodes have of each setting: the cluster's, since what is a node's own is the exception."""
    votes: dict[str, Counter[str]] = {}
    for view in views:
        for path, value in view.items():
            votes.setdefault(path, Counter())[json.dumps(value, sort_keys=True)] += 1
    return {path: json.loads(counter.most_common(1)[0][0]) for path, counter in votes.items()}
