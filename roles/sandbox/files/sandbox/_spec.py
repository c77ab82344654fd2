# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a sandbox should be, and the server configuration that follows from it. No I/O."""

from __future__ import annotations

import dataclasses
from typing import Any

from ._errors import SandboxError

MAX_NODES = 32
VERSIONS = ("5.0", "4.9")
TLS_MODES = ("off", "tls", "mtls")
BACKENDS = ("aws",)


@dataclasses.dataclass(frozen=True)
class Spec:
    """The options that make one cluster differ from another."""

    version: str = "5.0"
    proxies: int = 3
    targets: int = 4
    mountpaths: int = 2
    base_port: int = 0
    backends: tuple[str, ...] = ()
    tls: str = "off"
    authn: bool = False
    rebalance: bool = False
    config: dict[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "backends", tuple(self.backends))
        rules = (
            (self.version in VERSIONS, f"version must be one of {', '.join(VERSIONS)}"),
            (self.proxies >= 1, "proxies must be at least 1"),
            (self.targets >= 1, "targets must be at least 1"),
            (self.proxies + self.targets <= MAX_NODES, f"at most {MAX_NODES} nodes"),
            (self.mountpaths >= 1, "mountpaths must be at least 1"),
            (
                self.base_port == 0 or 1024 <= self.base_port <= 65000,
                "base_port must be 0 (any) or 1024..65000",
            ),
            (set(self.backends) <= set(BACKENDS), f"backends may hold {', '.join(BACKENDS)}"),
            (self.tls in TLS_MODES, f"tls must be one of {', '.join(TLS_MODES)}"),
        )
        for good, rule in rules:
            if not good:
                raise SandboxError(f"sandbox: {rule}")

    @property
    def scheme(self) -> str:
        return "http" if self.tls == "off" else "https"

    def as_dict(self) -> dict[str, Any]:
        return {**dataclasses.asdict(self), "backends": list(self.backends)}


# Short timers: a cluster of seven nodes is usable in a few seconds and misses a dead node soon.
_COMMON: dict[str, Any] = {
    "net": {"l4": {"proto": "tcp"}},
    "timeout": {
        "cplane_operation": "1s",
        "max_keepalive": "2s",
        "max_host_busy": "10s",
        "startup_time": "30s",
        "join_startup_time": "3m",
        "send_file_time": "5m",
    },
    "keepalivetracker": {
        "proxy": {"name": "heartbeat", "interval": "2s", "factor": 2},
        "target": {"name": "heartbeat", "interval": "2s", "factor": 2},
    },
    # The disk is the user's own and may be nearly full.
    "space": {"cleanupwm": 90, "lowwm": 92, "highwm": 95, "out_of_space": 98},
    "versioning": {"enabled": True, "validate_warm_get": False},
    "resilver": {"enabled": True},
    "distributed_sort": {
        "duplicated_records": "ignore",
        "missing_shards": "ignore",
        "ekm_malformed_line": "abort",
        "ekm_missing_key": "abort",
        "default_max_mem_usage": "80%",
        "call_timeout": "10m",
        "dsorter_mem_threshold": "100GB",
        "compression": "never",
        "bundle_multiplier": 4,
    },
    "auth": {},
}

# Server 4.9 has no defaults of its own for these sections.
_ONLY_49: dict[str, Any] = {
    "mirror": {"copies": 2, "burst_buffer": 512, "enabled": False},
    "ec": {
        "objsize_limit": 262144,
        "compression": "never",
        "bundle_multiplier": 2,
        "data_slices": 1,
        "parity_slices": 1,
        "enabled": False,
        "disk_only": False,
    },
    "chunks": {
        "objsize_limit": "0",
        "chunk_size": "1GiB",
        "max_monolithic_size": "1TiB",
        "checkpoint_every": 0,
        "flags": 0,
    },
    "log": {
        "level": "3",
        "max_size": "10mb",
        "max_total": "256mb",
        "flush_time": "60s",
        "stats_time": "60s",
    },
    "periodic": {"stats_time": "10s", "notif_time": "30s", "retry_sync_time": "2s"},
    "timeout": {"cold_get_conflict": "5s", "ec_streams_time": "10m", "object_md": "2h"},
    "client": {"client_timeout": "10s", "client_long_timeout": "10m", "list_timeout": "1m"},
    "space": {"batch_size": 32768, "dont_cleanup_time": "120m"},
    "lru": {
        "dont_evict_time": "120m",
        "capacity_upd_time": "10m",
        "batch_size": 32768,
        "enabled": True,
    },
    "disk": {
        "iostat_time_long": "2s",
        "iostat_time_short": "100ms",
        "iostat_time_smooth": "8s",
        "disk_util_low_wm": 20,
        "disk_util_high_wm": 80,
        "disk_util_max_wm": 95,
    },
    "rebalance": {"compression": "never", "bundle_multiplier": 2, "burst_buffer": 1024},
    "checksum": {
        "type": "xxhash2",
        "validate_cold_get": False,
        "validate_warm_get": False,
        "validate_obj_move": False,
        "enable_read_range": False,
    },
    "transport": {
        "max_header": 4096,
        "burst_buffer": 512,
        "idle_teardown": "4s",
        "quiescent": "10s",
        "lz4_block": "256kb",
        "lz4_frame_checksum": False,
    },
    "memsys": {
        "min_free": "2gb",
        "default_buf": "32kb",
        "to_gc": "4gb",
        "hk_time": "3m",
        "min_pct_total": 0,
        "min_pct_free": 0,
    },
    "net": {
        "l4": {"sndrcv_buf_size": 131072},
        "http": {
            "use_https": False,
            "idle_conn_time": "6s",
            "idle_conns_per_host": 32,
            "idle_conns": 256,
            "chunked_transfer": True,
        },
    },
    "fshc": {
        "test_files": 4,
        "error_limit": 2,
        "io_err_limit": 10,
        "io_err_time": "10s",
        "enabled": True,
    },
    "keepalivetracker": {"num_retries": 3, "retry_factor": 4},
    "downloader": {"timeout": "1h"},
    "tcb": {"compression": "never", "bundle_multiplier": 2},
    "tco": {"compression": "never", "bundle_multiplier": 2},
    "arch": {"compression": "never", "bundle_multiplier": 2},
    "write_policy": {"data": "", "md": ""},
    "rate_limit": {
        "backend": {"num_retries": 3, "interval": "1m", "max_tokens": 1000, "enabled": False},
        "frontend": {"burst_size": 375, "interval": "1m", "max_tokens": 1000, "enabled": False},
    },
    "get_batch": {
        "compression": "never",
        "bundle_multiplier": 0,
        "burst_buffer": 0,
        "max_wait": "10s",
        "warmup_workers": 1,
        "max_soft_errs": 8,
        "max_gfn": 5,
    },
    "features": "0",
}


def merge(*layers: dict[str, Any]) -> dict[str, Any]:
    """A new dict of dicts; what comes later wins."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            if isinstance(value, dict):
                value = merge(merged.get(key) or {}, value)
            merged[key] = value
    return merged


def cluster_config(spec: Spec, primary_url: str, tls_files: dict[str, str]) -> dict[str, Any]:
    """The file all nodes start from."""
    auth_switch = "client_auth_required" if spec.version == "5.0" else "enabled"
    return merge(
        _COMMON,
        _ONLY_49 if spec.version == "4.9" else {},
        {
            "proxy": {"primary_url": primary_url, "original_url": primary_url},
            # A section of nothing but zeros would be replaced by the server's defaults.
            "rebalance": {"enabled": spec.rebalance, "dest_retry_time": "2m"},
            "backend": {name: {} for name in spec.backends},
        },
        {"auth": {"signature": {"method": "HMAC"}, auth_switch: True}} if spec.authn else {},
        {
            "net": {
                "http": {
                    "use_https": True,
                    "server_crt": tls_files["server_crt"],
                    "server_key": tls_files["server_key"],
                    "client_ca_tls": tls_files["ca"],
                    "client_auth_tls": 4 if spec.tls == "mtls" else 0,
                }
            }
        }
        if spec.tls != "off"
        else {},
        spec.config,
    )


def node_config(directory: str, ports: tuple[int, int, int], mountpaths: int) -> dict[str, Any]:
    """One node's own file; ``mountpaths`` is 0 for a proxy, else they are DIR/mp1, DIR/mp2, …"""
    public, control, data = map(str, ports)
    return {
        "confdir": f"{directory}/conf",
        "log_dir": f"{directory}/log",
        "host_net": {
            "hostname": "127.0.0.1",
            "port": public,
            "port_intra_control": control,
            "port_intra_data": data,
        },
        "fspaths": {},
        # The server's test mode: several mountpaths may share one filesystem.
        "test_fspaths": {"root": f"{directory}/", "count": mountpaths, "instance": 0},
    }


def authn_config(directory: str, port: int, secret: str, spec: Spec, tls_files: dict[str, str]) -> Any:
    return {
        "log": {"dir": f"{directory}/log", "level": "3"},
        "net": {
            "http": {
                "port": port,
                "use_https": spec.tls != "off",
                "server_crt": tls_files.get("server_crt", ""),
                "server_key": tls_files.get("server_key", ""),
            }
        },
        "auth": {"secret": secret, "expiration_time": "24h"},
        "timeout": {"default_timeout": "30s"},
    }
