#!/usr/bin/python
# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ais_bucket_info
short_description: List AIStore buckets, with their properties and what they hold
version_added: 0.1.0
description:
  - Lists the buckets that a cluster knows, in the form in which M(community.aistore.ais_bucket) returns them.
  - All properties of all buckets cost one request. Nothing remote is asked unless O(remote) is set.
author:
  - community.aistore contributors (@community-aistore)
extends_documentation_fragment:
  - community.aistore.connection
  - community.aistore.attributes.info
options:
  name:
    description:
      - Only these buckets. Each is an address (V(logs), V(s3://images), V(ais://@backup#ns/data)), or a glob of
        names (V(team-*)) or of addresses (V(s3://*)).
      - An address whose bucket does not exist is returned with the state V(absent); a glob may fit none.
    type: list
    elements: str
  provider:
    description: Only buckets of this provider, for example V(ais), V(s3), V(gs).
    type: str
  namespace:
    description:
      - Only buckets of this namespace, as V(#name), or of an attached cluster, as V(@alias) or V(@uuid#name).
      - An empty text stands for buckets without either.
    type: str
  props:
    description: Whether to return properties.
    type: bool
    default: true
  summary:
    description:
      - Whether to count objects and bytes. Every target walks the whole bucket for that, which takes a while for large ones.
      - Of remote buckets, what is present in this cluster is counted.
    type: bool
    default: false
  remote:
    description:
      - Whether to list also buckets that exist in the configured clouds and in attached AIStore clusters and that this cluster does not
        know yet. They have the state V(evicted), and no properties.
    type: bool
    default: false
seealso:
  - module: community.aistore.ais_bucket
  - module: community.aistore.ais_object_info
"""

EXAMPLES = r"""
- name: List all buckets with their properties
  community.aistore.ais_bucket_info:
  register: all_buckets

- name: Get the names of the team buckets
  community.aistore.ais_bucket_info:
    name: team-*
    props: false
  register: teams

- name: Show them
  ansible.builtin.debug:
    msg: "{{ teams.buckets | map(attribute='uri') | list }}"

- name: Look whether a bucket exists
  community.aistore.ais_bucket_info:
    name: ais://logs
  register: logs

- name: Do something if it does
  ansible.builtin.debug:
    msg: "{{ logs.bucket.props.mirror.copies }} copies"
  when: logs.bucket.state == 'present'

- name: Count what the buckets of a namespace hold
  community.aistore.ais_bucket_info:
    provider: ais
    namespace: "#dev"
    summary: true

- name: List what exists in clouds and attached clusters too
  community.aistore.ais_bucket_info:
    remote: true
"""

RETURN = r"""
buckets:
  description: The buckets, by name. Those that were asked for by address and do not exist come last.
  returned: success
  type: list
  elements: dict
  sample:
    - uri: ais://logs
      name: logs
      provider: ais
      namespace: {uuid: "", name: ""}
      state: present
      props: {mirror: {enabled: true, copies: 2}}
      summary:
        {objects: 120, bytes: 122880, bytes_on_disk: 245760, smallest: 1024, average: 1024, largest: 1024, used_percent: 0}
bucket:
  description: The bucket, when O(name) is one address.
  returned: when exactly one address is given
  type: dict
  sample:
    uri: ais://logs
    name: logs
    provider: ais
    namespace: {uuid: "", name: ""}
    state: present
    props: {mirror: {enabled: true, copies: 2}}
"""

from ansible_collections.community.aistore.plugins.module_utils._module import answer
from ansible_collections.community.aistore.plugins.module_utils._resources import bucket_info

SPEC = {
    "name": {"type": "list", "elements": "str"},
    "provider": {"type": "str"},
    "namespace": {"type": "str"},
    "props": {"type": "bool", "default": True},
    "summary": {"type": "bool", "default": False},
    "remote": {"type": "bool", "default": False},
}


def main() -> None:
    answer(SPEC, bucket_info.answer)


if __name__ == "__main__":
    main()
