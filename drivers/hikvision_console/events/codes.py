"""What the numbers mean that Hikvision face terminals put into events and answers (vendor's document, and captures)."""

from dataclasses import dataclass

from devicemgr.domain.ledger_events import Kind, Reason
from devicemgr.domain.model import Factor
from drivers.hikvision_console.events.alarm_table import ALARMS, ENDS, EXCEPTIONS, FIRES
from drivers.hikvision_console.events.code_table import DENIED, GRANTED, HAPPENED
from drivers.hikvision_console.events.operation_table import OPERATIONS

ALARM, EXCEPTION, OPERATION, EVENT = 1, 2, 3, 5


def log_of(major: int) -> str:
    """Return the name of the memory of a major type: serial numbers are kept for each."""
    return "" if major == EVENT else str(major)


def adopted_log(major: int) -> str:
    """Return the name under which it is kept where the reading of a memory began."""
    return f"adopted/{major}"


def history_log(major: int) -> str:
    """Return the name under which it is kept how far the history of a memory is recorded."""
    return f"history/{major}"


@dataclass(frozen=True, slots=True)
class Code:
    """A kind of event: a decision (`granted` says which), or something else by `kind`; `why` in words or a Reason.

    `factors` are those that a granted one proves. `input` tells the sources of alarms apart; `ends` for the end of one.
    """

    words: str
    granted: bool | None = None
    reason: Reason | None = None
    kind: Kind | None = None
    factors: frozenset[Factor] = frozenset()
    input: str = ""
    ends: bool = False

    @property
    def why(self) -> str:
        """A Reason's value where there is one."""
        return str(self.reason) if self.reason else self.words


# By major and minor type; the tables are in code_table.py, alarm_table.py and operation_table.py.
CODES: dict[tuple[int, int], Code] = {
    **{
        (EVENT, minor): Code(words, granted=True, factors=frozenset(factors))
        for minor, (words, factors) in GRANTED.items()
    },
    **{(EVENT, minor): Code(words, granted=False, reason=reason) for minor, (words, reason) in DENIED.items()},
    **{(EVENT, minor): Code(words, kind=kind) for minor, (words, kind) in HAPPENED.items()},
    **{(ALARM, minor): Code(words, kind=kind, input=name) for minor, (words, kind, name) in ALARMS.items()},
    **{
        (ALARM, minor): Code(f"{name}: the alarm is over", kind=Kind.TAMPER, input=name, ends=True)
        for minor, name in ENDS.items()
    },
    **{(EXCEPTION, minor): Code(words, kind=kind) for minor, (words, kind) in EXCEPTIONS.items()},
    **{(OPERATION, minor): Code(words, kind=kind) for minor, (words, kind) in OPERATIONS.items()},
    **{
        code: Code(f"fire input ({source}) {'active' if begins else 'at rest'}", kind=Kind.FIRE_RELEASE)
        for code, (source, begins) in FIRES.items()
    },
}
ASKS = "the console asks this box"  # who decides, in words
CONTACTS = {(EVENT, 0x19): True, (EVENT, 0x1A): False}
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
