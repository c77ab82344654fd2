# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of fields: what was asked for is compared, sent and shown in one form."""

from __future__ import annotations

import pytest
from ansible_collections.community.aistore.plugins.module_utils import _fields
from ansible_collections.community.aistore.plugins.module_utils._errors import OptionError
from ansible_collections.community.aistore.plugins.module_utils._fields import KINDS, Field, Flags, Table
from hypothesis import example, given
from hypothesis import strategies as st

ACCESS = Flags({"GET": 1, "HEAD": 2, "PUT": 4}, {"ro": 3, "all": 2**64 - 1})
TABLE = Table(
    [
        Field("name", KINDS["str"], "a text", choices=("one", "two", "three")),
        Field("mirror.enabled", KINDS["bool"], "a switch"),
        Field("mirror.copies", KINDS["int"], "a number", low=1, high=9, special=(-1,)),
        Field("chunk.size", KINDS["size"], "bytes", low=1024),
        Field("chunk.limit", KINDS["iec"], "bytes as text"),
        Field("chunk.time", KINDS["duration"], "a duration"),
        Field("access", ACCESS.kind(), "bits"),
        Field("born", KINDS["int"], "read-only", read_only=True),
        Field("key", KINDS["str"], "secret", secret=True),
    ]
)
VALUES = {
    "name": st.sampled_from(["one", "two", "three"]),
    "mirror.enabled": st.sampled_from([True, False, "yes", "no", "on", "false", 1, 0]),
    "mirror.copies": st.integers(1, 9) | st.integers(1, 9).map(str) | st.just(-1),
    "chunk.size": st.integers(1024, 1 << 40) | st.integers(1, 99).map(lambda n: f"{n}MiB"),
    "chunk.limit": st.integers(0, 1023) | st.integers(1, 1023).map(lambda n: f"{n}GiB"),
    "chunk.time": st.integers(0, 9999).map(lambda n: f"{n}s") | st.integers(0, 99).map(lambda n: f"{n}h"),
    "access": st.lists(st.sampled_from(["GET", "head", "PUT", "ro", "4"])) | st.just("GET, PUT") | st.just("all"),
    "key": st.text(max_size=5),
}
GIVEN = st.fixed_dictionaries({}, optional=VALUES)


@given(GIVEN)
def test_what_was_sent_satisfies_what_was_asked_for(flat: dict) -> None:
    """Apply the payload to a model server, compare again: nothing is left to do."""
    wanted = TABLE.wanted(_fields.nest(flat), "props")
    assert set(wanted) == set(flat)
    actual = TABLE.actual(TABLE.payload(wanted))
    assert TABLE.changes(wanted, actual) == {}


@given(GIVEN, GIVEN)
def test_changes_are_what_differs(before: dict, after: dict) -> None:
    actual = TABLE.actual(TABLE.payload(TABLE.wanted(_fields.nest(before), "props")))
    wanted = TABLE.wanted(_fields.nest(after), "props")
    changes = TABLE.changes(wanted, actual)
    assert set(changes) == {path for path in wanted if wanted[path] != actual[path]}
    assert TABLE.changes(wanted, {**actual, **wanted}) == {}


@given(GIVEN)
def test_what_is_shown_can_be_asked_for(flat: dict) -> None:
    wanted = TABLE.wanted(_fields.nest(flat), "props")
    shown = TABLE.shown(wanted, only=[path for path in TABLE.fields if path != "key"])
    assert TABLE.wanted(shown, "props") == {path: value for path, value in wanted.items() if path != "key"}


@given(
    st.dictionaries(
        st.sampled_from([*TABLE.fields, "other"]), st.none() | st.integers() | st.text() | st.lists(st.integers())
    )
)
@example({"chunk.size": "%"})
def test_a_server_may_say_anything(flat: dict) -> None:
    actual = TABLE.actual(_fields.nest(flat))
    assert set(actual) == set(TABLE.fields)
    TABLE.shown(actual)
    TABLE.changes(TABLE.wanted({"mirror": {"copies": 2}}, "props"), actual)


def test_a_secret_is_not_shown() -> None:
    wanted = TABLE.wanted({"key": "hunter2"}, "props")
    assert "hunter2" not in str(TABLE.shown(wanted))
    assert "hunter2" not in str(TABLE.changes(wanted, {}))
    assert TABLE.argument_spec()["key"]["no_log"] is True


def test_what_is_not_given_is_not_compared() -> None:
    assert TABLE.wanted({"name": None, "mirror": {"copies": None}, "chunk": {}}, "props") == {}


def test_what_the_server_leaves_out_is_zero() -> None:
    actual = TABLE.actual({})
    assert (actual["mirror.enabled"], actual["mirror.copies"], actual["access"]) == (False, 0, 0)


@pytest.mark.parametrize(
    ("given_", "told"),
    [
        ({"mirorr": {"copies": 2}}, "props.mirorr.copies: unknown property; did you mean mirror.copies?"),
        ({"mirror": {"copis": 2}}, "did you mean mirror.copies?"),
        ({"zzz": 1}, "props.zzz: unknown property$"),
        ({"born": 1}, "props.born: is read-only"),
        ({"mirror": {"copies": 10}}, "props.mirror.copies: 10 is out of range; it must be at least 1 and at most 9"),
        ({"mirror": {"copies": "many"}}, "'many' is not a whole number"),
        ({"mirror": {"copies": 1.5}}, "1.5 is not a whole number"),
        ({"mirror": {"enabled": "perhaps"}}, "'perhaps' is not a boolean"),
        ({"name": "tow"}, "did you mean two?"),
        ({"chunk": {"size": "1B"}}, "1B is out of range; it must be at least 1KiB"),
        ({"chunk": {"limit": "1536MiB"}}, "cannot be kept exactly"),
        ({"chunk": {"time": "soon"}}, "is not a duration"),
        ({"access": "GTE"}, "unknown name 'GTE'; did you mean GET?"),
    ],
)
def test_a_mistake_is_one_message(given_: dict, told: str) -> None:
    with pytest.raises(OptionError, match=told.replace("?", r"\?")):
        TABLE.wanted(given_, "props")


@given(st.integers(0, 2**64 - 1))
def test_bits_survive_their_names(value: int) -> None:
    assert ACCESS.read(ACCESS.show(value)) == value


@given(
    st.dictionaries(
        st.text("abc", min_size=1),
        st.integers() | st.dictionaries(st.text("abc", min_size=1), st.integers(), min_size=1),
    )
)
def test_nesting_is_undone(nested: dict) -> None:
    assert _fields.nest(dict(_fields.flatten(nested))) == nested
    for path, value in _fields.flatten(nested):
        assert _fields.dig(nested, path) == value


def test_the_argument_spec_follows_the_table() -> None:
    spec = TABLE.argument_spec()
    assert spec["mirror"]["options"]["copies"]["type"] == "int"
    assert spec["name"]["choices"] == ["one", "two", "three"]
    assert spec["access"] == {"type": "list", "elements": "str", "no_log": False}
    assert "born" not in spec
    assert TABLE.sections() == ["mirror", "chunk"]
