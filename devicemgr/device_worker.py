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
from collections.abc import Callable
from dataclasses import dataclass

from devicemgr.device_health import HealthBook, Listener
from devicemgr.errors import DevicemgrError, DeviceUnreachable, InvalidInput, OutcomeUnknown
from devicemgr.model import DeviceConfig
from devicemgr.ports import Complaining, Device, Traceable

log = logging.getLogger(__name__)

_BACKOFF_FIRST = 0.25
_BACKOFF_LAST = 3.0
_GIVE_WAY_SECONDS = 3.0
# However often a port comes and goes.
_HINTED_SECONDS = 0.1

Action = Callable[[Device], object]
Done = Callable[[object, Exception | None], None]


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
        self._hinted = threading.Event()
        self._device: Device | None = None
        self.health = HealthBook(config, listener)
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

    def hint(self) -> None:
        """The device may be back: try it now, without sitting out the pause."""
        self._hinted.set()
        with contextlib.suppress(queue.Full):
            self._commands.put_nowait(None)

    def trace(self) -> list[tuple[float, str, bytes]]:
        """The latest bytes on its line, from any thread and while it is offline: that is when one wants them."""
        return trace_of(self.config.name, self._device) if self._device else []

    def _run(self) -> None:
        self._let_go_first()
        pause = _BACKOFF_FIRST
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                self._live()
            except DevicemgrError as error:
                self.health.lost(str(error))
            except Exception as error:
                log.exception("the driver of %s failed", self.config.name)
                self._device = None
                self.health.lost(f"the driver failed: {error!r}")
            if time.monotonic() - began > 10 * _BACKOFF_LAST:
                pause = _BACKOFF_FIRST
            self._wait(pause * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, not secrecy
            pause = _BACKOFF_FIRST if self._hinted.is_set() else min(pause * 2, _BACKOFF_LAST)
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
        # A hint that comes while the device opens is for the next try.
        self._hinted.clear()
        # The same object over every loss: it knows the counters and the fire state from before.
        device = self._device = self._device or self._build(self.config)
        try:
            if self._prepare:
                self._prepare(self.config, device)
            device.open()
            self._poll(device)  # what it tells first, a fire above all, is known before it counts as online
            self.health.opened(device.complaint if isinstance(device, Complaining) else None)
            self._serve(device)
        finally:
            self.health.closed()
            device.close()

    def _serve(self, device: Device) -> None:
        due = time.monotonic() + device.poll_interval
        complaining = device if isinstance(device, Complaining) else None
        while not self._stopping.is_set():
            command = self._next(due - time.monotonic())
            if command:
                self._execute(device, command)
            if time.monotonic() >= due:
                self._poll(device)
                if complaining is not None:
                    self.health.complain(complaining.complaint)
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
        hinted_until = time.monotonic() + _HINTED_SECONDS
        while not self._stopping.is_set():
            now = time.monotonic()
            left = (min(hinted_until, until) if self._hinted.is_set() else until) - now
            if left <= 0:
                return
            command = self._next(left)
            if command:
                self._refuse(command, self.health.why_away)

    def _refuse_all(self, why: str) -> None:
        while (command := self._next(0)) is not None:
            self._refuse(command, why)

    def _refuse(self, command: _Command, why: str) -> None:
        self._tell_done(command, None, DeviceUnreachable(f"{self.config.name} is offline: {why}"))


def trace_of(name: str, device: Device) -> list[tuple[float, str, bytes]]:
    """The latest bytes on a device's line; InvalidInput when it has none that can be watched."""
    if not isinstance(device, Traceable):
        raise InvalidInput(f"{name} is on no line of bytes that could be shown; `device test {name}` reads it")
    return device.trace()
