"""A daemon's portal modes on one thread: gates that can be away, and a clock that the test sets."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from devicemgr.access.area_checkpoint import AreaKeeper
from devicemgr.access.area_state import AreaState
from devicemgr.access.policy_cache import Rulebook
from devicemgr.access.portals.portal_modes import PortalModes
from devicemgr.access.portals.threat_control import ThreatControl
from devicemgr.devices.supervisor import DeviceState, Health
from devicemgr.domain.ledger_events import Fact
from devicemgr.domain.model import Direction, PortalMode
from devicemgr.domain.ports.device import Device
from devicemgr.errors import DevicemgrError, DeviceUnreachable
from devicemgr.site.areas.threats import ThreatFields, put_threat
from devicemgr.site.unit_of_work import unit_of_work
from devicemgr.store.ledger import events
from devicemgr.store.ledger.events import EventFilter
from devicemgr.store.site import portals as portal_store
from devicemgr.store.tables import ScheduleRow
from tests.support.core import FakeGate

MONDAY = "2026-03-02"


def at(clock: str, day: str = MONDAY) -> datetime:
    return datetime.fromisoformat(f"{day}T{clock}:00+00:00").astimezone(UTC)


class FreeHall:
    """Portal `lobby` at gate `arm`, free mon-fri 08:00-18:00 UTC; `start` begins another daemon on the same store."""

    def __init__(self, entrance: Any, **portal: Any) -> None:
        self.site, self.anna = entrance.site, entrance.anna
        self.clock = at("07:00")
        self.gate = FakeGate()
        self.away = False
        self.fire_unknown: str | None = None
        with self.site.database.write() as session:
            office = {"windows": ["mon-fri 08:00-18:00"], "timezone": "UTC", "holidays": []}
            session.add(ScheduleRow(name="office", **office))
            row = portal_store.portal(session, "lobby")
            for field, value in ({"free": "office"} | portal).items():
                setattr(row, field, value)
        with unit_of_work(self.site, "uid:0") as work:
            put_threat(work, "lockdown", ThreatFields(order=9))
        self.start()

    def start(self) -> None:
        """Begin as the daemon does: what is on disk, then devices that come online."""
        self._flush()
        self.rules = Rulebook(self.site.database, self.site.parts.catalog)
        self.rules.times = lambda: (self.clock,)
        self.rules.refresh()
        self.modes = PortalModes(self.site, self.rules, self, lambda: self.fire_unknown)
        with self.site.database.read() as session:
            self.modes.remember(session)
        self.areas = AreaState(self.rules, _none, _none, lambda _: None, self.record)
        self.keeper = AreaKeeper(self.site.database, self.site.ledger, self.rules, self.areas)
        self.keeper.begin(lambda: self.site.ledger.feed.follow(self.areas.on_recorded))
        self.threats = ThreatControl(self.site, self.rules, self.modes, self.record)
        if not self.away:
            self.state(Health.ONLINE)

    def state(self, health: Health) -> None:
        self.away = health is not Health.ONLINE
        self.modes.on_state(DeviceState("arm", "x", health, None, None))  # type: ignore[arg-type]

    def record(self, fact: Fact) -> None:
        with self.site.database.write(changes_site=False) as session:
            self.site.ledger.append(session, [fact])

    def call(self, _: str, action: Callable[[Device], Any], __: float) -> Any:
        if self.away:
            raise DeviceUnreachable("no line")
        return action(self.gate)  # type: ignore[arg-type]

    def command(self, name: str, action: Callable[[Device], Any], done: Callable[..., None]) -> None:
        try:
            result = self.call(name, action, 0)
        except DevicemgrError as error:
            done(None, error)
        else:
            done(result, None)

    def tick(self, clock: str | None = None) -> list[PortalMode]:
        """A turn of the scheduler; return the modes that the gate was sent since the last one."""
        self.clock = at(clock) if clock else self.clock
        self.modes.settle()
        return self.sent()

    def sent(self) -> list[PortalMode]:
        found = []
        while not self.gate.done.empty():
            found.append(self.gate.done.get()[2])
        return found

    def passes(self, clock: str, kind: str = "passage_completed", **detail: Any) -> None:
        """Anna enters."""
        self.clock = at(clock)
        request = f"request-{clock}"
        self.record(
            Fact(
                kind,
                self.clock,
                portal="lobby",
                direction=Direction.ENTRY,
                person_id=self.anna,
                request=request,
                detail=detail,
            )
        )
        self.site.ledger.feed.look()

    def _flush(self) -> None:
        written = threading.Event()
        self.site.ledger.submit(Fact("test.flush", self.clock), lambda _: written.set())
        assert written.wait(10)

    @property
    def shown(self) -> tuple[str, str, str | None]:
        portal = self.rules.current.portals["lobby"]
        found = self.rules.mode_of(portal)
        return str(found.mode), str(found.because.why), found.because.rule

    def recorded(self, kind: str = "portal_mode_effective") -> list[dict[str, Any]]:
        self._flush()
        with self.site.database.read() as session:
            return [event["detail"] for event in events.find(session, EventFilter(kind=kind), 99)]

    def effective(self) -> list[tuple[str, str]]:
        return [(one["mode"], one["because"]) for one in self.recorded()]


def _none(*_: Any) -> dict[str, str]:
    return {}
