"""Who takes visitors along at a side of a portal: an escort who was granted there, and how far the row has come.

At a door an escort's grant counts for 10 s. At a turnstile the escort passes first, and each visitor is released within
10 s of the passage before, one at a time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from devicemgr.access.policy_cache import Rulebook
from devicemgr.access.release import Opening
from devicemgr.domain.ledger_events import Fact, Kind
from devicemgr.domain.model import Direction, Person
from devicemgr.domain.rules.areas.facts import Escort
from devicemgr.domain.rules.quorum import ESCORT_WITHIN_S, escort_of, may_escort, needs_escort, pick_escort

Side = tuple[str, Direction]
# For how long it is known that an escort has passed, when a visitor's wait ends.
_REMEMBERED_S = 1.0


@dataclass(slots=True)
class _Party:
    """`ahead` are the escorts who have passed, `under_way` who was released and has not passed yet."""

    until: float
    ahead: dict[str, Escort] = field(default_factory=dict)
    under_way: dict[str, Opening] = field(default_factory=dict)
    taken_by: dict[str, str] = field(default_factory=dict)


class Escorts:
    """For the dispatcher's thread, but for `view`, who may take visitors along at one moment.

    `senses` gives whether a gate reports passages; `record` records an event.
    """

    def __init__(self, rules: Rulebook, senses: Callable[[str], bool], record: Callable[[Fact], None]) -> None:
        self._rules = rules
        self._senses = senses
        self._record = record
        self._parties: dict[Side, _Party] = {}
        self.view: Mapping[Side, tuple[Escort, ...]] = {}

    def granted(self, opening: Opening, now: float) -> None:
        """Follow a person who was granted: an escort, who begins a party, or one who goes along with it."""
        person = self._person(opening.person_id)
        if person is None:
            return
        side = (opening.portal.name, opening.direction)
        party, escort = self._parties.get(side), self._escort(person)
        if party is None and escort is None:
            return
        party = self._parties.setdefault(side, _Party(now))
        if needs_escort(*side, person, self._rules.current):
            self._take(party, person, opening.request)
        if self._senses(opening.portal.gate):
            party.under_way[opening.request] = opening
        elif escort is not None:
            party.ahead[person.id], party.until = escort, now + ESCORT_WITHIN_S
        self._publish(now)

    def _take(self, party: _Party, visitor: Person, request: str) -> None:
        escort = pick_escort(visitor, tuple(party.ahead.values()), self._rules.current, self._rules.times())
        if escort is not None:
            party.ahead[escort.person_id] = replace(escort, free=escort.free - 1)
            party.taken_by[request] = escort.person_id

    def ended(self, request: str | None, now: float, *, passed: bool) -> None:
        """Note the end of a passage: the next visitor may follow, or has not followed."""
        for party in self._parties.values():
            opening = party.under_way.pop(request or "", None)
            person = self._person(opening.person_id) if opening is not None else None
            if opening is None or person is None:
                continue
            if passed:
                party.until = now + ESCORT_WITHIN_S
                escort = self._escort(person)
                if escort is not None:
                    party.ahead[person.id] = escort
            elif self._give_back(party, opening.request):
                self._went_astray(opening)
            self._publish(now)

    def failed(self, request: str, now: float) -> None:
        """Note that a release has failed: no one could pass by it."""
        for party in self._parties.values():
            if party.under_way.pop(request, None) is not None:
                self._give_back(party, request)
                self._publish(now)

    def _give_back(self, party: _Party, request: str) -> bool:
        """Return True for a visitor, whose place is free again."""
        taken_by = party.taken_by.pop(request, None)
        if taken_by is None:
            return False
        escort = party.ahead[taken_by]
        party.ahead[taken_by] = replace(escort, free=escort.free + 1)
        return True

    def is_expected(self, side: Side, visitor_id: str, now: float) -> bool:
        """Return True while an escort of a visitor has still to pass, or others of the party pass."""
        party, visitor = self._parties.get(side), self._person(visitor_id)
        if party is None or visitor is None:
            return False
        released = [self._person(opening.person_id) for opening in party.under_way.values()]
        escorts = [*party.ahead.values(), *(self._escort(person) for person in released if person is not None)]
        return self._is_escorted(visitor, escorts) and bool(party.under_way or now <= party.until)

    def leave(self, opening_side: Side, visitor_id: str, request: str) -> None:
        """Record a visitor whose wait has ended although an escort of theirs has passed."""
        party, visitor = self._parties.get(opening_side), self._person(visitor_id)
        if party is not None and visitor is not None and self._is_escorted(visitor, list(party.ahead.values())):
            portal, direction = opening_side
            self._record(_astray(portal, direction, visitor_id, request))

    def _is_escorted(self, visitor: Person, escorts: list[Escort] | list[Escort | None]) -> bool:
        times = self._rules.times()
        return any(one is not None and may_escort(one, visitor, self._rules.current, times) for one in escorts)

    def _went_astray(self, opening: Opening) -> None:
        self._record(_astray(opening.portal.name, opening.direction, opening.person_id, opening.request))

    def tick(self, now: float) -> None:
        """Let parties end."""
        for side, party in list(self._parties.items()):
            if not party.under_way and now > party.until + _REMEMBERED_S:
                del self._parties[side]
        self._publish(now)

    def _publish(self, now: float) -> None:
        ready = {side: party for side, party in self._parties.items() if not party.under_way and now <= party.until}
        self.view = {side: tuple(party.ahead.values()) for side, party in ready.items()}

    def _person(self, person_id: str | None) -> Person | None:
        return self._rules.current.people.get(person_id or "")

    def _escort(self, person: Person) -> Escort | None:
        return escort_of(person, self._rules.current, self._rules.times())


def _astray(portal: str, direction: Direction, visitor_id: str | None, request: str) -> Fact:
    return Fact(
        Kind.VISITOR_ASTRAY,
        datetime.now(UTC),
        portal=portal,
        direction=direction,
        person_id=visitor_id,
        request=request,
    )
