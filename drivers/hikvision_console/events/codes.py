"""What the numbers mean that Hikvision face terminals put into events and answers (vendor's document, and captures)."""

from dataclasses import dataclass

from devicemgr.domain.ledger_events import Kind, Reason
from devicemgr.domain.model import Factor
from drivers.hikvision_console.events.code_table import DENIED, GRANTED, HAPPENED

ALARM, EXCEPTION, OPERATION, EVENT = 1, 2, 3, 5


@dataclass(frozen=True, slots=True)
class Code:
    """A kind of event: a decision (`granted` says which), or something else by `kind`; `why` in words or a Reason.

    `factors` are those that a granted one proves.
    """

    words: str
    granted: bool | None = None
    reason: Reason | None = None
    kind: Kind | None = None
    factors: frozenset[Factor] = frozenset()

    @property
    def why(self) -> str:
        """A Reason's value where there is one."""
        return str(self.reason) if self.reason else self.words


# By major and minor type; drivers/hikvision_console/events/code_table.py holds those of major 5.
CODES: dict[tuple[int, int], Code] = {
    **{
        (EVENT, minor): Code(words, granted=True, factors=frozenset(factors))
        for minor, (words, factors) in GRANTED.items()
    },
    **{(EVENT, minor): Code(words, granted=False, reason=reason) for minor, (words, reason) in DENIED.items()},
    **{(EVENT, minor): Code(words, kind=kind) for minor, (words, kind) in HAPPENED.items()},
}
ASKS = "the console asks this box"  # who decides, in words
CONTACTS = {(EVENT, 0x19): True, (EVENT, 0x1A): False}
# Source and whether it begins: "Zone Tampering" and "Card Reader Tampering" of the vendor's list of alarms.
TAMPERS = {
    (ALARM, 0x404): ("zone", True),
    (ALARM, 0x405): ("zone", False),
    (ALARM, 0x406): ("reader", True),
    (ALARM, 0x407): ("reader", False),
}
FIRE_ON, FIRE_OFF = (EVENT, 0x34), (EVENT, 0x35)

# What an answer's statusCode means where no subStatusCode says more.
STATUS = {
    2: "is busy",
    3: "has a fault of its own",
    4: "does not do this",
    5: "can't read the request",
    6: "refuses the content",
    7: "wants to be restarted first",
}
OK, BUSY = 1, 2

SUB_STATUS = {
    "employeeNoAlreadyExist": "holds that badge already",
    "employeeNoNotExist": "does not hold that badge",
    "cardNoAlreadyExist": "holds that card for another person; remove it there first",
    "deviceUserAlreadyExist": "holds that badge already",
    "deviceUserAlreadyExistFace": "holds a face for that badge already",
    "alreadyExistThisFace": "holds this very face for another badge already; one of the two is enrolled wrongly",
    "pictureFaceDetectZero": "finds no face in the sample; enrol the person with a clearer photo",
    "notSupport": "does not do this; update its firmware",
    "invalidOperation": "does not do this now",
    "deviceBusy": "is busy",
    "badJsonFormat": "can't read the request",
    "deviceUserFull": "is full",
    "badXmlContent": "can't read the request",
    "deployExceedMax": "has too many listeners; close the other program that listens to its events",
}

EXISTS = {"employeeNoAlreadyExist", "deviceUserAlreadyExist"}
FACE_EXISTS = {"deviceUserAlreadyExistFace"}
NOT_THERE = {"employeeNoNotExist"}
# A value does not fit; which one is said in words at most (the vendor's list of sub status codes).
CONTENT_REFUSED = {"badParameters", "badJsonContent", "badXmlContent", "beyondARGSRangeLimit", "nameTooLong"}
NOT_SUPPORTED = {"notSupport", "methodNotAllowed", "invalidOperation", "notFound"}
