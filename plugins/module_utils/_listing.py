# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Listing what is in a bucket, page by page.

Whether a listing is complete is another question: see :mod:`_evidence`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ansible_collections.community.aistore.plugins.module_utils._address import Bucket, unreachable
from ansible_collections.community.aistore.plugins.module_utils._client import Client
from ansible_collections.community.aistore.plugins.module_utils._errors import AisError, OptionError

#: Properties of an object that a listing can hold. The server ignores names that it does not know.
PROPS = (
    "name",
    "size",
    "version",
    "checksum",
    "atime",
    "cached",
    "status",
    "copies",
    "ec",
    "custom",
    "location",
)
#: Flags of a listing: only what is in the cluster, only what is not, names alone.
CACHED, NOT_CACHED, NAMES = 1, 512, 16
#: A time format (Go's layout) of a listing that keeps nanoseconds, in UTC.
NANOSECONDS = "2006-01-02T15:04:05.999999999Z07:00"
#: Flags of an entry.
IS_CACHED, IS_DIRECTORY, _STATUS = 64, 256, 31

_RANGE = re.compile(r"\{(\d+)\.\.(\d+)(?:\.\.(\d+))?\}")
#: The most names that a template may stand for here; the server has no limit, but they are compared by name.
MOST_NAMES = 1_000_000


class Entry(NamedTuple):
    """An object of a listing. What was not asked for, or is not known, is 0 or ``""``."""

    name: str
    size: int = 0
    checksum: str = ""
    version: str = ""
    atime: str = ""
    copies: int = 0
    custom: str = ""
    location: str = ""
    flags: int = 0

    @property
    def cached(self) -> bool:
        """The cluster has it, so that nothing has to be fetched from a cloud."""
        return bool(self.flags & IS_CACHED)

    @property
    def status(self) -> int:
        """0 for an object as it should be."""
        return self.flags & _STATUS


def entries(
    client: Client,
    bucket: Bucket,
    *,
    prefix: str = "",
    props: Iterable[str] = ("name", "size"),
    flags: int = 0,
    page_size: int = 0,
    missing_ok: bool = False,
    time_format: str = "",
) -> Iterator[Entry]:
    """Yield the objects whose names begin with ``prefix``, in the order of the server (by name).

    One request for each page (10,000 objects of an ais bucket, 1,000 of most clouds, or ``page_size``). A bucket that
    does not exist has none if ``missing_ok``; else it raises, as every failure does.
    """
    # A target takes the prefix "dir" for "dir/" on each mountpath that has such a directory, be it empty, and overlooks
    # "dir2" there. So everything beside it is listed, and selected here; clouds go by names alone.
    asked = prefix if bucket.cloud and not flags & CACHED else prefix[: prefix.rfind("/") + 1]
    page_size = page_size if asked == prefix else 0
    value: dict[str, Any] = {"prefix": asked, "props": ",".join(props), "flags": str(flags)}
    if time_format:
        value["time_format"] = time_format
    if page_size:
        value["pagesize"] = page_size
    while True:
        answer = client.request(
            "GET",
            bucket.path,
            what=f"list {bucket}/{prefix}",
            query=bucket.query(),
            action="list",
            value=value,
            accept=(404,) if missing_ok else (),
        )
        if answer.status == 404:
            return
        page = answer.json()
        for found in page.get("entries") or ():
            entry = _entry(found)
            if not entry.flags & IS_DIRECTORY and entry.name.startswith(prefix):
                yield entry
        value["uuid"] = page.get("uuid") or ""
        value["continuation_token"] = page.get("continuation_token") or ""
        if not value["continuation_token"]:
            return


def refuse_unreachable(what: str, names: Iterable[str], *buckets: Bucket) -> None:
    """Raise :class:`AisError` if objects of some of ``names`` cannot be reached in one of ``buckets``."""
    found = sorted(name for name in names if unreachable(name, *buckets))
    if found:
        shown = ", ".join(found[:3])
        raise AisError(
            f"{what}: {len(found)} of the objects cannot be reached, for example {shown}: "
            f"{unreachable(found[0], *buckets)}; nothing was changed",
            hint="Use an endpoint of that cluster itself for them.",
        )


def _entry(found: dict[str, Any]) -> Entry:
    return Entry(
        str(found.get("name", "")),
        int(found.get("size") or 0),
        str(found.get("checksum") or ""),
        str(found.get("version") or ""),
        str(found.get("atime") or ""),
        int(found.get("copies") or 0),
        str(found.get("custom-md") or ""),
        str(found.get("location") or ""),
        int(found.get("flags") or 0),
    )


def template_names(template: str) -> list[str]:
    """Return the names that a bash-like ``template`` stands for: ``shard-{0000..0999}.tar``, ``{0..100..5}``.

    Several ranges multiply; numbers have at least as many digits as the shorter of both ends, as on the server. Raises :class:`OptionError` for
    one that is broken, has no range, or too many names.
    """
    found = list(_RANGE.finditer(template))
    rest = _RANGE.sub("", template)
    if not found or "{" in rest or "}" in rest:
        raise OptionError(
            f"template: {template!r} has no range such as {{0000..0999}} or {{0..100..5}}"
            if not found
            else f"template: {template!r} has a brace that is no range such as {{0000..0999}} or {{0..100..5}}"
        )
    names, position, total = [""], 0, 1
    for part in found:
        first, last, step = int(part[1]), int(part[2]), int(part[3] or 1)
        if first > last or step < 1:
            raise OptionError(f"template: {part[0]} in {template!r} counts from {first} to {last} by {step}")
        total *= (last - first) // step + 1
        if total > MOST_NAMES:
            raise OptionError(f"template: {template!r} stands for more than {MOST_NAMES} names")
        before = template[position : part.start()]
        width = min(len(part[1]), len(part[2]))
        numbers = [f"{number:0{width}d}" for number in range(first, last + 1, step)]
        names = [name + before + number for name in names for number in numbers]
        position = part.end()
    return [name + template[position:] for name in names]


def common_prefix(names: Iterable[str]) -> str:
    """Return what all ``names`` begin with."""
    found = list(names)
    if not found:
        return ""
    first, last = min(found), max(found)
    length = next((at for at, (a, b) in enumerate(zip(first, last)) if a != b), min(len(first), len(last)))
    return first[:length]
