"""The way to a UHPPOTE controller: addresses, discovery, answers of others, noise; and the simulator's own words."""

import contextlib
import random

import pytest

from devicemgr.domain.device_events import CardRead
from devicemgr.domain.model import PortalMode
from devicemgr.domain.ports.device import Holding
from devicemgr.errors import DeviceError, DeviceUnreachable, InvalidInput
from drivers.sim.uhppote.commands import obey
from drivers.sim.uhppote.controller import SimulatedUhppote
from drivers.uhppote_controller import driver
from drivers.uhppote_controller.protocol import Endpoint, Wire, parse_endpoint

SERIAL = 423187757
LABEL = "2d553919"
IDENTITY = f"17940000{LABEL}c0a80164ffffff00c0a8010100661939552d089220180816"


def test_an_answer_from_elsewhere_is_not_heard(script):
    with script({0x94: IDENTITY}, spoof=True) as peer:
        wire = Wire(parse_endpoint(peer.address), SERIAL, 0.2)
        with pytest.raises(DeviceUnreachable):
            wire.ask(bytes.fromhex(f"17940000{LABEL}").ljust(64, b"\0"), bytes, bool)
        assert len(peer.asked) == 2, "it was asked, and answered from another port"
        assert wire.dropped == 0


def test_discovery(sim, monkeypatch):
    host, port = sim.address.removeprefix("udp://").split(":")
    monkeypatch.setattr(driver, "BROADCAST", (host, int(port)))
    with SimulatedUhppote(303986753) as second:
        found = driver.discover(0.5, [second.address, "not an address!", sim.address])
    assert sorted((f.serial, f.address) for f in found) == [("303986753", second.address), (str(SERIAL), sim.address)]
    assert all(f.options == {"controller": f.serial} for f in found)
    monkeypatch.setattr(driver, "BROADCAST", (host, 9))
    assert driver.discover(0.1, []) == []


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("udp://192.0.2.1", Endpoint("192.0.2.1")),
        ("192.0.2.1:60001", Endpoint("192.0.2.1", 60001)),
        ("ctl", Endpoint("ctl")),
    ],
)
def test_addresses(text, endpoint):
    assert parse_endpoint(text) == endpoint


@pytest.mark.parametrize("text", ["", "tcp://x", "udp://", "udp://x:0", "udp://x:99999", "udp://x/y", "u@x", "x y"])
def test_addresses_that_are_none(text):
    with pytest.raises(InvalidInput, match="udp://"):
        parse_endpoint(text)


class Noise(Wire):
    """A controller that babbles: random answers, most with the right head, so that each decoder is reached."""

    def __init__(self, seed):
        super().__init__(Endpoint("127.0.0.1"), SERIAL, 0.05)
        self._noise, self._left = random.Random(seed), 0
        self.asked, self.taken = [], 0

    def _exchange(self, request, decode, fits):
        self._function, self._left = request[1], 4
        self.asked.append(request[1])
        try:
            answer = self._answer(self, request, decode, fits)
        except TimeoutError:
            return None
        self.taken += answer is not None
        return answer

    def settimeout(self, _):
        pass

    def recv(self, _):
        if self._left == 0:
            raise TimeoutError
        self._left -= 1
        head = bytes([0x17, self._function, 0, 0]) + bytes.fromhex(LABEL)
        body = bytes(self._noise.choice((0, 1, 2, 3, 255, self._noise.randrange(256))) for _ in range(56))
        return self._noise.choice((head + body, head + body, self._noise.randbytes(64), self._noise.randbytes(70)))


@pytest.mark.parametrize("decide", ["controller", "host"])
def test_noise_opens_nothing_and_breaks_nothing(gate, decide):
    device = gate("uhppote_controller", "udp://127.0.0.1:9", controller=SERIAL, decide=decide, listener="off")
    wire = device._wire = Noise(20261124)
    put = Holding("5", doors=frozenset({1}))
    calls = [device.open, device.poll, device.check, lambda: device.set_mode(1, PortalMode.FREE)]
    if decide == "controller":
        calls += [lambda: device.held(None), lambda: device.put([put], {}), lambda: device.remove(["5"])]
    for number in range(1500):
        device._is_open, device._last = True, number
        with contextlib.suppress(DeviceError):
            facts = calls[number % len(calls)]()
            if isinstance(facts, list) and decide == "controller":
                assert not [fact for fact in facts if isinstance(fact, CardRead)]
    assert wire.taken > 1000, "hardly an answer was taken for one"
    assert wire.dropped > 1000
    assert 0x40 not in wire.asked, "a door was opened"


@pytest.mark.parametrize("line", ["", "card x 1", "card 1 5", "fault silent maybe", "fault late soon", "door 1 ajar"])
def test_the_simulator_says_what_it_understands(sim, line):
    with pytest.raises(InvalidInput, match="commands are"):
        obey(sim, line)


def test_the_simulator_obeys(sim):
    for line in ("card 99 1", "fault late 0.5", "fault drop_next 2", "fault deaf on", "reboot", "state"):
        obey(sim, line)
    assert (sim.faults.late, sim.faults.drop_next, sim.faults.deaf) == (0.5, 2, True)
    assert sim.events.all("state")[0]["events"] == 2
