# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookup ais_object on real clusters."""

from __future__ import annotations

import base64
import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.community.aistore.plugins.module_utils import _transfer
from ansible_collections.community.aistore.plugins.module_utils._address import parse_bucket
from objects import client, make_bucket
from playing import environment_of, play

LOOKUP = "community.aistore.ais_object"


def shown(*terms: str, how: str = "query", **options: Any) -> dict[str, Any]:
    told = "".join(f", {name}={value!r}" for name, value in options.items())
    arguments = ", ".join(map(repr, terms))
    return {"ansible.builtin.debug": {"msg": f"{{{{ {how}('{LOOKUP}', {arguments}{told}) }}}}"}, "ignore_errors": True}


def test_lookup(cluster: Any, bucket_name: Callable[..., str], tmp_path: Path) -> None:
    speaker = client(*cluster.endpoints)
    name = make_bucket(speaker, bucket_name("look"))
    bucket = parse_bucket(name)
    shard = io.BytesIO()
    with tarfile.open(fileobj=shard, mode="w") as tar:
        member = tarfile.TarInfo("inner/ß.txt")
        member.size = 4
        tar.addfile(member, io.BytesIO(b"file"))
    objects = {
        "text": "zürich\n".encode(),
        "yaml.yml": b"{{ 7 * 7 }}: [1, 2]",
        "bytes": bytes(range(256)),
        "empty": b"",
        "odd %41 #1?": b"odd",
        "shard.tar": shard.getvalue(),
    }
    for key, data in objects.items():
        _transfer.upload(speaker, bucket, key, _transfer.of_bytes(data))
    (victim,) = Path(cluster.directory).glob(f"target-*/mp*/@ais/{name}/%ob/bytes")
    cases = {
        "text": shown(f"ais://{name}/text", how="lookup"),
        "untrusted": shown(f"{name}/yaml.yml"),
        "several": shown(f"{name}/empty", f"ais://{name}/odd %41 #1?"),
        "base64": shown(f"{name}/bytes", encoding="base64"),
        "not text": shown(f"{name}/bytes"),
        "member": shown(f"{name}/shard.tar", archpath="inner/ß.txt"),
        "no member": shown(f"{name}/shard.tar", archpath="none", default="-"),
        "default": shown(f"{name}/none", f"{name}-none/x", default="-"),
        "none": shown(f"{name}/none"),
        "large": shown(f"{name}/bytes", encoding="base64", max_size="255B"),
        "not an address": shown("http://x/y"),
        "wrong option": shown(f"{name}/text", endpoint="http://127.0.0.1:1", retries=0),
    }
    tasks = [{"name": name, **task} for name, task in cases.items()]
    env = environment_of(cluster.endpoint)
    played = play(tasks, variables={"ansible_aistore_endpoint": cluster.endpoints[-1]}, env=env, ok=False)
    results = {each.task: each for each in played}
    expected = {
        "text": "zürich\n",
        "untrusted": ["{{ 7 * 7 }}: [1, 2]"],
        "several": ["", "odd"],
        "base64": [base64.b64encode(bytes(range(256))).decode()],
        "member": ["file"],
        "no member": ["-"],
        "default": ["-", "-"],
    }
    assert {name: results[name]["msg"] for name in expected} == expected
    failures = {
        "not text": "encoding='base64'",
        "none": "does not exist",
        "large": "larger than 255 bytes",
        "not an address": "unknown provider",
        "wrong option": "cannot connect",
    }
    for name, words in failures.items():
        assert results[name].failed, name
        assert words in results[name].msg, name
    # By the environment, too; and damage is noticed.
    victim.write_bytes(b"?" + bytes(range(1, 256)))
    env = {**env, "AIS_ENDPOINT": ",".join(cluster.endpoints)}
    damaged = play([{"name": "damaged", **shown(f"ais://{bucket.name}/bytes")}], env=env)
    assert "the cluster keeps" in damaged["damaged"].msg
