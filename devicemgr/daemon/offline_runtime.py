"""What commands use when no daemon runs: devices opened for one action, decisions recorded before they act."""

import threading
import time
import uuid
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from devicemgr.access import area_checkpoint
from devicemgr.access.explanations import explained, overfilled
from devicemgr.access.ledger_facts import manual_fact, outcome_fact
from devicemgr.access.musters import archive
from devicemgr.access.musters.desk import MusterDesk, alarms as muster_alarms
from devicemgr.access.policy_cache import Rulebook
from devicemgr.access.portals import fire_check
from devicemgr.access.portals.fire_alarm import active_inputs
from devicemgr.access.portals.portal_modes import PortalModes
from devicemgr.access.portals.standing_alarms import StandingAlarms
from devicemgr.access.portals.threat_control import ThreatControl
from devicemgr.access.release import Opening, Outcome, release_gate
from devicemgr.clock.monitor import alarms_of
from devicemgr.devices.supervisor import DeviceState, Health
from devicemgr.devices.sync_run import Run, Step, drive
from devicemgr.devices.worker import trace_of
from devicemgr.domain.ledger_events import Fact
from devicemgr.domain.model import DeviceInfo, Direction, Factor, PortalMode
from devicemgr.domain.ports.device import Channeled, Delivery, Device
from devicemgr.domain.ports.recognition import Gallery
from devicemgr.domain.rules.areas.facts import Facts
from devicemgr.domain.rules.areas.presences import Presences, presences
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.policy import Explanation
from devicemgr.errors import DaemonUnreachable, DeviceError, DevicemgrError, Hint, SystemFault
from devicemgr.operations import status
from devicemgr.people.sources.state import alarms as source_alarms
from devicemgr.site.outlets import progress
from devicemgr.site.runtime import Figures
from devicemgr.site.site import Site
from devicemgr.store.ledger import musters as muster_rows
from devicemgr.store.site import devices as device_store, portals as portal_store
from devicemgr.sync.reconciler import mark_revoked, sync_of

T = TypeVar("T")


class DirectRuntime:
    """See runtime.Runtime."""

    running = False
    stopping = False

    def __init__(self, site: Site) -> None:
        self._site = site
        self._runs: dict[str, Run] = {}

    def status(self) -> dict[str, Any]:
        """Everything is unknown but what the store knows."""
        with self._site.database.read() as session:
            now = datetime.now(UTC)
            devices = [DeviceState(r.name, r.driver, Health.UNKNOWN, None, now) for r in device_store.devices(session)]
            standing = StandingAlarms(self._site.ledger, Rulebook(self._site.database, self._site.parts.catalog), str)
            standing.remember(session)
        revoked = status.revoked(self._site.database)
        rules = self._rules_with_facts()
        return {
            "daemon": status.daemon_json(running=False, ready=False, uptime_s=0),
            "devices": [status.device_json(state, revoked) for state in devices],
            "portals": status.portals_json(rules, lambda _: "unknown", lambda _: None),
            "threats": status.threats_json(rules.current),
            "gallery": status.gallery_json(self._site.gallery.refresh()),
            "ledger": status.ledger_json(self._site.database),
            "outlets": progress.listed(self._site.database),
            "alarms": [
                *status.threat_alarms(rules.current),
                {"kind": "daemon_not_running", "cause": "no daemon runs: nothing opens by itself"},
                *standing.alarms(),
                *muster_alarms(self.musters.running()),
                *status.storage_alarms(self._site),
                *alarms_of(self._site.clock),
                *status.revoked_alarms(revoked),
                *status.shared_card_alarms(self._site.database),
                *status.calendar_alarms(self._site),
                *status.disputed_alarms(self._site.database),
                *source_alarms(self._site.database),
                *progress.alarms(self._site.database),
            ],
        }

    def live_states(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Nothing has a state without a daemon."""
        return {}

    def figures(self) -> Figures:
        """Nothing waits and nothing is counted."""
        return Figures()

    def call_device(self, name: str, action: Callable[[Device], T], timeout: float) -> T:  # noqa: ARG002
        """Open the device, act, close; the driver's own deadlines bound it."""
        with self._site.database.read() as session:
            config = device_store.device_config(device_store.device(session, name), self._site.vault)
        device = self._site.parts.catalog.get(config.driver).build(config)
        try:
            device.open()
            return action(device)
        finally:
            device.close()

    def device_info(self, name: str) -> tuple[DeviceInfo, datetime]:
        """Return what the device reports when it is opened now."""
        with self._site.database.read() as session:
            config = device_store.device_config(device_store.device(session, name), self._site.vault)
        device = self._site.parts.catalog.get(config.driver).build(config)
        try:
            return device.open(), datetime.now(UTC)
        finally:
            device.close()

    def channels_of(self, name: str) -> int | None:
        """Return what the gate's options say; None where that takes a connection."""
        with self._site.database.read() as session:
            config = device_store.device_config(device_store.device(session, name), self._site.vault)
        try:
            device = self._site.parts.catalog.get(config.driver).build(config)
        except DevicemgrError:
            return None
        return device.channels if isinstance(device, Channeled) else None

    def trace_device(self, name: str) -> list[tuple[float, str, bytes]]:
        """Open, read and close the device; return what went over the line, a failure included."""
        with self._site.database.read() as session:
            config = device_store.device_config(device_store.device(session, name), self._site.vault)
        device = self._site.parts.catalog.get(config.driver).build(config)
        trace_of(name, device)
        try:
            device.open()
            device.check()
        except DeviceError:
            if not trace_of(name, device):
                raise
        finally:
            device.close()
        return trace_of(name, device)

    call = call_device

    def drive(self, name: str, steps: Generator[Step, Any, T]) -> T:
        """Run all steps on one connection."""
        return self.call_device(name, lambda device: drive(steps, lambda step: step(device)), 0)

    def sync_device(self, name: str, *, prune: bool) -> Run:
        """Run on a thread of its own, so that the caller can show the progress."""
        sync = sync_of(self._site, name)
        run = self._runs[name] = Run()

        def go() -> None:
            try:
                self.drive(name, sync.steps(run, read=True, prune=prune, insist=True))
            except DevicemgrError as error:
                run.end(error)
            except Exception as error:
                run.end(SystemFault(f"the program failed: {error!r}"))
                raise

        threading.Thread(target=go, name=f"sync-{name}").start()
        return run

    def last_run(self, name: str) -> Run | None:
        """Return the last run of this process."""
        return self._runs.get(name)

    def command(
        self, name: str, action: Callable[[Device], object], done: Callable[[object, Exception | None], None]
    ) -> None:
        """Run the command at once, then call `done`."""
        try:
            result = self.call_device(name, action, 0)
        except DevicemgrError as error:
            done(None, error)
        else:
            done(result, None)

    def await_card(self, device: str, *_: object) -> tuple[str, ...]:
        """Refuse: without a daemon no reader is read."""
        raise DaemonUnreachable(f"no daemon runs, so no card can be shown at {device}", hint=Hint("start_daemon"))

    def rules(self) -> Snapshot:
        """Return the rights as they are stored."""
        return self._rules().current

    def whereabouts(self) -> Presences:
        """Return who is where as the ledger says."""
        rules, facts = self._areas()
        return presences(facts, rules.current.zone_map, rules.now())

    @property
    def musters(self) -> MusterDesk:
        """Return the musters as the ledger says; what is done to them is recorded at once."""
        rules, facts = self._areas()
        desk = MusterDesk(rules, self._append, lambda: facts.whereabouts)
        with self._site.database.read() as session:
            found = archive.running(session, rules.current.zone_map, facts.whereabouts.seq)
            desk.begin(found, muster_rows.armed(session))
        return desk

    def near_side(self, person_id: str) -> str | None:  # noqa: ARG002
        """Return None: no one is refused while no daemon runs."""
        return None

    def explain(
        self, person_id: str, portal: str, direction: Direction, at: datetime | None, factors: frozenset[Factor]
    ) -> list[Explanation]:
        """Return what the rules say by what is stored; the state of gates is not known."""
        rules, facts = self._areas()
        times = (at,) if at is not None else rules.times()
        return explained(rules.current, facts, person_id, portal, direction, times, factors)

    def _rules(self) -> Rulebook:
        rules = Rulebook(self._site.database, self._site.parts.catalog, self._site.clock)
        rules.refresh()
        return rules

    def _rules_with_facts(self) -> Rulebook:
        rules, facts = self._areas()
        rules.facts = lambda: facts
        return rules

    def _areas(self) -> tuple[Rulebook, Facts]:
        rules = self._rules()
        with self._site.database.read() as session:
            return rules, Facts(area_checkpoint.load(session, rules.current.zone_map))

    def open_portal(self, portal: str, direction: Direction, actor: str, override: str | None = None) -> dict[str, Any]:
        """Record, release, record the outcome; a gate timed by this computer is held for its time."""
        with self._site.database.read() as session:
            model = portal_store.portal_model(portal_store.portal(session, portal))
        rules, facts = self._areas()
        full = overfilled(facts, rules.current, portal, direction)
        now = time.monotonic()
        opening = Opening(str(uuid.uuid4()), model, direction, now, now, actor=actor)
        # How the other portals of an interlock stand is not known without a daemon.
        self._append(manual_fact(opening, {"override": "interlock", "reason": override} if override else None))
        recorded = time.monotonic()
        outcomes: list[Outcome] = []

        def ended(error: DevicemgrError | None, delivery: Delivery = Delivery.SENT) -> None:
            if not outcomes:
                now = time.monotonic()
                outcomes.append(Outcome(opening, recorded, now, error, senses_passage=False, delivery=delivery))
                self._append(outcome_fact(outcomes[0]))

        def act(device: Device) -> None:
            # The caller is still waiting, however long the line took to open.
            sent = release_gate(replace(opening, decided=time.monotonic()), device)
            ended(sent.unknown, sent.delivery)
            if not sent.senses_passage:
                _hold(device, sent.times.waits_s if sent.times else model.release_seconds)

        try:
            self.call_device(model.gate, act, 0)
        except DevicemgrError as error:
            ended(error)
        if outcomes[0].error is not None:
            raise outcomes[0].error
        answer = {"portal": portal, "direction": str(direction), "request": opening.request}
        return answer | {"outcome": outcomes[0].word} | full

    def _append(self, fact: Fact) -> None:
        with self._site.database.write(changes_site=False) as session:
            self._site.ledger.append(session, [fact])

    def set_threat(self, name: str, zones: Sequence[str], reason: str, actor: str) -> dict[str, Any]:
        """Record a threat and close what was free; it is in force from the daemon's start."""
        answer = self._threats().set(name, zones, reason, actor)
        self.site_changed()
        return answer

    def end_threat(self, name: str, comment: str, actor: str) -> dict[str, Any]:
        """Record the end of a threat."""
        answer = self._threats().end(name, comment, actor)
        self.site_changed()
        return answer

    def _threats(self) -> ThreatControl:
        rules = self._rules_with_facts()
        modes = PortalModes(self._site, rules, self, lambda: self._heed_fire(rules))
        return ThreatControl(self._site, rules, modes, self._append)

    def _heed_fire(self, rules: Rulebook) -> str | None:
        """Return why only what opens may be sent: a fire was active when the last daemon ended."""
        with self._site.database.read() as session:
            active = active_inputs(session)
        for device in active:
            rules.set_fire(device, True)
        return f"the fire input of {min(active)} is active: only free is sent" if active else None

    def set_portal_mode(
        self, portal: str, mode: PortalMode, actor: str, *, despite_threat: bool = False
    ) -> dict[str, Any]:
        """Record and apply a mode; lock only after the state of every fire input was read."""
        rules = self._rules_with_facts()
        if mode is PortalMode.LOCKED:
            cause = fire_check.why_not_lock(self._site, lambda name, action: self.call_device(name, action, 0))
        else:
            cause = self._heed_fire(rules)
        modes = PortalModes(self._site, rules, self, lambda: cause)
        return modes.change(portal, mode, actor, despite_threat=despite_threat)

    def site_changed(self) -> None:
        """Note who is to be removed from devices, for when they are reached: no daemon runs that would do it now."""
        mark_revoked(self._site, Rulebook(self._site.database, self._site.parts.catalog))

    def rights_changed(self) -> None:
        """As `site_changed`: nothing decides here."""
        self.site_changed()

    def gallery(self) -> Gallery:
        """Return the gallery, loaded on each call."""
        return self._site.gallery.refresh()


def _hold(device: Device, seconds: float) -> None:
    """Keep a relay board open and polled for `seconds`: closing it would end its pulse."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        device.poll()
        time.sleep(min(device.poll_interval, 0.2))
