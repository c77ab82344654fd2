# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The short way of object requests behaves as the long one does, and keeps its connections."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from ansible_collections.community.aistore.plugins.module_utils import _transport
from server import CUT, Request, Server, answer, refusing

WAYS = [_transport.send, _transport.send_quickly]


def ask(way: Any, url: str, method: str = "GET", data: Any = None, session: Any = None, **headers: str) -> Any:
    return way(session or _transport.new_session(True, ()), method, url, data, headers, (2.0, 2.0))


def body(response: Any) -> bytes:
    return b"".join(map(bytes, response.iter_content(1000)))


class Sized:
    """A body in pieces, of known size."""

    def __len__(self) -> int:
        return 6

    def __iter__(self) -> Iterator[bytes]:
        yield from (b"abc", b"def")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("data", [None, b"", b"content", Sized()])
def test_what_is_sent(way: Any, data: Any) -> None:
    with Server(lambda _: answer({"k": "v"}, headers={"H": "a"})) as server:
        found = ask(way, f"{server.url}/v1/objects/b/o%20%25?q=a%26b", "PUT", data, Own="x")
        assert (found.status_code, found.headers.get("h"), body(found)) == (200, "a", b'{"k": "v"}')
    (request,) = server.requests
    assert (request.method, request.target) == ("PUT", "/v1/objects/b/o%20%25?q=a%26b")
    assert request.body == (b"" if data is None else b"".join([data] if isinstance(data, bytes) else data))
    assert request.headers["own"] == "x"
    assert request.headers["user-agent"] == "community.aistore"
    assert request.headers["accept-encoding"] == "identity"
    assert "transfer-encoding" not in request.headers


@pytest.mark.parametrize("way", WAYS)
def test_headers_of_one_name_stay_apart(way: Any) -> None:
    with Server(lambda _: answer(headers={"Ais-Custom-Md": "a=1\r\nAis-Custom-Md: b=2"})) as server:
        found = ask(way, server.url + "/x")
    assert [value for name, value in found.raw.headers.items() if name == "Ais-Custom-Md"] == ["a=1", "b=2"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("size", [0, 10, 200_000])
def test_connections_are_kept(way: Any, size: int) -> None:
    session = _transport.new_session(True, ())
    with Server(lambda _: answer(b"x" * size)) as server:
        for _number in range(3):
            found = ask(way, server.url + "/x", session=session)
            assert len(body(found)) == size
            found.close()
    assert server.connections == 1


def test_a_connection_that_the_server_closed_is_not_used_again() -> None:
    def close(_request: Request) -> Iterator[bytes]:
        yield answer(b"x")
        yield CUT

    session = _transport.new_session(True, ())
    with Server(close) as server:
        for _number in range(3):
            assert body(ask(_transport.send_quickly, server.url + "/x", session=session)) == b"x"
            time.sleep(0.05)
    assert server.connections == 3


def test_an_answer_that_is_not_read_is_not_taken_for_the_next_one() -> None:
    session = _transport.new_session(True, ())
    with Server(lambda request: answer(request.path.encode() * 50_000)) as server:
        ask(_transport.send_quickly, server.url + "/a", session=session).close()
        assert body(ask(_transport.send_quickly, server.url + "/b", session=session))[:2] == b"/b"


def test_closing_twice_does_not_give_a_connection_away() -> None:
    session = _transport.new_session(True, ())
    with Server(lambda request: answer(b"x" * (200_000 if request.target == "/big" else 1))) as server:
        small = ask(_transport.send_quickly, server.url + "/small", session=session)
        small.close()
        big = ask(_transport.send_quickly, server.url + "/big", session=session)
        small.close()
        assert body(ask(_transport.send_quickly, server.url + "/small", session=session)) == b"x"
        assert len(body(big)) == 200_000


def test_not_too_many_connections_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_transport, "KEPT", 2)
    session = _transport.new_session(True, ())
    servers = [Server(lambda _: answer(b"x")) for _number in range(3)]
    with servers[0], servers[1], servers[2]:
        for server in (*servers, servers[2], servers[0]):
            ask(_transport.send_quickly, server.url + "/x", session=session)
        assert len(session.quick.__dict__) == 2
        assert [server.connections for server in servers] == [2, 1, 1]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "script",
    [
        [CUT],
        [b"HTTP/1.1 200 OK\r\nContent-Le", CUT],
        [answer(b"x" * 100)[:-10], CUT],
        [answer(b"x" * 200_000)[:-10], CUT],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", CUT],
        [b"220 smtp.example\r\n", CUT],
        [5.0],
        [answer(b"x" * 100)[:-10], 5.0],
        [answer(b"x" * 200_000)[:-10], 5.0],
    ],
)
def test_half_an_answer_is_an_error(way: Any, script: list[Any]) -> None:
    with Server(lambda _: script) as server, pytest.raises(requests.exceptions.RequestException):
        body(ask(way, server.url + "/x"))


@pytest.mark.parametrize("way", WAYS)
def test_a_server_that_drips_is_given_up(way: Any) -> None:
    dripping = [piece for byte in answer(b"x" * 100) for piece in (bytes([byte]), 0.1)]
    began = time.monotonic()
    with Server(lambda _: dripping) as server, pytest.raises(requests.exceptions.RequestException):
        body(ask(way, server.url + "/x"))
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("way", WAYS)
def test_what_never_left(way: Any) -> None:
    with refusing() as url, pytest.raises(requests.exceptions.ConnectionError) as caught:
        ask(way, url + "/x")
    assert _transport.never_sent(caught.value)


@pytest.mark.parametrize("way", WAYS)
def test_what_cannot_be_sent(way: Any) -> None:
    with Server(lambda _: answer()) as server:
        with pytest.raises((requests.exceptions.InvalidHeader, UnicodeError)):
            ask(way, server.url + "/x", Own="\u20ac")
        with pytest.raises(requests.exceptions.InvalidURL):
            ask(way, "http://[::1/x")
        with pytest.raises(requests.exceptions.InvalidURL):
            ask(way, "http://host:port/x")
    assert not server.requests


def test_an_error_of_the_body_passes_through_and_ends_the_connection() -> None:
    class Broken(Sized):
        def __iter__(self) -> Iterator[bytes]:
            yield b"abc"
            raise LookupError("gone")

    session = _transport.new_session(True, ())
    with Server(lambda _: answer(b"x")) as server:
        with pytest.raises(LookupError):
            ask(_transport.send_quickly, server.url + "/x", "PUT", Broken(), session=session)
        assert body(ask(_transport.send_quickly, server.url + "/x", session=session)) == b"x"
    # The server may notice the broken one after it has answered the other.
    assert server.connections == 2
    assert "GET" in [request.method for request in server.requests]
