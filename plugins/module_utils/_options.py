# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The options that every module shares, and the :class:`Connection` that they describe."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ansible.module_utils.basic import env_fallback
from ansible.module_utils.common.parameters import AnsibleFallbackNotFound
from ansible_collections.community.aistore.plugins.module_utils import _authn
from ansible_collections.community.aistore.plugins.module_utils._client import Connection
from ansible_collections.community.aistore.plugins.module_utils._errors import OptionError

DEFAULT_ENDPOINT = "http://localhost:8080"
#: Where the AIStore CLI keeps its token.
TOKEN_FILE = "~/.config/ais/cli/auth.token"


def _inverted_env(name: str) -> bool:
    """Return the opposite of the boolean in environment variable ``name``."""
    told = os.environ.get(name, "").strip().lower()
    if not told:
        raise AnsibleFallbackNotFound
    return told not in ("true", "t", "y", "yes", "on", "1")


def validate_by_default() -> bool:
    """Return what ``validate_certs`` is when nobody gave it, for front ends without Ansible's fallbacks."""
    try:
        return _inverted_env("AIS_SKIP_VERIFY_CRT")
    except AnsibleFallbackNotFound:
        return True


def connection_spec() -> dict[str, Any]:
    """Return the argument spec of the shared options (doc fragment ``connection``)."""

    def env(name: str, **spec: Any) -> dict[str, Any]:
        return {**spec, "fallback": (env_fallback, [name])}

    return {
        "endpoint": env("AIS_ENDPOINT", type="list", elements="str"),
        "token": env("AIS_AUTHN_TOKEN", type="str", no_log=True),
        "token_file": env("AIS_AUTHN_TOKEN_FILE", type="path"),
        "authn_url": env("AIS_AUTHN_URL", type="str"),
        "username": env("AIS_AUTHN_USERNAME", type="str"),
        "password": env("AIS_AUTHN_PASSWORD", type="str", no_log=True),
        "validate_certs": {"type": "bool", "default": True, "fallback": (_inverted_env, ["AIS_SKIP_VERIFY_CRT"])},
        "ca_path": env("AIS_CLIENT_CA", type="path"),
        "client_cert": env("AIS_CRT", type="path"),
        "client_key": env("AIS_CRT_KEY", type="path"),
        "timeout": {"type": "float", "default": 30.0},
        "retries": {"type": "int", "default": 3},
        "cluster_uuid": {"type": "str"},
    }


def wait_spec() -> dict[str, Any]:
    """Return the argument spec of modules that start jobs (doc fragment ``connection.wait``)."""
    return {
        "wait": {"type": "bool", "default": True},
        "wait_timeout": {"type": "float", "default": 600.0},
    }


def connection(params: Mapping[str, Any]) -> Connection:
    """Return the connection that the shared options describe; files are read here."""
    endpoints = tuple(
        _address(text, "endpoint") for text in (params.get("endpoint") or [DEFAULT_ENDPOINT]) if text.strip()
    )
    if not endpoints:
        raise OptionError("endpoint: give the address of at least one proxy, for example http://ais-proxy:8080")
    told = params.get("timeout")
    timeout, retries = 30.0 if told is None else float(told), int(params.get("retries") or 0)
    if not 0 < timeout < float("inf") or retries < 0:
        raise OptionError("timeout must be more than 0 seconds, and retries at least 0")
    token, username, password = _token(params), str(params.get("username") or ""), str(params.get("password") or "")
    if bool(username) != bool(password) and not params.get("token"):
        raise OptionError("username and password: to log in, give both")
    verify: Any = bool(params.get("validate_certs", True))
    if verify and params.get("ca_path"):
        verify = str(params["ca_path"])
    return Connection(
        endpoints=endpoints,
        verify=verify,
        cert=_certificates(params),
        timeout=timeout,
        retries=retries,
        cluster_uuid=str(params.get("cluster_uuid") or ""),
        token=token,
        authn_url=_address(params.get("authn_url") or _authn.DEFAULT_URL, "authn_url"),
        username=username,
        password=password,
        login=_authn.login if username and password else None,
    )


def _certificates(params: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the files of the client certificate, after a look at all that TLS needs: its own words are poor."""
    if params.get("client_key") and not params.get("client_cert"):
        raise OptionError("client_key needs client_cert too")
    for name in ("ca_path", "client_cert", "client_key"):
        path = params.get(name)
        if not path or (name == "ca_path" and os.path.isdir(path)):
            continue
        try:
            with open(path, "rb") as file:
                text = file.read(1 << 20)
        except OSError as error:
            raise OptionError(f"{name}: cannot read {path}: {error.strerror}") from None
        if b"-----BEGIN " not in text:
            raise OptionError(f"{name}: {path} holds nothing in PEM form (-----BEGIN ...)")
        if name != "ca_path" and b"ENCRYPTED" in text:
            # TLS would ask for the passphrase on the terminal, and wait.
            raise OptionError(f"{name}: {path} is encrypted; give a key without a passphrase")
    return tuple(str(params[name]) for name in ("client_cert", "client_key") if params.get(name))


def _address(text: str, option: str) -> str:
    """Return a server's address as scheme://host:port, without a path."""
    told = str(text).strip().rstrip("/")
    if "://" not in told:
        told = f"http://{told}"
    try:
        parts = urlsplit(told)
        _port = parts.port
    except ValueError as error:
        raise OptionError(f"{option}: {text!r}: {error}") from None
    if "@" in parts.netloc:
        raise OptionError(f"{option}: give no user or password in the address")
    rules = (
        (parts.scheme not in ("http", "https"), "is neither an http:// nor an https:// address"),
        (not parts.hostname or any(letter <= " " for letter in told), "names no host"),
        (parts.path or parts.query or parts.fragment, "has a path; give scheme, host and port alone"),
    )
    for broken, reason in rules:
        if broken:
            raise OptionError(f"{option}: {text!r} {reason}")
    return told


def _token(params: Mapping[str, Any]) -> str:
    """Return the token of the options: given, of the given file, or of the CLI's file when that is there."""
    if params.get("token"):
        return _authn.one_line(str(params["token"]), "token")
    if params.get("username"):
        return ""
    path = params.get("token_file")
    if path is None:
        path = os.path.expanduser(TOKEN_FILE)
        if not os.path.exists(path):
            return ""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeError) as error:
        raise OptionError(f"token_file: cannot read {path}: {error}") from None
    found = _authn.of_json(text)
    return _authn.one_line(text if found is None else found, f"token_file {path}")
