"""A worker thread per device: opens it, polls it, runs commands on it, and brings it back when it is lost.

Only the worker touches its device. A command for a device that is away fails at once: an unlock is never kept
for later.
"""

import contextlib
import logging
import queue
import random
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

from devicemgr.errors import DevicemgrError, DeviceUnreachable, NotFound, OutcomeUnknown
from devicemgr.events import DeviceFact
from devicemgr.model import DeviceConfig
from devicemgr.ports import Device, DriverCatalog
from devicemgr.text import safe

log = logging.getLogger(__name__)
T = TypeVar("T")

_BACKOFF_FIRST = 0.25
_BACKOFF_LAST = 3.0
_GIVE_WAY_SECONDS = 3.0

Action = Callable[[Device], object]
Done = Callable[[object, Exception | None], None]


class Health(StrEnum):
    """What `status` says of a device."""

    UNKNOWN = "unknown"
    ONLINE = "online"
    DEGRADED = "degraded"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class DeviceState:
    """A device's health, its cause in words, and since when."""

    name: str
    kind: str
    health: Health
    cause: str | None
    since: datetime


@dataclass(frozen=True, slots=True)
class Listener:
    """Who hears of a device; called on its worker's thread, so the ear must be quick."""

    on_fact: Callable[[str, DeviceFact], None]
    on_state: Callable[[DeviceState], None]


@dataclass(frozen=True, slots=True)
class _Command:
    action: Action
    done: Done


class DeviceWorker:
    """One device and its thread; it begins when `before`, the worker that it replaces, has let go of the device."""

    def __init__(
        self, config: DeviceConfig, build: Callable[[DeviceConfig], Device], listener: Listener,
        before: "DeviceWorker | None" = None, prepare: Callable[[DeviceConfig, Device], None] | None = None,
    ) -> None:  # fmt: skip
        self.config = config
        self._before = before
        self._build = build
        self._listener = listener
        self._prepare = prepare
        self._commands: queue.Queue[_Command | None] = queue.Queue(1000)
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._note: str | None = None
        self._lost: str | None = None
        self._open = False
        self._device: Device | None = None
        self.state = DeviceState(config.name, config.driver, Health.UNKNOWN, None, datetime.now(UTC))
        self._thread = threading.Thread(target=self._run, name=f"device-{config.name}", daemon=True)

    def start(self) -> None:
        """Begin to open the device."""
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Begin to end; what waits is refused."""
        self._stopping.set()
        with contextlib.suppress(queue.Full):
            self._commands.put_nowait(None)

    def stop(self, timeout: float) -> None:
        """Close the device and end; a worker stuck in its driver is left behind."""
        self.ask_to_stop()
        self._thread.join(timeout)
        if self._thread.is_alive():
            log.error("%s does not stop: its driver hangs", self.config.name)

    def is_alive(self) -> bool:
        """True while it may still touch the device."""
        return self._thread.is_alive()

    def command(self, action: Action, done: Done) -> None:
        """Run `action` on the worker's thread soon; `done(result, error)` follows there in any case."""
        try:
            self._commands.put_nowait(_Command(action, done))
        except queue.Full:
            done(None, DeviceUnreachable(f"{self.config.name} has too many commands waiting; is it stuck?"))
        if self._ended.is_set():
            self._refuse_all("it is being stopped")

    def note(self, cause: str | None) -> None:
        """Something else than the driver found the device lacking (a stalled stream), or well again (None)."""
        self._note = cause
        self._tell()

    def _run(self) -> None:
        self._let_go_first()
        pause = _BACKOFF_FIRST
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                self._live()
            except DevicemgrError as error:
                self._lose(str(error))
            except Exception as error:
                log.exception("the driver of %s failed", self.config.name)
                self._device = None
                self._lose(f"the driver failed: {error!r}")
            if time.monotonic() - began > 10 * _BACKOFF_LAST:
                pause = _BACKOFF_FIRST
            self._wait(pause * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, not secrecy
            pause = min(pause * 2, _BACKOFF_LAST)
        self._ended.set()
        self._refuse_all("it is being stopped")

    def _let_go_first(self) -> None:
        before, self._before = self._before, None
        until = time.monotonic() + _GIVE_WAY_SECONDS
        while before is not None and before.is_alive() and not self._stopping.is_set():
            if time.monotonic() > until:
                log.error("%s does not stop: its driver hangs", self.config.name)
                return
            self._wait(0.02)

    def _live(self) -> None:
        # The same object over every loss: it knows the counters and the fire state from before.
        device = self._device = self._device or self._build(self.config)
        try:
            if self._prepare:
                self._prepare(self.config, device)
            device.open()
            self._poll(device)  # what it tells first, a fire above all, is known before it counts as online
            self._open, self._lost = True, None
            self._tell()
            self._serve(device)
        finally:
            self._open = False
            device.close()

    def _serve(self, device: Device) -> None:
        due = time.monotonic() + device.poll_interval
        while not self._stopping.is_set():
            command = self._next(due - time.monotonic())
            if command:
                self._execute(device, command)
            if time.monotonic() >= due:
                self._poll(device)
                due = time.monotonic() + device.poll_interval

    def _poll(self, device: Device) -> None:
        for fact in device.poll():
            self._listener.on_fact(self.config.name, fact)

    def _next(self, seconds: float) -> _Command | None:
        try:
            return self._commands.get(timeout=seconds) if seconds > 0 else self._commands.get_nowait()
        except queue.Empty:
            return None

    def _execute(self, device: Device, command: _Command) -> None:
        try:
            result = command.action(device)
        except DevicemgrError as error:
            self._tell_done(command, None, error)
            if isinstance(error, DeviceUnreachable):
                raise
        except Exception as error:
            log.exception("a command to %s failed", self.config.name)
            # It may have been carried out before the driver broke.
            self._tell_done(command, None, OutcomeUnknown(f"{self.config.name}: the driver failed: {error!r}"))
            raise
        else:
            self._tell_done(command, result, None)

    def _tell_done(self, command: _Command, result: object, error: Exception | None) -> None:
        try:
            command.done(result, error)
        except Exception:
            log.exception("a follower of a command to %s failed", self.config.name)

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self._stopping.is_set() and (left := until - time.monotonic()) > 0:
            command = self._next(left)
            if command:
                self._refuse(command, self._lost or "it is offline")

    def _refuse_all(self, why: str) -> None:
        while (command := self._next(0)) is not None:
            self._refuse(command, why)

    def _refuse(self, command: _Command, why: str) -> None:
        self._tell_done(command, None, DeviceUnreachable(f"{self.config.name} is offline: {why}"))

    def _lose(self, cause: str) -> None:
        self._open, self._lost = False, cause
        self._tell()

    def _tell(self) -> None:
        with self._lock:
            health, cause = self._health()
            if (health, cause) == (self.state.health, self.state.cause):
                return
            changed = health != self.state.health
            since = datetime.now(UTC) if changed else self.state.since
            self.state = DeviceState(self.config.name, self.config.driver, health, cause, since)
            if changed:
                log.info("%s is %s%s", self.config.name, health, f": {safe(cause)}" if cause else "")
                try:
                    self._listener.on_state(self.state)
                except Exception:
                    log.exception("a listener to %s failed", self.config.name)

    def _health(self) -> tuple[Health, str | None]:
        if not self._open:
            return (Health.OFFLINE, self._lost) if self._lost else (Health.UNKNOWN, None)
        return (Health.DEGRADED, self._note) if self._note else (Health.ONLINE, None)


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

    def note(self, name: str, cause: str | None) -> None:
        """See DeviceWorker.note."""
        if worker := self._workers.get(name):
            worker.note(cause)

    def states(self) -> list[DeviceState]:
        """All devices by name."""
        return [worker.state for _, worker in sorted(self._workers.items())]

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
