"""Consoles known by how they ask for a login, and answers that are no console's."""

import os
import socket
import threading
from contextlib import contextmanager

import pytest

from drivers import Catalog
from drivers.common.http import probe
from drivers.sim.dahua.console import SimulatedDahua
from drivers.sim.hikvision.server import SimulatedHikvision

# A loopback address for this process alone.
HOST = f"127.38.{os.getpid() % 250}.4"


@contextmanager
def web(answer, host=HOST):
    """A host whose HTTP port gives `answer` (bytes, or parts for ever) to each connection; gives the requests."""
    requests = []
    with socket.create_server((host, 0)) as server:

        def run():
            while True:
                line, _ = server.accept()
                with line:
                    try:
                        got = line.recv(65_536)
                        if got == b"end":
                            return
                        if not got:  # only whether the port is open
                            continue
                        requests.append(got)
                        for part in answer:
                            line.sendall(part)
                    except OSError:
                        continue

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield server.getsockname()[1], requests
        with socket.create_connection(server.getsockname()) as ending:
            ending.sendall(b"end")
        thread.join(5)


def login(realm, body=b""):
    head = f'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest qop="auth", realm="{realm}", nonce="a"\r\n'
    return [f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body]


def ask(kind, port, monkeypatch, host=HOST, seconds=5.0):
    monkeypatch.setattr(probe, "PORTS", {"http": port})
    return Catalog().get(kind).discover(seconds, [host])


@pytest.mark.parametrize(
    ("realm", "body", "kind", "model"),
    [
        ("DS-K1T671", b"", "hikvision_console", "DS-K1T671"),
        ("iDS-9", b"", "hikvision_console", "iDS-9"),
        ("web", b"<userCheck xmlns='http://www.isapi.org/ver20/XMLSchema'/>", "hikvision_console", ""),
        ("Login to 0123", b"", "dahua_console", ""),
        ("router", b"", None, ""),
        ("DS-\x1b[2J", b"", None, ""),
    ],
)
def test_consoles_are_known_by_how_they_ask_for_a_login(realm, body, kind, model, monkeypatch):
    with web(login(realm, body)) as (port, requests):
        for asked in ("hikvision_console", "dahua_console"):
            answer = ask(asked, port, monkeypatch)
            assert [(one.kind, one.address, one.model) for one in answer] == (
                [(kind, f"http://{HOST}:{port}", model)] if kind == asked else []
            )
        assert [request.split(b" ")[1].split(b"?")[0] for request in requests] == [
            b"/ISAPI/System/deviceInfo",
            b"/cgi-bin/magicBox.cgi",
        ]
        assert not any(b"uthorization" in request for request in requests)


def test_the_simulated_consoles(monkeypatch):
    with SimulatedHikvision() as hik, SimulatedDahua() as dahua:
        for kind, console in (("hikvision_console", hik), ("dahua_console", dahua)):
            (one,) = ask(kind, int(console.address.rpartition(":")[2]), monkeypatch, "127.0.0.1")
            assert (one.kind, one.address) == (kind, console.address)


def test_an_answer_of_a_mebibyte_an_endless_one_and_a_closed_port_are_none(monkeypatch):
    head, block = login("DS-1")[0].replace(b"Content-Length: 0\r\n", b""), b"x" * 65_536
    for parts in (
        [head, *[block] * 16],
        [head.replace(b"\r\n\r\n", b"\r\nX: " + block * 16 + b"\r\n\r\n")],
        [b"SSH-2.0\r\n"],
    ):
        with web(parts) as (port, requests):
            assert ask("hikvision_console", port, monkeypatch) == []
            assert len(requests) == 1
    assert ask("hikvision_console", 1, monkeypatch, seconds=1.0) == []


def test_a_host_that_never_ends_its_answer_is_left(monkeypatch):
    monkeypatch.setattr(probe, "_HOST_S", 0.3)
    stop = threading.Event()

    def drip():
        yield b"HTTP/1.1 401 X\r\n"
        stop.wait(10)

    with web(drip()) as (port, requests):
        assert ask("hikvision_console", port, monkeypatch) == []
        stop.set()
        assert len(requests) == 1
