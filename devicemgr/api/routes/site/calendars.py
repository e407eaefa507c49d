"""/calendars, and what a change of calendars or schedules opens and closes."""

from datetime import UTC, datetime
from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import Field

from devicemgr.api.context import Ctx, Who
from devicemgr.api.conventions.models import Day, Removed, RequestBody, ResponseBody
from devicemgr.api.conventions.paging import Paged
from devicemgr.api.conventions.revisions import IfMatch, set_etag
from devicemgr.api.routes.site.access_levels import ScheduleUpdate
from devicemgr.domain.rules.calendars import MAX_DAYS
from devicemgr.domain.rules.hours_preview import DAYS_AHEAD, changed_days
from devicemgr.errors import InvalidInput
from devicemgr.site.hours import calendars, schedule_plan
from devicemgr.store.site import access_levels as schedule_rows, calendars as rows

router = APIRouter(tags=["rights"])


class CalendarDayFields(RequestBody):
    """A day: closed (`holiday`), with shorter hours, or a weekend day that is worked."""

    date: Day
    kind: Literal["holiday", "short-day", "working"] = "holiday"
    hours: str | None = Field(None, examples=["09:00-16:00"], description="Of a short-day, and only of one.")
    name: str = Field("", examples=["Independence Day"])

    def text(self) -> str:
        """Return the day as it is written, to be checked; raises InvalidInput for hours that it can't have."""
        if self.hours is not None and self.kind != "short-day":
            raise InvalidInput(f"{self.date} is a {self.kind} and has no hours; only a short-day has")
        return " ".join(part for part in (self.date, self.kind, self.hours, self.name) if part)


class CalendarFields(RequestBody):
    """The days of a calendar."""

    days: list[CalendarDayFields] = Field([], max_length=MAX_DAYS)

    def values(self) -> list[str]:
        """Return the checked days as they are stored."""
        return calendars.checked_days(day.text() for day in self.days)


class CalendarCreate(CalendarFields):
    """A calendar to add."""

    name: str = Field(examples=["kz"])


class CalendarReplace(CalendarFields):
    """All days of a calendar."""


class CalendarUpdate(CalendarFields):
    """Days to add, in place of those on the same dates, and dates to drop."""

    drop: list[Day] = Field([], max_length=MAX_DAYS)


class CalendarDay(ResponseBody):
    """A day of a calendar."""

    date: Day
    kind: Literal["holiday", "short-day", "working"]
    hours: str | None = Field(examples=["09:00-16:00"])
    name: str = Field(examples=["Independence Day"])


class Calendar(ResponseBody):
    """A calendar, and the schedules that use it."""

    name: str = Field(examples=["kz"])
    days: list[CalendarDay]
    schedules: list[str] = Field(examples=[["office-hours"]])


class PlannedCalendar(CalendarUpdate):
    """Days that a calendar would get, in place of those on the same dates, and dates that it would lose."""

    name: str = Field(examples=["kz"])


class PlannedSchedule(ScheduleUpdate):
    """A schedule with what would change of it; one that is not there needs windows and time zone."""

    name: str = Field(examples=["office-hours"])


class HoursPlan(RequestBody):
    """Changes to look at; nothing is stored."""

    calendars: list[PlannedCalendar] = Field([], max_length=20)
    schedules: list[PlannedSchedule] = Field([], max_length=100)


class ChangedDay(ResponseBody):
    """The hours of a date, in the zone of the schedule, that a change opens and closes."""

    schedule: str = Field(examples=["office-hours"])
    date: Day
    opens: list[str] = Field(examples=[["08:00-18:00"]])
    closes: list[str] = Field(examples=[[]])


class HoursChanges(ResponseBody):
    """What opens and closes within the days that were looked at."""

    days: int = Field(examples=[DAYS_AHEAD])
    changes: list[ChangedDay]


@router.post("/schedules/plan", response_model=HoursChanges)
def plan_schedules(body: HoursPlan, context: Ctx, _: Who) -> dict[str, Any]:
    """Show which hours a change of calendars or schedules opens or closes in the next 90 days; changes nothing."""
    edits = {one.name: (one.values(), one.drop) for one in body.calendars}
    planned = {one.name: one.model_dump(exclude={"name"}) for one in body.schedules}
    with context.site.database.read() as session:
        before = schedule_rows.schedule_models(session)
        after = schedule_plan.planned_schedules(session, edits, planned)
    changes = changed_days(before, after, datetime.now(UTC))
    return {"days": DAYS_AHEAD, "changes": [schedule_plan.change_json(change) for change in changes]}


@router.post("/calendars", status_code=201, response_model=Calendar)
def add_calendar(body: CalendarCreate, context: Ctx, caller: Who) -> dict[str, Any]:
    """Add a calendar."""
    days = body.values()
    with context.change(caller) as work:
        return rows.calendar_json(work.session, calendars.add_calendar(work, body.name, days))


@router.get("/calendars", response_model=list[Calendar])
def list_calendars(context: Ctx, _: Who, page: Paged, response: Response) -> list[dict[str, Any]]:
    """List calendars by name."""
    with context.site.database.read() as session:
        set_etag(response, session)
        found = page.cut(rows.calendars(session), key=lambda row: row.name, text=lambda row: (row.name,))
        return [rows.calendar_json(session, row) for row in found]


@router.get("/calendars/{name}", response_model=Calendar)
def show_calendar(name: str, context: Ctx, _: Who, response: Response) -> dict[str, Any]:
    """Show one calendar."""
    with context.site.database.read() as session:
        set_etag(response, session)
        return rows.calendar_json(session, rows.calendar(session, name))


@router.put("/calendars/{name}", response_model=Calendar, responses={201: {"model": Calendar, "description": "Added."}})
def replace_calendar(
    name: str, body: CalendarReplace, context: Ctx, caller: Who, response: Response, precondition: IfMatch
) -> dict[str, Any]:
    """Add the calendar, or give it exactly these days; the same again does nothing."""
    days = body.values()
    with context.change(caller) as work:
        precondition.require(work.session)
        row, is_new = calendars.put_calendar(work, name, days)
        response.status_code = 201 if is_new else 200
        return rows.calendar_json(work.session, row)


@router.patch("/calendars/{name}", response_model=Calendar)
def edit_calendar(name: str, body: CalendarUpdate, context: Ctx, caller: Who, precondition: IfMatch) -> dict[str, Any]:
    """Add days to a calendar, in place of those on the same dates, and drop dates."""
    days = body.values()
    with context.change(caller) as work:
        precondition.require(work.session)
        return rows.calendar_json(work.session, calendars.edit_calendar(work, name, days, body.drop))


@router.delete("/calendars/{name}", response_model=Removed)
def remove_calendar(name: str, context: Ctx, caller: Who, precondition: IfMatch) -> dict[str, Any]:
    """Remove a calendar that no schedule uses."""
    with context.change(caller) as work:
        precondition.require(work.session)
        calendars.remove_calendar(work, name)
    return {"name": name, "removed": True}
