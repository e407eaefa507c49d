"""Shapes of reports."""

from typing import Annotated, Literal

from pydantic import Field

from devicemgr.api.conventions.models import Day, ResponseBody, Time

Exceptions = Annotated[
    list[Literal["no_exit", "no_entry", "forgotten", "offline_source", "unsure"]],
    Field(description="Why a time is missing, or not to be believed without a look."),
]
Hours = Annotated[float | None, Field(examples=[8.25], description="Null where a passage is missing.")]


class OfPerson(ResponseBody):
    """Whose row it is."""

    badge: str | None = Field(examples=["1042"], description="Null for a person who was erased, and for no one.")
    name: str | None = Field(None, examples=["Aigul Serik"], description="For guards and admins.")


class Report(ResponseBody):
    """What a report is about."""

    report: str = Field(examples=["hours"])
    from_: Time = Field(alias="from")
    to: Time = Field(description="Exclusive.")
    timezone: str = Field(examples=["Asia/Almaty"], description="The zone of the days, and of the times in files.")
    removed_before: Time | None = Field(description="Retention has removed the events of the span before this time.")


class AttendanceReport(Report):
    """A report of persons' times."""

    day_starts: str = Field(examples=["00:00"], description="When a day begins; a night shift counts for its first.")
    zones: list[str] = Field(description="The zones that portals lead to; without one, no one is known to be inside.")


class PresenceRow(OfPerson):
    """A stay in a zone."""

    zone: str
    from_: Time | None = Field(alias="from")
    to: Time | None
    hours: Hours
    exceptions: Exceptions


class FirstLastRow(OfPerson):
    """A day of a person."""

    day: Day
    first: Time | None = Field(description="The first entry; null where no passage says it.")
    last: Time | None = Field(description="The last exit.")
    exceptions: Exceptions


class HoursRow(OfPerson):
    """The hours of a person's day."""

    day: Day
    hours: Hours
    exceptions: Exceptions


class HoursTotal(OfPerson):
    """The sum of the days that have hours."""

    hours: float | None = Field(description="Null where no day has hours.")
    days: int = Field(description="Days with a passage.")
    days_without_hours: int = Field(description="Of these, days that are not in the sum.")


class DenialsRow(OfPerson):
    """How often a person was denied at a portal for a reason."""

    reason: str | None = Field(examples=["outside_schedule"])
    portal: str | None
    count: int
    first: Time
    last: Time


class VisitorsRow(OfPerson):
    """A visit; of a visitor who was erased since, only when they came and went."""

    host: str | None = Field(examples=["1042"], description="The badge of the host.")
    host_name: str | None = Field(None, description="For guards and admins.")
    state: str | None = Field(examples=["left"])
    valid_from: Time | None
    valid_to: Time | None
    arrived: Time | None
    left: Time | None
    overdue: bool


class MustersRow(ResponseBody):
    """A muster; what became of people is null until it has ended."""

    muster: str | None = Field(examples=["building-20261130-101500"])
    zone: str | None = Field(description="Null: the whole site.")
    drill: bool
    started: Time
    ended: Time | None
    by: str | None
    because: str | None = Field(examples=["fire"])
    count: int | None = Field(description="People on the list.")
    missing: int | None
    safe: int | None
    out: int | None
    not_here: int | None
    unnamed: int | None
    marks: int = Field(description="By guards.")


class PresenceReport(AttendanceReport):
    """Who was in which zone from when to when."""

    rows: list[PresenceRow]


class FirstLastReport(AttendanceReport):
    """The first entry and the last exit of each person's days."""

    rows: list[FirstLastRow]


class HoursReport(AttendanceReport):
    """The hours of each person's days, and their sums."""

    rows: list[HoursRow]
    totals: list[HoursTotal]


class DenialsReport(Report):
    """How often access was denied, by reason, portal and person."""

    rows: list[DenialsRow]
    total: int


class VisitorsReport(Report):
    """Visits."""

    rows: list[VisitorsRow]


class MustersReport(Report):
    """Musters and drills."""

    rows: list[MustersRow]
