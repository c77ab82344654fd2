# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""A directory and a bucket's prefix: both sides read, files and objects copied and deleted."""

from __future__ import annotations

import json
import os
import stat
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Callable

from ansible_collections.community.aistore.plugins.module_utils import (
    _checksums,
    _errors,
    _evidence,
    _jobs,
    _listing,
    _transfer,
    _tree,
)
from ansible_collections.community.aistore.plugins.module_utils._address import object_problem, split_address
from ansible_collections.community.aistore.plugins.module_utils._client import Client
from ansible_collections.community.aistore.plugins.module_utils._engine import Partly, Resource, Step
from ansible_collections.community.aistore.plugins.module_utils._errors import (
    AisError,
    JobFailed,
    LocalError,
    NotFound,
    OptionError,
    ProtocolError,
    Unreachable,
)
from ansible_collections.community.aistore.plugins.module_utils._resources import sync_plan
from ansible_collections.community.aistore.plugins.module_utils._resources.sync_plan import Entry, State
from ansible_collections.community.aistore.plugins.module_utils._units import human_size

#: Files on their way at once. More do not help: the work of each is this process's own.
THREADS = 12
#: Seconds for which files are hashed one after the other: of small files that are in memory, these are thousands.
SOON = 0.1
#: Files up to so many bytes are read once, into memory; larger ones once for their checksum and once more to be sent.
SMALL = 1024 * 1024
#: Objects that one request deletes.
BATCH = 5000
#: After so many files that could not be copied, no more are tried.
ENOUGH = 20

SPEC: Mapping[str, Any] = {
    "src": {"type": "str", "required": True},
    "dest": {"type": "str", "required": True},
    "delete": {"type": "bool", "default": False},
    "include": {"type": "list", "elements": "str", "default": []},
    "exclude": {"type": "list", "elements": "str", "default": []},
    "follow": {"type": "bool", "default": False},
    "allow_empty": {"type": "bool", "default": False},
    "allow_degraded": {"type": "bool", "default": False},
}


class Sync(Resource[State]):
    """What makes ``dest`` hold what ``src`` holds."""

    def __init__(self, params: Mapping[str, Any], client: Client) -> None:
        self.client = client
        source, dest = str(params["src"]).strip(), str(params["dest"]).strip()
        upload = "://" in dest
        if upload == ("://" in source):
            raise OptionError(
                "one of src and dest must be a directory, the other an address such as 'ais://bucket/prefix/'"
            )
        self.bucket, self.prefix = _address(*((dest, "dest") if upload else (source, "src")))
        self.directory = _directory(*((source, "src") if upload else (dest, "dest")))
        here, there = self.directory.rstrip("/") + "/", f"{self.bucket}/{self.prefix}"
        self.wanted = sync_plan.Wanted(
            source=here if upload else there,
            dest=there if upload else here,
            upload=upload,
            prefix=self.prefix,
            delete=bool(params.get("delete")),
            allow_empty=bool(params.get("allow_empty")),
            allow_degraded=bool(params.get("allow_degraded")),
            bucket=self.bucket,
        )
        globs = {option: [str(glob) for glob in params.get(option) or ()] for option in ("include", "exclude")}
        for option, given in globs.items():
            if not all(glob.strip("/ ") for glob in given):
                raise OptionError(f"{option}: a pattern is empty; '**' matches everything")
        self.selected = sync_plan.Selection(**globs)
        #: What links in a destination lead to is never touched; in a source it is if the user asks for it.
        self.follow = upload and bool(params.get("follow"))
        self._kind, self._versioned = "", False
        self._state: State | None = None
        self._done: dict[str, int] = {}

    # -- read -------------------------------------------------------------------------------------------------

    def read(self) -> State:
        """Return both sides; once something was done, the destination anew."""
        first = self._state is None
        tree = self._walk() if first or not self.wanted.upload else None
        objects = self._list() if first or self.wanted.upload else None
        if self._state is not None:
            known = self._state
            dest = objects if objects is not None else _entries(tree, self.selected)
            return State(known.source, dest, known.skipped, known.unreadable, known.doubts, dict(self._done))
        tree, objects = _errors.known(tree), _errors.known(objects)
        files = _entries(tree, self.selected)
        self._hash(files, objects)
        sides = (files, objects) if self.wanted.upload else (objects, files)
        skipped = {name: why for name, why in tree.skipped.items() if self.selected(name)}
        unreadable = {name: why for name, why in tree.unreadable.items() if not self.selected.prunes(name)}
        state = self._state = State(*sides, skipped=skipped, unreadable=unreadable)
        if not self.wanted.allow_degraded and sync_plan.relies_on_absence(
            self.wanted, sync_plan.changes(self.wanted, state)
        ):
            state.doubts = _evidence.doubts(self.client, self.bucket)
        return state

    def _walk(self) -> _tree.Tree:
        """Return the directory as it is; a destination may be missing."""
        try:
            return _tree.walk(self.directory, follow=self.follow, prune=self.selected.prunes)
        except OSError as error:
            if isinstance(error, FileNotFoundError) and not self.wanted.upload:
                return _tree.Tree({}, {}, {})
            option = "src" if self.wanted.upload else "dest"
            hint = "A single file is a matter for ais_object." if isinstance(error, NotADirectoryError) else ""
            raise LocalError(f"{option}: cannot read {self.directory}: {error.strerror or error}", hint=hint) from None

    def _list(self) -> dict[str, Entry]:
        """Return the objects below the prefix that take part. Marks of directories, as S3 tools leave them, do not."""
        try:
            props = self._props()
        except NotFound as error:
            error.message, error.hint = f"{self.bucket} does not exist", "Make it first, for example with ais_bucket."
            if not self.wanted.upload:
                raise
            self.need(error)
            return {}
        self._kind = str((props.get("checksum") or {}).get("type") or "")
        self._versioned = bool((props.get("versioning") or {}).get("enabled"))
        wanted = ["name", "size", "checksum"]
        if self._marks or self.bucket.remote:
            wanted += ["custom", "version", "atime"]
        found, start = {}, len(self.prefix)
        for item in _listing.entries(
            self.client, self.bucket, prefix=self.prefix, props=wanted, time_format=_listing.NANOSECONDS
        ):
            name = item.name[start:]
            directory = not name or (name.endswith("/") and not item.size)
            if item.name.startswith(self.prefix) and not directory and self.selected(name):
                found[name] = sync_plan.of_object(item, _cost)
        return found

    def _props(self) -> dict[str, Any]:
        """Return the bucket's properties."""
        what = f"read properties of {self.bucket}"
        query = {**self.bucket.query(), "dont_add_remote_bck_md": "true"}
        found = self.client.request("HEAD", self.bucket.path, what=what, query=query)
        try:
            props = json.loads(found.headers.get("Ais-Bucket-Props", ""))
        except ValueError:
            raise ProtocolError(f"{what}: the answer has no properties") from None
        return props if isinstance(props, dict) else {}

    @property
    def _marks(self) -> bool:
        """Whether uploads leave a checksum in the custom metadata: where the cluster's own cannot be compared."""
        return self.bucket.provider == "ais" and not _checksums.fast(self._kind)

    def _hash(self, files: dict[str, Entry], objects: Mapping[str, Entry]) -> None:
        """Add checksums to the ``files`` that may be equal to their objects."""

        def one(name: str) -> None:
            kind, _colon, _value = objects[name].checksum.partition(":")
            try:
                value = self._content(name).digest(kind)
            except LocalError:
                return  # gone or changed since: an upload reports it, a download replaces it
            files[name] = files[name]._replace(checksum=f"{kind}:{value}")

        alike = [
            name
            for name, entry in files.items()
            if entry.size and name in objects and entry.size == objects[name].size and objects[name].checksum
        ]
        # To hand a small file to a thread takes longer than to read it from memory; a slow disk wants several at once.
        rest, soon = iter(alike), time.monotonic() + SOON
        for name in rest:
            one(name)
            if time.monotonic() > soon:
                break
        _each(rest, one)

    # -- plan -------------------------------------------------------------------------------------------------

    def plan(self, state: State) -> Sequence[Step]:
        """Return the steps to the desired state."""
        return sync_plan.plan(self.wanted, state)

    def foresee(self, state: State, steps: Sequence[Step]) -> State:
        """Return the state after ``steps``."""
        return sync_plan.foresee(state, steps)

    def result(self, state: State) -> dict[str, Any]:
        """Return the result key ``sync``."""
        # When the destination could not be read again after a failure, the state is the one from before.
        return sync_plan.result(self.wanted, replace(state, done=state.done or self._done))

    # -- apply ------------------------------------------------------------------------------------------------

    def apply(self, step: Step) -> Sequence[_jobs.Job]:
        """Copy or delete all that ``step`` stands for; what fails does not hold up the rest."""
        if step.verb == "delete" and self.wanted.upload:
            jobs = [
                job
                for start in range(0, len(step.payload), BATCH)
                for job in self._delete(step.payload[start : start + BATCH])
            ]
            self._count("delete", len(step.payload))
            return jobs
        _transfer.umask()
        if self.wanted.upload:
            self._copy(step, self._upload)
            return ()
        try:
            os.makedirs(self.directory, exist_ok=True)
            root = _tree.opened(self.directory)
        except OSError as error:
            raise LocalError(f"dest: cannot write to {self.directory}: {error.strerror or error}") from None
        try:
            self._copy(step, lambda name: (self._remove if step.verb == "delete" else self._download)(root, name))
        finally:
            os.close(root)
        return ()

    def settle(self, job: _jobs.Job, deadline: float) -> _jobs.Job:
        """Wait for a job that deletes; objects that somebody else deleted meanwhile are no failure."""
        job = _jobs.wait(self.client, job, deadline)
        if job.error and "does not exist" not in job.error:
            raise JobFailed(f"delete in {self.wanted.dest}: {job.error}")
        return job

    def _copy(self, step: Step, one: Callable[[str], None]) -> None:
        """Do ``one`` to every name of ``step``. Raises :class:`Partly`, or what went wrong, when some failed."""
        failures: dict[str, AisError] = {}
        progress = _Progress(step, self._state)
        done: list[str] = []

        def work(name: str) -> None:
            try:
                one(name)
            except AisError as error:
                failures[name] = error
                if isinstance(error, Unreachable) or len(failures) >= ENOUGH:
                    raise _Stop from None
                return
            done.append(name)
            progress.more(name)

        try:
            _each(step.payload, work)
        finally:
            self._count(step.verb, len(done))
        if not failures:
            return
        told = [f"{name!r}: {failures[name]}" for name in sorted(failures)]
        cause = next(iter(failures.values()))
        if len(step.payload) > 1:
            cause = AisError(
                f"{step.verb} in {self.wanted.dest}: {len(done)} of {len(step.payload)} files done, "
                f"{len(told)} failed: {'; '.join(told[:ENOUGH])}"
            )
        if not done:
            raise cause
        raise Partly(cause, sync_plan.step(step.verb, sorted(done), self.wanted, _errors.known(self._state)))

    def _count(self, verb: str, files: int) -> None:
        self._done[verb] = self._done.get(verb, 0) + files

    def _content(self, name: str) -> _transfer.Content:
        """Return file ``name`` of the directory as it is now; a link that has come since the walk is not followed."""
        path = os.path.join(self.directory, name)
        try:
            found = os.stat(path, follow_symlinks=self.follow)
        except OSError as error:
            raise LocalError(f"cannot read {path}: {error.strerror or error}") from None
        if not stat.S_ISREG(found.st_mode):
            raise LocalError(f"cannot read {path}: it is not a regular file any more")
        return _transfer.of_stat(path, found)

    def _upload(self, name: str) -> None:
        content, custom = self._content(name), ""
        if content.size and content.size <= SMALL:
            content = _transfer.of_bytes(content.whole())
        if self._marks:
            before = _errors.known(self._state).dest.get(name)
            kind = _checksums.for_upload(self._kind)
            custom = sync_plan.mark(before.version if before else "", self._versioned, kind, content.digest(kind))
        _transfer.upload(self.client, self.bucket, self.prefix + name, content, kind=self._kind, custom=custom)

    def _download(self, root: int, name: str) -> None:
        try:
            with _tree.parent(root, name, make=True) as (here, last):
                known = os.path.dirname(os.path.join(self.directory, name))
                path = _tree.path_of(here, known)
                try:
                    _transfer.download(self.client, self.bucket, self.prefix + name, f"{path}/{last}", dress=_touch)
                except LocalError as error:
                    raise LocalError(error.message.replace(path, known), hint=error.hint) from None
        except OSError as error:
            raise LocalError(f"cannot write {self.directory}/{name}: {error.strerror or error}") from None

    def _remove(self, root: int, name: str) -> None:
        try:
            _tree.remove(root, name)
        except FileNotFoundError:
            return
        except OSError as error:
            raise LocalError(f"cannot remove {self.directory}/{name}: {error.strerror or error}") from None

    def _delete(self, names: Sequence[str]) -> list[_jobs.Job]:
        """Start the deletion of objects ``names``, which are never none: an empty selection is the whole bucket."""
        if not names:
            raise AssertionError("nothing to delete")
        answer = self.client.request(
            "DELETE",
            self.bucket.path,
            what=f"delete {len(names)} objects of {self.bucket}/{self.prefix}",
            query=self.bucket.query(),
            action="delete-listrange",
            value={"objnames": [self.prefix + name for name in names]},
            repeat=True,
        )
        return _jobs.of_answer(answer.text, "delete-listrange", str(self.bucket))


def _touch(path: str) -> None:
    """Set a file's time to now. Systems stamp a write with the time of their last tick, which may be before it."""
    now = time.time_ns()
    os.utime(path, ns=(now, now))


class _Stop(Exception):
    """Nothing new begins."""


class _Progress:
    """Tells now and then how many files of a step are done."""

    def __init__(self, step: Step, state: State | None) -> None:
        self._verb, self._all, self._told = step.verb, len(step.payload), time.monotonic() + _jobs.PROGRESS_AFTER
        state = _errors.known(state)
        self._sizes = state.dest if step.verb == "delete" else state.source
        self._files = self._bytes = 0

    def more(self, name: str) -> None:
        """Count file ``name``."""
        self._files += 1
        self._bytes += self._sizes[name].size
        if _jobs.PROGRESS is not None and time.monotonic() >= self._told:
            self._told = time.monotonic() + _jobs.PROGRESS_EVERY
            _jobs.PROGRESS(f"{self._verb}: {self._files} of {self._all} files, {human_size(self._bytes)}")


def _each(names: Iterable[str], work: Callable[[str], None], threads: int = THREADS) -> None:
    """Do ``work`` to every name, several at once. The first exception keeps new ones from beginning, and is raised."""
    waiting = iter(names)
    lock = threading.Lock()
    trouble: list[BaseException] = []

    def pull() -> None:
        while not trouble:
            with lock:
                name = next(waiting, None)
            if name is None:
                return
            try:
                work(name)
            except BaseException as error:
                trouble.append(error)

    with ThreadPoolExecutor(threads) as pool:
        try:
            for future in [pool.submit(pull) for _thread in range(threads)]:
                future.result()
        except BaseException as error:
            trouble.append(error)  # the task's own timeout
            raise
    if trouble and not isinstance(trouble[0], _Stop):
        raise trouble[0]


def _entries(tree: _tree.Tree | None, selected: Callable[[str], bool]) -> dict[str, Entry]:
    """Return the files of ``tree`` that take part."""
    files = tree.files if tree is not None else {}
    return {name: Entry(file.size, file.changed, file.changed) for name, file in files.items() if selected(name)}


def _cost(kind: str, size: int) -> int:
    """Return what a checksum of ``kind`` of ``size`` bytes costs here: 0 little, 1 much, 2 too much."""
    if _checksums.fast(kind):
        return 0
    return 1 if _checksums.known(kind) and size <= _checksums.SLOW_LIMIT else 2


def _address(text: str, option: str) -> tuple[Any, str]:
    """Return bucket and prefix of an address; a prefix ends with '/', so that it is a path."""
    bucket, prefix = split_address(text, option)
    prefix = prefix.strip("/")
    if not prefix:
        return bucket, ""
    problem = object_problem(prefix, bucket)
    if problem:
        raise OptionError(f"{option}: {text!r} is not a prefix of objects: {problem}")
    return bucket, f"{prefix}/"


def _directory(text: str, option: str) -> str:
    """Return the path of a directory of this host."""
    if not text:
        raise OptionError(f"{option}: give a directory")
    return os.path.abspath(os.path.expanduser(os.path.expandvars(text)))
