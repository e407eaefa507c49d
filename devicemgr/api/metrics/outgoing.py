"""Figures of what leaves and comes in by itself: outlets, sources of people, calendars, the stream of the desk."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from devicemgr.api.stream.broadcast import Broadcast
from devicemgr.site.hours.feeds import feed_of, reading_of
from devicemgr.site.sources.fields import fields_of, interval_of
from devicemgr.store.database import Session
from devicemgr.store.people import sources
from devicemgr.store.site import calendars

_NEVER = float("inf")


def age_of(time: str | None) -> float:
    """Return how many seconds ago a time was; infinite for none, since what never was is older than any limit."""
    return max(0.0, (datetime.now(UTC) - datetime.fromisoformat(time)).total_seconds()) if time else _NEVER


def outlets(found: list[dict[str, Any]], failures: Mapping[str, int]) -> Iterator[Metric]:
    """Yield how far each outlet is behind and whether it fails; `failures` since the daemon's start by name."""
    labels = ["outlet", "kind"]
    events = GaugeMetricFamily("devicemgr_outlet_lag_events", "Events of the record behind the cursor", labels=labels)
    seconds = GaugeMetricFamily(
        "devicemgr_outlet_lag_seconds", "Since the first event behind the cursor was recorded", labels=labels
    )
    states = GaugeMetricFamily("devicemgr_outlet_state", "1 for the outlet's state", labels=[*labels, "state"])
    failed = CounterMetricFamily("devicemgr_outlet_failures", "Tries that failed since the start", labels=labels)
    for one in found:
        values = [one["name"], one["kind"]]
        events.add_metric(values, one["lag_events"])
        seconds.add_metric(values, one["lag_s"])
        states.add_metric([*values, one["state"]], 1.0)
        failed.add_metric(values, failures.get(one["name"], 0))
    yield from (events, seconds, states, failed)


def syncs(session: Session) -> Iterator[Metric]:
    """Yield how long ago each source of people and each calendar was read; an interval of 0 is by change."""
    labels = ["kind", "name"]
    ages = GaugeMetricFamily("devicemgr_sync_age_seconds", "Since it was read to its end", labels=labels)
    intervals = GaugeMetricFamily(
        "devicemgr_sync_interval_seconds", "How often it is read, 0: by change", labels=labels
    )
    failing = GaugeMetricFamily(
        "devicemgr_sync_failing", "1 while it can't be read or waits for an admin", labels=labels
    )
    for row in sources.sources(session):
        interval = interval_of(fields_of(row).every)
        ages.add_metric(["source", row.name], age_of((row.state.get("last") or {}).get("at")))
        intervals.add_metric(["source", row.name], interval.total_seconds() if interval else 0.0)
        failing.add_metric(["source", row.name], float(bool(row.state.get("failed") or row.state.get("held"))))
    for calendar in calendars.calendars(session):
        feed, reading = feed_of(calendar), reading_of(calendar)
        if feed is not None and reading is not None:
            ages.add_metric(["calendar", calendar.name], age_of(reading.read_at))
            intervals.add_metric(["calendar", calendar.name], feed.interval.total_seconds())
            failing.add_metric(["calendar", calendar.name], float(bool(reading.failure or reading.is_held)))
    yield from (ages, intervals, failing)


def stream(broadcast: Broadcast) -> Iterator[Metric]:
    """Yield how many clients follow events, and how long an event takes from its commit until one was sent it."""
    yield GaugeMetricFamily("devicemgr_stream_clients", "Desks and others that follow events", value=broadcast.clients)
    delays = broadcast.delays()
    delay = HistogramMetricFamily("devicemgr_stream_delay_seconds", "From an event's commit until a client was sent it")
    delay.add_metric([], list(delays.buckets()), delays.total)
    yield delay
