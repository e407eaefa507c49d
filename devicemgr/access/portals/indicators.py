"""What lamps and buzzers say to who stands there: at the gate, and at the reader or console where one presented.

A lamp that is not lit is no fault of a decision: nothing waits for it, and its failure is only logged.
"""

import logging
from collections.abc import Callable
from functools import partial
from typing import Protocol

from devicemgr.domain.model import Direction, Portal, Signal
from devicemgr.domain.ports.device import Device, Indicator, Verifier
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.errors import DevicemgrError, DeviceRefused, DeviceUnreachable

log = logging.getLogger(__name__)


class GateLine(Protocol):
    """Runs an action on a device's own thread, then `done(result, error)` there; `supervisor.Supervisor` does."""

    def command(
        self, name: str, action: Callable[[Device], object], done: Callable[[object, Exception | None], None]
    ) -> None:
        """Run an action on the device's thread, then `done(result, error)` there."""


class Lamps:
    """Any thread."""

    def __init__(self, line: GateLine) -> None:
        self._line = line

    def show(self, rules: Snapshot, portal: Portal, direction: Direction, at: str | None, signal: Signal) -> None:
        """Light the gate's lamps, and those of the device `at` which one presented."""
        self._light(portal.gate, portal.channel, direction, signal)
        point = next((point for point in portal.access_points if point.device == at), None)
        if point is not None and point.device in rules.readers and point.device != portal.gate:
            self._light(point.device, point.channel, direction, signal)

    def answer(self, console: str, serial: int, *, granted: bool, words: str = "") -> None:
        """Answer the console's question; its display, with these words if any, and its own relay follow."""
        self._line.command(console, partial(answer_console, serial, granted, words=words), _log_failure)

    def _light(self, device: str, channel: int, direction: Direction, signal: Signal) -> None:
        self._line.command(device, partial(_indicate, channel, direction, signal), _log_failure)


def answer_console(serial: int, granted: bool, device: Device, *, words: str = "") -> None:
    """Answer a console's question, on its own thread."""
    if not isinstance(device, Verifier):
        raise DeviceRefused("this device asks nothing, so nothing is answered")
    device.answer(serial, granted, words or ("welcome" if granted else "not permitted"))


def _indicate(channel: int, direction: Direction, signal: Signal, device: Device) -> None:
    if not isinstance(device, Indicator):
        return
    try:
        device.indicate(channel, direction, signal)
    except DeviceUnreachable:
        raise
    except DevicemgrError as error:
        log.info("a lamp was not lit: %s", error)


def _log_failure(_: object, error: Exception | None) -> None:
    if error:
        log.debug("a signal was not shown: %s", error)
