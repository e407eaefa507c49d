"""Fold events of the ledger into who is where."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Direction
from devicemgr.domain.rules.areas.corrections import OCCUPANCY_SET, WHEREABOUTS_RESET
from devicemgr.domain.rules.areas.draft import Draft, FoldEvent, Movement, instant, read_event
from devicemgr.domain.rules.areas.whereabouts import MAX_REQUESTS, NOWHERE, How, Place, Whereabouts
from devicemgr.domain.rules.areas.zone_map import ZoneMap
from devicemgr.domain.rules.threats.threat import is_in_scope
from devicemgr.domain.zones import OUTSIDE

# Device clocks that differ by more are not ours.
CLOCK_AGREES_S = 5.0

Event = Mapping[str, Any]


def fold(state: Whereabouts, event: Event, zones: ZoneMap) -> Whereabouts:
    """Return the state after one more event of the ledger, given as its body."""
    return fold_all(state, (event,), zones)


def fold_all(state: Whereabouts, events: Iterable[Event], zones: ZoneMap) -> Whereabouts:
    """Return the state after these events, in their order."""
    draft = Draft(state, zones)
    for body in events:
        _take(draft, read_event(body))
    return draft.finished()


def follow(events: Iterable[Event], zones: ZoneMap) -> Iterator[Movement]:
    """Yield each change of a person's place by these events, as `fold_all` makes it from where no one is known."""
    found: list[Movement] = []
    draft = Draft(NOWHERE, zones, found)
    for body in events:
        _take(draft, read_event(body))
        if found:
            yield from found
            found.clear()


def _take(draft: Draft, event: FoldEvent) -> None:
    draft.seq = max(draft.seq, event.seq)
    change = FOLDS.get(event.kind)
    if change is not None:
        change(draft, event)
        draft.rearm()


class Folding:
    """A fold under way, for many events with a look at the state between any two of them.

    A state that it has given is good until the next event is taken: it is not copied.
    """

    def __init__(self, state: Whereabouts, zones: ZoneMap) -> None:
        self._draft = Draft(state, zones)

    @property
    def state(self) -> Whereabouts:
        """Return the state after the events that were taken."""
        return self._draft.peek()

    def take(self, event: FoldEvent) -> None:
        """Fold one more event, as `read_event` gives it."""
        _take(self._draft, event)


def _on_granted(draft: Draft, event: FoldEvent) -> None:
    if event.person_id is None:
        return
    draft.is_back(event.person_id)
    if event.detail.get("decided_by") == "console" and not event.detail.get("awaits_passage"):
        _on_decided_by_device(draft, event)
    elif event.request is not None:
        requests = draft.change("requests")
        requests[event.request] = event.person_id
        opened_by = event.detail.get("opened_by")
        if isinstance(opened_by, str):
            along = draft.change("along")
            along[opened_by] = (*along.get(opened_by, ()), event.request)
            _shorten(along)
        _shorten(requests)


def _shorten(table: dict[str, Any]) -> None:
    while len(table) > MAX_REQUESTS:
        del table[next(iter(table))]


def _on_decided_by_device(draft: Draft, event: FoldEvent) -> None:
    """Move a person by the device's own time: what is recorded of them since is newer."""
    off = event.detail.get("clock_off_s")
    has_other_clock = isinstance(off, int | float) and abs(off) > CLOCK_AGREES_S
    sides = draft.zones.sides(event.portal, event.direction)
    if event.device is not None and not has_other_clock:
        for zone in [zone for zone, device in draft.read("unsure").items() if device == event.device]:
            del draft.change("unsure")[zone]
    if event.person_id is not None and not has_other_clock:
        _on_first_person(draft, event, event.person_id)
    before: Place | None = draft.read("where").get(event.person_id or "")
    if sides is None or event.person_id is None or (before is not None and event.time <= before.since):
        return
    draft.arrive(event.person_id, sides, event, How.DEVICE if has_other_clock else How.RELEASE)
    if has_other_clock:
        for zone in set(sides) - {OUTSIDE}:
            draft.change("unsure")[zone] = event.device or ""


def _on_unlocked(draft: Draft, event: FoldEvent) -> None:
    senses = event.detail.get("senses_passage") is not False
    if event.request is None or event.portal is None:
        return
    if not senses:
        draft.blind |= {event.portal}
    if event.detail.get("outcome") == "unknown":
        _on_unconfirmed(draft, event, ended=not senses)
    elif not senses:
        _on_passed(draft, event, How.RELEASE)


def _on_passage(draft: Draft, event: FoldEvent) -> None:
    if event.portal in draft.blind:
        draft.blind -= {event.portal}
    _on_passed(draft, event, How.PASSAGE)


def _on_passed(draft: Draft, event: FoldEvent, how: How) -> None:
    people = [draft.person_of(event), *draft.go_along(event.request)]
    for one in people:
        _on_first_person(draft, event, one)
    sides = draft.zones.sides(event.portal, event.direction)
    if sides is None:
        return
    for person_id in people:
        if person_id is None:
            draft.pass_unnamed(sides)
        else:
            draft.move(person_id, sides, event, how)


def _on_first_person(draft: Draft, event: FoldEvent, person_id: str | None) -> None:
    """Note the entry of a person with whom a portal's free time begins."""
    if event.direction is Direction.ENTRY and person_id in draft.zones.first_people.get(event.portal or "", ()):
        draft.note("first_people", event.portal or "", event.reached)


def _on_threat(draft: Draft, event: FoldEvent) -> None:
    """Let free times that a person has begun end at the portals in a threat's scope, and not begin again in it."""
    scope = event.detail.get("scope")
    names = {str(zone) for zone in scope} if isinstance(scope, list) else set()
    for name in draft.zones.first_people:
        portal = draft.zones.portals.get(name)
        if portal is not None and is_in_scope(portal, names, draft.zones):
            draft.note("suspended", name, event.reached)


def _on_release_ended(draft: Draft, event: FoldEvent) -> None:
    draft.end(event.request)
    draft.go_along(event.request)


def _on_unconfirmed(draft: Draft, event: FoldEvent, *, ended: bool = True) -> None:
    """Let a person be unknown whose gate may have opened: the answer was lost."""
    person_id = draft.read("requests").get(event.request or "") or draft.named(event)
    people = [person_id, *draft.go_along(event.request, ended=ended)]
    if ended:
        draft.end(event.request)
    for one in people if draft.zones.sides(event.portal, event.direction) is not None else ():
        if one is not None:
            draft.place(one, None, event, How.RELEASE)


def _on_reset(draft: Draft, event: FoldEvent) -> None:
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
        # Also one who is unknown already, from now on: what a console did before and reports later moves no one.
        is_meant = inside is None or place.zone in inside
        if is_meant and (before is None or place.since <= before):
            draft.place(person_id, None, event, How.OPERATOR)
    if event.detail.get("because") == "forget_after":
        return
    draft.clear_extra(list(draft.read("extra")) if inside is None else inside)
    _forget_marks(draft, inside)
    if before is not None and isinstance(zone, str):
        draft.change("forgotten")[zone] = before


def _forget_marks(draft: Draft, inside: set[Any] | None) -> None:
    for zone in [zone for zone in draft.read("unsure") if inside is None or zone in inside]:
        del draft.change("unsure")[zone]
    for person_id, entries in list(draft.read("entered").items()):
        kept = {zone: at for zone, at in entries.items() if inside is not None and zone not in inside}
        if not kept:
            del draft.change("entered")[person_id]
        elif kept != entries:
            draft.change("entered")[person_id] = kept


def _on_forgiven(draft: Draft, event: FoldEvent, person_id: str) -> None:
    place = event.detail.get("place")
    if isinstance(place, str) and draft.zones.is_place(place):
        draft.settle(person_id, place)
        draft.place(person_id, place, event, How.OPERATOR)
    else:
        draft.place(person_id, None, event, How.OPERATOR)
    if person_id in draft.read("entered"):
        del draft.change("entered")[person_id]


def _on_count_set(draft: Draft, event: FoldEvent) -> None:
    zone, wanted = event.detail.get("zone"), event.detail.get("count")
    if isinstance(zone, str) and zone in draft.zones.zones and isinstance(wanted, int) and wanted >= 0:
        draft.set_count(zone, wanted)


def _on_erased(draft: Draft, event: FoldEvent) -> None:
    if event.person_id is not None:
        draft.remove(event.person_id, event)


def _on_zone_removed(draft: Draft, event: FoldEvent) -> None:
    """Let the people of a zone that is gone be unknown."""
    zone = event.detail.get("zone")
    if not isinstance(zone, str):
        return
    for person_id, place in list(draft.read("where").items()):
        if place.zone == zone:
            draft.place(person_id, None, event, How.OPERATOR)
    draft.clear_extra([zone])
    _forget_marks(draft, {zone})


def _on_reached(draft: Draft, event: FoldEvent) -> None:
    zone, limit = event.detail.get("rule"), event.detail.get("limit")
    if isinstance(zone, str) and isinstance(limit, int):
        draft.reached |= {(zone, limit)}


def _on_below_minimum(draft: Draft, event: FoldEvent) -> None:
    zone = event.detail.get("rule")
    if isinstance(zone, str):
        draft.below |= {zone}


FOLDS: Mapping[str, Callable[[Draft, FoldEvent], None]] = {
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
    Kind.THREAT_SET: _on_threat,
    Kind.THREAT_ENDED: _on_threat,
    "admin.person_erased": _on_erased,
    "admin.zone_removed": _on_zone_removed,
}
"""What each kind of event changes; `passage_reversed` and a suspended person change nothing."""
