"""A simulated ONVIF camera, and drivers built for it as the daemon builds them."""

import time

import pytest

from devicemgr.domain.model import DeviceConfig
from drivers.common.onvif.services.pull_point import EventPump, Timing
from drivers.onvif_camera.driver import DRIVER
from drivers.sim.onvif.simulator import SimulatedOnvif
from tests.drivers.common.happenings import only_happenings

QUICK = Timing(lifetime=20.0, pull=1.0, probe=1.0, answer=1.0, pauses=(0.05, 0.1))


@pytest.fixture
def device():
    with SimulatedOnvif() as made:
        yield made


@pytest.fixture
def connect():
    """connect(device, password, username, **options) builds a camera and closes it at the end.

    With states=True its states are polled too.
    """
    made = []

    def build(device, password="admin", username="admin", states=False, **options):
        camera = DRIVER.build(DeviceConfig("1", "cam", "onvif_camera", device.address, username, password, options))
        made.append(camera)
        return only_happenings(camera, states=states)

    yield build
    for camera in made:
        camera.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Pull points that are asked often."""
    monkeypatch.setattr(EventPump.__init__, "__defaults__", (QUICK,))


@pytest.fixture
def wait_until():
    def wait(true, seconds=12.0):
        until = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < until, "did not happen"
            time.sleep(0.02)

    return wait


@pytest.fixture
def facts_until():
    """facts_until(driver, n) polls until `n` facts have come."""

    def facts(driver, wanted, seconds=12.0):
        found, until = [], time.monotonic() + seconds
        while len(found) < wanted:
            assert time.monotonic() < until, f"{found}"
            found += driver.poll()
            time.sleep(0.01)
        return found

    return facts


@pytest.fixture
def listening(wait_until):
    """listening(driver) waits until its events flow, and gives it back."""

    def wait(driver):
        wait_until(lambda: driver._session.pump.trouble is None)
        return driver

    return wait
