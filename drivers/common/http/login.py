"""One device's user name and password, and how often they may be tried before the device locks the account."""

import base64
import re
import threading
import time
from collections.abc import Callable

from devicemgr.errors import DeviceRefused, Hint
from drivers.common.http.digest import Challenge, authorization

_QUIET_S = 31 * 60.0
_MAX_REFUSALS = 2
_MAX_LOCK_S = 24 * 3600
_LAST_TRY = 1
# As `<lockStatus>lock</lockStatus>` and as `"lockStatus":"lock"`, where firmware tells it (userCheck).
_LOCKOUT_FIELDS = re.compile(
    rb'(lockStatus|unlockTime|retryTimes|retryLoginTime)"?\s*[>:]\s*"?(\w{1,8})', re.IGNORECASE
)
_STOPPED = (
    "the device refuses the user name or password; no more tries for half an hour, so that it does not lock the "
    "account: give the right ones"
)


class Login:
    """One device's user name and password, shared by all connections to it; safe between threads.

    After two refusals in a row nothing is tried until the device is edited or half an hour has passed: about five
    lock the account (capture). A device that says that it is locked is left alone for as long as it says.
    """

    def __init__(self, username: str | None, password: str | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._username, self._password, self._clock = username, password or "", clock
        self._lock = threading.Lock()
        self._refusals, self._since = 0, 0.0
        self._locked_until = 0.0

    def require_open(self) -> None:
        """Raise DeviceRefused while no more tries are allowed."""
        with self._lock:
            if (left := self._locked_until - self._clock()) > 0:
                raise _locked(left)
            if self._refusals < _MAX_REFUSALS:
                return
            if self._clock() - self._since < _QUIET_S:
                raise stopped()
            self._refusals = _MAX_REFUSALS - 1  # one more try

    def learn(self, body: bytes) -> None:
        """Read the state of the account from a 401; raise DeviceRefused if it is locked, or if only one try is left."""
        fields = {name.lower(): value.lower() for name, value in _LOCKOUT_FIELDS.findall(body[:4096])}
        seconds, tries = (
            _whole(fields.get(b"unlocktime")),
            _whole(fields.get(b"retrytimes", fields.get(b"retrylogintime"))),
        )
        with self._lock:
            if fields.get(b"lockstatus") == b"lock":
                self._locked_until = self._clock() + min(seconds or _QUIET_S, _MAX_LOCK_S)
            elif tries is not None and tries <= _LAST_TRY and self._refusals:
                self._refusals, self._since = _MAX_REFUSALS, self._clock()
        self.require_open()

    def refused(self) -> None:
        """Count a refused password."""
        with self._lock:
            self._refusals, self._since = self._refusals + 1, self._clock()

    def accepted(self) -> None:
        """Forget earlier refusals after the device has accepted the password."""
        with self._lock:
            self._refusals = 0

    def header(self, challenge: Challenge, method: str, target: str, *, count: int = 1) -> str:
        """Return the Authorization of request `count` with this nonce; raise DeviceRefused without a user name."""
        if self._username is None:
            raise DeviceRefused("the device asks for a password, and none is given here", hint=Hint("set_device_login"))
        return authorization(challenge, self._username, self._password, method, target, count=count)


def basic_authorization(username: str, password: str) -> str:
    """Return the Authorization header with the password in clear text, as UTF-8 (RFC 7617 2.1)."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii")


def stopped() -> DeviceRefused:
    """Return the error for a login that is not tried any more for now."""
    return DeviceRefused(_STOPPED, hint=Hint("set_device_login"))


def _locked(seconds: float) -> DeviceRefused:
    minutes = max(1, round(seconds / 60))
    return DeviceRefused(
        f"the device has locked this account for another {minutes} min after wrong passwords; find the program that "
        "has an old one, then wait, or restart the device and give the right password",
        hint=Hint("set_device_password"),
    )


def _whole(text: bytes | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None
