"""Requests to one relay board: repeated while it is busy, or sent once; a password goes readably only if allowed.

Shelly boards log in by Digest, through the consoles' client. The others are small web servers that take a password in
the URL or by HTTP Basic, or none: one GET each, without a challenge before it.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Protocol, TypeVar
from urllib.parse import quote, urlencode

from devicemgr.domain.model import DeviceConfig
from devicemgr.errors import DeviceGarbled, DeviceRefused, NotYet, OutcomeUnknown
from devicemgr.text import safe
from drivers.common.http.client import Http, Request, base_url
from drivers.common.http.login import Login, basic_authorization
from drivers.common.http.tls import parse_fingerprint, tls_context
from drivers.common.http.transport import Answer, AnswerLost, HttpTransport

if TYPE_CHECKING:
    from drivers.http_relay.options import Options

READ_S, COMMAND_S = 2.5, 3.0
MAX_BODY_BYTES = 64 * 1024
BUSY = frozenset({429, 503})
RETRY_S = 0.3
_TOO_LONG = "the board's answer is too long; is this the right device?"
SHELLY_USER = "admin"
# A page that a Shelly protects and that changes nothing: its Digest challenge comes from there.
CHALLENGE_TARGET = "/rpc/Sys.GetStatus"


class Sender(Protocol):
    """Sends one request and returns the whole answer."""

    def exchange(self, request: Request) -> Answer:
        """Raise DeviceUnreachable, or OutcomeUnknown for a request that is sent `once`, when the answer is lost."""

    def close(self) -> None:
        """Let go of the connection."""


class PlainHttp:
    """One GET at a time without a challenge, Basic where a password was given; never redirected, bounded."""

    def __init__(self, address: str, *, basic: str = "", tls_ca: str = "", tls_fingerprint: str = "") -> None:
        self._base = base_url(address)
        pin = parse_fingerprint(tls_fingerprint)
        self._headers = [("User-Agent", "devicemgr")]
        if basic:
            self._headers.append(("Authorization", basic))
        secure = self._base.startswith("https")
        self._transport = HttpTransport(tls_context(pin, tls_ca) if secure else None, pin)

    def exchange(self, request: Request) -> Answer:
        """Send a request and return its answer (Sender)."""
        self._transport.deadline.until = time.monotonic() + request.seconds
        try:
            with closing(self._transport.open(request.method, self._base + request.target, self._headers)) as reply:
                return Answer(reply.status, reply.read(request.limit, _TOO_LONG))
        except AnswerLost as error:
            if request.once:
                raise OutcomeUnknown("the command was sent and no answer came; look at the relay") from error
            raise
        except DeviceGarbled as error:
            if request.once:
                raise OutcomeUnknown(f"the command was sent, and its answer is unreadable: {error}") from error
            raise

    def close(self) -> None:
        """Do nothing: no connection is kept."""


T = TypeVar("T")


def repeat_reading(read: Callable[[], T]) -> T:
    """Return what a reading gives; repeated within the deadline while the board says that it can't do it now."""
    until = time.monotonic() + READ_S
    while True:
        try:
            return read()
        except NotYet:
            if time.monotonic() + RETRY_S >= until:
                raise
            time.sleep(RETRY_S)


class BoardClient:
    """One board; `command` is sent once."""

    def __init__(self, config: DeviceConfig, options: "Options") -> None:
        self.has_password = bool(config.password)
        self.is_secure = config.address.startswith("https://")
        self.login_keys: dict[str, str] = {}
        username, password = config.username or SHELLY_USER, config.password or ""
        if options.model == "tasmota" and password:
            self.login_keys = {"user": username, "password": password}
        if options.model == "dingtian":
            self.login_keys = {"pwd": password or "0"}
        ca, pin = options.tls_ca, options.tls_fingerprint
        self._sender: Sender
        if options.model == "shelly":
            login = Login(username if password else None, password)
            self._sender = Http(config.address, login, CHALLENGE_TARGET, tls_ca=ca, tls_fingerprint=pin)
        else:
            basic = basic_authorization(username, password) if password and not self.login_keys else ""
            self._sender = PlainHttp(config.address, basic=basic, tls_ca=ca, tls_fingerprint=pin)

    def get(self, path: str, keys: Mapping[str, str] | None = None) -> Answer:
        """Ask for something that may be repeated; NotYet when the board is busy (repeat_reading)."""
        answer = self._sender.exchange(Request("GET", _target(path, keys), seconds=READ_S, limit=MAX_BODY_BYTES))
        if answer.status in BUSY:
            raise NotYet("the board says that it is busy; look for other programs that use it")
        return answer

    def command(self, path: str, keys: Mapping[str, str] | None = None, body: bytes = b"") -> Answer:
        """Send a command once; OutcomeUnknown when its answer is lost, NotYet when the board was too busy to do it."""
        method, kind = ("POST", "application/json") if body else ("GET", "")
        answer = self._sender.exchange(
            Request(
                method,
                _target(path, keys),
                body,
                kind,
                once=True,
                urgent=True,
                seconds=COMMAND_S,
                limit=MAX_BODY_BYTES,
            )
        )
        if answer.status in BUSY:
            raise NotYet("the board is busy and did nothing")
        return answer

    def close(self) -> None:
        """Let go of the connection."""
        self._sender.close()


def require_ok(answer: Answer, name: str, *, has_password: bool) -> Answer:
    """Return a 200 answer; DeviceRefused with what the board said instead."""
    if answer.status == 401:
        said = "refuses the user name or password" if has_password else "asks for a password"
        raise DeviceRefused(f"{name} {said}; give both, and set the option allow_basic=true")
    if 300 <= answer.status < 400:
        raise DeviceRefused(f"{name} redirects to another page, which is not followed; check the option model")
    if answer.status != 200:
        words = safe(answer.body[:200].decode("utf-8", "replace").strip(), 120)
        raise DeviceRefused(f"{name} answers {answer.status} {words}".rstrip() + "; check the option model")
    return answer


def _target(path: str, keys: Mapping[str, str] | None) -> str:
    return f"{path}?{urlencode(keys, quote_via=quote)}" if keys else path
