"""What commands use when no daemon runs: devices opened for one action, decisions recorded before they act."""

import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from devicemgr import status
from devicemgr.errors import DevicemgrError
from devicemgr.model import Direction, PortalMode
from devicemgr.openings import Opening, Outcome, manual_fact, outcome_fact, release_gate
from devicemgr.portal_modes import PortalModes
from devicemgr.ports import Device, Gallery
from devicemgr.rulebook import Rulebook
from devicemgr.site import Site
from devicemgr.store import places
from devicemgr.supervisor import DeviceState, Health

T = TypeVar("T")


class DirectRuntime:
    """See runtime.Runtime."""

    running = False

    def __init__(self, site: Site) -> None:
        self._site = site

    def status(self) -> dict[str, Any]:
        """Everything is unknown but what the store knows."""
        with self._site.database.read() as session:
            now = datetime.now(UTC)
            devices = [DeviceState(r.name, r.driver, Health.UNKNOWN, None, now) for r in places.devices(session)]
            portals = [{"name": r.name, "mode": r.mode, "state": "unknown"} for r in places.portals(session)]
        return {
            "daemon": status.daemon_json(running=False, ready=False, uptime_s=0),
            "devices": [status.device_json(state) for state in devices],
            "portals": portals,
            "gallery": status.gallery_json(self._site.gallery.refresh()),
            "ledger": status.ledger_json(self._site.database),
            "alarms": [{"kind": "daemon_not_running", "cause": "no daemon runs: nothing opens by itself"}],
        }

    def call_device(self, name: str, action: Callable[[Device], T], timeout: float) -> T:  # noqa: ARG002
        """Open the device, act, close; the driver's own deadlines bound it."""
        with self._site.database.read() as session:
            config = places.device_config(places.device(session, name), self._site.vault)
        device = self._site.parts.catalog.get(config.driver).build(config)
        try:
            device.open()
            return action(device)
        finally:
            device.close()

    call = call_device

    def command(
        self, name: str, action: Callable[[Device], object], done: Callable[[object, Exception | None], None]
    ) -> None:
        """As the supervisor's, at once."""
        try:
            result = self.call_device(name, action, 0)
        except DevicemgrError as error:
            done(None, error)
        else:
            done(result, None)

    def open_portal(self, portal: str, direction: Direction, actor: str) -> dict[str, Any]:
        """Record, release, record the outcome."""
        with self._site.database.read() as session:
            model = places.portal_model(places.portal(session, portal))
        now = time.monotonic()
        opening = Opening(str(uuid.uuid4()), model, direction, now, now, actor=actor)
        with self._site.database.write(changes_site=False) as session:
            self._site.ledger.append(session, [manual_fact(opening)])
        recorded = time.monotonic()
        error: DevicemgrError | None = None
        try:
            self.call_device(model.gate, partial(release_gate, opening), 0)
        except DevicemgrError as failure:
            error = failure
        outcome = Outcome(opening, recorded, time.monotonic(), error, senses_passage=False)
        with self._site.database.write(changes_site=False) as session:
            self._site.ledger.append(session, [outcome_fact(outcome)])
        if error is not None:
            raise error
        return {"portal": portal, "direction": str(direction), "request": opening.request, "outcome": "confirmed"}

    def set_portal_mode(self, portal: str, mode: PortalMode, actor: str) -> dict[str, Any]:
        """Record and apply a mode."""
        return PortalModes(self._site, Rulebook(self._site.database), self).change(portal, mode, actor)

    def site_changed(self) -> None:
        """Nobody to tell."""

    def gallery(self) -> Gallery:
        """Loaded when asked for."""
        return self._site.gallery.refresh()
