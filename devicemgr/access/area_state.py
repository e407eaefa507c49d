"""Who is where, as the dispatcher knows it: the fold of what is durable, and what grants have reserved.

The folded state changes only by events that the ledger's feed announces. Between a grant and the record of its passage
the reservation stands, from the decision on, which is before the commit: so two grants in the same millisecond don't
take the same place. A grant that is not recorded gives its reservation back.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from devicemgr.access.policy_cache import Rulebook
from devicemgr.access.release import RELEASE_WITHIN_S, Opening, Outcome
from devicemgr.domain.ledger_chain import body_of
from devicemgr.domain.ledger_events import Fact, Kind
from devicemgr.domain.model import Direction, JsonValue, Portal
from devicemgr.domain.rules.areas import occupancy
from devicemgr.domain.rules.areas.facts import NO_FACTS, Facts, Reservation
from devicemgr.domain.rules.areas.fold import FOLDS, Event, fold_all
from devicemgr.domain.rules.areas.occupancy import Crossing
from devicemgr.domain.rules.areas.whereabouts import NOWHERE, Whereabouts
from devicemgr.domain.rules.areas.zone_map import ZoneMap
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.grants import takes_use
from devicemgr.domain.rules.passage_state import PASSAGE_TIMEOUT_S
from devicemgr.domain.rules.quorum import left_behind
from devicemgr.ledger.feed import Body, Recorded

# The end of a passage is recorded by then; a reservation that outlives it would keep a place empty.
_SLACK_S = 1.0
_MAX_STOOD = 4096

_ENDS = frozenset(
    {
        Kind.PASSAGE_COMPLETED,
        Kind.PASSAGE_TIMED_OUT,
        Kind.PORTAL_UNLOCK_FAILED,
        Kind.PORTAL_UNLOCK_UNCONFIRMED,
    }
)
_MOVEMENTS = frozenset({Kind.ACCESS_GRANTED, Kind.PORTAL_UNLOCKED, Kind.PASSAGE_COMPLETED})


class AreaState:
    """For the dispatcher's thread, but for `view`, who is where at one moment, and `near_side`.

    `not_shut` gives the portals interlocked with one that are not shut, `unsure` the zones whose perimeter is away;
    `freed` is called with a portal whose reservation has ended, `record` with an event to be recorded.
    """

    def __init__(
        self,
        rules: Rulebook,
        not_shut: Callable[[str, Snapshot], dict[str, str]],
        unsure: Callable[[Snapshot], dict[str, str]],
        freed: Callable[[str], None],
        record: Callable[[Fact], None],
    ) -> None:
        self._rules = rules
        self._not_shut = not_shut
        self._unsure = unsure
        self._freed = freed
        self._record = record
        self._chained = self._folded = NOWHERE
        self._spilled: OrderedDict[str, Body] = OrderedDict()
        self._reserved: dict[str, Reservation] = {}
        self._along: dict[str, list[str]] = {}
        self._ahead: OrderedDict[str, Event] = OrderedDict()
        self._announced: set[tuple[str, str, int]] = set()
        self._stood: OrderedDict[str, str] = OrderedDict()
        # By request: person and level of a use that is counted, and the event that did it, as far as it is chained.
        self._spent: dict[str, tuple[str, str, int | None]] = {}
        self.view = NO_FACTS
        rules.facts = lambda: self.view

    def begin(self, state: Whereabouts) -> None:
        """Take the state that the ledger gives, before the first event is announced."""
        self._chained = self._folded = state
        self._publish()
        self._warn(self._rules.current.zone_map)

    @property
    def chained(self) -> Whereabouts:
        """Return the state of the chain alone, to be kept as a checkpoint."""
        return self._chained

    def on_recorded(self, recorded: Recorded) -> None:
        """Fold events that are durable now."""
        zones, before = self._rules.current.zone_map, self._folded
        for body in recorded.bodies:
            self._end(body)
            if not recorded.is_spilled:
                self._spilled.pop(str(body.get("id")), None)
            elif body.get("kind") in FOLDS:
                self._spilled[str(body.get("id"))] = body
        if not recorded.is_spilled:
            self._chained = fold_all(self._chained, recorded.bodies, zones)
        self._folded = fold_all(self._chained, self._spilled.values(), zones) if self._spilled else self._chained
        for body in recorded.bodies:
            self._ahead.pop(str(body.get("request")), None)
        self._publish()
        if any(body.get("kind") in _MOVEMENTS for body in recorded.bodies):
            self._announce(occupancy.fallen(before, self._folded, zones))
            self._look_for_left_behind(before, recorded.bodies)
        self._warn(zones)

    def _end(self, body: Body) -> None:
        """End the reservation of a request whose release is over, or that moves its person by the release alone."""
        kind, request, detail = body.get("kind"), body.get("request"), body.get("detail") or {}
        is_blind = kind == Kind.PORTAL_UNLOCKED and detail.get("senses_passage") is False
        if takes_use(body):
            for one in (str(request), *self._along.get(str(request), ())):
                self._spend(one, int(body.get("seq") or 0))
        # A device that has decided by itself, and whose gate senses no passage.
        is_blind |= kind == Kind.ACCESS_GRANTED and _moves_at_once(detail)
        if request is not None and (kind in _ENDS or is_blind):
            self.give_back(request)
        if kind in (Kind.OCCUPANCY_REACHED, Kind.OCCUPANCY_BELOW_MINIMUM):
            self._announced.discard((str(kind), str(detail.get("rule")), int(detail.get("limit") or 0)))

    def _spend(self, request: str, seq: int) -> None:
        """Hold a use until the rights are read again, which the event has counted down; not in the chain yet for 0."""
        held, spent = self._reserved.get(request), self._spent.get(request)
        if held is not None and held.person_id is not None and held.use_of is not None:
            self._spent[request] = (held.person_id, held.use_of, seq or None)
        elif spent is not None:
            self._spent[request] = (*spent[:2], seq or None)

    def _uses(self, rules: Snapshot) -> tuple[tuple[str, str], ...]:
        """Return the uses that the rights in force do not show as taken."""
        if not self._spent:
            return ()
        self._spent = {key: one for key, one in self._spent.items() if one[2] is None or one[2] > rules.seq}
        return tuple(one[:2] for one in self._spent.values())

    def facts(self, portal: str, rules: Snapshot) -> Facts:
        """Return what the checks read for a request at a portal."""
        reserved, spent = tuple(self._reserved.values()), self._uses(rules)
        if not (rules.zones or rules.interlocks):
            return Facts(self._folded, reserved, spent=spent)
        not_shut = self._not_shut(portal, rules) if rules.interlocks else {}
        return Facts(self._folded, reserved, not_shut, self._unsure_zones(rules), spent)

    def _unsure_zones(self, rules: Snapshot) -> dict[str, str]:
        return {**self._folded.unsure, **self._unsure(rules)} if rules.zones else {}

    def reserve(
        self,
        request: str,
        person_id: str | None,
        portal: Portal,
        direction: Direction,
        *,
        decided: float,
        use_of: str | None = None,
        held_s: float | None = None,
        opened_by: str | None = None,
    ) -> None:
        """Hold the places that a grant enters and the use that it takes, until its passage has ended.

        At most for `held_s`. With `opened_by`, it goes in by the release of that grant, and ends with it.
        """
        rules = self._rules.current
        if not (rules.zones or rules.interlocks) and use_of is None:
            return
        held_s = portal.release_seconds + PASSAGE_TIMEOUT_S if held_s is None else held_s
        until = decided + RELEASE_WITHIN_S + held_s + _SLACK_S
        entered = entered_by(portal.name, direction, rules)
        self._reserved[request] = Reservation(request, person_id, portal.name, direction, entered, until, use_of)
        if opened_by is not None:
            self._along.setdefault(opened_by, []).append(request)
        self._publish()

    def hold(self, opening: Opening, *, decided: float | None = None, opened_by: str | None = None) -> None:
        """As `reserve`, for an opening; `decided` where that is not when it was decided."""
        self.reserve(
            opening.request,
            opening.person_id,
            opening.portal,
            opening.direction,
            decided=opening.decided if decided is None else decided,
            use_of=opening.use_of,
            opened_by=opened_by,
        )

    def renew(self, portal: str) -> None:
        """End the grants at a portal that a new one takes the place of: a console has one pulse, and renews it."""
        for held in [one for one in self._reserved.values() if one.portal == portal]:
            self.give_back(held.request)

    def is_reserved(self, portal: str) -> bool:
        """Return True if a grant holds a place through this portal."""
        return any(one.portal == portal for one in self._reserved.values())

    def released(self, outcome: Outcome) -> None:
        """Hold a grant's places for as long as the gate waits."""
        held = self._reserved.get(outcome.opening.request)
        if held is None:
            return
        times = outcome.times
        waits = times.waits_s if times else outcome.opening.portal.release_seconds
        passage = (times.passage_s if times else None) or PASSAGE_TIMEOUT_S
        self._reserved[held.request] = replace(held, until=outcome.ended + waits + passage + _SLACK_S)

    def give_back(self, request: str) -> None:
        """End a reservation: nothing was recorded, or all is."""
        held = self._reserved.pop(request, None)
        if held is not None:
            self._freed(held.portal)
            self._publish()
        for other in self._along.pop(request, ()):
            self.give_back(other)

    def stood_at(self, person_id: str, portal: str, direction: Direction) -> None:
        """Note where a person was refused by anti-passback: it is where they stand when a guard forgives them."""
        sides = self._rules.current.zone_map.sides(portal, direction)
        if sides is None:
            return
        self._stood.pop(person_id, None)
        self._stood[person_id] = sides[0]
        while len(self._stood) > _MAX_STOOD:
            self._stood.popitem(last=False)

    def near_side(self, person_id: str) -> str | None:
        """Return the zone on whose side a person was refused last; None where they were not. Any thread."""
        return self._stood.get(person_id)

    def tick(self, now: float) -> None:
        """Let reservations run out whose end no event reports."""
        for request in [one.request for one in self._reserved.values() if one.until <= now]:
            self.give_back(request)

    def decided_alone(self, fact: Fact) -> None:
        """Take ahead of its record what a device has decided, for the next of its decisions that are read."""
        if fact.request is not None:
            self._ahead[fact.request] = body_of(fact, 0, "")

    def facts_ahead(self, portal: str, rules: Snapshot) -> Facts:
        """Return the facts by which a device's own decision is judged: with its earlier ones that are not durable."""
        found = self.facts(portal, rules)
        state = fold_all(found.whereabouts, self._ahead.values(), rules.zone_map) if self._ahead else found.whereabouts
        return replace(found, whereabouts=state)

    def _publish(self) -> None:
        spent = self._uses(self._rules.current)
        self.view = Facts(self._folded, tuple(self._reserved.values()), unsure=self._folded.unsure, spent=spent)

    def _look_for_left_behind(self, before: Whereabouts, bodies: Sequence[Body]) -> None:
        """Record visitors whose host has left the site without them."""
        rules = self._rules.current
        for visitor, seq in left_behind(before, self._folded, self._rules.now(), rules) if rules.visitors_of else ():
            body = next((body for body in bodies if body.get("seq") == seq), {})
            self._record(
                Fact(
                    Kind.VISITOR_LEFT_BEHIND,
                    datetime.now(UTC),
                    portal=body.get("portal"),
                    person_id=visitor,
                    request=body.get("request"),
                )
            )

    def _warn(self, zones: ZoneMap) -> None:
        if zones.watched:
            self._announce(occupancy.reached(self._folded, zones))

    def _announce(self, crossings: list[Crossing]) -> None:
        for crossing in crossings:
            key = (str(crossing.kind), crossing.zone, crossing.limit)
            if key not in self._announced:
                self._announced.add(key)
                self._record(crossing_fact(crossing))


def _moves_at_once(detail: Mapping[str, JsonValue]) -> bool:
    return detail.get("decided_by") == "console" and not detail.get("awaits_passage")


def entered_by(portal: str, direction: Direction, rules: Snapshot) -> frozenset[str]:
    """Return the zones that a passage enters."""
    sides = rules.zone_map.sides(portal, direction)
    return frozenset(rules.zone_map.entered(*sides)) if sides else frozenset()


def crossing_fact(crossing: Crossing) -> Fact:
    """Return the event of a number of people that a zone has reached, or no longer has."""
    detail: dict[str, JsonValue] = {"rule": crossing.zone, "limit": crossing.limit, "count": crossing.count}
    return Fact(crossing.kind, datetime.now(UTC), detail=detail)
