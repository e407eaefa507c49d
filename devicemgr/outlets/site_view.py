"""The present states of a site for channels that show them: from memory, twice a second and after each commit."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from devicemgr.domain.rules.alarms import Alarm, changes_alarms
from devicemgr.domain.rules.duress.veil import is_alarm_of_duress
from devicemgr.errors import StorageFailed
from devicemgr.ledger.feed import Recorded
from devicemgr.site.runtime import Runtime
from devicemgr.site.site import Site
from devicemgr.store.ledger import alarms
from devicemgr.text import rfc3339

log = logging.getLogger(__name__)

# What changes in memory without an event, such as a portal that is at rest again, is seen this soon.
_LOOK_S = 0.5

Part = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Sight:
    """Portals, zones and devices by name, and the alarms that are on, but for those of duress; no people.

    A portal has `since`, when its state, mode or door changed last, and `gate`, its device.
    """

    portals: Part = field(default_factory=dict)
    zones: Part = field(default_factory=dict)
    devices: Part = field(default_factory=dict)
    alarms: Sequence[Alarm] = ()


class SiteView:
    """A thread while anyone follows; see `standing.Views`."""

    def __init__(self, site: Site, runtime: Runtime) -> None:
        self._site, self._runtime = site, runtime
        self._lock = threading.Lock()
        self._followers: tuple[Callable[[], None], ...] = ()
        self._is_running = False
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._alarms_changed = threading.Event()
        self._sight = Sight()
        self._since: dict[str, tuple[Mapping[str, Any], str]] = {}

    @property
    def present(self) -> Sight:
        """See `standing.Views`."""
        return self._sight

    def follow(self, follower: Callable[[], None]) -> Sight:
        """See `standing.Views`."""
        self._alarms_changed.set()
        self._look()
        with self._lock:
            self._followers += (follower,)
            if not self._is_running and not self._stopping.is_set():
                self._is_running = True
                self._site.ledger.feed.follow(self._on_recorded)
                self._alarms_changed.set()  # by an event before that line
                threading.Thread(target=self._run, name="outlet-states", daemon=True).start()
        return self._sight

    def leave(self, follower: Callable[[], None]) -> None:
        """See `standing.Views`."""
        with self._lock:
            self._followers = tuple(one for one in self._followers if one != follower)
        self._wake.set()

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()
        self._wake.set()

    def _on_recorded(self, recorded: Recorded) -> None:
        if any(changes_alarms(body) for body in recorded.bodies):
            self._alarms_changed.set()
        self._wake.set()

    def _run(self) -> None:
        while self._goes_on():
            self._wake.wait(_LOOK_S)
            self._wake.clear()
            before = self._sight
            try:
                self._look()
            except StorageFailed as error:
                log.debug("the alarms can't be read: %s", error)
            except Exception:
                log.exception("the states of the site can't be read")
                self._stopping.wait(_LOOK_S)
            if self._sight != before:
                for follower in self._followers:
                    follower()

    def _goes_on(self) -> bool:
        with self._lock:
            if self._followers and not self._stopping.is_set():
                return True
            self._site.ledger.feed.leave(self._on_recorded)
            self._is_running = False
            return False

    def _look(self) -> None:
        found = self._runtime.live_states()
        gates = {name: portal.gate for name, portal in self._runtime.rules().portals.items()}
        portals = {name: self._dated(name, state, gates.get(name)) for name, state in found.get("portals", {}).items()}
        zones, devices = found.get("zones", {}), found.get("devices", {})
        # All but the alarms is from memory, and is shown while the database can't be read.
        self._sight = Sight(portals, zones, devices, self._sight.alarms)
        if self._alarms_changed.is_set():
            self._alarms_changed.clear()
            try:
                with self._site.database.read() as session:
                    listed = alarms.listed(session, with_duress=False)
            except StorageFailed:
                self._alarms_changed.set()
                raise
            on = tuple(one for one in listed if one.active and not is_alarm_of_duress(one.id))
            self._sight = Sight(portals, zones, devices, on)

    def _dated(self, name: str, state: Mapping[str, Any], gate: str | None) -> Mapping[str, Any]:
        known, since = self._since.get(name, (None, ""))
        if known != state:
            since = rfc3339(datetime.now(UTC))
            self._since[name] = (state, since)
        return {**state, "gate": gate, "since": since}
