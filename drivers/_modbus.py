"""A Modbus master on a line of ours: one request, at most one answer, nothing repeated.

pymodbus encodes and checks; its clients are not used, because they hold ports without a lock, repeat requests
(a release must not be repeated) and drop a good answer that noise precedes.
"""

import struct
import time
from collections.abc import Callable
from typing import Protocol

from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU, ModbusPDU
from pymodbus.pdu.bit_message import ReadCoilsRequest, ReadDiscreteInputsRequest
from pymodbus.pdu.mei_message import ReadDeviceInformationRequest, ReadDeviceInformationResponse
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest, WriteMultipleRegistersRequest

from devicemgr.errors import DeviceError, DeviceRefused, DeviceUnreachable, OutcomeUnknown
from drivers._address import SerialAddress, TcpAddress
from drivers._line import Line, NoAnswer, WriteStalled
from drivers._serial import open_line

MOST_HEARD = 512
WRITE_COIL = 0x05

EXCEPTIONS = {
    1: "illegal function", 2: "illegal address", 3: "illegal value", 4: "device failure", 5: "accepted, not done yet",
    6: "busy", 8: "memory parity error", 10: "gateway path unavailable", 11: "gateway target silent",
}  # fmt: skip
# After these the device may have done, or may yet do, what it was told (Modbus application protocol, 7).
UNSETTLED = {4, 5, 11}
# A read that meets one of these is as good as lost, and the next may be answered.
NOT_NOW = {5, 6, 10, 11}
# Frames are told apart by 3.5 characters of silence, at least this long (Modbus over serial line, 2.5.1.1).
QUIET_CHARACTERS, QUIET_SECONDS = 3.5, 0.00175

Accepts = Callable[[bytes], bool]


class Framing(Protocol):
    """How a PDU travels."""

    def encode(self, pdu: bytes, unit: int) -> bytes:
        """The bytes of a request."""

    def find(self, heard: bytes, unit: int, accepts: Accepts) -> bytes | None:
        """The first PDU in `heard` from `unit` that `accepts` takes."""


def find_rtu_frame(heard: bytes, unit: int, decoder: DecodePDU) -> tuple[int, int] | None:
    """Where the first whole frame of `unit` with a good CRC begins and ends; noise before it is passed over."""
    for start in range(len(heard) - FramerRTU.MIN_SIZE + 1):
        if heard[start] != unit:
            continue
        rest = heard[start : start + FramerRTU(decoder).MAX_SIZE]
        pdu_class = decoder.lookupPduClass(rest)
        size = pdu_class.calculateRtuFrameSize(rest) if pdu_class else 0
        if FramerRTU.MIN_SIZE <= size <= len(rest):
            crc = int.from_bytes(rest[size - 2 : size], "big")
            if FramerRTU.check_CRC(rest[: size - 2], crc):
                return start, start + size
    return None


class RtuFraming:
    """Modbus RTU: unit, PDU, CRC."""

    def __init__(self) -> None:
        self._decoder = DecodePDU(is_server=False)

    def encode(self, pdu: bytes, unit: int) -> bytes:
        return bytes(FramerRTU(self._decoder).encode(pdu, unit, 0))

    def find(self, heard: bytes, unit: int, accepts: Accepts) -> bytes | None:
        while place := find_rtu_frame(heard, unit, self._decoder):
            start, end = place
            pdu = heard[start + 1 : end - 2]
            if accepts(pdu):
                return pdu
            heard = heard[end:]
        return None


class TcpFraming:
    """Modbus TCP: a header with a transaction number in place of the CRC."""

    def __init__(self) -> None:
        self._framer = FramerSocket(DecodePDU(is_server=False))
        self._transaction = 0

    def encode(self, pdu: bytes, unit: int) -> bytes:
        self._transaction = self._transaction % 0xFFFF + 1
        return bytes(self._framer.encode(pdu, unit, self._transaction))

    def find(self, heard: bytes, unit: int, accepts: Accepts) -> bytes | None:
        while len(heard) > self._framer.MIN_SIZE:
            used, from_unit, transaction, pdu = self._framer.decode(heard)
            if not used:
                return None
            if (from_unit, transaction) == (unit, self._transaction) and accepts(pdu):
                return bytes(pdu)
            heard = heard[used:]
        return None


class Master:
    """One unit behind one line. Reads raise NoAnswer or DeviceRefused; writes OutcomeUnknown once they have left."""

    def __init__(self, address: SerialAddress | TcpAddress, unit: int, timeout: float, framing: Framing) -> None:
        self._address = address
        self._unit = unit
        self._timeout = timeout
        self._framing = framing
        self._line: Line | None = None
        self._quiet_from = 0.0

    @property
    def name(self) -> str:
        """For messages: the line and the unit."""
        return f"unit {self._unit} at {self._address}"

    def open(self) -> None:
        """Open the line; asks nothing."""
        self.close()
        self._line = open_line(self._address)

    def close(self) -> None:
        """Let go of the line; never raises."""
        line, self._line = self._line, None
        if line is not None:
            line.close()

    def read_registers(self, start: int, count: int) -> list[int]:
        """FC 3: `count` holding registers from `start`."""
        answer = self._read(_pdu(ReadHoldingRegistersRequest(address=start, count=count)), 2 * count)
        return list(struct.unpack(f">{count}H", answer))

    def read_coils(self, start: int, count: int) -> list[bool]:
        """FC 1: `count` relays from `start`."""
        return _bits(self._read(_pdu(ReadCoilsRequest(address=start, count=count)), (count + 7) // 8), count)

    def read_inputs(self, start: int, count: int) -> list[bool]:
        """FC 2: `count` discrete inputs from `start`."""
        return _bits(self._read(_pdu(ReadDiscreteInputsRequest(address=start, count=count)), (count + 7) // 8), count)

    def identify(self) -> dict[int, str]:
        """FC 43/14: 0 vendor, 1 product, 2 revision, as far as told."""
        pdu = _pdu(ReadDeviceInformationRequest())
        answer = self._ask(pdu, lambda found: found[:2] == pdu[:2] and len(found) >= 7)
        told = ReadDeviceInformationResponse()
        try:
            told.decode(answer[1:])
        except struct.error as error:
            raise NoAnswer(f"{self.name} identifies itself in a garbled way; check the wiring") from error
        return {key: raw.decode("utf-8", "replace") for key, raw in told.information.items() if isinstance(raw, bytes)}

    def write_registers(self, start: int, values: list[int]) -> None:
        """FC 16, sent once. Its answer differs from the request, so an adapter that echoes confirms nothing."""
        pdu = _pdu(WriteMultipleRegistersRequest(address=start, registers=values))
        self._command(pdu, lambda found: found == pdu[:5])

    def write_coil(self, coil: int, value: int) -> None:
        """FC 5 with any `value` (0xFF00 on, 0 off; boards with flash relays take 100 ms ticks), sent once."""
        pdu = struct.pack(">BHH", WRITE_COIL, coil, value)
        self._command(pdu, lambda found: found == pdu)

    def _read(self, pdu: bytes, size: int) -> bytes:
        return self._ask(pdu, lambda found: found[:2] == bytes([pdu[0], size]) and len(found) == size + 2)[2:]

    def _ask(self, pdu: bytes, accepts: Accepts) -> bytes:
        self._send(pdu)
        answer = self._hear(pdu, accepts)
        if answer[0] & 0x80:
            kind = NoAnswer if answer[1] in NOT_NOW else DeviceRefused
            raise kind(f"{self.name} refuses: {_exception(answer)}; check profile, unit and wiring")
        return answer

    def _command(self, pdu: bytes, accepts: Accepts) -> None:
        unknown = f"{self.name} did not confirm; the command may or may not have been carried out"
        try:
            self._send(pdu)
        except WriteStalled as error:
            raise OutcomeUnknown(unknown) from error
        try:
            answer = self._hear(pdu, accepts)
        except DeviceError as error:
            raise OutcomeUnknown(unknown) from error
        if answer[0] & 0x80:
            if answer[1] in UNSETTLED:
                raise OutcomeUnknown(f"{unknown} ({_exception(answer)})")
            raise DeviceRefused(f"{self.name} refuses the command: {_exception(answer)}; check profile and unit")

    def _send(self, pdu: bytes) -> None:
        if self._line is None:
            raise DeviceUnreachable(f"{self.name} is not open; open it first")
        quiet = max(QUIET_SECONDS, QUIET_CHARACTERS * self._line.character_seconds)
        time.sleep(max(0.0, self._quiet_from + quiet - time.monotonic()))
        # A late answer to an earlier request must not be taken for the answer to this one.
        self._line.discard()
        self._line.write(self._framing.encode(pdu, self._unit))

    def _hear(self, pdu: bytes, accepts: Accepts) -> bytes:
        assert self._line is not None
        deadline = time.monotonic() + self._timeout
        refusal = pdu[0] | 0x80
        heard = b""
        while (left := deadline - time.monotonic()) > 0:
            heard = (heard + self._line.read(MOST_HEARD, left))[-MOST_HEARD:]
            self._quiet_from = time.monotonic()
            found = self._framing.find(heard, self._unit, lambda pdu: accepts(pdu) or _is_refusal(pdu, refusal))
            if found is not None:
                return found
        silence = "only noise or answers of others" if heard else "no answer"
        raise NoAnswer(
            f"{silence} from {self.name} in {self._timeout:g} s; check power, wiring (A/B), baudrate and unit"
        )


def _pdu(request: ModbusPDU) -> bytes:
    return bytes([request.function_code]) + bytes(request.encode())


def _bits(data: bytes, count: int) -> list[bool]:
    return [bool(data[bit // 8] >> bit % 8 & 1) for bit in range(count)]


def _is_refusal(pdu: bytes, code: int) -> bool:
    return len(pdu) == 2 and pdu[0] == code


def _exception(pdu: bytes) -> str:
    return f"{EXCEPTIONS.get(pdu[1], 'unknown')} (exception {pdu[1]})"
