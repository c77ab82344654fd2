# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Import the collection as Ansible does: its loader has to be there before the first import of it."""

from __future__ import annotations

from ansible.plugins.loader import init_plugin_loader

init_plugin_loader()
