"""ErrorCode of AccessControl events and records: why a Dahua (Intelbras) terminal did not open.

Source: the vendor's network SDK (nErrorCode of an access event) and Intelbras' API document, "Error Codes", which
agree. Codes that are not here are recorded by their number.
"""

from devicemgr.domain.ledger_events import Reason

UNAUTHORIZED = 0x10

# fmt: off
ERRORS: dict[int, str] = {
    0x11: Reason.SUSPENDED,                 # card lost or canceled
    0x12: Reason.NO_ACCESS_LEVEL,           # no right to this door
    0x13: "this way of opening is not allowed now (unlock mode)",
    0x14: Reason.EXPIRED,                   # outside the person's validity
    0x15: Reason.ANTI_PASSBACK,
    0x16: "a duress alarm keeps the door shut",
    0x17: Reason.PORTAL_LOCKED,             # the door is set to stay closed
    0x18: Reason.INTERLOCK,
    0x19: "a patrol card, which opens nothing",
    0x1A: "the terminal is in intrusion alarm",
    0x20: Reason.OUTSIDE_SCHEDULE,
    0x21: Reason.OUTSIDE_SCHEDULE,          # a holiday
    0x30: Reason.FIRST_PERSON_REQUIRED,
    0x40: Reason.WRONG_PIN,                 # the card is right
    0x41: Reason.SECOND_FACTOR_REQUIRED,    # no PIN in time after the card
    0x42: Reason.SECOND_FACTOR_REQUIRED,    # a wrong finger after the card
    0x43: Reason.SECOND_FACTOR_REQUIRED,    # no finger in time after the card
    0x44: Reason.WRONG_PIN,                 # the finger is right
    0x45: Reason.SECOND_FACTOR_REQUIRED,    # no PIN in time after the finger
    0x50: "people of a group in the wrong order",
    0x51: Reason.SECOND_PERSON_REQUIRED,    # more people of the group are needed
    0x60: "recognized, and the platform did not allow it",
    0x61: Reason.SECOND_FACTOR_REQUIRED,    # a wrong face after the card
    0x62: Reason.SECOND_FACTOR_REQUIRED,    # no face in time after the card
    0x63: Reason.ANTI_PASSBACK,             # entered again
    0x64: "recognized, and only the platform may allow it",
    0x65: "body temperature too high",
    0x66: "no mask",
    0x67: "the health code could not be read",
    0x68: "a yellow health code",
    0x69: "a red health code",
    0x6A: "the health code is not valid",
    0x6B: "a green health code",
    0x70: "waits for the health code",
}
# fmt: on


def why_refused(code: int, *, is_known: bool) -> str:
    """Return a Reason's value or words for a code; `is_known` where the event names a person."""
    if code == UNAUTHORIZED:
        return Reason.NO_ACCESS_LEVEL if is_known else Reason.UNKNOWN_CREDENTIAL
    return ERRORS.get(code, f"the terminal's error 0x{code & 0xFFFF:02x}, which is not known here")
