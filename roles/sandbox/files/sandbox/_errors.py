# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one exception a user sees."""

from __future__ import annotations


class SandboxError(Exception):
    """What failed and what to do about it, in words meant for the user."""
