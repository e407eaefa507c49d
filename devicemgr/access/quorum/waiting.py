"""Requests that lack nothing but other people: they wait at their side of a portal, until enough are there.

A console's question is answered with no at once, since a console takes no second person while it waits, and decides by
itself if the answer is late; the request waits all the same.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from devicemgr.access.policy_cache import Rulebook
from devicemgr.domain.ledger_events import Reason
from devicemgr.domain.model import Direction
from devicemgr.domain.rules.decision.requests import AccessRequest
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.policy import Decision

Side = tuple[str, Direction]
# No hall has so many people before one door that wait for one another.
MAX_WAITING = 32
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

    @property
    def began(self) -> float:
        return self.members[0].request.captured


@dataclass(frozen=True, slots=True)
class Way:
    """What is done about those who wait.

    `judge` decides a request with these people present, after the grants of those before it; `stands_open` gives
    whether the person has an opening in this place already, and `is_busy` whether people who were granted together
    still pass a portal. `let_wait` shows that others are waited for, `finish` records and carries out a decision,
    `open_together` the grants of all, and `ask_again` lets a face that stayed in view make another request.
    """

    judge: Callable[[AccessRequest, Snapshot, tuple[str, ...], tuple[Waiting, ...]], Decision]
    stands_open: Callable[[AccessRequest, Decision, Snapshot], bool]
    is_busy: Callable[[str], bool]
    let_wait: Callable[[AccessRequest, Snapshot], None]
    finish: Callable[[AccessRequest, Decision, Snapshot, Mapping[str, float]], None]
    open_together: Callable[[list[Waiting], Snapshot], None]
    ask_again: Callable[[str, str, Direction], None]


class Quorums:
    """For the dispatcher's thread, but for `view`, who waits where at one moment."""

    def __init__(self, rules: Rulebook, way: Way) -> None:
        self._rules = rules
        self._way = way
        self._groups: dict[Side, _Group] = {}
        self._missed: dict[tuple[Side, str], float] = {}
        self.view: Mapping[Side, tuple[str, ...]] = {}

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
        if person_id in self.view.get(side, ()):
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

        An interlock passes by itself: it is looked at when all are there.
        """
        if decision.reason is Reason.SECOND_PERSON_REQUIRED:
            return True
        if decision.reason not in (None, Reason.INTERLOCK) or (request.portal, request.direction) not in self._groups:
            return False
        return self._way.judge(request, rules, (), ()).reason is Reason.SECOND_PERSON_REQUIRED

    def _try(self, side: Side, rules: Snapshot) -> None:
        """Let all go in if enough are there; refuse those who may not any more, which ends nothing for the others."""
        group = self._groups[side]
        while group.members:
            judged = self._judged(group, rules)
            gone = [one for one in judged if one.decision.granted and self._stands_open(one, rules)]
            refused = [one for one in judged if one.decision.reason not in (None, Reason.SECOND_PERSON_REQUIRED)]
            group.members = [one for one in judged if one not in gone and one not in refused]
            for one in refused:
                self._finish(one, rules)
            if not gone and not refused:
                break
        group.is_complete = bool(group.members) and all(one.decision.granted for one in group.members)
        if group.is_complete and not self._way.is_busy(side[0]):
            del self._groups[side]
            self._publish()
            self._way.open_together(group.members, rules)
        elif not group.members:
            del self._groups[side]
        self._publish()

    def _judged(self, group: _Group, rules: Snapshot) -> list[Waiting]:
        """Return the members with what is decided of each when those before have been granted."""
        present = tuple(one.person_id for one in group.members)
        found: list[Waiting] = []
        for one in group.members:
            decision = self._way.judge(one.request, rules, present, tuple(found))
            # Also one who is suspended while waiting keeps the name in the record.
            found.append(replace(one, decision=replace(decision, person_id=decision.person_id or one.person_id)))
        return found

    def expire(self, now: float) -> None:
        """Refuse those who waited for others in vain; `now` is CLOCK_MONOTONIC."""
        rules = self._rules.current
        for side, group in list(self._groups.items()):
            portal = rules.portals.get(side[0])
            within = portal.people_within if portal is not None else 0.0
            if group.is_complete or now - group.began <= within:
                continue
            self._try(side, rules)
            if self._groups.get(side) is not group or group.is_complete:
                continue
            del self._groups[side]
            self._publish()
            for one in group.members:
                if one.request.face is not None:
                    self._missed[side, one.person_id] = now + _REMEMBERED_S
                self._finish(one, rules)

    def tick(self, now: float) -> None:
        """Look at all who wait once more: rights, zones, fire and locks may have changed."""
        self.expire(now)
        rules = self._rules.current
        for side, group in list(self._groups.items()):
            for one in list(group.members):
                alone = self._way.judge(one.request, rules, (), ())
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
        self.view = {side: tuple(one.person_id for one in group.members) for side, group in self._groups.items()}
