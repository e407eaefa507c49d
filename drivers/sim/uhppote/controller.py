"""`devicemgr sim uhppote`: a UHPPOTE door controller over UDP, with its cards, doors, clock and memory of events.

The layouts are written down here apart from the driver's library, so that each proves the other.
"""

import contextlib
import socket
import struct
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from devicemgr.errors import InvalidInput
from drivers.sim.base.command import print_line, stop_signals
from drivers.sim.base.events import Event, EventLog, Sink

# A message is 64 bytes and starts with 0x17 (UHPPOTE protocol as described by uhppoted/uhppote-core).
START, SIZE = 0x17, 64
SWIPE, DOOR, ALARM = 1, 2, 3
NO_CARD, DELETED = 0, 0xFFFFFFFF
_NO_RIGHTS, _UNKNOWN_CARD = 6, 18
_COMMANDS = (
    "card NUMBER DOOR · button DOOR · door DOOR open|close|force|hold · fire on|off · reboot · "
    "fault silent|garbage|wrong_serial|deaf|mute on|off · fault late SECONDS · fault drop_next N · state"
)


@dataclass
class Faults:
    """What shall go wrong from now on; `deaf` carries out requests and never answers, `mute` pushes no event."""

    silent: bool = False
    garbage: bool = False
    wrong_serial: bool = False
    deaf: bool = False
    mute: bool = False
    late: float = 0.0
    drop_next: int = 0


@dataclass
class Memory:
    """What a controller knows; the oldest event is number `first`; a slot of a deleted card stays."""

    cards: list[tuple[int, bytes]] = field(default_factory=list)
    events: list[bytes] = field(default_factory=list)
    first: int = 1
    doors: dict[int, tuple[int, int]] = field(default_factory=lambda: {door: (3, 5) for door in (1, 2, 3, 4)})
    special: bool = False
    listener: tuple[bytes, int] = (bytes(4), 0)

    @property
    def newest(self) -> int:
        """The newest event's index; 0 without one."""
        return self.first + len(self.events) - 1 if self.events else 0


def bcd(text: str) -> bytes:
    """Digits, two a byte."""
    return bytes.fromhex(text)


class SimulatedUhppote:
    """A controller to plug the driver into; a context manager.

    Events: request, opened, door, stored, deleted, swipe, time, fault.
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
        self.fire = False
        self._most = most_events
        self._contacts = dict.fromkeys((1, 2, 3, 4), False)
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
            0x8E: self._record_special,
            0x90: self._set_listener,
            0x92: self._get_listener,
            0x94: self._identify,
            0xB0: self._get_event,
        }

    def swipe(self, card: int, door: int, direction: int = 1) -> bool:
        """Show a card; return True if the door opened for it."""
        with self._lock:
            held = self._find(card)
            granted = held is not None and held[19 - 8 + door] != 0
            reason = 1 if granted else _NO_RIGHTS if held is not None else _UNKNOWN_CARD
            self._remember(SWIPE, granted, door, direction, card, reason)
            self.events.add("swipe", card=card, door=door, granted=granted)
            return granted

    def happens(self, kind: int, door: int, reason: int) -> None:
        """A button, a door's contact or an alarm."""
        with self._lock:
            self._remember(kind, reason == 20, door, 1, 0, reason)

    def contact(self, door: int, *, is_open: bool) -> None:
        """The door's contact."""
        self._contacts[door] = is_open
        self.happens(DOOR, door, 23 if is_open else 24)

    def reboot(self) -> None:
        """Power off and on; cards and events stay, the clock falls back to its own."""
        self.clock_skew = timedelta()
        self.happens(ALARM, 1, 28)

    def card_numbers(self) -> list[int]:
        """The cards that it holds."""
        with self._lock:
            return [number for number, _ in self.memory.cards if number != DELETED]

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

    def _find(self, card: int) -> bytes | None:
        return next((body for number, body in self.memory.cards if number == card), None)

    def _status(self, _: bytes) -> bytes:
        now, newest = self._now(), self.memory.newest
        event = self.memory.events[-1] if self.memory.events else bytes(16)
        contacts = bytes(self._contacts[door] for door in (1, 2, 3, 4)) + bytes(4)
        tail = bytes([0, *bcd(f"{now:%H%M%S}")]) + bytes(8) + bytes([0, 0, int(self.fire)]) + bcd(f"{now:%y%m%d}")
        return struct.pack("<I", newest) + event + contacts + tail

    def _identify(self, _: bytes) -> bytes:
        return (
            bytes([127, 0, 0, 1, 255, 0, 0, 0, 127, 0, 0, 1, 0x00, 0x66, 0x19, 0x39, 0x55, 0x2D])
            + bcd("0892")
            + bcd("20180816")
        )

    def _get_time(self, _: bytes) -> bytes:
        return bcd(f"{self._now():%Y%m%d%H%M%S}")

    def _set_time(self, packet: bytes) -> bytes:
        wanted = datetime.strptime(packet[8:15].hex(), "%Y%m%d%H%M%S")
        self.clock_skew = wanted - datetime.now()
        self.events.add("time", set=packet[8:15].hex())
        return packet[8:15]

    def _open_door(self, packet: bytes) -> bytes:
        door = packet[8]
        opened = door in self.memory.doors
        if opened:
            self.events.add("opened", door=door, seconds=self.memory.doors[door][1])
            self._remember(DOOR, True, door, 1, 0, 44)
        return bytes([opened])

    def _get_door(self, packet: bytes) -> bytes:
        return bytes([packet[8], *self.memory.doors.get(packet[8], (0, 0))])

    def _set_door(self, packet: bytes) -> bytes:
        if packet[8] in self.memory.doors:
            self.memory.doors[packet[8]] = (packet[9], packet[10])
            self.events.add("door", door=packet[8], mode=packet[9], seconds=packet[10])
        return self._get_door(packet)

    def _record_special(self, packet: bytes) -> bytes:
        self.memory.special = bool(packet[8])
        return b"\1"

    def _set_listener(self, packet: bytes) -> bytes:
        self.memory.listener = (packet[8:12], int.from_bytes(packet[12:14], "little"))
        return b"\1"

    def _get_listener(self, _: bytes) -> bytes:
        return self.memory.listener[0] + struct.pack("<H", self.memory.listener[1])

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
        gone = self._find(number) is not None
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
        return self._find(int.from_bytes(packet[8:12], "little")) or b""

    def _card_at(self, packet: bytes) -> bytes:
        index = int.from_bytes(packet[8:12], "little")
        return self.memory.cards[index - 1][1] if 1 <= index <= len(self.memory.cards) else b""

    def _get_event(self, packet: bytes) -> bytes:
        index = int.from_bytes(packet[8:12], "little")
        index = self.memory.first if index == 0 else self.memory.newest if index == DELETED else index
        if index > self.memory.newest:
            return struct.pack("<I", 0)
        if index < self.memory.first:
            return struct.pack("<IB", index, 255)
        return struct.pack("<I", index) + self.memory.events[index - self.memory.first]


def obey(sim: SimulatedUhppote, line: str) -> None:
    """One command; InvalidInput says which there are."""
    match line.split():
        case ["card", number, door] if number.isdigit() and door in "1234":
            sim.swipe(int(number), int(door))
        case ["button", door] if door in "1234":
            sim.happens(DOOR, int(door), 20)
        case ["door", door, "open" | "close" as how] if door in "1234":
            sim.contact(int(door), is_open=how == "open")
        case ["door", door, "force" | "hold" as how] if door in "1234":
            sim.happens(ALARM, int(door), 38 if how == "force" else 37)
        case ["fire", "on" | "off" as how]:
            sim.fire = how == "on"
        case ["reboot"]:
            sim.reboot()
        case ["fault", name, value]:
            _set_fault(sim.faults, name, value)
        case ["state"]:
            sim.events.add("state", cards=[*sim.card_numbers()], events=sim.memory.newest)
        case _:
            raise InvalidInput(f"commands are: {_COMMANDS}")


def _set_fault(faults: Faults, name: str, value: str) -> None:
    if name in ("silent", "garbage", "wrong_serial", "deaf", "mute") and value in ("on", "off"):
        setattr(faults, name, value == "on")
    elif name == "late" and value.replace(".", "", 1).isdigit():
        faults.late = float(value)
    elif name == "drop_next" and value.isdigit():
        faults.drop_next = int(value)
    else:
        raise InvalidInput(f"commands are: {_COMMANDS}")


def run(serial: int, host: str, port: int, cards: list[int]) -> None:
    """Serve until SIGTERM or SIGINT; commands on standard input, JSON lines on standard output."""
    sim = SimulatedUhppote(serial, (host, port), on_event=_print_event)
    for card in cards:
        sim.memory.cards.append((card, struct.pack("<I", card) + bcd("2000010120991231") + b"\1\1\1\1" + bytes(4)))
    with stop_signals() as stop, sim:
        print_line({"event": "ready", "kind": "uhppote", "address": sim.address, "controller": serial})
        threading.Thread(target=_read_commands, args=(sim,), daemon=True).start()
        stop.wait()


def _read_commands(sim: SimulatedUhppote) -> None:
    for line in sys.stdin:
        try:
            obey(sim, line)
        except InvalidInput as error:
            print_line({"event": "error", "error": str(error)})


def _print_event(event: Event) -> None:
    # Polls are several a second and tell a person nothing.
    if event["event"] != "request":
        print_line(event)
