"""/calendars, and what a change of calendars or schedules opens and closes."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import Field

from devicemgr.api.context import Caller, Context, Ctx, Who
from devicemgr.api.conventions.models import Day, Removed, RequestBody, ResponseBody, Time
from devicemgr.api.conventions.paging import Paged
from devicemgr.api.conventions.revisions import IfMatch, set_etag
from devicemgr.api.rights.feeds import require_feed
from devicemgr.api.routes.site.access_levels import ScheduleUpdate
from devicemgr.domain.rules.calendars import MAX_DAYS
from devicemgr.domain.rules.hours.hours_preview import DAYS_AHEAD, changed_days
from devicemgr.errors import InvalidInput
from devicemgr.outgoing.connection import MAX_PEM_CHARS
from devicemgr.site.hours import calendar_refresh, calendars, schedule_plan
from devicemgr.site.hours.download import MAX_URL_CHARS, Target
from devicemgr.site.hours.feeds import Feed, Reading, checked_feed, effective_days, feed_of, read_feed, reading_of
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
    """The days of a calendar; with `url` those in place of the days of the iCalendar file there."""

    days: list[CalendarDayFields] = Field([], max_length=MAX_DAYS)
    url: str | None = Field(None, examples=["https://example.com/holidays.ics"], max_length=MAX_URL_CHARS)
    every: str | None = Field(None, examples=["24h"], description="The time between two readings, 1h to 7d.")
    tls_ca: str | None = Field(
        None, max_length=MAX_PEM_CHARS, description="Certificates (PEM) to trust instead of the system's."
    )
    allow_private: bool | None = Field(
        None, description="Let the server lie within this computer or the local network; for the box's owner alone."
    )
    insecure: bool | None = Field(None, description="Allow http, which proves nothing of who answers.")

    def values(self) -> list[str]:
        """Return the checked days as they are stored."""
        return calendars.checked_days(day.text() for day in self.days)

    def feed(self, stored: Feed | None) -> Feed | None:
        """Return the feed that the fields name, those that are absent as they are stored; None for none."""
        url = self.url if self.url is not None else stored.target.url if stored else ""
        if not url:
            if self.every or self.tls_ca or self.allow_private or self.insecure:
                raise InvalidInput("a time between readings and the like go with an address; give its url")
            return None
        target = stored.target if stored else Target("")
        given = {name: getattr(self, name) for name in ("tls_ca", "allow_private", "insecure")}
        kept = {name: getattr(target, name) if value is None else value for name, value in given.items()}
        return checked_feed(Target(url, **kept), self.every or (stored.every if stored else None))


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


class CalendarFeed(ResponseBody):
    """The file on a server that a calendar follows, and how it was read last."""

    url: str = Field(examples=["https://example.com/holidays.ics"])
    every: str = Field(examples=["24h"])
    allow_private: bool
    insecure: bool
    read_at: Time | None
    tried_at: Time | None
    failure: str | None = Field(description="Why the last try changed nothing.")
    is_held: bool = Field(description="What was read waits until an admin accepts it.")
    left_out: list[str] = Field(description="What of the file is no day of a calendar.")
    by_hand: list[str] = Field(examples=[["2026-12-31 short-day 09:00-16:00"]])


class Calendar(ResponseBody):
    """A calendar, and the schedules that use it."""

    name: str = Field(examples=["kz"])
    days: list[CalendarDay]
    schedules: list[str] = Field(examples=[["office-hours"]])
    feed: CalendarFeed | None = Field(description="Absent for a calendar that is kept by hand.")


class CalendarRefresh(RequestBody):
    """How to read the file of a calendar now; `plan` changes nothing."""

    plan: bool = False
    accept: str | None = Field(None, max_length=64, description="The `digest` of a reading that is held.")


class CalendarRefreshed(ResponseBody):
    """Days from today on that a reading adds and takes away, and the hours that it opens and closes."""

    name: str = Field(examples=["kz"])
    applied: bool
    gained: list[str] = Field(examples=[["2026-12-17 holiday"]])
    lost: list[str] = Field(examples=[["2026-12-16 holiday"]])
    hours: list["ChangedDay"]
    digest: str = Field(examples=["0f3a5c9d1b22"])
    held: str | None = Field(description="Why it waits for an admin, in a plan.")


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
def plan_schedules(body: HoursPlan, context: Ctx, caller: Who) -> dict[str, Any]:
    """Show which hours a change of calendars or schedules opens or closes in the next 90 days; changes nothing."""
    days = {one.name: _planned_days(context, caller, one) for one in body.calendars}
    planned = {one.name: one.model_dump(exclude={"name"}) for one in body.schedules}
    with context.site.database.read() as session:
        before = schedule_rows.schedule_models(session)
        after = schedule_plan.planned_schedules(session, days, planned)
    changes = changed_days(before, after, datetime.now(UTC))
    return {"days": DAYS_AHEAD, "changes": [schedule_plan.change_json(change) for change in changes]}


def _planned_days(context: Context, caller: Caller, planned: PlannedCalendar) -> list[str]:
    """Return the days that a calendar would have."""
    stored = _stored_of(context, planned.name)
    feed, reading = _read(planned, caller, stored)
    with context.site.database.read() as session:
        row = rows.calendar(session, planned.name)
        reading = reading or (reading_of(row) if feed else None)
        by_hand = row.days if feed is None or planned.url == "" else row.by_hand or []
    merged = calendars.merged_days(by_hand, planned.values(), planned.drop, reading)
    return effective_days(reading, merged) if feed else merged


def _stored_of(context: Context, name: str) -> Feed | None:
    """Return the feed of a calendar, None for one kept by hand; NotFound for none."""
    with context.site.database.read() as session:
        return feed_of(rows.calendar(session, name))


def _read(body: CalendarFields, caller: Caller, stored: Feed | None) -> tuple[Feed | None, Reading | None]:
    """Return the feed that a body names, and what is read there now; no reading of a feed that is followed already.

    Called outside any transaction, after the caller's right to it was checked: it takes as long as the server does.
    """
    feed = body.feed(stored)
    if feed is None:
        return None, None
    require_feed(caller, feed, stored)
    is_same = stored is not None and stored.target == feed.target
    return feed, None if is_same else read_feed(feed)


@router.post("/calendars", status_code=201, response_model=Calendar)
def add_calendar(body: CalendarCreate, context: Ctx, caller: Who) -> dict[str, Any]:
    """Add a calendar; with `url`, read the file there now."""
    days = body.values()
    feed, reading = _read(body, caller, None)
    with context.change(caller) as work:
        return rows.calendar_json(work.session, calendars.add_calendar(work, body.name, days, feed, reading))


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
    with context.site.database.read() as session:
        row = rows.find(session, name)
        stored = feed_of(row) if row else None
    feed, reading = _read(body, caller, stored) if body.url else (None, None)
    with context.change(caller) as work:
        precondition.require(work.session)
        row, is_new = calendars.put_calendar(work, name, days, feed, reading)
        response.status_code = 201 if is_new else 200
        return rows.calendar_json(work.session, row)


@router.patch("/calendars/{name}", response_model=Calendar)
def edit_calendar(name: str, body: CalendarUpdate, context: Ctx, caller: Who, precondition: IfMatch) -> dict[str, Any]:
    """Add days to a calendar, in place of those on the same dates, and drop dates; an empty `url` ends following it."""
    days = body.values()
    feed, reading = _read(body, caller, _stored_of(context, name))
    with context.change(caller) as work:
        precondition.require(work.session)
        if body.url == "":
            row = calendars.unfollow(work, name, days, body.drop)
        else:
            row = calendars.edit_calendar(work, name, days, body.drop, feed, reading)
        return rows.calendar_json(work.session, row)


@router.post("/calendars/{name}/refresh", response_model=CalendarRefreshed)
def refresh_calendar(name: str, body: CalendarRefresh, context: Ctx, caller: Who) -> Mapping[str, Any]:
    """Read the file that a calendar follows now; 409 with a digest when it would take away most days to come."""
    found = calendar_refresh.refresh(
        context.site, name, lambda: context.change(caller), plan=body.plan, accept=body.accept
    )
    return {
        "name": name,
        "applied": not body.plan,
        "gained": calendars.rights_of_days(found.change.gained)["days"],
        "lost": calendars.rights_of_days(found.change.lost)["days"],
        "hours": [schedule_plan.change_json(change) for change in found.hours],
        "digest": found.digest,
        "held": found.held,
    }


@router.delete("/calendars/{name}", response_model=Removed)
def remove_calendar(name: str, context: Ctx, caller: Who, precondition: IfMatch) -> dict[str, Any]:
    """Remove a calendar that no schedule uses."""
    with context.change(caller) as work:
        precondition.require(work.session)
        calendars.remove_calendar(work, name)
    return {"name": name, "removed": True}
