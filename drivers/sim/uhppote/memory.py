"""Memory of a simulated UHPPOTE controller: cards, events, and doors that obey their mode.

Behavior as in uhppoted's own simulator (uhppote-simulator, simulator/UT0311L04 and entities/door.go): which type and
card number an event has, what a door that is normally closed refuses, and that a time profile which the controller does
not have lets a card in.
"""

import time
from dataclasses import dataclass, field
from datetime import datetime

NORMALLY_OPEN, NORMALLY_CLOSED, CONTROLLED = 1, 2, 3
SWIPE, DOOR, ALARM = 1, 2, 3
SWIPE_PASS, NO_PRIVILEGE, DOOR_NORMALLY_CLOSED, OUTSIDE_PROFILE, NO_PASS = 1, 6, 11, 15, 18
BUTTON_PRESSED, DOOR_OPENED, DOOR_CLOSED, POWER_ON, REMOTE_OPENED = 20, 23, 24, 28, 44
# The number in the place of a card's that such an event carries.
CARD_OF = {DOOR_OPENED: 8, DOOR_CLOSED: 9, REMOTE_OPENED: 3922570474}
BUTTON_CARD, REFUSED_BUTTON_CARD = 1, 6
# Kept only while "record special events" is on.
SPECIAL = {BUTTON_PRESSED, DOOR_OPENED, DOOR_CLOSED}
DELETED = 0xFFFFFFFF


@dataclass
class Door:
    """One door's mode and delay in seconds; `unlocked_until` in CLOCK_MONOTONIC seconds."""

    mode: int = CONTROLLED
    delay: int = 5
    unlocked_until: float = 0.0

    def unlock(self) -> bool:
        """Release the lock for its delay; return False, and do nothing, if the door is normally closed."""
        if self.mode == NORMALLY_CLOSED:
            return False
        self.unlocked_until = time.monotonic() + self.delay
        return True

    @property
    def is_unlocked(self) -> bool:
        """Return True while the lock's relay is on."""
        if self.mode == CONTROLLED:
            return time.monotonic() < self.unlocked_until
        return self.mode == NORMALLY_OPEN


@dataclass
class Memory:
    """A controller's memory; the oldest event is number `first`; a slot of a deleted card stays.

    `profiles` holds time profiles as a request has them from the number on.
    """

    cards: list[tuple[int, bytes]] = field(default_factory=list)
    events: list[bytes] = field(default_factory=list)
    first: int = 1
    profiles: dict[int, bytes] = field(default_factory=dict)
    doors: dict[int, Door] = field(default_factory=lambda: {door: Door() for door in (1, 2, 3, 4)})
    special: bool = False
    listener: tuple[bytes, int] = (bytes(4), 0)
    listener_interval: int = 0

    @property
    def newest(self) -> int:
        """The newest event's index; 0 without one."""
        return self.first + len(self.events) - 1 if self.events else 0

    def find(self, card: int) -> bytes | None:
        """Return a card's record."""
        return next((body for number, body in self.cards if number == card), None)

    def numbers(self) -> list[int]:
        """Return the numbers of all cards."""
        return [number for number, _ in self.cards if number != DELETED]

    def is_open(self, profile: int, now: datetime) -> bool:
        """Return True if a time profile or one that it leads to is open; one that is not there always is."""
        seen: set[int] = set()
        while 2 <= profile <= 254 and profile not in seen:
            seen.add(profile)
            body = self.profiles.get(profile)
            if body is None or _is_open(body, now):
                return True
            profile = body[28]
        return False

    def decide(self, card: int, door: int, now: datetime) -> int:
        """Return the reason with which a card is let in or refused; SWIPE_PASS has unlocked the door."""
        held = self.find(card)
        if held is None:
            return NO_PASS
        right = held[11 + door]
        if not 1 <= right <= 254:
            return NO_PRIVILEGE
        if right > 1 and not self.is_open(right, now):
            return OUTSIDE_PROFILE
        return SWIPE_PASS if self.doors[door].unlock() else DOOR_NORMALLY_CLOSED


def _is_open(body: bytes, now: datetime) -> bool:
    """Return True if a profile is valid today and one of its three spans holds this minute, the last one included."""
    if not body[1:5].hex() <= f"{now:%Y%m%d}" <= body[5:9].hex() or not body[9 + now.weekday()]:
        return False
    spans = [(body[at : at + 2].hex(), body[at + 2 : at + 4].hex()) for at in (16, 20, 24)]
    return any(begin <= f"{now:%H%M}" <= end for begin, end in spans)
