"""Several devices on one line: shared, in fair turns, lost together; a dead one costs the others little."""

import os
import threading
from collections import Counter

import pytest

from devicemgr.domain.device_events import FireRelease, PassageCompleted
from devicemgr.domain.model import Direction
from devicemgr.errors import DeviceBusy, DeviceUnreachable, OutcomeUnknown
from drivers.common.serial.address import SerialAddress
from drivers.common.serial.port import open_line
from drivers.modbus_gate.master import ANSWER_S
from drivers.sim.gates.modbus_bus import SimulatedBus

ENTRY = Direction.ENTRY


@pytest.fixture
def bus(tmp_path):
    with SimulatedBus(range(1, 4), tmp_path / "bus") as simulated:
        yield simulated


@pytest.fixture
def units(gate, bus):
    """Three open turnstiles on one line."""
    devices = [gate("modbus_gate", bus.path, profile="lot", unit=unit) for unit in (1, 2, 3)]
    for device in devices:
        device.open()
        device.poll()
    return devices


def test_each_unit_does_its_own(units, bus, poll_until):
    for unit, device in enumerate(units, 1):
        device.release(1, ENTRY, 5)
        assert PassageCompleted(1, ENTRY, 1) in poll_until(device, 2)
        assert [len(bus.events[n].all("release")) for n in (1, 2, 3)] == [int(n <= unit) for n in (1, 2, 3)]


def test_the_port_is_held_until_the_last_one_leaves(units, bus):
    for device in units:
        with pytest.raises(DeviceBusy):
            open_line(SerialAddress(bus.path, 9600))
        device.close()
    open_line(SerialAddress(bus.path, 9600)).close()


def test_another_baudrate_is_refused_in_words_until_the_line_is_free(units, bus, gate):
    other = gate("modbus_gate", f"serial:{bus.path}?baudrate=9600&parity=E", profile="lot", unit=2)
    with pytest.raises(DeviceBusy, match=r"already runs with 115200 baud 8N1 for another device, not 9600 baud 8E1"):
        other.open()
    for device in units:
        device.close()
    other.open()


def test_a_pulled_adapter_is_lost_for_all_and_comes_back_for_all(units, bus, tmp_path):
    before = len(os.listdir("/proc/self/fd"))
    bus.unplug()
    for device in units:
        with pytest.raises(DeviceUnreachable, match="lost"):
            device.poll()
        device.close()
    bus.replug()
    for device in units:
        device.open()
        assert device.poll() == [FireRelease(False)]  # as of each opening
    assert len(os.listdir("/proc/self/fd")) == before


def test_who_did_not_see_the_loss_finds_out_at_its_next_turn(units, bus):
    bus.unplug()
    with pytest.raises(DeviceUnreachable):
        units[0].poll()
    units[0].close()
    bus.replug()
    units[0].open()
    with pytest.raises(DeviceUnreachable, match="was lost"):
        units[1].release(1, ENTRY, 5)
    assert bus.events[2].all("release") == []
    units[1].close()
    units[1].open()
    units[1].release(1, ENTRY, 5)
    assert len(bus.events[2].all("release")) == 1


def test_a_dead_unit_costs_a_turn_less_than_a_tenth_of_a_second(units, bus):
    bus.units[2].faults.silent = True
    assert units[1].poll() == units[1].poll() == []
    with pytest.raises(DeviceUnreachable) as caught:
        units[1].poll()
    assert bus.units[2].faults.injected["silent"] == 3
    told = str(caught.value)
    assert float(told.split(" in ")[1].split(" s;", maxsplit=1)[0]) < 0.1 < ANSWER_S
    assert units[0].poll() == units[2].poll() == []


def test_a_time_out_that_somebody_chose_is_kept(gate, bus, units):
    slow = gate("modbus_gate", bus.path, profile="lot", unit=2, timeout=0.2)
    bus.units[2].faults.silent = True
    with pytest.raises(DeviceUnreachable, match=r"no answer from unit 2 at .* in 0\.2 s"):
        slow.open()


def test_a_command_has_its_full_time_on_a_shared_line(units, bus):
    bus.units[1].faults.answer_late_by = 0.15
    units[0].release(1, ENTRY, 5)
    assert bus.units[1].faults.injected["answer_late_by"] == 1


def test_a_late_answer_of_another_unit_confirms_nothing(units, bus):
    bus.units[1].faults.answer_as_unit = 2
    with pytest.raises(OutcomeUnknown):
        units[0].release(1, ENTRY, 5)
    assert bus.units[1].faults.injected["answer_as_unit"] == 1
    assert len(bus.events[1].all("release")) == 1


def test_the_trace_shows_the_line_both_ways(units):
    ways = {(way, data[0]) for _, way, data in units[0].trace()}
    assert {("tx", 1), ("rx", 1), ("tx", 3), ("rx", 3)} <= ways


def test_thirty_two_units_get_their_turns_alike(gate, tmp_path):
    with SimulatedBus(range(1, 33), tmp_path / "bus") as bus:
        devices = [gate("modbus_gate", bus.path, profile="lot", unit=unit) for unit in range(1, 33)]
        for device in devices:
            device.open()
        polls = Counter()
        enough = threading.Event()

        def run(device, unit):
            while not enough.is_set():
                device.poll()
                polls[unit] += 1
                if polls[unit] == 20:
                    enough.set()

        threads = [threading.Thread(target=run, args=pair) for pair in zip(devices, range(1, 33), strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        asked = [len(bus.events[unit].all("request")) for unit in range(1, 33)]
        sizes = [len(data) for _, _, data in devices[0].trace()]
    assert min(polls.values()) >= 10
    # What a round of all 32 takes on a real wire: the bytes both ways, 3.5 characters between, 2 ms to think.
    seconds = 32 * (sum(sorted(sizes)[-20:]) / 20 * 2 + 7) * 11 / 115200 + 32 * 0.002
    assert seconds <= 0.5
    assert min(asked) >= 10
