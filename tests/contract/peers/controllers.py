"""Door controllers that are connected to: ZKTeco over TCP, UHPPOTE over UDP."""

import contextlib
import socket
import struct
import threading
from datetime import datetime

from tests.contract.peers.base import COMMAND, READING, UNSEEN, Peer, Unknown


def crc16_arc(data: bytes) -> int:
    """Return CRC-16/ARC, the check value of `123456789` being 0xBB3D."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0xA001 if crc & 1 else 0)
    return crc


class ZktecoControllerPeer(Peer):
    """A C3-400, from captures in issues 1, 2 and 5 of zkaccess-c3-py: frames, parameters, tables, real-time log.

    "Not now" is PullSDK Interfaces User Guide 2.0, attached table 5: -1 (not sent), -3 (buffer not enough).
    """

    version = 1
    options = {"timeout": 1.0}
    without = {UNSEEN: "no option names an input; its doors are counted, and a portal on a door too many is an alarm"}
    PARAMETERS = b"~SerialNumber=DDG8130016092200401,LockCount=4,ReaderCount=4,FirmVer=AC Ver 4.3.4,~DeviceName=C3-400"
    TABLES = (
        b"user=1,CardNo=i1,Pin=i2,Password=s3,Group=i4,StartTime=i5,EndTime=i6,SuperAuthorize=i7\n"
        b"userauthorize=2,Pin=i1,AuthorizeTimezoneId=i2,AuthorizeDoorId=i3\n"
        b"timezone=4,TimezoneId=i1,SunTime1=i2,SunTime2=i3,SunTime3=i4,MonTime1=i5,MonTime2=i6,MonTime3=i7,TueTime1=i8,"
        b"TueTime2=i9,TueTime3=i10,WedTime1=i11,WedTime2=i12,WedTime3=i13,ThuTime1=i14,ThuTime2=i15,ThuTime3=i16,"
        b"FriTime1=i17,FriTime2=i18,FriTime3=i19,SatTime1=i20,SatTime2=i21,SatTime3=i22\n"
        b"transaction=5,Cardno=i1,Pin=i2,Verified=i3,DoorID=i4,EventType=i5,InOutState=i6,Time_second=i7\n"
    )

    def __init__(self) -> None:
        super().__init__()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self._lines: list[socket.socket] = []
        self._events: list[bytes] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _frame(self, kind: int, data: bytes) -> bytes:
        body = struct.pack("<BBH", self.version, kind, len(data)) + data
        return b"\xaa" + body + struct.pack("<H", crc16_arc(body)) + b"\x55"

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                line, _ = self._listener.accept()
                self._lines.append(line)
                threading.Thread(target=self._serve, args=(line,), daemon=True).start()

    def _serve(self, line: socket.socket) -> None:
        with line, contextlib.suppress(OSError), line.makefile("rb") as stream:
            while len(head := stream.read(5)) == 5:
                size = struct.unpack_from("<H", head, 3)[0]
                data = stream.read(size + 3)[:size]
                if not self.swallows() and (answer := self._answer(head[2], data)) is not None:
                    line.sendall(answer)

    def _answer(self, command: int, data: bytes) -> bytes | None:
        if command == 0x76:
            if self.is_busy_for(READING):
                return self._frame(0xC9, b"\xfd")
            self.sessions += 1
            return self._frame(0xC8, bytes.fromhex("d2fe0000"))
        if command == 0x02:
            return None
        prefix, request = data[:4], data[4:]
        rule = COMMAND if command == 0x05 else READING
        if self.is_busy_for(rule):
            return self._frame(0xC9, prefix + (-1 if self.refused % 2 else -3).to_bytes(1, "little", signed=True))
        self.opened += command == 0x05
        return self._frame(0xC8, prefix + self._data(command, request))

    def _data(self, command: int, request: bytes) -> bytes:
        if command == 0x04:
            return self.PARAMETERS
        if command == 0x06:
            return self.TABLES
        if command == 0x08:
            head = request[: 2 + request[1]]
            if request[0] == 4:  # rule 1 of its delivery, each day from 0:00 to 23:59
                values = {1: 1} | dict.fromkeys(range(2, 23, 3), 2359)
                return head + b"".join(self._number(values.get(field, 0)) for field in head[2:])
            return head
        if command == 0x0B:
            with self.lock:
                events, self._events = self._events, []
            return b"".join(events) or self._state()
        return b""

    @staticmethod
    def _number(value: int) -> bytes:
        data = value.to_bytes(max(1, (value.bit_length() + 7) // 8), "little")
        return bytes([len(data)]) + data

    @staticmethod
    def _now() -> int:
        now = datetime.now()
        days = ((now.year - 2000) * 12 + now.month - 1) * 31 + now.day - 1
        return ((days * 24 + now.hour) * 60 + now.minute) * 60 + now.second

    def _state(self) -> bytes:
        """Return doors without alarm and shut, in the record that says 255 in the place of an event."""
        return struct.pack("<IIBBBBI", 0, 0x01010101, 0, 0, 255, 0, self._now())

    def send_unknown(self) -> list[Unknown]:
        """Events 46, of person 1001 with card 9262882, and 198, which attached table 6 leaves out."""
        with self.lock:
            for card, pin, code in ((9262882, 1001, 46), (0, 0, 198)):
                self._events.append(struct.pack("<IIBBBBI", card, pin, 4, 1, code, 0, self._now()))
        return [Unknown("event 46", badge="1001", card="9262882"), Unknown("event 198")]

    def close(self) -> None:
        for line in (self._listener, *self._lines):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()


class NewerZktecoControllerPeer(ZktecoControllerPeer):
    """An inBIO that answers in version 0, counts its answers itself and writes its log as text.

    Owners' captures in the tests of zkaccess-c3-py: `aa00c804…`, `d18a0000` then `d18a0200`, `time=…<tab>pin=…`.
    """

    version = 0

    def __init__(self) -> None:
        self._answers = 0
        super().__init__()

    def _answer(self, command: int, data: bytes) -> bytes | None:
        if command == 0x76:
            if self.is_busy_for(READING):
                return self._frame(0xC9, b"\xff")
            self._answers = 0
            self.sessions += 1
            return self._frame(0xC8, bytes.fromhex("d18a0000"))
        self._answers += 1
        return super()._answer(command, data[:2] + self._answers.to_bytes(2, "little") + data[4:])

    def _state(self) -> bytes:
        return f"time={datetime.now():%Y-%m-%d %H:%M:%S}\tsensor=24\trelay=04\talarm=00000000".encode()

    def send_unknown(self) -> list[Unknown]:
        """Events 46, of person 1001 with card 9262882, and 198, which no document has."""
        rows = [
            f"time={datetime.now():%Y-%m-%d %H:%M:%S}\tpin={pin}\tcardno={card}\teventaddr=1\tevent={code}\t"
            f"inoutstatus=2\tverifytype=4\tindex={code}\r\n"
            for pin, card, code in ((1001, 9262882, 46), (0, 0, 198))
        ]
        with self.lock:
            self._events.append("".join(rows).encode())
        return [Unknown("event 46", badge="1001", card="9262882"), Unknown("event 198")]


SERIAL = 423187757


def bcd(text: str) -> bytes:
    """Return digits two a byte."""
    return bytes.fromhex(text)


class UhppotePeer(Peer):
    """A four-door controller: 64 bytes a message.

    Fields stand at the offsets of uhppoted's documented protocol (uhppote-core, messages/*.go).
    """

    options = {"controller": SERIAL, "timeout": 0.3, "listener": "off"}
    without = {
        READING: "its protocol has no answer that means not now",
        COMMAND: "its protocol has no answer that means not now",
        UNSEEN: "no option names an input: each status holds all of its doors, buttons and inputs",
    }

    def __init__(self) -> None:
        super().__init__()
        self._line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._line.bind(("127.0.0.1", 0))
        self.address = f"udp://127.0.0.1:{self._line.getsockname()[1]}"
        self._events: list[bytes] = []
        self._delays = {door: 5 for door in (1, 2, 3, 4)}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self._line.settimeout(0.05)
        while not self._ended.is_set():
            with contextlib.suppress(TimeoutError):
                packet, sender = self._line.recvfrom(2048)
                if not self.swallows():
                    answer = bytes([0x17, packet[1], 0, 0]) + packet[4:8] + self._fields(packet[1], packet)
                    self._line.sendto(answer.ljust(64, b"\0"), sender)

    def _fields(self, function: int, packet: bytes) -> bytes:
        now = datetime.now()
        if function == 0x94:  # get-controller: address, mask, gateway, MAC, version, date
            self.sessions += 1
            network = bytes([192, 0, 2, 20, 255, 255, 255, 0, 192, 0, 2, 1])
            return network + bytes.fromhex("00 66 19 39 55 2d") + bcd("0892") + bcd("20180816")
        if function == 0x20:
            newest = self._events[-1] if self._events else bytes(20)
            doors = bytes(4) + bytes(4) + bytes([0])
            clock = bcd(f"{now:%H%M%S}") + bytes(4) + bytes(4) + bytes([0, 0, 0]) + bcd(f"{now:%y%m%d}")
            return len(self._events).to_bytes(4, "little") + newest[4:] + doors + clock
        if function == 0xB0:
            index = int.from_bytes(packet[8:12], "little")
            return self._events[index - 1] if 0 < index <= len(self._events) else bytes(20)
        if function == 0x82:
            return bytes([packet[8], 3, self._delays.get(packet[8], 5)])
        if function == 0x80:
            self._delays[packet[8]] = packet[10]
            return packet[8:11]
        if function == 0x30:
            return packet[8:15]
        self.opened += function == 0x40
        return bytes([function != 0x58])  # done; and no cards are held

    def send_unknown(self) -> list[Unknown]:
        """Reasons 97 and 98, beyond the list of the events' documentation (0 to 44): a card, and a door's event."""
        at = bcd(f"{datetime.now():%Y%m%d%H%M%S}")
        for kind, card, reason in ((1, 14122306, 97), (3, 0, 98)):
            index = (len(self._events) + 1).to_bytes(4, "little")
            self._events.append(index + bytes([kind, 0, 1, 1]) + card.to_bytes(4, "little") + at + bytes([reason]))
        return [Unknown("97", card="141:22306"), Unknown("98")]

    def close(self) -> None:
        self._ended.set()
        self._thread.join(10)
        self._line.close()
