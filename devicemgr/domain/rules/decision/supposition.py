"""A request that no one has made, to explain what would be decided."""

from collections.abc import Iterable
from datetime import datetime

from devicemgr.domain.model import Direction, Factor, Person
from devicemgr.domain.rules.decision.requests import AccessRequest, CardEvidence, ConsoleEvidence, FaceEvidence


def suppose(
    person: Person, portal: str, direction: Direction, times: tuple[datetime, ...], factors: Iterable[Factor]
) -> AccessRequest:
    """Return the request of a person who presents these factors, each of them right, at each of `times`."""
    shown = frozenset(factors)
    at, *others = times
    by_console = shown & {Factor.FINGER, Factor.QR}
    return AccessRequest(
        "",
        portal,
        direction,
        "",
        at,
        0.0,
        0.0,
        face=FaceEvidence(1.0, 1.0, None, 0, person_id=person.id) if Factor.FACE in shown else None,
        card=CardEvidence((), person.id) if Factor.CARD in shown else None,
        pin=True if Factor.PIN in shown else None,
        also_at=tuple(others),
        console=ConsoleEvidence("", factors=by_console, person_id=person.id) if by_console else None,
    )
