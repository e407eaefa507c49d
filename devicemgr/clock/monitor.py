"""Watches this computer's clock for the daemon: jumps are recorded, the time that was reached is kept."""

import logging
import time
from datetime import UTC, datetime
from typing import Any

from devicemgr.clock import mark
from devicemgr.clock.ntp import doubt_when
from devicemgr.domain.ledger_events import Fact, Kind
from devicemgr.domain.model import JsonValue
from devicemgr.domain.trusted_clock import WallClock
from devicemgr.errors import DevicemgrError, Hint
from devicemgr.ledger.writer import Ledger
from devicemgr.store.database import Database
from devicemgr.text import rfc3339

log = logging.getLogger(__name__)

_ACCEPT = Hint("accept_clock")

_KEEP_S = 30.0


class ClockWatch:
    """For the looker's thread; `alarms` for any."""

    def __init__(self, clock: WallClock, database: Database, ledger: Ledger) -> None:
        self._clock, self._database, self._ledger = clock, database, ledger
        self._kept = float("-inf")

    @classmethod
    def of_process(cls, clock: WallClock, database: Database, ledger: Ledger) -> "ClockWatch":
        """Return the watch of this process; drivers set no device's clock while this one is in doubt."""
        doubt_when(lambda: bool(clock.ahead_s or clock.behind_s))
        return cls(clock, database, ledger)

    def look(self) -> None:
        """Record a jump; keep the mark now and then. Never raises."""
        jump = self._clock.look()
        if jump is not None:
            log.warning("the clock jumped by %.1f s, from %s", jump.seconds, rfc3339(jump.before))
            judged = self._clock.times()
            detail: dict[str, JsonValue] = {
                "from": rfc3339(jump.before),
                "to": rfc3339(jump.after),
                "seconds": round(jump.seconds, 3),
                "rights_judged_at": rfc3339(judged[0]),
            }
            if len(judged) > 1:
                detail["rights_judged_also_at"] = rfc3339(judged[1])
            self._ledger.submit(Fact(Kind.CLOCK_JUMPED, datetime.now(UTC), detail=detail))
        if time.monotonic() - self._kept >= _KEEP_S:
            self._kept = time.monotonic()
            self.keep()

    def keep(self) -> None:
        """Note on disk how far time has come, so that a clock set back while nothing runs is known too."""
        try:
            mark.save(self._database, self._clock)
        except DevicemgrError as error:
            log.debug("the time could not be kept: %s", error)  # storage has an alarm of its own

    def alarms(self) -> list[dict[str, Any]]:
        """Return what `status` shows of it."""
        return alarms_of(self._clock)


def alarms_of(clock: WallClock) -> list[dict[str, Any]]:
    """Return an alarm for a clock that is behind, or stands ahead of the time that was reached."""
    if behind := clock.behind_s:
        cause = (
            f"this computer's clock is {behind:.0f} s behind the time that was reached: rights are judged at "
            f"{rfc3339(clock.now())}; set the clock"
        )
        return [{"kind": "clock_behind", "cause": cause, "hint": _ACCEPT.as_json()}]
    if ahead := clock.ahead_s:
        cause = (
            f"this computer's clock has jumped {ahead:.0f} s ahead: a right must hold at {rfc3339(clock.now())} and at "
            f"{rfc3339(clock.earliest())}; set the clock"
        )
        return [{"kind": "clock_jumped", "cause": cause, "hint": _ACCEPT.as_json()}]
    return []
