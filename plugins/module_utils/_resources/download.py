# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Many objects of one bucket that the cluster itself downloads, each from an address of its own."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from ansible_collections.community.aistore.plugins.module_utils import _downloads, _fields, _listing
from ansible_collections.community.aistore.plugins.module_utils._address import Bucket, parse_bucket
from ansible_collections.community.aistore.plugins.module_utils._client import Client
from ansible_collections.community.aistore.plugins.module_utils._engine import Partly, Resource, Step
from ansible_collections.community.aistore.plugins.module_utils._errors import (
    AisError,
    JobFailed,
    OptionError,
    known,
    listed,
)
from ansible_collections.community.aistore.plugins.module_utils._jobs import Job
from ansible_collections.community.aistore.plugins.module_utils._resources import object as one
from ansible_collections.community.aistore.plugins.module_utils._resources.object_wish import MARK, check_name
from ansible_collections.community.aistore.plugins.module_utils._resources.objects import SHOWN

#: After so many links that could not be downloaded, what a job has left out is tried no more unless others could.
ENOUGH = 20
#: So many links are sent to one job.
_MOST_SENT = 10_000
_BLANK = re.compile(r"[\s\x00-\x1f\x7f]")
#: The options that say what to download.
SOURCES = ("objects", "links", "template")
_LIMITS = _fields.Table(
    (
        _fields.Field("connections", _fields.KINDS["int"], "", low=1),
        _fields.Field("bytes_per_hour", _fields.KINDS["size"], "", low=60),
    )
)
_TIMEOUT = _fields.Field("link_timeout", _fields.KINDS["duration"], "", low=10**9)


@dataclass(frozen=True)
class Wish:
    """What is asked for: ``links`` is name of the object -> address, ``options`` what the job takes besides."""

    bucket: Bucket
    links: Mapping[str, str] = field(default_factory=dict)
    prefix: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    force: bool = False
    wait: bool = True

    @property
    def target(self) -> str:
        """What steps call it."""
        return f"{self.bucket}/{self.prefix}"


def wish(params: Mapping[str, Any]) -> Wish:
    """Return what the options of ``ais_download`` ask for. Raises :class:`OptionError` for what cannot be meant."""
    bucket, prefix = parse_bucket(params["bucket"], "bucket"), str(params["prefix"] or "")
    links: dict[str, str] = {}
    for option, name, link in _named(params):
        _check_link(link, option)
        name = prefix + name
        check_name(name, option, bucket)
        if name in links:
            raise OptionError(f"{option}: two links are for {name!r}; give each object a name with 'objects'")
        links[name] = link
    options: dict[str, Any] = {}
    if params["headers"]:
        options["headers"] = {str(name): [str(value)] for name, value in params["headers"].items()}
    limits = _LIMITS.wanted(params["limits"] or {}, "limits")
    if limits:
        options["limits"] = limits
    if params["link_timeout"] is not None:
        options["timeout"] = _TIMEOUT.kind.wire(_TIMEOUT.read(params["link_timeout"]))
    return Wish(bucket, links, prefix, options, bool(params["force"]), bool(params["wait"]))


def _named(params: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield option, name (without the prefix) and link of every object that is asked for."""
    for name, link in (params["objects"] or {}).items():
        yield "objects", str(name), link
    template = params["template"]
    for option, links in (
        ("links", params["links"] or ()),
        ("template", _listing.template_names(template) if template else ()),
    ):
        for link in links:
            yield option, unquote(_parts(link, option).path.rpartition("/")[2]), link


def _parts(link: Any, option: str) -> Any:
    try:
        return urlsplit(link)
    except (ValueError, TypeError, AttributeError):
        raise OptionError(f"{option}: {str(link).partition('?')[0]!r} is not an address") from None


def _check_link(link: Any, option: str) -> None:
    """Raise :class:`OptionError` for an address that the downloader does not take."""
    parts = _parts(link, option)
    if not isinstance(link, str) or _BLANK.search(link):
        raise OptionError(f"{option}: an address is a text without blanks; write %20 for a blank")
    if parts.scheme.lower() not in ("http", "https"):
        raise OptionError(
            f"{option}: AIStore downloads from http:// and https:// addresses, not from {_downloads.shown(link)!r}",
            hint="Objects of a cloud bucket are brought into the cluster with 'ais_object' and 'state: cached'."
            if "://" in link
            else None,
        )
    if not parts.hostname:
        raise OptionError(f"{option}: {_downloads.shown(link)!r} names no host")


def secrets(params: Mapping[str, Any]) -> Iterator[str]:
    """Yield what of the options must not be shown."""
    links = [*(params["objects"] or {}).values(), *(params["links"] or ()), params["template"] or ""]
    return _downloads.secrets(map(str, links))


class Part(NamedTuple):
    """What one job downloads; ``record``: that of an earlier task's job for just this, whose end nobody has seen."""

    links: Mapping[str, str]
    record: _downloads.Record | None = None

    @property
    def going(self) -> bool:
        """The job runs."""
        return self.record is not None and self.record.running


def label(links: Mapping[str, str]) -> str:
    """Return how the description of a job for these ``links`` begins; it does not show the addresses."""
    told = json.dumps(sorted(links.items())).encode()
    return f"ais_download {hashlib.sha256(told).hexdigest()[:32]}"


@dataclass(frozen=True)
class State:
    """``todo``: what is to be downloaded; ``replaced``: those of it that there is something else of."""

    todo: tuple[Part, ...] = ()
    replaced: frozenset[str] = frozenset()

    @property
    def left(self) -> int:
        """How many objects that is."""
        return sum(len(part.links) for part in self.todo)


class DownloadResource(Resource[State]):
    """Objects that are there, and came from their links."""

    def __init__(self, wanted: Wish, client: Client) -> None:
        self.wish, self.client = wanted, client
        #: What this task has downloaded, and what it could not.
        self._done: set[str] = set()
        self._errors: dict[str, str] = {}
        #: Jobs that are not yet settled, by id.
        self._asked: dict[str, Mapping[str, str]] = {}
        self._replaced: frozenset[str] = frozenset()

    # -- read

    def read(self) -> State:
        wish = self.wish
        found = self._find(wish.links)
        if found is None:
            self.need(AisError(f"{wish.bucket} does not exist, so that nothing can be downloaded into it"))
            found = {}
        todo = [name for name, link in sorted(wish.links.items()) if not self._is_there(found.get(name), name, link)]
        parts = [
            {name: wish.links[name] for name in todo[at : at + _MOST_SENT]} for at in range(0, len(todo), _MOST_SENT)
        ]
        # Of several for the same, one that runs.
        known_jobs = sorted(_downloads.every(self.client) if todo else (), key=lambda record: record.running)
        records = {record.description: record for record in known_jobs}
        return State(
            tuple(Part(links, self._earlier(records.get(f"{label(links)} -> {wish.bucket}"))) for links in parts),
            frozenset(name for name in todo if name in found),
        )

    def _is_there(self, found: one.Found | None, name: str, link: str) -> bool:
        if found is None or self.wish.force:
            return name in self._done
        return found.custom.get(MARK) == one.mark(found, link)

    def _earlier(self, record: _downloads.Record | None) -> _downloads.Record | None:
        """Return ``record`` if it counts: what has ended does not when everything is to be downloaded again."""
        return record if record is None or record.running or not self.wish.force else None

    def _find(self, names: Iterable[str]) -> dict[str, one.Found] | None:
        """Return what the cluster has of ``names``; None when there is no such bucket.

        Of custom metadata, only the mark is known if they are many.
        """
        bucket = self.wish.bucket
        props = ("name", "size", "checksum", "version", "custom")
        return one.find(self.client, bucket, names, parallel=self.parallel, props=props, cached=bucket.remote)

    def plan(self, state: State) -> Sequence[Step]:
        parts = [part for part in state.todo if self.wish.wait or not part.going]
        return [self._step([name for part in parts for name in part.links], state.replaced, parts)] if parts else []

    def _step(self, names: Sequence[str], replaced: frozenset[str], parts: Sequence[Part] = ()) -> Step:
        wish, first = self.wish, names[:SHOWN]
        more = {"...": f"and {len(names) - SHOWN} more"} if len(names) > SHOWN else {}
        detail: dict[str, Any] = {"objects": len(names), "names": list(first)}
        joined = [part.record.id for part in parts if part.record is not None]
        return Step(
            "download",
            wish.target,
            {**detail, **({"jobs": joined} if joined else {})},
            {name: "not from this address" for name in first if name in replaced} or None,
            {**{name: _downloads.shown(wish.links[name]) for name in first}, **more},
            payload=(parts, replaced),
        )

    def foresee(self, state: State, steps: Sequence[Step]) -> State:
        if not steps or not self.wish.wait:
            return state
        parts, _replaced = steps[0].payload
        return replace(state, todo=tuple(part for part in state.todo if part not in parts))

    # -- apply

    def apply(self, step: Step) -> Sequence[Job]:
        parts, self._replaced = step.payload
        jobs: list[Job] = []
        for part in parts:
            links, record = part.links, part.record
            if record is not None and not record.running:
                jobs.append(Job(record.id, "download", step.target, "finished"))
                self._conclude(_downloads.look(self.client, record.id), links)
                # What went wrong then is tried again.
                self._errors.clear()
                links = {name: link for name, link in links.items() if name not in self._done}
            if links:
                joined = part.going and Job(known(record).id, "download", step.target, "running")
                job = joined or self._start(links)
                self._asked[job.id] = links
                jobs.append(job)
        return jobs

    def _start(self, links: Mapping[str, str]) -> Job:
        wish = self.wish
        return _downloads.start(self.client, wish.bucket, links, wish.target, label=label(links), **wish.options)

    def settle(self, job: Job, deadline: float) -> Job:
        """Wait for ``job`` and note where its objects came from. The last one tells what went wrong with any of them."""
        links = self._asked.pop(job.id, {})
        while links:
            record = _downloads.wait(self.client, job, deadline)
            asked = len(links)
            done, links = self._conclude(record, links)
            job = replace(job, state="aborted" if record.aborted else "finished", objects=(job.objects or 0) + done)
            if record.aborted or len(links) == asked or (links and not done and len(self._errors) >= ENOUGH):
                why = "the job was aborted" if record.aborted else "not tried, since another link failed before"
                self._errors.update(dict.fromkeys(links, why))
                break
            if links:
                # A target that cannot look at a link of an object that it has leaves out what comes after.
                job = replace(self._start(links), objects=job.objects)
        if self._errors and not self._asked:
            raise self._failure()
        return job

    def _failure(self) -> Partly:
        """Return what to raise when not everything could be downloaded."""
        what = f"{len(self._errors)} of {len(self._errors) + len(self._done)} objects could not be downloaded into {self.wish.bucket}"
        blocked = any("egress blocked" in said for said in self._errors.values())
        error = JobFailed(listed(what, self._errors), hint=_downloads.HINT if blocked else "")
        return Partly(error, self._step(sorted(self._done), self._replaced) if self._done else None)

    def _conclude(self, record: _downloads.Record, links: Mapping[str, str]) -> tuple[int, dict[str, str]]:
        """Note what a job has downloaded of ``links``; return how many objects that is, and what it did not try.

        Then its record is removed: a record tells of what nobody has noted yet.
        """
        there, untried = record.sort(links)
        found = {
            name: each
            for name, each in (self._find(there) or {}).items()
            # A record may be an old one, and the object another one since.
            if record.finished.get(name, each.size) == each.size
        }

        def note(name: str) -> None:
            one.set_custom(self.client, self.wish.bucket, name, {MARK: one.mark(found[name], links[name])})

        with ThreadPoolExecutor(max_workers=self.parallel) as pool:
            list(pool.map(note, found))
        self._done |= found.keys()
        self._errors.update(
            {name: _downloads.reason(said, links[name]) for name, said in record.errors.items() if name in links}
        )
        self._errors.update(dict.fromkeys(there - found.keys(), "it was downloaded, and was removed or replaced since"))
        _downloads.forget(self.client, record.id)
        return len(found), {name: links[name] for name in untried}

    # -- result

    def result(self, state: State) -> dict[str, Any]:
        wish = self.wish
        return {
            "objects": {
                "bucket": str(wish.bucket),
                "selected": len(wish.links),
                "left": state.left,
                "errors": {name: self._errors[name] for name in sorted(self._errors)[:SHOWN]},
            }
        }


class StopResource(Resource[Sequence[_downloads.Record]]):
    """No job downloads into ``bucket``."""

    def __init__(self, bucket: Bucket, client: Client) -> None:
        self.bucket, self.client = bucket, client

    def read(self) -> Sequence[_downloads.Record]:
        """Return the jobs that run."""
        found = _downloads.every(self.client)
        return [record for record in found if record.running and _downloads.into(record, self.bucket)]

    def plan(self, state: Sequence[_downloads.Record]) -> Sequence[Step]:
        return [
            Step("stop", f"download[{record.id}]", {"bucket": str(self.bucket)}, "running", "aborted", record.id)
            for record in state
        ]

    def foresee(self, state: Sequence[_downloads.Record], steps: Sequence[Step]) -> Sequence[_downloads.Record]:
        return []

    def apply(self, step: Step) -> Sequence[Job]:
        _downloads.abort(self.client, step.payload)
        return ()

    def result(self, state: Sequence[_downloads.Record]) -> dict[str, Any]:
        return {}


def make(params: Mapping[str, Any], client: Client) -> Resource[Any]:
    """Return the resource that the options of ``ais_download`` describe."""
    given = [source for source in SOURCES if params[source] is not None]
    if params["state"] == "present":
        if len(given) != 1:
            raise OptionError(f"say what to download with one of {', '.join(SOURCES)}; given are {len(given)}")
        return DownloadResource(wish(params), client)
    if given:
        raise OptionError(
            f"{given[0]} is for 'state: present'; 'state: stopped' is about all downloads into the bucket"
        )
    return StopResource(parse_bucket(params["bucket"], "bucket"), client)
