# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""A directory of the host as a tree of names: walked without following links, written without leaving it.

Names are relative to the directory, with '/' between their parts, as objects have them.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

#: Longest part of a path and longest path that a file may have here, in bytes.
LONGEST_PART, LONGEST_PATH = 255, 4095
#: How the names of files begin and end that are not whole yet (_transfer.py); a killed task leaves one behind.
PARTIAL = (".ais-", ".part")
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


class File(NamedTuple):
    """A regular file: ``size`` in bytes, ``changed`` in nanoseconds since 1970, ``identity`` of this very content."""

    size: int
    changed: int
    identity: tuple[int, int, int]


class Tree(NamedTuple):
    """What a directory holds. ``skipped`` and ``unreadable`` say why, by name."""

    files: dict[str, File]
    #: Links, pipes, sockets and devices, which are not files to copy.
    skipped: dict[str, str]
    #: Directories that could not be read: what is below them is not known.
    unreadable: dict[str, str]


def of_stat(found: os.stat_result) -> File:
    """Return the file that ``found`` describes; any change of its content changes it."""
    return File(found.st_size, found.st_mtime_ns, (found.st_dev, found.st_ino, found.st_ctime_ns))


def walk(root: str, *, follow: bool = False, prune: Callable[[str], bool] = lambda name: False) -> Tree:
    """Return everything below directory ``root``.

    Links are skipped, or with ``follow`` what they lead to is taken, but no directory inside itself. Directories for
    which ``prune`` is true are left out. ``OSError`` when ``root`` itself cannot be read.
    """
    tree = Tree({}, {}, {})
    above: tuple[tuple[int, int], ...] = (_place(os.stat(root)),) if follow else ()
    waiting: list[tuple[str, tuple[tuple[int, int], ...]]] = [("", above)]
    while waiting:
        prefix, above = waiting.pop()
        try:
            with os.scandir(os.path.join(root, prefix)) as entries:
                for entry in entries:
                    _take(entry, prefix, above, follow, prune, tree, waiting)
        except OSError as error:
            if not prefix:
                raise
            tree.unreadable[prefix.rstrip("/")] = error.strerror or str(error)
    return tree


def _take(
    entry: os.DirEntry[str],
    prefix: str,
    above: tuple[tuple[int, int], ...],
    follow: bool,
    prune: Callable[[str], bool],
    tree: Tree,
    waiting: list[tuple[str, tuple[tuple[int, int], ...]]],
) -> None:
    """Put one entry of a directory where it belongs."""
    name = prefix + entry.name
    try:
        if entry.is_symlink() and not follow:
            tree.skipped[name] = "a link, not followed"
        elif entry.is_dir():
            if prune(name):
                return
            place = _place(entry.stat()) if follow else None
            if place in above:
                tree.skipped[name] = "a link to a directory that it is in"
            else:
                waiting.append((f"{name}/", (*above, place) if place else ()))
        elif entry.is_file():
            if not (entry.name.startswith(PARTIAL[0]) and entry.name.endswith(PARTIAL[1])):
                tree.files[name] = of_stat(entry.stat())
        else:
            tree.skipped[name] = "a link to nothing" if entry.is_symlink() else "not a regular file"
    except FileNotFoundError:
        return  # gone since the directory was read
    except OSError as error:
        tree.unreadable[name] = error.strerror or str(error)


def _place(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def file_problem(name: str) -> str | None:
    """Return why no file inside a directory can have this ``name``, or None."""
    if not name or name.endswith("/"):
        return "it names a directory, not a file"
    if name.startswith("/"):
        return "it is absolute"
    if "\0" in name:
        return "no file name can hold a NUL"
    parts = name.split("/")
    if ".." in parts:
        return "it leaves the directory ('..')"
    if "" in parts or "." in parts:
        return "'//' and '.' would make it another file"
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return "it is not UTF-8"
    if size > LONGEST_PART and any(len(part.encode()) > LONGEST_PART for part in parts):
        return f"a part of it is longer than the {LONGEST_PART} bytes that a file name may have"
    if size > LONGEST_PATH:
        return f"it is longer than {LONGEST_PATH} bytes"
    return None


class LinkInTheWay(OSError):
    """A part of the path is a link (or a file) where a directory is due."""


@contextmanager
def parent(root: int, name: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
    """Open the directory that file ``name`` is in, and yield it and the last part of the name.

    ``root`` is an open directory. No link is followed on the way, also none that is planted at this moment. With
    ``make`` missing directories are made. :class:`LinkInTheWay` when a part of the path is not a directory.
    """
    *parts, last = name.split("/")
    here = os.dup(root)
    try:
        for part in parts:
            if make:
                try:
                    os.mkdir(part, dir_fd=here)
                except FileExistsError:
                    pass
            try:
                below = os.open(part, _DIRECTORY | _NO_LINK, dir_fd=here)
            except OSError as error:
                if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EMLINK):
                    raise LinkInTheWay(error.errno, f"{part!r} is a link or a file, where a directory is due") from None
                raise
            os.close(here)
            here = below
        yield here, last
    finally:
        os.close(here)


def opened(root: str) -> int:
    """Return directory ``root`` opened for :func:`parent`, to be closed by the caller."""
    return os.open(root, _DIRECTORY)


def path_of(directory: int, path: str) -> str:
    """Return a path of the open ``directory`` that leads there whatever happens to the names above it, where the
    system has such paths; else ``path``, its ordinary one."""
    found = f"/proc/self/fd/{directory}"
    return found if os.path.exists(found) else path


def remove(root: int, name: str) -> None:
    """Remove file ``name``, and the directories that it leaves empty. What is no file any more stays."""
    with parent(root, name) as (here, last):
        if stat.S_ISREG(os.stat(last, dir_fd=here, follow_symlinks=False).st_mode):
            os.unlink(last, dir_fd=here)
    while "/" in name:
        name = name.rpartition("/")[0]
        try:
            with parent(root, name) as (here, last):
                os.rmdir(last, dir_fd=here)
        except OSError:
            return
