"""Values of `Method` in a Dahua (Intelbras) event: what was used, and which factors that proves.

Source: Intelbras' API document, "Open Door Method", and captures of terminals. CardNo stands in every event, also of
faces and PINs, so that only the method says whether a card was shown. "A or B" proves neither: it does not say which.
Methods that are not here prove nothing.
"""

from devicemgr.domain.model import Factor

REMOTE, BUTTON, DURESS_PIN = 4, 5, 13
# CardType of a card that is shown under duress (Intelbras, AccessCard).
DURESS_CARD = 5

_CARD, _PIN, _FINGER, _FACE, _QR = Factor.CARD, Factor.PIN, Factor.FINGER, Factor.FACE, Factor.QR

# fmt: off
# Method: (what was used, the factors that this proves)
METHODS: dict[int, tuple[str, tuple[Factor, ...]]] = {
    0: ("PIN", (_PIN,)),
    1: ("card", (_CARD,)),
    2: ("card, then PIN", (_CARD, _PIN)),
    3: ("PIN, then card", (_CARD, _PIN)),
    REMOTE: ("remote command", ()),
    BUTTON: ("exit button", ()),
    6: ("finger", (_FINGER,)),
    7: ("PIN, card and finger", (_PIN, _CARD, _FINGER)),
    8: ("PIN and finger", (_PIN, _FINGER)),
    9: ("card and finger", (_CARD, _FINGER)),
    11: ("several people", ()),
    12: ("key", ()),
    DURESS_PIN: ("duress PIN", ()),
    14: ("QR code", (_QR,)),
    15: ("face", (_FACE,)),
    17: ("identity document", ()),
    18: ("face and identity document", (_FACE,)),
    19: ("Bluetooth", ()),
    20: ("custom PIN", ()),
    21: ("user ID and PIN", (_PIN,)),
    22: ("face and PIN", (_FACE, _PIN)),
    23: ("finger and PIN", (_FINGER, _PIN)),
    24: ("finger and face", (_FINGER, _FACE)),
    25: ("card and face", (_CARD, _FACE)),
    26: ("face or PIN", ()),
    27: ("finger or PIN", ()),
    28: ("finger or face", ()),
    29: ("card or face", ()),
    30: ("card or finger", ()),
    31: ("finger, face and PIN", (_FINGER, _FACE, _PIN)),
    32: ("card, face and PIN", (_CARD, _FACE, _PIN)),
    33: ("card, finger and PIN", (_CARD, _FINGER, _PIN)),
    34: ("card, finger and face", (_CARD, _FINGER, _FACE)),
    35: ("finger, face or PIN", ()),
    36: ("card, face or PIN", ()),
    37: ("card, finger or face", ()),
    38: ("card, finger, face and PIN", (_CARD, _FINGER, _FACE, _PIN)),
    39: ("card, finger, face or PIN", ()),
    40: ("identity document and face, or card, or face", ()),
    41: ("identity document, QR code or face", ()),
    42: ("telephone keys", ()),
    43: ("QR code, checked remotely", ()),
    44: ("face, checked remotely", ()),
    45: ("identity document and finger", ()),
    46: ("temporary PIN", ()),
    47: ("health code", ()),
}
# fmt: on


def proven_by(method: int) -> frozenset[Factor]:
    """Return the factors that a granted event with this method proves."""
    return frozenset(METHODS[method][1]) if method in METHODS else frozenset()


def may_show_card(method: int) -> bool:
    """Return whether the card of an event may be the one that was shown."""
    return method not in METHODS or "card" in METHODS[method][0]
