"""What suffices at a portal: which factors one must show. SUFFICIENT is the table; any one of its sets is enough.

`any` is a face or a card: a finger, a QR code or a PIN opens only where a portal names it. No one has to give a face:
at a portal that wants one, a person without a consent to face recognition passes by card and PIN in its place. A PIN
from a keypad only says more of a person who is known already; one that a console proves comes with the badge it
belongs to.
"""

from devicemgr.domain.model import Capability, Factor, Requirement

_Sets = tuple[frozenset[Factor], ...]


def _named(require: Requirement) -> frozenset[Factor]:
    return frozenset(Factor(word) for word in require.split("+"))


def _without_face(wanted: frozenset[Factor]) -> frozenset[Factor]:
    return wanted - {Factor.FACE} | {Factor.CARD, Factor.PIN} if Factor.FACE in wanted else wanted


SUFFICIENT: dict[Requirement, _Sets] = {
    **{require: (_named(require),) for require in Requirement if require is not Requirement.ANY},
    Requirement.ANY: (frozenset({Factor.FACE}), frozenset({Factor.CARD})),
}
WITHOUT_CONSENT: dict[Requirement, _Sets] = {
    **{require: tuple(map(_without_face, wanted)) for require, wanted in SUFFICIENT.items()},
    Requirement.ANY: SUFFICIENT[Requirement.ANY],
}
# What a device that can do this may prove of a person.
DELIVERS: dict[Capability, frozenset[Factor]] = {
    Capability.CAMERA: frozenset({Factor.FACE}),
    Capability.READER: frozenset({Factor.CARD, Factor.PIN}),
    Capability.CONSOLE: frozenset(Factor),
}
USES_FACES = frozenset(require for require, sets in SUFFICIENT.items() if any(Factor.FACE in wanted for wanted in sets))


def suffices(require: Requirement, shown: frozenset[Factor], *, consents: bool, doubtful_face: bool) -> bool:
    """Return True if `shown` is enough; a `doubtful_face`, a look-alike's, counts only beside another factor."""
    table = SUFFICIENT if consents else WITHOUT_CONSENT
    for wanted in table[require]:
        if wanted <= shown and not (doubtful_face and wanted == {Factor.FACE} and len(shown) == 1):
            return True
    return False


def lacking(require: Requirement, able: frozenset[Capability]) -> frozenset[Factor]:
    """Return the fewest factors for which devices with these capabilities are missing.

    None when `require` can be met.
    """
    delivered = frozenset[Factor]().union(*(DELIVERS.get(capability, frozenset()) for capability in able))
    return min((wanted - delivered for wanted in SUFFICIENT[require]), key=len)
