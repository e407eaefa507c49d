"""A worker for each device of the site; commands find their device by name."""

import os
import threading
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from devicemgr.device_health import DeviceState, Health, Listener
from devicemgr.device_worker import Action, DeviceWorker, Done
from devicemgr.errors import DeviceUnreachable, NotFound
from devicemgr.model import DeviceConfig
from devicemgr.ports import Device, DriverCatalog
from devicemgr.text import safe

__all__ = ["DeviceState", "DeviceWorker", "Health", "Listener", "Supervisor"]

T = TypeVar("T")


class Supervisor:
    """Runs a worker for each device, as the store has them; `prepare` meets each device before it is opened."""

    def __init__(
        self, catalog: DriverCatalog, listener: Listener,
        prepare: Callable[[DeviceConfig, Device], None] | None = None,
    ) -> None:  # fmt: skip
        self._catalog = catalog
        self._listener = listener
        self._prepare = prepare
        self._workers: dict[str, DeviceWorker] = {}
        self._lock = threading.Lock()
        self._stopped = False

    def set_devices(self, configs: Iterable[DeviceConfig]) -> None:
        """Start what is new, restart what changed, stop what is gone; waits for no device."""
        wanted = {config.name: config for config in configs}
        with self._lock:
            if self._stopped:
                return
            replaced = {name: worker for name, worker in self._workers.items() if wanted.get(name) != worker.config}
            for name, worker in replaced.items():
                worker.ask_to_stop()
                del self._workers[name]
            for name, config in wanted.items():
                if name not in self._workers:
                    worker = DeviceWorker(
                        config, self._build, self._listener, before=replaced.get(name), prepare=self._prepare
                    )  # fmt: skip
                    self._workers[name] = worker
                    worker.start()

    def _build(self, config: DeviceConfig) -> Device:
        return self._catalog.get(config.driver).build(config)

    def command(self, name: str, action: Action, done: Done) -> None:
        """Run `action` on the device's thread; `done` hears the end, at once when there is no such device."""
        worker = self._workers.get(name)
        if worker is None:
            done(None, DeviceUnreachable(f"there is no device '{name}' in the running daemon"))
        else:
            worker.command(action, done)

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

        self.command(name, act, done)
        if not ended.wait(timeout):
            ended.set()
            raise DeviceUnreachable(f"{name} did not answer within {timeout:g} s")
        if failure:
            raise failure[0]
        return answer[0]

    def id_of(self, name: str) -> str | None:
        """The id under which a device is stored; None when there is none of that name."""
        worker = self._workers.get(name)
        return worker.config.id if worker else None

    def trace(self, name: str) -> list[tuple[float, str, bytes]]:
        """The latest bytes on a device's line; see device_worker.trace_of."""
        worker = self._workers.get(name)
        if worker is None:
            raise NotFound(f"there is no device '{safe(name, 60)}' in the running daemon")
        return worker.trace()

    def note(self, name: str, cause: str | None) -> None:
        """See HealthBook.note."""
        if worker := self._workers.get(name):
            worker.health.note(cause)

    def hint(self, paths: Iterable[str]) -> None:
        """These device files have appeared: whoever waits for one of them tries at once."""
        found = set(paths)
        with self._lock:
            workers = list(self._workers.values())
        for worker in workers:
            path = worker.config.address.removeprefix("serial:").partition("?")[0]
            if path.startswith("/") and (path in found or os.path.realpath(path) in found):
                worker.hint()

    def states(self) -> list[DeviceState]:
        """All devices by name."""
        return [worker.health.state for _, worker in sorted(self._workers.items())]

    def stop(self, timeout: float = 2.0) -> None:
        """Stop all workers for good, side by side."""
        deadline = time.monotonic() + timeout
        with self._lock:
            self._stopped = True
            workers, self._workers = list(self._workers.values()), {}
        for worker in workers:
            worker.ask_to_stop()
        for worker in workers:
            worker.stop(max(0.0, deadline - time.monotonic()))
