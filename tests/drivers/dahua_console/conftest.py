"""Terminals for the tests: simulated ones, and one that answers in literal bytes."""

import contextlib
import socket
import threading

import pytest

from devicemgr.domain.model import DeviceConfig
from drivers import Catalog
from drivers.sim.dahua.console import SimulatedDahua

CHALLENGE = (
    b"HTTP/1.1 401 Unauthorized\r\n"
    b'WWW-Authenticate: Digest realm="Login to 5a1d9c7f3b2e48609d1c7f3b2e486090", qop="auth", nonce="1862903457", '
    b'opaque="b2e486095a1d9c7f3b2e48609d1c7f3b"\r\n'
    b"Connection: close\r\nContent-Length: 0\r\n\r\n"
)


@pytest.fixture
def sim():
    with SimulatedDahua() as console:
        yield console


@pytest.fixture
def build():
    """build(address, **options) makes a console that is not open; closed at the end."""
    built = []

    def make(address, password="admin123", **options):
        config = DeviceConfig("1", "door-1", "dahua_console", address, "admin", password, options)
        device = Catalog().get("dahua_console").build(config)
        device.resume(None)
        built.append(device)
        return device

    yield make
    for device in built:
        device.close()


@pytest.fixture
def opened(build, sim):
    """An open console at the simulated terminal, its stream attached."""

    def make(resume=None, **options):
        device = build(sim.address, **options)
        device.resume(resume)
        device.open()
        sim.events.wait_for("attached")
        return device

    return make


def answer(body, status=b"200 OK", kind=b"text/plain"):
    """A whole answer in bytes."""
    head = b"HTTP/1.1 " + status + b"\r\nContent-Type: " + kind + b"\r\nConnection: close\r\n"
    return head + b"Content-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body


class Wire:
    """A terminal in literal bytes: who has no password is challenged, all others get the next answer of the script."""

    def __init__(self):
        self.script = []
        self.requests = []
        self._held = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._run, daemon=True).start()

    def close(self):
        for held in (self._listener, *self._held):
            with contextlib.suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)
            held.close()

    def _run(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._held.append(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with contextlib.suppress(OSError):
            data = b""
            while b"\r\n\r\n" not in data:
                data += _received(client)
            head, _, body = data.partition(b"\r\n\r\n")
            lengths = [int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            while len(body) < sum(lengths):
                body += _received(client)
            if b"\r\nAuthorization: Digest " not in head:
                client.sendall(CHALLENGE)
            else:
                self.requests.append((head.split(b"\r\n")[0].decode(), body.decode(), head.decode()))
                for block in self.script.pop(0) if self.script else []:
                    client.sendall(block)
            client.shutdown(socket.SHUT_WR)
            client.recv(1)
            client.close()


def _received(client):
    """Some bytes; an error where no more will come, so that no thread asks for ever."""
    if not (block := client.recv(65536)):
        raise ConnectionResetError
    return block


@pytest.fixture
def wire():
    """wire.script holds lists of blocks of bytes, one list an answer."""
    made = Wire()
    yield made
    made.close()
