r"""Meanings of a terminal's refusals: {"code":N,"detail":{"FailCodes":[…]},"message":"…"}, HTTP 400.

Codes: the vendor's HTTP API (AccessControl 286064…, FaceInfoManager 288686…, business 268632…), in a public client of
it (INTELBRAS_REQUEST_ERROR_CODES); shapes and what triggers them: bench notes on an SS 5531 MF EX. Older firmware
answers any refusal with `Error\r\nBad Request!` alone, which says nothing of its cause.
"""

from enum import StrEnum

from devicemgr.errors import DeviceGarbled, DeviceRefused
from drivers.common.http.client import read_json

_MAX_CODES = 100
# "An error within the batch": its FailCodes say which.
BATCH_FAILED = 268632336


class Cause(StrEnum):
    """The consequence of a refusal."""

    OTHER = "other"
    BUSY = "busy"  # nothing was done; the same may be accepted in a moment
    EXISTS = "exists"  # to be changed instead of added
    ABSENT = "absent"  # to be added instead of changed
    CARD_TAKEN = "card taken"


# fmt: off
# code: (what follows, the cause and what helps, in the operator's words)
CODES: dict[int, tuple[Cause, str]] = {
    268632321: (Cause.OTHER, "it does not take this in its present state; restart it"),
    268632322: (Cause.OTHER, "a value of the request is not what it accepts"),
    268632323: (Cause.BUSY, "it is still at work on the request before"),
    268632324: (Cause.OTHER, "an error that it does not name; restart it"),
    268632325: (Cause.BUSY, "it has no resources left for this now"),
    268632326: (Cause.OTHER, "its firmware does not support this"),
    268632327: (Cause.BUSY, "it did not get it done in its time"),
    268632328: (Cause.BUSY, "too many requests at once; set pace_ms if that goes on"),
    268632329: (Cause.OTHER, "more data at once than it can handle"),
    268632336: (Cause.OTHER, "one of the batch failed"),
    268632337: (Cause.OTHER, "it canceled the request"),
    268632577: (Cause.BUSY, "it is not ready yet after its start"),
    268632578: (Cause.OTHER, "its model does not do this"),
    268632579: (Cause.BUSY, "its state is not available now"),
    285278242: (Cause.OTHER, "it has no such table"),
    286064897: (Cause.OTHER, "the credential is not valid"),
    286064898: (Cause.OTHER, "the person's password is wrong"),
    286064899: (Cause.OTHER, "the fingerprint's data is wrong"),
    286064900: (Cause.OTHER, "the face's data is wrong; enroll another photo"),
    286064901: (Cause.OTHER, "the card's data is wrong: does it expect decimal numbers (CardStoreFormat)?"),
    286064902: (Cause.OTHER, "the person's data is wrong: is the badge or the name too long for it?"),
    286064903: (Cause.OTHER, "it does not tell its services; restart it"),
    286064904: (Cause.OTHER, "it does not tell its methods; restart it"),
    286064905: (Cause.OTHER, "it does not tell its capabilities; restart it"),
    286064912: (Cause.OTHER, "its memory is full; set the option capacity to what it holds"),
    286064913: (Cause.BUSY, "people are added faster than it allows; set pace_ms if that goes on"),
    286064914: (Cause.OTHER, "it could not erase the fingerprints; restart it"),
    286064915: (Cause.OTHER, "it could not erase the face; restart it"),
    286064916: (Cause.OTHER, "it could not erase the cards; restart it"),
    286064917: (Cause.ABSENT, "it has no such record"),
    286064918: (Cause.ABSENT, "it has no more records"),
    286064919: (Cause.EXISTS, "it has this record already"),
    286064920: (Cause.OTHER, "it holds no more fingerprints of one person"),
    286064921: (Cause.OTHER, "it holds no more cards of one person"),
    286064922: (Cause.OTHER, "it can't extract a face from the photo; enroll a sharper one from the front"),
    286064923: (Cause.OTHER, "the photo's file is too large for it"),
    286064924: (Cause.OTHER, "it holds no more photos of one person"),
    286064925: (Cause.ABSENT, "it does not have the person to whom this belongs"),
    286064926: (Cause.EXISTS, "it has a photo of this person already, or this very photo"),
    286064927: (Cause.OTHER, "the photo is no JPEG that it reads"),
    286064928: (Cause.OTHER, "it holds no more administrators"),
    286064929: (Cause.EXISTS, "it has this person already"),
    286064930: (Cause.CARD_TAKEN, "the card is held there already, by another person"),
    286064931: (Cause.EXISTS, "it has this fingerprint already"),
    286064932: (Cause.EXISTS, "it has this citizen number already"),
    286064933: (Cause.OTHER, "it could not download the fingerprint"),
    286064934: (Cause.OTHER, "it takes no ordinary people"),
    286064935: (Cause.BUSY, "the account is signing in just now"),
    288686080: (Cause.OTHER, "an error of the face that it does not name; enroll another photo"),
    288686081: (Cause.OTHER, "the photo is too large for it"),
    288686082: (Cause.ABSENT, "it does not have the person of this face"),
    288686083: (Cause.OTHER, "it can't extract a face from the photo; enroll a sharper one from the front"),
    288686084: (Cause.EXISTS, "it has a photo of this person already"),
    288686085: (Cause.OTHER, "it holds no more photos"),
    288686086: (Cause.OTHER, "the photo's format is none that it reads"),
    288686087: (Cause.OTHER, "it finds no face in the photo; enroll one in which the face is larger"),
    288686088: (Cause.OTHER, "it finds several faces in the photo; enroll one with a single face"),
    288686089: (Cause.OTHER, "it can't decode the photo"),
    288686090: (Cause.OTHER, "the photo's quality is too low; enroll a sharper one"),
    288686091: (Cause.OTHER, "it is too unsure of the face in the photo; enroll a better one"),
    288686092: (Cause.OTHER, "this face is another person's there (twins, or one person under two badges)"),
    288686093: (Cause.OTHER, "the face is turned away too far; enroll one from the front"),
    288686094: (Cause.OTHER, "the face must fill a third to two thirds of the photo"),
    288686095: (Cause.OTHER, "the face is overexposed; enroll one in softer light"),
    288686096: (Cause.OTHER, "the face is underexposed; enroll one in better light"),
    288686097: (Cause.OTHER, "the face is lit from one side; enroll one in even light"),
    288686098: (Cause.OTHER, "it is too unsure of the face in the photo; enroll a better one"),
    288686099: (Cause.OTHER, "the face is not straight; enroll one from the front"),
    288686100: (Cause.OTHER, "the face is covered in part; enroll one without mask, hat or sunglasses"),
    288686101: (Cause.OTHER, "the face is too small: its eyes are too close together"),
    288686102: (Cause.OTHER, "it could not download the photo"),
    288686103: (Cause.OTHER, "it finds the face and can't extract it; enroll a sharper photo"),
    288686104: (Cause.OTHER, "it filters out this face (mask, glasses, hat or age)"),
    288686105: (Cause.OTHER, "the face is cut off in the photo"),
    288686106: (Cause.OTHER, "the face's template has a wrong size"),
    288686107: (Cause.OTHER, "the face's template is not valid"),
    288686108: (Cause.OTHER, "it could not add the person's record"),
    288686109: (Cause.OTHER, "it could not update the person's record"),
    288686110: (Cause.OTHER, "it could not update the person's room"),
}
# fmt: on


class CgiRefused(DeviceRefused):
    """HTTP 400 or 501: the request can't be done, or this firmware does not know how; `codes` as far as it says why."""

    def __init__(self, message: str, codes: tuple[int, ...] = ()) -> None:
        super().__init__(message)
        self.codes = codes

    def has_only(self, *causes: Cause) -> bool:
        """Return True if it names codes, and all mean one of these."""
        return bool(self.codes) and all(cause_of(code) in causes for code in self.codes)

    def words(self, otherwise: str) -> str:
        """Return why in the operator's words, `otherwise` where the terminal does not say."""
        return words_of(self.codes) if self.codes else otherwise


def read_codes(body: bytes) -> tuple[int, ...]:
    """Return the codes of a refusal's body, each once, those of the batch's rows first; () for none."""
    if body.lstrip()[:1] != b"{":
        return ()
    try:
        answer = read_json(body)
    except DeviceGarbled:
        return ()
    error = answer.get("error")
    answer = error if isinstance(error, dict) else answer
    detail = answer.get("detail")
    listed = detail.get("FailCodes") if isinstance(detail, dict) else None
    rows = [code for one in listed[:_MAX_CODES] if (code := _code(one))] if isinstance(listed, list) else []
    found = rows or [code for code in (_code(answer.get("code")),) if code]
    return tuple(dict.fromkeys(found))


def cause_of(code: int) -> Cause:
    """Return what follows from a code."""
    return CODES[code][0] if code in CODES else Cause.OTHER


def words_of(codes: tuple[int, ...]) -> str:
    """Return what codes mean, each with its number."""
    return "; ".join(f"{CODES[code][1] if code in CODES else 'for an unknown cause'} (code {code})" for code in codes)


def _code(value: object) -> int:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else 0
