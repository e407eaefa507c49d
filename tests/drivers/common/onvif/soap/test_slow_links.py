"""Links of 3 s a call: such a camera is opened, and one that is gone is still noticed soon."""

import time

import pytest

from devicemgr.devices import call_timeouts
from devicemgr.errors import DeviceError, DeviceUnreachable
from drivers.common.onvif.session import OPEN_S
from drivers.common.onvif.soap.transport import OnvifTransport


def test_a_camera_at_three_seconds_a_call_is_opened(peer, connect):
    peer.services = ("trt",)
    peer.delay_s = 3.0
    camera = connect(peer)
    assert camera.open().model == "M1"
    assert camera._profiles[0].token == "p1"
    assert camera._device.transport.deadline() == pytest.approx(7.0, abs=1.5)
    assert OPEN_S < call_timeouts.OPEN_S, "the worker's watch does not abandon what is on time"


def test_a_fast_device_is_given_up_as_soon_as_before(peer):
    transport = OnvifTransport(None, None, 4.0)
    try:
        transport.exchange("POST", f"{peer.address}/onvif", b"<Body><x/></Body>", {})
        assert transport.deadline() == 4.0 or transport.slowest_s > 1.5
        peer.delay_s = 20.0
        began = time.monotonic()
        with pytest.raises(DeviceUnreachable, match="in time"):
            transport.exchange("POST", f"{peer.address}/onvif", b"<Body><x/></Body>", {}, 0.3)
        assert time.monotonic() - began < 10, "a bound against waiting for the answer"
    finally:
        transport.close()


def test_all_calls_of_an_opening_share_its_time(peer, connect, monkeypatch):
    monkeypatch.setattr("drivers.onvif_camera.device.OPEN_S", 1.0)
    peer.delay_s = 0.6
    with pytest.raises(DeviceError, match="in time"):
        connect(peer).open()
    assert 1 <= len(peer.operations()) <= 3
