"""The HTTP under ONVIF: bounded in time and bytes, never redirected, HTTP Digest when the device wants it."""

import logging
import math
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import requests
from lxml import etree
from requests.adapters import HTTPAdapter
from requests.auth import HTTPDigestAuth, _basic_auth_str
from requests.structures import CaseInsensitiveDict
from requests.utils import parse_dict_header, requote_uri
from urllib3.exceptions import HTTPError as Urllib3Error, MaxRetryError, NewConnectionError
from zeep.transports import Transport

from devicemgr.errors import DeviceGarbled, DeviceRefused, DeviceUnreachable
from drivers.common.onvif.soap.deadlines import DEADLINES
from drivers.common.video.urls import UNTRUSTED

if TYPE_CHECKING:
    from drivers.common.http.upload import Upload

MAX_BODY = 5_000_000
_CHUNK = 65_536
# Nothing to inflate; and a kept connection that the device just closed looks like a loss.
_HEADERS = {"Accept-Encoding": "identity", "Connection": "close", "User-Agent": "devicemgr", "Accept": "*/*"}
PLAIN_ONLY = "the device asks for the password in clear text; switch it to digest authentication, or use https://"


class AnswerLost(DeviceUnreachable):
    """The request may have reached the device, and no whole answer came."""


class DeadlineAdapter(HTTPAdapter):
    """Cuts every connection of its session at a deadline: requests' own timeout starts again with each byte."""

    def __init__(self) -> None:
        self._connections: weakref.WeakSet[Any] = weakref.WeakSet()
        super().__init__(max_retries=0, pool_maxsize=1)

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """The pool, which reports each connection that it makes."""
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
        self._adapter, self._verify = DeadlineAdapter(), tls_ca or True
        # zeep sends no debug log of messages from here: they hold tokens.
        self.logger = logging.getLogger(__name__)
        self._deadline, self._spent_at = deadline, math.inf
        self._username, self._password = username, password
        self._digest = HTTPDigestAuth(username, password or "") if username is not None else None
        self.use_digest = self._digest_worked = False
        self._challenge: dict[str, str] = {}

    def post_xml(self, address: str, envelope: Any, headers: Mapping[str, str]) -> requests.Response:
        """Send one SOAP envelope; a 401 answer is returned, for the caller to choose another way."""
        return self.exchange("POST", address, etree.tostring(envelope, xml_declaration=True, encoding="utf-8"), headers)

    def exchange(
        self,
        method: str,
        url: str,
        body: "bytes | Upload | None",
        headers: Mapping[str, str],
        deadline: float | None = None,
    ) -> requests.Response:
        """One request with its whole answer in memory, ≤5 MB, within the deadline."""
        deadline = min(deadline or self._deadline, max(0.05, self._spent_at - time.monotonic()))
        with self._adapter.deadline(deadline) as cut:
            try:
                response = self._send(method, url, body, headers, deadline)
                if response.status_code != 401:
                    self._digest_worked = self.use_digest
                elif self._digest_worked and self._take_challenge(response):
                    # The password is right, the nonce was stale.
                    response = self._send(method, url, body, headers, deadline)
                if cut.is_set():
                    raise requests.Timeout("cut at the deadline")
                return response
            except (requests.RequestException, Urllib3Error, OSError) as error:
                raise _translated(error, late=cut.is_set()) from error

    @contextmanager
    def budget(self, seconds: float) -> Iterator[None]:
        """Within it, all exchanges together take so long at most: a slow device must not take a deadline each."""
        self._spent_at = time.monotonic() + seconds
        try:
            yield
        finally:
            self._spent_at = math.inf

    def offer_digest(self, response: requests.Response) -> bool:
        """Whether a 401 answer asks for HTTP Digest; from then on requests carry it."""
        self.use_digest = self._take_challenge(response)
        return self.use_digest

    def cut(self) -> None:
        """End the exchange that is under way; from any thread."""
        self._adapter.cut()

    def basic(self) -> str:
        """The Authorization header with the password in clear text."""
        return str(_basic_auth_str(self._username or "", self._password or ""))

    def close(self) -> None:
        """Let go of the connections."""
        self._adapter.close()

    def _send(
        self, method: str, url: str, body: "bytes | Upload | None", headers: Mapping[str, str], deadline: float | None
    ) -> requests.Response:
        if body is not None and not isinstance(body, bytes):
            body.begin()
        sent = dict(headers) | _HEADERS
        if self.use_digest and self._digest is not None:
            sent["Authorization"] = self._digest_header(method, url)
        limit = deadline or self._deadline
        # Straight through the adapter: no redirects, cookies, proxies or environment can come into it.
        response = self._adapter.send(
            _prepared(method, url, body, sent), stream=True, timeout=limit, verify=self._verify, proxies={}
        )
        with response:
            response._content = _bounded(response)
        self._adapter.hang_up()  # and not kept by us either, though the device may not say that it closes
        if 300 <= response.status_code < 400:
            raise DeviceGarbled("the device redirects to another address, which is not followed; use its final address")
        return response

    def _take_challenge(self, response: requests.Response) -> bool:
        challenge = response.headers.get("WWW-Authenticate", "")
        position = challenge.lower().find("digest ")
        if position < 0 or self._digest is None:
            return False
        self._challenge = parse_dict_header(challenge[position + len("digest ") :])
        if "realm" not in self._challenge or "nonce" not in self._challenge:
            return False
        self._digest.init_per_thread_state()
        self._digest._thread_local.chal = self._challenge  # type: ignore[attr-defined]
        return True

    def _digest_header(self, method: str, url: str) -> str:
        if self._digest is None or not self._challenge:
            return ""
        self._digest.init_per_thread_state()
        held = self._digest._thread_local  # type: ignore[attr-defined]
        held.chal = held.chal or self._challenge  # requests keeps it by thread
        return str(self._digest.build_digest_header(method, requote_uri(url)))


def _prepared(
    method: str, url: str, body: "bytes | Upload | None", headers: Mapping[str, str]
) -> requests.PreparedRequest:
    request = requests.PreparedRequest()
    request.method, request.url, request.body = method, requote_uri(url), body  # type: ignore[assignment]
    request.headers = CaseInsensitiveDict(headers)
    if body is not None:
        request.headers["Content-Length"] = str(len(body))
    return request


def _translated(error: Exception, *, late: bool) -> DeviceUnreachable | DeviceRefused:
    if isinstance(error, requests.exceptions.SSLError):
        return DeviceRefused(UNTRUSTED)
    kind = DeviceUnreachable if _never_left(error) else AnswerLost
    if late or isinstance(error, requests.Timeout):
        return kind("the device does not answer in time; check its network and load")
    return kind("no connection to the device; check its address, power and network")


def _never_left(error: Exception) -> bool:
    # requests raises its own error while it handles urllib3's, which knows whether there was a connection.
    within = error.__context__
    unconnected = isinstance(within, MaxRetryError) and isinstance(within.reason, NewConnectionError)
    return unconnected or isinstance(error, requests.ConnectTimeout)


def _bounded(response: requests.Response) -> bytes:
    """The body as sent; DeviceGarbled when it is compressed against our word or above 5 MB."""
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise DeviceGarbled("the device sends compressed answers that were not requested; update its firmware")
    body = bytearray()
    while chunk := response.raw.read(_CHUNK, decode_content=False):
        body += chunk
        if len(body) > MAX_BODY:
            raise DeviceGarbled("the device's answer is larger than 5 MB; is this an ONVIF device?")
    return bytes(body)
