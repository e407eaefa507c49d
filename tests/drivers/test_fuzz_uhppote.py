"""Whatever a UHPPOTE controller answers or pushes, nothing is released by it."""

import contextlib
import itertools
import socket

from devicemgr.domain.device_events import DeviceDecided
from devicemgr.errors import DeviceError
from drivers.sim.uhppote.controller import SimulatedUhppote
from drivers.uhppote_controller.protocol import Endpoint, Wire
from tests.drivers.test_fuzz import ALL, GOOD_AFTER, WAYS, Spoiler, spoilt


class SpoiltAnswers(Wire):
    """A UHPPOTE controller's answers with spoilt ones before each."""

    def __init__(self, endpoint, sim, spoiler):
        super().__init__(endpoint, sim.serial, 0.5)
        self.sim, self.spoiler, self.spoiling = sim, spoiler, False
        self.heard, self.asked, self._queue = 0, [], iter(())

    def _exchange(self, request, decode, fits):
        self.asked.append(request[1])
        answer = self.sim._obey(request)
        said = (self.spoiler(answer) for _ in range(100)) if self.spoiling else ()
        self._queue = itertools.chain(said, [answer])
        return self._answer(self, request, decode, fits)

    def settimeout(self, _):
        pass

    def recv(self, _):
        self.heard += self.spoiling
        return next(self._queue)


def spoilt_controller(gate, monkeypatch, sim):
    """A device that was opened well, and its wire."""
    monkeypatch.setattr("drivers.uhppote_controller.controller._QUIET", 0.0)
    device = gate("uhppote_controller", sim.address, controller=sim.serial)
    host, port = sim.address.removeprefix("udp://").split(":")
    device._wire = SpoiltAnswers(Endpoint(host, int(port)), sim, Spoiler("uhppote"))
    device.open()
    return device, device._wire


def served(device, sim):
    """A card shown now is told, also after a spoilt index has sent the reading elsewhere."""
    sim.swipe(99, 1)
    for _ in range(200):
        with contextlib.suppress(DeviceError):
            if any(isinstance(fact, DeviceDecided) and "99" in fact.names for fact in device.poll()):
                return
    raise AssertionError("a good answer is not served any more")


@spoilt
def test_no_answer_of_a_uhppote_controller_opens_its_door_or_breaks_it(frames, gate, monkeypatch):
    with SimulatedUhppote(most_events=50) as sim:
        device, wire = spoilt_controller(gate, monkeypatch, sim)
        calls = [device.poll, device.check, lambda: device.held(None), lambda: device.remove(["5"])]
        for turn in itertools.count(1):
            wire.spoiling = True
            with contextlib.suppress(DeviceError):
                calls[turn % len(calls)]()
            wire.spoiling = False
            if turn % GOOD_AFTER == 0:
                served(device, sim)
                if wire.heard >= -(-frames // ALL):
                    break
        assert set(wire.spoiler.done) == WAYS
        assert 0x40 not in wire.asked
        assert wire.dropped > wire.heard // 4
        device.release(1, "entry", 1)
        assert 0x40 in wire.asked


@spoilt
def test_nothing_that_is_pushed_opens_a_uhppote_controllers_door(frames, gate, monkeypatch):
    with SimulatedUhppote(most_events=50) as sim, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as voice:
        device, wire = spoilt_controller(gate, monkeypatch, sim)
        monkeypatch.setattr("drivers.uhppote_controller.controller._QUIET", 3600.0)
        voice.bind(("127.0.0.1", 0))
        good = sim._obey(bytes([0x17, 0x20, 0, 0]) + sim.serial.to_bytes(4, "little") + bytes(56))
        spoiler, hints, reads = Spoiler("pushed"), 0, wire.asked.count(0x20)
        device.poll()
        while spoiler.done.total() < -(-frames // ALL):
            for _ in range(60):
                voice.sendto(spoiler(good), device._listener.address)
            assert device.poll() == []
            hints += 1
            if hints % GOOD_AFTER == 0:
                served(device, sim)
        assert set(spoiler.done) == WAYS
        assert device._listener.dropped > spoiler.done.total() // 2
        assert wire.asked.count(0x20) - reads <= 2 * hints + 2
        assert 0x40 not in wire.asked
