# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logging in to an AuthN server that answers as the real one does, or as it should not."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from ansible_collections.community.aistore.plugins.module_utils import _authn, _client, _errors, _options
from ansible_collections.community.aistore.plugins.module_utils._client import Client
from hypothesis import given
from hypothesis import strategies as st
from server import CUT, Server, answer, error, redirect, refusing

WRONG = error(401, "AuthN: failed to generate token for bob, err: invalid credentials", "ErrFailedTo", node="")


def connection(authn_url: str, endpoint: str = "http://127.0.0.1:1", **more: Any) -> _client.Connection:
    options = {"endpoint": [endpoint], "authn_url": authn_url, "username": "bob", "password": "hunter2", "timeout": 5}
    return _options.connection({**options, **more})


def test_a_login_is_one_request_without_a_token() -> None:
    with Server(lambda _: answer({"token": "t1"})) as server:
        assert _authn.login(connection(server.url)) == "t1"
        assert _authn.issue(connection(server.url), "alice/../bob", "pw", 60) == "t1"
    first, second = server.requests
    assert (first.method, first.path, first.token) == ("POST", "/v1/users/bob", None)
    assert first.json() == {"password": "hunter2"}
    assert second.path == "/v1/users/alice%2F..%2Fbob"
    assert second.json() == {"password": "pw", "expires_in": 60}


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (WRONG, "User name or password is wrong"),
        (answer({"token": 3}), "holds no token"),
        (answer(["t"]), "holds no token"),
        (answer({}), "holds no token"),
        (answer({"token": "a\r\nX-Evil: 1"}), "not a token"),
        (answer(b"<html>", headers={"Content-Type": "text/html"}), "an AuthN server"),
        (answer(b"nonsense"), "an AuthN server"),
        (answer(b"404 page not found", 404), "an AuthN server"),
        (error(400, "invalid request URI"), "Check 'authn_url'"),
        (error(503, "later"), "'retries'"),
        (redirect("http://127.0.0.1:1/"), "redirects to http://127.0.0.1:1"),
        (CUT, "the connection to"),
    ],
)
def test_a_login_that_fails_is_one_message(script: bytes, told: str) -> None:
    with Server(lambda _: [script]) as server, pytest.raises(_errors.LoginFailed) as caught:
        Client(connection(server.url, server.url)).request("GET", "/v1/x", what="read")
    message = str(caught.value)
    assert message.startswith(f"log in to {server.url} as 'bob': ")
    assert told in message
    assert "hunter2" not in message
    assert len(message.splitlines()) == 1
    assert {seen.path for seen in server.requests} == {"/v1/users/bob"}


def test_nobody_at_the_authn_server() -> None:
    with refusing() as url, pytest.raises(_errors.LoginFailed) as caught:
        _authn.login(connection(url))
    assert "Check 'authn_url', and that the AuthN server is running" in str(caught.value)


def test_the_token_is_kept_for_the_next_task_of_the_process(monkeypatch) -> None:
    monkeypatch.setattr(_client, "SESSIONS", {})
    made = iter(["t1", "t2", "t3", "t4"])

    def script(seen):
        if seen.method == "POST":
            return answer({"token": next(made)})
        return answer({}) if seen.token in allowed else error(401, "token expired")

    allowed = ["Bearer t1"]
    with Server(script) as server:
        for _task in range(3):
            Client(connection(server.url, server.url)).request("GET", "/v1/x", what="read")
        assert [seen.method for seen in server.requests] == ["POST", "GET", "GET", "GET"]
        allowed[:] = ["Bearer t2"]
        for _task in range(2):
            Client(connection(server.url, server.url)).request("GET", "/v1/x", what="read")
        assert [seen.method for seen in server.requests[4:]] == ["GET", "POST", "GET", "GET"]
        allowed.append("Bearer t3")
        Client(connection(server.url, server.url, password="other")).request("GET", "/v1/x", what="read")
        assert server.requests[-2].json() == {"password": "other"}


def test_without_a_front_end_that_keeps_it_each_task_logs_in() -> None:
    assert _client.SESSIONS is None
    with Server(lambda seen: answer({"token": "t"})) as server:
        for _task in range(2):
            Client(connection(server.url, server.url)).request("GET", "/v1/x", what="read")
    assert [seen.method for seen in server.requests] == ["POST", "GET"] * 2


def test_the_login_goes_to_the_authn_server_and_the_token_to_the_cluster() -> None:
    with Server(lambda _: answer({"token": "t"})) as authn, Server(lambda _: answer({})) as cluster:
        Client(connection(authn.url, cluster.url)).request("PUT", "/v1/x", what="write")
    assert [(seen.method, seen.token) for seen in authn.requests] == [("POST", None)]
    assert [(seen.method, seen.token) for seen in cluster.requests] == [("PUT", "Bearer t")]


def test_check_mode_may_log_in_but_not_write() -> None:
    with Server(lambda _: answer({"token": "t"})) as server:
        talk = Client(connection(server.url, server.url), check_mode=True)
        talk.request("GET", "/v1/x", what="read")
        with pytest.raises(_errors.CheckModeError):
            _authn.AuthN(connection(server.url), check_mode=True).request("DELETE", "/v1/users/a", what="delete")
    assert [seen.method for seen in server.requests] == ["POST", "GET"]


def test_the_authn_client_speaks_to_the_authn_server_only() -> None:
    with Server(lambda _: answer({})) as server:
        talk = _authn.AuthN(connection(server.url, username="", password="", token="t", cluster_uuid="some"))
        talk.request("PUT", _authn.path("roles", "r"), what="update role r")
    (seen,) = server.requests
    assert (seen.method, seen.path, seen.token) == ("PUT", "/v1/roles/r", "Bearer t")


def encoded(told: Any) -> str:
    return "h." + base64.urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=") + ".s"


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.booleans()))
def test_claims_are_read(told: dict) -> None:
    assert _authn.claims(encoded(told)) == told


@given(st.text() | st.text("abc.=_-"))
def test_what_is_no_token_claims_nothing(text: str) -> None:
    assert isinstance(_authn.claims(text), dict)
    assert _authn.claims(encoded([1])) == {}
