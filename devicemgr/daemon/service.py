"""The daemon: what runs, in the order in which it starts; stopped in the reverse order."""

import contextlib
import logging
import os
import signal
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from devicemgr.access import unconfirmed_releases
from devicemgr.access.area_checkpoint import AreaKeeper
from devicemgr.access.event_queue import Inbox
from devicemgr.access.evidence.pins import PinChecker
from devicemgr.access.musters import archive
from devicemgr.access.musters.desk import MusterDesk
from devicemgr.access.pipeline import AccessPipeline
from devicemgr.access.policy_cache import Rulebook
from devicemgr.access.portals.fire_alarm import FireWatch
from devicemgr.access.portals.last_run import left_open
from devicemgr.access.portals.portal_modes import PortalModes
from devicemgr.access.portals.threat_control import ThreatControl
from devicemgr.api.app import create_app
from devicemgr.api.authorization import may_by_token
from devicemgr.api.context import Context
from devicemgr.api.listeners import Listen
from devicemgr.api.server import ApiServer
from devicemgr.clock.monitor import ClockWatch
from devicemgr.daemon import systemd, watchdog
from devicemgr.daemon.alarm_escalation import AlarmEscalation
from devicemgr.daemon.camera_lanes import CameraLanes
from devicemgr.daemon.dispatcher import DeviceEventRouter, Dispatcher
from devicemgr.daemon.runtime import DaemonRuntime
from devicemgr.daemon.scheduler import Scheduler
from devicemgr.daemon.site_reload import SiteReload
from devicemgr.devices.supervisor import Listener, Supervisor
from devicemgr.errors import DevicemgrError
from devicemgr.ledger.counters import Meters
from devicemgr.operations.muster_states import MusterStates
from devicemgr.operations.reports.scheduled import report_file
from devicemgr.outlets.runner import Outlets
from devicemgr.people.calibration import Recalibration
from devicemgr.people.consents import ConsentWatch
from devicemgr.people.face_samples import KeptSamples
from devicemgr.people.model_migration import Migration
from devicemgr.people.retention import Retention
from devicemgr.people.sources.watch import SourceWatch
from devicemgr.people.visits.watch import VisitWatch
from devicemgr.recognition.workers.pool import RecognizerPool
from devicemgr.recovery import disk_reserve
from devicemgr.recovery.snapshots import SnapshotKeeper
from devicemgr.site.hours.feed_watch import FeedWatch
from devicemgr.site.site import Site
from devicemgr.store.ledger import musters as muster_rows
from devicemgr.sync.reconciler import Reconciler
from devicemgr.udev.hotplug import Hotplug

log = logging.getLogger(__name__)

_SAVE_S, _FIRST_SAVE_S = 600.0, 60.0
_STALLED_S = 10.0
_SCHEDULER_STALLED_S = 60.0
_RESTORE_S = 2.0
# systemd, demo and tests count on five seconds from SIGTERM to the end.
_STOP_S = 4.5


class Daemon(DaemonRuntime):
    """Everything that runs."""

    def __init__(self, site: Site, listen: Listen | None = None, shared: Path | None = None) -> None:
        self._site = site
        self._listen = listen
        self._shared = shared
        self._started = time.monotonic()
        self._stopping = threading.Event()
        self._ready = False
        self._saved = time.monotonic() - _SAVE_S + _FIRST_SAVE_S
        self._make_access()
        self._make_upkeep()

    def _make_access(self) -> None:
        """Join devices, cameras and rules into the way from an event to a release."""
        site = self._site
        self._inbox = Inbox()
        self._rules = Rulebook(site.database, site.parts.catalog, site.clock)
        self._pool = RecognizerPool(site.parts.encoder, site.parts.opener, workers=os.cpu_count() or 1)
        self._lanes = CameraLanes(self._rules, site.parts.catalog, self._pool)
        self._fires = FireWatch(self._rules)
        self._router = DeviceEventRouter(site, self._inbox, self._fires, self._lanes)
        listener = Listener(self._router.on_fact, self._router.on_state)
        self._supervisor = Supervisor(site.parts.catalog, listener, self._router.resume)
        self._modes = PortalModes(site, self._rules, self._supervisor, self._fires.why_not_lock)
        self._threats = ThreatControl(site, self._rules, self._modes, self._record_threat)
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
        self._musters = MusterDesk(self._rules, site.ledger.submit, lambda: self._access.areas.view.whereabouts)
        self._muster_states = MusterStates()
        self._router.connect(self._supervisor, self._modes, self._access, self._reconciler, self._musters)
        self._areas = AreaKeeper(site.database, site.ledger, self._rules, self._access.areas)
        self._dispatcher = Dispatcher(self._inbox, self._access, self._musters, self._stopping)

    def _make_upkeep(self) -> None:
        """Make what keeps the site up to date beside it."""
        site = self._site
        self._meters = Meters(site.database)
        self._clock = ClockWatch.of_process(site.clock, site.database, site.ledger)
        self._consents = ConsentWatch(site)
        self._retention = Retention(site)
        self._sources = SourceWatch(site, self)
        self._recalibration = Recalibration(site)
        self._migration = Migration(site)
        self._feeds = FeedWatch(site)
        self._escalation = AlarmEscalation(site)
        self._visits = VisitWatch(site)
        self._outlets = Outlets(site, self, may_by_token, report_file)
        self._snapshots = SnapshotKeeper(site.snapshots)
        self._hotplug = Hotplug(self._supervisor.hint)
        self._reload = SiteReload(
            site,
            self._rules,
            self._pool,
            self._fires,
            self._access,
            self._supervisor,
            self._lanes,
            (self._reconciler.wake, self._recalibration.consider, self._migration.consider),
        )
        jobs = (
            self._consents.look,
            self._visits.consider,
            self._retention.consider,
            self._feeds.consider,
            self._sources.consider,
            self._reload.refresh,
            self._areas.look,
            self._adopt_musters,
            site.database.forget_later,
            self._save_gallery,
            self._modes.settle,
            self._access.alarms.tick,
            site.sealer.seal_often,
            self._meters.look,
            self._escalation.consider,
            self._outlets.consider,
        )
        self._scheduler = Scheduler(self._stopping, self._clock.look, jobs)

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
            systemd.notify("READY=1")
            if self._listen:
                log.info("the API also listens on %s port %d", self._listen.host, api.port)
            log.info("ready after %.1f s", time.monotonic() - self._started)
            watchdog.feed(self._stopping, self._turns, api.is_alive)
        finally:
            systemd.notify("STOPPING=1")
            deadline = time.monotonic() + _STOP_S
            api.stop(1.3)
            app.state.imports.close(0.7)
            app.state.refusals.flush()
            self.stop(deadline)
            os.close(lock)

    def start(self) -> None:
        """Start the ledger, mark what the last run left open, load rules and gallery, then start the sources."""
        self._site.ledger.start()
        if self._site.ledger.wait_restored(_RESTORE_S):  # else at the next start: an outcome may lie in there
            unconfirmed_releases.mark(self._site)
        with self._site.database.read() as session:
            self._fires.remember(session)
            self._modes.remember(session)
            self._access.alarms.remember(session)
        self._rules.refresh()
        self._areas.begin(lambda: self._site.ledger.feed.follow(self._inbox.put))
        with self._site.database.read() as session:
            left = left_open(session, self._rules.current, datetime.now(UTC))
            zones, through = self._rules.current.zone_map, self._access.areas.chained.seq
            self._musters.begin(archive.running(session, zones, through), muster_rows.armed(session))
        for one in left:
            self._access.resume(one)
        self._site.gallery.refresh()
        self._dispatcher.start()
        self._pins.start()
        self._pool.start(self._router.on_message)
        self._reconciler.start()
        self._reload.refresh()
        self._hotplug.start()
        self._outlets.start()
        self._scheduler.start()
        if not self._site.database.frozen:
            self._snapshots.start()

    def stop(self, deadline: float) -> None:
        """Stop cameras first, gates next, the ledger last; what was reported until then is still recorded."""
        self._stopping.set()
        self._scheduler.wake()
        self._hotplug.ask_to_stop()
        self._pool.stop(0.7)
        self._supervisor.stop(0.8)
        self._pins.stop()
        self._reconciler.stop(0.3)
        self._dispatcher.stop(0.7)
        self._areas.keep()
        self._migration.stop(0.3)
        self._recalibration.wait(0.3)
        self._retention.stop(0.2)
        self._feeds.stop(0.1)
        self._sources.stop(0.3)
        self._outlets.stop(0.3)
        self._clock.keep()
        self._site.ledger.stop(max(0.5, deadline - time.monotonic()))
        with contextlib.suppress(DevicemgrError):
            self._site.sealer.seal()
        self._snapshots.stop(max(0.2, deadline - time.monotonic()))

    def _turns(self) -> dict[str, tuple[float, float]]:
        """Return by thread when it last made progress, and the seconds that may lie between, for the watchdog."""
        return {
            "dispatcher": (self._dispatcher.progress, _STALLED_S),
            "ledger": (self._site.ledger.progress, _STALLED_S),
            "gates": (self._supervisor.progress, _STALLED_S),
            "looker": (self._scheduler.progress, _SCHEDULER_STALLED_S),
        }

    def _adopt_musters(self) -> None:
        """Go on with a muster that only the spill file held when this daemon started."""
        if self._musters.has_missed:
            with self._musters.lock, self._site.database.read() as session:
                through = self._access.areas.chained.seq
                self._musters.adopt(archive.running(session, self._rules.current.zone_map, through))

    def _save_gallery(self) -> None:
        if time.monotonic() - self._saved >= _SAVE_S and not self._site.database.frozen:
            self._saved = time.monotonic()
            self._site.gallery.save()
            disk_reserve.keep(self._site.home)
