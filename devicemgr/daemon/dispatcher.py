"""The way of an event: from a device's thread into the queue, and from there, on one thread, to the decision."""

import logging
import threading
import time

from devicemgr.access.event_queue import FromDevice, Inbox, Item, OpeningWanted
from devicemgr.access.evidence.pins import PinChecked
from devicemgr.access.musters.desk import MusterDesk
from devicemgr.access.pipeline import AccessPipeline
from devicemgr.access.portals.fire_alarm import FireWatch
from devicemgr.access.portals.portal_modes import PortalModes
from devicemgr.access.release import Outcome
from devicemgr.daemon.camera_lanes import CameraLanes
from devicemgr.devices.supervisor import DeviceState, Health, Supervisor
from devicemgr.domain.device_events import DeviceFact, FireRelease
from devicemgr.domain.ledger_events import Fact, Kind
from devicemgr.domain.model import DeviceConfig, JsonValue
from devicemgr.domain.ports.device import Device, Gate, Replaying, ReplayingLogs
from devicemgr.domain.sighting import Sighting
from devicemgr.ledger.feed import Recorded
from devicemgr.recognition.workers.messages import LaneState
from devicemgr.site.site import Site
from devicemgr.store.ledger import events
from devicemgr.sync.reconciler import Reconciler

log = logging.getLogger(__name__)

_TICK_S = 0.1


class Dispatcher:
    """Thread over one queue; `progress` is the CLOCK_MONOTONIC second of its last turn."""

    def __init__(self, inbox: Inbox, access: AccessPipeline, musters: MusterDesk, stopping: threading.Event) -> None:
        self._inbox = inbox
        self._access = access
        self._musters = musters
        self._stopping = stopping
        self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)
        self.progress = time.monotonic()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Close the queue and wait until what is left in it is handled, for at most `timeout` seconds."""
        self._inbox.close()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        """Run until the queue is closed and empty: what a gate has done is recorded although the daemon ends."""
        ticked = 0.0
        while (item := self._inbox.get(_TICK_S)) is not None or not self._inbox.closed:
            try:
                self._handle(item)
                if time.monotonic() - ticked >= _TICK_S:
                    self._access.tick()
                    ticked = time.monotonic()
            except Exception:
                log.exception("the dispatcher could not handle %s", type(item).__name__)
            self.progress = time.monotonic()

    def _handle(self, item: Item | None) -> None:
        if isinstance(item, Outcome):
            self._access.on_outcome(item)
        elif isinstance(item, FromDevice):
            self._access.on_device_fact(item.device, item.fact)
        elif isinstance(item, PinChecked):
            self._access.on_pin(item)
        elif isinstance(item, Recorded):
            with self._musters.lock:  # a muster begins with all of an event, or with nothing of it
                self._access.areas.on_recorded(item)
                self._musters.on_recorded(item)
        elif isinstance(item, OpeningWanted):
            self._access.manual.on_wanted(item)
        elif isinstance(item, Sighting) and not self._stopping.is_set():
            self._access.on_sighting(item)


class DeviceEventRouter:
    """Callbacks of devices and recognizers, each on the caller's thread; they must not wait for the dispatcher's work.

    A fire release is in force before anything else is done with it. All other events go through the queue.
    """

    def __init__(self, site: Site, inbox: Inbox, fires: FireWatch, lanes: CameraLanes) -> None:
        self._site = site
        self._inbox = inbox
        self._fires = fires
        self._lanes = lanes

    def connect(
        self,
        supervisor: Supervisor,
        modes: PortalModes,
        access: AccessPipeline,
        reconciler: Reconciler,
        musters: MusterDesk,
    ) -> None:
        """Set the parts that themselves need the supervisor, before it is given any device."""
        self._supervisor = supervisor
        self._modes = modes
        self._musters = musters
        self._access = access
        self._reconciler = reconciler

    def resume(self, config: DeviceConfig, device: Device) -> None:
        """Let a device with a memory continue after what is recorded, and await the state of its fire inputs."""
        self._fires.on_opening(config.name)
        senses = isinstance(device, Gate) and bool(device.senses_passage)
        self._access.perimeter.know(config.name, has_memory=isinstance(device, Replaying), senses_passage=senses)
        if isinstance(device, Replaying):
            with self._site.database.read() as session:
                serials = events.cursors(session, config.id)
            device.resume(serials.get(""))
            if isinstance(device, ReplayingLogs):
                device.resume_logs(serials)

    def on_fact(self, device: str, fact: DeviceFact) -> None:
        """Queue an event of a device; set the fire state at once."""
        if not isinstance(fact, FireRelease):
            self._inbox.put(FromDevice(device, fact))
        elif event := self._fires.on_fact(device, fact):
            self._modes.on_fire()  # before storage, which may be slow
            self._site.ledger.submit(event)
            if fact.active:
                self._musters.on_fire()

    def on_state(self, state: DeviceState) -> None:
        """Record a change of a device's state, and pass it on."""
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
            if kind is Kind.DEVICE_OFFLINE and (portals := self._access.portals_of(state.name)):
                detail["portals"] = [*portals]
            self._site.ledger.submit(Fact(kind, state.since, device=state.name, detail=detail))
        self._lanes.on_state(state, self._supervisor)
        self._fires.on_state(state)
        is_away = state.health in (Health.OFFLINE, Health.QUARANTINED)
        self._access.perimeter.set_away(state.name, away=is_away)
        if is_away:
            self._access.alarms.forget_door(state.name)
        self._modes.on_state(state)
        self._reconciler.on_state(state)

    def on_message(self, message: Sighting | LaneState) -> None:
        """Queue a sighting; note the state of a camera's stream."""
        if isinstance(message, Sighting):
            self._inbox.put_sighting(message)
        else:
            self._supervisor.note(message.lane, message.cause)
