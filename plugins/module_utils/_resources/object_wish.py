# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What the options of ``ais_object`` ask of one object."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.community.aistore.plugins.module_utils import _transfer
from ansible_collections.community.aistore.plugins.module_utils._address import (
    UNESCAPED,
    Bucket,
    object_problem,
    split_address,
)
from ansible_collections.community.aistore.plugins.module_utils._errors import OptionError

#: The options that say where the content of an object comes from.
SOURCES = ("src", "content", "url", "copy_from", "rename_from", "promote_from")
#: The checksum of an object, and the address, that its content was downloaded from; kept as custom metadata.
MARK = "ais_url"
#: Custom metadata that this collection keeps, here, in ``ais_sync`` and in ``ais_dsort``.
OURS = frozenset((MARK, "ais_sync", "ais_dsort"))
#: Custom metadata in which the server keeps a name that is too long for a disk: without it, the object loses its name.
LONG_NAME = "orig_fntl"
#: Custom metadata that users neither give nor see.
HIDDEN = OURS | {LONG_NAME}
#: Custom metadata that the server keeps on objects that come from elsewhere.
SERVERS_OWN = frozenset(("source", "ETag", "md5", "crc32c", "version", "Content-Type", "LastModified", "Last-Modified"))
#: The custom metadata of an object may take so many bytes (AIStore 5.0).
_MOST_CUSTOM = 2048
#: Longer names of directories or files no disk takes: the server stores such an object under a digest of its name, but
#: what is copied or renamed to it fails, or gets that digest for a name.
_LONGEST_PART = 255
_RANGE = re.compile(r"^\s*(?:bytes=)?(\d*)\s*-\s*(\d*)\s*$")


@dataclass(frozen=True)
class Wish:
    """What one object should be. ``content`` is that of ``src`` or ``content``."""

    bucket: Bucket
    name: str
    state: str = "present"
    content: _transfer.Content | None = None
    url: str = ""
    copy_from: tuple[Bucket, str] | None = None
    rename_from: str = ""
    promote_from: str = ""
    recursive: bool = True
    custom: Mapping[str, str] | None = None
    purge_custom: bool = False
    dest: str = ""
    part: _transfer.Range | None = None
    force: bool = False
    allow_degraded: bool = False

    @property
    def target(self) -> str:
        """The object's address."""
        return f"{self.bucket}/{self.name}"

    @property
    def directory(self) -> bool:
        """A whole directory is to be promoted; ``name`` is the prefix of its objects."""
        return self.promote_from.endswith("/")


def wish(params: Mapping[str, Any], bucket: Bucket, name: str) -> Wish:
    """Return what the options of ``ais_object`` ask for, checked as far as that needs no cluster."""
    state = str(params.get("state") or "present")
    given = [source for source in SOURCES if params.get(source) is not None]
    if len(given) > 1:
        raise OptionError(f"{' and '.join(given)}: the content of an object can come from one of them")
    for options, owner in (
        (SOURCES, "present"),
        (("custom", "purge_custom"), "present"),
        (("dest", "range"), "fetched"),
    ):
        misplaced = [option for option in options if params.get(option)]
        if misplaced and state != owner:
            raise OptionError(f"{misplaced[0]} is for 'state: {owner}'")
    if state == "fetched" and not params.get("dest"):
        raise OptionError("'state: fetched' needs dest, the file to write")
    promoted = str(params.get("promote_from") or "")
    whole = promoted.endswith("/")
    if name or not whole:
        check_name(name.rstrip("/") if whole else name, "name", bucket)
    found = Wish(
        bucket,
        name,
        state,
        url=str(params.get("url") or ""),
        promote_from=promoted,
        recursive=bool(params.get("recursive", True)),
        custom=_custom(params.get("custom"), bucket.remote or bool(params.get("url"))),
        purge_custom=bool(params.get("purge_custom")),
        part=_part(params.get("range")),
        force=bool(params.get("force")),
        allow_degraded=bool(params.get("allow_degraded")),
    )
    if found.purge_custom and found.custom is None:
        raise OptionError("purge_custom needs custom: what is to stay; '{}' for nothing")
    if promoted:
        _check_promote(promoted, name)
        if found.directory and found.custom is not None:
            raise OptionError("custom cannot be set on the files of a promoted directory")
        if found.directory and name and not name.endswith("/"):
            raise OptionError(f"name: {name!r} is the prefix of the objects of a promoted directory: end it with '/'")
    if params.get("rename_from") is not None:
        found = replace(found, rename_from=_old_name(bucket, str(params["rename_from"]), name))
    if params.get("copy_from") is not None:
        found = replace(found, copy_from=_origin(bucket, str(params["copy_from"]), name))
    if state == "fetched":
        dest = str(params["dest"])
        if os.path.isdir(dest) or dest.endswith("/"):
            dest = os.path.join(dest, name.rpartition("/")[2])
        found = replace(found, dest=dest)
    if params.get("content") is not None:
        return replace(found, content=_transfer.of_bytes(str(params["content"]).encode("utf-8", "surrogateescape")))
    if params.get("src") is not None:
        return replace(found, content=_transfer.of_file(str(params["src"])))
    return found


def check_name(name: str, option: str, *buckets: Bucket) -> None:
    """Raise :class:`OptionError` for a name that the server would not keep as it is (in one of these ``buckets``)."""
    problem = object_problem(name, *buckets)
    if problem:
        raise OptionError(f"{option}: {name!r}: {problem}; choose another name")


def too_long(name: str) -> bool:
    """Tell whether the server can store, but not copy or rename to, an object of this ``name``."""
    return any(len(part.encode()) > _LONGEST_PART for part in name.split("/"))


def spoiled(bucket: Bucket, name: str) -> bool:
    """Tell whether also a job would copy to ``name`` wrong: what goes to a remote bucket it may keep in the cluster alone."""
    return bucket.remote or too_long(name)


def relayed(bucket: Bucket, name: str) -> bool:
    """Tell whether copying or renaming one object to ``name`` has to go through this host."""
    return bool(UNESCAPED.search(name)) or spoiled(bucket, name)


def _custom(given: Mapping[str, Any] | None, foreign: bool) -> dict[str, str] | None:
    """Return the custom metadata that is given; that of ``foreign`` content has keys of the server's."""
    if given is None:
        return None
    found = {str(key): value if isinstance(value, str) else _text(value, str(key)) for key, value in given.items()}
    for key, value in found.items():
        if not key or "=" in key or key != key.strip() or not key.isprintable():
            raise OptionError(f"custom: {key!r} cannot be a key: it must be printable, without '=' and outer spaces")
        if value != value.strip() or not (value.isprintable() or not value):
            raise OptionError(f"custom.{key}: {value!r} cannot be kept: no outer spaces, no line breaks")
        if key in HIDDEN or (foreign and key in SERVERS_OWN):
            raise OptionError(
                f"custom.{key}: {'this collection' if key in OURS else 'AIStore'} keeps this key for itself"
            )
    size = sum(len(key.encode()) + len(value.encode()) for key, value in found.items())
    if size > _MOST_CUSTOM:
        raise OptionError(f"custom: {size} bytes; an object can have {_MOST_CUSTOM} bytes of custom metadata")
    return found


def _text(value: Any, key: str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return str(value)
    raise OptionError(f"custom.{key}: {value!r} is not a text; custom metadata is text")


def _part(given: Any) -> _transfer.Range | None:
    """Return the range that an option such as ``0-99``, ``100-`` or ``-100`` names."""
    if given is None:
        return None
    found = _RANGE.match(str(given))
    if not found or not (found[1] or found[2]):
        raise OptionError(f"range: {given!r} is not a range; write for example '0-99', '100-' or '-100'")
    if not found[1]:
        part: _transfer.Range = (-int(found[2]), None)
    else:
        part = (int(found[1]), int(found[2]) if found[2] else None)
    if part == (0, None) or (part[1] is not None and part[1] < part[0]) or not (part[0] or part[1] is not None):
        raise OptionError(f"range: {given!r} names no part of an object")
    return part


def _check_promote(path: str, name: str) -> None:
    if UNESCAPED.search(name):
        raise OptionError(
            f"name: AIStore would promote to another name than {name!r}; choose one without '%', '#' and '?'"
        )
    if not path.startswith("/") or any(step in (".", "..") for step in path.split("/")):
        raise OptionError(f"promote_from: {path!r} must be an absolute path on the targets, without '.' and '..'")


def _old_name(bucket: Bucket, given: str, name: str) -> str:
    """Return the name that ``rename_from`` gives, as a name or a whole address in the same bucket."""
    origin = split_address(given, "rename_from") if "://" in given else (bucket, given)
    if origin[0] != bucket:
        raise OptionError(f"rename_from: {given!r} is not in {bucket}; an object cannot be renamed out of its bucket")
    if bucket.remote:
        raise OptionError(f"rename_from: objects of remote buckets cannot be renamed ({bucket})")
    if origin[1] == name:
        raise OptionError(f"rename_from: {given!r} is its name already")
    check_name(origin[1], "rename_from")
    return origin[1]


def _origin(bucket: Bucket, given: str, name: str) -> tuple[Bucket, str]:
    """Return the object that ``copy_from`` gives, as a whole address or a name in the same bucket."""
    origin = split_address(given, "copy_from") if "://" in given else (bucket, given)
    if not origin[1]:
        raise OptionError(f"copy_from: {given!r} names no object")
    if origin == (bucket, name):
        raise OptionError(f"copy_from: {given!r} is the object itself")
    check_name(origin[1], "copy_from", origin[0])
    return origin


def origin_bucket(params: Mapping[str, Any], bucket: Bucket, several: bool) -> Bucket | None:
    """Return the bucket that ``copy_from`` gives, to copy objects of the same names; None where it gives one object.

    For ``several`` objects it has to be a bucket.
    """
    given = str(params.get("copy_from") or "")
    if not given or ("://" not in given and not several):
        return None
    origin, name = split_address(given, "copy_from") if "://" in given else (Bucket("other"), given)
    if name:
        if not several:
            return None
        raise OptionError(
            f"copy_from: {given!r} is no bucket's address; several objects are copied under their own names, "
            f"so give the bucket alone, as in '{origin}'"
        )
    for option in (*SOURCES, "custom", "purge_custom"):
        if option != "copy_from" and params.get(option) not in (None, False):
            raise OptionError(f"{option} is for one object; it cannot be given when objects are copied from a bucket")
    if origin == bucket:
        raise OptionError(f"copy_from: {given!r} is the bucket itself; give another one")
    return origin


def part_size(part: _transfer.Range, size: int) -> int:
    """Return how many bytes of an object of ``size`` bytes ``part`` is. Raises :class:`OptionError` for none."""
    first, last = part
    if first < 0:
        return min(-first, size)
    if first >= size:
        raise OptionError(f"range: it begins at byte {first}, but the object has {size} bytes")
    return (size if last is None else min(last + 1, size)) - first
