#!/usr/bin/python
# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ais_authn_token
short_description: Issue and revoke tokens of the AuthN server of AIStore
version_added: 0.1.0
description:
  - Keeps a good token of a user in a file that only its owner can read, as the AIStore command line and SDK expect it.
  - A token there is kept while it is of this user, taken by the AuthN server and not about to expire.
  - Revokes tokens. Registered clusters learn of it within about a second.
  - Tokens are never shown.
author:
  - community.aistore contributors (@community-aistore)
attributes:
  idempotent:
    support: partial
    details:
      - Without O(dest), a token is issued each time.
      - AuthN 4.9 does not tell whether a token was revoked. There, O(issued_token) is revoked again each time.
options:
  state:
    description:
      - With V(present), there is a token of O(username) in O(dest). It needs O(password).
      - With V(absent), O(issued_token) or the token in O(dest) is revoked, and the file removed.
    type: str
    choices: [present, absent]
    default: present
  dest:
    description:
      - The file for the token, with mode C(0600). Its directory has to be there.
      - Without it, V(present) only tells whether O(username) can log in; the token itself is not returned.
    type: path
  format:
    description: V(json) is what the AIStore command line reads (C({"token":"..."})), V(text) the token alone.
    type: str
    choices: [json, text]
    default: json
  expires_in:
    description:
      - How long a new token is valid, for example V(12h); at least one minute. V(0) is the server's maximum.
      - By default as the server is configured.
    type: str
  renew_before:
    description: A token that expires within this time is replaced.
    type: str
    default: 10m
  issued_token:
    description: The token to revoke, if it is not the one in O(dest).
    type: str
extends_documentation_fragment:
  - community.aistore.connection
  - community.aistore.attributes
notes:
  - The module speaks with the AuthN server at O(authn_url). O(endpoint) is the cluster's and is not used here, and
    O(cluster_uuid) means nothing to the AuthN server.
seealso:
  - module: community.aistore.ais_authn_user
"""

EXAMPLES = r"""
- name: A token for a backup job
  community.aistore.ais_authn_token:
    username: backup
    password: "{{ backup_password }}"
    dest: /var/lib/backup/ais.token
    expires_in: 12h
    renew_before: 2h

- name: The token revoked and the file gone
  community.aistore.ais_authn_token:
    dest: /var/lib/backup/ais.token
    state: absent
"""

RETURN = r"""
token:
  description:
    - Whose token it is and until when it is valid; the token itself is hidden.
    - In check mode, C(expires) of a token yet to be issued is empty.
  returned: success
  type: dict
  sample: {state: present, dest: /var/lib/backup/ais.token, user: backup, expires: "2026-11-27T11:36:57Z", value: "********"}
steps:
  description: What was done or, in check mode, would be.
  returned: always
  type: list
  elements: dict
  sample: [{verb: issue, target: token of backup, detail: {dest: /var/lib/backup/ais.token, because: it expires soon}}]
error:
  description: What a playbook can branch on after a failure.
  returned: failure
  type: dict
  sample: {type: Unauthorized, status: 401, tcode: '', node: ''}
"""

from ansible_collections.community.aistore.plugins.module_utils._authn import AuthN
from ansible_collections.community.aistore.plugins.module_utils._module import converge
from ansible_collections.community.aistore.plugins.module_utils._resources.authn_token import TokenResource

SPEC = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "dest": {"type": "path"},
    "format": {"type": "str", "choices": ["json", "text"], "default": "json"},
    "expires_in": {"type": "str"},
    "renew_before": {"type": "str", "default": "10m"},
    "issued_token": {"type": "str", "no_log": True},
}


def main() -> None:
    converge(SPEC, TokenResource, speak=AuthN)


if __name__ == "__main__":
    main()
