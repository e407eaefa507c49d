"""A state of who is where under change, and an event of the ledger as the fold reads it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from devicemgr.domain.model import Direction
from devicemgr.domain.rules.areas import whereabouts
from devicemgr.domain.rules.areas.whereabouts import MAX_ERASED, REARM_SHARE, How, Place, Whereabouts
from devicemgr.domain.rules.areas.zone_map import ZoneMap
from devicemgr.domain.zones import OUTSIDE

# No zone bars a second entry for longer (zones: again_after_minutes).
_MAX_AGAIN_AFTER = timedelta(minutes=1440)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SETS = ("blind", "reached", "below", "erased")
_TABLES = tuple(one.name for one in fields(Whereabouts) if one.name not in ("seq", *_SETS))


@dataclass(frozen=True, slots=True)
class FoldEvent:
    """One event; `reached` is the time that rights went by when it was recorded."""

    kind: str
    seq: int
    time: datetime
    reached: datetime
    detail: Mapping[str, Any]
    portal: str | None = None
    direction: Direction | None = None
    device: str | None = None
    person_id: str | None = None
    request: str | None = None


def read_event(body: Mapping[str, Any]) -> FoldEvent:
    """Return an event from its body; what is no such field is left out."""
    detail = body.get("detail")
    detail = detail if isinstance(detail, Mapping) else {}
    seq = body.get("seq")
    time = instant(body.get("time")) or _EPOCH
    direction = body.get("direction")
    return FoldEvent(
        str(body.get("kind")),
        seq if isinstance(seq, int) else 0,
        time,
        instant(detail.get("reached")) or time,
        detail,
        _text(body, "portal"),
        Direction(direction) if direction in ("entry", "exit") else None,
        _text(body, "device"),
        _text(body, "person_id"),
        _text(body, "request"),
    )


def _text(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    return value if isinstance(value, str) and value else None


def instant(value: object) -> datetime | None:
    """Return a time as events hold it; None for what is none."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found is None or found.utcoffset() is not None else found.replace(tzinfo=UTC)


class Movement(NamedTuple):
    """A change of what is recorded of a person's place, by an event; `place` None where the person is erased."""

    person_id: str
    place: Place | None
    event: FoldEvent


class Draft:
    """A state under change; each table is copied once, when it is first changed.

    `movements` takes up each change of a person's place, for those who need to know of all of them.
    """

    def __init__(self, state: Whereabouts, zones: ZoneMap, movements: list[Movement] | None = None) -> None:
        self._state = state
        self.zones = zones
        self._movements = movements
        self.seq = state.seq
        self._tables: dict[str, dict[str, Any]] = {}
        self.blind, self.reached, self.below = state.blind, state.reached, state.below
        self.erased = state.erased
        self._counted = False

    def rearm(self) -> None:
        """End warnings of zones whose number of people has changed enough."""
        if self._counted and (self.reached or self.below):
            self._rearm()
        self._counted = False

    def finished(self) -> Whereabouts:
        """Return the state as changed."""
        state = replace(self._state, seq=self.seq) if self.seq != self._state.seq else self._state
        sets = {name: getattr(self, name) for name in _SETS}
        changed: dict[str, Any] = dict(self._tables)
        changed |= {name: value for name, value in sets.items() if value is not getattr(self._state, name)}
        return replace(state, **changed) if changed else state

    def peek(self) -> Whereabouts:
        """Return the state as it is now, with tables that go on changing: good until the next change."""
        parts: dict[str, Any] = {name: getattr(self, name) for name in _SETS}
        parts |= {name: self.read(name) for name in _TABLES}
        return Whereabouts(seq=self.seq, **parts)

    def read(self, table: str) -> Mapping[str, Any]:
        """Return a table as it is now."""
        return self._tables[table] if table in self._tables else getattr(self._state, table)

    def change(self, table: str) -> dict[str, Any]:
        """Return a table to be changed."""
        if table not in self._tables:
            self._tables[table] = dict(getattr(self._state, table))
        return self._tables[table]

    def end(self, request: str | None) -> str | None:
        """Return the person of a request whose release has ended, and forget the request."""
        if request is None or request not in self.read("requests"):
            return None
        found: str = self.change("requests").pop(request)
        return found

    def go_along(self, request: str | None, *, ended: bool = True) -> list[str | None]:
        """Return the people who go in by the release of another's request, None for one who is erased.

        Once `ended`, their requests are forgotten.
        """
        others = self.read("along").get(request or "", ())
        people = [self.read("requests").get(other) for other in others]
        if ended and others:
            del self.change("along")[request or ""]
            for other in others:
                self.end(other)
        return people

    def person_of(self, event: FoldEvent) -> str | None:
        """Return whose event it is, and end its request; an erased person's is no one's."""
        return self.end(event.request) or self.named(event)

    def named(self, event: FoldEvent) -> str | None:
        """Return the person whom an event names; None for one who is erased."""
        return event.person_id if event.person_id not in self.erased else None

    def is_back(self, person_id: str) -> None:
        """Note that a person is granted, and so is not erased, or not any more."""
        if person_id in self.erased:
            self.erased = tuple(one for one in self.erased if one != person_id)

    def place(
        self, person_id: str, zone: str | None, event: FoldEvent, how: How, since: datetime | None = None
    ) -> None:
        """Record a person in a zone, or as unknown."""
        before: Place | None = self.read("where").get(person_id)
        place = Place(zone, since or event.time, event.seq, how)
        self.change("where")[person_id] = place
        self._tally(before.zone if before else None, -1)
        self._tally(zone, 1)
        if self._movements is not None:
            self._movements.append(Movement(person_id, place, event))

    def remove(self, person_id: str, event: FoldEvent) -> None:
        """Forget a person altogether, also what their gates report after it."""
        self.erased = (*self.erased, person_id)[-MAX_ERASED:]
        before: Place | None = self.read("where").get(person_id)
        if self._movements is not None:
            self._movements.append(Movement(person_id, None, event))
        if before is not None:
            del self.change("where")[person_id]
            self._tally(before.zone, -1)
        if person_id in self.read("entered"):
            del self.change("entered")[person_id]
        for request in [request for request, person in self.read("requests").items() if person == person_id]:
            del self.change("requests")[request]

    def _tally(self, zone: str | None, by: int) -> None:
        if zone is not None:
            inside = self.change("inside")
            _add(inside, zone, by)
            self._counted = True

    def move(self, person_id: str, sides: tuple[str, str], event: FoldEvent, how: How) -> None:
        """Let a named person pass from one zone to the next; where they were recorded elsewhere, settle first."""
        self.settle(person_id, sides[0])
        self.arrive(person_id, sides, event, how)

    def arrive(self, person_id: str, sides: tuple[str, str], event: FoldEvent, how: How) -> None:
        """Record a person on the far side, and when they entered the zones that have a time for it."""
        origin, target = sides
        self.place(person_id, target, event, how)
        for zone in {*self.zones.above(origin), *self.zones.above(target)}:
            if person_id in self.zones.openers.get(zone, ()):
                self.note("opened", zone, event.reached)
        timed = [name for name in self.zones.entered(origin, target) if self.zones.zones[name].again_after_minutes]
        if timed:
            known = self.read("entered").get(person_id, {})
            recent = {name: at for name, at in known.items() if event.reached - at < _MAX_AGAIN_AFTER}
            self.change("entered")[person_id] = recent | dict.fromkeys(timed, event.reached)

    def note(self, table: str, name: str, at: datetime) -> None:
        """Keep the later one of a time and the one that is known."""
        known = self.read(table).get(name)
        if known is None or known < at:
            self.change(table)[name] = at

    def settle(self, person_id: str, origin: str) -> None:
        """Explain an unnamed movement: a person recorded in one zone is seen to start from another."""
        before: Place | None = self.read("where").get(person_id)
        if before is None or before.zone == origin or not self.zones.is_place(before.zone):
            return
        self._explain(str(before.zone), 1)
        self._explain(origin, -1)

    def _explain(self, zone: str, by: int) -> None:
        """Where some portal senses no passage, only towards nought: that movement was perhaps never counted."""
        if zone == OUTSIDE:
            return
        extra = self.read("extra").get(zone, 0)
        if self._senses(zone) or extra * by < 0:
            self._count(zone, by)

    def pass_unnamed(self, sides: tuple[str, str]) -> None:
        """Count a person whom no one knows from one zone to the next."""
        origin, target = sides
        if origin == target:
            return
        if target != OUTSIDE:
            self._count(target, 1)
        if origin == OUTSIDE:
            return
        self._count(origin, -1)
        missing = -whereabouts.raw_count(self.read("inside"), self.read("extra"), origin, self.zones)
        if missing > 0 and not self._senses(origin):
            self._count(origin, missing)

    def _count(self, zone: str, by: int) -> None:
        _add(self.change("extra"), zone, by)
        self._counted = True

    def set_count(self, zone: str, wanted: int) -> None:
        """Let the zone count `wanted` people."""
        self._count(zone, wanted - whereabouts.raw_count(self.read("inside"), self.read("extra"), zone, self.zones))

    def clear_extra(self, zones: Iterable[str]) -> None:
        """Forget the unnamed people of zones."""
        for zone in zones:
            if zone in self.read("extra"):
                del self.change("extra")[zone]
                self._counted = True

    def _senses(self, zone: str) -> bool:
        return not (self.blind & self.zones.portals_of(zone))

    def _rearm(self) -> None:
        def people(zone: str) -> int:
            return max(0, whereabouts.raw_count(self.read("inside"), self.read("extra"), zone, self.zones))

        left = frozenset((zone, limit) for zone, limit in self.reached if people(zone) <= REARM_SHARE * limit)
        if left:
            self.reached -= left
        known = self.zones.zones
        enough = frozenset(z for z in self.below if z not in known or people(z) >= (known[z].min_people or 0))
        if enough:
            self.below -= enough


def _add(table: dict[str, int], zone: str, by: int) -> None:
    total = table.get(zone, 0) + by
    if total:
        table[zone] = total
    else:
        table.pop(zone, None)
