#!/usr/bin/python
# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ais_mountpath
short_description: Manage the mountpaths of AIStore targets
version_added: 0.1.0
description:
  - Attaches, detaches, enables and disables mountpaths, which are the directories where targets keep objects, on one target,
    several or all.
  - A path that is taken out of use is emptied first. The target moves its objects to the other mountpaths, with a job that
    AIStore calls resilver, and the task waits for that.
  - Changes of one target never overlap, since a second change during a resilver loses sight of objects. Each waits for the
    resilver and the rebalance before it, whoever started those. Tasks of parallel hosts that run on one machine take turns.
author:
  - community.aistore contributors (@community-aistore)
options:
  node:
    description:
      - Id of the target, or a list of them. V(all) means every target of the cluster.
    type: list
    elements: str
    required: true
  path:
    description:
      - The mountpath, or a list of them. Each is an absolute path of a directory on the target's host.
      - One mountpath must not be inside another. AIStore itself accepts that and then cannot read what it stored.
    type: list
    elements: str
    required: true
  state:
    description:
      - With V(present), the path is one of the target's mountpaths. It is attached if it is not, and a disabled one stays disabled.
      - With V(enabled), it is attached and in use.
      - With V(disabled), it is emptied and not in use, but still one of the target's mountpaths. The path must be attached.
      - With V(absent), it is emptied and detached.
    type: str
    choices: [present, absent, enabled, disabled]
    default: present
  label:
    description:
      - The label of a mountpath that is attached, any text that names the storage below it.
      - AIStore asks for one when two mountpaths of a target are on one filesystem, or when no disk can be found below a path.
      - The label of an attached mountpath cannot be changed, so a different one is an error.
    type: str
  resilver:
    description:
      - Whether the target moves the objects of a path that is disabled or detached.
      - With V(false) they are left behind and cannot be read until the path is back, except for those that have another copy.
    type: bool
    default: true
  force:
    description:
      - Remove or disable a target's last mountpath too. Such a target leaves the cluster (at once with AIStore 5.0) and comes
        back when a mountpath is attached or enabled.
      - Remove paths also while the cluster's configuration has V(resilver.enabled=false), so that no objects are moved.
    type: bool
    default: false
extends_documentation_fragment:
  - community.aistore.connection
  - community.aistore.connection.wait
  - community.aistore.attributes
notes:
  - A change that was interrupted is taken up by the next run. A path that was left waiting to be emptied is enabled again first.
  - Tasks on different machines do not know of each other's turns; they only wait for what already moves. Let one machine
    change the mountpaths of a target.
seealso:
  - module: community.aistore.ais_target
  - module: community.aistore.ais_info
"""

EXAMPLES = r"""
- name: Attach a new disk
  community.aistore.ais_mountpath:
    node: target-01
    path: /ais/mp5

- name: Attach two directories of one filesystem on every target
  community.aistore.ais_mountpath:
    node: all
    path: [/ais/mp6, /ais/mp7]
    label: shared

- name: Take a disk out of use, its objects moved to the others
  community.aistore.ais_mountpath:
    node: target-01
    path: /ais/mp5
    state: disabled
    wait_timeout: 3600

- name: Take it back
  community.aistore.ais_mountpath:
    node: target-01
    path: /ais/mp5
    state: enabled

- name: Detach it
  community.aistore.ais_mountpath:
    node: target-01
    path: /ais/mp5
    state: absent
"""

RETURN = r"""
mountpaths:
  description:
    - The mountpaths of each target named, by its id; in check mode as they would be.
  returned: success
  type: dict
  contains:
    available:
      description: Those in use.
      type: list
      elements: str
      sample: [/ais/mp1, /ais/mp2]
    disabled:
      description: Those that are attached and not in use.
      type: list
      elements: str
      sample: [/ais/mp3]
    waiting_dd:
      description: Those that are still being emptied.
      type: list
      elements: str
      sample: []
  sample:
    target-01:
      available: [/ais/mp1, /ais/mp2]
      disabled: [/ais/mp3]
      waiting_dd: []
steps:
  description: What was done, in order; in check mode what would be done.
  returned: success
  type: list
  elements: dict
  sample:
    - verb: disable
      target: target-01:/ais/mp3
      detail: {}
jobs:
  description: The jobs that were started, resilvers and sometimes a rebalance, and how they ended.
  returned: success
  type: list
  elements: dict
  sample:
    - id: LZqgJVwkg
      kind: resilver
      target: target-01:/ais/mp3
      state: finished
      objects: 128
      bytes: 134217728
"""

from ansible_collections.community.aistore.plugins.module_utils._module import converge
from ansible_collections.community.aistore.plugins.module_utils._resources.mountpath import STATES, Mountpaths

SPEC = {
    "node": {"type": "list", "elements": "str", "required": True},
    "path": {"type": "list", "elements": "str", "required": True},
    "state": {"type": "str", "choices": list(STATES), "default": "present"},
    "label": {"type": "str"},
    "resilver": {"type": "bool", "default": True},
    "force": {"type": "bool", "default": False},
}


def main() -> None:
    """Run the module."""
    converge(SPEC, Mountpaths, jobs=True)


if __name__ == "__main__":
    main()
