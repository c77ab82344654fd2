# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ais_download asks for and plans, and what it makes of the cluster's records: without a cluster."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from ansible_collections.community.aistore.plugins.module_utils import _downloads, _engine
from ansible_collections.community.aistore.plugins.module_utils._address import parse_bucket
from ansible_collections.community.aistore.plugins.module_utils._errors import NotFound, OptionError
from ansible_collections.community.aistore.plugins.module_utils._listing import Entry
from ansible_collections.community.aistore.plugins.module_utils._resources import download
from ansible_collections.community.aistore.plugins.module_utils._resources import object as one
from ansible_collections.community.aistore.plugins.module_utils._resources.object_wish import MARK
from ansible_collections.community.aistore.plugins.modules import ais_download
from hypothesis import given
from hypothesis import strategies as st

BUCKET = parse_bucket("b")
DEFAULTS = {name: spec.get("default") for name, spec in ais_download.SPEC.items()}


def wish(**options: Any) -> download.Wish:
    return download.wish({**DEFAULTS, "bucket": "b", "wait": True, **options})


# -- what is asked for ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "links"),
    [
        ({"objects": {"a": "http://h/x"}, "prefix": "p/"}, {"p/a": "http://h/x"}),
        ({"links": ["https://h/d/x%20y.tar?v=1#f"]}, {"x y.tar": "https://h/d/x%20y.tar?v=1#f"}),
        ({"template": "http://h/{0..1}/s-{08..10..2}"}, None),
        ({"template": "http://h/s-{08..10..2}?k=v", "prefix": "t-"},
         {"t-s-08": "http://h/s-08?k=v", "t-s-10": "http://h/s-10?k=v"}),
        ({"template": "http://h/get?id={1..2}"}, None),
        ({"links": []}, {}),
    ],
)  # fmt: skip
def test_names_and_links(options: dict[str, Any], links: dict[str, str] | None) -> None:
    if links is None:  # several addresses for one name
        with pytest.raises(OptionError, match="give each object a name with 'objects'"):
            wish(**options)
    else:
        assert wish(**options).links == links


@pytest.mark.parametrize(
    "link", ["gs://b/o", "s3://b/o", "ftp://h/x", "h/x", "", "http:///x", "http://[h/x", "http://h/a b", "http://h/\n"]
)
def test_other_addresses_are_refused(link: str) -> None:
    with pytest.raises(OptionError, match="objects: "):
        wish(objects={"a": link})


@pytest.mark.parametrize("link", [None, 3, ["http://h/x"], {"a": "http://h/x"}])
def test_an_address_is_a_text(link: Any) -> None:
    with pytest.raises(OptionError, match="objects: "):
        wish(objects={"a": link})


def test_what_a_job_takes() -> None:
    asked = wish(
        links=["http://h/a"],
        headers={"X": 1},
        limits={"connections": 2, "bytes_per_hour": "1MiB"},
        link_timeout="90",
    )
    assert asked.options == {
        "headers": {"X": ["1"]},
        "limits": {"connections": 2, "bytes_per_hour": 1 << 20},
        "timeout": "1m30s",
    }


# -- secrets --------------------------------------------------------------------------------------------------

SIGNED = "https://me:pass@h:8/p/o?X-Signature=0123456789&n=1#part"


def test_links_are_shown_without_secrets() -> None:
    assert _downloads.shown(SIGNED) == "https://h:8/p/o?..."
    assert list(_downloads.secrets([SIGNED])) == ["pass", "X-Signature=0123456789&n=1"]
    assert list(filter(None, _downloads.secrets(["http://h/o", "http://me@h/a@b?v=1", "x", ""]))) == []
    assert list(filter(None, _downloads.secrets(["https://ghp_token@h/{0..9}?i={0..9}&sig=abcdef"]))) == [
        "ghp_token",
        "&sig=abcdef",
    ]
    said = f'Get "{SIGNED}": no such host; https://me:pass@h:8/p/o?X-Signature=0123456789&n=1 again'
    assert _downloads.reason(said, SIGNED) == (
        'Get "https://h:8/p/o?...": no such host; https://me:********@h:8/p/o?******** again'
    )


def test_no_address_is_in_what_a_job_is_called() -> None:
    links = {"a": SIGNED}
    assert download.label(links) == download.label(dict(links))
    assert download.label(links) != download.label({"a": "http://h/"})
    assert "pass" not in download.label(links)


# -- the downloader -------------------------------------------------------------------------------------------


class Cluster:
    """A client that speaks with a downloader which is done at once; ``refused``: addresses that it cannot fetch."""

    def __init__(self, refused: tuple[str, ...] = (), has: Mapping[str, str] | None = None) -> None:
        self.refused, self.objects = refused, dict(has or {})
        self.custom: dict[str, str] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.bodies: list[dict[str, Any]] = []

    def request(self, method: str, path: str, *, body: Any = None, action: str = "", **_: Any) -> Any:
        if action == "list":
            found = [
                {
                    "name": name,
                    "size": str(len(self.objects[name])),
                    "checksum": self.objects[name],
                    "custom-md": f"[source:web {self.custom.get(name, '')}]",
                }
                for name in sorted(self.objects)
            ]
            return answer({"entries": found})
        if path == "/v1/download" and method == "POST":
            return answer({"id": self._start(body)})
        if method == "GET":
            return answer(self.jobs[body["id"]] if body else list(self.jobs.values()))
        assert (method, path) == ("DELETE", "/v1/download/remove")
        del self.jobs[body["id"]]
        return answer(None)

    def get_json(self, path: str, **options: Any) -> Any:
        return self.request("GET", path, **options).json()

    def _start(self, body: dict[str, Any]) -> str:
        self.bodies.append(body)
        links = {as_the_server_reads(name): link for name, link in body["objects"].items()}
        errors = {name: link for name, link in links.items() if link in self.refused}
        self.objects.update({name: "of-" + link for name, link in links.items() if name not in errors})
        job = f"dnl-{len(self.bodies)}"
        self.jobs[job] = {
            "id": job,
            "description": body["description"],
            "finished_time": "2026-11-26T00:00:00Z",
            "finished_cnt": len(links) - len(errors),
            "error_cnt": len(errors),
            "total": len(links),
            "finished_tasks": [{"name": name, "downloaded": str(len(self.objects.get(name, "")))} for name in links],
            "download_errors": [{"name": name, "error": f"no {link}"} for name, link in errors.items()],
        }
        return job

    def transfer(self, method: str, path: str, *, body: Any = None, **_: Any) -> Any:
        name = unquote(path.partition("/v1/objects/b/")[2])
        if method == "PATCH":
            self.custom[name] = f"{MARK}:{body['value'][MARK]}"
            return answer(None)
        if name not in self.objects:
            return answer(None, status=404)
        lines = [self.custom[name].replace(":", "=", 1)] if name in self.custom else []
        size = str(len(self.objects[name]))
        return answer(None, lines=lines, headers={"Ais-Checksum-Value": self.objects[name], "Content-Length": size})


def answer(body: Any, *, status: int = 200, lines: Any = (), headers: Any = None) -> Any:
    return SimpleNamespace(status=status, headers=headers or {}, json=lambda: body, lines=lambda _name: list(lines))


def as_the_server_reads(name: str) -> str:
    """What AIStore's downloader does to the name of an object: it takes it for an address, and unescapes its path again."""
    return unquote(unquote(urlsplit(f"http://h/{name}").path.partition("/")[2]), errors="strict")


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1))
def test_every_name_arrives(name: str) -> None:
    cluster = Cluster()
    _downloads.start(cluster, BUCKET, {name: "http://h/x"}, "t")  # type: ignore[arg-type]
    assert list(cluster.objects) == [name]
    assert cluster.bodies[0]["description"] == "download -> ais://b"


names = st.sets(st.sampled_from("abcdef"))


@given(names, names, names, st.integers(0, 6))
def test_a_record_accounts_for_every_name(wanted: set[str], finished: set[str], errors: set[str], skipped: int) -> None:
    record = _downloads.of_answer(
        {
            "finished_tasks": [{"name": name} for name in finished | errors],
            "download_errors": [{"name": name, "error": "no"} for name in errors],
            "skipped_cnt": skipped,
        }
    )
    there, untried = record.sort(wanted)
    assert not there & untried
    assert there | untried == wanted - errors
    assert wanted & (finished - errors) <= there
    # What is neither named nor counted is never taken for done.
    assert len(there - finished) <= skipped


@pytest.mark.parametrize(
    ("found", "over"),
    [
        ({}, False),
        ({"finished_time": "1970-01-01T00:00:00Z", "total": 2, "finished_tasks": [{"name": "a"}]}, False),
        ({"finished_time": "1970-01-01T00:00:00Z", "total": 2, "finished_tasks": [{"name": "a"}], "skipped_cnt": 1}, True),
        ({"total": 1, "finished_tasks": [{"name": "a"}], "download_errors": [{"name": "a", "error": "x"}]}, True),
        ({"total": 5, "finished_time": "2026-11-26T00:00:00Z"}, True),
        ({"aborted": True}, True),
        ({"total": -1, "finished_cnt": 3}, False),
    ],
)  # fmt: skip
def test_when_a_job_is_over(found: dict[str, Any], over: bool) -> None:
    assert _downloads.of_answer(found).over is over


@pytest.mark.parametrize(
    ("description", "there"),
    [
        ("multi-download -> ais://b", True),
        ("http://h/a -> b -> ais://b/o", True),
        ("ais_download 0123 -> ais://b", True),
        ("multi-download -> ais://bb", False),
        ("multi-download -> ais://#n/b", False),
        ("my own words", False),
    ],
)
def test_which_bucket_a_job_is_for(description: str, there: bool) -> None:
    assert _downloads.into(_downloads.of_answer({"description": description}), BUCKET) is there


# -- plans ----------------------------------------------------------------------------------------------------


def resource(cluster: Cluster, **options: Any) -> download.DownloadResource:
    return download.DownloadResource(wish(**options), cluster)  # type: ignore[arg-type]


@given(names, st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["", "mark"])), st.sampled_from("xy"))
def test_a_plan_leads_to_a_state_that_needs_none(wanted: set[str], has: dict[str, str], host: str) -> None:
    cluster = Cluster(has={name: f"of-http://x/{name}" for name in has})
    for name, marked in has.items():
        found = one.Found(True, value=cluster.objects[name])
        cluster.custom[name] = f"{MARK}:{one.mark(found, f'http://x/{name}')}" if marked else "k:v"
    options = {"objects": {name: f"http://{host}/{name}" for name in wanted}}
    which = resource(cluster, **options)
    state = which.read()
    steps = which.plan(state)
    todo = {name for name in wanted if host == "y" or not has.get(name)}
    assert {name for step in steps for name in step.detail["names"]} == todo
    assert {name for step in steps for name in step.before or ()} == todo & has.keys()
    assert which.plan(which.foresee(state, steps)) == []
    done = _engine.converge(which)
    assert done["changed"] is bool(todo)
    assert done["objects"] == which.result(which.foresee(state, steps))["objects"]
    assert not _engine.converge(resource(cluster, **options))["changed"]
    assert cluster.jobs == {}


def test_many_objects_are_shortened_and_sent_in_several_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_MOST_SENT", 100)
    refused = ("http://h/0003", "http://h/0240")
    cluster = Cluster(refused)
    options = {"template": "http://h/{0000..0249}"}
    with pytest.raises(
        _engine.Failure, match="2 of 250 objects could not be downloaded into ais://b: '0003': no"
    ) as error:
        _engine.converge(resource(cluster, **options))
    outcome = error.value.outcome
    assert [len(body["objects"]) for body in cluster.bodies] == [100, 100, 50]
    (step,) = outcome["steps"]
    assert step["detail"]["objects"] == 248
    assert len(step["detail"]["names"]) == 100
    after = outcome["diff"]["after"]["ais://b/"]
    assert len(after) == 101
    assert after["..."] == "and 148 more"
    assert set(outcome["objects"]["errors"]) == {"0003", "0240"}
    assert outcome["objects"]["left"] == 2
    cluster.refused = ()
    again = _engine.converge(resource(cluster, **options))
    assert again["steps"][0]["detail"] == {"objects": 2, "names": ["0003", "0240"]}


def test_a_job_that_ended_unseen_is_taken_over_and_what_failed_is_tried_again() -> None:
    cluster = Cluster(("http://h/2",))
    options = {"template": "http://h/{1..3}"}
    begun = _engine.converge(resource(cluster, **options, wait=False), wait=False)
    cluster.objects["3"] = "by another"
    assert begun["objects"]["left"] == 3
    assert begun["objects"] == _engine.converge(resource(Cluster(), **options, wait=False), check_mode=True)["objects"]
    cluster.refused = ()
    taken = _engine.converge(resource(cluster, **options))
    assert taken["steps"][0]["detail"]["jobs"] == ["dnl-1"]
    assert [list(body["objects"]) for body in cluster.bodies] == [["1", "2", "3"], ["2", "3"]]
    assert not _engine.converge(resource(cluster, **options))["changed"]
    # A finished job is not what is meant by downloading it again.
    _engine.converge(resource(cluster, **options, wait=False, force=True), wait=False)
    forced = _engine.converge(resource(cluster, **options, force=True))
    assert len(cluster.bodies[-1]["objects"]) == 3
    assert "jobs" not in forced["steps"][0]["detail"]


def test_what_a_target_left_out_is_sent_again() -> None:
    class Halting(Cluster):
        """Gives up at the first address that it cannot fetch."""

        def _start(self, body: dict[str, Any]) -> str:
            names = sorted(body["objects"])
            last = next((at for at, name in enumerate(names) if body["objects"][name] in self.refused), len(names))
            kept = {name: body["objects"][name] for name in names[: last + 1]}
            return super()._start({**body, "objects": kept})

    cluster = Halting(("http://h/2", "http://h/3"))
    with pytest.raises(_engine.Failure) as error:
        _engine.converge(resource(cluster, template="http://h/{1..5}"))
    assert [list(body["objects"]) for body in cluster.bodies] == [["1", "2"], ["3"], ["4", "5"]]
    outcome = error.value.outcome
    assert outcome["steps"][0]["detail"]["names"] == ["1", "4", "5"]
    assert list(outcome["objects"]["errors"]) == ["2", "3"]

    cluster = Halting(tuple(f"http://h/{number}" for number in range(10, 90)))
    with pytest.raises(_engine.Failure) as error:
        _engine.converge(resource(cluster, template="http://h/{10..89}"))
    assert len(cluster.bodies) == download.ENOUGH
    assert "not tried" in error.value.outcome["objects"]["errors"]["89"]


def test_a_missing_bucket_is_an_error_and_assumed_in_check_mode() -> None:
    class Nothing(Cluster):
        def request(self, *args: Any, **options: Any) -> Any:
            if options.get("action") == "list":
                raise NotFound("list ais://b", 404, "no", "ErrBckNotFound")
            return super().request(*args, **options)

    options = {"template": "http://h/{00..19}"}
    with pytest.raises(_engine.AisError, match="ais://b does not exist"):
        _engine.converge(resource(Nothing(), **options))
    found = _engine.converge(resource(Nothing(), **options), check_mode=True)
    assert found["changed"]
    assert "Check mode assumes" in found["warnings"][0]


@pytest.mark.parametrize("custom", ["[source:web {}]", "[{} k:v]", "[{}]", "[k:v {} source:web]"])
def test_the_mark_in_a_listing(custom: str) -> None:
    found = one.Found(True, 3, value="abc")
    url = "http://h/x"
    told = one._of_entry(Entry("x", 3, "abc", custom=custom.format(f"{MARK}:{one.mark(found, url)}")))
    assert told.custom[MARK] == one.mark(told, url)
    assert one._of_entry(Entry("x", 3, "abc", custom=f"[my{MARK}:1]")).custom == {}


def test_no_secret_of_an_address_is_in_a_result() -> None:
    found = _engine.converge(resource(Cluster(), objects={"a": SIGNED}))
    assert "0123456789" not in json.dumps(found)
