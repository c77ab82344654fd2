# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors say what happened and what to do, and never a token."""

from __future__ import annotations

import json

import pytest
from ansible_collections.community.aistore.plugins.module_utils import _errors
from hypothesis import given
from hypothesis import strategies as st

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJib2IifQ.c2lnbmF0dXJl-_x"


@pytest.mark.parametrize("cut", [len(TOKEN), 30, 12])
def test_a_token_is_never_shown(cut: int) -> None:
    for text in (f"bad: {TOKEN[:cut]}", f'"{TOKEN[:cut]}"', f"x{TOKEN[:cut]}\n"):
        for error in (_errors.AisError(text), _errors.api_error("read", 401, text), _errors.OptionError(text)):
            assert TOKEN[:10] not in str(error)
            assert TOKEN[:10] not in error.message
            assert "eyJ" not in json.dumps(error.facts())


@given(st.integers(100, 599), st.text() | st.binary().map(lambda raw: raw.decode("latin-1")), st.text(max_size=20))
def test_whatever_a_server_says_is_one_line(status: int, body: str, kind: str) -> None:
    error = _errors.api_error("read it", status, body, kind)
    assert str(error).startswith("read it: answered with HTTP")
    assert len(str(error).splitlines()) == 1
    assert len(str(error)) < 2000
    assert error.status == status
    json.dumps(error.facts())


@given(
    st.dictionaries(
        st.sampled_from(["tcode", "message", "node", "status"]),
        st.none() | st.integers() | st.text() | st.lists(st.text()),
    )
)
def test_an_error_body_may_hold_anything(told: dict) -> None:
    error = _errors.api_error("read it", 404, json.dumps(told))
    assert error.typed is isinstance(told.get("message"), str)
    json.dumps(error.facts())
    str(error)


def test_an_error_body_too_deep_to_read() -> None:
    assert _errors.api_error("read it", 500, '{"message":' + "[" * 100_000).status == 500


def test_a_long_message_is_cut() -> None:
    assert len(str(_errors.api_error("read it", 500, "word " * 100_000))) < 2000


def test_a_hint_follows_the_message() -> None:
    assert str(_errors.AisError("It failed.", hint="Do that.")) == "It failed. Do that."
    assert str(_errors.AisError("it failed")) == "it failed"
    assert "may have been carried out" in str(_errors.Unanswered("it broke"))
    assert str(_errors.Unanswered("it broke", hint="")) == "it broke"


@pytest.mark.parametrize(
    "kind", [kind for kind in vars(_errors).values() if isinstance(kind, type) and issubclass(kind, _errors.AisError)]
)
def test_every_error_says_its_type(kind: type) -> None:
    error = kind("read it", 400) if issubclass(kind, _errors.ApiError) else kind("it failed")
    assert error.facts()["type"] == kind.__name__
    assert kind.__doc__
