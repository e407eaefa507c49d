"""Judge recorded requests by two sets of rights, those in force and planned ones: who would lose what, and who gain.

Evidence is taken as it was shown, and who is where is folded along both worlds: one who would have been refused in a
world has not moved there, and one who would have been let in has. What people would have done instead is not predicted,
and neither is how other portals of an interlock stood, or a place that was held between a grant and its passage. A
portal's mode is a guard's and no part of a plan; all are normal here, and no threat is in force.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum
from typing import Any

from devicemgr.domain.ledger_events import Kind, Reason
from devicemgr.domain.model import PortalMode
from devicemgr.domain.rules.areas.draft import FoldEvent, read_event
from devicemgr.domain.rules.areas.facts import NO_FACTS, Facts
from devicemgr.domain.rules.areas.fold import FOLDS, Folding
from devicemgr.domain.rules.areas.whereabouts import NOWHERE, Whereabouts
from devicemgr.domain.rules.decision.requests import AccessRequest
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.factors import SUFFICIENT, WITHOUT_CONSENT
from devicemgr.domain.rules.past.outcome import Comparison
from devicemgr.domain.rules.past.recorded import DECISIONS, request_of
from devicemgr.domain.rules.policy import Decision, decide
from devicemgr.text import rfc3339

Event = Mapping[str, Any]
KINDS = tuple(dict.fromkeys((*map(str, DECISIONS), *map(str, FOLDS), str(Kind.FIRE_RELEASE))))
"""The kinds of events that a replay takes; without zones those of DECISIONS are enough."""


class Judged(IntEnum):
    """What becomes of a request in a world: refused, short of something that was not shown, or granted."""

    REFUSED = 0
    SHORT = 1
    GRANTED = 2


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a world says of one request; `is_ahead` where it refuses one whom it would have let in before."""

    judged: Judged
    reason: Reason | None
    is_ahead: bool = False


_NEEDS_MORE = frozenset({"second_factor_required", "second_person_required", "escort_required"})


class World:
    """One set of rights, and who is where by it; `starts` is who was where before the first event."""

    def __init__(self, rules: Snapshot, starts: Whereabouts = NOWHERE) -> None:
        portals = {name: replace(portal, mode=PortalMode.NORMAL) for name, portal in rules.portals.items()}
        self.rules = replace(rules, portals=portals, modes={}, threats_in_force={}, fire_active=False)
        self._folding = Folding(starts, self.rules.zone_map) if rules.zones else None
        self._void: set[str] = set()
        self._ahead: dict[str, tuple[str, str]] = {}

    def judge(self, request: AccessRequest) -> Judgement:
        """Return what this world says of a request of a person."""
        facts = NO_FACTS if self._folding is None else _facts(self._folding.state)
        decision = decide(request, self.rules, facts)
        if decision.granted:
            return Judgement(Judged.GRANTED, None)
        if str(decision.reason) in _NEEDS_MORE:
            return Judgement(Judged.SHORT, decision.reason)
        return Judgement(Judged.REFUSED, decision.reason, self._is_ahead(request, decision))

    def _is_ahead(self, request: AccessRequest, decision: Decision) -> bool:
        """Return True if the person has passed here already, by a grant that only this world has made."""
        if decision.reason is not Reason.ANTI_PASSBACK or decision.person_id is None:
            return False
        return self._ahead.pop(decision.person_id, None) == (request.portal, str(request.direction))

    def follow(self, event: FoldEvent, judgement: Judgement, *, was_granted: bool) -> None:
        """Let the person of a decision move in this world as it was granted, or not."""
        if self._folding is None:
            return
        passes = judgement.judged is not Judged.REFUSED
        if was_granted and passes:
            self._folding.take(event)
        elif was_granted and event.request is not None:
            self._void.add(event.request)
        elif passes and not was_granted and judgement.judged is Judged.GRANTED and event.person_id is not None:
            # The passage that never was: at once, and by no request, as none is on record.
            self._folding.take(replace(event, kind=str(Kind.PASSAGE_COMPLETED), request=None, detail={}))
            self._ahead[event.person_id] = (event.portal or "", str(event.direction or ""))

    def take(self, event: FoldEvent) -> None:
        """Fold an event that is no decision about a person, unless it is of a request that this world has refused."""
        if self._folding is not None and event.request not in self._void:
            self._folding.take(event)

    def set_fire(self, *, active: bool) -> None:
        """Let all rules of zones be void, or no longer."""
        if self.rules.fire_active != active:
            self.rules = replace(self.rules, fire_active=active)


def _is_mere_release(event: Event) -> bool:
    """Return True for a release that moves no one: its gate reports the passage. There is one for each grant."""
    detail = event.get("detail") or {}
    is_known = detail.get("outcome") != "unknown" and detail.get("senses_passage") is not False
    return event["kind"] == Kind.PORTAL_UNLOCKED and is_known


def _as_it_went(old: Judgement, *, was_granted: bool) -> Judgement:
    """Return what became of a request that needed more than one person or proof alone: that is on record."""
    if old.judged is not Judged.SHORT:
        return old
    return replace(old, judged=Judged.GRANTED if was_granted else Judged.REFUSED)


def _facts(state: Whereabouts) -> Facts:
    return Facts(state, unsure=state.unsure)


class Replay:
    """Takes recorded events in order, and compares what the worlds of `present` and `planned` say of each request.

    Requests from before `since`, such as those that a console has reported late, only move their people.
    """

    def __init__(
        self,
        present: Snapshot,
        planned: Snapshot,
        starts: tuple[Whereabouts, Whereabouts] = (NOWHERE, NOWHERE),
        since: datetime | None = None,
    ) -> None:
        self.comparison = Comparison()
        self._since = rfc3339(since) if since else ""
        self._old, self._new = World(present, starts[0]), World(planned, starts[1])
        self._has_zones = bool(present.zones or planned.zones)
        self._fires: set[tuple[str, str]] = set()

    def take_all(self, events: Iterable[Event]) -> Comparison:
        """Take events, as they are recorded, and return the comparison so far."""
        for event in events:
            self.take(event)
        return self.comparison

    def take(self, event: Event) -> None:
        """Take one event of KINDS."""
        kind = event["kind"]
        if kind in DECISIONS and event.get("person_id") and event["time"] >= self._since:
            self._take_decision(event)
        elif kind == Kind.FIRE_RELEASE:
            self._take_fire(event)
        elif self._has_zones and not _is_mere_release(event):
            found = read_event(event)
            self._old.take(found)
            self._new.take(found)

    def _take_decision(self, event: Event) -> None:
        request = request_of(event, self._old.rules)
        again = request_of(event, self._new.rules) if self._new.rules.readers or self._old.rules.readers else request
        old, new = self._old.judge(request), self._new.judge(again)
        self._compare(event, again, old, new)
        if self._has_zones:
            found, was_granted = read_event(event), event["kind"] == Kind.ACCESS_GRANTED
            self._old.follow(found, old, was_granted=was_granted)
            self._new.follow(found, new, was_granted=was_granted)

    def _compare(self, event: Event, request: AccessRequest, old: Judgement, new: Judgement) -> None:
        comparison, person = self.comparison, str(event["person_id"])
        comparison.count(person, is_known=person in self._old.rules.people)
        if (old.judged, old.reason) == (new.judged, new.reason):
            return
        old = _as_it_went(old, was_granted=event["kind"] == Kind.ACCESS_GRANTED)
        if old.judged is new.judged:
            return
        if old.is_ahead or new.is_ahead:
            comparison.unpredicted += 1
            return
        seq = int(event["seq"])
        if new.judged is Judged.REFUSED:
            comparison.losses.add(person, request, seq, str(new.reason))
        elif new.judged is Judged.SHORT:
            comparison.needs_more.add(person, request, seq, self._needed(person, request, new))
        elif old.judged is Judged.REFUSED:
            comparison.gains.add(person, request, seq, str(old.reason))

    def _needed(self, person_id: str, request: AccessRequest, new: Judgement) -> str:
        if new.reason is not Reason.SECOND_FACTOR_REQUIRED:
            return _OTHERS.get(str(new.reason), str(new.reason))
        person, portal = self._new.rules.people[person_id], self._new.rules.portals[request.portal]
        given = {"face": request.face, "card": request.card, "pin": request.pin}
        shown = {name for name, evidence in given.items() if evidence}
        shown |= {str(factor) for factor in request.console.factors} if request.console else set()
        sets = (SUFFICIENT if person.face_consent else WITHOUT_CONSENT)[portal.require]
        missing = min(({str(factor) for factor in wanted} - shown for wanted in sets), key=len)
        words = " and ".join("PIN" if name == "pin" else name for name in sorted(missing))
        return f"would be asked for {words or 'another factor'}"

    def _take_fire(self, event: Event) -> None:
        detail = event.get("detail") or {}
        place = (str(event.get("device")), str(detail.get("input") or ""))
        (self._fires.add if detail.get("active") else self._fires.discard)(place)
        for world in (self._old, self._new):
            world.set_fire(active=bool(self._fires))


_OTHERS = {
    "second_person_required": "would wait for a second person",
    "escort_required": "would need an escort",
}
