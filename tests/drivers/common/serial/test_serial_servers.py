"""What serial servers and Modbus TCP devices say when they are not what the address takes them for."""

import contextlib
import os
import select
import socket
import struct
import threading

import pytest

from devicemgr.domain.model import Direction
from devicemgr.domain.ports.device import Delivery
from devicemgr.errors import DeviceRefused, DeviceUnreachable
from drivers.sim.gates.relay_boards import SimulatedRelayBoard

BUSY = b"Port already in use\r\n"
IAC = b"\xff\xfb\x01\xff\xfb\x03"


class Server:
    """Greets each connection, then serves it by `serve(connection)`; a context manager."""

    def __init__(self, greeting=b"", serve=lambda connection: None):
        self._greeting, self._serve = greeting, serve
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0
        self._stop = False
        self._threads = [threading.Thread(target=self._run)]

    def __enter__(self):
        self._threads[0].start()
        return self

    def __exit__(self, *_):
        self._stop = True
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _run(self):
        while not self._stop:
            if select.select([self._listener], [], [], 0.05)[0]:
                connection, _ = self._listener.accept()
                self.connections += 1
                thread = threading.Thread(target=self._one, args=(connection,))
                self._threads.append(thread)
                thread.start()

    def _one(self, connection):
        connection.settimeout(5)
        with connection, contextlib.suppress(OSError):
            connection.sendall(self._greeting)
            self._serve(connection)

    def through(self, path):
        """Serve the serial port at `path` without a word."""
        port = os.open(path, os.O_RDWR | os.O_NOCTTY)

        def serve(connection):
            number = self.connections
            while not self._stop and number == self.connections:
                ready, _, _ = select.select([connection, port], [], [], 0.05)
                if number != self.connections:
                    return  # the newest connection has the port
                if connection in ready:
                    data = connection.recv(512)
                    if not data:
                        return
                    os.write(port, data)
                if port in ready:
                    connection.sendall(os.read(port, 512))

        self._serve = serve


def modbus_tcp(connection):
    """A Modbus TCP device with one relay, off; it hangs up on what has no Modbus header."""
    while data := connection.recv(300):
        transaction, protocol, _, unit = struct.unpack(">HHHB", data[:7].ljust(7, b"\1"))
        if protocol:
            return
        pdu = data[7:]
        answer = {1: b"\x01\x01\x00", 5: pdu}.get(pdu[0], bytes([pdu[0] | 0x80, 2]))
        connection.sendall(struct.pack(">HHHB", transaction, 0, len(answer) + 1, unit) + answer)


def test_a_servers_words_are_shown_when_it_hangs_up(gate):
    with Server(BUSY) as server:
        device = gate("modbus_gate", server.address, profile="relay")
        with pytest.raises(DeviceUnreachable, match=r'\(it says "Port already in use"\); check the serial server'):
            device.open()
        assert server.connections


def test_a_server_that_speaks_telnet_is_named_by_the_test(gate):
    with SimulatedRelayBoard("modbus") as board, Server(IAC) as server:
        server.through(board.path)
        device = gate("modbus_gate", server.address, profile="relay")
        device.open()
        device.poll()
        assert device.release(1, Direction.ENTRY, 0.1) is Delivery.CONFIRMED
        assert "it speaks telnet: set its port to raw" in device.check()["warning"]
        device.close()


def test_a_server_that_speaks_telnet_and_passes_nothing_on(gate):
    with Server(IAC, lambda connection: connection.recv(1) and connection.recv(1)) as server:
        device = gate("modbus_gate", server.address, profile="lot")
        with pytest.raises(DeviceUnreachable, match="it speaks telnet"):
            device.open()


@pytest.mark.parametrize("profile", ["relay", "lot"])
def test_a_modbus_tcp_device_on_another_port_names_the_option(gate, profile):
    with Server(serve=modbus_tcp) as server:
        device = gate("modbus_gate", server.address, profile=profile)
        with pytest.raises(DeviceRefused, match=r"answers in Modbus TCP, not in RTU frames: set the option framer=tcp"):
            device.open()
        device = gate("modbus_gate", server.address, profile="relay", framer="tcp")
        device.open()
        device.close()


def test_a_modbus_tcp_device_that_takes_one_connection_names_the_option_too(gate):
    """Many a small device hangs up on a second connection, and keeps silent about what is no Modbus TCP."""
    busy = threading.Lock()

    def serve(connection):
        if not busy.acquire(blocking=False):
            return
        try:
            while data := connection.recv(300):
                if data[2:4] == b"\0\0" and len(data) > 7:
                    answer = bytes([data[7] | 0x80, 2])
                    connection.sendall(data[:4] + b"\0\3" + data[6:7] + answer)
        finally:
            busy.release()

    with Server(serve=serve) as server:
        device = gate("modbus_gate", server.address, profile="relay", timeout=0.1)
        with pytest.raises(DeviceRefused, match="set the option framer=tcp"):
            device.open()


def test_a_serial_server_taken_for_modbus_tcp_names_the_option(gate):
    with SimulatedRelayBoard("modbus") as board, Server() as server:
        server.through(board.path)
        device = gate("modbus_gate", server.address, profile="relay", framer="tcp")
        with pytest.raises(DeviceRefused, match=r"set the option framer=rtu"):
            device.open()


def test_a_serial_server_without_a_board_is_no_modbus_tcp_device(gate):
    with Server(serve=lambda connection: [None for _ in iter(lambda: connection.recv(100), b"")]) as server:
        device = gate("modbus_gate", server.address, profile="relay", timeout=0.1)
        with pytest.raises(DeviceUnreachable, match="no answer from unit 1"):
            device.open()
