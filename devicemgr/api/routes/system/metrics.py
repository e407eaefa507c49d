"""/metrics in the text format of Prometheus; portals, devices and kinds by name, people never."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from devicemgr import __version__
from devicemgr.api.authorization import sees_duress
from devicemgr.api.context import Context, Ctx, Who
from devicemgr.api.metrics import outgoing, site as site_figures
from devicemgr.api.stream.broadcast import Broadcast
from devicemgr.devices.supervisor import Health
from devicemgr.domain.trusted_clock import WallClock
from devicemgr.errors import StorageFailed
from devicemgr.operations import box
from devicemgr.site.areas.alarms import duress_alarms
from devicemgr.site.runtime import Figures
from devicemgr.store.ledger import alarms

router = APIRouter(tags=["system"])


class Figured(Collector):
    """What `status` knows, and what the daemon has counted since its start."""

    def __init__(self, context: Context, broadcast: Broadcast | None, *, shows_duress: bool) -> None:
        self._context, self._broadcast = context, broadcast
        self._shows_duress = shows_duress

    def collect(self) -> Iterator[Metric]:
        """Yield a metric for each figure."""
        found, figures = self._context.runtime.status(), self._context.runtime.figures()
        if self._shows_duress:
            with suppress(StorageFailed), self._context.site.database.read() as session:
                found["alarms"] = duress_alarms(session) + found["alarms"]
        yield from _single(found, figures, self._context.site.clock)
        yield from _devices(found["devices"])
        yield from _portals(found["portals"])
        yield _unacknowledged(self._context, shows_duress=self._shows_duress)
        queues = GaugeMetricFamily("devicemgr_queue_length", "What waits for a thread", labels=["queue"])
        for name, length in figures.queues.items():
            queues.add_metric([name], length)
        yield queues
        yield from _counted(figures, shows_duress=self._shows_duress)
        yield from self._of_the_site(found)
        yield from outgoing.outlets(found["outlets"], figures.outlet_failures)
        if self._broadcast is not None:
            yield from outgoing.stream(self._broadcast)

    def _of_the_site(self, found: dict[str, Any]) -> Iterator[Metric]:
        runtime = self._context.runtime
        yield from site_figures.zones(runtime.live_states().get("zones", {}))
        yield from site_figures.portals(found["portals"], runtime.rules(), found["devices"])
        yield from site_figures.box(box.facts(self._context.site))
        with suppress(StorageFailed), self._context.site.database.read() as session:
            yield site_figures.record(session)
            yield from outgoing.syncs(session)


def _single(found: dict[str, Any], figures: Figures, clock: WallClock) -> Iterator[Metric]:
    sealed = found["ledger"]["sealed_at"]
    age = (datetime.now(UTC) - datetime.fromisoformat(sealed)).total_seconds() if sealed else float("nan")
    single = {
        "devicemgr_ready": ("1 when the daemon is ready", found["daemon"]["ready"]),
        "devicemgr_uptime_seconds": ("Since the daemon started", found["daemon"]["uptime_s"]),
        "devicemgr_stuck_threads": ("Threads that hang in a driver", found["daemon"]["stuck_threads"]),
        "devicemgr_gallery_people": ("People whose face can be recognized", found["gallery"]["people"]),
        "devicemgr_gallery_templates": ("Their templates", found["gallery"]["templates"]),
        "devicemgr_ledger_seq": ("The last event's number", found["ledger"]["seq"]),
        "devicemgr_seal_age_seconds": ("Since the ledger was sealed", age),
        "devicemgr_storage_failing": ("1 while nothing can be recorded", figures.storage_failing),
        "devicemgr_clock_behind_seconds": ("How far the clock is behind the time that was reached", clock.behind_s),
        "devicemgr_clock_ahead_seconds": ("How far the clock is ahead of the time that was reached", clock.ahead_s),
        "devicemgr_alarms": ("Alarms now", len(found["alarms"])),
    }
    for name, (help_text, value) in single.items():
        yield GaugeMetricFamily(name, help_text, value=float(value))
    info = GaugeMetricFamily("devicemgr_build_info", "1, with the version", labels=["version"])
    info.add_metric([__version__], 1.0)
    yield info
    alarms = GaugeMetricFamily("devicemgr_alarms_by_kind", "Alarms now, by kind", labels=["kind"])
    for kind, count in sorted(Counter(alarm["kind"] for alarm in found["alarms"]).items()):
        alarms.add_metric([kind], count)
    yield alarms


def _unacknowledged(context: Context, *, shows_duress: bool) -> Metric:
    waiting = GaugeMetricFamily(
        "devicemgr_alarms_unacknowledged", "Alarms that no one has acknowledged", labels=["priority"]
    )
    with context.site.database.read() as session:
        found = Counter(
            alarm.priority for alarm in alarms.listed(session, with_duress=shows_duress) if not alarm.acknowledged
        )
    for priority in range(1, 6):
        waiting.add_metric([str(priority)], found[priority])
    return waiting


def _devices(devices: list[dict[str, Any]]) -> Iterator[Metric]:
    online = GaugeMetricFamily("devicemgr_device_online", "1 when the device is online", labels=["device", "kind"])
    for device in devices:
        online.add_metric([device["name"], device["kind"]], float(device["state"] == "online"))
    yield online
    states = Counter(device["state"] for device in devices)
    by_state = GaugeMetricFamily("devicemgr_devices", "Devices by state", labels=["state"])
    for health in Health:
        by_state.add_metric([str(health)], states[str(health)])
    yield by_state


def _portals(portals: list[dict[str, Any]]) -> Iterator[Metric]:
    modes = GaugeMetricFamily("devicemgr_portal_mode", "1 for the portal's mode", labels=["portal", "mode"])
    for portal in portals:
        modes.add_metric([portal["name"], portal["mode"]], 1.0)
    yield modes
    doors = GaugeMetricFamily(
        "devicemgr_portal_door", "1 for the state of the portal's door", labels=["portal", "door"]
    )
    for portal in portals:
        doors.add_metric([portal["name"], portal["door"] or "unknown"], 1.0)
    yield doors


def _counted(figures: Figures, *, shows_duress: bool) -> Iterator[Metric]:
    meters = figures.meters
    if meters is None:
        return
    events = CounterMetricFamily("devicemgr_events", "Events recorded since the start", labels=["kind"])
    for kind, count in sorted((meters.events if shows_duress else meters.veiled_events).items()):
        events.add_metric([kind], count)
    yield events
    decisions = CounterMetricFamily("devicemgr_decisions", "Decisions since the start", labels=["outcome", "reason"])
    for (outcome, reason), count in sorted(meters.decisions.items()):
        decisions.add_metric([outcome, reason], count)
    yield decisions
    by_portal = CounterMetricFamily(
        "devicemgr_portal_decisions", "Decisions at a portal since the start", labels=["portal", "outcome"]
    )
    for (portal, outcome), count in sorted(meters.portal_decisions.items()):
        by_portal.add_metric([portal, outcome], count)
    yield by_portal
    latency = HistogramMetricFamily("devicemgr_latency_seconds", "The way from capture to unlock", labels=["part"])
    for part, histogram in meters.latency.items():
        latency.add_metric([part], list(histogram.buckets()), histogram.total)
    yield latency


def text_of(context: Context, broadcast: Broadcast | None = None, *, shows_duress: bool = False) -> bytes:
    """Return the whole answer; with what tells of duress signals only to those who may know of them."""
    registry = CollectorRegistry()
    registry.register(Figured(context, broadcast, shows_duress=shows_duress))
    return generate_latest(registry)


@router.get("/metrics", include_in_schema=False)
def metrics(context: Ctx, caller: Who, request: Request) -> Response:
    """Return the figures, for Prometheus."""
    text = text_of(context, request.app.state.broadcast, shows_duress=sees_duress(caller))
    return Response(text, media_type=CONTENT_TYPE_LATEST)
