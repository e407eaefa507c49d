"""OSDP readers simulated by libosdp's PD role, and the devices that talk to them."""

import time

import pytest

from devicemgr.domain.model import DeviceConfig
from devicemgr.errors import DeviceError
from drivers.osdp_reader import line
from drivers.osdp_reader.builder import build
from drivers.sim.osdp.readers import SimulatedReaders
from tests.drivers.common.happenings import only_happenings

KEY = bytes.fromhex("8f3a10c7be5520d94417fa6e02b3c85d")


@pytest.fixture(autouse=True)
def soon_ready(monkeypatch):
    """Simulated readers keep nothing from before, unless a test makes them."""
    monkeypatch.setattr("drivers.osdp_reader.session.STALE_S", 0.02)


@pytest.fixture
def readers():
    """readers({unit: key}) plugs them in on one line."""
    started = []

    def start(keys, **more):
        sim = SimulatedReaders(keys, **more).start()
        started.append(sim)
        return sim

    yield start
    for sim in started:
        sim.stop()


@pytest.fixture
def reader():
    """reader(sim, unit) is the driver's device, closed in the end."""
    built = []

    def make(sim, unit=1, password=KEY.hex(), states=False, **options):
        address = sim if isinstance(sim, str) else sim.path
        config = DeviceConfig("1", f"reader-{unit}", "osdp_reader", address, None, password, {"unit": unit} | options)
        built.append(only_happenings(build(config), states=states))
        return built[-1]

    yield make
    for device in built:
        device.close()
    assert line._lines == {}


@pytest.fixture
def pair_up(readers, reader):
    """A reader with a key and its open device."""

    def make(**options):
        sim = readers({1: KEY})
        device = reader(sim, **options)
        device.open()
        return sim, device

    return make


def _poll_until(device, wanted, seconds=10.0):
    """Poll until `wanted` of the facts so far holds; all facts."""
    facts, until = [], time.monotonic() + seconds
    while not wanted(facts):
        assert time.monotonic() < until, facts
        facts += device.poll()
        time.sleep(0.005)
    return facts


def _bring_up(device, seconds=10.0):
    """As the supervisor does: open until it opens; the refusals on the way."""
    refusals, until = [], time.monotonic() + seconds
    while True:
        try:
            device.open()
            return refusals
        except DeviceError as error:
            refusals.append(error)
            device.close()
            assert time.monotonic() < until, refusals


def _lose(device, seconds=10.0):
    """Poll until the device is lost; why."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            device.poll()
        except DeviceError as error:
            device.close()
            return error
        time.sleep(0.005)
    raise AssertionError("it is not lost")


@pytest.fixture
def poll_until():
    """poll_until(device, wanted) polls until `wanted` of the facts so far holds; all facts."""
    return _poll_until


@pytest.fixture
def bring_up():
    """bring_up(device) opens until it opens; the refusals on the way."""
    return _bring_up


@pytest.fixture
def lose():
    """lose(device) polls until the device is lost; why."""
    return _lose
