# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module from its options to what it prints: typos, failures and secrets."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.community.aistore.plugins.module_utils import _client, _module, _options
from ansible_collections.community.aistore.plugins.module_utils._engine import Resource, Step
from ansible_collections.community.aistore.plugins.module_utils._errors import AisError
from server import Server, answer, error, smap

try:
    from ansible.module_utils.secrets import mask_secrets  # what the controller does, since ansible-core 2.22
except ImportError:
    mask_secrets = str

TOKEN = "eyJhbGciOi.eyJzdWIiOiJi.c2lnbmF0dXJl"
SPEC = {
    "name": {"type": "str"},
    "props": {"type": "dict", "options": {"mirror": {"type": "dict", "options": {"copies": {"type": "int"}}}}},
}


class Thing(Resource[dict]):
    """A thing of which only the name is said."""

    world: dict = {}

    def __init__(self, params: Any, client: _client.Client) -> None:
        self.params, self.client = params, client

    def read(self) -> dict:
        return dict(Thing.world)

    def plan(self, state: dict) -> list[Step]:
        name = self.params["name"]
        return [] if state.get("name") == name else [Step("set", "thing", {}, state or None, {"name": name})]

    def foresee(self, state: dict, steps: Any) -> dict:
        return {"name": self.params["name"]}

    def apply(self, step: Step) -> list:
        Thing.world = {"name": self.params["name"]}
        if self.params["name"] == "bad":
            raise AisError("that went wrong", hint="Do it well.")
        return []

    def result(self, state: dict) -> dict:
        return {"thing": state}


@pytest.fixture(autouse=True)
def _fresh(monkeypatch, tmp_path) -> None:
    Thing.world = {}
    monkeypatch.setattr(_options, "TOKEN_FILE", str(tmp_path / "none"))


@pytest.fixture
def run(capsys) -> Callable[..., dict]:
    """Run a module and return what it printed, as the controller shows it."""

    def run_it(main: Callable[[], None], **args: Any) -> dict:
        with patch_module_args({"retries": 0, **args}), pytest.raises(SystemExit):
            main()
        printed = capsys.readouterr()
        found = {**json.loads(printed.out), "stderr": printed.err}
        found.pop("_ansible_new_secrets", None)
        return json.loads(mask_secrets(json.dumps(found)))

    return run_it


def converge() -> None:
    _module.converge(SPEC, Thing, jobs=True, required_one_of=[("name", "props")])


def ask(path: str) -> Callable[[], None]:
    """Return a module that asks one question."""
    return lambda: _module.answer({}, lambda _params, client: {"found": client.get_json(path, what="ask")})


def test_a_change_and_none(run) -> None:
    foreseen = run(converge, name="a", _ansible_check_mode=True, _ansible_diff=True)
    assert Thing.world == {}
    done = run(converge, name="a", _ansible_diff=True)
    assert {key: value for key, value in done.items() if key != "invocation"} == {
        key: value for key, value in foreseen.items() if key != "invocation"
    }
    assert done["changed"] is True
    assert done["diff"]["after"] == {"thing": {"name": "a"}}
    assert run(converge, name="a")["changed"] is False


def test_there_is_no_diff_unless_it_is_wanted(run) -> None:
    assert "diff" not in run(converge, name="a")


def test_a_failure_says_what_was_done(run) -> None:
    found = run(converge, name="bad")
    assert found["failed"] is True
    assert found["msg"] == "that went wrong. Do it well."
    assert found["error"] == {"type": "AisError"}
    assert (found["steps"], found["thing"]) == ([], {"name": "bad"})


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ({"name": "a", "nmae": "a"}, "nmae: unknown option; did you mean name?"),
        ({"name": "a", "endpiont": "x"}, "endpiont: unknown option; did you mean endpoint?"),
        ({"props": {"mirorr": {}}}, "props.mirorr: unknown option; did you mean props.mirror?"),
        ({"props": {"mirror": {"copis": 1}}}, "props.mirror.copis: unknown option; did you mean props.mirror.copies?"),
        ({"name": "a", "zzzzzz": 1}, "zzzzzz: unknown option"),
    ],
)
def test_a_typo_is_told_with_the_nearest_name(args: dict, told: str, run) -> None:
    found = run(converge, **args)
    assert found["failed"] is True
    assert told in found["msg"]
    assert "Nothing was changed" in found["msg"]
    assert Thing.world == {}


def test_other_messages_of_ansible_stay_as_they_are() -> None:
    assert _module.advise("one of the following is required: name, props") == (
        "one of the following is required: name, props"
    )


@pytest.mark.parametrize(
    "script",
    [error(500, f"got {TOKEN} and s3cr3t-tok3n"), answer({"token": TOKEN, "shown": ["a s3cr3t-tok3n b"]})],
    ids=["failure", "success"],
)
@pytest.mark.parametrize("given", ["option", "file", "login"])
def test_no_token_is_shown(script: bytes, given: str, run, tmp_path) -> None:
    (tmp_path / "t").write_text("s3cr3t-tok3n")
    with Server(lambda seen: answer({"token": "s3cr3t-tok3n"}) if seen.method == "POST" else script) as server:
        options = {
            "option": {"token": "s3cr3t-tok3n"},
            "file": {"token_file": str(tmp_path / "t")},
            "login": {"username": "bob", "password": "hunt3r-2", "authn_url": server.url},
        }[given]
        found = run(ask("/v1/x"), endpoint=server.url, **options)
        assert server.requests[-1].token == "Bearer s3cr3t-tok3n"
    assert "s3cr3t-tok3n" not in json.dumps(found)
    assert "hunt3r-2" not in json.dumps(found)


@pytest.mark.parametrize("strange", [3, "x", [1], {"uuid": [], "tmap": {}, "pmap": {"p": 1}}, None])
def test_a_strange_answer_is_one_message(strange: Any, run) -> None:
    def gather(_params: Any, client: _client.Client) -> dict:
        return {
            "names": [name for space in client.get_json("/v1/x", what="ask")["providers"].values() for name in space]
        }

    with Server(lambda _: answer(strange)) as server:
        found = run(lambda: _module.answer({}, gather), endpoint=server.url)
    assert found["failed"] is True
    assert found["error"] == {"type": "ProtocolError"}
    assert "does not have the form" in found["msg"]
    assert "Traceback" not in json.dumps(found)


def test_a_bad_option_is_one_message(run) -> None:
    found = run(converge, name="a", endpoint="http://h/v1/")
    assert found["error"] == {"type": "OptionError"}
    assert "has a path" in found["msg"]


def test_requests_is_asked_for_in_ansibles_words(run, monkeypatch) -> None:
    monkeypatch.setattr(_client, "HAS_REQUESTS", False)
    assert "Failed to import the required Python library (requests)" in run(converge, name="a")["msg"]


@pytest.mark.parametrize(
    ("endpoint", "checks", "warned"),
    [("https://h", False, True), ("https://h", True, False), ("http://h", False, False)],
)
def test_checks_switched_off_are_warned_of(endpoint: str, checks: bool, warned: bool, run) -> None:
    found = run(converge, name="a", endpoint=endpoint, validate_certs=checks)
    assert ("validate_certs is false" in found["stderr"]) is warned


def test_a_wrong_cluster_is_left_alone(run) -> None:
    class Writer(Thing):
        def apply(self, step: Step) -> list:
            self.client.request("PUT", "/v1/x", what="write")
            return []

    with Server(lambda _: answer(smap(uuid="other"))) as server:
        found = run(lambda: _module.converge(SPEC, Writer), name="a", endpoint=server.url, cluster_uuid="mine")
        assert [seen.method for seen in server.requests] == ["GET"]
    assert found["error"] == {"type": "WrongCluster"}
