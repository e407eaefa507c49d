"""Only what is current moves anything: a release that comes late is not sent, an event from a memory opens no lane."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devicemgr.access.release import RELEASE_WITHIN_S, Opening, release_gate
from devicemgr.domain.device_events import DeviceDecided
from devicemgr.domain.model import Direction
from devicemgr.errors import DeviceError


@pytest.mark.parametrize(("late", "sent"), [(0.0, 1), (RELEASE_WITHIN_S + 0.1, 0), (600.0, 0)])
def test_a_release_is_sent_in_time_or_never(entrance: Any, late: float, sent: int) -> None:
    decided = time.monotonic() - late
    portal = entrance.rules.current.portals["lobby"]
    opening = Opening("r-1", portal, Direction.ENTRY, decided, decided)
    if sent:
        release_gate(opening, entrance.gate)
    else:
        with pytest.raises(DeviceError, match="too late"):
            release_gate(opening, entrance.gate)
    assert entrance.gate.done.qsize() == sent


@pytest.mark.parametrize(("live", "state"), [(True, "released"), (False, "idle")])
def test_what_a_device_remembers_is_recorded_and_releases_nothing(entrance: Any, live: bool, state: str) -> None:
    at = datetime.now(UTC) - timedelta(seconds=0 if live else 3600)
    entrance.pipeline.on_device_fact("cam", DeviceDecided(1, True, 7, at, Direction.ENTRY, badge="A1", live=live))
    assert entrance.kinds()[0] == "access_granted"
    assert entrance.pipeline.state_of("lobby") == state
