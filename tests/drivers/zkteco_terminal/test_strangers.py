"""Who else calls the port: other addresses, other serial numbers, and bytes that are no request."""

import os
import random
import socket
import threading

import pytest

from devicemgr.domain.device_events import DeviceDecided, PushRefused
from devicemgr.errors import DeviceBusy, InvalidInput
from drivers.sim.zkteco.terminal import SimulatedZkteco
from drivers.zkteco_terminal.listener import MAX_BODY_BYTES
from tests.drivers.zkteco_terminal.conftest import request, send
from tests.drivers.zkteco_terminal.test_messages import RTLOG


def refusals(device):
    return [fact.detail["calls"] for fact in device.poll() if isinstance(fact, PushRefused)]


def test_another_serial_number_is_refused_and_recorded_at_a_bounded_rate(opened):
    device, _ = opened()
    for _ in range(50):
        answer = send(device._listener.port, request("POST", "/iclock/cdata?SN=OTHER&table=rtlog", RTLOG))
        assert answer.startswith(b"HTTP/1.0 403")
    registry = send(device._listener.port, request("POST", "/iclock/registry?SN=OTHER", b"DeviceType=acc"))
    assert registry.startswith(b"HTTP/1.0 406")  # 4.4: so a terminal knows that it is refused
    found = [facts for facts in (device.poll() for _ in range(20)) for facts in facts]
    assert [fact for fact in found if isinstance(fact, DeviceDecided)] == []
    assert len([fact for fact in found if isinstance(fact, PushRefused)]) == 1


def test_another_address_is_hung_up_on_and_recorded(opened):
    device, _ = opened()
    stranger = SimulatedZkteco("3383154200002", ("127.0.0.1", device._listener.port), source="127.0.0.9")
    with pytest.raises((OSError, Exception)):
        stranger.call("POST", "cdata", RTLOG, table="rtlog")
    assert refusals(device) == [{"wrong address": 1}]


def test_another_path_is_refused(opened):
    device, _ = opened()
    assert send(device._listener.port, request("GET", "/admin")).startswith(b"HTTP/1.0 404")
    assert refusals(device) == [{"wrong path": 1}]


def test_a_body_that_is_too_large_is_refused_unread(opened):
    device, _ = opened()
    head = request("POST", "/iclock/cdata?SN=3383154200002&table=rtlog").replace(
        b"Content-Length: 0", f"Content-Length: {MAX_BODY_BYTES + 1}".encode()
    )
    assert send(device._listener.port, head).startswith(b"HTTP/1.0 413")


def test_a_result_of_no_command_of_ours_means_nothing(opened):
    device, _ = opened()
    body = b"ID=1&Return=0&CMD=DATA\nID=x&Return=y\n\xff\xfe&&&=\nID=99999999999999999999&Return=0"
    assert send(device._listener.port, request("POST", "/iclock/devicecmd?SN=3383154200002", body)).endswith(b"OK")


def test_records_that_cannot_be_read_are_said(opened):
    device, _ = opened()
    body = b"time=yesterday\tpin=7\tevent=0\tindex=3"
    send(device._listener.port, request("POST", "/iclock/cdata?SN=3383154200002&table=rtlog", body))
    details = [getattr(fact, "detail", "") for fact in device.poll()]
    assert "1 records of it can't be read; look into its own memory" in details


def test_a_full_backlog_makes_the_terminal_keep_its_events(opened, monkeypatch):
    monkeypatch.setattr("drivers.common.zkteco.backlog.MAX_HELD", 0)
    device, _ = opened()
    answer = send(device._listener.port, request("POST", "/iclock/cdata?SN=3383154200002&table=rtlog", RTLOG))
    assert answer.startswith(b"HTTP/1.0 503")


def test_noise_harms_nothing(opened, collect):
    device, sim = opened()
    chance = random.Random(20261130)
    for _ in range(150):
        body = bytes(chance.randrange(256) for _ in range(chance.randrange(200)))
        table = chance.choice(["rtlog", "rtstate", "options", "ATTLOG", "OPERLOG", "tabledata", "nosuch"])
        target = f"/iclock/cdata?SN=3383154200002&table={table}&tablename=user"
        send(device._listener.port, request("POST", target, body))
        device.poll()
    device._uploads.kind = "access"
    sim.happens(23, pin="7")
    (fact,) = [fact for fact in collect(device, 1, DeviceDecided) if fact.badge == "7"]
    assert not fact.granted


def test_a_taken_port_is_busy_and_two_openings_share_theirs(build):
    with socket.create_server(("0.0.0.0", 0)) as taken:
        device = build(push_port=taken.getsockname()[1])
        with pytest.raises(DeviceBusy, match="another push_port"):
            device.open()


def test_a_device_that_was_edited_takes_its_port_over(build):
    first = build()
    first._listener.start()
    port = first._listener.port
    first._listener._wanted_port = port
    first._listener.rest()
    second = build(push_port=port)
    second._listener.start()
    assert second._listener.port == port


@pytest.mark.parametrize("address", ["ftp://192.0.2.1", "http://", "http://a b", "http://[::1"])
def test_an_address_that_is_none_says_so(build, address):
    with pytest.raises(InvalidInput, match="write it like"):
        build(address)


@pytest.mark.parametrize("serial", ["", "a", "x" * 41, "12 34", "12;34"])
def test_a_serial_number_that_is_none_says_so(build, serial):
    with pytest.raises(InvalidInput, match="serial"):
        build(serial=serial)


def test_no_thread_is_left(opened):
    device, sim = opened()
    sim.__exit__()
    device.close()
    device._listener.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "zkteco-push"]
    assert os.getpid()
