# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The smallest set of permissions for each module, as the security guide has it: enough, and not one too many."""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
import json
import re
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.community.aistore.plugins.module_utils._resources.authn_role import RIGHTS
from conftest import running_cluster
from tokens import forged
from web import serving

GUIDE = Path(__file__).parents[2] / "docs/docsite/rst/guide_security.rst"
ROW = re.compile(r"^   \* - (ais_\w+)\n     - (.+)\n     - (.+)$", re.M)
ONLY_49 = "; with AIStore 4.9 also "
#: What each row needs, and what the older version needs beyond that.
DOCUMENTED = {
    (module, deed): [part.split(", ") if part else [] for part in told.partition(ONLY_49)[::2]]
    for module, deed, told in ROW.findall(GUIDE.read_text())
}

pytestmark = pytest.mark.slow


class Bench:
    """A cluster that wants tokens, and every deed of the guide on it, with what it needs before."""

    def __init__(self, box: Any, scratch: Path, web: Any) -> None:
        self.box, self.scratch, self.web = box, scratch, web
        web.content["/o"] = b"x"
        self.source = scratch / "source"
        self.source.mkdir()
        (self.source / "a").write_text("hello")
        (scratch / "mp").mkdir()

    def run(self, module: str, args: dict[str, Any], *, admin: bool = False, bits: int = 0) -> dict[str, Any]:
        """Run a module in this process with a token of its own and return its result."""
        acl = [{"id": self.box.info()["uuid"], "perm": str(bits)}]
        token = forged(self.box, sub="who", admin=admin, clusters=acl, exp=int(time.time()) + 3600)
        found = importlib.import_module(f"ansible_collections.community.aistore.plugins.modules.{module}")
        given = {"endpoint": self.box.endpoint, "token": token, "retries": 1, **args}
        with contextlib.redirect_stdout(io.StringIO()) as printed, patch_module_args(given), pytest.raises(SystemExit):
            found.main()
        return json.loads(printed.getvalue())

    def admin(self, module: str, **args: Any) -> None:
        found = self.run(module, args, admin=True)
        assert not found.get("failed"), found["msg"]

    def bucket(self, *objects: str, **props: Any) -> None:
        """A new bucket ``b`` with these objects, and no other."""
        self.admin("ais_bucket", name=["b", "n"], state="absent", force=True)
        self.admin("ais_bucket", name="b", props=props)
        for name in objects:
            self.admin("ais_object", bucket="b", name=name, content="x")

    def no_files(self) -> None:
        for path in self.scratch.glob("got*"):
            if path.is_dir():
                for each in path.iterdir():
                    each.unlink()
            else:
                path.unlink()

    def deeds(self) -> dict[tuple[str, str], tuple[Callable[[], Any], dict[str, Any]]]:
        """What each row of the guide is: what to do before, and the options."""
        b, o, src, got = {"name": "b"}, {"bucket": "b", "name": "o"}, f"{self.source}/", str(self.scratch / "got")
        new, one = self.bucket, functools.partial(self.bucket, "o")
        mountpath = {"node": "target-01", "path": str(self.scratch / "mp")}
        primary = {"primary": "proxy-02"}
        shards = {
            "input": {"bucket": "b", "names": ["shard.tar"]},
            "output": {"template": "new-{0..9}", "shard_size": "1MiB"},
        }
        sort = {"name": "s", **shards}
        return {
            ("ais_bucket", "look at one bucket"): (new, b),
            ("ais_bucket", "look at several buckets"): (lambda: (new(), self.admin("ais_bucket", name="n")), {"name": ["b", "n"]}),
            ("ais_bucket", "create a bucket"): (new, {"name": "n"}),
            ("ais_bucket", "change properties"): (new, {**b, "props": {"versioning": {"enabled": False}}}),
            ("ais_bucket", "change mirror or erasure coding"): (new, {**b, "props": {"mirror": {"enabled": True, "copies": 2}}}),
            ("ais_bucket", "change who may access it"): (new, {**b, "props": {"access": ["rw", "PATCH", "SET-BUCKET-ACL", "DESTROY-BUCKET"]}}),
            ("ais_bucket", "rename a bucket"): (new, {"name": "n", "rename_from": "b"}),
            ("ais_bucket", "copy a bucket"): (one, {"name": "n", "copy_from": "b"}),
            ("ais_bucket", "destroy an empty bucket"): (new, {**b, "state": "absent"}),
            ("ais_bucket", "destroy a bucket with force"): (one, {**b, "state": "absent", "force": True}),
            ("ais_bucket_info", "list buckets"): (new, {}),
            ("ais_bucket_info", "sum up what they hold"): (one, {**b, "summary": True}),
            ("ais_object", "put an object"): (new, {**o, "content": "y"}),
            ("ais_object", "fetch an object"): (lambda: (one(), self.no_files()), {**o, "state": "fetched", "dest": got}),
            ("ais_object", "copy an object"): (one, {"bucket": "b", "name": "q", "copy_from": "ais://b/o"}),
            ("ais_object", "copy a list of objects"): (
                lambda: (one(), self.admin("ais_bucket", name="n")),
                {"bucket": "n", "name": ["o"], "copy_from": "ais://b"},
            ),
            ("ais_object", "copy all objects"): (
                lambda: (one(), self.admin("ais_bucket", name="n")),
                {"bucket": "n", "all": True, "copy_from": "ais://b"},
            ),
            ("ais_object", "delete an object"): (one, {**o, "state": "absent"}),
            ("ais_object", "delete a list of objects"): (one, {"bucket": "b", "name": ["o", "p"], "state": "absent"}),
            ("ais_object", "delete all objects"): (one, {"bucket": "b", "all": True, "state": "absent"}),
            ("ais_object_info", "look at one object"): (one, o),
            ("ais_object_info", "list objects"): (one, {"bucket": "b"}),
            ("ais_sync", "upload a directory"): (new, {"src": src, "dest": "ais://b/"}),
            ("ais_sync", "upload and delete the rest"): (one, {"src": src, "dest": "ais://b/", "delete": True}),
            ("ais_sync", "download a prefix"): (lambda: (one(), self.no_files()), {"src": "ais://b/", "dest": f"{got}-all/"}),
            ("ais_download", "download objects"): (new, {"bucket": "b", "links": [f"{self.web.url}/o"]}),
            ("ais_mountpath", "look"): (lambda: self.admin("ais_mountpath", **mountpath), mountpath),
            ("ais_mountpath", "change"): (lambda: self.admin("ais_mountpath", **mountpath, state="absent"), mountpath),
            ("ais_target", "look"): (lambda: None, {"node": "target-02", "state": "active"}),
            ("ais_target", "change"): (
                lambda: self.admin("ais_target", node="proxy-03", state="active"),
                {"node": "proxy-03", "state": "maintenance"},
            ),
            ("ais_cluster", "look"): (lambda: self.admin("ais_cluster", **primary), primary),
            ("ais_cluster", "change the primary"): (lambda: self.admin("ais_cluster", primary="proxy-01"), primary),
            ("ais_cluster_config", "look"): (lambda: self._level("3"), {"config": {"log": {"level": "3"}}}),
            ("ais_cluster_config", "change"): (lambda: self._level("3"), {"config": {"log": {"level": "4"}}}),
            ("ais_job", "look"): (lambda: None, {"kind": "rebalance", "state": "stopped"}),
            ("ais_job", "start a job"): (lambda: None, {"kind": "lru", "max_age": "0s"}),
            ("ais_dsort", "find shards sorted"): (lambda: (self._shard(), self.admin("ais_dsort", **sort)), sort),
            ("ais_dsort", "sort shards"): (self._shard, {**sort, "force": True}),
            ("ais_dsort", "stop or remove a sort"): (
                lambda: (self._shard(), self.admin("ais_dsort", **sort, force=True)),
                {"name": "s", "state": "absent"},
            ),
            ("ais_info", "the default"): (lambda: None, {}),
            ("ais_info", "everything"): (lambda: None, {"gather_subset": "all"}),
        }  # fmt: skip

    def _shard(self) -> None:
        """A new bucket ``b`` with a shard of one record."""
        self.bucket()
        with tarfile.open(self.scratch / "shard.tar", "w") as tar:
            tar.add(self.source / "a", "a.txt")
        self.admin("ais_object", bucket="b", name="shard.tar", src=str(self.scratch / "shard.tar"))

    def _level(self, level: str) -> None:
        self.admin("ais_cluster_config", config={"log": {"level": level}})


@pytest.fixture(scope="module")
def bench(ais_version: str, tmp_path_factory: Any) -> Iterator[Bench]:
    with running_cluster(version=ais_version, proxies=3, targets=2, authn=True) as box, serving(box) as web:
        yield Bench(box, tmp_path_factory.mktemp("permissions"), web)


def trouble(result: dict[str, Any]) -> str:
    """What went wrong, of a module that fails or of one that gathers what it may."""
    told = result["msg"] if result.get("failed") else "; ".join(each["error"] for each in result.get("errors") or ())
    return str(told)


@pytest.mark.parametrize(("module", "deed"), DOCUMENTED, ids=lambda part: part.replace(" ", "-"))
def test_the_documented_permissions_are_enough_and_needed(module: str, deed: str, bench: Bench) -> None:
    before, args = bench.deeds()[module, deed]
    needed, older = DOCUMENTED[module, deed]
    needed = needed + (older if bench.box.spec.version == "4.9" else [])
    before()
    found = bench.run(module, args, bits=RIGHTS.read(needed))
    assert not trouble(found)
    for missing in needed:
        before()
        found = bench.run(module, args, bits=RIGHTS.read([each for each in needed if each != missing]))
        told = trouble(found)
        refused = "HTTP 403" in told and "insufficient permissions" in told and "grants this permission" in told
        assert refused or f"it needs the permission {missing}" in told, f"without {missing}: {told or 'all went well'}"


def test_the_guide_and_the_deeds_are_about_the_same(bench: Bench) -> None:
    assert set(DOCUMENTED) == set(bench.deeds())
    plugins = Path(__file__).parents[2] / "plugins/modules"
    modules = {path.stem for path in plugins.glob("ais_*.py") if not path.stem.startswith("ais_authn")}
    assert {module for module, _deed in DOCUMENTED} == modules
