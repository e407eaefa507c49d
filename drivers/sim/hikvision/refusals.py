"""Every way in which a terminal says no, byte for byte: what DS-K1T terminals answer, by subStatusCode."""

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reply:
    """A status and a body; XML is labelled as JSON too, as the real one does."""

    status: int
    body: bytes
    kind: str = "application/json"


_WORDS = {
    2: "Device Busy",
    3: "Device Error",
    4: "Invalid Operation",
    5: "Invalid Format",
    6: "Invalid Content",
    7: "Reboot Required",
}

# subStatusCode: HTTP status, statusCode, errorCode (None where no capture shows one).
REFUSALS: dict[str, tuple[int, int, int | None]] = {
    "employeeNoAlreadyExist": (400, 6, 0x60006020),
    "employeeNoNotExist": (400, 6, 0x6000601F),
    "cardNoAlreadyExist": (400, 6, 0x60006033),
    "deviceUserAlreadyExist": (400, 6, 0x60007002),
    "deviceUserAlreadyExistFace": (400, 6, 0x60007004),
    "alreadyExistThisFace": (400, 4, None),
    "pictureFaceDetectZero": (400, 6, 0x6000604C),
    "deviceUserFull": (400, 6, 0x60007001),
    "badParameters": (400, 6, 0x60000001),
    "notSupport": (403, 4, 0x40000001),
    "invalidOperation": (400, 4, 0x40000006),
    "deployExceedMax": (403, 4, 0x40000007),
    "deviceBusy": (503, 2, 0x20000004),
    "deviceError": (500, 3, 0x30000002),
    "badJsonFormat": (400, 5, 0x50000002),
    "badXmlContent": (400, 5, 0x50000001),
    "rebootRequired": (403, 7, 0x70000001),
    # The vendor's list names these by statusCode; their HTTP status is that of the others.
    "noMemory": (503, 2, None),
    "cardFull": (400, 6, None),
    "deviceCardFull": (400, 6, None),
    "deviceFaceFull": (400, 6, None),
    "cardFullPerUser": (400, 6, None),
    "lowPrivilege": (403, 4, None),
    "faceLibraryNumError": (400, 6, None),
    "SubpicAnalysisModelingError": (400, 6, None),
    "picFormatError": (400, 6, None),
    "beyondARGSRangeLimit": (400, 6, None),
}


class Refused(Exception):
    """An answer that says no; KeyError for a subStatusCode that is not in REFUSALS."""

    def __init__(self, sub: str) -> None:
        super().__init__(sub)
        status, code, error = REFUSALS[sub]
        fields: dict[str, int | str] = {"statusCode": code, "statusString": _WORDS[code], "subStatusCode": sub}
        if error is not None:
            fields |= {"errorCode": error, "errorMsg": sub}
        self.reply = Reply(status, json.dumps(fields).encode())


def user_check(retries: int, locked_seconds: int) -> Reply:
    """Build the body of a 401, XML labeled as JSON: tries left, and for how long the account is locked."""
    lock = "lock" if locked_seconds else "unlock"
    fields = (
        "<statusValue>401</statusValue><statusString>Unauthorized</statusString><isActivated>true</isActivated>"
        f"<lockStatus>{lock}</lockStatus><unlockTime>{locked_seconds}</unlockTime><retryTimes>{retries}</retryTimes>"
    )
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    space = 'version="2.0" xmlns="http://www.isapi.org/ver20/XMLSchema"'
    return Reply(401, f"{head}<userCheck {space}>{fields}</userCheck>".encode())
