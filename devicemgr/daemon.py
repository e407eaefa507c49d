"""The daemon: what runs, in the order in which it starts; stopped in the reverse order."""

import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from devicemgr import notify, status
from devicemgr.access import AccessPipeline
from devicemgr.api.app import create_app
from devicemgr.api.context import Context
from devicemgr.api.server import ApiServer
from devicemgr.errors import DevicemgrError, DeviceUnreachable, RequestError
from devicemgr.events import DeviceFact, Fact, Kind, Sighting
from devicemgr.inbox import FromDevice, Inbox
from devicemgr.lanes import CameraLanes
from devicemgr.model import Direction, PortalMode
from devicemgr.openings import Outcome
from devicemgr.portal_modes import PortalModes
from devicemgr.ports import Device, Gallery
from devicemgr.recognizer.messages import LaneState
from devicemgr.recognizer.pool import RecognizerPool
from devicemgr.rulebook import Rulebook
from devicemgr.site import Site
from devicemgr.store import ledger_rows, places
from devicemgr.store.database import revision
from devicemgr.supervisor import DeviceState, Health, Listener, Supervisor

log = logging.getLogger(__name__)
T = TypeVar("T")

_LOOK_SECONDS = 0.4
_TICK_SECONDS = 0.1
_STALLED_SECONDS = 10.0
_OPEN_SECONDS = 8.0


class Daemon:
    """Everything that runs; also the Runtime that API handlers see."""

    running = True

    def __init__(self, site: Site) -> None:
        self._site = site
        self._started = time.monotonic()
        self._stopping = threading.Event()
        self._look = threading.Event()
        self._ready = False
        self._revision = -1
        self._progress = time.monotonic()
        self._inbox = Inbox()
        self._rules = Rulebook(site.database)
        self._pool = RecognizerPool(site.parts.encoder, site.parts.opener, workers=os.cpu_count() or 1)
        self._lanes = CameraLanes(self._rules, site.parts.catalog, self._pool)
        self._supervisor = Supervisor(site.parts.catalog, Listener(self._on_fact, self._on_state))
        self._modes = PortalModes(site, self._rules, self._supervisor)
        self._access = AccessPipeline(
            site.ledger, self._supervisor, self._rules, lambda: site.gallery.current, self._inbox.put, self._pool.settle
        )
        self._dispatcher = threading.Thread(target=self._dispatch, name="dispatcher", daemon=True)
        self._looker = threading.Thread(target=self._look_often, name="looker", daemon=True)

    def run(self) -> None:
        """Run until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stopping.set())
        lock = self._site.home.take()
        api = ApiServer(create_app(Context(self._site, self, os.getuid())), self._site.home.socket)
        try:
            self.start()
            api.start()
            self._ready = True
            notify.tell("READY=1")
            log.info("ready after %.1f s", time.monotonic() - self._started)
            self._watch()
        finally:
            notify.tell("STOPPING=1")
            api.stop()
            self.stop()
            os.close(lock)

    def start(self) -> None:
        """Ledger, what the last run left open, rules and gallery, then whoever may ask for something."""
        self._site.ledger.start()
        self._mark_unconfirmed()
        self._rules.refresh()
        self._site.gallery.refresh()
        self._dispatcher.start()
        self._pool.start(self._on_message)
        self._refresh()
        self._looker.start()

    def stop(self) -> None:
        """Cameras first, gates next, the ledger last."""
        self._stopping.set()
        self._look.set()
        self._pool.stop(1.0)
        self._supervisor.stop(1.0)
        self._inbox.close()
        if self._dispatcher.is_alive():
            self._dispatcher.join(1.0)
        self._site.ledger.stop(1.5)

    def _watch(self) -> None:
        while not self._stopping.wait(1.0):
            stalled = [
                name
                for name, at in (("dispatcher", self._progress), ("ledger", self._site.ledger.progress))
                if time.monotonic() - at > _STALLED_SECONDS
            ]
            if stalled:
                log.critical("no progress in %s: systemd is not told that the daemon lives", ", ".join(stalled))
            else:
                notify.tell("WATCHDOG=1")

    def _mark_unconfirmed(self) -> None:
        """Grants whose unlock was never reported: the last run ended between the record and the answer."""
        outcomes = (Kind.PORTAL_UNLOCKED, Kind.PORTAL_UNLOCK_FAILED, Kind.PORTAL_UNLOCK_UNCONFIRMED, Kind.ACCESS_DENIED)
        with self._site.database.read() as session:
            found = [
                body
                for kind in (Kind.ACCESS_GRANTED, "admin.portal_open")
                for body in ledger_rows.unconfirmed(session, kind, outcomes)
            ]
        for body in found:
            direction = Direction(body["direction"]) if body["direction"] else None
            self._site.ledger.submit(
                Fact(
                    Kind.PORTAL_UNLOCK_UNCONFIRMED,
                    datetime.now(UTC),
                    portal=body["portal"],
                    direction=direction,
                    person_id=body["person_id"],
                    request=body["request"],
                )
            )

    def _dispatch(self) -> None:
        ticked = 0.0
        while not self._stopping.is_set():
            item = self._inbox.get(_TICK_SECONDS)
            try:
                if isinstance(item, Sighting):
                    self._access.on_sighting(item)
                elif isinstance(item, Outcome):
                    self._access.on_outcome(item)
                elif isinstance(item, FromDevice):
                    self._access.on_device_fact(item.device, item.fact)
                if time.monotonic() - ticked >= _TICK_SECONDS:
                    self._access.tick()
                    ticked = time.monotonic()
            except Exception:
                log.exception("the dispatcher could not handle %s", type(item).__name__)
            self._progress = time.monotonic()

    def _look_often(self) -> None:
        """A change of people or site, by whatever process, is in force within a second."""
        while not self._stopping.is_set():
            self._look.wait(_LOOK_SECONDS)
            self._look.clear()
            try:
                self._refresh()
            except DevicemgrError as error:
                log.warning("people and site could not be read: %s", error)
            except Exception:
                log.exception("people and site could not be read")

    def _refresh(self) -> None:
        with self._site.database.read() as session:
            found = revision(session)
            if found == self._revision:
                return
            configs = []
            for row in places.devices(session):
                with contextlib.suppress(DevicemgrError):
                    configs.append(places.device_config(row, self._site.vault))
        self._rules.refresh()
        self._site.gallery.refresh()
        self._supervisor.set_devices(configs)
        self._lanes.refresh({config.name for config in configs})
        self._revision = found

    def _on_fact(self, device: str, fact: DeviceFact) -> None:
        self._inbox.put(FromDevice(device, fact))

    def _on_state(self, state: DeviceState) -> None:
        kinds = {
            Health.ONLINE: Kind.DEVICE_ONLINE,
            Health.OFFLINE: Kind.DEVICE_OFFLINE,
            Health.DEGRADED: Kind.DEVICE_DEGRADED,
        }
        if kind := kinds.get(state.health):
            detail = {"cause": state.cause} if state.cause else {}
            self._site.ledger.submit(Fact(kind, state.since, device=state.name, detail=dict(detail)))
        self._lanes.on_state(state, self._supervisor)
        self._modes.on_state(state)

    def _on_message(self, message: Sighting | LaneState) -> None:
        if isinstance(message, Sighting):
            self._inbox.put_sighting(message)
        else:
            self._supervisor.note(message.lane, message.cause)

    def status(self) -> dict[str, Any]:
        """See runtime.Runtime."""
        rules, devices = self._rules.current, self._supervisor.states()
        uptime = time.monotonic() - self._started
        portals = [
            {"name": portal.name, "mode": str(portal.mode), "state": self._access.state_of(portal.name)}
            for _, portal in sorted(rules.portals.items())
        ]
        return {
            "daemon": status.daemon_json(running=True, ready=self._ready, uptime_s=uptime),
            "devices": [status.device_json(state) for state in devices],
            "portals": portals,
            "gallery": status.gallery_json(self._site.gallery.current),
            "ledger": status.ledger_json(self._site.database),
            "alarms": status.alarms(devices, storage_failing=self._site.ledger.failing, fire=rules.fire_active),
        }

    def call_device(self, name: str, action: Callable[[Device], T], timeout: float) -> T:
        """See runtime.Runtime."""
        return self._supervisor.call(name, action, timeout)

    def open_portal(self, portal: str, direction: Direction, actor: str) -> dict[str, Any]:
        """See runtime.Runtime."""
        ended = threading.Event()
        failure: list[DevicemgrError] = []

        def on_end(error: DevicemgrError | None) -> None:
            failure.extend([error] if error else [])
            ended.set()

        request = self._access.open_manually(portal, direction, actor, on_end)
        if not ended.wait(_OPEN_SECONDS):
            raise DeviceUnreachable(
                f"the gate of portal '{portal}' does not answer; `devicemgr events` tells what came"
            )
        if failure:
            raise failure[0]
        return {"portal": portal, "direction": str(direction), "request": request, "outcome": "confirmed"}

    def set_portal_mode(self, portal: str, mode: PortalMode, actor: str) -> dict[str, Any]:
        """See runtime.Runtime."""
        if mode is PortalMode.LOCKED and self._rules.current.fire_active:
            raise RequestError("a fire input is active: nothing is locked until it ends")
        answer = self._modes.change(portal, mode, actor)
        self._refresh()
        return answer

    def site_changed(self) -> None:
        """See runtime.Runtime."""
        self._look.set()

    def gallery(self) -> Gallery:
        """See runtime.Runtime."""
        return self._site.gallery.current
