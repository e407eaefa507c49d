"""The HTTP under ONVIF: patience for slow links and busy devices, HTTP Digest when the device wants it.

Challenges are parsed one by one, and the strongest known one is taken (RFC 7616 3.7).
"""

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

from devicemgr.errors import DeviceGarbled, DeviceRefused, NotYet
from devicemgr.text import safe
from drivers.common.http import tls
from drivers.common.http.digest import Challenge, authorization, read_challenges
from drivers.common.http.login import basic_authorization
from drivers.common.http.tls import tls_context
from drivers.common.http.transport import REDIRECTED, Answer, HttpTransport
from drivers.common.onvif.soap.bodies import MAX_BODY_BYTES, TOO_LARGE, plain_body
from drivers.common.video.urls import UNTRUSTED

if TYPE_CHECKING:
    from drivers.common.http.upload import Upload

_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "devicemgr", "Accept": "*/*"}
# A busy device has done nothing (RFC 9110 15.6.4, RFC 6585 4).
_BUSY = (429, 503)
_BUSY_PAUSE_S = 0.5
# A link of 3 s a call was seen; a device that is not there is noticed sooner.
_MAX_DEADLINE_S, _MAX_CONNECT_S = 10.0, 6.0
_PATIENCE = 2.5
# What a URL may hold as it is (RFC 3986 2.2); a percent sign begins an escape that the device wrote.
_URL_CHARACTERS = "!#$%&'()*+,/:;=?@[]~"
BUSY = "the device is busy and did nothing; try again, or end another program that uses it"
PLAIN_ONLY = "the device asks for the password in clear text; switch it to digest authentication, or use https://"


class OnvifTransport:
    """One device's HTTP; for one thread. `use_digest` is set once the device wanted HTTP Digest.

    No connection is kept: one that the device closed just now would look like a lost answer.
    """

    def __init__(self, username: str | None, password: str | None, deadline: float = 5.0, tls_ca: str = "") -> None:
        self._http = HttpTransport(tls_context(None, tls_ca) if tls_ca else None, max_connect_s=_MAX_CONNECT_S)
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
    ) -> Answer:
        """Send one request and read its whole answer, ≤5 MB, within the deadline; repeat while the device is busy."""
        left = min(deadline or self.deadline(), max(0.05, self._spent_at - time.monotonic()))
        self._http.deadline.until = until = time.monotonic() + left
        answer = self._sent(method, url, body, headers)
        while answer.status in _BUSY and b"Fault" not in answer.body:
            if time.monotonic() + _BUSY_PAUSE_S > until:
                raise NotYet(BUSY)
            time.sleep(_BUSY_PAUSE_S)
            answer = self._sent(method, url, body, headers)
        if deadline is None:
            self.slowest_s = max(self.slowest_s, time.monotonic() - until + left)
        return answer

    def deadline(self) -> float:
        """Return the seconds that one call may take: more on a link whose slowest call so far took long."""
        usual = self._deadline * self._patience
        return max(usual, min(2 * self.slowest_s + 1.0, _MAX_DEADLINE_S)) if self.slowest_s else usual

    def _sent(self, method: str, url: str, body: "bytes | Upload | None", headers: Mapping[str, str]) -> Answer:
        answer = self._send(method, url, body, headers)
        if answer.status != 401:
            self._digest_worked = self.use_digest
        elif self._digest_worked and self._take_challenge(answer):
            # The password is right, the nonce was stale, or for one use.
            answer = self._send(method, url, body, headers)
        return answer

    @contextmanager
    def budget(self, seconds: float, *, is_patient: bool = False) -> Iterator[None]:
        """Within it, all exchanges together take so long at most; `is_patient` gives each more time, for slow links."""
        self._spent_at, self._patience = time.monotonic() + seconds, _PATIENCE if is_patient else 1.0
        try:
            yield
        finally:
            self._spent_at, self._patience = math.inf, 1.0

    def offer_digest(self, answer: Answer) -> bool:
        """Return True if a 401 answer offers HTTP Digest; later requests then carry it."""
        self.use_digest = self._take_challenge(answer)
        return self.use_digest

    def cut(self) -> None:
        """End the exchange that is under way; from any thread."""
        self._http.cut()

    def basic(self) -> str:
        """Return the Authorization header with the password in clear text."""
        return basic_authorization(self._username or "", self._password or "")

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def _send(self, method: str, url: str, body: "bytes | Upload | None", headers: Mapping[str, str]) -> Answer:
        url = _quoted(url)
        sent = dict(headers) | _HEADERS
        if self.use_digest and self._challenge is not None:
            sent["Authorization"] = self._digest_header(self._challenge, method, url)
        if body is not None:
            sent["Content-Length"] = str(len(body))
        try:
            with closing(self._http.open(method, url, list(sent.items()), b"" if body is None else body)) as reply:
                content = reply.read(MAX_BODY_BYTES, TOO_LARGE)
        except DeviceRefused as refusal:
            if str(refusal) != tls.UNTRUSTED:
                raise
            raise DeviceRefused(UNTRUSTED) from refusal
        plain = plain_body(content, reply.header("Content-Encoding"), reply.header("Content-Type"))
        if 300 <= reply.status < 400:
            raise DeviceGarbled(REDIRECTED)
        return Answer(reply.status, plain, reply.challenges)

    def _take_challenge(self, answer: Answer) -> bool:
        challenge = read_challenges(answer.challenges) if self._username is not None else None
        if challenge is None:
            return False
        self._challenge, self._uses = challenge, 0
        return True

    def _digest_header(self, challenge: Challenge, method: str, url: str) -> str:
        self._uses += 1
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return authorization(challenge, self._username or "", self._password or "", method, target, count=self._uses)


def login_refusal(answer: Answer) -> str:
    """Return what to say of a 401 answer that asks for no login that is known here; "" if it asks for none at all."""
    schemes = ", ".join(filter(None, answer.challenges))
    if not schemes:
        return ""
    if "basic" in schemes.lower():
        return PLAIN_ONLY
    return (
        f"the device asks for a login that is not known here ({safe(schemes, 80)}); set it to Digest authentication "
        "with SHA-256 or MD5"
    )


def _quoted(url: str) -> str:
    """Return a URL with what no request may hold, such as a space, escaped; without its fragment."""
    parts = urlsplit(url)
    path, query = quote(parts.path, _URL_CHARACTERS), quote(parts.query, _URL_CHARACTERS)
    return urlunsplit((parts.scheme, parts.netloc, path, query, ""))
