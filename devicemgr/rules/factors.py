"""What suffices at a portal: which factors one must show. SUFFICIENT is the table; any one of its sets is enough.

Nobody must give a face: at a portal that wants one, a person without a consent to face recognition passes by card and
PIN. A PIN alone is nobody's: it only says more of somebody who is known already.
"""

from enum import StrEnum

from devicemgr.model import Capability, Requirement


class Factor(StrEnum):
    """A proof of who somebody is."""

    FACE = "face"
    CARD = "card"
    PIN = "pin"


_FACE, _CARD, _PIN = Factor.FACE, Factor.CARD, Factor.PIN

SUFFICIENT: dict[Requirement, tuple[frozenset[Factor], ...]] = {
    Requirement.ANY: (frozenset({_FACE}), frozenset({_CARD})),
    Requirement.FACE: (frozenset({_FACE}),),
    Requirement.CARD: (frozenset({_CARD}),),
    Requirement.CARD_PIN: (frozenset({_CARD, _PIN}),),
    Requirement.CARD_FACE: (frozenset({_CARD, _FACE}),),
}
WITHOUT_CONSENT: dict[Requirement, tuple[frozenset[Factor], ...]] = {
    **SUFFICIENT,
    Requirement.FACE: (frozenset({_CARD, _PIN}),),
    Requirement.CARD_FACE: (frozenset({_CARD, _PIN}),),
}
# What a device that can do this may tell of somebody.
DELIVERS: dict[Capability, frozenset[Factor]] = {
    Capability.CAMERA: frozenset({_FACE}),
    Capability.READER: frozenset({_CARD, _PIN}),
    Capability.CONSOLE: frozenset({_FACE, _CARD, _PIN}),
}
USES_FACES = frozenset({Requirement.ANY, Requirement.FACE, Requirement.CARD_FACE})


def suffices(require: Requirement, shown: frozenset[Factor], *, consents: bool, doubtful_face: bool) -> bool:
    """Whether `shown` is enough; a `doubtful_face`, a look-alike's, counts only beside a card or PIN."""
    table = SUFFICIENT if consents else WITHOUT_CONSENT
    for wanted in table[require]:
        if wanted <= shown and not (doubtful_face and wanted == {_FACE} and len(shown) == 1):
            return True
    return False


def lacking(require: Requirement, able: frozenset[Capability]) -> frozenset[Factor]:
    """The fewest factors for which devices with these capabilities are missing; none when `require` can be met."""
    delivered = frozenset[Factor]().union(*(DELIVERS.get(capability, frozenset()) for capability in able))
    return min((wanted - delivered for wanted in SUFFICIENT[require]), key=len)
