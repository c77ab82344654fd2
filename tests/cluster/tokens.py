# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens that a sandbox's AuthN server might have issued, signed with its own secret."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any


def forged(box: Any, **claims: Any) -> str:
    """Return a token of a sandbox with these claims; of the administrator if they say nothing else."""
    secret = (box.directory / "authn" / "secret").read_text().strip()
    who = {"sub": "admin", "admin": True, "iss": box.authn_url.replace("127.0.0.1", "localhost"), **claims}
    text = ".".join(_base64(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, who))
    return f"{text}.{_base64(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest())}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
