"""A mode is in force at the gate, or on its way there, or was never taken."""

from typing import Any

import pytest

from devicemgr.daemon.offline_runtime import DirectRuntime
from devicemgr.domain.model import PortalMode
from devicemgr.errors import DeviceUnreachable, InvalidInput
from devicemgr.site.site import Site
from devicemgr.store.ledger import events
from devicemgr.store.ledger.event_filter import EventFilter
from devicemgr.store.site import portals as portal_store


def mode_of(site: Site) -> str:
    with site.database.read() as session:
        return portal_store.portal(session, "lobby").mode


@pytest.fixture
def gate(entrance: Any, catalog: Any) -> Any:
    return catalog.gate


def test_a_gate_that_can_not_leaves_the_portal_as_it_was(
    site: Site, gate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(channel: int, mode: PortalMode) -> None:
        raise InvalidInput("there is no channel 9 on this gate")

    monkeypatch.setattr(gate, "set_mode", refuse)
    with pytest.raises(InvalidInput, match="channel 9"):
        DirectRuntime(site).set_portal_mode("lobby", PortalMode.LOCKED, "uid:0")
    assert mode_of(site) == "normal"
    with site.database.read() as session:
        modes = [e["detail"]["mode"] for e in events.find(session, EventFilter(kind="admin.portal_mode"), 9)]
    assert modes == ["locked", "normal"]


def test_a_gate_that_is_away_gets_it_later(site: Site, gate: Any) -> None:
    gate.open_error = DeviceUnreachable("no line")
    answer = DirectRuntime(site).set_portal_mode("lobby", PortalMode.LOCKED, "uid:0")
    assert answer["applied"] is False
    assert mode_of(site) == "locked"
