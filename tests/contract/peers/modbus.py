"""Modbus RTU units: a relay board and a LOT turnstile.

Frames, functions and exceptions: Modbus application protocol 1.1b3, 6 and 7; Modbus over serial line 1.02.
"""

import struct

from tests.contract.peers.base import COMMAND, READING, UNKNOWN, UNSEEN, Unknown
from tests.contract.peers.serial_line import SerialPeer

BUSY, ILLEGAL_FUNCTION, ILLEGAL_ADDRESS = 6, 1, 2


def crc16(data: bytes) -> bytes:
    """Return the CRC of a frame, low byte first; the document's `02 07` has 41 12."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0xA001 if crc & 1 else 0)
    return crc.to_bytes(2, "little")


class ModbusPeer(SerialPeer):
    """One unit; `act` returns an answer's PDU, or an exception's number."""

    unit = 1

    def cut(self, received: bytes) -> int:
        if received[0] != self.unit:
            return -1
        if len(received) < 7:
            return 0
        size = {15: 9 + received[6], 16: 9 + received[6], 43: 7}.get(received[1], 8)
        if len(received) < size:
            return 0
        return size if crc16(received[: size - 2]) == received[size - 2 : size] else -1

    def answer(self, request: bytes) -> bytes:
        pdu = request[1:-2]
        rule = self.rule_of(pdu)
        found: bytes | int = BUSY if rule and self.is_busy_for(rule) else self.act(pdu)
        if isinstance(found, int):
            found = bytes([pdu[0] | 0x80, found])
        elif rule == COMMAND:
            self.opened += 1
        body = bytes([self.unit]) + found
        return body + crc16(body)

    def rule_of(self, pdu: bytes) -> str:
        """Return whether it is a reading or a release."""
        raise NotImplementedError

    def act(self, pdu: bytes) -> bytes | int:
        """Carry it out."""
        raise NotImplementedError


class ModbusRelayPeer(ModbusPeer):
    """A board of 8 relays and 8 inputs that times pulses itself: FC05 at 0x0200, ticks of 100 ms (Waveshare's wiki)."""

    options = {"profile": "relay", "relay_entry": 1, "relay_exit": 1}
    unseen = {"fire_input": 9}
    missing, reported = "input 9", "only 1, 2, 3, 4, 5, 6, 7, 8;"
    without = {UNKNOWN: "a relay board has coils and inputs, and no event codes"}

    def __init__(self) -> None:
        self._coils = [False] * 8
        super().__init__()

    def rule_of(self, pdu: bytes) -> str:
        if pdu[0] in (1, 2):
            return READING
        return COMMAND if pdu[0] == 5 and pdu[1] == 2 else ""

    def act(self, pdu: bytes) -> bytes | int:
        start, value = struct.unpack_from(">HH", pdu, 1)
        if pdu[0] in (1, 2):
            if not 1 <= value <= 8 - start:
                return ILLEGAL_ADDRESS
            levels = self._coils if pdu[0] == 1 else [False] * 8
            bits = sum(level << place for place, level in enumerate(levels[start : start + value]))
            return bytes([pdu[0], 1, bits])
        if pdu[0] != 5:
            return ILLEGAL_FUNCTION
        if start < 8:
            self._coils[start] = value == 0xFF00
        return pdu if start < 8 or 0x200 <= start < 0x208 else ILLEGAL_ADDRESS


class LotPeer(ModbusPeer):
    """A LOT turnstile: registers of "Описание регистров SDK" (lotltd/TurnstileModbusSDK), time-outs in seconds."""

    options = {"profile": "lot"}
    without = {UNSEEN: "no option names an input: its registers are at fixed addresses"}

    def __init__(self) -> None:
        self._registers = dict.fromkeys(range(0x40, 0x49), 0) | {0x2000: 0, 0x3000: 0, 0x3001: 0, 0x3010: 0}
        self._registers |= {0x3011: 7, 0x3012: 7}
        super().__init__()

    def rule_of(self, pdu: bytes) -> str:
        if pdu[0] == 3:
            return READING
        return COMMAND if pdu[0] == 16 and pdu[1] == 0 and pdu[2] in (0x40, 0x41) and pdu[-2:] != b"\0\0" else ""

    def act(self, pdu: bytes) -> bytes | int:
        if pdu[0] == 43:
            texts = (b"LOT", b"TTR", b"3.12")
            parts = b"".join(bytes([number, len(text)]) + text for number, text in enumerate(texts))
            return bytes([43, 14, 1, 1, 0, 0, len(texts)]) + parts
        start, count = struct.unpack_from(">HH", pdu, 1)
        places = range(start, start + count)
        if pdu[0] not in (3, 16):
            return ILLEGAL_FUNCTION
        if any(place not in self._registers for place in places):
            return ILLEGAL_ADDRESS
        if pdu[0] == 3:
            return bytes([3, 2 * count]) + struct.pack(f">{count}H", *(self._registers[place] for place in places))
        for place, value in zip(places, struct.unpack_from(f">{count}H", pdu, 6), strict=True):
            self._registers[place] = value
        return pdu[:5]

    def send_unknown(self) -> list[Unknown]:
        """Bit 11 of the error register, which no page of the description explains."""
        self._registers[0x48] = 1 << 11
        return [Unknown("0x0800")]
