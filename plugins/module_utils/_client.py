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
except ImportError:
    pass  # see HAS_REQUESTS

from ansible_collections.community.aistore.plugins.module_utils import _errors, _transport
from ansible_collections.community.aistore.plugins.module_utils._errors import (
    CheckModeError,
    NotReady,
    ProtocolError,
    Throttled,
    TlsRefused,
    Unanswered,
    Unreachable,
    WrongCluster,
)

HAS_REQUESTS = _transport.HAS_REQUESTS
#: Waits between the rounds of a retried request, seconds; the last one repeats.
BACKOFF = (0.25, 1.0, 3.0, 6.0, 10.0)
#: Control calls wait for every node of the cluster; a shorter patience reports failures of what then gets done.
CONTROL_PATIENCE = 60.0
#: Redirects of one request. AIStore needs one.
MAX_HOPS = 4
#: The largest answer that is read into memory, bytes. The metadata of 10,000 buckets is 11 MB.
LARGEST_ANSWER = 64 * 1024 * 1024
#: So much of an error's answer is read.
LARGEST_ERROR = 64 * 1024
#: Sessions (and tokens of a login) kept between clients of one process, by connection. A front end that runs several tasks in one
#: process sets a dict; None makes a session for each client.
SESSIONS: dict[Any, Any] | None = None

_READS = frozenset(("GET", "HEAD"))
#: Proxies leave these as they are in the address that they redirect to; no client may send them so.
_CONTROLS = {code: f"%{code:02X}" for code in (*range(32), 127)}
_REDIRECTS = (301, 302, 303, 307, 308)
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
    #: The AuthN server, and who logs in there.
    authn_url: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    #: Makes a token when there is none, and another one in place of one (the second argument) that was refused.
    login: Callable[[Connection, str], str] | None = field(default=None, repr=False, compare=False)

    def key(self) -> tuple[Any, ...]:
        """Return what a session may be shared by: equal endpoints, TLS settings and secrets, in this process."""
        secrets = json.dumps([self.token, self.authn_url, self.username, self.password])
        secret = hashlib.sha256(secrets.encode()).hexdigest()
        return (self.endpoints, secret, self.verify, self.cert, os.getpid())


class Answer:
    """A server's answer: ``status``, ``headers`` (case-insensitive), ``body``."""

    def __init__(
        self,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
        what: str,
        lines: Mapping[str, list[str]] | None = None,
    ) -> None:
        self.status, self.headers, self.body, self._what = status, headers, body, what
        self._lines = lines or {}
        #: What to check when this is not the answer of the server that was meant.
        self.hint = ProtocolError.hint

    def lines(self, header: str) -> list[str]:
        """Return the value of each line of a ``header`` that may come several times; the values are UTF-8."""
        return [
            value.encode("latin-1", "replace").decode("utf-8", "replace")
            for value in self._lines.get(header.lower(), ())
        ]

    @property
    def text(self) -> str:
        """The body as text, without white space around it."""
        return self.body.decode("utf-8", "replace").strip()

    def json(self) -> Any:
        """Return the body as JSON; an empty or broken one is a :class:`ProtocolError`."""
        if not self.body.strip():
            raise ProtocolError(
                f"{self._what}: answered with HTTP {self.status} and nothing where JSON is due",
                hint="A node of the cluster may hang; look at its health, then try again.",
            )
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise ProtocolError(
                f"{self._what}: answered with what is not JSON: {self.body[:200].decode('utf-8', 'replace')!r}",
                hint=self.hint,
            ) from None


class Client:
    """Speaks to one cluster as ``connection`` says.

    In ``check_mode`` a request that could change something raises :class:`CheckModeError` before it is sent.
    ``sleep`` is for tests.
    """

    #: For messages: the option with the address, what should answer there, and what has to run.
    option, server, service = "endpoint", "an AIStore proxy", "the cluster"

    def __init__(
        self,
        connection: Connection,
        *,
        check_mode: bool = False,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.connection = connection
        self.check_mode = check_mode
        self._sleep = sleep
        self._token = connection.token
        self._session = _session(connection)
        self._first = 0
        self._smap: dict[str, Any] | None = None
        self._addresses: dict[str, str] = {}
        self._asks_map = False
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
        receive: Callable[[Any], Any] | None = None,
        writes: bool | None = None,
        repeat: bool | None = None,
        accept: tuple[int, ...] = (),
    ) -> Any:
        """Send an object request in two steps: empty to a proxy, then whole to the address that it names.

        ``data`` (bytes, a file, an iterable, or a function that makes one for each try) is sent once, to the target,
        together with ``headers``; ``body`` is a small JSON body, sent both times. Returns an
        :class:`Answer`, or what ``receive`` makes of the open ``requests.Response`` of a success: it is called again
        when the connection breaks while it reads and the request may be repeated.
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
            own = plain if data is None else {}
            first = self._send(method, base + target, what, message, own, patience, quick=True)
            if first.status_code not in _REDIRECTS:
                return self._finish(first, what, accept)
            address, _trusted = self._destination(first, base + target, what)
            content = data() if callable(data) else data
            second = self._send(
                method,
                address,
                what,
                message if content is None else content,
                plain,
                patience,
                token=False,
                quick=True,
            )
            if receive is not None and second.status_code < 300:
                return self._receive(second, receive, what)
            return self._finish(second, what, accept, content=True)

        again = data is None or isinstance(data, bytes) or callable(data)
        return self._persist(what, again and (reads if repeat is None else repeat), once)

    # -- the cluster ------------------------------------------------------------------------------------------

    def smap(self, *, fresh: bool = False) -> dict[str, Any]:
        """Return the cluster map; read once, or anew when ``fresh``."""
        with self._lock:
            if fresh or self._smap is None:
                self._asks_map = True
                try:
                    found = self.cluster("smap")
                finally:
                    self._asks_map = False
                try:
                    self._addresses = dict(_origins(found))
                except (AttributeError, LookupError, TypeError, ValueError):
                    raise self._foreign("read smap of the cluster: the answer is not a cluster map") from None
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
        failure: _errors.AisError | None = None
        for turn in range(self.connection.retries + 1):
            if turn:
                self._sleep(BACKOFF[min(turn, len(BACKOFF)) - 1])
            lasting = True
            for step in range(len(endpoints)):
                position = (self._first + step) % len(endpoints)
                try:
                    found = self._with_token(attempt, endpoints[position])
                    self._first = position
                    return found
                except TlsRefused as error:
                    failure = error
                    continue
                except Unanswered as error:
                    if not repeat:
                        raise
                    failure = error
                except (Unreachable, NotReady, Throttled) as error:
                    failure = error
                except _errors.BadRequest as error:
                    if not any(word in error.said for word in _PASSING) or not (repeat or error.tcode == "ErrFailedTo"):
                        raise
                    failure = error
                    lasting = False
                    break
                lasting = False
            if lasting:
                break
        failure = _errors.known(failure)
        if len(endpoints) > 1 and isinstance(failure, Unreachable):
            failure.message += f" (tried {', '.join(endpoints)})"
        raise failure

    def _with_token(self, attempt: Callable[[str], Any], base: str) -> Any:
        """Return what ``attempt`` (of an endpoint) returns, after a login when there is no token or it does not count."""
        login = self.connection.login
        if login is None:
            return attempt(base)
        with self._lock:
            self._token = used = self._token or login(self.connection, "")
        try:
            return attempt(base)
        except _errors.Unauthorized:
            with self._lock:
                if self._token == used:
                    self._token = login(self.connection, used)
            return attempt(base)

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
        trusted = True
        for _hop in range(MAX_HOPS):
            response = self._send(method, url, what, data, headers, patience, token=trusted)
            if response.status_code not in _REDIRECTS:
                return self._finish(response, what, accept)
            url, trusted = self._destination(response, url, what)
        raise self._foreign(f"{what}: redirected more than {MAX_HOPS} times, in the end to {_origin(url)}")

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
        quick: bool = False,
    ) -> Any:
        """Send one HTTP request and return the open response; failures of the connection as typed errors."""
        sent = dict(headers)
        if token and self._token:
            sent["Authorization"] = f"Bearer {self._token}"
        where = _origin(url)
        try:
            return (_transport.send_quickly if quick else _transport.send)(
                self._session,
                method,
                url,
                data if data is not None else (b"" if method in ("PUT", "POST", "PATCH") else None),
                sent,
                (min(self.connection.timeout, patience), patience),
            )
        except (requests.exceptions.InvalidHeader, UnicodeError) as error:
            raise _errors.OptionError(f"{what}: a value cannot be sent as an HTTP header: {error}") from None
        except (
            requests.exceptions.InvalidURL,
            requests.exceptions.InvalidSchema,
            requests.exceptions.MissingSchema,
        ) as error:
            raise _errors.OptionError(f"{self.option}: {where} is not an address that can be used: {error}") from None
        except requests.exceptions.RequestException as error:
            raise self._broken(error, what, where, patience) from None

    def _broken(self, error: Exception, what: str, where: str, patience: float) -> _errors.AisError:
        """Return the typed error for a connection that could not be made or that broke before an answer came."""
        reason = _transport.reason(error)
        if _transport.not_http(error):
            return self._foreign(f"{what}: what {where} answers is not HTTP: {reason[:200]!r}")
        if isinstance(error, requests.exceptions.SSLError) and _transport.refused_by_tls(error):
            hint = "Check 'ca_path', 'client_cert' and 'client_key', the certificate's names and its validity."
            if "WRONG_VERSION_NUMBER" in str(error):
                hint = f"Is it plain HTTP there? Then write 'http://' in '{self.option}'."
            return TlsRefused(f"{what}: no TLS connection with {where}: {reason}", hint=hint)
        if _transport.never_sent(error):
            return Unreachable(
                f"{what}: cannot connect to {where}: {reason}",
                hint=f"Check '{self.option}', and that {self.service} is running.",
            )
        if isinstance(error, requests.exceptions.ReadTimeout):
            return Unanswered(f"{what}: {where} gave no answer in {patience:g} s")
        return Unanswered(f"{what}: the connection to {where} broke: {reason}")

    def _foreign(self, message: str) -> ProtocolError:
        """Return the error for an answer that the server that was meant would not give."""
        return ProtocolError(message, hint=f"Check that '{self.option}' is the address of {self.server}.")

    def _finish(self, response: Any, what: str, accept: tuple[int, ...], *, content: bool = False) -> Answer:
        """Read a response whole and return it, or raise the error that it stands for; ``content`` is an object's."""
        status, kind, where = response.status_code, response.headers.get("Content-Type", ""), _origin(response.url)
        good = status < 300 or status in accept
        body = self._read(response, what, cut=not good)
        if good:
            if not content and "html" in kind.lower():
                raise self._foreign(f"{what}: {where} answered with an HTML page")
            answer = Answer(status, response.headers, body, what, _lines(response))
            answer.hint = self._foreign("").hint
            return answer
        told = response.headers.get("Hdr-Error") or body.decode("utf-8", "replace")
        if len(self._token) > 3:
            told = told.replace(self._token, "********")
        if status == 400 and "HTTP request to an HTTPS server" in told:
            raise ProtocolError(f"{what}: {where} speaks HTTPS", hint=f"Write 'https://' in '{self.option}'.")
        error = _errors.api_error(what, status, told, kind)
        if status == 400 and not error.typed and where.startswith("http:"):
            error.hint = f"If HTTPS is spoken there, write 'https://' in '{self.option}'."
        if status == 404 and not error.typed:
            # AIStore always says what it did not find. Anybody else's 404 must not pass for "is absent".
            raise self._foreign(f"{what}: {where} answered with HTTP 404, and not as AIStore does")
        raise error

    def _receive(self, response: Any, receive: Callable[[Any], Any], what: str) -> Any:
        """Return what ``receive`` makes of an open response, and close it; a broken connection as a typed error."""
        _transport.let_stream(response)
        try:
            return receive(response)
        except requests.exceptions.RequestException as error:
            raise Unanswered(
                f"{what}: the answer of {_origin(response.url)} broke off: {_transport.reason(error)}", hint=""
            ) from None
        finally:
            response.close()

    def _read(self, response: Any, what: str, *, cut: bool = False) -> bytes:
        """Return the body, of bounded size: with ``cut`` the beginning of a long one, else too long is an error."""
        parts, size = [], 0
        try:
            for part in response.iter_content(64 * 1024):
                parts.append(bytes(part))
                size += len(part)
                if cut and size >= LARGEST_ERROR:
                    break
                if size > LARGEST_ANSWER:
                    raise ProtocolError(
                        f"{what}: the answer of {_origin(response.url)} is larger than {LARGEST_ANSWER} bytes"
                    )
        except requests.exceptions.RequestException as error:
            where, reason = _origin(response.url), _transport.reason(error)
            if "timed out" in reason:
                raise Unanswered(f"{what}: {where} did not finish its answer in time") from None
            raise Unanswered(f"{what}: the answer of {where} broke off: {reason}") from None
        finally:
            response.close()
        return b"".join(parts)

    def _destination(self, response: Any, url: str, what: str) -> tuple[str, bool]:
        """Return the absolute address that a redirect names, and whether it may have the token.

        It has to be one of the endpoints or a node of this cluster's map.
        """
        self._read(response, what, cut=True)  # and the connection is free for the next request
        try:
            address = urljoin(url, response.headers.get("Location", "").translate(_CONTROLS))
        except ValueError:
            address = ""
        origin = _origin(address)
        trusted = True if origin in map(_origin, self.connection.endpoints) else self._trusts(origin)
        if trusted is None:
            raise ProtocolError(
                f"{what}: {_origin(url)} redirects to {origin or 'nowhere'}, which is not in the cluster map",
                hint=f"Nothing was sent there. If the address is right, list it in '{self.option}' too.",
            )
        return address, trusted

    def _trusts(self, origin: str) -> bool | None:
        """Tell whether ``origin`` may have the token: proxies of the map may, its targets not, others are None."""
        with self._lock:
            if self._asks_map:
                return None
        for fresh in (False, True):
            try:
                self.smap(fresh=fresh)
            except _errors.Forbidden:
                # This token may not read the map: other ports of the endpoints' hosts will do, without the token.
                same = urlsplit(origin).hostname in {urlsplit(url).hostname for url in self.connection.endpoints}
                return False if same else None
            if origin in self._addresses:
                return self._addresses[origin] == "pmap"
        return None


def _lines(response: Any) -> dict[str, list[str]]:
    """Return the lines of a response's headers, by lower-case name: ``requests`` joins them with commas."""
    found: dict[str, list[str]] = {}
    for name, value in response.raw.headers.items():
        found.setdefault(name.lower(), []).append(value)
    return found


def object_path(bucket: str, name: str) -> str:
    """Return the API's path of object ``name`` in the bucket called ``bucket``."""
    return f"/v1/objects/{bucket}/{quote(name, safe='/')}"


def _encode(query: Mapping[str, Any]) -> str:
    return urlencode({key: str(value).lower() if isinstance(value, bool) else value for key, value in query.items()})


def _origin(url: str) -> str:
    """Return ``scheme://host:port`` of an address, in one spelling; nothing for what is no address."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    host = parts.netloc.lower()
    if port == {"http": 80, "https": 443}.get(parts.scheme):
        host = host.rpartition(":")[0]
    return f"{parts.scheme}://{host}"


def _origins(smap: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each address of a cluster map and the group of its node; a wrong shape raises whatever it raises."""
    for group in ("tmap", "pmap"):
        for node in smap[group].values():
            int(node.get("flags") or 0)
            nets = [node.get(net) or {} for net in ("public_net", "intra_control_net", "intra_data_net")]
            for net in (*nets, *(node.get("pub_extra") or ())):
                if net.get("direct_url"):
                    yield _origin(str(net["direct_url"])), group
    (smap.get("proxy_si") or {}).get("daemon_id")


def _session(connection: Connection) -> Any:
    """Return a session for ``connection``: a kept one where the front end keeps them, else a new one."""
    if SESSIONS is None:
        return _transport.new_session(connection.verify, connection.cert)
    key = connection.key()
    if key not in SESSIONS:
        SESSIONS[key] = _transport.new_session(connection.verify, connection.cert)
    return SESSIONS[key]
