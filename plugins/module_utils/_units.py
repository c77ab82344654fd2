# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Sizes and durations: as people write them, as the server prints them, and as numbers.

Nothing here does I/O. Both sides of a comparison are brought to numbers first, so ``1GiB`` equals ``1073741824``
and ``2h`` equals ``2h0m0s``.
"""

from __future__ import annotations

import re
from decimal import Decimal

_SIZE = re.compile(r"^\s*([+-]?\d+(?:\.\d+)?)\s*([a-z]*)\s*$", re.IGNORECASE)
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
#: AIStore counts in powers of 1024 whatever the spelling: ``1GB``, ``1G`` and ``1GiB`` are the same.
_FACTORS = {
    spelling: 1024**power
    for power, letter in enumerate(("", "k", "m", "g", "t"))
    for spelling in ({"", "b"} if not letter else {letter, f"{letter}b", f"{letter}ib"})
}
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|μs|ms|h|m|s)")
#: Nanoseconds in each unit of a Go duration.
_NANOSECONDS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}


def parse_size(text: str | int | float) -> int:
    """Return the bytes of ``text`` (``1GiB``, ``64 MiB``, ``1048576``). ``ValueError`` for anything else."""
    if isinstance(text, int) and not isinstance(text, bool):
        return int(text)
    found = _SIZE.match(str(text))
    if not found or found[2].lower() not in _FACTORS:
        raise ValueError(f"{text!r} is not a size; write bytes as a number, or for example 64KiB, 10MiB, 1GiB")
    size = Decimal(found[1]) * _FACTORS[found[2].lower()]
    if size != size.to_integral_value():
        raise ValueError(f"{text!r} is not a whole number of bytes")
    return int(size)


def format_size(size: int) -> str:
    """Return the shortest exact spelling of ``size`` bytes in IEC units: ``1536MiB``, ``1GiB``, ``1000B``."""
    power = 0
    while size and size % 1024 == 0 and power < len(_UNITS) - 1:
        size //= 1024
        power += 1
    return f"{size}{_UNITS[power]}"


def keeps_size(size: int) -> bool:
    """Tell whether the server can store ``size`` without rounding.

    It keeps such settings as text in whole numbers of the largest unit that fits: 1536MiB would become 2GiB.
    """
    unit = 1
    while abs(size) >= unit * 1024 and unit < 1024**4:
        unit *= 1024
    return size % unit == 0


def human_size(size: float) -> str:
    """Return ``size`` bytes for people, with one digit: ``3.2GiB``."""
    power = 0
    while abs(size) >= 1024 and power < len(_UNITS) - 1:
        size /= 1024
        power += 1
    return f"{size:.0f}{_UNITS[power]}" if power == 0 or size == int(size) else f"{size:.1f}{_UNITS[power]}"


def parse_duration(text: str | int | float) -> int:
    """Return the nanoseconds of a Go duration (``2h``, ``1m30s``, ``500ms``); a bare number is seconds.

    Raises ``ValueError`` for anything else.
    """
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        return int(Decimal(str(text)) * _NANOSECONDS["s"])
    told = str(text).strip().lower()
    sign, told = (-1, told[1:]) if told.startswith("-") else (1, told.lstrip("+"))
    if re.fullmatch(r"\d+(\.\d+)?", told):
        return sign * int(Decimal(told) * _NANOSECONDS["s"])
    parts = _DURATION_PART.findall(told)
    if not parts or "".join(number + unit for number, unit in parts) != told:
        raise ValueError(f"{text!r} is not a duration; write for example 30s, 10m, 2h, 1h30m")
    return sign * int(sum(Decimal(number) * _NANOSECONDS[unit] for number, unit in parts))


def format_duration(nanoseconds: int) -> str:
    """Return ``nanoseconds`` as AIStore prints durations: ``2h0m``, ``1m30s``, ``10s``, ``250ms``."""
    if nanoseconds < 0:
        return f"-{format_duration(-nanoseconds)}"
    if nanoseconds < _NANOSECONDS["s"]:
        for unit in ("ms", "us", "ns"):
            if nanoseconds and nanoseconds % _NANOSECONDS[unit] == 0:
                return f"{nanoseconds // _NANOSECONDS[unit]}{unit}"
        return "0s"
    hours, rest = divmod(nanoseconds, _NANOSECONDS["h"])
    minutes, rest = divmod(rest, _NANOSECONDS["m"])
    seconds = (Decimal(rest) / _NANOSECONDS["s"]).normalize()
    tail = f"{seconds:f}s" if rest else ""
    if hours:
        return f"{hours}h{minutes}m{tail}"
    return f"{minutes}m{tail}" if minutes else tail
