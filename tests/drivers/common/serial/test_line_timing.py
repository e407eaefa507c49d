"""How fast a command reaches the wire, and how often 32 units are read: measured, so only for `make faults`."""

import queue
import random
import statistics
import threading
import time

import pytest

from devicemgr.devices.health import Health, Listener
from devicemgr.devices.supervisor import Supervisor
from devicemgr.domain.model import DeviceConfig, Direction
from drivers import Catalog
from drivers.sim.gates.modbus_bus import SimulatedBus

pytestmark = pytest.mark.faults
IDLE_SECONDS = 0.01
COMMANDS = 600
SECONDS = 10.0


@pytest.fixture
def supervised():
    """supervised(bus, baudrate) runs each of its units and gives the supervisor when all are online."""
    running = []

    def start(bus, baudrate):
        states = queue.Queue()
        supervisor = Supervisor(Catalog(), Listener(lambda *_: None, states.put))
        running.append(supervisor)
        address = f"serial:{bus.path}?baudrate={baudrate}"
        supervisor.set_devices(
            DeviceConfig(str(unit), f"arm-{unit}", "modbus_gate", address, options={"profile": "lot", "unit": unit})
            for unit in bus.units
        )
        for _ in bus.units:
            assert states.get(timeout=20).health is Health.ONLINE
        return supervisor

    yield start
    for supervisor in running:
        supervisor.stop()


def to_the_wire(supervisor, name):
    """Seconds from the decision to the release's bytes in the line's trace, and whether the line was idle then."""
    done = threading.Event()
    decided = time.monotonic()
    supervisor.command(name, lambda gate: gate.release(1, Direction.ENTRY, 5), lambda *_: done.set())
    assert done.wait(5)
    trace = supervisor.trace(name)
    sent = [at for at, way, data in trace if way == "tx" and data[1] == 0x10 and at >= decided]
    # Simulated answers come whole, so one that has come ends its exchange. The next of the same poll follows after 3.5
    # characters, 4 ms, so a line that is silent for longer is idle.
    last, way = [(at, way) for at, way, _ in trace if at < decided][-1]
    return sent[0] - decided, way == "rx" and decided - last > IDLE_SECONDS


def p99(samples):
    return statistics.quantiles(samples, n=100)[98] * 1000


def test_a_command_at_9600_baud(supervised, tmp_path, capsys):
    with SimulatedBus([1], tmp_path / "bus", baudrate=9600) as bus:
        supervisor = supervised(bus, 9600)
        samples = []
        for _ in range(COMMANDS):
            time.sleep(random.uniform(0, 0.15))
            samples.append(to_the_wire(supervisor, "arm-1"))
        assert len(bus.events[1].all("release")) == COMMANDS
    idle, whenever = [took for took, was_idle in samples if was_idle], [took for took, _ in samples]
    assert len(idle) >= COMMANDS // 4
    with capsys.disabled():
        print(f"\n9600 baud, decided to wire: idle p99 {p99(idle):.2f} ms, at any moment p99 {p99(whenever):.1f} ms")
    assert p99(idle) <= 10


@pytest.mark.parametrize("dead", [0, 1])
def test_32_units_on_one_line_at_115200(supervised, tmp_path, capsys, dead):
    with SimulatedBus(range(1, 33), tmp_path / "bus", baudrate=115200) as bus:
        supervised(bus, 115200)
        if dead:
            bus.units[7].faults.silent = True
        before = {unit: len(bus.events[unit].all("request")) for unit in bus.units}
        time.sleep(SECONDS)
        rates = {unit: (len(bus.events[unit].all("request")) - before[unit]) / SECONDS for unit in bus.units}
        assert bool(bus.units[7].faults.injected["silent"]) == bool(dead)
    well = [rate for unit, rate in rates.items() if not (dead and unit == 7)]
    with capsys.disabled():
        print(f"\n32 units, {dead} dead: {min(well):.1f} to {max(well):.1f} requests/s each")
    assert min(well) >= 2
