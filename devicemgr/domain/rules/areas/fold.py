"""Fold events of the ledger into who is where."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Direction
from devicemgr.domain.rules.areas import whereabouts
from devicemgr.domain.rules.areas.corrections import OCCUPANCY_SET, WHEREABOUTS_RESET
from devicemgr.domain.rules.areas.whereabouts import MAX_REQUESTS, REARM_SHARE, How, Place, Whereabouts
from devicemgr.domain.rules.areas.zone_map import ZoneMap
from devicemgr.domain.zones import OUTSIDE

# Device clocks that differ by more are not ours (as access.evidence.device_decisions).
CLOCK_AGREES_S = 5.0
# No zone bars a second entry for longer (zones: again_after_minutes).
_MAX_AGAIN_AFTER = timedelta(minutes=1440)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Event = Mapping[str, Any]


def fold(state: Whereabouts, event: Event, zones: ZoneMap) -> Whereabouts:
    """Return the state after one more event of the ledger, given as its body."""
    return fold_all(state, (event,), zones)


def fold_all(state: Whereabouts, events: Iterable[Event], zones: ZoneMap) -> Whereabouts:
    """Return the state after these events, in their order."""
    draft = _Draft(state, zones)
    for event in events:
        draft.take(_read(event))
    return draft.finished()


@dataclass(frozen=True, slots=True)
class _Event:
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


def _read(body: Event) -> _Event:
    detail = body.get("detail")
    detail = detail if isinstance(detail, Mapping) else {}
    seq = body.get("seq")
    time = instant(body.get("time")) or _EPOCH
    direction = body.get("direction")
    return _Event(
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


def _text(body: Event, name: str) -> str | None:
    value = body.get(name)
    return value if isinstance(value, str) and value else None


def instant(value: object) -> datetime | None:
    """Return a time as events hold it; None for what is none."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found is None or found.utcoffset() is not None else found.replace(tzinfo=UTC)


class _Draft:
    """A state under change; each table is copied once, when it is first changed."""

    def __init__(self, state: Whereabouts, zones: ZoneMap) -> None:
        self._state = state
        self.zones = zones
        self.seq = state.seq
        self._tables: dict[str, dict[str, Any]] = {}
        self.blind, self.reached, self.below = state.blind, state.reached, state.below
        self._counted = False

    def take(self, event: _Event) -> None:
        """Apply one event."""
        self.seq = max(self.seq, event.seq)
        change = FOLDS.get(event.kind)
        if change is None:
            return
        self._counted = False
        change(self, event)
        if self._counted and (self.reached or self.below):
            self._rearm()

    def finished(self) -> Whereabouts:
        """Return the state as changed."""
        state = replace(self._state, seq=self.seq) if self.seq != self._state.seq else self._state
        sets = {"blind": self.blind, "reached": self.reached, "below": self.below}
        changed: dict[str, Any] = dict(self._tables)
        changed |= {name: value for name, value in sets.items() if value is not getattr(self._state, name)}
        return replace(state, **changed) if changed else state

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

    def person_of(self, event: _Event) -> str | None:
        """Return whose event it is, and end its request."""
        return self.end(event.request) or event.person_id

    def place(self, person_id: str, zone: str | None, event: _Event, how: How, since: datetime | None = None) -> None:
        """Record a person in a zone, or as unknown."""
        before: Place | None = self.read("where").get(person_id)
        self.change("where")[person_id] = Place(zone, since or event.time, event.seq, how)
        self._tally(before.zone if before else None, -1)
        self._tally(zone, 1)

    def remove(self, person_id: str) -> None:
        """Forget a person altogether."""
        before: Place | None = self.read("where").get(person_id)
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

    def move(self, person_id: str, sides: tuple[str, str], event: _Event, how: How) -> None:
        """Let a named person pass from one zone to the next; where they were recorded elsewhere, settle first."""
        self.settle(person_id, sides[0])
        self.arrive(person_id, sides, event, how)

    def arrive(self, person_id: str, sides: tuple[str, str], event: _Event, how: How) -> None:
        """Record a person on the far side, and when they entered the zones that have a time for it."""
        origin, target = sides
        self.place(person_id, target, event, how)
        timed = [name for name in self.zones.entered(origin, target) if self.zones.zones[name].again_after_minutes]
        if timed:
            known = self.read("entered").get(person_id, {})
            recent = {name: at for name, at in known.items() if event.reached - at < _MAX_AGAIN_AFTER}
            self.change("entered")[person_id] = recent | dict.fromkeys(timed, event.reached)

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


def _on_granted(draft: _Draft, event: _Event) -> None:
    if event.person_id is None:
        return
    if event.detail.get("decided_by") == "console" and not event.detail.get("awaits_passage"):
        _on_decided_by_device(draft, event)
    elif event.request is not None:
        requests = draft.change("requests")
        requests[event.request] = event.person_id
        while len(requests) > MAX_REQUESTS:
            del requests[next(iter(requests))]


def _on_decided_by_device(draft: _Draft, event: _Event) -> None:
    """Move a person by the device's own time: what is recorded of them since is newer."""
    off = event.detail.get("clock_off_s")
    has_other_clock = isinstance(off, int | float) and abs(off) > CLOCK_AGREES_S
    sides = draft.zones.sides(event.portal, event.direction)
    if event.device is not None and not has_other_clock:
        for zone in [zone for zone, device in draft.read("unsure").items() if device == event.device]:
            del draft.change("unsure")[zone]
    before: Place | None = draft.read("where").get(event.person_id or "")
    if sides is None or event.person_id is None or (before is not None and event.time <= before.since):
        return
    draft.arrive(event.person_id, sides, event, How.DEVICE if has_other_clock else How.RELEASE)
    if has_other_clock:
        for zone in set(sides) - {OUTSIDE}:
            draft.change("unsure")[zone] = event.device or ""


def _on_unlocked(draft: _Draft, event: _Event) -> None:
    senses = event.detail.get("senses_passage") is not False
    if event.request is None or event.portal is None:
        return
    if not senses:
        draft.blind |= {event.portal}
    if event.detail.get("outcome") == "unknown":
        _on_unconfirmed(draft, event, ended=not senses)
    elif not senses:
        _on_passed(draft, event, How.RELEASE)


def _on_passage(draft: _Draft, event: _Event) -> None:
    if event.portal in draft.blind:
        draft.blind -= {event.portal}
    _on_passed(draft, event, How.PASSAGE)


def _on_passed(draft: _Draft, event: _Event, how: How) -> None:
    person_id = draft.person_of(event)
    sides = draft.zones.sides(event.portal, event.direction)
    if sides is None:
        return
    if person_id is None:
        draft.pass_unnamed(sides)
    else:
        draft.move(person_id, sides, event, how)


def _on_release_ended(draft: _Draft, event: _Event) -> None:
    draft.end(event.request)


def _on_unconfirmed(draft: _Draft, event: _Event, *, ended: bool = True) -> None:
    """Let a person be unknown whose gate may have opened: the answer was lost."""
    person_id = draft.read("requests").get(event.request or "") or event.person_id
    if ended:
        draft.end(event.request)
    if person_id is not None and draft.zones.sides(event.portal, event.direction) is not None:
        draft.place(person_id, None, event, How.RELEASE)


def _on_reset(draft: _Draft, event: _Event) -> None:
    """Let people be unknown: one, who may be given a place instead, those of a zone, or all."""
    if event.person_id is not None:
        _on_forgiven(draft, event, event.person_id)
        return
    zone = event.detail.get("zone")
    inside = set(draft.zones.below(zone)) | {zone} if isinstance(zone, str) else None
    if inside is None and event.detail.get("all") is not True:
        return
    before = instant(event.detail.get("before"))
    for person_id, place in list(draft.read("where").items()):
        is_meant = place.zone is not None and (inside is None or place.zone in inside)
        if is_meant and (before is None or place.since <= before):
            draft.place(person_id, None, event, How.TOLD)
    if event.detail.get("because") == "forget_after":
        return
    draft.clear_extra(list(draft.read("extra")) if inside is None else inside)
    _forget_marks(draft, inside)
    if before is not None and isinstance(zone, str):
        draft.change("forgotten")[zone] = before


def _forget_marks(draft: _Draft, inside: set[Any] | None) -> None:
    for zone in [zone for zone in draft.read("unsure") if inside is None or zone in inside]:
        del draft.change("unsure")[zone]
    for person_id, entries in list(draft.read("entered").items()):
        kept = {zone: at for zone, at in entries.items() if inside is not None and zone not in inside}
        if not kept:
            del draft.change("entered")[person_id]
        elif kept != entries:
            draft.change("entered")[person_id] = kept


def _on_forgiven(draft: _Draft, event: _Event, person_id: str) -> None:
    place = event.detail.get("place")
    if isinstance(place, str) and draft.zones.is_place(place):
        draft.settle(person_id, place)
        draft.place(person_id, place, event, How.TOLD)
    else:
        draft.place(person_id, None, event, How.TOLD)
    if person_id in draft.read("entered"):
        del draft.change("entered")[person_id]


def _on_count_set(draft: _Draft, event: _Event) -> None:
    zone, wanted = event.detail.get("zone"), event.detail.get("count")
    if isinstance(zone, str) and zone in draft.zones.zones and isinstance(wanted, int) and wanted >= 0:
        draft.set_count(zone, wanted)


def _on_erased(draft: _Draft, event: _Event) -> None:
    if event.person_id is not None:
        draft.remove(event.person_id)


def _on_zone_removed(draft: _Draft, event: _Event) -> None:
    """Let the people of a zone that is gone be unknown."""
    zone = event.detail.get("zone")
    if not isinstance(zone, str):
        return
    for person_id, place in list(draft.read("where").items()):
        if place.zone == zone:
            draft.place(person_id, None, event, How.TOLD)
    draft.clear_extra([zone])
    _forget_marks(draft, {zone})


def _on_reached(draft: _Draft, event: _Event) -> None:
    zone, limit = event.detail.get("rule"), event.detail.get("limit")
    if isinstance(zone, str) and isinstance(limit, int):
        draft.reached |= {(zone, limit)}


def _on_below_minimum(draft: _Draft, event: _Event) -> None:
    zone = event.detail.get("rule")
    if isinstance(zone, str):
        draft.below |= {zone}


FOLDS: Mapping[str, Callable[[_Draft, _Event], None]] = {
    Kind.ACCESS_GRANTED: _on_granted,
    Kind.PORTAL_UNLOCKED: _on_unlocked,
    Kind.PASSAGE_COMPLETED: _on_passage,
    Kind.PASSAGE_TIMED_OUT: _on_release_ended,
    Kind.PORTAL_UNLOCK_FAILED: _on_release_ended,
    Kind.PORTAL_UNLOCK_UNCONFIRMED: _on_unconfirmed,
    Kind.OCCUPANCY_REACHED: _on_reached,
    Kind.OCCUPANCY_BELOW_MINIMUM: _on_below_minimum,
    WHEREABOUTS_RESET: _on_reset,
    OCCUPANCY_SET: _on_count_set,
    "admin.person_erased": _on_erased,
    "admin.zone_removed": _on_zone_removed,
}
"""What each kind of event changes; `passage_reversed` and a suspended person change nothing."""
