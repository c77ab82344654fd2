# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Bucket and object addresses: ``ais://@uuid#ns/name/object`` and back. No I/O.

The grammar is AIStore's: ``[provider://][@uuid-or-alias][#namespace/]bucket[/object]``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ansible_collections.community.aistore.plugins.module_utils._errors import OptionError

#: Every spelling of a provider that AIStore takes, and its normal name.
PROVIDERS: Mapping[str, str] = {
    "ais": "ais",
    "aws": "aws",
    "s3": "aws",
    "gcp": "gcp",
    "gs": "gcp",
    "azure": "azure",
    "az": "azure",
    "oci": "oci",
    "oc": "oci",
    "ht": "ht",
}
#: How AIStore writes each provider in an address.
_SCHEMES = {"aws": "s3", "gcp": "gs", "azure": "az", "oci": "oc"}
_BUCKET_NAME = re.compile(r"(?!\.)(?!.*\.\.)[A-Za-z0-9._-]{1,64}")
_NAMESPACE_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CONTROLS, _DOTS = re.compile(r"[\x00-\x08\x0a-\x1f]"), frozenset((".", ".."))
#: What a node does not escape on the way to another one: it fails, or means an object of another name.
UNESCAPED = re.compile(r"[%#?\x00-\x1f\x7f]")


class Bucket(NamedTuple):
    """A bucket's full name; ``uuid`` (or alias) names a remote AIS cluster, ``namespace`` a namespace, if not empty."""

    name: str
    provider: str = "ais"
    uuid: str = ""
    namespace: str = ""

    def __str__(self) -> str:
        scheme = _SCHEMES.get(self.provider, self.provider)
        return f"{scheme}://{self._namespace()}{'/' if self._namespace() else ''}{self.name}"

    def _namespace(self) -> str:
        return (f"@{self.uuid}" if self.uuid else "") + (f"#{self.namespace}" if self.namespace else "")

    @property
    def cloud(self) -> bool:
        """The bucket lives in a cloud; the cluster holds a cache of it."""
        return self.provider != "ais"

    @property
    def remote_ais(self) -> bool:
        """The bucket lives in another AIStore cluster."""
        return self.provider == "ais" and bool(self.uuid)

    @property
    def remote(self) -> bool:
        """The bucket lives elsewhere: evicting it loses nothing."""
        return self.cloud or self.remote_ais

    def query(self) -> dict[str, str]:
        """Return the query parameters that name this bucket's provider and namespace."""
        found = {"provider": self.provider}
        if self._namespace():
            found["namespace"] = self._namespace()
        return found

    def json(self) -> dict[str, Any]:
        """Return the bucket as request bodies name it."""
        found: dict[str, Any] = {"name": self.name, "provider": self.provider}
        if self.uuid or self.namespace:
            found["namespace"] = {"uuid": self.uuid, "name": self.namespace}
        return found

    def uname(self, name: str = "") -> str:
        """Return the flat name that ``bck_to`` and ``object_to`` take, of the bucket or of object ``name`` in it."""
        return f"{self.provider}/@{self.uuid}#{self.namespace}/{self.name}/{name}"

    @property
    def path(self) -> str:
        """Return the bucket's path in the API."""
        return f"/v1/buckets/{self.name}"


def parse_bucket(text: str, option: str = "name") -> Bucket:
    """Return the bucket that ``text`` names; a plain name is an ``ais`` bucket.

    ``option`` is named in the :class:`OptionError` for what is not a bucket's address.
    """
    bucket, name = split_address(text, option)
    if name:
        raise OptionError(f"{option}: {text!r} names an object; give the bucket alone, as in '{bucket}'")
    return bucket


def split_address(text: str, option: str = "name") -> tuple[Bucket, str]:
    """Return bucket and object name (may be empty) of ``[provider://][@uuid][#ns/]bucket[/object]``."""
    text = str(text).strip()
    scheme, _separator, rest = text.partition("://") if "://" in text else ("ais", "", text)
    provider = PROVIDERS.get(scheme.lower())
    if provider is None:
        known = ", ".join(f"{name}://" for name in ("ais", "s3", "gs", "az", "oc"))
        raise OptionError(f"{option}: unknown provider {scheme!r} in {text!r}; known are {known}")
    uuid = namespace = ""
    if rest[:1] in ("@", "#"):
        space, _slash, rest = rest.partition("/")
        uuid, _hash, namespace = space.partition("#")
        uuid = uuid[1:]
        if namespace and not _NAMESPACE_NAME.fullmatch(namespace):
            raise OptionError(f"{option}: {namespace!r} in {text!r} is not a namespace (letters, digits, - and _)")
        if provider != "ais" and uuid:
            raise OptionError(f"{option}: {text!r}: only ais:// buckets have a remote cluster (@)")
    name, _slash, item = rest.partition("/")
    if not _BUCKET_NAME.fullmatch(name):
        raise OptionError(
            f"{option}: {name!r} in {text!r} is not a bucket name: 1 to 64 letters, digits, '-', '_' and '.', "
            "not starting with '.' and without '..'"
        )
    return Bucket(name, provider, uuid, namespace), item


def from_json(found: Mapping[str, Any]) -> Bucket:
    """Return the bucket that an answer's ``{"name","provider","namespace":{"uuid","name"}}`` names."""
    space = found.get("namespace") or {}
    return Bucket(
        str(found.get("name", "")),
        str(found.get("provider") or "ais"),
        str(space.get("uuid") or ""),
        str(space.get("name") or ""),
    )


def from_space(provider: str, space: str, name: str) -> Bucket:
    """Return the bucket of a metadata entry: provider, namespace as ``@uuid#ns`` (or ``""``), name."""
    uuid, _hash, namespace = space.partition("#")
    return Bucket(name, provider, uuid.lstrip("@"), namespace)


def object_problem(name: str, *buckets: Bucket) -> str | None:
    """Return why no server would store an object under exactly this ``name`` (in one of these ``buckets``), or None."""
    if not name:
        return "an object needs a name"
    if _CONTROLS.search(name):
        return "control characters are stored as other characters"
    if name.startswith("/"):
        return "a name with a leading '/' is stored but never listed"
    if name.endswith("/"):
        return "a name cannot end with '/'"
    if "//" in name:
        return "'//' is stored as '/'"
    if name.startswith("~/"):
        return "a name cannot start with '~/'"
    if not _DOTS.isdisjoint(name.split("/")):
        return "'.' and '..' are not allowed as parts of a name"
    return unreachable(name, *buckets)


def unreachable(name: str, *buckets: Bucket) -> str | None:
    """Return why an object ``name`` that may be in one of ``buckets`` can be neither read nor written nor removed, or None."""
    if UNESCAPED.search(name) and any(bucket.remote_ais for bucket in buckets):
        return "with '%', '#', '?' or a tab it is taken for another name on the way to the other cluster"
    return None
