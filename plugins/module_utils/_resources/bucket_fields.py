# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The properties of a bucket, as a table. Adding one is one line here; the documentation is generated from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.community.aistore.plugins.module_utils._address import PROVIDERS
from ansible_collections.community.aistore.plugins.module_utils._fields import KINDS, Field, Flags, Kind, Table, dig

#: Permission bits, of a bucket's access mask and of AuthN roles.
PERMISSIONS: Mapping[str, int] = {
    "GET": 1 << 0,
    "HEAD-OBJECT": 1 << 1,
    "PUT": 1 << 2,
    "APPEND": 1 << 3,
    "DELETE-OBJECT": 1 << 4,
    "MOVE-OBJECT": 1 << 5,
    "PROMOTE": 1 << 6,
    "UPDATE-OBJECT": 1 << 7,
    "HEAD-BUCKET": 1 << 8,
    "LIST-OBJECTS": 1 << 9,
    "PATCH": 1 << 10,
    "SET-BUCKET-ACL": 1 << 11,
    "LIST-BUCKETS": 1 << 12,
    "SHOW-CLUSTER": 1 << 13,
    "CREATE-BUCKET": 1 << 14,
    "DESTROY-BUCKET": 1 << 15,
    "MOVE-BUCKET": 1 << 16,
    "ADMIN": 1 << 17,
}
#: Names for several permissions at once. ``all`` is what a new bucket has.
PERMISSION_PRESETS: Mapping[str, int] = {"all": (1 << 64) - 1, "ro": 771, "rw": 831}
#: Feature bits that count for a bucket.
FEATURES: Mapping[str, int] = {
    "Skip-Loading-VersionChecksum-MD": 1 << 1,
    "Fsync-PUT": 1 << 4,
    "S3-Presigned-Request": 1 << 9,
    "Disable-Cold-GET": 1 << 11,
    "Streaming-Cold-GET": 1 << 12,
    "S3-Use-Path-Style": 1 << 14,
    "S3-ListObjectVersions": 1 << 18,
    "Resume-Interrupted-MPU": 1 << 21,
    "Count-Object-NotFound-Stats": 1 << 24,
}
CHECKSUM_TYPES = ("none", "xxhash", "xxhash2", "md5", "crc32c", "sha256", "sha512")
ACCESS = Flags(PERMISSIONS, PERMISSION_PRESETS)

_KIB, _MIB, _GIB, _TIB = (1024**power for power in (1, 2, 3, 4))
_SECOND = 10**9
_MINUTE, _HOUR = 60 * _SECOND, 3600 * _SECOND
_BOOL, _INT, _STR, _SIZE, _IEC, _DURATION = (KINDS[name] for name in ("bool", "int", "str", "size", "iec", "duration"))


def _ec_limit(value: Any) -> int:
    """Read ``ec.objsize_limit``: a size, or -1."""
    return -1 if str(value).strip() == "-1" else _SIZE.read(value)


_EC_LIMIT = Kind("str", _ec_limit, 0, show=lambda value: -1 if value == -1 else _SIZE.show(value))


def _cloud(value: Any) -> str:
    """Read the provider of a backend in any spelling; nothing stays nothing."""
    found = PROVIDERS.get(str(value or "").lower(), "?") if value else ""
    if found in ("?", "ais", "ht"):
        raise ValueError(f"{value!r} is not a cloud provider; known are s3 (aws), gs (gcp), az (azure) and oc (oci)")
    return found


_PROVIDER = Kind("str", _cloud, "")


def _rate_limit(side: str, whose: str) -> tuple[Field, ...]:
    prefix = f"rate_limit.{side}"
    return (
        Field(f"{prefix}.enabled", _BOOL, f"Whether to limit the rate of {whose}."),
        Field(f"{prefix}.interval", _DURATION, "The time in which C(max_tokens) may be used.", low=_SECOND, high=_HOUR),
        Field(f"{prefix}.max_tokens", _INT, f"So many requests in each interval, of {whose}.", low=1),
        Field(f"{prefix}.per_op_max_tokens", _STR, "Own limits for operations, as in V(get:100 put:50)."),
    )


FIELDS = Table(
    (
        Field("backend_bck.name", _STR, "The bucket behind this V(ais://) bucket; an empty string detaches it."),
        Field("backend_bck.provider", _PROVIDER, "The provider of the bucket behind: V(s3), V(gs), V(az) or V(oc)."),
        Field("versioning.enabled", _BOOL, "Whether objects carry a version."),
        Field("versioning.validate_warm_get", _BOOL, "Whether reading a cached object first compares its version with the remote one."),
        Field("versioning.synchronize", _BOOL, "Whether reading also removes or updates a cached object whose remote one changed."),
        Field("checksum.type", _STR, "The checksum that protects new objects.", choices=CHECKSUM_TYPES),
        Field("checksum.validate_cold_get", _BOOL, "Whether to check objects that come from the backend."),
        Field("checksum.validate_warm_get", _BOOL, "Whether to check objects when they are read."),
        Field("checksum.validate_obj_move", _BOOL, "Whether to check objects that move between nodes."),
        Field("checksum.enable_read_range", _BOOL, "Whether a range that is read has a checksum of its own."),
        Field("lru.enabled", _BOOL, "Whether objects that were not used for long are evicted when space runs out."),
        Field("lru.dont_evict_time", _DURATION, "Objects used in this time are not evicted.", low=_HOUR),
        Field("lru.capacity_upd_time", _DURATION, "How often the capacity is looked at.", low=10 * _SECOND),
        Field("lru.batch_size", _INT, "So many objects in one go.", low=1024, high=524288),
        Field("mirror.enabled", _BOOL, "Whether a target keeps several copies of each object, each on its own mountpath."),
        Field("mirror.copies", _INT, "How many; at most the mountpaths of the target that has the fewest.", low=1, high=32),
        Field("mirror.burst_buffer", _INT, "Length of the queue of copies to make.", low=0),
        Field("ec.enabled", _BOOL, "Whether objects are erasure coded over several targets."),
        Field("ec.data_slices", _INT, "Slices of an object. They cannot change while EC is on.", low=1, high=32),
        Field("ec.parity_slices", _INT, "Slices that may be lost. They cannot change while EC is on.", low=1, high=32),
        Field("ec.objsize_limit", _EC_LIMIT, "Smaller objects are replicated; V(0) slices all, V(-1) replicates all.", low=-1),
        Field("ec.compression", _STR, "Whether slices are compressed on their way.", choices=("never", "always")),
        Field("ec.bundle_multiplier", _INT, "Connections to each target.", low=1, high=16),
        Field("ec.burst_buffer", _INT, "Length of the queue of objects to encode.", low=32, high=10000),
        Field("ec.disk_only", _BOOL, "Whether to encode by way of disks only."),
        Field("chunks.objsize_limit", _IEC, "Larger objects are stored in chunks; V(0) is off.", low=0, high=_TIB),
        Field("chunks.max_monolithic_size", _IEC, "The largest object that may be stored whole.", low=_GIB, high=_TIB),
        Field("chunks.chunk_size", _IEC, "The size of a chunk.", low=_KIB, high=5 * _GIB),
        Field("chunks.checkpoint_every", _INT, "Save the state of an upload after so many chunks.", low=0, high=1024),
        Field("chunks.flags", _INT, "Reserved.", low=0),
        Field("write_policy.data", _STR, "When data is written.", choices=("immediate",)),
        Field("write_policy.md", _STR, "When the metadata of objects is written.", choices=("immediate", "delayed", "never")),
        *_rate_limit("backend", "requests to the backend"),
        Field("rate_limit.backend.num_retries", _INT, "Tries when the backend refuses for its rate limit.", low=1, high=10),
        *_rate_limit("frontend", "requests of clients, over all proxies"),
        Field("rate_limit.frontend.burst_size", _INT, "So many at once; at most half of a proxy's share of C(max_tokens).", low=0),
        Field("extra.aws.cloud_region", _STR, "Region of the bucket."),
        Field("extra.aws.endpoint", _STR, "Address of an S3 service other than the usual one."),
        Field("extra.aws.profile", _STR, "A profile in the targets' AWS configuration."),
        Field("extra.aws.max_pagesize", _INT, "Names in one page of a listing; V(0) is the usual.", low=0, high=10000),
        Field(
            "extra.aws.multipart_size",
            Kind("str", lambda value: -1 if str(value).strip() == "-1" else KINDS["iec"].read(value), 0,
                 wire=lambda value: "-1" if value == -1 else KINDS["iec"].wire(value),
                 show=lambda value: -1 if value == -1 else KINDS["iec"].show(value)),
            "Larger objects are uploaded in parts; V(-1) is off, V(0) the usual.",
            low=5 * _MIB, high=5 * _GIB, special=(-1, 0),
        ),
        Field("extra.gcp.application_creds", _STR, "Path of the credentials on the targets."),
        Field("extra.oci.region", _STR, "Region of the bucket."),
        Field("extra.custom", _STR, "Up to 128 characters of your own, for example a tag of what manages the bucket."),
        Field("access", ACCESS.kind(), "What may be done with the bucket, by names, presets (V(all), V(ro), V(rw)) or a number."),
        Field("features", Flags(FEATURES, {}).kind(), "Features that are switched on, by names or a number."),
    )
)  # fmt: skip

#: Sections that a new bucket takes over from the cluster's configuration.
INHERITED = ("versioning", "checksum", "lru", "mirror", "ec", "chunks", "rate_limit", "write_policy")
#: What ``reset`` can bring back.
RESETTABLE = tuple(
    dict.fromkeys(field.path.partition(".")[0] for field in FIELDS if not field.path.startswith("backend_bck"))
)


def defaults(config: Mapping[str, Any], *, remote: bool = False) -> dict[str, Any]:
    """Return path -> compared value of a new bucket under the cluster's ``config``."""
    found = {}
    for field in FIELDS:
        section = field.path.partition(".")[0]
        inherited = section in INHERITED
        found[field.path] = field.actual(dig(config, field.path) if inherited else None)
    found["access"] = PERMISSION_PRESETS["all"]
    for name in ("write_policy.data", "write_policy.md"):
        found[name] = found[name] or "immediate"
    if not remote:
        found["lru.enabled"] = False
    return found
