"""Fixtures of this folder."""

from typing import Any

import pytest

from devicemgr.access.evidence.pins import hash_pin
from devicemgr.domain.model import DeviceConfig
from devicemgr.store.people import credentials, people
from devicemgr.store.site import (
    access_levels as level_store,
    devices as device_store,
    portals as portal_store,
)
from devicemgr.store.tables import PortalRow
from tests.devicemgr.access.evidence.lanes import ENTRY, EXIT, Clock, group
from tests.support.core import catalog, entrance, make_site, make_site_in, site, small_disk  # noqa: F401
from tests.support.levels import cover


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def hall(entrance: Any) -> Any:  # noqa: F811
    """Two lanes, `lobby` and `second`, in one group, each with entry and exit; Anna and Bert have cards."""
    with entrance.site.database.write() as session:
        for name in ("arm2", "cam2", "out", "out2"):
            device_store.add_device(session, entrance.site.vault, DeviceConfig("", name, "fake_gate", "x"))
        gate = device_store.device(session, "arm2")
        row = PortalRow(name="second", gate_id=gate.id, channel=1, fail="secure", release_seconds=5.0, mode="normal")
        session.add(row)
        session.flush()
        portal_store.set_access_points(session, row, ENTRY, ["cam2"])
        portal_store.set_access_points(session, row, EXIT, ["out2"])
        lobby = portal_store.portal(session, "lobby")
        portal_store.set_access_points(session, lobby, EXIT, ["out"])
        cover(session, level_store.level(session, "staff"), ["lobby", "second"], None)
        bert = people.add(session, "B2", "Bert", None, None)
        people.set_level(session, bert, "staff", held=True)
        credentials.assign_card(session, people.get(session, "A1"), "11")
        credentials.assign_card(session, bert, "22")
        credentials.set_pin(session, people.get(session, "A1"), hash_pin("4711"))
        credentials.set_pin(session, bert, hash_pin("4711"))
    group(entrance, "hall")
    return entrance
