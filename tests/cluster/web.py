# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A web server that a cluster may download from: it refuses loopback addresses, whatever its features are."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

#: The cluster feature that lets the downloader reach private addresses.
EGRESS = 1 << 26


@contextlib.contextmanager
def private_address() -> Iterator[str]:
    """An address of this machine alone, that only root can make."""
    address = f"10.{secrets.randbelow(200) + 20}.{secrets.randbelow(250) + 1}.{secrets.randbelow(250) + 1}"
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    command = [*sudo, "ip", "address", "add", f"{address}/32", "dev", "lo"]
    try:
        made = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        made = False
    if not made:
        pytest.skip("only root can make an address that a cluster may download from")
    try:
        yield address
    finally:
        subprocess.run([*sudo, "ip", "address", "del", f"{address}/32", "dev", "lo"], check=True)


class Web:
    """``content``: path -> what is there; ``asked``: the requests for content, as path and headers."""

    def __init__(self, address: str) -> None:
        self.content: dict[str, bytes] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        #: Content is sent while this is set.
        self.open = threading.Event()
        self.open.set()
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                content = web.content.get(self.path.partition("?")[0])
                self.send_response(404 if content is None else 200)
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()

            def do_GET(self) -> None:
                web.asked.append((self.path, dict(self.headers)))
                web.open.wait(60)
                with contextlib.suppress(ConnectionError):
                    self.do_HEAD()
                    self.wfile.write(web.content.get(self.path.partition("?")[0], b""))

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer((address, 0), Handler)
        self.server.daemon_threads = True
        self.place = f"{address}:{self.server.server_address[1]}"
        self.url = f"http://{self.place}"

    def paths(self) -> list[str]:
        """The paths that were asked for since the last time."""
        found = sorted(path for path, _headers in self.asked)
        self.asked.clear()
        return found


@contextlib.contextmanager
def serving(box: Any) -> Iterator[Web]:
    """A web server, and a cluster that may download from it meanwhile."""
    http = box.http()
    where = f"{box.endpoint}/v1/cluster"

    def set_features(value: str) -> None:
        status, answer = http.call("PUT", where, {"action": "set-config", "value": {"features": value}})
        assert status == 200, answer

    with private_address() as address:
        features = http.read(f"{where}?what=cluster_config")["features"]
        web = Web(address)
        thread = threading.Thread(target=web.server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        set_features(str(int(features) | EGRESS))
        try:
            yield web
        finally:
            web.open.set()
            set_features(features)
            web.server.shutdown()
            web.server.server_close()
