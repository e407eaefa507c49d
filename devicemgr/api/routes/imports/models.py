"""Shapes of what the routes of imports take and answer."""

from typing import Any, Literal

from pydantic import Field

from devicemgr.api.conventions.models import RequestBody, ResponseBody
from devicemgr.api.routes.people.models import GivenTime, LevelNames
from devicemgr.people.imports.jobs import Phase


class ImportFault(ResponseBody):
    """Why an import failed or was stopped."""

    code: str = Field(examples=["invalid_input"])
    args: dict[str, Any]
    detail: str
    hint: dict[str, Any] | None


class ImportState(ResponseBody):
    """An import: how far it is, and what is in its file; the numbers of `counts` are of people."""

    id: str
    name: str = Field(examples=["staff.xlsx"], description="The file's name.")
    kind: Literal["table", "photos"]
    phase: Phase
    done: int
    total: int
    by: str = Field(examples=["operator:aigul"], description="Who sent it.")
    error: ImportFault | None
    counts: dict[str, int] | None = Field(None, examples=[{"add": 12, "edit": 0, "unchanged": 3, "refused": 1}])
    read_as: str | None = Field(None, examples=["UTF-8, separated by commas"])
    is_guess: bool | None = Field(None, description="The file does not name its encoding: names may be wrong.")
    ignored_columns: list[str] | None = Field(None, description="Columns that are not read.")
    unsure: str | None = Field(None, description="Why no one counts as missing, although some may be.")
    taken_away: int | None = Field(None, description="How many people would lose a right.")
    max_taken_away: int | None = Field(None, description="How many that may be without `accept`.")
    digest: str | None = None
    skipped_files: list[str] | None = Field(None, description="Files of an archive that are no photos.")
    differing: list[str] | None = Field(None, description="People whose levels or dates stay as they are here.")


class ImportRowState(ResponseBody):
    """What becomes of one person, or why a line or a photo is not taken."""

    what: Literal["add", "edit", "suspend", "resume", "remove", "enroll", "refused"]
    badge: str | None = None
    name: str | None = None
    line: int | None = None
    file: str | None = None
    reasons: list[str] | None = Field(None, examples=[["badge_twice"]])
    why: str | None = None
    duplicate_of: str | None = None
    photos: int | None = None
    fields: dict[str, list[Any]] | None = Field(None, description="The value before and after of each field.")


class ImportRows(ResponseBody):
    """A part of the rows, what is refused first; `total` is how many there are."""

    rows: list[ImportRowState]
    total: int


class ImportBegin(RequestBody):
    """How the changes are made: `accept` is for a table, what else there is for photos."""

    accept: str | None = Field(None, description="The `digest` of a plan that takes away from unusually many.")
    consent: str | None = Field(None, examples=["forms of 2026-11"], description="The reference of the signed forms.")
    notice: str | None = Field(None, examples=["2026-11"], description="The version of the notice that was read.")
    consent_until: GivenTime = None
    levels: LevelNames = Field([])
    valid_to: GivenTime = None
    update: bool = Field(False, description="Give people who are here the names, levels and dates of the file.")
