# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: ais
short_description: Hosts from the cluster maps of AIStore clusters
version_added: 0.1.0
description:
  - Makes every node of one or several AIStore clusters a host, in the groups C(proxies), C(targets), C(primary), C(maintenance)
    (its state, whether or not it has been emptied) and C(decommission) (which is under way).
  - Every group is there also when no node is in it.
  - Each host has the variables C(ansible_host) (the host of its public address), C(ais_id), C(ais_kind) (C(proxy) or C(target)), C(ais_state)
    (C(active), C(maintenance) or C(decommission)), C(ais_primary), C(ais_drained) (of a target in maintenance, whether it has been emptied),
    C(ais_url), C(ais_address) and C(ais_port) (the public address), C(ais_networks) (the same three of C(public), C(control) and C(data)),
    C(ais_cluster) (the name in O(clusters)), C(ais_cluster_uuid), and C(ais_endpoint) for the O(endpoint) of this collection's modules.
  - With O(gather), there are C(ais_mountpaths) (C(available), C(waiting_dd) and C(disabled)) and C(ais_capacity) of targets, and C(ais_version).
  - The name of the inventory file has to end in C(ais.yml) or C(ais.yaml).
author:
  - community.aistore contributors (@community-aistore)
options:
  plugin:
    description:
      - The name of this plugin, which marks the file as its own.
    type: str
    required: true
    choices: [community.aistore.ais]
  clusters:
    description:
      - Several clusters in one file; the nodes of each are a group too. Without it, there is one, which the other options describe.
      - These options are also the defaults of each cluster, but for O(endpoint), O(cluster_uuid), and the token or user name if
        the cluster has one of its own.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description:
          - What the cluster is called; the name of its group, and the variable C(ais_cluster).
        type: str
        required: true
      prefix:
        description:
          - Put before the names of its hosts, for clusters with nodes of the same name.
        type: str
        default: ""
      endpoint:
        description:
          - Addresses of one or several proxies, as in O(endpoint).
        type: list
        elements: str
        required: true
      cluster_uuid:
        description:
          - The cluster's uuid, as in O(cluster_uuid).
        type: str
      token:
        description:
          - The cluster's token, as in O(token).
        type: str
      token_file:
        description:
          - The cluster's file with a token, as in O(token_file).
        type: path
      authn_url:
        description:
          - The cluster's AuthN server, as in O(authn_url).
        type: str
      username:
        description:
          - The user to log in as, as in O(username).
        type: str
      password:
        description:
          - The password of O(clusters[].username).
        type: str
      validate_certs:
        description:
          - Whether its certificate has to be valid, as in O(validate_certs).
        type: bool
      ca_path:
        description:
          - The certificates of the authorities to trust, as in O(ca_path).
        type: path
      client_cert:
        description:
          - The client certificate, as in O(client_cert).
        type: path
      client_key:
        description:
          - The key of O(clusters[].client_cert).
        type: path
      timeout:
        description:
          - Seconds to wait, as in O(timeout).
        type: float
      retries:
        description:
          - How often a request is repeated, as in O(retries).
        type: int
  gather:
    description:
      - Variables that cost more than the cluster map, which is one request.
      - V(mountpaths) and V(capacity) cost two requests more, and one for each target that is in maintenance; V(version) costs one for each node.
      - A node that does not answer lacks these variables, which is a warning.
    type: list
    elements: str
    choices: [mountpaths, capacity, version]
    default: []
  hostnames:
    description:
      - What hosts are called. V(id) is the node's id, V(address) the host of its public address.
      - V(address) is for clusters with one node on each machine.
    type: str
    choices: [id, address]
    default: id
  group_prefix:
    description:
      - Put before the names of the groups that this plugin makes, but for those of O(clusters).
    type: str
    default: ""
  skip_unreachable:
    description:
      - Leave out clusters that cannot be reached, with a warning. Otherwise they are an error.
    type: bool
    default: false
notes:
  - It runs on the controller, and looks there for files that options name.
  - An inventory that cannot be read is a warning of Ansible, and an error with E(ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED).
  - Options, also those of O(clusters), may be templates, for example with a lookup that knows a password.
  - C(--extra-vars) may set the variables that options name; those of hosts and groups are not known yet.
seealso:
  - module: community.aistore.ais_info
extends_documentation_fragment:
  - community.aistore.connection_plugin
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
"""

EXAMPLES = r"""
# The nodes of one cluster, by their ids, in groups: ansible-inventory -i ais.yml --graph
plugin: community.aistore.ais
endpoint: http://localhost:8080
---
# Several proxies of it, so that one may be down; and what each node has
plugin: community.aistore.ais
endpoint: [http://localhost:8080, http://localhost:8081]
gather: [mountpaths, capacity, version]
# Groups and variables of one's own
keyed_groups:
  - key: ais_version
    prefix: version
groups:
  filling: ais_capacity is defined and ais_capacity.pct_max > 80
compose:
  ansible_user: "'root'"
  mountpath_count: ais_mountpaths.available | length
# And do not ask again for ten minutes
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/ansible/inventory
cache_timeout: 600
---
# Several clusters: hosts east-t1 and west-t1, in the groups east and west, and both in the group targets
plugin: community.aistore.ais
clusters:
  - name: east
    prefix: east-
    endpoint: [http://localhost:8080]
  - name: west
    prefix: west-
    endpoint: [http://localhost:9080]
    token: "{{ lookup('ansible.builtin.env', 'WEST_TOKEN') }}"
skip_unreachable: true
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ansible.errors import AnsibleParserError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible_collections.community.aistore.plugins.module_utils import _errors, _nodes, _options
from ansible_collections.community.aistore.plugins.module_utils._fields import suggest
from ansible_collections.community.aistore.plugins.module_utils._resources import info
from ansible_collections.community.aistore.plugins.plugin_utils import _connection

#: The groups that every inventory has, and who is in each.
GROUPS = {
    "proxies": lambda node: node["ais_kind"] == "proxy",
    "targets": lambda node: node["ais_kind"] == "target",
    "primary": lambda node: node["ais_primary"],
    "maintenance": lambda node: node["ais_state"] == "maintenance",
    "decommission": lambda node: node["ais_state"] == "decommission",
}
#: What ``gather`` may hold: the subset of ``ais_info`` that knows it, and the variable's value of that.
DETAILS = {
    "mountpaths": ("mountpaths", lambda found: {name: found[name] for name in ("available", "waiting_dd", "disabled")}),
    "capacity": ("mountpaths", lambda found: found["capacity"]),
    "version": ("versions", lambda found: found["version"]),
}
#: The three networks of a node, as a cluster map calls them.
NETWORKS = {"public": "public_net", "control": "intra_control_net", "data": "intra_data_net"}
#: Who asks. A cluster with one of these has none of the others from elsewhere.
_IDENTITY = ("token", "token_file", "username", "password")
#: Options of Ansible that are no templates, but hold expressions about hosts.
_EXPRESSIONS = ("compose", "groups", "keyed_groups")
#: What each cluster has for itself.
_OWN = ("endpoint", "cluster_uuid")


class Cluster(NamedTuple):
    """A cluster to ask: ``options`` are those of the connection. Alone in its file it has no name."""

    name: str
    prefix: str
    options: Mapping[str, Any]

    def get_option(self, name: str) -> Any:
        """Return an option of the connection, as a plugin does."""
        return self.options[name]


def variables(smap: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the variables of each node of a cluster map."""
    for node in _nodes.of_map(smap).values():
        networks = {name: _network(smap[_nodes.KINDS[node.kind]][node.id].get(net)) for name, net in NETWORKS.items()}
        yield {
            **{f"ais_{name}": value for name, value in node.shown().items()},
            "ais_primary": node.primary,
            "ais_address": networks["public"]["address"],
            "ais_port": networks["public"]["port"],
            "ais_networks": networks,
            "ais_cluster_uuid": str(smap.get("uuid") or ""),
        }


def _network(found: Mapping[str, Any] | None) -> dict[str, Any]:
    url = str((found or {}).get("direct_url") or "")
    parts = urlsplit(url)
    return {"url": url, "address": parts.hostname or "", "port": parts.port}


def named(
    clusters: Iterable[Cluster], found: Mapping[str, list[dict[str, Any]]], hostnames: str
) -> dict[str, tuple[Cluster, dict[str, Any]]]:
    """Return host name -> its cluster and its variables; raises OptionError for a name that two nodes would have."""
    hosts: dict[str, tuple[Cluster, dict[str, Any]]] = {}
    for cluster in clusters:
        for node in found.get(cluster.name, ()):
            host = cluster.prefix + node["ais_id" if hostnames == "id" else "ais_address"]
            if host in hosts:
                both = (hosts[host], (cluster, node))
                told = " and ".join(" of ".join(filter(None, (who["ais_id"], of.name))) for of, who in both)
                raise _errors.OptionError(
                    f"two nodes would be the host {host!r}: {told}",
                    hint="Use 'hostnames: id', and a 'prefix' for each of several clusters.",
                )
            hosts[host] = (cluster, node)
    return hosts


def clusters_of(entries: list[Any], shared: Mapping[str, Any]) -> list[Cluster]:
    """Return the clusters that the option ``clusters`` lists; what an entry does not say comes from ``shared``.

    Raises OptionError for entries that are wrong, and for names that are there twice.
    """
    plain = ("type", "elements", "no_log")
    connection = {
        name: {key: spec[key] for key in plain if key in spec} for name, spec in _options.connection_spec().items()
    }
    connection["endpoint"]["required"] = True
    spec = {"name": {"type": "str", "required": True}, "prefix": {"type": "str", "default": ""}, **connection}
    found = []
    for number, entry in enumerate(entries):
        where = f"clusters[{number}]"
        if not isinstance(entry, Mapping):
            raise _errors.OptionError(f"{where}: has to be a dictionary with at least 'name' and 'endpoint'")
        _known(entry, spec, where)
        told = ArgumentSpecValidator(spec).validate(dict(entry))
        if told.error_messages:
            raise _errors.OptionError(f"{where}: {'; '.join(told.error_messages)}")
        values = told.validated_parameters
        if not values["endpoint"]:
            raise _errors.OptionError(f"{where}: endpoint: give the address of at least one proxy")
        dropped = {*_OWN, *(_IDENTITY if any(values[name] for name in _IDENTITY) else ())}
        options = {
            name: shared[name] if values[name] is None and name not in dropped else values[name] for name in connection
        }
        found.append(Cluster(values["name"], values["prefix"], options))
    names = [cluster.name for cluster in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise _errors.OptionError(f"clusters: each needs a name of its own; {', '.join(twice)} is there twice")
    return found


def _known(given: Mapping[str, Any], known: Mapping[str, Any], where: str) -> None:
    """Raise OptionError for keys that are no options."""
    wrong = [f"{name}: unknown option{suggest(str(name), known)}" for name in given if name not in known]
    if wrong:
        raise _errors.OptionError(f"{where}: {'; '.join(wrong)}")


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """Makes every node a host."""

    NAME = "community.aistore.ais"

    def verify_file(self, path: str) -> bool:
        """Tell whether the file may be this plugin's, by its name."""
        return bool(super().verify_file(path)) and path.endswith(("ais.yml", "ais.yaml"))

    def set_options(self, task_keys: Any = None, var_options: Any = None, direct: Any = None) -> None:
        """Take the options of a file; those that are no expressions may be templates."""
        values = {
            name: value if name in _EXPRESSIONS else self.templar.template(value)
            for name, value in (direct or {}).items()
        }
        super().set_options(task_keys=task_keys, var_options=var_options, direct=values)

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Add the clusters of the file at ``path`` to ``inventory``."""
        super().parse(inventory, loader, path, cache)
        config = self._read_config_data(path)
        try:
            _known(config, self.option_definitions, "the file")
            clusters = self._clusters(config)
            found = self._found(clusters, path, cache)
            hosts = named(clusters, found, self.get_option("hostnames"))
        except _errors.AisError as error:
            raise AnsibleParserError(str(error)) from None
        for group in GROUPS:
            inventory.add_group(self._group(group))
        for cluster in clusters:
            if cluster.name:
                inventory.add_group(self._sanitize_group_name(cluster.name))
        for host, (cluster, node) in hosts.items():
            self._add(host, cluster, node)

    def _clusters(self, config: Mapping[str, Any]) -> list[Cluster]:
        shared = {name: self.get_option(name) for name in _options.connection_spec()}
        entries = self.get_option("clusters")
        if not entries:
            return [Cluster("", "", shared)]
        for name in _OWN:
            if name in config:
                raise _errors.OptionError(f"{name}: with 'clusters', give it to each of them")
        return clusters_of(entries, shared)

    def _found(self, clusters: list[Cluster], path: str, cache: bool) -> dict[str, list[dict[str, Any]]]:
        """Return the variables of all nodes of each cluster, by its name; from the cache if that is of the same file."""
        wanted = self.get_option("gather")
        # Without secrets. It was written as JSON by many a cache plugin: lists, no tuples.
        asked = [
            [cluster.name, list(cluster.options["endpoint"] or ()), cluster.options["cluster_uuid"]]
            for cluster in clusters
        ]
        question = {"clusters": asked, "gather": sorted(wanted)}
        key, caches = self.get_cache_key(path), self.get_option("cache")
        if caches and cache:
            kept = self._cache.get(key) or {}
            if kept.get("question") == question:
                return kept["nodes"]
        found, whole = {}, True
        for cluster in clusters:
            try:
                found[cluster.name] = self._nodes(cluster, wanted)
            except (_errors.Unreachable, _errors.NotReady) as error:
                if not self.get_option("skip_unreachable"):
                    raise
                whole = False
                self.display.warning(f"{self.NAME}: left out: {error}")
        if caches and whole:
            self._cache[key] = {"question": question, "nodes": found}
        return found

    def _nodes(self, cluster: Cluster, wanted: list[str]) -> list[dict[str, Any]]:
        """Ask one cluster and return the variables of each node."""
        try:
            gatherer = info.Gatherer(_connection.client(cluster))
            found = gatherer.gather(sorted({DETAILS[name][0] for name in wanted}))
        except _errors.AisError as error:
            if cluster.name:
                error.message = f"cluster {cluster.name}: {error.message}"
            raise
        for error in found["errors"]:
            self.display.warning(f"{self.NAME}: no {error['subset']} of {error['node']}: {error['error']}")
        nodes = list(variables(gatherer.smap))
        for node in nodes:
            node["ais_endpoint"] = list(gatherer.client.connection.endpoints)
            for name in wanted:
                subset, value = DETAILS[name]
                if node["ais_id"] in found[subset]:
                    node[f"ais_{name}"] = value(found[subset][node["ais_id"]])
        return nodes

    def _group(self, name: str) -> str:
        return str(self._sanitize_group_name(f"{self.get_option('group_prefix')}{name}"))

    def _add(self, host: str, cluster: Cluster, node: Mapping[str, Any]) -> None:
        self.inventory.add_host(host)
        for name, value in {"ansible_host": node["ais_address"], "ais_cluster": cluster.name, **node}.items():
            self.inventory.set_variable(host, name, value)
        for group, belongs in GROUPS.items():
            if belongs(node):
                self.inventory.add_child(self._group(group), host)
        if cluster.name:
            self.inventory.add_child(self._sanitize_group_name(cluster.name), host)
        strict = self.get_option("strict")
        known = self.inventory.get_host(host).get_vars()
        self._set_composite_vars(self.get_option("compose"), known, host, strict)
        self._add_host_to_composed_groups(self.get_option("groups"), known, host, strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), known, host, strict)
