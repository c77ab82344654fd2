# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that means harm: it gets no token of another's, holds nobody up, fills no memory, and is found out."""

from __future__ import annotations

import gzip
import itertools
import json
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.community.aistore.plugins.module_utils import _client, _errors, _module, _nodes, _transport
from ansible_collections.community.aistore.plugins.module_utils._errors import AisError
from hypothesis import given, settings
from hypothesis import strategies as st
from server import CUT, Request, Server, answer, error, redirect, smap
from test_client import CREATE, READ, TOKEN, client, one_message

#: What a slow server may cost, seconds: the timeout of these tests, and what a busy machine adds.
TIMEOUT, AT_MOST = 0.3, 3.0


@pytest.fixture(params=["control", "object"])
def ask(request):
    """Ask with a client, about the cluster or about an object: two ways to the same wire."""

    def ask_it(talk: Any, *, write: bool = False, **options: Any) -> Any:
        if request.param == "control":
            return talk.request(**(CREATE if write else READ), **options)
        return talk.transfer("PUT" if write else "GET", "/v1/objects/b/o", what="look at ais://b", **options)

    return ask_it


def mapped(cluster_map: bytes, otherwise: Callable[[Request], bytes]) -> Callable[[Request], bytes]:
    """Return the script of a server that answers all but a look at its map with ``otherwise``."""
    return lambda seen: cluster_map if "what" in seen.query else otherwise(seen)


# -- redirects --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("write", [False, True], ids=["read", "write"])
def test_a_redirect_elsewhere_is_not_followed(write: bool, ask) -> None:
    with Server(lambda _: answer({})) as other:
        script = mapped(answer(smap([])), lambda seen: redirect(f"{other.url}{seen.target}"))
        with Server(script) as server, pytest.raises(_errors.ProtocolError) as caught:
            ask(client(server.url, token=TOKEN, retries=3), write=write)
    assert other.requests == []
    assert other.url in one_message(caught)
    assert "Nothing was sent there" in str(caught.value)


def test_data_is_not_sent_elsewhere() -> None:
    with Server(lambda _: answer({})) as other:
        script = mapped(answer(smap([])), lambda seen: redirect(f"{other.url}{seen.target}"))
        with Server(script) as server, pytest.raises(_errors.ProtocolError):
            client(server.url, token=TOKEN).transfer("PUT", "/v1/objects/b/o", what="put", data=b"secret content")
    assert other.requests == []


@pytest.mark.parametrize(("group", "token"), [("proxies", f"Bearer {TOKEN}"), ("targets", None)])
def test_of_the_map_only_proxies_get_the_token(group: str, token: str | None) -> None:
    with Server(lambda _: answer({})) as other:
        script = mapped(answer(smap(**{group: [other.url]})), lambda _seen: redirect(f"{other.url}/v1/there"))
        with Server(script) as server:
            client(server.url, token=TOKEN).request(**READ)
    assert [seen.token for seen in other.requests] == [token]


def test_without_the_map_the_same_host_will_do_but_gets_no_token() -> None:
    with Server(lambda _: answer({})) as other:
        script = mapped(error(403), lambda _seen: redirect(f"{other.url}/v1/there"))
        with Server(script) as server:
            client(server.url, token=TOKEN).request(**READ)
        assert [seen.token for seen in other.requests] == [None]
        elsewhere = mapped(error(403), lambda _seen: redirect("http://localhost:1/x"))
        with Server(elsewhere) as server, pytest.raises(_errors.ProtocolError):
            client(server.url, token=TOKEN).request(**READ)


def test_redirects_in_a_circle_end() -> None:
    with Server(lambda seen: redirect(seen.target)) as server, pytest.raises(_errors.ProtocolError) as caught:
        client(server.url).request(**READ)
    assert "redirected more than" in one_message(caught)
    assert len(server.requests) == _client.MAX_HOPS


def test_a_map_behind_a_redirect_is_not_looked_for() -> None:
    with (
        Server(lambda _: redirect("http://127.0.0.1:1/v1/cluster?what=smap")) as server,
        pytest.raises(_errors.ProtocolError) as caught,
    ):
        client(server.url).request(**READ)
    one_message(caught)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "location",
    [
        "http://[bad",
        "http://127.0.0.1:port/",
        "http://127.0.0.1:99999/",
        "http://user:pass@{netloc}/",
        "//evil.invalid/",
        "ftp://{netloc}/",
        "https://{netloc}/",
        "file:///etc/passwd",
        "http://{netloc}.evil.invalid/",
        "http://{netloc}\\@evil.invalid/",
        "javascript:alert(1)",
    ],
)
def test_a_strange_address_is_refused(location: str, ask) -> None:
    with Server(lambda seen: answer(smap([]))) as server:
        netloc = server.url.partition("//")[2]
        server.script = lambda seen: (
            answer(smap([server.url])) if "what" in seen.query else redirect(location.format(netloc=netloc))
        )
        with pytest.raises(_errors.ProtocolError) as caught:
            ask(client(server.url, token=TOKEN))
        assert "redirects to" in one_message(caught)
        assert {seen.path for seen in server.requests} <= {READ["path"], "/v1/objects/b/o", "/v1/cluster"}


# -- the cluster map --------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
GOOD_MAP = smap(["http://127.0.0.1:1"], ["http://127.0.0.1:2"])


def places(value: Any, at: tuple = ()) -> list[tuple]:
    """Return the path of everything inside a JSON value, itself included."""
    inner = value.items() if isinstance(value, dict) else ()
    return [at, *(path for key, part in inner for path in places(part, (*at, key)))]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(places(GOOD_MAP)), JSON)
def test_a_map_with_wrong_types_is_refused_or_harmless(place: tuple, value: Any) -> None:
    told = json.loads(json.dumps(GOOD_MAP))
    if place:
        level = told
        for key in place[:-1]:
            level = level[key]
        level[place[-1]] = value
    else:
        told = value
    talk = client("http://127.0.0.1:1")
    talk.cluster = lambda _what: told  # type: ignore[method-assign]
    refused = ""
    try:
        _nodes.of_map(talk.smap())
        talk._trusts("http://127.0.0.1:9")
    except _errors.ProtocolError as caught:
        refused = str(caught)
    assert not refused or "not a cluster map" in refused


def test_answers_of_any_shape_end_in_a_message() -> None:
    """What no check foresees is caught where a module ends."""
    for strange in (None, 3, "x", [1], {"a": 1}):
        try:
            strange["providers"]["ais"]  # type: ignore[index,call-overload]
        except (TypeError, KeyError) as caught:
            told = str(_module._puzzled(caught))
            assert "does not have the form" in told
            assert "report this as a bug" in told


# -- size -------------------------------------------------------------------------------------------------------


def endless(head: bytes):
    """Return a script that sends a head and then a body without an end."""
    piece = b"x" * 65536

    def script(_request):
        yield head
        for _number in range(4000):  # 250 MB
            yield (b"10000\r\n" + piece + b"\r\n") if b"chunked" in head else piece

    return script


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n"
UNTIL_CLOSED = b"HTTP/1.1 200 OK\r\n\r\n"


@pytest.mark.parametrize("head", [CHUNKED, LONG, UNTIL_CLOSED], ids=["chunked", "declared", "until closed"])
def test_a_huge_answer_is_given_up(head: bytes, monkeypatch, ask) -> None:
    monkeypatch.setattr(_client, "LARGEST_ANSWER", 2_000_000)
    tracemalloc.start()
    try:
        with Server(endless(head)) as server, pytest.raises(_errors.ProtocolError) as caught:
            ask(client(server.url))
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "larger than 2000000 bytes" in one_message(caught)
    assert peak < 20_000_000


@pytest.mark.parametrize("status", [b"500", b"307"])
def test_of_a_huge_error_or_redirect_the_beginning_is_read(status: bytes, ask) -> None:
    with Server(endless(CHUNKED.replace(b"200", status))) as server, pytest.raises(AisError) as caught:
        ask(client(server.url))
    one_message(caught)
    assert server.sent < 40_000_000


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000 + b"\r\n\r\n",
        b"HTTP/1.1 " + b"2" * 200_000,
    ],
    ids=["many headers", "a long header", "a long status"],
)
def test_huge_headers_are_given_up(head: bytes, ask) -> None:
    with Server(lambda _: [head, CUT]) as server, pytest.raises(AisError) as caught:
        ask(client(server.url))
    one_message(caught)


def test_nothing_is_decompressed(ask) -> None:
    bomb = gzip.compress(b"0" * 50_000_000)
    tracemalloc.start()
    try:
        with Server(lambda _: answer(bomb, headers={"Content-Encoding": "gzip"})) as server:
            found = ask(client(server.url))
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found.body == bomb
    assert peak < 5_000_000


# -- time -------------------------------------------------------------------------------------------------------


def drip(text: bytes, pause: float = 0.02):
    """Return a script that sends ``text`` byte by byte."""

    def script(_request):
        for number in range(len(text)):
            yield text[number : number + 1]
            yield pause

    return script


SLOW = {
    "status line": drip(b"HTTP/1.1 200 " + b"O" * 5000),
    "headers": drip(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 1000),
    "interim answers": drip(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "body": lambda _: itertools.chain([LONG], itertools.cycle([b"x", 0.02])),
    "chunks": lambda _: itertools.chain([CHUNKED], itertools.cycle([b"1\r\nx\r\n", 0.02])),
    "chunk size": lambda _: itertools.chain([CHUNKED], itertools.cycle([b"0", 0.02])),
    "trailers": lambda _: itertools.chain([CHUNKED, b"0\r\n"], itertools.cycle([b"A: b\r\n", 0.02])),
    "nothing": lambda _: [60.0],
    "error": lambda _: itertools.chain([LONG.replace(b"200", b"500")], itertools.cycle([b"x", 0.02])),
    "redirect": lambda _: itertools.chain([LONG.replace(b"200", b"307")], itertools.cycle([b"x", 0.02])),
}


@pytest.mark.parametrize("script", SLOW.values(), ids=SLOW)
def test_a_slow_server_holds_nobody_up(script, ask) -> None:
    begun = time.monotonic()
    with Server(script) as server, pytest.raises(_errors.Unanswered) as caught:
        ask(client(server.url, timeout=TIMEOUT))
    assert TIMEOUT * 0.9 < time.monotonic() - begun < AT_MOST
    one_message(caught)


def test_a_download_may_take_its_time_but_not_stand_still() -> None:
    """It lasts longer than the timeout as long as enough comes, and no longer than the timeout once nothing does."""

    def script(seen):
        if "what" in seen.query:
            return answer(smap([], [server.url]))
        if "pid" not in seen.query:
            return redirect(f"{server.url}/v1/objects/b/o?pid=p1")
        return itertools.chain(
            [LONG], itertools.chain.from_iterable([b"x" * 1000, 0.05] for _turn in range(16)), [60.0]
        )

    got = []
    begun = time.monotonic()
    with Server(script) as server, pytest.raises(_errors.Unanswered):
        client(server.url, timeout=TIMEOUT).transfer(
            "GET", "/v1/objects/b/o", what="get", receive=lambda found: got.extend(found.iter_content(500))
        )
    assert len(b"".join(got)) >= 15_500
    assert 0.7 + TIMEOUT * 0.9 < time.monotonic() - begun < 0.8 + AT_MOST


def test_a_kept_connection_has_its_whole_time_again(ask) -> None:
    with Server(lambda _: [0.2, answer({})]) as server:
        talk = client(server.url, timeout=0.4)
        for _number in range(4):
            ask(talk)
    assert server.connections == 1


# -- cut off ----------------------------------------------------------------------------------------------------

WHOLE = answer({"a": "b" * 30})
LARGE = b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200_000
CHUNKS = CHUNKED + b'8\r\n{"a": 1}\r\n0\r\n\r\n'


@pytest.mark.parametrize("text", [WHOLE, CHUNKS, LARGE], ids=["length", "chunked", "large"])
def test_an_answer_cut_anywhere_is_no_answer(text: bytes, ask) -> None:
    """Whatever is missing at the end, an error is raised and the write is not sent again."""
    for end in range(0, len(text), 1 if len(text) < 200 else 39_999):
        if text is CHUNKS and end >= text.rindex(b"0") + 1:
            continue  # in the end of the last, empty chunk: nothing of the answer is missing
        with Server(lambda _, end=end: [text[:end] or 0.0, CUT]) as server, pytest.raises(AisError) as caught:
            ask(client(server.url, retries=2), write=True).json()
        assert len(server.requests) == 1, end
        assert text is not LARGE or "not JSON" not in one_message(caught), end


# -- what is sent -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["t1\r\nX-Evil: 1", "t1\n", "\u0416\u4e2d"])
def test_nothing_slips_into_the_headers(value: str, ask) -> None:
    with Server(lambda _: answer({})) as server, pytest.raises(_errors.OptionError) as caught:
        ask(client(server.url), headers={"Ais-Node-Id": value})
    assert "header" in one_message(caught)
    assert server.requests == []


@pytest.mark.parametrize("name", ["a b", "a\r\nHost: evil", "../../v1/cluster", "a?x=1", "a#b", "ä\u4e2d", "%2e%2e"])
def test_nothing_slips_into_the_address(name: str) -> None:
    path = _client.object_path("b", name)
    with Server(lambda _: answer({})) as server:
        client(server.url).request("GET", path, what="read")
    assert server.requests[0].query == {}
    assert len(server.requests[0].target.splitlines()) == 1


def test_words_of_a_server_do_not_steer_the_terminal() -> None:
    with (
        Server(lambda _: error(500, "\x1b[2J\x1b]0;evil\x07 gone\r\nok: [host]")) as server,
        pytest.raises(AisError) as caught,
    ):
        client(server.url).request(**READ)
    assert all(letter.isprintable() for letter in one_message(caught))


def test_no_cookie_is_kept() -> None:
    with Server(lambda _: answer({}, headers={"Set-Cookie": "a=" + "b" * 4000 + "; Max-Age=9999"})) as server:
        talk = client(server.url)
        for _number in range(2):
            talk.request(**READ)
    assert len(talk._session.cookies) == 0
    assert "cookie" not in server.requests[1].headers


def test_the_environments_proxy_and_netrc_are_not_for_us(monkeypatch, tmp_path) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "")
    with Server(lambda _: answer({})) as server:
        client(server.url).request(**READ)
    assert server.requests[0].token is None


def test_a_deadline_costs_next_to_nothing() -> None:
    """What the deadline adds to a request on a kept connection; 50 microseconds are allowed, on a busy machine more."""

    class Raw:
        def readinto(self, _buffer) -> int:
            return 1

        def close(self) -> None:
            pass

    class Sock:
        def gettimeout(self) -> float:
            return 30.0

        def settimeout(self, _left: float) -> None:
            pass

    timed = _transport._Timed(Raw(), Sock())
    buffer = bytearray(1)
    begun = time.process_time()
    for _number in range(10_000):
        timed.readinto(buffer)
    assert (time.process_time() - begun) / 10_000 < 50e-6
