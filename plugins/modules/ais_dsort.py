#!/usr/bin/python
# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ais_dsort
short_description: Sort and reshard archives of an AIStore cluster
version_added: 0.1.0
description:
  - Makes sure that the records of the input shards are in output shards, in an order and of a size that you choose. The
    cluster does the work, all targets at once; AIStore calls it dsort.
  - A shard is an archive, a record the files in it that have a name in common up to the extension.
  - The sort has a O(name). When one of this name and with this spec has finished well, and all its output shards are there, nothing
    is done. Such a sort that is running is joined. What else is in the input by now does not matter then, nor whether the
    input is still there. Options that change only how fast a sort is are no part of the spec.
  - When one of this name but of another spec has finished, the shards are sorted again, over the earlier output.
  - Objects with the names of output shards that no sort of this name has made are not overwritten without O(force).
author:
  - community.aistore contributors (@community-aistore)
extends_documentation_fragment:
  - community.aistore.connection
  - community.aistore.connection.wait
  - community.aistore.attributes
notes:
  - It needs servers that were built with the build tag C(dsort); the task fails with that reason if they were not.
  - The cluster remembers a sort for a day or two. A task that finds it finished meanwhile leaves a mark for later in the custom metadata of
    the first output shard; in a bucket of a cloud, only the cluster's own copy has it.
  - Without that mark, an existing output needs O(force) to be sorted again. This is so a day after a sort that was started with O(wait=false)
    and that no task has asked for since, and when the first output shard was replaced or evicted.
attributes:
  idempotent:
    support: partial
    details: With O(force), the shards are sorted in any case, unless such a sort is running.
options:
  name:
    description:
      - What this sort is called. The job's description begins with it.
      - Letters, digits, dots, hyphens and underscores.
    type: str
    required: true
  state:
    description:
      - V(present) makes sure that the shards are sorted.
      - V(stopped) aborts a sort of this O(name) that is running. Output shards that it has made stay.
      - V(absent) removes what the cluster remembers of the sorts of this O(name). Their output stays, and still counts as sorted. The
        cluster can remove a sort only when all its targets are through with it, for which the task waits.
      - O(input) and O(output) are not looked at with V(stopped) and V(absent).
    type: str
    choices: [present, stopped, absent]
    default: present
  input:
    description:
      - The shards to sort. There has to be at least one; a sort of none is refused.
      - Of a bucket of a cloud or of another cluster, only what is cached takes part.
    type: dict
    suboptions:
      bucket:
        description: Their bucket.
        type: str
        required: true
      template:
        description:
          - Their names, as in V(shard-{0000..0999}.tar) or, without the extension, V(shard-{0000..0999}).
          - Shards that are not there are left out, if O(missing_shards) or the cluster's configuration does not say otherwise.
        type: str
      names:
        description:
          - Their names, one by one. All have to be there, unless O(missing_shards) says V(ignore) or V(warn).
        type: list
        elements: str
      extension:
        description: Their extension. By default that of the names, or V(.tar) if they have none.
        type: str
        choices: [.tar, .tgz, .tar.gz, .zip, .tar.lz4]
  output:
    description: The shards to make.
    type: dict
    suboptions:
      bucket:
        description:
          - Their bucket. By default that of the input, where no output shard may be called as an input shard.
          - An V(ais://) bucket that does not exist is made, with the properties of the input's bucket, if that is one too. Any other bucket
            has to be there.
        type: str
      template:
        description:
          - Their names, as in V(sorted-{00000..99999}), used in this order. The sort fails when there are too few.
          - Required, unless there is an O(ekm_file).
        type: str
      extension:
        description: Their extension, and so their format. By default that of the names, or that of the input.
        type: str
        choices: [.tar, .tgz, .tar.gz, .zip, .tar.lz4]
      shard_size:
        description:
          - How much a shard holds (for example V(1GiB)). A shard ends with the record that reaches this size, not counting headers.
          - By default so much that all the names of O(output.template) are used. Required with an O(ekm_file).
        type: str
  algorithm:
    description: The order of the records.
    type: dict
    suboptions:
      kind:
        description:
          - V(alphanumeric) by name, V(md5) by the MD5 of the name, V(content) by a key that a file of the record has.
          - V(shuffle) in random order, V(none) as they come, which is enough to change the size or the format of shards.
        type: str
        choices: [alphanumeric, none, md5, shuffle, content]
        default: alphanumeric
      decreasing:
        description: Turn the order round.
        type: bool
        default: false
      seed:
        description: >-
          For V(shuffle), the number that the random order is drawn with. A cluster of several targets does not give the same order twice all
          the same, since the targets' records come together in another order each time.
        type: int
      extension:
        description: For V(content), the extension of the file with the key, for example V(.cls).
        type: str
      content_key_type:
        description: For V(content), what the key is. By default V(string).
        type: str
        choices: [string, int, float]
  ekm_file:
    description:
      - The address (HTTP) of an order file, or external key map, which says for each record the template of the shards that it belongs in.
        The targets fetch it. AIStore 5.0 fetches nothing from private addresses.
      - It needs O(output.shard_size), another bucket for the output than for the input, and no O(output.template). All that is in
        the output bucket is taken for output of the sort then.
    type: str
  ekm_file_sep:
    description: What is between record and template in a line of O(ekm_file). By default a tab.
    type: str
  missing_shards:
    description: What to do about an input shard that is not there. By default what the cluster's configuration says.
    type: str
    choices: [ignore, warn, abort]
  duplicated_records:
    description: What to do about records of the same name. By default what the cluster's configuration says.
    type: str
    choices: [ignore, warn, abort]
  ekm_malformed_line:
    description: What to do about a line of O(ekm_file) that cannot be read. By default what the cluster's configuration says.
    type: str
    choices: [ignore, warn, abort]
  ekm_missing_key:
    description: What to do about a record that O(ekm_file) does not have. By default what the cluster's configuration says.
    type: str
    choices: [ignore, warn, abort]
  max_mem_usage:
    description: >-
      How much memory a target may have used before records are kept on disk, as V(60%) or V(8GiB). By default what the cluster's
      configuration says.
    type: str
  extract_concurrency_max_limit:
    description: How many shards each disk of a target extracts at once, at most. By default the targets find out.
    type: int
  create_concurrency_max_limit:
    description: How many shards each disk of a target makes at once, at most. By default the targets find out.
    type: int
  dsorter_type:
    description: V(dsort_general) suits most clusters; V(dsort_mem) those whose memory takes all of the input.
    type: str
    choices: [dsort_general, dsort_mem]
    default: dsort_general
  force:
    description:
      - With O(state=present), sort again what is sorted, and overwrite what no sort of this O(name) made.
      - With O(state=absent), abort what is running.
    type: bool
    default: false
  allow_degraded:
    description:
      - Sort what can be seen, although the cluster cannot prove just now that this is all. A target does not answer or is in
        maintenance with its objects, or a rebalance is running or was interrupted.
      - Without it such a task fails and changes nothing.
    type: bool
    default: false
seealso:
  - module: community.aistore.ais_job
  - module: community.aistore.ais_object
"""

EXAMPLES = r"""
- name: Sort the samples by name, into shards of 1 GiB
  community.aistore.ais_dsort:
    name: imagenet
    input:
      bucket: ais://raw
      template: shard-{0000..9999}.tar
    output:
      bucket: ais://training
      template: imagenet-{00000..99999}
      shard_size: 1GiB
    wait_timeout: 36000

- name: Shuffle them
  community.aistore.ais_dsort:
    name: imagenet-shuffled
    input:
      bucket: ais://training
      template: imagenet-{00000..99999}
    output:
      template: shuffled-{00000..99999}
      shard_size: 1GiB
    algorithm:
      kind: shuffle
    wait_timeout: 36000

- name: Two shards as one compressed one, begun and not waited for
  community.aistore.ais_dsort:
    name: repack
    input:
      bucket: ais://raw
      names: [shard-0000.tar, shard-0001.tar]
    output:
      bucket: ais://repacked
      template: pack-{0..99}
      extension: .tgz
      shard_size: 10GiB
    algorithm:
      kind: none
    wait: false

- name: Stop it, if it is still running
  community.aistore.ais_dsort:
    name: repack
    state: stopped

- name: Let the cluster forget it
  community.aistore.ais_dsort:
    name: repack
    state: absent
"""

RETURN = r"""
changed:
  description: Whether a sort was started, stopped or removed (in check mode, would be).
  returned: always
  type: bool
  sample: true
steps:
  description: What was done, or would be. C(shards) is how many input shards are there, C(creates) a bucket that is made for the output.
  returned: always
  type: list
  elements: dict
  sample:
    - verb: sort
      target: imagenet
      detail:
        input: ais://raw/shard-{0000..9999}.tar
        output: ais://training/imagenet-{00000..99999}
        algorithm: alphanumeric
        shards: 1281
        creates: ais://training
jobs:
  description: The job that the task started or stopped.
  returned: always
  type: list
  elements: dict
  sample: [{id: srt-Bw3C_8Uig, kind: dsort, target: imagenet, state: finished, objects: 147, bytes: 157286400000}]
sort:
  description:
    - The latest sort of this name. Its C(state) is V(none), V(running), V(finished), V(aborted) or V(failed).
    - Its C(id) is empty when the sort is yet to start, or when the cluster has forgotten it and only its output tells of it.
    - What is counted is null as long as it is not known; C(bytes) are those of the records. C(sort.targets) has the part of each target.
    - C(warnings) and C(errors) are those of the targets.
  returned: always
  type: dict
  sample:
    name: imagenet
    id: srt-Bw3C_8Uig
    state: finished
    input_bucket: ais://raw
    output_bucket: ais://training
    started: "2026-11-26T18:19:56.161894616Z"
    finished: "2026-11-26T18:21:12.191997445Z"
    input_shards: 1281
    records: 1281167
    bytes: 157286400000
    output_shards: 147
    warnings: []
    errors: []
    targets:
      target-01: {input_shards: 1281, records: 1281167, bytes: 157286400000, output_shards: 147, errors: []}
diff:
  description: The latest sort before and after, and whether the output's bucket is there if that changes; the state of those that are stopped or removed.
  returned: with C(--diff)
  type: dict
  sample: {before: {imagenet: {latest: none}}, after: {imagenet: {latest: "a new one, finished"}}}
"""

from ansible_collections.community.aistore.plugins.module_utils._module import converge
from ansible_collections.community.aistore.plugins.module_utils._resources.dsort import DsortResource
from ansible_collections.community.aistore.plugins.module_utils._resources.dsort_spec import (
    CONTENT_KEYS,
    DSORTERS,
    EXTENSIONS,
    REACT,
    REACTIONS,
    TAKES,
)

_EXTENSION = {"type": "str", "choices": list(EXTENSIONS)}

SPEC = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "stopped", "absent"], "default": "present"},
    "input": {
        "type": "dict",
        "options": {
            "bucket": {"type": "str", "required": True},
            "template": {"type": "str"},
            "names": {"type": "list", "elements": "str"},
            "extension": _EXTENSION,
        },
        "mutually_exclusive": [("template", "names")],
        "required_one_of": [("template", "names")],
    },
    "output": {
        "type": "dict",
        "options": {
            "bucket": {"type": "str"},
            "template": {"type": "str"},
            "extension": _EXTENSION,
            "shard_size": {"type": "str"},
        },
    },
    "algorithm": {
        "type": "dict",
        "options": {
            "kind": {"type": "str", "choices": list(TAKES), "default": "alphanumeric"},
            "decreasing": {"type": "bool", "default": False},
            "seed": {"type": "int"},
            "extension": {"type": "str"},
            "content_key_type": {"type": "str", "choices": list(CONTENT_KEYS), "no_log": False},
        },
    },
    "ekm_file": {"type": "str"},
    "ekm_file_sep": {"type": "str"},
    **{name: {"type": "str", "choices": list(REACT), "no_log": False} for name in REACTIONS},
    "max_mem_usage": {"type": "str"},
    "extract_concurrency_max_limit": {"type": "int"},
    "create_concurrency_max_limit": {"type": "int"},
    "dsorter_type": {"type": "str", "choices": list(DSORTERS), "default": DSORTERS[0]},
    "force": {"type": "bool", "default": False},
    "allow_degraded": {"type": "bool", "default": False},
}


def main() -> None:
    """Run the module."""
    converge(SPEC, DsortResource, jobs=True, required_if=[("state", "present", ("input", "output"))])


if __name__ == "__main__":
    main()
