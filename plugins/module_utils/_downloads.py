# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""AIStore's downloader: jobs in which the targets fetch web addresses, each those of its own objects.

Only the downloader's own record of a job tells what became of each address.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from ansible_collections.community.aistore.plugins.module_utils import _jobs
from ansible_collections.community.aistore.plugins.module_utils._address import Bucket
from ansible_collections.community.aistore.plugins.module_utils._client import Client
from ansible_collections.community.aistore.plugins.module_utils._errors import JobTimeout
from ansible_collections.community.aistore.plugins.module_utils._jobs import Job

#: What to do about an address that the targets cannot fetch.
HINT = (
    "The targets fetch the address themselves; loopback addresses are always refused, private ones unless the "
    "cluster's features allow them."
)
_PATH = "/v1/download"
_UNFINISHED = ("0001-", "1970-01-01")
#: The record of a job cannot be removed until a second or so after its end: seconds between two tries, and how many.
_FORGET_PAUSE, _FORGET_TRIES = 0.25, 20
#: Shorter queries and users of links are no secrets; what a template counts is none either.
_SHORTEST_SECRET = 8
_BRACES = re.compile(r"\{[^{}]*\}")


class Record(NamedTuple):
    """What the cluster remembers of a job. ``finished`` (name -> bytes) and ``errors`` (name -> reason) are only in a full one."""

    id: str
    description: str
    running: bool
    aborted: bool
    #: Objects that are done with, that need not be fetched since they are what the address has, and all of them.
    ended: int
    skipped: int
    total: int
    finished: Mapping[str, int]
    errors: Mapping[str, str]

    @property
    def over(self) -> bool:
        """Nothing is left to do; the server itself says so a second later."""
        return not self.running or len(self.finished.keys() | self.errors.keys()) + self.skipped >= self.total > 0

    def sort(self, names: Iterable[str]) -> tuple[set[str], set[str]]:
        """Return which of ``names`` are there now, and which were not tried; the others are in ``errors``."""
        wanted = set(names)
        # Also a task that failed is a finished one.
        there = (wanted & self.finished.keys()) - self.errors.keys()
        untried = wanted - there - self.errors.keys()
        # Objects that are the same already are counted, not named.
        return (there | untried, set()) if len(untried) <= self.skipped else (there, untried)


def of_answer(found: Mapping[str, Any]) -> Record:
    """Return the record that an answer holds."""
    aborted = bool(found.get("aborted"))
    return Record(
        str(found.get("id") or ""),
        str(found.get("description") or ""),
        not aborted and str(found.get("finished_time") or _UNFINISHED[0]).startswith(_UNFINISHED),
        aborted,
        int(found.get("finished_cnt") or 0) + int(found.get("error_cnt") or 0),
        int(found.get("skipped_cnt") or 0),
        int(found.get("total") or 0),
        {str(task.get("name")): int(task.get("downloaded") or 0) for task in found.get("finished_tasks") or ()},
        {str(error.get("name")): str(error.get("error")) for error in found.get("download_errors") or ()},
    )


def start(
    client: Client, bucket: Bucket, links: Mapping[str, str], target: str, *, label: str = "", **options: Any
) -> Job:
    """Start one job that fetches ``links`` (name of the object -> address). ``options`` go into the request as they are.

    The job's description is made of ``label`` and the bucket; left alone, the server would write addresses into it.
    """
    body = {
        "type": "multi",
        "description": f"{label or 'download'} -> {bucket}",
        "bucket": bucket.json(),
        # The server reads a name as an address (up to '?', and without '%'), and then takes off another '%'.
        "objects": {quote(quote(name)): link for name, link in links.items()},
        **options,
    }
    answer = client.request("POST", _PATH, what=f"download {target}", body=body)
    return Job(str(answer.json().get("id") or ""), "download", target)


def wait(client: Client, job: Job, deadline: float) -> Record:
    """Return the full record of ``job`` when it is over, well or not. Raises :class:`JobTimeout` when time is over."""
    told, pause = time.monotonic() + _jobs.PROGRESS_AFTER, _jobs.POLL_FIRST
    while True:
        found = look(client, job.id, full=False)
        # The short record may be of some targets only.
        if not found.running or found.ended >= found.total:
            found = look(client, job.id)
            if found.over:
                return found
        now = time.monotonic()
        if now >= deadline:
            raise JobTimeout(f"download[{job.id}] of {job.target} is still running")
        if _jobs.PROGRESS is not None and now >= told:
            told = now + _jobs.PROGRESS_EVERY
            _jobs.PROGRESS(f"download[{job.id}] of {job.target}: {found.ended} of {found.total} objects")
        time.sleep(max(0.0, min(pause, deadline - now)))
        pause = min(pause * _jobs.POLL_GROWTH, _jobs.POLL_LONGEST)


def look(client: Client, job: str, *, full: bool = True) -> Record:
    """Return the record of one job, by its id."""
    body = {"id": job, **({} if full else {"only_active_tasks": True})}
    return of_answer(client.get_json(_PATH, what=f"look at download {job}", body=body) or {})


def every(client: Client) -> list[Record]:
    """Return a record of each job that the cluster remembers: those of the last day, and those that run."""
    answer = client.request("GET", _PATH, what="list the downloads", body={}, accept=(404,))
    return [of_answer(found) for found in (answer.json() or ())] if answer.status != 404 else []


def into(record: Record, bucket: Bucket) -> bool:
    """Tell whether a job downloads into ``bucket``. Its description says so, unless somebody gave it another one."""
    where = record.description.rpartition(" -> ")[2]
    return where == str(bucket) or where.startswith(f"{bucket}/")


def abort(client: Client, job: str) -> None:
    """Abort a job; what it has fetched stays."""
    what = f"abort download {job}"
    client.request("DELETE", f"{_PATH}/abort", what=what, body={"id": job}, repeat=True, accept=(404,))


def forget(client: Client, job: str) -> None:
    """Remove the record of a job that is over."""
    what = f"remove the record of download {job}"
    for last in (*[False] * _FORGET_TRIES, True):
        accept = (404,) if last else (400, 404)
        if client.request("DELETE", f"{_PATH}/remove", what=what, body={"id": job}, accept=accept).status != 400:
            return
        time.sleep(_FORGET_PAUSE)


# -- links ----------------------------------------------------------------------------------------------------


def shown(link: str) -> str:
    """Return ``link`` as users see it: without what may be a secret."""
    parts = urlsplit(link)
    place = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{place}{parts.path}{'?...' if parts.query else ''}"


def secrets(links: Iterable[str]) -> Iterator[str]:
    """Yield what of ``links`` (or of a template of them) may give access: user and password, and signed queries."""
    for link in links:
        _scheme, _separator, rest = link.partition("://")
        place, query = re.split(r"[/?#]", rest, maxsplit=1)[0], rest.partition("?")[2].partition("#")[0]
        user, _colon, password = place.rpartition("@")[0].partition(":")
        yield password
        yield from (part for part in (user, *_BRACES.split(query)) if len(part) >= _SHORTEST_SECRET)


def reason(said: str, link: str) -> str:
    """Return what the server says about ``link``, without what may be a secret."""
    said = said.replace(link, shown(link))
    for secret in filter(None, secrets([link])):
        said = said.replace(secret, "********")
    return said
