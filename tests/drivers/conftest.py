"""Gates built as the daemon builds them, from a DeviceConfig."""

import pytest

from devicemgr.model import DeviceConfig
from drivers import Catalog


@pytest.fixture
def gate():
    """gate(kind, address, **options) builds, does not open, and closes at the end."""
    built = []

    def build(kind, address, **options):
        device = Catalog().get(kind).build(DeviceConfig("1", "gate-a", kind, str(address), options=options))
        built.append(device)
        return device

    yield build
    for device in built:
        device.close()


@pytest.fixture
def poll_until():
    """poll_until(device, n) polls until `n` facts have come and gives them; fails after many polls without."""

    def poll(device, wanted=1, polls=400):
        facts = []
        for _ in range(polls):
            facts += device.poll()
            if len(facts) >= wanted:
                return facts
        raise AssertionError(f"{len(facts)} of {wanted} facts: {facts}")

    return poll
