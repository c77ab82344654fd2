# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Tokens of the AuthN server: issued to a file, kept fresh there, revoked."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.community.aistore.plugins.module_utils import _authn, _errors
from ansible_collections.community.aistore.plugins.module_utils._authn import AuthN
from ansible_collections.community.aistore.plugins.module_utils._engine import Resource, Step
from ansible_collections.community.aistore.plugins.module_utils._errors import AisError, OptionError
from ansible_collections.community.aistore.plugins.module_utils._fields import KINDS
from ansible_collections.community.aistore.plugins.module_utils._jobs import Job

PRIVATE = 0o600
_SECOND = 10**9
_HIDDEN = "********"


@dataclass(frozen=True)
class Held:
    """A token that is there: ``user`` and ``expires`` (seconds since 1970) as it says, ``good`` as AuthN says."""

    token: str
    user: str = ""
    expires: int = 0
    good: bool = False

    @classmethod
    def of(cls, token: str, good: bool) -> Held:
        """Return what ``token`` says of itself."""
        claims = _authn.claims(token)
        expires = claims.get("exp")
        return cls(token, str(claims.get("sub") or ""), int(expires) if isinstance(expires, (int, float)) else 0, good)


@dataclass(frozen=True)
class World:
    """What ``dest`` holds (``there`` tells whether the file exists), its mode, and what was just issued."""

    held: Held | None = None
    there: bool = False
    mode: int = PRIVATE


class TokenResource(Resource[World]):
    """Issues, renews and revokes a token as the options of ``ais_authn_token`` say."""

    parallel = 1

    def __init__(self, params: Mapping[str, Any], client: AuthN) -> None:
        self.client = client
        self.connection = client.cluster_connection
        self.present = params["state"] == "present"
        self.dest: str = params["dest"] or ""
        self.as_json = params["format"] == "json"
        self.given: str = params["issued_token"] or ""
        self.lifetime = _nanoseconds(params, "expires_in")
        self.renew_before = _nanoseconds(params, "renew_before") or 0
        self._issued = ""
        self._revoked = False
        rules = (
            (self.present and not self.connection.username, "give the 'username' and 'password' that the token is for"),
            (self.present and self.given, "issued_token is for state absent"),
            (not self.present and not (self.given or self.dest), "say which token: in 'dest', or as 'issued_token'"),
            (self.lifetime and self.lifetime < 60 * _SECOND, "expires_in: AuthN takes 0 (its maximum) or at least 1m"),
        )
        for broken, reason in rules:
            if broken:
                raise OptionError(reason)

    # -- read -------------------------------------------------------------------------------------------------

    def read(self) -> World:
        if self.given or not self.dest:
            token = self._issued or self.given
            return World(Held.of(token, self._counts(token))) if token else World()
        try:
            mode = os.stat(self.dest).st_mode
            if not stat.S_ISREG(mode):
                raise OptionError(f"dest: {self.dest} is not a file")
            with open(self.dest, encoding="utf-8", errors="replace") as file:
                text = file.read(1 << 20)
        except FileNotFoundError:
            return World()
        except OSError as error:
            raise OptionError(f"dest: cannot read {self.dest}: {error.strerror}") from None
        found = _authn.of_json(text)
        token = (text if found is None else found).strip()
        return World(Held.of(token, self._counts(token)), True, stat.S_IMODE(mode))

    def _counts(self, token: str) -> bool:
        """Ask AuthN whether a token counts, as the user that it names."""
        held = Held.of(token, True)
        if self._revoked or not held.user or held.expires <= time.time():
            return False
        client = AuthN(replace(self.connection, token=token, login=None))
        try:
            return client.find("users", held.user) is not None
        except (_errors.Unauthorized, OptionError):
            return False

    # -- plan -------------------------------------------------------------------------------------------------

    def plan(self, state: World) -> Sequence[Step]:
        return self._issuing(state) if self.present else self._revoking(state)

    def _issuing(self, state: World) -> list[Step]:
        user = self.connection.username
        target = f"token of {user}"
        if not self.dest:
            return [] if self._issued else [Step("issue", target, {"because": "no dest"}, after={"user": user})]
        held = state.held
        reasons = (
            (held is None, "there is none"),
            (held and held.user != user, f"it is the token of {held.user or 'nobody'}" if held else ""),
            (held and held.expires * _SECOND - time.time_ns() < self.renew_before, "it expires soon"),
            (held and not held.good, "AuthN does not take it any more"),
        )
        because = next((reason for applies, reason in reasons if applies), "")
        if because:
            before = {"user": held.user} if held else None
            detail = {"dest": self.dest, "because": because}
            return [Step("issue", target, detail, before, {"user": user}, payload=self.dest)]
        if state.mode & ~PRIVATE:
            before, after = {"mode": f"{state.mode:04o}"}, {"mode": f"{PRIVATE:04o}"}
            return [Step("protect", self.dest, after, before, after)]
        return []

    def _revoking(self, state: World) -> list[Step]:
        steps = []
        if state.held and state.held.good:
            user = state.held.user
            steps.append(Step("revoke", f"token of {user}", {}, {"user": user}, payload=state.held.token))
        if state.there:
            steps.append(Step("remove", self.dest, {}, {"state": "file"}, stage=1))
        return steps

    def foresee(self, state: World, steps: Sequence[Step]) -> World:
        for step in steps:
            if step.verb == "issue":
                there = bool(self.dest)
                state = World(Held("", self.connection.username, 0, True), there)
            elif step.verb == "protect":
                state = replace(state, mode=PRIVATE)
            elif step.verb == "revoke":
                state = replace(state, held=state.held and replace(state.held, good=False))
            else:
                state = World(None if not self.given else state.held)
        return state

    # -- apply ------------------------------------------------------------------------------------------------

    def apply(self, step: Step) -> Sequence[Job]:
        if step.verb == "issue":
            self._issued = self._new()
            if not self._counts(self._issued):
                # Tokens of one second are equal, and one of them was revoked.
                time.sleep(1)
                self._issued = self._new()
            if self.dest:
                self._write(self._issued)
        elif step.verb == "revoke":
            self.client.request(
                "DELETE",
                _authn.path("tokens"),
                what=f"revoke the {step.target}",
                body={"token": step.payload},
                repeat=True,
            )
            self._revoked = True
        elif step.verb == "protect":
            self._local(lambda: os.chmod(self.dest, PRIVATE))
        else:
            self._local(lambda: os.unlink(self.dest))
        return []

    def _new(self) -> str:
        connection = self.connection
        return _authn.issue(connection, connection.username, connection.password, self.lifetime)

    def _write(self, token: str) -> None:
        """Write the token to ``dest``, which nobody else can read at any moment, whole or not at all."""

        def write() -> None:
            handle, path = tempfile.mkstemp(dir=os.path.dirname(os.path.abspath(self.dest)), prefix=".token-")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    file.write(json.dumps({"token": token}) if self.as_json else token)
                    file.write("\n")
                os.replace(path, self.dest)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(path)
                raise

        self._local(write)

    def _local(self, deed: Any) -> None:
        try:
            deed()
        except OSError as error:
            raise AisError(f"dest: cannot write {self.dest}: {error.strerror}") from None

    def result(self, state: World) -> dict[str, Any]:
        held = state.held
        found: dict[str, Any] = {"state": "present" if held and held.good else "absent", "dest": self.dest}
        if held and held.good:
            expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(held.expires)) if held.expires else ""
            found.update(user=held.user, expires=expires, value=_HIDDEN)
        return {"token": found}


def _nanoseconds(params: Mapping[str, Any], option: str) -> int | None:
    try:
        return None if params[option] is None else int(KINDS["duration"].read(params[option]))
    except ValueError as error:
        raise OptionError(f"{option}: {error}") from None
