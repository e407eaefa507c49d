"""The rights and the site in memory, one immutable snapshot at a time; deciding never reads the store."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace

from devicemgr.domain.model import AccessPoint, Capability, Portal
from devicemgr.domain.ports.driver import DriverCatalog
from devicemgr.domain.rules.areas.facts import NO_FACTS, Facts
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.threats.effective_mode import Effective, Why, effective, without_fire
from devicemgr.domain.rules.threats.threat import ThreatInForce
from devicemgr.domain.trusted_clock import WallClock
from devicemgr.errors import NotFound
from devicemgr.store.areas import threats as threat_rows
from devicemgr.store.database import Database, Session, revision
from devicemgr.store.ledger import events
from devicemgr.store.people import calibrations, credentials, face_models, people
from devicemgr.store.site import (
    access_levels as level_store,
    devices as device_store,
    portals as portal_store,
    settings,
    zones as zone_rows,
)
from devicemgr.store.sqlite_errors import reading_stored


class Rulebook:
    """Loads snapshots; `current` is one whole version, and `times` gives the times at which a right must hold.

    Threats in force are read from the store once; then they are what `set_threats` says. `facts` gives who is where.
    """

    def __init__(self, database: Database, catalog: DriverCatalog, clock: WallClock | None = None) -> None:
        clock = clock or WallClock()
        self.now, self.times = clock.now, clock.times
        self._database = database
        self._catalog = catalog
        self._loading = threading.Lock()
        # Held for a moment only: the dispatcher must not wait for the store when there is a fire.
        self._swapping = threading.Lock()
        self._fires: set[str] = set()
        self._threats: Mapping[str, ThreatInForce] | None = None
        self.facts: Callable[[], Facts] = lambda: NO_FACTS
        self._snapshot = Snapshot(version=-1)

    @property
    def current(self) -> Snapshot:
        """Return the snapshot in force."""
        return self._snapshot

    def refresh(self) -> Snapshot:
        """Return the store's present state, read only when it changed."""
        with self._loading:
            with self._database.read() as session:
                version = revision(session)
                if version == self._snapshot.version:
                    return self._snapshot
                with reading_stored("people and rights"):
                    loaded = load_snapshot(session, version)
                loaded = replace(loaded, readers=self._readers(session))
                devices = {row.name for row in device_store.devices(session)}
                stored = threat_rows.in_force(session) if self._threats is None else {}
            with self._swapping:
                self._fires &= devices
                self._threats = stored if self._threats is None else self._threats
                self._snapshot = replace(loaded, fire_active=bool(self._fires), threats_in_force=self._threats)
                return self._snapshot

    def _readers(self, session: Session) -> frozenset[str]:
        rows = device_store.devices(session)
        return frozenset(row.name for row in rows if self._reads(row.driver))

    def _reads(self, kind: str) -> bool:
        try:
            return bool(self._catalog.get(kind).capabilities & {Capability.READER, Capability.CONSOLE})
        except NotFound:
            return False

    def set_fire(self, device: str, active: bool) -> None:
        """While the fire input of any device is active, software holds nothing shut."""
        with self._swapping:
            self._fires = self._fires | {device} if active else self._fires - {device}
            self._snapshot = replace(self._snapshot, fire_active=bool(self._fires))

    def set_threats(self, in_force: Mapping[str, ThreatInForce]) -> None:
        """Let exactly these threats be in force from now on."""
        with self._swapping:
            self._threats = dict(in_force)
            self._snapshot = replace(self._snapshot, threats_in_force=self._threats)

    def mode_of(self, portal: Portal) -> Effective:
        """Return the mode in force at a portal now."""
        return self._at_all_times(effective, portal)

    def mode_apart_from_fire(self, portal: Portal) -> Effective:
        """Return the mode that a portal has now, or at the end of a fire."""
        return self._at_all_times(without_fire, portal)

    def _at_all_times(self, mode: Callable[..., Effective], portal: Portal) -> Effective:
        """Return the mode; while two clocks differ, a schedule frees a portal only when it does by both of them."""
        snapshot, facts = self._snapshot, self.facts()
        found = [mode(portal, at, snapshot, facts) for at in self.times()]
        is_by_schedule = all(one.because.why is Why.SCHEDULE for one in found)
        return found[0] if is_by_schedule else next(one for one in found if one.because.why is not Why.SCHEDULE)

    def points(self) -> list[AccessPoint]:
        """Return all access points."""
        return [point for portal in self._snapshot.portals.values() for point in portal.access_points]


def point_of(snapshot: Snapshot, device: str, channel: int = 1) -> AccessPoint | None:
    """Where one presents at reader or camera `channel` of `device`."""
    points = (point for portal in snapshot.portals.values() for point in portal.access_points)
    return next((point for point in points if (point.device, point.channel) == (device, channel)), None)


def portal_at(snapshot: Snapshot, gate: str, channel: int) -> Portal | None:
    """Return which portal hangs on a gate's channel."""
    portals = snapshot.portals.values()
    return next((portal for portal in portals if (portal.gate, portal.channel) == (gate, channel)), None)


def load_snapshot(session: Session, version: int) -> Snapshot:
    """Return the rights and the site as a session sees them, without what devices say: readers and fire."""
    everybody = people.models(session)
    stored = settings.load(session)
    return Snapshot(
        version=version,
        people={person.id: person for person in everybody},
        badges={person.badge: person.id for person in everybody},
        levels={row.name: level_store.level_model(row) for row in level_store.levels(session)},
        schedules=level_store.schedule_models(session),
        portals={row.name: portal_store.portal_model(row) for row in portal_store.portals(session)},
        zones={row.name: zone_rows.zone_model(row, stored.timezone or "UTC") for row in zone_rows.zones(session)},
        interlocks={row.name: zone_rows.interlock_model(row) for row in zone_rows.interlocks(session)},
        threats={row.name: threat_rows.threat_model(row) for row in threat_rows.threats(session)},
        cards=credentials.card_holders(session, blocked=False),
        blocked_cards=credentials.card_holders(session, blocked=True),
        card_terms=credentials.card_terms(session),
        pins=dict(credentials.by_kind(session, credentials.PIN)),
        duress_pins=dict(credentials.by_kind(session, credentials.DURESS_PIN)),
        lookalikes=_lookalikes(session),
        lanes_side_by_side=stored.lanes_side_by_side,
        seq=events.head(session)[0],
    )


def _lookalikes(session: Session) -> frozenset[str]:
    calibration = calibrations.load(session, face_models.active(session))
    return frozenset(person for pair in calibration.lookalikes for person in pair) if calibration else frozenset()
