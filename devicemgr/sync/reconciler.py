"""Keeps every device that keeps people or cards in sync with the rules: one loop over all that are online.

The loop runs a `holder_sync` for each, one exchange at a time through the supervisor, so it waits for no device and no
gate waits for it. A change of the site is planned for at once; schedules and validities, a few times a minute.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Protocol

from devicemgr.access.policy_cache import Rulebook
from devicemgr.devices.supervisor import DeviceState, Health
from devicemgr.devices.sync_run import Run, Step, Steps
from devicemgr.domain.desired_state import Samples, State, entitled_keys
from devicemgr.domain.ports.device import Device
from devicemgr.errors import DevicemgrError, DeviceUnreachable, Hint, InvalidInput, SystemFault
from devicemgr.people.face_samples import KeptSamples
from devicemgr.site.site import Site
from devicemgr.store.site import device_sync, devices as device_store
from devicemgr.sync.device_sync import HolderSync
from devicemgr.sync.keepers import keeper_of
from devicemgr.sync.threat_holdings import ThreatHoldings
from devicemgr.text import safe

log = logging.getLogger(__name__)

_LOOK_AGAIN = 20.0
_READ_AGAIN = 6 * 3600.0
_RETRY_FIRST, _RETRY_LAST = 2.0, 300.0


class Devices(Protocol):
    """Runs a step on a device's own thread; `supervisor.Supervisor` does."""

    def command(
        self, name: str, action: Callable[[Device], object], done: Callable[[object, Exception | None], None]
    ) -> None:
        """Run an action on the device's thread, then `done(result, error)` there."""


@dataclass
class _Task:
    """One device that is online."""

    sync: HolderSync
    due: float = 0.0
    read_at: float | None = None
    pause: float = _RETRY_FIRST
    steps: Steps | None = None
    reading: bool = False
    run: Run = field(default_factory=Run)
    wanted: tuple[Run, bool] | None = None


Message = Callable[[], None]


class Reconciler:
    """All books are touched by its own thread only; the public methods may be called by any."""

    def __init__(self, site: Site, rules: Rulebook, devices: Devices, samples: Samples) -> None:
        self._site, self._rules, self._devices, self._samples = site, rules, devices, samples
        self._messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._tasks: dict[str, _Task] = {}
        self._runs: dict[str, Run] = {}
        self._health: dict[str, Health] = {}
        self._threats = ThreatHoldings(site, rules)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="reconciler", daemon=True)

    def start(self) -> None:
        """Begin; what is to be removed is marked at once, for devices that are away too."""
        self._messages.put(self._site_changed)
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """End between two exchanges; what is begun goes on at the next start."""
        self._stopping.set()
        self._messages.put(lambda: None)
        if self._thread.is_alive():
            self._thread.join(timeout)

    def wake(self) -> None:
        """People, rights or places have changed."""
        self._messages.put(self._site_changed)

    def on_state(self, state: DeviceState) -> None:
        """Note that a device has come or gone."""
        self._messages.put(lambda: self._on_state(state.name, state.health))

    def sync(self, name: str, *, prune: bool) -> Run:
        """Read a device again and sync it at once; the run reports the progress."""
        run = Run()
        self._messages.put(lambda: self._ask(name, run, prune))
        return run

    def threat_pending(self) -> frozenset[str]:
        """Return the devices that decide by themselves and do not follow the threats in force yet; any thread."""
        return self._threats.pending()

    def last_run(self, name: str) -> Run | None:
        """Return the present or the last run on a device; None for one that keeps no people, or was not online yet."""
        return self._runs.get(name)

    def _loop(self) -> None:
        while not self._stopping.is_set():
            try:
                self._messages.get(timeout=self._wait())()
            except queue.Empty:
                pass
            except Exception:
                log.exception("the reconciler could not do something")
            for name, task in list(self._tasks.items()):
                if task.steps is None and task.due <= time.monotonic():
                    self._begin(name, task)

    def _wait(self) -> float:
        now = time.monotonic()
        dues = [task.due - now for task in self._tasks.values() if task.steps is None]
        return max(0.0, min([*dues, _LOOK_AGAIN]))

    def _site_changed(self) -> None:
        with self._site.database.read() as session:
            names = {row.name for row in device_store.devices(session)}
        for name, task in list(self._tasks.items()):
            if name not in names:
                self._went(name)
            task.sync.dirty.set()
            task.due = 0.0
        # Those online go first, and mark their own.
        self._messages.put(lambda: mark_revoked(self._site, self._rules, besides=set(self._tasks)))

    def _on_state(self, name: str, health: Health) -> None:
        before = self._health.get(name)
        self._health[name] = health
        if health not in (Health.ONLINE, Health.DEGRADED):
            self._went(name)
        elif before is not Health.DEGRADED and health is Health.ONLINE:
            self._came(name)

    def _came(self, name: str) -> None:
        self._went(name)
        with self._site.database.read() as session:
            keeper = keeper_of(self._site, device_store.device(session, name))
        self._tasks[name] = _Task(HolderSync(self._site, self._rules, keeper, self._samples))

    def _went(self, name: str) -> None:
        self._drop(name, DeviceUnreachable(f"{name} was lost; what is left is done when it is back"))

    def _drop(self, name: str, why: DevicemgrError) -> None:
        if task := self._tasks.pop(name, None):
            task.steps = None
            for run in (task.run, task.wanted[0] if task.wanted else task.run):
                run.end(why)

    def _ask(self, name: str, run: Run, prune: bool) -> None:
        task = self._tasks.get(name)
        if task is None:
            run.end(
                DeviceUnreachable(f"{name} is not online, or keeps neither people nor cards", hint=Hint("show_status"))
            )
            return
        task.wanted = (run, prune)
        task.due = 0.0
        if task.steps is not None:
            task.sync.dirty.set()

    def _begin(self, name: str, task: _Task) -> None:
        run, prune = task.wanted or (Run(), False)
        is_requested = task.wanted is not None
        task.wanted = None
        stale = task.read_at is None or time.monotonic() - task.read_at > _READ_AGAIN
        task.run, task.reading = run, is_requested or stale
        if is_requested or name not in self._runs or self._runs[name].ended.is_set():
            self._runs[name] = run
        task.steps = task.sync.steps(run, read=task.reading, prune=prune, insist=is_requested)
        self._go_on(name, task, None, None)

    def _go_on(self, name: str, task: _Task, result: object, error: Exception | None) -> None:
        """Hand a step's end to the run, and its next step to the device."""
        if self._tasks.get(name) is not task or task.steps is None:
            return  # an answer from before the device was lost
        try:
            step = task.steps.throw(error) if error else task.steps.send(result)
        except StopIteration:
            self._ended(name, task)
        except Exception as failure:
            self._failed(name, task, failure)
        else:
            self._send(name, task, step)

    def _send(self, name: str, task: _Task, step: Step) -> None:
        def done(result: object, error: Exception | None) -> None:
            self._messages.put(lambda: self._go_on(name, task, result, error))

        self._devices.command(name, step, done)

    def _ended(self, name: str, task: _Task) -> None:
        task.steps, task.pause, now = None, _RETRY_FIRST, time.monotonic()
        self._threats.follow(name, task.sync, is_done=not task.run.failed)
        if task.sync.keeps_no_people():
            self._drop(name, InvalidInput(f"{name} keeps neither people nor cards: nothing to sync"))
            self._runs.pop(name, None)
            return
        if task.reading:
            task.read_at = now
        again = task.sync.due()
        due = now + _LOOK_AGAIN if again is None else min(again, now + _LOOK_AGAIN)
        task.due = 0.0 if task.wanted or task.sync.dirty.is_set() else due

    def _failed(self, name: str, task: _Task, error: Exception) -> None:
        known = error if isinstance(error, DevicemgrError) else SystemFault(f"synchronizing {name} failed: {error!r}")
        if not isinstance(error, DevicemgrError):
            log.error("synchronizing %s failed", name, exc_info=error, extra={"device": name})
        else:
            log.warning("%s could not be synchronized: %s", name, safe(str(error)), extra={"device": name})
        task.run.end(known)
        task.steps, task.read_at, task.due = None, None, time.monotonic() + task.pause
        task.pause = min(_RETRY_LAST, task.pause * 2)


def sync_of(site: Site, name: str) -> HolderSync:
    """Return the books of one device, for a run outside the loop; NotFound for an unknown one."""
    with site.database.read() as session:
        keeper = keeper_of(site, device_store.device(session, name))
    return HolderSync(site, Rulebook(site.database, site.parts.catalog), keeper, KeptSamples(site))


def mark_revoked(site: Site, rules: Rulebook, besides: Collection[str] = ()) -> None:
    """Note who is to be removed from which device, and who no longer is; for those that are away."""
    with site.database.read() as session:
        devices = [found for found in device_sync.devices_with_records(session) if found[1] not in besides]
    if not devices:
        return
    snapshot = rules.refresh()
    with site.database.read() as session:
        recorded = {device_id: device_sync.records(session, device_id) for device_id, _ in devices}
        decides = {row.id: keeper_of(site, row).decides for row in device_store.devices(session) if row.id in recorded}
    for device_id, name in devices:
        keys = entitled_keys(name, snapshot, site.clock.times(), decides=decides[device_id])
        changed = []
        for record in recorded[device_id].values():
            entitled = keys.get(record.key) == record.person_id
            if not entitled and record.state is not State.TO_REMOVE:
                changed.append(record.revoked())
            elif entitled and record.state is State.TO_REMOVE:
                changed.append(record.again())
        if changed:
            with site.database.write(changes_site=False) as session:
                device_sync.save(session, device_id, changed)
