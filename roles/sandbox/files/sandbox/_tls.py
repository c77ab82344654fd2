# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate authority of the sandbox's own, made with the openssl command."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ._errors import SandboxError

_DAYS = "3650"
# Nodes also present the server's certificate as clients of each other, hence clientAuth.
_PAIRS = {
    "server": "subjectAltName=IP:127.0.0.1,IP:::1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n",
    "client": "extendedKeyUsage=clientAuth\n",
}


def files(home: Path) -> dict[str, str]:
    names = {"ca": "ca.crt"}
    for who in _PAIRS:
        names |= {f"{who}_crt": f"{who}.crt", f"{who}_key": f"{who}.key"}
    return {key: str(home / name) for key, name in names.items()}


def make(home: Path) -> None:
    """CA, server and client certificate in ``home``."""
    home.mkdir(mode=0o700)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    _openssl(
        home,
        *("req", "-x509", *key, "-days", _DAYS, "-subj", "/CN=sandbox CA"),
        *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        *("-keyout", "ca.key", "-out", "ca.crt"),
    )
    for who, extensions in _PAIRS.items():
        (home / f"{who}.ext").write_text(extensions)
        subject = ("-subj", f"/CN=sandbox {who}")
        _openssl(home, "req", *key, *subject, "-keyout", f"{who}.key", "-out", f"{who}.csr")
        _openssl(
            home,
            *("x509", "-req", "-in", f"{who}.csr", "-CA", "ca.crt", "-CAkey", "ca.key"),
            *("-CAcreateserial", "-days", _DAYS, "-extfile", f"{who}.ext", "-out", f"{who}.crt"),
        )


def _openssl(home: Path, *arguments: str) -> None:
    try:
        done = subprocess.run(["openssl", *arguments], cwd=home, capture_output=True, text=True, check=False)
    except OSError as error:
        raise SandboxError(f"sandbox: tls needs the openssl command: {error}") from error
    if done.returncode:
        raise SandboxError(f"openssl {arguments[0]} failed:\n{done.stderr.strip()}")
