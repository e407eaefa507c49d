"""A report that an outlet sends by itself, as it is stated."""

import re
from datetime import time
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from devicemgr.domain.rules.outgoing.reports import Every, Report

_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]\Z")


class ScheduledReport(BaseModel):
    """A report that leaves each day, each Monday or each first of a month, of the days, week or month before."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    report: Report = Field(examples=["denials"], description="Which report.")
    every: Every = Field(examples=["month"], description="How often; a week's on Monday, a month's on the first.")
    at: str = Field("07:00", examples=["07:00"], description="When it leaves, by the clock of the site's zone.")
    format: Literal["csv", "xlsx"] = Field("xlsx", description="Of the file.")

    @field_validator("at")
    @classmethod
    def _is_clock(cls, at: str) -> str:
        if not _CLOCK.match(at):
            raise ValueError("a report leaves at a time such as 07:00")
        return at

    @property
    def clock(self) -> time:
        """Return when it leaves."""
        return time.fromisoformat(self.at)

    @property
    def key(self) -> str:
        """Return what it is known by beside the cursor."""
        return f"{self.report} {self.every} {self.at} {self.format}"
