# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The direct front end on a module that does on demand all that a module can do, without a cluster."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.community.aistore.plugins.plugin_utils import _direct
from playing import Played, play
from playing import _environment as environment

PROBE = "testing.probe.probe"
SECRET = "s3cret-t0ken"


def probe(name: str, deed: str, /, **more):
    """A task; what is not an option of the module is a keyword of the task."""
    keywords = {key: more.pop(key) for key in list(more) if key not in OPTIONS}
    return {"name": name, PROBE: {"deed": deed, **more}, "ignore_errors": True, **keywords}


OPTIONS = ("text", "words", "number", "token", "data", "nested", "unknown")

#: Each runs both ways, and all there is to see of it has to be the same.
SAME = (
    probe("arguments", "facts", number="3", data={"a": [1, 2.5, None, True], "é": "ü\udc80"[:1]}),
    probe("alias, template, sub option", "facts", nested={}, words="{{ 'x' ~ 1 }}", data="{{ {'n': [1, 2]} }}"),
    probe("check mode", "facts", check_mode=True),
    probe("environment fallback", "echo", data="{{ lookup('env', 'PROBE_NUMBER') }}"),
    probe("unknown option", "facts", unknown=1),
    probe("exclusive", "facts", number=1, nested={}),
    probe("not a number", "facts", number="many"),
    probe("diff wanted", "diff", diff=True),
    probe("warnings", "warn", text="that"),
    probe("failure", "fail", token=SECRET, data=[1, SECRET, f"a {SECRET} b"]),
    probe("secret", "secret", token=SECRET),
    probe("censored", "echo", data="private", no_log=True),
    probe("stray output", "print"),
    probe("exception", "raise", text="something"),
    probe("no result", "quit"),
    probe("no exit", "return"),
    probe("a template in an answer", "echo", data="{% raw %}{{ 1 + 1 }}{% endraw %}"),
    probe("loop", "echo", data="{{ item }}", loop=["a", {"b": 1}]),
    probe("conditional", "echo", when=False),
    probe("own verdict", "diff", changed_when=False, failed_when=True),
)


@pytest.fixture(scope="module")
def here(tmp_path_factory) -> Path:
    """A directory with a collection of the probe in it."""
    path = tmp_path_factory.mktemp("direct")
    for kind in ("module", "action"):
        folder = path / "ansible_collections/testing/probe/plugins" / kind.replace("le", "les")
        folder.mkdir(parents=True)
        shutil.copy(Path(__file__).parent / "probe_module" / f"{kind}.py", folder / "probe.py")
    return path


@pytest.fixture(scope="module")
def run(here):
    """Plays tasks, or whole plays, in that directory and returns what came of them."""

    def run(tasks, *, env=None, **how) -> Played:
        book = here / "play.yml"
        plays = tasks if "hosts" in tasks[0] else [whole(tasks)]
        book.write_text(json.dumps(plays))
        env = {"ANSIBLE_COLLECTIONS_PATH": str(here), "ANSIBLE_PIPELINING": "true", **(env or {})}
        return play(book, diff=False, env=env, **how)

    return run


def whole(tasks, **keywords):
    """A play of tasks."""
    return {"hosts": "all", "gather_facts": False, **keywords, "tasks": list(tasks)}


def told(done: Played, task: str) -> str:
    """What was printed of a task."""
    return done.stdout.split(f"TASK [{task}]")[1].split("TASK [")[0]


def by_host(done: Played, task: str) -> dict:
    return {result.host: result for result in done if result.task == task}


@pytest.fixture(scope="module")
def ways(run) -> tuple[Played, Played]:
    """The same tasks, directly and as an ordinary module."""
    env = {"PROBE_NUMBER": "7", "ANSIBLE_INJECT_INVOCATION": "1"}
    return run(SAME, env=env, direct="always"), run(SAME, env=env, direct="never")


@pytest.mark.parametrize("task", [task["name"] for task in SAME])
def test_both_ways_give_one_result(ways, task):
    directly, ordinarily = (way[task] for way in ways)
    assert directly == ordinarily


def test_both_ways_show_the_same(ways):
    directly, ordinarily = ways
    assert directly.stdout == ordinarily.stdout
    assert "Traceback" not in directly.stdout + directly.stderr


def test_a_secret_is_never_shown(run):
    deeds = ("secret", "fail", "raise", "echo", "progress")
    secret = "{{ lookup('env', 'PROBE_SECRET') }}"  # Ansible shows the lines of a failing task
    done = run(
        [probe(deed, deed, token=secret, text=f"<{secret}>") for deed in deeds],
        env={"ANSIBLE_DISPLAY_TRACEBACK": "always", "PROBE_SECRET": SECRET},
        direct="always",
        verbosity=3,
    )
    assert [result.status for result in done] == ["ok", "failed", "failed", "ok", "ok"]
    assert "no good" in done["raise"].msg
    assert SECRET not in str(done) + str(done.results)


def test_nothing_is_left_for_the_next_item(run, here):
    done = run(
        [
            probe("litter", "litter", loop=[1, 2]),
            probe("then look", "{{ item }}", loop=["warn", "litter", "tidy"]),
        ],
        direct="always",
    )
    first, second = (item["tmpdir"] for item in done["litter"]["results"])
    assert first != second
    assert not os.path.exists(first)
    assert not os.path.exists(second)
    tidy = done["then look"]["results"][2]
    assert (tidy["tmpdir"], tidy["before"], tidy["cwd"]) == (None, 0, str(here))
    assert "warnings" not in tidy


@pytest.fixture(scope="module")
def other_python(tmp_path_factory) -> str:
    """The same Python by another directory's name, as of another virtual environment."""
    path = tmp_path_factory.mktemp("elsewhere") / "python"
    path.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    path.chmod(0o755)
    return str(path)


PYTHON = "ansible_python_interpreter"
#: Keywords of a task that runs directly all the same.
STILL_DIRECT = {
    "nothing said": {},
    "empty environment": {"environment": [{}]},
    "discovered": {"vars": {PYTHON: "auto"}},
    "this python": {"vars": {PYTHON: "{{ ansible_playbook_python }}"}},
    "its other name": {"vars": {PYTHON: str(Path(sys.executable).with_name("python3"))}},
    "switched on": {"vars": {"ansible_aistore_direct": "{{ 'always' }}"}},
    "no become": {"become": False},
}


def test_it_says_which_way_it_went_and_why(run, other_python):
    never = {"ansible_aistore_direct": "never"}
    ordinary = {
        "async": ({"async": 30, "poll": 1}, "the task says async"),
        "become": ({"become": True, "become_method": "su"}, "the task says become"),
        "environment": ({"environment": {"A": "b"}}, "the task has an environment (A)"),
        "python": ({"vars": {PYTHON: other_python}}, f"{PYTHON} is {other_python}"),
        "never": ({"vars": never}, "ansible_aistore_direct is never"),
    }
    always = {"ansible_aistore_direct": "always"}
    done = run(
        [
            *(probe(name, "direct", **keywords) for name, (keywords, _why) in ordinary.items()),
            *(probe(name, "direct", **keywords) for name, keywords in STILL_DIRECT.items()),
            probe("wrong word", "direct", vars={"ansible_aistore_direct": "sometimes"}),
            probe("cannot", "direct", vars=always, environment={"B": "c", "A": "b"}),
        ],
        env={"ANSIBLE_ASYNC_DIR": str(Path(other_python).parent)},
        verbosity=3,
    )
    for name, (_keywords, why) in ordinary.items():
        assert f"{PROBE}: as an ordinary module, because {why}" in told(done, name)
        if name != "become":  # which may need a password here
            assert done[name]["direct"] is False
    for name in STILL_DIRECT:
        assert f"{PROBE}: directly, in this process" in told(done, name)
        assert done[name]["direct"] is True
    assert "'sometimes' is none of auto, never, always" in done["wrong word"].msg
    assert (
        f"{PROBE} cannot run directly as ansible_aistore_direct demands: the task has an environment (A, B)."
    ) in done["cannot"].msg


def test_a_remote_connection_is_not_for_it(run):
    far = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    done = run(
        [
            probe("there", "direct", vars=far, ignore_unreachable=True),
            probe("here", "direct", delegate_to="localhost"),
        ],
        hosts=("far",),
        verbosity=3,
    )
    assert "as an ordinary module, because the connection is ssh, not local" in told(done, "there")
    assert done["there"].status == "unreachable"
    assert done["here"]["direct"] is True


def test_a_setting_nearer_to_the_task_wins(run, here):
    config = here / "mode.cfg"
    config.write_text("[aistore]\ndirect = never  ; a comment\n")
    tasks = [
        probe("said elsewhere", "direct"),
        probe("said here", "direct", vars={"ansible_aistore_direct": "auto"}),
    ]
    for env, elsewhere in (
        ({"ANSIBLE_CONFIG": str(config)}, False),
        ({"ANSIBLE_CONFIG": str(config), "ANSIBLE_AISTORE_DIRECT": "auto"}, True),
        ({"ANSIBLE_AISTORE_DIRECT": "never"}, False),
    ):
        done = run(tasks, env=env)
        assert done["said elsewhere"]["direct"] is elsewhere
        assert done["said here"]["direct"] is True


def test_without_requests_the_ordinary_module_runs(run, tmp_path):
    (tmp_path / "requests.py").write_text("raise ImportError('none here')\n")
    done = run([probe("probe", "echo", data=1)], env={"PYTHONPATH": str(tmp_path)}, verbosity=3)
    assert "cannot import it (ImportError: none here)" in done.stdout
    assert done["probe"]["data"] == 1


def test_every_strategy_and_every_shape_of_a_task(run):
    hosts = [f"h{number}" for number in range(4)]
    strategies = ("linear", "free", "host_pinned")

    def tasks(strategy):
        fails = probe("fails", "fail", ignore_errors=False)
        return [
            probe(f"{strategy} plain", "direct"),
            probe(f"{strategy} delegated", "direct", delegate_to="localhost"),
            probe(f"{strategy} once", "direct", run_once=True),
            {"block": [fails], "rescue": [probe(f"{strategy} rescued", "direct")]},
            probe(f"{strategy} late", "sleep", timeout=1),
            probe(f"{strategy} after", "direct"),
            probe(f"{strategy} defaults", "echo"),
        ]

    defaults = {"module_defaults": {PROBE: {"data": "from the defaults"}}}
    done = run(
        [whole(tasks(name), strategy=name, **defaults) for name in strategies],
        hosts=hosts,
        forks=4,
        direct="always",
    )
    for strategy in strategies:
        for task in ("plain", "delegated", "rescued", "after"):
            results = by_host(done, f"{strategy} {task}")
            assert {host: result["direct"] for host, result in results.items()} == dict.fromkeys(hosts, True)
        for host, late in by_host(done, f"{strategy} late").items():
            assert "imed out" in late.msg, host
        for host, defaulted in by_host(done, f"{strategy} defaults").items():
            assert defaulted["data"] == "from the defaults", host
    assert [result["direct"] for result in by_host(done, "linear once").values()] == [True]


def test_ad_hoc(here):
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible"), "localhost", "-m", PROBE, "-a", "deed=direct"],
        env={**environment(str(here)), "ANSIBLE_COLLECTIONS_PATH": str(here)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "direct: true" in done.stdout.replace('"', "")


def test_sessions_last_for_the_items_of_one_task_of_one_host(run):
    task = {"text": "{{ inventory_hostname }}-{{ item }}", "loop": ["a", "b", "c"]}
    done = run(
        [probe("first", "direct", **task), probe("second", "direct", **task)],
        hosts=("h1", "h2"),
        direct="always",
    )
    for name in ("first", "second"):
        for host, result in by_host(done, name).items():
            kept = [item["sessions"] for item in result["results"]]
            assert kept == [[], [f"{host}-a"], [f"{host}-a", f"{host}-b"]]
            assert len({item["pid"] for item in result["results"]}) == 1


def test_progress_is_shown_where_it_is_wanted(run):
    def task(name, **keywords):
        return probe(name, "progress", text=name, **keywords)

    done = run(
        [
            task("shown", token=SECRET),
            task("delegated", delegate_to="127.0.0.1"),
            task("checked", check_mode=True),
            task("private", no_log=True),
            task("unwanted", vars={"ansible_aistore_progress": False}),
            task("unwanted either", vars={"ansible_aistore_progress": "{{ 'no' }}"}),
        ],
        direct="always",
    )
    assert {result.status for result in done} == {"ok"}
    shown = [line for line in done.stderr.splitlines() if line.startswith("progress: ")]
    assert shown == [
        "progress: [localhost] shown: half done with ********",
        "progress: [localhost -> 127.0.0.1] delegated: half done with None",
    ]
    assert "half done" not in done.stdout


@pytest.mark.parametrize(
    ("wanted", "same"),
    [
        (None, True),
        ("auto_silent", True),
        (sys.executable, True),
        (os.path.join(os.path.dirname(sys.executable), ".", "python3"), True),
        ("/nonexistent/python", False),
        (f"{sys.executable} -E", False),
        (
            os.path.realpath(sys.executable),
            os.path.dirname(os.path.realpath(sys.executable)) == os.path.realpath(os.path.dirname(sys.executable)),
        ),
    ],
)
def test_same_python(wanted, same):
    assert _direct.same_python(wanted) is same


def test_scrub_stars_out_the_longest_secret_first():
    data = {"msg": "ab abc", "list": [1, None, True, {"abc": "xabcx"}]}
    stars = "*" * 8
    assert _direct.scrub(data, ["abc", "ab"]) == {
        "msg": f"{stars} {stars}",
        "list": [1, None, True, {stars: f"x{stars}x"}],
    }


def test_an_action_without_its_module_does_not_raise():
    loaded = _direct.load("ansible_collections.community.aistore.plugins.action.ais_nonsense")
    assert loaded.module is None
    assert "ModuleNotFoundError" in loaded.reason
