"""Modbus RTU frames as a unit receives and sends them, apart from the master's framing in drivers/modbus_gate.

Sources: MODBUS Application Protocol V1.1b3 (sizes of requests), MODBUS over Serial Line V1.02, 6.2.2 (CRC-16).
"""

from collections.abc import Callable

from drivers.common.serial.framing import GARBAGE, MORE

MAX_RECEIVED_BYTES = 512
_MAX_FRAME_BYTES = 256
# By function: the whole request's size, or where its count of data bytes is and what to add to it.
_FIXED_BYTES = {0x01: 8, 0x02: 8, 0x03: 8, 0x04: 8, 0x05: 8, 0x06: 8, 0x2B: 7}
_COUNTED = {0x0F, 0x10}
_COUNT_AT, _AROUND_DATA_BYTES = 6, 9


def crc(data: bytes) -> bytes:
    """Return the CRC-16 of `data` in the order in which it travels, low byte first."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value.to_bytes(2, "little")


def frame(pdu: bytes, unit: int) -> bytes:
    """Return a whole frame: unit, PDU, CRC."""
    body = bytes([unit]) + pdu
    return body + crc(body)


def measure_requests(unit: int) -> Callable[[bytes], int]:
    """Return a measure for `serial.framing.cut` that finds the requests to `unit`."""

    def measure(received: bytes) -> int:
        if received[0] != unit:
            return GARBAGE
        if len(received) < 2:
            return MORE
        size = _FIXED_BYTES.get(received[1], GARBAGE)
        if received[1] in _COUNTED:
            if len(received) <= _COUNT_AT:
                return MORE
            size = received[_COUNT_AT] + _AROUND_DATA_BYTES
        if size == GARBAGE or size > _MAX_FRAME_BYTES:
            return GARBAGE
        if size > len(received):
            return MORE
        return size if crc(received[: size - 2]) == received[size - 2 : size] else GARBAGE

    return measure
