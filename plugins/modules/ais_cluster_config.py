#!/usr/bin/python
# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ais_cluster_config
short_description: Manage the configuration of an AIStore cluster and of its nodes
version_added: 0.1.0
description:
  - Sets configuration keys, for the whole cluster or for single nodes, and only those that differ.
  - Every key and value is checked against the cluster's own configuration before anything is sent. V(120s) equals V(2m0s), V(1GiB) equals
    V(1073741824).
  - Keys that were renamed between AIStore 4.9 and 5.0, such as C(auth.enabled) and C(auth.client_auth_required), are taken under
    either name, whichever the cluster has.
author:
  - community.aistore contributors (@community-aistore)
extends_documentation_fragment:
  - community.aistore.connection
  - community.aistore.attributes
options:
  config:
    description:
      - The keys to set and their values, nested as the cluster shows them, or dotted (V(log.level)), or both.
      - A secret that the server masks, such as C(auth.signature.key), is never compared and never shown. It is sent when the
        cluster has none yet, and along with whatever else changes in its section.
      - What is in C(backend) is added to the providers that are there.
      - C(features) takes names as well as a number.
    type: dict
  node:
    description:
      - Set the keys on these nodes only (an override), as ids, V(all), V(proxies), V(targets) or V(primary). By default, the
        whole cluster's configuration is set.
      - Many sections are the same for the whole cluster and cannot be overridden; the task then says so.
    type: list
    elements: str
  transient:
    description:
      - Change the configuration in memory only, until a node is started again.
      - A key that has the value already is not changed, however it got it.
    type: bool
    default: false
  reset:
    description:
      - Remove the overrides that O(node) (by default every node) has beside those in O(config).
      - The cluster's own values are not reset by this; set them in O(config).
    type: bool
    default: false
seealso:
  - module: community.aistore.ais_info
  - module: community.aistore.ais_cluster
"""

EXAMPLES = r"""
- name: Log more, and keep new buckets in two copies
  community.aistore.ais_cluster_config:
    config:
      log:
        level: "4"
        max_size: 16MiB
      mirror:
        copies: 2
        enabled: true

- name: The same with dotted keys
  community.aistore.ais_cluster_config:
    config:
      log.level: "4"
      log.max_size: 16MiB
      mirror.copies: 2
      mirror.enabled: true

- name: Let one target use its disks more
  community.aistore.ais_cluster_config:
    node: target-01
    config:
      disk.disk_util_high_wm: 85

- name: Let all proxies log everything until they are started again
  community.aistore.ais_cluster_config:
    node: proxies
    config:
      log.level: "5"
    transient: true

- name: Remove all overrides from all nodes
  community.aistore.ais_cluster_config:
    reset: true

- name: See whether a node that needs a restart for it has got new timeouts
  community.aistore.ais_cluster_config:
    config:
      timeout:
        send_file_time: 6m
  register: timeouts

- name: Say so
  ansible.builtin.debug:
    msg: "Restart the nodes for {{ timeouts.restart_required | join(', ') }}"
  when: timeouts.restart_required | length > 0
"""

RETURN = r"""
changed:
  description: Whether something was changed (in check mode, would be).
  returned: always
  type: bool
  sample: true
steps:
  description: What was done, or would be. Secrets are masked.
  returned: always
  type: list
  elements: dict
  sample: [{verb: set, target: cluster, detail: {log.level: "4"}}]
jobs:
  description: Always empty; a change of the configuration starts no job.
  returned: always
  type: list
  elements: dict
  sample: []
config:
  description: The keys of O(config) as the cluster has them, under its own names. Without secrets.
  returned: without O(node)
  type: dict
  sample: {log: {level: "4", max_size: 16MiB}}
nodes:
  description: The keys of O(config) as each node of O(node) has them.
  returned: with O(node)
  type: dict
  sample: {target-01: {disk: {disk_util_high_wm: 85}}}
overrides:
  description:
    - What nodes have otherwise than the cluster, of the keys of O(config); with O(reset), of all keys. What most nodes have is taken for the
      cluster's.
    - An override wins over what is set for the cluster.
  returned: always
  type: dict
  sample: {target-01: {log: {level: "5"}}}
restart_required:
  description: The keys that this task has changed and that count only when the nodes are started again.
  returned: always
  type: list
  elements: str
  sample: [timeout.max_keepalive]
silent:
  description: Nodes that did not answer, whose overrides are not known.
  returned: always
  type: list
  elements: str
  sample: []
diff:
  description: What differs.
  returned: with C(--diff)
  type: dict
  sample: {before: {cluster: {log: {level: "3"}}}, after: {cluster: {log: {level: "4"}}}}
"""

from ansible_collections.community.aistore.plugins.module_utils._module import converge
from ansible_collections.community.aistore.plugins.module_utils._resources.config import ConfigResource, secrets

SPEC = {
    "config": {"type": "dict"},
    "node": {"type": "list", "elements": "str"},
    "transient": {"type": "bool", "default": False},
    "reset": {"type": "bool", "default": False},
}


def main() -> None:
    converge(SPEC, ConfigResource, secrets=secrets)


if __name__ == "__main__":
    main()
