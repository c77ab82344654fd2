# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client against recorded answers: every failure is one clear message, and only what is safe is repeated."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from ansible_collections.community.aistore.plugins.module_utils import _client, _errors
from ansible_collections.community.aistore.plugins.module_utils._client import Client, Connection
from server import CUT, Server, answer, error, redirect, refusing, smap

TOKEN = "eyJhbGciOi.eyJzdWIiOiJi.c2lnbmF0dXJl"
CREATE = {"method": "POST", "path": "/v1/buckets/b", "what": "create ais://b", "action": "create-bck"}
READ = {"method": "GET", "path": "/v1/buckets/b", "what": "look at ais://b"}


def client(*urls: str, check_mode: bool = False, slept: list | None = None, **options: Any) -> Client:
    """Return a client that does not wait between its tries."""
    connection = Connection(urls, **{"retries": 0, "timeout": 5.0, **options})
    return Client(connection, check_mode=check_mode, sleep=([] if slept is None else slept).append)


def one_message(caught: pytest.ExceptionInfo) -> str:
    """Return the message of an error, which has to be fit for people."""
    told = str(caught.value)
    assert "\n" not in told
    assert "Traceback" not in told
    assert "object at 0x" not in told
    assert 10 < len(told) < 2000
    return told


def in_turn(*answers: bytes):
    """Return a script that gives each answer once, and the last one for ever."""
    left = itertools.chain(answers, itertools.repeat(answers[-1]))
    return lambda _request: next(left)


# -- answers ----------------------------------------------------------------------------------------------------


def test_a_request_is_what_was_asked_for() -> None:
    with Server(lambda _: answer({"a": 1})) as server:
        found = client(server.url, token=TOKEN).request(
            "POST",
            "/v1/x",
            what="do it",
            query={"keep": True, "n": "a b"},
            action="act",
            name="n",
            value={"v": 1},
            node="t1",
        )
    assert found.json() == {"a": 1}
    (seen,) = server.requests
    assert (seen.path, seen.query) == ("/v1/x", {"keep": "true", "n": "a b"})
    assert seen.json() == {"action": "act", "name": "n", "value": {"v": 1}}
    assert (seen.token, seen.headers["ais-node-id"]) == (f"Bearer {TOKEN}", "t1")
    assert seen.headers["content-type"] == "application/json"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 429, 500, 501, 502, 503, 507, 418])
def test_an_error_answer_is_one_message(status: int) -> None:
    with (
        Server(lambda _: error(status, "the server's\n own words", "ErrThat")) as server,
        pytest.raises(_errors.ApiError) as caught,
    ):
        client(server.url).request(**CREATE)
    assert caught.type is _errors.BY_STATUS.get(status, _errors.ApiError)
    told = one_message(caught)
    for part in ("create ais://b", "p[p1]", str(status), "ErrThat", "the server's own words"):
        assert part in told
    assert caught.value.facts() == {
        "type": type(caught.value).__name__,
        "status": status,
        "tcode": "ErrThat",
        "node": "p[p1]",
    }


def test_the_error_of_a_head_is_in_its_header() -> None:
    told = '{"tcode":"ErrBckNotFound","message":"bucket \\"ais://b\\" does not exist","node":"p[p1]","status":404}'
    with Server(lambda _: answer(b"", 404, {"Hdr-Error": told})) as server, pytest.raises(_errors.NotFound) as caught:
        client(server.url).request("HEAD", "/v1/buckets/b", what="look at ais://b")
    assert caught.value.tcode == "ErrBckNotFound"


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("token required", "wants a token"),
        ("invalid token [err: token is malformed: illegal base64]", "not a JSON Web Token"),
        ("invalid token [err: token signature is invalid]", "another AuthN server"),
        ("invalid token [err: token expired]: " + TOKEN, "expired: log in again"),
        ("invalid token [err: token revoked]: " + TOKEN, "revoked: log in again"),
        ("not authorized: requires admin (user bob)", "AuthN administrator"),
        ("invalid credentials", "password is wrong"),
        ("something new", "valid 'token'"),
    ],
)
def test_a_refused_token_is_told_which_way(said: str, advice: str) -> None:
    with Server(lambda _: error(401, said)) as server, pytest.raises(_errors.Unauthorized) as caught:
        client(server.url, token=TOKEN).request(**READ)
    assert advice in one_message(caught)
    assert TOKEN[:12] not in str(caught.value)


@pytest.mark.parametrize("token", ["tok-abcdef", "x.y.z.0"])
def test_a_token_that_the_server_repeats_is_hidden_whatever_it_looks_like(token: str) -> None:
    with Server(lambda seen: error(401, f"bad {seen.token}")) as server, pytest.raises(_errors.Unauthorized) as caught:
        client(server.url, token=token).request("GET", "/v1/x", what="read")
    assert token not in one_message(caught)


@pytest.mark.parametrize(
    ("tcode", "advice"), [("ErrBucketAccessDenied", "'access' property"), ("", "grants this permission")]
)
def test_who_forbids_is_told(tcode: str, advice: str) -> None:
    with Server(lambda _: error(403, "no", tcode)) as server, pytest.raises(_errors.Forbidden) as caught:
        client(server.url).request("GET", "/v1/x", what="read")
    assert advice in one_message(caught)


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (answer(b"<html>hello</html>", headers={"Content-Type": "text/html"}), "HTML page"),
        (answer(b"<html>not here</html>", 404, {"Content-Type": "text/html"}), "not as AIStore does"),
        (answer(b"", 404), "not as AIStore does"),
        (answer(b"404 page not found", 404, {"Content-Type": "text/plain"}), "not as AIStore does"),
        (answer({"detail": "Not Found"}, 404), "not as AIStore does"),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "not HTTP"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "not HTTP"),
        (answer(b"Client sent an HTTP request to an HTTPS server.\n", 400), "speaks HTTPS"),
        (answer(b"ok"), "not JSON"),
        (answer(b'{"a": '), "not JSON"),
        (answer(b"[" * 200_000), "not JSON"),
        (answer(b"\xff\xfe{"), "not JSON"),
        (answer(b""), "nothing where JSON is due"),
        (answer(b" \n"), "nothing where JSON is due"),
    ],
)
def test_what_is_not_aistore_is_told(script: bytes, told: str) -> None:
    def respond(_request):
        return script if script.startswith(b"HTTP") else (script, CUT)

    with Server(respond) as server, pytest.raises(_errors.ProtocolError) as caught:
        client(server.url, retries=2).get_json("/v1/buckets/b", what="read ais://b")
    assert told in one_message(caught)
    assert len(server.requests) == 1


# -- reaching it ------------------------------------------------------------------------------------------------


def test_nobody_there_is_tried_again_as_configured() -> None:
    slept: list[float] = []
    with refusing() as url, pytest.raises(_errors.Unreachable) as caught:
        client(url, retries=3, slept=slept).request(**CREATE)
    told = one_message(caught)
    assert "create ais://b" in told
    assert url in told
    assert "refused" in told
    assert "'endpoint'" in told
    assert slept == list(_client.BACKOFF[:3])


def test_an_unknown_host_is_one_message() -> None:
    with pytest.raises(_errors.Unreachable) as caught:
        client("http://nowhere.invalid:8080").request(**READ)
    assert "nowhere.invalid" in one_message(caught)


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999", "http://[::1", "ftp://h:1"])
def test_an_address_that_is_none_is_the_options_fault(url: str) -> None:
    with pytest.raises(_errors.AisError) as caught:
        client(url).request(**READ)
    assert isinstance(caught.value, _errors.OptionError)
    one_message(caught)


def test_the_next_endpoint_is_tried_and_then_kept() -> None:
    with refusing() as dead, Server(lambda _: answer({})) as server:
        talk = client(dead, server.url)
        talk.get_json("/v1/x", what="read")
        assert talk._first == 1
        talk.get_json("/v1/x", what="read")
    assert len(server.requests) == 2


def test_all_that_was_tried_is_told() -> None:
    with refusing() as one, refusing() as two, pytest.raises(_errors.Unreachable) as caught:
        client(one, two).request(**READ)
    assert f"(tried {one}, {two})" in one_message(caught)


@pytest.mark.parametrize("status", [429, 502, 503])
@pytest.mark.parametrize("request_", [READ, CREATE], ids=["read", "create"])
def test_a_busy_cluster_is_tried_again(status: int, request_: dict) -> None:
    script = in_turn(error(status), answer(b"", status), answer(b""))
    with Server(script) as server:
        client(server.url, retries=2).request(**request_)
    assert len(server.requests) == 3


def test_a_busy_cluster_is_not_tried_for_ever() -> None:
    with Server(lambda _: answer(b"", 503)) as server, pytest.raises(_errors.NotReady) as caught:
        client(server.url, retries=2).request(**CREATE)
    assert "retries" in one_message(caught)
    assert len(server.requests) == 3


GONE = "failed to call t[t1] [control-plane], err: connection refused"


@pytest.mark.parametrize(
    ("words", "tcode", "repeat", "tries"),
    [(GONE, "ErrFailedTo", None, 3), (GONE, "", True, 3), (GONE, "", None, 1), ("no", "ErrFailedTo", True, 1)],
)
def test_only_the_400_of_a_dying_target_passes(words: str, tcode: str, repeat: bool | None, tries: int) -> None:
    with Server(lambda _: error(400, words, tcode)) as server, pytest.raises(_errors.BadRequest):
        client(server.url, retries=2).request(**CREATE, repeat=repeat)
    assert len(server.requests) == tries


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 500, 501, 507])
def test_what_stays_refused_is_asked_once(status: int) -> None:
    with Server(lambda _: error(status)) as server, pytest.raises(_errors.ApiError):
        client(server.url, server.url, retries=3).request(**CREATE, repeat=True)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("request_", "tries"), [(READ, 3), (CREATE, 1), ({**CREATE, "repeat": True}, 3)], ids=["read", "write", "safe"]
)
def test_a_lost_answer_is_only_repeated_if_that_is_safe(request_: dict, tries: int) -> None:
    with Server(lambda _: [CUT]) as server, pytest.raises(_errors.Unanswered) as caught:
        client(server.url, retries=2).request(**request_)
    assert len(server.requests) == tries
    assert "may have been carried out" in one_message(caught)


@pytest.mark.parametrize(
    ("request_", "asked", "waits"),
    [
        (READ, 5.0, 5.0),
        (CREATE, 5.0, 60.0),
        (CREATE, 90.0, 90.0),
        ({**READ, "patience": 120.0}, 5.0, 120.0),
    ],
)
def test_a_change_is_waited_for_a_minute(
    request_: dict, asked: float, waits: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server(lambda _: answer()) as server:
        talk = client(server.url, timeout=asked)
        told = []
        send = _client._transport.send
        monkeypatch.setattr(_client._transport, "send", lambda *args: (told.append(args[-1]), send(*args))[1])
        talk.request(**request_)
    assert told == [(min(asked, waits), waits)]


def test_requests_share_one_connection() -> None:
    with Server(in_turn(answer({}), error(404), answer(b"x" * 100_000), answer({}))) as server:
        talk = client(server.url)
        for _number in range(8):
            talk.request("GET", "/v1/x", what="read", accept=(404,))
    assert (len(server.requests), server.connections) == (8, 1)


# -- what must not happen ---------------------------------------------------------------------------------------


def test_check_mode_sends_no_write() -> None:
    with Server(lambda _: answer({})) as server:
        talk = client(server.url, check_mode=True)
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            with pytest.raises(_errors.CheckModeError):
                talk.request(method, "/v1/x", what="write")
            with pytest.raises(_errors.CheckModeError):
                talk.transfer(method, "/v1/objects/b/o", what="write")
        with pytest.raises(_errors.CheckModeError):
            talk.request("GET", "/v1/x", what="a GET that writes", writes=True)
        talk.request("POST", "/v1/x", what="a POST that reads", writes=False)
    assert len(server.requests) == 1


def test_another_cluster_is_not_written_to() -> None:
    with Server(lambda _: answer(smap(uuid="other"))) as server:
        talk = client(server.url, cluster_uuid="this")
        talk.request(**READ)
        with pytest.raises(_errors.WrongCluster) as caught:
            talk.request(**CREATE)
        assert {seen.method for seen in server.requests} == {"GET"}
    assert "this" in one_message(caught)
    assert "other" in str(caught.value)


def test_the_right_cluster_is_asked_for_its_uuid_once() -> None:
    with Server(lambda _: answer(smap(uuid="this"))) as server:
        talk = client(server.url, cluster_uuid="this")
        for _number in range(3):
            talk.request(**CREATE)
    assert [seen.method for seen in server.requests] == ["GET", "POST", "POST", "POST"]


# -- objects ----------------------------------------------------------------------------------------------------


def cluster(proxy_answers=None):
    """Return a proxy that redirects objects to a target, and the target."""
    target = Server(lambda seen: answer(b"<p>content</p>", headers={"Content-Type": "text/html", "Ais-Version": "1"}))

    def proxy(seen):
        if seen.path == "/v1/cluster":
            return answer(smap([front.url], [target.url]))
        return redirect(f"{target.url}{seen.target}&pid=p1&utm=1") if seen.path.startswith("/v1/objects") else answer()

    front = Server(proxy)
    return front, target


@pytest.mark.parametrize(
    "data", [b"x" * 300_000, lambda: iter([b"x" * 100_000] * 3)], ids=["bytes", "an iterable for each try"]
)
def test_a_body_is_sent_once_and_to_the_target(data: Any) -> None:
    front, target = cluster()
    with front, target:
        talk = client(front.url, token=TOKEN)
        found = talk.transfer("PUT", "/v1/objects/b/o", what="put", query={"q": 1}, headers={"H": "v"}, data=data)
    first = front.requests[0]
    (second,) = target.requests
    assert (first.method, first.body, first.token) == ("PUT", b"", f"Bearer {TOKEN}")
    assert second.target == "/v1/objects/b/o?q=1&pid=p1&utm=1"
    assert (second.body, second.headers["h"], second.token) == (b"x" * 300_000, "v", None)
    assert found.body == b"<p>content</p>"


def test_many_objects_share_connections() -> None:
    front, target = cluster()
    with front, target:
        talk = client(front.url)
        for _number in range(5):
            talk.transfer("GET", "/v1/objects/b/o", what="get", query={"q": 1})
    # One more to the front end, for the cluster map.
    assert (front.connections, target.connections) == (2, 1)


def test_an_object_is_received_in_pieces() -> None:
    front, target = cluster()
    with front, target:
        found = client(front.url).transfer(
            "GET",
            "/v1/objects/b/o",
            what="get",
            query={"q": 1},
            receive=lambda response: b"".join(map(bytes, response.iter_content(3))),
        )
    assert found == b"<p>content</p>"


def test_a_download_that_breaks_is_begun_again() -> None:
    front, target = cluster()
    target.script = in_turn(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", answer(b"the whole"))
    whole = target.script
    target.script = lambda seen: (whole(seen), CUT)
    with front, target:
        talk = client(front.url, retries=1)
        found = talk.transfer(
            "GET",
            "/v1/objects/b/o",
            what="get",
            query={"q": 1},
            receive=lambda response: b"".join(map(bytes, response.iter_content(10))),
        )
    assert found == b"the whole"


# -- logging in -------------------------------------------------------------------------------------------------


class Logins:
    """Makes tokens, each another one."""

    def __init__(self) -> None:
        self.refused: list[str] = []
        self._lock = threading.Lock()

    def __call__(self, _connection: Connection, refused: str) -> str:
        with self._lock:
            self.refused.append(refused)
            return f"token-{len(self.refused)}"


def takes(*tokens: str):
    """Return a script that answers who has one of the tokens."""
    wanted = {f"Bearer {token}" for token in tokens}
    return lambda seen: answer({}) if seen.token in wanted else error(401, "token expired")


def test_a_login_brings_the_token_once() -> None:
    logins = Logins()
    with Server(takes("token-1")) as server:
        talk = client(server.url, login=logins)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: talk.get_json("/v1/x", what="read"), range(24)))
    assert logins.refused == [""]


def test_a_token_that_no_longer_counts_is_renewed_once() -> None:
    logins = Logins()
    with Server(takes("token-1")) as server:
        talk = client(server.url, token="old-one", login=logins)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: talk.get_json("/v1/x", what="read"), range(24)))
    assert logins.refused == ["old-one"]


def test_a_new_token_that_does_not_count_either_is_an_error() -> None:
    logins = Logins()
    with Server(takes()) as server, pytest.raises(_errors.Unauthorized):
        client(server.url, retries=3, login=logins).request(**CREATE)
    assert logins.refused == ["", "token-1"]
    assert len(server.requests) == 2


def test_a_login_that_fails_is_not_tried_again() -> None:
    calls = []

    def login(_connection: Connection, refused: str) -> str:
        calls.append(refused)
        raise _errors.LoginFailed("no token")

    with Server(lambda _: answer()) as server, pytest.raises(_errors.LoginFailed):
        client(server.url, retries=3, login=login).request(**CREATE)
    assert (calls, server.requests) == ([""], [])


def test_kept_sessions_are_shared_by_what_is_the_same(monkeypatch) -> None:
    monkeypatch.setattr(_client, "SESSIONS", {})
    same = {"endpoints": ("http://a:1",), "token": "t", "username": "u", "password": "p", "authn_url": "http://n:1"}
    first = Client(Connection(**same))
    assert Client(Connection(**same, retries=9))._session is first._session
    others = (
        ("endpoints", ("http://b:1",)),
        ("token", "u"),
        ("username", "v"),
        ("password", "q"),
        ("authn_url", "http://m:1"),
        ("verify", False),
        ("cert", ("c",)),
    )
    for name, value in others:
        assert Client(Connection(**{**same, name: value}))._session is not first._session, name
    assert "t" not in str(first.connection.key()[1:2]) or len(first.connection.key()[1]) == 64


def test_a_connection_shows_no_secret() -> None:
    shown = repr(Connection(("http://a:1",), token="s3cret", username="bob", password="hunter2"))
    assert "s3cret" not in shown
    assert "hunter2" not in shown
