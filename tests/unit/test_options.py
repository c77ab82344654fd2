# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shared options: what of them makes a connection, and one message for what does not."""

from __future__ import annotations

import json

import pytest
from ansible_collections.community.aistore.plugins.module_utils import _authn, _options
from ansible_collections.community.aistore.plugins.module_utils._errors import OptionError
from hypothesis import given
from hypothesis import strategies as st

TOKEN = "eyJhbGciOi.eyJzdWIiOiJi.c2lnbmF0dXJl"


@pytest.fixture(autouse=True)
def _no_token_file_of_the_user(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(_options, "TOKEN_FILE", str(tmp_path / "none"))


@pytest.mark.parametrize(
    ("told", "address"),
    [
        ("http://h:8080", "http://h:8080"),
        ("h:8080", "http://h:8080"),
        ("https://h/", "https://h"),
        (" http://10.0.0.1:1 ", "http://10.0.0.1:1"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_spellings_of_an_endpoint(told: str, address: str) -> None:
    assert _options.connection({"endpoint": [told]}).endpoints == (address,)


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ("ftp://h", "neither an http"),
        ("http://h/v1", "has a path"),
        ("http://h?x=1", "has a path"),
        ("http://h#x", "has a path"),
        ("http://u:p@h", "no user or password"),
        ("http://h:port", "Port"),
        ("http://h:99999", "Port"),
        ("http://[::1", "IPv6"),
        ("http://:8080", "names no host"),
        ("http://a b", "names no host"),
    ],
)
@pytest.mark.parametrize("option", ["endpoint", "authn_url"])
def test_what_is_no_endpoint(told: str, why: str, option: str) -> None:
    with pytest.raises(OptionError, match=f"^{option}: .*{why}"):
        _options.connection({option: [told] if option == "endpoint" else told})


@given(st.text(max_size=30))
def test_whatever_is_given_is_an_endpoint_or_one_message(told: str) -> None:
    try:
        (found,) = _options.connection({"endpoint": [told]}).endpoints
        assert found.startswith(("http://", "https://"))
        assert found.count("/") == 2
    except OptionError as caught:
        assert len(str(caught).splitlines()) == 1  # noqa: PT017


def test_the_defaults() -> None:
    found = _options.connection({})
    assert found.endpoints == ("http://localhost:8080",)
    assert (found.timeout, found.retries, found.verify, found.cert, found.token, found.login) == (
        30.0,
        0,
        True,
        (),
        "",
        None,
    )
    with pytest.raises(OptionError, match="at least one proxy"):
        _options.connection({"endpoint": ["  "]})


@pytest.mark.parametrize(
    "wrong", [{"timeout": 0}, {"timeout": -1}, {"timeout": float("inf")}, {"timeout": float("nan")}, {"retries": -1}]
)
def test_impossible_numbers(wrong: dict) -> None:
    with pytest.raises(OptionError, match="timeout must be more than 0"):
        _options.connection(wrong)


@pytest.mark.parametrize(
    "text",
    [TOKEN, f"{TOKEN}\n", f"  {TOKEN}  \n", json.dumps({"token": TOKEN}), json.dumps({"token": TOKEN}, indent=1)],
)
def test_a_token_file_is_text_or_the_clis(text: str, tmp_path) -> None:
    (tmp_path / "t").write_text(text)
    assert _options.connection({"token_file": str(tmp_path / "t")}).token == TOKEN


def test_which_token_counts(monkeypatch, tmp_path) -> None:
    (tmp_path / "cli").write_text(json.dumps({"token": "from-cli"}))
    (tmp_path / "t").write_text("from-file")
    monkeypatch.setattr(_options, "TOKEN_FILE", str(tmp_path / "cli"))
    login = {"username": "bob", "password": "pw"}
    assert _options.connection({}).token == "from-cli"
    assert _options.connection({"token_file": str(tmp_path / "t")}).token == "from-file"
    assert _options.connection({"token": "given", "token_file": str(tmp_path / "t")}).token == "given"
    assert _options.connection(login).token == ""
    assert _options.connection({**login, "token": "given"}).token == "given"


@pytest.mark.parametrize("token", ["two words", "two\nlines", "a\r\nX-Evil: 1", "nul\x00", "ümlaut", "a\tb"])
def test_what_is_no_token(token: str, tmp_path) -> None:
    (tmp_path / "t").write_text(token)
    for given_ in ({"token": token}, {"token_file": str(tmp_path / "t")}):
        with pytest.raises(OptionError, match="not a token") as caught:
            _options.connection(given_)
        assert token not in str(caught.value)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_token_file_that_cannot_be_read(content: bytes | None, tmp_path) -> None:
    if content:
        (tmp_path / "t").write_bytes(content)
    with pytest.raises(OptionError, match="token_file: cannot read"):
        _options.connection({"token_file": str(tmp_path / "t")})


@pytest.mark.parametrize("half", [{"username": "bob"}, {"password": "pw"}, {"username": "bob", "password": ""}])
def test_half_a_login_is_none(half: dict) -> None:
    with pytest.raises(OptionError, match="username and password"):
        _options.connection(half)
    assert _options.connection({**half, "token": "given"}).login is None


def test_a_login_is_part_of_the_connection() -> None:
    found = _options.connection({"username": "bob", "password": "pw", "authn_url": "https://n:1/"})
    assert (found.authn_url, found.username, found.password, found.login) == ("https://n:1", "bob", "pw", _authn.login)
    assert _options.connection({}).authn_url == _authn.DEFAULT_URL


PEM = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize("name", ["ca_path", "client_cert", "client_key"])
@pytest.mark.parametrize(("content", "told"), [(None, "cannot read"), ("nonsense", "PEM")])
def test_files_of_tls_are_looked_at(name: str, content: str | None, told: str, tmp_path) -> None:
    path = tmp_path / "file"
    if content:
        path.write_text(content)
    (tmp_path / "cert").write_text(PEM)
    with pytest.raises(OptionError, match=f"{name}: .*{told}"):
        _options.connection({"client_cert": str(tmp_path / "cert"), name: str(path)})


def test_an_encrypted_key_is_refused_and_not_asked_for(tmp_path) -> None:
    (tmp_path / "cert").write_text(PEM)
    (tmp_path / "key").write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMA==\n-----END ENCRYPTED PRIVATE KEY-----\n")
    with pytest.raises(OptionError, match=r"client_key: .* is encrypted"):
        _options.connection({"client_cert": str(tmp_path / "cert"), "client_key": str(tmp_path / "key")})


def test_certificates_of_a_connection(tmp_path) -> None:
    for name in ("ca", "cert", "key"):
        (tmp_path / name).write_text(PEM)
    ca, cert, key = (str(tmp_path / name) for name in ("ca", "cert", "key"))
    assert _options.connection({"ca_path": ca, "client_cert": cert, "client_key": key}).cert == (cert, key)
    assert _options.connection({"ca_path": ca}).verify == ca
    assert _options.connection({"ca_path": str(tmp_path)}).verify == str(tmp_path)
    assert _options.connection({"ca_path": ca, "validate_certs": False}).verify is False
    with pytest.raises(OptionError, match="client_key needs client_cert"):
        _options.connection({"client_key": key})


@pytest.mark.parametrize(
    ("told", "checks"), [("true", False), ("1", False), ("yes", False), ("false", True), ("0", True), ("", True)]
)
def test_the_environment_switches_checks_off(told: str, checks: bool, monkeypatch) -> None:
    from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

    monkeypatch.setenv("AIS_SKIP_VERIFY_CRT", told)
    found = ArgumentSpecValidator(_options.connection_spec()).validate({})
    assert found.validated_parameters["validate_certs"] is checks


def test_the_environment_is_a_fallback(monkeypatch) -> None:
    from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

    told = {
        "AIS_ENDPOINT": "http://a:1,http://b:1",
        "AIS_AUTHN_TOKEN": "t",
        "AIS_AUTHN_TOKEN_FILE": "/f",
        "AIS_AUTHN_URL": "http://n:1",
        "AIS_AUTHN_USERNAME": "bob",
        "AIS_AUTHN_PASSWORD": "pw",
        "AIS_CLIENT_CA": "/ca",
        "AIS_CRT": "/crt",
        "AIS_CRT_KEY": "/key",
    }
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    found = ArgumentSpecValidator(_options.connection_spec()).validate({})
    assert not found.error_messages
    params = found.validated_parameters
    assert params["endpoint"] == ["http://a:1", "http://b:1"]
    assert [params[name] for name in ("token", "token_file", "authn_url", "username", "password")] == [
        "t",
        "/f",
        "http://n:1",
        "bob",
        "pw",
    ]
    assert {"t", "pw"} <= found._no_log_values
