"""HTTP to a device that is not trusted: bounded in time and bytes, never redirected, and no tries that lock it out.

Each exchange takes a fresh Digest challenge with a bare GET of a harmless page and then sends its request once, so
that a command is never sent twice and a 401 to it has one meaning. For one thread, but for cut().
"""

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from devicemgr.errors import DeviceGarbled, DeviceRefused, DeviceUnreachable, Hint, InvalidInput, OutcomeUnknown
from devicemgr.text import safe
from drivers.common.http.digest import Challenge, read_challenges
from drivers.common.http.login import Login, stopped
from drivers.common.http.tls import parse_fingerprint, tls_context
from drivers.common.http.transport import REDIRECTED, Answer, AnswerLost, HttpTransport, Reply

if TYPE_CHECKING:
    from drivers.common.http.upload import Upload

MAX_BODY_BYTES = 1 << 20
DEADLINE = 5.0
_MAX_DEPTH = 32
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKET = re.compile(rb"[{}\[\]]")
_MAX_SPACING_S = 2.0
_AFTER_BUSY = 0.5
_MAX_NONCE_MISSES = 3
_NO_DIGEST = "the device offers no Digest authentication, and a password is not sent in clear text; switch Digest on"


class Pace:
    """The time between starts of exchanges: `seconds` while the device keeps up, up to 2 s while it is busy.

    `each_request` keeps the requests within an exchange, which are two with a challenge, as far apart.
    """

    def __init__(self, seconds: float, *, each_request: bool = False) -> None:
        self._least = self._now = seconds
        self._next = 0.0
        self._each_request = each_request

    def wait(self) -> None:
        """Sleep until the next may begin."""
        time.sleep(max(0.0, self._next - time.monotonic()))
        self.begin()

    def wait_within(self) -> None:
        """Sleep between the challenge of an exchange and its request."""
        if self._each_request:
            self.wait()

    def begin(self) -> None:
        """Start a request without waiting for a turn: a gate, an answer, a revocation."""
        self._next = time.monotonic() + self._now

    def busy(self) -> None:
        """Slow down after the device has answered that it is busy."""
        self._now = min(_MAX_SPACING_S, max(_AFTER_BUSY, self._now * 2))

    def well(self) -> None:
        """Speed up a little after a normal answer."""
        self._now = max(self._least, self._now * 0.9)


class _NonceReuse:
    """A challenge that reads answer again with a greater count (RFC 7616), while the device takes that.

    A miss costs no more than the bare request for a challenge would have; after a few in a row it is given up.
    """

    def __init__(self, is_wanted: bool) -> None:
        self._misses = 0 if is_wanted else _MAX_NONCE_MISSES
        self._challenge: Challenge | None = None
        self._uses = 0

    def take(self, request: "Request") -> tuple[Challenge, int] | None:
        """Return the challenge and its count for a request; None where a fresh one is to be requested."""
        if self._challenge is None or not request.is_read or self._misses >= _MAX_NONCE_MISSES:
            return None
        self._uses += 1
        return self._challenge, self._uses

    def keep(self, challenge: Challenge) -> None:
        """Keep a fresh challenge that the device has accepted an answer to."""
        self._challenge, self._uses = challenge, 1

    def hit(self) -> None:
        """Forget the misses: the device has accepted a nonce again."""
        self._misses = 0

    def miss(self) -> None:
        """Drop the nonce and count a miss: the device wanted another one, or hung up."""
        self._challenge, self._misses = None, self._misses + 1


@dataclass(frozen=True, slots=True)
class Request:
    """One request: its `body`, or the file of `upload`; with `once`, a lost answer is OutcomeUnknown.

    `urgent` does not wait for its turn; `is_read` changes nothing at the device, so that it may be sent again.
    """

    method: str
    target: str
    body: bytes = field(default=b"", repr=False)
    content_type: str = ""
    once: bool = False
    urgent: bool = False
    is_read: bool = False
    seconds: float = DEADLINE
    limit: int = MAX_BODY_BYTES
    upload: "Upload | None" = field(default=None, repr=False)


class Http:
    """One device's scheme, host and port; nothing that it answers leads elsewhere."""

    def __init__(
        self,
        address: str,
        login: Login,
        challenge_target: str,
        *,
        pace: Pace | None = None,
        tls_ca: str = "",
        tls_fingerprint: str = "",
        reuse_nonces: bool = False,
    ) -> None:
        self._base = base_url(address)
        pin = parse_fingerprint(tls_fingerprint)
        secure = self._base.startswith("https")
        if not secure and (pin is not None or tls_ca):
            raise InvalidInput("tls_fingerprint and tls_ca need an address that begins with https://")
        self._login, self._challenge_target = login, challenge_target
        self._pace = pace or Pace(0.0)
        self._nonces = _NonceReuse(reuse_nonces)
        self._transport = HttpTransport(tls_context(pin, tls_ca) if secure else None, pin, keeps_connection=True)
        self._deadline = self._transport.deadline

    def exchange(self, request: Request) -> Answer:
        """Send it, once, and read the whole answer within its seconds and limit; a 401 never comes back."""
        self._login.require_open()
        if request.urgent:
            self._pace.begin()
        else:
            self._pace.wait()
        self._deadline.until = time.monotonic() + request.seconds
        answer: Answer = self._authorized(request, lambda header: self._send(request, header))
        if answer.status == 503:
            self._pace.busy()
        else:
            self._pace.well()
        return answer

    @contextmanager
    def stream(self, request: Request) -> Iterator["Stream"]:
        """Open an endless answer; raise DeviceError unless it begins within the request's seconds."""
        self._login.require_open()
        self._pace.wait_within()
        self._deadline.until = time.monotonic() + request.seconds
        with closing(self._authorized(request, lambda header: self._begin(request, header))) as reply:
            yield Stream(reply, self._transport)

    def close(self) -> None:
        """Let go of the connections."""
        self._transport.close()

    def cut(self) -> None:
        """End whatever waits on the device now; any thread."""
        self._transport.cut()

    def is_busy(self) -> None:
        """Slow down: the body of an answer has said that the device is busy."""
        self._pace.busy()

    def _authorized(self, request: Request, send: Callable[[str], Any]) -> Any:
        challenge = None
        if kept := self._nonces.take(request):
            answer = self._send_again(request, kept, send)
            if answer is not None and answer.status != 401:
                self._nonces.hit()
                self._login.accepted()
                return answer
            self._nonces.miss()  # which says nothing of the password
            challenge = read_challenges(answer.challenges) if answer is not None else None
        challenge = challenge or self._ask_for_challenge()
        for _ in range(3):
            header = self._login.header(challenge, request.method, request.target) if challenge else ""
            self._pace_within(request)
            answer = send(header)
            if answer.status != 401:
                if challenge:
                    self._login.accepted()
                    self._nonces.keep(challenge)
                return answer
            fresh = read_challenges(answer.challenges)
            if fresh is None:
                raise DeviceRefused(_NO_DIGEST)
            if challenge is not None and not fresh.stale:
                self._login.refused()
                self._login.learn(answer.body)
            challenge = fresh
        raise stopped()

    def _send_again(self, request: Request, kept: tuple[Challenge, int], send: Callable[[str], Any]) -> Any:
        """Send a read with a nonce that was used before; None where a kept connection was closed just now."""
        try:
            return send(self._login.header(kept[0], request.method, request.target, count=kept[1]))
        except DeviceUnreachable:
            if self._deadline.is_over():
                raise
            return None

    def _pace_within(self, request: Request) -> None:
        if request.urgent:
            return
        before = time.monotonic()
        self._pace.wait_within()
        self._deadline.until += time.monotonic() - before

    def _ask_for_challenge(self) -> Challenge | None:
        bare = Request("GET", self._challenge_target)
        try:
            answer = self._send(bare, "")
        except DeviceUnreachable:
            if self._deadline.is_over():
                raise
            answer = self._send(bare, "")  # a kept connection that the device closed just now
        if answer.status != 401:
            return None
        self._login.learn(answer.body)
        return read_challenges(answer.challenges)

    def _send(self, request: Request, header: str) -> Answer:
        """Send a request and read its whole answer; OutcomeUnknown for a command that has left without one."""
        try:
            with closing(self._open(request, header)) as reply:
                return Answer(reply.status, reply.read(request.limit), reply.challenges)
        except AnswerLost as error:
            if request.once:
                raise OutcomeUnknown("the command was sent and no answer came; look at the device") from error
            raise
        except DeviceGarbled as error:
            if request.once:
                raise OutcomeUnknown(f"the command was sent, and the answer is unreadable: {error}") from error
            raise

    def _begin(self, request: Request, header: str) -> "Reply | Answer":
        """Send a request whose answer is endless; a refusal is read whole."""
        reply = self._open(request, header)
        if reply.status != 401:
            return reply
        with closing(reply):
            return Answer(reply.status, reply.read(request.limit), reply.challenges)

    def _open(self, request: Request, header: str) -> Reply:
        headers = [("Accept-Encoding", "identity"), ("Accept", "*/*"), ("User-Agent", "devicemgr")]
        if header:
            headers.append(("Authorization", header))
        if request.content_type:
            headers.append(("Content-Type", request.content_type))
        content = request.upload or request.body
        if request.body or request.method in {"POST", "PUT"}:
            headers.append(("Content-Length", str(len(content))))
        reply = self._transport.open(request.method, self._base + request.target, headers, content)
        if fault := _fault(reply):
            reply.close()
            raise DeviceGarbled(fault)
        return reply


class Stream:
    """An endless answer: `status`, and its bytes as they come, each wait ending at what `until()` says then."""

    def __init__(self, reply: Reply, transport: HttpTransport) -> None:
        self.status = reply.status
        self._reply, self._deadline = reply, transport.deadline

    def chunks(self, until: Callable[[], float]) -> Iterator[bytes]:
        """Yield bytes until the device ends; raise DeviceUnreachable if a wait ends first or the line is lost."""
        self._deadline.until = until()
        for chunk in self._reply.pieces():
            yield chunk
            self._deadline.until = until()


def base_url(address: str) -> str:
    """Normalize an address to `http(s)://host[:port]`; raise InvalidInput for anything else."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    if parts.username is not None or parts.password is not None:
        raise InvalidInput("give user name and password apart, not in the address", hint=Hint("pass_credentials"))
    wrong = parts.scheme not in {"http", "https"} or parts.path.strip("/") or parts.query or parts.fragment
    if wrong or not host or not host.isascii() or any(c.isspace() or c in '\\"<>' for c in host):
        raise InvalidInput(f"'{safe(address, 100)}' is not the address of a device; write http(s)://HOST[:PORT]")
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port is not None else "")


def read_json(body: bytes) -> dict[str, Any]:
    """Parse a JSON object of bounded depth; raise DeviceGarbled otherwise. Strings may hold lone surrogates."""
    if _depth(body) > _MAX_DEPTH:
        raise DeviceGarbled("the device's answer is nested too deeply; is this the right device?")
    try:
        found = json.loads(body.decode("utf-8-sig", "replace").strip("\x00 \r\n\t"))
    except (ValueError, RecursionError) as error:
        raise DeviceGarbled("the device's answer is not whole JSON; restart it, or update its firmware") from error
    if not isinstance(found, dict):
        raise DeviceGarbled("the device's answer is no JSON object; is this the right device?")
    return found


def _depth(body: bytes) -> int:
    deepest = depth = 0
    for found in _BRACKET.finditer(_STRING.sub(b"", body)):
        depth += 1 if found[0] in b"{[" else -1
        deepest = max(deepest, depth)
    return deepest


def _fault(reply: Reply) -> str:
    if 300 <= reply.status < 400:
        return REDIRECTED
    if reply.header("Content-Encoding").lower() not in {"identity", ""}:
        return "the device sends compressed answers that were not requested; update its firmware"
    return ""
