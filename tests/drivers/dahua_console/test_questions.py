"""What a terminal's question proves, and of when it is: over sockets, from the simulated terminal and from others."""

import threading
import time
from datetime import timedelta

import pytest

from devicemgr.domain.device_events import Presented
from drivers.common.console.device_clock import ClockReading
from drivers.dahua_console.events.translate import presented
from drivers.dahua_console.parsing import StreamEvent
from drivers.sim.dahua.push import push, push_body
from tests.drivers.common.console.console_golden import dahua_factors

PROVE = dahua_factors()


@pytest.fixture
def online(sim, build):
    """A console whose terminal asks here, at a free port."""
    sim.people.insert_users([{"UserID": "42", "UserName": "A"}])

    def make(**options):
        device = build(sim.address, decide="host", push_port=49999, push_host="127.0.0.1", **options)
        device._online.listener._port = 0
        device._online.listener.seconds = 1.0
        device.open()
        sim.events.wait_for("attached")
        return device

    return make


def data(**more):
    at = int(time.time())
    return {
        "UserID": "42",
        "CardNo": "0050E420",
        "Method": 15,
        "Status": 1,
        "ErrorCode": 0,
        "Door": 0,
        "CreateTime": at,
        "UTC": at,
        "Similarity": 96,
        "Alive": 100,
    } | more


def send(device, *bodies):
    """Each pushed from an address of the terminal to the secret path; nobody answers them."""
    listener = device._online.listener
    threads = [
        threading.Thread(
            target=push,
            args=("127.0.0.1", listener.port, listener.path, body),
            kwargs={"deflated": False, "timeout": 10},
            daemon=True,
        )
        for body in bodies
    ]
    for thread in threads:
        thread.start()
        thread.join(10)


def body_of(fields):
    return push_body({"Channel": 0, "Events": [{"Code": "AccessControl", "Index": 0, "Data": fields}]}, [])


def test_only_the_method_says_what_a_question_proves():
    for method in range(-1, 60):
        asked = presented(StreamEvent("AccessControl", "Pulse", 0, data(Method=method)), 1, 1.0)
        assert {str(factor) for factor in asked.factors} == PROVE.get(method, frozenset()), method
        assert bool(asked.names) is ("card" in PROVE.get(method, ())), method
        assert asked.badge == (None if PROVE.get(method) == {"card"} else "42")
        assert asked.refused == ""


@pytest.mark.parametrize(
    "more",
    [
        {"Status": 0},
        {"Status": None},
        {"Status": "x"},
        {"Status": 2},
        {"ErrorCode": 0x10},
        {"ErrorCode": 0x12},
        {"ErrorCode": "odd"},
        {"Status": 0, "ErrorCode": 0x23},
    ],
    ids=str,
)
@pytest.mark.parametrize("method", sorted(PROVE))
def test_what_the_terminal_refused_itself_proves_nothing(more, method):
    asked = presented(StreamEvent("AccessControl", "Pulse", 0, data(Method=method, **more)), 1, 1.0)
    assert (asked.factors, asked.names) == (frozenset(), ())
    assert asked.refused


def test_a_question_without_its_own_time_or_before_the_clock_was_read_has_no_age():
    clock = ClockReading(time.time(), time.monotonic())
    timeless = data(CreateTime=0, UTC=None)
    asked = presented(StreamEvent("AccessControl", "Pulse", 0, timeless), 1, time.monotonic(), clock)
    assert (asked.at, asked.age) == (None, None)
    asked = presented(StreamEvent("AccessControl", "Pulse", 0, data()), 1, time.monotonic(), None)
    assert asked.age is None


@pytest.mark.parametrize("skew", [0, 92, -3600 * 3])
def test_a_question_of_now_is_of_now_by_the_terminals_own_clock(sim, online, collect, skew):
    sim.skew = timedelta(seconds=skew)
    device = online(timezone="UTC")
    threading.Thread(target=sim.someone, args=("42",), daemon=True).start()
    (asked,) = collect(device, 1, Presented)
    assert abs(asked.age) < 3


def test_a_push_that_is_sent_again_tells_its_own_time(sim, online, collect):
    device = online()
    yesterday = int(time.time()) - 86_400
    send(device, *[body_of(data(CreateTime=yesterday, UTC=yesterday))] * 20)
    asked = collect(device, 20, Presented)
    assert len(asked) == 20
    assert all(fact.age > 86_000 for fact in asked)
    assert len({(fact.at, fact.badge, fact.names, fact.method) for fact in asked}) == 1
    assert "after its own time and was refused" in device.complaint


def test_what_came_while_the_daemon_stood_still_counts_from_then(sim, online, collect):
    device = online()
    server = device._online.listener._server
    looks = server.service_actions
    server.service_actions = lambda: None  # the loop stands still, as it does while the process is stopped
    server._none_waited_at = time.monotonic() - 30
    send(device, body_of(data()))
    (asked,) = collect(device, 1, Presented)
    assert time.monotonic() - asked.captured > 29
    server.service_actions = looks
    server.service_actions()
    send(device, body_of(data()))
    (asked,) = collect(device, 1, Presented)
    assert time.monotonic() - asked.captured < 5


def test_a_weak_link_is_said(sim, online, build):
    device = online()
    assert device.complaint.startswith("weak link")
    assert device.check()["warning"].startswith("weak link")
    device.close()
    alone = build(sim.address)
    alone.open()
    assert alone.complaint is None
    assert "warning" not in alone.check()


def test_a_questions_time_as_text_is_of_the_terminals_zone(sim, online, collect):
    sim.zone_hours = 5
    device = online(timezone="Asia/Almaty")
    now = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() + 5 * 3600))
    send(device, body_of(data(CreateTime=now, UTC=None)))
    (asked,) = collect(device, 1, Presented)
    assert abs(asked.age) < 3
    assert abs(asked.at.timestamp() - time.time()) < 60
