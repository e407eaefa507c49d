"""What a UHPPOTE controller's events mean: its codes as data, and an event as facts."""

from dataclasses import dataclass
from datetime import datetime

from devicemgr.domain.device_events import DeviceDecided, DeviceFact, DeviceReported
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Direction
from devicemgr.domain.rules.card_formats import names_of_controller_number

SWIPE, DOOR, ALARM, OVERWRITTEN = 1, 2, 3, 255
REMOTE_OPEN = (44, 45)

# Why a card was refused: a reason of ours where one says the same, else the controller's in words.
REFUSALS = {
    5: "under control of another program",
    6: "no_access_level",
    7: "wrong_pin",
    8: "anti_passback",
    9: "more cards are needed",
    10: "the first card has not been shown",
    11: "portal_locked",
    12: "interlock",
    13: "outside_schedule",
    15: "its time zone is not valid",
    18: "unknown_credential",
}
REPORTS = {
    20: (Kind.REX_PRESSED, ""),
    25: (Kind.PORTAL_UNLOCKED, "by the supervisor's password"),
    28: (Kind.DEVICE_DEGRADED, "the controller was switched on"),
    29: (Kind.DEVICE_DEGRADED, "the controller was reset"),
    31: (Kind.REX_PRESSED, "refused: the door is locked"),
    32: (Kind.REX_PRESSED, "refused: the controller is offline"),
    33: (Kind.REX_PRESSED, "refused: interlock"),
    34: (Kind.REX_PRESSED, "refused: threat"),
    37: (Kind.PORTAL_HELD_OPEN, ""),
    38: (Kind.PORTAL_FORCED, ""),
    41: (Kind.TAMPER, "theft prevention"),
    42: (Kind.TAMPER, "24-hour zone"),
    43: (Kind.TAMPER, "emergency call"),
    44: (Kind.PORTAL_UNLOCKED, "opened by another program"),
    45: (Kind.PORTAL_UNLOCKED, "opened by another program's reader"),
}
CONTACTS = {23: True, 24: False}
DIRECTIONS = {1: Direction.ENTRY, 2: Direction.EXIT}


@dataclass(frozen=True, slots=True)
class ControllerEvent:
    """One event of the controller's memory."""

    index: int
    kind: int
    granted: bool
    door: int
    direction: int
    card: int
    at: datetime
    reason: int

    @property
    def is_swipe(self) -> bool:
        """Return True if a card was shown."""
        return self.kind == SWIPE and self.reason not in REMOTE_OPEN


def fact_of(event: ControllerEvent) -> DeviceFact | None:
    """What to record of it; None for what says nothing to us (a door's contact, or a code that is not known)."""
    if event.is_swipe:
        why = "" if event.granted else REFUSALS.get(event.reason, f"reason {event.reason}")
        return DeviceDecided(
            event.door,
            event.granted,
            event.index,
            event.at,
            DIRECTIONS.get(event.direction),
            names_of_controller_number(event.card),
            why=why,
        )
    if event.reason not in REPORTS:
        return None
    kind, why = REPORTS[event.reason]
    return DeviceReported(event.door, kind, event.index, event.at, why)
