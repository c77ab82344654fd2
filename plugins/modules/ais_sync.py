#!/usr/bin/python
# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ais_sync
short_description: Synchronize a directory and a bucket of an AIStore cluster
version_added: 0.1.0
description:
  - Makes a bucket, or the part of it below a prefix, hold what a directory of the host holds; or the other way round.
  - Only what differs is copied, several files at once. To find out, the bucket is listed once; there is no request for what is
    equal already.
  - What is equal is decided by size and by the checksum that the cluster keeps of each object, see the notes.
  - Everything is verified on its way. A file is written beside its destination and moved into place when it is complete, an object
    is stored by the cluster when it is complete; whatever happens, there is no half of it under its name.
author:
  - community.aistore contributors (@community-aistore)
options:
  src:
    description:
      - What to copy from. Either a directory of the host, or the address of a bucket and a prefix, for example
        V(ais://bucket/prefix/).
      - What is inside of it is copied, with or without a final C(/).
      - A prefix is a path, with or without a final C(/), so that V(ais://bucket/conf) never means objects below C(conf2/).
    type: str
    required: true
  dest:
    description:
      - What to copy to. An address if O(src) is a directory, a directory if O(src) is an address.
      - A directory is made if it is missing, a bucket is not.
    type: str
    required: true
  delete:
    description:
      - Also delete what O(dest) holds and O(src) does not, but nothing that O(exclude) or O(include) leave out, and no links.
      - Directories that this leaves empty are removed.
      - Nothing is deleted if O(src) holds nothing at all (see O(allow_empty)), if a part of the directory cannot be read, or if
        the cluster's listing may not be complete (see O(allow_degraded)); the task fails then, after having copied what it could.
    type: bool
    default: false
  include:
    description:
      - Globs of what takes part; if there are none, everything does.
      - V(*) and V(?) stop at C(/), V(**) does not. A glob without C(/) is for files and directories of that name at any depth,
        one with C(/) for the whole path inside O(src) or O(dest); a final C(/) makes it one for directories only.
        What is inside a directory that matches takes part too.
    type: list
    elements: str
    default: []
  exclude:
    description:
      - Globs, as in O(include), of what does not take part, whatever O(include) says. It is neither copied nor deleted.
    type: list
    elements: str
    default: []
  follow:
    description:
      - Copy what links in the directory O(src) lead to, also outside of it. If V(false), links are left out.
      - Links in a directory O(dest) are never followed. One that has the name of an object is replaced by the file; objects whose
        directory is a link there are refused.
    type: bool
    default: false
  allow_empty:
    description: With O(delete), delete everything in O(dest) if O(src) holds nothing.
    type: bool
    default: false
  allow_degraded:
    description:
      - Take the listing of the bucket as it is, also while it may lack objects.
      - An AIStore cluster leaves out the objects of a target that is missing and of an interrupted rebalance without a word. If
        V(false), the task asks the nodes whether that can be the case, when the answer matters; then it deletes nothing, uploads
        no object that seems to be missing, and fails after having done the rest.
    type: bool
    default: false
extends_documentation_fragment:
  - community.aistore.connection
  - community.aistore.connection.wait
  - community.aistore.attributes
notes:
  - Checksums are computed as the bucket's own (property C(checksum.type)). The default kind, C(xxhash2), is fast with the Python package
    C(xxhash) on the host. Without it, files of up to 16 MiB are hashed in Python, at about 10 MB/s.
  - For larger ones, and for buckets that keep no checksums (C(none)), uploads leave a SHA-256 in the custom metadata of each object, under the
    key C(ais_sync), together with the version that it is about. Later runs compare by that. An object without it is uploaded once more,
    and downloaded unless the file is newer than the last access to the object.
  - Objects of a cloud bucket whose checksum is not known (for example from a multi-part upload) are compared by size and by time; what was
    written after the other side changed counts as equal.
  - Modes, owners and times of files are not kept. A new file gets the mode that C(umask) leaves, a changed one keeps mode and owner.
  - Names that an object or a file cannot have are refused one by one, with the reason in RV(sync.refused); everything else
    is copied, and then the task fails. For a download, these are names that lead out of the directory, absolute names, and names
    with empty parts or parts of more than 255 bytes; for an upload, names with control characters or that are not UTF-8. In buckets
    of another cluster, names with C(%), C(#), C(?) or a tab are refused both ways; use an endpoint of that cluster itself.
  - For one file or object use M(community.aistore.ais_object).
seealso:
  - module: community.aistore.ais_object
  - module: community.aistore.ais_bucket
requirements:
  - xxhash (optional, on the host that runs the module)
"""

EXAMPLES = r"""
- name: Upload a directory, and delete what it does not hold any more
  community.aistore.ais_sync:
    src: site/
    dest: ais://www/site/
    delete: true

- name: Without sources and hidden files
  community.aistore.ais_sync:
    src: site/
    dest: ais://www/public/
    exclude: ["*.scss", ".*", drafts/]

- name: Only pictures below img, wherever they are
  community.aistore.ais_sync:
    src: site/
    dest: ais://www/pictures/
    include: ["img/**/*.png", "img/**/*.svg"]

- name: Fetch configuration files of a prefix into a directory
  community.aistore.ais_sync:
    src: ais://www/site/
    dest: restored/site
    delete: true
"""

RETURN = r"""
sync:
  description: What O(dest) holds in the end of what takes part, and what was done. In check mode, what would be.
  returned: when both sides could be read
  type: dict
  sample:
    src: /srv/site/
    dest: ais://www/site/
    files: 120
    bytes: 4815162
    created: 3
    updated: 1
    deleted: 2
    unchanged: 116
    refused: {}
    skipped: {}
  contains:
    src:
      description: The source, a directory as an absolute path.
      type: str
    dest:
      description: The destination, in the same way.
      type: str
    files:
      description: How many files or objects O(dest) holds that O(src) holds too.
      type: int
    bytes:
      description: Their size.
      type: int
    created:
      description: How many of them are new.
      type: int
    updated:
      description: How many had another content.
      type: int
    deleted:
      description: How many were deleted.
      type: int
    unchanged:
      description: How many were there already.
      type: int
    refused:
      description: Names that cannot be copied, and why; the first 300.
      type: dict
    skipped:
      description: Links and other things in the directory that are no files, and why they were left out; the first 300.
      type: dict
steps:
  description:
    - What was done or, in check mode, would be. Each step tells how many files, how many bytes and the first 300 names; C(more) is the number of
      the others.
  returned: when both sides could be read
  type: list
  elements: dict
  sample:
    - verb: create
      target: ais://www/site/
      detail: {files: 2, bytes: 512, names: [css/main.css, index.html]}
    - verb: delete
      target: ais://www/site/
      detail: {files: 1, bytes: 100, names: [old.html]}
jobs:
  description: The jobs that deleted objects.
  returned: when both sides could be read
  type: list
  elements: dict
  sample:
    - {id: BdzhD9lYmb, kind: delete-listrange, target: ais://www, state: finished}
"""

from ansible_collections.community.aistore.plugins.module_utils._module import converge
from ansible_collections.community.aistore.plugins.module_utils._resources.sync import SPEC, Sync


def main() -> None:
    converge(SPEC, Sync, jobs=True)


if __name__ == "__main__":
    main()
