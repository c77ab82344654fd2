# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS: what is refused, why, and in which words."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.community.aistore.plugins.module_utils import _errors, _options
from ansible_collections.community.aistore.plugins.module_utils._client import Client
from server import Server, answer

x509 = pytest.importorskip("cryptography.x509")
from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402

NOW = datetime.datetime.now(datetime.timezone.utc)
DAY = datetime.timedelta(days=1)
USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


class Authority:
    """Makes certificates; ``pem`` is its own."""

    def __init__(self, home: Path, name: str) -> None:
        self.home, self.name = home, name
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        usage = dict.fromkeys(USAGES, False) | {"key_cert_sign": True}
        builder = (
            self._builder(self.subject, self.key)
            .add_extension(x509.BasicConstraints(True, None), True)
            .add_extension(x509.KeyUsage(**usage), True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), False)
        )
        self.pem = home / f"{name}.pem"
        self.pem.write_bytes(builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def pair(self, name: str, address: str = "127.0.0.1", ends: datetime.datetime = NOW + DAY) -> tuple[str, str]:
        """Return the files of a certificate and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        made = self._builder(subject, key, ends).add_extension(names, False).sign(self.key, hashes.SHA256())
        crt, pem = self.home / f"{name}.crt", self.home / f"{name}.key"
        crt.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        pem.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return str(crt), str(pem)

    def _builder(self, subject: Any, key: Any, ends: datetime.datetime = NOW + DAY) -> Any:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - 3 * DAY)
            .not_valid_after(ends)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False)
        )


@pytest.fixture(scope="module")
def ours(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ours"), "ours")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("theirs"), "theirs")


def context(pair: tuple[str, str], clients: Authority | None = None) -> ssl.SSLContext:
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.load_cert_chain(*pair)
    if clients:
        found.verify_mode = ssl.CERT_REQUIRED
        found.load_verify_locations(clients.pem)
    return found


def get(url: str | list, *, at_once: bool = True, **options: Any) -> Any:
    connection = _options.connection(
        {"endpoint": [url] if isinstance(url, str) else url, "timeout": 5, "retries": 2, **options}
    )
    slept: list[float] = []
    try:
        return Client(connection, sleep=slept.append).request("GET", "/v1/x", what="read it").json()
    finally:
        assert slept == [] or not at_once  # a certificate does not get better


def test_a_good_certificate_is_accepted(ours: Authority) -> None:
    with Server(lambda _: answer({"a": 1}), tls=context(ours.pair("good"))) as server:
        assert get(server.url, ca_path=str(ours.pem)) == {"a": 1}


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda ours, _theirs: ours.pair("old", ends=NOW - DAY), "certificate has expired"),
        (lambda ours, _theirs: ours.pair("other", address="10.1.2.3"), "not valid for '127.0.0.1'"),
        (lambda _ours, theirs: theirs.pair("foreign"), "unable to get local issuer certificate"),
    ],
    ids=["expired", "mismatched", "foreign"],
)
def test_a_bad_certificate_is_refused_with_the_reason(make, why: str, ours: Authority, theirs: Authority) -> None:
    with Server(lambda _: answer({"a": 1}), tls=context(make(ours, theirs))) as server:
        with pytest.raises(_errors.TlsRefused) as caught:
            get(server.url, ca_path=str(ours.pem), token="s3cret")
        assert why in str(caught.value)
        assert "'ca_path'" in str(caught.value)
        assert server.requests == []
        assert get(server.url, validate_certs=False) == {"a": 1}


def test_the_next_endpoint_may_have_a_better_one(ours: Authority, theirs: Authority) -> None:
    good, bad = context(ours.pair("good")), context(theirs.pair("foreign"))
    with Server(lambda _: answer(1), tls=bad) as first, Server(lambda _: answer(2), tls=good) as second:
        assert get([first.url, second.url], ca_path=str(ours.pem)) == 2


def test_a_client_certificate_is_shown(ours: Authority) -> None:
    cert, key = ours.pair("client")
    with Server(lambda _: answer({}), tls=context(ours.pair("good"), ours)) as server:
        assert get(server.url, ca_path=str(ours.pem), client_cert=cert, client_key=key) == {}


@pytest.mark.parametrize(
    ("make", "why"),
    [(lambda _: None, "certificate required"), (lambda theirs: theirs.pair("client"), "unknown ca")],
    ids=["none", "foreign"],
)
def test_a_server_that_does_not_accept_the_client_is_told(make, why: str, ours: Authority, theirs: Authority) -> None:
    pair = make(theirs)
    options = {"client_cert": pair[0], "client_key": pair[1]} if pair else {}
    with Server(lambda _: answer({}), tls=context(ours.pair("good"), ours)) as server:
        with pytest.raises(_errors.Unreachable) as caught:
            get(server.url, ca_path=str(ours.pem), **options)
        assert server.requests == []
    assert why in str(caught.value)


def test_a_key_of_another_certificate(ours: Authority) -> None:
    cert, _key = ours.pair("client")
    _cert, other = ours.pair("another")
    with (
        Server(lambda _: answer({}), tls=context(ours.pair("good"))) as server,
        pytest.raises(_errors.AisError) as caught,
    ):
        get(server.url, ca_path=str(ours.pem), client_cert=cert, client_key=other)
    assert "client_key" in str(caught.value)


def test_https_to_plain_http() -> None:
    with Server(lambda _: answer({})) as server, pytest.raises(_errors.TlsRefused) as caught:
        # Where the greeting happens to hold no line end, such a server waits for more of it.
        get(server.url.replace("http:", "https:"), at_once=False, timeout=1, retries=8)
    assert "write 'http://'" in str(caught.value)
