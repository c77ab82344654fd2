#!/usr/bin/python
# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ais_bucket
short_description: Manage buckets of an AIStore cluster
version_added: 0.1.0
description:
  - Creates, configures, renames, copies, registers, evicts and destroys buckets.
  - One task can bring one bucket or thousands to their desired state. All buckets named in a task cost one read of the
    cluster's metadata, and what has to be written is written in parallel.
  - Buckets are named as V(logs) or, with everything that an AIStore address can hold, as V(s3://logs), V(ais://#namespace/logs)
    or V(ais://@cluster/logs), where C(cluster) is the alias or uuid of an attached remote cluster.
author:
  - community.aistore contributors (@community-aistore)
options:
  name:
    description:
      - Name or address of the bucket, or a list of them that all get the same options.
    type: list
    elements: str
  purge:
    description:
      - Destroy the V(ais://) buckets of this cluster that match O(purge_match) and that the task does not name.
      - It needs O(force) for buckets that hold objects.
    type: bool
    default: false
  purge_match:
    description:
      - A glob of the names that O(purge) may destroy, for example V(team-*). Required with O(purge).
    type: str
extends_documentation_fragment:
  - community.aistore.bucket
  - community.aistore.connection
  - community.aistore.connection.wait
  - community.aistore.attributes
seealso:
  - module: community.aistore.ais_bucket_info
  - module: community.aistore.ais_object
"""

EXAMPLES = r"""
- name: Create a bucket
  community.aistore.ais_bucket:
    name: logs

- name: Create or change a bucket, with two copies of each object
  community.aistore.ais_bucket:
    name: logs
    props:
      mirror:
        enabled: true
        copies: 2
      lru:
        enabled: true
        dont_evict_time: 2h

- name: Several buckets with the same properties, one of them in a namespace
  community.aistore.ais_bucket:
    name: [logs, images, "ais://#dev/tmp"]
    props:
      checksum:
        type: sha256

- name: Several buckets, each with its own
  community.aistore.ais_bucket:
    props:
      versioning:
        enabled: false
    buckets:
      - name: team-red
        props:
          extra:
            custom: owner=red
      - name: team-blue
        props:
          ec:
            enabled: true
            data_slices: 2
            parity_slices: 1
      - name: team-old
        state: absent

- name: Destroy the buckets of teams that are gone, and keep the others as they are
  community.aistore.ais_bucket:
    name: [team-red, team-blue]
    purge: true
    purge_match: team-*

- name: Back to the cluster's defaults, but for one property
  community.aistore.ais_bucket:
    name: logs
    reset: [lru, mirror]
    props:
      lru:
        enabled: true

- name: Rename a bucket
  community.aistore.ais_bucket:
    name: pictures
    rename_from: images

- name: Copy a bucket, without waiting for the job
  community.aistore.ais_bucket:
    name: logs-backup
    copy_from: logs
    wait: false

- name: Destroy buckets, whatever they hold
  community.aistore.ais_bucket:
    name: [logs, pictures]
    state: absent
    force: true
"""

RETURN = r"""
bucket:
  description: The bucket, if exactly one was named. In check mode, as it would be.
  returned: when O(name) is one bucket
  type: dict
  sample:
    uri: ais://logs
    name: logs
    provider: ais
    namespace: {uuid: '', name: ''}
    state: present
    props:
      mirror: {enabled: true, copies: 2, burst_buffer: 512}
      access: [all]
buckets:
  description:
    - All buckets named, in order, with the properties that the task names. A bucket that is not there has none.
    - M(community.aistore.ais_bucket_info) returns all properties of many buckets.
  returned: success
  type: list
  elements: dict
  sample:
    - uri: s3://images
      name: images
      provider: aws
      namespace: {uuid: '', name: ''}
      state: evicted
steps:
  description: What was done or, in check mode, would be. C(steps[].verb) is one of create, register, set, rename, copy, destroy, evict.
  returned: always
  type: list
  elements: dict
  sample:
    - verb: set
      target: ais://logs
      detail: {mirror.enabled: true}
jobs:
  description: The jobs that the task started. Their state is V(started) if the task did not wait for them.
  returned: always
  type: list
  elements: dict
  sample:
    - id: Jb4x4Dlkm
      kind: make-n-copies
      target: ais://logs
      state: finished
error:
  description: What a playbook can branch on after a failure.
  returned: failure
  type: dict
  sample: {type: Conflict, status: 409, tcode: ErrBusy, node: 'p[proxy-01]'}
"""

from ansible_collections.community.aistore.plugins.module_utils._module import converge
from ansible_collections.community.aistore.plugins.module_utils._resources.bucket import Buckets, argument_spec


def main() -> None:
    """Run the module."""
    converge(
        argument_spec(),
        Buckets,
        jobs=True,
        mutually_exclusive=[("name", "buckets")],
    )


if __name__ == "__main__":
    main()
