"""One reader's session: libosdp as the control panel of a single unit, run from the thread that calls.

libosdp repeats, sequences, encrypts and authenticates. Its Python layer is not used: it keeps every event for ever,
PINs included, and has a thread of its own.
"""

import ctypes
import os
import time
from collections import deque
from enum import Enum, auto
from typing import Any

import osdp_sys

from devicemgr.errors import DeviceError, DeviceRefused, DeviceUnreachable
from drivers.common.serial.line import NoAnswer
from drivers.common.serial.trace import Trace
from drivers.osdp_reader.frames import CCRYPT, CHALLENGE, KEYSET, NAK
from drivers.osdp_reader.line import SharedLine, Wire

Event = dict[str, Any]

STEPS = 4
STEP_S = 0.005
HANDSHAKE_S = 2.0
SILENCE_S = 2.5
# Polls of the first moments bring what the reader kept while it was not polled.
STALE_S = 0.4
MAX_EVENTS = 64

_LIBC = ctypes.CDLL(None)


class Outcome(Enum):
    """How a command ended."""

    DONE = auto()
    REFUSED = auto()
    LOST = auto()


class Session:
    """Enforces Secure Channel with `key`; without a key in clear; with `install` it puts `key` into the reader.

    Every call raises DeviceError once the line is lost.
    """

    def __init__(
        self, line: SharedLine, unit: int, key: bytes | None, name: str, trace: Trace, *, install: bool = False
    ) -> None:
        self.name = f"unit {unit} at {line.address}"
        self.wire = Wire(line, unit, trace)
        self._line = line
        self._key = key
        self._label = name
        self._events: deque[Event] = deque(maxlen=MAX_EVENTS)
        self._ended: tuple[int, int] | None = None
        self._fell = False
        flags = osdp_sys.FLAG_ENABLE_NOTIFICATION
        if key is not None and not install:
            flags |= osdp_sys.FLAG_ENFORCE_SECURE
        # libosdp writes to standard error; what matters is in our own errors.
        osdp_sys.set_loglevel(osdp_sys.LOG_EMERG)
        # Its random numbers come from rand(), which no other code seeds: the same in each process, so that a recorded
        # session could be played back.
        _LIBC.srand(int.from_bytes(os.urandom(4), "little"))
        unit_info = {"name": f"unit{unit}", "address": unit, "flags": flags, "scbk": key, "channel": self.wire}
        self._panel: Any = osdp_sys.ControlPanel([unit_info])
        self._panel.set_event_callback(self._on_event)
        self._panel.set_command_completion_callback(self._on_end)

    def establish(self, seconds: float = HANDSHAKE_S) -> None:
        """Get a session; NoAnswer, or DeviceRefused with the reason why the reader can't be trusted."""
        until = time.monotonic() + seconds
        while not self.is_up():
            in_clear = bool(self._panel.status()) and self._key is not None
            if self._fell or in_clear or time.monotonic() > until:
                raise self._why_not_up(seconds)
            self.step()
            time.sleep(STEP_S)

    def skip_stale(self) -> int:
        """Forget what the reader had kept for us; how many cards and keys that were."""
        until = time.monotonic() + STALE_S
        while time.monotonic() < until:
            self.step()
            time.sleep(STEP_S)
        kept = [event for event in self._events if event["event"] == osdp_sys.EVENT_STATUS]
        skipped = len(self._events) - len(kept)
        self._events = deque(kept, MAX_EVENTS)
        return skipped

    def is_up(self) -> bool:
        """Online, and encrypted if it has a key."""
        return bool(self._panel.status()) and (self._key is None or bool(self._panel.sc_status()))

    def step(self, urgent: bool = False) -> None:
        """Hold the line for what is due now: nothing, or one exchange."""
        with self._line.turns.taken(urgent):
            for _ in range(STEPS):
                self._panel.refresh()
                while self.wire.settle():
                    pass
            self.wire.check()

    def check(self) -> None:
        """NoAnswer or DeviceUnreachable when the reader has gone."""
        if time.monotonic() - self.wire.received_at > SILENCE_S:
            raise NoAnswer(f"no answer from {self.name} for {SILENCE_S:g} s; check its power and cable")
        if self._fell or not self.is_up():
            raise DeviceUnreachable(f"broke off its session ({self.name}); it is set up again")

    def events(self) -> list[Event]:
        """What came since the last call."""
        found = list(self._events)
        self._events.clear()
        return found

    def has(self, capability: int) -> int:
        """How many of something the reader says it has; 0 for none."""
        level, count = self._panel.check_capability(0, capability)
        return max(int(count), 1) if level else 0

    def identity(self) -> dict[str, int]:
        """version, model, vendor_code, serial_number and firmware_version, as the reader tells them."""
        return dict(self._panel.get_pd_id(0))

    def submit(self, command: Event) -> bool:
        """Queue a command; False when there is no session."""
        return bool(self._panel.submit_command(0, command))

    def command(self, command: Event, seconds: float) -> Outcome:
        """Send a command and wait for its end."""
        self._ended = None
        if not self.submit(command):
            return Outcome.LOST
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.step(urgent=True)
            if self._ended is not None and self._ended[0] == command["command"]:
                return self._outcome(self._ended[1])
            if self._fell:
                return Outcome.LOST
            time.sleep(STEP_S)
        # What is still to be sent must not be sent later, and libosdp would go on trying.
        self._fell = True
        return Outcome.LOST

    def refused(self) -> int | None:
        """The code, as on the wire, of the command that a refusal has just ended the session over."""
        last = self.wire.received[-1].code if self.wire.received else None
        return self.wire.requested if self._fell and last == NAK else None

    def close(self) -> None:
        """Free libosdp's part; never raises."""
        panel, self._panel = self._panel, _CLOSED
        if panel is not _CLOSED:
            # The panel holds its callbacks and they this object: a ring that reference counting would not collect.
            panel.set_event_callback(_ignore)
            panel.set_command_completion_callback(_ignore)
        self.wire.detach()

    def _outcome(self, status: int) -> Outcome:
        if status == osdp_sys.COMPLETION_OK:
            return Outcome.DONE
        last = self.wire.received[-1] if self.wire.received else None
        return Outcome.REFUSED if last is not None and last.code == NAK else Outcome.LOST

    def _why_not_up(self, seconds: float) -> DeviceError:
        received = [frame.code for frame in self.wire.received]
        if not received:
            what = "only noise" if self.wire.noise else "no answer"
            return NoAnswer(
                f"{what} from {self.name} in {seconds:g} s; check power, wiring (A/B), baudrate and option unit"
            )
        challenged = CHALLENGE in self.wire.sent
        if self._key is not None and not challenged and not self.has(osdp_sys.CAP_COMMUNICATION_SECURITY):
            return DeviceRefused(
                f"offers no Secure Channel and is refused ({self.name}): anybody on the line could play it; "
                f"use another reader"
            )
        if self._key is not None and challenged and (CCRYPT in received or NAK in received):
            return DeviceRefused(
                f"holds another key than ours and is refused ({self.name}); is it still the same reader? "
                f"give its key: devicemgr device edit {self._label} --password-stdin, or pair it again"
            )
        return DeviceUnreachable(f"answers and then breaks off ({self.name}); check the wiring and termination")

    def keyset_left(self) -> bool:
        """Whether a new key was sent."""
        return KEYSET in self.wire.sent

    def _on_event(self, _: int, event: Event) -> int:
        copy = dict(event)
        # The extension never lets go of this dict: at least nothing shall stay in it.
        event.clear()
        if copy["event"] != osdp_sys.EVENT_NOTIFICATION:
            self._events.append(copy)
        elif copy["type"] == osdp_sys.EVENT_NOTIFICATION_PD_STATUS and not copy["arg0"]:
            self._fell = True
        return 0

    def _on_end(self, _: int, command: Event, status: int) -> None:
        self._ended = (command["command"], status)
        command.clear()


class _Closed:
    """Stands in for a panel that is no more."""

    def status(self) -> int:
        return 0

    sc_status = status

    def refresh(self) -> None:
        raise DeviceUnreachable("the session is closed")

    def submit_command(self, *_: object) -> bool:
        return False


_CLOSED = _Closed()


def _ignore(*_: object) -> int:
    return 0
