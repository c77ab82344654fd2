# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A recording HTTP relay in front of a proxy: what was asked, in which order, and faults on request.

It passes everything on as it is, ``Location`` headers too: object data goes straight to the targets.
"""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import json
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

MARK = "/__relay__/mark"
READS = ("GET", "HEAD")
_HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}


@dataclasses.dataclass
class Request:
    """One request as the relay saw it; ``status`` is 0 while unanswered, and when it was cut."""

    method: str
    path: str
    query: str
    action: str
    headers: dict[str, str]
    body: bytes
    status: int = 0

    def __str__(self) -> str:
        query = f"?{self.query}" if self.query else ""
        action = f" {self.action}" if self.action else ""
        return f"{self.method} {self.path}{query}{action} -> {self.status}"


@dataclasses.dataclass
class Fault:
    """What happens instead to the next ``times`` requests that match; empty criteria match all."""

    method: str = ""
    path: str = ""  # a part of it
    action: str = ""
    times: int = 1
    status: int = 0  # answered with this, the server never sees the request
    body: bytes = b""
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    cut: str = ""  # "before" the server sees it, or "after" it has done the work
    delay: float = 0.0  # seconds

    def matches(self, request: Request) -> bool:
        return (
            self.times > 0
            and self.method in ("", request.method)
            and self.path in request.path
            and self.action in ("", request.action)
        )


class Relay:
    """``with Relay(endpoint) as relay`` listens on ``relay.url`` until the block ends."""

    def __init__(self, endpoint: str, context: ssl.SSLContext | None = None) -> None:
        self._upstream = urlsplit(endpoint)
        self._context = context
        self._lock = threading.Lock()
        self._seen: list[Request | str] = []
        self._faults: list[Fault] = []
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Relay:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    # ---- what was asked

    @property
    def requests(self) -> list[Request]:
        with self._lock:
            return [seen for seen in self._seen if isinstance(seen, Request)]

    @property
    def writes(self) -> list[Request]:
        """Requests that could change something."""
        return [request for request in self.requests if request.method not in READS]

    def count(self, **criteria: str) -> int:
        """How many requests match: method, a part of the path, action."""
        return sum(map(Fault(**criteria).matches, self.requests))  # type: ignore[arg-type]

    def reset(self) -> None:
        """Forgets what was seen, and faults that were not used up."""
        with self._lock:
            self._seen.clear()
            self._faults.clear()

    def mark(self, name: str) -> None:
        """What comes now belongs to ``name``, until the next mark."""
        with self._lock:
            self._seen.append(name)

    def since(self, mark: str) -> list[Request]:
        """The requests between this mark and the next one."""
        found: list[Request] = []
        current = None
        with self._lock:
            for seen in self._seen:
                if isinstance(seen, str):
                    current = seen
                elif current == mark:
                    found.append(seen)
        return found

    # ---- what goes wrong

    def fault(self, **how: Any) -> Fault:
        """See ``Fault``; its ``times`` counts down to 0 as it is used."""
        fault = Fault(**how)
        with self._lock:
            self._faults.append(fault)
        return fault

    def _record(self, request: Request) -> Fault:
        with self._lock:
            self._seen.append(request)
            for fault in self._faults:
                if fault.matches(request):
                    fault.times -= 1
                    return fault
        return Fault()

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._upstream.hostname or "", self._upstream.port
        if self._upstream.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=120, context=self._context)
        return http.client.HTTPConnection(host, port, timeout=120)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: Any) -> None:
        """A client that went away is none of the relay's business."""


def _handler(relay: Relay) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1  # one segment for headers and body

        def log_message(self, *_: Any) -> None:
            pass

        def _relay(self) -> None:
            body = self._read_body()
            parts = urlsplit(self.path)
            if parts.path == MARK:
                relay.mark(parts.query)
                self._answer(200, [], b"")
                return
            request = Request(self.command, parts.path, parts.query, _action(body), dict(self.headers), body)
            fault = relay._record(request)
            if fault.delay:
                time.sleep(fault.delay)
            if fault.status:
                request.status = fault.status
                self._answer(fault.status, list(fault.headers.items()), fault.body)
                return
            if fault.cut != "before":
                status, headers, text = self._forward(body)
            if fault.cut:
                self.close_connection = True
                return
            request.status = status
            if status:
                self._answer(status, headers, text)
            else:  # the server went away: so do we
                self.close_connection = True

        do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = do_OPTIONS = _relay  # noqa: N815

        def _read_body(self) -> bytes:
            if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
            sent = [(k, v) for k, v in self.headers.items() if k.lower() not in _HOP_BY_HOP]
            sent = [(k, v) for k, v in sent if k.lower() not in ("content-length", "expect")]
            with contextlib.closing(relay._connect()) as connection:
                try:
                    connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                    for name, value in [*sent, ("Content-Length", str(len(body)))]:
                        connection.putheader(name, value)
                    connection.endheaders(body or None)
                    answer = connection.getresponse()
                    headers = [(k, v) for k, v in answer.getheaders() if k.lower() not in _HOP_BY_HOP]
                    return answer.status, headers, answer.read()
                except (OSError, http.client.HTTPException):
                    return 0, [], b""

        def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.send_response_only(status)
            for name, value in headers:
                # A HEAD answer keeps the length it speaks of; all others get the true one.
                if name.lower() != "content-length" or self.command == "HEAD":
                    self.send_header(name, value)
            if self.command != "HEAD" and status not in (204, 304):
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

    return Handler


def _action(body: bytes) -> str:
    try:
        message = json.loads(body)
    except ValueError:
        return ""
    return str(message.get("action", "")) if isinstance(message, dict) else ""
