"""Events by HTTP POST, signed: Standard Webhooks 1.0 (standardwebhooks.com, specification of the headers).

What is signed is `id.timestamp.body` (`site.outlets.signing`). While one secret takes another's place, both sign, with
a space between. Redirects are not followed and no proxy is used; each try resolves the name again.
"""

import email.utils
import http.client
import io
import json
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from devicemgr import __version__
from devicemgr.errors import DevicemgrError
from devicemgr.outgoing.connection import Place, Received, Stream, connected, left_until, why_not_trusted
from devicemgr.outlets.sender import Event, Undelivered
from devicemgr.site.outlets.fields import OutletFields, is_loopback, place_of
from devicemgr.site.outlets.signing import signer_of
from devicemgr.text import rfc3339, safe

DEADLINE_S = 10.0
MAX_WAIT_S = 3600.0
_MAX_ANSWER_BYTES = 64 * 1024
_KEPT_IN_PATHS = "%/:=&?~+!$,;'@()*[]"
_BUSY = (http.HTTPStatus.TOO_MANY_REQUESTS, http.HTTPStatus.SERVICE_UNAVAILABLE)


class Webhook:
    """A channel to a URL: one request at a time, taken by any 2xx; see `sender.Sender`."""

    def __init__(self, fields: OutletFields, secrets: Sequence[str], site: str) -> None:
        self.batch = fields.batch
        self._place = place_of(fields)
        self._is_here = is_loopback(fields)
        parts = urlsplit(fields.url)
        self._host = _host_header(self._place)
        query = f"?{quote(parts.query, safe=_KEPT_IN_PATHS)}" if parts.query else ""
        self._path = quote(parts.path or "/", safe=_KEPT_IN_PATHS) + query
        self._signers = [signer_of(secret) for secret in secrets]
        self._site = site
        self._lock = threading.Lock()
        self._line: socket.socket | None = None
        self._is_closed = False

    def send(self, events: Sequence[Event]) -> None:
        """See `sender.Sender`."""
        first = events[0]
        if self.batch == 1:
            body = {"type": first["kind"], "timestamp": first["time"], "data": first, "seq": first["seq"]}
        else:
            last = events[-1]
            body = {"type": "events", "timestamp": last["time"], "data": list(events), "seq": last["seq"]}
        self._post(str(first["id"]), body)

    def test(self) -> None:
        """See `sender.Sender`."""
        now = rfc3339(datetime.now(UTC))
        self._post(f"test-{time.time_ns()}", {"type": "test", "timestamp": now, "data": {}, "seq": None})

    def close(self) -> None:
        """See `sender.Sender`."""
        with self._lock:
            self._is_closed = True
            if self._line is not None:
                # Wakes a thread that waits for the receiver.
                try:
                    self._line.shutdown(socket.SHUT_RDWR)
                except OSError:
                    self._line.close()

    def _post(self, message_id: str, body: Mapping[str, Any]) -> None:
        if not self._signers:
            raise Undelivered("it has no secret yet; an admin sets one")
        text = json.dumps({**body, "site": self._site}, ensure_ascii=False, separators=(",", ":")).encode()
        deadline = time.monotonic() + DEADLINE_S
        try:
            status, headers = self._exchange(self._head(message_id, text) + text, deadline)
        except TimeoutError as error:
            raise Undelivered(f"{self._place.host} did not answer within {DEADLINE_S:g} s") from error
        except DevicemgrError as error:
            raise Undelivered(str(error)) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Undelivered(_why_not_reached(self._place.host, error)) from error
        _require_taken(self._place.host, status, headers)

    def _exchange(self, request: bytes, deadline: float) -> tuple[int, Mapping[str, str]]:
        try:
            with connected(self._place, deadline, is_here=self._is_here, began=self._began) as line:
                self._began(line)
                line.settimeout(left_until(deadline))
                line.sendall(request)
                with io.BufferedReader(Received(line, _MAX_ANSWER_BYTES, deadline)) as stream:
                    return _answer(Stream(stream))
        finally:
            with self._lock:
                self._line = None

    def _began(self, line: socket.socket) -> None:
        """Let `close` end what this connection waits for."""
        with self._lock:
            if self._is_closed:
                raise OSError("the outlet is closed")
            self._line = line

    def _head(self, message_id: str, body: bytes) -> bytes:
        sent = str(int(time.time()))
        signed = f"{message_id}.{sent}.".encode() + body
        headers = {
            "Host": self._host,
            "User-Agent": f"devicemgr/{__version__}",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Connection": "close",
            "webhook-id": message_id,
            "webhook-timestamp": sent,
            "webhook-signature": " ".join(sign(signed) for sign in self._signers),
        }
        lines = [f"POST {self._path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _host_header(place: Place) -> str:
    """Return a Host header (RFC 9110, 7.2): what was resolved, and the port where it is not the usual one."""
    host = f"[{place.host}]" if ":" in place.host else place.host
    return host if place.port == (443 if place.is_tls else 80) else f"{host}:{place.port}"


def _answer(stream: Stream) -> tuple[int, Mapping[str, str]]:
    """Return status and headers of the final answer, behind those of 1xx (RFC 9110, 15.2)."""
    passed = []  # one that is forgotten closes the stream
    while True:
        response = http.client.HTTPResponse(stream, method="POST")  # type: ignore[arg-type]
        response.begin()
        passed.append(response)
        if not 100 <= response.status < 200 or response.status == http.HTTPStatus.SWITCHING_PROTOCOLS:
            return response.status, {name.lower(): value for name, value in response.headers.items()}


def _why_not_reached(host: str, error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return why_not_trusted(host, error)
    if isinstance(error, http.client.RemoteDisconnected):
        return f"{host} hung up without an answer"
    if isinstance(error, http.client.HTTPException):
        return f"{host} does not answer by HTTP ({type(error).__name__}); check the address"
    if isinstance(error, ssl.SSLError):
        return f"{host} does not speak TLS with this computer ({safe(str(error.reason), 100)}); check the address"
    return f"{host} is not reached: {safe(str(getattr(error, 'strerror', None) or error), 100)}"


def _require_taken(host: str, status: int, headers: Mapping[str, str]) -> None:
    if 200 <= status < 300:
        return
    if status == http.HTTPStatus.GONE:
        raise Undelivered(f"{host} answered 410: it wants no more events", is_gone=True)
    if status in _BUSY:
        raise Undelivered(f"{host} answered {status}", wait_s=_wait_of(headers.get("retry-after", "")))
    if 300 <= status < 400:
        raise Undelivered(f"{host} redirects to another address, which is not followed; give that one")
    raise Undelivered(f"{host} answered {status}", is_refused=400 <= status < 500)


def _wait_of(text: str) -> float | None:
    """Return the seconds of a Retry-After header (RFC 9110, 10.2.3), at most an hour; None for another text."""
    if text.strip().isdecimal():
        return min(float(text), MAX_WAIT_S)
    try:
        until = email.utils.parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return min(max(0.0, (until - datetime.now(UTC)).total_seconds()), MAX_WAIT_S)
