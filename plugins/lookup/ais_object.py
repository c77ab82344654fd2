# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: ais_object
short_description: Read objects of an AIStore cluster
version_added: 0.1.0
description:
  - Returns the content of objects, as text or in base64, or of a file inside a shard (a tar, tgz, zip or tar.lz4 archive).
  - Content is verified against the checksum that the cluster keeps.
author:
  - community.aistore contributors (@community-aistore)
options:
  _terms:
    description:
      - Addresses of objects, for example V(ais://configs/site.yml), V(configs/site.yml) or V(s3://images/a.jpg).
    required: true
  encoding:
    description:
      - What to return. V(text) is for UTF-8 alone, anything else fails; V(base64) is for everything.
    type: str
    choices: [text, base64]
    default: text
  archpath:
    description:
      - Return this file inside the object, which is an archive.
    type: str
  default:
    description:
      - Return this for an object, or a file inside of one, that does not exist. Without it, that is an error.
    type: raw
  max_size:
    description:
      - An object that is larger is an error, since it is kept in memory, for example V(64MiB).
    type: str
    default: 64MiB
  allow_degraded:
    description:
      - Take it as a fact that an object does not exist, and return O(default), although the cluster cannot prove that just now.
    type: bool
    default: false
extends_documentation_fragment:
  - community.aistore.connection_plugin
notes:
  - It runs on the controller, and looks there for files that options name.
seealso:
  - module: community.aistore.ais_object
"""

EXAMPLES = r"""
- name: Show an object
  ansible.builtin.debug:
    msg: "{{ lookup('community.aistore.ais_object', 'ais://configs/site.yml') }}"

- name: Use a YAML object as variables
  ansible.builtin.set_fact:
    site: "{{ lookup('community.aistore.ais_object', 'ais://configs/site.yml') | from_yaml }}"

- name: Several objects, and what to use for those that do not exist
  ansible.builtin.debug:
    msg: "{{ query('community.aistore.ais_object', 'configs/a.txt', 'configs/b.txt', default='') }}"

- name: A file inside a shard
  ansible.builtin.debug:
    msg: "{{ lookup('community.aistore.ais_object', 'ais://data/shard-0001.tar', archpath='0001.cls') }}"
"""

RETURN = r"""
_raw:
  description: The content of each object, in the order of the addresses.
  type: list
  elements: str
"""

import base64
from typing import Any

from ansible.errors import AnsibleError, AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.community.aistore.plugins.module_utils import _evidence, _transfer, _units
from ansible_collections.community.aistore.plugins.module_utils._address import object_problem, split_address
from ansible_collections.community.aistore.plugins.module_utils._errors import AisError, NotFound, OptionError
from ansible_collections.community.aistore.plugins.plugin_utils import _connection


class LookupModule(LookupBase):
    def run(self, terms: list[Any], variables: Any = None, **kwargs: Any) -> list[Any]:
        """Return the content of the objects that ``terms`` name."""
        self.set_options(var_options=variables, direct=kwargs)
        try:
            limit = _limit(self.get_option("max_size"))
            client = _connection.client(self)
            return [self._one(client, str(term), limit) for term in terms]
        except AisError as error:
            raise AnsibleLookupError(f"ais_object: {error}") from None

    def _one(self, client: Any, term: str, limit: int) -> Any:
        bucket, name = split_address(term, "address")
        problem = object_problem(name, bucket)
        if problem:
            raise OptionError(f"{term}: {problem}")
        archpath = self.get_option("archpath")
        try:
            content = _transfer.read(
                client, bucket, name, limit=limit, query={"archpath": archpath} if archpath else None
            )
        except NotFound as error:
            if self.get_option("default") is None:
                raise
            if error.tcode not in ("ErrBckNotFound", "ErrRemoteBckNotFound"):
                _evidence.prove(
                    client, f"{term} was not found", bucket=bucket, allow_degraded=self.get_option("allow_degraded")
                )
            return self.get_option("default")
        if self.get_option("encoding") == "base64":
            return base64.b64encode(content).decode("ascii")
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise AnsibleError(
                f"ais_object: {term} is not text in UTF-8 (byte {error.start}); use encoding='base64'"
            ) from None


def _limit(text: Any) -> int:
    try:
        return _units.parse_size(text)
    except ValueError as error:
        raise OptionError(f"max_size: {error}") from None
