# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ais_dsort asks for, what it makes of what targets tell, and what it plans."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.community.aistore.plugins.module_utils._errors import AisError, Degraded, OptionError
from ansible_collections.community.aistore.plugins.module_utils._resources import dsort_spec
from ansible_collections.community.aistore.plugins.module_utils._resources.dsort import DsortResource, Sorts
from ansible_collections.community.aistore.plugins.module_utils._resources.dsort_spec import (
    Mark,
    describe,
    mark_of,
    parse,
)
from hypothesis import given
from hypothesis import strategies as st

INPUT = {"bucket": "raw", "template": "shard-{0..4}"}
OUTPUT = {"bucket": "out", "template": "new-{00..99}", "shard_size": "1KiB"}
DEFAULTS: dict[str, Any] = {
    "name": "mine",
    "state": "present",
    "input": INPUT,
    "output": OUTPUT,
    "force": False,
    "allow_degraded": False,
    "wait": True,
    "wait_timeout": 600.0,
}


def asked(**options: Any) -> dict[str, Any]:
    return {**DEFAULTS, **options}


def resource(**options: Any) -> DsortResource:
    return DsortResource(asked(**options), None)  # type: ignore[arg-type] - planning asks nobody


def record(of: DsortResource, state: str = "finished", **more: Any) -> dict[str, Any]:
    spec = of.spec or parse(DEFAULTS)
    counts = {"input_shards": 5, "records": 50, "bytes": 5000, "output_shards": 3}
    made = {"id": "srt-1", "place": spec.place, "digest": spec.digest, **counts}
    return {**dsort_spec.blank("mine", state), **made, **more}


def made(count: int, mark: Mark | None = None) -> dict[str, Mark | None]:
    return {f"new-{number:02d}.tar": mark if number == 0 else None for number in range(count)}


def metrics(**more: Any) -> dict[str, Any]:
    """One target's part of a sort that has finished there."""
    spec = parse(DEFAULTS)
    part: dict[str, Any] = {
        "src-bck": {"name": "raw", "provider": "ais"},
        "dst-bck": {"name": "out", "provider": "ais"},
        "Metrics": {
            "local_extraction": {
                "started_time": "2026-01-02T03:04:05Z",
                "extracted_count": "2",
                "extracted_record_count": "20",
                "extracted_size": "2000",
            },
            "shard_creation": {
                "finished": True,
                "to_create": "1",
                "created_count": "1",
                "end_time": "2026-01-02T03:04:06Z",
            },
            "description": spec.description("mine"),
        },
        "aborted": False,
        "archived": False,
    }
    for path, value in more.items():
        level = part
        *parents, leaf = path.split("__")
        for parent in parents:
            level = level[parent]
        level[leaf] = value
    return part


def test_the_request() -> None:
    body = parse(asked(missing_shards="warn", max_mem_usage="80 %", algorithm={"kind": "shuffle", "seed": 0})).body
    assert body == {
        "input_bck": {"name": "raw", "provider": "ais"},
        "input_format": {"template": "shard-{0..4}"},
        "input_extension": ".tar",
        "output_bck": {"name": "out", "provider": "ais"},
        "output_format": "new-{00..99}",
        "output_extension": ".tar",
        "output_shard_size": "1024B",
        "algorithm": {"kind": "shuffle", "seed": "0"},
        "Config": {"missing_shards": "warn"},
        "dsorter_type": "dsort_general",
        "max_mem_usage": "80%",
    }
    ekm = {"ekm_file": "http://host/order.txt", "output": {"bucket": "out", "shard_size": "1KiB"}}
    assert parse(asked(**ekm)).body["ekm_file_sep"] == "\t"


@pytest.mark.parametrize(
    ("source", "dest", "first", "ends"),
    [
        ({}, {}, "shard-0.tar", "new-00.tar"),
        ({"template": "shard-{0..4}.tgz"}, {}, "shard-0.tgz", "new-00.tgz"),
        ({"extension": ".zip"}, {"extension": ".tar.lz4"}, "shard-0.zip", "new-00.tar.lz4"),
        ({}, {"template": "new-{00..99}.tar.gz"}, "shard-0.tar", "new-00.tar.gz"),
        ({"template": None, "names": ["a", "b.zip"]}, {}, "a", "new-00.zip"),
    ],
)
def test_the_names_of_shards(source: dict[str, Any], dest: dict[str, Any], first: str, ends: str) -> None:
    spec = parse(asked(input={**INPUT, **source}, output={**OUTPUT, **dest}))
    assert first in spec.inputs
    assert spec.outputs[0] == ends
    assert spec.owns(ends)
    assert not spec.owns("other.tar")


@pytest.mark.parametrize(
    ("told", "options"),
    [
        ("input.template: 'shard' has no range", {"input": {**INPUT, "template": "shard"}}),
        ("input.extension: .zip contradicts", {"input": {**INPUT, "template": "s-{0..1}.tar", "extension": ".zip"}}),
        ("input.names: the list is empty", {"input": {"bucket": "raw", "names": []}}),
        ("have one extension", {"input": {"bucket": "raw", "names": ["a.tar", "b.zip"]}}),
        ("input.names: '/a'", {"input": {"bucket": "raw", "names": ["/a"]}}),
        ("output.template is missing", {"output": {"bucket": "out"}}),
        ("output.template: '../{0..1}'", {"output": {**OUTPUT, "template": "../{0..1}"}}),
        ("output.shard_size: 'big'", {"output": {**OUTPUT, "shard_size": "big"}}),
        ("output.shard_size", {"output": {**OUTPUT, "shard_size": "0"}}),
        (
            "2 names of output shards are names of input",
            {"output": {**OUTPUT, "bucket": "raw", "template": "shard-{3..9}"}},
        ),
        ("algorithm.seed: kind alphanumeric does not take it; it is for shuffle", {"algorithm": {"seed": 0}}),
        ("algorithm.decreasing: kind shuffle", {"algorithm": {"kind": "shuffle", "decreasing": True}}),
        ("algorithm.seed: -1 is negative", {"algorithm": {"kind": "shuffle", "seed": -1}}),
        ("algorithm.extension", {"algorithm": {"kind": "content", "extension": "cls"}}),
        ("ekm_file: 'order.txt' is not the address", {"ekm_file": "order.txt", "output": {"bucket": "out"}}),
        ("output.template: the shards are named", {"ekm_file": "http://host/o", "output": OUTPUT}),
        ("an 'ekm_file' needs it", {"ekm_file": "http://host/o", "output": {"bucket": "out"}}),
        ("to be another bucket", {"ekm_file": "http://host/o", "output": {"shard_size": "1KiB"}}),
        ("ekm_file_sep is for", {"ekm_file_sep": ","}),
        ("max_mem_usage: '100%'", {"max_mem_usage": "100%"}),
        ("max_mem_usage: 'much'", {"max_mem_usage": "much"}),
        ("extract_concurrency_max_limit: 0", {"extract_concurrency_max_limit": 0}),
        ("name: 'my sort' is not a name", {"name": "my sort"}),
    ],
)
def test_what_a_server_would_choke_on_is_refused(told: str, options: dict[str, Any]) -> None:
    with pytest.raises(OptionError) as caught:
        resource(**options)
    assert told in str(caught.value)


def test_what_changes_the_digest() -> None:
    plain = parse(DEFAULTS)
    tuned = parse(asked(max_mem_usage="1GiB", create_concurrency_max_limit=2, dsorter_type="dsort_mem"))
    assert (tuned.digest, tuned.place) == (plain.digest, plain.place)
    assert parse(asked(output={**OUTPUT, "shard_size": "1024"})).digest == plain.digest
    for other in ({"algorithm": {"decreasing": True}}, {"missing_shards": "warn"}, {"input": {**INPUT, "bucket": "r"}}):
        assert parse(asked(**other)).digest != plain.digest
        assert parse(asked(**other)).place == plain.place
    assert parse(asked(output={**OUTPUT, "template": "n-{0..9}"})).place != plain.place


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True), st.integers(0, 10**6))
def test_marks_and_descriptions_are_read_as_written(name: str, count: int) -> None:
    spec = parse(DEFAULTS)
    mark = Mark(name, spec.digest, count)
    assert dsort_spec.check_name(name) == name
    for custom in (f"[ais_dsort:{mark}]", f"[a:b ais_dsort:{mark}]", f"[ais_dsort:{mark} z:1]"):
        assert mark_of(custom) == mark
    assert mark_of(f"[ais_dsort:{Mark(name)}]") == Mark(name)
    found = describe("srt-1", {"t": metrics(Metrics__description=spec.description(name))})
    assert found
    assert (found["name"], found["place"], found["digest"]) == (name, spec.place, spec.digest)


def test_marks_of_others() -> None:
    assert mark_of("") is None
    assert mark_of("[not_ais_dsort:a/b/1]") is None
    assert describe("srt-1", {"t": metrics(Metrics__description="by hand")}) is None


@pytest.mark.parametrize(
    ("changes", "state", "errors"),
    [
        ({}, "finished", []),
        ({"Metrics__shard_creation__finished": False}, "running", []),
        ({"Metrics__shard_creation__created_count": "0"}, "running", []),
        ({"aborted": True, "Metrics__errors": ["t[b]: [dsort] srt-1 aborted"]}, "aborted", []),
        ({"aborted": True, "Metrics__errors": ["no space"]}, "failed", ["b: no space"]),
    ],
)
def test_a_sort_is_the_sum_of_its_parts(changes: dict[str, Any], state: str, errors: list[str]) -> None:
    found = describe("srt-1", {"a": metrics(), "b": metrics(**changes)})
    assert found
    assert (found["state"], found["errors"]) == (state, errors)
    assert (found["input_shards"], found["records"], found["bytes"]) == (4, 40, 4000)
    assert (found["input_bucket"], found["output_bucket"]) == ("ais://raw", "ais://out")
    assert bool(found["finished"]) == (state == "finished")
    assert set(found) == set(dsort_spec.blank("", ""))


def test_what_is_sorted_is_left_alone() -> None:
    mine = resource()
    assert mine.spec
    done = Mark("mine", mine.spec.digest, 3)
    satisfied = [
        Sorts((record(mine),), made(3)),
        Sorts((record(mine),), made(5)),
        Sorts((), made(3, done)),
        Sorts((record(mine, "running"),), made(1), joined=True),
    ]
    assert [mine.plan(state) for state in satisfied] == [[]] * 4
    unsatisfied = [
        Sorts((), {}, 5),
        Sorts((), None, 5),
        Sorts((record(mine),), made(2), 5),
        Sorts((record(mine, "aborted"), record(mine)), made(3), 5),
        Sorts((record(mine, digest="0" * 12), record(mine)), made(3), 5),
        Sorts((), made(2, done), 5),
        Sorts((), made(3, Mark("mine", "0" * 12, 3)), 5),
        Sorts((), made(3, Mark("mine")), 5),
    ]
    for state in unsatisfied:
        (step,) = mine.plan(state)
        assert (step.verb, step.detail["shards"]) == ("sort", 5)
        assert ("creates" in step.detail) == (state.there is None)
        foreseen = mine.foresee(state, [step])
        assert mine.result(foreseen)["sort"]["state"] == "finished"
        assert mine.result(foreseen)["sort"]["output_shards"] is None
        # What check mode foresees is satisfied once it is real.
        real = replace(foreseen, records=(record(mine), *state.records), there={**(state.there or {}), **made(3, done)})
        assert mine.plan(real) == []


def test_what_is_not_overwritten_or_started() -> None:
    mine = resource()
    foreign = [
        Sorts((), made(3), 5),
        Sorts((), made(3, Mark("other", "0" * 12, 3)), 5),
        Sorts((record(mine, place="0" * 8),), made(3), 5),
    ]
    for state in foreign:
        with pytest.raises(AisError, match="has 3 objects already with names of output shards, as new-00.tar"):
            mine.plan(state)
        assert [step.verb for step in resource(force=True).plan(state)] == ["sort"]
    with pytest.raises(AisError, match=r"running, with another spec \(srt-1\)"):
        mine.plan(Sorts((record(mine, "running", digest="0" * 12),), {}, 5))
    with pytest.raises(Degraded, match="target-02 does not answer"):
        mine.plan(Sorts((), {}, 5, ("target target-02 does not answer",)))
    assert [step.verb for step in resource(force=True).plan(Sorts((record(mine),), made(3), 5))] == ["sort"]


def test_marks_of_what_is_overwritten_are_taken_back() -> None:
    mine = resource()
    (step,) = mine.plan(Sorts((), made(3, Mark("mine", "0" * 12, 3)), 5))
    assert step.payload == ["new-00.tar"]


def test_stopping_and_removing() -> None:
    mine = resource()
    states = ("running", "finished")
    both = Sorts(tuple(record(mine, state, id=f"srt-{state}") for state in states))
    stop, remove, forced = resource(state="stopped"), resource(state="absent"), resource(state="absent", force=True)
    (step,) = stop.plan(both)
    assert (step.verb, step.detail) == ("stop", {"id": "srt-running"})
    assert stop.plan(stop.foresee(both, [step])) == []
    with pytest.raises(AisError, match="the sort srt-running is running"):
        remove.plan(both)
    steps = forced.plan(both)
    assert [step.verb for step in steps] == ["remove", "remove"]
    assert forced.foresee(both, steps).records == ()
    assert forced.result(forced.foresee(both, steps))["sort"]["state"] == "none"


def test_what_is_left_over_of_an_earlier_output_is_told() -> None:
    mine = resource()
    (told,) = mine.result(Sorts((record(mine),), made(5)))["warnings"]
    assert "2 more objects with names of output shards, as new-03.tar" in told
    assert "warnings" not in mine.result(Sorts((record(mine),), made(3)))
