# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The direct front end on a module that does on demand all that a module can do, without a cluster."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
from ansible_collections.community.aistore.plugins.plugin_utils import _direct
from plays import Played, ansible, play

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
    probe("alias, template", "facts", words="{{ 'x' ~ 1 }}", data="{{ {'n': [1, 2]} }}"),
    probe("check mode", "facts", check_mode=True),
    probe("environment fallback", "echo", data="{{ lookup('env', 'PROBE_NUMBER') }}"),
    probe("defaults of a sub option", "facts", nested={}),
    probe("unknown option", "facts", unknown=1),
    probe("not a choice", "nonsense"),
    probe("exclusive", "facts", number=1, nested={}),
    probe("not a number", "facts", number="many"),
    probe("diff wanted", "diff", diff=True),
    probe("diff not wanted", "diff"),
    probe("warnings", "warn", text="that"),
    probe("failure", "fail", token=SECRET, data=[1, SECRET, f"a {SECRET} b"]),
    probe("secret", "secret", token=SECRET),
    probe("censored", "echo", data="private", no_log=True),
    probe("stray output", "print"),
    probe("exception", "raise", text="something"),
    probe("no result", "quit"),
    probe("no exit", "return"),
    probe("where", "facts"),
    probe("a template in an answer", "echo", data="{% raw %}{{ 1 + 1 }}{% endraw %}"),
    probe("loop", "echo", data="{{ item }}", loop=["a", {"b": 1}]),
    probe("until", "echo", data="{{ 1 }}", until=False, retries=1, delay=0),
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
    def run(plays, *options, **more) -> Played:
        return play(plays, here, *options, ANSIBLE_COLLECTIONS_PATH=str(here), **more)

    return run


@pytest.fixture(scope="module")
def ways(run) -> tuple[Played, Played]:
    """The same tasks, directly and as an ordinary module."""
    return tuple(
        run(SAME, PROBE_NUMBER="7", ANSIBLE_INJECT_INVOCATION="1", ANSIBLE_AISTORE_DIRECT=mode)
        for mode in ("always", "never")
    )


@pytest.mark.parametrize("task", [task["name"] for task in SAME])
def test_both_ways_give_one_result(ways, task):
    directly, ordinarily = (
        [line for line in way.results if line["task"] == task] for way in ways
    )
    assert len(directly) == 1
    assert directly == ordinarily


def test_both_ways_show_the_same(ways):
    directly, ordinarily = ways
    assert (directly.rc, directly.stdout) == (ordinarily.rc, ordinarily.stdout)
    assert "Traceback" not in directly.stdout + directly.stderr


def test_a_secret_is_never_shown(run):
    deeds = ("secret", "fail", "raise", "echo", "progress")
    secret = "{{ lookup('env', 'PROBE_SECRET') }}"  # Ansible shows the lines of a failing task
    tasks = [probe(deed, deed, token=secret, text=f"<{secret}>") for deed in deeds]
    done = run(
        tasks,
        "-vvv",
        ANSIBLE_AISTORE_DIRECT="always",
        ANSIBLE_DISPLAY_TRACEBACK="always",
        PROBE_SECRET=SECRET,
    )
    assert [line["outcome"] for line in done.results] == ["ok", "failed", "failed", "ok", "ok"]
    assert "no good" in done.of("raise")["msg"]
    assert SECRET not in done.stdout + done.stderr + str(done.results)


def test_nothing_is_left_for_the_next_item(run, here):
    tasks = [
        probe("litter", "litter", loop=[1, 2], register="litter"),
        probe("warn, then look", "{{ item }}", loop=["warn", "litter", "tidy"]),
    ]
    done = run(tasks, ANSIBLE_AISTORE_DIRECT="always")
    first, second = (item["tmpdir"] for item in done.of("litter")["results"])
    assert first != second
    assert not os.path.exists(first)
    assert not os.path.exists(second)
    tidy = done.of("warn, then look")["results"][2]
    assert (tidy["tmpdir"], tidy["before"]) == (None, 0)
    assert os.path.samefile(tidy["cwd"], here)
    assert "warnings" not in tidy


@pytest.fixture(scope="module")
def other_python(tmp_path_factory) -> str:
    """The same file under another directory's name, as in a virtual environment."""
    path = tmp_path_factory.mktemp("elsewhere") / "python"
    path.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    path.chmod(0o755)
    return str(path)


def test_it_says_which_way_it_went_and_why(run, other_python):
    """Every way to leave the direct path, and some that must not."""
    python = "ansible_python_interpreter"
    ordinary = {
        "async": ({"async": 30, "poll": 1}, "the task says async"),
        "become": ({"become": True, "become_method": "su"}, "the task says become"),
        "environment": ({"environment": {"A": "b"}}, "the task has an environment (A)"),
        "python": ({"vars": {python: other_python}}, f"ansible_python_interpreter is {other_python}"),
        "never": ({"vars": {"ansible_aistore_direct": "never"}}, "ansible_aistore_direct is never"),
    }
    direct = {
        "nothing said": {},
        "empty environment": {"environment": [{}]},
        "discovered": {"vars": {python: "auto"}},
        "this python": {"vars": {python: "{{ ansible_playbook_python }}"}},
        "its other name": {"vars": {python: os.path.join(os.path.dirname(sys.executable), "python3")}},
        "switched on": {"vars": {"ansible_aistore_direct": "{{ 'always' }}"}},
        "no become": {"become": False},
    }
    done = run(
        [
            *(probe(name, "direct", **keywords) for name, (keywords, _why) in ordinary.items()),
            *(probe(name, "direct", **keywords) for name, keywords in direct.items()),
            probe("wrong word", "direct", vars={"ansible_aistore_direct": "sometimes"}),
            probe(
                "cannot",
                "direct",
                vars={"ansible_aistore_direct": "always"},
                environment={"B": "c", "A": "b"},
            ),
        ],
        "-vvv",
        ANSIBLE_FORKS="1",
    )
    for name, (_keywords, why) in ordinary.items():
        told = done.stdout.split(f"TASK [{name}]")[1].split("TASK [")[0]
        assert f"{PROBE}: as an ordinary module, because {why}" in told
        if name != "become":  # which may need a password here
            assert done.of(name)["direct"] is False, done.of(name)
    for name in direct:
        told = done.stdout.split(f"TASK [{name}]")[1].split("TASK [")[0]
        assert f"{PROBE}: directly, in this process" in told
        assert done.of(name)["direct"] is True
    assert "'sometimes' is none of auto, never, always" in done.of("wrong word")["msg"]
    assert (
        f"{PROBE} cannot run directly as ansible_aistore_direct demands: "
        "the task has an environment (A, B)."
    ) in done.of("cannot")["msg"]


def test_a_remote_connection_is_not_for_it(run):
    done = run(
        [{"hosts": "all", "gather_facts": False, "tasks": [
            probe("there", "direct", ignore_unreachable=True),
            probe("here", "direct", delegate_to="localhost"),
        ]}],
        "-vvv",
        inventory="far ansible_host=127.0.0.1 ansible_port=1 ansible_connection=ssh\n",
    )
    assert "as an ordinary module, because the connection is ssh, not local" in done.stdout
    assert done.outcome("there") == "unreachable"
    assert done.of("here")["direct"] is True


def test_a_setting_nearer_to_the_task_wins(run, here):
    config = here / "mode.cfg"
    config.write_text("[aistore]\ndirect = never  ; a comment\n")
    tasks = [
        probe("said elsewhere", "direct"),
        probe("said here", "direct", vars={"ansible_aistore_direct": "auto"}),
    ]
    for env, said_elsewhere in (
        ({"ANSIBLE_CONFIG": str(config)}, False),
        ({"ANSIBLE_CONFIG": str(config), "ANSIBLE_AISTORE_DIRECT": "auto"}, True),
        ({"ANSIBLE_AISTORE_DIRECT": "never"}, False),
    ):
        done = run(tasks, **env)
        assert (done.of("said elsewhere")["direct"], done.of("said here")["direct"]) == (
            said_elsewhere,
            True,
        )


def test_without_requests_the_ordinary_module_runs(run, tmp_path):
    (tmp_path / "requests.py").write_text("raise ImportError('none here')\n")
    done = run([probe("probe", "echo", data=1)], "-vvv", PYTHONPATH=str(tmp_path))
    assert "cannot import it (ImportError: none here)" in done.stdout
    assert done.of("probe")["data"] == 1


def test_every_strategy_and_every_shape_of_a_task(run):
    tasks = [
        probe("each", "direct", token="{{ inventory_hostname }}"),
        probe("delegated", "direct", delegate_to="localhost"),
        probe("once", "direct", run_once=True, register="once"),
        {
            "name": "block",
            "block": [probe("fails", "fail", ignore_errors=False)],
            "rescue": [probe("rescued", "direct")],
        },
        probe("late", "sleep", timeout=1),
        probe("after", "direct"),
        probe("defaults", "echo"),
    ]
    hosts = [f"h{number}" for number in range(4)]
    done = run(
        [
            {
                "hosts": "all",
                "gather_facts": False,
                "strategy": strategy,
                "module_defaults": {PROBE: {"data": "from the defaults"}},
                "tasks": [
                    {**task, "name": f"{strategy} {task['name']}"} for task in tasks
                ],
            }
            for strategy in ("linear", "free", "host_pinned")
        ],
        "--forks=4",
        inventory="".join(f"{host} ansible_connection=local\n" for host in hosts),
        ANSIBLE_AISTORE_DIRECT="always",
    )
    assert done.rc == 0, done.stdout
    for strategy in ("linear", "free", "host_pinned"):
        for host in hosts:
            for task in ("each", "delegated", "after"):
                assert done.of(f"{strategy} {task}", host)["direct"] is True
            assert done.of(f"{strategy} defaults", host)["data"] == "from the defaults"
            assert "imed out" in done.of(f"{strategy} late", host)["msg"]
    assert [line["outcome"] for line in done.results if line["task"] == "rescued"] == ["ok"] * 12


def test_ad_hoc(here):
    done = ansible(
        ["ansible", "localhost", "-m", PROBE, "-a", "deed=direct"],
        here,
        ANSIBLE_COLLECTIONS_PATH=str(here),
    )
    assert done.rc == 0
    assert '"direct": true' in done.stdout


def test_sessions_last_for_the_items_of_one_task_of_one_host(run):
    task = {"text": "{{ inventory_hostname }}-{{ item }}", "loop": ["a", "b", "c"]}
    done = run(
        [{"hosts": "all", "gather_facts": False, "tasks": [
            probe("first", "direct", **task), probe("second", "direct", **task)
        ]}],
        inventory="h1 ansible_connection=local\nh2 ansible_connection=local\n",
        ANSIBLE_AISTORE_DIRECT="always",
    )
    for host in ("h1", "h2"):
        for name in ("first", "second"):
            items = done.of(name, host)["results"]
            assert [item["sessions"] for item in items] == [
                [], [f"{host}-a"], [f"{host}-a", f"{host}-b"]
            ]
            assert len({item["pid"] for item in items}) == 1


def test_progress_is_shown_where_it_is_wanted(run):
    tasks = [
        probe("shown", "progress", text="shown", token=SECRET),
        probe("delegated", "progress", text="there", delegate_to="127.0.0.1"),
        probe("checked", "progress", text="checked", check_mode=True),
        probe("private", "progress", text="private", no_log=True),
        probe("unwanted", "progress", text="unwanted", vars={"ansible_aistore_progress": False}),
        probe("unwanted", "progress", text="unwanted", vars={"ansible_aistore_progress": "{{ 'no' }}"}),
    ]
    done = run(tasks, ANSIBLE_AISTORE_DIRECT="always")
    assert {line["outcome"] for line in done.results} == {"ok"}
    shown = [line for line in done.stderr.splitlines() if line.startswith("progress: ")]
    assert shown == [
        "progress: [localhost] shown: half done with ********",
        "progress: [localhost -> 127.0.0.1] there: half done with None",
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
        (os.path.realpath(sys.executable), os.path.dirname(os.path.realpath(sys.executable))
         == os.path.realpath(os.path.dirname(sys.executable))),
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
