# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Content between this host and the cluster: sent, fetched and compared in pieces, verified at both ends.

An upload carries a checksum that the server verifies before it stores anything. A download is written beside its
destination, verified against the checksum that the cluster keeps, and only then moved into place. Memory does not
grow with the size of an object. Everything here may be called from several threads.
"""

from __future__ import annotations

import contextlib
import functools
import os
import stat
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Callable, NamedTuple, Union

from ansible_collections.community.aistore.plugins.module_utils import _checksums
from ansible_collections.community.aistore.plugins.module_utils._address import Bucket
from ansible_collections.community.aistore.plugins.module_utils._client import Client, object_path
from ansible_collections.community.aistore.plugins.module_utils._errors import (
    AisError,
    BadChecksum,
    LocalError,
    ServerFault,
    Unanswered,
)

#: Bytes read, sent or written at once: few enough to stay in a processor's cache from one step to the next.
PIECE = 256 * 1024
#: A file of so many bytes is read for its checksum by two threads, so many bytes at once.
LARGE, TURN = 8 * 1024 * 1024, 1024 * 1024
#: Some of a content, good until the next one is asked for: they may share their memory.
Piece = Union[bytes, memoryview]
_TYPE, _VALUE = "Ais-Checksum-Type", "Ais-Checksum-Value"


@dataclass(frozen=True)
class Content:
    """Something to store or to compare with: the file at ``path``, or ``data``.

    ``size`` is in bytes, None for what can only be read to its end (a pipe). ``seal`` tells whether a file is still
    the one that was looked at.
    """

    path: str = ""
    data: bytes = b""
    size: int | None = 0
    seal: tuple[int, ...] = ()
    #: Yields the content, where it is neither a file nor bytes.
    pieces_of: Callable[[], Iterable[Piece]] | None = None
    _digests: dict[str, str] = field(default_factory=dict, compare=False, repr=False)

    def pieces(self) -> Iterator[Piece]:
        """Yield the content. Raises :class:`LocalError` for a file that is not what it was when it was looked at."""
        if not self.path:
            yield from (self.data,) if self.pieces_of is None else self.pieces_of()
            return
        try:
            with open(self.path, "rb", buffering=0) as file:
                yield from file_pieces(file) if self.size is None else self._sealed(file, self.size)
        except OSError as error:
            raise LocalError(f"cannot read {self.path}: {error.strerror or error}") from None

    def whole(self) -> bytes:
        """Return all of it at once."""
        return b"".join(map(bytes, self.pieces()))

    def _sealed(self, file: Any, left: int) -> Iterator[Piece]:
        """Yield exactly ``left`` bytes; the last of them only if the file did not change meanwhile."""
        buffer = memoryview(bytearray(min(PIECE, left)))
        while left:
            piece = buffer[: file.readinto(buffer[:left])]
            left -= len(piece)
            if not piece or (not left and _seal(os.fstat(file.fileno())) != self.seal):
                raise self._changed()
            yield piece

    def _changed(self) -> LocalError:
        return LocalError(
            f"{self.path} changed while it was read; nothing of it was stored",
            hint="Run the task again when nothing writes to it any more.",
        )

    def digest(self, kind: str) -> str:
        """Return its checksum of ``kind``; computed once."""
        if kind not in self._digests:
            large = self.path and self.size is not None and self.size >= LARGE
            self._digests[kind] = self._digest_in_turns(kind) if large else _checksums.digest(kind, self.pieces())
        return self._digests[kind]

    def _digest_in_turns(self, kind: str) -> str:
        """Return the checksum of a large file. One thread reads while what the other has read is hashed: half the time."""
        counted, size = _checksums.new(kind), self.size or 0
        turns = (threading.Semaphore(1), threading.Semaphore(0))
        failed = threading.Event()

        def read(mine: int) -> None:
            """Read every second piece, and hash it when the other thread has hashed the one before."""
            buffer = memoryview(bytearray(TURN))
            try:
                with open(self.path, "rb", buffering=0) as file:
                    for start in range(mine * TURN, size, 2 * TURN):
                        file.seek(start)
                        piece = buffer[: size - start]
                        self._fill(file, piece)
                        turns[mine].acquire()
                        if failed.is_set():
                            return
                        counted.update(piece)
                        turns[1 - mine].release()
                    if _seal(os.fstat(file.fileno())) != self.seal:
                        raise self._changed()
            except BaseException:
                failed.set()
                raise
            finally:
                turns[1 - mine].release()  # for the other not to wait for a turn that will not come

        try:
            with ThreadPoolExecutor(max_workers=2) as pool:
                list(pool.map(read, (0, 1)))
        except OSError as error:
            raise LocalError(f"cannot read {self.path}: {error.strerror or error}") from None
        return counted.hexdigest()

    def _fill(self, file: Any, piece: memoryview) -> None:
        while piece:
            got = file.readinto(piece)
            if not got:
                raise self._changed()
            piece = piece[got:]


class Props(NamedTuple):
    """What comparing and verifying needs to know of an object: size, and kind and value of its checksum (may be ``""``)."""

    size: int
    kind: str = ""
    value: str = ""


#: First and last byte, both inclusive; a negative first alone counts from the end; no last means up to the end.
Range = tuple[int, Union[int, None]]


def of_bytes(data: bytes) -> Content:
    """Return ``data`` as content."""
    return Content(data=data, size=len(data))


def of_file(path: str, option: str = "src") -> Content:
    """Return the file at ``path`` as content. Raises :class:`LocalError`, naming ``option``, for what is none."""
    try:
        found = os.stat(path)
    except (OSError, ValueError) as error:
        raise LocalError(f"{option}: cannot read {path}: {getattr(error, 'strerror', None) or error}") from None
    if stat.S_ISREG(found.st_mode):
        return of_stat(path, found)
    if stat.S_ISFIFO(found.st_mode):
        return Content(path=path, size=None)
    raise LocalError(f"{option}: {path} is not a file")


def of_stat(path: str, found: os.stat_result) -> Content:
    """Return the regular file at ``path`` as content, as it is while ``found`` is true of it."""
    return Content(path=path, size=found.st_size, seal=_seal(found))


def file_pieces(file: Any) -> Iterator[Piece]:
    """Yield what is left of an open binary file."""
    buffer = memoryview(bytearray(PIECE))
    while True:
        size = file.readinto(buffer)
        if not size:
            return
        yield buffer[:size]


def upload(
    client: Client, bucket: Bucket, name: str, content: Content, *, kind: str = "xxhash2", custom: str = ""
) -> bool:
    """Store ``content`` as object ``name`` and return whether the server wrote it (else it had the very same).

    ``kind`` is the kind of checksum of the bucket, ``custom`` one ``key=value`` to store with what is written. The
    server verifies the content before it stores it, unless the bucket's kind is ``none``. Raises
    :class:`BadChecksum` when what arrived is not what was sent.
    """
    what = f"upload {bucket}/{name}"
    if content.size is None:
        return _upload_pipe(client, bucket, name, content, what)
    carried = _checksums.for_upload(kind)
    headers = {_TYPE: carried, _VALUE: content.digest(carried), **({"Ais-Custom-Md": custom} if custom else {})}
    # An empty body that can be iterated would be sent in chunks, without its length.
    body: Any = (lambda: _Body(content)) if content.size else b""
    try:
        answer = client.transfer(
            "PUT",
            object_path(bucket.name, name),
            what=what,
            query=bucket.query(),
            headers=headers,
            data=body,
            repeat=True,
        )
    except ServerFault as error:
        if error.tcode != "ErrBadCksum":
            raise
        raise BadChecksum(f"{what}: what arrived is not what was sent; nothing was stored: {error.said}") from None
    return "Ais-Atime" in answer.headers


def _upload_pipe(client: Client, bucket: Bucket, name: str, content: Content, what: str) -> bool:
    """Store what a pipe yields, in one try; its checksum can only be compared with the server's afterwards."""
    # The kind of the answer is not known before: count both that a bucket is likely to have, where they are cheap.
    hashes = {kind: _checksums.new(kind) for kind in ("xxhash2", "md5", "sha256") if _checksums.fast(kind)}

    def pieces() -> Iterator[Piece]:
        for piece in content.pieces():
            for counted in hashes.values():
                counted.update(piece)
            yield piece

    answer = client.transfer(
        "PUT", object_path(bucket.name, name), what=what, query=bucket.query(), data=pieces(), repeat=False
    )
    kind, value = answer.headers.get(_TYPE, ""), answer.headers.get(_VALUE, "")
    counted = hashes.get("xxhash2" if kind == "xxhash" else kind)
    if counted is not None and counted.hexdigest() != value:
        raise BadChecksum(
            f"{what}: the cluster stored content with {kind} {value}, but {counted.hexdigest()} was sent",
            hint="The object is damaged: upload it again.",
        )
    return True


def same(client: Client, bucket: Bucket, name: str, content: Content, props: Props) -> bool:
    """Tell whether object ``name``, whose ``props`` are known, holds exactly ``content``.

    By the checksum that the cluster keeps. Where there is none (bucket of kind ``none``), or where computing it here
    would take longer than reading (large content, and the package for it is missing), the object is read and compared.
    """
    if content.size is None or content.size != props.size:
        return False
    if not content.size:
        return True
    if props.value and (
        _checksums.fast(props.kind) or (_checksums.known(props.kind) and content.size <= _checksums.SLOW_LIMIT)
    ):
        return content.digest(props.kind) == props.value
    return matches(client, bucket, name, content)


def matches(client: Client, bucket: Bucket, name: str, content: Content, part: Range | None = None) -> bool:
    """Tell whether the object (or the ``part`` of it) holds exactly ``content``, by reading it."""

    def compare(response: Any) -> bool:
        ours, rest = content.pieces(), memoryview(b"")
        for piece in response.iter_content(PIECE):
            theirs = memoryview(piece)
            while theirs:
                rest = rest or memoryview(next(ours, b""))
                size = min(len(rest), len(theirs))
                # As bytes, for views are compared one number after the other.
                if not size or bytes(rest[:size]) != bytes(theirs[:size]):
                    return False
                rest, theirs = rest[size:], theirs[size:]
        return not rest and not next(ours, b"")

    return bool(_get(client, bucket, name, f"compare {bucket}/{name}", compare, part))


def digest(client: Client, bucket: Bucket, name: str, kind: str) -> str:
    """Return the checksum of ``kind`` of an object, computed here while it is read."""

    def receive(response: Any) -> str:
        counted = _checksums.new(kind)
        _drain(response, counted.update, f"read {bucket}/{name}", whole=False)
        return counted.hexdigest()

    return str(_get(client, bucket, name, f"read {bucket}/{name}", receive))


def relay(client: Client, origin: tuple[Bucket, str], goal: tuple[Bucket, str], what: str) -> None:
    """Copy an object through this host, verified by the server where the cluster keeps a checksum of it."""

    def receive(response: Any) -> None:
        size = int(response.headers.get("Content-Length") or 0)
        kind, value = response.headers.get(_TYPE, ""), response.headers.get(_VALUE, "")
        body = Content(size=size, pieces_of=lambda: response.iter_content(PIECE))
        client.transfer(
            "PUT",
            object_path(goal[0].name, goal[1]),
            what=what,
            query=goal[0].query(),
            headers={_TYPE: kind, _VALUE: value} if value else {},
            data=_Body(body) if size else b"",
            repeat=False,
        )

    _get(client, *origin, what, receive)


def read(client: Client, bucket: Bucket, name: str, *, limit: int, query: Mapping[str, str] | None = None) -> bytes:
    """Return an object's content, verified; ``query`` may name a member of an archive (``archpath``).

    Raises :class:`AisError` for one larger than ``limit`` bytes.
    """
    parts: list[bytes] = []
    total = 0

    def keep(piece: Piece) -> None:
        nonlocal total
        total += len(piece)
        if total > limit:
            raise AisError(f"read {bucket}/{name}: it is larger than {limit} bytes")
        parts.append(bytes(piece))

    def receive(response: Any) -> None:
        nonlocal total
        parts.clear()
        total = 0
        _drain(response, keep, f"read {bucket}/{name}", whole=not query)

    _get(client, bucket, name, f"read {bucket}/{name}", receive, None, query)
    return b"".join(parts)


def download(
    client: Client,
    bucket: Bucket,
    name: str,
    dest: str,
    *,
    part: Range | None = None,
    dress: Callable[[str], None] | None = None,
) -> int:
    """Fetch an object (or the ``part`` of it) into the file ``dest`` and return its size.

    The complete and verified file gets the mode and owner of the one that it replaces, or those of a new file, and what
    ``dress(temporary)`` gives it; then it is moved into place. On any failure ``dest`` stays as it was.
    """
    what = f"fetch {bucket}/{name}"
    try:
        handle, temporary = tempfile.mkstemp(prefix=".ais-", suffix=".part", dir=os.path.dirname(dest) or ".")
    except OSError as error:
        raise LocalError(f"{what}: cannot write to {os.path.dirname(dest) or '.'}: {error.strerror or error}") from None
    try:
        with open(handle, "wb", buffering=0) as file:

            def write(piece: Piece) -> None:
                rest = memoryview(piece)
                while rest:
                    rest = rest[file.write(rest) :]

            def receive(response: Any) -> int:
                if file.tell():  # a try before; to truncate an empty file makes ext4 write all of it when it is closed
                    file.seek(0)
                    file.truncate()
                return _drain(response, write, what, whole=part is None)

            size = int(_get(client, bucket, name, what, receive, part))
        _like(temporary, dest)
        if dress is not None:
            dress(temporary)
        os.replace(temporary, dest)
    except OSError as error:
        raise LocalError(
            f"{what}: cannot write {dest}: {error.strerror or error}", hint="What was there before is still there."
        ) from None
    finally:
        if os.path.lexists(temporary):
            os.unlink(temporary)
    return size


def _get(
    client: Client,
    bucket: Bucket,
    name: str,
    what: str,
    receive: Callable[[Any], Any],
    part: Range | None = None,
    query: Mapping[str, str] | None = None,
) -> Any:
    """GET an object and return what ``receive`` makes of the response; all of it again when the connection breaks."""
    headers = {"Accept-Encoding": "identity"}
    if part is not None:
        headers["Range"] = range_header(part)
    return client.transfer(
        "GET",
        object_path(bucket.name, name),
        what=what,
        query={**bucket.query(), **(query or {})},
        headers=headers,
        receive=receive,
    )


def _drain(response: Any, take: Callable[[Piece], None], what: str, *, whole: bool) -> int:
    """Hand a response's body to ``take`` piece by piece, verify length and (of a ``whole`` object) checksum."""
    kind, value = response.headers.get(_TYPE, ""), response.headers.get(_VALUE, "")
    counted = _checksums.new(kind) if whole and value and _checksums.known(kind) else None
    size = 0
    for piece in response.iter_content(PIECE):
        take(piece)
        size += len(piece)
        if counted is not None:
            counted.update(piece)
    due = response.headers.get("Content-Length", "")
    if due.isdigit() and int(due) != size:
        raise Unanswered(f"{what}: the connection broke after {size} of {due} bytes", hint="")
    if counted is not None and counted.hexdigest() != value:
        raise BadChecksum(
            f"{what}: the content that arrived has {kind} {counted.hexdigest()}, but the cluster keeps {value} for it",
            hint="Nothing was written. If it happens again, the object is damaged.",
        )
    return size


class _Body:
    """What is sent with a Content-Length, in large pieces: ``requests`` asks for a length and for an iterator."""

    def __init__(self, content: Content) -> None:
        self._content = content

    def __len__(self) -> int:
        return self._content.size or 0

    def __iter__(self) -> Iterator[Piece]:
        return self._content.pieces()


def range_header(part: Range) -> str:
    """Return the header ``Range`` for ``part``."""
    first, last = part
    return f"bytes={first}" if first < 0 else f"bytes={first}-{'' if last is None else last}"


def _seal(found: os.stat_result) -> tuple[int, ...]:
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def _like(temporary: str, dest: str) -> None:
    """Give ``temporary`` mode and, as far as that is allowed, owner and group of ``dest``; a new file's if there is none.

    A link there is replaced, so what it leads to does not matter.
    """
    try:
        found = os.lstat(dest)
    except FileNotFoundError:
        found = None
    if found is None or not stat.S_ISREG(found.st_mode):
        os.chmod(temporary, 0o666 & ~umask())
        return
    with contextlib.suppress(PermissionError):
        os.chown(temporary, found.st_uid, found.st_gid)
    os.chmod(temporary, found.st_mode & 0o777)


@functools.cache
def umask() -> int:
    """Return the process's umask. It can only be read by setting it: ask once before threads make files."""
    found = os.umask(0o077)
    os.umask(found)
    return found
