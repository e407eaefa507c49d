"""An OSDP reader as a device: events become facts, releases and signals become commands."""

import logging
import time

from devicemgr.domain.device_events import CardRead, DeviceFact, GateAlarm, KeysPressed
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import DeviceInfo, Direction, JsonValue, PortalMode, Signal
from devicemgr.domain.ports.device import Delivery, ReleaseTimes
from devicemgr.domain.rules.cards.formats import MAX_BITS, names_of
from devicemgr.errors import DeviceError, DeviceRefused, DeviceUnreachable, DeviceUnready, Hint, NotYet, OutcomeUnknown
from drivers.common.relays.outputs import RelayBank, RelayOptions
from drivers.common.serial.line import NoAnswer
from drivers.common.serial.trace import Entry, Trace
from drivers.osdp_reader.door_monitor import CHANNEL, DoorWatch
from drivers.osdp_reader.line import Address, SharedLine, attach, detach, is_pairing
from drivers.osdp_reader.line_setup import Placed, move_reader, written
from drivers.osdp_reader.options import Options
from drivers.osdp_reader.pairing import pair
from drivers.osdp_reader.protocol import messages
from drivers.osdp_reader.protocol.messages import Card, Event, InputStatus, Keys, LocalStatus
from drivers.osdp_reader.session import HANDSHAKE_S, Command, NoSecureChannel, OtherKey, Outcome, Session

COMMAND_S = 1.0
OPENING_S = 4.0
# A session that breaks off twice within this time is a fault to be reported.
STABLE_S = 5.0
# The timer of osdp_OUT, in 100 ms, has two bytes, of which some readers keep the lower one only.
MAX_TICKS = 255
MAX_UNREAD = 16
# Control codes of osdp_OUT: off or on for good, at once; off, letting a running time end; on for the time given.
OFF, ON, OFF_IN_TIME, TIMED = 1, 2, 3, 5
_CONFIRMS = (messages.ACK, messages.OSTATR)
# osdp_KEYPPAD sends ASCII digits, DELETE for * and RETURN for #; some readers send the signs themselves.
KEYS = {ord(digit): digit for digit in "0123456789*#"} | {0x7F: "*", 0x0D: "#"}

_GREEN, _RED, _AMBER = 2, 1, 3
_CAPABILITY = {messages.LED: messages.CAP_LED, messages.BUZ: messages.CAP_BUZZER}
# What a reader may refuse without harm.
_OPTIONAL = frozenset({messages.LED, messages.BUZ, messages.LSTAT, messages.ISTAT})
SIGNALS: dict[Signal, tuple[Command, ...]] = {
    Signal.GRANTED: ((messages.LED, messages.lamp(_GREEN, 20, 0, 20)), (messages.BUZ, messages.beep(2, 0, 1))),
    Signal.DENIED: ((messages.LED, messages.lamp(_RED, 2, 2, 16)), (messages.BUZ, messages.beep(2, 2, 3))),
    Signal.ASK: ((messages.LED, messages.lamp(_AMBER, 5, 5, 50)), (messages.BUZ, messages.beep(1, 0, 1))),
}

_log = logging.getLogger(__name__)


class OsdpReader:
    """One reader. It is polled by the thread that calls, and shares its line with the other units on it."""

    poll_interval = 0.03
    senses_passage = False
    channels = 1

    def __init__(self, name: str, address: Address, keys: list[bytes], options: Options) -> None:
        self._name = name
        self._address = address
        self._keys = keys
        self._options = options
        leave = options.output_exit or options.output
        relays = RelayOptions(
            relay_entry=options.output, relay_exit=leave, channels=1, pulse_seconds=options.pulse_seconds
        )
        self._bank = RelayBank(relays, self._switch, self._flash)
        self._door = DoorWatch(
            options.door_input, options.rex_input, options.held_open_seconds, inverted=options.inputs_inverted
        )
        self._trace = Trace()
        self._line: SharedLine | None = None
        self._session: Session | None = None
        self._refused: set[int] = set()
        self._off = OFF
        self._refusals: dict[str, int] = {}
        self._unread: dict[str, None] = {}
        self._inputs = 0
        self._again_at = float("-inf")
        self._tampered: bool | None = None
        self._power_failed: bool | None = None
        self._facts: list[DeviceFact] = []

    @property
    def complaint(self) -> str | None:
        """What is wrong although it works; shown as the cause of `degraded`."""
        found = [self._clear_text(), self._unproven_key(), self._missing_input(), self._unread_replies()]
        return "; ".join(filter(None, found)) or None

    def _clear_text(self) -> str:
        if self._options.secure == "on":
            return ""
        return "not encrypted: cards and PINs can be read and played back on the line; see option secure"

    def _unproven_key(self) -> str:
        if self._options.secure == "off" or len(self._keys) < 2:
            return ""
        return "two keys are kept, one is the reader's: pair it again, which settles that"

    def _missing_input(self) -> str:
        """Return which configured input the reader does not have; an input that never reports would hide a fault."""
        if self._session is None:
            return ""
        count = max(self._session.has(messages.CAP_INPUTS), self._inputs)
        wanted = {"door_input": self._options.door_input, "rex_input": self._options.rex_input}
        missing = {name: number for name, number in wanted.items() if number is not None and number > count}
        named = ", ".join(f"{name} is input {number}" for name, number in missing.items())
        reported = ", ".join(map(str, range(1, count + 1))) or "none"
        return f"{named}, which the reader does not report; its inputs: {reported}" if missing else ""

    def _unread_replies(self) -> str:
        if not self._unread:
            return ""
        return (
            f"it sends replies that are not read here ({', '.join(self._unread)}): "
            f"set the reader to raw card data (osdp_RAW)"
        )

    def open(self) -> DeviceInfo:
        """Attach to the line and start a session; return the reader's identity.

        Raises DeviceUnready while the reader waits for pairing.
        """
        self.close()
        if self._options.secure == "on" and not self._keys:
            raise DeviceUnready(
                "waits for pairing; put the reader into install mode and pair it, or give its key as its password",
                hint=Hint("pair_reader", name=self._name),
            )
        while True:
            refused = set(self._refused)
            self._line = attach(self._address, self._options.unit, self._name)
            try:
                self._session = self._establish(self._line)
                return self._begin(self._session)
            except DeviceError:
                self.close()
                if self._refused == refused:
                    raise

    def _establish(self, line: SharedLine) -> Session:
        until = time.monotonic() + OPENING_S
        refusal: DeviceError | None = None
        for key in self._keys if self._options.secure == "on" else [None]:
            session = Session(line, self._options.unit, key, self._name, self._trace)
            try:
                session.establish(max(0.5, min(HANDSHAKE_S, until - time.monotonic())))
            except OtherKey as error:
                refusal = error
                session.close()
            except DeviceError as error:
                session.close()
                if isinstance(error, NoSecureChannel):
                    self._count_refusal("without Secure Channel")
                raise
            else:
                return session
        assert refusal is not None
        self._count_refusal("with another key")
        raise refusal

    def _count_refusal(self, what: str) -> None:
        self._refusals[what] = self._refusals.get(what, 0) + 1

    def _begin(self, session: Session) -> DeviceInfo:
        if stale := session.skip_stale():
            _log.warning("%s: %d cards or keys from before the connection are ignored", self._name, stale)
        self._facts = []
        for what, times in self._refusals.items():
            cause = f"a reader {what} answered here and was refused {times} times"
            self._facts.append(GateAlarm(CHANNEL, Kind.TAMPER, cause))
        self._refusals = {}
        self._request_status(session, messages.LSTAT)
        wants_inputs = self._door.is_wired and bool(session.has(messages.CAP_INPUTS))
        self._door.forget(requested=wants_inputs and self._request_status(session, messages.ISTAT))
        if session.has(messages.CAP_OUTPUTS):
            self._restore()
        identity = session.identity
        return DeviceInfo(
            manufacturer=f"OUI {identity.vendor.hex().upper()}",
            model=f"{identity.model} v{identity.version}",
            firmware=".".join(map(str, identity.firmware)),
            serial=f"{identity.serial:08X}",
        )

    def poll(self) -> list[DeviceFact]:
        """Run the session's next step and return what the reader and its door have reported."""
        session = self._open_session()
        if is_pairing(self._address, self._options.unit):
            raise DeviceUnreachable(f"{self._name} is being paired; it comes back by itself afterwards")
        session.step()
        try:
            session.check()
        except NoAnswer:
            raise
        except DeviceUnreachable:
            session = self._set_up_again()
        now = time.monotonic()
        facts, self._facts = [*self._facts, *self._new_unread(session)], []
        for event in session.events():
            facts += self._facts_of(event, now)
        return facts + self._door.tick(now)

    def _set_up_again(self) -> Session:
        """Open a new session at once: an answer was lost, or another reader is there, which the error must name."""
        line, session = self._line, self._open_session()
        if line is None or time.monotonic() - self._again_at < STABLE_S:
            session.check()
        self._again_at = time.monotonic()
        self._drop_session()
        assert line is not None
        self._session = self._establish(line)
        self._begin(self._session)
        return self._session

    def release(self, channel: int, direction: Direction, seconds: float) -> Delivery:
        """Switch the output for a release, and allow the door to be opened for that time."""
        delivery = self._bank.release(channel, direction, seconds)
        self._door.allow(time.monotonic(), self.release_times(channel, seconds).waits_s)
        return delivery

    def release_times(self, channel: int, seconds: float) -> ReleaseTimes:  # noqa: ARG002
        """Return how long the output is on: at most MAX_TICKS tenths of a second, after a pulse as requested."""
        pulse = self._options.pulse_seconds
        timed = min(pulse or seconds, MAX_TICKS / 10)
        # After a pulse what it has triggered keeps open as long as the portal says.
        return ReleaseTimes(max(timed, seconds) if pulse else timed)

    def set_mode(self, channel: int, mode: PortalMode) -> Delivery:
        """Set the outputs to a mode; in FREE the door may stay open."""
        delivery = self._bank.set_mode(channel, mode)
        self._door.free = mode is PortalMode.FREE
        return delivery

    def indicate(self, channel: int, direction: Direction, signal: Signal) -> None:  # noqa: ARG002
        """Send the LED and buzzer commands of a signal that this reader has not refused."""
        session = self._open_session()
        for code, data in SIGNALS[signal]:
            if code not in self._refused | session.refused and session.has(_CAPABILITY[code]):
                session.submit(code, data)

    def pair(self, key: bytes, seconds: float) -> None:
        """Set a new key on the reader, within `seconds`."""
        old = [kept for kept in self._keys if kept != key]
        pair(self._address, (self._options.unit, key, self._name, self._trace), seconds, old)

    def readdress(self, unit: int, baudrate: int | None) -> tuple[str, dict[str, JsonValue]]:
        """Move the reader to another address, and to another speed if given; return its new address and options."""
        keys = self._keys if self._options.secure == "on" else [None]
        placed = Placed(self._address, self._options.unit, keys, self._name, self._trace)
        return written(move_reader(placed, unit, baudrate)), {"unit": unit}

    def trace(self) -> list[Entry]:
        """Return the latest frames of this unit, secrets blanked."""
        return self._trace.entries()

    def check(self) -> dict[str, JsonValue]:
        """Run one step and the health check; return the reader's identity, capabilities and state."""
        session = self._open_session()
        session.step()
        session.check()
        identity = session.identity
        found: dict[str, JsonValue] = {
            "secure": self._options.secure,
            "vendor": identity.vendor.hex().upper(),
            "model": identity.model,
            "serial": f"{identity.serial:08X}",
            "outputs": session.has(messages.CAP_OUTPUTS),
            "inputs": session.has(messages.CAP_INPUTS),
            "lamps": session.has(messages.CAP_LED),
            "buzzer": bool(session.has(messages.CAP_BUZZER)),
            "tamper": bool(self._tampered),
        }
        return found | ({"warning": self.complaint} if self.complaint else {})

    def close(self) -> None:
        """End the session and leave the line, which closes with its last unit."""
        self._drop_session()
        line, self._line = self._line, None
        if line is not None:
            detach(line, self._options.unit)

    def _drop_session(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            self._refused |= session.refused & _OPTIONAL
            session.close()

    def _new_unread(self, session: Session) -> list[DeviceFact]:
        """Record each kind of reply that is not read, once: a person may have stood there."""
        facts: list[DeviceFact] = []
        for words in session.unread.keys() - self._unread.keys():
            if len(self._unread) < MAX_UNREAD:
                _log.warning("%s sends reply %s, which is not read here", self._name, words)
                self._unread[words] = None
                facts.append(GateAlarm(CHANNEL, Kind.DEVICE_DEGRADED, f"it sends reply {words}, which is not read"))
        return facts

    def _restore(self) -> None:
        """Set the outputs to the mode; a person granted before the session broke may still pass."""
        self._off = OFF_IN_TIME
        try:
            self._bank.restore()
        finally:
            self._off = OFF

    def _switch(self, output: int, on: bool) -> None:
        self._output(output, ON if on else self._off, 0)

    def _flash(self, output: int, seconds: float) -> None:
        ticks = max(1, round(seconds * 10))
        if ticks > MAX_TICKS:
            _log.warning("%s: readers time at most %g s, so the lock shuts then", self._name, MAX_TICKS / 10)
        self._output(output, TIMED, min(ticks, MAX_TICKS))

    def _output(self, output: int, code: int, ticks: int) -> None:
        session = self._open_session()
        if output > session.has(messages.CAP_OUTPUTS):
            raise DeviceRefused(f"{self._name} has no output {output}; see the options output and output_exit")
        result = session.command(messages.OUT, messages.output(output - 1, code, ticks), COMMAND_S)
        where = f"output {output} of {self._name}"
        match result.outcome:
            case Outcome.REFUSED:
                words = f"{self._name} refuses to switch output {output} ({result.words}); see the option output"
                raise DeviceRefused(words)
            case Outcome.BUSY:
                raise NotYet(f"{where} was not switched: the reader is busy; try again")
            case Outcome.NOT_DONE:
                raise DeviceUnreachable(f"{where} was not switched: the session broke; try again")
            case Outcome.DONE if result.reply is not None and result.reply.code in _CONFIRMS:
                return
        raise OutcomeUnknown(f"{self._name} did not confirm output {output}; it may or may not have switched")

    def _request_status(self, session: Session, code: int) -> bool:
        """Return True if the reader answered with its status; it may have none."""
        if code in self._refused:
            return False
        result = session.command(code, b"", COMMAND_S)
        if result.outcome is Outcome.REFUSED:
            self._refused.add(code)
            return False
        if result.outcome is not Outcome.DONE:
            raise DeviceUnreachable(f"{self._name} does not report its status; it is set up again")
        return True

    def _facts_of(self, event: Event, now: float) -> list[DeviceFact]:
        match event:
            case Card():
                return self._card(event)
            case Keys():
                keys = "".join(KEYS.get(byte, "") for byte in event.data)
                return [KeysPressed(CHANNEL, keys)] if keys else []
            case LocalStatus():
                return self._local_status(event)
            case InputStatus():
                self._inputs = max(self._inputs, len(event.inputs))
                return self._door.on_report(event.inputs, now)
        return []

    def _card(self, card: Card) -> list[DeviceFact]:
        form = self._options.card_format
        names = names_of(card.bits, card.data, form)
        if not names:
            why = f"is longer than {MAX_BITS} bits" if card.bits > MAX_BITS else f"is none of format {form}"
            _log.warning("%s: a card of %d bits %s", self._name, card.bits, why)
            return [CardRead(CHANNEL, (), f"a card of {card.bits} bits {why}")]
        return [CardRead(CHANNEL, names)]

    def _local_status(self, status: LocalStatus) -> list[DeviceFact]:
        tampered, power_failed = status.is_tampered, status.has_power_failed
        facts: list[DeviceFact] = []
        if tampered is not self._tampered:
            words = f"the reader's tamper contact is {'open' if tampered else 'closed'}"
            facts.append(GateAlarm(CHANNEL, Kind.TAMPER, words, active=tampered, input="contact"))
        if power_failed is not self._power_failed:
            words = f"the reader reports {'a' if power_failed else 'no'} power failure"
            facts.append(GateAlarm(CHANNEL, Kind.DEVICE_DEGRADED, words, active=power_failed))
        self._tampered, self._power_failed = tampered, power_failed
        return facts

    def _open_session(self) -> Session:
        if self._session is None:
            raise DeviceUnreachable(f"{self._name} is not open; open it first")
        return self._session
