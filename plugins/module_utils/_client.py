# Copyright (c) 2026, community.aistore contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""One conversation with a cluster.

Any of several endpoints; TLS; the token; AIStore's redirects, followed here and only to nodes of the cluster's own
map; one node through the reverse path; retries of what is safe to repeat; every answer that is not a success as a
typed error; no writing request in check mode. The only module of the collection that speaks HTTP with a cluster.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Callable
from urllib.parse import quote, urlencode, urljoin, urlsplit

try:
    import requests
    from requests.adapters import HTTPAdapter

    HAS_REQUESTS = True
except ImportError:  # _module reports it in Ansible's own words
    HAS_REQUESTS = False

from ansible_collections.community.aistore.plugins.module_utils import _errors
from ansible_collections.community.aistore.plugins.module_utils._errors import (
    CheckModeError,
    NotReady,
    ProtocolError,
    Throttled,
    Unanswered,
    Unreachable,
    WrongCluster,
)

#: Waits between the rounds of a retried request, seconds; the last one repeats.
BACKOFF = (0.25, 1.0, 3.0, 6.0, 10.0)
#: Control calls wait for every node of the cluster; a shorter patience reports failures of what then gets done.
CONTROL_PATIENCE = 60.0
#: Redirects of one request. AIStore needs one.
MAX_HOPS = 4
#: Connections to one host at once.
POOL = 16
#: The largest answer that is read into memory, bytes. The metadata of 10,000 buckets is 11 MB.
LARGEST_ANSWER = 256 * 1024 * 1024
#: Sessions kept alive between clients of one process, by connection. A front end that runs several tasks in one
#: process sets a dict; None makes a session for each client.
SESSIONS: dict[Any, Any] | None = None

_READS = frozenset(("GET", "HEAD"))
#: A 400 that says so is a passing state: a target in the map does not answer (yet, or any more).
_PASSING = ("[control-plane]",)
_NODE_HEADER = "Ais-Node-Id"


@dataclass(frozen=True)
class Connection:
    """Where a cluster is and how to speak to it. ``verify`` is True, False or the path of a CA bundle."""

    endpoints: tuple[str, ...]
    token: str = field(default="", repr=False)
    verify: bool | str = True
    cert: tuple[str, ...] = ()
    timeout: float = 30.0
    retries: int = 3
    cluster_uuid: str = ""
    #: Makes a (new) token; called once when there is none, and once more after a 401.
    login: Callable[[], str] | None = field(default=None, repr=False, compare=False)

    def key(self) -> tuple[Any, ...]:
        """Return what a kept session may be shared by: equal endpoints, TLS settings and secret, in this process."""
        secret = hashlib.sha256(self.token.encode()).hexdigest()
        return (self.endpoints, secret, self.verify, self.cert, os.getpid())


class Answer:
    """A server's answer: ``status``, ``headers`` (case-insensitive), ``body``."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes, what: str) -> None:
        self.status, self.headers, self.body, self._what = status, headers, body, what

    @property
    def text(self) -> str:
        """The body as text, without white space around it."""
        return self.body.decode("utf-8", "replace").strip()

    def json(self) -> Any:
        """Return the body as JSON; an empty or broken one is a :class:`ProtocolError`."""
        if not self.text:
            raise ProtocolError(
                f"{self._what}: answered with HTTP {self.status} and nothing where JSON is due",
                hint="A node of the cluster may hang; look at its health, then try again.",
            )
        try:
            return json.loads(self.body)
        except ValueError:
            raise ProtocolError(f"{self._what}: answered with what is not JSON: {self.text[:200]!r}") from None


class Client:
    """Speaks to one cluster as ``connection`` says.

    In ``check_mode`` a request that could change something raises :class:`CheckModeError` before it is sent.
    ``sleep`` and ``clock`` are for tests.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        check_mode: bool = False,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.connection = connection
        self.check_mode = check_mode
        self._sleep, self._clock = sleep, clock
        self._token = connection.token
        self._session = _session(connection)
        self._first = 0
        self._smap: dict[str, Any] | None = None
        self._verified = not connection.cluster_uuid
        self._lock = threading.RLock()

    # -- requests ---------------------------------------------------------------------------------------------

    def request(
        self,
        method: str,
        path: str,
        *,
        what: str,
        query: Mapping[str, Any] | None = None,
        action: str | None = None,
        name: str | None = None,
        value: Any = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        node: str = "",
        writes: bool | None = None,
        repeat: bool | None = None,
        patience: float | None = None,
        accept: tuple[int, ...] = (),
    ) -> Answer:
        """Send a request to any endpoint and return its successful answer.

        ``what`` names the operation in errors (``create ais://logs``). The JSON body is ``body``, or AIStore's action
        message of ``action``, ``name`` and ``value``. ``node`` is the id of the node that a ``/v1/reverse`` path is
        for. ``writes`` tells whether it may change something (default: by method), ``repeat`` whether it may be sent
        again when an answer got lost (default: only reads). ``patience`` is the seconds to wait for an answer.
        ``accept`` are error statuses that are answers here. Raises a type of :mod:`_errors` for everything else.
        """
        reads = method in _READS if writes is None else not writes
        if not reads:
            self._guard(what)
        if action is not None:
            body = {"action": action}
            if name is not None:
                body["name"] = name
            if value is not None:
                body["value"] = value
        data = None if body is None else json.dumps(body).encode()
        sent = dict(headers or {})
        if data is not None:
            sent["Content-Type"] = "application/json"
        if node:
            sent[_NODE_HEADER] = node
        target = path + (f"?{_encode(query)}" if query else "")
        if patience is None:
            patience = self.connection.timeout if reads else max(self.connection.timeout, CONTROL_PATIENCE)
        may_repeat = reads if repeat is None else repeat
        return self._persist(
            what, may_repeat, lambda base: self._exchange(method, base + target, what, data, sent, patience, accept)
        )

    def get_json(self, path: str, *, what: str, **options: Any) -> Any:
        """GET ``path`` and return its JSON; options as of :meth:`request`."""
        return self.request("GET", path, what=what, **options).json()

    def cluster(self, what: str, body: Any = None, **options: Any) -> Any:
        """Return the JSON of the cluster query ``what`` (``smap``, ``node_stats``, ``status``, …)."""
        query = {"what": what, **options.pop("query", {})}
        return self.get_json("/v1/cluster", what=f"read {what} of the cluster", query=query, body=body, **options)

    def node(self, node: str, what: str, **options: Any) -> Any:
        """Return the JSON of the query ``what`` of one node, through the reverse path."""
        query = {"what": what, **options.pop("query", {})}
        return self.get_json(
            "/v1/reverse/daemon", what=f"read {what} of node {node}", query=query, node=node, **options
        )

    def transfer(
        self,
        method: str,
        path: str,
        *,
        what: str,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        data: Any = None,
        body: Any = None,
        stream: bool = False,
        writes: bool | None = None,
        repeat: bool | None = None,
        accept: tuple[int, ...] = (),
    ) -> Any:
        """Send an object request in two steps: empty to a proxy, then whole to the address that it names.

        ``data`` (bytes, a file, an iterable, or a function that makes one for each try) is sent once, to the target,
        together with ``headers``; ``body`` is a small JSON body, sent both times. With ``stream`` the open
        ``requests.Response`` is returned, to be read and closed by the caller; else an :class:`Answer`.
        """
        reads = method in _READS if writes is None else not writes
        if not reads:
            self._guard(what)
        target = path + (f"?{_encode(query)}" if query else "")
        message = None if body is None else json.dumps(body).encode()
        plain = dict(headers or {})
        if message is not None:
            plain["Content-Type"] = "application/json"
        patience = self.connection.timeout if reads else max(self.connection.timeout, CONTROL_PATIENCE)

        def once(base: str) -> Any:
            first = self._send(method, base + target, what, message, plain if data is None else {}, patience)
            if first.status_code not in (301, 302, 307, 308):
                return self._finish(first, what, accept, patience)
            address = self._destination(first, base + target, what)
            content = data() if callable(data) else data
            second = self._send(
                method,
                address,
                what,
                message if content is None else content,
                plain,
                patience,
                token=False,
                stream=stream,
            )
            if stream and second.status_code < 300:
                return second
            return self._finish(second, what, accept, patience)

        again = data is None or isinstance(data, bytes) or callable(data)
        return self._persist(what, again and (reads if repeat is None else repeat), once)

    # -- the cluster ------------------------------------------------------------------------------------------

    def smap(self, *, fresh: bool = False) -> dict[str, Any]:
        """Return the cluster map; read once, or anew when ``fresh``."""
        with self._lock:
            if fresh or self._smap is None:
                found = self.cluster("smap")
                if not isinstance(found, dict) or not isinstance(found.get("tmap"), dict):
                    raise ProtocolError("read smap of the cluster: the answer is not a cluster map")
                self._smap = found
            return self._smap

    def verify_cluster(self) -> None:
        """Raise :class:`WrongCluster` when ``cluster_uuid`` is given and is not this cluster's."""
        if self._verified:
            return
        uuid = str(self.smap().get("uuid"))
        if uuid != self.connection.cluster_uuid:
            raise WrongCluster(
                f"cluster_uuid is {self.connection.cluster_uuid}, but the cluster at {self.connection.endpoints[0]} "
                f"has uuid {uuid}; nothing was changed",
                hint="Check 'endpoint'.",
            )
        self._verified = True

    # -- inside -----------------------------------------------------------------------------------------------

    def _guard(self, what: str) -> None:
        """Refuse what must not be sent: a write in check mode, or to another cluster than the one named."""
        if self.check_mode:
            raise CheckModeError(f"{what}: refused, since this is check mode; please report this as a bug")
        self.verify_cluster()

    def _persist(self, what: str, repeat: bool, attempt: Callable[[str], Any]) -> Any:
        """Return what ``attempt`` (of an endpoint) returns; try the endpoints in turn, and all of them again.

        What never reached a server, 429, 502, 503 and the passing 400s are tried again as often as ``retries`` says;
        what was sent and not answered only if ``repeat``.
        """
        endpoints = self.connection.endpoints
        renewed = False
        failure: _errors.AisError | None = None
        for turn in range(self.connection.retries + 1):
            if turn:
                self._sleep(BACKOFF[min(turn, len(BACKOFF)) - 1])
            for step in range(len(endpoints)):
                position = (self._first + step) % len(endpoints)
                try:
                    try:
                        found = attempt(endpoints[position])
                    except _errors.Unauthorized:
                        if renewed or self.connection.login is None:
                            raise
                        renewed = True
                        self._token = self.connection.login()
                        found = attempt(endpoints[position])
                    self._first = position
                    return found
                except Unanswered as error:
                    if not repeat:
                        raise
                    failure = error
                except Unreachable as error:
                    failure = error
                except (NotReady, Throttled) as error:
                    failure = error
                except _errors.BadRequest as error:
                    if not any(word in error.said for word in _PASSING) or not (repeat or error.tcode == "ErrFailedTo"):
                        raise
                    failure = error
                    break
        assert failure is not None
        raise failure

    def _exchange(
        self,
        method: str,
        url: str,
        what: str,
        data: bytes | None,
        headers: Mapping[str, str],
        patience: float,
        accept: tuple[int, ...],
    ) -> Answer:
        """Send a control request; follow redirects to other proxies with the same method, body and token."""
        for _hop in range(MAX_HOPS):
            response = self._send(method, url, what, data, headers, patience)
            if response.status_code not in (301, 302, 307, 308):
                return self._finish(response, what, accept, patience)
            url = self._destination(response, url, what)
        raise ProtocolError(f"{what}: redirected more than {MAX_HOPS} times, in the end to {_origin(url)}")

    def _send(
        self,
        method: str,
        url: str,
        what: str,
        data: Any,
        headers: Mapping[str, str],
        patience: float,
        *,
        token: bool = True,
        stream: bool = False,
    ) -> Any:
        """Send one HTTP request and return the open response; failures of the connection as typed errors."""
        sent = dict(headers)
        if token:
            if not self._token and self.connection.login is not None:
                self._token = self.connection.login()
            if self._token:
                sent["Authorization"] = f"Bearer {self._token}"
        where = _origin(url)
        try:
            return self._session.request(
                method,
                url,
                data=data if data is not None else (b"" if method in ("PUT", "POST", "PATCH") else None),
                headers=sent,
                timeout=(min(self.connection.timeout, patience), patience),
                allow_redirects=False,
                stream=True,
            )
        except requests.exceptions.SSLError as error:
            raise Unreachable(
                f"{what}: no TLS connection with {where}: {_reason(error)}",
                hint="Check 'ca_path', 'client_cert' and 'client_key', the certificate's names and its validity.",
            ) from None
        except (requests.exceptions.ConnectTimeout, requests.exceptions.ConnectionError) as error:
            if _never_sent(error):
                raise Unreachable(
                    f"{what}: cannot connect to {where}: {_reason(error)}",
                    hint="Check 'endpoint', and that the cluster is running.",
                ) from None
            raise Unanswered(f"{what}: the connection to {where} broke: {_reason(error)}") from None
        except requests.exceptions.ReadTimeout:
            raise Unanswered(f"{what}: {where} gave no answer in {patience:g} s") from None
        except (
            requests.exceptions.InvalidURL,
            requests.exceptions.InvalidSchema,
            requests.exceptions.MissingSchema,
        ) as error:
            raise _errors.OptionError(f"endpoint: {where} is not an address that can be used: {error}") from None
        except requests.exceptions.RequestException as error:
            raise Unanswered(f"{what}: {where}: {_reason(error)}") from None

    def _finish(self, response: Any, what: str, accept: tuple[int, ...], patience: float) -> Answer:
        """Read a response whole and return it, or raise the error that it stands for."""
        body = self._read(response, what, patience)
        kind = response.headers.get("Content-Type", "")
        if response.status_code < 300 or response.status_code in accept:
            if "html" in kind.lower():
                raise ProtocolError(f"{what}: {_origin(response.url)} answered with an HTML page")
            return Answer(response.status_code, response.headers, body, what)
        told = response.headers.get("Hdr-Error") or body.decode("utf-8", "replace")
        if response.status_code == 400 and "HTTP request to an HTTPS server" in told:
            raise ProtocolError(f"{what}: {_origin(response.url)} speaks HTTPS", hint="Write 'https://' in 'endpoint'.")
        raise _errors.api_error(what, response.status_code, told, kind)

    def _read(self, response: Any, what: str, patience: float) -> bytes:
        """Return the body, of bounded size and in bounded time: a server that drips is given up."""
        ends = self._clock() + patience
        parts, size = [], 0
        try:
            for part in response.iter_content(64 * 1024):
                parts.append(part)
                size += len(part)
                if size > LARGEST_ANSWER:
                    raise ProtocolError(
                        f"{what}: the answer of {_origin(response.url)} is larger than {LARGEST_ANSWER} bytes"
                    )
                if self._clock() > ends:
                    raise Unanswered(f"{what}: {_origin(response.url)} did not finish its answer in {patience:g} s")
        except requests.exceptions.RequestException as error:
            raise Unanswered(f"{what}: the answer of {_origin(response.url)} broke off: {_reason(error)}") from None
        finally:
            response.close()
        return b"".join(parts)

    def _destination(self, response: Any, url: str, what: str) -> str:
        """Return the absolute address that a redirect names, if it is one of this cluster's nodes."""
        response.close()
        address = urljoin(url, response.headers.get("Location", "").replace("\t", "%09"))
        origin = _origin(address)
        if origin in map(_origin, self.connection.endpoints) or self._knows(origin):
            return address
        raise ProtocolError(
            f"{what}: {_origin(url)} redirects to {origin}, which is not in the cluster map",
            hint="Nothing was sent there. If the address is right, list it in 'endpoint' too.",
        )

    def _knows(self, origin: str) -> bool:
        """Tell whether a node of the cluster map listens at ``origin``."""
        for fresh in (False, True):
            try:
                if origin in _origins(self.smap(fresh=fresh)):
                    return True
            except _errors.Forbidden:
                # This token may not read the map: the cluster's own hosts still count, with no token sent there.
                return urlsplit(origin).hostname in {urlsplit(known).hostname for known in self.connection.endpoints}
        return False


def object_path(bucket: str, name: str) -> str:
    """Return the API's path of object ``name`` in the bucket called ``bucket``."""
    return f"/v1/objects/{bucket}/{quote(name, safe='/')}"


def _encode(query: Mapping[str, Any]) -> str:
    return urlencode({key: str(value).lower() if isinstance(value, bool) else value for key, value in query.items()})


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".lower()


def _origins(smap: Mapping[str, Any]) -> Iterator[str]:
    for group in ("pmap", "tmap"):
        for node in (smap.get(group) or {}).values():
            nets = [node.get(net) for net in ("public_net", "intra_control_net", "intra_data_net")]
            for net in (*nets, *(node.get("pub_extra") or ())):
                if isinstance(net, Mapping) and net.get("direct_url"):
                    yield _origin(str(net["direct_url"]))


def _session(connection: Connection) -> Any:
    """Return a session for ``connection``: a kept one where the front end keeps them, else a new one."""
    if SESSIONS is None:
        return _new_session(connection)
    key = connection.key()
    if key not in SESSIONS:
        SESSIONS[key] = _new_session(connection)
    return SESSIONS[key]


def _new_session(connection: Connection) -> Any:
    session = requests.Session()
    # The environment's proxies, CA bundles and netrc are not for us: a token goes where the options say.
    session.trust_env = False
    session.verify = connection.verify
    if connection.cert:
        session.cert = (connection.cert[0], connection.cert[-1])
    session.headers["Accept"] = "application/json"
    session.headers["User-Agent"] = "community.aistore"
    adapter = HTTPAdapter(pool_connections=POOL, pool_maxsize=POOL)
    for scheme in ("http://", "https://"):
        session.mount(scheme, adapter)
    return session


def _never_sent(error: Exception) -> bool:
    """Tell whether a connection error happened before a byte of the request left."""
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return True
    cause = getattr(error.args[0], "reason", error.args[0]) if error.args else None
    return type(cause).__name__ in ("NewConnectionError", "NameResolutionError", "ConnectTimeoutError")


def _reason(error: BaseException) -> str:
    """Return the innermost words of a connection error, without the library's wrapping."""
    seen = error
    for _depth in range(6):
        inner = seen.args[0] if seen.args else None
        inner = getattr(inner, "reason", inner)
        if not isinstance(inner, BaseException):
            break
        seen = inner
    words = str(seen)
    return words.rpartition(": ")[2] if "object at 0x" in words else words
