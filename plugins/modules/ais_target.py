#!/usr/bin/python
# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ais_target
short_description: Manage the membership of AIStore nodes
version_added: 0.1.0
description:
  - Puts targets and proxies into maintenance and takes them back, shuts them down, decommissions them, and joins them to the cluster.
  - When a target leaves or comes back, the cluster moves objects between targets, with a job that AIStore calls rebalance. The task
    waits for it, and until the cluster map shows what it led to. A rebalance takes half a minute even without data.
  - Changes never overlap. Each waits for the rebalance and the resilvers before it, whoever started those. Tasks of parallel
    hosts that run on one machine take turns.
  - A change that is already under way is joined. A task that was interrupted at any point is simply run again.
author:
  - community.aistore contributors (@community-aistore)
options:
  node:
    description:
      - Id of the node, or a list of ids, of targets and proxies alike. Required for all states but V(joined).
      - With AIStore 5.0, all targets that are in the same state take one call and one rebalance. With 4.9 they are changed
        one after the other, each with its own rebalance.
      - V(targets) and V(proxies) stand for all of a kind.
    type: list
    elements: str
  address:
    description:
      - Address of the node that is to join, as C(http://host:port), or a list of them. For the state V(joined) only.
      - It is the node's own public address, the one that the cluster map shows as its URL. The address for the cluster's own traffic will do too.
    type: list
    elements: str
  state:
    description:
      - With V(active), the node is taken out of maintenance. Its process must be running.
      - With V(maintenance), its objects are moved to other targets, and it rests. It stays in the cluster map.
      - With V(shutdown), the same, and then its process ends. When that is started again, the node is still in maintenance.
      - With V(decommissioned), its objects are moved to other targets, its process ends and it leaves the cluster map. For
        a node that is not in the map, nothing is to be done.
      - With V(joined), the node at O(address) is a member. It must be running. A target that runs in standby is refused while
        rebalancing is enabled, because objects could not be read until it was restarted. Nodes usually join by themselves when they start.
    type: str
    choices: [active, maintenance, decommissioned, shutdown, joined]
    required: true
  rebalance:
    description:
      - Whether objects are moved before a target leaves and after it comes back.
      - With V(false) the objects of a target that leaves cannot be read until it is back, except for those that have another
        copy. Those of a target that is decommissioned are lost to the cluster.
      - A target that rests without having been emptied is emptied by the next task that asks for it. For that it
        is active for a moment.
      - Nothing is moved either while the cluster's configuration has V(rebalance.enabled=false).
    type: bool
    default: true
  rm_user_data:
    description:
      - Also delete the node's objects, its metadata and its configuration from its disks. For the state V(decommissioned) only.
    type: bool
    default: false
  keep_initial_config:
    description:
      - Keep the configuration that the node was first started with. For the state V(decommissioned) only.
    type: bool
    default: false
  min_targets:
    description:
      - Refuse what would leave fewer active targets than this.
    type: int
    default: 1
  force:
    description:
      - Decommission targets whose objects cannot be moved first, because they do not answer, because the cluster does not
        rebalance or because no target is left to take them. These objects are lost to the cluster.
    type: bool
    default: false
extends_documentation_fragment:
  - community.aistore.connection
  - community.aistore.connection.wait
  - community.aistore.attributes
notes:
  - The primary is refused. Make another proxy the primary first, with M(community.aistore.ais_cluster).
  - Tasks on different machines do not know of each other's turns; they only wait for what already moves. AIStore 5.0 keeps
    them apart itself, 4.9 does not.
  - A node that was decommissioned without ending its process must be restarted rather than joined by its address, since the
    rebalance that follows would not end.
seealso:
  - module: community.aistore.ais_mountpath
  - module: community.aistore.ais_cluster
  - module: community.aistore.ais_info
"""

EXAMPLES = r"""
- name: Empty a target and let it rest
  community.aistore.ais_target:
    node: target-01
    state: maintenance
    wait_timeout: 7200

- name: Take it back
  community.aistore.ais_target:
    node: target-01
    state: active
    wait_timeout: 7200

- name: Let a target rest for some minutes, without moving its objects
  community.aistore.ais_target:
    node: target-02
    state: maintenance
    rebalance: false

- name: Take it back likewise
  community.aistore.ais_target:
    node: target-02
    state: active
    rebalance: false

- name: Remove two targets for good, with one rebalance, if at least two are left
  community.aistore.ais_target:
    node: [target-03, target-04]
    state: decommissioned
    min_targets: 2

- name: A proxy leaves the cluster
  community.aistore.ais_target:
    node: proxy-03
    state: decommissioned
"""

RETURN = r"""
nodes:
  description: The nodes named, in check mode as they would be.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The node's id.
      type: str
      sample: target-01
    kind:
      description: Whether it is a V(proxy) or a V(target). Not for a node that has left.
      type: str
      sample: target
    url:
      description: Its public address. Not for a node that has left.
      type: str
      sample: http://10.0.0.7:51081
    state:
      description: One of V(active), V(maintenance), V(shutdown), V(decommission) (which is under way) and V(decommissioned).
      type: str
      sample: maintenance
    drained:
      description: Whether the objects of a target in maintenance were moved.
      type: bool
      sample: true
    primary:
      description: Whether a proxy is the primary.
      type: bool
      sample: false
  sample:
    - id: target-01
      kind: target
      url: http://10.0.0.7:51081
      state: maintenance
      drained: true
node:
  description: The node, if exactly one was named; as in RV(nodes).
  returned: success
  type: dict
  sample: {id: target-01, kind: target, url: 'http://10.0.0.7:51081', state: maintenance, drained: true}
steps:
  description: What was done, in order; in check mode what would be done.
  returned: success
  type: list
  elements: dict
  sample:
    - verb: start-maintenance
      target: target-01
      detail: {}
jobs:
  description: The rebalances that were started, and how they ended.
  returned: success
  type: list
  elements: dict
  sample:
    - id: g3
      kind: rebalance
      target: target-01
      state: finished
"""

from ansible_collections.community.aistore.plugins.module_utils._module import converge
from ansible_collections.community.aistore.plugins.module_utils._resources.membership import STATES, Membership

SPEC = {
    "node": {"type": "list", "elements": "str"},
    "address": {"type": "list", "elements": "str"},
    "state": {"type": "str", "choices": list(STATES), "required": True},
    "rebalance": {"type": "bool", "default": True},
    "rm_user_data": {"type": "bool", "default": False},
    "keep_initial_config": {"type": "bool", "default": False},
    "min_targets": {"type": "int", "default": 1},
    "force": {"type": "bool", "default": False},
}


def main() -> None:
    """Run the module."""
    converge(SPEC, Membership, jobs=True)


if __name__ == "__main__":
    main()
