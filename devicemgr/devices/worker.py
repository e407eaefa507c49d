"""A worker thread per device: opens it, polls it, runs commands on it, and brings it back when it is lost.

Only the worker touches its device. A command for a device that is away fails at once: an unlock is never kept
for later.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from devicemgr.devices import call_timeouts
from devicemgr.devices.backoff import Restarts
from devicemgr.devices.call_timeouts import Abandoned, DriverCalls
from devicemgr.devices.command_queue import Action, Command, Commands, Done
from devicemgr.devices.health import HealthBook, Listener
from devicemgr.domain.model import DeviceConfig, DeviceInfo
from devicemgr.domain.ports.device import Channeled, Complaining, Device, Traceable
from devicemgr.errors import (
    DeviceBusy,
    DeviceError,
    DevicemgrError,
    DeviceUnreachable,
    DeviceUnready,
    Hint,
    InvalidInput,
)

log = logging.getLogger(__name__)

_GIVE_WAY_S = 3.0
# However often a port comes and goes.
_HINTED_S = 0.1
_AWAY = (DeviceUnreachable, DeviceBusy, DeviceUnready)


@dataclass(frozen=True, slots=True)
class Makers:
    """How a worker comes by its device: built from a configuration, and met by `prepare` before each opening."""

    build: Callable[[DeviceConfig], Device]
    prepare: Callable[[DeviceConfig, Device], None] | None = None


class DeviceWorker:
    """One device and its thread; it begins when `before`, the worker that it replaces, has let go of the device.

    One that replaces a thread which hangs in its driver goes on with that one's `health` and `restarts`.
    """

    def __init__(
        self, config: DeviceConfig, makers: Makers, listener: Listener, before: "DeviceWorker | None" = None
    ) -> None:
        self.config = config
        self.health = HealthBook(config, listener)
        self._line = call_timeouts.is_line(config.address)
        self._makers = makers
        self._listener = listener
        self._before = before
        self._restarts = Restarts()
        self._calls = DriverCalls()
        serial = call_timeouts.is_serial(config.address)
        self._silent_after = call_timeouts.SILENT_SERIAL_S if serial else call_timeouts.SILENT_IP_S
        self._commands = Commands(config.name, self._calls, self._silent_after)
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._hinted = threading.Event()
        self._opened_at: float | None = None
        self._turned = time.monotonic()
        self._pause = 0.0
        self._device: Device | None = None
        self.info: tuple[DeviceInfo, datetime] | None = None
        self._thread = threading.Thread(target=self._run, name=f"device-{config.name}", daemon=True)

    def start(self) -> None:
        """Begin to open the device."""
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Begin to end; what waits is refused."""
        self._stopping.set()
        self._commands.wake()

    def stop(self, timeout: float) -> None:
        """Close the device and end; a worker stuck in its driver is left behind."""
        self.ask_to_stop()
        self._thread.join(timeout)
        if self._thread.is_alive():
            log.error("%s does not stop: its driver hangs", self.config.name)

    def is_alive(self) -> bool:
        """Return True while it may still touch the device."""
        return self._thread.is_alive()

    @property
    def abandoned(self) -> bool:
        """Return True when its thread was given up: another worker must follow."""
        return self._calls.abandoned

    @property
    def progress(self) -> float:
        """CLOCK_MONOTONIC second of its last turn, or until which it rests; now inside its driver, which is watched."""
        return time.monotonic() if self._calls.under_way or self.abandoned or not self.is_alive() else self._turned

    def command(self, action: Action, done: Done, seconds: float | None = None) -> None:
        """Run `action`, which may take `seconds`, on the worker's thread soon; `done(result, error)` follows anyhow."""
        command = Command(action, done, seconds)
        if self.health.silent:
            self._commands.refuse(command, self.health.why_away)
            return
        self._commands.put(command)
        if self._ended.is_set():
            self._commands.refuse_all(self.health.why_away)

    def hint(self) -> None:
        """Try the device now, without sitting out the pause: it may be back."""
        self._hinted.set()
        self._commands.wake()

    def trace(self) -> list[tuple[float, str, bytes]]:
        """Return the latest bytes on its line, from any thread and while it is offline: that is when one wants them."""
        return trace_of(self.config.name, self._device) if self._device else []

    @property
    def channels(self) -> int | None:
        """Return how many channels its gate says that it has."""
        return self._device.channels if isinstance(self._device, Channeled) else None

    def watch(self) -> None:
        """On the supervisor's watch: report a silent driver, and give up one that hangs."""
        if self._calls.give_up():
            self._abandon()
        elif not self.abandoned:
            limit = self._calls.silence()
            self.health.silence(f"its driver has not answered for {limit:g} s" if limit else None)

    def succeed(self, before: "DeviceWorker") -> None:
        """Before start: go on where `before`, which was abandoned, has left."""
        self.health, self._restarts, self._pause = before.health, before._restarts, before._pause
        self.info = before.info

    def _abandon(self) -> None:
        """Leave the thread behind until its driver returns; its command may have been carried out."""
        log.error("the driver of %s hangs: its thread is left behind", self.config.name)
        self._stopping.set()
        self._ended.set()
        cause = "its driver hangs: a call did not end in its time"
        self._pause = self._lose(cause, away=False, soon=False)
        self._commands.abandon(cause)
        if self._thread.ident is not None:
            # A thread that spins would take a core, and the interpreter from all others, for good.
            call_timeouts.end_thread(self._thread.ident)

    def _run(self) -> None:
        try:
            self._let_go_first()
            self._wait(self._pause)
            while not self._stopping.is_set():
                self._wait(self._try())
        except Abandoned:
            log.error("the driver of %s has ended its call after all", self.config.name)
        self._ended.set()
        self._commands.refuse_all("it is being stopped")

    def _try(self) -> float:
        """Live with the device until it is lost; how long to wait then."""
        self._opened_at = None
        try:
            self._live()
        except Abandoned:
            raise
        except DevicemgrError as error:
            away = isinstance(error, _AWAY)
            soon = away or (self._line and isinstance(error, DeviceError))
            return self._lose(str(error), away=away, soon=soon, hint=error.hint)
        except BaseException as error:  # sys.exit() in a driver must not end the thread, and leave its device dead
            log.exception("the driver of %s failed", self.config.name)
            self._device = None
            return self._lose(f"the driver failed: {error!r}", away=False, soon=False)
        return 0.0

    def _lose(self, cause: str, *, away: bool, soon: bool, hint: Hint | None = None) -> float:
        pause = self._restarts.lost(self._lived(), away=away, soon=soon)
        self.health.lost(self._restarts.words(cause), hint=hint, quarantined=self._restarts.quarantined)
        return pause

    def _lived(self) -> float | None:
        return None if self._opened_at is None else time.monotonic() - self._opened_at

    def _let_go_first(self) -> None:
        before, self._before = self._before, None
        until = time.monotonic() + _GIVE_WAY_S
        while before is not None and before.is_alive() and not self._stopping.is_set():
            if time.monotonic() > until:
                log.error("%s does not stop: its driver hangs", self.config.name)
                return
            self._wait(0.02)

    def _live(self) -> None:
        # A hint that comes while the device opens is for the next try.
        self._hinted.clear()
        with self._calls.timed(call_timeouts.BUILD_S):
            # The same object over every loss: it knows the counters and the fire state from before.
            device = self._device or self._makers.build(self.config)
        self._device = device
        try:
            if self._makers.prepare:
                self._makers.prepare(self.config, device)
            with self._calls.timed(call_timeouts.OPEN_S):
                info = device.open()
            self.info = info, datetime.now(UTC)
            self._poll(device)  # what it tells first, a fire above all, is known before it counts as online
            self._opened_at = time.monotonic()
            self.health.opened(device.complaint if isinstance(device, Complaining) else None)
            self._serve(device)
        finally:
            self._close(device)

    def _close(self, device: Device) -> None:
        if self.abandoned:
            device.close()
            return
        self.health.closed()
        with self._calls.timed(call_timeouts.CLOSE_S):
            device.close()

    def _serve(self, device: Device) -> None:
        due = time.monotonic() + device.poll_interval
        complaining = device if isinstance(device, Complaining) else None
        while not self._stopping.is_set():
            self._turned = max(time.monotonic(), due)
            command = self._commands.next(due - time.monotonic())
            if command:
                self._commands.run(device, command)
            if time.monotonic() >= due:
                self._poll(device)
                if complaining is not None:
                    self.health.complain(complaining.complaint)
                due = time.monotonic() + device.poll_interval

    def _poll(self, device: Device) -> None:
        with self._calls.timed(call_timeouts.POLL_S, self._silent_after):
            facts = device.poll()
        for fact in facts:
            self._listener.on_fact(self.config.name, fact)

    def _wait(self, seconds: float) -> None:
        began = time.monotonic()
        while not self._stopping.is_set():
            until = began + (min(seconds, _HINTED_S) if self._hinted.is_set() else seconds)
            left = until - time.monotonic()
            if left <= 0:
                break
            self._turned = until
            command = self._commands.next(left)
            if command:
                self._commands.refuse(command, self.health.why_away)
        if self._hinted.is_set():
            self._restarts.hinted()


def trace_of(name: str, device: Device) -> list[tuple[float, str, bytes]]:
    """Return the latest bytes on a device's line; InvalidInput when it has none that can be watched."""
    if not isinstance(device, Traceable):
        raise InvalidInput(f"{name} is on no line of bytes that could be shown", hint=Hint("read_device", name=name))
    return device.trace()
