"""`devicemgr sim uhppote`: a UHPPOTE door controller over UDP, with its cards, doors, clock and memory of events.

The layouts are written down here apart from the driver's library, so that each proves the other.
"""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from devicemgr.errors import InvalidInput
from drivers.sim.base.events import EventLog, Sink
from drivers.sim.uhppote import memory
from drivers.sim.uhppote.memory import DELETED, Memory

# A message is 64 bytes and starts with 0x17 (UHPPOTE protocol as described by uhppoted/uhppote-core).
START, SIZE = 0x17, 64
_LAST_EVENT = 0xFFFFFFFF
# 127.0.0.1, its network, MAC, firmware 8.92 of 2018-08-16.
IDENTITY = "7f000001 ff000000 7f000001 00661939552d 0892 20180816"


@dataclass
class Faults:
    """Faults to inject; `deaf` carries out requests and never answers, `mute` pushes no event."""

    silent: bool = False
    garbage: bool = False
    wrong_serial: bool = False
    deaf: bool = False
    mute: bool = False
    late: float = 0.0
    drop_next: int = 0


def bcd(text: str) -> bytes:
    """Encode digits, two a byte."""
    return bytes.fromhex(text)


class SimulatedUhppote:
    """A controller to plug the driver into; a context manager.

    Events: request, opened, kept_shut, door, stored, deleted, swipe, button, time, fault.
    """

    def __init__(
        self,
        serial: int = 423187757,
        listen: tuple[str, int] = ("127.0.0.1", 0),
        most_events: int = 1000,
        on_event: Sink | None = None,
    ) -> None:
        self.serial, self.events, self.faults, self.memory = serial, EventLog(on_event), Faults(), Memory()
        self.clock_skew = timedelta()
        self.inputs = self.system_error = self.special_info = 0
        self.identity = bytes.fromhex(IDENTITY)
        self._most = most_events
        self._contacts = dict.fromkeys((1, 2, 3, 4), False)
        self._buttons = dict.fromkeys((1, 2, 3, 4), False)
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._line.bind(listen)
        except OSError as error:
            raise InvalidInput(f"cannot listen on {listen[0]}:{listen[1]} ({error.strerror}); try another") from error
        self._line.settimeout(0.1)
        host, port = self._line.getsockname()
        self.address = f"udp://{host}:{port}"
        self._thread = threading.Thread(target=self._serve, name="sim-uhppote", daemon=True)
        self._handlers: dict[int, Callable[[bytes], bytes | None]] = {
            0x20: self._status,
            0x30: self._set_time,
            0x32: self._get_time,
            0x40: self._open_door,
            0x50: self._put_card,
            0x52: self._delete_card,
            0x54: self._delete_all,
            0x58: self._count_cards,
            0x5A: self._get_card,
            0x5C: self._card_at,
            0x80: self._set_door,
            0x82: self._get_door,
            0x88: self._set_profile,
            0x8E: self._record_special,
            0x90: self._set_listener,
            0x92: self._get_listener,
            0x94: self._identify,
            0x98: self._get_profile,
            0xB0: self._get_event,
        }

    @property
    def fire(self) -> bool:
        """The first input."""
        return bool(self.inputs & 1)

    @fire.setter
    def fire(self, active: bool) -> None:
        self.inputs = self.inputs & ~1 | active

    def swipe(self, card: int, door: int, direction: int = 1) -> bool:
        """Show a card; return True if the door opened for it."""
        with self._lock:
            reason = self.memory.decide(card, door, self._now())
            granted = reason == memory.SWIPE_PASS
            self._remember(memory.DOOR if granted else memory.SWIPE, granted, door, direction, card, reason)
            self.events.add("swipe", card=card, door=door, granted=granted)
            return granted

    def press(self, door: int) -> None:
        """Press the exit button: a door that is normally closed stays shut."""
        with self._lock:
            unlocked = self.memory.doors[door].unlock()
            kind = memory.DOOR if unlocked else memory.ALARM
            card = memory.BUTTON_CARD if unlocked else memory.REFUSED_BUTTON_CARD
            self._remember(kind, unlocked, door, 1, card, memory.BUTTON_PRESSED)
            self.events.add("button", door=door, unlocked=unlocked)

    def happens(self, kind: int, door: int, reason: int) -> None:
        """Record a door contact's change, an opening by another program, or an alarm."""
        with self._lock:
            self._remember(kind, kind == memory.DOOR, door, 1, memory.CARD_OF.get(reason, 0), reason)

    def contact(self, door: int, *, is_open: bool) -> None:
        """Open or close a door's contact."""
        self._contacts[door] = is_open
        self.happens(memory.DOOR, door, memory.DOOR_OPENED if is_open else memory.DOOR_CLOSED)

    def reboot(self) -> None:
        """Power off and on; cards and events stay, the clock falls back to its own."""
        self.clock_skew = timedelta()
        self.happens(memory.ALARM, 1, memory.POWER_ON)

    def card_numbers(self) -> list[int]:
        """List the cards in memory."""
        with self._lock:
            return self.memory.numbers()

    def __enter__(self) -> "SimulatedUhppote":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(2)
        self._line.close()

    def _serve(self) -> None:
        while not self._stopping.is_set():
            try:
                packet, sender = self._line.recvfrom(2048)
            except TimeoutError:
                continue
            except OSError:
                return
            with self._lock:
                answer = self._obey(packet)
            if answer is not None:
                self._answer(answer, sender)

    def _obey(self, packet: bytes) -> bytes | None:
        if len(packet) != SIZE or packet[0] != START or packet[1] not in self._handlers:
            return None
        requested = int.from_bytes(packet[4:8], "little")
        if requested != self.serial and not (requested == 0 and packet[1] == 0x94):
            return None
        self.events.add("request", function=packet[1], bytes=packet.hex())
        if self.faults.silent:
            self.events.add("fault", fault="silent")
            return None
        body = self._handlers[packet[1]](packet)
        head = struct.pack("<BBHI", START, packet[1], 0, self.serial)
        return None if body is None else (head + body).ljust(SIZE, b"\0")

    def _answer(self, answer: bytes, sender: tuple[str, int]) -> None:
        faults = self.faults
        if faults.deaf or faults.drop_next:
            faults.drop_next = max(0, faults.drop_next - 1)
            self.events.add("fault", fault="no answer")
            return
        if faults.late:
            self.events.add("fault", fault="late")
            self._stopping.wait(faults.late)
        if faults.garbage:
            self.events.add("fault", fault="garbage")
            answer = bytes(byte ^ 0x5A for byte in answer)
        if faults.wrong_serial:
            self.events.add("fault", fault="wrong serial")
            answer = answer[:4] + struct.pack("<I", self.serial ^ 1) + answer[8:]
        try:
            self._line.sendto(answer, sender)
        except OSError:
            self.events.add("fault", fault="no peer")

    def _now(self) -> datetime:
        return datetime.now() + self.clock_skew

    def _remember(self, kind: int, granted: bool, door: int, direction: int, card: int, reason: int) -> None:
        if reason in memory.SPECIAL and not self.memory.special:
            return
        stamp = bcd(f"{self._now():%Y%m%d%H%M%S}")
        self.memory.events.append(struct.pack("<BBBBI", kind, granted, door, direction, card) + stamp + bytes([reason]))
        while len(self.memory.events) > self._most:
            del self.memory.events[0]
            self.memory.first += 1
        self._push()

    def _push(self) -> None:
        """Send the listener, once, a status that was not requested."""
        host, port = self.memory.listener
        if not port:
            return
        if self.faults.mute:
            self.events.add("fault", fault="mute")
            return
        packet = struct.pack("<BBHI", START, 0x20, 0, self.serial) + self._status(b"")
        with contextlib.suppress(OSError):
            self._line.sendto(packet.ljust(SIZE, b"\0"), (socket.inet_ntoa(host), port))
            self.events.add("pushed", index=self.memory.newest)

    def _status(self, _: bytes) -> bytes:
        now, newest = self._now(), self.memory.newest
        event = self.memory.events[-1] if self.memory.events else bytes(16)
        doors = sorted(self.memory.doors)
        states = bytes(self._contacts[door] for door in doors) + bytes(self._buttons[door] for door in doors)
        relays = sum(self.memory.doors[door].is_unlocked << door - 1 for door in doors)
        tail = bytes([self.system_error, *bcd(f"{now:%H%M%S}")]) + bytes(8)
        tail += bytes([self.special_info, relays, self.inputs]) + bcd(f"{now:%y%m%d}")
        return struct.pack("<I", newest) + event + states + tail

    def _identify(self, _: bytes) -> bytes:
        return self.identity

    def _get_time(self, _: bytes) -> bytes:
        return bcd(f"{self._now():%Y%m%d%H%M%S}")

    def _set_time(self, packet: bytes) -> bytes:
        wanted = datetime.strptime(packet[8:15].hex(), "%Y%m%d%H%M%S")
        self.clock_skew = wanted - datetime.now()
        self.events.add("time", set=packet[8:15].hex())
        return packet[8:15]

    def _open_door(self, packet: bytes) -> bytes:
        """Answer "opened" and record an opening, also for a door that is normally closed, which stays shut."""
        door = packet[8]
        if door not in self.memory.doors:
            return b"\0"
        unlocked = self.memory.doors[door].unlock()
        self.events.add("opened" if unlocked else "kept_shut", door=door, seconds=self.memory.doors[door].delay)
        self.happens(memory.DOOR, door, memory.REMOTE_OPENED)
        return b"\1"

    def _get_door(self, packet: bytes) -> bytes:
        door = self.memory.doors.get(packet[8])
        return bytes([packet[8], door.mode, door.delay] if door else [packet[8], 0, 0])

    def _set_door(self, packet: bytes) -> bytes:
        door = self.memory.doors.get(packet[8])
        if door is not None:
            door.mode, door.delay = packet[9], packet[10]
            self.events.add("door", door=packet[8], mode=packet[9], seconds=packet[10])
        return self._get_door(packet)

    def _record_special(self, packet: bytes) -> bytes:
        self.memory.special = bool(packet[8])
        return b"\1"

    def _set_listener(self, packet: bytes) -> bytes:
        self.memory.listener = (packet[8:12], int.from_bytes(packet[12:14], "little"))
        self.memory.listener_interval = packet[14]
        return b"\1"

    def _get_listener(self, _: bytes) -> bytes:
        return self.memory.listener[0] + struct.pack("<HB", self.memory.listener[1], self.memory.listener_interval)

    def _put_card(self, packet: bytes) -> bytes:
        number = int.from_bytes(packet[8:12], "little")
        places = [place for place, (held, _) in enumerate(self.memory.cards) if held == number]
        if places:
            self.memory.cards[places[0]] = (number, packet[8:28])
        else:
            self.memory.cards.append((number, packet[8:28]))
        self.events.add("stored", card=number)
        return b"\1"

    def _delete_card(self, packet: bytes) -> bytes:
        number = int.from_bytes(packet[8:12], "little")
        gone = self.memory.find(number) is not None
        self.memory.cards = [(DELETED, b"\xff" * 4) if held == number else (held, b) for held, b in self.memory.cards]
        self.events.add("deleted", card=number)
        return bytes([gone])

    def _delete_all(self, _: bytes) -> bytes:
        self.memory.cards = []
        self.events.add("all deleted")
        return b"\1"

    def _count_cards(self, _: bytes) -> bytes:
        return struct.pack("<I", len(self.card_numbers()))

    def _get_card(self, packet: bytes) -> bytes:
        return self.memory.find(int.from_bytes(packet[8:12], "little")) or b""

    def _card_at(self, packet: bytes) -> bytes:
        index = int.from_bytes(packet[8:12], "little")
        return self.memory.cards[index - 1][1] if 1 <= index <= len(self.memory.cards) else b""

    def _set_profile(self, packet: bytes) -> bytes:
        number = packet[8]
        is_taken = 2 <= number <= 254
        if is_taken:
            self.memory.profiles[number] = packet[8:37]
            self.events.add("profile", number=number)
        return bytes([is_taken])

    def _get_profile(self, packet: bytes) -> bytes:
        return self.memory.profiles.get(packet[8], b"\0")

    def _get_event(self, packet: bytes) -> bytes:
        index = int.from_bytes(packet[8:12], "little")
        index = self.memory.first if index == 0 else self.memory.newest if index == _LAST_EVENT else index
        if index > self.memory.newest:
            return struct.pack("<I", 0)
        if index < self.memory.first:
            return struct.pack("<IB", index, 255)
        return struct.pack("<I", index) + self.memory.events[index - self.memory.first]
