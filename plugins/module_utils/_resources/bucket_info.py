# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Which buckets there are, what they are like and what they hold; shown as ``ais_bucket`` shows them."""

from __future__ import annotations

import fnmatch
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable

from ansible_collections.community.aistore.plugins.module_utils import _errors
from ansible_collections.community.aistore.plugins.module_utils._address import (
    PROVIDERS,
    Bucket,
    from_json,
    parse_bucket,
)
from ansible_collections.community.aistore.plugins.module_utils._client import Client
from ansible_collections.community.aistore.plugins.module_utils._fields import suggest
from ansible_collections.community.aistore.plugins.module_utils._resources.bucket import Found, known, show

#: Summaries computed at once; each makes every target walk the bucket.
PARALLEL = 8
#: Seconds between two looks at a summary.
POLL_FIRST, POLL_LONGEST = 0.05, 2.0
_GLOB = frozenset("*?[")


def elsewhere(client: Client, provider: str) -> list[Bucket]:
    """Return the buckets that exist in the clouds and in attached clusters, known here or not."""
    asked: list[dict[str, Any]] = [{"provider": provider} if provider else {}]
    if provider in ("", "ais"):
        asked.append({"provider": "ais", "namespace": "@@"})
    found: list[Bucket] = []
    for query in asked:
        try:
            answer = client.get_json(
                "/v1/buckets", what="list remote buckets", query={"presence": 0, **query}, body={"action": "list"}
            )
        except _errors.BadRequest:
            # Without an attached cluster, the question for their buckets is an error.
            if "namespace" not in query or client.cluster("remote").get("a"):
                raise
            answer = []
        found += [from_json(entry) for entry in answer or ()]
    return found


def selected(
    buckets: Iterable[Bucket], names: Iterable[str], provider: str = "", namespace: str | None = None
) -> list[Bucket]:
    """Return the ``buckets`` that one of ``names`` (addresses or globs; none: all) and the filters fit, in order.

    A glob without ``://`` is for the bucket's own name, one with it for its whole address.
    """
    fits = [_fit(name) for name in names]
    return sorted(
        bucket
        for bucket in set(buckets)
        if (not fits or any(fit(bucket) for fit in fits))
        and provider in ("", bucket.provider)
        and namespace in (None, _space(bucket))
    )


def _fit(name: str) -> Callable[[Bucket], bool]:
    if not is_glob(name):
        wanted = parse_bucket(name)
        return lambda bucket: bucket == wanted
    scheme, found, rest = name.partition("://")
    if not found:
        return lambda bucket: fnmatch.fnmatchcase(bucket.name, name)
    # One cloud has several schemes; an address is written with the usual one.
    usual = str(Bucket("x", PROVIDERS.get(scheme.lower(), scheme))).partition("://")[0]
    return lambda bucket: fnmatch.fnmatchcase(str(bucket), f"{usual}://{rest}")


def is_glob(name: str) -> bool:
    """Tell whether ``name`` stands for any number of buckets."""
    return not _GLOB.isdisjoint(name)


def _space(bucket: Bucket) -> str:
    return (f"@{bucket.uuid}" if bucket.uuid else "") + (f"#{bucket.namespace}" if bucket.namespace else "")


def summary(client: Client, bucket: Bucket, *, sleep: Callable[[float], None] = time.sleep) -> dict[str, Any]:
    """Return what ``bucket`` holds: objects and bytes here and (of remote buckets, as far as asked) elsewhere."""
    value: dict[str, Any] = {"cached": True, "present": True, "dont_add_remote": True}
    pause, what = POLL_FIRST, f"summarize {bucket}"
    while True:
        answer = client.request(
            "GET", bucket.path, what=what, query=bucket.query(), body={"action": "summary-bck", "value": value}
        )
        if answer.status == 200:
            break
        if answer.status == 202 and not value.get("uuid"):
            value["uuid"] = answer.text
        sleep(pause)
        pause = min(pause * 1.5, POLL_LONGEST)
    found: dict[str, Any] = next(iter(answer.json() or ()), {})
    count, size, total = (found.get(part) or {} for part in ("ObjCount", "ObjSize", "TotalSize"))
    return {
        "objects": int(count.get("obj_count_present") or 0),
        "bytes": int(total.get("size_all_present_objs") or 0),
        "bytes_on_disk": int(total.get("size_on_disk") or 0),
        "smallest": int(size.get("obj_min_size") or 0),
        "average": int(size.get("obj_avg_size") or 0),
        "largest": int(size.get("obj_max_size") or 0),
        "used_percent": int(found.get("used_pct") or 0),
    }


def answer(params: Mapping[str, Any], client: Client) -> dict[str, Any]:
    """Return the result keys of an ``ais_bucket_info`` task."""
    uuids = _uuids(client, [*(params["name"] or ()), params["namespace"] or ""])
    names = [_resolved(name, uuids) for name in params["name"] or ()]
    namespace = params["namespace"] if params["namespace"] is None else _resolved(params["namespace"], uuids)
    provider = _provider(params["provider"])
    exact = [parse_bucket(name) for name in names if not is_glob(name)]
    buckets = known(client)
    if params["remote"]:
        remote = (bucket._replace(uuid=uuids.get(bucket.uuid, bucket.uuid)) for bucket in elsewhere(client, provider))
        buckets.update({bucket: Found(known=False) for bucket in remote if bucket not in buckets})
    chosen = selected(buckets, names, provider, namespace)
    shown = {bucket: show(bucket, buckets[bucket]) for bucket in chosen}
    if not params["props"]:
        for item in shown.values():
            item.pop("props", None)
    if params["summary"]:
        present = [bucket for bucket in chosen if buckets[bucket].known]
        with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
            for bucket, told in zip(present, pool.map(lambda bucket: summary(client, bucket), present)):
                shown[bucket]["summary"] = told
    for bucket in exact:
        shown.setdefault(bucket, show(bucket, Found()))
    single = len(names) == 1 and len(exact) == 1
    return {"buckets": list(shown.values()), **({"bucket": shown[exact[0]]} if single else {})}


def _provider(name: str | None) -> str:
    if not name:
        return ""
    found = PROVIDERS.get(name.lower().removesuffix("://"))
    if found is None:
        raise _errors.OptionError(f"provider: unknown provider {name!r}{suggest(name, PROVIDERS)}")
    return found


def _uuids(client: Client, texts: Iterable[str]) -> dict[str, str]:
    """Return alias -> uuid of the attached clusters, if one of ``texts`` names a cluster."""
    if not any("@" in text for text in texts):
        return {}
    return {str(remote.get("alias")): str(remote.get("uuid")) for remote in client.cluster("remote").get("a") or ()}


def _resolved(text: str, uuids: Mapping[str, str]) -> str:
    """Return an address or namespace with the uuid for the alias of a cluster: metadata has no aliases."""
    before, found, rest = text.partition("@")
    if not found:
        return text
    end = next((place for place, letter in enumerate(rest) if letter in "#/"), len(rest))
    return f"{before}@{uuids.get(rest[:end], rest[:end])}{rest[end:]}"
