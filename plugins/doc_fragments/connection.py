# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options that every module shares (module_utils/_options.py)."""

from __future__ import annotations


class ModuleDocFragment:
    # How to reach a cluster.
    DOCUMENTATION = r"""
options:
  endpoint:
    description:
      - Addresses of one or several proxies of the cluster, as C(http://host:port) or C(https://host:port).
      - They are tried in turn, so that a task goes on when one proxy is down or the primary is being elected.
        List all proxies where that matters.
      - If not given, the environment variable E(AIS_ENDPOINT) is used, and then V(http://localhost:8080).
    type: list
    elements: str
  token:
    description:
      - The token that the AuthN server issued, for clusters that want one.
      - It is sent to the endpoints and to proxies of the cluster's own map, nowhere else.
      - If not given, the environment variable E(AIS_AUTHN_TOKEN) is used.
    type: str
  token_file:
    description:
      - A file with the token, as text or as the AIStore CLI writes it (C({"token":"..."})).
      - If not given, the environment variable E(AIS_AUTHN_TOKEN_FILE) is used, and then the CLI's own file
        (C(~/.config/ais/cli/auth.token)) if it exists.
    type: path
  authn_url:
    description:
      - Address of the AuthN server, for O(username) and O(password) and for the modules C(ais_authn_*).
      - If not given, the environment variable E(AIS_AUTHN_URL) is used, and then V(http://localhost:52001).
    type: str
  username:
    description:
      - Log in to the AuthN server as this user. The token is kept for the task, renewed once when the cluster
        no longer takes it, and never written to disk.
      - If not given, the environment variable E(AIS_AUTHN_USERNAME) is used.
      - A given O(token) is preferred.
    type: str
  password:
    description:
      - The password of O(username).
      - If not given, the environment variable E(AIS_AUTHN_PASSWORD) is used.
    type: str
  validate_certs:
    description:
      - Whether the cluster's certificate has to be valid. Switched off, the task warns.
      - If not given, the opposite of the environment variable E(AIS_SKIP_VERIFY_CRT) is used.
    type: bool
    default: true
  ca_path:
    description:
      - A file with the certificates of the authorities to trust, instead of the system's.
      - If not given, the environment variable E(AIS_CLIENT_CA) is used.
    type: path
  client_cert:
    description:
      - A file with the client certificate, for clusters that ask for one (mTLS).
      - If not given, the environment variable E(AIS_CRT) is used.
    type: path
  client_key:
    description:
      - A file with the key of O(client_cert), unless that holds both.
      - If not given, the environment variable E(AIS_CRT_KEY) is used.
    type: path
  timeout:
    description:
      - Seconds to wait for a connection, and for the answer to a request that reads.
      - Requests that change something wait at least 60 seconds, since the cluster asks all its nodes.
    type: float
    default: 30.0
  retries:
    description:
      - How often a request is repeated that did not reach a server, or that the cluster could not serve yet
        (HTTP 429, 502, 503, a target that does not answer). The waits are 0.25, 1, 3, 6 and then 10 seconds.
      - An election of a new primary takes about 25 seconds with AIStore's default settings; V(6) outlasts it.
    type: int
    default: 3
  cluster_uuid:
    description:
      - Change something only if the cluster has this uuid. It guards against a wrong O(endpoint).
    type: str
requirements:
  - requests (on the host that runs the module)
notes:
  - The module runs on the host of the play; for a cluster that the controller can reach, use a play on C(localhost).
  - Tasks with a local connection run inside the controller's own process, which makes loops many times faster.
    Results are the same. Set the variable C(ansible_aistore_direct) to V(never) to switch that off.
"""

    # For modules that start jobs.
    WAIT = r"""
options:
  wait:
    description:
      - Whether to wait for the jobs that the task starts. If V(false), their ids are in RV(jobs).
    type: bool
    default: true
  wait_timeout:
    description:
      - Seconds to wait for these jobs. A job that takes longer goes on in the cluster, and the task fails.
    type: float
    default: 600.0
"""
