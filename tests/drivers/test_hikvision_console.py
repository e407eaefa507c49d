"""The driver against the simulated terminal, over HTTP on loopback."""

import contextlib
import io
import socket
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from PIL import Image

from devicemgr.errors import DeviceError, DeviceRefused, DeviceUnreachable, InvalidInput, OutcomeUnknown
from devicemgr.events import DeviceDecided, DeviceReported, FireRelease, GateAlarm, Kind, Presented, RexPressed
from devicemgr.model import DeviceConfig, Direction
from devicemgr.ports import Gate, Holder, Holding, Replaying, Verifier
from drivers import Catalog
from drivers._hik_codes import SUB_STATUS
from drivers._push_server import PushServer
from drivers._sim.hikvision.refusals import REFUSALS
from drivers._sim.hikvision.server import PASSWORD, USERNAME, SimulatedHikvision

FAST = {"spacing": 0, "poll_seconds": 0.2}


@pytest.fixture
def sim():
    with SimulatedHikvision() as device:
        yield device


@pytest.fixture
def console(sim):
    """console(**options) builds and opens one; told=False leaves it closed."""
    built = []

    def make(opened=True, password=PASSWORD, address=None, **options):
        config = DeviceConfig(
            "1", "hall-face", "hikvision_console", address or sim.address, USERNAME, password, FAST | options
        )
        device = Catalog().get("hikvision_console").build(config)
        built.append(device)
        if opened:
            device.open()
        return device

    yield make
    for device in built:
        device.close()


@pytest.fixture(scope="module")
def face():
    held = io.BytesIO()
    Image.effect_noise((600, 800), 40).convert("RGB").save(held, "JPEG", quality=95)
    return held.getvalue()


def until(device, wanted, seconds=10.0):
    """Polls until `wanted` holds of what came; all that came."""
    facts, end = [], time.monotonic() + seconds
    while not wanted(facts):
        assert time.monotonic() < end, f"in vain: {facts[-5:]}"
        facts += device.poll()
        time.sleep(0.005)
    return facts


def heard(sim):
    """The stream is open: what happens from now on is live."""
    sim.events.wait_for("listener")


def test_what_it_can_do(console):
    device = console(opened=False)
    assert all(isinstance(device, port) for port in (Gate, Holder, Verifier, Replaying))


def test_people_cards_faces_and_their_end(sim, console, face):
    device = console()
    end = datetime(2027, 3, 1, 18, tzinfo=UTC)
    people = [
        Holding("42", "Әйгерім Қасымова", ("1200345", "77"), frozenset({1}), face="digest", valid_to=end),
        Holding("A-7", "李小龍"),
    ]
    assert device.put(people, {"42": face}) == {}
    held, after = device.held(None)
    assert after is None
    assert [(h.key, h.name, h.cards, h.face, h.valid_to) for h in held] == [
        ("42", "Әйгерім Қасымова", ("1200345", "77"), "", end), ("A-7", "李小龍", (), None, None),
    ]  # fmt: skip
    assert len(sim.terminal.faces["42"]) <= 200_000
    changed = Holding("42", "Әйгерім", ("77", "88"), frozenset({1}))
    assert device.put([changed], {}) == {}
    assert sim.terminal.cards == {"77": "42", "88": "42"}
    assert sim.terminal.faces == {}
    assert sim.events.wait_for("face_removed")["badge"] == "42"
    device.remove(["42", "nobody"])
    assert (list(sim.terminal.users), sim.terminal.cards) == (["A-7"], {})
    assert not sim.events.all("everybody_removed")


def test_older_firmware(sim, console, face):
    sim.terminal.faults.unsupported |= {"UserInfo/SetUp", "UserInfoDetail", "FDSetUp", "CardInfo/Record", "AcsCfg"}
    device = console()
    for _ in range(2):
        assert device.put([Holding("1", "A", ("5",), frozenset({1}), face="x")], {"1": face}) == {}
    assert [event["event"] for event in sim.events.all() if event["event"].startswith("user_")] == [
        "user_added", "user_changed",
    ]  # fmt: skip
    device.remove(["1"])
    assert (sim.terminal.users, sim.terminal.cards, sim.terminal.faces) == ({}, {}, {})
    assert device.check()["decides"] == "the console can't ask this box: it decides by itself"


def test_a_card_that_somebody_else_has_and_a_full_memory(console, sim):
    sim.terminal.capacity = 2
    device = console()
    assert device.capacity() == 2
    assert device.put([Holding("1", "A", ("5",)), Holding("2", "B")], {}) == {}
    assert "holds that card for somebody else" in str(device.put([Holding("2", "B", ("5",))], {})["2"])
    assert "is full" in str(device.put([Holding("3", "C")], {})["3"])


def put(device, face=b"", **more):
    """Badge 42 with a card and a face; what was refused, in words."""
    failed = device.put([Holding("42", "A", ("5",), frozenset({1}), face="x" if face else None, **more)], {"42": face})
    return {key: str(error) for key, error in failed.items()}


@pytest.mark.parametrize(
    ("page", "sub", "words"),
    [
        ("UserInfo/SetUp", "deviceUserAlreadyExist", None),
        ("UserInfo/SetUp", "employeeNoAlreadyExist", None),
        ("FDSetUp", "deviceUserAlreadyExistFace", None),
        ("FDSetUp", "alreadyExistThisFace", "this very face for another badge"),
        ("FDSetUp", "pictureFaceDetectZero", "clearer photo"),
        ("CardInfo/Record", "cardNoAlreadyExist", "that card for somebody else"),
        ("UserInfo/SetUp", "deviceUserFull", "is full"),
        ("UserInfo/SetUp", "badJsonFormat", "can't read the request"),
        ("UserInfo/SetUp", "badParameters", "refuses the content (badParameters)"),
        ("UserInfo/SetUp", "deviceError", "a fault of its own"),
        ("UserInfo/SetUp", "rebootRequired", "restarted first"),
        ("UserInfo/SetUp", "employeeNoNotExist", "does not hold that badge"),
        ("UserInfo/SetUp", "notSupport", None),
        ("CardInfo/Record", "invalidOperation", None),
        ("UserInfo/SetUp", "deviceBusy", None),
    ],
)
def test_each_no_of_a_console_is_met(sim, console, face, page, sub, words):
    device = console()
    put(device)  # is there already, so that "it exists" is true
    sim.terminal.faces["42"] = b"\xff\xd8 an old one"
    sim.terminal.cards.clear()
    sim.terminal.faults.refusals.append((page, sub))
    failed = put(device, face)
    said = [event for event in sim.events.all() if event["event"] in ("refused", "said_busy")]
    assert [(page in event["target"], event["sub"]) for event in said] == [(True, sub)]
    if words is None:
        assert failed == {}
        assert (sim.terminal.cards, sim.terminal.faces["42"][:3]) == ({"5": "42"}, b"\xff\xd8\xff")
    else:
        assert words in failed["42"]
        assert "\n" not in failed["42"]


def test_every_no_that_is_known_is_tried_here():
    tried = {mark.args[1][at][1] for mark in test_each_no_of_a_console_is_met.pytestmark for at in range(15)}
    assert set(REFUSALS) - tried == {"deployExceedMax", "badXmlContent"}
    assert set(SUB_STATUS) <= set(REFUSALS)


def test_a_third_listener_is_told_and_the_memory_is_enough(sim, console):
    sim.listen()
    sim.listen()
    device = console()
    sim.terminal.happen(0x17)
    until(device, lambda facts: facts)
    assert "not heard" in device.check()["stream"]


def test_one_face_for_two_people_fails_the_second_with_why(sim, console, face):
    device = console()
    two = [Holding(badge, badge, face="x") for badge in ("1", "2")]
    failed = device.put(two, {"1": face, "2": face})
    assert list(failed) == ["2"]
    assert "enrolled wrongly" in str(failed["2"])
    assert list(sim.terminal.faces) == ["1"]


def test_an_account_that_is_locked_is_left_alone_for_as_long_as_it_says(sim, console):
    sim.lock(1200)
    device = console(opened=False)
    for _ in range(5):
        with pytest.raises(DeviceRefused, match="locked this account for another 20 min"):
            device.open()
    # Nothing with a password was sent: that might have begun the half hour anew.
    assert sim.events.all("unauthorised") == []
    sim.lock(0)
    console()


def test_the_last_try_before_a_lock_out_is_left_to_a_person(sim, console):
    sim.wrong_tries(3)
    device = console(opened=False, password="wrong")
    for _ in range(3):
        with pytest.raises(DeviceRefused, match="refuses the user name or password"):
            device.open()
    assert len(sim.events.all("unauthorised")) == 1
    assert sim.events.all("locked_out") == []


def test_many_people_page_by_page(sim, console):
    for number in range(95):
        sim.terminal.users[str(number)] = {"employeeNo": str(number), "name": "x"}
    device, keys, after, pages = console(), [], None, 0
    while pages == 0 or after is not None:
        page, after = device.held(after)
        keys += [holding.key for holding in page]
        pages += 1
    assert keys == [str(number) for number in range(95)]
    assert pages == 4


def test_a_question_and_its_answer(sim, console):
    device = console()
    sim.terminal.users["42"], sim.terminal.faces["42"] = {"employeeNo": "42", "name": "A"}, b"\xff\xd8"
    heard(sim)
    sim.terminal.show_face("42")
    told = until(device, lambda facts: any(isinstance(fact, Presented) for fact in facts))
    asked = told.pop(0)
    assert (asked.badge, asked.names, asked.channel, asked.vendor) == ("42", (), 1, "hikvision")
    device.answer(asked.serial, True, "welcome")
    assert sim.events.wait_for("unlocked")["by"] == "answer"
    # Its own memory of the question is no second decision, and moves the cursor.
    sim.terminal.happen(0x4C)
    told += until(device, lambda facts: any(isinstance(fact, DeviceDecided) for fact in facts))
    assert [fact.serial for fact in told] == [asked.serial, asked.serial + 1]
    assert told[0].kind is Kind.DEVICE_CONFIRMED
    with pytest.raises(DeviceRefused):
        device.answer(asked.serial, True, "again")


def test_a_card_question_names_the_card_and_no_face(sim, console):
    device = console()
    sim.terminal.users["42"], sim.terminal.cards["1200345"] = {"employeeNo": "42", "name": "A"}, "42"
    heard(sim)
    sim.terminal.show_card("1200345")
    asked = until(device, lambda facts: facts)[0]
    assert (asked.badge, asked.names) == (None, ("1200345", "12:345"))


@pytest.mark.parametrize(("option", "opens"), [("closed", False), ("open", True)])
def test_when_nobody_answers(sim, console, option, opens):
    device = console(when_server_down=option, remote_check_seconds=1)
    sim.terminal.users["42"], sim.terminal.faces["42"] = {"employeeNo": "42", "name": "A"}, b"\xff\xd8"
    device.close()
    sim.terminal.show_face("42")
    assert sim.events.wait_for("not_answered")["opens"] is opens
    assert len(sim.events.all("unlocked")) == opens


def test_a_console_that_decides_by_itself(sim, console):
    device = console(decide="console")
    sim.terminal.users["42"], sim.terminal.faces["42"] = {"employeeNo": "42", "name": "A"}, b"\xff\xd8"
    heard(sim)
    sim.terminal.show_face("42")
    sim.terminal.show_face(None)
    facts = until(device, lambda facts: len(facts) == 2)
    assert all(isinstance(fact, DeviceDecided) and fact.live for fact in facts)
    assert [(fact.granted, fact.badge) for fact in facts] == [(True, "42"), (False, None)]
    assert sim.terminal.config["remoteCheckDoorEnabled"] is False


def test_what_was_missed_comes_once_in_order_with_its_own_time(sim, console):
    sim.terminal.skew = timedelta(seconds=92)
    yesterday = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
    for number in range(100):
        minor = (0x4B, 0x4C, 0x1B)[number % 3]
        sim.terminal.add_event(minor, yesterday + timedelta(seconds=number), employeeNoString=str(number))
    device = console(opened=False)
    device.resume(10)
    assert device.complaint is None
    device.open()
    assert "s ahead; give it a time server" in device.complaint
    facts = until(device, lambda facts: len(facts) == 90)
    assert [fact.serial for fact in facts] == list(range(11, 101))
    assert facts[0].at == yesterday + timedelta(seconds=10)
    assert abs(facts[0].evidence["clock_skew_s"] - 92) < 2
    forced = [fact for fact in facts if isinstance(fact, DeviceReported)]
    assert {fact.kind for fact in forced} == {Kind.PORTAL_FORCED}
    assert "92 s ahead" in forced[0].why or "91 s ahead" in forced[0].why
    assert not [fact for fact in facts if isinstance(fact, Presented | GateAlarm) or getattr(fact, "live", False)]
    sim.terminal.happen(0x4C)
    assert [fact.serial for fact in until(device, lambda facts: facts)] == [101]


def test_over_lost_lines_nothing_is_lost_or_doubled(sim, console):
    device, serials = console(), []
    for _ in range(5):
        for _ in range(20):
            sim.terminal.add_event(0x4C)
        sim.drop_connections()
        while len(serials) < len(sim.terminal.events):
            try:
                serials += [fact.serial for fact in device.poll()]
            except DeviceError:
                device.close()
                device.resume(0)
                device.open()
            time.sleep(0.005)
    assert serials == list(range(1, 101))
    assert len(sim.events.all("dropped")) == 5


def test_a_memory_that_was_emptied_is_read_from_its_beginning(sim, console):
    for _ in range(50):
        sim.terminal.add_event(0x4C)
    device = console()
    until(device, lambda facts: len(facts) == 50)
    heard(sim)
    sim.terminal.forget_events()
    sim.terminal.happen(0x4B, employeeNoString="42")
    (fact,) = until(device, lambda facts: facts)
    assert (fact.serial, fact.badge) == (1, "42")
    device.close()
    sim.terminal.add_event(0x4C)
    fresh = console(opened=False)
    fresh.resume(50)
    fresh.open()
    assert [fact.serial for fact in until(fresh, lambda facts: len(facts) == 2)] == [1, 2]


def test_without_a_memory_the_stream_is_recorded(sim, console):
    sim.terminal.faults.unsupported.add("AcsEvent")
    device = console()
    heard(sim)
    sim.terminal.happen(0x4B, employeeNoString="42")
    (fact,) = until(device, lambda facts: facts)
    assert (fact.serial, fact.live) == (1, True)


def test_without_a_stream_the_memory_is_enough(sim, console):
    sim.terminal.faults.unsupported.add("alertStream")
    device = console()
    sim.terminal.happen(0x4B, employeeNoString="42")
    assert until(device, lambda facts: facts)[0].serial == 1
    assert "HTTP 403" in device.check()["stream"]


def test_alarms_that_happen_now(sim, console):
    device = console()
    heard(sim)
    for minor in (0x1B, 0x1C, 0x17, 0x34, 0x35, 0x85, 0x15):
        sim.terminal.happen(minor)
    told = until(device, lambda facts: len(facts) == 12)
    facts = [fact for fact in told if not isinstance(fact, DeviceReported)]
    assert [fact.serial for fact in told if isinstance(fact, DeviceReported)] == [1, 2, 3, 4, 5, 6]
    assert [type(fact) for fact in facts] == [GateAlarm, GateAlarm, RexPressed, FireRelease, FireRelease, GateAlarm]
    assert [fact.kind for fact in facts if isinstance(fact, GateAlarm)] == [
        Kind.PORTAL_FORCED, Kind.PORTAL_HELD_OPEN, Kind.PASSAGE_TAILGATED,
    ]  # fmt: skip
    assert [fact.active for fact in facts if isinstance(fact, FireRelease)] == [True, False]


def test_a_fire_that_ended_while_the_line_was_lost(sim, console):
    device = console()
    heard(sim)
    sim.terminal.happen(0x34)
    until(device, lambda facts: FireRelease(True) in facts)
    device.close()
    sim.terminal.add_event(0x35)
    device.open()
    assert FireRelease(False) in until(device, lambda facts: facts)


def test_an_opened_case(sim, console, monkeypatch):
    monkeypatch.setattr("drivers.hikvision_console._LOOK_SECONDS", 0.0)
    sim.terminal.tampered = True
    device = console()
    assert until(device, lambda facts: facts)[0].kind is Kind.TAMPER
    assert [device.poll() for _ in range(3)] == [[], [], []]


def test_the_door(sim, console):
    device = console()
    device.release(1, Direction.ENTRY, 3.0)
    assert sim.events.wait_for("unlocked")["by"] == "command"
    with pytest.raises(DeviceRefused):
        device.release(7, Direction.ENTRY, 3.0)
    sim.terminal.faults.drop_answers = 5  # its reading threads ask at the same time
    with pytest.raises(OutcomeUnknown):
        device.release(1, Direction.ENTRY, 3.0)
    sim.terminal.faults.drop_answers = 0
    assert sim.events.all("answer_dropped")
    assert len(sim.events.all("unlocked")) == 2


def test_a_wrong_password_is_tried_twice(sim, console):
    device = console(opened=False, password="wrong")
    for _ in range(6):
        with pytest.raises(DeviceRefused, match="no more tries"):
            device.open()
    assert len(sim.events.all("unauthorised")) == 2
    assert not sim.events.all("locked_out")


def test_busy_is_asked_again_and_a_release_is_not(sim, console):
    device = console(poll_seconds=60)
    heard(sim)
    while not any(event["path"].endswith("AcsEvent") for event in sim.events.all("request")):
        time.sleep(0.01)
    sim.terminal.faults.busy = 1
    assert device.capacity() == 3000
    assert sim.events.wait_for("said_busy")
    sim.terminal.faults.busy = 1
    with pytest.raises(DeviceError):
        device.release(1, Direction.ENTRY, 1.0)
    assert not sim.events.all("unlocked")


def test_gone_and_back(sim, console):
    device = console()
    sim.stop()
    with pytest.raises(DeviceError):
        until(device, lambda facts: False)
    device.close()
    with pytest.raises(DeviceUnreachable):
        device.open()
    sim.start()
    device.open()
    sim.terminal.happen(0x4C)
    assert until(device, lambda facts: facts)


def test_pushes_are_a_hint_and_open_nothing(sim, console):
    sim.terminal.faults.unsupported.add("alertStream")
    device = console(push_port=0, poll_seconds=60)
    sim.events.wait_for("push_set")
    device.poll()
    event = sim.terminal.add_event(0x4C)
    body = b'{"AccessControllerEvent":{"majorEventType":5,"subEventType":75,"serialNo":99,"remoteCheck":true}}'
    for payload in (body, b"", b"\xff" * 100):
        with socket.create_connection(("127.0.0.1", device._push.port)) as pushed:
            pushed.sendall(b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(payload), payload))
            assert pushed.recv(100).startswith(b"HTTP/1.0 200")
    facts = until(device, lambda facts: facts)
    assert [(type(fact), fact.serial) for fact in facts] == [(DeviceDecided, event.serial)]


def test_pushes_that_never_end_take_a_few_places_and_no_more(sim, console):
    device = console(push_port=0)
    port = device._push.port
    lines = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(20)]
    for line in lines:
        with contextlib.suppress(OSError):
            line.sendall(b"POST /devicemgr HTTP/1.1\r\nX-Slow: ")
    refused = 0
    for line in lines:
        line.settimeout(0.3)
        try:
            refused += line.recv(1) == b""
        except TimeoutError:
            pass
        except OSError:
            refused += 1
    assert refused >= 16
    # The simulated terminal's own connections have threads of the same name.
    targets = [getattr(getattr(thread, "_target", None), "__self__", None) for thread in threading.enumerate()]
    for line in lines:
        line.close()
    assert 1 <= sum(isinstance(target, PushServer) for target in targets) <= 4


def test_closing_ends_every_thread(console, sim):
    before = threading.active_count()
    device = console(push_port=0)
    device.close()
    device.close()
    names = {thread.name for thread in threading.enumerate()}
    assert not [name for name in names if name.startswith("console-")]
    assert threading.active_count() <= before + 4  # the simulated console's own, which end with its connections


def test_nothing_told_holds_the_password(sim, console, caplog):
    device = console()
    told = repr(device.check()) + repr(device) + repr(vars(device)) + caplog.text
    assert PASSWORD not in told


@pytest.mark.parametrize(
    "options", [{"decide": "nobody"}, {"tls_fingerprint": "sha256:12"}, {"name_bytes": 1}, {"when_server_down": True}]
)
def test_options_that_can_not_be(console, options):
    with pytest.raises(InvalidInput):
        console(opened=False, **options)


def test_a_question_that_the_memory_told_first_is_still_one(sim, console):
    """The terminal writes it down, then asks; the memory is read in between."""
    tell = sim._on_event
    sim.terminal.listeners.clear()
    device = console(poll_seconds=0.2)
    heard(sim)
    event = sim.terminal.add_event(0x4B, employeeNoString="42", currentVerifyMode="face")
    read = len(sim.events.all("request"))
    while len(sim.events.all("request")) < read + 1:
        time.sleep(0.005)
    tell(event, {"currentEvent": True, "remoteCheck": True})
    facts = until(device, lambda facts: len(facts) == 2)
    assert [type(fact) for fact in facts] == [Presented, DeviceReported]
