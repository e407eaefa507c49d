"""From when to when a report goes, in the site's zone, and what its rows are limited to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from devicemgr.clock.local_zone import local_zone
from devicemgr.domain.rules.attendance.days import begin_of
from devicemgr.errors import InvalidInput
from devicemgr.store.database import Session
from devicemgr.store.ledger import events, spans
from devicemgr.store.people import people
from devicemgr.store.site import settings, zones
from devicemgr.store.site.settings import Settings
from devicemgr.text import badge_key, natural_key, parse_end, parse_time, rfc3339

MAX_ROWS = 200_000
_MIDNIGHT = time()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a caller wants: times as they were written, a badge, a zone; `names` if people's names may be shown."""

    since: str
    until: str
    person: str | None = None
    zone: str | None = None
    names: bool = False


@dataclass(frozen=True, slots=True)
class ReportSpan:
    """The instants from `since` to before `until`, and the clock by which people read them.

    `removed_before` is the time of the oldest event that is kept, where retention has removed some of the span.
    """

    since: datetime
    until: datetime
    zone: ZoneInfo
    day_starts: time
    person_id: str | None
    removed_before: str | None

    def holds(self, at: datetime) -> bool:
        """Return True for an instant of the span."""
        return self.since <= at < self.until


def span_of(session: Session, wanted: Wanted, *, by_days: bool = False) -> ReportSpan:
    """Return the span; NotFound for an unknown badge or zone, InvalidInput for a time that can't be.

    With `by_days`, dates mean days of attendance, which begin at `day_starts` of the site.
    """
    found = settings.load(session)
    zone = _zone_of(found)
    starts = found.day_begins if by_days else _MIDNIGHT
    since, until = _begin(wanted.since, starts, zone), _end(wanted.until, starts, zone)
    if until <= since:
        raise InvalidInput(
            f"the report ends ({_shown(until, zone)}) before it begins ({_shown(since, zone)}); give a later end",
            code="ends_before_it_begins",
        )
    person_id = people.get(session, badge_key(wanted.person)).id if wanted.person is not None else None
    if wanted.zone is not None:
        zones.zone(session, wanted.zone)
    first = spans.first_kept(session)
    is_cut = first is not None and first[0] > 1 and first[1] > rfc3339(since)
    return ReportSpan(since, until, zone, starts, person_id, first[1] if first is not None and is_cut else None)


def document_of(report: str, span: ReportSpan, rows: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """Return a report as a JSON document; its times are UTC, its days are those of the zone."""
    return {
        "report": report,
        "from": rfc3339(span.since),
        "to": rfc3339(span.until),
        "timezone": span.zone.key,
        "removed_before": span.removed_before,
        "rows": rows,
        **more,
    }


def too_many_rows() -> InvalidInput:
    """Return the error of a report that is too long to be of use."""
    return InvalidInput(
        f"the report would have over {MAX_ROWS:,} rows; shorten its time, or choose a person or a zone",
        code="too_many_rows",
        facts={"most": MAX_ROWS},
    )


class Names:
    """Badges, and names for those who may see them, by the random ids of events; an erased person has neither."""

    def __init__(self, session: Session, ids: set[str], *, with_names: bool) -> None:
        self._people: Mapping[str, tuple[str, str]] = events.named(session, ids)
        self._with_names = with_names

    def of(self, person_id: str | None) -> dict[str, Any]:
        """Return the fields of a row that say whose it is."""
        badge, name = self._people.get(person_id or "", (None, None))
        return {"badge": badge} | ({"name": name} if self._with_names else {})

    def order(self, person_id: str) -> tuple[bool, list[tuple[int, str]], str]:
        """Return what people are sorted by: badges as people count, those without one at the end."""
        badge, _ = self._people.get(person_id, (None, None))
        return badge is None, natural_key(badge or ""), person_id


def _zone_of(found: Settings) -> ZoneInfo:
    return found.zone or ZoneInfo(local_zone())


def _begin(text: str, starts: time, zone: ZoneInfo) -> datetime:
    day = _day(text)
    try:
        return parse_time(text, zone) if day is None else begin_of(day, starts, zone)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)


def _end(text: str, starts: time, zone: ZoneInfo) -> datetime:
    day = _day(text)
    try:
        return parse_end(text, zone) if day is None else begin_of(day + timedelta(days=1), starts, zone)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


def _shown(at: datetime, zone: ZoneInfo) -> str:
    try:
        return at.astimezone(zone).isoformat(timespec="minutes")
    except OverflowError:
        return rfc3339(at)
