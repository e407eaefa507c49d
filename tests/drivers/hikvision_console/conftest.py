"""A simulated terminal on loopback, and the driver on it."""

import io
import time

import pytest
from PIL import Image

from devicemgr.domain.model import DeviceConfig
from drivers import Catalog
from drivers.sim.hikvision.server import PASSWORD, USERNAME, SimulatedHikvision
from tests.drivers.common.happenings import only_happenings

# Without a fire input, unless a test asks for one: its state would be in the first poll of each.
FAST = {"spacing": 0, "poll_seconds": 0.2, "fire_input": False}


@pytest.fixture
def sim():
    with SimulatedHikvision() as device:
        yield device


@pytest.fixture
def console(sim):
    """console(**options) builds and opens one; told=False leaves it closed."""
    built = []

    def make(opened=True, password=PASSWORD, address=None, states=False, new=False, **options):
        config = DeviceConfig(
            "1", "hall-face", "hikvision_console", address or sim.address, USERNAME, password, FAST | options
        )
        device = Catalog().get("hikvision_console").build(config)
        if not new:
            # Known here since its first event, so that what it remembers is no history.
            device.resume_logs(dict.fromkeys(("", "1", "2", "3"), 0))
        built.append(only_happenings(device, states=states))
        if opened:
            device.open()
        return device

    yield make
    for device in built:
        device.close()


@pytest.fixture(scope="module")
def face():
    held = io.BytesIO()
    Image.effect_noise((600, 800), 40).convert("RGB").save(held, "JPEG", quality=95)
    return held.getvalue()


def until(device, wanted, seconds=10.0):
    """Polls until `wanted` holds of what came; all that came."""
    facts, end = [], time.monotonic() + seconds
    while not wanted(facts):
        assert time.monotonic() < end, f"in vain: {facts[-5:]}"
        facts += device.poll()
        time.sleep(0.005)
    return facts


def heard(sim):
    """The stream is open: what happens from now on is live."""
    sim.events.wait_for("listener")
