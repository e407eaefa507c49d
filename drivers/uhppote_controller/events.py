"""Events of a UHPPOTE controller: its codes as data, and their translation to facts.

Codes are those of uhppoted-lib (locales, "event.reason.…") and of uhppoted-httpd; uhppote-simulator shows which type
goes with them: a card that is let in is an event of type 2, one that is refused of type 1, and a remote opening has
type 2 too and the card number 3922570474. So the reason says what happened, not the type.
"""

from dataclasses import dataclass
from datetime import datetime

from devicemgr.domain.device_events import DeviceDecided, DeviceReported
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Direction
from devicemgr.domain.rules.cards.formats import names_of_controller_number

NONE, SWIPE, DOOR, ALARM, OVERWRITTEN = 0, 1, 2, 3, 255
BUTTON, REMOTE_OPEN = 20, 44
OPENED_BY_ANOTHER = "opened by another program"

# Why a card was let in: by itself, or as one that switches the door open or closed.
GRANTS = {1: "", 2: "the door stays open", 3: "the door is closed again"}
# Why a card was refused: a reason of ours where one says the same, else the controller's in words.
REFUSALS = {
    5: "under control of another program",
    6: "no_access_level",
    7: "wrong_pin",
    8: "anti_passback",
    9: "second_person_required",
    10: "first_person_required",
    11: "portal_locked",
    12: "interlock",
    13: "outside_schedule",
    15: "outside_schedule",  # "invalid timezone": outside the card's time profile (uhppote-simulator, actions.go)
    18: "unknown_credential",
}
REPORTS = {
    BUTTON: (Kind.REX_PRESSED, ""),
    25: (Kind.PORTAL_UNLOCKED, "by the supervisor's password"),
    28: (Kind.DEVICE_DEGRADED, "the controller was switched on"),
    29: (Kind.DEVICE_DEGRADED, "the controller was reset"),
    30: (Kind.REX_PRESSED, "refused: the button is switched off"),
    31: (Kind.REX_PRESSED, "refused: the door is locked"),
    32: (Kind.REX_PRESSED, "refused: the controller is offline"),
    33: (Kind.REX_PRESSED, "refused: interlock"),
    34: (Kind.REX_PRESSED, "refused: threat"),
    37: (Kind.PORTAL_HELD_OPEN, ""),
    38: (Kind.PORTAL_FORCED, ""),
    39: (Kind.PORTAL_UNLOCKED, "fire: the controller opened the door"),
    40: (Kind.PORTAL_LOCKED, "forced closed"),
    41: (Kind.TAMPER, "theft prevention"),
    42: (Kind.TAMPER, "24-hour zone"),
    43: (Kind.TAMPER, "emergency call"),
    REMOTE_OPEN: (Kind.PORTAL_UNLOCKED, OPENED_BY_ANOTHER),
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
        """Return True if a card was shown: by the reason, and by the type where the reason is in no document."""
        if self.reason in GRANTS or self.reason in REFUSALS:
            return self.card > 0
        return self.kind == SWIPE and self.card > 0 and self.reason not in REPORTS and self.reason not in CONTACTS

    @property
    def lets_in(self) -> bool:
        """Return True if the card opened the door; the flag alone opens nothing when the reason says otherwise."""
        return self.reason in GRANTS or (self.granted and self.reason not in REFUSALS)


def fact_of(event: ControllerEvent) -> DeviceDecided | DeviceReported:
    """Return what to record of it; a reason that is in no document stands there with its number."""
    if event.is_swipe:
        return _decided(event)
    if event.reason == BUTTON and not event.granted:
        return DeviceReported(event.door, Kind.REX_PRESSED, event.index, event.at, "refused: the door stays closed")
    kind, why = REPORTS.get(event.reason) or (Kind.DEVICE_DEGRADED, _unknown(event))
    return DeviceReported(event.door, kind, event.index, event.at, why)


def _decided(event: ControllerEvent) -> DeviceDecided:
    names = names_of_controller_number(event.card)
    why = GRANTS.get(event.reason) if event.lets_in else REFUSALS.get(event.reason)
    return DeviceDecided(
        event.door,
        event.lets_in,
        event.index,
        event.at,
        DIRECTIONS.get(event.direction),
        names,
        why=f"reason {event.reason}" if why is None else why,
    )


def _unknown(event: ControllerEvent) -> str:
    card = f", card {event.card}" if event.card else ""
    return f"event of type {event.kind} with reason {event.reason}, which its documents do not have{card}"
