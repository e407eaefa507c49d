"""What a source of people states: a file of the drop folder, how it is read, and what becomes of leavers."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from devicemgr.domain.rules.person_details import FIELDS as DETAILS
from devicemgr.errors import InvalidInput
from devicemgr.site.stated_fields import validated
from devicemgr.store.tables import SourceRow
from devicemgr.text import safe

ON_CHANGE = "change"
MAX_FILE_NAME_CHARS = 100
MAX_MAPPED_GROUPS = 1000
MAX_COLUMNS = 50
MIN_EVERY, MAX_EVERY = timedelta(minutes=5), timedelta(days=7)
MAX_ERASE_AFTER_DAYS = 3650
# What no column can be mapped to: photos come by `enroll import`, under a consent.
COLUMNS = frozenset(
    {"id", "badge", "name", "levels", "cards", "valid_from", "valid_to", "suspended", "escort", *DETAILS}
)
_EVERY = re.compile(r"([1-9][0-9]{0,4})([mhd])\Z")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_SUFFIXES = {"csv": (".csv", ".tsv", ".txt"), "xlsx": (".xlsx",)}


class SourceFields(BaseModel):
    """A source of people: a file of the drop folder, how it is read, and what becomes of whom it names no longer."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["csv", "xlsx"]
    file: str = Field(examples=["staff.csv"], description="The name of a file in the drop folder.")
    every: str = Field(ON_CHANGE, examples=["1h"], description='How often it is read: "1h", "15m", "1d" or "change".')
    columns: dict[str, str] = Field(
        {}, max_length=MAX_COLUMNS, examples=[{"badge": "Card No."}], description="The header that stands for a field."
    )
    map: dict[str, str] = Field(
        {},
        max_length=MAX_MAPPED_GROUPS,
        examples=[{"Warehouse": "warehouse"}],
        description="The access level of each group under `levels`; no other level is touched.",
    )
    missing: Literal["suspend", "remove", "keep"] = Field(
        "suspend", description="What becomes of people whom the source names no longer."
    )
    erase_after_days: int | None = Field(
        None, ge=1, le=MAX_ERASE_AFTER_DAYS, description="After so many days those who are suspended are erased."
    )
    most_changes: int | None = Field(
        None, ge=0, le=1_000_000, description="How many people may lose rights in one run; 10, or a tenth, by default."
    )
    encoding: str | None = Field(None, max_length=40, examples=["cp1251"])
    sheet: str | None = Field(None, max_length=100, examples=["Staff"])
    as_written: bool = Field(False, description="Badges with and without zeros in front are both right.")

    @field_validator("file")
    @classmethod
    def _file_name(cls, text: str) -> str:
        try:
            return checked_file_name(text)
        except InvalidInput as error:
            raise ValueError(str(error)) from error

    @field_validator("every")
    @classmethod
    def _interval(cls, text: str) -> str:
        try:
            interval_of(text)
        except InvalidInput as error:
            raise ValueError(str(error)) from error
        return text

    @field_validator("columns")
    @classmethod
    def _headers(cls, columns: dict[str, str]) -> dict[str, str]:
        unknown = next((name for name in columns if name not in COLUMNS), None)
        if unknown is not None:
            raise ValueError(f"there is no field '{safe(unknown, 40)}'; fields are: {', '.join(sorted(COLUMNS))}")
        if not all(header.strip() and len(header) <= 200 for header in columns.values()):
            raise ValueError("a header has 1 to 200 characters")
        headers = [group_key(header) for header in columns.values()]
        if len(set(headers)) < len(headers):
            raise ValueError("one header stands for two fields; copy the column in the table")
        return columns

    @field_validator("map")
    @classmethod
    def _groups(cls, groups: dict[str, str]) -> dict[str, str]:
        if not all(group.strip() and len(group) <= 200 and ";" not in group for group in groups):
            raise ValueError("a group has 1 to 200 characters, without ';'")
        if len({group_key(group) for group in groups}) < len(groups):
            raise ValueError("two groups differ by capitals alone; keep one of them")
        if not all(0 < len(level) <= 63 for level in groups.values()):
            raise ValueError("a level has a short name, such as staff")
        return groups

    @model_validator(mode="after")
    def _fits_together(self) -> "SourceFields":
        if not self.file.lower().endswith(_SUFFIXES[self.kind]):
            raise ValueError(f"a file of kind {self.kind} has a name that ends in {' or '.join(_SUFFIXES[self.kind])}")
        if self.kind == "xlsx" and self.encoding is not None:
            raise ValueError("a workbook has no encoding; leave it out")
        if self.kind == "csv" and self.sheet is not None:
            raise ValueError("only a workbook has sheets; leave it out")
        if self.erase_after_days is not None and self.missing != "suspend":
            raise ValueError("erase_after_days goes with missing = suspend")
        return self

    def stated(self) -> dict[str, Any]:
        """Return the fields as the site's file has them: without what is as it is by default."""
        return {"kind": self.kind, "file": self.file} | self.model_dump(mode="json", exclude_defaults=True)


def group_key(text: str) -> str:
    """Return a group or a header as it is compared: without capitals and double spaces."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def checked_file_name(text: str) -> str:
    """Return a name inside the drop folder; InvalidInput for what leads elsewhere or is hidden."""
    name = unicodedata.normalize("NFC", text)
    if "/" in name or "\\" in name:
        raise InvalidInput(
            "a source names a file in the drop folder, not a path; put the file there and give its name, such as "
            "staff.csv"
        )
    is_plain = not any(unicodedata.category(char).startswith(("C", "Z")) and char != " " for char in name)
    if not (0 < len(name) <= MAX_FILE_NAME_CHARS and is_plain and name == name.strip() and not name.startswith(".")):
        raise InvalidInput(
            f"'{safe(name, 60)}' is no name for a file of a source; write up to {MAX_FILE_NAME_CHARS} printable "
            "characters that do not begin with a dot, such as staff.csv"
        )
    return name


def interval_of(every: str) -> timedelta | None:
    """Return how often a source is read, None for `change`; InvalidInput for what is neither."""
    if every == ON_CHANGE:
        return None
    found = _EVERY.fullmatch(every)
    interval = int(found[1]) * _UNITS[found[2]] if found else timedelta()
    if not MIN_EVERY <= interval <= MAX_EVERY:
        raise InvalidInput(f"'{safe(every, 40)}' is no interval; write 5m to 7d, such as 1h, or {ON_CHANGE}")
    return interval


def checked_fields(stated: Mapping[str, Any]) -> SourceFields:
    """Return what a source shall state; InvalidInput names the first field that is wrong."""
    return validated(SourceFields, stated)


def fields_of(row: SourceRow) -> SourceFields:
    """Return what a source states."""
    return SourceFields.model_validate(row.stated)
