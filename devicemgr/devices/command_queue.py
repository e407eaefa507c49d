"""Commands that wait for a device's worker: each gets exactly one answer, whatever becomes of device and thread."""

import contextlib
import logging
import queue
from collections.abc import Callable
from dataclasses import dataclass

from devicemgr.devices import call_timeouts
from devicemgr.devices.call_timeouts import Abandoned, DriverCalls
from devicemgr.domain.ports.device import Device
from devicemgr.errors import DevicemgrError, DeviceUnreachable, OutcomeUnknown

log = logging.getLogger(__name__)

Action = Callable[[Device], object]
Done = Callable[[object, Exception | None], None]


@dataclass(frozen=True, slots=True)
class Command:
    """An action on a device, who hears its end, and how long its caller waits; None for the short ones."""

    action: Action
    done: Done
    seconds: float | None


class Commands:
    """Queue of commands: any thread puts, the worker takes and runs; who gives the worker up refuses what is left."""

    def __init__(self, name: str, calls: DriverCalls, silent_after: float) -> None:
        self._name = name
        self._calls = calls
        self._silent_after = silent_after
        self._waiting: queue.Queue[Command | None] = queue.Queue(1000)
        self._running: Command | None = None

    def put(self, command: Command) -> None:
        """Leave a command; a full queue answers it at once."""
        try:
            self._waiting.put_nowait(command)
        except queue.Full:
            error = DeviceUnreachable(f"{self._name} has too many commands waiting; is it stuck?")
            self._answer(command, None, error)

    def wake(self) -> None:
        """Wake the thread that waits in `next`."""
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(None)

    def next(self, seconds: float) -> Command | None:
        """Return the next command; None after `seconds`, or when woken."""
        try:
            return self._waiting.get(timeout=seconds) if seconds > 0 else self._waiting.get_nowait()
        except queue.Empty:
            return None

    def run(self, device: Device, command: Command) -> None:
        """Carry it out and report the outcome; raises when the device is lost or the driver broke."""
        self._running = command
        try:
            result = self._carry_out(device, command)
        except Abandoned:
            raise  # already answered, by abandon()
        except DevicemgrError as error:
            self._answer(command, None, error)
            if isinstance(error, DeviceUnreachable):
                raise
        except BaseException as error:  # sys.exit() in a driver, too: the caller gets an answer
            log.exception("a command to %s failed", self._name)
            # It may have been carried out before the driver broke.
            self._answer(command, None, OutcomeUnknown(f"{self._name}: the driver failed: {error!r}"))
            raise
        else:
            self._answer(command, result, None)
        finally:
            self._running = None

    def _carry_out(self, device: Device, command: Command) -> object:
        if command.seconds is None:
            with self._calls.timed(call_timeouts.COMMAND_S, self._silent_after):
                return command.action(device)
        with self._calls.timed(max(command.seconds, call_timeouts.COMMAND_S)):
            return command.action(device)

    def abandon(self, why: str) -> None:
        """End all commands of a worker that hangs: what runs may be carried out or not, what waits is not."""
        if command := self._running:
            error = OutcomeUnknown(f"{self._name} did not answer ({why}); look whether it was carried out")
            self._answer(command, None, error)
        self.refuse_all(why)

    def refuse_all(self, why: str) -> None:
        """Answer all that waits."""
        with contextlib.suppress(queue.Empty):
            while True:
                if command := self._waiting.get_nowait():
                    self.refuse(command, why)

    def refuse(self, command: Command, why: str) -> None:
        """Answer one that was not begun."""
        self._answer(command, None, DeviceUnreachable(f"{self._name} is offline: {why}"))

    def _answer(self, command: Command, result: object, error: Exception | None) -> None:
        try:
            command.done(result, error)
        except Exception:
            log.exception("a follower of a command to %s failed", self._name)
