"""A worker for each device of the site; commands find their device by name."""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeVar

from devicemgr.devices.command_queue import Action, Done
from devicemgr.devices.health import DeviceState, Health, Listener
from devicemgr.devices.worker import DeviceWorker, Makers
from devicemgr.domain.model import DeviceConfig, DeviceInfo
from devicemgr.domain.ports.device import Device
from devicemgr.domain.ports.driver import DriverCatalog
from devicemgr.errors import DeviceUnreachable, NotFound
from devicemgr.text import safe

__all__ = ["DeviceState", "DeviceWorker", "Health", "Listener", "Supervisor"]

log = logging.getLogger(__name__)
T = TypeVar("T")

# A grant goes through four threads; beside a driver that spins, each would wait 5 ms, Python's default, for its turn.
_SWITCH_S = 0.0005
_WATCH_S = 0.25
# Threads that hang in a driver and can't be ended.
_LEFT_OF_ONE, _LEFT_IN_ALL = 3, 32


class Supervisor:
    """Runs a worker for each device, as the store has them; `prepare` meets each device before it is opened."""

    def __init__(
        self,
        catalog: DriverCatalog,
        listener: Listener,
        prepare: Callable[[DeviceConfig, Device], None] | None = None,
    ) -> None:
        self._makers = Makers(lambda config: catalog.get(config.driver).build(config), prepare)
        self._listener = listener
        self._workers: dict[str, DeviceWorker] = {}
        self._left: list[DeviceWorker] = []
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._watched = time.monotonic()
        self._watch = threading.Thread(target=self._watch_often, name="supervision", daemon=True)

    def set_devices(self, configs: Iterable[DeviceConfig]) -> None:
        """Start what is new, restart what changed, stop what is gone; waits for no device."""
        wanted = {config.name: config for config in configs}
        with self._lock:
            if self._stopped.is_set():
                return
            if not self._watch.is_alive():
                self._watched = time.monotonic()
                sys.setswitchinterval(_SWITCH_S)
                self._watch.start()
            replaced = {name: worker for name, worker in self._workers.items() if wanted.get(name) != worker.config}
            for name, worker in replaced.items():
                worker.ask_to_stop()
                del self._workers[name]
            for name, config in wanted.items():
                if name not in self._workers:
                    worker = DeviceWorker(config, self._makers, self._listener, before=replaced.get(name))
                    self._workers[name] = worker
                    worker.start()

    def _watch_often(self) -> None:
        while not self._stopped.wait(_WATCH_S):
            self._watched = time.monotonic()
            try:
                for worker in list(self._workers.values()):
                    worker.watch()
                    if worker.abandoned:
                        self._replace(worker)
            except Exception:
                log.exception("the watch over the devices failed")

    def _replace(self, worker: DeviceWorker) -> None:
        """Another thread in place of one that hangs, while not too many of those are left behind."""
        name = worker.config.name
        with self._lock:
            if self._stopped.is_set() or self._workers.get(name) is not worker:
                return
            self._left = [left for left in self._left if left.is_alive()]
            of_this = sum(left.config.name == name for left in self._left)
            if worker.is_alive() and (of_this >= _LEFT_OF_ONE or len(self._left) >= _LEFT_IN_ALL):
                worker.health.lost("its driver hangs again and again: restart devicemgr", quarantined=True)
                return
            self._left.append(worker)
            self._workers[name] = after = DeviceWorker(worker.config, self._makers, self._listener)
            after.succeed(worker)
            after.start()

    @property
    def progress(self) -> float:
        """CLOCK_MONOTONIC second of what turns slowest: the watch, or a worker that is not inside its driver."""
        turns = [worker.progress for worker in list(self._workers.values())]
        return min(self._watched if self._watch.is_alive() else time.monotonic(), *turns, time.monotonic())

    @property
    def stuck_threads(self) -> int:
        """Return how many threads hang in a driver, each left behind by a worker that another has replaced."""
        return sum(worker.is_alive() for worker in self._left)

    def command(self, name: str, action: Action, done: Done, seconds: float | None = None) -> None:
        """Run `action` on the device's thread; `done` hears the end, at once when there is no such device.

        One that may take long says how many `seconds`; else a driver without an answer counts as away.
        """
        worker = self._workers.get(name)
        if worker is None:
            done(None, DeviceUnreachable(f"there is no device '{name}' in the running daemon"))
        else:
            worker.command(action, done, seconds)

    def call(self, name: str, action: Callable[[Device], T], timeout: float) -> T:
        """Run `action` on the device's thread and wait; DeviceUnreachable after `timeout` seconds."""
        if name not in self._workers:
            raise NotFound(f"there is no device '{safe(name, 60)}' in the running daemon")
        ended = threading.Event()
        answer: list[T] = []
        failure: list[Exception] = []

        def act(device: Device) -> None:
            if not ended.is_set():
                answer.append(action(device))

        def done(_: object, error: Exception | None) -> None:
            failure.extend([error] if error else [])
            ended.set()

        self.command(name, act, done, timeout)
        if not ended.wait(timeout):
            ended.set()
            raise DeviceUnreachable(f"{name} did not answer within {timeout:g} s")
        if failure:
            raise failure[0]
        return answer[0]

    def id_of(self, name: str) -> str | None:
        """Return the id under which a device is stored; None when there is none of that name."""
        worker = self._workers.get(name)
        return worker.config.id if worker else None

    def info(self, name: str) -> tuple[DeviceInfo, datetime]:
        """Return what a device said when it was last opened, and when; DeviceUnreachable when it has not been yet."""
        worker = self._workers.get(name)
        if worker is None:
            raise NotFound(f"there is no device '{safe(name, 60)}' in the running daemon")
        if worker.info is None:
            raise DeviceUnreachable(f"{name} has not been reached since the daemon began: {worker.health.why_away}")
        return worker.info

    def channels(self, name: str) -> int | None:
        """Return how many channels a gate has (ports.Channeled); None when it does not say, or was not reached yet."""
        worker = self._workers.get(name)
        return worker.channels if worker else None

    def trace(self, name: str) -> list[tuple[float, str, bytes]]:
        """Return the latest bytes on a device's line; see worker.trace_of."""
        worker = self._workers.get(name)
        if worker is None:
            raise NotFound(f"there is no device '{safe(name, 60)}' in the running daemon")
        return worker.trace()

    def note(self, name: str, cause: str | None) -> None:
        """See HealthBook.note."""
        if worker := self._workers.get(name):
            worker.health.note(cause)

    def hint(self, paths: Iterable[str]) -> None:
        """Let the devices that wait for one of these new device files try at once."""
        found = set(paths)
        with self._lock:
            workers = list(self._workers.values())
        for worker in workers:
            path = worker.config.address.removeprefix("serial:").partition("?")[0]
            if path.startswith("/") and (path in found or os.path.realpath(path) in found):
                worker.hint()

    def states(self) -> list[DeviceState]:
        """Return all devices by name."""
        return [worker.health.state for _, worker in sorted(self._workers.items())]

    def stop(self, timeout: float = 2.0) -> None:
        """Stop all workers for good, side by side."""
        deadline = time.monotonic() + timeout
        with self._lock:
            self._stopped.set()
            workers, self._workers = list(self._workers.values()), {}
        for worker in workers:
            worker.ask_to_stop()
        for worker in workers:
            worker.stop(max(0.0, deadline - time.monotonic()))
