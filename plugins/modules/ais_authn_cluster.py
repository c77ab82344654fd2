#!/usr/bin/python
# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ais_authn_cluster
short_description: Register AIStore clusters with the AuthN server
version_added: 0.1.0
description:
  - Registers clusters with the AuthN server, changes their alias and addresses, and removes them.
  - Roles are about registered clusters, and these are told which tokens were revoked.
  - The server calls a cluster before it registers it; that fails unless both use the same secret or key.
  - With a cluster the server creates the roles C(ClusterOwner-ALIAS), C(BucketOwner-ALIAS) and C(Guest-ALIAS). They stay when
    the cluster is removed; see M(community.aistore.ais_authn_role).
author:
  - community.aistore contributors (@community-aistore)
options:
  uuid:
    description:
      - Uuid of the cluster. By default of the cluster at O(endpoint).
      - With O(state=absent), O(alias) will do.
    type: str
  alias:
    description: Another name for the cluster. It can be changed, not taken away.
    type: str
  urls:
    description: Addresses of proxies of the cluster. By default those in O(endpoint) for a new one, and as they are for a known one.
    type: list
    elements: str
  state:
    description: Whether the cluster should be registered.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - community.aistore.connection
  - community.aistore.attributes
notes:
  - The module speaks with the AuthN server at O(authn_url), and with the cluster at O(endpoint) only if O(uuid) is left out.
    O(cluster_uuid) means nothing to the AuthN server.
  - The AuthN server connects to the cluster too, to compare their signing keys. For a cluster with TLS it has to trust the
    cluster's certificate (environment variable E(SSL_CERT_FILE) of the AuthN server, or, with AIStore 5.0,
    E(AIS_AUTHN_SKIP_VERIFY_CRT)). It has no client certificate to show where a cluster requires one.
seealso:
  - module: community.aistore.ais_authn_role
"""

EXAMPLES = r"""
- name: The cluster at the endpoint
  community.aistore.ais_authn_cluster:
    alias: production

- name: A cluster gone
  community.aistore.ais_authn_cluster:
    alias: production
    state: absent
"""

RETURN = r"""
cluster:
  description: The cluster. In check mode, as it would be.
  returned: success
  type: dict
  sample: {uuid: ZmlxxmUNg, state: present, alias: production, urls: ["http://10.0.0.1:8080"]}
steps:
  description: What was done or, in check mode, would be.
  returned: always
  type: list
  elements: dict
  sample: [{verb: register, target: cluster ZmlxxmUNg, detail: {alias: production, urls: ["http://10.0.0.1:8080"]}}]
error:
  description: What a playbook can branch on after a failure.
  returned: failure
  type: dict
  sample: {type: Unauthorized, status: 401, tcode: '', node: ''}
"""

from ansible_collections.community.aistore.plugins.module_utils._authn import AuthN
from ansible_collections.community.aistore.plugins.module_utils._module import converge
from ansible_collections.community.aistore.plugins.module_utils._resources.authn_cluster import ClusterResource

SPEC = {
    "uuid": {"type": "str"},
    "alias": {"type": "str"},
    "urls": {"type": "list", "elements": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def main() -> None:
    converge(SPEC, ClusterResource, speak=AuthN)


if __name__ == "__main__":
    main()
