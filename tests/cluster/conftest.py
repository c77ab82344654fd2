# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real clusters for tests, started by the same launcher as the role ``sandbox``."""

from __future__ import annotations

import contextlib
import json
import secrets
import signal
import ssl
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "roles" / "sandbox" / "files"), str(ROOT / "tests")]

from playing import CREDENTIALS, environment_of  # noqa: E402
from relay import Relay  # noqa: E402
from sandbox import Sandbox, Spec  # noqa: E402
from web import Web, serving  # noqa: E402

VERSIONS = ("5.0", "4.9")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--ais-version",
        action="append",
        choices=VERSIONS,
        help="server versions to test against (default: all)",
    )
    parser.addoption(
        "--secure",
        action="store_true",
        help="clusters speak TLS only and want tokens, unless a test asks for something else",
    )


#: What ``--secure`` adds to a cluster.
SECURITY: dict[str, Any] = {}


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--secure"):
        SECURITY.update(tls="tls", authn=True)
    config.addinivalue_line("markers", "ais_version(*versions): server versions a test is about")
    config.addinivalue_line("markers", "slow_on(*versions): server versions on which a test is slow")

    def leave(*_: object) -> None:
        raise KeyboardInterrupt  # clusters are removed also when the run is terminated

    signal.signal(signal.SIGTERM, leave)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "ais_version" in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("ais_version")
        about = mark.args if mark else VERSIONS
        asked = metafunc.config.getoption("--ais-version") or VERSIONS
        late = metafunc.definition.get_closest_marker("slow_on")
        wanted = [
            pytest.param(version, marks=pytest.mark.slow if late and version in late.args else ())
            for version in VERSIONS
            if version in about and version in asked
        ]
        metafunc.parametrize("ais_version", wanted, scope="session")


@contextlib.contextmanager
def running_cluster(**options: Any) -> Iterator[Sandbox]:
    """A cluster as long as the block lasts; ``options`` are those of ``sandbox.Spec``."""
    with tempfile.TemporaryDirectory(prefix="ais-", ignore_cleanup_errors=True) as scratch:
        box = Sandbox(Path(scratch, "box"), Spec(**{**SECURITY, **options}))
        try:
            box.start()
            if SECURITY:
                environment = {k: v for k, v in box.info()["environment"].items() if k != "AIS_ENDPOINT"}
                CREDENTIALS.update(dict.fromkeys(box.endpoints, environment))
            yield box
        finally:
            box.remove()


class _Session(requests.Session):
    def rebuild_auth(self, *_: object) -> None:
        """The token goes along to the target that a proxy redirects to, although that has another port."""


def session_of(box: Sandbox) -> requests.Session:
    """A client that may do everything, as ``box.http()``, and that follows redirects with the body."""
    session = _Session()
    session.trust_env = False
    if box.tls_files:
        session.verify = box.tls_files["ca"]
        session.cert = (box.tls_files["client_crt"], box.tls_files["client_key"])
    if box.token_file.exists():
        session.headers["Authorization"] = f"Bearer {json.loads(box.token_file.read_text())['token']}"
    return session


def relay_to(box: Sandbox) -> Relay:
    """A relay in front of the cluster's first proxy, with what that takes."""
    context = None
    if box.tls_files:
        context = ssl.create_default_context(cafile=box.tls_files["ca"])
        context.load_cert_chain(box.tls_files["client_crt"], box.tls_files["client_key"])
    relay = Relay(box.endpoint, context)
    CREDENTIALS[relay.url] = environment_of(box.endpoint)
    return relay


@pytest.fixture(scope="session")
def make_cluster() -> Iterator[Callable[..., Sandbox]]:
    """A factory; its clusters last until the session ends, or ``.remove()``."""
    with contextlib.ExitStack() as stack:
        yield lambda **options: stack.enter_context(running_cluster(**options))


@pytest.fixture(scope="session")
def cluster(ais_version: str) -> Iterator[Sandbox]:
    """3 proxies and 4 targets for everybody, once a version: leave it as you found it."""
    with running_cluster(version=ais_version) as box:
        yield box


@pytest.fixture(scope="session")
def wide(ais_version: str) -> Iterator[Sandbox]:
    """3 proxies and 5 targets of 3 mountpaths, once a version, for tests that change nodes: leave it as you found it."""
    with running_cluster(version=ais_version, targets=5, mountpaths=3) as box:
        yield box


@pytest.fixture(scope="session")
def cloud(ais_version: str) -> Iterator[Sandbox]:
    """A small cluster, once a version, with an S3 simulator: ``make_cloud_bucket`` fills it."""
    with running_cluster(version=ais_version, proxies=1, targets=2, backends=["aws"]) as box:
        yield box


@pytest.fixture(scope="session")
def secure(ais_version: str) -> Iterator[Sandbox]:
    """A small cluster, once a version, that wants tokens of its AuthN server."""
    with running_cluster(version=ais_version, proxies=1, targets=2, authn=True) as box:
        yield box


@pytest.fixture(scope="session")
def make_cloud_bucket() -> Callable[..., str]:
    """``make_cloud_bucket(cloud, "name", {"key": b"data"})`` puts a bucket into the S3 simulator."""

    def make(box: Sandbox, name: str, objects: dict[str, bytes] | None = None) -> str:
        http = box.http()
        assert http.call("PUT", f"{box.s3_endpoint}/{name}")[0] == 200
        for key, data in (objects or {}).items():
            assert http.call("PUT", f"{box.s3_endpoint}/{name}/{key}", raw=data)[0] == 200
        return f"s3://{name}"

    return make


@pytest.fixture(scope="session")
def make_relay() -> Iterator[Callable[..., Relay]]:
    """``make_relay(cluster)`` or ``make_relay(endpoint)``."""
    with contextlib.ExitStack() as stack:

        def make(box: Sandbox | str) -> Relay:
            return stack.enter_context(Relay(box) if isinstance(box, str) else relay_to(box))

        yield make


@pytest.fixture
def relay(cluster: Sandbox) -> Iterator[Relay]:
    """In front of the shared cluster's primary."""
    with relay_to(cluster) as relay:
        yield relay


@pytest.fixture
def web(cluster: Sandbox) -> Iterator[Web]:
    """A web server that the shared cluster may download from."""
    with serving(cluster) as found:
        yield found


@pytest.fixture
def bucket_name(cluster: Sandbox) -> Iterator[Callable[..., str]]:
    """``bucket_name()`` gives names nobody else uses; such buckets are destroyed afterwards."""
    given: list[str] = []

    def name(prefix: str = "b") -> str:
        given.append(f"{prefix}-{secrets.token_hex(4)}")
        return given[-1]

    yield name
    http = cluster.http()
    for each in given:
        http.call("DELETE", f"{cluster.endpoint}/v1/buckets/{each}", {"action": "destroy-bck"})
