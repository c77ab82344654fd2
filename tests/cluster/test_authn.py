# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users, roles, clusters and tokens of real AuthN servers, and what a cluster that wants tokens says."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.community.aistore.plugins.module_utils import _engine, _options
from ansible_collections.community.aistore.plugins.module_utils._authn import AuthN
from ansible_collections.community.aistore.plugins.module_utils._resources.authn_token import TokenResource
from ansible_collections.community.aistore.plugins.modules import ais_authn_token
from converge import Case, Converged, converge
from playing import Played, play
from relay import Relay
from tokens import forged

USER, ROLE, CLUSTER, TOKEN = (f"community.aistore.ais_authn_{kind}" for kind in ("user", "role", "cluster", "token"))
INFO, BUCKET = "community.aistore.ais_info", "community.aistore.ais_bucket"


class World:
    """A cluster that wants tokens, a relay before its AuthN server, and the administrator's options."""

    def __init__(self, box: Any, relay: Relay) -> None:
        self.box, self.relay = box, relay
        self.password = box.password_file.read_text().strip()
        self.admin = {"endpoint": box.endpoint, "authn_url": relay.url, "token_file": str(box.token_file)}
        self.login = {"endpoint": box.endpoint, "authn_url": relay.url, "username": "admin", "password": self.password}

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        status, text = self.box.http().call(method, f"{self.box.authn_url}{path}", body)
        return status, json.loads(text) if text.strip() and status == 200 else text

    def token(self, user: str, password: str) -> str:
        return str(self.call("POST", f"/v1/users/{user}", {"password": password})[1]["token"])


@pytest.fixture(scope="module")
def world(secure: Any) -> Iterator[World]:
    with Relay(secure.authn_url) as relay:
        yield World(secure, relay)


@pytest.fixture(scope="module")
def people(world: World) -> Iterator[World]:
    """The cluster is registered, there is a role ``look`` and a user ``eve`` who has it."""
    played = play(
        [
            {CLUSTER: {"alias": "main"}},
            {ROLE: {"name": "look", "clusters": [{"permissions": ["SHOW-CLUSTER", "LIST-BUCKETS"]}]}},
            {USER: {"name": "eve", "new_password": "eves-password", "roles": ["look"]}},
        ],
        defaults=world.admin,
    )
    assert played.code == 0
    yield world
    play(
        [
            {USER: {"name": "eve", "state": "absent"}},
            {ROLE: {"name": "look", "state": "absent"}},
            {CLUSTER: {"alias": "main", "state": "absent"}},
        ],
        defaults=world.admin,
    )


def without_logins(converged: Converged) -> Converged:
    """A login changes nothing, though it is a POST: whether a password is right is only found out by one."""
    for result in converged.rounds.values() if USER in converged.case.task else ():
        result.requests = [each for each in result.requests if not _is_login(each)]
    return converged


def _is_login(request: Any) -> bool:
    return request.method == "POST" and request.path.startswith("/v1/users/")


def test_every_case_converges(people: World, tmp_path: Path) -> None:
    """One life of a cluster, two roles and two users, in order."""
    world, bob, dest = people, {"name": "bob"}, str(tmp_path / "token")
    ro, wide = {"cluster": "main", "permissions": ["ro"]}, {"cluster": "main", "permissions": ["LIST-BUCKETS", "ro"]}
    logs = {"bucket": "logs", "cluster": "main", "permissions": ["rw"]}
    as_bob = {**world.login, "username": "bob", "password": "second", "dest": dest}
    cluster = {"endpoint": world.box.endpoint}
    cases = [
        Case("no cluster", {CLUSTER: {"alias": "main", "state": "absent"}}),
        Case("register", {CLUSTER: {"alias": "main", **cluster}}),
        Case("another alias", {CLUSTER: {"alias": "other", **cluster}}),
        Case("and back", {CLUSTER: {"alias": "main", "urls": [world.box.endpoint], **cluster}}),
        Case("create a role", {ROLE: {"name": "readers", "description": "May read", "clusters": [ro]}}),
        Case("more permissions", {ROLE: {"name": "readers", "clusters": [wide], "buckets": [logs]}}),
        Case("another role", {ROLE: {"name": "writers", "buckets": [{**logs, "bucket": "ais://#ns/logs"}]}}),
        Case("create a user", {USER: {**bob, "roles": ["readers"], "new_password": "first"}}),
        Case("more roles", {USER: {**bob, "roles": ["writers", "readers"]}}),
        Case("fewer roles", {USER: {**bob, "roles": ["readers"]}}),
        Case("another password", {USER: {**bob, "new_password": "second"}}),
        Case(
            "a password for new users",
            {USER: {**bob, "new_password": "z", "update_password": "on_create"}},
            changes=False,
        ),
        Case("a token", {TOKEN: as_bob}, varies=("jobs", "token")),
        Case("fewer permissions", {ROLE: {"name": "readers", "clusters": [ro], "buckets": []}}),
        Case("no description", {ROLE: {"name": "readers", "description": ""}}),
        Case("no role", {USER: {**bob, "roles": [], "new_password": "second"}}),
        Case("role again", {USER: {**bob, "roles": ["readers"]}}),
        Case("no such role any more", {ROLE: {"name": "readers", "state": "absent"}}),
        Case("nor the other", {ROLE: {"name": "writers", "state": "absent"}}),
        Case("no token", {TOKEN: {"dest": dest, "state": "absent"}}),
        Case("no user", {USER: {**bob, "state": "absent"}}),
    ]
    for converged in converge(cases, world.relay, defaults={k: v for k, v in world.admin.items() if k != "endpoint"}):
        without_logins(converged).verify()
    assert not Path(dest).exists()


def test_a_role_is_what_its_users_may_do(people: World) -> None:
    """Also with AuthN 4.9, which keeps a copy of the role with each user."""
    cluster = {"endpoint": people.box.endpoint, "authn_url": people.relay.url}
    tim = {**cluster, "username": "tim", "password": "tims-password"}
    wide, narrow = {"permissions": ["SHOW-CLUSTER", "LIST-BUCKETS"]}, {"permissions": ["LIST-BUCKETS"]}
    look, make = {INFO: {**tim, "gather_subset": "smap"}}, {BUCKET: {**tim, "name": "forbidden"}}
    # Each play logs in anew; within one, the token and so the permissions are kept.
    plays = [
        {
            "role": {ROLE: {"name": "watch", "clusters": [wide], **people.admin}},
            "user": {USER: {"name": "tim", "new_password": "tims-password", "roles": ["watch"], **people.admin}},
            "may look": look,
            "may not create": make,
            "less": {ROLE: {"name": "watch", "clusters": [narrow], **people.admin}},
        },
        {"may not look": look, "gone": {ROLE: {"name": "watch", "state": "absent", **people.admin}}},
        {"may nothing": make, "no user": {USER: {"name": "tim", "state": "absent", **people.admin}}},
    ]
    played = {
        result.task: result
        for tasks in plays
        for result in play([{"name": name, **task, "ignore_errors": True} for name, task in tasks.items()])
    }
    refused = [name for name, result in played.items() if result.failed]
    assert refused == ["may not create", "may not look", "may nothing"]
    for name in refused:
        assert played[name]["error"]["status"] == 403
        assert "insufficient permissions" in played[name].msg
        assert "grants this permission" in played[name].msg
    assert [step["verb"] for step in played["less"]["steps"]] == ["set", "refresh"]


def test_what_is_wrong_with_a_token_is_told(people: World) -> None:
    """Of the cluster and of AuthN: which way a token does not count, and what to do; never the token itself."""
    box = people.box
    revoked, old = people.token("admin", people.password), forged(people.box, exp=int(time.time()) - 60)
    foreign = revoked[:-6] + "AAAAAA"
    assert people.call("DELETE", "/v1/tokens", {"token": revoked})[0] == 200
    eve = people.token("eve", "eves-password")
    cases = {
        "none": ({"token_file": "/dev/null"}, "wants a token"),
        "malformed": ({"token": "n0t.a.t0ken"}, "not a JSON Web Token"),
        "foreign": ({"token": foreign}, "signed by another AuthN server"),
        "expired": ({"token": old}, "has expired: log in again"),
        "revoked": ({"token": revoked}, "was revoked: log in again"),
        "wrong password": ({"username": "admin", "password": "wr0ng-one"}, "User name or password is wrong"),
        "no such user": ({"username": "nobody", "password": "wr0ng-one"}, "User name or password is wrong"),
        "nobody there": ({**people.login, "authn_url": "http://127.0.0.1:1"}, "Check 'authn_url'"),
        "not AuthN": ({**people.login, "authn_url": box.endpoint}, "Check 'authn_url'"),
        "half a login": ({"username": "admin", "token_file": "/dev/null"}, "give both"),
        "not allowed": ({"token": eve}, None),
    }
    defaults = {"endpoint": box.endpoint, "authn_url": people.relay.url, "retries": 0}
    tasks = []
    for name, (options, _told) in cases.items():
        tasks.append({"name": f"{name} | cluster", BUCKET: {"name": "forbidden", **options}, "ignore_errors": True})
        tasks.append({"name": f"{name} | AuthN", USER: {"name": "forbidden", **options}, "ignore_errors": True})
    # A cluster learns of a revocation within about a second.
    _until(lambda: box.http().call("GET", f"{box.endpoint}/v1/daemon?what=bmd") and _refuses(box, revoked))
    played = play(tasks, defaults=defaults)
    for name, (_how, told) in cases.items():
        for whose in ("cluster", "AuthN"):
            result = played[f"{name} | {whose}"]
            assert result.failed, result.task
            if told and not (name == "revoked" and whose == "AuthN" and box.spec.version == "4.9"):
                assert told in result.msg, result.task
            assert "Traceback" not in result.msg
    assert "insufficient permissions" in played["not allowed | cluster"].msg
    assert "of an AuthN administrator" in played["not allowed | AuthN"].msg
    shown = f"{played.stdout}{played.stderr}{json.dumps([result.result for result in played])}"
    for secret in (revoked, old, foreign, eve, "n0t.a.t0ken", "wr0ng-one"):
        assert secret not in shown


def _refuses(box: Any, token: str) -> bool:
    http = box.http()
    http.token = token
    return http.call("GET", f"{box.endpoint}/v1/cluster?what=smap")[0] == 401


def _until(holds: Any, patience: float = 20.0) -> None:
    ends = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.1)


def test_a_login_lasts_for_a_loop_and_is_renewed(people: World) -> None:
    """In the controller's own process one login is enough for all items, until the token does not count any more."""
    eve = {
        "endpoint": people.box.endpoint,
        "authn_url": people.relay.url,
        "username": "eve",
        "password": "eves-password",
    }
    ask = {INFO: {**eve, "gather_subset": "smap"}, "loop": [1, 2, 3]}
    people.relay.reset()
    play([{"name": "loop", **ask}], direct="always")
    assert len([each for each in people.relay.requests if _is_login(each)]) == 1
    people.relay.reset()
    stale = {**eve, "token": forged(people.box, sub="eve", admin=False, exp=int(time.time()) - 60)}
    played = play([{"name": "renewed", INFO: {**stale, "gather_subset": "smap"}}])
    assert played["renewed"]["smap"]["uuid"]
    assert len([each for each in people.relay.requests if _is_login(each)]) == 1


def token(world: World, **options: Any) -> dict[str, Any]:
    """Run ``ais_authn_token`` in this process."""
    spec = {**_options.connection_spec(), **ais_authn_token.SPEC}
    given = {"authn_url": world.relay.url, "token_file": "/dev/null", **options}
    params = ArgumentSpecValidator(spec).validate(given).validated_parameters
    return _engine.converge(TokenResource(params, AuthN(_options.connection(params))))


def test_a_token_is_kept_good(people: World, tmp_path: Path) -> None:
    dest = tmp_path / "auth.token"
    eve = {"username": "eve", "password": "eves-password", "dest": str(dest)}
    # Tokens of one second are equal unless they live for different times.
    assert token(people, **eve, expires_in="5m", renew_before="1m")["changed"]
    assert dest.stat().st_mode & 0o777 == 0o600
    first = json.loads(dest.read_text())["token"]
    assert not token(people, **eve, renew_before="1m")["changed"]
    found = token(people, **eve, renew_before="10m")
    assert found["steps"][0]["detail"]["because"] == "it expires soon"
    second = json.loads(dest.read_text())["token"]
    assert second != first
    assert found["token"]["user"] == "eve"
    assert second not in json.dumps(found)
    dest.chmod(0o644)
    assert token(people, **eve)["steps"][0]["verb"] == "protect"
    assert dest.stat().st_mode & 0o777 == 0o600
    dest.write_text("nonsense")
    assert token(people, **eve, format="text")["changed"]
    assert dest.read_text().count(".") == 2
    dest.write_text(forged(people.box, sub="eve", admin=False, exp=int(time.time()) - 60))
    assert token(people, **eve)["steps"][0]["detail"]["because"] == "it expires soon"
    dest.write_text(people.token("admin", people.password))
    assert (
        token(people, **eve, expires_in="7m", renew_before="1m")["steps"][0]["detail"]["because"]
        == "it is the token of admin"
    )
    assert [step["verb"] for step in token(people, dest=str(dest), state="absent")["steps"]] == ["revoke", "remove"]
    assert not dest.exists()
    assert not token(people, dest=str(dest), state="absent")["changed"]
    assert token(people, issued_token=second, state="absent")["changed"]
    again = token(people, issued_token=second, state="absent")
    assert again["changed"] is (people.box.spec.version == "4.9")  # which does not tell
    _until(lambda: _refuses(people.box, second))


def test_check_mode_of_a_play_that_begins_with_nothing(world: World) -> None:
    tasks = [
        {"name": "cluster", CLUSTER: {"alias": "fresh"}},
        {"name": "role", ROLE: {"name": "fresh", "clusters": [{"cluster": "fresh", "permissions": ["ro"]}]}},
        {"name": "user", USER: {"name": "fresh", "new_password": "x", "roles": ["fresh"]}},
    ]
    found = {each.task: each for each in play(tasks, defaults=world.admin, check=True)}
    assert all(each.changed for each in found.values())
    for task, told in (("role", "no cluster 'fresh' is registered"), ("user", "there is no role 'fresh'")):
        (warning,) = found[task]["warnings"]
        assert told in str(warning), task


def test_mistakes_change_nothing(people: World) -> None:
    cases = {
        "unknown role": ({USER: {"name": "eve", "roles": ["lok"]}}, "there is no role 'lok'; did you mean look?"),
        "no password": ({USER: {"name": "new"}}, "a new one needs a password"),
        "long password": ({USER: {"name": "new", "new_password": "x" * 73}}, "at most 72 bytes"),
        "bad name": ({USER: {"name": "a b", "new_password": "x"}}, "may only contain letters"),
        "unknown cluster": (
            {ROLE: {"name": "new", "clusters": [{"cluster": "mian", "permissions": ["ro"]}]}},
            "no cluster 'mian' is registered; did you mean main?",
        ),
        "unknown permission": ({ROLE: {"name": "new", "clusters": [{"permissions": ["GTE"]}]}}, "did you mean GET?"),
        "built-in role": ({ROLE: {"name": "Admin", "description": "x"}}, "its own role Admin"),
        "built-in user": ({USER: {"name": "admin", "state": "absent"}}, "change its own administrator"),
        "alias taken": ({CLUSTER: {"uuid": "other", "alias": "main"}}, "is the alias of cluster"),
        "no user": ({TOKEN: {"dest": "/tmp/none"}}, "that the token is for"),
        "no token": ({TOKEN: {"state": "absent"}}, "say which token"),
        "too short": ({TOKEN: {**people.login, "expires_in": "5s"}}, "at least 1m"),
    }
    tasks = [{"name": name, **task, "ignore_errors": True} for name, (task, _told) in cases.items()]
    before = people.call("GET", "/v1/users"), people.call("GET", "/v1/clusters")
    played = play(tasks, defaults=people.admin)
    for name, (_task, told) in cases.items():
        assert played[name].failed, name
        assert told in played[name].msg, name
    assert (people.call("GET", "/v1/users"), people.call("GET", "/v1/clusters")) == before


@pytest.mark.parametrize("direct", ["always", pytest.param("never", marks=pytest.mark.slow)])
def test_no_secret_is_shown(people: World, direct: str, tmp_path: Path) -> None:
    """At -vvvv, in what succeeds and in what fails: in results and diffs, in the arguments and the environment of
    processes, in the system's log, and in files."""
    new, wrong = f"n3w-{secrets.token_hex(6)}", f"wr0ng-{secrets.token_hex(6)}"
    token, dest = people.token("eve", "eves-password"), tmp_path / "token"
    tasks = [
        {"name": "user", USER: {"name": "sue", "new_password": new, **people.admin}},
        {"name": "again", USER: {"name": "sue", "new_password": f"{new}2", **people.login}},
        {"name": "token", TOKEN: {**people.login, "dest": str(dest)}},
        {"name": "by token", INFO: {"token": token, "gather_subset": ["smap", "config"]}},
        {"name": "by file", INFO: {"token_file": str(dest), "gather_subset": ["smap", "node_config"]}},
        {"name": "refused", USER: {"name": "sue", "token": token}, "ignore_errors": True},
        {"name": "wrong", INFO: {**people.login, "password": wrong}, "ignore_errors": True},
        {"name": "typo", USER: {"nmae": "sue", "new_password": new, "token": token}, "ignore_errors": True},
        {"name": "revoke", TOKEN: {"issued_token": token, "state": "absent"}},
        {"name": "revoked", USER: {"name": "sue", "token": token}, "ignore_errors": True},
        {"name": "gone", USER: {"name": "sue", "state": "absent", **people.admin}},
    ]
    log, files = tmp_path / "journal", tmp_path / "files"
    files.mkdir()
    played, arguments, environments = _watched(
        tasks,
        defaults={"endpoint": people.box.endpoint, "authn_url": people.relay.url},
        direct=direct,
        verbosity=4,
        env={
            "ANSIBLE_INJECT_INVOCATION": "1",
            "PYTHONPATH": str(_journal(tmp_path / "python", log)),
            **{f"ANSIBLE_{name}": f"{files}/{name}" for name in ("HOME", "LOCAL_TEMP", "REMOTE_TEMP")},
        },
    )
    assert [result.failed for result in played] == [name in ("refused", "wrong", "typo", "revoked") for name in
                                                    (task["name"] for task in tasks)]  # fmt: skip
    admin = json.loads(people.box.token_file.read_text())["token"]
    issued = json.loads(dest.read_text())["token"]
    key = (people.box.directory / "authn" / "secret").read_text().strip()
    shown = f"{played.stdout}{played.stderr}{json.dumps([result.result for result in played])}"
    logged = log.read_text()
    assert logged.count("Invoked with") >= len(tasks) - 1  # but the typo
    left = b"".join(path.read_bytes() for path in files.rglob("*") if path.is_file())
    for secret in (new, wrong, token, admin, issued, people.password, key):
        assert secret not in shown
        assert secret not in logged
        assert secret not in arguments
        assert secret.encode() not in left
    for secret in (new, wrong, token, issued):  # the others are the servers' own
        assert secret not in environments


def _journal(directory: Path, log: Path) -> Path:
    """What a module takes for the system's journal; it writes to ``log``."""
    package = directory / "systemd"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "daemon.py").write_text("def booted():\n    return True\n")
    (package / "journal.py").write_text(
        f"def sendv(*parts):\n    send(*parts)\n\n\ndef send(*parts, **more):\n"
        f"    with open({str(log)!r}, 'a') as file:\n        print(parts, more, file=file)\n"
    )
    return directory


def _watched(tasks: list[dict[str, Any]], **how: Any) -> tuple[Played, str, str]:
    """A play, and the arguments and the environment of every process that ran meanwhile."""
    seen: dict[str, set[str]] = {"cmdline": set(), "environ": set()}
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.01):
            for kind, found in seen.items():
                for entry in Path("/proc").glob(f"[0-9]*/{kind}"):
                    try:
                        found.add(entry.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
                    except OSError:
                        pass  # it has ended

    thread = threading.Thread(target=look)
    thread.start()
    try:
        played = play(tasks, **how)
    finally:
        over.set()
        thread.join()
    assert any("ansible-playbook" in line for line in seen["cmdline"])
    assert any("ANSIBLE_INJECT_INVOCATION" in line for line in seen["environ"])
    return played, "\n".join(seen["cmdline"]), "\n".join(seen["environ"])


@pytest.mark.ais_version("5.0")
def test_all_of_it_over_tls(make_cluster: Any, tmp_path: Path) -> None:
    """Client certificates and tokens at once; what is refused is told with the reason."""
    box = make_cluster(version="5.0", proxies=1, targets=1, tls="mtls", authn=True)
    files = box.tls_files
    tls = {"ca_path": files["ca"], "client_cert": files["client_crt"], "client_key": files["client_key"]}
    password = box.password_file.read_text().strip()
    good = {"authn_url": box.authn_url, "username": "admin", "password": password, **tls}
    plain = {key: value for key, value in good.items() if not key.startswith("client_")}
    cases = {
        "create": (good, None),
        "by environment": ({}, None),
        "not checked": ({**good, "ca_path": "", "validate_certs": False}, None),
        "not checked again": ({**good, "ca_path": "", "validate_certs": False}, None),
        "no client certificate": (
            {**plain, "token_file": str(box.token_file), "username": "", "password": ""},
            "certificate required",
        ),
        "unknown authority": ({**good, "ca_path": files["client_crt"]}, "unable to get"),
        "plain http": ({**good, "endpoint": box.endpoint.replace("https", "http")}, "write 'https://' in 'endpoint'"),
    }
    tasks = [
        {"name": name, BUCKET: {"name": "b", "retries": 0, **options}, "ignore_errors": True}
        if options
        else {"name": name, BUCKET: {"name": "b"}, "environment": box.info()["environment"]}
        for name, (options, _told) in cases.items()
    ]
    played = play(tasks, endpoint=box.endpoint)
    for name, (_how, told) in cases.items():
        assert played[name].failed is bool(told), f"{name}: {played[name].msg}"
        assert (told or "") in played[name].msg, name
    assert played["create"].changed
    assert f"{played.stdout}{played.stderr}".count("[WARNING]: validate_certs is false") == 1
    refused = play([{"name": "register", CLUSTER: {"alias": "main", **good}}], endpoint=box.endpoint, ok=False)
    assert "an AuthN server has none to show" in refused["register"].msg
    box.remove()


def test_a_cluster_with_tls_is_registered(make_cluster: Any, ais_version: str) -> None:
    box = make_cluster(version=ais_version, proxies=1, targets=1, tls="tls", authn=True)
    defaults = {"authn_url": box.authn_url, "username": "admin", "password": box.password_file.read_text().strip()}
    tasks = [
        {"name": "register", CLUSTER: {"alias": "main"}},
        {"name": "role", ROLE: {"name": "look", "clusters": [{"cluster": "main", "permissions": ["ro"]}]}},
    ]
    played = play(tasks, endpoint=box.endpoint, defaults={**defaults, "ca_path": box.tls_files["ca"]})
    assert played["register"]["cluster"]["urls"] == [box.endpoint]
    assert played["role"].changed
    box.remove()
