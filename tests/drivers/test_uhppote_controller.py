"""The UHPPOTE driver against a simulated controller and against literal bytes."""

import contextlib
import random
import socket
import struct
import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicemgr.errors import DeviceError, DeviceRefused, DeviceUnreachable, InvalidInput, OutcomeUnknown
from devicemgr.events import CardRead, DeviceDecided, DeviceReported, FireRelease, GateAlarm, Kind
from devicemgr.model import DeviceConfig, Direction, PortalMode
from devicemgr.ports import Gate, Holder, Holding, Replaying
from drivers import uhppote_controller as kind
from drivers._sim.uhppote import SimulatedUhppote, obey
from drivers._uhppote import Endpoint, Wire, parse_endpoint
from drivers._uhppote_cards import DELETED, Card, card_of, holding_of
from drivers._uhppote_events import REFUSALS

SERIAL = 423187757
LABEL = "2d553919"  # the serial number on the wire, lowest byte first
ENTRY = Direction.ENTRY


@pytest.fixture
def sim():
    with SimulatedUhppote(SERIAL) as found:
        yield found


@pytest.fixture
def controller(sim, gate):
    """controller(**options) is open, with short deadlines."""

    def make(**options):
        device = gate("uhppote_controller", sim.address, **{"controller": SERIAL, "timeout": 0.3} | options)
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


def asked(sim, function):
    return [event["bytes"].rstrip("0") for event in sim.events.all("request") if event["function"] == function]


def swipes(facts):
    return [fact for fact in facts if isinstance(fact, DeviceDecided)]


def test_what_it_is(controller):
    device = controller()
    assert isinstance(device, Gate)
    assert isinstance(device, Holder)
    assert isinstance(device, Replaying)
    assert not isinstance(controller(decide="host"), Holder)
    found = device.check()
    assert (found["serial"], found["firmware"], found["cards"]) == (str(SERIAL), "v8.92", 0)


def test_golden_requests(sim, controller):
    device = controller()
    device.release(3, ENTRY, 7.0)
    device.set_mode(2, PortalMode.LOCKED)
    start, end = datetime(2026, 3, 1, 12).astimezone(), datetime(2031, 12, 31, 12).astimezone()
    assert device.put([Holding("8058400", doors=frozenset({1, 4}), valid_from=start, valid_to=end)], {}) == {}
    device.held(None)
    device.remove(["8058400"])
    assert asked(sim, 0x94)[0] == f"17940000{LABEL}"
    assert asked(sim, 0x20)[0] == f"17200000{LABEL}"
    assert asked(sim, 0x8E) == [f"178e0000{LABEL}01"]
    assert asked(sim, 0x82)[:2] == [f"17820000{LABEL}03", f"17820000{LABEL}03"]
    assert asked(sim, 0x80) == [f"17800000{LABEL}030307", f"17800000{LABEL}020205"]
    assert asked(sim, 0x40) == [f"17400000{LABEL}03"]
    assert asked(sim, 0x50) == [f"17500000{LABEL}20f67a002026030120311231010" + "00001"]
    assert asked(sim, 0x5A)[0] == f"175a0000{LABEL}20f67a"
    assert asked(sim, 0x58)[0] == f"17580000{LABEL}"
    assert asked(sim, 0x5C)[0] == f"175c0000{LABEL}01"
    assert asked(sim, 0x52) == [f"17520000{LABEL}20f67a"]
    assert all(len(event["bytes"]) == 128 for event in sim.events.all("request"))


def status_hex(newest=0, event="00" * 16, inputs="00", when=None):
    when = when or datetime.now()
    return (
        f"17200000{LABEL}" + struct.pack("<I", newest).hex() + event + "00" * 8 + "00" + f"{when:%H%M%S}" + "00" * 8
        + "0000" + inputs + f"{when:%y%m%d}"
    )  # fmt: skip


IDENTITY = f"17940000{LABEL}c0a80164ffffff00c0a801010066193955 2d0892 20180816".replace(" ", "")
SWIPE = "01010202" + "20f67a00" + "20261124101530" + "01"


def test_golden_answers(gate):
    answers = {
        0x94: IDENTITY, 0x8E: f"178e0000{LABEL}01", 0x20: status_hex(7, SWIPE), 0x58: f"17580000{LABEL}05",
        0xB0: f"17b00000{LABEL}07000000{SWIPE}", 0x82: f"17820000{LABEL}020305", 0x40: f"17400000{LABEL}01",
        0x5C: f"175c0000{LABEL}20f67a00202603012031123101000100", 0x50: f"17500000{LABEL}01",
        0x5A: f"175a0000{LABEL}20f67a00200001012099123100010000", 0x52: f"17520000{LABEL}01",
    }  # fmt: skip
    with Script(answers) as peer:
        device = kind.build(
            DeviceConfig("1", "ctl", "uhppote_controller", peer.address, options={"controller": SERIAL})
        )
        device.resume(6)
        info = device.open()
        assert (info.serial, info.firmware, info.model) == (str(SERIAL), "v8.92", "4-door controller")
        (fact,) = device.poll()
        assert fact == DeviceDecided(
            2, True, 7, datetime(2026, 11, 24, 10, 15, 30).astimezone(), Direction.EXIT, ("8058400", "80:58400")
        )  # fmt: skip
        device.release(2, ENTRY, 5.0)
        pages = []
        peer.answers[0x5C] = lambda: (
            pages.append(1),
            bytes.fromhex(f"175c0000{LABEL}" + ("20f67a00202603012031123101000100" if len(pages) == 1 else "")).ljust(
                64, b"\0"
            ),
        )[1]
        (held,), after = device.held(None)
        assert (held.key, held.doors, after) == ("8058400", {1, 3}, None)
        assert held.valid_from == datetime(2026, 3, 1).astimezone()
        assert held.valid_to == datetime(2032, 1, 1).astimezone()
        assert device.put([Holding("8058400", doors=frozenset({2}))], {}) == {}
        with pytest.raises(DeviceRefused, match="still holds"):
            device.remove(["8058400"])
        peer.answers[0x40] = f"17400000{LABEL}00"
        with pytest.raises(DeviceRefused, match="refused to open"):
            device.release(2, ENTRY, 5.0)


def test_the_door_is_timed_by_the_controller_and_told_only_what_differs(sim, controller):
    device = controller()
    device.release(1, ENTRY, 5.0)
    device.release(1, ENTRY, 4.2)
    assert sim.events.all("door") == []
    device.release(1, ENTRY, 8.5)
    device.release(1, ENTRY, 8.5)
    assert [event["seconds"] for event in sim.events.all("opened")] == [5, 5, 9, 9]
    assert len(sim.events.all("door")) == 1
    with pytest.raises(DeviceRefused, match="doors 1 to 4"):
        device.release(5, ENTRY, 5.0)


def test_a_lost_answer_to_open_door_is_unknown_and_never_repeated(sim, controller):
    device = controller()
    device.release(1, ENTRY, 5.0)
    sim.faults.drop_next = 1
    with pytest.raises(OutcomeUnknown, match="may or may not"):
        device.release(1, ENTRY, 5.0)
    assert [event["fault"] for event in sim.events.all("fault")] == ["no answer"]
    assert len(sim.events.all("opened")) == 2
    assert len(asked(sim, 0x40)) == 2


def test_a_late_answer_confirms_no_later_command(sim, controller):
    device = controller()
    device.release(1, ENTRY, 5.0)
    sim.faults.late = 0.5
    with pytest.raises(OutcomeUnknown):
        device.release(1, ENTRY, 5.0)
    sim.faults.late, sim.faults.deaf = 0.0, True
    sim.events.wait_for("fault")
    with pytest.raises(OutcomeUnknown):
        device.release(1, ENTRY, 5.0)


@pytest.mark.parametrize("fault", ["silent", "garbage", "wrong_serial"])
def test_an_answer_that_is_none(sim, controller, fault):
    device = controller()
    setattr(sim.faults, fault, True)
    with pytest.raises(DeviceUnreachable, match="does not answer"):
        device.poll()
    assert sim.events.all("fault")
    setattr(sim.faults, fault, False)
    device.open()
    assert device.poll() == []


def test_one_lost_answer_to_a_question_is_asked_again(sim, controller):
    device = controller()
    sim.faults.drop_next = 1
    assert device.poll() == []
    assert sim.events.all("fault")


def test_an_answer_from_elsewhere_is_not_heard():
    with Script({0x94: IDENTITY}, spoof=True) as peer:
        wire = Wire(parse_endpoint(peer.address), SERIAL, 0.2)
        with pytest.raises(DeviceUnreachable):
            wire.ask(bytes.fromhex(f"17940000{LABEL}").ljust(64, b"\0"), bytes, bool)
        assert len(peer.asked) == 2, "it was asked, and answered from another port"
        assert wire.dropped == 0


def test_a_controller_of_another_number_is_not_taken(sim, gate):
    device = gate("uhppote_controller", sim.address, controller=SERIAL + 1, timeout=0.1)
    with pytest.raises(DeviceUnreachable, match=str(SERIAL + 1)):
        device.open()


def test_events_come_once_in_order_with_their_own_times_also_after_an_outage(sim, controller, gate):
    device = controller()
    device.put([Holding("77", doors=frozenset({1}))], {})
    sim.clock_skew = timedelta(seconds=-3)
    for card, door in ((77, 1), (77, 2), (99, 1)):
        sim.swipe(card, door, direction=2)
    sim.happens(2, 3, 20)
    facts = device.poll()
    assert [(f.granted, f.why, f.serial, f.direction) for f in swipes(facts)] == [
        (True, "", 1, Direction.EXIT), (False, "no_access_level", 2, Direction.EXIT),
        (False, "unknown_credential", 3, Direction.EXIT),
    ]  # fmt: skip
    (button,) = [fact for fact in facts if isinstance(fact, DeviceReported)]
    assert (button.channel, button.kind, button.serial) == (3, Kind.REX_PRESSED, 4)
    assert all(1.0 <= (datetime.now(UTC) - fact.at).total_seconds() <= 15 for fact in swipes(facts))
    assert device.poll() == []

    device.close()
    for _ in range(45):
        sim.swipe(77, 1)
    again = gate("uhppote_controller", sim.address, controller=SERIAL)
    again.resume(4)
    again.open()
    found = [fact.serial for _ in range(6) for fact in swipes(again.poll())]
    assert found == list(range(5, 50))
    assert again.poll_interval == 0.25


def test_one_poll_reads_a_few_events_and_the_next_comes_at_once(sim, controller):
    device = controller()
    for _ in range(30):
        sim.swipe(99, 1)
    assert len(device.poll()) == 20
    assert device.poll_interval < 0.1
    assert len(device.poll()) == 10


def test_what_was_written_over_or_began_anew_is_said(gate):
    with SimulatedUhppote(SERIAL, most_events=10) as sim:
        device = gate("uhppote_controller", sim.address, controller=SERIAL)
        sim.swipe(99, 1)
        device.open()
        for _ in range(25):
            sim.swipe(99, 1)
        lost, *rest = device.poll()
        assert (lost.kind, lost.detail) == (Kind.DEVICE_DEGRADED, "events 2 to 16 are lost: written over")
        assert [fact.serial for fact in rest] == list(range(17, 27))
        sim.memory.events.clear()
        sim.memory.first = 1
        sim.swipe(99, 1)
        anew, swipe = device.poll()
        assert "began anew" in anew.detail
        assert swipe.serial == 1


def test_a_remote_opening_of_ours_is_no_event_and_anothers_is(sim, controller):
    device = controller()
    device.release(1, ENTRY, 5.0)
    assert device.poll() == []
    sim.happens(2, 1, 44)
    (fact,) = device.poll()
    assert (fact.kind, fact.why) == (Kind.PORTAL_UNLOCKED, "opened by another program")


@pytest.mark.parametrize(
    ("command", "told"),
    [("door 2 force", Kind.PORTAL_FORCED), ("door 2 hold", Kind.PORTAL_HELD_OPEN), ("button 2", Kind.REX_PRESSED)],
)
def test_alarms_and_buttons(sim, controller, command, told):
    device = controller()
    obey(sim, command)
    (fact,) = device.poll()
    assert (fact.kind, fact.channel) == (told, 2)
    obey(sim, "door 2 open")
    assert device.poll() == []


def test_fire_is_seen_and_its_end(sim, controller):
    device = controller()
    assert device.poll() == []
    obey(sim, "fire on")
    assert device.poll() == [FireRelease(True)]
    device.close()
    obey(sim, "fire off")
    device.open()
    assert device.poll() == [FireRelease(False)]


def test_a_wrong_clock_is_set_and_told(sim, controller):
    sim.clock_skew = timedelta(minutes=-10)
    device = controller()
    (told,) = [fact for fact in device.poll() if isinstance(fact, GateAlarm)]
    assert told.kind is Kind.DEVICE_DEGRADED
    assert "behind and was set" in told.detail
    assert len(sim.events.all("time")) == 1
    assert abs(sim.clock_skew) < timedelta(seconds=3)
    assert device.poll() == []


def test_cards_page_by_page_past_deleted_ones(sim, controller):
    device = controller()
    for start in range(1, 26, 5):
        device.put([Holding(str(number), doors=frozenset({1, 2})) for number in range(start, start + 5)], {})
    device.remove(["3", "11", "4711", "no number"])
    found, after, pages = [], None, 0
    while pages == 0 or after is not None:
        page, after = device.held(after)
        found += page
        pages += 1
    assert pages == 3
    assert [held.key for held in found] == [str(n) for n in range(1, 26) if n not in (3, 11)]
    assert found[0] == Holding("1", doors=frozenset({1, 2}))
    assert device.check()["cards"] == 23


def test_cards_that_can_not_be_kept_are_refused_alone(sim, controller):
    device = controller()
    holdings = [Holding("raw:40:1"), Holding("5", doors=frozenset({7})), Holding(str(DELETED)), Holding("6")]
    refused = device.put(holdings, {})
    assert set(refused) == {str(DELETED), "5", "raw:40:1"}
    assert sim.card_numbers() == [6]


CARDS = st.builds(
    Card, st.integers(1, DELETED - 1), st.dates(date(2000, 1, 1), date(2050, 1, 1)),
    st.dates(date(2050, 1, 2), date(2099, 12, 31)), st.frozensets(st.sampled_from([1, 2, 3, 4])),
)  # fmt: skip


@given(CARDS)
def test_a_card_is_told_as_it_is_kept(card):
    for zone in (None, UTC):
        assert card_of(holding_of(card, zone), zone) == card


def test_whole_days_of_validity(sim):
    end = datetime(2030, 5, 4, 15, 30, tzinfo=UTC)
    assert card_of(Holding("5", valid_to=end), UTC).last == date(2030, 5, 4)
    midnight = datetime(2030, 5, 4, tzinfo=UTC)
    assert card_of(Holding("5", valid_from=midnight, valid_to=midnight), UTC) == Card(
        5, date(2030, 5, 4), date(2030, 5, 3), frozenset()
    )


def test_a_host_decides_cards_of_now_and_no_older_ones(sim, controller):
    device = controller(decide="host")
    sim.swipe(8058400, 2)
    assert device.poll() == [CardRead(2, ("8058400", "80:58400"))]
    device.release(2, ENTRY, 5.0)
    assert device.poll() == []
    sim.clock_skew = timedelta(seconds=-4)
    sim.swipe(8058400, 2)
    sim.clock_skew = timedelta()
    assert device.poll() == [], "four seconds ago is not now"
    device.close()
    sim.swipe(8058400, 2)
    device.open()
    assert device.poll() == [], "nobody listened"
    sim.swipe(8058400, 2)
    assert len(device.poll()) == 1


def test_a_host_says_that_the_controller_opens_unasked(sim, controller):
    controller().put([Holding("77", doors=frozenset({1}))], {})
    device = controller(decide="host")
    (alarm,) = device.poll()
    assert "holds 1 cards" in alarm.detail
    sim.swipe(77, 1)
    (fact,) = device.poll()
    assert isinstance(fact, DeviceDecided)
    assert fact.granted


def test_discovery(sim, monkeypatch):
    host, port = sim.address.removeprefix("udp://").split(":")
    monkeypatch.setattr(kind, "BROADCAST", (host, int(port)))
    with SimulatedUhppote(303986753) as second:
        found = kind.discover(0.5, [second.address, "not an address!", sim.address])
    assert sorted((f.serial, f.address) for f in found) == [("303986753", second.address), (str(SERIAL), sim.address)]
    assert all(f"--option controller={f.serial}" in f.note for f in found)
    monkeypatch.setattr(kind, "BROADCAST", (host, 9))
    assert kind.discover(0.1, []) == []


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("udp://192.0.2.1", Endpoint("192.0.2.1")),
        ("192.0.2.1:60001", Endpoint("192.0.2.1", 60001)),
        ("ctl", Endpoint("ctl")),
    ],
)
def test_addresses(text, endpoint):
    assert parse_endpoint(text) == endpoint


@pytest.mark.parametrize("text", ["", "tcp://x", "udp://", "udp://x:0", "udp://x:99999", "udp://x/y", "u@x", "x y"])
def test_addresses_that_are_none(text):
    with pytest.raises(InvalidInput, match="udp://"):
        parse_endpoint(text)


@pytest.mark.parametrize("option", [{}, {"controller": 0}, {"controller": SERIAL, "timezone": "Mars/Base"}])
def test_options_that_can_not_be(option):
    with pytest.raises(InvalidInput):
        kind.build(DeviceConfig("1", "ctl", "uhppote_controller", "udp://127.0.0.1", options=option))


class Noise(Wire):
    """A controller that babbles: random answers, most with the right head, so that each decoder is reached."""

    def __init__(self, seed):
        super().__init__(Endpoint("127.0.0.1"), SERIAL, 0.05)
        self._noise, self._left = random.Random(seed), 0
        self.asked, self.taken = [], 0

    def _exchange(self, request, decode, fits):
        self._function, self._left = request[1], 4
        self.asked.append(request[1])
        try:
            answer = self._answer(self, request[1], decode, fits)
        except TimeoutError:
            return None
        self.taken += answer is not None
        return answer

    def settimeout(self, _):
        pass

    def recv(self, _):
        if self._left == 0:
            raise TimeoutError
        self._left -= 1
        head = bytes([0x17, self._function, 0, 0]) + bytes.fromhex(LABEL)
        body = bytes(self._noise.choice((0, 1, 2, 3, 255, self._noise.randrange(256))) for _ in range(56))
        return self._noise.choice((head + body, head + body, self._noise.randbytes(64), self._noise.randbytes(70)))


@pytest.mark.parametrize("decide", ["controller", "host"])
def test_noise_opens_nothing_and_breaks_nothing(gate, decide):
    device = gate("uhppote_controller", "udp://127.0.0.1:9", controller=SERIAL, decide=decide)
    wire = device._wire = Noise(20261124)
    put = Holding("5", doors=frozenset({1}))
    calls = [device.open, device.poll, device.check, lambda: device.set_mode(1, PortalMode.FREE)]
    if decide == "controller":
        calls += [lambda: device.held(None), lambda: device.put([put], {}), lambda: device.remove(["5"])]
    for number in range(1500):
        device._is_open, device._last = True, number
        with contextlib.suppress(DeviceError):
            facts = calls[number % len(calls)]()
            if isinstance(facts, list) and decide == "controller":
                assert not [fact for fact in facts if isinstance(fact, CardRead)]
    assert wire.taken > 1000, "hardly an answer was taken for one"
    assert wire.dropped > 1000
    assert 0x40 not in wire.asked, "a door was opened"


def test_the_codes_are_reasons_of_ours_or_words():
    assert all(REFUSALS.values())


@pytest.mark.parametrize("line", ["", "card x 1", "card 1 5", "fault silent maybe", "fault late soon", "door 1 ajar"])
def test_the_simulator_says_what_it_understands(sim, line):
    with pytest.raises(InvalidInput, match="commands are"):
        obey(sim, line)


def test_the_simulator_obeys(sim):
    for line in ("card 99 1", "fault late 0.5", "fault drop_next 2", "fault deaf on", "reboot", "state"):
        obey(sim, line)
    assert (sim.faults.late, sim.faults.drop_next, sim.faults.deaf) == (0.5, 2, True)
    assert sim.events.all("state")[0]["events"] == 2
