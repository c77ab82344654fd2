# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server on loopback that answers as a script says, byte by byte if it likes: recorded answers and hostile ones."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Union
from urllib.parse import parse_qsl, urlsplit

#: What a script yields: bytes are sent, a number is waited for. Done, the connection stays open if the answer has
#: a length, so a next request can come.
Script = Callable[["Request"], Union[bytes, Iterable[Union[bytes, float]]]]
#: Ends the connection where it stands.
CUT = b""


@dataclass
class Request:
    """A request as it came; header names are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query))

    @property
    def token(self) -> str | None:
        return self.headers.get("authorization")

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Server:
    """``with Server(script) as server`` listens on ``server.url`` until the block ends and keeps what it was asked."""

    script: Script
    tls: ssl.SSLContext | None = None
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    sent: int = 0

    def __enter__(self) -> Server:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._port = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._over = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for sock in (self._listener, *tuple(self._open)):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self._port}"

    def _accept(self) -> None:
        while True:
            try:
                sock, _peer = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(sock)
            threading.Thread(target=self._talk, args=(sock,), daemon=True).start()

    def _talk(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), sock:
            if self.tls:
                sock = self.tls.wrap_socket(sock, server_side=True)
                self._open.add(sock)
            with sock, sock.makefile("rb") as source:
                while (request := _request(source)) is not None:
                    if not request.method:
                        sock.sendall(answer(b"", 400))
                        return
                    self.requests.append(request)
                    told = self.script(request)
                    for piece in [told] if isinstance(told, bytes) else told:
                        if piece == CUT:
                            return
                        if isinstance(piece, bytes):
                            sock.sendall(piece)
                            self.sent += len(piece)
                        elif self._over.wait(piece):
                            return


def _request(source: Any) -> Request | None:
    line = source.readline().decode("latin-1")
    first = line.split()
    if len(first) != 3:
        return Request("", line, {}) if line else None
    headers: dict[str, str] = {}
    while (line := source.readline().decode("latin-1").strip()) != "":
        name, _colon, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while (size := int(source.readline(), 16)) > 0:
            body += source.read(size)
            source.readline()
        source.readline()
    else:
        body = source.read(int(headers.get("content-length", 0)))
    return Request(first[0], first[1], headers, body)


def answer(body: Any = b"", status: int = 200, headers: Mapping[str, str] | None = None) -> bytes:
    """Return a whole HTTP answer; a body that is not bytes is sent as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = {"Content-Type": "application/json", "Content-Length": str(len(data)), **(headers or {})}
    head = f"HTTP/1.1 {status} Status\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return head.encode("latin-1") + b"\r\n" + data


def error(status: int, message: str = "it failed", tcode: str = "", node: str = "p[p1]") -> bytes:
    """Return an error answer as AIStore makes them."""
    told = {"tcode": tcode, "message": message, "method": "GET", "url_path": "/v1", "node": node, "status": status}
    return answer(json.dumps(told).encode() + b"\n", status)


def redirect(url: str, status: int = 307) -> bytes:
    return answer(b"", status, {"Location": url})


def smap(proxies: Iterable[str] = (), targets: Iterable[str] = (), uuid: str = "cluster-uuid") -> dict[str, Any]:
    """Return a cluster map of nodes at these addresses."""

    def nodes(kind: str, urls: Iterable[str]) -> dict[str, Any]:
        return {
            f"{kind}{number}": {"daemon_id": f"{kind}{number}", "public_net": {"direct_url": url}, "flags": 0}
            for number, url in enumerate(urls, 1)
        }

    pmap = nodes("p", proxies)
    return {"uuid": uuid, "version": "3", "pmap": pmap, "tmap": nodes("t", targets), "proxy_si": pmap.get("p1")}


@contextlib.contextmanager
def refusing() -> Any:
    """An address where nothing listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
