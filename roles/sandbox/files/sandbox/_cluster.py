# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One sandbox: its directory, its processes, its life."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from . import _build, _ports, _processes, _tls
from ._errors import SandboxError
from ._http import Http
from ._spec import Spec, authn_config, cluster_config, node_config

CACHE = Path("~/.cache/community.aistore")
ADMIN = "admin"  # AuthN's built-in superuser
STATE = "sandbox.json"
IN_MAINTENANCE = 4 | 8  # flags of a node in the cluster map: maintenance, decommission


@dataclass(frozen=True)
class Node:
    """A proxy or target: ``id`` is its AIStore node id and the name of its directory."""

    id: str
    role: str
    url: str
    directory: Path
    mountpaths: list[str]
    ports: tuple[int, int, int]


class Sandbox:
    """A cluster in ``directory``. All methods may be repeated; start, stop and remove tell whether they
    changed anything."""

    def __init__(
        self,
        directory: str | os.PathLike[str],
        spec: Spec | None = None,
        *,
        cache: str | os.PathLike[str] = CACHE,
        authn_password: str = "",
        python: str = sys.executable,
        timeout: float = 90,
    ) -> None:
        self.directory = Path(directory).expanduser().absolute()
        self.cache = Path(cache).expanduser().absolute()
        self.timeout = timeout
        self._python = python
        self._password = authn_password
        self._wanted = spec
        self._state: dict[str, Any] = {}
        self._load()

    # ---- what is there -------------------------------------------------------------------------

    @property
    def spec(self) -> Spec:
        if self._state:
            return Spec(**self._state["spec"])
        return self._wanted or Spec()

    @property
    def exists(self) -> bool:
        return bool(self._state)

    @property
    def nodes(self) -> dict[str, Node]:
        """By id, proxies first; empty when the sandbox is absent."""
        found = {}
        for index, name in enumerate(self._state.get("nodes", ())):
            role = name.partition("-")[0]
            ports = _ports.node_ports(self._state["base"], index)
            home = self.directory / name
            count = self.spec.mountpaths if role == "target" else 0
            found[name] = Node(
                id=name,
                role=role,
                url=f"{self.spec.scheme}://127.0.0.1:{ports[0]}",
                directory=home,
                mountpaths=[f"{home}/mp{number + 1}" for number in range(count)],
                ports=ports,
            )
        return found

    @property
    def endpoints(self) -> list[str]:
        return [node.url for node in self.nodes.values() if node.role == "proxy"]

    @property
    def endpoint(self) -> str:
        return self.endpoints[0]

    @property
    def pids(self) -> dict[str, int]:
        return _processes.running(self.directory)

    @property
    def s3_endpoint(self) -> str:
        return f"http://127.0.0.1:{self._state['base'] + _ports.S3}"

    @property
    def authn_url(self) -> str:
        return f"{self.spec.scheme}://127.0.0.1:{self._state['base'] + _ports.AUTHN}"

    @property
    def token_file(self) -> Path:
        return self.directory / "authn" / "admin.token"

    @property
    def password_file(self) -> Path:
        return self.directory / "authn" / "admin.password"

    @property
    def tls_files(self) -> dict[str, str]:
        return {} if self.spec.tls == "off" else _tls.files(self.directory / "tls")

    def info(self) -> dict[str, Any]:
        """Everything a user or a test may want to know, JSON types only, no secret."""
        pids = self.pids
        state = "absent" if not self.exists else "started" if pids else "stopped"
        facts: dict[str, Any] = {
            "state": state,
            "directory": str(self.directory),
            "version": self.spec.version,
        }
        if not self.exists:
            return facts
        tls = self.tls_files
        spec = self.spec
        environment = {"AIS_ENDPOINT": self.endpoint}
        if tls:
            environment["AIS_CLIENT_CA"] = tls["ca"]
        if spec.tls == "mtls":
            environment |= {"AIS_CRT": tls["client_crt"], "AIS_CRT_KEY": tls["client_key"]}
        if spec.authn:
            environment |= {
                "AIS_AUTHN_URL": self.authn_url,
                "AIS_AUTHN_TOKEN_FILE": str(self.token_file),
            }
        return {
            **facts,
            "uuid": self._state.get("uuid"),
            "endpoint": self.endpoint,
            "endpoints": self.endpoints,
            "pids": pids,
            "nodes": [
                {**asdict(node), "directory": str(node.directory), "pid": pids.get(node.id)}
                for node in self.nodes.values()
            ],
            "backends": list(spec.backends),
            "s3_endpoint": self.s3_endpoint if "aws" in spec.backends else None,
            "tls": spec.tls,
            "ca_path": tls.get("ca"),
            "client_cert": tls.get("client_crt"),
            "client_key": tls.get("client_key"),
            "authn_url": self.authn_url if spec.authn else None,
            "token_file": str(self.token_file) if spec.authn else None,
            "password_file": str(self.password_file) if spec.authn else None,
            "environment": environment,
        }

    # ---- its life ------------------------------------------------------------------------------

    def start(self, *, check: bool = False) -> bool:
        """Every process runs and the cluster takes control calls. Returns whether any was started."""
        self._refuse_other_options()
        if check:
            return not self.exists or bool(set(self._services()) - set(self.pids))
        binaries = _build.binaries(self.spec.version, self.cache)
        self.directory.mkdir(parents=True, exist_ok=True)
        with _build.locked(self.directory), contextlib.ExitStack() as until_up:
            self._load()
            if not self.exists:
                self._create(until_up)
            missing = [name for name in self._services() if name not in self.pids]
            if missing:
                try:
                    self._launch(missing, binaries)
                except BaseException:
                    _processes.end(self.directory, set(missing))
                    raise
        return bool(missing)

    def stop(self, *, check: bool = False) -> bool:
        """No process runs; data and configuration stay."""
        if check or not self.exists:
            return bool(self.pids)
        with _build.locked(self.directory):
            if self.pids:
                self._remember()
            return bool(_processes.end(self.directory))

    def remove(self, *, check: bool = False) -> bool:
        """Nothing is left."""
        there = self.directory.exists()
        if there and not self.exists:
            if any(self.directory.iterdir()):
                raise SandboxError(f"{self.directory} holds no sandbox; it is left alone")
            there = False
        if check or not there:
            return there
        with _build.locked(self.directory):
            _processes.end(self.directory)
            shutil.rmtree(self.directory)
        self._state = {}
        return True

    # ---- one node (for tests and rehearsals) -----------------------------------------------------

    def url(self, name: str) -> str:
        return self.nodes[name].url

    def signal(self, name: str, what: signal.Signals) -> None:
        """SIGSTOP freezes a node, SIGCONT lets it go on."""
        _processes.send(self.directory, name, what)

    def kill(self, name: str) -> None:
        """Ends a node at once, as a crash would."""
        _processes.end(self.directory, {name}, patience=-1)

    def stop_node(self, name: str) -> None:
        """Asks a node to end, and waits until it has."""
        _processes.end(self.directory, {name})

    def start_node(self, name: str, *, wait: bool = True) -> None:
        """Starts a node that does not run; ``wait`` until the cluster has it back."""
        if name not in self.pids:
            self._spawn(name, _build.binaries(self.spec.version, self.cache), self._remember())
        if wait:
            self.wait_ready()

    def add_target(self, *, wait: bool = True) -> Node:
        """A new, empty target joins the running cluster."""
        with _build.locked(self.directory):
            self._load()
            names = self._state["nodes"]
            count = sum(name.startswith("target") for name in names)
            names.append(f"target-{count + 1:02}")
            if len(names) > _ports.STRIDE:
                raise SandboxError(f"sandbox: at most {_ports.STRIDE} nodes")
            self._save()
        self._configure(names[-1])
        self.start_node(names[-1], wait=wait)
        return self.nodes[names[-1]]

    def wait_ready(self, timeout: float | None = None) -> None:
        """Until every running node is in every proxy's map and a control call reaches all targets."""
        self._until(self._not_ready, "the cluster did not become ready", timeout)

    def http(self) -> Http:
        """A client that may do everything: the sandbox's certificates, the superuser's token."""
        http = Http(self.tls_files)
        if self.token_file.exists():
            http.token = json.loads(self.token_file.read_text())["token"]
        return http

    # ---- making it -------------------------------------------------------------------------------

    def _load(self) -> None:
        try:
            self._state = json.loads((self.directory / STATE).read_text())
        except FileNotFoundError:
            self._state = {}

    def _save(self) -> None:
        scratch = self.directory / f".{STATE}"
        scratch.write_text(json.dumps(self._state, indent=2) + "\n")
        scratch.replace(self.directory / STATE)

    def _refuse_other_options(self) -> None:
        if not self.exists or self._wanted is None:
            return
        # Through JSON, as the state file went: numbers and strings as they come back from it.
        is_now = self._state["spec"]
        wanted = json.loads(json.dumps(self._wanted.as_dict()))
        other = [f"{key}: {is_now[key]} (wanted {wanted[key]})" for key in wanted if wanted[key] != is_now[key]]
        if self._password and self._password != _read(self.password_file):
            other.append("the superuser's password")
        if other:
            raise SandboxError(
                f"the sandbox in {self.directory} was made with other options: {'; '.join(other)}. "
                "Remove it first (state absent), or use another directory."
            )

    def _services(self) -> list[str]:
        """Everything that has to run, in the order of starting."""
        spec = self.spec
        helpers = [name for name, wanted in (("moto", "aws" in spec.backends), ("authn", spec.authn)) if wanted]
        return [*helpers, *self.nodes]

    def _create(self, until_up: contextlib.ExitStack) -> None:
        if any(self.directory.iterdir()):
            raise SandboxError(f"{self.directory} is not empty and holds no sandbox; use another directory")
        spec = self.spec
        base = spec.base_port
        if not base:
            base, guard = _ports.free_block(spec.proxies + spec.targets)
            until_up.enter_context(guard)
        names = [f"proxy-{number + 1:02}" for number in range(spec.proxies)]
        names += [f"target-{number + 1:02}" for number in range(spec.targets)]
        self._state = {"spec": spec.as_dict(), "base": base, "nodes": names}
        try:
            self._fill()
        except BaseException:  # half a sandbox is none
            self._state = {}
            shutil.rmtree(self.directory)
            raise

    def _fill(self) -> None:
        self.directory.chmod(0o700)
        if self.spec.tls != "off":
            _tls.make(self.directory / "tls")
        if self.spec.authn:
            self._create_authn()
        config = cluster_config(self.spec, self.endpoint, self.tls_files)
        _write(self.directory / "cluster.json", config)
        for name in self.nodes:
            self._configure(name)
        self._save()

    def _create_authn(self) -> None:
        home = self.directory / "authn"
        home.mkdir(mode=0o700)
        secret = secrets.token_urlsafe(32)
        _write_secret(home / "secret", secret)
        _write_secret(self.password_file, self._password or secrets.token_urlsafe(16))
        port = self._state["base"] + _ports.AUTHN
        config = authn_config(str(home), port, secret, self.spec, self.tls_files)
        _write_secret(home / "authn.json", json.dumps(config, indent=2))

    def _configure(self, name: str) -> None:
        node = self.nodes[name]
        for home in (node.directory / "conf", node.directory / "log", *map(Path, node.mountpaths)):
            home.mkdir(parents=True)
        _write(
            node.directory / "local.json",
            node_config(str(node.directory), node.ports, len(node.mountpaths)),
        )

    # ---- starting it -----------------------------------------------------------------------------

    def _launch(self, missing: list[str], binaries: Path) -> None:
        base = self._state["base"]
        ports: dict[str, tuple[int, ...]] = {name: node.ports for name, node in self.nodes.items()}
        ports |= {"moto": (base + _ports.S3,), "authn": (base + _ports.AUTHN,)}
        taken = _ports.busy(port for name in missing for port in ports[name])
        if taken:
            raise SandboxError(
                f"ports in use: {', '.join(map(str, taken))}. End what listens there, or remove this "
                "sandbox and start it with another base port."
            )
        http = Http(self.tls_files)
        nodes = [name for name in missing if name in self.nodes]
        for name in missing[: len(missing) - len(nodes)]:
            self._spawn(name, binaries)
        if "moto" in missing:
            self._until(lambda: self._no_answer(http, self.s3_endpoint, {"moto"}), "the S3 simulator does not answer")
        if self.spec.authn:
            self._until(lambda: self._no_token(http), "the AuthN server gave no token")
        # The primary alone: the others would only wait for it to answer.
        primary = self._remember()
        if primary in nodes:
            nodes.remove(primary)
            self._spawn(primary, binaries, primary)
            url = f"{self.url(primary)}/v1/health"
            self._until(lambda: self._no_answer(http, url, {primary}), f"{primary} does not answer", step=0.02)
        for name in nodes:
            self._spawn(name, binaries, primary)
        self.wait_ready()
        self._remember()

    def _remember(self) -> str:
        """Notes the cluster's id and its primary, which may have changed since; returns the primary's id."""
        http = self.http()
        alive = self.pids
        for node in self.nodes.values():
            if node.role == "proxy" and node.id in alive:
                smap = http.read(f"{node.url}/v1/daemon?what=smap", timeout=2)
                if smap and smap.get("proxy_si"):
                    self._state |= {"uuid": smap["uuid"], "primary": smap["proxy_si"]["daemon_id"]}
                    self._save()
                    break
        return self._state.get("primary") or next(iter(self.nodes))

    def _spawn(self, name: str, binaries: Path, primary: str = "") -> None:
        home = self.directory / name
        env: dict[str, str] = {}
        if name == "moto":
            port = str(self._state["base"] + _ports.S3)
            command = [_processes.find_program("moto_server", self._python), "-H", "127.0.0.1", "-p", port]
        elif name == "authn":
            command = [str(binaries / "authn"), f"-config={home}"]
            env["AIS_AUTHN_SU_PASS"] = _read(self.password_file)
            if self.tls_files:
                # It has no option for what it trusts; this is Go's own.
                env["SSL_CERT_FILE"] = self.tls_files["ca"]
        else:
            command, env = self._node_command(self.nodes[name], binaries, primary)
        _processes.spawn(self.directory, name, command, env)

    def _node_command(self, node: Node, binaries: Path, primary: str) -> tuple[list[str], dict[str, str]]:
        command = [
            str(binaries / "aisnode"),
            f"-config={self.directory}/cluster.json",
            f"-local_config={node.directory}/local.json",
            f"-role={node.role}",
            f"-daemon_id={node.id}",
        ]
        if node.id == primary:
            # Nobody waits for a count of targets here; readiness is asked for afterwards.
            command.append("-skip_startup")
        env = {"AIS_PRIMARY_EP": self.url(primary)}
        tls = self.tls_files
        if tls:
            env |= {"AIS_CLIENT_CA": tls["ca"], "AIS_CRT": tls["server_crt"], "AIS_CRT_KEY": tls["server_key"]}
        if self.spec.authn:
            env["AIS_AUTHN_SECRET_KEY"] = _read(self.directory / "authn" / "secret")
        if "aws" in self.spec.backends:
            env |= {
                "S3_ENDPOINT": self.s3_endpoint,
                "AWS_ACCESS_KEY_ID": "sandbox",
                "AWS_SECRET_ACCESS_KEY": "sandbox",
                "AWS_REGION": "us-east-1",
            }
        return command, env

    # ---- waiting -----------------------------------------------------------------------------------

    def _until(
        self, waits_for: Callable[[], str], complaint: str, timeout: float | None = None, step: float = 0.1
    ) -> None:
        """Calls until the answer is empty; else it says what is still missing."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            missing = waits_for()
            if not missing:
                return
            if time.monotonic() > deadline:
                raise SandboxError("\n".join([f"{complaint}: {missing}", *self._last_words()]))
            time.sleep(step)

    def _check_alive(self, names: set[str]) -> None:
        dead = names - set(self.pids)
        if dead:
            raise SandboxError("\n".join([f"ended by itself: {', '.join(sorted(dead))}", *self._last_words(dead)]))

    def _last_words(self, names: set[str] | None = None) -> Iterator[str]:
        for name in sorted(names if names is not None else self._services()):
            words = _processes.last_words(self.directory / name)
            if words:
                yield words

    def _no_answer(self, http: Http, url: str, names: set[str]) -> str:
        status, text = http.call("GET", url, timeout=2)
        if status == 200:
            return ""
        self._check_alive(names)
        return f"{url}: {status or text.decode(errors='replace')}"

    def _no_token(self, http: Http) -> str:
        body = {"password": _read(self.password_file), "expires_in": 0}
        status, text = http.call("POST", f"{self.authn_url}/v1/users/{ADMIN}", body)
        if status != 200:
            self._check_alive({"authn"})
            return f"{self.authn_url}: {status or text.decode(errors='replace')}"
        _write_secret(self.token_file, json.dumps({"token": json.loads(text)["token"]}))
        return ""

    def _not_ready(self) -> str:
        """What still keeps the cluster from working; empty when nothing does."""
        alive = self.pids
        nodes = {name: node for name, node in self.nodes.items() if name in alive}
        missing = self._not_in_touch(nodes)
        if missing:
            self._check_alive(set(nodes))
        return missing

    def _not_in_touch(self, nodes: dict[str, Node]) -> str:
        http = self.http()
        members: dict[str, Any] = {}
        for proxy in (node for node in nodes.values() if node.role == "proxy"):
            smap = http.read(f"{proxy.url}/v1/daemon?what=smap", timeout=3)
            if not smap:
                return f"{proxy.id} has no cluster map yet"
            members = {**smap["pmap"], **smap["tmap"]}
            absent = sorted(set(nodes) - set(members))
            if absent:
                return f"{proxy.id} does not know {', '.join(absent)} yet"
        # Plain health is 200 long before a node does what it is asked for; "readiness" is its own
        # view, "prr" says that the primary takes control calls, and sysinfo makes a call to every
        # target, which fails while one of them does not listen on the control network yet.
        probes = [
            (name, f"{node.url}/v1/health?readiness=true")
            for name, node in nodes.items()
            if not members[name]["flags"] & IN_MAINTENANCE
        ]
        primary = smap["proxy_si"]["public_net"]["direct_url"]
        probes.append(("the primary", f"{primary}/v1/health?prr=true"))
        probes.append(("a call to all targets", f"{primary}/v1/cluster?what=sysinfo"))
        for who, url in probes:
            status, text = http.call("GET", url, timeout=10)
            if status != 200:
                return f"{who} is not ready: {status} {text.decode(errors='replace')}"
        return ""


def _read(path: Path) -> str:
    return path.read_text().strip() if path.exists() else ""


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n")


def _write_secret(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text + "\n")
