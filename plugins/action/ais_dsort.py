# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.community.aistore.plugins.plugin_utils._direct import DirectActionModule, load


class ActionModule(DirectActionModule):
    LOADED = load(__name__)
