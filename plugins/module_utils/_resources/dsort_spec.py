# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What a distributed sort is asked for, and what targets tell of one. No I/O.

A server drops the connection, or sorts nothing, for many a request that it does not like: all of that is refused here.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ansible_collections.community.aistore.plugins.module_utils import _fields, _listing
from ansible_collections.community.aistore.plugins.module_utils._address import (
    Bucket,
    from_json,
    object_problem,
    parse_bucket,
)
from ansible_collections.community.aistore.plugins.module_utils._errors import OptionError

Record = dict[str, Any]
#: What shards are packed as.
EXTENSIONS = (".tar", ".tgz", ".tar.gz", ".zip", ".tar.lz4")
#: Kinds of algorithm, and which of its options each takes.
TAKES: Mapping[str, tuple[str, ...]] = {
    "alphanumeric": ("decreasing",),
    "none": (),
    "md5": ("decreasing",),
    "shuffle": ("seed",),
    "content": ("decreasing", "extension", "content_key_type"),
}
CONTENT_KEYS = ("string", "int", "float")
DSORTERS = ("dsort_general", "dsort_mem")
#: Options that a request hands on as a part of the cluster's configuration, and what they can be.
REACTIONS = ("missing_shards", "duplicated_records", "ekm_malformed_line", "ekm_missing_key")
REACT = ("ignore", "warn", "abort")
#: Custom metadatum of an output shard that tells what made it.
MARK = "ais_dsort"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DESCRIBED = re.compile(r"(\S+) \[([0-9a-f]{8})-([0-9a-f]{12})\]")
_MARKED = re.compile(rf"(?:^\[|\s|^){MARK}:([^/\s\]]+)/([0-9a-f]*)/(\d+)(?=[\s\]]|$)")
_PERCENT = re.compile(r"[1-9]\d?%")
_NEVER = "0001-01-01T00:00:00Z"
#: What a target says that was told to stop, or that stops since another one has.
_STOPPED = re.compile(r"\[dsort\] \S+ aborted$")
_COUNTS = ("input_shards", "records", "bytes", "to_create", "output_shards")


class Mark(NamedTuple):
    """What made an object: a sort of this ``name``, of a spec with this ``digest`` (none while it is under way), and how
    many shards it made in all."""

    name: str
    digest: str = ""
    shards: int = 0

    def __str__(self) -> str:
        return f"{self.name}/{self.digest}/{self.shards}"


def mark_of(custom: str) -> Mark | None:
    """Return the mark in the custom metadata of an object, as a listing has it."""
    found = _MARKED.search(custom)
    return Mark(found[1], found[2], int(found[3])) if found else None


@dataclass(frozen=True)
class Spec:
    """What is to be sorted, from where and to where: ``body`` is the request, without its description.

    ``inputs`` are all names that input shards can have, of which all have to be there if ``whole``; ``outputs`` those of the
    output shards, in the order in which they are used. There are none when an order file names them.
    """

    source: Bucket
    dest: Bucket
    inputs: frozenset[str]
    outputs: tuple[str, ...]
    whole: bool
    body: Mapping[str, Any]
    #: Digests of where the output goes, and of all that decides what it is.
    place: str
    digest: str
    _outputs: frozenset[str] = field(default=frozenset(), repr=False)

    def owns(self, name: str) -> bool:
        """Tell whether an object of the output bucket has a name that this sort gives."""
        return not self.outputs or name in self._outputs

    def complete(self, there: Iterable[str], count: int) -> bool:
        """Tell whether the ``count`` output shards of a sort are all among the objects that are ``there``."""
        found = frozenset(there)
        return found.issuperset(self.outputs[:count]) if self.outputs else len(found) >= count

    def description(self, name: str) -> str:
        """Return what the job is described as."""
        return f"{name} [{self.place}-{self.digest}]"

    @property
    def shown(self) -> dict[str, Any]:
        """Input, output and algorithm, as a step has them."""
        given, ekm = self.body["input_format"], self.body.get("ekm_file")
        return {
            "input": f"{self.source}/{given.get('template') or '(a list of names)'}",
            "output": f"{self.dest}/{'(as the order file says)' if ekm else self.body['output_format']}",
            "algorithm": self.body["algorithm"]["kind"],
        }


def check_name(name: str) -> str:
    """Return the ``name`` of a sort; raise for one that a description or a mark could not hold."""
    if not _NAME.fullmatch(name):
        raise OptionError(
            f"name: {name!r} is not a name: 1 to 64 letters, digits, '.', '_' and '-', beginning with a letter or digit"
        )
    return name


def parse(params: Mapping[str, Any]) -> Spec:
    """Return what the options of ``ais_dsort`` ask for. Raises :class:`OptionError` for all that cannot be."""
    given, wanted = params["input"], params["output"]
    source = parse_bucket(given["bucket"], "input.bucket")
    dest = parse_bucket(wanted["bucket"], "output.bucket") if wanted.get("bucket") else source
    names, extension = _input(given)
    ekm = str(params.get("ekm_file") or "")
    outputs, out_extension = _output(wanted, extension, bool(ekm))
    size = _size(wanted.get("shard_size"), "output.shard_size")
    if ekm:
        _check_order_file(ekm, size, source == dest)
    elif params.get("ekm_file_sep"):
        raise OptionError("ekm_file_sep is for an 'ekm_file', and there is none")
    overwritten = sorted(names.intersection(outputs)) if source == dest else []
    if overwritten:
        raise OptionError(
            f"output: {len(overwritten)} names of output shards are names of input shards of the same bucket, as "
            f"{overwritten[0]}; a sort reads its input while it writes, and would destroy it",
            hint="Give another 'output.template' or 'output.bucket'.",
        )
    reactions = {name: params[name] for name in REACTIONS if params.get(name)}
    body: dict[str, Any] = {
        "input_bck": source.json(),
        "input_format": {"objnames": list(given["names"])} if given.get("names") else {"template": given["template"]},
        "input_extension": extension,
        "output_bck": dest.json(),
        "output_format": "" if ekm else wanted["template"],
        "output_extension": out_extension,
        "output_shard_size": f"{size}B" if size else "",
        "algorithm": _algorithm(params.get("algorithm") or {}),
        **({"ekm_file": ekm, "ekm_file_sep": params.get("ekm_file_sep") or "\t"} if ekm else {}),
        **({"Config": reactions} if reactions else {}),
    }
    missing = reactions.get("missing_shards")
    return Spec(
        source,
        dest,
        names,
        outputs,
        missing == "abort" or (bool(given.get("names")) and missing is None),
        {**body, **_tuning(params)},
        _digest([str(dest), body["output_format"], out_extension, bool(ekm)], 8),
        _digest(body, 12),
        frozenset(outputs),
    )


def _digest(value: Any, length: int) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:length]


def _extension(name: str) -> str:
    """Return the extension that the server sees in a name; of several that fit, its first."""
    return next((each for each in EXTENSIONS if name.endswith(each)), "")


def _agree(option: str, seen: str, given: str | None) -> str:
    if seen and given and seen != given:
        raise OptionError(f"{option}.extension: {given} contradicts the names, which end with {seen}")
    return seen or given or ""


def _input(given: Mapping[str, Any]) -> tuple[frozenset[str], str]:
    """Return the names that input shards can have, and their extension."""
    if given.get("names"):
        for name in given["names"]:
            problem = object_problem(name)
            if problem:
                raise OptionError(f"input.names: {name!r}: {problem}")
        seen = {_extension(name) for name in given["names"]} - {""}
        if len(seen) > 1:
            raise OptionError(f"input.names: all shards of a sort have one extension, and these have {_listed(seen)}")
        return frozenset(given["names"]), _agree("input", "".join(seen), given.get("extension")) or EXTENSIONS[0]
    if given.get("names") is not None:
        raise OptionError("input.names: the list is empty")
    return _of_template("input", given["template"], given.get("extension") or "", EXTENSIONS[0])


def _of_template(option: str, template: str, extension: str, default: str) -> tuple[frozenset[str], str]:
    names, found = _names(option, template, extension, default)
    return frozenset(names), found


def _names(option: str, template: str, extension: str, default: str) -> tuple[tuple[str, ...], str]:
    """Return the names that a template stands for, each with its extension, in order, and the extension."""
    try:
        names = _listing.template_names(template)
    except OptionError as error:
        raise OptionError(f"{option}.{error.message}") from None
    seen = _extension(template)
    found = _agree(option, seen, extension) or default
    names = names if seen else [name + found for name in names]
    problem = object_problem(names[0])
    if problem:
        raise OptionError(f"{option}.template: {template!r}: {problem}")
    return tuple(names), found


def _output(wanted: Mapping[str, Any], extension: str, ekm: bool) -> tuple[tuple[str, ...], str]:
    """Return the names that output shards can have, in order, and their extension."""
    template = wanted.get("template")
    if ekm:
        if template:
            raise OptionError("output.template: the shards are named by the 'ekm_file'")
        return (), wanted.get("extension") or extension
    if not template:
        raise OptionError("output.template is missing, and there is no 'ekm_file' that names the output shards")
    return _names("output", template, wanted.get("extension") or "", extension)


def _size(given: Any, option: str) -> int:
    return int(_fields.Field(option, _fields.KINDS["size"], "", low=1).read(given, option)) if given is not None else 0


def _check_order_file(url: str, size: int, same: bool) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise OptionError(
            f"ekm_file: {url!r} is not the address of a file, as in http://host/order.txt; targets fetch it"
        )
    if not size:
        raise OptionError("output.shard_size is missing; an 'ekm_file' needs it")
    if same:
        raise OptionError(
            "output.bucket: with an 'ekm_file', which may give any names, it has to be another bucket than 'input.bucket'"
        )


def _algorithm(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the algorithm as a request has it."""
    kind = given.get("kind") or "alphanumeric"
    for option in ("decreasing", "seed", "extension", "content_key_type"):
        value = given.get(option)
        if value is not None and value is not False and option not in TAKES[kind]:
            takers = _listed(each for each, takes in TAKES.items() if option in takes)
            raise OptionError(f"algorithm.{option}: kind {kind} does not take it; it is for {takers}")
    found: dict[str, Any] = {"kind": kind}
    if given.get("decreasing"):
        found["decreasing"] = True
    if given.get("seed") is not None:
        if given["seed"] < 0:
            raise OptionError(f"algorithm.seed: {given['seed']} is negative")
        found["seed"] = str(given["seed"])
    if kind == "content":
        extension = (given.get("extension") or "").strip()
        if not extension.startswith("."):
            raise OptionError(
                "algorithm.extension: kind content needs the extension of the files with the keys, as .cls"
            )
        found.update(extension=extension, content_key_type=given.get("content_key_type") or CONTENT_KEYS[0])
    return found


def _tuning(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return what makes a sort slower or faster, and no other."""
    found: dict[str, Any] = {"dsorter_type": params.get("dsorter_type") or DSORTERS[0]}
    memory = params.get("max_mem_usage")
    if memory is not None:
        told = str(memory).replace(" ", "")
        found["max_mem_usage"] = told if _PERCENT.fullmatch(told) else f"{_size(_not_percent(told), 'max_mem_usage')}B"
    for option in ("extract_concurrency_max_limit", "create_concurrency_max_limit"):
        if params.get(option) is not None:
            if params[option] < 1:
                raise OptionError(f"{option}: {params[option]} is less than 1")
            found[option] = params[option]
    return found


def _not_percent(told: str) -> str:
    if told.endswith("%"):
        raise OptionError(f"max_mem_usage: {told!r} is not a share of the memory; write 1% to 99%, or a size")
    return told


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


# -- what targets tell ------------------------------------------------------------------------------------------


def blank(name: str, state: str, source: str = "", dest: str = "") -> Record:
    """Return the record of a sort of which no target has told anything: what it counts is not known."""
    return {
        "name": name,
        "id": "",
        "state": state,
        "place": "",
        "digest": "",
        "archived": False,
        "input_bucket": source,
        "output_bucket": dest,
        "started": "",
        "finished": "",
        **dict.fromkeys(("input_shards", "records", "bytes", "output_shards")),
        "warnings": [],
        "errors": [],
        "targets": {},
    }


def describe(job: str, parts: Mapping[str, Mapping[str, Any]]) -> Record | None:
    """Return what all targets together tell of a sort (target id -> its part); None for one that is not of ``ais_dsort``."""
    first = next(iter(parts.values()), {})
    described = _DESCRIBED.fullmatch(str((first.get("Metrics") or {}).get("description") or ""))
    if not described:
        return None
    targets = {target: _part(part) for target, part in sorted(parts.items())}
    each = list(targets.values())
    reasons = _reasons(targets)
    begun = [part["started"] for part in each]
    total = {name: sum(part[name] for part in each) for name in _COUNTS}
    if any(part["aborted"] for part in each):
        state = "failed" if reasons else "aborted"
    else:
        # A target that fails has finished, and not made all that it should, a moment before it says so.
        state = (
            "finished"
            if all(part["done"] and part["to_create"] == part["output_shards"] for part in each)
            else "running"
        )
    return {
        **blank(described[1], state, _bucket(first.get("src-bck")), _bucket(first.get("dst-bck"))),
        "id": job,
        "place": described[2],
        "digest": described[3],
        "archived": all(part["archived"] for part in each),
        "started": min(begun) if all(begun) else "",
        "finished": max(part["finished"] for part in each) if state == "finished" else "",
        **{name: total[name] for name in _COUNTS if name != "to_create"},
        "warnings": list(dict.fromkeys(told for part in each for told in part["warnings"])),
        "errors": reasons,
        "targets": {
            target: {name: part[name] for name in ("input_shards", "records", "bytes", "output_shards", "errors")}
            for target, part in targets.items()
        },
    }


def progress(record: Record) -> str:
    """Return a line that tells how far a sort is."""
    return (
        f"dsort[{record['id']}] {record['name']}: {record['input_shards']} shards extracted, "
        f"{record['records']} records, {record['output_shards']} shards made"
    )


def _part(part: Mapping[str, Any]) -> dict[str, Any]:
    metrics = part.get("Metrics") or {}
    extraction, creation = metrics.get("local_extraction") or {}, metrics.get("shard_creation") or {}
    counts = {
        "input_shards": extraction.get("extracted_count"),
        "records": extraction.get("extracted_record_count"),
        "bytes": extraction.get("extracted_size"),
        "to_create": creation.get("to_create"),
        "output_shards": creation.get("created_count"),
    }
    return {
        **{name: int(count or 0) for name, count in counts.items()},
        "started": _time(extraction.get("started_time")),
        "finished": _time(creation.get("end_time")),
        "done": bool(creation.get("finished")),
        "aborted": bool(part.get("aborted")),
        "archived": bool(part.get("archived")),
        "warnings": list(metrics.get("warnings") or ()),
        "errors": list(metrics.get("errors") or ()),
    }


def _reasons(targets: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return why a sort failed, as its targets say; not that the others stopped for that, or were told to."""
    return [
        f"{target}: {told}" for target, part in targets.items() for told in part["errors"] if not _STOPPED.search(told)
    ]


def _time(told: Any) -> str:
    return "" if told in (None, _NEVER) else str(told)


def _bucket(found: Mapping[str, Any] | None) -> str:
    return str(from_json(found)) if found and found.get("name") else ""
