"""Requests that lack nothing but other people: they wait at their side of a portal, until enough are there.

A console's question is answered with no at once, since a console takes no second person while it waits, and decides by
itself if the answer is late; the request waits all the same.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from devicemgr.access.policy_cache import Rulebook
from devicemgr.access.quorum.escorts import Escorts
from devicemgr.domain.ledger_events import Reason
from devicemgr.domain.model import Direction, Person
from devicemgr.domain.rules.areas.facts import Escort
from devicemgr.domain.rules.decision.requests import AccessRequest
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.policy import Decision
from devicemgr.domain.rules.quorum import (
    ANY_ESCORT,
    ESCORT_WITHIN_S,
    escort_of,
    may_escort,
    needs_escort,
    pick_escort,
)

Side = tuple[str, Direction]
# No hall has so many people before one door that wait for one another.
MAX_WAITING = 32
_LACKS_OTHERS = (Reason.SECOND_PERSON_REQUIRED, Reason.ESCORT_REQUIRED)
# A face that was refused for want of others may request again for as long, when another person comes.
_REMEMBERED_S = 60.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request, what was decided of it last, and what its picture cost."""

    request: AccessRequest
    decision: Decision
    timings_ms: Mapping[str, float]

    @property
    def person_id(self) -> str:
        """Return whose request it is."""
        return self.decision.person_id or ""


@dataclass(slots=True)
class _Group:
    members: list[Waiting] = field(default_factory=list)
    is_complete: bool = False


@dataclass(frozen=True, slots=True)
class _Company:
    """Who waits at a side and lacks at most other people; `lacking` are visitors without an escort there.

    `escorts` are those who may take more visitors along.
    """

    present: tuple[str, ...]
    lacking: frozenset[str]
    escorts: tuple[Escort, ...]


@dataclass(frozen=True, slots=True)
class Way:
    """What is done about those who wait.

    `judge` decides a request with these people present, after the grants of those before it, and with these escorts;
    `stands_open` gives whether the person has an opening in this place already, `is_busy` whether people who were
    granted together still pass a portal, and `one_by_one` whether it lets people through one at a time. `let_wait`
    shows that others are waited for, `finish` records and carries out a decision, `open_together` the grants of all,
    and `ask_again` lets a face that stayed in view make another request.
    """

    judge: Callable[[AccessRequest, Snapshot, tuple[str, ...], tuple[Waiting, ...], tuple[Escort, ...]], Decision]
    stands_open: Callable[[AccessRequest, Decision, Snapshot], bool]
    is_busy: Callable[[str], bool]
    one_by_one: Callable[[str], bool]
    let_wait: Callable[[AccessRequest, Snapshot], None]
    finish: Callable[[AccessRequest, Decision, Snapshot, Mapping[str, float]], None]
    open_together: Callable[[list[Waiting], Snapshot], None]
    ask_again: Callable[[str, str, Direction], None]


class Quorums:
    """For the dispatcher's thread, but for `view`, who waits where at one moment."""

    def __init__(self, rules: Rulebook, escorts: Escorts, way: Way) -> None:
        self._rules = rules
        self._escorts = escorts
        self._way = way
        self._groups: dict[Side, _Group] = {}
        self._missed: dict[tuple[Side, str], float] = {}
        self.view: Mapping[Side, tuple[str, ...]] = {}

    def escorts_at(self, side: Side) -> tuple[Escort, ...]:
        """Return who may take a visitor along at a side: those who went ahead, and those who wait there."""
        group = self._groups.get(side)
        return self._company(side, group).escorts if group is not None else self._escorts.view.get(side, ())

    def take(
        self, request: AccessRequest, decision: Decision, rules: Snapshot, timings_ms: Mapping[str, float]
    ) -> bool:
        """Let a request wait for others, or all go in that it was waited for; return False for any other request."""
        side, person_id = (request.portal, request.direction), decision.person_id
        if person_id is None:
            return False
        if not self._needs_others(request, decision, rules):
            if decision.granted:
                self._drop(side, person_id)  # who goes alone no longer waits
            return False
        group = self._groups.setdefault(side, _Group())
        if any(one.person_id == person_id for one in group.members):
            self._way.let_wait(request, rules)  # twice is one person
            return True
        if len(group.members) >= MAX_WAITING:
            return False
        group.members.append(Waiting(request, decision, timings_ms))
        self._publish()
        self._try(side, rules)
        if self._groups.get(side) is group and group.members[-1].request is request:
            self._way.let_wait(request, rules)
            group.members[-1] = replace(group.members[-1], request=replace(request, question=None))
            self._call_back(side, person_id)
        return True

    def _needs_others(self, request: AccessRequest, decision: Decision, rules: Snapshot) -> bool:
        """Return True if nothing stands in the way but others who are missing, or were before they came.

        An interlock passes by itself: it is looked at when all are there. At a door, an escort goes in with the
        visitors who wait.
        """
        if decision.reason is Reason.ESCORT_REQUIRED:
            escorted = self._way.judge(request, rules, (), (), (ANY_ESCORT,))
            return escorted.reason in (None, Reason.SECOND_PERSON_REQUIRED, Reason.INTERLOCK)
        if decision.reason is Reason.SECOND_PERSON_REQUIRED:
            return True
        side = (request.portal, request.direction)
        if decision.reason not in (None, Reason.INTERLOCK) or side not in self._groups:
            return False
        alone = self._alone(request, rules)
        return alone.reason in _LACKS_OTHERS or (alone.granted and self._takes_along(side, decision.person_id, rules))

    def _takes_along(self, side: Side, person_id: str | None, rules: Snapshot) -> bool:
        person, times = rules.people.get(person_id or ""), self._rules.times()
        escort = escort_of(person, rules, times) if person is not None else None
        if escort is None or self._way.one_by_one(side[0]):
            return False
        visitors = (rules.people.get(one) for one in self._company(side, self._groups[side]).lacking)
        return any(visitor is not None and may_escort(escort, visitor, rules, times) for visitor in visitors)

    def _alone(self, request: AccessRequest, rules: Snapshot) -> Decision:
        """Return what is decided of a request without those who wait."""
        escorts = self._escorts.view.get((request.portal, request.direction), ())
        return self._way.judge(request, rules, (), (), escorts)

    def _try(self, side: Side, rules: Snapshot) -> None:
        """Let all go in if enough are there; refuse those who may not any more, which ends nothing for the others."""
        group = self._groups[side]
        while group.members:
            judged = self._judged(side, group, rules)
            gone = [one for one in judged if one.decision.granted and self._stands_open(one, rules)]
            refused = [one for one in judged if one.decision.reason not in (None, *_LACKS_OTHERS)]
            group.members = [one for one in judged if one not in gone and one not in refused]
            for one in refused:
                self._finish(one, rules)
            if not gone and not refused:
                break
        self._go(side, group, rules)
        self._publish()

    def _go(self, side: Side, group: _Group, rules: Snapshot) -> None:
        """Open for those of whom no one lacks others; visitors without an escort stay."""
        ready = [one for one in group.members if one.decision.granted]
        lacks = any(one.decision.reason is Reason.SECOND_PERSON_REQUIRED for one in group.members)
        group.is_complete = bool(ready) and not lacks
        if group.is_complete and not self._way.is_busy(side[0]):
            group.members = [one for one in group.members if one not in ready]
            group.is_complete = False
            self._publish()
            if len(ready) == 1:
                self._finish(ready[0], rules)
            else:
                self._way.open_together(ready, rules)
        if not group.members:
            self._groups.pop(side, None)

    def _company(self, side: Side, group: _Group) -> _Company:
        """Return who of a group is present, by giving each visitor an escort who went ahead or waits there too."""
        rules, times = self._rules.current, self._rules.times()
        escorts, visitors, present = list(self._escorts.view.get(side, ())), list[Person](), list[str]()
        for one in group.members:
            person = rules.people.get(one.person_id)
            if person is not None and needs_escort(*side, person, rules):
                visitors.append(person)
                continue
            present.append(one.person_id)
            escort = escort_of(person, rules, times) if person is not None else None
            escorts += [escort] if escort is not None else []
        lacking = set()
        for visitor in visitors:
            escort = pick_escort(visitor, escorts, rules, times)
            if escort is None:
                lacking.add(visitor.id)
            else:
                escorts[escorts.index(escort)] = replace(escort, free=escort.free - 1)
                present.append(visitor.id)
        return _Company(tuple(present), frozenset(lacking), tuple(escorts))

    def _judged(self, side: Side, group: _Group, rules: Snapshot) -> list[Waiting]:
        """Return the members with what is decided of each when those before have been granted."""
        company = self._company(side, group)
        found: list[Waiting] = []
        for one in group.members:
            escorts = () if one.person_id in company.lacking else (ANY_ESCORT,)
            before = tuple(other for other in found if other.person_id not in company.lacking)
            decision = self._way.judge(one.request, rules, company.present, before, escorts)
            # Also one who is suspended while waiting keeps the name in the record.
            found.append(replace(one, decision=replace(decision, person_id=decision.person_id or one.person_id)))
        return found

    def expire(self, now: float) -> None:
        """Refuse those who waited for others in vain; `now` is CLOCK_MONOTONIC."""
        rules = self._rules.current
        for side, group in list(self._groups.items()):
            if not self._overdue(side, group, now, rules):
                continue
            self._try(side, rules)
            overdue = self._overdue(side, group, now, rules)
            group.members = [one for one in group.members if one not in overdue]
            if not group.members:
                self._groups.pop(side, None)
            self._publish()
            for one in overdue:
                if one.request.face is not None:
                    self._missed[side, one.person_id] = now + _REMEMBERED_S
                self._finish(one, rules)
                if one.decision.reason is Reason.ESCORT_REQUIRED:
                    self._escorts.leave(side, one.person_id, one.request.id)

    def _overdue(self, side: Side, group: _Group, now: float, rules: Snapshot) -> list[Waiting]:
        """Return whose time is over: all who wait for others with the first of them, each visitor with their own."""
        lacking = self._company(side, group).lacking
        found = [
            one
            for one in group.members
            if one.person_id in lacking
            and now - one.request.captured > ESCORT_WITHIN_S
            and not self._escorts.is_expected(side, one.person_id, now)
        ]
        others = [one for one in group.members if one.person_id not in lacking]
        portal = rules.portals.get(side[0])
        within = portal.people_within if portal is not None else 0.0
        if others and not group.is_complete and now - min(one.request.captured for one in others) > within:
            found += others
        return found

    def tick(self, now: float) -> None:
        """Look at all who wait once more: rights, zones, fire and locks may have changed."""
        self.expire(now)
        rules = self._rules.current
        for side, group in list(self._groups.items()):
            for one in list(group.members):
                alone = self._alone(one.request, rules)
                if alone.granted:
                    self._drop(side, one.person_id)
                    if not self._stands_open(one, rules):
                        self._finish(replace(one, decision=alone), rules)
            if side in self._groups:
                self._try(side, rules)
        self._missed = {key: until for key, until in self._missed.items() if until > now}

    def _stands_open(self, one: Waiting, rules: Snapshot) -> bool:
        return self._way.stands_open(one.request, one.decision, rules)

    def _finish(self, one: Waiting, rules: Snapshot) -> None:
        self._way.finish(one.request, one.decision, rules, one.timings_ms)

    def _drop(self, side: Side, person_id: str) -> None:
        group = self._groups.get(side)
        if group is not None:
            group.members = [one for one in group.members if one.person_id != person_id]
            if not group.members:
                del self._groups[side]
            self._publish()

    def _call_back(self, side: Side, newcomer: str) -> None:
        """Let faces that were refused for want of others, and are still in view, request again."""
        for key in [key for key in self._missed if key[0] == side and key[1] != newcomer]:
            del self._missed[key]
            self._way.ask_again(key[1], *side)

    def _publish(self) -> None:
        self.view = {side: self._company(side, group).present for side, group in self._groups.items()}
