"""The login at an ONVIF device, shared by all its connections: the clock's offset, and when to stop trying.

Access rules: ONVIF Core Specification 5.9 (UsernameToken digest, HTTP Digest); WS-UsernameToken Profile 1.1 §3.1.
"""

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from zeep.wsse.username import UsernameToken

from devicemgr.errors import DeviceRefused, Hint
from drivers.common.onvif.soap.namespaces import CLOCK_HIDDEN, LOCKED, NO_RIGHTS, PRE_AUTH
from drivers.common.video.urls import WRONG_PASSWORD

_HOLD_S = 900.0  # a locked account opens again after 5 to 30 minutes
_ZONE_STEP = 900


class OnvifLogin:
    """Safe between threads. A password that never worked is tried twice and then waits for a person.

    One that has worked before is tried again after 15 minutes: the device may have locked the account for a while.
    """

    def __init__(self, username: str | None, password: str | None) -> None:
        self.username, self._password = username, password
        self.token_with_digest = False  # some devices want both at once
        self.skew_seconds: float | None = None
        self._offset = 0.0
        self._proved = False
        self._refusals = 0
        self._held_since: float | None = None
        self._hold = ""
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return "OnvifLogin()"

    @property
    def password(self) -> str | None:
        """In clear, for the transport."""
        return self._password

    def token(self) -> UsernameToken | None:
        """Return a UsernameToken digest for one call, dated by the device's clock."""
        if self.username is None:
            return None
        created = datetime.now(UTC) + timedelta(seconds=self._offset)
        return UsernameToken(self.username, self._password or "", use_digest=True, created=created, zulu_timestamp=True)

    def learn_clock(self, skew: float | None) -> bool:
        """Take the device's clock into account from now on; whether that changes anything."""
        with self._lock:
            before = self._offset
            if self.skew_seconds is None or skew is None or abs(skew - self.skew_seconds) > 2.0:
                self._offset = skew or 0.0  # a reading that was found to be another zone's stays so
            self.skew_seconds = skew
            return abs(self._offset - before) > 2.0

    def try_other_zone(self) -> bool:
        """Take whole quarters of an hour as a zone, for local time shown as UTC; return True if that differs."""
        with self._lock:
            other = self._offset - round(self._offset / _ZONE_STEP) * _ZONE_STEP
            changed, self._offset = abs(other - self._offset) > 1, other
            return changed

    def require_not_held(self) -> None:
        """Raise DeviceRefused while a person has to look at the password."""
        with self._lock:
            if self._held_since is None:
                return
            may_end = self._proved or self._hold  # a lock ends by itself, a wrong password does not
            if not may_end or time.monotonic() - self._held_since < _HOLD_S:
                raise _of_password(self._hold or self._words())
            self._held_since, self._refusals, self._hold = None, 0, ""

    def worked(self, operation: str) -> None:
        """Note that a call succeeded."""
        if operation not in PRE_AUTH:
            with self._lock:
                self._proved, self._refusals, self._held_since, self._hold = True, 0, None, ""

    def locked(self, words: str) -> DeviceRefused:
        """Return the error for an account that the device says is locked; nothing is tried for a while."""
        with self._lock:
            self._refusals, self._held_since, self._hold = 0, time.monotonic(), LOCKED.format(words)
            return _of_password(self._hold)

    def refused(self, operation: str) -> DeviceRefused:
        """Return the error for a call refused for good. The second one in a row holds all others back."""
        with self._lock:
            self._refusals += 1
            if self._proved and self._refusals < 2:
                return DeviceRefused(NO_RIGHTS.format(operation))
            self._held_since = time.monotonic()
            return _of_password(self._words())

    def _words(self) -> str:
        return CLOCK_HIDDEN if self.skew_seconds is None else WRONG_PASSWORD


def wants_user() -> DeviceRefused:
    """Return the error for a device that wants a login where none is configured."""
    return DeviceRefused("the device wants a user name and a password", hint=Hint("set_device_login"))


def _of_password(words: str) -> DeviceRefused:
    return DeviceRefused(words, hint=Hint("set_device_password"))


def apply_token(token: UsernameToken | None, envelope: Any, headers: dict[str, str]) -> Any:
    """Return the envelope with the token in its header."""
    return envelope if token is None else token.apply(envelope, headers)[0]
