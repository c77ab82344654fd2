# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""AIStore's checksums, of whatever is fed to them.

``xxhash`` and ``xxhash2`` are both XXH64 with seed 0. It comes from the optional package ``xxhash``, CRC-32C from the
optional packages ``google-crc32c`` or ``crc32c``; without them the same values are computed in Python, at about
10 MB/s. :func:`fast` tells which of both a caller gets, so that it can choose a cheaper way for large content.
Values are lower-case hexadecimal, as the server writes and wants them. No I/O.
"""

from __future__ import annotations

import hashlib
import importlib
import struct
from collections.abc import Iterable, Mapping
from functools import cache, partial
from typing import Any, Callable, Protocol

#: Sent with uploads where the bucket's own kind is not fast here; the server verifies any kind.
PORTABLE = "sha256"
#: Content up to so many bytes is hashed in Python, in a second or two, rather than compared in another way.
SLOW_LIMIT = 16 * 1024 * 1024

_MASK = (1 << 64) - 1
_P1, _P2, _P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
_P4, _P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
_STRIPE = struct.Struct("<4Q")


class Hash(Protocol):
    """What hashes: fed with :meth:`update`, asked with :meth:`hexdigest`."""

    def update(self, data: bytes | memoryview, /) -> None: ...

    def hexdigest(self) -> str: ...


class Xxh64:
    """XXH64 with seed 0, in Python."""

    def __init__(self) -> None:
        self._lanes = ((_P1 + _P2) & _MASK, _P2, 0, -_P1 & _MASK)
        self._rest = b""
        self._size = 0

    def update(self, data: bytes | memoryview, /) -> None:
        """Feed ``data``."""
        self._size += len(data)
        data = self._rest + data
        whole = len(data) & ~31
        self._rest = data[whole:]
        a, b, c, d = self._lanes
        # Written out: this loop is all the time that it takes.
        for w, x, y, z in _STRIPE.iter_unpack(data[:whole]):
            a = (a + w * _P2) & _MASK
            a = ((a << 31 | a >> 33) & _MASK) * _P1 & _MASK
            b = (b + x * _P2) & _MASK
            b = ((b << 31 | b >> 33) & _MASK) * _P1 & _MASK
            c = (c + y * _P2) & _MASK
            c = ((c << 31 | c >> 33) & _MASK) * _P1 & _MASK
            d = (d + z * _P2) & _MASK
            d = ((d << 31 | d >> 33) & _MASK) * _P1 & _MASK
        self._lanes = (a, b, c, d)

    def hexdigest(self) -> str:
        """Return the value of everything fed until now."""
        if self._size >= 32:
            total = sum(_rotated(lane, by) for lane, by in zip(self._lanes, (1, 7, 12, 18))) & _MASK
            for lane in self._lanes:
                total = ((total ^ _round(0, lane)) * _P1 + _P4) & _MASK
        else:
            total = _P5
        total = (total + self._size) & _MASK
        rest = self._rest
        while len(rest) >= 8:
            total = (_rotated(total ^ _round(0, int.from_bytes(rest[:8], "little")), 27) * _P1 + _P4) & _MASK
            rest = rest[8:]
        if len(rest) >= 4:
            total = (_rotated(total ^ int.from_bytes(rest[:4], "little") * _P1 & _MASK, 23) * _P2 + _P3) & _MASK
            rest = rest[4:]
        for byte in rest:
            total = _rotated(total ^ byte * _P5 & _MASK, 11) * _P1 & _MASK
        total = (total ^ total >> 33) * _P2 & _MASK
        total = (total ^ total >> 29) * _P3 & _MASK
        return f"{total ^ total >> 32:016x}"


class Crc32c:
    """CRC-32C (Castagnoli), in Python or with the ``extend(crc, data)`` of a package."""

    def __init__(self, extend: Callable[[int, Any], int] | None = None) -> None:
        self._extend = extend or _extend_crc
        self._value = 0

    def update(self, data: bytes | memoryview, /) -> None:
        """Feed ``data``."""
        self._value = self._extend(self._value, data)

    def hexdigest(self) -> str:
        """Return the value of everything fed until now."""
        return f"{self._value:08x}"


def new(kind: str) -> Hash:
    """Return a new hash of a :func:`known` ``kind``; the fast one where there is one."""
    return (_fast(kind) or _SLOW[kind])()


def known(kind: str) -> bool:
    """Tell whether checksums of ``kind`` can be computed here; ``none`` and unknown kinds cannot."""
    return kind in _SLOW or _fast(kind) is not None


def fast(kind: str) -> bool:
    """Tell whether checksums of ``kind`` are computed at the speed of a disk here."""
    return _fast(kind) is not None


def for_upload(kind: str) -> str:
    """Return the kind of checksum that an upload into a bucket of ``kind`` should carry.

    The bucket's own lets the server skip identical content; any other is verified as well.
    """
    return kind if fast(kind) else PORTABLE


def digest(kind: str, parts: Iterable[bytes | memoryview]) -> str:
    """Return the checksum of ``kind`` of ``parts`` in a row."""
    found = new(kind)
    for part in parts:
        found.update(part)
    return found.hexdigest()


@cache
def _fast(kind: str) -> Callable[[], Hash] | None:
    """Return what makes hashes of ``kind`` at full speed, or None."""
    if kind in ("md5", "sha256", "sha512"):
        try:
            hashlib.new(kind)  # md5 is switched off on hosts in FIPS mode
        except ValueError:
            return None
        return lambda: hashlib.new(kind)
    for package, make in _PACKAGES.get(kind, {}).items():
        try:
            return make(importlib.import_module(package))
        except (ImportError, AttributeError):
            continue
    return None


def _of_xxhash(package: Any) -> Callable[[], Hash]:
    found: Callable[[], Hash] = package.xxh64
    return found


def _of_google_crc32c(package: Any) -> Callable[[], Hash]:
    extend = package.extend
    return partial(Crc32c, lambda value, data: extend(value, bytes(data)))  # it takes no views


def _of_crc32c(package: Any) -> Callable[[], Hash]:
    crc = package.crc32c
    return partial(Crc32c, lambda value, data: crc(data, value))


#: The packages that may provide a kind, and what makes hashes with each.
_PACKAGES: Mapping[str, Mapping[str, Callable[[Any], Callable[[], Hash]]]] = {
    "xxhash": {"xxhash": _of_xxhash},
    "xxhash2": {"xxhash": _of_xxhash},
    "crc32c": {"google_crc32c": _of_google_crc32c, "crc32c": _of_crc32c},
}
#: What is computed in Python when no package does.
_SLOW: Mapping[str, Callable[[], Hash]] = {"xxhash": Xxh64, "xxhash2": Xxh64, "crc32c": Crc32c}


def _rotated(value: int, by: int) -> int:
    return (value << by | value >> (64 - by)) & _MASK


def _round(lane: int, word: int) -> int:
    return _rotated((lane + word * _P2) & _MASK, 31) * _P1 & _MASK


@cache
def _crc_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _bit in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return tuple(table)


def _extend_crc(value: int, data: bytes | memoryview) -> int:
    table = _crc_table()
    value ^= 0xFFFFFFFF
    for byte in data:
        value = table[(value ^ byte) & 255] ^ value >> 8
    return value ^ 0xFFFFFFFF
