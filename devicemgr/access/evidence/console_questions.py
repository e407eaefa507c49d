"""Turn a console's question into an access request; recognize repeated questions.

A question is fresh when its own time is that of the console's measured clock, and the same was not received before at
the same portal. Neither the moment of its arrival nor the console's serial number shows that: a recorded push can be
sent again to any console's address, with any number.
"""

import math
import uuid
from collections import OrderedDict
from datetime import datetime

from devicemgr.domain.device_events import Presented
from devicemgr.domain.ledger_events import reason_named
from devicemgr.domain.model import AccessPoint, Factor
from devicemgr.domain.rules.decision.requests import MAX_CONSOLE_AGE_S, AccessRequest, ConsoleEvidence, FaceEvidence
from devicemgr.domain.rules.decision.snapshot import Snapshot

# A question that is older than this is refused for its own time, so there is no need to know it any longer.
MIN_REMEMBERED_S = 10 * MAX_CONSOLE_AGE_S
MAX_REMEMBERED = 20_000

_Key = tuple[str, datetime | None, str | None, tuple[str, ...], str]


class ConsoleQuestions:
    """The questions of the last seconds, by portal; for the dispatcher's thread only."""

    def __init__(self) -> None:
        self._known: OrderedDict[_Key, float] = OrderedDict()

    def why_stale(self, portal: str, fact: Presented, now: float, *, is_gate: bool = False) -> str:
        """Return why the question can't be taken as one of now, in words; "" when it can. Remembers it.

        `now` is a CLOCK_MONOTONIC second. `is_gate` says that the asking device is the portal's gate.
        """
        if fact.is_bound and is_gate:
            return ""
        if fact.at is None or fact.age is None:
            return "the console's own time of it, or its clock, is not known"
        if not (math.isfinite(fact.age) and abs(fact.age) <= MAX_CONSOLE_AGE_S):
            return f"it is {fact.age:.0f} s off the console's clock"
        self._forget(now)
        key = (portal, fact.at, fact.badge, fact.names, fact.method)
        if key in self._known:
            return "the same question was received before"
        if len(self._known) >= MAX_REMEMBERED:
            return "too many questions at once to tell repeated ones"
        self._known[key] = now
        return ""

    def _forget(self, now: float) -> None:
        while self._known and now - next(iter(self._known.values())) > MIN_REMEMBERED_S:
            self._known.popitem(last=False)


def request_of(
    fact: Presented, point: AccessPoint, rules: Snapshot, stale: str, at: datetime, now: float
) -> AccessRequest:
    """Return the request that a question makes: only what the console proved is evidence in it."""
    person = rules.badges.get(fact.badge) if fact.badge is not None else None
    names = fact.names if Factor.CARD in fact.factors else ()
    # A card is known by its number; the console proved the rest of whom it names, who has to be known here.
    factors = fact.factors if names else fact.factors - {Factor.CARD}
    if person is None:
        factors &= {Factor.CARD} if fact.badge is None else {Factor.CARD, Factor.FACE}
    refused, card = reason_named(fact.refused), rules.card_read(fact.names) if fact.names else None
    if fact.refused:
        factors, names = frozenset(), ()
        if card is not None and (why := card.refusal(at)) is not None:
            # It is no one's there since it was blocked here, or has ended.
            refused, person = why, card.person_id
    face = FaceEvidence(fact.score, 0.0, None, 1, fact.liveness, person, vendor=fact.vendor or "console")
    console = ConsoleEvidence(fact.vendor, fact.method, factors, person, stale, bool(fact.refused), refused)
    return AccessRequest(
        id=str(uuid.uuid4()),
        portal=point.portal,
        direction=point.direction,
        device=point.device,
        at=at,
        captured=fact.captured,
        now=now,
        face=face if Factor.FACE in factors else None,
        card=card if names else None,
        pin=True if Factor.PIN in factors else None,
        question=fact.serial,
        console=console,
    )


def renews(request: AccessRequest, rules: Snapshot) -> bool:
    """Return True for a question of a console that is the gate itself: an answer only renews its own pulse."""
    portal = rules.portals.get(request.portal)
    return request.question is not None and portal is not None and portal.gate == request.device
