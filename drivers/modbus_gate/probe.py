"""Find out whether a device on TCP speaks the other kind of Modbus frames than it was set up for."""

import time

from devicemgr.errors import DeviceError
from drivers.common.serial.address import TcpAddress
from drivers.common.serial.port import open_line
from drivers.modbus_gate.framing import MAX_RECEIVED_BYTES, Framing, RtuFraming, TcpFraming

PROBE_S, PAUSE_S = 0.5, 0.05


def hint_of_framer(address: TcpAddress, used: Framing, unit: int, pdu: bytes) -> str:
    """Ask a reading once more on a connection of its own, in the other framing; return what to do, or ""."""
    other: Framing = RtuFraming() if isinstance(used, TcpFraming) else TcpFraming()
    if not _answers(address, other, unit, pdu):
        return ""
    if isinstance(other, TcpFraming):
        return f"{address} answers in Modbus TCP, not in RTU frames: set the option framer=tcp"
    return f"{address} passes RTU frames through, and is no Modbus TCP device: set the option framer=rtu"


def _answers(address: TcpAddress, framing: Framing, unit: int, pdu: bytes) -> bool:
    """Try again after a hang-up: a device may not have noticed yet that the last connection has ended."""
    until = time.monotonic() + PROBE_S
    while time.monotonic() < until:
        if _answers_on_one(address, framing, unit, pdu, until):
            return True
        time.sleep(min(PAUSE_S, max(0.0, until - time.monotonic())))
    return False


def _answers_on_one(address: TcpAddress, framing: Framing, unit: int, pdu: bytes, until: float) -> bool:
    received = bytearray()
    try:
        line = open_line(address)
    except DeviceError:
        return False
    try:
        line.write(framing.encode(pdu, unit))
        while (left := until - time.monotonic()) > 0:
            received += line.read(MAX_RECEIVED_BYTES, left)
            # Its own bytes that come back are no answer; a refusal is.
            found = framing.find(received, unit, lambda found: found != pdu and found[0] & 0x7F == pdu[0])
            if found is not None:
                return True
    except DeviceError:
        return False
    finally:
        line.close()
    return False
