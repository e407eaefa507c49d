"""What `Method` of a Dahua (Intelbras) event says was used, and which factors that proves.

Source: the vendor's HTTP API (AccessControl events and AccessControlCardRec), and captures of terminals. CardNo stands
in every event, also of faces and PINs, so that only the method says whether a card was shown. Methods that are not
here prove nothing.
"""

from devicemgr.domain.model import Factor

REMOTE, BUTTON = 4, 5

# fmt: off
# Method: (what was used, the factors that this proves)
METHODS: dict[int, tuple[str, tuple[Factor, ...]]] = {
    0: ("PIN", (Factor.PIN,)),
    1: ("card", (Factor.CARD,)),
    2: ("card, then PIN", (Factor.CARD, Factor.PIN)),
    3: ("PIN, then card", (Factor.CARD, Factor.PIN)),
    REMOTE: ("remote command", ()),
    BUTTON: ("exit button", ()),
    6: ("finger", (Factor.FINGER,)),
    9: ("card and finger", (Factor.CARD, Factor.FINGER)),
    14: ("QR code", (Factor.QR,)),
    15: ("face", (Factor.FACE,)),
    21: ("user ID and PIN", (Factor.PIN,)),
}
# fmt: on


def proven_by(method: int) -> frozenset[Factor]:
    """Return the factors that a granted event with this method proves."""
    return frozenset(METHODS[method][1]) if method in METHODS else frozenset()
