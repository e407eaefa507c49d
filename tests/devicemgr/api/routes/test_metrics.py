"""/metrics in the text format of Prometheus."""

from datetime import UTC, datetime
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from devicemgr.api.context import Context
from devicemgr.api.routes.system.metrics import text_of
from devicemgr.daemon.offline_runtime import DirectRuntime
from devicemgr.domain.ledger_events import Fact
from devicemgr.ledger.counters import Histogram, Meters
from devicemgr.site.runtime import Figures
from devicemgr.site.site import Site


def test_figures_of_the_site(client: Any) -> None:
    answer = client.get("/../../metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    lines = answer.text.splitlines()
    assert "devicemgr_gallery_people 0.0" in lines
    assert any(line.startswith("devicemgr_ledger_seq ") for line in lines)


class Counting(DirectRuntime):
    """A runtime that has counted something."""

    def __init__(self, site: Site, meters: Meters) -> None:
        super().__init__(site)
        self._meters = meters

    def figures(self) -> Figures:
        return Figures(True, {"dispatcher": 3, "ledger": 7}, self._meters)


def test_what_was_recorded_is_counted_and_names_nobody(http: httpx.Client, site: Site) -> None:
    http.post("/people", json={"name": "Zarina Planted", "badge": "B-77123"})
    http.post("/devices", json={"name": "arm", "driver": "fake_gate", "address": "/dev/x"})
    meters = Meters(site.database)
    meters.look()
    now = datetime.now(UTC)
    with site.database.write() as session:
        site.ledger.append(
            session,
            [
                Fact("access_granted", now, person_id="p-1", latency_ms={"capture_to_decision": 12.0}),
                Fact("portal_unlocked", now, latency_ms={"capture_to_decision": 12.0, "total": 30.0}),
                *[Fact("access_denied", now, reason="expired", latency_ms={"capture_to_decision": 400.0})] * 2,
            ],
        )
    meters.look()
    text = text_of(Context(site, Counting(site, meters), 0)).decode()
    found = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["devicemgr_events_total", (("kind", "access_denied"),)] == 2
    assert found["devicemgr_decisions_total", (("outcome", "denied"), ("reason", "expired"))] == 2
    assert found["devicemgr_decisions_total", (("outcome", "granted"), ("reason", ""))] == 1
    assert found["devicemgr_latency_seconds_count", (("part", "capture_to_decision"),)] == 3
    assert found["devicemgr_latency_seconds_bucket", (("le", "0.05"), ("part", "total"))] == 1
    assert found["devicemgr_latency_seconds_bucket", (("le", "0.25"), ("part", "capture_to_decision"))] == 1
    assert found["devicemgr_devices", (("state", "unknown"),)] == 1
    assert found["devicemgr_queue_length", (("queue", "ledger"),)] == 7
    assert found["devicemgr_storage_failing", ()] == 1
    assert found["devicemgr_seal_age_seconds", ()] >= 0
    for word in ("Zarina", "B-77123", "p-1"):
        assert word not in text


def test_a_histogram_is_cumulative() -> None:
    histogram = Histogram()
    for seconds in (0.001, 0.005, 0.02, 99.0):
        histogram.add(seconds)
    buckets = dict(histogram.buckets())
    assert (buckets["0.005"], buckets["0.01"], buckets["0.025"], buckets["5.0"], buckets["+Inf"]) == (2, 2, 3, 3, 4)
    assert histogram.total == 0.001 + 0.005 + 0.02 + 99.0
