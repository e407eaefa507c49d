"""Calendars of a site's file: `days`, and for one that follows a file on a server `url` and how it is read."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from devicemgr.errors import InvalidInput
from devicemgr.outgoing.connection import MAX_PEM_CHARS
from devicemgr.site.hours.calendars import checked_days
from devicemgr.site.hours.download import MAX_URL_CHARS, Target
from devicemgr.site.hours.feeds import Feed, Reading, checked_feed, feed_of, read_feed
from devicemgr.site.site import Site
from devicemgr.store.site import calendars as rows
from devicemgr.store.tables import CalendarRow


class CalendarEntry(BaseModel):
    """Days as `2026-12-16 holiday Independence Day`; with `url` those in place of the days of the file there."""

    model_config = ConfigDict(extra="forbid")
    days: list[str] = []
    url: str = Field("", max_length=MAX_URL_CHARS)
    every: str | None = None
    tls_ca: str = Field("", max_length=MAX_PEM_CHARS)
    allow_private: bool = False
    insecure: bool = False


def checked_entry(entry: CalendarEntry) -> dict[str, Any]:
    """Return an entry as `entry_of` has it: checked, with defaults, and without what is as it is by default."""
    days = checked_days(entry.days)
    if not entry.url:
        if entry.every or entry.tls_ca or entry.allow_private or entry.insecure:
            raise InvalidInput("a calendar of the site's file has fields of a feed and no url; add the url")
        return {"days": days}
    target = Target(entry.url, entry.tls_ca, entry.allow_private, entry.insecure)
    return {"days": days, **_stated(checked_feed(target, entry.every))}


def entry_of(row: CalendarRow) -> dict[str, Any]:
    """Return a calendar as the file has it; days that were read of a feed are left out."""
    feed = feed_of(row)
    return {"days": row.days} if feed is None else {"days": row.by_hand or [], **_stated(feed)}


def feed_of_entry(fields: Mapping[str, Any]) -> Feed | None:
    """Return the feed of a checked entry."""
    if "url" not in fields:
        return None
    optional = {name: fields[name] for name in ("tls_ca", "allow_private", "insecure") if name in fields}
    return Feed(Target(fields["url"], **optional), fields["every"])


def read_new(
    site: Site, entries: Mapping[str, Mapping[str, Any]], require: Callable[[str, Feed, Feed | None], None]
) -> dict[str, Reading]:
    """Read the feeds that the site does not follow yet, by calendar; outside any transaction, as a server may be slow.

    `require` is called before each with the calendar's name, its feed and the one it has, and raises to refuse it.
    """
    with site.database.read() as session:
        stored = {row.name: feed_of(row) for row in rows.calendars(session)}
    found: dict[str, Reading] = {}
    for name, fields in entries.items():
        feed, before = feed_of_entry(fields), stored.get(name)
        if feed is not None and (before is None or feed.target != before.target):
            require(name, feed, before)
            found[name] = read_feed(feed)
    return found


def _stated(feed: Feed) -> dict[str, Any]:
    stated = {name: value for name, value in feed.as_json().items() if value}
    return {"url": stated.pop("url"), "every": stated.pop("every"), **stated}
