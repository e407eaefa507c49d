"""Checks of what was presented: whether it is of now, and whom it identifies."""

import math

from devicemgr.domain.ledger_events import Reason
from devicemgr.domain.model import ConsoleLiveness, Liveness, Person
from devicemgr.domain.rules.decision.checks import Check
from devicemgr.domain.rules.decision.requests import (
    MAX_EVIDENCE_AGE_S,
    SECOND_FACTOR_WITHIN_S,
    AccessRequest,
)
from devicemgr.domain.rules.decision.snapshot import NO_PERSON, Snapshot


def is_stale(request: AccessRequest) -> bool:
    """Return True if the evidence is not of now, or a console's question was repeated."""
    age = request.now - request.captured
    waited = 0.0 if request.first is None else request.captured - request.first
    fresh = 0.0 <= age <= MAX_EVIDENCE_AGE_S and 0.0 <= waited <= SECOND_FACTOR_WITHIN_S
    is_late = request.console is not None and bool(request.console.stale)
    return not fresh or is_late or any(at.utcoffset() is None for at in (request.at, *request.also_at))


def _shows_nothing(request: AccessRequest) -> bool:
    proved = request.console is not None and bool(request.console.factors)
    return request.face is None and request.card is None and not proved


def _is_unassigned(request: AccessRequest, person: Person) -> bool:
    return person is NO_PERSON and (request.card is not None or request.face is None)


def _says(request: AccessRequest, reason: Reason) -> bool:
    return request.face is not None and request.face.reason is reason


def _console_doubts(request: AccessRequest) -> bool:
    """Return True if a console takes the face for a picture: its liveness, by a sensor of its own, is below a half."""
    face = request.face
    return face is not None and bool(face.vendor) and face.liveness is not None and not face.liveness >= 0.5


def _lacks_liveness(request: AccessRequest, snapshot: Snapshot) -> bool:
    portal, face = snapshot.portals.get(request.portal), request.face
    if portal is None or face is None or not face.vendor or face.liveness is not None:
        return False
    return portal.liveness is not Liveness.OFF and portal.console_liveness is not ConsoleLiveness.TRUST


def _runner_up_as_good(request: AccessRequest) -> bool:
    """Return True if the match is ambiguous; a margin of None means that there is no other person to compare with."""
    margin = None if request.face is None else request.face.margin
    return margin is not None and not (math.isfinite(margin) and margin > 0.0)


def _is_no_match(request: AccessRequest) -> bool:
    """Return True if the face matches no one.

    The gallery has applied its threshold already, and this checks it again.
    """
    face = request.face
    if face is None:
        return _shows_nothing(request)
    if face.reason is not None or face.person_id is None:
        return True
    if face.vendor:
        return False  # A console has matched by itself; it need not tell how well.
    if face.score is None:
        return True
    return not (math.isfinite(face.score) and math.isfinite(face.threshold) and 0.0 < face.threshold <= face.score)


def _are_two_people(request: AccessRequest) -> bool:
    face, card, console = request.face, request.card, request.console
    named = None if console is None else console.person_id
    if card is None:
        return False
    return (face is not None and face.person_id != card.person_id) or named not in (None, card.person_id)


# fmt: off
CHECKS_OF_EVIDENCE = (
    Check(Reason.STALE_EVIDENCE,
          f"captured more than {MAX_EVIDENCE_AGE_S:g} s ago or at no usable time, or repeated by a console",
          lambda request, _, __: is_stale(request)),
    Check(Reason.UNKNOWN_CREDENTIAL, "nothing was presented, or nothing that a console proves",
          lambda request, _, __: _shows_nothing(request), case="nothing_presented"),
    Check(Reason.UNKNOWN_CREDENTIAL, "the card, or the badge that a console names, has no holder",
          lambda request, person, _: _is_unassigned(request, person), case="no_holder"),
    Check(Reason.LIVENESS_FAILED, "the face does not look alive",
          lambda request, _, __: _says(request, Reason.LIVENESS_FAILED) or _console_doubts(request)),
    Check(Reason.LIVENESS_FAILED, "a console does not say whether the face is alive, and the portal's liveness is on",
          lambda request, _, snapshot: _lacks_liveness(request, snapshot), case="liveness_unknown"),
    Check(Reason.LOW_QUALITY, "no picture of the face was good enough",
          lambda request, _, __: _says(request, Reason.LOW_QUALITY)),
    Check(Reason.AMBIGUOUS_FACE, "two enrolled people are too much alike to tell which one it is",
          lambda request, _, __: _says(request, Reason.AMBIGUOUS_FACE) or _runner_up_as_good(request)),
    Check(Reason.UNKNOWN_FACE, "no person matched, or the score is no number at or above the threshold",
          lambda request, _, __: _is_no_match(request)),
    Check(Reason.AMBIGUOUS_FACE, "the face, or the badge that a console names, and the card are two people's",
          lambda request, _, __: _are_two_people(request), case="two_people"),
    Check(Reason.UNKNOWN_FACE, "the person who matched is no longer known",
          lambda _, person, __: person is NO_PERSON, case="person_gone"),
)
# fmt: on
