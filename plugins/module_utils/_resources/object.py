# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""One object: stored from many sources, fetched to a file, removed."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.community.aistore.plugins.module_utils import (
    _checksums,
    _downloads,
    _errors,
    _evidence,
    _jobs,
    _listing,
    _transfer,
)
from ansible_collections.community.aistore.plugins.module_utils._address import Bucket
from ansible_collections.community.aistore.plugins.module_utils._client import Answer, Client, object_path
from ansible_collections.community.aistore.plugins.module_utils._engine import Resource, Step
from ansible_collections.community.aistore.plugins.module_utils._errors import (
    AisError,
    JobFailed,
    OptionError,
    known,
)
from ansible_collections.community.aistore.plugins.module_utils._files import FileAttributes
from ansible_collections.community.aistore.plugins.module_utils._jobs import Job
from ansible_collections.community.aistore.plugins.module_utils._resources.object_wish import (
    HIDDEN,
    LONG_NAME,
    MARK,
    SERVERS_OWN,
    SOURCES,
    Wish,
    part_size,
    relayed,
    too_long,
)

#: What a 404 says when there is no object, or no bucket; others are about backends and remote clusters out of reach.
ABSENT = frozenset(("", "ErrNotFound", "ErrBckNotFound", "ErrRemoteBckNotFound"))
_MD5 = re.compile(r"^[0-9a-f]{32}$")
#: Up to so many names are looked at one by one; for more, what they have in common is listed.
FEW = 16
#: The mark of a download among the custom metadata of a listing.
_MARKED = re.compile(rf"(?:^\[|\s|^){MARK}:(\S+?)(?=[\s\]]|$)")


@dataclass(frozen=True)
class Found:
    """What one object is. ``kind`` and ``value`` of its checksum are ``""`` where the cluster keeps none."""

    exists: bool = False
    size: int | None = None
    kind: str = ""
    value: str = ""
    version: str = ""
    atime: int | None = None
    custom: Mapping[str, str] = field(default_factory=dict)
    cached: bool | None = None
    copies: int | None = None
    location: str = ""
    #: There is not even the bucket.
    no_bucket: bool = False

    @property
    def props(self) -> _transfer.Props:
        """What comparing needs; the ETag of an object that is only in a cloud stands for its MD5 where it is one."""
        etag = self.custom.get("ETag", "").strip('"')
        if not self.value and _MD5.match(etag):
            return _transfer.Props(self.size or 0, "md5", etag)
        return _transfer.Props(self.size or 0, self.kind, self.value)


def head(client: Client, bucket: Bucket, name: str, *, presence: bool = False) -> Found:
    """Return what object ``name`` is; with ``presence`` only as far as it is in the cluster, without asking a cloud."""
    what = f"look at {bucket}/{name}"
    answer = client.transfer(
        "HEAD",
        object_path(bucket.name, name),
        what=what,
        query={**bucket.query(), **({"presence": "2"} if presence else {})},
        accept=(404,),
    )
    if answer.status == 404:
        error = _errors.api_error(what, 404, answer.headers.get("Hdr-Error", ""))
        if error.tcode not in ABSENT:
            raise error
        return Found(no_bucket="BckNotFound" in error.tcode)
    return of_answer(answer)


def find(
    client: Client,
    bucket: Bucket,
    names: Iterable[str] | None,
    *,
    parallel: int,
    props: Sequence[str] = ("name", "size", "checksum"),
    cached: bool = False,
) -> dict[str, Found] | None:
    """Return what of ``names`` (None: of everything) is in ``bucket``, by name; None when there is no such bucket.

    With ``cached`` only what is in the cluster, without asking a cloud. Of more than a few, only what ``props`` of a listing
    tell is known, and of custom metadata only the mark of a download.
    """
    wanted = sorted(set(names or ()))
    if names is not None and len(wanted) <= FEW:
        with ThreadPoolExecutor(max_workers=parallel) as pool:
            heads = dict(zip(wanted, pool.map(lambda name: head(client, bucket, name, presence=cached), wanted)))
        if any(found.no_bucket for found in heads.values()):
            return None
        return {name: found for name, found in heads.items() if found.exists}
    chosen = frozenset(wanted)
    listing = _listing.entries(
        client,
        bucket,
        prefix=_listing.common_prefix(wanted),
        props=props,
        flags=_listing.CACHED if cached else 0,
    )
    try:
        return {entry.name: _of_entry(entry) for entry in listing if names is None or entry.name in chosen}
    except _errors.NotFound as error:
        if error.tcode not in ABSENT:
            raise
        return None


def _of_entry(entry: _listing.Entry) -> Found:
    marked = _MARKED.search(entry.custom)
    custom = {MARK: marked[1]} if marked else {}
    return Found(True, entry.size, value=entry.checksum, version=entry.version, custom=custom)


def of_answer(answer: Answer) -> Found:
    """Return what a successful HEAD answer says of an object."""
    found = answer.headers
    custom = dict(line.partition("=")[::2] for line in answer.lines("Ais-Custom-Md"))
    atime = found.get("Ais-Atime", "")
    return Found(
        exists=True,
        size=int(found.get("Content-Length") or 0),
        kind=found.get("Ais-Checksum-Type", ""),
        value=found.get("Ais-Checksum-Value", ""),
        version=found.get("Ais-Version", ""),
        atime=int(atime) if atime.lstrip("-").isdigit() else None,
        custom=custom,
        cached=found.get("Ais-Present", "true") == "true",
        copies=int(found.get("Ais-Mirror-Copies") or 0),
        location=found.get("Ais-Location", ""),
    )


def own_custom(bucket: Bucket, custom: Mapping[str, str]) -> dict[str, str]:
    """Return the custom metadata that users gave: without the server's and without this collection's."""
    hidden = HIDDEN | SERVERS_OWN if bucket.remote or MARK in custom else HIDDEN
    return {key: value for key, value in sorted(custom.items()) if key not in hidden}


def same_object(
    client: Client, where: tuple[Bucket, str], found: Found, origin: tuple[Bucket, str], source: Found
) -> bool:
    """Compare two objects: by checksums, or where those are of different kinds by reading."""
    ours, theirs = found.props, source.props
    if ours.size != theirs.size:
        return False
    if ours.value and ours.kind == theirs.kind:
        return ours.value == theirs.value
    kind = theirs.kind if _checksums.known(theirs.kind) and theirs.value else _checksums.PORTABLE
    value = theirs.value if kind == theirs.kind else _transfer.digest(client, *origin, kind)
    return _transfer.digest(client, *where, kind) == value


def set_custom(client: Client, bucket: Bucket, name: str, custom: Mapping[str, str], *, whole: bool = False) -> None:
    """Set custom metadata of object ``name``: these keys, or (``whole``) nothing but them."""
    client.transfer(
        "PATCH",
        object_path(bucket.name, name),
        what=f"set custom metadata of {bucket}/{name}",
        query={**bucket.query(), **({"set-new-custom": True} if whole else {})},
        body={"value": dict(custom)},
        repeat=True,
    )


def bucket_checksum(client: Client, bucket: Bucket) -> str:
    """Return the kind of checksum of a bucket. Raises :class:`NotFound` when there is no such bucket."""
    answer = client.request("HEAD", bucket.path, what=f"look at {bucket}", query=bucket.query())
    found = re.search(r'"checksum":\{"type":"(\w+)"', answer.headers.get("Ais-Bucket-Props", ""))
    return found[1] if found else "xxhash2"


# -- what is --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class State:
    """What is known: the object, the one that it comes from, the file that it goes to, and what is in doubt."""

    found: Found
    #: The content (of the object, or of the file) is the desired one already.
    same: bool = False
    source: Found | None = None
    #: Size of the file at ``dest``, None when there is none.
    file: int | None = None
    attributes: tuple[dict[str, Any], dict[str, Any]] | None = None
    #: Kind of checksum of the bucket; read when an object is to be stored.
    kind: str = ""
    #: Why an absence that the plan rests on cannot be proven.
    doubts: tuple[str, ...] = ()
    #: Objects below the prefix of a promoted directory.
    below: int = 0


class ObjectResource(Resource[State]):
    """One object."""

    def __init__(self, wish: Wish, client: Client, files: FileAttributes | None = None) -> None:
        self.wish, self.client, self.files = wish, client, files
        self._done = False

    # -- read

    def read(self) -> State:
        wish = self.wish
        if wish.directory:
            return self._doubting(self._read_directory())
        state = State(head(self.client, wish.bucket, wish.name))
        self._need_bucket(state)
        if wish.rename_from:
            state = replace(state, source=head(self.client, wish.bucket, wish.rename_from))
        if wish.copy_from:
            state = replace(state, source=head(self.client, *wish.copy_from))
        if wish.state == "fetched":
            state = self._read_file(state)
        if self._done:
            return replace(state, same=True)
        state = replace(state, same=self._same(state))
        stored = wish.content is not None or (wish.copy_from and relayed(wish.bucket, wish.name))
        if stored and not state.same and not state.found.no_bucket:
            state = replace(state, kind=bucket_checksum(self.client, wish.bucket))
        return self._doubting(state)

    def _read_directory(self) -> State:
        wish = self.wish
        try:
            listed = _listing.entries(self.client, wish.bucket, prefix=wish.name, flags=_listing.NAMES)
            state = State(Found(), below=sum(1 for _entry in listed))
        except _errors.NotFound:
            state = State(Found(no_bucket=True))
        self._need_bucket(state)
        return state

    def _need_bucket(self, state: State) -> None:
        wish = self.wish
        if state.found.no_bucket and wish.state == "present":
            self.need(AisError(f"{wish.bucket} does not exist, so that nothing can be stored in it"))

    def _read_file(self, state: State) -> State:
        dest = self.wish.dest
        if os.path.isdir(dest):
            raise OptionError(f"dest: {dest} is a directory")
        if not os.path.isdir(os.path.dirname(dest) or "."):
            raise OptionError(f"dest: the directory {os.path.dirname(dest)} does not exist")
        if not os.path.lexists(dest):
            return state
        size = _transfer.of_file(dest, "dest").size
        return replace(state, file=size, attributes=self.files.differences(dest) if self.files else None)

    def _same(self, state: State) -> bool:
        """Tell whether the content is the desired one already, with as little reading as possible."""
        wish, found = self.wish, state.found
        if not found.exists:
            return False
        if wish.state == "fetched":
            return state.file is not None and self._same_file(state, _transfer.of_file(wish.dest, "dest"))
        if wish.content is not None:
            return _transfer.same(self.client, wish.bucket, wish.name, wish.content, found.props)
        if wish.url:
            return not wish.force and found.custom.get(MARK) == mark(found, wish.url)
        if wish.copy_from and state.source and state.source.exists:
            return same_object(self.client, (wish.bucket, wish.name), found, wish.copy_from, state.source)
        return not wish.force

    def _same_file(self, state: State, file: _transfer.Content) -> bool:
        wish, size = self.wish, state.found.size or 0
        if wish.part is None:
            return _transfer.same(self.client, wish.bucket, wish.name, file, state.found.props)
        if file.size != part_size(wish.part, size):
            return False
        return _transfer.matches(self.client, wish.bucket, wish.name, file, wish.part)

    def _doubting(self, state: State) -> State:
        """Add why an absence is in doubt, if the plan would rest on one."""
        if self.wish.allow_degraded or not self._rests_on_absence(state):
            return state
        return replace(state, doubts=_evidence.doubts(self.client, self.wish.bucket))

    def _rests_on_absence(self, state: State) -> bool:
        wish, found = self.wish, state.found
        if found.no_bucket:
            return False
        if wish.directory:
            return not state.below
        if wish.rename_from:
            return not found.exists or not (state.source and state.source.exists)
        if wish.copy_from and not (state.source and state.source.exists):
            return True
        # To store content under a name is right whatever is there; a promotion never replaces anything.
        return not found.exists and not (wish.content or wish.url or wish.copy_from)

    # -- plan

    def plan(self, state: State) -> Sequence[Step]:
        return _PLANS[self.wish.state](self, state)

    def _plan_absent(self, state: State) -> list[Step]:
        if not state.found.exists:
            _evidence.refuse(f"{self.wish.target} was not found", state.doubts)
            return []
        return [Step("delete", self.wish.target, before=self._shown(state.found))]

    def _plan_fetched(self, state: State) -> list[Step]:
        wish, found = self.wish, state.found
        if not found.exists:
            self._missing(state, "it cannot be fetched")
        size = part_size(wish.part, found.size or 0) if wish.part is not None and found.exists else found.size
        attributes = state.attributes
        if not state.same:
            after = {"size": size, "from": wish.target, **(attributes[1] if attributes else {})}
            before = None if state.file is None else {"size": state.file, **(attributes[0] if attributes else {})}
            verb = "create" if state.file is None else "update"
            return [Step(verb, wish.dest, {"from": wish.target, "size": size}, before, after)]
        if attributes:
            return [Step("set", wish.dest, attributes[1], attributes[0], attributes[1])]
        return []

    def _plan_present(self, state: State) -> list[Step]:
        found = state.found
        steps = self._plan_content(state)
        return steps + self._plan_custom((self._stored(state) if steps else found).custom)

    def _plan_content(self, state: State) -> list[Step]:
        wish, found, source = self.wish, state.found, state.source
        if wish.directory:
            if state.below and not wish.force:
                return []
            _evidence.refuse(f"nothing was found at {wish.target}", state.doubts)
            return [self._step("promote", {"from": wish.promote_from}, state)]
        if wish.rename_from:
            return self._plan_rename(state)
        if wish.copy_from:
            origin = "/".join(map(str, wish.copy_from))
            if not (source and source.exists):
                _evidence.refuse(f"{origin} was not found", state.doubts)
                self.need(AisError(f"copy_from: {origin} does not exist"))
            copied = self._step("copy", {"from": origin}, state)
            return [] if state.same else [replace(copied, payload=self._carried(source or Found()))]
        if state.same:
            return []
        if wish.content is not None:
            return [self._step("update" if found.exists else "create", {"size": wish.content.size}, state)]
        if wish.url:
            return [self._step("download", {"from": _downloads.shown(wish.url)}, state, blocks=True)]
        if wish.promote_from:
            if not found.exists:
                _evidence.refuse(f"{wish.target} was not found", state.doubts)
            return [self._step("promote", {"from": wish.promote_from}, state)]
        if not found.exists:
            self._missing(state, f"give one of {', '.join(SOURCES)} to make it")
        return []

    def _plan_rename(self, state: State) -> list[Step]:
        wish, found, source = self.wish, state.found, state.source or Found()
        old = f"{wish.bucket}/{wish.rename_from}"
        if not source.exists:
            _evidence.refuse(f"{old} was not found", state.doubts)
            if found.exists:
                return []
            raise AisError(f"rename_from: neither {old} nor {wish.target} exists")
        if not found.exists:
            _evidence.refuse(f"{wish.target} was not found, and renaming would replace it", state.doubts)
        elif not wish.force and not self._identical(found, source):
            raise AisError(
                f"rename_from: both {old} and {wish.target} exist, and they differ",
                hint="Say 'force: true' to replace the latter, or remove one of them.",
            )
        return [
            Step(
                "rename",
                wish.target,
                {"from": old},
                self._shown(found) if found.exists else {"from": old},
                self._shown(source),
                payload=self._carried(source),
            )
        ]

    @staticmethod
    def _identical(found: Found, source: Found) -> bool:
        return bool(found.value) and (found.size, found.kind, found.value) == (source.size, source.kind, source.value)

    def _plan_custom(self, was: Mapping[str, str]) -> list[Step]:
        """Return the step that changes custom metadata, from what it ``was`` (or will be after the steps before)."""
        wish = self.wish
        if wish.custom is None:
            return []
        ours = own_custom(wish.bucket, was)
        wanted = {**({} if wish.purge_custom else ours), **wish.custom}
        if wanted == ours:
            return []
        changed = {key: value for key, value in wanted.items() if ours.get(key) != value}
        gone = {key for key in ours if key not in wanted}
        before = {key: value for key, value in ours.items() if key in changed or key in gone}
        # Only with the whole map can a key be removed: what is the server's, or ours, goes along.
        whole = {**{key: value for key, value in was.items() if key not in ours}, **wanted} if gone else None
        return [
            Step(
                "set",
                wish.target,
                {"custom": sorted({*changed, *gone})},
                {"custom": before} if before else None,
                {"custom": changed} if changed else {"custom": {}},
                payload=(whole, changed),
            )
        ]

    def _missing(self, state: State, consequence: str) -> None:
        wish = self.wish
        _evidence.refuse(f"{wish.target} was not found", state.doubts)
        where = f"{wish.bucket} does not exist" if state.found.no_bucket else f"{wish.target} does not exist"
        self.need(AisError(f"{where}; {consequence}"))

    def _step(self, verb: str, detail: dict[str, Any], state: State, *, blocks: bool = False) -> Step:
        after = self._shown(self._stored(state))
        before = self._shown(state.found) if state.found.exists else None
        return Step(verb, self.wish.target, detail, before, {**after, **detail}, payload=state.kind, blocks=blocks)

    @staticmethod
    def _shown(found: Found) -> dict[str, Any]:
        """Return an object as the diff shows it."""
        shown: dict[str, Any] = {"size": found.size} if found.size is not None else {}
        if found.value:
            shown["checksum"] = f"{found.kind}:{found.value}"
        return shown

    def _carried(self, source: Found) -> dict[str, str]:
        """Return the custom metadata that goes along when ``source`` is copied or renamed."""
        origin = self.wish.copy_from[0] if self.wish.copy_from else self.wish.bucket
        left = {LONG_NAME, *(SERVERS_OWN if origin.remote else ())}
        return {key: value for key, value in source.custom.items() if key not in left}

    # -- foresee

    def _stored(self, state: State) -> Found:
        """Return the object after its content was stored, as far as that can be known before."""
        wish = self.wish
        if wish.content is not None:
            kind = state.kind or "none"
            value = wish.content.digest(kind) if _checksums.known(kind) and wish.content.size is not None else ""
            return Found(True, wish.content.size, kind if value else "", value, custom=state.found.custom, cached=True)
        if (wish.copy_from or wish.rename_from) and state.source:
            source = replace(state.source, custom=self._carried(state.source))
            return replace(source, kind="", value="") if state.kind not in ("", source.kind) else source
        return Found(True, custom=state.found.custom)

    def foresee(self, state: State, steps: Sequence[Step]) -> State:
        found = state.found
        for step in steps:
            if step.verb == "delete":
                found = Found()
            elif step.verb == "set" and step.target == self.wish.target:
                whole, changed = step.payload
                kept = found.custom if whole is None else whole
                found = replace(found, exists=True, custom={**kept, **changed})
            elif step.target == self.wish.target:
                found = self._stored(state)
        return replace(state, found=found)

    # -- apply

    def apply(self, step: Step) -> Sequence[Job]:
        self._done = True
        return _APPLY[step.verb](self, step) or ()

    def _path(self, name: str | None = None) -> str:
        return object_path(self.wish.bucket.name, self.wish.name if name is None else name)

    def _delete(self, name: str) -> None:
        bucket = self.wish.bucket
        what = f"delete {bucket}/{name}"
        self.client.transfer("DELETE", self._path(name), what=what, query=bucket.query(), repeat=True, accept=(404,))

    def _remove(self, step: Step) -> None:
        self._delete(self.wish.name)

    def _store(self, step: Step) -> None:
        wish = self.wish
        if wish.state == "fetched":
            dress = (lambda path: self.files.apply(path, temporary=True)) if self.files else None  # type: ignore[union-attr]
            _transfer.download(self.client, wish.bucket, wish.name, wish.dest, part=wish.part, dress=dress)
            if self.files:
                self.files.apply(wish.dest)
            return
        _transfer.upload(self.client, wish.bucket, wish.name, known(wish.content), kind=step.payload)

    def _set(self, step: Step) -> None:
        if step.target == self.wish.dest and self.files:
            self.files.apply(self.wish.dest)
            return
        whole, changed = step.payload
        self._patch(changed if whole is None else whole, whole=whole is not None)

    def _patch(self, custom: Mapping[str, str], *, whole: bool = False) -> None:
        set_custom(self.client, self.wish.bucket, self.wish.name, custom, whole=whole)

    def _rename(self, step: Step) -> None:
        wish = self.wish
        what = f"rename {wish.bucket}/{wish.rename_from} to {wish.name}"
        if relayed(wish.bucket, wish.name):
            _transfer.relay(self.client, (wish.bucket, wish.rename_from), (wish.bucket, wish.name), what)
            self._delete(wish.rename_from)
        else:
            body = {"action": "rename-obj", "name": wish.name}
            self.client.transfer("POST", self._path(wish.rename_from), what=what, query=wish.bucket.query(), body=body)
        self._carry(step.payload)

    def _copy(self, step: Step) -> None:
        bucket, name = known(self.wish.copy_from)
        what = f"copy {bucket}/{name} to {step.target}"
        if relayed(self.wish.bucket, self.wish.name):
            _transfer.relay(self.client, (bucket, name), (self.wish.bucket, self.wish.name), what)
        else:
            query = {**bucket.query(), "object_to": self.wish.bucket.uname(self.wish.name)}
            self.client.transfer("PUT", object_path(bucket.name, name), what=what, query=query, repeat=True)
        self._carry(step.payload)

    def _carry(self, custom: Mapping[str, str]) -> None:
        """Make ``custom`` the custom metadata: whether a server keeps that of an object that it replaces is chance."""
        found = head(self.client, self.wish.bucket, self.wish.name).custom
        theirs = {
            *((LONG_NAME,) if too_long(self.wish.name) else ()),
            *(SERVERS_OWN if self.wish.bucket.remote else ()),
        }
        kept = {key: found[key] for key in theirs & found.keys()}
        if found != {**kept, **custom}:
            self._patch({**kept, **custom}, whole=True)

    def _promote(self, step: Step) -> list[Job]:
        wish = self.wish
        source = wish.promote_from.rstrip("/")
        value = {"src": source, "obj": wish.name, "rcr": wish.recursive, "ovw": wish.force, "dls": False}
        answer = self.client.request(
            "POST",
            f"/v1/objects/{wish.bucket.name}",
            what=f"promote {wish.promote_from} to {step.target}",
            query=wish.bucket.query(),
            action="promote",
            name=source,
            value=value,
        )
        return _jobs.of_answer(answer.text, "promote", step.target)

    def _download(self, step: Step) -> list[Job]:
        wish = self.wish
        return [_downloads.start(self.client, wish.bucket, {wish.name: wish.url}, step.target)]

    def settle(self, job: Job, deadline: float) -> Job:
        if job.kind != "download":
            return _jobs.wait(self.client, job, deadline)
        record = _downloads.wait(self.client, job, deadline)
        if record.aborted:
            raise JobFailed(f"download of {job.target} was aborted")
        if record.errors:
            said = "; ".join(_downloads.reason(each, self.wish.url) for each in record.errors.values())
            raise JobFailed(f"the cluster cannot download {job.target}: {said}", hint=_downloads.HINT)
        found = head(self.client, self.wish.bucket, self.wish.name)
        if not found.exists:
            raise JobFailed(f"download of {job.target} finished, but the object is not there")
        self._patch({MARK: mark(found, self.wish.url)})
        return replace(job, state="finished")

    # -- result

    def result(self, state: State) -> dict[str, Any]:
        wish = self.wish
        if wish.directory:
            return {"object": {"bucket": str(wish.bucket), "name": wish.name}}
        found = {"object": shown(wish.bucket, wish.name, state.found)}
        return {**found, "dest": wish.dest} if wish.state == "fetched" else found


def shown(bucket: Bucket, name: str, found: Found) -> dict[str, Any]:
    """Return an object as the result key ``object`` holds it."""
    base: dict[str, Any] = {"uri": f"{bucket}/{name}", "bucket": str(bucket), "name": name, "exists": found.exists}
    if not found.exists:
        return base
    return {
        **base,
        "size": found.size,
        "checksum": {"type": found.kind, "value": found.value} if found.value else None,
        "custom": own_custom(bucket, found.custom),
    }


def mark(found: Found, url: str) -> str:
    """Return what tells later whether an object is still what was downloaded from ``url``; it does not show the address."""
    return f"{found.value or found.version or found.size}:{hashlib.sha256(url.encode()).hexdigest()[:32]}"


_PLANS = {
    "present": ObjectResource._plan_present,
    "fetched": ObjectResource._plan_fetched,
    "absent": ObjectResource._plan_absent,
}
_APPLY: Mapping[str, Any] = {
    "create": ObjectResource._store,
    "update": ObjectResource._store,
    "set": ObjectResource._set,
    "delete": ObjectResource._remove,
    "rename": ObjectResource._rename,
    "copy": ObjectResource._copy,
    "promote": ObjectResource._promote,
    "download": ObjectResource._download,
}
