#!/usr/bin/python
# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ais_cluster
short_description: Manage an AIStore cluster as a whole
version_added: 0.1.0
description:
  - Chooses the primary proxy, attaches other AIStore clusters, enables cloud backends, reloads credentials, rotates logs, and shuts
    a cluster down.
author:
  - community.aistore contributors (@community-aistore)
extends_documentation_fragment:
  - community.aistore.connection
  - community.aistore.attributes
attributes:
  idempotent:
    support: partial
    details: O(reload_credentials) and O(rotate_logs) are done every time.
options:
  primary:
    description: The id of the proxy that should be the primary. It has to be active and electable.
    type: str
  force:
    description:
      - Allow O(primary) to be a proxy of another cluster, at O(primary_url). This cluster's nodes then join that one.
      - Use it only to bring a split cluster together again. Rebalance has to be disabled there.
    type: bool
    default: false
  primary_url:
    description: The address of O(primary), with O(force).
    type: str
  remote_clusters:
    description:
      - Other AIStore clusters to attach, as alias and address of a proxy. An empty address detaches the alias.
      - An address has to answer, from the host that runs the module too, and must not lead to a cluster that is attached under another
        alias; the server would take both, and lose one.
      - The task ends when all targets know the cluster, so that its buckets can be used as C(ais://@alias/name) at once.
    type: dict
  purge_remote_clusters:
    description: Detach the clusters that are not in O(remote_clusters).
    type: bool
    default: false
  backends:
    description: Cloud backends by name (V(aws), V(gcp), V(azure), V(oci)) to be V(enabled) or V(disabled). They have to be configured.
    type: dict
  reload_credentials:
    description: Backends whose credentials the targets should read again, or V(all).
    type: list
    elements: str
  rotate_logs:
    description: Whether all nodes should begin new log files.
    type: bool
    default: false
  state:
    description:
      - V(shutdown) ends all nodes; their data stays, and they can be started again. V(decommissioned) removes also the cluster's metadata.
      - Both need O(confirm_uuid), and wait until no node answers. A cluster that does not answer at all is taken for shut down, with a warning.
    type: str
    choices: [present, shutdown, decommissioned]
    default: present
  confirm_uuid:
    description: The cluster's uuid, to make sure that the right one is ended.
    type: str
  rm_user_data:
    description: With O(state=decommissioned), also destroy all objects.
    type: bool
    default: false
seealso:
  - module: community.aistore.ais_target
  - module: community.aistore.ais_cluster_config
  - module: community.aistore.ais_info
"""

EXAMPLES = r"""
- name: Move the primary to another proxy
  community.aistore.ais_cluster:
    primary: proxy-02

- name: Attach another cluster
  community.aistore.ais_cluster:
    remote_clusters:
      backup: "{{ backup_endpoint }}"

- name: Detach all other clusters
  community.aistore.ais_cluster:
    remote_clusters: {}
    purge_remote_clusters: true

- name: Begin new log files
  community.aistore.ais_cluster:
    rotate_logs: true

- name: Read again the credentials of all backends
  community.aistore.ais_cluster:
    reload_credentials: [all]

- name: Get the cluster's uuid
  community.aistore.ais_info:
    gather_subset: smap
  register: info

- name: Shut the cluster down
  community.aistore.ais_cluster:
    state: shutdown
    confirm_uuid: "{{ info.smap.uuid }}"
"""

RETURN = r"""
changed:
  description: Whether something was changed (in check mode, would be).
  returned: always
  type: bool
  sample: true
steps:
  description: What was done, or would be.
  returned: always
  type: list
  elements: dict
  sample: [{verb: make primary, target: proxy-02, detail: {from: proxy-01}}]
jobs:
  description: Always empty; no job is started.
  returned: always
  type: list
  elements: dict
  sample: []
cluster:
  description: The cluster. C(cluster.remote_clusters) and C(cluster.backends) are filled when the task is about them.
  returned: success
  type: dict
  sample:
    uuid: ZmlxxmUNg
    state: running
    primary: proxy-02
    proxies: 3
    targets: 4
    remote_clusters: {backup: {url: "http://10.1.0.1:8080", uuid: C8kGeZhyn}}
    backends: {aws: true}
diff:
  description: What differs.
  returned: with C(--diff)
  type: dict
  sample: {before: {proxy-02: {primary: proxy-01}}, after: {proxy-02: {primary: proxy-02}}}
"""

from ansible_collections.community.aistore.plugins.module_utils._module import converge
from ansible_collections.community.aistore.plugins.module_utils._resources.cluster import ClusterResource

SPEC = {
    "primary": {"type": "str"},
    "force": {"type": "bool", "default": False},
    "primary_url": {"type": "str"},
    "remote_clusters": {"type": "dict"},
    "purge_remote_clusters": {"type": "bool", "default": False},
    "backends": {"type": "dict"},
    "reload_credentials": {"type": "list", "elements": "str"},
    "rotate_logs": {"type": "bool", "default": False},
    "state": {"type": "str", "choices": ["present", "shutdown", "decommissioned"], "default": "present"},
    "confirm_uuid": {"type": "str"},
    "rm_user_data": {"type": "bool", "default": False},
}


def main() -> None:
    converge(SPEC, ClusterResource)


if __name__ == "__main__":
    main()
