"""A simulated UHPPOTE controller, a peer with literal answers, and the devices that talk to them."""

import socket
import threading

import pytest

from drivers.sim.uhppote.controller import SimulatedUhppote

SERIAL = 423187757
QUIET = {"controller": SERIAL, "timeout": 0.3, "listener": "off", "fire_input": False}


@pytest.fixture
def sim():
    with SimulatedUhppote(SERIAL) as found:
        yield found


@pytest.fixture
def controller(sim, gate):
    """controller(**options) is open, with short deadlines; it reads at every poll unless it has a listener.

    Without a fire input, unless a test asks for one: its state would be in the first poll of each.
    """

    def make(**options):
        device = gate("uhppote_controller", sim.address, **QUIET | options)
        device.open()
        return device

    return make


class Script:
    """A peer that answers each function with literal bytes; `spoof` answers from another port."""

    def __init__(self, answers, spoof=False):
        self.answers, self.asked = answers, []
        self._line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._line.bind(("127.0.0.1", 0))
        self._line.settimeout(0.05)
        self._voice = socket.socket(socket.AF_INET, socket.SOCK_DGRAM) if spoof else self._line
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self.address = f"udp://127.0.0.1:{self._line.getsockname()[1]}"

    def _serve(self):
        while not self._stop.is_set():
            try:
                packet, sender = self._line.recvfrom(100)
            except TimeoutError:
                continue
            self.asked.append(packet.hex())
            answer = self.answers.get(packet[1])
            if answer is not None:
                self._voice.sendto(answer() if callable(answer) else bytes.fromhex(answer).ljust(64, b"\0"), sender)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        self._line.close()
        self._voice.close()


@pytest.fixture
def script():
    """script({function: hex}) answers with literal bytes; a context manager."""
    return Script


@pytest.fixture
def asked(sim):
    """asked(function) is what the simulated controller was asked by it, in hex, without the noughts at the end."""
    requests = lambda: sim.events.all("request")  # noqa: E731
    return lambda code: [event["bytes"].rstrip("0") for event in requests() if event["function"] == code]
