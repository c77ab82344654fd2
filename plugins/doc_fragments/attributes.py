# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of what a user can expect of each module."""

from __future__ import annotations


class ModuleDocFragment:
    # Modules that change something override the support of each attribute where it differs.
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Tells truthfully in check mode what would change; no request that changes something is sent.
    details:
      - What a task needs and a task before it would make, as the bucket of a new object or the role of a new user, is
        not there in check mode. The task then assumes it and warns, where it fails otherwise.
    support: full
  diff_mode:
    description: With C(--diff), returns exactly what differs.
    support: full
  idempotent:
    description: When run twice in a row with the same options, the second time changes nothing.
    support: full
  action_group:
    description: Use C(group/community.aistore.all) in C(module_defaults) to give all modules their connection options.
    support: full
    membership:
      - community.aistore.all
"""

    # Modules that only read.
    INFO = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode; nothing is ever changed.
    support: full
  diff_mode:
    description: Nothing is ever changed, so there is no diff.
    support: N/A
  idempotent:
    description: When run twice in a row with the same options, nothing changes.
    support: full
  action_group:
    description: Use C(group/community.aistore.all) in C(module_defaults) to give all modules their connection options.
    support: full
    membership:
      - community.aistore.all
"""
