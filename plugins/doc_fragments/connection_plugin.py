# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the shared options for plugins that run on the controller: lookup and inventory."""

from __future__ import annotations


class ModuleDocFragment:
    # The same options as the modules', from variables, the environment and ansible.cfg too.
    DOCUMENTATION = r"""
options:
  endpoint:
    description:
      - Addresses of one or several proxies of the cluster, as C(http://host:port) or C(https://host:port); they are tried in turn.
      - Without it, V(http://localhost:8080).
    type: list
    elements: str
    env:
      - name: AIS_ENDPOINT
    ini:
      - section: aistore
        key: endpoint
    vars:
      - name: ansible_aistore_endpoint
  token:
    description:
      - The token that the AuthN server issued, for clusters that want one.
    type: str
    env:
      - name: AIS_AUTHN_TOKEN
    vars:
      - name: ansible_aistore_token
  token_file:
    description:
      - A file with the token, as text or as the AIStore CLI writes it (C({"token":"..."})).
      - Without it, the CLI's own file (C(~/.config/ais/cli/auth.token)) if it exists.
    type: path
    env:
      - name: AIS_AUTHN_TOKEN_FILE
    ini:
      - section: aistore
        key: token_file
    vars:
      - name: ansible_aistore_token_file
  authn_url:
    description:
      - Address of the AuthN server, for O(username) and O(password).
      - Without it, V(http://localhost:52001).
    type: str
    env:
      - name: AIS_AUTHN_URL
    ini:
      - section: aistore
        key: authn_url
    vars:
      - name: ansible_aistore_authn_url
  username:
    description:
      - Log in to the AuthN server as this user. A given O(token) is preferred.
    type: str
    env:
      - name: AIS_AUTHN_USERNAME
    ini:
      - section: aistore
        key: username
    vars:
      - name: ansible_aistore_username
  password:
    description:
      - The password of O(username).
    type: str
    env:
      - name: AIS_AUTHN_PASSWORD
    vars:
      - name: ansible_aistore_password
  validate_certs:
    description:
      - Whether the cluster's certificate has to be valid.
      - Without it, the opposite of the environment variable E(AIS_SKIP_VERIFY_CRT), and then V(true).
    type: bool
    ini:
      - section: aistore
        key: validate_certs
    vars:
      - name: ansible_aistore_validate_certs
  ca_path:
    description:
      - A file with the certificates of the authorities to trust, instead of the system's.
    type: path
    env:
      - name: AIS_CLIENT_CA
    ini:
      - section: aistore
        key: ca_path
    vars:
      - name: ansible_aistore_ca_path
  client_cert:
    description:
      - A file with the client certificate, for clusters that ask for one (mTLS).
    type: path
    env:
      - name: AIS_CRT
    ini:
      - section: aistore
        key: client_cert
    vars:
      - name: ansible_aistore_client_cert
  client_key:
    description:
      - A file with the key of O(client_cert), unless that holds both.
    type: path
    env:
      - name: AIS_CRT_KEY
    ini:
      - section: aistore
        key: client_key
    vars:
      - name: ansible_aistore_client_key
  timeout:
    description:
      - Seconds to wait for a connection, and for an answer.
    type: float
    default: 30.0
    ini:
      - section: aistore
        key: timeout
    vars:
      - name: ansible_aistore_timeout
  retries:
    description:
      - How often a request is repeated that did not reach a server, or that the cluster could not serve yet.
    type: int
    default: 3
    ini:
      - section: aistore
        key: retries
    vars:
      - name: ansible_aistore_retries
  cluster_uuid:
    description:
      - Use only the cluster with this uuid. It guards against a wrong O(endpoint).
    type: str
    ini:
      - section: aistore
        key: cluster_uuid
    vars:
      - name: ansible_aistore_cluster_uuid
requirements:
  - requests (on the controller)
"""
