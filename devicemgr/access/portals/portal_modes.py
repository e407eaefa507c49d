"""Portal modes: recorded, then applied, and applied again to a gate that comes back."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol, TypeVar

from devicemgr.access.policy_cache import Rulebook
from devicemgr.devices.supervisor import DeviceState, Health
from devicemgr.domain.ledger_events import Condition, Fact, Kind
from devicemgr.domain.model import JsonValue, Portal, PortalMode
from devicemgr.domain.ports.device import Delivery, Device, Gate
from devicemgr.errors import DeviceError, DeviceRefused, DeviceUnreachable, Hint, InvalidInput, RequestError
from devicemgr.site.site import Site
from devicemgr.store.database import Session
from devicemgr.store.site import conditions, portals as portal_store
from devicemgr.store.tables import PortalRow

log = logging.getLogger(__name__)
T = TypeVar("T")
_APPLY_S = 5.0


class Caller(Protocol):
    """Runs an action on a device's own thread and waits; the supervisor, or a stand-in without a daemon."""

    def call(self, name: str, action: Callable[[Device], T], timeout: float) -> T:
        """Run an action on the device's thread and return its result; `timeout` in seconds."""

    def command(
        self, name: str, action: Callable[[Device], object], done: Callable[[object, Exception | None], None]
    ) -> None:
        """Run an action on the device's thread, then `done(result, error)` there."""


class PortalModes:
    """normal, locked and free; what is locked is released while there is a fire.

    `why_not_lock` says why nothing may be locked now (fire.FireWatch), None when it may. While a fire is active nothing
    is sent that closes a gate, and while one can't be ruled out only a guard's own return to normal is.
    """

    def __init__(self, site: Site, rules: Rulebook, devices: Caller, why_not_lock: Callable[[], str | None]) -> None:
        self._site = site
        self._rules = rules
        self._devices = devices
        self._why_not_lock = why_not_lock
        self._sent: dict[str, PortalMode] = {}
        self._released: set[str] = set()
        self._owed: set[str] = set()

    def change(self, name: str, mode: PortalMode, actor: str) -> dict[str, Any]:
        """Record the mode, then send it; a gate that is away gets it when it returns, and the answer says so."""
        kind = Kind.PORTAL_UNLOCKED if mode is PortalMode.FREE else Kind.PORTAL_LOCKED
        with self._site.database.write() as session:
            row = portal_store.portal(session, name)
            before, row.mode = row.mode, str(mode)
            portal = portal_store.portal_model(row)
            change = Fact(
                "admin.portal_mode",
                datetime.now(UTC),
                portal=name,
                actor=actor,
                detail={"mode": str(mode)} | _changed_mode(before, mode),
                condition=_lock_of(row, active=True) if mode is PortalMode.LOCKED else None,
            )
            self._site.ledger.append(session, [change])
        answer: dict[str, Any] = {"portal": name, "mode": str(mode), "applied": True}
        try:
            self._rules.refresh()
            outcome = self._devices.call(portal.gate, partial(self._apply, name, by_guard=True), _APPLY_S)
        except DeviceError as error:
            return answer | {"applied": False, "cause": str(error)}
        except RequestError:
            self._put_back(name, before, actor)
            raise
        detail: dict[str, JsonValue] = {"mode": str(mode), "outcome": str(outcome)}
        fact = Fact(kind, datetime.now(UTC), portal=name, actor=actor, detail=detail)
        with self._site.database.write(changes_site=False) as session:
            if mode is not PortalMode.LOCKED:
                fact = replace(fact, condition=_lock_of(portal_store.portal(session, name), active=False))
            self._site.ledger.append(session, [fact])
        return answer | {"outcome": str(outcome)}

    def _put_back(self, name: str, mode: str, actor: str) -> None:
        """Leave the portal as it was: the gate can't do this mode, and never will."""
        detail: dict[str, JsonValue] = {"mode": mode, "cause": "the gate does not support this mode"}
        with self._site.database.write() as session:
            row = portal_store.portal(session, name)
            detail |= _changed_mode(row.mode, mode)
            row.mode = mode
            condition = _lock_of(row, active=mode == PortalMode.LOCKED)
            fact = Fact(
                "admin.portal_mode", datetime.now(UTC), portal=name, actor=actor, detail=detail, condition=condition
            )
            self._site.ledger.append(session, [fact])
        self._rules.refresh()

    def remember(self, session: Session) -> None:
        """Take from the store which gates were locked, or were to be: a later mode may not have reached them."""
        locked = {
            (row.device_id, row.channel) for row in conditions.standing(session) if row.kind == Kind.PORTAL_LOCKED
        }
        for row in portal_store.portals(session):
            if (row.gate_id, row.channel) in locked:
                self._sent[row.name] = PortalMode.LOCKED

    def on_state(self, state: DeviceState) -> None:
        """Owe a gate that comes back its mode, which it may have forgotten or missed, the one to normal included."""
        if state.health is Health.ONLINE:
            self._reassert([portal for portal in self._portals() if portal.gate == state.name])

    def on_fire(self) -> None:
        """Release what is locked when a fire has begun, or give all gates their modes again at its end. Any thread."""
        self._reassert(self._portals())

    def settle(self) -> None:
        """From time to time: send the modes that had to wait for a fire to end or to be ruled out."""
        if self._owed and (self._rules.current.fire_active or self._why_not_lock() is None):
            owed, self._owed = self._owed, set()
            self._reassert([portal for portal in self._portals() if portal.name in owed])

    def _portals(self) -> list[Portal]:
        return list(self._rules.current.portals.values())

    def _reassert(self, portals: list[Portal]) -> None:
        """Send each portal's mode; in a fire, release those that are locked and leave alone what would be closed."""
        for portal in portals:
            in_fire = self._rules.current.fire_active
            if in_fire and portal.mode is not PortalMode.FREE and not self._is_locked(portal):
                continue  # the end of the fire sends it
            if not in_fire and self._must_wait(portal):
                self._owed.add(portal.name)
            else:
                self._devices.command(portal.gate, partial(self._apply, portal.name), partial(self._noted, portal))

    def _is_locked(self, portal: Portal) -> bool:
        """Return True when the gate is locked, or may be: a change away from it may not have reached the gate."""
        return PortalMode.LOCKED in (portal.mode, self._sent.get(portal.name))

    def _must_wait(self, portal: Portal, *, by_guard: bool = False) -> str | None:
        """Return why the portal's mode must not be sent now; a mode that opens never waits."""
        if portal.mode is PortalMode.FREE:
            return None
        loosens = portal.mode is PortalMode.NORMAL and (by_guard or self._is_locked(portal))
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
        if self._rules.current.fire_active and self._is_locked(portal) and not by_guard:
            return self._release(portal, device)
        if cause := self._must_wait(portal, by_guard=by_guard):
            self._owed.add(name)
            raise DeviceRefused(cause)
        return self._send(portal, device)

    def _send(self, portal: Portal, device: Gate) -> Delivery:
        before = self._sent.get(portal.name)
        self._sent[portal.name] = portal.mode
        try:
            proven = device.set_mode(portal.channel, portal.mode) is Delivery.CONFIRMED
        except (DeviceRefused, InvalidInput):
            self._sent.pop(portal.name)
            raise
        finally:
            if self._rules.current.fire_active and PortalMode.LOCKED in (portal.mode, before):
                self._release(portal, device)
        if portal.mode is PortalMode.LOCKED and self._rules.current.fire_active:
            raise DeviceRefused("a fire was reported while the portal was being locked: the lock was taken back")
        return Delivery.CONFIRMED if proven else Delivery.SENT

    def _release(self, portal: Portal, device: Gate) -> Delivery:
        """Free a gate that is locked, until the fire has ended."""
        proven = device.set_mode(portal.channel, PortalMode.FREE) is Delivery.CONFIRMED
        self._sent[portal.name] = PortalMode.FREE
        if portal.name not in self._released:
            self._released.add(portal.name)
            self._record(portal, Kind.PORTAL_UNLOCKED, PortalMode.FREE, "a fire input is active")
        return Delivery.CONFIRMED if proven else Delivery.SENT

    def _noted(self, portal: Portal, _: object, error: Exception | None) -> None:
        if error is not None:
            log.warning("the mode of %s could not be applied: %s", portal.name, error, extra={"device": portal.gate})
            # A gate that is away gets its mode when it is back; one that refuses would refuse again.
            if not isinstance(error, DeviceRefused | DeviceUnreachable | InvalidInput):
                self._owed.add(portal.name)
        elif portal.name in self._released and not self._rules.current.fire_active:
            self._released.discard(portal.name)
            if portal.mode is PortalMode.LOCKED:
                self._record(portal, Kind.PORTAL_LOCKED, portal.mode, "the fire has ended")

    def _record(self, portal: Portal, kind: Kind, mode: PortalMode, cause: str) -> None:
        detail: dict[str, JsonValue] = {"mode": str(mode), "cause": cause}
        self._site.ledger.submit(Fact(kind, datetime.now(UTC), portal=portal.name, device=portal.gate, detail=detail))


def _changed_mode(before: str, mode: str) -> dict[str, JsonValue]:
    """Return the mode before and after, which are the same for a command that is repeated."""
    return {"before": {"mode": before}, "after": {"mode": str(mode)}}


def _lock_of(row: PortalRow, *, active: bool) -> Condition:
    """Return the lock of a portal's gate as a condition; it stands from before it is sent until another mode is in."""
    return Condition(row.gate_id, Kind.PORTAL_LOCKED, active, channel=row.channel)
