"""The rights and the site in memory, one immutable snapshot at a time; deciding never reads the store."""

import threading
from dataclasses import replace

from devicemgr.model import AccessPoint, Portal
from devicemgr.rules.policy import Snapshot
from devicemgr.store import people, places
from devicemgr.store.database import Database, revision


class Rulebook:
    """Loads snapshots; `current` is one whole version."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._snapshot = Snapshot(version=-1)
        self._points: dict[str, AccessPoint] = {}
        self._gates: dict[tuple[str, int], Portal] = {}

    @property
    def current(self) -> Snapshot:
        """The snapshot in force."""
        return self._snapshot

    def refresh(self) -> Snapshot:
        """The store's present state, read only when it changed."""
        with self._lock, self._database.read() as session:
            version = revision(session)
            if version != self._snapshot.version:
                self._snapshot = Snapshot(
                    version=version,
                    people={person.id: person for person in people.models(session)},
                    levels={row.name: places.level_model(row) for row in places.levels(session)},
                    schedules={row.name: places.schedule_model(row) for row in places.schedules(session)},
                    portals={row.name: places.portal_model(row) for row in places.portals(session)},
                    fire_active=self._snapshot.fire_active,
                )
                portals = self._snapshot.portals.values()
                self._points = {point.device: point for portal in portals for point in portal.access_points}
                self._gates = {(portal.gate, portal.channel): portal for portal in portals}
            return self._snapshot

    def set_fire(self, active: bool) -> None:
        """While a fire input is active, software holds nothing shut."""
        with self._lock:
            self._snapshot = replace(self._snapshot, fire_active=active)

    def point_of(self, device: str) -> AccessPoint | None:
        """Where one presents at `device`."""
        return self._points.get(device)

    def portal_at(self, gate: str, channel: int) -> Portal | None:
        """Which portal hangs on a gate's channel."""
        return self._gates.get((gate, channel))

    def points(self) -> list[AccessPoint]:
        """All access points."""
        return list(self._points.values())
