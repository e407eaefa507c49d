"""What the numbers mean that Hikvision face terminals put into events and answers (vendor's document, and captures)."""

from dataclasses import dataclass

from devicemgr.events import Kind, Reason

ALARM, EXCEPTION, OPERATION, EVENT = 1, 2, 3, 5


@dataclass(frozen=True, slots=True)
class Code:
    """A kind of event: a decision (`granted` says which), or something else by `kind`; `why` in words or a Reason."""

    words: str
    granted: bool | None = None
    reason: Reason | None = None
    kind: Kind | None = None

    @property
    def why(self) -> str:
        """A Reason's value where there is one."""
        return str(self.reason) if self.reason else self.words


# By major and minor type.
CODES: dict[tuple[int, int], Code] = {
    (EVENT, 0x01): Code("card accepted", granted=True),
    (EVENT, 0x06): Code("card without permission", granted=False, reason=Reason.NO_ACCESS_LEVEL),
    (EVENT, 0x07): Code("card outside its period", granted=False, reason=Reason.OUTSIDE_SCHEDULE),
    (EVENT, 0x08): Code("card expired", granted=False, reason=Reason.EXPIRED),
    (EVENT, 0x09): Code("unknown card", granted=False, reason=Reason.UNKNOWN_CREDENTIAL),
    (EVENT, 0x0A): Code("anti-passback", granted=False, reason=Reason.ANTI_PASSBACK),
    (EVENT, 0x26): Code("finger accepted", granted=True),
    (EVENT, 0x27): Code("finger refused", granted=False),
    (EVENT, 0x4B): Code("face accepted", granted=True),
    (EVENT, 0x4C): Code("face refused", granted=False),
    (EVENT, 0x71): Code("person on the block list", granted=False),
    (EVENT, 0x17): Code("exit button pressed", kind=Kind.REX_PRESSED),
    (EVENT, 0x1B): Code("opened by force", kind=Kind.PORTAL_FORCED),
    (EVENT, 0x1C): Code("held open", kind=Kind.PORTAL_HELD_OPEN),
    (EVENT, 0x34): Code("fire input active", kind=Kind.FIRE_RELEASE),
    (EVENT, 0x35): Code("fire input at rest", kind=Kind.FIRE_RELEASE),
    (EVENT, 0x85): Code("tailgating", kind=Kind.PASSAGE_TAILGATED),
    (EVENT, 0x86): Code("reverse passage", kind=Kind.PASSAGE_REVERSED),
    (EVENT, 0x87): Code("turnstile forced", kind=Kind.PORTAL_FORCED),
    (EVENT, 0x88): Code("climbed over", kind=Kind.PASSAGE_CLIMBED),
    (EVENT, 0x89): Code("passage timed out", kind=Kind.PASSAGE_TIMED_OUT),
    (EVENT, 0x8A): Code("intrusion", kind=Kind.PORTAL_FORCED),
    (EVENT, 0x8C): Code("passage obstructed", kind=Kind.PASSAGE_OBSTRUCTED),
}
# Told by others: 0x15 unlocked, 0x16 locked, 0x19 and 0x1a contact open and closed, 0x8d no longer obstructed, and the
# operations of major 3 (0x400 opened, 0x401 closed, 0x402 kept open, 0x403 kept closed from afar).
FIRE_ON, FIRE_OFF = (EVENT, 0x34), (EVENT, 0x35)
FACE_PASS, FACE_FAIL = (EVENT, 0x4B), (EVENT, 0x4C)
FINGER_PASS, FINGER_FAIL = (EVENT, 0x26), (EVENT, 0x27)

# What an answer's statusCode means where no subStatusCode says more.
STATUS = {
    2: "is busy", 3: "has a fault of its own", 4: "does not do this", 5: "can't read the request",
    6: "refuses the content", 7: "wants to be restarted first",
}  # fmt: skip
OK, BUSY = 1, 2

SUB_STATUS = {
    "employeeNoAlreadyExist": "holds that badge already",
    "employeeNoNotExist": "does not hold that badge",
    "cardNoAlreadyExist": "holds that card for somebody else; remove it there first",
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
