"""Simulated controllers, one that answers in literal bytes, and devices that talk to them."""

import socket
import threading

import pytest

from devicemgr.domain.model import DeviceConfig
from drivers import Catalog
from drivers.sim.zkteco.controller import SimulatedController


@pytest.fixture
def build():
    """build(address, password, resume, **options) makes a device that is not open; closed at the end."""
    built = []

    def make(address, password=None, resume=None, **options):
        options = {"timeout": 1.0} | options
        config = DeviceConfig("1", "gate-c", "zkteco_controller", address, None, password, options)
        device = Catalog().get("zkteco_controller").build(config)
        device.resume(resume)
        built.append(device)
        return device

    yield make
    for device in built:
        device.close()


@pytest.fixture
def sim():
    with SimulatedController() as found:
        yield found


@pytest.fixture
def opened(build, sim):
    """opened(**options) is an open device at the simulated controller."""

    def make(resume=None, **options):
        device = build(sim.address, resume=resume, **options)
        device.open()
        return device

    return make


class Script:
    """A peer that answers each message with the next literal bytes, and remembers what came."""

    def __init__(self, answers):
        self.answers, self.requests = [bytes.fromhex(answer) for answer in answers], []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        try:
            line, _ = self._listener.accept()
            with line:
                for answer in self.answers:
                    self.requests.append(line.recv(4096).hex())
                    line.sendall(answer)
                line.settimeout(10)
                while block := line.recv(4096):
                    self.requests.append(block.hex())
        except OSError:
            return

    def close(self):
        self._listener.close()
        self._thread.join(10)


@pytest.fixture
def script():
    """script(answers) makes such a peer."""
    made = []

    def make(*answers):
        made.append(Script(answers))
        return made[-1]

    yield make
    for peer in made:
        peer.close()
