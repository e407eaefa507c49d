"""Open for people who are granted together: at a door by one release, at a turnstile one after another."""

import math
import time
import uuid
from collections.abc import Sequence
from dataclasses import replace

from devicemgr.access.area_state import AreaState
from devicemgr.access.evidence.recent_grants import RecentGrants
from devicemgr.access.ledger_facts import decision_fact, violation_facts
from devicemgr.access.openings import Openings, opening_of
from devicemgr.access.quorum.escorts import Escorts
from devicemgr.access.quorum.rows import Rows, Turn
from devicemgr.access.quorum.waiting import Waiting
from devicemgr.access.release import Opening
from devicemgr.domain.ledger_events import Fact
from devicemgr.domain.model import JsonValue, Portal
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.errors import StorageFailed


class Together:
    """For the dispatcher's thread only."""

    def __init__(
        self, openings: Openings, areas: AreaState, grants: RecentGrants, rows: Rows, escorts: Escorts
    ) -> None:
        self._openings = openings
        self._areas = areas
        self._grants = grants
        self._rows = rows
        self._escorts = escorts

    def open(self, members: Sequence[Waiting], rules: Snapshot, *, one_by_one: bool) -> None:
        """Record the grants of all in one transaction, in the order in which they came; the first opens.

        `one_by_one` where the gate lets one person through at a time: the others are released in their turn, visitors
        behind the others.
        """
        if one_by_one:
            members = sorted(members, key=lambda one: _is_visitor(one.person_id, rules))
        portal, decided = rules.portals[members[0].request.portal], time.monotonic()
        all_of_them = [opening_of(one.request, portal, decided, one.decision) for one in members]
        first, rest = self._first(all_of_them, portal), [_answered(one, portal) for one in all_of_them[1:]]
        if one_by_one:
            first = replace(first, answers=_answers(all_of_them[1:], portal))
            rest = [replace(one, question=None) for one in rest]
        else:
            first = replace(first, along=tuple(rest))
        self._reserve(first, rest, one_by_one=one_by_one)
        facts = _facts(members, decided, opened_by=None if one_by_one else first.request)
        if one_by_one:
            together = tuple(one.person_id for one in members)
            self._rows.begin(first, [Turn(o, m.request, together) for o, m in zip(rest, members[1:], strict=True)])
        try:
            self._openings.record(first, facts, row=rest if one_by_one else ())
        except StorageFailed:
            self._rows.drop(portal.name)
            for one in (first, *rest):
                self._areas.give_back(one.request)
            raise
        # The escorts first: their visitors take places from them.
        for one in sorted(
            (first,) if one_by_one else (first, *rest), key=lambda one: _is_visitor(one.person_id, rules)
        ):
            self._escorts.granted(one, decided)

    def _first(self, all_of_them: list[Opening], portal: Portal) -> Opening:
        """Return the opening that releases; a console that is the gate and still waits for its answer opens by it."""
        asking = next(
            (one for one in all_of_them if one.question is not None and one.presented_at == portal.gate), None
        )
        first = all_of_them[0]
        if asking is None:
            return first
        self._areas.renew(portal.name)
        return replace(first, presented_at=portal.gate, question=asking.question)

    def _reserve(self, first: Opening, rest: Sequence[Opening], *, one_by_one: bool) -> None:
        for one in (first, *rest):
            person, device = one.person_id or "", one.presented_at or ""
            self._grants.add(one.portal, one.direction, person, one.request, device=device, decided=one.decided)
            opened_by = first.request if one is not first and not one_by_one else None
            decided = math.inf if one is not first and one_by_one else one.decided
            self._areas.hold(one, decided=decided, opened_by=opened_by)


def _is_visitor(person_id: str | None, rules: Snapshot) -> bool:
    person = rules.people.get(person_id or "")
    return person is not None and person.escort


def _answered(opening: Opening, portal: Portal) -> Opening:
    """Return an opening without the question by whose answer the first one opens."""
    return replace(opening, question=None) if opening.presented_at == portal.gate else opening


def _answers(openings: Sequence[Opening], portal: Portal) -> tuple[tuple[str, int], ...]:
    """Return the consoles beside the gate that wait for an answer, with the numbers of their questions."""
    return tuple(
        (one.presented_at, one.question)
        for one in openings
        if one.presented_at is not None and one.question is not None and one.presented_at != portal.gate
    )


def _facts(members: Sequence[Waiting], decided: float, *, opened_by: str | None) -> list[Fact]:
    quorum, found = str(uuid.uuid4()), list[Fact]()
    for place, one in enumerate(members):
        fact = decision_fact(one.request, one.decision, decided, one.timings_ms)
        detail: dict[str, JsonValue] = {**fact.detail, "quorum": quorum}
        if place > 0 and opened_by is not None:
            detail["opened_by"] = opened_by
        found += [*violation_facts(one.request, one.decision), replace(fact, detail=detail)]
    return found
