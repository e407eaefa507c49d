"""`devicemgr sim osdp`: OSDP readers (libosdp's PD role) on a pty or behind a TCP port."""

from binascii import crc_hqx
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import osdp_sys

from drivers.sim.base.events import EventLog, Sink
from drivers.sim.base.pluggable import Plugged
from drivers.sim.base.ports import PtyPort, TcpPort

STEP_S = 0.01
# Start of message (OSDP 2.2, 5.9.1); a reader's address has the highest bit set.
START_OF_MESSAGE, REPLY_FLAG = 0x53, 0x80
SEQUENCE = 0x03
MIN_FRAME_BYTES, MAX_FRAME_BYTES = 7, 1440
IDENTITY = {
    "version": 1,
    "model": 2,
    # The OUI 11-22-33: libosdp sends the lowest byte first.
    "vendor_code": 0x332211,
    "serial_number": 0x0A0B0C0D,
    "firmware_version": 0x010203,
}
CAPABILITIES = (
    (osdp_sys.CAP_CONTACT_STATUS_MONITORING, 1, 4),
    (osdp_sys.CAP_OUTPUT_CONTROL, 1, 2),
    (osdp_sys.CAP_CARD_DATA_FORMAT, 1, 1),
    (osdp_sys.CAP_READER_LED_CONTROL, 1, 1),
    (osdp_sys.CAP_READER_AUDIBLE_OUTPUT, 1, 1),
    (osdp_sys.CAP_CHECK_CHARACTER_SUPPORT, 1, 0),
    (osdp_sys.CAP_COMMUNICATION_SECURITY, 1, 1),
    (osdp_sys.CAP_READERS, 1, 1),
)
INPUTS = 4
_WIRE_KEYS = {"*": 0x7F, "#": 0x0D}
_NAMES = {
    osdp_sys.CMD_OUTPUT: "output",
    osdp_sys.CMD_LED: "led",
    osdp_sys.CMD_BUZZER: "buzzer",
    osdp_sys.CMD_KEYSET: "keyset",
    osdp_sys.CMD_STATUS: "status",
}


@dataclass
class Faults:
    """Faults to inject; `injected` counts those that have happened.

    `lose_answer_to` names an event whose answer gets lost, once; from `silent_after` on all is lost; `refuse` names one
    that is answered with a NAK; so many frames get `busy` in place of their answer.
    """

    silent: bool = False
    noise_before: bytes = b""
    replay: bool = False
    lose_answer_to: str | None = None
    silent_after: str | None = None
    refuse: str | None = None
    busy: int = 0
    injected: dict[str, int] = field(default_factory=dict)

    def count(self, what: str) -> None:
        """Note that it happened."""
        self.injected[what] = self.injected.get(what, 0) + 1


class ReaderUnit:
    """One reader: libosdp's PD; without a key it is in install mode and takes one."""

    id = 0

    def __init__(self, unit: int, key: bytes | None, log: EventLog) -> None:
        self.unit = unit
        self.key = key
        self.faults = Faults()
        self.inputs = [0] * INPUTS
        self._log = log
        self._line = bytearray()
        self._received = b""
        self._request = b""
        self._reply = b""
        self._answer = b""
        self._last = b""
        self._lose_next = False
        self.restart()

    def restart(self) -> None:
        """Start again as after a power cut, with the present key."""
        self._request = b""
        flags = osdp_sys.FLAG_ENFORCE_SECURE if self.key else osdp_sys.FLAG_INSTALL_MODE
        info = IDENTITY | {
            "name": f"sim{self.unit}",
            "address": self.unit,
            "flags": flags,
            "scbk": self.key,
            "channel": self,
        }
        able = [
            {"function_code": code, "compliance_level": level, "num_items": items}
            for code, level, items in CAPABILITIES
        ]
        osdp_sys.set_loglevel(osdp_sys.LOG_EMERG)
        self._device: Any = osdp_sys.PeripheralDevice(info, capabilities=able)
        self._device.set_command_callback(self._on_command)

    def receive(self, data: bytes) -> None:
        """Take bytes from the line."""
        self._line += data
        while frame := _cut_frame(self._line):
            self._take_frame(frame)

    def _take_frame(self, frame: bytes) -> None:
        ours = frame[1] == self.unit
        if ours and self.faults.busy:
            self.faults.busy -= 1
            self.faults.count("busy")
            self._answer += _busy(self.unit)
        elif ours and frame == self._request and frame[4] & SEQUENCE:
            # OSDP 2.2, 5.9: answered as before and not acted on again; libosdp would act again.
            self._answer += self._reply
        else:
            self._request = frame if ours else self._request
            self._received += frame

    def advance(self) -> bytes:
        """Return what the reader says now."""
        self._device.refresh()
        answer, self._answer = self._answer, b""
        if answer and not answer.endswith(_busy(self.unit)):
            self._reply = answer
        if not answer:
            return b""
        if self.faults.silent:
            self.faults.count("silent")
            return b""
        if self._lose_next:
            self._lose_next = False
            self.faults.count("lost_answer")
            return b""
        if self.faults.replay and self._last:
            self.faults.count("replay")
            answer = self._last + answer
        if self.faults.noise_before:
            self.faults.count("noise")
        self._last = answer[answer.rfind(bytes([START_OF_MESSAGE, REPLY_FLAG | self.unit])) :]
        return self.faults.noise_before + answer

    def submit(self, event: dict[str, Any]) -> None:
        """Tell the panel at its next poll."""
        self._device.submit_event(event)

    def card(self, data: bytes, bits: int) -> None:
        """Hold a card before it: `bits` bits, the first in the highest place."""
        self.submit(
            {
                "event": osdp_sys.EVENT_CARDREAD,
                "reader_no": 0,
                "format": osdp_sys.CARD_FMT_RAW_WIEGAND,
                "direction": 0,
                "length": bits,
                "data": data,
            }
        )

    def keys(self, text: str) -> None:
        """Press keys: 0-9, * and #."""
        data = bytes(_WIRE_KEYS.get(sign, ord(sign)) for sign in text)
        self.submit({"event": osdp_sys.EVENT_KEYPRESS, "reader_no": 0, "data": data})

    def tamper(self, on: bool, power: bool = False) -> None:
        """Open or close its housing."""
        report = bytes([on, power])
        self.submit({"event": osdp_sys.EVENT_STATUS, "type": osdp_sys.STATUS_REPORT_LOCAL, "report": report})

    def input(self, number: int, on: bool) -> None:
        """Change an input, counted from 1."""
        self.inputs[number - 1] = int(on)
        report = bytes(self.inputs)
        self.submit({"event": osdp_sys.EVENT_STATUS, "type": osdp_sys.STATUS_REPORT_INPUT, "report": report})

    def read(self, size: int) -> bytes:
        """Return bytes to libosdp."""
        given, self._received = self._received[:size], self._received[size:]
        return given

    def write(self, data: bytes) -> int:
        """Take bytes from libosdp."""
        self._answer += bytes(data)
        return len(data)

    def flush(self) -> None:
        """Do nothing: libosdp calls it, and nothing is pending here."""

    def _on_command(self, command: dict[str, Any]) -> tuple[int, None]:
        name = _NAMES.get(command["command"], str(command["command"]))
        shown = {key: value for key, value in command.items() if isinstance(value, int) and key != "command"}
        if name == self.faults.refuse:
            self.faults.count("refused")
            return -1, None
        if command["command"] == osdp_sys.CMD_KEYSET:
            self.key = bytes(command["data"])
        self._lose_next = self._lose_next or name == self.faults.lose_answer_to
        if self._lose_next:
            self.faults.lose_answer_to = None
        if name == self.faults.silent_after:
            self.faults.silent, self.faults.silent_after = True, None
        self._log.add(name, unit=self.unit, **shown)
        return 0, None


def _cut_frame(line: bytearray) -> bytes:
    """Take the first whole frame out of what has come; empty while there is none."""
    while line:
        size = int.from_bytes(line[2:4], "little")
        if line[0] != START_OF_MESSAGE or (len(line) >= 4 and not MIN_FRAME_BYTES <= size <= MAX_FRAME_BYTES):
            del line[0]
        elif len(line) < 4 or len(line) < size:
            return b""
        else:
            frame = bytes(line[:size])
            del line[:size]
            return frame
    return b""


def _busy(unit: int) -> bytes:
    """Return osdp_BUSY: sequence number 0, in clear, with a CRC."""
    body = bytes([START_OF_MESSAGE, REPLY_FLAG | unit, 8, 0, 0x04, 0x79])
    return body + crc_hqx(body, 0x1D0F).to_bytes(2, "little")


class _Readers:
    """All readers on the line, as a peer's brain."""

    def __init__(self, units: list[ReaderUnit]) -> None:
        self._units = units
        self._due = 0.0

    def receive(self, data: bytes, now: float) -> None:  # noqa: ARG002
        for unit in self._units:
            unit.receive(data)
        self._due = 0.0

    def advance(self, now: float) -> bytes:
        self._due = now + STEP_S
        return b"".join(unit.advance() for unit in self._units)

    def next_due(self) -> float | None:
        return self._due


class SimulatedReaders(Plugged):
    """Readers on one line; a context manager. Events: output, led, buzzer, keyset, status, each with its unit."""

    def __init__(
        self,
        keys: dict[int, bytes | None],
        link: Path | None = None,
        listen: str | None = None,
        *,
        on_event: Sink | None = None,
    ) -> None:
        self.events = EventLog(on_event)
        self.units = {unit: ReaderUnit(unit, key, self.events) for unit, key in keys.items()}
        super().__init__(TcpPort(listen) if listen else PtyPort(link), _Readers(list(self.units.values())))

    def do(self, act: Any) -> None:
        """Run `act` in the readers' thread: libosdp is for one thread."""
        self._peer.do(act)

    def set_key(self, unit: int, key: bytes | None) -> None:
        """Another key, as if the reader were another one."""

        def change() -> None:
            self.units[unit].key = key
            self.units[unit].restart()

        self.do(change)
