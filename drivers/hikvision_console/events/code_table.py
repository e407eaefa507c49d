"""The codes of major type 5 ("event") of Hikvision's access control, as a table.

Sources: the vendor's "Access Control Event Types" (ISAPI and Device Network SDK developer guides, access control on
person and on card), and the SDK's MINOR_* names where those guides leave a code out. Where guide and SDK name disagree
(0x0f: "completed" there, "remote right failed" here) the code counts as refused.

A code alone says which factors were proven: `currentVerifyMode` is how the reader is set up, not what was used. What
proves none of our factors is `()`: an employee number is only a name, a one-time code, a Bluetooth key, an identity
document and the authorization of another person prove nothing here.
"""

from devicemgr.domain.ledger_events import Kind, Reason
from devicemgr.domain.model import Factor

CARD, FACE, FINGER, QR, PIN = Factor.CARD, Factor.FACE, Factor.FINGER, Factor.QR, Factor.PIN

# fmt: off
# minor: (what happened, the factors that this proves)
GRANTED: dict[int, tuple[str, tuple[Factor, ...]]] = {
    0x01: ("card", (CARD,)),
    0x02: ("card and PIN", (CARD, PIN)),
    0x10: ("several people together", ()),
    0x22: ("several people together: super password", ()),
    0x26: ("finger", (FINGER,)),
    0x28: ("card and finger", (CARD, FINGER)),
    0x2B: ("card, finger and PIN", (CARD, FINGER, PIN)),
    0x2E: ("finger and PIN", (FINGER, PIN)),
    0x36: ("face and finger", (FACE, FINGER)),
    0x39: ("face and PIN", (FACE, PIN)),
    0x3C: ("face and card", (FACE, CARD)),
    0x3F: ("face, PIN and finger", (FACE, PIN, FINGER)),
    0x42: ("face, card and finger", (FACE, CARD, FINGER)),
    0x45: ("employee number and finger", (FINGER,)),
    0x48: ("employee number, finger and PIN", (FINGER, PIN)),
    0x4B: ("face", (FACE,)),
    0x4D: ("employee number and face", (FACE,)),
    0x65: ("employee number and PIN", (PIN,)),
    0x69: ("person and identity card", ()),
    0x90: ("allow list", ()),
    0x95: ("common password", ()),
    0x99: ("combined authentication", ()),
    0x9C: ("QR code", (QR,)),
    0x9E: ("authorized by a resident", ()),
    0x9F: ("Bluetooth", ()),
    0xB3: ("one-time code", ()),
    0xB5: ("PIN", (PIN,)),
    0xE2: ("employee number", ()),
    0x700: ("voiceprint", ()),
}

_NO_LEVEL, _HOURS, _EXPIRED, _SUSPENDED = (
    Reason.NO_ACCESS_LEVEL, Reason.OUTSIDE_SCHEDULE, Reason.EXPIRED, Reason.SUSPENDED,
)
_UNKNOWN, _FACE, _PIN, _MORE, _ALIVE = (
    Reason.UNKNOWN_CREDENTIAL, Reason.UNKNOWN_FACE, Reason.WRONG_PIN, Reason.SECOND_FACTOR_REQUIRED,
    Reason.LIVENESS_FAILED,
)
_PASSBACK, _INTERLOCK, _LOCKED, _QUALITY = (
    Reason.ANTI_PASSBACK, Reason.INTERLOCK, Reason.PORTAL_LOCKED, Reason.LOW_QUALITY,
)

# minor: (what happened, our reason)
DENIED: dict[int, tuple[str, Reason]] = {
    0x03: ("card and PIN failed", _PIN),
    0x04: ("card and PIN timed out", _MORE),
    0x05: ("card and PIN tried too often", _PIN),
    0x06: ("no permission", _NO_LEVEL),
    0x07: ("outside the card's period", _HOURS),
    0x08: ("card expired", _EXPIRED),
    0x09: ("unknown card", _UNKNOWN),
    0x0A: ("anti-passback", _PASSBACK),
    0x0B: ("an interlocked door is not closed", _INTERLOCK),
    0x0C: ("several people together: not in the group", _NO_LEVEL),
    0x0D: ("several people together: outside the hours", _HOURS),
    0x0E: ("several people together: super password failed", _PIN),
    0x0F: ("several people together: the remote right failed", _MORE),
    0x23: ("several people together: the same one again", _MORE),
    0x24: ("several people together: timed out", _MORE),
    0x27: ("finger mismatched", _UNKNOWN),
    0x29: ("card and finger failed", _UNKNOWN),
    0x2A: ("card and finger timed out", _MORE),
    0x2C: ("card, finger and PIN failed", _UNKNOWN),
    0x2D: ("card, finger and PIN timed out", _MORE),
    0x2F: ("finger and PIN failed", _UNKNOWN),
    0x30: ("finger and PIN timed out", _MORE),
    0x31: ("unknown finger", _UNKNOWN),
    0x37: ("face and finger failed", _FACE),
    0x38: ("face and finger timed out", _MORE),
    0x3A: ("face and PIN failed", _FACE),
    0x3B: ("face and PIN timed out", _MORE),
    0x3D: ("face and card failed", _FACE),
    0x3E: ("face and card timed out", _MORE),
    0x40: ("face, PIN and finger failed", _FACE),
    0x41: ("face, PIN and finger timed out", _MORE),
    0x43: ("face, card and finger failed", _FACE),
    0x44: ("face, card and finger timed out", _MORE),
    0x46: ("employee number and finger failed", _UNKNOWN),
    0x47: ("employee number and finger timed out", _MORE),
    0x49: ("employee number, finger and PIN failed", _UNKNOWN),
    0x4A: ("employee number, finger and PIN timed out", _MORE),
    0x4C: ("face failed", _FACE),
    0x4E: ("employee number and face failed", _FACE),
    0x4F: ("employee number and face timed out", _MORE),
    0x50: ("face not recognized", _FACE),
    0x5E: ("first card not authorized", _MORE),
    0x66: ("employee number and PIN failed", _PIN),
    0x67: ("employee number and PIN timed out", _MORE),
    0x68: ("no live person", _ALIVE),
    0x70: ("person and identity card failed", _FACE),
    0x71: ("on the block list", _SUSPENDED),
    0x75: ("the door is held shut or asleep", _LOCKED),
    0x76: ("the authentication plan is asleep", _HOURS),
    0x77: ("the card's encryption failed", _UNKNOWN),
    0x78: ("the anti-passback server did not answer", _PASSBACK),
    0x82: ("exit button while the door is held shut or asleep", _LOCKED),
    0x84: ("linked opening while the door is held shut or asleep", _LOCKED),
    0x8B: ("passed a free turnstile without authentication", _UNKNOWN),
    0x91: ("allow list failed", _UNKNOWN),
    0x94: ("PIN tried too often", _PIN),
    0x96: ("common password failed", _PIN),
    0x97: ("PIN mismatched", _PIN),
    0x98: ("unknown employee number", _UNKNOWN),
    0x9A: ("combined authentication timed out", _MORE),
    0x9B: ("not by what this door asks for", _MORE),
    0x9D: ("QR code failed", _UNKNOWN),
    0xA0: ("Bluetooth failed", _UNKNOWN),
    0xA1: ("passport failed", _UNKNOWN),
    0xA2: ("card is no genuine M1 card", _UNKNOWN),
    0xA3: ("the CPU card's encryption failed", _UNKNOWN),
    0xA4: ("NFC is switched off", _UNKNOWN),
    0xA8: ("EM cards are switched off", _UNKNOWN),
    0xA9: ("M1 cards are switched off", _UNKNOWN),
    0xAA: ("CPU cards are switched off", _UNKNOWN),
    0xAB: ("identity cards are switched off", _UNKNOWN),
    0xB4: ("one-time code failed", _UNKNOWN),
    0xBC: ("the Desfire card's encryption failed", _UNKNOWN),
    0xBD: ("Desfire cards are switched off", _UNKNOWN),
    0xC3: ("one-time code expired", _EXPIRED),
    0xCA: ("fingers are switched off", _UNKNOWN),
    0xCB: ("faces are switched off", _UNKNOWN),
    0xD4: ("the person's number of entries is used up", _EXPIRED),
    0xDF: ("the picture is too small", _QUALITY),
    0x701: ("voiceprint failed", _UNKNOWN),
    0x805: ("the lane is not clear", _INTERLOCK),
    0x80C: ("intercepted", _NO_LEVEL),
    0x80F: ("the face is turned away", _QUALITY),
    0x813: ("an interlocked door delays", _INTERLOCK),
}

# minor: (what happened, our kind of event)
HAPPENED: dict[int, tuple[str, Kind]] = {
    0x17: ("exit button pressed", Kind.REX_PRESSED),
    0x1B: ("opened by force", Kind.PORTAL_FORCED),
    0x1C: ("held open", Kind.PORTAL_HELD_OPEN),
    0x34: ("fire input active", Kind.FIRE_RELEASE),
    0x35: ("fire input at rest", Kind.FIRE_RELEASE),
    0x85: ("tailgating", Kind.PASSAGE_TAILGATED),
    0x86: ("reverse passage", Kind.PASSAGE_REVERSED),
    0x87: ("turnstile forced", Kind.PORTAL_FORCED),
    0x88: ("climbed over", Kind.PASSAGE_CLIMBED),
    0x89: ("passage timed out", Kind.PASSAGE_TIMED_OUT),
    0x8A: ("intrusion", Kind.PORTAL_FORCED),
    0x8C: ("passage obstructed", Kind.PASSAGE_OBSTRUCTED),
}

# What tells nothing of a person or an alarm, or what others tell better: states of door and lock, relays, inputs,
# upgrades, purchases, attendance, motors, the doorbell, and what waits for another person's decision.
OTHER = frozenset({
    0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x18, 0x19, 0x1A, 0x1D, 0x1E, 0x1F, 0x20, 0x21, 0x25, 0x32, 0x33,
    0x51, 0x52, 0x53, 0x54,
    0x55, 0x56, 0x57, 0x58, 0x59, 0x5A, 0x5B, 0x5C, 0x5D, 0x5F, 0x60, 0x61, 0x62, 0x63, 0x64, 0x72, 0x73, 0x74, 0x83,
    0x8D, 0x8E, 0x8F, 0xA5, 0xA6, 0xA7, 0xAC, 0xAD, 0xAE, 0xAF, 0xB0, 0xB1, 0xB2, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xC1,
    0xC2, 0xC4, 0xC6, 0xCC, 0xD6, 0xDA, 0xDD, 0xE0, 0xE1, 0xE6, 0xE7, 0x540, 0x543, 0x544, 0x545, 0x702, 0x703, 0x706,
    0x800, 0x802, 0x804, 0x806, 0x807, 0x808, 0x809, 0x80A, 0x80B, 0x812, 0x816,
})
# fmt: on
