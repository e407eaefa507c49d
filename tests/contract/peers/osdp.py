"""An OSDP reader in clear: SIA OSDP 2.2 (IEC 60839-11-5), frames of 5.9, commands and replies of annex A and B."""

from binascii import crc_hqx

from tests.contract.peers.base import COMMAND, READING, Unknown
from tests.contract.peers.serial_line import SerialPeer

POLL, ID, CAP, LSTAT, ISTAT, OSTAT, OUT = 0x60, 0x61, 0x62, 0x64, 0x65, 0x66, 0x68
ACK, PDID, PDCAP, LSTATR, ISTATR, OSTATR, BUSY = 0x40, 0x45, 0x46, 0x48, 0x49, 0x4A, 0x79
TIMED_ON = 5


class OsdpPeer(SerialPeer):
    """Unit 3 with one output and two inputs. BUSY has sequence number 0 and leaves the session's number as it was."""

    options = {"unit": 3, "secure": "off", "door_input": 1}
    unseen = {"rex_input": 5}
    missing, reported = "input 5", "1, 2"

    def __init__(self) -> None:
        self._due: list[tuple[int, bytes]] = []
        self._last = (-1, b"", b"")
        super().__init__()

    def cut(self, received: bytes) -> int:
        if received[0] != 0x53:
            return -1
        if len(received) < 4:
            return 0
        size = int.from_bytes(received[2:4], "little")
        if not 7 <= size <= 256:
            return -1
        return size if len(received) >= size else 0

    def answer(self, request: bytes) -> bytes:
        if request[1] & 0x7F != 3:
            return b""
        number, has_crc = request[4] & 3, bool(request[4] & 4)
        body = request[5 : -2 if has_crc else -1]
        if number == 0:
            self.sessions += 1
            self._last = (-1, b"", b"")
        if number and number == self._last[0] and request == self._last[1]:
            return self._last[2]  # 5.9: a repeated frame is answered again, and not carried out twice
        rule = COMMAND if body[0] == OUT and body[2:3] == bytes([TIMED_ON]) else READING
        if number and self.is_busy_for(rule):
            return self._frame(0, BUSY, b"", has_crc)
        code, data = self._act(body[0], body[1:])
        self._last = (number, request, self._frame(number, code, data, has_crc))
        return self._last[2]

    @staticmethod
    def _frame(number: int, code: int, data: bytes, has_crc: bool) -> bytes:
        size = 6 + len(data) + (2 if has_crc else 1)
        body = bytes([0x53, 0x83]) + size.to_bytes(2, "little") + bytes([number | 4 * has_crc, code]) + data
        check = crc_hqx(body, 0x1D0F).to_bytes(2, "little") if has_crc else bytes([-sum(body) & 0xFF])
        return body + check

    def _act(self, command: int, data: bytes) -> tuple[int, bytes]:
        if command == ID:
            return PDID, bytes.fromhex("00 0a 27 01 02") + (4711).to_bytes(4, "little") + bytes([1, 4, 0])
        if command == CAP:
            # Function, level, number: contacts, outputs, card data, lamps, sound, check by CRC, no Secure Channel.
            rows = [(1, 1, 2), (2, 1, 1), (3, 1, 0), (4, 1, 1), (5, 1, 1), (8, 1, 0), (9, 0, 0)]
            return PDCAP, b"".join(bytes(row) for row in rows)
        if command == LSTAT:
            return LSTATR, bytes(2)
        if command == ISTAT:
            return ISTATR, bytes(2)
        if command == OUT:
            self.opened += data[1] == TIMED_ON
            return OSTATR, bytes([data[1] in (2, TIMED_ON)])
        if command == OSTAT:
            return OSTATR, bytes(1)
        if command == POLL and self._due:
            return self._due.pop(0)
        return ACK, b""

    def send_unknown(self) -> list[Unknown]:
        """A reply to a POLL under 0x5B, which annex B leaves out."""
        self._due.append((0x5B, b"\0\1"))
        return [Unknown("0x5B")]
