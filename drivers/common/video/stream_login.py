"""The user name and password of one stream: sent by Digest, and in clear text only where that is allowed.

FFmpeg answers a Basic challenge with the plain password by itself, so it gets no credentials at all: the relay
(`_stream_relay`) answers the camera's challenges with what this module makes.
"""

import base64
import re
from collections.abc import Sequence

from devicemgr.errors import DeviceRefused, Hint
from drivers.common.http.digest import Challenge, authorization, read_challenges
from drivers.common.video.urls import wrong_password

PLAIN_ONLY = (
    "the camera asks for the password in clear text; switch it to digest authentication, or allow it by "
    "the option allow_basic=true"
)
UNKNOWN_WAY = "the camera asks for a kind of login that is not known here{}; switch it to digest authentication"
NO_WAY = (
    "the camera refuses the login and does not say which kind it wants; is the account locked? wait, then see to the "
    "camera's user and its RTSP authentication"
)
_MAX_STALE_ANSWERS = 2
_BASIC = re.compile(r"(?:^|,)\s*basic\b", re.IGNORECASE)
# A realm may hold a comma and the name of a scheme.
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_SCHEME = re.compile(r"(?:^|,)\s*([A-Za-z][A-Za-z0-9-]{0,30})(?:\s+[A-Za-z-]+\s*=|\s*(?=,|$))")
_ALGORITHM = re.compile(r"algorithm\s*=\s*\"?([A-Za-z0-9-]{1,30})", re.IGNORECASE)
_MAX_HEADER_CHARS = 4096


class StreamLogin:
    """Credentials of one connection to a camera; for one thread."""

    def __init__(self, username: str | None, password: str | None, *, allow_basic: bool = False) -> None:
        self._username, self._password, self._allow_basic = username, password or "", allow_basic
        self._challenge: Challenge | None = None
        self._uses = 0
        self._is_basic = False

    def authorization(self, method: str, uri: str) -> str | None:
        """Return the Authorization value for one request, or None while the camera has not requested one.

        Names in it are UTF-8 (RFC 7616 3.4), written as heads are here: a character for each byte.
        """
        made = self._authorization(method, uri)
        return None if made is None else made.encode().decode("latin-1")

    def _authorization(self, method: str, uri: str) -> str | None:
        if self._username is None:
            return None
        if self._is_basic:
            pair = f"{self._username}:{self._password}".encode()
            return "Basic " + base64.b64encode(pair).decode("ascii")
        if self._challenge is None:
            return None
        self._uses += 1
        return authorization(self._challenge, self._username, self._password, method, uri, count=self._uses)

    def take_challenge(self, headers: Sequence[str], refusals: int) -> None:
        """Keep what a 401 answer asks for, so that the request can be sent again.

        `headers` are its WWW-Authenticate values, `refusals` how many 401 answers this request had, this one included:
        a nonce may be for one use only, so the first of them says nothing of the password. Raises DeviceRefused when
        the password is wrong, or could only be sent in clear text.
        """
        if self._username is None:
            raise DeviceRefused("the camera asks for a user name and a password", hint=Hint("set_device_login"))
        challenge = read_challenges([_as_utf8(header) for header in headers])
        if self._is_basic:
            raise wrong_password()
        if challenge is None:
            self._take_basic(headers)
        elif refusals > 1 and not (challenge.stale and refusals <= _MAX_STALE_ANSWERS):
            raise wrong_password()
        self._challenge, self._uses = challenge, 0

    def _take_basic(self, headers: Sequence[str]) -> None:
        bare = [_QUOTED.sub('""', header[:_MAX_HEADER_CHARS]) for header in headers]
        if not any(bare):
            raise DeviceRefused(NO_WAY)
        if not any(_BASIC.search(header) for header in bare):
            raise DeviceRefused(UNKNOWN_WAY.format(_named(bare, headers)))
        if not self._allow_basic:
            raise DeviceRefused(PLAIN_ONLY)
        self._is_basic = True


def _named(bare: Sequence[str], headers: Sequence[str]) -> str:
    """Return which kinds of login the camera offers, for a message; algorithms with them."""
    schemes = [name for header in bare for name in _SCHEME.findall(header)]
    algorithms = [name for header in headers for name in _ALGORITHM.findall(header[:_MAX_HEADER_CHARS])]
    names = list(dict.fromkeys([*schemes, *algorithms]))[:4]
    return f" ({', '.join(names)})" if names else ""


def _as_utf8(header: str) -> str:
    """Return a header that was read byte by byte as the UTF-8 that it is; as it is where it is something else."""
    try:
        return header.encode("latin-1").decode()
    except UnicodeError:
        return header
