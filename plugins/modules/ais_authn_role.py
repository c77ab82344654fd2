#!/usr/bin/python
# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ais_authn_role
short_description: Manage roles of the AuthN server of AIStore
version_added: 0.1.0
description:
  - Creates, changes and deletes roles, which say what their users may do on clusters and buckets.
  - An update of the server only adds permissions to a role. Where some have to go, the role is deleted and made anew, and given
    to its users again.
  - Users who have the role are looked at too and given it anew where theirs differs, since AuthN 4.9 leaves users what a role
    was when they got it, even after the role is deleted.
  - Tokens keep the permissions with which they were issued until they expire.
author:
  - community.aistore contributors (@community-aistore)
options:
  name:
    description: Name of the role; up to 31 letters, digits, C(-) and C(_).
    type: str
    required: true
  state:
    description: Whether the role should be there.
    type: str
    choices: [present, absent]
    default: present
  description:
    description: What the role is for.
    type: str
  clusters:
    description:
      - What the role allows on clusters and, where O(buckets) says nothing else, on all buckets in them. Exactly this.
      - If not given, it stays as it is.
    type: list
    elements: dict
    suboptions:
      cluster:
        description:
          - Alias or uuid of a cluster that is registered with the AuthN server.
          - It may be left out if only one is.
        type: str
      permissions:
        description:
          - Names of permissions, in any order (V(GET), V(HEAD-OBJECT), V(PUT), V(APPEND), V(DELETE-OBJECT), V(MOVE-OBJECT),
            V(PROMOTE), V(UPDATE-OBJECT), V(HEAD-BUCKET), V(LIST-OBJECTS), V(PATCH), V(SET-BUCKET-ACL), V(LIST-BUCKETS),
            V(SHOW-CLUSTER), V(CREATE-BUCKET), V(DESTROY-BUCKET), V(MOVE-BUCKET), V(ADMIN)).
          - V(ro) stands for reading, V(rw) for reading and writing objects, V(su) or V(all) for everything.
        type: list
        elements: str
        required: true
  buckets:
    description:
      - What the role allows on single buckets, instead of what it allows on their cluster. Exactly this.
      - If not given, it stays as it is.
    type: list
    elements: dict
    suboptions:
      bucket:
        description: Name or address of the bucket.
        type: str
        required: true
      cluster:
        description:
          - Alias or uuid of a cluster that is registered with the AuthN server.
          - It may be left out if only one is.
        type: str
      permissions:
        description: As in O(clusters[].permissions).
        type: list
        elements: str
        required: true
extends_documentation_fragment:
  - community.aistore.connection
  - community.aistore.attributes
notes:
  - The module speaks with the AuthN server at O(authn_url). O(endpoint) is the cluster's and is not used here, and
    O(cluster_uuid) means nothing to the AuthN server.
seealso:
  - module: community.aistore.ais_authn_cluster
  - module: community.aistore.ais_authn_user
"""

EXAMPLES = r"""
- name: Readers of one bucket, who may look around in the cluster
  community.aistore.ais_authn_role:
    name: readers
    description: May read the logs
    clusters:
      - cluster: production
        permissions: [LIST-BUCKETS, SHOW-CLUSTER]
    buckets:
      - bucket: logs
        cluster: production
        permissions: [ro]

- name: Nothing on single buckets any more
  community.aistore.ais_authn_role:
    name: readers
    buckets: []

- name: A role gone, also from its users
  community.aistore.ais_authn_role:
    name: readers
    state: absent
"""

RETURN = r"""
role:
  description: The role and the C(users) who have it. In check mode, as it would be.
  returned: success
  type: dict
  sample:
    name: readers
    state: present
    description: May read the logs
    clusters: [{cluster: ZmlxxmUNg, permissions: [LIST-BUCKETS, SHOW-CLUSTER]}]
    buckets: [{bucket: "ais://logs", cluster: ZmlxxmUNg, permissions: [ro]}]
    users: [bob]
steps:
  description: What was done or, in check mode, would be.
  returned: always
  type: list
  elements: dict
  sample: [{verb: refresh, target: user bob, detail: {role: readers}}]
error:
  description: What a playbook can branch on after a failure.
  returned: failure
  type: dict
  sample: {type: Unauthorized, status: 401, tcode: '', node: ''}
"""

from ansible_collections.community.aistore.plugins.module_utils._authn import AuthN
from ansible_collections.community.aistore.plugins.module_utils._module import converge
from ansible_collections.community.aistore.plugins.module_utils._resources.authn_role import RoleResource

ACL = {"cluster": {"type": "str"}, "permissions": {"type": "list", "elements": "str", "required": True}}
SPEC = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "description": {"type": "str"},
    "clusters": {"type": "list", "elements": "dict", "options": ACL},
    "buckets": {"type": "list", "elements": "dict", "options": {"bucket": {"type": "str", "required": True}, **ACL}},
}


def main() -> None:
    converge(SPEC, RoleResource, speak=AuthN)


if __name__ == "__main__":
    main()
