"""A Modbus master on a line of ours: one request, at most one answer, nothing repeated.

pymodbus encodes and checks; its clients are not used, because they hold ports without a lock, repeat requests
(a release must not be repeated) and drop a good answer that noise precedes.
"""

import struct
import time
from collections.abc import Callable, Iterator
from typing import NoReturn

from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.bit_message import ReadCoilsRequest, ReadDiscreteInputsRequest
from pymodbus.pdu.mei_message import ReadDeviceInformationRequest, ReadDeviceInformationResponse
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest, WriteMultipleRegistersRequest

from devicemgr.domain.model import JsonValue
from devicemgr.errors import DeviceError, DeviceRefused, DeviceUnreachable, NotYet, OutcomeUnknown
from drivers.common.serial.address import TcpAddress
from drivers.common.serial.echo import DueAnswers, EchoFinder
from drivers.common.serial.line import Line, NoAnswer, WriteStalled
from drivers.modbus_gate.bus import Bus
from drivers.modbus_gate.framing import MAX_RECEIVED_BYTES, Accepts
from drivers.modbus_gate.probe import hint_of_framer

WRITE_COIL, WRITE_REGISTER = 0x05, 0x06
# What a coil reads as after these values.
LEVELS = {0xFF00: True, 0x0000: False}
# How long an answer may take; and on a bus with others how long a unit may think, on top of the bytes' own time.
ANSWER_S, REACTION_S = 0.3, 0.06
# Bytes that frames add to a request and its answer: unit and CRC twice, the answer's function and count.
FRAMES = 8

EXCEPTIONS = {
    1: "illegal function",
    2: "illegal address",
    3: "illegal value",
    4: "device failure",
    5: "accepted, not done yet",
    6: "busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target silent",
}
# "Server busy": the request was not accepted, so nothing was done and it may be sent again (Modbus application
# protocol, 7), this often and for so long.
BUSY, BUSY_PAUSE_S, MAX_BUSY_S = 6, 0.05, 1.0
# After these the device may have done, or may yet do, what the request said (Modbus application protocol, 7).
UNSETTLED = {4, 5, 11}
# A read that meets one of these is as good as lost, and the next may be answered.
NOT_NOW = {5, 6, 10, 11}
# Frames are separated by 3.5 characters of silence, at least this long (Modbus over serial line, 2.5.1.1).
QUIET_CHARACTERS, QUIET_S = 3.5, 0.00175
# A line that babbles without end must not hold the caller.
MAX_LATE_READS = 16


class _Ambiguous(OutcomeUnknown):
    """An answer came that may not be this command's."""


class Master:
    """One unit on a bus. Reads raise NoAnswer or DeviceRefused; writes OutcomeUnknown once they have left.

    `timeout` is how long an answer may take; None is 0.3 s, but less for a reading on a bus with others, so that a unit
    that is dead costs them less than 0.1 s a turn. `pause` is the least time between an answer and the next request.
    """

    def __init__(self, bus: Bus, unit: int, timeout: float | None, pause: float = 0.0) -> None:
        self._bus = bus
        self._unit = unit
        self._timeout = timeout
        self._pause = pause
        self._due = DueAnswers()
        self._says = ""
        self._probed = False

    @property
    def name(self) -> str:
        """For messages: the line and the unit."""
        return f"unit {self._unit} at {self._bus.address}"

    def open(self) -> None:
        """Open the line; asks nothing."""
        self.close()
        self._probed = False
        self._bus.join(self)

    def close(self) -> None:
        """Let go of the line; never raises."""
        self._bus.leave(self)

    def trace(self) -> list[tuple[float, str, bytes]]:
        """Return the latest bytes of the whole line, those for other units too."""
        return self._bus.trace.entries()

    def read_registers(self, start: int, count: int) -> list[int]:
        """FC 3: `count` holding registers from `start`."""
        answer = self._read(_pdu(ReadHoldingRegistersRequest(address=start, count=count)), 2 * count)
        return list(struct.unpack(f">{count}H", answer))

    def read_register(self, address: int) -> int:
        """FC 3: one holding register; LOT's own emulator answers some with one byte."""
        pdu = _pdu(ReadHoldingRegistersRequest(address=address, count=1))
        sizes = (b"\x03\x02", b"\x03\x01")
        answer = self._ask(pdu, lambda found: found[:2] in sizes and len(found) == found[1] + 2, 2)
        return int.from_bytes(answer[2:], "big")

    def read_bytes(self, start: int, count: int) -> bytes:
        """FC 3: `count` bytes of the registers from `start`, high bytes first.

        LOT's own emulator answers with exactly so many; firmware that answers one register a request is read so.
        """
        registers = (count + 1) // 2
        pdu = _pdu(ReadHoldingRegistersRequest(address=start, count=registers))
        sizes = {2 * registers, count, 2}
        answer = self._ask(pdu, lambda found: found[0] == 3 and found[1] in sizes and len(found) == found[1] + 2)
        data = answer[2:]
        if len(data) < count:
            rest = [self.read_register(start + offset) for offset in range(1, registers)]
            data += struct.pack(f">{len(rest)}H", *rest)
        return data[:count]

    def read_coils(self, start: int, count: int) -> list[bool]:
        """FC 1: `count` relays from `start`."""
        return _bits(self._read(_pdu(ReadCoilsRequest(address=start, count=count)), (count + 7) // 8), count)

    def read_inputs(self, start: int, count: int) -> list[bool]:
        """FC 2: `count` discrete inputs from `start`."""
        return _bits(self._read(_pdu(ReadDiscreteInputsRequest(address=start, count=count)), (count + 7) // 8), count)

    def identify(self) -> dict[int, str]:
        """FC 43/14: 0 vendor, 1 product, 2 revision, as far as reported."""
        pdu = _pdu(ReadDeviceInformationRequest())
        answer = self._ask(pdu, lambda found: found[:2] == pdu[:2] and len(found) >= 7)
        reported = ReadDeviceInformationResponse()
        try:
            reported.decode(answer[1:])
        except struct.error as error:
            raise NoAnswer(f"{self.name} identifies itself in a garbled way; check the wiring") from error
        return {
            key: raw.decode("utf-8", "replace") for key, raw in reported.information.items() if isinstance(raw, bytes)
        }

    def write_registers(self, start: int, values: list[int], *, may_repeat: bool = True) -> None:
        """FC 16. Its answer differs from the request, so an adapter that echoes confirms nothing.

        Sent once, and with `may_repeat` again while the device answers that it is busy; else that is NotYet.
        """
        pdu = _pdu(WriteMultipleRegistersRequest(address=start, registers=values))
        self._command(pdu, pdu[:5], may_repeat=may_repeat)

    def write_coil(self, coil: int, value: int, *, may_repeat: bool = True) -> None:
        """FC 5 with any `value` (0xFF00 on, 0 off; boards with flash relays take 100 ms ticks), sent as registers are.

        Its answer equals the request. One that may be an echo, or the answer to an earlier command, proves nothing;
        then a coil that was switched on or off is read back.
        """
        is_so = (lambda: self.read_coils(coil, 1) == [LEVELS[value]]) if value in LEVELS else None
        self._mirrored(struct.pack(">BHH", WRITE_COIL, coil, value), is_so, may_repeat=may_repeat)

    def write_register(
        self, register: int, value: int, *, reads_as: int | None = None, may_repeat: bool = True
    ) -> None:
        """FC 6. Its answer equals the request too; `reads_as` is what then proves it, None for what can't be read."""
        is_so = (lambda: self.read_register(register) == reads_as) if reads_as is not None else None
        self._mirrored(struct.pack(">BHH", WRITE_REGISTER, register, value), is_so, may_repeat=may_repeat)

    def _mirrored(self, pdu: bytes, is_so: Callable[[], bool] | None, *, may_repeat: bool) -> None:
        try:
            self._command(pdu, pdu, may_repeat=may_repeat)
        except _Ambiguous:
            if is_so is None or not _holds(is_so):
                raise
            self._due.settle(pdu)

    def warnings(self) -> dict[str, JsonValue]:
        """Return what `device test` adds about the line."""
        found: list[str] = []
        if self._bus.echo.seen:
            found.append(
                "this line echoes: the adapter or serial server repeats what is sent. Commands are confirmed only by a "
                "second copy or by reading back; switch the echo off (receiver off while sending)"
            )
        if self._says:
            found.append(f"the serial server sends more than data{self._says}")
        return {"warning": "; ".join(found)} if found else {}

    def _read(self, pdu: bytes, size: int) -> bytes:
        return self._ask(pdu, lambda found: found[:2] == bytes([pdu[0], size]) and len(found) == size + 2, size)[2:]

    def _ask(self, pdu: bytes, accepts: Accepts, size: int | None = None) -> bytes:
        until = time.monotonic() + MAX_BUSY_S
        while True:
            answer = self._ask_once(pdu, accepts, size)
            if not answer[0] & 0x80:
                return answer
            if answer[1] != BUSY or time.monotonic() >= until:
                kind = NoAnswer if answer[1] in NOT_NOW else DeviceRefused
                raise kind(f"{self.name} refuses: {_exception(answer)}; check profile, unit and wiring")
            time.sleep(BUSY_PAUSE_S)

    def _ask_once(self, pdu: bytes, accepts: Accepts, size: int | None) -> bytes:
        try:
            return self._exchange(pdu, accepts, size)
        except DeviceUnreachable:
            address = self._bus.address
            if self._bus.has_answered or self._probed or not isinstance(address, TcpAddress):
                raise
            self._probed = True
            self._bus.leave(self)  # some devices take one connection at a time
            hint = hint_of_framer(address, self._bus.framing, self._unit, pdu)
            self._bus.join(self)
            if hint:
                raise DeviceRefused(hint) from None
            raise

    def _exchange(self, pdu: bytes, accepts: Accepts, size: int | None) -> bytes:
        with self._bus.turn(self, urgent=False) as line:
            seconds = self._reading_seconds(line, pdu, size)
            echo = self._send(line, pdu)
            answer = next(self._hear(line, pdu, accepts, seconds, echo), None)
            if answer is not None or echo.found:
                self._bus.echo.note(echo.found)
            self._says = line.says()
        if answer is None:
            raise NoAnswer(
                f"{_silence(echo)} from {self.name} in {seconds:.2g} s{self._says}; "
                "check power, wiring (A/B), baudrate and unit",
                noise=echo.any_bytes,
            )
        self._bus.has_answered = True
        return answer

    def _reading_seconds(self, line: Line, pdu: bytes, size: int | None) -> float:
        if self._timeout is not None or size is None or not self._bus.shared:
            return self._timeout or ANSWER_S
        return min(ANSWER_S, REACTION_S + (len(pdu) + size + FRAMES) * line.character_seconds)

    def _command(self, pdu: bytes, expected: bytes, *, may_repeat: bool) -> None:
        until = time.monotonic() + (MAX_BUSY_S if may_repeat else 0.0)
        while True:
            try:
                self._command_once(pdu, expected)
            except NotYet:
                if time.monotonic() >= until:
                    raise
                time.sleep(BUSY_PAUSE_S)
            else:
                return

    def _command_once(self, pdu: bytes, expected: bytes) -> None:
        """Send it once; _Ambiguous if what came may be its own echo, or the late answer to an earlier command."""
        unknown = f"{self.name} did not confirm; the command may or may not have been carried out"
        with self._bus.turn(self, urgent=True) as line:
            echoes = expected == pdu and self._bus.echo.seen is not False
            try:
                echo = self._send(line, pdu)
            except WriteStalled as error:
                self._due.expect(expected)
                raise OutcomeUnknown(unknown) from error
            self._due.expect(expected)
            try:
                came, refusal = self._collect(line, pdu, expected, echo, echoes=echoes)
            except DeviceError as error:
                raise OutcomeUnknown(unknown) from error
        if refusal is not None:
            self._raise_refusal(refusal, expected, unknown)
        if came and self._due.count(expected):
            why = "the line repeats what is sent, and no answer followed" if echoes else "an earlier answer was due too"
            raise _Ambiguous(f"{unknown}: {why}")
        if not came:
            raise OutcomeUnknown(unknown)

    def _collect(
        self, line: Line, pdu: bytes, expected: bytes, echo: EchoFinder, *, echoes: bool
    ) -> tuple[int, bytes | None]:
        """Count the answers until none is due any more, the time is up, or a refusal comes (the second result)."""
        came = 0
        answers = self._hear(line, pdu, lambda found: found == expected, self._timeout or ANSWER_S, echo)
        for answer in answers:
            if answer != expected:
                return came, answer
            came += 1
            if came > echoes:
                self._due.settle(expected)
            if not self._due.count(expected):
                break
        return came, None

    def _raise_refusal(self, refusal: bytes, expected: bytes, unknown: str) -> NoReturn:
        if self._due.count_of_function(expected[0]) > 1:
            raise OutcomeUnknown(f"{unknown}: it refused this command or the one before ({_exception(refusal)})")
        self._due.settle(expected)
        if refusal[1] in UNSETTLED:
            raise OutcomeUnknown(f"{unknown} ({_exception(refusal)})")
        if refusal[1] == BUSY:
            raise NotYet(f"{self.name} is busy and did nothing ({_exception(refusal)}); try again")
        raise DeviceRefused(f"{self.name} refuses the command: {_exception(refusal)}; check profile and unit")

    def _send(self, line: Line, pdu: bytes) -> EchoFinder:
        quiet = max(QUIET_S, QUIET_CHARACTERS * line.character_seconds, self._pause)
        time.sleep(max(0.0, self._bus.quiet_from + quiet - time.monotonic()))
        if self._bus.framing.numbers_answers:
            self._due.forget()
        self._drain(line)
        frame = self._bus.framing.encode(pdu, self._unit)
        line.write(frame)
        return EchoFinder(frame)

    def _drain(self, line: Line) -> None:
        """Drop what has come since: a late answer to an earlier request must not count for this one."""
        if not self._due:
            line.discard()
            return
        received = bytearray()
        for _ in range(MAX_LATE_READS):
            more = line.read(MAX_RECEIVED_BYTES, 0)
            if not more:
                return
            received += more
            self._bus.framing.find(received, self._unit, self._passes_by)
        line.discard()

    def _passes_by(self, pdu: bytes) -> bool:
        self._due.settle(pdu)
        return False

    def _hear(self, line: Line, pdu: bytes, accepts: Accepts, seconds: float, echo: EchoFinder) -> Iterator[bytes]:
        """Yield the answers that fit, or refuse, for so many seconds."""
        deadline = time.monotonic() + seconds
        refusal = pdu[0] | 0x80

        def fits(found: bytes) -> bool:
            return accepts(found) or _is_refusal(found, refusal) or self._passes_by(found)

        received = bytearray()
        while (left := deadline - time.monotonic()) > 0:
            more = line.read(MAX_RECEIVED_BYTES, left)
            received += more
            echo.note(more)
            self._bus.quiet_from = time.monotonic()
            while (found := self._bus.framing.find(received, self._unit, fits)) is not None:
                yield found


def _holds(is_so: Callable[[], bool]) -> bool:
    try:
        return is_so()
    except DeviceError:
        return False


def _pdu(request: ModbusPDU) -> bytes:
    return bytes([request.function_code]) + bytes(request.encode())


def _bits(data: bytes, count: int) -> list[bool]:
    return [bool(data[bit // 8] >> bit % 8 & 1) for bit in range(count)]


def _is_refusal(pdu: bytes, code: int) -> bool:
    return len(pdu) == 2 and pdu[0] == code


def _exception(pdu: bytes) -> str:
    return f"{EXCEPTIONS.get(pdu[1], 'unknown')} (exception {pdu[1]})"


def _silence(echo: EchoFinder) -> str:
    if echo.found:
        return "only our own bytes came back (the line echoes), and no answer"
    return "only noise or answers of others" if echo.any_bytes else "no answer"
