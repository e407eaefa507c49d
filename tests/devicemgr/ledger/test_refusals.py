"""A push that was refused is recorded under its device, whatever else that device is."""

from typing import Any

from devicemgr.domain.device_events import PushRefused


def test_a_refused_push_is_an_event_of_its_device_and_nothing_else(entrance: Any) -> None:
    detail = {"count": 3, "since": "2026-01-01T00:00:00Z", "calls": {"wrong address": 3}, "addresses": ["192.0.2.7"]}
    for device in ("arm", "cam", "unknown"):
        entrance.pipeline.on_device_fact(device, PushRefused(detail))
    events = [event for event in entrance.events() if event["kind"].endswith("refused")]
    assert [event["kind"] for event in events] == ["admin.push_refused"] * 3
    assert [event["device"] for event in events] == ["arm", "cam", "unknown"]
    assert events[0]["detail"] == detail
    assert entrance.gate.done.empty()
