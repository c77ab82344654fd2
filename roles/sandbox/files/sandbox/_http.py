# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Just enough HTTP to ask a sandbox's servers how they are."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from typing import Any


class Http:
    """JSON requests on loopback, with the sandbox's CA and client certificate if it has TLS."""

    def __init__(self, tls_files: dict[str, str] | None = None) -> None:
        handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
        if tls_files:
            context = ssl.create_default_context(cafile=tls_files["ca"])
            context.load_cert_chain(tls_files["client_crt"], tls_files["client_key"])
            handlers.append(urllib.request.HTTPSHandler(context=context))
        self._opener = urllib.request.build_opener(*handlers)
        self.token = ""

    def call(
        self, method: str, url: str, body: Any = None, timeout: float = 5, raw: bytes | None = None
    ) -> tuple[int, bytes]:
        """Status and body; ``body`` is sent as JSON, ``raw`` as it is; status 0: nobody answered."""
        request = urllib.request.Request(url, data=raw, method=method)
        request.add_header("Content-Type", "application/octet-stream")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        try:
            with self._opener.open(request, timeout=timeout) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError as error:  # refused, reset, timed out, TLS
            return 0, str(error).encode()

    def read(self, url: str, timeout: float = 5) -> Any:
        """The JSON answer to a GET, None unless it is 200 and JSON."""
        status, text = self.call("GET", url, timeout=timeout)
        if status != 200:
            return None
        try:
            return json.loads(text)
        except ValueError:
            return None
