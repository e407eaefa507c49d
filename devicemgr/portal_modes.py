"""Portal modes: recorded, then applied, and applied again to a gate that comes back."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol, TypeVar

from devicemgr.errors import DeviceError, DeviceRefused, RequestError
from devicemgr.events import Fact, Kind
from devicemgr.model import JsonValue, Portal, PortalMode
from devicemgr.ports import Delivery, Device, Gate
from devicemgr.rulebook import Rulebook
from devicemgr.site import Site
from devicemgr.store import places
from devicemgr.supervisor import DeviceState, Health

log = logging.getLogger(__name__)
T = TypeVar("T")
_APPLY_SECONDS = 5.0


class Caller(Protocol):
    """Runs an action on a device's own thread and waits; the supervisor, or a stand-in without a daemon."""

    def call(self, name: str, action: Callable[[Device], T], timeout: float) -> T: ...

    def command(
        self, name: str, action: Callable[[Device], object], done: Callable[[object, Exception | None], None]
    ) -> None: ...


class PortalModes:
    """normal, locked and free."""

    def __init__(self, site: Site, rules: Rulebook, devices: Caller, may_lock: Callable[[], bool]) -> None:
        self._site = site
        self._rules = rules
        self._devices = devices
        self._may_lock = may_lock
        self._owed = False

    def change(self, name: str, mode: PortalMode, actor: str) -> dict[str, Any]:
        """Record the mode, then tell the gate; a gate that is away gets it when it returns, and the answer says so."""
        kind = Kind.PORTAL_UNLOCKED if mode is PortalMode.FREE else Kind.PORTAL_LOCKED
        with self._site.database.write() as session:
            row = places.portal(session, name)
            before, row.mode = row.mode, str(mode)
            portal = places.portal_model(row)
            asked = Fact("admin.portal_mode", datetime.now(UTC), portal=name, actor=actor, detail={"mode": str(mode)})
            self._site.ledger.append(session, [asked])
        answer: dict[str, Any] = {"portal": name, "mode": str(mode), "applied": True}
        try:
            self._rules.refresh()
            outcome = self._devices.call(portal.gate, partial(self._apply, name), _APPLY_SECONDS)
        except DeviceError as error:
            return answer | {"applied": False, "cause": str(error)}
        except RequestError:
            self._put_back(name, before, actor)
            raise
        detail: dict[str, JsonValue] = {"mode": str(mode), "outcome": str(outcome)}
        fact = Fact(kind, datetime.now(UTC), portal=name, actor=actor, detail=detail)
        with self._site.database.write(changes_site=False) as session:
            self._site.ledger.append(session, [fact])
        return answer | {"outcome": str(outcome)}

    def _put_back(self, name: str, mode: str, actor: str) -> None:
        """The gate can't do what was asked, and never will: the portal stays as it was."""
        detail: dict[str, JsonValue] = {"mode": mode, "cause": "the gate cannot do what was asked"}
        with self._site.database.write() as session:
            places.portal(session, name).mode = mode
            fact = Fact("admin.portal_mode", datetime.now(UTC), portal=name, actor=actor, detail=detail)
            self._site.ledger.append(session, [fact])
        self._rules.refresh()

    def on_state(self, state: DeviceState) -> None:
        """A gate that comes back may have forgotten its mode, or have missed a change, the one to normal included."""
        if state.health is Health.ONLINE:
            self._reassert({state.name})

    def after_fire(self) -> None:
        """A fire has ended: gates that it opened, or that came back meanwhile, get their modes again."""
        self._reassert({portal.gate for portal in self._rules.current.portals.values()})

    def settle(self) -> None:
        """From time to time: locks that had to wait, since a fire could not be ruled out, are given once it can."""
        if self._owed and self._may_lock():
            self._owed = False
            self.after_fire()

    def _reassert(self, gates: set[str]) -> None:
        for portal in self._rules.current.portals.values():
            if portal.gate not in gates:
                continue
            if portal.mode is PortalMode.LOCKED and not self._may_lock():
                self._owed = True
            else:
                self._devices.command(portal.gate, partial(self._apply, portal.name), partial(_noted, portal))

    def _apply(self, name: str, device: Device) -> Delivery:
        """On the gate's own thread; the mode in force then, so that of two orders the last one stands."""
        rules = self._rules.current
        portal = rules.portals.get(name)
        if portal is None:
            return Delivery.SENT
        if not isinstance(device, Gate):
            raise DeviceRefused(f"'{portal.gate}' is not a gate; `devicemgr portal edit` names another")
        if portal.mode is PortalMode.LOCKED and not self._may_lock():
            self._owed = True
            raise DeviceRefused("a fire input is active, or not heard yet: nothing is locked until that has ended")
        proven = device.set_mode(portal.channel, portal.mode) is Delivery.CONFIRMED
        return Delivery.CONFIRMED if proven else Delivery.SENT


def _noted(portal: Portal, _: object, error: Exception | None) -> None:
    if error:
        log.warning("the mode of %s could not be applied: %s", portal.name, error, extra={"device": portal.gate})
