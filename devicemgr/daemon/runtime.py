"""What API handlers may call on the running daemon; see site.runtime.Runtime for the contract of each."""

import contextlib
import threading
import time
from collections.abc import Callable, Generator, Sequence
from datetime import datetime
from typing import Any, TypeVar

from devicemgr.access.event_queue import Inbox, Override
from devicemgr.access.explanations import explained, overfilled
from devicemgr.access.musters.desk import MusterDesk, alarms
from devicemgr.access.pipeline import AccessPipeline
from devicemgr.access.policy_cache import Rulebook
from devicemgr.access.portals.fire_alarm import FireWatch
from devicemgr.access.portals.portal_modes import PortalModes
from devicemgr.access.portals.threat_control import ThreatControl
from devicemgr.access.release import Outcome
from devicemgr.clock.monitor import ClockWatch
from devicemgr.daemon.scheduler import Scheduler
from devicemgr.daemon.site_reload import SiteReload
from devicemgr.devices.supervisor import Supervisor
from devicemgr.devices.sync_run import Run, Step, drive
from devicemgr.domain.ledger_events import Fact
from devicemgr.domain.model import DeviceInfo, Direction, Factor, PortalMode
from devicemgr.domain.ports.device import Device
from devicemgr.domain.ports.recognition import Gallery
from devicemgr.domain.rules.areas.presences import Presences, presences
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.policy import Explanation
from devicemgr.errors import DevicemgrError, DeviceUnreachable, Hint, NotFound, RequestError
from devicemgr.ledger.counters import Meters
from devicemgr.operations import status
from devicemgr.operations.live_states import live_states
from devicemgr.operations.muster_states import MusterStates
from devicemgr.outlets.runner import Outlets
from devicemgr.site.runtime import Figures
from devicemgr.site.site import Site
from devicemgr.sync.reconciler import Reconciler

T = TypeVar("T")

_OPEN_S = 8.0
_RECORD_S = 3.0
_STEP_S = 30.0
_CANCEL_POLL_S = 0.25


class DaemonRuntime:
    """Runtime commands over the parts that `service.Daemon` puts together and starts."""

    running = True

    _site: Site
    _started: float
    _stopping: threading.Event
    _ready: bool
    _inbox: Inbox
    _rules: Rulebook
    _supervisor: Supervisor
    _meters: Meters
    _clock: ClockWatch
    _fires: FireWatch
    _modes: PortalModes
    _threats: ThreatControl
    _reconciler: Reconciler
    _access: AccessPipeline
    _reload: SiteReload
    _scheduler: Scheduler
    _musters: MusterDesk
    _muster_states: MusterStates
    _outlets: Outlets

    @property
    def stopping(self) -> bool:
        """See site.runtime.Runtime."""
        return self._stopping.is_set()

    def status(self) -> dict[str, Any]:
        """See site.runtime.Runtime."""
        daemon = status.daemon_json(
            running=True,
            ready=self._ready,
            uptime_s=time.monotonic() - self._started,
            stuck_threads=self._supervisor.stuck_threads,
        )
        devices, rules, standing = self._supervisor.states(), self._rules.current, self._access.alarms
        portals = status.portal_alarms(rules, devices, self._supervisor.channels)
        state_of = status.state_by_gate(self._access.state_of, portals)
        found = status.of_daemon(
            self._site,
            daemon,
            devices,
            self._rules,
            state_of,
            self._scheduler.unread,
            standing.door_of,
            self._reconciler.threat_pending(),
        )
        watches = self._clock.alarms() + self._fires.alarms() + standing.alarms() + alarms(self._musters.running())
        return found | {"alarms": watches + portals + found["alarms"]}

    def live_states(self) -> dict[str, dict[str, dict[str, Any]]]:
        """See site.runtime.Runtime."""
        devices, rules = self._supervisor.states(), self._rules.current
        state_of = status.state_by_gate(
            self._access.state_of, status.portal_alarms(rules, devices, self._supervisor.channels)
        )
        found = live_states(self._rules, self._access.areas.view, devices, state_of, self._access.alarms.door_of)
        return found | self._muster_states.parts(self._musters.running(), rules.people)

    def figures(self) -> Figures:
        """See site.runtime.Runtime."""
        ledger = self._site.ledger
        queues = {"dispatcher": len(self._inbox), "ledger": ledger.waiting}
        return Figures(ledger.failing, queues, self._meters, self._outlets.failures())

    def call_device(self, name: str, action: Callable[[Device], T], timeout: float) -> T:
        """See site.runtime.Runtime."""
        return self._supervisor.call(name, action, timeout)

    def device_info(self, name: str) -> tuple[DeviceInfo, datetime]:
        """See site.runtime.Runtime."""
        return self._supervisor.info(name)

    def channels_of(self, name: str) -> int | None:
        """See site.runtime.Runtime."""
        return self._supervisor.channels(name)

    def trace_device(self, name: str) -> list[tuple[float, str, bytes]]:
        """See site.runtime.Runtime."""
        return self._supervisor.trace(name)

    def drive(self, name: str, steps: Generator[Step, Any, T]) -> T:
        """See site.runtime.Runtime."""
        return drive(steps, lambda step: self._supervisor.call(name, step, _STEP_S))

    def sync_device(self, name: str, *, prune: bool) -> Run:
        """See site.runtime.Runtime."""
        return self._reconciler.sync(name, prune=prune)

    def last_run(self, name: str) -> Run | None:
        """See site.runtime.Runtime."""
        return self._reconciler.last_run(name)

    def await_card(self, device: str, channel: int, seconds: float, cancelled: threading.Event) -> tuple[str, ...]:
        """See site.runtime.Runtime."""
        self._supervisor.call(device, lambda _: None, _STEP_S)
        cards = self._access.awaited_cards
        awaited = cards.begin(device, channel)
        until = time.monotonic() + seconds
        try:
            while not awaited.wait(min(_CANCEL_POLL_S, max(0.0, until - time.monotonic()))):
                if cancelled.is_set() or self.stopping:
                    raise RequestError("no card is awaited any more: the client disconnected; nothing was changed")
                if time.monotonic() >= until:
                    raise NotFound(f"no card was shown at reader {channel} of {device} in {seconds:g} s; try again")
        finally:
            cards.end(device, channel, awaited)
        return awaited.names

    def open_portal(self, portal: str, direction: Direction, actor: str, override: str | None = None) -> dict[str, Any]:
        """See site.runtime.Runtime."""
        ended = threading.Event()
        outcomes: list[Outcome] = []

        def on_end(outcome: Outcome) -> None:
            outcomes.append(outcome)
            ended.set()

        full = overfilled(self._access.areas.view, self._rules.current, portal, direction)
        request = self._access.manual.open(portal, direction, actor, on_end, Override(override) if override else None)
        if not ended.wait(_OPEN_S):
            raise DeviceUnreachable(
                f"the gate of portal '{portal}' does not answer", hint=Hint("list_events", portal=portal)
            )
        if outcomes[0].error is not None:
            raise outcomes[0].error
        answer = {"portal": portal, "direction": str(direction), "request": request, "outcome": outcomes[0].word}
        return answer | full

    def rules(self) -> Snapshot:
        """See site.runtime.Runtime."""
        return self._rules.current

    def whereabouts(self) -> Presences:
        """See site.runtime.Runtime."""
        return presences(self._access.areas.view, self._rules.current.zone_map, self._rules.now())

    @property
    def musters(self) -> MusterDesk:
        """See site.runtime.Runtime."""
        return self._musters

    def near_side(self, person_id: str) -> str | None:
        """See site.runtime.Runtime."""
        return self._access.areas.near_side(person_id)

    def explain(
        self, person_id: str, portal: str, direction: Direction, at: datetime | None, factors: frozenset[Factor]
    ) -> list[Explanation]:
        """See site.runtime.Runtime."""
        times = (at,) if at is not None else self._rules.times()
        rules = self._rules.current
        return explained(rules, self._access.facts_for(portal, rules), person_id, portal, direction, times, factors)

    def set_threat(self, name: str, zones: Sequence[str], reason: str, actor: str) -> dict[str, Any]:
        """See site.runtime.Runtime."""
        answer = self._threats.set(name, zones, reason, actor)
        self._on_threats()
        return answer

    def end_threat(self, name: str, comment: str, actor: str) -> dict[str, Any]:
        """See site.runtime.Runtime."""
        answer = self._threats.end(name, comment, actor)
        self._on_threats()
        return answer

    def _on_threats(self) -> None:
        """Let devices that decide by themselves follow, and what a guard had freed be recorded as normal."""
        self._reconciler.wake()
        self._scheduler.wake()

    def _record_threat(self, fact: Fact) -> None:
        durable = threading.Event()
        self._site.ledger.submit(fact, lambda _: durable.set())
        durable.wait(_RECORD_S)

    def set_portal_mode(
        self, portal: str, mode: PortalMode, actor: str, *, despite_threat: bool = False
    ) -> dict[str, Any]:
        """See site.runtime.Runtime."""
        if mode is PortalMode.LOCKED and self._rules.current.fire_active:
            raise RequestError("a fire input is active: nothing is locked until it ends")
        answer = self._modes.change(portal, mode, actor, despite_threat=despite_threat)
        if answer["applied"]:
            self._access.mode_applied(portal)
        self._reload.refresh()
        return answer

    def site_changed(self) -> None:
        """See site.runtime.Runtime."""
        self._scheduler.wake()

    def rights_changed(self) -> None:
        """See site.runtime.Runtime; rights that can't be read are reported by the scheduler's next turn."""
        with contextlib.suppress(DevicemgrError):
            self._rules.refresh()
        self._scheduler.wake()

    def gallery(self) -> Gallery:
        """See site.runtime.Runtime."""
        return self._site.gallery.current
