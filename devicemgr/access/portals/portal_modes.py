"""Portal modes: sent to a gate when what is in force there changes, and again to a gate that comes back.

What is in force is worked out by `rules.threats.effective_mode`: a guard's command, a threat, a schedule's free time.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar

from devicemgr.access.policy_cache import Rulebook
from devicemgr.access.portals.mode_record import ModeRecord, mode_fact
from devicemgr.devices.supervisor import DeviceState, Health
from devicemgr.domain.ledger_events import Condition, Fact, Kind
from devicemgr.domain.model import JsonValue, Portal, PortalMode
from devicemgr.domain.ports.device import Delivery, Device, Gate
from devicemgr.domain.rules.threats.effective_mode import Effective
from devicemgr.domain.rules.threats.threat import FreePortals, Standing
from devicemgr.errors import (
    DeviceBusy,
    DeviceError,
    DeviceRefused,
    DeviceUnreachable,
    DeviceUnready,
    Hint,
    InvalidInput,
    RequestError,
)
from devicemgr.site.site import Site
from devicemgr.store.database import Session
from devicemgr.store.site import conditions, portals as portal_store
from devicemgr.store.tables import PortalRow

log = logging.getLogger(__name__)
T = TypeVar("T")
_APPLY_S = 5.0
_KINDS = {
    PortalMode.FREE: Kind.PORTAL_UNLOCKED,
    PortalMode.LOCKED: Kind.PORTAL_LOCKED,
    PortalMode.NORMAL: Kind.PORTAL_RELOCKED,
}


class Caller(Protocol):
    """Runs an action on a device's own thread and waits; the supervisor, or a stand-in without a daemon."""

    def call(self, name: str, action: Callable[[Device], T], timeout: float) -> T:
        """Run an action on the device's thread and return its result; `timeout` in seconds."""

    def command(
        self, name: str, action: Callable[[Device], object], done: Callable[[object, Exception | None], None]
    ) -> None:
        """Run an action on the device's thread, then `done(result, error)` there."""


class GateAnswer(NamedTuple):
    """What a gate answered to a mode: confirmed, sent, refused or unknown; the cause of the last two."""

    outcome: str
    cause: str | None = None


UNKNOWN = "unknown"
# After any other error the gate may have done it.
_NOT_DONE = (DeviceRefused, DeviceUnreachable, DeviceBusy, DeviceUnready, RequestError)


def _failed(error: Exception) -> GateAnswer:
    return GateAnswer("refused" if isinstance(error, _NOT_DONE) else UNKNOWN, str(error))


class PortalModes:
    """normal, locked and free; what is locked is released while there is a fire.

    `why_not_lock` says why nothing may be locked now (fire.FireWatch), None when it may. While a fire is active nothing
    is sent that closes a gate, and while one can't be ruled out only what a guard orders is: a return to normal, or a
    threat.
    """

    def __init__(self, site: Site, rules: Rulebook, devices: Caller, why_not_lock: Callable[[], str | None]) -> None:
        self._site = site
        self._rules = rules
        self._devices = devices
        self._why_not_lock = why_not_lock
        self._sent: dict[str, PortalMode] = {}
        self._wanted: dict[str, PortalMode] = {}
        self._online: set[str] = set()
        self._away: set[str] = set()
        self._released: set[str] = set()
        self._owed: set[str] = set()
        self._record = ModeRecord(site.ledger)

    def change(self, name: str, mode: PortalMode, actor: str, *, despite_threat: bool = False) -> dict[str, Any]:
        """Record the mode, then send what is in force with it; the answer says so where the gate is away.

        Raises RequestError for a portal that a threat keeps from being free, unless `despite_threat`.
        """
        self._rules.refresh()
        standing = self._threat_against(name, mode)
        if standing is not None and not despite_threat:
            raise RequestError(
                f"threat '{standing.threat.name}' is in force at portal '{name}': it is not freed without confirmation",
                code="threat_in_force",
                facts={"threat": standing.threat.name, "portal": name},
                hint=Hint("free_despite_threat", portal=name),
            )
        with self._site.database.write() as session:
            row = portal_store.portal(session, name)
            before, row.mode = row.mode, str(mode)
            portal = portal_store.portal_model(row)
            detail = {"mode": str(mode)} | _changed_mode(before, mode)
            detail |= {"despite": standing.threat.name} if standing else {}
            condition = _lock_of(row, active=True) if mode is PortalMode.LOCKED else None
            change = _fact("admin.portal_mode", name, actor, detail)
            self._site.ledger.append(session, [replace(change, condition=condition)])
        self._note_freed(name, standing)
        answer: dict[str, Any] = {"portal": name, "mode": str(mode), "applied": True}
        try:
            self._rules.refresh()
            found = self._rules.mode_apart_from_fire(portal)
            self._wanted[name] = found.mode
            outcome = self._devices.call(portal.gate, partial(self._apply, name, by_guard=True), _APPLY_S)
        except DeviceError as error:
            return answer | self._rules.mode_of(portal).as_json() | {"applied": False, "cause": str(error)}
        except RequestError:
            self._put_back(name, before, actor)
            raise
        self._record_change(name, mode, found, actor, outcome)
        return answer | self._rules.mode_of(portal).as_json() | {"outcome": str(outcome)}

    def _threat_against(self, name: str, mode: PortalMode) -> Standing | None:
        """Return the threat in spite of which a portal would be freed."""
        standing = self._rules.current.threat_at.get(name) if mode is PortalMode.FREE else None
        return standing if standing is not None and standing.threat.free is FreePortals.SUSPEND else None

    def _note_freed(self, name: str, standing: Standing | None) -> None:
        """Let a portal be free in spite of a threat, or no longer, as the event's transaction has kept it."""
        in_force = self._rules.current.threats_in_force
        freed = {one: threat.freed - {name} for one, threat in in_force.items()}
        if standing is not None:
            freed[standing.threat.name] |= {name}
        if any(freed[one] != threat.freed for one, threat in in_force.items()):
            self._rules.set_threats({one: replace(threat, freed=freed[one]) for one, threat in in_force.items()})

    def _record_change(self, name: str, mode: PortalMode, found: Effective, actor: str, outcome: Delivery) -> None:
        detail: dict[str, JsonValue] = {"mode": str(mode), "outcome": str(outcome)}
        fact = _fact(_KINDS[found.mode], name, actor, detail)
        with self._site.database.write(changes_site=False) as session:
            if mode is not PortalMode.LOCKED:
                fact = replace(fact, condition=_lock_of(portal_store.portal(session, name), active=False))
            self._record.recall(session)
            facts = [fact, mode_fact(name, found, actor)] if self._record.is_new(name, found) else [fact]
            self._site.ledger.append(session, facts)

    def _put_back(self, name: str, mode: str, actor: str) -> None:
        """Leave the portal as it was: the gate can't do this mode, and never will."""
        detail: dict[str, JsonValue] = {"mode": mode, "cause": "the gate does not support this mode"}
        with self._site.database.write() as session:
            row = portal_store.portal(session, name)
            detail |= _changed_mode(row.mode, mode)
            row.mode = mode
            condition = _lock_of(row, active=mode == PortalMode.LOCKED)
            fact = _fact("admin.portal_mode", name, actor, detail)
            self._site.ledger.append(session, [replace(fact, condition=condition)])
        self._rules.refresh()

    def remember(self, session: Session) -> None:
        """Take from the store which gates were locked, or were to be: a later mode may not have reached them."""
        locked = {
            (row.device_id, row.channel) for row in conditions.standing(session) if row.kind == Kind.PORTAL_LOCKED
        }
        for row in portal_store.portals(session):
            if (row.gate_id, row.channel) in locked:
                self._sent[row.name] = PortalMode.LOCKED
        self._record.recall(session)

    def on_state(self, state: DeviceState) -> None:
        """Owe a gate that comes back its mode, which it may have forgotten or missed, the one to normal included."""
        if state.health is Health.ONLINE:
            self._online.add(state.name)
            self._away.discard(state.name)
            self._reassert([portal for portal in self._portals() if portal.gate == state.name])
        elif state.health in (Health.OFFLINE, Health.QUARANTINED):
            self._online.discard(state.name)
            self._away.add(state.name)

    def on_fire(self) -> None:
        """Release what is locked when a fire has begun, or give all gates their modes again at its end. Any thread."""
        self._reassert(self._portals())

    def settle(self) -> None:
        """From time to time: send the modes that had to wait for a fire, and those that have changed by a schedule."""
        if self._owed and (self._rules.current.fire_active or self._why_not_lock() is None):
            owed, self._owed = self._owed, set()
            self._reassert([portal for portal in self._portals() if portal.name in owed])
        self._follow()

    def _follow(self) -> None:
        changed = []
        for portal in self._portals():
            found = self._rules.mode_of(portal)
            if self._rules.current.fire_active:
                self._record.note(portal, found)
            elif portal.gate in self._online and portal.name in self._wanted:
                if self._wanted[portal.name] is not found.mode:
                    changed.append(portal)
                elif self._sent.get(portal.name) is found.mode and portal.name not in self._owed:
                    self._record.note(portal, found)
        self._reassert(changed)

    def send(self, portals: Sequence[Portal]) -> Callable[[float], dict[str, GateAnswer]]:
        """Send what a guard's threat has changed, side by side.

        The result waits for at most so many seconds, and returns by portal what its gate answered.
        """
        answers = {portal.name: GateAnswer(UNKNOWN, f"{portal.gate} does not answer") for portal in portals}
        waiting = set(answers)
        ended = threading.Condition()

        def done(portal: Portal, result: object, error: Exception | None) -> None:
            self._noted(portal, result, error)
            with ended:
                answers[portal.name] = GateAnswer(str(result)) if error is None else _failed(error)
                waiting.discard(portal.name)
                ended.notify_all()

        def wait(seconds: float) -> dict[str, GateAnswer]:
            with ended:
                ended.wait_for(lambda: not waiting, max(0.0, seconds))
                return dict(answers)

        for portal in portals:
            self._wanted[portal.name] = self._mode(portal)
            apply = partial(self._apply, portal.name, by_guard=True)
            self._devices.command(portal.gate, apply, partial(done, portal))
        return wait

    def is_away(self, gate: str) -> bool:
        """Return True while a gate's device is known to be away."""
        return gate in self._away

    def _portals(self) -> list[Portal]:
        return list(self._rules.current.portals.values())

    def _mode(self, portal: Portal) -> PortalMode:
        return self._rules.mode_apart_from_fire(portal).mode

    def _reassert(self, portals: Iterable[Portal]) -> None:
        """Send each portal's mode; in a fire, release those that are locked and leave alone what would be closed."""
        for portal in portals:
            in_fire = self._rules.current.fire_active
            mode = self._mode(portal)
            if in_fire and mode is not PortalMode.FREE and not self._is_locked(portal, mode):
                continue  # the end of the fire sends it
            if not in_fire and self._must_wait(portal, mode):
                self._owed.add(portal.name)
            else:
                self._wanted[portal.name] = mode
                self._devices.command(portal.gate, partial(self._apply, portal.name), partial(self._noted, portal))

    def _is_locked(self, portal: Portal, mode: PortalMode) -> bool:
        """Return True when the gate is locked, or may be: a change away from it may not have reached the gate."""
        return PortalMode.LOCKED in (mode, self._sent.get(portal.name))

    def _must_wait(self, portal: Portal, mode: PortalMode, *, by_guard: bool = False) -> str | None:
        """Return why the portal's mode must not be sent now; a mode that opens never waits."""
        if mode is PortalMode.FREE:
            return None
        loosens = mode is PortalMode.NORMAL and (by_guard or self._is_locked(portal, mode))
        if loosens and not self._rules.current.fire_active:
            return None
        return self._why_not_lock()

    def _apply(self, name: str, device: Device, *, by_guard: bool = False) -> Delivery:
        """Send the mode in force now, so that of two orders the last one stands; on the gate's own thread.

        Whether there is a fire is looked at just before sending and again after it: a fire that is reported while a
        lock is on its way takes the lock back.
        """
        portal = self._rules.current.portals.get(name)
        if portal is None:
            return Delivery.SENT
        if not isinstance(device, Gate):
            raise DeviceRefused(f"'{portal.gate}' is not a gate", hint=Hint("edit_portal_gate", name=portal.name))
        mode = self._mode(portal)
        if self._rules.current.fire_active and self._is_locked(portal, mode) and not by_guard:
            return self._release(portal, device)
        if cause := self._must_wait(portal, mode, by_guard=by_guard):
            self._owed.add(name)
            raise DeviceRefused(cause)
        return self._send(portal, mode, device)

    def _send(self, portal: Portal, mode: PortalMode, device: Gate) -> Delivery:
        before = self._sent.get(portal.name)
        self._sent[portal.name] = mode
        try:
            proven = device.set_mode(portal.channel, mode) is Delivery.CONFIRMED
        except (DeviceRefused, InvalidInput):
            self._sent.pop(portal.name)
            raise
        finally:
            if self._rules.current.fire_active and PortalMode.LOCKED in (mode, before):
                self._release(portal, device)
        if mode is PortalMode.LOCKED and self._rules.current.fire_active:
            raise DeviceRefused("a fire was reported while the portal was being locked: the lock was taken back")
        return Delivery.CONFIRMED if proven else Delivery.SENT

    def _release(self, portal: Portal, device: Gate) -> Delivery:
        """Free a gate that is locked, until the fire has ended."""
        proven = device.set_mode(portal.channel, PortalMode.FREE) is Delivery.CONFIRMED
        self._sent[portal.name] = PortalMode.FREE
        if portal.name not in self._released:
            self._released.add(portal.name)
            self._submit(portal, Kind.PORTAL_UNLOCKED, PortalMode.FREE, "a fire input is active")
        return Delivery.CONFIRMED if proven else Delivery.SENT

    def _noted(self, portal: Portal, _: object, error: Exception | None) -> None:
        if error is not None:
            log.warning("the mode of %s could not be applied: %s", portal.name, error, extra={"device": portal.gate})
            # A gate that is away gets its mode when it is back; one that refuses would refuse again.
            if not isinstance(error, DeviceRefused | DeviceUnreachable | InvalidInput):
                self._owed.add(portal.name)
            return
        found = self._rules.mode_of(portal)
        if self._sent.get(portal.name) is found.mode:
            self._record.note(portal, found)
        if portal.name in self._released and not self._rules.current.fire_active:
            self._released.discard(portal.name)
            if found.mode is PortalMode.LOCKED:
                self._submit(portal, Kind.PORTAL_LOCKED, found.mode, "the fire has ended")

    def _submit(self, portal: Portal, kind: Kind, mode: PortalMode, cause: str) -> None:
        detail: dict[str, JsonValue] = {"mode": str(mode), "cause": cause}
        self._site.ledger.submit(Fact(kind, datetime.now(UTC), portal=portal.name, device=portal.gate, detail=detail))


def end_manual_free(site: Site, names: Iterable[str], actor: str, threat: str) -> bool:
    """Return these portals to normal as far as a guard has freed them: a threat ends that for good; True if any was."""
    with site.database.read() as session:
        free = [row.name for row in portal_store.portals(session) if row.mode == PortalMode.FREE]
    ended = sorted(set(free) & set(names))
    if not ended:
        return False
    with site.database.write() as session:
        for name in ended:
            portal_store.portal(session, name).mode = str(PortalMode.NORMAL)
        detail: dict[str, JsonValue] = {"mode": str(PortalMode.NORMAL), "cause": f"threat {threat}"}
        changed = _changed_mode(str(PortalMode.FREE), PortalMode.NORMAL)
        site.ledger.append(session, [_fact("admin.portal_mode", name, actor, detail | changed) for name in ended])
    return True


def _fact(kind: str, portal: str, actor: str, detail: dict[str, JsonValue]) -> Fact:
    return Fact(kind, datetime.now(UTC), portal=portal, actor=actor, detail=detail)


def _changed_mode(before: str, mode: str) -> dict[str, JsonValue]:
    """Return the mode before and after, which are the same for a command that is repeated."""
    return {"before": {"mode": before}, "after": {"mode": str(mode)}}


def _lock_of(row: PortalRow, *, active: bool) -> Condition:
    """Return the lock of a portal's gate as a condition; it stands from before it is sent until another mode is in."""
    return Condition(row.gate_id, Kind.PORTAL_LOCKED, active, channel=row.channel)
