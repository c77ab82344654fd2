# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What the cluster's configuration can hold: read from that configuration itself, and what it leaves out added. No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.community.aistore.plugins.module_utils import _units
from ansible_collections.community.aistore.plugins.module_utils._fields import (
    KINDS,
    Field,
    Flags,
    Kind,
    Table,
    flatten,
)

#: Features of a whole cluster, by name; the bit is the place in the list.
FEATURES: Mapping[str, int] = {
    name: 1 << bit
    for bit, name in enumerate(
        [
            "Enforce-IntraCluster-Access",
            "Skip-Loading-VersionChecksum-MD",
            "Do-not-Auto-Detect-FileShare",
            "S3-API-via-Root",
            "Fsync-PUT",
            "LZ4-Block-1MB",
            "LZ4-Frame-Checksum",
            "Do-not-Allow-Passing-FQN-to-ETL",
            "Ignore-LimitedCoexistence-Conflicts",
            "S3-Presigned-Request",
            "Do-not-Optimize-Listing-Virtual-Dirs",
            "Disable-Cold-GET",
            "Streaming-Cold-GET",
            "S3-Reverse-Proxy",
            "S3-Use-Path-Style",
            "Do-not-Delete-When-Rebalancing",
            "Do-not-Set-Control-Plane-ToS",
            "Trust-Crypto-Safe-Checksums",
            "S3-ListObjectVersions",
            "Enable-Detailed-Prom-Metrics",
            "Force-Container-CPU-Mem",
            "Resume-Interrupted-MPU",
            "Keep-Unknown-FQN",
            "Load-Balance-GET",
            "Count-Object-NotFound-Stats",
            "Enable-Go-Runtime-Metrics",
            "Dload-Allow-Private-Egress",
            "S3-Redirect-Rebuild",
        ]
    )
}
#: Sections that only count for the whole cluster: no node may have its own, and none can be changed transiently.
CLUSTER_ONLY = frozenset(
    [
        "arch",
        "auth",
        "backend",
        "checksum",
        "chunks",
        "ec",
        "features",
        "get_batch",
        "lso",
        "mirror",
        "net",
        "periodic",
        "proxy",
        "rebalance",
        "tcb",
        "tco",
        "transport",
        "versioning",
    ]
)
#: What takes effect only when the nodes are started again, by prefix.
RESTART = ("memsys", "net", "tracing", "timeout.cplane_operation", "timeout.max_keepalive")
#: Never to be changed in memory alone, besides what is cluster-only.
LASTING = (*RESTART, "keepalivetracker")
#: What the server keeps for itself, what is a node's own, and what other modules change, by prefix.
READ_ONLY = (
    "uuid", "lastupdate_time", "config_version", "ext", "net.l4", "confdir", "log_dir", "host_net", "fspaths", "test_fspaths", "proxy"
)  # fmt: skip
#: Masked by the server.
SECRET = ("auth.signature.key",)
#: The name of each renamed key in 4.9 and since 5.0. Either is taken, whichever the cluster knows.
RENAMED: Mapping[str, str] = {
    "auth.enabled": "auth.client_auth_required",
    "auth.cluster_key.enabled": "auth.intra_cluster.request_auth",
    "auth.cluster_key.ttl": "auth.intra_cluster.ttl",
    "auth.cluster_key.nonce_window": "auth.intra_cluster.nonce_window",
    "auth.cluster_key.rotation_grace": "auth.intra_cluster.rotation_grace",
}
_CHOICES = {
    "compression": ("always", "never"),
    "checksum.type": ("none", "xxhash", "xxhash2", "md5", "crc32c", "sha256", "sha512"),
    "write_policy.data": ("immediate", "delayed", "never"),
    "write_policy.md": ("immediate", "delayed", "never"),
    "auth.signature.method": ("HS256", "HS384", "HS512", "RS256", "RS384", "RS512"),
    **dict.fromkeys(
        (
            "distributed_sort.duplicated_records",
            "distributed_sort.missing_shards",
            "distributed_sort.ekm_malformed_line",
            "distributed_sort.ekm_missing_key",
        ),
        ("ignore", "warn", "abort"),
    ),
}
_DURATION = re.compile(r"^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$")
_SIZE = re.compile(r"^\d+(\.\d+)?([KMGT]i?)?B$")


def _number(value: Any) -> int:
    """Read a whole number, or a size for the numbers that are bytes."""
    try:
        return int(KINDS["int"].read(value))
    except ValueError:
        try:
            return _units.parse_size(value)
        except ValueError:
            raise ValueError(f"{value!r} is not a whole number") from None


def _words(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        raise ValueError("give a list")
    return [str(word) for word in value] if isinstance(value, (list, tuple)) else [str(value)]


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError("give a mapping")
    return dict(value)


NUMBER = Kind("int", _number, 0)
WORDS = Kind("list", _words, [])
MAPPING = Kind("dict", _mapping, {})
_STR, _BOOL, _DURATIONS = KINDS["str"], KINDS["bool"], KINDS["duration"]
#: Kinds that a value does not tell.
_KINDS: Mapping[str, Kind] = {
    "features": Flags(FEATURES, {}).kind(),
    "log.level": _STR,
    "backend": MAPPING,
    "distributed_sort.default_max_mem_usage": _STR,
    "distributed_sort.dsorter_mem_threshold": _STR,
}
#: What a server leaves out while it is empty. The second group is new in 5.0, the third was dropped with 4.9.
_HIDDEN: Mapping[str, Kind] = {
    **dict.fromkeys(("timeout.ec_streams_time", "timeout.object_md", "timeout.cold_get_conflict"), _DURATIONS),
    **dict.fromkeys(("tracing.enabled", "tracing.skip_verify"), _BOOL),
    **dict.fromkeys(
        (
            "tracing.exporter_endpoint",
            "tracing.exporter_auth.token_header",
            "tracing.exporter_auth.token_file",
            "tracing.service_name_prefix",
            "tracing.sampler_probability",
            "auth.signature.key",
            "auth.signature.method",
            "auth.oidc.issuer_ca_bundle",
            "rate_limit.backend.per_op_max_tokens",
            "rate_limit.frontend.per_op_max_tokens",
        ),
        _STR,
    ),
    "tracing.attributes": MAPPING,
    "auth.required_claims.aud": WORDS,
    "auth.oidc.allowed_iss": WORDS,
    "chunks.checkpoint_every": NUMBER,
}
_HIDDEN_NEW: Mapping[str, Kind] = {
    **dict.fromkeys(("net.http.pub.server_crt", "net.http.pub.server_key", "net.http.pub.client_ca_tls"), _STR),
    "net.http.pub.client_auth_tls": NUMBER,
    **dict.fromkeys(
        (
            "auth.oidc.jwks_cache.min_rotation_refresh",
            "auth.oidc.jwks_cache.min_background_refresh",
            "auth.intra_cluster.ttl",
            "auth.intra_cluster.nonce_window",
            "auth.intra_cluster.rotation_grace",
        ),
        _DURATIONS,
    ),
    "auth.intra_cluster.node_join_secret_path": _STR,
    "auth.intra_cluster.request_auth": _BOOL,
}
_HIDDEN_OLD: Mapping[str, Kind] = {
    **dict.fromkeys(
        ("auth.cluster_key.ttl", "auth.cluster_key.nonce_window", "auth.cluster_key.rotation_grace"), _DURATIONS
    ),
    "auth.cluster_key.enabled": _BOOL,
}


def covers(prefixes: tuple[str, ...], path: str) -> bool:
    """Tell whether ``path`` is one of ``prefixes`` or below it."""
    return any(path == prefix or path.startswith(f"{prefix}.") for prefix in prefixes)


def flat(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a nested configuration as path -> value; what is one value for us stays one, and so do empty sections."""
    return dict(flatten(config, (*_KINDS, "tracing.attributes")))


def kind_of(path: str, value: Any) -> Kind:
    """Return the kind of the setting at ``path``, by the value that it has."""
    if path in _KINDS:
        return _KINDS[path]
    if isinstance(value, bool):
        return _BOOL
    if isinstance(value, int):
        return NUMBER
    if isinstance(value, (list, tuple)):
        return WORDS
    if isinstance(value, Mapping):
        return MAPPING
    if _SIZE.match(str(value)):
        return KINDS["iec"]
    return _DURATIONS if _DURATION.match(str(value)) else _STR


def table(config: Mapping[str, Any]) -> Table:
    """Return the settings of a cluster whose flat configuration is ``config``."""
    new = "auth.client_auth_required" in config
    kinds = {path: kind_of(path, value) for path, value in config.items()}
    kinds = {**_HIDDEN, **(_HIDDEN_NEW if new else _HIDDEN_OLD), **kinds}
    return Table(
        Field(
            path,
            kind,
            "",
            choices=_CHOICES.get(path) or _CHOICES.get(path.rpartition(".")[2], ()),
            read_only=covers(READ_ONLY, path),
            secret=path in SECRET,
        )
        for path, kind in sorted(kinds.items())
    )


def own_names(given: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return flat ``given`` with each renamed key under the name that the cluster (whose fields are ``known``) has for it."""
    other = {**RENAMED, **{new: old for old, new in RENAMED.items()}}
    return {
        other[path] if path not in known and other.get(path) in known else path: value for path, value in given.items()
    }
