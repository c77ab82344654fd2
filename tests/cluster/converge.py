# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""check → apply → check → apply, for a table of cases, in one playbook, counted on the wire."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from playing import Played, Result, play

_ROUNDS = ("check", "apply", "check again", "apply again")


@dataclasses.dataclass
class Case:
    """``task`` is one task without a name, e.g. ``{"community.aistore.ais_bucket": {"name": "b"}}``.

    ``before`` and ``after`` are tasks around it that are simply carried out. ``changes`` is what the
    first round should report. ``varies`` are result keys that may differ between check and apply.
    """

    name: str
    task: Mapping[str, Any]
    before: Sequence[Mapping[str, Any]] = ()
    after: Sequence[Mapping[str, Any]] = ()
    changes: bool = True
    varies: Sequence[str] = ("jobs",)


@dataclasses.dataclass
class Converged:
    """The four results of a case; each has ``writes``, the requests that could change something."""

    case: Case
    check: Result
    apply: Result
    check_again: Result
    apply_again: Result

    @property
    def rounds(self) -> dict[str, Result]:
        return dict(zip(_ROUNDS, (self.check, self.apply, self.check_again, self.apply_again)))

    def verify(self) -> None:
        """Would change, changes, no change, no change; check predicts apply; nothing needless is sent."""
        failed = {name: result.msg for name, result in self.rounds.items() if result.failed}
        assert not failed, f"{self.case.name}: {failed}"
        expected = dict(zip(_ROUNDS, (self.case.changes, self.case.changes, False, False)))
        changed = {name: result.changed for name, result in self.rounds.items()}
        assert changed == expected, f"{self.case.name}: changed {changed}"
        sent = {name: list(map(str, r.writes)) for name, r in self.rounds.items() if name != "apply"}
        assert not any(sent.values()), f"{self.case.name}: writes {sent}"
        if self.case.changes:
            assert self.apply.writes, f"{self.case.name}: changed without a write"
        self._compare()

    def _compare(self) -> None:
        predicted, real = self.check.result, self.apply.result
        for key in sorted(set(predicted) | set(real)):
            # "_ansible…" and "invocation" are Ansible's own, "warnings" may speak of check mode.
            if key.startswith("_ansible") or key in ("invocation", "warnings"):
                continue
            both = key in predicted and key in real
            assert both, f"{self.case.name}: {key} only in one of check and apply"
            if key not in self.case.varies:
                told = f"check says {predicted[key]!r}, apply {real[key]!r}"
                assert predicted[key] == real[key], f"{self.case.name}: {key}: {told}"


def converge(cases: Sequence[Case], relay: Any, **how: Any) -> list[Converged]:
    """Plays all cases through ``relay`` and returns their results; ``how`` goes to ``play``."""
    tasks: list[dict[str, Any]] = []
    for case in cases:
        tasks += [{"name": f"{case.name} | before", **task} for task in case.before]
        for number, step in enumerate(_ROUNDS):
            # A case that fails must not keep the others from running; verify() tells.
            settings = {"check_mode": number % 2 == 0, "ignore_errors": True}
            tasks.append({"name": f"{case.name} | {step}", **case.task, **settings})
        tasks += [{"name": f"{case.name} | after", **task} for task in case.after]
    played = play(tasks, endpoint=relay.url, relay=relay, **how)
    return [_pick(played, case) for case in cases]


def _pick(played: Played, case: Case) -> Converged:
    return Converged(case, *(played[f"{case.name} | {step}"] for step in _ROUNDS))
