# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What a field of a resource means, as data.

A resource has one frozen table of :class:`Field`; the argument spec, the checks, the comparison, the diff, the
payload and the generated documentation all come from it. Values are compared after both sides were brought to the
same form by the field's :class:`Kind`. No I/O.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Callable, NamedTuple

from ansible_collections.community.aistore.plugins.module_utils import _units
from ansible_collections.community.aistore.plugins.module_utils._errors import OptionError

#: What a change looks like: dotted path -> (before, after), both as shown to users.
Changes = dict[str, tuple[Any, Any]]
_TRUE = frozenset(("true", "yes", "y", "on", "1", "t"))
_FALSE = frozenset(("false", "no", "n", "off", "0", "f", ""))


class Kind(NamedTuple):
    """How values of one kind are read, sent and shown.

    ``read`` brings any spelling (a user's or the server's) to the form that is compared, or raises ``ValueError``;
    ``wire`` makes of that what a request holds; ``show`` what a user sees. ``option`` is Ansible's type for it and
    ``zero`` the value that the server leaves out.
    """

    option: str
    read: Callable[[Any], Any]
    zero: Any
    wire: Callable[[Any], Any] = lambda value: value
    show: Callable[[Any], Any] = lambda value: value


def _bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    told = str(value).strip().lower()
    if told in _TRUE:
        return True
    if told in _FALSE:
        return False
    raise ValueError(f"{value!r} is not a boolean")


def _int(value: Any) -> int:
    try:
        if isinstance(value, bool) or (isinstance(value, float) and value != int(value)):
            raise ValueError
        return int(value) if isinstance(value, (int, float)) else int(str(value).strip())
    except ValueError:
        raise ValueError(f"{value!r} is not a whole number") from None


def _exact_size(value: Any) -> int:
    size = _units.parse_size(value)
    if not _units.keeps_size(size):
        raise ValueError(
            f"{value!r} cannot be kept exactly: the server stores whole numbers of the largest unit that fits "
            f"(it would round {_units.human_size(size)})"
        )
    return size


#: The kinds of values. ``size`` is a number of bytes for the server, ``iec`` a text such as ``64MiB``.
KINDS: Mapping[str, Kind] = {
    "bool": Kind("bool", _bool, False),
    "int": Kind("int", _int, 0),
    "str": Kind("str", lambda value: "" if value is None else str(value), ""),
    "size": Kind("str", _units.parse_size, 0, show=_units.format_size),
    "iec": Kind("str", _exact_size, 0, wire=_units.format_size, show=_units.format_size),
    "duration": Kind("str", _units.parse_duration, 0, wire=_units.format_duration, show=_units.format_duration),
}


@dataclass(frozen=True)
class Flags:
    """A set of named bits that the server keeps as the text of a number (``access``, ``features``)."""

    bits: Mapping[str, int]
    #: Names that stand for several bits.
    presets: Mapping[str, int]

    def read(self, value: Any) -> int:
        """Return the number for names (a list, or text with commas), presets, a number, or a mix of them."""
        parts = value if isinstance(value, (list, tuple)) else str(value).replace(",", " ").split()
        known = {name.lower(): bit for name, bit in (*self.bits.items(), *self.presets.items())}
        total = 0
        for part in parts:
            told = str(part).strip()
            if told.isdigit():
                total |= int(told)
            elif told.lower().replace("_", "-") in known:
                total |= known[told.lower().replace("_", "-")]
            else:
                raise ValueError(f"unknown name {told!r}{suggest(told, (*self.bits, *self.presets))}")
        return total

    def show(self, value: int) -> list[str]:
        """Return the preset or the names of the bits of ``value``; bits without a name as a number."""
        for name, bits in self.presets.items():
            if value == bits:
                return [name]
        names = [name for name, bit in self.bits.items() if value & bit]
        rest = value & ~sum(self.bits.values())
        return names + ([str(rest)] if rest else [])

    def kind(self) -> Kind:
        """Return the kind of a field that holds these flags."""
        return Kind("list", self.read, 0, wire=str, show=self.show)


@dataclass(frozen=True)
class Field:
    """One field: its dotted ``path`` in the server's JSON, what it holds and what may be done with it."""

    path: str
    kind: Kind
    about: str
    choices: tuple[str, ...] = ()
    low: int | None = None
    high: int | None = None
    #: Also allowed, outside low..high.
    special: tuple[int, ...] = ()
    #: Returned, not settable.
    read_only: bool = False
    #: Never shown, never compared.
    secret: bool = False

    def read(self, value: Any, option: str = "") -> Any:
        """Return ``value`` in the form that is compared; ``option`` is named in the :class:`OptionError`."""
        name = option or self.path
        try:
            found = self.kind.read(value)
        except ValueError as error:
            raise OptionError(f"{name}: {error}") from None
        if self.choices and found not in self.choices:
            raise OptionError(
                f"{name}: {found!r} is not one of {', '.join(self.choices)}{suggest(str(found), self.choices)}"
            )
        outside = (self.low is not None and found < self.low) or (self.high is not None and found > self.high)
        if outside and found not in self.special:
            show = self.kind.show
            low = "" if self.low is None else f"at least {show(self.low)}"
            high = "" if self.high is None else f"at most {show(self.high)}"
            raise OptionError(
                f"{name}: {show(found)} is out of range; it must be {' and '.join(filter(None, (low, high)))}"
            )
        return found

    def actual(self, value: Any) -> Any:
        """Return the server's ``value`` in the form that is compared; left out is zero, unreadable is as it came."""
        if value is None:
            return self.kind.zero
        try:
            return self.kind.read(value)
        except ValueError:
            return value

    def show(self, value: Any) -> Any:
        """Return a compared value as users see it."""
        if self.secret:
            return "********"
        try:
            return self.kind.show(value)
        except (TypeError, AttributeError, ValueError):
            return value


class Table:
    """The fields of one kind of resource, by path, in the order of the table."""

    def __init__(self, fields: Iterable[Field]) -> None:
        self.fields: Mapping[str, Field] = {field.path: field for field in fields}

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields.values())

    def sections(self) -> list[str]:
        """Return the first parts of the settable paths that have sub-fields."""
        return list(dict.fromkeys(f.path.partition(".")[0] for f in self if "." in f.path and not f.read_only))

    def argument_spec(self) -> dict[str, Any]:
        """Return Ansible's ``options`` for the settable fields, nested as their paths are."""
        spec: dict[str, Any] = {}
        for field in self:
            if field.read_only:
                continue
            level = spec
            *parents, leaf = field.path.split(".")
            for parent in parents:
                level = level.setdefault(parent, {"type": "dict", "options": {}})["options"]
            level[leaf] = {"type": field.kind.option, "no_log": field.secret}  # said, lest Ansible guess from the name
            if field.kind.option == "list":
                level[leaf]["elements"] = "str"
            if field.choices:
                level[leaf]["choices"] = list(field.choices)
        return spec

    def wanted(self, given: Mapping[str, Any], option: str) -> dict[str, Any]:
        """Return path -> compared value of every option that was given; None and empty sections are not given.

        Raises :class:`OptionError` for unknown names (with the nearest one) and bad values.
        """
        found: dict[str, Any] = {}
        for path, value in flatten(given, self.fields):
            field = self.fields.get(path)
            if field is None or field.read_only:
                names = [f.path for f in self if not f.read_only] + self.sections()
                reason = "is read-only" if field else "unknown property"
                raise OptionError(f"{option}.{path}: {reason}{suggest(path, names) if not field else ''}")
            found[path] = field.read(value, f"{option}.{path}")
        return found

    def actual(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """Return path -> compared value of the server's nested ``found``, for every field of the table."""
        return {field.path: field.actual(dig(found, field.path)) for field in self}

    def changes(self, wanted: Mapping[str, Any], actual: Mapping[str, Any]) -> Changes:
        """Return the fields of ``wanted`` that ``actual`` does not satisfy, as users see them."""
        return {
            path: (self.fields[path].show(actual.get(path)), self.fields[path].show(value))
            for path, value in wanted.items()
            if actual.get(path) != value
        }

    def payload(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Return the nested body that sets ``wanted``."""
        return nest({path: self.fields[path].kind.wire(value) for path, value in wanted.items()})

    def shown(self, actual: Mapping[str, Any], only: Iterable[str] | None = None) -> dict[str, Any]:
        """Return ``actual`` nested, as users see it: all fields, or ``only`` those with these paths."""
        paths = self.fields if only is None else only
        return nest({path: self.fields[path].show(actual[path]) for path in paths if path in actual})


def flatten(given: Mapping[str, Any], known: Iterable[str] = ()) -> Iterator[tuple[str, Any]]:
    """Yield (dotted path, value) of every leaf that is not None; a path in ``known`` is a leaf whatever it holds."""
    leaves = frozenset(known)

    def walk(level: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
        for key, value in level.items():
            path = f"{prefix}{key}"
            if value is None:
                continue
            if isinstance(value, Mapping) and path not in leaves:
                yield from walk(value, f"{path}.")
            else:
                yield path, value

    return walk(given, "")


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``{"a.b": 1}`` as ``{"a": {"b": 1}}``."""
    found: dict[str, Any] = {}
    for path, value in flat.items():
        level = found
        *parents, leaf = _parts(path)
        for parent in parents:
            level = level.setdefault(parent, {})
        level[leaf] = value
    return found


def dig(found: Any, path: str) -> Any:
    """Return the value at a dotted ``path`` of nested dicts, or None."""
    for part in _parts(path):
        if not isinstance(found, dict):
            return None
        found = found.get(part)
    return found


@functools.cache
def _parts(path: str) -> tuple[str, ...]:
    # A thousand buckets of fifty fields each are read by the same fifty paths.
    return tuple(path.split("."))


def suggest(name: str, known: Iterable[str]) -> str:
    """Return ``; did you mean X?`` for the nearest of the ``known`` names, or nothing."""
    nearest = difflib.get_close_matches(name.lower(), {item.lower(): item for item in known}, n=1, cutoff=0.6)
    if not nearest:
        return ""
    return f"; did you mean {next(item for item in known if item.lower() == nearest[0])}?"
