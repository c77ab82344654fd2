#!/usr/bin/python
# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ais_job
short_description: Start, stop and wait for jobs of an AIStore cluster
version_added: 0.1.0
description:
  - Starts and stops the jobs of a cluster, which AIStore calls xactions, and waits for them until they have ended on all targets.
  - A job that already runs is joined instead of started again. A job that is aborted makes the task fail, with its reason.
author:
  - community.aistore contributors (@community-aistore)
extends_documentation_fragment:
  - community.aistore.connection
  - community.aistore.connection.wait
  - community.aistore.attributes
attributes:
  idempotent:
    support: full
    details: With O(state=started), a job that has finished within O(max_age) counts. It runs again once that time is over.
options:
  state:
    description:
      - V(started) makes sure that such a job runs, or has finished well within O(max_age), and waits for it (O(wait)).
      - V(finished) starts nothing. It waits (O(wait)) for what is running, and fails if that, or the latest such job, was aborted or
        has failed. If there is no such job, there is nothing to wait for.
      - V(stopped) aborts what is running.
      - In check mode too, the task waits for what is running already, since that changes nothing.
    type: str
    choices: [started, stopped, finished]
    default: started
  kind:
    description:
      - The kind of job, by its name or the name that the CLI shows, for example V(rebalance), V(resilver), V(lru) or
        V(lru-eviction), V(cleanup-store) or V(cleanup), V(rechunk), V(load-lom-cache) or V(warm-up-metadata), V(ec-encode)
        or V(ec-bucket), V(make-n-copies) or V(mirror). These can be started.
      - Other kinds are started by M(community.aistore.ais_bucket) and M(community.aistore.ais_object), and can be stopped
        and waited for here.
    type: str
  id:
    description: The id of one job, to stop it or to wait for it.
    type: str
  bucket:
    description:
      - The bucket that the job is about, for example V(ais://logs). Jobs of the kinds V(rechunk), V(load-lom-cache), V(ec-encode) and
        V(make-n-copies) need one; the latter two repeat what the bucket's properties say.
      - It limits a V(rebalance), V(lru) or V(cleanup-store) to that bucket.
    type: str
  node:
    description:
      - The targets to look at, as ids or V(all). A V(resilver) is started on each of them; by default on all.
    type: list
    elements: str
  args:
    description: What the job takes besides, with O(state=started).
    type: dict
    suboptions:
      name:
        description: For V(rebalance), only objects with this prefix. For V(ec-encode), V(recover) checks and recovers what is there.
        type: str
      buckets:
        description: For V(lru) and V(cleanup-store), the buckets to work on, if there is more than one.
        type: list
        elements: str
      force:
        description: For V(lru) and V(cleanup-store), also work on buckets that have it switched off, or even if space is not short.
        type: bool
      flags:
        description: For V(cleanup-store) and V(rebalance), what to do besides.
        type: list
        elements: str
        choices: [zero-size, latest-version, sync, keep-misplaced, remove-misplaced]
  max_age:
    description:
      - With O(state=started), a job that has finished well at most so long ago counts. V(0) starts a new one in any case, unless one is
        running.
    type: str
    default: 10m
seealso:
  - module: community.aistore.ais_info
  - module: community.aistore.ais_target
"""

EXAMPLES = r"""
- name: Rebalance the cluster, or wait for the rebalance that is running
  community.aistore.ais_job:
    kind: rebalance
    wait_timeout: 3600

- name: Do it again, even if one has just finished
  community.aistore.ais_job:
    kind: rebalance
    max_age: 0
    wait_timeout: 3600

- name: Wait until no rebalance is running; fail if the last one was aborted
  community.aistore.ais_job:
    kind: rebalance
    state: finished
    wait_timeout: 3600

- name: Evict what was not used for long
  community.aistore.ais_job:
    kind: lru

- name: Remove what is left over of one bucket, and do not wait
  community.aistore.ais_job:
    kind: cleanup
    bucket: ais://logs
    wait: false

- name: Resilver one target after a disk was replaced
  community.aistore.ais_job:
    kind: resilver
    node: target-01

- name: Stop all copying of buckets
  community.aistore.ais_job:
    kind: copy-bucket
    state: stopped
"""

RETURN = r"""
changed:
  description: Whether a job was started or stopped (in check mode, would be).
  returned: always
  type: bool
  sample: true
steps:
  description: What was done, or would be.
  returned: always
  type: list
  elements: dict
  sample: [{verb: start, target: resilver on target-01, detail: {node: target-01}}]
jobs:
  description:
    - The jobs that the task started, stopped or joined; if none, the latest such job. A job that is yet to start has no id.
    - What is counted is the sum of all targets; C(jobs[].targets) has each target's part.
  returned: always
  type: list
  elements: dict
  sample:
    - id: IwytOmtig
      kind: resilver
      display: resilver
      bucket: ""
      source: ""
      destination: ""
      state: finished
      started: "2026-11-26T11:44:46.434315193Z"
      finished: "2026-11-26T11:44:46.43514307Z"
      objects: 12
      bytes: 12288
      sent_objects: 0
      sent_bytes: 0
      received_objects: 0
      received_bytes: 0
      error: ""
      about: "visited:12"
      targets: {target-01: {state: finished, objects: 12, bytes: 12288, error: ""}}
diff:
  description: The latest job before and after; the state of those that are stopped.
  returned: with C(--diff)
  type: dict
  sample: {before: {resilver on target-01: {latest: none}}, after: {resilver on target-01: {latest: "a new one, finished"}}}
"""

from ansible_collections.community.aistore.plugins.module_utils._module import converge
from ansible_collections.community.aistore.plugins.module_utils._resources.job import FLAGS, JobResource

SPEC = {
    "state": {"type": "str", "choices": ["started", "stopped", "finished"], "default": "started"},
    "kind": {"type": "str"},
    "id": {"type": "str"},
    "bucket": {"type": "str"},
    "node": {"type": "list", "elements": "str"},
    "args": {
        "type": "dict",
        "options": {
            "name": {"type": "str"},
            "buckets": {"type": "list", "elements": "str"},
            "force": {"type": "bool"},
            "flags": {"type": "list", "elements": "str", "choices": list(FLAGS.bits)},
        },
    },
    "max_age": {"type": "str", "default": "10m"},
}


def main() -> None:
    converge(SPEC, JobResource, jobs=True)


if __name__ == "__main__":
    main()
