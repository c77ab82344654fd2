# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What it takes to make a destination hold what a source holds. No I/O.

Both sides are ``{name: Entry}``, whichever of them is the directory and whichever the bucket. Names are relative to
the directory and to the prefix.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Callable, NamedTuple

from ansible_collections.community.aistore.plugins.module_utils._address import (
    Bucket,
    object_problem,
    unreachable,
)
from ansible_collections.community.aistore.plugins.module_utils._engine import Step
from ansible_collections.community.aistore.plugins.module_utils._errors import listed
from ansible_collections.community.aistore.plugins.module_utils._listing import Entry as Found
from ansible_collections.community.aistore.plugins.module_utils._tree import file_problem

#: So many names are shown of each kind of change; the rest is counted.
SHOWN = 300
#: The custom metadatum that tells the checksum of an object's content, with the version that it is about.
MARK = "ais_sync"
#: Kinds of checksums by the length of their values: a listing has only these.
KINDS = {8: "crc32c", 16: "xxhash2", 32: "md5", 64: "sha256", 128: "sha512"}

_HEX = re.compile(r"[0-9a-f]+")
_MARKED = re.compile(rf"(?:^\[|\s|^){MARK}:([^/\s]*)/(\w+)/([0-9a-f]+)(?=[\s\]]|$)")
_MODIFIED = re.compile(r"LastModified:(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)")
_SECOND = 10**9


class Entry(NamedTuple):
    """A file or an object. Times are nanoseconds since 1970, 0 when not known."""

    size: int
    #: Its content was written at this time or later, and at this time or earlier.
    since: int = 0
    until: int = 0
    #: ``kind:value``, or nothing where no checksum can be compared.
    checksum: str = ""
    version: str = ""

    def __str__(self) -> str:
        return f"{self.size} bytes" + (f", {self.checksum}" if self.checksum else "")


def of_object(found: Found, cost: Callable[[str, int], int]) -> Entry:
    """Return the entry of an object as a listing has it.

    Its checksum is the cluster's own, or the one that an earlier sync left in its custom metadata if that is about
    this version: the one that is cheaper to compute here, where ``cost(kind, size)`` is 2 for one that costs too much.
    """
    checksums = []
    if len(found.checksum) in KINDS and _HEX.fullmatch(found.checksum):
        checksums.append((KINDS[len(found.checksum)], found.checksum))
    marked = _MARKED.search(found.custom)
    if marked and marked[1] == found.version:
        checksums.append((marked[2], marked[3]))
    kind, value = min(checksums, key=lambda pair: cost(pair[0], found.size), default=("", ""))
    checksum = f"{kind}:{value}" if kind and cost(kind, found.size) < 2 else ""
    modified = _MODIFIED.search(found.custom)
    if modified:
        since = nanoseconds(modified[1])
        return Entry(found.size, since, since + (0 if "." in modified[1] else _SECOND), checksum, found.version)
    # Reading an object moves its access time, writing does so too: it was written then or earlier.
    return Entry(found.size, 0, nanoseconds(found.atime), checksum, found.version)


def mark(version: str, versioned: bool, kind: str, value: str) -> str:
    """Return the custom metadatum for content with this checksum that is going to replace ``version`` of an object."""
    after = str(int(version) + 1) if version.isdigit() else "1"
    return f"{MARK}={after if versioned else ''}/{kind}/{value}"


def nanoseconds(text: str) -> int:
    """Return an RFC 3339 time in UTC as nanoseconds since 1970, 0 for anything else."""
    whole, _dot, part = text.rstrip("Z").partition(".")
    try:
        moment = datetime.fromisoformat(f"{whole}+00:00")
        return int(moment.timestamp()) * _SECOND + int(part.ljust(9, "0")[:9] or 0)
    except ValueError:
        return 0


def same(source: Entry, dest: Entry) -> bool:
    """Tell whether ``dest`` holds what ``source`` holds.

    By size and checksum; without a checksum, ``dest`` must have been written after the source changed last.
    """
    if source.size != dest.size:
        return False
    if not source.size:
        return True
    if source.checksum and dest.checksum:
        return source.checksum == dest.checksum
    return 0 < source.until <= dest.since


class Selection:
    """Which names take part: those that ``include`` matches (all, if it is empty) and ``exclude`` does not.

    A pattern without '/' is for a file or directory of that name at any depth, one with '/' for the whole path. What
    is below a directory that matches does so too. '*' and '?' stop at '/', '**' does not; a final '/' means a directory.
    """

    def __init__(self, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> None:
        self._include, self._exclude = _pattern(include), _pattern(exclude)

    def __call__(self, name: str) -> bool:
        return (self._include is None or bool(self._include.match(name))) and not self._excluded(name)

    def prunes(self, directory: str) -> bool:
        """Tell whether nothing below ``directory`` takes part."""
        return self._excluded(f"{directory}/")

    def _excluded(self, name: str) -> bool:
        return self._exclude is not None and bool(self._exclude.match(name))


def _pattern(globs: Sequence[str]) -> re.Pattern[str] | None:
    parts = [_translate(glob) for glob in globs]
    return re.compile("|".join(parts), re.S) if parts else None


def _translate(glob: str) -> str:
    """Return the regular expression of one glob, for a whole name or what is below a directory."""
    start = "" if "/" in glob.rstrip("/") else "(?:.*/)?"
    body = re.sub(r"\*\*/|\*\*|\*|\?|\[[!^]?\]?[^\]/]*\]|.", _piece, glob.strip("/"), flags=re.S)
    return f"{start}{body}/" if glob.endswith("/") else rf"{start}{body}(?:/.*)?\Z"


def _piece(found: re.Match[str]) -> str:
    text = found[0]
    if text in _WILD:
        return _WILD[text]
    if len(text) > 2:
        inner = text[1:-1].replace("\\", "\\\\").replace("[", "\\[")
        return f"(?!/)[{'^' + inner[1:] if inner[0] in '!^' else inner}]"
    return re.escape(text)


_WILD = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


_NONE = Bucket("")


@dataclass(frozen=True)
class Wanted:
    """What a task asks for. ``source`` and ``dest`` as users write them, for messages and results."""

    source: str
    dest: str
    upload: bool
    prefix: str = ""
    delete: bool = False
    allow_empty: bool = False
    allow_degraded: bool = False
    bucket: Bucket = _NONE


@dataclass
class State:
    """Both sides, as far as they take part."""

    source: dict[str, Entry]
    dest: dict[str, Entry]
    #: Names of the source that are no files to copy, and those in the destination's directory: left alone.
    skipped: dict[str, str] = field(default_factory=dict)
    #: Parts of the directory that could not be read.
    unreadable: dict[str, str] = field(default_factory=dict)
    #: Why the cluster's listing may not be complete.
    doubts: tuple[str, ...] = ()
    #: How many files were created, updated, deleted.
    done: dict[str, int] = field(default_factory=dict)
    #: What :func:`changes` has found, and for what.
    found: tuple[Wanted, Changes] | None = field(default=None, compare=False, repr=False)


class Changes(NamedTuple):
    """Names, in order; of ``refused`` also why."""

    create: list[str]
    update: list[str]
    delete: list[str]
    refused: dict[str, str]


def changes(wanted: Wanted, state: State) -> Changes:
    """Return what has to be done by name, and what cannot be done; computed once for a state."""
    if state.found is None or state.found[0] is not wanted:
        state.found = wanted, _changes(wanted, state)
    return state.found[1]


def _changes(wanted: Wanted, state: State) -> Changes:
    refused = dict(_refusals(wanted, state))
    source, dest = state.source, state.dest
    create = sorted(name for name in source if name not in dest and name not in refused)
    update = sorted(
        name for name in source if name in dest and name not in refused and not same(source[name], dest[name])
    )
    delete: list[str] = []
    if wanted.delete:
        kept = state.skipped if wanted.upload else {}
        delete = sorted(
            name
            for name in dest
            if name not in source and name not in refused and not any(part in kept for part in _upwards(name))
        )
    if not wanted.upload:
        create = _fitting(create, dest.keys() - set(delete), refused)
    return Changes(create, update, delete, refused)


def _refusals(wanted: Wanted, state: State) -> Iterator[tuple[str, str]]:
    """Yield the names that cannot be copied (or deleted), and why."""
    if wanted.upload:
        for name in state.source:
            problem = file_problem(name) or object_problem(wanted.prefix + name, wanted.bucket)
            if problem:
                yield name, problem
        for name in state.dest if wanted.delete else ():
            problem = unreachable(wanted.prefix + name, wanted.bucket)
            if problem:
                yield name, problem
        return
    directories = above(state.source)
    for name in state.source:
        problem = file_problem(name) or unreachable(wanted.prefix + name, wanted.bucket)
        blocked = next((part for part in _upwards(name) if part in state.unreadable), None)
        link = next((part for part in _upwards(name) if part != name and part in state.skipped), None)
        if problem:
            yield name, problem
        elif name in directories:
            yield name, "other names need a directory of this name"
        elif blocked is not None:
            yield name, f"{blocked!r} cannot be read: {state.unreadable[blocked]}"
        elif link is not None:
            yield name, f"{link!r} in the destination is {state.skipped[link]}"


def _fitting(create: list[str], staying: Iterable[str], refused: dict[str, str]) -> list[str]:
    """Return the names of ``create`` for which there is room among the files ``staying``; refuse the others."""
    files = set(staying)
    directories = above(files)
    fitting = []
    for name in create:
        file = next((part for part in _upwards(name) if part in files), None)
        if name in directories:
            refused[name] = "there is a directory of this name"
        elif file is not None:
            refused[name] = f"{file!r} is a file, and it would have to be a directory"
        else:
            fitting.append(name)
    return fitting


def above(names: Iterable[str]) -> set[str]:
    """Return every directory that ``names`` are in."""
    found: set[str] = set()
    for name in names:
        while "/" in name:
            name = name.rpartition("/")[0]
            if name in found:
                break
            found.add(name)
    return found


def _upwards(name: str) -> Iterator[str]:
    """Yield ``name`` and the directories above it."""
    yield name
    while "/" in name:
        name = name.rpartition("/")[0]
        yield name


def in_the_way(delete: Iterable[str], create: Iterable[str]) -> set[str]:
    """Return what of ``delete`` is a file where ``create`` needs a directory, or the other way round."""
    names = set(create)
    directories = above(names)
    return {name for name in delete if name in directories or any(part in names for part in _upwards(name))}


def plan(wanted: Wanted, state: State) -> list[Step]:
    """Return the steps to the desired state. One step stands for many names, which are its ``payload``."""
    found = changes(wanted, state)
    create, delete = found.create, found.delete
    refusals = []
    if found.refused:
        refusals.append(listed(f"{len(found.refused)} names cannot be copied", found.refused))
    if state.unreadable:
        refusals.append(listed("parts of the directory cannot be read", state.unreadable))
    if relies_on_absence(wanted, found) and state.doubts and not wanted.allow_degraded:
        refusals.append(_doubted(wanted, found, state.doubts))
        create, delete = ([] if wanted.upload else create), []
    elif delete and state.unreadable:
        refusals.append(f"nothing was deleted in {wanted.dest}, since the directory could not be read completely")
        delete = []
    elif delete and not state.source and not wanted.allow_empty:
        refusals.append(
            f"{wanted.source} holds nothing that takes part, so everything in {wanted.dest} would be deleted; "
            "check 'src', or confirm with 'allow_empty: true'"
        )
        delete = []
    first = in_the_way(delete, create)
    groups = (
        ("delete", [name for name in delete if name in first]),
        ("create", create),
        ("update", found.update),
        ("delete", [name for name in delete if name not in first]),
    )
    steps = [step(verb, names, wanted, state) for verb, names in groups if names]
    return steps + [Step("refuse", wanted.dest, refused=text) for text in refusals]


def relies_on_absence(wanted: Wanted, found: Changes) -> bool:
    """Tell whether it matters that the cluster's listing is complete."""
    return not wanted.upload or bool(found.create or found.delete)


def _doubted(wanted: Wanted, found: Changes, doubts: Iterable[str]) -> str:
    """Return what is not done, and why, while the cluster's listing may lack something."""
    if wanted.upload:
        bucket, left = (
            wanted.dest,
            f"{len(found.create)} files that it lacks were not uploaded, and nothing was deleted",
        )
    else:
        bucket, left = wanted.source, f"objects may be missing in {wanted.dest}, and nothing was deleted there"
    return (
        f"the listing of {bucket} may not be complete: {'; '.join(doubts)}. So {left}. Bring the missing nodes back or "
        "let a rebalance finish, then run the task again; or take the listing as it is with 'allow_degraded: true'"
    )


def step(verb: str, names: Sequence[str], wanted: Wanted, state: State) -> Step:
    """Return the step that does ``verb`` to ``names``. All steps of a task are one chain, in this order."""
    return Step(
        verb,
        wanted.dest,
        detail=_detail(verb, names, state),
        before=None if verb == "create" else _shown(verb, names, state.dest, state.dest),
        after=None if verb == "delete" else _shown(verb, names, state.source, state.dest),
        payload=names,
        chain="sync",
        blocks=True,
    )


def _detail(verb: str, names: Sequence[str], state: State) -> dict[str, Any]:
    """Return what the result tells about a step: how many files, how many bytes, and the first names."""
    side = state.dest if verb == "delete" else state.source
    told: dict[str, Any] = {"files": len(names), "bytes": sum(side[name].size for name in names)}
    return {**told, "names": list(names[:SHOWN]), **({"more": len(names) - SHOWN} if len(names) > SHOWN else {})}


def _shown(verb: str, names: Sequence[str], side: Mapping[str, Entry], dest: Mapping[str, Entry]) -> dict[str, str]:
    """Return the first names and what they hold, with a line about the rest."""
    shown = {name: str(side[name]) for name in names[:SHOWN]}
    if verb == "update" and side is not dest:
        # Where neither side has a checksum, times decided.
        shown.update({name: f"{text}, newer" for name, text in shown.items() if text == str(dest[name])})
    return {**shown, f"... {verb}": f"and {len(names) - SHOWN} more"} if len(names) > SHOWN else shown


def foresee(state: State, steps: Iterable[Step]) -> State:
    """Return the state after ``steps``."""
    after = State(state.source, dict(state.dest), state.skipped, state.unreadable, state.doubts, dict(state.done))
    for step in steps:
        for name in step.payload:
            if step.verb == "delete":
                del after.dest[name]
            else:
                after.dest[name] = state.source[name]
        after.done[step.verb] = after.done.get(step.verb, 0) + len(step.payload)
    return after


def result(wanted: Wanted, state: State) -> dict[str, Any]:
    """Return the result key ``sync``."""
    found = changes(wanted, state)
    there = [entry for name, entry in state.dest.items() if name in state.source]
    count = {f"{verb}d": state.done.get(verb, 0) for verb in ("create", "update", "delete")}
    return {
        "sync": {
            "src": wanted.source,
            "dest": wanted.dest,
            "files": len(there),
            "bytes": sum(entry.size for entry in there),
            **count,
            "unchanged": max(0, len(there) - count["created"] - count["updated"]),
            "refused": {name: found.refused[name] for name in sorted(found.refused)[:SHOWN]},
            "skipped": {name: state.skipped[name] for name in sorted(state.skipped)[:SHOWN]},
        }
    }
