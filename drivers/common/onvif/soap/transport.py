"""The HTTP under ONVIF: bounded in time and bytes, never redirected, HTTP Digest when the device wants it.

Challenges are parsed one by one, and the strongest known one is taken (RFC 7616 3.7).
"""

import logging
import math
import ssl
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import _basic_auth_str
from requests.structures import CaseInsensitiveDict
from requests.utils import requote_uri
from urllib3.exceptions import (
    HTTPError as Urllib3Error,
    MaxRetryError,
    NewConnectionError,
    TimeoutError as Urllib3Timeout,
)
from zeep.transports import Transport

from devicemgr.errors import DeviceError, DeviceGarbled, DeviceRefused, DeviceUnreachable, NotYet
from devicemgr.text import safe
from drivers.common.http import tls
from drivers.common.http.digest import Challenge, authorization, read_challenges
from drivers.common.http.tls import handshake_failure, tls_context
from drivers.common.onvif.soap.bodies import MAX_BODY_BYTES, TOO_LARGE, plain_body
from drivers.common.onvif.soap.deadlines import DEADLINES
from drivers.common.video.urls import UNTRUSTED

if TYPE_CHECKING:
    from drivers.common.http.upload import Upload

_CHUNK = 65_536
# Nothing to inflate; and a kept connection that the device just closed looks like a loss.
_HEADERS = {"Accept-Encoding": "identity", "Connection": "close", "User-Agent": "devicemgr", "Accept": "*/*"}
# A busy device has done nothing (RFC 9110 15.6.4, RFC 6585 4).
_BUSY = (429, 503)
_BUSY_PAUSE_S = 0.5
# A link of 3 s a call was seen; a device that is not there is noticed sooner.
_MAX_DEADLINE_S, _MAX_CONNECT_S = 10.0, 6.0
_PATIENCE = 2.5
_MAX_CAUSES = 8
BUSY = "the device is busy and did nothing; try again, or end another program that uses it"
PLAIN_ONLY = "the device asks for the password in clear text; switch it to digest authentication, or use https://"


class AnswerLost(DeviceUnreachable):
    """The request may have reached the device, and no whole answer came."""


class DeadlineAdapter(HTTPAdapter):
    """Cuts every connection of its session at a deadline: requests' own timeout starts again with each byte."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._connections: weakref.WeakSet[Any] = weakref.WeakSet()
        self._tls = tls
        super().__init__(max_retries=0, pool_maxsize=1)

    def init_poolmanager(self, *args: Any, **pool: Any) -> None:
        """Create pools that verify connections by the device's own certificate file, where there is one."""
        super().init_poolmanager(*args, **pool | ({} if self._tls is None else {"ssl_context": self._tls}))

    def cert_verify(self, *args: Any, **options: Any) -> None:
        """Do nothing: no other certificates are loaded into the device's own context."""
        if self._tls is None:
            super().cert_verify(*args, **options)

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """Return the pool, which reports each connection that it makes."""
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        if not hasattr(pool, "devicemgr_tracked"):
            make = pool.ConnectionCls

            def tracked(*made_args: Any, **made: Any) -> Any:
                connection = make(*made_args, **made)
                self._connections.add(connection)
                return connection

            pool.ConnectionCls, pool.devicemgr_tracked = tracked, True
        return pool

    def cut(self) -> None:
        """End what is under way; from any thread."""
        for connection in list(self._connections):
            try:
                connection.sock.shutdown(2)
            except (OSError, AttributeError):
                continue  # not connected any more

    def hang_up(self) -> None:
        """Close what is connected; the pools, with their loaded certificates, stay."""
        for connection in list(self._connections):
            connection.close()

    @contextmanager
    def deadline(self, seconds: float) -> Iterator[threading.Event]:
        """Within it, exchanges are cut after `seconds`; the event tells that it happened."""
        cut = threading.Event()

        def expire() -> None:
            cut.set()
            self.cut()

        cancel = DEADLINES.after(seconds, expire)
        try:
            yield cut
        finally:
            cancel()


class OnvifTransport(Transport):
    """One device's HTTP session; for one thread. `use_digest` is set once the device wanted HTTP Digest."""

    def __init__(self, username: str | None, password: str | None, deadline: float = 5.0, tls_ca: str = "") -> None:
        super().__init__()
        self._adapter = DeadlineAdapter(tls_context(None, tls_ca) if tls_ca else None)
        # zeep sends no debug log of messages from here: they hold tokens.
        self.logger = logging.getLogger(__name__)
        self._deadline, self._spent_at = deadline, math.inf
        self._patience, self.slowest_s = 1.0, 0.0
        self._username, self._password = username, password
        self._challenge: Challenge | None = None
        self._uses = 0
        self.use_digest = self._digest_worked = False

    def exchange(
        self,
        method: str,
        url: str,
        body: "bytes | Upload | None",
        headers: Mapping[str, str],
        deadline: float | None = None,
    ) -> requests.Response:
        """Send one request and read its whole answer, ≤5 MB, within the deadline; repeat while the device is busy."""
        left = min(deadline or self.deadline(), max(0.05, self._spent_at - time.monotonic()))
        until = time.monotonic() + left
        with self._adapter.deadline(left) as cut:
            try:
                response = self._sent(method, url, body, headers, left)
                while response.status_code in _BUSY and b"Fault" not in response.content:
                    if time.monotonic() + _BUSY_PAUSE_S > until:
                        raise NotYet(BUSY)
                    time.sleep(_BUSY_PAUSE_S)
                    response = self._sent(method, url, body, headers, left)
                if cut.is_set():
                    raise requests.Timeout("cut at the deadline")
            except (requests.RequestException, Urllib3Error, OSError) as error:
                raise _translated(error, late=cut.is_set()) from error
        if deadline is None:
            self.slowest_s = max(self.slowest_s, time.monotonic() - until + left)
        return response

    def deadline(self) -> float:
        """Return the seconds that one call may take: more on a link whose slowest call so far took long."""
        usual = self._deadline * self._patience
        return max(usual, min(2 * self.slowest_s + 1.0, _MAX_DEADLINE_S)) if self.slowest_s else usual

    def _sent(
        self, method: str, url: str, body: "bytes | Upload | None", headers: Mapping[str, str], limit: float
    ) -> requests.Response:
        response = self._send(method, url, body, headers, limit)
        if response.status_code != 401:
            self._digest_worked = self.use_digest
        elif self._digest_worked and self._take_challenge(response):
            # The password is right, the nonce was stale, or for one use.
            response = self._send(method, url, body, headers, limit)
        return response

    @contextmanager
    def budget(self, seconds: float, *, is_patient: bool = False) -> Iterator[None]:
        """Within it, all exchanges together take so long at most; `is_patient` gives each more time, for slow links."""
        self._spent_at, self._patience = time.monotonic() + seconds, _PATIENCE if is_patient else 1.0
        try:
            yield
        finally:
            self._spent_at, self._patience = math.inf, 1.0

    def offer_digest(self, response: requests.Response) -> bool:
        """Return True if a 401 answer offers HTTP Digest; later requests then carry it."""
        self.use_digest = self._take_challenge(response)
        return self.use_digest

    def cut(self) -> None:
        """End the exchange that is under way; from any thread."""
        self._adapter.cut()

    def basic(self) -> str:
        """Return the Authorization header with the password in clear text."""
        return str(_basic_auth_str(self._username or "", self._password or ""))

    def close(self) -> None:
        """Let go of the connections."""
        self._adapter.close()

    def _send(
        self, method: str, url: str, body: "bytes | Upload | None", headers: Mapping[str, str], limit: float
    ) -> requests.Response:
        if body is not None and not isinstance(body, bytes):
            body.begin()
        sent = dict(headers) | _HEADERS
        if self.use_digest and self._challenge is not None:
            sent["Authorization"] = self._digest_header(self._challenge, method, url)
        # Straight through the adapter: no redirects, cookies, proxies or environment can come into it.
        response = self._adapter.send(
            _prepared(method, url, body, sent),
            stream=True,
            timeout=(min(limit, _MAX_CONNECT_S), limit),
            verify=True,
            proxies={},
        )
        with response:
            content = _bounded(response)
        self._adapter.hang_up()  # and not kept by us either, though the device may not say that it closes
        encoding, kind = response.headers.get("Content-Encoding", ""), response.headers.get("Content-Type", "")
        response._content = plain_body(content, encoding, kind)
        if 300 <= response.status_code < 400:
            raise DeviceGarbled("the device redirects to another address, which is not followed; use its final address")
        return response

    def _take_challenge(self, response: requests.Response) -> bool:
        challenge = read_challenges(challenges(response)) if self._username is not None else None
        if challenge is None:
            return False
        self._challenge, self._uses = challenge, 0
        return True

    def _digest_header(self, challenge: Challenge, method: str, url: str) -> str:
        self._uses += 1
        parts = urlsplit(requote_uri(url))
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return authorization(challenge, self._username or "", self._password or "", method, target, count=self._uses)


def challenges(response: requests.Response) -> list[str]:
    """Return the WWW-Authenticate headers of an answer, each by itself."""
    several = getattr(getattr(response.raw, "headers", None), "getlist", None)
    return several("WWW-Authenticate") if several else [response.headers.get("WWW-Authenticate", "")]


def login_refusal(response: requests.Response) -> str:
    """Return what to say of a 401 answer that asks for no login that is known here; "" if it asks for none at all."""
    schemes = ", ".join(filter(None, challenges(response)))
    if not schemes:
        return ""
    if "basic" in schemes.lower():
        return PLAIN_ONLY
    return (
        f"the device asks for a login that is not known here ({safe(schemes, 80)}); set it to Digest authentication "
        "with SHA-256 or MD5"
    )


def _prepared(
    method: str, url: str, body: "bytes | Upload | None", headers: Mapping[str, str]
) -> requests.PreparedRequest:
    request = requests.PreparedRequest()
    request.method, request.url, request.body = method, requote_uri(url), body  # type: ignore[assignment]
    request.headers = CaseInsensitiveDict(headers)
    if body is not None:
        request.headers["Content-Length"] = str(len(body))
    return request


def _translated(error: Exception, *, late: bool) -> DeviceError:
    if (failure := _tls_failure(error)) is not None:
        refusal = handshake_failure(failure)
        return DeviceRefused(UNTRUSTED) if str(refusal) == tls.UNTRUSTED else refusal
    kind = DeviceUnreachable if _never_left(error) else AnswerLost
    if late or isinstance(error, requests.Timeout | Urllib3Timeout | TimeoutError):
        return kind("the device does not answer in time; check its network and load")
    return kind("no connection to the device; check its address, power and network")


def _tls_failure(error: BaseException) -> ssl.SSLError | None:
    """Return what OpenSSL said, below the errors of requests and urllib3; None if TLS did not fail."""
    if not isinstance(error, requests.exceptions.SSLError):
        return None
    found: BaseException | None = error
    for _ in range(_MAX_CAUSES):
        if found is None or isinstance(found, ssl.SSLError):
            return found
        inner = getattr(found, "reason", None)
        args = [arg for arg in (inner, *found.args) if isinstance(arg, BaseException)]
        found = args[0] if args else found.__cause__ or found.__context__
    return None


def _never_left(error: Exception) -> bool:
    # requests raises its own error while it handles urllib3's, which knows whether there was a connection.
    within = error.__context__
    unconnected = isinstance(within, MaxRetryError) and isinstance(within.reason, NewConnectionError)
    return unconnected or isinstance(error, requests.ConnectTimeout)


def _bounded(response: requests.Response) -> bytes:
    """Return the body as sent; DeviceGarbled above 5 MB."""
    body = bytearray()
    while chunk := response.raw.read(_CHUNK, decode_content=False):
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise DeviceGarbled(TOO_LARGE)
    return bytes(body)
