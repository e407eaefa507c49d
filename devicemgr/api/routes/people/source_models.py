"""Shapes of what the routes of sources take and answer."""

from typing import Any, Literal

from pydantic import Field

from devicemgr.api.conventions.models import RequestBody, ResponseBody, Time
from devicemgr.api.routes.people.models import Badge
from devicemgr.api.routes.people.tables import PersonChange, RefusedRow
from devicemgr.site.sources.fields import SourceFields


class SourceReplace(SourceFields):
    """All that a source states; what is not given is as it is by default."""


class SourceCreate(SourceFields):
    """A source to add."""

    name: str = Field(examples=["hr"])


class SourceUpdate(RequestBody):
    """What to change of a source: an absent field stays; null gives a field its default."""

    kind: Literal["csv", "xlsx"] | None = None
    file: str | None = Field(None, examples=["staff.csv"])
    every: str | None = Field(None, examples=["1h"])
    columns: dict[str, str] | None = Field(None, examples=[{"badge": "Card No."}])
    map: dict[str, str] | None = Field(None, examples=[{"Warehouse": "warehouse"}])
    missing: Literal["suspend", "remove", "keep"] | None = None
    erase_after_days: int | None = None
    most_changes: int | None = None
    encoding: str | None = None
    sheet: str | None = None
    as_written: bool | None = None


class SourceSync(RequestBody):
    """A run of a source."""

    accept: str | None = Field(None, description="The `digest` of the plan to make, which was held.")


class SourceRun(ResponseBody):
    """The last run: how many people it changed, by kind of change."""

    at: Time
    add: int
    edit: int
    suspend: int
    resume: int
    remove: int
    unchanged: int
    refused: int
    digest: str = Field(description="SHA-256 of what the source held.")
    seconds: float
    by: str | None = Field(description="Who requested it; absent for the daemon.")


class SourceHeld(ResponseBody):
    """A plan that waits for an admin."""

    digest: str = Field(examples=["3f1c0a9be2d4"])
    taken_away: int = Field(description="How many people would lose rights.")
    max_taken_away: int
    people: int = Field(description="How many people the source keeps.")
    since: Time


class SourceFailed(ResponseBody):
    """Why the last run was not made."""

    cause: str
    since: Time


class Source(ResponseBody):
    """A source of people, and how its last run ended."""

    name: str = Field(examples=["hr"])
    kind: str = Field(examples=["csv"])
    file: str = Field(examples=["staff.csv"])
    folder: str = Field(description="The drop folder, in which the file lies.")
    every: str = Field(examples=["change"])
    columns: dict[str, str]
    map: dict[str, str]
    missing: str = Field(examples=["suspend"])
    erase_after_days: int | None
    most_changes: int | None
    encoding: str | None
    sheet: str | None
    as_written: bool
    people: int = Field(description="How many people it keeps.")
    fields: list[str] = Field(description="The fields that it keeps of them: nothing else changes those.")
    last: SourceRun | None
    held: SourceHeld | None
    failed: SourceFailed | None
    unsure: str | None = Field(description="Why no one counts as missing, although some may be.")


class SourceRemoved(ResponseBody):
    """A source that was removed; its people are as they were, and the site's own."""

    name: str
    removed: bool
    people: int


class SourcePerson(PersonChange):
    """One change of one person."""

    badge: Badge


class SourcePlan(ResponseBody):
    """What a run changes, or would change."""

    name: str
    applied: bool
    changes: list[SourcePerson]
    refused: list[RefusedRow]
    unchanged: int
    unsure: str | None = Field(description="Why no one counts as missing, although some may be.")
    taken_away: int = Field(description="How many people would lose rights.")
    max_taken_away: int = Field(description="How many that may be without `accept`.")
    held: bool = Field(description="True if it is made only with `accept`.")
    digest: str
    rows: int
    read_as: str = Field(examples=["utf-8, separated by commas"])
    is_guess: bool
    columns: list[str]
    ignored_columns: list[str]


def source_body(found: dict[str, Any], fields: SourceFields, folder: str) -> dict[str, Any]:
    """Return a source as it is answered."""
    return fields.model_dump(mode="json") | found | {"folder": folder}
