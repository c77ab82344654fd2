# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes and durations survive every spelling."""

from __future__ import annotations

import pytest
from ansible_collections.community.aistore.plugins.module_utils import _units
from hypothesis import given
from hypothesis import strategies as st

SIZES = st.integers(0, 1 << 60) | st.sampled_from([n * 1024**p for n in (1, 3, 1000, 1023, 1536) for p in range(5)])
NANOSECONDS = st.integers(0, 10**18) | st.integers(0, 10**6).map(lambda seconds: seconds * 10**9)


@given(SIZES)
def test_a_size_survives_its_spelling(size: int) -> None:
    assert _units.parse_size(_units.format_size(size)) == size
    assert _units.parse_size(str(size)) == _units.parse_size(size) == size


@given(SIZES)
def test_the_server_keeps_what_is_said_to_be_kept(size: int) -> None:
    unit = next((1024**p for p in (4, 3, 2, 1) if size >= 1024**p), 1)
    rounded = (size + unit // 2) // unit * unit
    if _units.keeps_size(size):
        assert rounded == size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1GiB", 1 << 30),
        ("1gb", 1 << 30),
        ("1G", 1 << 30),
        (" 64 MiB ", 64 << 20),
        ("1.5KiB", 1536),
        ("0", 0),
        ("10b", 10),
        ("-1", -1),
        (7, 7),
    ],
)
def test_spellings_of_a_size(text: object, size: int) -> None:
    assert _units.parse_size(text) == size


@pytest.mark.parametrize("text", ["", "much", "1XB", "1.0001KiB", "GiB", "1 2", True, None, "1e3", "½KiB"])
def test_what_is_no_size(text: object) -> None:
    with pytest.raises(ValueError, match=r"size|bytes"):
        _units.parse_size(text)


@pytest.mark.parametrize(
    ("size", "kept"),
    [(1536, False), (1000, True), (1024, True), (1 << 50, True), (3 << 30, True), ((1 << 30) + 1, False)],
)
def test_what_the_server_would_round(size: int, kept: bool) -> None:
    assert _units.keeps_size(size) is kept


@given(NANOSECONDS)
def test_a_duration_survives_its_spelling(nanoseconds: int) -> None:
    assert _units.parse_duration(_units.format_duration(nanoseconds)) == nanoseconds
    assert _units.parse_duration(_units.format_duration(-nanoseconds)) == -nanoseconds


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("2h", "2h0m"),
        ("2h0m0s", "2h0m"),
        ("120m", "2h0m"),
        (7200, "2h0m"),
        ("7200", "2h0m"),
        ("90s", "1m30s"),
        ("1.5m", "1m30s"),
        ("10s", "10s"),
        ("250ms", "250ms"),
        ("0", "0s"),
        ("0s", "0s"),
        ("-1m", "-1m"),
        ("1500us", "1500us"),
        ("1.5s", "1.5s"),
        (0.25, "250ms"),
        ("1h1s", "1h0m1s"),
    ],
)
def test_spellings_of_a_duration(text: object, spelled: str) -> None:
    assert _units.format_duration(_units.parse_duration(text)) == spelled


@pytest.mark.parametrize("text", ["", "soon", "1d", "h", "1h x", "1 h", True, None, "1h2"])
def test_what_is_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        _units.parse_duration(text)


@pytest.mark.parametrize(
    ("size", "shown"), [(0, "0B"), (1023, "1023B"), (1536, "1.5KiB"), (1 << 30, "1GiB"), (5 << 42, "20TiB")]
)
def test_sizes_for_people(size: int, shown: str) -> None:
    assert _units.human_size(size) == shown
