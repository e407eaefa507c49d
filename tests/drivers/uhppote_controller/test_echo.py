"""A network path that reflects packets: "opened" is byte for byte the request to open door 1."""

import select
import socket
import threading

import pytest

from devicemgr.domain.model import Direction
from devicemgr.domain.ports.device import Delivery
from devicemgr.errors import OutcomeUnknown

SERIAL = 423187757
OPEN_DOOR = 0x40


class Reflector:
    """Sends each packet back, and on to the controller unless it `loses` that function; a context manager."""

    def __init__(self, address):
        host, port = address.removeprefix("udp://").split(":")
        self._far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._far.connect((host, int(port)))
        self._near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._near.bind(("127.0.0.1", 0))
        self.address = f"udp://127.0.0.1:{self._near.getsockname()[1]}"
        self.reflects, self.loses, self.reflected, self.lost = True, None, [], []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        self._near.close()
        self._far.close()

    def _run(self):
        sender = None
        while not self._stop.is_set():
            ready, _, _ = select.select([self._near, self._far], [], [], 0.05)
            if self._near in ready:
                packet, sender = self._near.recvfrom(100)
                if self.reflects:
                    self.reflected.append(packet[1])
                    self._near.sendto(packet, sender)
                if packet[1] == self.loses:
                    self.lost.append(packet)
                else:
                    self._far.send(packet)
            if self._far in ready:
                self._near.sendto(self._far.recv(100), sender)


@pytest.fixture
def path(sim):
    with Reflector(sim.address) as found:
        yield found


@pytest.fixture
def device(gate, path):
    found = gate("uhppote_controller", path.address, controller=SERIAL, timeout=0.3, listener="off")
    found.open()
    return found


@pytest.mark.parametrize("door", [1, 2])
def test_a_reflected_request_to_open_is_no_confirmation(sim, device, path, door):
    path.loses = OPEN_DOOR
    with pytest.raises(OutcomeUnknown):
        device.release(door, Direction.ENTRY, 5)
    assert len(path.lost) == 1
    assert OPEN_DOOR in path.reflected
    assert sim.events.all("opened") == []


@pytest.mark.parametrize("door", [1, 2])
def test_the_answer_behind_the_reflection_is_one(sim, device, path, door):
    assert device.release(door, Direction.ENTRY, 5) is Delivery.CONFIRMED
    assert OPEN_DOOR in path.reflected
    assert len(sim.events.all("opened")) == 1
    assert "path echoes" in device.check()["warning"]


def test_a_path_that_begins_to_reflect_is_noticed(sim, gate, path):
    path.reflects = False
    device = gate("uhppote_controller", path.address, controller=SERIAL, timeout=0.3, listener="off")
    device.open()
    assert "warning" not in device.check()
    assert device.release(1, Direction.ENTRY, 5) is Delivery.CONFIRMED
    path.reflects, path.loses = True, OPEN_DOOR
    device.poll()
    with pytest.raises(OutcomeUnknown):
        device.release(1, Direction.ENTRY, 5)
    assert len(path.lost) == len(sim.events.all("opened")) == 1
