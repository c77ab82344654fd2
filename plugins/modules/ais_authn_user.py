#!/usr/bin/python
# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ais_authn_user
short_description: Manage users of the AuthN server of AIStore
version_added: 0.1.0
description:
  - Creates, changes and deletes users, gives them roles and passwords.
  - Only an AuthN administrator can do that; a user can change the own password, without O(roles).
author:
  - community.aistore contributors (@community-aistore)
options:
  name:
    description: Name of the user; up to 31 letters, digits, C(-) and C(_).
    type: str
    required: true
  state:
    description: Whether the user should be there.
    type: str
    choices: [present, absent]
    default: present
  roles:
    description:
      - The roles of the user, exactly these. If not given, they stay as they are.
      - A name that is no role is an error here, although the server takes it.
      - AuthN cannot take the last role from a user. With O(new_password) the user is made anew without roles.
    type: list
    elements: str
  new_password:
    description:
      - The password of the user, up to 72 bytes. A new user needs one.
      - Not to be mixed up with O(password), with which the task itself logs in.
    type: str
  update_password:
    description:
      - V(always) changes the password of a user whose password is another one. Whether it is, a login with O(new_password) tells.
      - V(on_create) sets it for new users only.
    type: str
    choices: [always, on_create]
    default: always
extends_documentation_fragment:
  - community.aistore.connection
  - community.aistore.attributes
notes:
  - The module speaks with the AuthN server at O(authn_url). O(endpoint) is the cluster's and is not used here, and
    O(cluster_uuid) means nothing to the AuthN server.
seealso:
  - module: community.aistore.ais_authn_role
"""

EXAMPLES = r"""
- name: A user who may read
  community.aistore.ais_authn_user:
    name: bob
    new_password: "{{ bobs_password }}"
    roles: [readers]

- name: Other roles, whatever the password is
  community.aistore.ais_authn_user:
    name: bob
    roles: [readers, writers]

- name: A user gone
  community.aistore.ais_authn_user:
    name: bob
    state: absent
"""

RETURN = r"""
user:
  description: The user. In check mode, as it would be.
  returned: success
  type: dict
  sample: {name: bob, state: present, roles: [readers]}
steps:
  description: What was done or, in check mode, would be.
  returned: always
  type: list
  elements: dict
  sample: [{verb: create, target: user bob, detail: {roles: [readers]}}]
error:
  description: What a playbook can branch on after a failure.
  returned: failure
  type: dict
  sample: {type: Unauthorized, status: 401, tcode: '', node: ''}
"""

from ansible_collections.community.aistore.plugins.module_utils._authn import AuthN
from ansible_collections.community.aistore.plugins.module_utils._module import converge
from ansible_collections.community.aistore.plugins.module_utils._resources.authn_user import User

SPEC = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "roles": {"type": "list", "elements": "str"},
    "new_password": {"type": "str", "no_log": True},
    "update_password": {"type": "str", "choices": ["always", "on_create"], "default": "always", "no_log": False},
}


def main() -> None:
    converge(SPEC, User, speak=AuthN)


if __name__ == "__main__":
    main()
