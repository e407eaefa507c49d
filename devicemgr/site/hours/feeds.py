"""Files on servers that calendars follow: where one is read, how often, and what was read of it last."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from devicemgr.domain.rules.calendars import MAX_FILE_BYTES, format_day
from devicemgr.domain.rules.hours.calendar_feeds import DEFAULT_EVERY, parse_every
from devicemgr.site.hours.calendar_file_process import read_in_child
from devicemgr.site.hours.download import Target, checked_target, download
from devicemgr.store.tables import CalendarRow
from devicemgr.text import parse_time, rfc3339


@dataclass(frozen=True, slots=True)
class Feed:
    """A file that a calendar follows; `every` is the time between two readings, such as `24h`."""

    target: Target
    every: str = DEFAULT_EVERY

    @property
    def interval(self) -> timedelta:
        """Return the time between two readings."""
        return parse_every(self.every)

    def as_json(self) -> dict[str, Any]:
        """Return the feed as it is stored."""
        return {**asdict(self.target), "every": self.every}

    def described(self) -> dict[str, Any]:
        """Return the feed as an event has it: without path and query, which may hold a secret."""
        target = self.target
        found: dict[str, Any] = {"host": target.host, "every": self.every}
        stated = {"allow_private": target.allow_private, "insecure": target.insecure, "tls_ca": bool(target.tls_ca)}
        return found | {name: True for name, value in stated.items() if value}


def checked_feed(target: Target, every: str | None) -> Feed:
    """Return a feed in normal form; InvalidInput for an address that is never called. Nothing is read."""
    feed = Feed(checked_target(target), every or DEFAULT_EVERY)
    parse_every(feed.every)
    return feed


def feed_of(row: CalendarRow) -> Feed | None:
    """Return the feed that a calendar follows, None for one kept by hand."""
    if row.feed is None:
        return None
    stored = dict(row.feed)
    every = stored.pop("every")
    return Feed(Target(**stored), every)


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of a feed last, and how the last try ended; times are RFC 3339.

    `year` is that of the reading of the whole file: repeated events are entered for two years ahead of it.
    """

    days: Sequence[str]
    read_at: str
    tried_at: str
    year: int
    validators: Mapping[str, str] = field(default_factory=dict)
    left_out: Sequence[str] = ()
    failure: str | None = None
    is_held: bool = False
    is_stale: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the reading as it is stored."""
        return asdict(self)

    @property
    def age(self) -> timedelta:
        """Return how long ago the file was read."""
        return datetime.now(UTC) - parse_time(self.read_at)


def reading_of(row: CalendarRow) -> Reading | None:
    """Return the last reading of a calendar that follows a feed."""
    return Reading(**row.reading) if row.reading is not None else None


def read_feed(feed: Feed, last: Reading | None = None) -> Reading:
    """Read a feed now; raises SourceUnreachable, or InvalidInput for a file that is none or has no day.

    The request is for what is newer than `last` only, unless a year has begun since.
    """
    now = datetime.now(UTC)
    today, at = now.date(), rfc3339(now)
    known = last.validators if last is not None and last.year == today.year else {}
    answer = download(feed.target, MAX_FILE_BYTES, known)
    if last is not None and answer.status == HTTPStatus.NOT_MODIFIED:
        validators = {**last.validators, **answer.validators}
        return replace(last, read_at=at, tried_at=at, validators=validators, failure=None, is_held=False)
    found = read_in_child(answer.body, today)
    days = [format_day(day) for day in found.days]
    return Reading(days, at, at, today.year, dict(answer.validators), list(found.left_out))


def effective_days(reading: Reading | None, by_hand: Iterable[str]) -> list[str]:
    """Return the days of a reading with those by hand in place of its own."""
    found = {text[:10]: text for text in (reading.days if reading else ())}
    found |= {text[:10]: text for text in by_hand}
    return [found[at] for at in sorted(found)]
