"""Portal modes: recorded, then applied, and applied again to a gate that comes back."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol, TypeVar

from devicemgr.errors import DeviceError, DeviceRefused
from devicemgr.events import Fact, Kind
from devicemgr.model import Portal, PortalMode
from devicemgr.ports import Device, Gate
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


def apply_mode(portal: Portal, mode: PortalMode, device: Device) -> None:
    """Tell a gate its mode, on the gate's own thread."""
    if not isinstance(device, Gate):
        raise DeviceRefused(f"'{portal.gate}' is not a gate; `devicemgr portal edit` names another")
    device.set_mode(portal.channel, mode)


class PortalModes:
    """normal, locked and free."""

    def __init__(self, site: Site, rules: Rulebook, devices: Caller) -> None:
        self._site = site
        self._rules = rules
        self._devices = devices

    def change(self, name: str, mode: PortalMode, actor: str) -> dict[str, Any]:
        """Record the mode, then tell the gate; a gate that is away gets it when it returns, and the answer says so."""
        kind = Kind.PORTAL_UNLOCKED if mode is PortalMode.FREE else Kind.PORTAL_LOCKED
        with self._site.database.write() as session:
            row = places.portal(session, name)
            row.mode = str(mode)
            portal = places.portal_model(row)
            fact = Fact(kind, datetime.now(UTC), portal=name, actor=actor, detail={"mode": str(mode)})
            asked = Fact("admin.portal_mode", datetime.now(UTC), portal=name, actor=actor, detail={"mode": str(mode)})
            self._site.ledger.append(session, [asked])
        answer: dict[str, Any] = {"portal": name, "mode": str(mode), "applied": True}
        try:
            self._devices.call(portal.gate, partial(apply_mode, portal, mode), _APPLY_SECONDS)
        except DeviceError as error:
            return answer | {"applied": False, "cause": str(error)}
        with self._site.database.write(changes_site=False) as session:
            self._site.ledger.append(session, [fact])
        return answer

    def on_state(self, state: DeviceState) -> None:
        """A gate that comes back may have forgotten its mode, or have missed a change, the one to normal included."""
        if state.health is not Health.ONLINE:
            return
        rules = self._rules.current
        for portal in rules.portals.values():
            skip = portal.mode is PortalMode.LOCKED and rules.fire_active
            if portal.gate == state.name and not skip:
                self._devices.command(portal.gate, partial(apply_mode, portal, portal.mode), partial(_noted, portal))


def _noted(portal: Portal, _: object, error: Exception | None) -> None:
    if error:
        log.warning("%s could not be put into %s: %s", portal.name, portal.mode, error)
