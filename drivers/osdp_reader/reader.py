"""An OSDP reader as a device: events become facts, releases and signals become commands."""

import logging
import time

import osdp_sys

from devicemgr.domain.device_events import CardRead, DeviceFact, GateAlarm, KeysPressed
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import DeviceInfo, Direction, JsonValue, PortalMode, Signal
from devicemgr.domain.ports.device import Delivery, ReleaseTimes
from devicemgr.domain.rules.card_formats import names_of
from devicemgr.errors import DeviceError, DeviceRefused, DeviceUnreachable, DeviceUnready, OutcomeUnknown
from drivers.common.relays.outputs import RelayBank, RelayOptions
from drivers.common.serial.line import NoAnswer
from drivers.common.serial.trace import Entry, Trace
from drivers.osdp_reader.door_monitor import CHANNEL, DoorWatch
from drivers.osdp_reader.line import Address, SharedLine, attach, detach, is_pairing
from drivers.osdp_reader.options import Options
from drivers.osdp_reader.pairing import pair
from drivers.osdp_reader.session import HANDSHAKE_S, Event, Outcome, Session

COMMAND_S = 1.0
OPENING_S = 4.0
# A session that breaks off twice within this time is a fault to be reported.
STABLE_S = 5.0
# libosdp's Python layer keeps the timer, in 100 ms, in one byte; what is more would come out shorter, or endless.
MAX_TICKS = 255
# Control codes of osdp_OUT: off or on for good, at once; off, letting a running time end; on for the time given.
OFF, ON, OFF_IN_TIME, TIMED = 1, 2, 3, 5
# osdp_KEYPPAD sends ASCII digits, DELETE for * and RETURN for #; some readers send the signs themselves.
KEYS = {ord(digit): digit for digit in "0123456789*#"} | {0x7F: "*", 0x0D: "#"}

_GREEN, _RED, _AMBER = osdp_sys.LED_COLOR_GREEN, osdp_sys.LED_COLOR_RED, osdp_sys.LED_COLOR_AMBER
_CAPABILITY = {
    osdp_sys.CMD_LED: osdp_sys.CAP_READER_LED_CONTROL,
    osdp_sys.CMD_BUZZER: osdp_sys.CAP_READER_AUDIBLE_OUTPUT,
}
# What a reader may refuse without harm, by its code on the wire.
_LAMP_CODE = {osdp_sys.CMD_LED: 0x69, osdp_sys.CMD_BUZZER: 0x6A}
_STATUS_CODE = {osdp_sys.STATUS_REPORT_LOCAL: 0x64, osdp_sys.STATUS_REPORT_INPUT: 0x65}
_OPTIONAL = {*_LAMP_CODE.values(), *_STATUS_CODE.values()}

_log = logging.getLogger(__name__)


def _lamp(color: int, on: int, off: int, total: int) -> Event:
    """A temporary colour; times in 100 ms."""
    return {
        "command": osdp_sys.CMD_LED,
        "reader": 0,
        "led_number": 0,
        "temporary": True,
        "control_code": 2,
        "on_count": on,
        "off_count": off,
        "on_color": color,
        "off_color": osdp_sys.LED_COLOR_NONE,
        "timer_count": total,
    }


def _beep(on: int, off: int, times: int) -> Event:
    return {
        "command": osdp_sys.CMD_BUZZER,
        "reader": 0,
        "control_code": 2,
        "on_count": on,
        "off_count": off,
        "rep_count": times,
    }


SIGNALS = {
    Signal.GRANTED: (_lamp(_GREEN, 20, 0, 20), _beep(2, 0, 1)),
    Signal.DENIED: (_lamp(_RED, 2, 2, 16), _beep(2, 2, 3)),
    Signal.ASK: (_lamp(_AMBER, 5, 5, 50), _beep(1, 0, 1)),
}


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
        self._wrong_keys = 0
        self._again_at = float("-inf")
        self._tampered: bool | None = None
        self._power_failed: bool | None = None
        self._facts: list[DeviceFact] = []

    @property
    def complaint(self) -> str | None:
        """What is wrong although it works; shown as the cause of `degraded`."""
        if self._options.secure == "off":
            return "not encrypted: cards and PINs can be read and played back on the line; see option secure"
        if len(self._keys) > 1:
            return (
                f"two keys are kept, one is the reader's: settle it with devicemgr device provision {self._name} --pair"
            )
        return None

    def open(self) -> DeviceInfo:
        self.close()
        if self._options.secure == "on" and not self._keys:
            raise DeviceUnready(
                f"waits for pairing: devicemgr device provision {self._name} --pair; "
                f"put the reader into install mode first, or give its key with --password-stdin"
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
            except DeviceRefused as error:
                refusal = error
                session.close()
            except DeviceError:
                session.close()
                raise
            else:
                return session
        assert refusal is not None
        self._wrong_keys += 1
        raise refusal

    def _begin(self, session: Session) -> DeviceInfo:
        if stale := session.skip_stale():
            _log.warning("%s: %d cards or keys from before the connection are ignored", self._name, stale)
        self._facts = []
        if self._wrong_keys:
            cause = f"a reader with another key answered here and was refused {self._wrong_keys} times"
            self._facts.append(GateAlarm(CHANNEL, Kind.TAMPER, cause))
            self._wrong_keys = 0
        self._ask_status(session, osdp_sys.STATUS_REPORT_LOCAL)
        can_ask = self._door.is_wired and bool(session.has(osdp_sys.CAP_CONTACT_STATUS_MONITORING))
        self._door.forget(requested=can_ask and _STATUS_CODE[osdp_sys.STATUS_REPORT_INPUT] not in self._refused)
        if can_ask:
            self._ask_status(session, osdp_sys.STATUS_REPORT_INPUT)
        if session.has(osdp_sys.CAP_OUTPUT_CONTROL):
            self._restore()
        identity = session.identity()
        firmware = ".".join(str(identity["firmware_version"] >> shift & 0xFF) for shift in (16, 8, 0))
        return DeviceInfo(
            manufacturer=f"OUI {identity['vendor_code']:06X}",
            model=f"{identity['model']} v{identity['version']}",
            firmware=firmware,
            serial=f"{identity['serial_number']:08X}",
        )

    def poll(self) -> list[DeviceFact]:
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
        facts, self._facts = self._facts, []
        for event in session.events():
            facts += self._facts_of(event, now)
        return facts + self._door.tick(now)

    def _set_up_again(self) -> Session:
        """At once: one answer got lost, or another reader has taken its place, which the error must name."""
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
        delivery = self._bank.release(channel, direction, seconds)
        self._door.allow(time.monotonic(), self.release_times(channel, seconds).waits_s)
        return delivery

    def release_times(self, channel: int, seconds: float) -> ReleaseTimes:  # noqa: ARG002
        pulse = self._options.pulse_seconds
        timed = min(pulse or seconds, MAX_TICKS / 10)
        # After a pulse what it has triggered keeps open as long as the portal says.
        return ReleaseTimes(max(timed, seconds) if pulse else timed)

    def set_mode(self, channel: int, mode: PortalMode) -> Delivery:
        delivery = self._bank.set_mode(channel, mode)
        self._door.free = mode is PortalMode.FREE
        return delivery

    def indicate(self, channel: int, direction: Direction, signal: Signal) -> None:  # noqa: ARG002
        session = self._open_session()
        for command in SIGNALS[signal]:
            what = command["command"]
            if _LAMP_CODE[what] not in self._refused and session.has(_CAPABILITY[what]):
                session.submit(dict(command))

    def pair(self, key: bytes, seconds: float) -> None:
        old = [kept for kept in self._keys if kept != key]
        pair(self._address, (self._options.unit, key, self._name, self._trace), seconds, old)

    def trace(self) -> list[Entry]:
        return self._trace.entries()

    def check(self) -> dict[str, JsonValue]:
        session = self._open_session()
        session.step()
        session.check()
        identity = session.identity()
        found: dict[str, JsonValue] = {
            "secure": self._options.secure,
            "vendor": f"{identity['vendor_code']:06X}",
            "model": identity["model"],
            "serial": f"{identity['serial_number']:08X}",
            "outputs": session.has(osdp_sys.CAP_OUTPUT_CONTROL),
            "inputs": session.has(osdp_sys.CAP_CONTACT_STATUS_MONITORING),
            "lamps": session.has(osdp_sys.CAP_READER_LED_CONTROL),
            "buzzer": bool(session.has(osdp_sys.CAP_READER_AUDIBLE_OUTPUT)),
            "tamper": bool(self._tampered),
        }
        return found | ({"warning": self.complaint} if self.complaint else {})

    def close(self) -> None:
        self._drop_session()
        line, self._line = self._line, None
        if line is not None:
            detach(line, self._options.unit)

    def _drop_session(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            # libosdp ends the session over a refusal; the next one does without that lamp or question.
            self._refused |= {session.refused() or 0} & _OPTIONAL
            session.close()

    def _restore(self) -> None:
        """Outputs as the mode wants them; a person let in before the session broke may still pass."""
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
        if output > session.has(osdp_sys.CAP_OUTPUT_CONTROL):
            raise DeviceRefused(f"{self._name} has no output {output}; see the options output and output_exit")
        command = {
            "command": osdp_sys.CMD_OUTPUT,
            "output_no": output - 1,
            "control_code": code,
            "timer_count": ticks,
        }
        session.wire.allow_output()
        outcome = Outcome.LOST
        try:
            outcome = session.command(command, COMMAND_S)
        finally:
            left = session.wire.forbid_output()
        if outcome is Outcome.REFUSED:
            raise DeviceRefused(f"{self._name} refuses to switch output {output}; see the option output")
        if outcome is Outcome.LOST and left:
            raise OutcomeUnknown(f"{self._name} did not confirm output {output}; it may or may not have switched")
        if outcome is Outcome.LOST:
            raise DeviceUnreachable(f"output {output} of {self._name} was not switched: the session broke; try again")

    def _ask_status(self, session: Session, report: int) -> None:
        if _STATUS_CODE[report] in self._refused:
            return
        command = {"command": osdp_sys.CMD_STATUS, "type": report, "report": b""}
        if session.command(command, COMMAND_S) is not Outcome.DONE:
            raise DeviceUnreachable(f"{self._name} does not tell its status; it is set up again")

    def _facts_of(self, event: Event, now: float) -> list[DeviceFact]:
        match event["event"]:
            case osdp_sys.EVENT_CARDREAD:
                return self._card(event)
            case osdp_sys.EVENT_KEYPRESS:
                keys = "".join(KEYS.get(byte, "") for byte in event["data"])
                return [KeysPressed(CHANNEL, keys)] if keys else []
            case osdp_sys.EVENT_STATUS if event["type"] == osdp_sys.STATUS_REPORT_LOCAL:
                return self._local_status(event["report"])
            case osdp_sys.EVENT_STATUS if event["type"] == osdp_sys.STATUS_REPORT_INPUT:
                return self._door.on_report(event["report"], now)
        return []

    def _card(self, event: Event) -> list[DeviceFact]:
        bits = int(event.get("length", 0))
        names = names_of(bits, event["data"], self._options.card_format)
        if not names:
            _log.warning("%s: a card of %d bits is none of format %s", self._name, bits, self._options.card_format)
            return []
        return [CardRead(CHANNEL, names)]

    def _local_status(self, report: bytes) -> list[DeviceFact]:
        tampered, power_failed = (bool(byte) for byte in report[:2].ljust(2, b"\0"))
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
