"""Fire inputs: seen at once, remembered over a restart, never counteracted.

A release by the fire panel is hard-wired. What is kept here only sees to it that software sends no lock meanwhile: the
state is set on the thread that heard it, before anything queued for a gate, and one that was active when the last
daemon ended counts as active until its device has been heard again.
"""

import time
from collections.abc import Iterable
from datetime import UTC, datetime

from devicemgr.events import Fact, FireRelease, Kind
from devicemgr.ledger import Ledger
from devicemgr.rulebook import Rulebook
from devicemgr.store import ledger_rows
from devicemgr.store.database import Session
from devicemgr.supervisor import DeviceState, Health

# After a start nothing is locked until every device was heard, so that a fire nobody has told of yet is not missed.
HEARD_WITHIN_S = 10.0


class FireWatch:
    """Any thread; `on_fact` and `on_online` come in order from each device's own."""

    def __init__(self, ledger: Ledger, rules: Rulebook) -> None:
        self._ledger = ledger
        self._rules = rules
        self._assumed: set[str] = set()
        self._since = time.monotonic()

    def remember(self, session: Session) -> None:
        """Take the inputs that were active last from the record."""
        self._since = time.monotonic()
        self._assumed = active_inputs(session)
        for device in self._assumed:
            self._rules.set_fire(device, True)

    def on_fact(self, device: str, fact: FireRelease) -> None:
        """An input changed."""
        self._assumed.discard(device)
        self._rules.set_fire(device, fact.active)

    def on_online(self, device: str) -> bool:
        """A device was heard; True when it no longer tells of the fire that it told of before the restart."""
        if device not in self._assumed:
            return False
        self._assumed.discard(device)
        self._rules.set_fire(device, False)
        self._ledger.submit(Fact(Kind.FIRE_RELEASE, datetime.now(UTC), device=device, detail={"active": False}))
        return True

    def may_lock(self, states: Iterable[DeviceState]) -> bool:
        """False while a fire is known, or may be unknown yet."""
        if self._rules.current.fire_active:
            return False
        heard = all(state.health is not Health.UNKNOWN for state in states)
        return heard or time.monotonic() - self._since > HEARD_WITHIN_S


def active_inputs(session: Session) -> set[str]:
    """Names of the devices whose fire input was active when it was last heard of."""
    latest = ledger_rows.latest_by_device(session, Kind.FIRE_RELEASE)
    return {body["device"] for body in latest if body["detail"]["active"]}
