"""/metrics in the text format of Prometheus, from what `status` knows."""

from collections.abc import Iterator

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from devicemgr.api.context import Ctx, Who
from devicemgr.runtime import Runtime

router = APIRouter(tags=["system"])


class _FromStatus(Collector):
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One gauge a figure; devices by name, 1 when online."""
        found = self._runtime.status()
        single = {
            "devicemgr_ready": ("1 when the daemon is ready", found["daemon"]["ready"]),
            "devicemgr_uptime_seconds": ("Since the daemon started", found["daemon"]["uptime_s"]),
            "devicemgr_stuck_threads": ("Threads that hang in a driver", found["daemon"]["stuck_threads"]),
            "devicemgr_gallery_people": ("People whose face can be recognised", found["gallery"]["people"]),
            "devicemgr_gallery_templates": ("Their templates", found["gallery"]["templates"]),
            "devicemgr_ledger_seq": ("The last event's number", found["ledger"]["seq"]),
            "devicemgr_alarms": ("Alarms now", len(found["alarms"])),
        }
        for name, (help_text, value) in single.items():
            yield GaugeMetricFamily(name, help_text, value=float(value))
        online = GaugeMetricFamily("devicemgr_device_online", "1 when the device is online", labels=["device", "kind"])
        for device in found["devices"]:
            online.add_metric([device["name"], device["kind"]], float(device["state"] == "online"))
        yield online


@router.get("/metrics", include_in_schema=False)
def metrics(context: Ctx, _: Who) -> Response:
    """The figures of `status`, for Prometheus."""
    registry = CollectorRegistry()
    registry.register(_FromStatus(context.runtime))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
