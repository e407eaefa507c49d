"""Use cases of access levels and schedules: add, replace and remove them in a unit of work."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from devicemgr.domain.rules.calendars import MARK
from devicemgr.domain.rules.schedules import format_window, parse_timezone, parse_window
from devicemgr.domain.zones import Waiver
from devicemgr.errors import AlreadyExists, Hint, InvalidInput, RequestError
from devicemgr.site.areas import free_times
from devicemgr.site.unit_of_work import UnitOfWork
from devicemgr.store.areas import threats
from devicemgr.store.database import clock_of
from devicemgr.store.people import departments, grants, people, sources
from devicemgr.store.site import access_levels as rows, calendars, portals, zones
from devicemgr.store.tables import LevelRow, ScheduleRow
from devicemgr.text import counted, rfc3339, safe, slug

Coverage = tuple[str, str | None]
"""A portal, and the schedule in whose hours the level covers it; None for always."""


MAX_ESCORTED = 10


@dataclass(frozen=True, slots=True)
class Escorting:
    """Whether holders of a level escort visitors, and how many at once."""

    escorts: bool = False
    up_to: int = 5


NO_ESCORT = Escorting()


def add_level(
    work: UnitOfWork,
    name: str,
    covered: Sequence[Coverage],
    waives: Iterable[Waiver] = (),
    *,
    visitors: bool = True,
    escorting: Escorting = NO_ESCORT,
) -> LevelRow:
    """Add a level that covers portals; AlreadyExists if the name is taken, NotFound for what it names."""
    slug("level", name)
    if work.session.get(LevelRow, name):
        raise AlreadyExists(f"level '{name}' exists; choose another name")
    row = LevelRow(name=name, waives=_stored_waivers(waives), visitors=visitors)
    row.escorts, row.escort_up_to = escorting.escorts, escorting.up_to
    work.session.add(row)
    work.session.flush()
    rows.set_coverage(work.session, row, covered)
    work.record("admin.level_added", {"level": rows.level_json(row)}, after=_rights_of_level(row))
    return row


def put_level(
    work: UnitOfWork,
    name: str,
    covered: Sequence[Coverage],
    waives: Iterable[Waiver] = (),
    *,
    visitors: bool = True,
    escorting: Escorting = NO_ESCORT,
) -> tuple[LevelRow, bool]:
    """Add the level, or make an existing one exactly this; return it, and True if it was added."""
    row = work.session.get(LevelRow, name)
    if row is None:
        return add_level(work, name, covered, waives, visitors=visitors, escorting=escorting), True
    before, stored = _rights_of_level(row), _stored_waivers(waives)
    own = (row.visitors, Escorting(row.escorts, row.escort_up_to))
    if (before["portals"], before["waives"], *own) == (dict(covered), stored, visitors, escorting):
        return row, False
    row.waives, row.visitors = stored, visitors
    row.escorts, row.escort_up_to = escorting.escorts, escorting.up_to
    if before["portals"] != dict(covered):
        rows.set_coverage(work.session, row, covered)
    work.session.flush()
    after = _rights_of_level(row)
    work.record("admin.level_edited", {"level": rows.level_json(row)}, before=before, after=after)
    return row, False


@dataclass(frozen=True, slots=True)
class LevelEdit:
    """What to change of a level: portals, the schedule of all of them, and other fields; None leaves each."""

    portals: Sequence[str] | None = None
    schedule: str | None = None
    is_always: bool = False
    """The level holds at all hours from now on; `schedule` is None then."""
    waives: Iterable[Waiver] | None = None
    visitors: bool | None = None
    escorts: bool | None = None
    escort_up_to: int | None = None


def edit_level(work: UnitOfWork, name: str, edit: LevelEdit) -> LevelRow:
    """Change what a level covers; a portal that stays keeps its schedule, unless `edit` names one for all.

    Raises InvalidInput for a new portal without a schedule of its own where those of the others differ.
    """
    row = rows.level(work.session, name)
    current = _rights_of_level(row)["portals"]
    names = list(current) if edit.portals is None else list(edit.portals)
    if edit.is_always or edit.schedule is not None:
        covered = {portal: edit.schedule for portal in names}
    else:
        schedules = set(current.values())
        if len(schedules) > 1 and any(portal not in current for portal in names):
            raise InvalidInput(f"the portals of level '{name}' have different schedules; name one for all of them")
        shared = next(iter(schedules), None)
        covered = {portal: current.get(portal, shared) for portal in names}
    waives = map(Waiver, row.waives) if edit.waives is None else edit.waives
    visitors = row.visitors if edit.visitors is None else edit.visitors
    escorts = row.escorts if edit.escorts is None else edit.escorts
    escorting = Escorting(escorts, row.escort_up_to if edit.escort_up_to is None else edit.escort_up_to)
    return put_level(work, name, list(covered.items()), waives, visitors=visitors, escorting=escorting)[0]


def remove_level(work: UnitOfWork, name: str, *, checks_zones: bool = True) -> None:
    """Remove a level that no person and no department has, and that no zone, portal or threat names.

    `checks_zones` is False while a site's file is applied, where these are checked when all is in its place.
    """
    row = rows.level(work.session, name)
    grants.remove_over(work.session, rfc3339(clock_of(work.session).now()), name)
    held = people.holders(work.session, name)
    if held:
        raise RequestError(f"level '{name}' is held by {counted(len(held), 'person', 'people')}; revoke it first")
    if checks_zones and (opened := zones.zones_opened_by(work.session, name)):
        raise RequestError(f"zone '{opened[0]}' opens with level '{name}'", hint=Hint("edit_zone", name=opened[0]))
    if checks_zones and (confirmed := portals.portals_confirmed_by(work.session, name)):
        raise RequestError(
            f"portal '{confirmed[0]}' is confirmed by level '{name}'", hint=Hint("edit_portal", name=confirmed[0])
        )
    if checks_zones and (allowing := threats.threats_allowing(work.session, name)):
        raise RequestError(f"threat '{allowing[0]}' allows level '{name}'", hint=Hint("edit_threat", name=allowing[0]))
    if checks_zones and (freed := free_times.portals_free_after(work.session, name)):
        raise RequestError(f"portal '{freed[0]}' is free after level '{name}'", hint=Hint("edit_portal", name=freed[0]))
    source = sources.levels_mapped(work.session).get(name)
    if source is not None:
        raise RequestError(f"source '{source}' maps a group to level '{name}'", hint=Hint("edit_source", name=source))
    if carrying := departments.carrying(work.session, name):
        raise RequestError(
            f"department '{carrying[0]}' has level '{name}', so its people hold it; take it from the department first",
            hint=Hint("edit_department", name=carrying[0]),
        )
    work.record("admin.level_removed", {"level": name}, before=_rights_of_level(row))
    work.session.delete(row)
    work.session.flush()


def schedule_values(windows: Iterable[str], timezone: str, holidays: Iterable[str] = ()) -> dict[str, Any]:
    """Return a schedule's columns without its name, as they are stored.

    Windows are written as `mon-fri 08:00-18:00`, holidays as ISO dates and as `@calendar`.
    Raises InvalidInput for what is no window, time zone, date or name.
    """
    return {
        "windows": [format_window(parse_window(text)) for text in windows],
        "timezone": parse_timezone(timezone),
        "holidays": sorted({_holiday(day) for day in holidays}),
    }


def add_schedule(work: UnitOfWork, name: str, values: dict[str, Any]) -> ScheduleRow:
    """Add a weekly schedule of `schedule_values`; AlreadyExists if the name is taken."""
    slug("schedule", name)
    if work.session.get(ScheduleRow, name):
        raise AlreadyExists(f"schedule '{name}' exists; choose another name")
    _require_calendars(work, values)
    row = ScheduleRow(name=name, **values)
    work.session.add(row)
    work.session.flush()
    work.record("admin.schedule_added", {"schedule": rows.schedule_json(row)}, after=_rights_of_schedule(row))
    return row


def put_schedule(work: UnitOfWork, name: str, values: dict[str, Any]) -> tuple[ScheduleRow, bool]:
    """Add the schedule, or give an existing one these values; return it, and True if it was added."""
    row = work.session.get(ScheduleRow, name)
    if row is None:
        return add_schedule(work, name, values), True
    _require_calendars(work, values)
    before = _rights_of_schedule(row)
    for field, value in values.items():
        setattr(row, field, value)
    after = _rights_of_schedule(row)
    changed = {field: [before[field], after[field]] for field in after if before[field] != after[field]}
    if changed:
        work.session.flush()
        detail = {"schedule": {"name": name, **changed}}
        work.record("admin.schedule_edited", detail, before=before, after=after)
    return row, False


def edit_schedule(
    work: UnitOfWork,
    name: str,
    windows: Iterable[str] | None = None,
    timezone: str | None = None,
    holidays: Iterable[str] | None = None,
) -> ScheduleRow:
    """Change a schedule's windows, time zone or holidays; None leaves each."""
    row = rows.schedule(work.session, name)
    values = schedule_values(
        row.windows if windows is None else windows,
        row.timezone if timezone is None else timezone,
        row.holidays if holidays is None else holidays,
    )
    return put_schedule(work, name, values)[0]


def remove_schedule(work: UnitOfWork, name: str, *, checks_portals: bool = True) -> None:
    """Remove a schedule that no level uses and by which no portal is free.

    `checks_portals` is False while a site's file is applied, where they are checked when all is in its place.
    """
    row = rows.schedule(work.session, name)
    users = rows.levels_under(work.session, name)
    if users:
        raise RequestError(f"level '{users[0]}' uses schedule '{name}'", hint=Hint("remove_level", name=users[0]))
    if checks_portals and (freed := free_times.portals_free_by(work.session, name)):
        raise RequestError(f"portal '{freed[0]}' is free by schedule '{name}'", hint=Hint("edit_portal", name=freed[0]))
    work.record("admin.schedule_removed", {"schedule": name}, before=_rights_of_schedule(row))
    work.session.delete(row)
    work.session.flush()


def _rights_of_level(row: LevelRow) -> dict[str, Any]:
    portals = {covered.portal_name: covered.schedule_name for covered in row.portals}
    bars = {} if row.visitors else {"visitors": False}
    escorting = {"escorts": row.escorts, "escort_up_to": row.escort_up_to}
    return {"portals": portals, "waives": list(row.waives), **escorting, **bars}


def _stored_waivers(waives: Iterable[Waiver]) -> list[str]:
    return sorted({str(waiver) for waiver in waives})


def _rights_of_schedule(row: ScheduleRow) -> dict[str, Any]:
    return {"windows": list(row.windows), "timezone": row.timezone, "holidays": list(row.holidays)}


def _require_calendars(work: UnitOfWork, values: Mapping[str, Any]) -> None:
    """Raise NotFound unless all calendars that the values name are there."""
    for entry in values.get("holidays", ()):
        if entry.startswith(MARK):
            calendars.calendar(work.session, entry.removeprefix(MARK))


def _holiday(text: str) -> str:
    if text.startswith(MARK):
        return MARK + slug("calendar", text.removeprefix(MARK))
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise InvalidInput(
            f"'{safe(text, 40)}' is not a date; write 2026-12-16, or @NAME for the days of a calendar"
        ) from error
