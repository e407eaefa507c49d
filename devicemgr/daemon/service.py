"""The daemon: what runs, in the order in which it starts; stopped in the reverse order."""

import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from devicemgr.access import unconfirmed_releases
from devicemgr.access.event_queue import FromDevice, Inbox, Item
from devicemgr.access.evidence.pins import PinChecked, PinChecker
from devicemgr.access.pipeline import AccessPipeline
from devicemgr.access.policy_cache import Rulebook
from devicemgr.access.portals.fire_alarm import FireWatch
from devicemgr.access.portals.portal_modes import PortalModes
from devicemgr.access.release import Outcome
from devicemgr.api.app import create_app
from devicemgr.api.context import Context
from devicemgr.api.listeners import Listen
from devicemgr.api.server import ApiServer
from devicemgr.clock.monitor import ClockWatch
from devicemgr.daemon import systemd, watchdog
from devicemgr.daemon.camera_lanes import CameraLanes
from devicemgr.devices.supervisor import DeviceState, Health, Listener, Supervisor
from devicemgr.devices.sync_run import Run, Step, drive
from devicemgr.domain.device_events import DeviceFact, FireRelease
from devicemgr.domain.ledger_events import Fact, Kind
from devicemgr.domain.model import DeviceConfig, DeviceInfo, Direction, JsonValue, PortalMode
from devicemgr.domain.ports.device import Device, Replaying
from devicemgr.domain.ports.recognition import Gallery
from devicemgr.domain.sighting import Sighting
from devicemgr.errors import DevicemgrError, DeviceUnreachable, RequestError
from devicemgr.ledger.counters import Meters
from devicemgr.operations import status
from devicemgr.people.calibration import Recalibration
from devicemgr.people.consents import ConsentWatch
from devicemgr.people.face_samples import KeptSamples
from devicemgr.people.model_migration import Migration
from devicemgr.people.retention import Retention
from devicemgr.recognition.workers.messages import LaneState
from devicemgr.recognition.workers.pool import RecognizerPool
from devicemgr.recovery import disk_reserve
from devicemgr.recovery.snapshots import SnapshotKeeper
from devicemgr.site.runtime import Figures
from devicemgr.site.site import Site
from devicemgr.store.database import Session, revision
from devicemgr.store.ledger import events
from devicemgr.store.site import devices as device_store, settings
from devicemgr.sync.reconciler import Reconciler
from devicemgr.udev.hotplug import Hotplug

log = logging.getLogger(__name__)
T = TypeVar("T")

_LOOK_SECONDS = 0.4
_KEEP_SECONDS, _KEEP_FIRST_SECONDS = 600.0, 60.0
_TICK_SECONDS = 0.1
_STALLED_SECONDS = 10.0
_LOOKER_STALLED_SECONDS = 60.0
_OPEN_SECONDS = 8.0
_STEP_SECONDS, _RESTORE_SECONDS = 30.0, 2.0
# systemd, demo and tests count on five seconds from SIGTERM to the end.
_STOP_SECONDS = 4.5


class Daemon:
    """Everything that runs; also the Runtime that API handlers see."""

    running = True

    def __init__(self, site: Site, listen: Listen | None = None, shared: Path | None = None) -> None:
        self._site = site
        self._listen = listen
        self._shared = shared
        self._started = time.monotonic()
        self._stopping = threading.Event()
        self._look = threading.Event()
        self._refreshing = threading.Lock()
        self._ready = False
        self._revision = -1
        self._unread: str | None = None
        self._kept = time.monotonic() - _KEEP_SECONDS + _KEEP_FIRST_SECONDS
        self._progress = self._looked = time.monotonic()
        self._inbox = Inbox()
        self._rules = Rulebook(site.database, site.parts.catalog, site.clock)
        self._pool = RecognizerPool(site.parts.encoder, site.parts.opener, workers=os.cpu_count() or 1)
        self._lanes = CameraLanes(self._rules, site.parts.catalog, self._pool)
        self._supervisor = Supervisor(site.parts.catalog, Listener(self._on_fact, self._on_state), self._resume)
        self._meters = Meters(site.database)
        self._clock = ClockWatch.of_process(site.clock, site.database, site.ledger)
        self._consents = ConsentWatch(site)
        self._retention = Retention(site)
        self._fires = FireWatch(self._rules)
        self._modes = PortalModes(site, self._rules, self._supervisor, self._fires.why_not_lock)
        self._hotplug = Hotplug(self._supervisor.hint)
        self._recalibration = Recalibration(site)
        self._migration = Migration(site)
        self._snapshots = SnapshotKeeper(site.snapshots)
        self._pins = PinChecker(self._inbox.put)
        self._reconciler = Reconciler(site, self._rules, self._supervisor, KeptSamples(site))
        self._access = AccessPipeline(
            site.ledger,
            self._supervisor,
            self._rules,
            lambda: site.gallery.current,
            self._inbox.put,
            self._pool.settle,
            self._pins.ask,
            self._supervisor.id_of,
        )
        self._dispatcher = threading.Thread(target=self._dispatch, name="dispatcher", daemon=True)
        self._looker = threading.Thread(target=self._look_often, name="looker", daemon=True)

    @property
    def stopping(self) -> bool:
        """See runtime.Runtime."""
        return self._stopping.is_set()

    def run(self) -> None:
        """Run until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stopping.set())
        lock = self._site.home.take()
        app = create_app(Context(self._site, self, os.getuid()))
        api = ApiServer(app, self._site.home.socket, self._listen, self._shared)
        try:
            self.start()
            api.start()
            self._ready = True
            systemd.tell("READY=1")
            if self._listen:
                log.info("the API also listens on %s port %d", self._listen.host, api.port)
            log.info("ready after %.1f s", time.monotonic() - self._started)
            watchdog.feed(self._stopping, self._turns, api.is_alive)
        finally:
            systemd.tell("STOPPING=1")
            deadline = time.monotonic() + _STOP_SECONDS
            api.stop(1.3)
            app.state.refusals.flush()
            self.stop(deadline)
            os.close(lock)

    def start(self) -> None:
        """Ledger, what the last run left open, rules and gallery, then whoever may ask for something."""
        self._site.ledger.start()
        if self._site.ledger.wait_restored(_RESTORE_SECONDS):  # else at the next start: an outcome may lie in there
            unconfirmed_releases.mark(self._site)
        with self._site.database.read() as session:
            self._fires.remember(session)
            self._modes.remember(session)
            self._access.alarms.remember(session)
        self._rules.refresh()
        self._site.gallery.refresh()
        self._dispatcher.start()
        self._pins.start()
        self._pool.start(self._on_message)
        self._reconciler.start()
        self._refresh()
        self._hotplug.start()
        self._looker.start()
        if not self._site.database.frozen:
            self._snapshots.start()

    def stop(self, deadline: float) -> None:
        """Cameras first, gates next, the ledger last; what was reported until then is still recorded."""
        self._stopping.set()
        self._look.set()
        self._hotplug.ask_to_stop()
        self._pool.stop(0.7)
        self._supervisor.stop(0.8)
        self._pins.stop()
        self._reconciler.stop(0.3)
        self._inbox.close()
        if self._dispatcher.is_alive():
            self._dispatcher.join(0.7)
        self._migration.stop(0.3)
        self._recalibration.wait(0.3)
        self._retention.stop(0.2)
        self._clock.keep()
        self._site.ledger.stop(max(0.5, deadline - time.monotonic()))
        with contextlib.suppress(DevicemgrError):
            self._site.sealer.seal()
        self._snapshots.stop(max(0.2, deadline - time.monotonic()))

    def _turns(self) -> dict[str, tuple[float, float]]:
        """For the watchdog: who must make progress, when that was, and the seconds that may lie between."""
        return {
            "dispatcher": (self._progress, _STALLED_SECONDS),
            "ledger": (self._site.ledger.progress, _STALLED_SECONDS),
            "gates": (self._supervisor.progress, _STALLED_SECONDS),
            "looker": (self._looked, _LOOKER_STALLED_SECONDS),
        }

    def _dispatch(self) -> None:
        """Until the inbox is closed and empty: what a gate has done is recorded although the daemon ends."""
        ticked = 0.0
        while (item := self._inbox.get(_TICK_SECONDS)) is not None or not self._inbox.closed:
            try:
                self._handle(item)
                if time.monotonic() - ticked >= _TICK_SECONDS:
                    self._access.tick()
                    ticked = time.monotonic()
            except Exception:
                log.exception("the dispatcher could not handle %s", type(item).__name__)
            self._progress = time.monotonic()

    def _handle(self, item: Item | None) -> None:
        if isinstance(item, Outcome):
            self._access.on_outcome(item)
        elif isinstance(item, FromDevice):
            self._access.on_device_fact(item.device, item.fact)
        elif isinstance(item, PinChecked):
            self._access.on_pin(item)
        elif isinstance(item, Sighting) and not self._stopping.is_set():
            self._access.on_sighting(item)

    def _look_often(self) -> None:
        """A change of people or site, by whatever process, is in force within a second."""
        took = 0.0
        while not self._stopping.is_set():
            # In a mass import there is always a change: as long between two looks as one takes, for the gates' sake.
            pause = min(took, _LOOK_SECONDS)
            self._stopping.wait(pause)
            self._look.wait(_LOOK_SECONDS - pause)
            self._look.clear()
            began = time.monotonic()
            self._clock.look()
            try:
                self._consents.look()
                self._retention.consider()
                self._refresh()
                self._site.database.forget_later()
                self._keep_gallery()
                self._modes.settle()
                self._access.alarms.tick()
                self._site.sealer.seal_often()
                self._meters.look()
                self._unread = None
            except Exception as error:
                self._not_read(error)
            self._looked = time.monotonic()
            took = self._looked - began

    def _not_read(self, error: Exception) -> None:
        if str(error) != self._unread:
            log.error("people and site could not be read: %s", error, exc_info=not isinstance(error, DevicemgrError))
        self._unread = str(error)

    def _keep_gallery(self) -> None:
        if time.monotonic() - self._kept >= _KEEP_SECONDS and not self._site.database.frozen:
            self._kept = time.monotonic()
            self._site.gallery.save()
            disk_reserve.keep(self._site.home)

    def _refresh(self) -> None:
        """Any thread; one at a time, or two would each start the same device."""
        with self._refreshing:
            with self._site.database.read() as session:
                found = revision(session)
                if found == self._revision:
                    return
                configs = list(self._readable_devices(session))
                found_settings = settings.load(session)
            self._site.ledger.allow_known = found_settings.on_storage_failure == "allow_known"
            try:
                self._rules.refresh()
            finally:  # a right that can't be read must not keep a withdrawn face
                self._site.gallery.refresh()
                self._pool.set_encoder(self._site.parts.encoder_of(self._site.gallery.own))
            for fact in self._fires.set_devices(self._site.parts.catalog, configs, found_settings.fire_wait_s):
                self._site.ledger.submit(fact)
            self._access.alarms.set_devices(configs)
            self._supervisor.set_devices(configs)
            self._lanes.refresh({config.name for config in configs})
            self._reconciler.wake()
            self._revision = found
        self._recalibration.consider()
        self._migration.consider()

    def _readable_devices(self, session: Session) -> Iterator[DeviceConfig]:
        for row in device_store.devices(session):
            try:
                yield device_store.device_config(row, self._site.vault)
            except DevicemgrError as error:
                log.error("device %s is left out: %s", row.name, error)

    def _resume(self, config: DeviceConfig, device: Device) -> None:
        """A device with a memory goes on after what is recorded; each reports its fire inputs after it was opened."""
        self._fires.on_opening(config.name)
        if isinstance(device, Replaying):
            with self._site.database.read() as session:
                device.resume(events.cursor(session, config.id))

    def _on_fact(self, device: str, fact: DeviceFact) -> None:
        if not isinstance(fact, FireRelease):
            self._inbox.put(FromDevice(device, fact))
        elif event := self._fires.on_fact(device, fact):
            self._modes.on_fire()  # before storage, which may be slow
            self._site.ledger.submit(event)

    def _on_state(self, state: DeviceState) -> None:
        kinds = {
            Health.ONLINE: Kind.DEVICE_ONLINE,
            Health.OFFLINE: Kind.DEVICE_OFFLINE,
            Health.QUARANTINED: Kind.DEVICE_OFFLINE,
            Health.DEGRADED: Kind.DEVICE_DEGRADED,
        }
        if kind := kinds.get(state.health):
            detail: dict[str, JsonValue] = {"cause": state.cause} if state.cause else {}
            if state.health is Health.QUARANTINED:
                detail["state"] = str(state.health)
            self._site.ledger.submit(Fact(kind, state.since, device=state.name, detail=detail))
        self._lanes.on_state(state, self._supervisor)
        self._fires.on_state(state)
        if state.health in (Health.OFFLINE, Health.QUARANTINED):
            self._access.alarms.forget_door(state.name)
        self._modes.on_state(state)
        self._reconciler.on_state(state)

    def _on_message(self, message: Sighting | LaneState) -> None:
        if isinstance(message, Sighting):
            self._inbox.put_sighting(message)
        else:
            self._supervisor.note(message.lane, message.cause)

    def status(self) -> dict[str, Any]:
        """See runtime.Runtime."""
        daemon = status.daemon_json(
            running=True,
            ready=self._ready,
            uptime_s=time.monotonic() - self._started,
            stuck_threads=self._supervisor.stuck_threads,
        )
        devices, rules, standing = self._supervisor.states(), self._rules.current, self._access.alarms
        found = status.of_daemon(
            self._site, daemon, devices, rules, self._access.state_of, self._unread, standing.door_of
        )
        portals = status.portal_alarms(rules, devices, self._supervisor.channels)
        watches = self._clock.alarms() + self._fires.alarms() + standing.alarms()
        return found | {"alarms": watches + portals + found["alarms"]}

    def figures(self) -> Figures:
        """See runtime.Runtime."""
        ledger = self._site.ledger
        return Figures(ledger.failing, {"dispatcher": len(self._inbox), "ledger": ledger.waiting}, self._meters)

    def call_device(self, name: str, action: Callable[[Device], T], timeout: float) -> T:
        """See runtime.Runtime."""
        return self._supervisor.call(name, action, timeout)

    def device_info(self, name: str) -> tuple[DeviceInfo, datetime]:
        """See runtime.Runtime."""
        return self._supervisor.info(name)

    def channels_of(self, name: str) -> int | None:
        """See runtime.Runtime."""
        return self._supervisor.channels(name)

    def trace_device(self, name: str) -> list[tuple[float, str, bytes]]:
        """See runtime.Runtime."""
        return self._supervisor.trace(name)

    def drive(self, name: str, steps: Generator[Step, Any, T]) -> T:
        """See runtime.Runtime."""
        return drive(steps, lambda step: self._supervisor.call(name, step, _STEP_SECONDS))

    def sync_device(self, name: str, *, prune: bool) -> Run:
        """See runtime.Runtime."""
        return self._reconciler.sync(name, prune=prune)

    def last_run(self, name: str) -> Run | None:
        """See runtime.Runtime."""
        return self._reconciler.last_run(name)

    def open_portal(self, portal: str, direction: Direction, actor: str) -> dict[str, Any]:
        """See runtime.Runtime."""
        ended = threading.Event()
        outcomes: list[Outcome] = []

        def on_end(outcome: Outcome) -> None:
            outcomes.append(outcome)
            ended.set()

        request = self._access.open_manually(portal, direction, actor, on_end)
        if not ended.wait(_OPEN_SECONDS):
            raise DeviceUnreachable(
                f"the gate of portal '{portal}' does not answer; `devicemgr events` tells what came"
            )
        if outcomes[0].error is not None:
            raise outcomes[0].error
        return {"portal": portal, "direction": str(direction), "request": request, "outcome": outcomes[0].word}

    def set_portal_mode(self, portal: str, mode: PortalMode, actor: str) -> dict[str, Any]:
        """See runtime.Runtime."""
        if mode is PortalMode.LOCKED and self._rules.current.fire_active:
            raise RequestError("a fire input is active: nothing is locked until it ends")
        answer = self._modes.change(portal, mode, actor)
        if answer["applied"]:
            self._access.mode_applied(portal)
        self._refresh()
        return answer

    def site_changed(self) -> None:
        """See runtime.Runtime."""
        self._look.set()

    def gallery(self) -> Gallery:
        """See runtime.Runtime."""
        return self._site.gallery.current
