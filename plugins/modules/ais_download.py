#!/usr/bin/python
# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ais_download
short_description: Let an AIStore cluster download objects from web addresses
version_added: 0.1.0
description:
  - Makes sure that objects are in a bucket and came from given addresses. What is missing, or came from somewhere else, the targets
    of the cluster download themselves, with one job for up to 10,000 objects and without a byte going through this host.
  - Each object remembers, as a checksum in its custom metadata, the address that it was downloaded from. It is downloaded again if
    the address here is another one, if the object was replaced since, or with O(force); not because the content behind an
    address has changed.
  - If some of the addresses cannot be downloaded, everything else is, and then the task fails and tells which and why.
author:
  - community.aistore contributors (@community-aistore)
extends_documentation_fragment:
  - community.aistore.connection
  - community.aistore.connection.wait
  - community.aistore.attributes
attributes:
  idempotent:
    support: partial
    details:
      - O(force) downloads each time.
      - After O(wait=false) or a timeout, the next task for the same objects joins the job of the first one, or takes over
        what it has done, and so reports a change once more.
options:
  bucket:
    description:
      - Name or address of the bucket, for example V(images). It has to exist.
    type: str
    required: true
  objects:
    description:
      - What to download, as a dictionary whose keys are names of objects and whose values are addresses.
      - One of O(objects), O(links) and O(template) is needed with O(state=present).
    type: dict
  links:
    description:
      - What to download, as a list of addresses. The name of each object is the last part of the path of its address.
    type: list
    elements: str
  template:
    description:
      - Many addresses in one, as V(https://example.com/train/shard-{0000..0999}.tar). Objects are named as with O(links).
    type: str
  prefix:
    description:
      - Put before the name of each object, for example V(train/).
    type: str
  headers:
    description:
      - HTTP headers that the targets send along, as a dictionary. For example C(Authorization). The values are not shown.
    type: dict
  limits:
    description:
      - How much a job may take on each target. It is for jobs that this task starts.
    type: dict
    suboptions:
      connections:
        description: Downloads at once.
        type: int
      bytes_per_hour:
        description: Bytes in an hour, as a number or with a unit (V(100GiB)).
        type: str
  link_timeout:
    description:
      - Time for one try to download one object, for example V(10m). If not given, the cluster's configuration decides
        (C(downloader.timeout)). The cluster tries up to 10 times.
    type: str
  force:
    description:
      - Download everything, also what is there already. The cluster still leaves out objects of which it can tell that the
        address has the same content.
    type: bool
    default: false
  state:
    description:
      - V(present) downloads what is missing.
      - V(stopped) aborts all downloads into the bucket that are running, whoever started them. What has been downloaded stays. Jobs
        that somebody gave a description of their own are not recognized.
    type: str
    choices: [present, stopped]
    default: present
notes:
  - The targets must reach the addresses. They refuse loopback addresses, and private ones unless the cluster's features allow
    them (C(Dload-Allow-Private-Egress)).
  - The query of an address, and a user and password in it, are taken for secrets and not shown.
  - Up to 16 objects are looked at one by one. For more, what they have in common is listed.
  - An object of a remote bucket counts as long as it is in the cluster. What was evicted since is downloaded again.
  - If a target is missing, its objects are not found and are downloaded again. That does no harm, so that the task does not ask
    for proof that they are absent.
  - The cluster's record of a job is removed when its outcome has been noted in the objects.
  - For one object whose custom metadata you want to set too, use O(community.aistore.ais_object#module:url).
seealso:
  - module: community.aistore.ais_object
  - module: community.aistore.ais_job
"""

EXAMPLES = r"""
- name: Download two objects under names of their own
  community.aistore.ais_download:
    bucket: models
    objects:
      base.bin: "{{ site }}/v1/weights.bin"
      tuned/base.bin: "{{ site }}/v2/weights.bin"

- name: Download a data set
  community.aistore.ais_download:
    bucket: ais://models
    template: "{{ site }}/train/shard-{0000..0009}.tar"
    prefix: train/
    limits:
      connections: 8
      bytes_per_hour: 100GiB
    wait_timeout: 3600

- name: Download what needs a token, and do not wait
  community.aistore.ais_download:
    bucket: models
    links:
      - "{{ site }}/private/one.bin"
      - "{{ site }}/private/two.bin"
    headers:
      Authorization: "Bearer {{ site_token }}"
    wait: false

- name: Stop all downloads into the bucket
  community.aistore.ais_download:
    bucket: models
    state: stopped
"""

RETURN = r"""
objects:
  description: What was asked for, and what became of it.
  returned: with O(state=present), when the bucket could be read
  type: dict
  sample: {bucket: "ais://models", selected: 10, left: 1, errors: {train/x: "ErrNotFound: https://example.com/x does not exist"}}
  contains:
    bucket:
      description: The bucket.
      type: str
    selected:
      description: How many objects were asked for.
      type: int
    left:
      description: How many are not there in the end, or not from their addresses. In check mode, how many would be left.
      type: int
    errors:
      description: The first 100 objects that could not be downloaded, and why.
      type: dict
steps:
  description:
    - What was done or, in check mode, would be. A download tells how many objects and the first 100 names, and C(jobs), the jobs
      of earlier tasks that it joins or takes over.
  returned: always
  type: list
  elements: dict
  sample:
    - {verb: download, target: "ais://models/train/", detail: {objects: 2, names: [train/one, train/two]}}
jobs:
  description: The jobs that were started, joined or taken over.
  returned: always
  type: list
  elements: dict
  sample:
    - {id: dnl-HqsYR8Uig, kind: download, target: "ais://models/train/", state: finished, objects: 2}
diff:
  description: The objects that would be replaced, and the addresses of the first 100, without their queries.
  returned: with C(--diff)
  type: dict
  sample:
    before: {"ais://models/train/": {train/two: not from this address}}
    after: {"ais://models/train/": {train/one: "https://example.com/one", train/two: "https://example.com/two"}}
error:
  description: What a playbook can branch on after a failure.
  returned: failure
  type: dict
  sample: {type: JobFailed}
"""

from ansible_collections.community.aistore.plugins.module_utils._module import converge
from ansible_collections.community.aistore.plugins.module_utils._resources.download import make, secrets

SPEC = {
    "bucket": {"type": "str", "required": True},
    "objects": {"type": "dict"},
    "links": {"type": "list", "elements": "str"},
    "template": {"type": "str"},
    "prefix": {"type": "str"},
    "headers": {"type": "dict", "no_log": True},
    "limits": {"type": "dict", "options": {"connections": {"type": "int"}, "bytes_per_hour": {"type": "str"}}},
    "link_timeout": {"type": "str"},
    "force": {"type": "bool", "default": False},
    "state": {"type": "str", "choices": ["present", "stopped"], "default": "present"},
}


def main() -> None:
    converge(SPEC, make, jobs=True, secrets=secrets)


if __name__ == "__main__":
    main()
