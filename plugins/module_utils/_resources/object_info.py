# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Which objects a bucket holds, and what they are like."""

from __future__ import annotations

import fnmatch
import itertools
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable

from ansible_collections.community.aistore.plugins.module_utils import _evidence, _listing
from ansible_collections.community.aistore.plugins.module_utils._address import Bucket, parse_bucket
from ansible_collections.community.aistore.plugins.module_utils._client import Client
from ansible_collections.community.aistore.plugins.module_utils._errors import OptionError
from ansible_collections.community.aistore.plugins.module_utils._listing import Entry
from ansible_collections.community.aistore.plugins.module_utils._resources import object as one
from ansible_collections.community.aistore.plugins.module_utils._resources.object_wish import check_name

#: Objects looked at at once.
PARALLEL = 8
_GLOB = re.compile(r"[*?\[]")
#: What a listing can hold besides the name: how the server calls it, and how it is shown.
PROPS: Mapping[str, Callable[[Entry], Any]] = {
    "size": lambda entry: entry.size,
    "checksum": lambda entry: entry.checksum or None,
    "version": lambda entry: entry.version or None,
    "atime": lambda entry: entry.atime or None,
    "cached": lambda entry: entry.cached,
    "copies": lambda entry: entry.copies,
    "custom": lambda entry: entry.custom or None,
    "location": lambda entry: entry.location or None,
    "status": lambda entry: entry.status,
}


def answer(params: Mapping[str, Any], client: Client) -> dict[str, Any]:
    """Return the result of ``ais_object_info`` for its options."""
    bucket = parse_bucket(params["bucket"], "bucket")
    ways = [way for way in ("name", "template", "match") if params.get(way) is not None]
    if len(ways) > 1:
        raise OptionError(f"{' and '.join(ways)}: objects are selected in one way")
    if params.get("limit") is not None and params["limit"] < 1:
        raise OptionError("limit: it must be at least 1")
    if params.get("name") is not None:
        return _named(params, client, bucket)
    return _listed(params, client, bucket)


def _named(params: Mapping[str, Any], client: Client, bucket: Bucket) -> dict[str, Any]:
    """Return what is known of the objects that are named, in their order."""
    names = params["name"]
    for name in names:
        check_name(name, "name", bucket)
    here_only = bool(params.get("cached"))
    with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
        found = list(pool.map(lambda name: one.head(client, bucket, name, presence=here_only), names))
    # Whether a cloud has what the cluster does not is not known, and not asked.
    unknown = here_only and bucket.remote
    absent = [name for name, each in zip(names, found) if not each.exists and not each.no_bucket]
    if absent and not unknown:
        claim = f"{bucket}/{absent[0]} was not found" + (f" (and {len(absent) - 1} more)" if absent[1:] else "")
        _evidence.prove(client, claim, bucket=bucket, allow_degraded=bool(params.get("allow_degraded")))
    shown = [_shown(bucket, name, each, unknown) for name, each in zip(names, found)]
    return {"objects": shown, **({"object": shown[0]} if len(shown) == 1 else {}), "truncated": False, "doubts": []}


def _shown(bucket: Bucket, name: str, found: one.Found, unknown: bool) -> dict[str, Any]:
    base = one.shown(bucket, name, found)
    if not found.exists:
        return {**base, "exists": None if unknown else False, "cached": False}
    return {
        **base,
        "cached": found.cached,
        "version": found.version or None,
        "atime": found.atime,
        "copies": found.copies,
        "location": found.location or None,
    }


def _listed(params: Mapping[str, Any], client: Client, bucket: Bucket) -> dict[str, Any]:
    """Return the objects that a prefix, template or glob selects, and why the listing may not be complete."""
    limit, page_size = params.get("limit"), params.get("page_size") or 0
    props = list(dict.fromkeys(params.get("props") or ()))
    entries = _selected(params, client, bucket, props, page_size or (limit + 1 if limit and limit < 1000 else 0))
    found = list(itertools.islice(entries, None if limit is None else limit + 1))
    truncated = limit is not None and len(found) > limit
    shown = [
        {"uri": f"{bucket}/{entry.name}", "name": entry.name, **{prop: PROPS[prop](entry) for prop in props}}
        for entry in found[:limit]
    ]
    doubts = () if params.get("allow_degraded") else _evidence.doubts(client, bucket)
    warnings = [f"the listing of {bucket} may lack objects: {'; '.join(doubts)}"] if doubts else []
    return {"objects": shown, "truncated": truncated, "doubts": list(doubts), "warnings": warnings}


def _selected(
    params: Mapping[str, Any], client: Client, bucket: Bucket, props: list[str], page_size: int
) -> Iterator[Entry]:
    prefix = str(params.get("prefix") or "")
    wanted: Callable[[str], object] = bool  # every name is something
    if params.get("template") is not None:
        names = frozenset(_listing.template_names(str(params["template"])))
        prefix, wanted, page_size = _narrower(prefix, _listing.common_prefix(names)), names.__contains__, 0
    elif params.get("match") is not None:
        glob = str(params["match"])
        pattern = re.compile(fnmatch.translate(glob))
        prefix, page_size = _narrower(prefix, _GLOB.split(glob)[0]), 0
        wanted = pattern.match
    flags = _listing.CACHED if params.get("cached") else 0
    for entry in _listing.entries(
        client, bucket, prefix=prefix, props=["name", *props], flags=flags, page_size=page_size
    ):
        if wanted(entry.name):
            yield entry


def _narrower(prefix: str, literal: str) -> str:
    """Return the longer of two prefixes that both have to hold; the caller still compares whole names with one of them."""
    return literal if literal.startswith(prefix) else prefix
