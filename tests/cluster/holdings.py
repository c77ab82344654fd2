# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects in a cluster that must still be there after a scenario: put them, and read all of them back."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from conftest import session_of


class Holdings:
    """``count`` objects in a bucket of their own."""

    def __init__(self, box: Any, count: int, size: int = 2000) -> None:
        self.endpoint, self.bucket = box.endpoint, f"kept-{secrets.token_hex(4)}"
        self.objects = {f"o{number}": secrets.token_bytes(8) * (size // 8) for number in range(count)}
        self._session = session_of(box)

    def _each(self, what: Any) -> list[Any]:
        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(what, self.objects))

    def _url(self, name: str) -> str:
        return f"{self.endpoint}/v1/objects/{self.bucket}/{name}"

    def _put(self, name: str) -> None:
        first = self._session.put(self._url(name), allow_redirects=False)
        assert self._session.put(first.headers["Location"], data=self.objects[name]).ok

    def put(self) -> None:
        created = self._session.post(f"{self.endpoint}/v1/buckets/{self.bucket}", json={"action": "create-bck"})
        assert created.ok, created.text
        self._each(self._put)

    def lost(self) -> list[str]:
        """Names of those that cannot be read, or not as they were put."""

        def wrong(name: str) -> bool:
            found = self._session.get(self._url(name))
            return not found.ok or found.content != self.objects[name]

        return [name for name, bad in zip(self.objects, self._each(wrong)) if bad]

    def destroy(self) -> None:
        self._session.delete(f"{self.endpoint}/v1/buckets/{self.bucket}", json={"action": "destroy-bck"})
        self._session.close()


@contextlib.contextmanager
def holding(box: Any, count: int = 200, size: int = 2000) -> Iterator[Holdings]:
    """Objects as long as the block lasts."""
    held = Holdings(box, count, size)
    try:
        held.put()
        yield held
    finally:
        held.destroy()
