"""Figures of the site and of the box: zones, gates of portals, the record's seal, backups, disk and clock."""

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from devicemgr.api.metrics.outgoing import age_of
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.store.database import Session
from devicemgr.store.ledger import events, seals


def zones(found: Mapping[str, Mapping[str, Any]]) -> Iterator[Metric]:
    """Yield how many people are in each zone, and how many may be."""
    people = GaugeMetricFamily("devicemgr_zone_people", "People in the zone", labels=["zone"])
    limits = GaugeMetricFamily("devicemgr_zone_max_people", "How many people may be in it", labels=["zone"])
    for name, zone in sorted(found.items()):
        people.add_metric([name], zone["count"])
        if zone["max"] is not None:
            limits.add_metric([name], zone["max"])
    yield from (people, limits)


def portals(found: list[dict[str, Any]], rules: Snapshot, devices: list[dict[str, Any]]) -> Iterator[Metric]:
    """Yield the mode in force at each portal, and whether its gate is reached."""
    modes = GaugeMetricFamily(
        "devicemgr_portal_effective_mode", "1 for the mode in force at the portal", labels=["portal", "mode"]
    )
    gates = GaugeMetricFamily("devicemgr_portal_gate_online", "1 when the portal's gate is online", labels=["portal"])
    states = {device["name"]: device["state"] for device in devices}
    for portal in found:
        modes.add_metric([portal["name"], portal["effective_mode"]], 1.0)
        model = rules.portals.get(portal["name"])
        if model is not None:
            gates.add_metric([portal["name"]], float(states.get(model.gate) in ("online", "degraded")))
    yield from (modes, gates)


def record(session: Session) -> Metric:
    """Return how many events no seal covers yet: a seal may be old where nothing has happened since."""
    sealed = seals.last(session)
    unsealed = events.head(session)[0] - (sealed.seq if sealed else 0)
    return GaugeMetricFamily("devicemgr_ledger_unsealed_events", "Events behind the last seal", value=max(0, unsealed))


def box(facts: Mapping[str, Any]) -> Iterator[Metric]:
    """Yield disk, backup and clock of the computer."""
    synchronized = facts["clock_synchronized"]
    single = {
        "devicemgr_disk_free_bytes": ("Free on the disk of the home", facts["disk_free_bytes"]),
        "devicemgr_disk_size_bytes": ("Size of the disk of the home", facts["disk_total_bytes"]),
        "devicemgr_backup_age_seconds": (
            "Since the last backup; infinite where none was made",
            age_of(facts["backup_made"]),
        ),
        "devicemgr_clock_synchronized": (
            "1 when a time server holds the clock, NaN where that is not known",
            float("nan") if synchronized is None else float(synchronized),
        ),
    }
    for name, (help_text, value) in single.items():
        yield GaugeMetricFamily(name, help_text, value=float(value))
