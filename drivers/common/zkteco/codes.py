"""Code tables of ZKTeco's PUSH protocol: events, verification methods, results of commands.

Source: ZKTeco, Security PUSH Communication Protocol (protocol 3.1.2, September 2021), appendixes 1, 2, 3, 17 and 19.
"""

from dataclasses import dataclass

from devicemgr.domain.ledger_events import Kind, Reason
from devicemgr.domain.model import Factor


@dataclass(frozen=True, slots=True)
class Report:
    """An event that is no decision about a person."""

    kind: Kind
    why: str = ""


_NOTE = Kind.DEVICE_DEGRADED
REMOTE_OPEN = 8
DURESS = frozenset({101, 103})
READER_TAMPER_ENDS = 236
CONTACTS = {200: True, 201: False}

# Appendix 2: the door opened for a person.
GRANTED = frozenset({0, 1, 2, 3, 14, 15, 16, 17, 18, 19, 203, 207, 208, 215, 216, 218, 219, 222, 232}) | DURESS

# Appendix 2: a person was refused; a Reason of ours where one says the same, else words.
REFUSED = {
    20: "tried again too soon", 31: "tried again too soon", 50: "tried again too soon", 61: "tried again",
    21: Reason.OUTSIDE_SCHEDULE, 22: Reason.OUTSIDE_SCHEDULE, 35: Reason.OUTSIDE_SCHEDULE, 49: Reason.OUTSIDE_SCHEDULE,
    23: Reason.NO_ACCESS_LEVEL, 67: Reason.NO_ACCESS_LEVEL, 80: Reason.NO_ACCESS_LEVEL,
    24: Reason.ANTI_PASSBACK, 25: Reason.INTERLOCK,
    26: Reason.SECOND_PERSON_REQUIRED, 32: Reason.SECOND_PERSON_REQUIRED, 51: Reason.SECOND_PERSON_REQUIRED,
    27: Reason.UNKNOWN_CREDENTIAL, 34: Reason.UNKNOWN_CREDENTIAL, 73: Reason.UNKNOWN_CREDENTIAL,
    104: Reason.UNKNOWN_CREDENTIAL, 30: Reason.WRONG_PIN,
    29: Reason.EXPIRED, 33: Reason.EXPIRED, 53: Reason.EXPIRED, 74: Reason.EXPIRED,
    38: Reason.SUSPENDED, 39: Reason.SUSPENDED, 62: Reason.SUSPENDED,
    40: "verification by several people failed", 48: "verification by several people failed",
    52: "verification by several people failed",
    41: "not the way of verifying that the terminal wants", 42: "the reader sent a card in a format it does not know",
    44: "remote identification failed", 45: "remote identification timed out",
    60: Reason.PORTAL_LOCKED, 63: Reason.PORTAL_LOCKED,
    68: "body temperature too high", 69: "no mask", 70: "its face server can't be reached",
    71: "its face server failed", 75: Reason.SECOND_FACTOR_REQUIRED,
}  # fmt: skip

REPORTS = {
    4: Report(Kind.PORTAL_UNLOCKED, "by the emergency password"),
    5: Report(Kind.PORTAL_UNLOCKED, "its own hours keep the door open"),
    6: Report(_NOTE, "a linkage of the terminal was triggered"),
    7: Report(_NOTE, "its alarms were canceled"),
    REMOTE_OPEN: Report(Kind.PORTAL_UNLOCKED, "opened remotely, by another program"),
    9: Report(Kind.PORTAL_RELOCKED, "closed remotely"),
    10: Report(Kind.PORTAL_RELOCKED, "its own open hours were switched off for the day"),
    11: Report(Kind.PORTAL_UNLOCKED, "its own open hours were switched on for the day"),
    28: Report(Kind.PORTAL_HELD_OPEN),
    36: Report(Kind.REX_PRESSED, "refused: outside the hours of the button"),
    37: Report(_NOTE, "the door can't be closed while its own hours keep it open"),
    43: Report(_NOTE, "a person who is marked at the terminal was seen"),
    47: Report(_NOTE, "it could not pass on a command"),
    54: Report(_NOTE, "its battery is low"),
    55: Report(_NOTE, "its battery must be replaced at once"),
    56: Report(Kind.TAMPER, "an operation there without the right to it"),
    57: Report(_NOTE, "it runs on its backup power supply"),
    58: Report(Kind.PORTAL_HELD_OPEN, "alarm of a door that is kept open"),
    59: Report(Kind.TAMPER, "an administrator without the right to it tried its menu"),
    64: Report(Kind.REX_PRESSED, "refused: outside the hours of the button"),
    65: Report(_NOTE, "an auxiliary input outside its hours"),
    66: Report(_NOTE, "the update of a reader failed"),
    72: Report(_NOTE, "a call from the door was not answered"),
    76: Report(_NOTE, "it can't read fingerprints in TITAN mode"),
    77: Report(_NOTE, "its network cable is unplugged"),
    78: Report(_NOTE, "its hotspot was lost"),
    79: Report(_NOTE, "its mobile network was lost"),
    100: Report(Kind.TAMPER, "its case is open"),
    102: Report(Kind.PORTAL_FORCED),
    105: Report(_NOTE, "it lost its server"),
    106: Report(_NOTE, "its battery failed"),
    107: Report(_NOTE, "its mains power failed"),
    108: Report(_NOTE, "it lost its main controller"),
    109: Report(Kind.TAMPER, "a reader was taken off"),
    110: Report(_NOTE, "a reader is offline"),
    111: Report(_NOTE, "its power over Ethernet failed"),
    112: Report(_NOTE, "an extension board is offline"),
    113: Report(_NOTE, "illegal security level"),
    114: Report(Kind.TAMPER, "the line of its fire input is cut"),
    115: Report(Kind.TAMPER, "the line of its fire input is shorted"),
    116: Report(Kind.TAMPER, "the line of an auxiliary input is cut"),
    117: Report(Kind.TAMPER, "the line of an auxiliary input is shorted"),
    118: Report(Kind.TAMPER, "the line of the exit button is cut"),
    119: Report(Kind.TAMPER, "the line of the exit button is shorted"),
    120: Report(Kind.TAMPER, "the line of the door contact is cut"),
    121: Report(Kind.TAMPER, "the line of the door contact is shorted"),
    132: Report(_NOTE, "an emergency of the elevator was canceled"),
    133: Report(_NOTE, "an emergency of the elevator can't be canceled"),
    134: Report(_NOTE, "the elevator is restricted"),
    150: Report(_NOTE, "the elevator's manual button is shorted"),
    151: Report(_NOTE, "the elevator's manual button is cut"),
    152: Report(_NOTE, "the elevator's emergency button is shorted"),
    153: Report(_NOTE, "the elevator's emergency button is cut"),
    154: Report(_NOTE, "the elevator's fire button is shorted"),
    155: Report(_NOTE, "the elevator's fire button is cut"),
    202: Report(Kind.REX_PRESSED),
    204: Report(Kind.PORTAL_RELOCKED, "its own open hours ended"),
    205: Report(Kind.PORTAL_UNLOCKED, "kept open remotely"),
    206: Report(_NOTE, "the terminal was started"),
    209: Report(Kind.REX_PRESSED, "refused: the door is locked"),
    210: Report(Kind.PORTAL_UNLOCKED, "fire: the terminal opened the door"),
    211: Report(Kind.PORTAL_LOCKED, "by a super user of the terminal"),
    212: Report(_NOTE, "elevator control was switched on"),
    213: Report(_NOTE, "elevator control was switched off"),
    220: Report(Kind.TAMPER, "the line of an auxiliary input is cut"),
    221: Report(Kind.TAMPER, "the line of an auxiliary input is shorted"),
    223: Report(_NOTE, "it wants a remote identification, which is not offered here"),
    224: Report(_NOTE, "the doorbell rang"),
    226: Report(_NOTE, "an auxiliary input was triggered"),
    227: Report(Kind.PORTAL_UNLOCKED, "emergency: the doors are kept open"),
    228: Report(Kind.PORTAL_LOCKED, "emergency: the doors are kept shut"),
    231: Report(_NOTE, "a camera linkage of the terminal was triggered"),
    233: Report(Kind.PORTAL_LOCKED, "locked remotely"),
    234: Report(_NOTE, "its lock was lifted remotely"),
    239: Report(_NOTE, "a call from the door"),
    243: Report(Kind.TAMPER, "the line of its fire input is cut"),
    244: Report(Kind.TAMPER, "the line of its fire input is shorted"),
    4000: Report(Kind.PORTAL_RELOCKED, "the fire opening ended"),
    4001: Report(Kind.PASSAGE_COMPLETED, "a person passed the gate"),
    5000: Report(_NOTE, "the clutch of the gate is abnormal"),
    5001: Report(_NOTE, "the fire board is abnormal"),
    5002: Report(_NOTE, "the fire board loses power"),
    5003: Report(_NOTE, "its power supply is abnormal"),
    5004: Report(_NOTE, "its signals are out of step"),
    5005: Report(_NOTE, "the motor draws too much current"),
    5006: Report(_NOTE, "the main board draws too much current"),
    5007: Report(_NOTE, "the main board is overloaded"),
    5008: Report(_NOTE, "it receives an opening signal without end"),
    5009: Report(_NOTE, "its voice can't be loaded"),
    5010: Report(_NOTE, "its slave machine is offline"),
    5011: Report(_NOTE, "the line to its slave machine is cut"),
    5012: Report(_NOTE, "the belt of the gate is broken"),
    5013: Report(_NOTE, "the opening solenoid of the gate is abnormal"),
    5014: Report(_NOTE, "the drop-arm solenoid is abnormal"),
    5015: Report(_NOTE, "the arm can't be lifted"),
    5016: Report(_NOTE, "the arm can't be dropped"),
    6000: Report(Kind.PORTAL_UNLOCKED, "fire: the terminal opened the gate"),
}

# Events of the terminal's own service that say nothing of a person or a door: its outputs, network and elevator
# buttons, ends of calls, and 254 and 255, which only frame other reports.
SERVICE = frozenset(
    {12, 13, 214, 217, 225, 229, 230, 235, 237, 240, 241, 242, 245, 246, 247, 248, 249, 250, 251, 252, 254, 255}
)

# What has no record of its own: states, and the service above.
STATES = SERVICE | {*CONTACTS, READER_TAMPER_ENDS}

# Appendix 3. What is not here proves nothing: 0 and 5 to 7 leave open which of several was used, 2 is a number that
# anybody can type, 200 is no verification, and of a finger's veins there is no factor here.
VERIFIED = {
    1: {Factor.FINGER}, 3: {Factor.PIN}, 4: {Factor.CARD}, 8: {Factor.FINGER}, 9: {Factor.FINGER, Factor.PIN},
    10: {Factor.CARD, Factor.FINGER}, 11: {Factor.CARD, Factor.PIN}, 12: {Factor.CARD, Factor.FINGER, Factor.PIN},
    13: {Factor.FINGER, Factor.PIN}, 14: {Factor.FINGER}, 15: {Factor.FACE}, 16: {Factor.FACE, Factor.FINGER},
    17: {Factor.FACE, Factor.PIN}, 18: {Factor.FACE, Factor.CARD}, 19: {Factor.FACE, Factor.FINGER, Factor.CARD},
    20: {Factor.FACE, Factor.FINGER, Factor.PIN}, 22: {Factor.PIN}, 23: {Factor.CARD},
    24: {Factor.CARD, Factor.PIN},
}  # fmt: skip
# Newer firmware writes 16 binary digits (7.2, verifytype), read from the right: 0 all of them (1) or one (0).
_DIGITS = {1: Factor.FACE, 4: Factor.FINGER, 9: Factor.PIN, 11: Factor.CARD}
_DIGITS_LENGTH = 16

# Appendix 1, in the words of who has to act. Any result from 0 up is done.
RESULTS = {
    -1: "it could not send the command on", -2: "no answer came to the command", -3: "its buffer is full",
    -4: "it could not unpack the data", -5: "the data had a wrong length", -6: "the data had a wrong length",
    -7: "it took the command for a repeated one", -8: "it does not authorize this connection",
    -9: "the data did not arrive whole", -10: "it can't read the data", -11: "it refuses a value in the data",
    -12: "it failed to carry the command out", -13: "its firmware does not have this command",
    -14: "the communication password is wrong", -15: "it can't write its memory", -16: "it can't read its memory",
    -18: "its memory is full", -19: "the data did not arrive whole", -20: "the data did not arrive whole",
    -26: "an empty fingerprint", -27: "it does not hold that person",
    -28: "its own open hours keep that door open now", -100: "its firmware does not have this table",
    -101: "its firmware does not have a field of the condition", -102: "the number of fields is not its own",
    -103: "the order of the fields is not its own", -105: "it can't read the data", -106: "more than 4 MB at once",
    -107: "its firmware does not have this table", -108: "it does not have this option",
    -604: "it has no working memory left", -612: "it could not save the setting",
    -614: "it could not cancel the alarm", -615: "it could not restart",
    -616: "it could not keep the door open, or stop to", -619: "a value is missing", -620: "it can't read the data",
    -621: "its firmware does not have a field of the table", -629: "its firmware does not have this table",
    -631: "the photo has a wrong length", -708: "its firmware does not have this command",
    -709: "it could not upload its options", -722: "it could not upload its data", -725: "it timed out by itself",
    -726: "it could not reach this computer", -728: "it could not count the table",
    -730: "it could not reach this computer", -731: "it could not reach this computer",
    -801: "it can't read the command",
}  # fmt: skip
# Nothing was done, and the same may succeed in a moment.
NOT_NOW = frozenset({-1, -3, -604})
# The answer says that it does not know whether the command was carried out.
UNCERTAIN = frozenset({-2, -725})
# A main controller has taken a command for a sub-controller (7.4): the result follows.
ACCEPTED = -5000
LACKS = frozenset({-13, -100, -107, -629, -708})

# Appendix 17: why a photo could not be made into a face.
PHOTO_ERRORS = {
    "D01E0001": "no face was found in the photo", "D01E0002": "the face is covered",
    "D01E0003": "the photo is not sharp",
    "D01E0004": "the face is turned away too far", "D01E0005": "the photo failed its liveness check",
    "D01E0006": "no template could be made of the photo",
}  # fmt: skip

# 7.3: the eight alarm bits of a door, lowest first. `input` tells several sources of one kind apart.
ALARM_BITS = (
    (Kind.PORTAL_FORCED, "", "the door was opened without a release"),
    (Kind.TAMPER, "", "its case is open"),
    (Kind.DURESS_SIGNALLED, "password", "a person was forced to open (duress password)"),
    (Kind.DURESS_SIGNALLED, "finger", "a person was forced to open (duress finger)"),
    (Kind.PORTAL_HELD_OPEN, "", "the door stands open for too long"),
    (Kind.DEVICE_DEGRADED, "mains", "its mains power failed"),
    (Kind.DEVICE_DEGRADED, "battery", "its battery failed"),
    (Kind.TAMPER, "reader", "a reader was taken off"),
)


def proven_by(verify: str) -> frozenset[Factor]:
    """Return the factors that a verification type proves, if the verification succeeded."""
    if len(verify) == _DIGITS_LENGTH and not set(verify) - {"0", "1"}:
        places = [place for place in range(1, _DIGITS_LENGTH) if verify[-1 - place] == "1"]
        if len(places) > 1 and verify[-1] == "0":
            return frozenset()  # one of several, and not which
        return frozenset(_DIGITS[place] for place in places if place in _DIGITS)
    return frozenset(VERIFIED.get(int(verify), set())) if verify.isascii() and verify.isdigit() else frozenset()


def result_words(result: int) -> str:
    """Return what a command's result means."""
    return RESULTS.get(result, f"it answers error {result}")
