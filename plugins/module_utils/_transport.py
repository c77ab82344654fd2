# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""How requests travel: sessions of ``requests`` in which a server cannot stretch a timeout.

A read timeout alone only limits the wait for the next byte; a server that sends one byte a second, be it of its
headers, would hold a task for days. Here every read of the socket gets what is left of the whole answer's time.
"""

from __future__ import annotations

import functools
import http.client
import io
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

try:
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3 import disable_warnings
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
    from urllib3.exceptions import InsecureRequestWarning

    HAS_REQUESTS = True
except ImportError:  # _module reports it in Ansible's own words
    HAS_REQUESTS = False
    HTTPAdapter = HTTPConnection = HTTPSConnection = HTTPConnectionPool = HTTPSConnectionPool = object  # type: ignore[assignment,misc]

#: Connections to one host at once.
POOL = 16
#: Connections that a thread keeps, on the short way of object requests.
KEPT = 24
#: An answer of up to so many bytes is read at once.
SMALL = 64 * 1024
#: A body that is streamed may take longer than the timeout as long as it comes with so many bytes per second.
SLOWEST = 1024
#: Reasons of TLS that come before the request is looked at, and stay the same however often it is repeated.
_REFUSED = re.compile(
    "CERTIFICATE|UNKNOWN_CA|WRONG_VERSION_NUMBER|HANDSHAKE_FAILURE|PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|KEY_VALUES|PEM|"
    "certificate|handshake failure|unknown ca|unrecognized name|doesn't match",
)


class _Timed(io.RawIOBase):
    """Reads a socket until the time of one answer is over."""

    def __init__(self, raw: Any, sock: Any) -> None:
        super().__init__()
        self._raw, self._sock = raw, sock
        self._patience = sock.gettimeout()
        self._ends = None if self._patience is None else time.monotonic() + self._patience
        #: Bytes per second that buy time, up to the whole timeout again; 0 buys none.
        self.rate = 0
        #: Whether the end may come now.
        self.may_end = True

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._ends is None:
            return self._raw.readinto(buffer)  # nobody set a timeout
        left = self._ends - time.monotonic()
        if left <= 0:
            raise socket.timeout("timed out")
        self._sock.settimeout(left)
        count = self._raw.readinto(buffer)
        if not count and not self.may_end:
            raise ConnectionAbortedError("closed in the middle of an answer")
        if self.rate:
            self._ends = min(time.monotonic() + self._patience, self._ends + (count or 0) / self.rate)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """Its status line, headers and body have to come within the timeout that the socket has when it begins."""

    def __init__(self, sock: Any, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.timed = _Timed(self.fp.detach(), sock)
        self.fp = io.BufferedReader(self.timed)

    def _read_status(self) -> Any:
        found = super()._read_status()  # type: ignore[misc]
        # http.client takes the end of the connection for the end of the headers: half an answer would be a success.
        self.timed.may_end = False
        return found

    def begin(self) -> None:
        super().begin()
        self.timed.may_end = True


class _TimedConnection:
    response_class: Any = _Response

    def connect(self) -> None:
        try:
            super().connect()  # type: ignore[misc]
        except Exception as error:
            error.never_sent = True  # type: ignore[attr-defined]
            raise

    def putrequest(self, *args: Any, **options: Any) -> Any:
        # A kept connection still has what was left of the time of the answer before.
        if self.sock is not None:  # type: ignore[attr-defined]
            self.sock.settimeout(self.timeout)  # type: ignore[attr-defined]
        return super().putrequest(*args, **options)  # type: ignore[misc]


class _Http(_TimedConnection, HTTPConnection):
    pass


class _Https(_TimedConnection, HTTPSConnection):
    pass


class _Quick(_TimedConnection, http.client.HTTPConnection):
    """A connection without the layers above it, which take four fifths of the time of a small request."""

    def idle(self) -> bool:
        """Tell whether the server still waits for a request here."""
        try:
            self.sock.setblocking(False)
            self.sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False


class Quick:
    """An answer on a :class:`_Quick` connection, as far as a ``requests.Response`` is used here."""

    def __init__(self, url: str, response: Any, release: Callable[[], None], close: Callable[[], None]) -> None:
        self.url, self.status_code, self.headers = url, response.status, response.headers
        self.raw, self._original_response = self, response
        self._release, self._close, self._closed = release, close, False
        self._body: bytes | None = None
        if response.length is not None and response.length <= SMALL:
            self._body = response.read()
            self.close()

    def iter_content(self, size: int) -> Iterator[bytes | memoryview]:
        """Yield the body in pieces of up to ``size`` bytes, each good until the next one is asked for."""
        if self._body is not None:
            yield from filter(None, (self._body,))
            return
        # One buffer for all: the memory of new ones would be most of the time that a large body takes.
        buffer = memoryview(bytearray(size))
        try:
            while True:
                piece = buffer[: self._original_response.readinto(buffer)]
                if not piece:
                    break
                yield piece
            if self._original_response.length:
                raise http.client.IncompleteRead(b"", self._original_response.length)
        except (OSError, http.client.HTTPException) as error:
            raise requests.exceptions.ConnectionError(error) from None
        self.close()

    def close(self) -> None:
        """Keep the connection for the next request if the answer was read to its end. Once: it may be in use again."""
        if not self._closed:
            self._closed, response = True, self._original_response
            (self._release if response.isclosed() and not response.will_close else self._close)()


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}

    def build_response(self, req: Any, resp: Any) -> Any:
        # A body is taken as it was stored: nothing is decompressed, so nothing grows when it is read.
        resp.headers.pop("content-encoding", None)
        return super().build_response(req, resp)


def new_session(verify: bool | str, cert: tuple[str, ...]) -> Any:
    """Return a session that trusts ``verify`` (True, False, a CA bundle) and shows the client certificate ``cert``."""
    session: Any = requests.Session()
    # The environment's proxies, CA bundles and netrc are not for us: a token goes where the options say.
    session.trust_env = False
    session.verify = verify
    if cert:
        session.cert = (cert[0], cert[-1])
    if verify is False:
        disable_warnings(InsecureRequestWarning)  # the task warns in its own words
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.update(
        {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "community.aistore"}
    )
    #: Connections of each thread, by host.
    session.quick = threading.local()
    adapter = _Adapter(pool_connections=POOL, pool_maxsize=POOL)
    for scheme in ("http://", "https://"):
        session.mount(scheme, adapter)
    return session


def send(
    session: Any, method: str, url: str, data: Any, headers: Mapping[str, str], timeout: tuple[float, float]
) -> Any:
    """Send one request and return the open response.

    It goes to the adapter without what the session would add: redirects (which it would read whole), cookies, proxies,
    netrc, quoting of what is quoted. That is a fourth of the time of a small request.
    """
    _check(url)
    request = requests.PreparedRequest()
    request.method, request.url = method, url
    request.prepare_headers({**session.headers, **headers})
    request.prepare_body(data, None)
    return session.get_adapter(url).send(
        request, stream=True, timeout=timeout, verify=session.verify, cert=session.cert
    )


def send_quickly(
    session: Any, method: str, url: str, data: Any, headers: Mapping[str, str], timeout: tuple[float, float]
) -> Any:
    """Do what :func:`send` does in a fourth of the time, where that is easy: over plain HTTP, with a body of known size."""
    scheme, _separator, rest = url.partition("://")
    host, _slash, path = rest.partition("/")
    if scheme != "http" or not (data is None or hasattr(data, "__len__")) or not path.isascii():
        return send(session, method, url, data, headers, timeout)
    sent = {**session.headers, **headers}
    if data is not None:
        sent["Content-Length"] = str(len(data))
    kept = session.quick.__dict__
    connection = kept.pop(host, None)
    if connection is not None and not connection.idle():
        connection.close()
        connection = None
    try:
        if connection is None:
            _check(url)
            connection = _Quick(host, timeout=timeout[0])
            connection.connect()
        connection.timeout = timeout[1]
        connection.request(method, f"/{path}", data, sent)
        return Quick(url, connection.getresponse(), functools.partial(_keep, kept, host, connection), connection.close)
    except Exception as error:
        if connection is not None:
            connection.close()
        raise _as_requests(error) from None


def _keep(kept: dict[str, Any], host: str, connection: Any) -> None:
    """Keep a connection, and close the one that was not used for longest when there are too many."""
    if len(kept) >= KEPT:
        kept.pop(next(iter(kept))).close()
    kept[host] = connection


def _check(url: str) -> None:
    """Raise for an address that is none."""
    try:
        urlsplit(url).port  # noqa: B018
    except ValueError as error:
        raise requests.exceptions.InvalidURL(error) from None


def _as_requests(error: Exception) -> Exception:
    """Return an error of http.client as the one that requests makes of it."""
    kinds = requests.exceptions
    if isinstance(error, kinds.RequestException):
        return error
    if isinstance(error, http.client.InvalidURL):
        return kinds.InvalidURL(error)
    if isinstance(error, ValueError):
        return kinds.InvalidHeader(error)
    if isinstance(error, socket.timeout):
        return kinds.ConnectTimeout(error) if getattr(error, "never_sent", False) else kinds.ReadTimeout(error)
    return kinds.ConnectionError(error) if isinstance(error, (OSError, http.client.HTTPException)) else error


def let_stream(response: Any) -> None:
    """Let the body of an open ``response`` take its time, as long as it comes in faster than :data:`SLOWEST`."""
    response.raw._original_response.timed.rate = SLOWEST


def never_sent(error: Exception) -> bool:
    """Tell whether a connection error happened before a byte of the request left."""
    return any(getattr(part, "never_sent", False) for part in _parts(error))


def refused_by_tls(error: Exception) -> bool:
    """Tell whether one side does not accept the other's certificate or protocol: nothing was carried out."""
    return bool(_REFUSED.search(str(error)))


def not_http(error: Exception) -> bool:
    """Tell whether what was answered is no HTTP at all."""
    cause = _innermost(error)
    return isinstance(cause, http.client.HTTPException) and not isinstance(
        cause, (http.client.RemoteDisconnected, http.client.IncompleteRead)
    )


def reason(error: BaseException) -> str:
    """Return the innermost words of a connection error, without the library's wrapping."""
    words = re.sub(r"^\w+\(host=.*?\): ", "", str(_innermost(error)))
    return (words.rpartition(": ")[2] if "object at 0x" in words else words).strip()


def _innermost(error: BaseException) -> BaseException:
    return _parts(error)[-1]


def _parts(error: BaseException) -> list[BaseException]:
    """Return an error and those it was made of, the innermost last."""
    found = [error]
    for part in found:
        inner = (part.__cause__, getattr(part, "reason", None), *part.args)
        found += [each for each in inner if isinstance(each, BaseException) and each not in found]
    return found
