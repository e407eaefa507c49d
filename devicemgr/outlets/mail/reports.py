"""The reports that an outlet sends: when each leaves, and what makes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from devicemgr.domain.rules.outgoing.reports import days_of, last_due
from devicemgr.outlets.mail.message import Attachment
from devicemgr.site.outlets.scheduled import ScheduledReport
from devicemgr.site.site import Site


class ReportMaker(Protocol):
    """What makes reports; given by those who stand above both."""

    def __call__(
        self, site: Site, outlet: str, report: str, form: str, first: date, last: date, *, names: bool
    ) -> tuple[Mapping[str, Any], str, str, bytes]:
        """Return a report of whole days as its document, and its file's name, media type and bytes."""


@dataclass(frozen=True, slots=True)
class Reports:
    """The reports of one outlet, each to leave from `since` on."""

    site: Site
    outlet: str
    stated: Sequence[ScheduledReport]
    zone: ZoneInfo
    since: datetime
    names: bool
    maker: ReportMaker | None

    def last_due(self, report: ScheduledReport, now: datetime) -> str:
        """Return the day (ISO) on which a report was last to leave."""
        return last_due(report.every, report.clock, self.zone, now).isoformat()

    def make(self, report: ScheduledReport, on: str) -> tuple[Mapping[str, Any], Attachment]:
        """Return the report that leaves on a day, as its document and its file."""
        first, last = days_of(report.every, date.fromisoformat(on))
        assert self.maker is not None
        document, name, media_type, data = self.maker(
            self.site, self.outlet, report.report, report.format, first, last, names=self.names
        )
        return document, Attachment(name, media_type, data)
