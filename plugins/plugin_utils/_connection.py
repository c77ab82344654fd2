# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How plugins on the controller (lookup, inventory) reach a cluster: the modules' options, without a module."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleError
from ansible.module_utils.basic import missing_required_lib
from ansible_collections.community.aistore.plugins.module_utils import _client, _options


def client(plugin: Any) -> _client.Client:
    """Return a client that can only read, for the options of ``plugin`` (doc fragment ``connection_plugin``).

    Raises AnsibleError without the library, and an AisError for options that are wrong.
    """
    if not _client.HAS_REQUESTS:
        raise AnsibleError(missing_required_lib("requests"))
    params = {name: plugin.get_option(name) for name in _options.connection_spec()}
    if params["validate_certs"] is None:
        params["validate_certs"] = _options.validate_by_default()
    found = _client.Client(_options.connection(params), check_mode=True)
    if found.connection.cluster_uuid:
        found.verify_cluster()
    return found
