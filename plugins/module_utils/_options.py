# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The options that every module shares, and the :class:`Connection` that they describe."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import env_fallback
from ansible.module_utils.common.parameters import AnsibleFallbackNotFound
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
    endpoints = tuple(_endpoint(text) for text in (params.get("endpoint") or [DEFAULT_ENDPOINT]) if text.strip())
    if not endpoints:
        raise OptionError("endpoint: give the address of at least one proxy, for example http://ais-proxy:8080")
    timeout, retries = float(params.get("timeout") or 30), int(params.get("retries") or 0)
    if timeout <= 0 or retries < 0:
        raise OptionError("timeout must be more than 0 seconds, and retries at least 0")
    if params.get("client_key") and not params.get("client_cert"):
        raise OptionError("client_key needs client_cert too")
    for name in ("ca_path", "client_cert", "client_key"):
        path = params.get(name)
        if path and not os.path.exists(path):
            raise OptionError(f"{name}: {path} does not exist")
    verify: Any = bool(params.get("validate_certs", True))
    if verify and params.get("ca_path"):
        verify = str(params["ca_path"])
    cert = tuple(str(params[name]) for name in ("client_cert", "client_key") if params.get(name))
    return Connection(
        endpoints=endpoints,
        verify=verify,
        cert=cert,
        timeout=timeout,
        retries=retries,
        cluster_uuid=str(params.get("cluster_uuid") or ""),
        token=_token(params),
    )


def _endpoint(text: str) -> str:
    """Return an endpoint as scheme://host:port, without a path."""
    told = text.strip().rstrip("/")
    if "://" not in told:
        told = f"http://{told}"
    if not told.startswith(("http://", "https://")):
        raise OptionError(f"endpoint: {text!r} is neither an http:// nor an https:// address")
    if told.count("/") > 2:
        raise OptionError(f"endpoint: {text!r} has a path; give scheme, host and port alone")
    if "@" in told:
        raise OptionError("endpoint: give no user or password in the address")
    return told


def _token(params: Mapping[str, Any]) -> str:
    """Return the token of the options: given, of the given file, or of the CLI's file when that is there."""
    if params.get("token"):
        return _one_line(str(params["token"]), "token")
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
    return _one_line(_of_json(text) or text, f"token_file {path}")


def _of_json(text: str) -> str | None:
    """Return the token of the CLI's ``{"token": "…"}``, or None."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return str(found.get("token", "")) if isinstance(found, dict) else None


def _one_line(token: str, source: str) -> str:
    """Return a token fit for a header, whatever white space is around it."""
    token = token.strip()
    if any(not 33 <= ord(letter) < 127 for letter in token):
        raise OptionError(f"{source}: that is not a token; it must be one line without spaces")
    return token
