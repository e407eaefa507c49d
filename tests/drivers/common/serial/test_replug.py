"""An adapter that goes and comes back as another port behind the same name, under the daemon's own supervisor."""

import itertools
import os
import queue
import time

import pytest

from devicemgr.devices.health import Health, Listener
from devicemgr.devices.supervisor import Supervisor
from devicemgr.domain.model import DeviceConfig
from drivers import Catalog
from drivers.sim.gates.turnstile import SimulatedTurnstile


@pytest.fixture
def states():
    return queue.Queue()


@pytest.fixture
def supervisor(states):
    found = Supervisor(Catalog(), Listener(lambda *_: None, states.put))
    yield found
    found.stop()


# One that comes and goes so often is told as quarantined, and looked for all the same.
AWAY = {Health.OFFLINE, Health.QUARANTINED}
THERE = {Health.ONLINE}


def wait_for(states, healths):
    while states.get(timeout=20).health not in healths:
        pass


@pytest.fixture
def turnstile(supervisor, states, tmp_path):
    with SimulatedTurnstile(tmp_path / "gate") as simulated:
        options = {"profile": "lot", "unit": 1}
        supervisor.set_devices([DeviceConfig("1", "arm", "modbus_gate", simulated.path, options=options)])
        wait_for(states, THERE)
        yield simulated


def test_ten_times_with_a_hint(supervisor, states, turnstile, tmp_path):
    before = len(os.listdir("/proc/self/fd"))
    ports = []
    for _ in range(10):
        ports.append((tmp_path / "gate").readlink())
        turnstile.unplug()
        wait_for(states, AWAY)
        turnstile.replug()
        supervisor.hint([turnstile.path])
        wait_for(states, THERE)
    assert all(one != other for one, other in itertools.pairwise(ports))
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.faults
@pytest.mark.timeout(900)
def test_a_hundred_times_by_polling_alone(supervisor, states, turnstile, capsys):
    before = len(os.listdir("/proc/self/fd"))
    took, busy, gone = [], 0.0, 0.0
    for turn in range(100):
        turnstile.unplug()
        wait_for(states, AWAY)
        if turn % 5 == 0:
            began, cpu = time.monotonic(), time.process_time()
            time.sleep(2)  # how long it is gone is the point
            busy, gone = busy + time.process_time() - cpu, gone + time.monotonic() - began
        turnstile.replug()
        back = time.monotonic()
        wait_for(states, THERE)
        took.append(time.monotonic() - back)
    assert len(os.listdir("/proc/self/fd")) == before
    p99, load = sorted(took)[98], busy / gone
    with capsys.disabled():
        print(f"\nreopened 100 times: p99 {p99:.2f} s, {load:.2%} of a core while it was gone")
    assert p99 <= 5
    assert load <= 0.05
