#!/usr/bin/python
# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ais_object_info
short_description: Gather information about objects of an AIStore cluster
version_added: 0.1.0
description:
  - Returns the properties of objects that are named, or lists the objects of a bucket.
  - While a target is missing, or after an interrupted rebalance, a cluster leaves objects out of its answers without a word.
    Then the task fails if a named object is not found; a listing comes with the reasons in RV(doubts), and a warning.
author:
  - community.aistore contributors (@community-aistore)
options:
  bucket:
    description:
      - Name or address of the bucket, for example V(logs) or V(s3://images).
    type: str
    required: true
  name:
    description:
      - The names of the objects to look at. Without it, the bucket is listed.
    type: list
    elements: str
  prefix:
    description:
      - List only names that begin with this. In buckets of the cluster itself, all names in the directory that it ends in are read;
        one that ends with V(/) costs least.
    type: str
  match:
    description:
      - List only names that match this glob. V(*) and V(?) match C(/) too.
    type: str
  template:
    description:
      - List only names that this stands for, as V(shard-{0000..0999}.tar).
    type: str
  props:
    description:
      - What to list besides the names. The fewer, the faster.
    type: list
    elements: str
    choices: [size, checksum, version, atime, cached, copies, custom, location, status]
    default: [size]
  cached:
    description:
      - Look only at what is in the cluster. A cloud, or another cluster, is not asked.
        So of an object that is named it tells whether it is cached, and at no cost.
    type: bool
    default: false
  limit:
    description:
      - List at most so many objects. RV(truncated) says whether there are more.
    type: int
  page_size:
    description:
      - List so many objects with one request, instead of as many as the store allows (10000 of V(ais://) buckets).
    type: int
  allow_degraded:
    description:
      - Do not ask whether the cluster can prove that something is not there.
    type: bool
    default: false
extends_documentation_fragment:
  - community.aistore.connection
  - community.aistore.attributes.info
seealso:
  - module: community.aistore.ais_object
  - module: community.aistore.ais_bucket_info
"""

EXAMPLES = r"""
- name: Look at one object
  community.aistore.ais_object_info:
    bucket: configs
    name: site.yml
  register: site

- name: Use it
  ansible.builtin.debug:
    msg: "{{ site.object.size }} bytes, {{ site.object.checksum.type }} {{ site.object.checksum.value }}"
  when: site.object.exists

- name: Is it cached?
  community.aistore.ais_object_info:
    bucket: s3://images
    name: a.jpg
    cached: true
  register: picture
  failed_when: not picture.object.cached

- name: List what begins with etc/, with checksums
  community.aistore.ais_object_info:
    bucket: configs
    prefix: etc/
    props: [size, checksum]

- name: List the first ten YAML files
  community.aistore.ais_object_info:
    bucket: configs
    match: "*.yml"
    limit: 10

- name: Which of these shards are there?
  community.aistore.ais_object_info:
    bucket: data
    template: shard-{0000..0099}.tar
    props: []
  register: shards
  failed_when: shards.doubts | length > 0
"""

RETURN = r"""
object:
  description: The object, if exactly one was named.
  returned: when O(name) is one object
  type: dict
  sample:
    uri: ais://configs/site.yml
    bucket: ais://configs
    name: site.yml
    exists: true
    size: 12
    checksum: {type: xxhash2, value: 0bcbd1e4bbd6a1d3}
    custom: {owner: web}
    cached: true
    version: '1'
    atime: 1795693431026103058
    copies: 1
    location: 't[target-01]:mp[/ais/mp1, vda, hdd]'
objects:
  description:
    - The objects that were named, in order, as RV(object). With O(cached), C(exists) is null for what is not in the cluster and
      may be in the remote store.
    - Or those listed, in the order of their names, with their O(props). C(custom) is what AIStore prints of the metadata there.
  returned: success
  type: list
  elements: dict
  sample:
    - {uri: 'ais://configs/etc/hosts', name: etc/hosts, size: 174}
truncated:
  description: Whether there are more objects than O(limit).
  returned: success
  type: bool
  sample: false
doubts:
  description: Why the listing may lack objects; empty if it is complete.
  returned: success
  type: list
  elements: str
  sample: ['target target-02 does not answer']
"""

from ansible_collections.community.aistore.plugins.module_utils._module import answer
from ansible_collections.community.aistore.plugins.module_utils._resources import object_info

SPEC = {
    "bucket": {"type": "str", "required": True},
    "name": {"type": "list", "elements": "str"},
    "prefix": {"type": "str"},
    "match": {"type": "str"},
    "template": {"type": "str"},
    "props": {"type": "list", "elements": "str", "choices": list(object_info.PROPS), "default": ["size"]},
    "cached": {"type": "bool", "default": False},
    "limit": {"type": "int"},
    "page_size": {"type": "int"},
    "allow_degraded": {"type": "bool", "default": False},
}


def main() -> None:
    """Run the module."""
    answer(SPEC, object_info.answer)


if __name__ == "__main__":
    main()
