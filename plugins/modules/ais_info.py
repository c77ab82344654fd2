#!/usr/bin/python
# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ais_info
short_description: Gather facts about an AIStore cluster and its nodes
version_added: 0.1.0
description:
  - Reads the cluster map, health, configuration, metadata, statistics, jobs and capacity of an AIStore cluster.
  - Each subset that O(gather_subset) asks for is returned under a key of the same name.
  - Nodes are asked side by side. One that does not answer does not spoil the answers of the others; it is listed in RV(silent).
author:
  - community.aistore contributors (@community-aistore)
extends_documentation_fragment:
  - community.aistore.connection
  - community.aistore.attributes.info
options:
  gather_subset:
    description:
      - What to gather. The default costs two requests, whatever the size of the cluster.
      - V(all) is every other one.
      - V(smap) is the cluster map, V(health) how the endpoint and the cluster are, V(bmd) the metadata of all buckets, V(buckets) their
        names, V(config) the cluster's configuration (secrets are masked by the server), V(remote_clusters) the attached AIStore
        clusters, V(backends) the configured cloud backends, and V(xactions) the jobs, running and finished.
      - V(nodes) is the status of each node, V(node_config) its own configuration, V(stats) its counters and capacity, V(sysinfo)
        its memory and processors, V(alerts) what its state flags warn of, V(versions) its software, V(mountpaths) each
        target's mountpaths with their capacity, and V(disks) each target's disks.
    type: list
    elements: str
    choices:
      - all
      - smap
      - health
      - bmd
      - buckets
      - config
      - remote_clusters
      - backends
      - xactions
      - nodes
      - node_config
      - stats
      - sysinfo
      - mountpaths
      - disks
      - alerts
      - versions
    default: [smap, health]
  node:
    description:
      - Gather what is about nodes from these only. By default from all.
      - Ids of nodes, or V(all), V(proxies), V(targets), V(primary).
      - Jobs (V(xactions)) are then shown as these targets see them.
    type: list
    elements: str
  xactions:
    description: Which jobs to show with O(gather_subset=xactions). By default all that the targets remember.
    type: dict
    default: {}
    suboptions:
      kind:
        description: Only jobs of this kind, by its name or display name, for example V(rebalance) or V(prefetch-objects).
        type: str
      id:
        description: Only the job with this id.
        type: str
      bucket:
        description: Only jobs of this bucket, for example V(ais://logs).
        type: str
      running:
        description: Only jobs that have not ended.
        type: bool
        default: false
seealso:
  - module: community.aistore.ais_bucket_info
  - module: community.aistore.ais_object_info
  - module: community.aistore.ais_job
"""

EXAMPLES = r"""
# On the command line: ansible localhost -m community.aistore.ais_info -a endpoint=http://ais-proxy:8080

- name: Look at the cluster map
  community.aistore.ais_info:
    gather_subset: smap
  register: cluster

- name: Say who is the primary
  ansible.builtin.debug:
    msg: "{{ cluster.smap.primary }} of {{ cluster.smap.pmap | length }} proxies, {{ cluster.smap.tmap | length }} targets"

- name: Refuse to go on when the cluster is not healthy
  community.aistore.ais_info:
    gather_subset: [health, alerts]
  register: state
  failed_when: >-
    not state.health.ready
    or state.silent | length > 0
    or state.alerts | selectattr('severity', 'eq', 'red') | length > 0

- name: Get all bucket names
  community.aistore.ais_info:
    gather_subset: buckets

- name: Get the metadata of all buckets
  community.aistore.ais_info:
    gather_subset: bmd

- name: Get the cluster's configuration
  community.aistore.ais_info:
    gather_subset: config

- name: Get the configuration of one proxy and one target
  community.aistore.ais_info:
    gather_subset: node_config
    node: [proxy-01, target-01]

- name: Get information and status of one node
  community.aistore.ais_info:
    gather_subset: nodes
    node: target-01

- name: Get the statistics of the whole cluster
  community.aistore.ais_info:
    gather_subset: stats

- name: Get the statistics of one target
  community.aistore.ais_info:
    gather_subset: stats
    node: target-01

- name: Get process and memory information of all nodes
  community.aistore.ais_info:
    gather_subset: sysinfo

- name: Get process and memory information of one node
  community.aistore.ais_info:
    gather_subset: sysinfo
    node: proxy-01

- name: Get rebalance statistics
  community.aistore.ais_info:
    gather_subset: xactions
    xactions:
      kind: rebalance

- name: Get prefetch statistics
  community.aistore.ais_info:
    gather_subset: xactions
    xactions:
      kind: prefetch-objects

- name: Get what runs at present
  community.aistore.ais_info:
    gather_subset: xactions
    xactions:
      running: true

- name: Get one target's filesystems
  community.aistore.ais_info:
    gather_subset: mountpaths
    node: target-01

- name: Get all targets' filesystems and disks
  community.aistore.ais_info:
    gather_subset: [mountpaths, disks]

- name: Get attached clusters, backends and software versions
  community.aistore.ais_info:
    gather_subset: [remote_clusters, backends, versions]

- name: Get everything
  community.aistore.ais_info:
    gather_subset: all
"""

RETURN = r"""
silent:
  description: Ids of the nodes that did not answer. What is about them is missing in the subsets.
  returned: success
  type: list
  elements: str
  sample: [target-03]
errors:
  description: What could not be gathered, and why. C(errors[].node) is empty when it is about the cluster.
  returned: success
  type: list
  elements: dict
  sample:
    - subset: stats
      node: target-03
      error: "read node_stats of node target-03: answered with HTTP 502: no explanation"
smap:
  description:
    - The cluster map as the server has it (C(pmap), C(tmap), C(proxy_si), C(uuid), C(version)), and the id of the C(primary).
    - C(nodes) has of each node its kind, address and state (V(active), V(maintenance), V(decommission)).
  returned: when gathered
  type: dict
  sample:
    uuid: ZmlxxmUNg
    version: "12"
    creation_time: "2026-11-26 11:36:57"
    primary: proxy-01
    pmap: {proxy-01: {daemon_id: proxy-01, daemon_type: proxy, flags: 2}}
    tmap: {target-01: {daemon_id: target-01, daemon_type: target, flags: 0}}
    proxy_si: {daemon_id: proxy-01}
    nodes:
      proxy-01: {id: proxy-01, kind: proxy, url: "http://10.0.0.1:8080", state: active, primary: true}
      target-01: {id: target-01, kind: target, url: "http://10.0.0.4:8080", state: active, drained: false}
health:
  description:
    - Whether the cluster is C(ready) to serve, whether the primary would start a rebalance now (C(can_rebalance)), for how many seconds the
      cluster and the node that answered have been up, and what both the endpoint's state and the cluster map warn of.
    - The rest is the server's own cluster information (versions of its metadata, flags).
  returned: when gathered
  type: dict
  sample:
    ready: true
    can_rebalance: true
    cluster_uptime: 162
    node_uptime: 162
    alerts: []
    flags: 6
    smap: {Primary: {id: proxy-01}, uuid: ZmlxxmUNg, version: "12"}
bmd:
  description: Bucket metadata, as provider, namespace, name and properties.
  returned: when gathered
  type: dict
  sample: {uuid: ZmlxxmUNg, version: "2", providers: {ais: {"@#": {logs: {access: "18446744073709551615"}}}}}
buckets:
  description: The buckets that the cluster knows. Nothing in a cloud is asked.
  returned: when gathered
  type: list
  elements: dict
  sample: [{uri: "ais://logs", name: logs, provider: ais, namespace: {uuid: "", name: ""}}]
config:
  description: The cluster's configuration.
  returned: when gathered
  type: dict
  sample: {log: {level: "3"}, rebalance: {enabled: true}}
remote_clusters:
  description: The attached AIStore clusters.
  returned: when gathered
  type: list
  elements: dict
  sample: [{alias: backup, url: "http://10.1.0.1:8080", uuid: C8kGeZhyn, proxies: 3, targets: 4}]
backends:
  description: The configured cloud backends.
  returned: when gathered
  type: list
  elements: str
  sample: [aws]
xactions:
  description: Jobs, the latest first, with their counts over all targets and each target's part.
  returned: when gathered
  type: list
  elements: dict
  sample:
    - id: g1
      kind: rebalance
      display: rebalance
      bucket: ""
      state: finished
      started: "2026-11-26T11:37:33.054762772Z"
      finished: "2026-11-26T11:38:10.120062772Z"
      objects: 120
      bytes: 122880
      error: ""
      targets: {target-01: {state: finished, objects: 120, bytes: 122880}}
nodes:
  description: Each node's status, with its C(kind), C(state) and C(alerts).
  returned: when gathered
  type: dict
  sample: {target-01: {id: target-01, kind: target, state: active, alerts: [], ais_version: "5.0", capacity: {pct_max: 70}}}
node_config:
  description: Each node's own configuration, with its local part.
  returned: when gathered
  type: dict
  sample: {target-01: {confdir: /etc/ais, log: {level: "3"}, host_net: {port: "8080"}}}
stats:
  description: Each node's counters (C(tracker)) and capacity.
  returned: when gathered
  type: dict
  sample: {target-01: {tracker: {get.n: 4, put.n: 2, up.ns.time: 20001012678}, capacity: {pct_max: 70}}}
sysinfo:
  description: Each node's memory, processors and load.
  returned: when gathered
  type: dict
  sample: {target-01: {mem_used: 41517056, pct_cpu_used: 0.1, load_avg: {One: 2.04, Five: 1.92, Fifteen: 1.1}}}
mountpaths:
  description: Each target's mountpaths by state, and their capacity in bytes.
  returned: when gathered
  type: dict
  sample:
    target-01:
      available: [/ais/mp1, /ais/mp2]
      waiting_dd: []
      disabled: []
      capacity: {total_used: 190250983424, total_avail: 80302190592, pct_max: 70, mountpaths: {/ais/mp1: {used: 190250983424, pct_used: 70}}}
disks:
  description: Each target's disks with reads and writes (bytes per second, average bytes) and utilization in percent.
  returned: when gathered
  type: dict
  sample: {target-01: {nvme0n1: {read_bps: 0, read_size: 0, write_bps: 1250918, write_size: 60724, util: 1}}}
alerts:
  description: What the nodes' state flags warn of, the gravest first. A silent node is a red alert too.
  returned: when gathered
  type: list
  elements: dict
  sample: [{node: target-01, name: low-usable-capacity, severity: warning}]
versions:
  description: Each node's software version.
  returned: when gathered
  type: dict
  sample: {target-01: {version: "5.0", build_time: "2026-10-01T10:00:00-0700", deployment: dev}}
"""

from ansible_collections.community.aistore.plugins.module_utils._module import answer
from ansible_collections.community.aistore.plugins.module_utils._resources import info

SPEC = {
    "gather_subset": {
        "type": "list",
        "elements": "str",
        "choices": ["all", *info.SUBSETS],
        "default": list(info.DEFAULT),
    },
    "node": {"type": "list", "elements": "str"},
    "xactions": {
        "type": "dict",
        "default": {},
        "options": {
            "kind": {"type": "str"},
            "id": {"type": "str"},
            "bucket": {"type": "str"},
            "running": {"type": "bool", "default": False},
        },
    },
}


def main() -> None:
    answer(SPEC, info.gather)


if __name__ == "__main__":
    main()
