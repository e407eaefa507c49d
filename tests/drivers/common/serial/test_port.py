"""Lines over real ptys and loopback sockets: what is sent, heard, refused and lost."""

import os
import pty
import socket
import subprocess
import sys
import termios
import threading
import tty

import pytest

from devicemgr.errors import DeviceBusy, DeviceUnreachable, InvalidInput
from drivers.common.serial.address import SerialAddress, TcpAddress, parse_address
from drivers.common.serial.line import WriteStalled
from drivers.common.serial.port import open_line


@pytest.fixture
def terminal():
    """A raw pty: the far end's descriptor and the port's path; the port stays plugged until `unplug` is called."""
    far, near = pty.openpty()
    tty.setraw(near)
    held = [far, near]

    class Terminal:
        path = os.ttyname(near)
        fd = far

        @staticmethod
        def unplug():
            while held:
                os.close(held.pop())

    yield Terminal
    Terminal.unplug()


@pytest.fixture
def server():
    """A listening loopback socket; .accept() gives the far end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("/dev/gate/a", SerialAddress("/dev/gate/a", 9600)),
        ("serial:/dev/ttyS0", SerialAddress("/dev/ttyS0", 9600)),
        ("serial:/dev/x?baudrate=115200&parity=e&stopbits=2", SerialAddress("/dev/x", 115200, "E", 2)),
        ("tcp://10.0.0.5:4001", TcpAddress("10.0.0.5", 4001)),
        ("tcp://[::1]:502", TcpAddress("::1", 502)),
    ],
)
def test_addresses(text, address):
    assert parse_address(text) == address


def test_the_drivers_baudrate_is_the_default_only():
    assert parse_address("/dev/x", 115200) == SerialAddress("/dev/x", 115200)
    assert parse_address("serial:/dev/x?baudrate=19200", 115200) == SerialAddress("/dev/x", 19200)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ttyUSB0",
        "COM3",
        "/dev/x\0y",
        "serial:/dev/x?baudrate=fast",
        "serial:/dev/x?baudrate=99999999999",
        "tcp://",
        "serial:/dev/x?baudrate",
        "serial:/dev/x?speed=9600",
        "serial:/dev/x?parity=Q",
        "serial:/dev/x?stopbits=3",
        "tcp://host",
        "tcp://host:notaport",
        "tcp://host:70000",
        "tcp://host:1/path",
        "http://host:80",
        "/dev/x?baudrate=²",
    ],
)
def test_bad_addresses_are_one_line_that_shows_how_to_write_it(text):
    with pytest.raises(InvalidInput) as caught:
        parse_address(text)
    assert "\n" not in str(caught.value)
    assert "\0" not in str(caught.value)


def test_bytes_pass_both_ways_and_silence_is_empty(terminal):
    line = open_line(parse_address(terminal.path))
    line.write(b"\x01\x02\xff\r\n")
    assert os.read(terminal.fd, 100) == b"\x01\x02\xff\r\n"
    os.write(terminal.fd, b"\x03\r\n\x11")
    assert line.read(100, 5) == b"\x03\r\n\x11"
    assert line.read(100, 0.01) == b""
    line.close()


def test_discard_forgets_what_has_come(terminal):
    line = open_line(parse_address(terminal.path))
    os.write(terminal.fd, b"old")
    line.discard()
    os.write(terminal.fd, b"new")
    assert line.read(100, 5) == b"new"
    line.close()


def test_the_line_is_not_hung_up_on_closing(terminal):
    fd = os.open(terminal.path, os.O_RDWR | os.O_NOCTTY)
    attributes = termios.tcgetattr(fd)
    attributes[2] |= termios.HUPCL
    termios.tcsetattr(fd, termios.TCSANOW, attributes)
    line = open_line(parse_address(terminal.path))
    assert not termios.tcgetattr(fd)[2] & termios.HUPCL
    line.close()
    os.close(fd)


def test_baudrate_parity_and_stop_bits_reach_the_port(terminal):
    # A pty's driver clears PARENB and fixes the size, so speed and stop bits are what can be seen here.
    line = open_line(parse_address(f"serial:{terminal.path}?baudrate=19200&stopbits=2"))
    fd = os.open(terminal.path, os.O_RDWR | os.O_NOCTTY)
    attributes = termios.tcgetattr(fd)
    assert attributes[4] == attributes[5] == termios.B19200
    assert attributes[2] & termios.CSTOPB
    os.close(fd)
    line.close()


def test_a_second_opening_is_refused_until_the_first_is_closed(terminal):
    line = open_line(parse_address(terminal.path))
    with pytest.raises(DeviceBusy, match="in use"):
        open_line(parse_address(terminal.path))
    line.close()
    open_line(parse_address(terminal.path)).close()


def test_a_missing_port(tmp_path):
    with pytest.raises(DeviceUnreachable, match=r"no serial port .*/gone; check the cable.*ls /dev/gate"):
        open_line(parse_address(f"{tmp_path}/gone"))


def test_a_port_without_permission_names_the_group(terminal):
    # Root may open everything, so the attempt is made by a process that is nobody.
    script = (
        "import os, sys\n"
        "from devicemgr.errors import DeviceRefused\n"
        "from drivers.common.serial.port import open_line, parse_address\n"
        "os.geteuid() or os.seteuid(65534)\n"
        "try: open_line(parse_address(sys.argv[1]))\n"
        "except DeviceRefused as error: print(error)\n"
    ).replace("open_line, parse_address", "open_line\nfrom drivers.common.serial.address import parse_address")
    os.chmod(terminal.path, 0)
    told = subprocess.run([sys.executable, "-c", script, terminal.path], capture_output=True, text=True, check=True)
    assert "dialout" in told.stdout
    assert terminal.path in told.stdout


@pytest.mark.parametrize("kind", ["file", "folder", "null"])
def test_what_is_no_serial_port(kind, tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    path = "/dev/null" if kind == "null" else str(tmp_path / kind)
    with pytest.raises(DeviceUnreachable, match="does not open as a serial port") as caught:
        open_line(parse_address(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("call", ["read", "write", "discard"])
def test_an_unplugged_port(terminal, call):
    line = open_line(parse_address(terminal.path))
    terminal.unplug()
    calls = {"read": lambda: line.read(10, 5), "write": lambda: line.write(b"x"), "discard": line.discard}
    with pytest.raises(DeviceUnreachable, match="lost serial port"):
        calls[call]()
    line.close()


def test_unplugged_while_waiting_for_bytes(terminal):
    line = open_line(parse_address(terminal.path))
    threading.Timer(0.05, terminal.unplug).start()
    with pytest.raises(DeviceUnreachable, match="lost serial port"):
        line.read(10, 20)
    line.close()


def test_a_port_that_takes_no_bytes(terminal, monkeypatch):
    monkeypatch.setattr("drivers.common.serial.port.WRITE_S", 0.05)
    line = open_line(parse_address(terminal.path))
    with pytest.raises(WriteStalled, match="takes no bytes"):
        line.write(bytes(1_000_000))
    line.close()


def test_a_hundred_openings_leave_no_descriptor(terminal):
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(100):
        open_line(parse_address(terminal.path)).close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_bytes_over_tcp(server):
    port = server.getsockname()[1]
    line = open_line(parse_address(f"tcp://127.0.0.1:{port}"))
    far, _ = server.accept()
    with far:
        line.write(b"ask")
        assert far.recv(10) == b"ask"
        assert line.read(10, 0.01) == b""
        far.sendall(b"old")
        assert line.read(1, 5) == b"o"
        line.discard()
        far.sendall(b"new")
        assert line.read(10, 5) == b"new"
    with pytest.raises(DeviceUnreachable, match="closed the connection"):
        line.read(10, 5)
    line.close()


def test_a_serial_server_that_takes_no_bytes(server, monkeypatch):
    monkeypatch.setattr("drivers.common.serial.port.WRITE_S", 0.05)
    line = open_line(parse_address(f"tcp://127.0.0.1:{server.getsockname()[1]}"))
    far, _ = server.accept()
    with far, pytest.raises(WriteStalled):
        line.write(bytes(50_000_000))
    line.close()


def test_no_serial_server(server):
    port = server.getsockname()[1]
    server.close()
    with pytest.raises(DeviceUnreachable, match=f"no connection to tcp://127.0.0.1:{port}"):
        open_line(parse_address(f"tcp://127.0.0.1:{port}"))
