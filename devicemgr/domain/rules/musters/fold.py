"""Fold events of the ledger into a muster that runs.

Only a passage with a name leads anyone out, and only a badge or face at an assembly zone, or a guard, makes anyone
safe: people who pass a freed gate are unnamed.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from devicemgr.domain.ledger_events import Kind, Reason
from devicemgr.domain.rules.areas.draft import FoldEvent, read_event
from devicemgr.domain.rules.areas.zone_map import ZoneMap
from devicemgr.domain.rules.musters.roll import Listed, Mark, Marking, Muster

_MAX_REQUESTS = 4096
_MAX_MARKS = 20

# A denial for one of these shows all the same who stands there: the credential itself was right.
_PRESENT_ALTHOUGH_DENIED = frozenset(
    {
        Reason.NO_ACCESS_LEVEL,
        Reason.OUTSIDE_SCHEDULE,
        Reason.NOT_YET_VALID,
        Reason.EXPIRED,
        Reason.SUSPENDED,
        Reason.PORTAL_LOCKED,
        Reason.SECOND_FACTOR_REQUIRED,
        Reason.ANTI_PASSBACK,
        Reason.OCCUPANCY,
        Reason.INTERLOCK,
        Reason.STORAGE_FAILED,
        "lockdown",
        "escort_required",
        "first_person_required",
        "second_person_required",
    }
)

Event = Mapping[str, Any]


def fold_all(muster: Muster, events: Iterable[Event], zones: ZoneMap) -> Muster:
    """Return the muster after these events, in their order; those that its list holds already change nothing."""
    is_copied = False
    for body in events:
        change = FOLDS.get(str(body.get("kind")))
        if change is None or muster.ended is not None or body.get("id") in muster.spilled:
            continue
        event = read_event(body)
        if 0 < event.seq <= muster.after:
            continue
        if not is_copied:  # once for all events, since a list may be long
            tables = (dict(muster.people), dict(muster.elsewhere), dict(muster.requests))
            muster, is_copied = replace(muster, people=tables[0], elsewhere=tables[1], requests=tables[2]), True
        muster = change(muster, event, body, zones)
    return muster


def _on_granted(muster: Muster, event: FoldEvent, body: Event, zones: ZoneMap) -> Muster:
    if event.detail.get("decided_by") == "console" and not event.detail.get("awaits_passage"):
        return _on_decided_by_device(muster, event, zones)
    if event.request is not None and event.person_id in muster.people:
        muster.requests[event.request] = str(event.person_id)
        while len(muster.requests) > _MAX_REQUESTS:
            del muster.requests[next(iter(muster.requests))]
    return _on_presented(muster, event, body, zones)


def _on_presented(muster: Muster, event: FoldEvent, body: Event, zones: ZoneMap) -> Muster:
    """Mark as safe who shows a badge or a face at a portal of an assembly zone."""
    is_person = event.kind == Kind.ACCESS_GRANTED or body.get("reason") in _PRESENT_ALTHOUGH_DENIED
    is_before = event.detail.get("decided_by") == "console" and event.time <= muster.started
    if not is_person or is_before or not _is_assembly(event.portal, zones):
        return muster
    return _marked(muster, event.person_id, Marking(Mark.SAFE, f"portal:{event.portal}", event.time))


def _is_assembly(portal: str | None, zones: ZoneMap) -> bool:
    return any(zone.assembly and portal in zones.portals_of(name) for name, zone in zones.zones.items())


def _on_decided_by_device(muster: Muster, event: FoldEvent, zones: ZoneMap) -> Muster:
    """Take by the device's own time what its memory says: it may put a person on the list, or lead them out."""
    sides, person = zones.sides(event.portal, event.direction), event.person_id
    if sides is None or person is None:
        return muster
    if event.time > muster.started and _is_assembly(event.portal, zones):
        muster = _marked(muster, person, Marking(Mark.SAFE, f"portal:{event.portal}", event.time))
    listed = muster.people.get(person)
    if listed is not None:
        return muster if event.time <= listed.since else _moved(muster, person, sides, event.time, zones, is_late=True)
    known = muster.elsewhere.get(person)
    if event.time > muster.started or (known is not None and event.time <= known):
        return muster
    if not muster.covers(sides[1], zones):
        muster.elsewhere[person] = event.time
        return muster
    return _with(muster, person, Listed(sides[1], event.time, is_late=True))


def _on_unlocked(muster: Muster, event: FoldEvent, body: Event, zones: ZoneMap) -> Muster:
    """Take a release for the passage where the gate senses none."""
    if event.detail.get("senses_passage") is not False or event.detail.get("outcome") == "unknown":
        return muster
    return _on_passed(muster, event, body, zones)


def _on_passed(muster: Muster, event: FoldEvent, body: Event, zones: ZoneMap) -> Muster:  # noqa: ARG001
    sides = zones.sides(event.portal, event.direction)
    if sides is None:
        return muster
    person = muster.requests.get(event.request or "") or event.person_id
    if person is None:
        return _counted(muster, sides, zones)
    if person in muster.people:
        return _moved(muster, person, sides, event.time, zones)
    muster.elsewhere[person] = event.time
    return muster


def _counted(muster: Muster, sides: tuple[str, str], zones: ZoneMap) -> Muster:
    was_in, is_in = (muster.covers(side, zones) for side in sides)
    if was_in == is_in:
        return muster
    if was_in:
        return replace(muster, unnamed_out=muster.unnamed_out + 1)
    return replace(muster, unnamed_in=muster.unnamed_in + 1)


def _moved(
    muster: Muster, person: str, sides: tuple[str, str], at: datetime, zones: ZoneMap, *, is_late: bool = False
) -> Muster:
    listed = muster.people[person]
    comes_back = _is_danger(muster, sides[1], zones) and not _is_danger(muster, sides[0], zones)
    entered = at if comes_back else listed.entered
    return _with(
        muster, person, replace(listed, zone=sides[1], since=at, entered=entered, is_late=listed.is_late or is_late)
    )


def _is_danger(muster: Muster, zone: str, zones: ZoneMap) -> bool:
    """Return True within the muster's place, but not in an assembly zone that lies there."""
    return muster.covers(zone, zones) and not any(zones.zones[name].assembly for name in zones.above(zone))


def _on_marked(muster: Muster, event: FoldEvent, body: Event, zones: ZoneMap) -> Muster:  # noqa: ARG001
    detail = event.detail
    if detail.get("muster") != muster.id or detail.get("mark") not in list(Mark):
        return muster
    at = datetime.fromisoformat(str(detail["at"])) if detail.get("at") else event.time
    marking = Marking(Mark(detail["mark"]), str(body.get("actor") or ""), at, str(detail.get("reason") or ""))
    return _marked(muster, event.person_id, marking)


def _marked(muster: Muster, person: str | None, marking: Marking) -> Muster:
    """Keep a mark; of one that is repeated by the same, the latest, in whatever order they arrive."""
    listed = muster.people.get(person or "")
    if person is None or listed is None or is_known(listed, marking):
        return muster
    others = [one for one in listed.marks if (one.mark, one.by) != (marking.mark, marking.by)]
    return _with(muster, person, replace(listed, marks=(*others, marking)[-_MAX_MARKS:]))


def is_known(listed: Listed, marking: Marking) -> bool:
    """Return True if the person has this mark by the same already, from that time or a later one."""
    return any((one.mark, one.by) == (marking.mark, marking.by) and one.at >= marking.at for one in listed.marks)


def _with(muster: Muster, person: str, listed: Listed) -> Muster:
    muster.people[person] = listed
    return muster


def _on_ended(muster: Muster, event: FoldEvent, body: Event, zones: ZoneMap) -> Muster:  # noqa: ARG001
    return replace(muster, ended=event.time) if event.detail.get("muster") == muster.id else muster


FOLDS: Mapping[str, Callable[[Muster, FoldEvent, Event, ZoneMap], Muster]] = {
    Kind.ACCESS_GRANTED: _on_granted,
    Kind.ACCESS_DENIED: _on_presented,
    Kind.PORTAL_UNLOCKED: _on_unlocked,
    Kind.PASSAGE_COMPLETED: _on_passed,
    Kind.MUSTER_MARKED: _on_marked,
    Kind.MUSTER_ENDED: _on_ended,
}
"""What each kind of event changes; a reset or a guard's correction of where people are makes no one safe or out."""
