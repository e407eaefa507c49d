"""The supervisor shows a line's bytes while its device is online, and while it is lost."""

import queue

import pytest

from devicemgr.devices.health import Health, Listener
from devicemgr.devices.supervisor import Supervisor
from devicemgr.domain.model import DeviceConfig
from devicemgr.errors import NotFound
from drivers import Catalog
from drivers.sim.gates.turnstile import SimulatedTurnstile


def test_a_lost_line_still_shows_its_bytes():
    states = queue.Queue()
    supervisor = Supervisor(Catalog(), Listener(lambda *_: None, states.put))
    try:
        with SimulatedTurnstile() as turnstile:
            options = {"profile": "lot", "timeout": 0.05}
            supervisor.set_devices([DeviceConfig("1", "arm", "modbus_gate", turnstile.path, options=options)])
            assert states.get(timeout=10).health == Health.ONLINE
            heard = len(supervisor.trace("arm"))
            assert heard >= 2
            turnstile.faults.silent = True
            assert states.get(timeout=10).health == Health.OFFLINE
            assert turnstile.faults.injected["silent"] >= 3
            assert [way for _, way, _ in supervisor.trace("arm")][-2:] == ["tx", "tx"]
            with pytest.raises(NotFound):
                supervisor.trace("nobody")
    finally:
        supervisor.stop()
