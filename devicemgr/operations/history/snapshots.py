"""The rights as they were at an event of the ledger: the present ones, and all administrative events since undone."""

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from devicemgr.access.policy_cache import load_snapshot
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Person, Schedule
from devicemgr.domain.rules.calendars import parse_day
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.past.history import KINDS, PEOPLE, SETTINGS, USE_TAKEN, Fields, Missing, Thing, Walk
from devicemgr.domain.rules.threats.threat import ThreatInForce
from devicemgr.operations.history import models
from devicemgr.people.consents import rights_of
from devicemgr.site.hours.calendars import rights_of_days
from devicemgr.store.areas import threats
from devicemgr.store.database import Session, revision
from devicemgr.store.ledger import events, grant_uses
from devicemgr.store.site import access_levels, calendars, portals, settings, zones
from devicemgr.store.tables import CalendarRow, LevelRow, PersonRow, PortalRow, ScheduleRow
from devicemgr.store.zone_tables import InterlockRow, ThreatRow, ZoneRow
from devicemgr.text import parse_time

M = TypeVar("M")
_DEVICE_REMOVED = "admin.device_removed"


@dataclass(frozen=True, slots=True)
class Past:
    """The rights at an event, and what of them is not known: where `missing` names something, it is as it is now.

    `removed_before` is the oldest event that is kept, where changes since `seq` were removed with those before it.
    """

    seq: int
    snapshot: Snapshot
    missing: tuple[Missing, ...]
    removed_before: int | None

    @property
    def is_complete(self) -> bool:
        """True if nothing of the rights of then is unknown."""
        return not self.missing and self.removed_before is None


def snapshot_at(session: Session, seq: int, present: Snapshot | None = None) -> Past:
    """Return the rights as they were when event `seq` was recorded; `present` are those of this session, if loaded."""
    if present is None:
        present = load_snapshot(session, revision(session))
    walk = Walk(partial(_fields_now, session))
    changes, uses = events.of_kinds_after(session, KINDS, seq), _uses_taken(session, seq)
    walk.back(heapq.merge(changes, uses, key=lambda event: -event["seq"]))
    oldest = events.oldest(session)
    has_gap = oldest is not None and oldest > seq + 1
    built = _Builder(session, present, walk.changed, _instant(session, seq)).snapshot()
    built = replace(built, fire_active=_was_fire(session, seq), threats_in_force=_threats_then(session, seq))
    return Past(seq, built, tuple(walk.missing), oldest if has_gap else None)


def _uses_taken(session: Session, seq: int) -> list[dict[str, Any]]:
    """Return the passages behind an event by which uses of grants were taken, the newest first."""
    taken = grant_uses.taken_after(session, seq)
    return [
        {"kind": USE_TAKEN, "seq": at, "person_id": person, "detail": {"level": level}} for at, person, level in taken
    ]


def _instant(session: Session, seq: int) -> datetime:
    found = events.time_of(session, seq)
    return parse_time(found) if found else datetime.now(UTC)


def _fields_now(session: Session, thing: Thing) -> Fields | None:
    """Return the fields of a thing as an event would hold them now; None if it is not there."""
    if thing.kind == SETTINGS:
        return settings.load(session).model_dump(mode="json")
    table, fields = _STORED[thing.kind]
    row = session.get(table, thing.name)
    return None if row is None else _without_name(fields(row))


def _fields_of_level(row: LevelRow) -> Fields:
    covered = {one.portal_name: one.schedule_name for one in row.portals}
    own = {"waives": list(row.waives), "escorts": row.escorts, "escort_up_to": row.escort_up_to}
    return {"portals": covered, **own}


_STORED: Mapping[str, tuple[type[Any], Callable[[Any], Fields]]] = {
    PEOPLE: (PersonRow, rights_of),
    "levels": (LevelRow, _fields_of_level),
    "schedules": (ScheduleRow, access_levels.schedule_json),
    "calendars": (CalendarRow, lambda row: rights_of_days(calendars.days(row))),
    "portals": (PortalRow, portals.portal_json),
    "zones": (ZoneRow, zones.zone_json),
    "interlocks": (InterlockRow, zones.interlock_json),
    "threats": (ThreatRow, threats.threat_json),
}


class _Builder:
    """Makes a snapshot of the present one, with what was changed since as it was."""

    def __init__(
        self, session: Session, present: Snapshot, changed: Mapping[Thing, Fields | None], at: datetime
    ) -> None:
        self._session = session
        self._present = present
        self._changed = changed
        self._at = at
        site = self._of_kind(SETTINGS).get("") or settings.load(session).model_dump(mode="json")
        self._settings = settings.Settings.model_validate(
            {name: site[name] for name in ("timezone", "lanes_side_by_side") if site.get(name) is not None}
        )

    def snapshot(self) -> Snapshot:
        """Return the rights of then; a thing of which an old event says nothing is left out."""
        present = self._present
        people = self._as_they_were(PEOPLE, present.people, self._person)
        return replace(
            present,
            people=people,
            badges={person.badge: person.id for person in people.values() if person.badge},
            levels=self._as_they_were("levels", present.levels, models.level_of),
            schedules=self._schedules(),
            portals=self._as_they_were("portals", present.portals, models.portal_of),
            zones=self._zones(),
            interlocks=self._as_they_were("interlocks", present.interlocks, models.interlock_of),
            threats=self._as_they_were("threats", present.threats, models.threat_of),
            lanes_side_by_side=self._settings.lanes_side_by_side,
        )

    def _of_kind(self, kind: str) -> dict[str, Fields | None]:
        return {thing.name: fields for thing, fields in self._changed.items() if thing.kind == kind}

    def _as_they_were(self, kind: str, present: Mapping[str, M], make: Callable[[str, Fields], M]) -> dict[str, M]:
        found = dict(present)
        for name, fields in self._of_kind(kind).items():
            found.pop(name, None)
            if fields:
                found[name] = make(name, fields)
        return found

    def _person(self, person_id: str, fields: Fields) -> Person:
        return models.person_of(person_id, fields, self._at, self._present.people.get(person_id))

    def _schedules(self) -> dict[str, Schedule]:
        changed = self._of_kind("calendars")
        if not changed:
            days = calendars.days_by_calendar(self._session) if self._of_kind("schedules") else {}
            return self._as_they_were("schedules", self._present.schedules, partial(models.schedule_of, calendars=days))
        days = calendars.days_by_calendar(self._session)
        for name, fields in changed.items():
            days.pop(name, None)
            if fields is not None:
                days[name] = [parse_day(text) for text in fields.get("days", ())]
        values: dict[str, Fields | None] = {
            row.name: access_levels.schedule_json(row) for row in access_levels.schedules(self._session)
        }
        values |= self._of_kind("schedules")
        return {name: models.schedule_of(name, fields, days) for name, fields in values.items() if fields}

    def _zones(self) -> dict[str, Any]:
        timezone = self._settings.timezone or "UTC"
        make = partial(models.zone_of, site_timezone=timezone)
        if not self._of_kind(SETTINGS):
            return self._as_they_were("zones", self._present.zones, make)
        stored = {row.name: zones.zone_json(row) for row in zones.zones(self._session)}
        present = {name: make(name, _without_name(fields)) for name, fields in stored.items()}
        return self._as_they_were("zones", present, make)


def _without_name(fields: Fields) -> Fields:
    return {name: value for name, value in fields.items() if name != "name"}


def _threats_then(session: Session, seq: int) -> dict[str, ThreatInForce]:
    """Return the threats that were in force at an event, as far as events go back."""
    found: dict[str, ThreatInForce] = {}
    for event in events.of_kinds(session, (Kind.THREAT_SET, Kind.THREAT_ENDED)):
        if event["seq"] > seq:
            break
        name, detail = event["detail"]["threat"], event["detail"]
        if event["kind"] == Kind.THREAT_ENDED:
            found.pop(name, None)
        else:
            since = parse_time(event["time"])
            found[name] = ThreatInForce(name, frozenset(detail["scope"]), since, detail["reason"], event["actor"])
    return found


def _was_fire(session: Session, seq: int) -> bool:
    """Return True if a fire input was active at an event, as far as events go back."""
    active: set[tuple[str, str]] = set()
    for event in events.of_kinds(session, (Kind.FIRE_RELEASE, _DEVICE_REMOVED)):
        if event["seq"] > seq:
            break
        detail = event["detail"] or {}
        if event["kind"] == _DEVICE_REMOVED:
            active = {one for one in active if one[0] != detail.get("device")}
        elif detail.get("active"):
            active.add((event["device"], detail.get("input") or ""))
        else:
            active.discard((event["device"], detail.get("input") or ""))
    return bool(active)
