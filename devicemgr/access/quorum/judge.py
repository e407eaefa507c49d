"""Decide requests by the facts of this moment: who is where, who is about to move, and who waits for others."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

from devicemgr.access.area_state import AreaState, entered_by
from devicemgr.access.evidence.console_questions import renews
from devicemgr.access.policy_cache import Rulebook
from devicemgr.domain.model import Direction
from devicemgr.domain.rules.areas.facts import Escort, Reservation
from devicemgr.domain.rules.decision.requests import AccessRequest
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.policy import Decision, decide

Waiting = Mapping[tuple[str, Direction], tuple[str, ...]]


class Judge:
    """For the dispatcher's thread only."""

    def __init__(self, rules: Rulebook, areas: AreaState) -> None:
        self._rules = rules
        self._areas = areas

    def decide(
        self,
        request: AccessRequest,
        rules: Snapshot,
        waiting: Waiting,
        before: Iterable[tuple[AccessRequest, str]] = (),
        escorts: tuple[Escort, ...] = (),
    ) -> Decision:
        """Decide a request while these people wait, after the grants of those before it, and without its own.

        `escorts` may take a visitor along.
        """
        # One reading of the clock for one decision, whatever led to it.
        at, *others = self._rules.times()
        request = replace(request, at=at, also_at=tuple(others))
        facts = self._areas.facts(request.portal, rules)
        facts = facts.renewing(request.portal) if renews(request, rules) else facts.without(request.id)
        held = tuple(_reservation(one, person_id, rules) for one, person_id in before)
        if held or waiting or escorts:
            by_side = {(request.portal, request.direction): escorts}
            facts = replace(facts, waiting=waiting, reservations=facts.reservations + held, escorts=by_side)
        return decide(request, rules, facts)


def _reservation(request: AccessRequest, person_id: str, rules: Snapshot) -> Reservation:
    entered = entered_by(request.portal, request.direction, rules)
    return Reservation(request.id, person_id, request.portal, request.direction, entered, math.inf)
