# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Mode, owner, group and the like of files that a module writes, as Ansible's own options describe them."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

#: What is for the final file alone: an immutable temporary file could not be moved.
_FINAL = ("attributes",)


class FileAttributes:
    """The file options of one task; failures are reported by Ansible, as for its own modules."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module

    def differences(self, path: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Return what of the existing file at ``path`` is (before) and should be (after), or None. Changes nothing."""
        diff: dict[str, dict[str, Any]] = {}
        was = self._module.check_mode
        self._module.check_mode = True
        try:
            differs = self._module.set_fs_attributes_if_different(self._wanted(path), False, diff)
        finally:
            self._module.check_mode = was
        if not differs:
            return None
        return tuple({k: v for k, v in (diff.get(side) or {}).items() if k != "path"} for side in ("before", "after"))  # type: ignore[return-value]

    def apply(self, path: str, *, temporary: bool = False) -> None:
        """Give the file at ``path`` what is asked for; all but the last touches if it is ``temporary``."""
        wanted = self._wanted(path)
        if temporary:
            wanted.update(dict.fromkeys(_FINAL))
        self._module.set_fs_attributes_if_different(wanted, False)

    def _wanted(self, path: str) -> dict[str, Any]:
        return dict(self._module.load_file_common_arguments(self._module.params, path=path))
