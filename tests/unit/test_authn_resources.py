# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users, roles and clusters of AuthN, against a model of the server in both versions."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from ansible_collections.community.aistore.plugins.module_utils import _authn, _client, _errors
from ansible_collections.community.aistore.plugins.module_utils._address import Bucket
from ansible_collections.community.aistore.plugins.module_utils._authn import AuthN
from ansible_collections.community.aistore.plugins.module_utils._client import Connection
from ansible_collections.community.aistore.plugins.module_utils._engine import converge
from ansible_collections.community.aistore.plugins.module_utils._errors import OptionError
from ansible_collections.community.aistore.plugins.module_utils._resources.authn_cluster import ClusterResource
from ansible_collections.community.aistore.plugins.module_utils._resources.authn_role import Role, RoleResource
from ansible_collections.community.aistore.plugins.module_utils._resources.authn_user import User
from hypothesis import given, settings
from hypothesis import strategies as st

VERSIONS = ("5.0", "4.9")
CLUSTERS = {"uuid1": {"id": "uuid1", "alias": "one", "urls": ["http://a:1"]}, "uuid2": {"id": "uuid2", "urls": []}}


class Model(AuthN):
    """An AuthN server as far as it was seen to behave, behind the client's own methods."""

    def __init__(self, version: str = "5.0", clusters: dict | None = None) -> None:
        super().__init__(Connection(("http://c:1",), authn_url="http://n:1", username="admin", password="pw"))
        self.version = version
        self.users: dict[str, dict] = {}
        self.kept: dict[str, dict[str, dict]] = {"roles": {}, "clusters": deepcopy(clusters or {})}
        self.writes = 0

    def request(self, method: str, path: str, *, what: str, body: Any = None, **_more: Any) -> _client.Answer:  # type: ignore[override]
        _root, _v1, kind, *name = path.split("/")
        self.writes += method != "GET"
        status, told = getattr(self, f"_{method.lower()}")(kind, *name, **({} if body is None else {"body": body}))
        if status != 200:
            raise _errors.api_error(what, status, json.dumps({"message": told}))
        return _client.Answer(200, {}, json.dumps(told).encode(), what)

    def _table(self, kind: str) -> dict[str, dict]:
        return self.users if kind == "users" else self.kept[kind]

    def _get(self, kind: str, name: str = "") -> tuple[int, Any]:
        found = deepcopy(self._table(kind))
        for user in found.values() if kind == "users" else ():
            user.pop("pass")
        if name:
            return (200, found[name]) if name in found else (404, "does not exist")
        return 200, {"users": found, "roles": list(found.values()), "clusters": {"clusters": found} if found else {}}[
            kind
        ]

    def _post(self, kind: str, name: str = "", *, body: dict) -> tuple[int, Any]:
        if name:
            wrong = name not in self.users or self.users[name]["pass"] != body["password"]
            return (401, "invalid credentials") if wrong else (200, {"token": "t.t.t"})
        key = body["id"] if kind != "roles" else body["name"]
        if key in self._table(kind):
            return 409, "already exists"
        self._table(kind)[key] = deepcopy(body)
        if kind == "users":
            self.users[key]["roles"] = self._resolved(body["roles"])
        return 200, ""

    def _put(self, kind: str, name: str, *, body: dict) -> tuple[int, Any]:
        if name not in self._table(kind):
            return 404, "does not exist"
        found = self._table(kind)[name]
        if kind == "users":
            found["pass"] = body.get("pass") or found["pass"]
            found["roles"] = self._resolved(body["roles"]) if body.get("roles") else found["roles"]
        elif kind == "clusters":
            found.update({key: value for key, value in body.items() if value})
        else:
            found["desc"] = body.get("desc") or found["desc"]
            for side, identity in (("clusters", "id"), ("buckets", "bck")):
                merged = {json.dumps(acl[identity], sort_keys=True): acl for acl in (*(found[side] or ()), *body[side])}
                found[side] = list(merged.values())
            if self.version == "5.0":
                for user in self.users.values():
                    user["roles"] = [deepcopy(found) if role["name"] == name else role for role in user["roles"]]
        return 200, ""

    def _delete(self, kind: str, name: str) -> tuple[int, Any]:
        if self._table(kind).pop(name, None) is None:
            return 404, "does not exist"
        if kind == "roles" and self.version == "5.0":
            for user in self.users.values():
                user["roles"] = [role for role in user["roles"] if role["name"] != name]
        return 200, ""

    def _resolved(self, roles: list[dict]) -> list[dict]:
        if self.version == "4.9":
            return deepcopy(roles)
        return [deepcopy(self.kept["roles"][role["name"]]) for role in roles if role["name"] in self.kept["roles"]]


@pytest.fixture(params=VERSIONS)
def model(request, monkeypatch) -> Model:
    return knowing_passwords(Model(request.param, CLUSTERS), monkeypatch)


def knowing_passwords(model: Model, monkeypatch: Any) -> Model:
    def issue(_connection: Any, user: str, password: str, _lifetime: Any = None) -> str:
        if user not in model.users or model.users[user]["pass"] != password:
            error = _errors.LoginFailed("wrong")
            error.wrong = True
            raise error
        return "t"

    monkeypatch.setattr(_authn, "issue", issue)
    return model


def role(client: Model, name: str = "r", **options: Any) -> RoleResource:
    return RoleResource(
        {"name": name, "state": "present", "description": None, "clusters": None, "buckets": None, **options}, client
    )


def user(client: Model, name: str = "bob", **options: Any) -> User:
    given = {"name": name, "state": "present", "roles": None, "new_password": None, "update_password": "always"}
    return User({**given, **options}, client)


def cluster(client: Model, **options: Any) -> ClusterResource:
    return ClusterResource({"uuid": None, "alias": None, "urls": None, "state": "present", **options}, client)


def converges(make: Any, client: Model, **options: Any) -> dict[str, Any]:
    """Check, apply, check, apply: what is foreseen is done, and then nothing is left."""
    before = client.writes
    foreseen = converge(make(client, **options), check_mode=True)
    assert client.writes == before
    done = converge(make(client, **options))
    assert done == foreseen
    after = client.writes
    for check_mode in (True, False):
        again = converge(make(client, **options), check_mode=check_mode)
        assert (again["changed"], again["steps"]) == (False, [])
    assert client.writes == after
    return done


# -- roles ------------------------------------------------------------------------------------------------------

PERMISSIONS = st.lists(
    st.sampled_from(["GET", "put", "ro", "rw", "ADMIN", "LIST-BUCKETS", "su"]), min_size=1, max_size=3
)
CLUSTER_ACLS = st.lists(
    st.fixed_dictionaries({"cluster": st.sampled_from(["one", "uuid2"]), "permissions": PERMISSIONS}),
    max_size=2,
    unique_by=lambda acl: acl["cluster"],
)
BUCKET_ACLS = st.lists(
    st.fixed_dictionaries(
        {
            "cluster": st.sampled_from(["uuid1", "uuid2"]),
            "bucket": st.sampled_from(["a", "s3://a", "ais://#n/a"]),
            "permissions": PERMISSIONS,
        }
    ),
    max_size=2,
    unique_by=lambda acl: (acl["cluster"], acl["bucket"]),
)
WISHES = st.fixed_dictionaries(
    {"state": st.sampled_from(["present", "present", "absent"])},
    optional={"description": st.sampled_from(["", "d1", "d2"]), "clusters": CLUSTER_ACLS, "buckets": BUCKET_ACLS},
)


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(VERSIONS), st.lists(WISHES, min_size=1, max_size=4), st.booleans())
def test_a_role_and_its_users_become_what_is_asked_for(version: str, wishes: list[dict], alone: bool) -> None:
    model = Model(version, CLUSTERS)
    converge(role(model, "other", clusters=[{"cluster": "one", "permissions": ["GET"]}]))
    converge(role(model, **{**wishes[0], "state": "present"}))
    for name in ("bob", "eve"):
        held = [model.kept["roles"][each] for each in (["r"] if alone else ["other", "r"])]
        model.users[name] = {"id": name, "pass": "x", "roles": deepcopy(held)}
    for wish in wishes:
        had = {name for name, each in model.users.items() if any(held["name"] == "r" for held in each["roles"])}
        found = converges(role, model, **wish)["role"]
        kept = model.kept["roles"].get("r")
        assert (kept is not None) is (wish["state"] == "present")
        for name, each in model.users.items():
            held = [Role.of(other) for other in each["roles"] if other["name"] == "r"]
            if kept is None:
                assert not any(other.allows for other in held)
            elif name in had:
                assert held == [Role.of(kept)]
            assert alone or any(other["name"] == "other" for other in each["roles"])
        assert set(found["users"]) == (had if kept else set())


def test_an_update_only_sends_what_is_there_to_stay(model: Model) -> None:
    converge(role(model, clusters=[{"cluster": "one", "permissions": ["GET"]}]))
    found = converge(role(model, clusters=[{"cluster": "one", "permissions": ["GET", "PUT"]}]))
    assert [step["verb"] for step in found["steps"]] == ["set"]
    found = converge(role(model, clusters=[], description="none"))
    assert [step["verb"] for step in found["steps"]] == ["recreate"]
    assert found["role"]["clusters"] == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {"clusters": [{"cluster": "onne", "permissions": ["ro"]}]},
            r"clusters\[0\].cluster: no cluster 'onne' .* did you mean one\?",
        ),
        ({"clusters": [{"permissions": ["ro"]}]}, r"clusters\[0\].cluster: which one\? Registered are: one"),
        (
            {"clusters": [{"cluster": "one", "permissions": ["GTE"]}]},
            r"permissions: unknown name 'GTE'; did you mean GET\?",
        ),
        (
            {"buckets": [{"bucket": "a b", "cluster": "one", "permissions": ["ro"]}]},
            r"buckets\[0\].bucket: .*not a bucket name",
        ),
        (
            {"buckets": [{"bucket": "ais://@x/b", "cluster": "one", "permissions": ["ro"]}]},
            "name the cluster with 'cluster'",
        ),
        ({"clusters": [{"cluster": name, "permissions": ["ro"]} for name in ("one", "uuid1")]}, "uuid1 is named twice"),
        ({"name": "Admin"}, "its own role Admin"),
    ],
)
def test_a_mistake_in_a_role_is_one_message(options: dict, told: str) -> None:
    model = Model("5.0", CLUSTERS)
    with pytest.raises(OptionError, match=told):
        converge(role(model, **options))
    assert model.writes == 0


def test_the_only_cluster_needs_no_name() -> None:
    model = Model("5.0", {"uuid1": CLUSTERS["uuid1"]})
    found = converges(role, model, buckets=[{"bucket": "b", "permissions": ["ro"]}])
    assert found["role"]["buckets"] == [{"bucket": "ais://b", "cluster": "uuid1", "permissions": ["ro"]}]
    (acl,) = Role.of(model.kept["roles"]["r"]).buckets
    assert acl == (Bucket("b", uuid="uuid1"), 771)


# -- users ------------------------------------------------------------------------------------------------------

ROLES = st.lists(st.sampled_from(["r1", "r2", "Admin"]), max_size=3)
USERS = st.fixed_dictionaries(
    {"state": st.sampled_from(["present", "present", "absent"]), "new_password": st.sampled_from(["p1", "p2"])},
    optional={"roles": ROLES, "update_password": st.sampled_from(["always", "on_create"])},
)


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(VERSIONS), st.lists(USERS, min_size=1, max_size=4))
def test_a_user_becomes_what_is_asked_for(version: str, wishes: list[dict]) -> None:
    model = Model(version)
    model.kept["roles"]["Admin"] = {"name": "Admin", "desc": "", "clusters": None, "buckets": None, "admin": True}
    for name in ("r1", "r2"):
        converge(role(model, name, description=name))
    with pytest.MonkeyPatch.context() as patch:
        knowing_passwords(model, patch)
        for wish in wishes:
            was = deepcopy(model.users.get("bob"))
            found = converges(user, model, **wish)["user"]
            kept = model.users.get("bob")
            if wish["state"] == "absent":
                assert kept is None
                continue
            assert kept is not None
            anew = was is None or (wish.get("roles") == [] and was["roles"] != [])
            same = wish.get("update_password") == "on_create" and not anew
            assert kept["pass"] == (was["pass"] if same else wish["new_password"])
            if "roles" in wish:
                assert {each["name"] for each in kept["roles"]} == set(wish["roles"]) == set(found["roles"])
                assert all(Role.of(each) == Role.of(model.kept["roles"][each["name"]]) for each in kept["roles"])


def test_a_role_that_has_changed_since_is_given_anew() -> None:
    """AuthN 4.9 keeps the role as it was when the user got it."""
    model = Model("4.9", CLUSTERS)
    converge(role(model))
    model.users["bob"] = {"id": "bob", "pass": "x", "roles": [{"name": "r"}]}
    model.kept["roles"]["r"]["clusters"] = [{"id": "uuid1", "perm": "3"}]
    found = converges(user, model, roles=["r"])
    assert found["changed"] is True
    assert model.users["bob"]["roles"] == [Role.of(model.kept["roles"]["r"]).json()]


def test_a_password_is_in_no_result(model: Model) -> None:
    for password in ("s3cr3t-one", "s3cr3t-two"):
        assert "s3cr3t" not in json.dumps(converges(user, model, new_password=password))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"roles": ["reedrs"], "new_password": "x"}, "there is no role 'reedrs'; did you mean readers?"),
        ({"roles": ["readers"]}, "new_password: user bob does not exist"),
        ({"new_password": "ü" * 37}, "at most 72 bytes"),
    ],
)
def test_a_mistake_in_a_user_is_one_message(options: dict, told: str, model: Model) -> None:
    converge(role(model, "readers"))
    before = model.writes
    with pytest.raises(OptionError, match=told.replace("?", r"\?")):
        converge(user(model, **options))
    assert model.writes == before


def test_the_last_role_needs_the_password(model: Model) -> None:
    converge(role(model))
    converge(user(model, roles=["r"], new_password="x"))
    with pytest.raises(OptionError, match="cannot take the last role"):
        converge(user(model, roles=[]))


def test_an_authn_server_that_fails_is_not_a_wrong_password(model: Model, monkeypatch) -> None:
    converge(user(model, new_password="x"))

    def issue(*_args: Any) -> str:
        raise _errors.LoginFailed("the server is away")

    monkeypatch.setattr(_authn, "issue", issue)
    with pytest.raises(_errors.LoginFailed, match="away"):
        converge(user(model, new_password="x"))


# -- clusters ---------------------------------------------------------------------------------------------------


def test_a_cluster_is_registered_changed_and_gone(model: Model) -> None:
    found = converges(cluster, model, uuid="new", alias="three")
    assert found["cluster"] == {"uuid": "new", "state": "present", "alias": "three", "urls": ["http://c:1"]}
    assert converges(cluster, model, uuid="new", urls=["http://d:1/"])["diff"] == {
        "before": {"cluster new": {"urls": ["http://c:1"]}},
        "after": {"cluster new": {"urls": ["http://d:1"]}},
    }
    assert converges(cluster, model, uuid="new", alias="four")["cluster"]["alias"] == "four"
    assert converge(cluster(model, uuid="new"))["changed"] is False
    assert converges(cluster, model, alias="four", state="absent")["changed"] is True
    assert set(model.kept["clusters"]) == set(CLUSTERS)
    assert converge(cluster(model, uuid="new", state="absent"))["changed"] is False


def test_an_alias_is_given_once(model: Model) -> None:
    with pytest.raises(OptionError, match="alias: 'one' is the alias of cluster uuid1 already"):
        converge(cluster(model, uuid="new", alias="one"))
