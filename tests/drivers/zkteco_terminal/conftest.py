"""Simulated terminals that call a device here, and a caller in literal bytes."""

import socket

import pytest

from devicemgr.domain.model import DeviceConfig
from drivers import Catalog
from drivers.sim.zkteco.terminal import SimulatedZkteco

SERIAL = "3383154200002"


@pytest.fixture
def build():
    """build(**options) makes a device that is not open; closed and its port given back at the end."""
    built = []

    def make(address="http://127.0.0.1", resume=None, **options):
        options = {"serial": SERIAL, "push_port": 0} | options
        device = (
            Catalog()
            .get("zkteco_terminal")
            .build(DeviceConfig("1", "lobby", "zkteco_terminal", address, None, None, options))
        )
        device.resume(resume)
        built.append(device)
        return device

    yield make
    for device in built:
        device.close()
        device._listener.stop()


@pytest.fixture
def opened(build):
    """opened(**options) gives an open device and the terminal that calls it."""
    sims = []

    def make(sim_options=None, resume=None, **options):
        device = build(resume=resume, **options)
        device._listener.start()
        sim = SimulatedZkteco(SERIAL, ("127.0.0.1", device._listener.port), **(sim_options or {}))
        sims.append(sim)
        sim.__enter__()
        device.open()
        return device, sim

    yield make
    for sim in sims:
        sim.__exit__()


def send(port, raw):
    """What the device's server answers to literal bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(raw)
        answer = b""
        while block := line.recv(65536):
            answer += block
        return answer


def request(method, target, body=b"", host=b"192.168.213.17:8088"):
    """A request with the headers of the protocol's examples."""
    head = (
        f"{method} {target} HTTP/1.1\r\nCookie: token=cb386eb5f8219329db63356fb262ddff\r\n".encode()
        + b"Host: " + host + b"\r\nUser-Agent: iClock Proxy/1.09\r\nConnection: starting\r\n"
        b"Accept: application/push\r\nContent-Type: application/push;charset=UTF-8\r\n"
    )  # fmt: skip
    return head + f"Content-Length: {len(body)}\r\n\r\n".encode() + body
