# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports that are free, and stay so until the servers have taken them."""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Iterable

from ._errors import SandboxError

# A sandbox owns a block of ports: public, control and data ports of up to 32 nodes, then the others.
BLOCK = 100
STRIDE = 32
S3, AUTHN, GUARD = 96, 97, 99
# Below the range from which the kernel picks ports for outgoing connections.
_FIRST, _LAST = 10_000, 32_000


def node_ports(base: int, index: int) -> tuple[int, int, int]:
    """Public, intra-control and intra-data port of the sandbox's node number ``index``."""
    return base + index, base + STRIDE + index, base + 2 * STRIDE + index


def busy(ports: Iterable[int]) -> list[int]:
    """Those of ``ports`` on which something listens."""
    return [port for port in ports if not _bindable(port)]


def free_block(nodes: int) -> tuple[int, contextlib.AbstractContextManager[socket.socket]]:
    """The base of a block nobody uses, and a guard: keep it open until the servers listen."""
    blocks = list(range(_FIRST, _LAST, BLOCK))
    random.shuffle(blocks)
    for base in blocks:
        guard = socket.socket()
        try:
            guard.bind(("127.0.0.1", base + GUARD))  # whoever else looks for a block skips this one
        except OSError:
            guard.close()
            continue
        wanted = [port for index in range(nodes) for port in node_ports(base, index)]
        if not busy([*wanted, base + S3, base + AUTHN]):
            return base, guard
        guard.close()
    raise SandboxError(f"no free block of {BLOCK} ports between {_FIRST} and {_LAST}")


def _bindable(port: int) -> bool:
    with socket.socket() as probe:
        # As the servers do: a port in TIME_WAIT is free, one that is listened on is not.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
