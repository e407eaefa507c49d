"""Simulated relay boards whose relays are holding registers, written from what public programs send to such boards."""

import struct

from drivers.sim.gates.modbus_unit import ILLEGAL_ADDRESS, ILLEGAL_VALUE, Handler, Refusal
from drivers.sim.gates.relay_states import Relays

# An R421A08: command in the high byte, seconds in the low one (Erriez/R421A08-rs485-8ch-relay-board, R421A08.py).
CMD_ON, CMD_OFF, CMD_TOGGLE, CMD_DELAY = 1, 2, 3, 6
INPUTS_FROM = 0x80
# An OVEN MU110: output N - 1, thousandths of the time on.
FULL = 1000


def eletechsup_handlers(relays: Relays) -> dict[int, Handler]:
    """Handle functions 3, one register at a time, and 6; the board itself ends a delay."""

    def read(pdu: bytes, _: float) -> bytes:
        register, count = struct.unpack(">HH", pdu[1:5])
        states = relays.on | {INPUTS_FROM + number: state for number, state in relays.inputs.items()}
        if register not in states or count != 1:
            raise Refusal(ILLEGAL_ADDRESS)
        return bytes([pdu[0], 2, 0, states[register]])

    def write(pdu: bytes, now: float) -> bytes:
        relay, command, seconds = struct.unpack(">HBB", pdu[1:5])
        if relay not in relays.on:
            raise Refusal(ILLEGAL_ADDRESS)
        if command == CMD_DELAY:
            relays.switch(relay, True, now + seconds)
        elif command in {CMD_ON, CMD_OFF, CMD_TOGGLE}:
            relays.switch(relay, command == CMD_ON or (command == CMD_TOGGLE and not relays.on[relay]))
        else:
            raise Refusal(ILLEGAL_VALUE)
        return pdu

    return {0x03: read, 0x06: write}


def oven_handlers(relays: Relays) -> dict[int, Handler]:
    """Handle functions 3 and 16."""

    def read(pdu: bytes, _: float) -> bytes:
        first, count = struct.unpack(">HH", pdu[1:5])
        if not 1 <= count <= len(relays.on) - first:
            raise Refusal(ILLEGAL_ADDRESS)
        values = [FULL * relays.on[first + 1 + offset] for offset in range(count)]
        return struct.pack(f">BB{count}H", pdu[0], 2 * count, *values)

    def write(pdu: bytes, _: float) -> bytes:
        first, count = struct.unpack(">HH", pdu[1:5])
        values = struct.unpack(f">{count}H", pdu[6:])
        if not 1 <= count <= len(relays.on) - first:
            raise Refusal(ILLEGAL_ADDRESS)
        if any(value > FULL for value in values):
            raise Refusal(ILLEGAL_VALUE)
        for relay, value in enumerate(values, first + 1):
            relays.switch(relay, value > 0)
        return pdu[:5]

    return {0x03: read, 0x10: write}
