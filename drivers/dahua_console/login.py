"""The login at a Dahua terminal, which answers 401 to a right password too while it has too many connections."""

import time

from devicemgr.errors import DeviceBusy, Hint
from drivers.common.http.login import Login

_MAX_PROVEN_REFUSALS = 3
_PROVEN_QUIET_S = 300.0


class TooManyConnections(DeviceBusy):
    """A 401 to a password that was taken before: the same request may be accepted in a moment."""


class CrowdedLogin(Login):
    """A password that the terminal has taken before is not wrong: then 401 means too many connections.

    Yet it may have been changed there: after three refusals in a row one try each five minutes is all.
    """

    def __init__(self, username: str | None, password: str | None) -> None:
        super().__init__(username, password)
        self._is_proven = False
        self._crowded, self._quiet_until = 0, 0.0

    def require_open(self) -> None:
        """Raise DeviceRefused or DeviceBusy while no more tries are allowed."""
        if self._is_proven and time.monotonic() < self._quiet_until:
            raise DeviceBusy(
                "the terminal answers 401 to a password that it took before: close other programs that "
                "use it, or give the new password",
                hint=Hint("set_device_password"),
            )
        super().require_open()

    def refused(self) -> None:
        """Count a 401 as a wrong password, or as a crowded terminal once the password has proven right."""
        if not self._is_proven:
            super().refused()
            return
        self._crowded += 1
        words = "the terminal has too many connections (it answers 401); close other programs that use it"
        if self._crowded >= _MAX_PROVEN_REFUSALS:
            self._quiet_until = time.monotonic() + _PROVEN_QUIET_S
            raise DeviceBusy(words)
        raise TooManyConnections(words)

    def accepted(self) -> None:
        """Note that the password has proven right."""
        self._is_proven = True
        self._crowded, self._quiet_until = 0, 0.0
        super().accepted()
