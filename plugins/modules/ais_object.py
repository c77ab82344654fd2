#!/usr/bin/python
# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ais_object
short_description: Manage objects of an AIStore cluster
version_added: 0.1.0
description:
  - Stores an object from a file, a text, a URL, another object or files on the targets; fetches an object to a file; removes
    objects, one or many, and copies them from another bucket; caches objects of remote buckets in the cluster, and evicts them.
  - Content is sent and fetched in pieces, so that memory does not grow with its size. An upload carries a checksum that the
    server verifies before it stores anything; a download is written beside its destination, verified, and then moved into place.
  - Content is compared by the checksum that the cluster keeps. For buckets with C(xxhash2), which is AIStore's default,
    install the Python package C(xxhash) on the host that runs the module; for C(crc32c), C(google-crc32c) or C(crc32c).
    Without them the same checksum is computed in Python up to 16 MiB, which takes a second or two; larger content, and
    objects for which the cluster keeps no checksum, are read back from the cluster and compared byte by byte.
  - To work on a whole directory, use M(community.aistore.ais_sync).
author:
  - community.aistore contributors (@community-aistore)
options:
  bucket:
    description:
      - Name or address of the bucket, for example V(logs) or V(s3://images).
    type: str
    required: true
  name:
    description:
      - The name of the object, or a list of them for O(state=absent), O(state=evicted), O(state=cached),
        and for O(state=present) with the address of a bucket as O(copy_from).
      - Names that AIStore would store under another name are refused.
        That is, those with control characters, C(.) or C(..) as a part, a leading or trailing C(/), or C(//).
      - So are names with C(%), C(#), C(?) or a tab in buckets of another cluster (V(ais://@backup/logs)). AIStore takes them for
        other names on the way there; use an endpoint of that cluster itself.
      - With O(promote_from) a directory, the prefix of the names of its files, ending with C(/); it may be left out.
    type: list
    elements: str
  template:
    description:
      - Many names in one, as V(shard-{0000..0999}.tar) or V(part-{0..100..5}-{1..3}).
        For the same states as a list of names.
    type: str
  all:
    description:
      - Every object of the bucket, for the same states as a list of names. With O(copy_from), every object of that bucket;
        what else O(bucket) holds stays.
    type: bool
    default: false
  state:
    description:
      - V(present) stores the object if its content differs. Without a source for its content, the object has to exist.
      - V(fetched) writes the object to O(dest) if that file's content differs.
      - V(absent) removes objects for good, in remote buckets from the remote store too.
      - V(evicted) removes the cluster's copies of objects in a remote bucket. It is refused for V(ais://) buckets,
        where it would destroy the only copy.
      - V(cached) brings objects of a remote bucket into the cluster.
      - For many objects the cluster runs one job. Names that do not exist are no failure; they are listed in
        C(objects.missing). If the job ends and leaves something to do, the task fails.
    type: str
    choices: [present, fetched, absent, evicted, cached]
    default: present
  src:
    description:
      - Store this file of the host that runs the module. A named pipe is read to its end; it is always stored anew,
        since its content cannot be known before.
      - A file that changes while it is read fails the task, and nothing of it is stored.
    type: path
  content:
    description:
      - Store this text, in UTF-8.
    type: str
  url:
    description:
      - Let the cluster download the object from this address, for example V(https://example.com/weights.bin).
        The targets must reach it; they refuse loopback addresses, and private ones unless the cluster's features allow them.
      - The object remembers, as a checksum in its custom metadata, the address that it was downloaded from. It is downloaded
        again if the address here is another one, if the object was replaced since, or with O(force).
      - The query of the address, and a user and password in it, are taken for secrets and not shown.
      - For many objects use M(community.aistore.ais_download).
    type: str
  copy_from:
    description:
      - Store what this object holds, given as an address (V(ais://other/name)) or as a name in the same bucket.
      - Or the address of another bucket (V(ais://other)), to copy objects under their own names, those of a list in O(name),
        of O(template) or O(all). Those that are missing or differ in O(bucket) are copied, by one job of the cluster.
        Names that the other bucket does not have fail the task before anything is copied. Both buckets have to exist.
      - Objects are compared by size and checksum. With checksums of different kinds, or without any, they are read and compared,
        which for many objects takes its time.
      - Custom metadata goes along with what is copied; it is no reason to copy. What AIStore keeps there for objects of remote
        buckets does not go along with one object, but it does with the job of many.
      - Into remote buckets, and under names that AIStore would spoil (with a part of more than 255 bytes; for one object also with
        C(%), C(#) or C(?)), copies go through the host that runs the module. So nothing is only in the cluster that should be in
        the remote store.
    type: str
  rename_from:
    description:
      - Give this object, in the same bucket, the name O(name). Only in V(ais://) buckets without erasure coding.
      - It is refused if both exist and differ, unless O(force) is set.
    type: str
  promote_from:
    description:
      - A file on the targets' own disks to make an object of; with a C(/) at the end a directory,
        whose files all become objects, for example V(/var/lib/ais/promote/day-1/).
      - The path is absolute. AIStore 5.0 takes only what is at or below C(/var/lib/ais/promote).
      - Nothing is done if the object exists, or for a directory any object with the prefix O(name), unless O(force) is set.
        The files themselves stay.
    type: str
  recursive:
    description:
      - Whether O(promote_from) takes subdirectories too.
    type: bool
    default: true
  custom:
    description:
      - Custom metadata of the object, a dictionary of texts. Other keys stay as they are, unless O(purge_custom) is set.
      - What AIStore itself keeps there for objects of remote buckets is not shown and not touched.
    type: dict
  purge_custom:
    description:
      - Remove custom metadata that O(custom) does not name.
    type: bool
    default: false
  dest:
    description:
      - The file that O(state=fetched) writes. If it is a directory, the last part of O(name) is the name of the file in it.
    type: path
  range:
    description:
      - Fetch only a part, in bytes counted from 0, as V(0-99) (the first hundred), V(100-) (from there on) or V(-100) (the last hundred).
    type: str
  force:
    description:
      - For O(rename_from), replace an object that exists. For O(url) and O(promote_from), download or promote again.
    type: bool
    default: false
  allow_degraded:
    description:
      - Take it as a fact when an object is not found, although the cluster cannot prove that just now. A target does not
        answer or is in maintenance with its objects, or a rebalance is running or was interrupted.
      - Without it such a task fails and changes nothing, where it would else report an object absent or replace it unseen.
    type: bool
    default: false
extends_documentation_fragment:
  - ansible.builtin.files
  - community.aistore.connection
  - community.aistore.connection.wait
  - community.aistore.attributes
attributes:
  idempotent:
    support: partial
    details:
      - A named pipe as O(src), and O(force) with O(url) or O(promote_from), change something each time.
notes:
  - O(mode), O(owner), O(group) and the like are for the file that O(state=fetched) writes.
seealso:
  - module: community.aistore.ais_object_info
  - module: community.aistore.ais_sync
  - module: community.aistore.ais_bucket
  - plugin: community.aistore.ais_object
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Store a text, with custom metadata
  community.aistore.ais_object:
    bucket: configs
    name: site.yml
    content: |
      color: blue
    custom:
      owner: web

- name: Store a file
  community.aistore.ais_object:
    bucket: configs
    name: etc/hosts
    src: /etc/hosts

- name: Fetch an object to a file
  community.aistore.ais_object:
    bucket: configs
    name: site.yml
    state: fetched
    dest: /tmp/site.yml
    mode: "0600"

- name: Fetch the first 10 bytes
  community.aistore.ais_object:
    bucket: configs
    name: etc/hosts
    state: fetched
    dest: /tmp/head-of-hosts
    range: 0-9

- name: Copy an object
  community.aistore.ais_object:
    bucket: configs
    name: backup/site.yml
    copy_from: ais://configs/site.yml

- name: Copy some objects of another bucket with one job
  community.aistore.ais_object:
    bucket: configs
    name: [etc/motd, etc/issue]
    copy_from: ais://templates

- name: Copy whatever another bucket holds and this one does not
  community.aistore.ais_object:
    bucket: configs
    all: true
    copy_from: ais://templates

- name: Rename an object
  community.aistore.ais_object:
    bucket: configs
    name: old/site.yml
    rename_from: backup/site.yml

- name: Remove many objects with one job
  community.aistore.ais_object:
    bucket: configs
    template: shard-{0000..0099}.tar
    state: absent

- name: Empty a bucket
  community.aistore.ais_object:
    bucket: configs
    all: true
    state: absent

- name: Bring objects of a cloud bucket into the cluster
  community.aistore.ais_object:
    bucket: s3://images
    name: [a.jpg, b.jpg]
    state: cached

- name: Free the space that a cloud bucket takes in the cluster
  community.aistore.ais_object:
    bucket: s3://images
    all: true
    state: evicted
"""

RETURN = r"""
object:
  description:
    - The object. In check mode, as it would be, as far as that can be known.
    - C(object.checksum) is null where the cluster keeps none.
  returned: when O(name) is one object, except for O(state=evicted) and O(state=cached), and for copies from a bucket
  type: dict
  sample:
    uri: ais://configs/site.yml
    bucket: ais://configs
    name: site.yml
    exists: true
    size: 12
    checksum: {type: xxhash2, value: 0bcbd1e4bbd6a1d3}
    custom: {owner: web}
objects:
  description:
    - Of many objects, how many were C(selected) (null for a whole bucket), how many are C(left) that are not as they should be,
      and up to 100 of the names that do not exist.
  returned: when several objects are meant
  type: dict
  sample: {bucket: 'ais://configs', selected: 100, left: 0, missing: [shard-0099.tar]}
dest:
  description: The file.
  returned: with O(state=fetched)
  type: str
  sample: /tmp/site.yml
steps:
  description:
    - What was done or, in check mode, would be. C(steps[].verb) is one of create, update, download, copy, rename, promote,
      set (custom metadata, or the attributes of a file), delete, evict, prefetch.
  returned: always
  type: list
  elements: dict
  sample:
    - verb: create
      target: ais://configs/site.yml
      detail: {size: 12}
jobs:
  description: The jobs that the task started. Their state is V(started) if the task did not wait for them.
  returned: always
  type: list
  elements: dict
  sample:
    - id: Jb4x4Dlkm
      kind: delete-listrange
      target: ais://configs/shard-{0000..0099}.tar
      state: finished
error:
  description: What a playbook can branch on after a failure.
  returned: failure
  type: dict
  sample: {type: Degraded}
"""

from ansible_collections.community.aistore.plugins.module_utils import _downloads
from ansible_collections.community.aistore.plugins.module_utils._module import converge
from ansible_collections.community.aistore.plugins.module_utils._resources.objects import make

SPEC = {
    "bucket": {"type": "str", "required": True},
    "name": {"type": "list", "elements": "str"},
    "template": {"type": "str"},
    "all": {"type": "bool", "default": False},
    "state": {"type": "str", "choices": ["present", "fetched", "absent", "evicted", "cached"], "default": "present"},
    "src": {"type": "path"},
    "content": {"type": "str"},
    "url": {"type": "str"},
    "copy_from": {"type": "str"},
    "rename_from": {"type": "str"},
    "promote_from": {"type": "str"},
    "recursive": {"type": "bool", "default": True},
    "custom": {"type": "dict"},
    "purge_custom": {"type": "bool", "default": False},
    "dest": {"type": "path"},
    "range": {"type": "str"},
    "force": {"type": "bool", "default": False},
    "allow_degraded": {"type": "bool", "default": False},
}


def main() -> None:
    """Run the module."""
    converge(
        SPEC,
        make,
        jobs=True,
        files=True,
        secrets=lambda params: _downloads.secrets([params["url"] or ""]),
    )


if __name__ == "__main__":
    main()
