# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A throwaway AIStore cluster on this machine, with nothing but Python's standard library.

The role ``sandbox`` runs ``python -m sandbox``; the tests import ``Sandbox``. Linux only: what runs is
read from ``/proc``, never from a file that could be out of date.
"""

from __future__ import annotations

from ._cluster import Node, Sandbox
from ._errors import SandboxError
from ._spec import Spec

__all__ = ["Node", "Sandbox", "SandboxError", "Spec"]
