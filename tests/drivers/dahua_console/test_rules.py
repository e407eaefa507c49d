"""The rules of all drivers at this kind: busy is not no, refusals in words, unknown codes, own actions, lost doors."""

import json
import time

import pytest

from devicemgr.domain.device_events import DeviceDecided, DeviceReported
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Direction, PortalMode
from devicemgr.domain.ports.device import Delivery
from devicemgr.errors import DeviceError, NotYet, OutcomeUnknown
from drivers.dahua_console.events.error_codes import why_refused
from drivers.dahua_console.events.methods import METHODS
from drivers.dahua_console.events.translate import happened
from drivers.dahua_console.refusals import Cause, cause_of, read_codes
from tests.drivers.dahua_console.peers.base import FieldTerminal, coded
from tests.drivers.dahua_console.peers.memory import Memory
from tests.drivers.dahua_console.peers.people import NewerTerminal
from tests.drivers.dahua_console.test_console import jpeg, person

BUSY = {
    "503": (503, ""),
    "429": (429, "Too Many Requests"),
    "in progress": coded(268632323),
    "too many requests": coded(268632328),
    "warming up": coded(268632577),
    "inserted too fast": coded(268632336, 286064913),
    "too many connections": (401, ""),
}


class Busy(NewerTerminal):
    """Answers "not now" the next `times` times to requests that bear a password, then as usual."""

    def __init__(self, answer, times=0):
        super().__init__()
        self.answer, self.times, self.sent = answer, times, 0

    def crowd(self, handler):
        if self.times and "Authorization" in handler.headers:
            self.times, self.sent = self.times - 1, self.sent + 1
            return self.answer
        return None


@pytest.fixture(params=BUSY.values(), ids=BUSY)
def busy(request, build):
    with Busy(request.param) as terminal:
        device = build(terminal.address, stream=False)
        device.open()
        yield terminal, device


def test_what_is_busy_is_sent_again_and_done(busy):
    terminal, device = busy
    for do in (
        lambda: device.put([person("1", cards=["1001"], face="x")], {"1": jpeg()}) == {},
        lambda: device.check()["model"] == terminal.model,
        lambda: device.set_mode(1, PortalMode.FREE) is Delivery.CONFIRMED,
        lambda: device.set_mode(1, PortalMode.NORMAL) is Delivery.CONFIRMED,
        lambda: device.release(1, Direction.ENTRY, 3) is Delivery.CONFIRMED,
        lambda: device.remove(["1"]) is None,
    ):
        terminal.times = 1
        assert do()
        assert terminal.times == 0
    assert terminal.sent == 6
    assert (terminal.users, terminal.cards, terminal.faces) == ({}, {}, {})
    assert len([row for row in terminal.requests if "openDoor" in row[2] and row[3] == 200]) == 1


def test_a_release_at_a_terminal_that_stays_busy_proves_that_nothing_was_done(busy):
    terminal, device = busy
    terminal.times = -1
    with pytest.raises(NotYet):
        device.release(1, Direction.ENTRY, 3)
    assert not [row for row in terminal.requests if "openDoor" in row[2] and row[3] == 200]


@pytest.mark.parametrize("answer", [(503, ""), coded(268632323)])
def test_a_busy_terminal_keeps_its_session_and_is_a_complaint(build, answer):
    with Busy(answer) as terminal:
        device = build(terminal.address, stream=False)
        device.open()
        device.poll()
        device._clock_read = 0.0
        terminal.times = -1
        assert device.poll() == []
        assert "busy" in device.complaint
        terminal.times = 0
        device._clock_read = 0.0
        device.poll()
        assert device.complaint is None


def test_silence_is_no_answer_and_no_refusal(build):
    with FieldTerminal() as terminal:
        terminal.admit = lambda handler: False
        with pytest.raises(DeviceError) as caught:
            build(terminal.address).open()
        assert not any(word in str(caught.value) for word in ("password", "refuse", "firmware"))


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        (
            b'{"code":268632336,"detail":{"FailCodes":[286064926],"FailCount":1},"message":"Batch Process Error"}',
            (286064926,),
        ),
        (b'{"code":286064929,"message":""}', (286064929,)),
        (b'{"code":268632336,"message":"Batch Process Error"}', (268632336,)),
        (b'{"error":{"code":268632336,"detail":{"FailCodes":[288686087,0]}},"result":false}', (288686087,)),
        (b'{"code":"286064930"}', (286064930,)),
        (b"Error\r\nBad Request!\r\n", ()),
        (b'{"code":', ()),
        (b'{"code":-1,"detail":{"FailCodes":"x"}}', ()),
        (b"[1]", ()),
    ],
)
def test_codes_of_refusals(body, codes):
    """Bodies of a public client's tests of SS 55xx terminals (intelbras-error-codes.util), and harmless variants."""
    assert read_codes(body) == codes


def test_what_follows_from_codes():
    assert cause_of(286064926) is Cause.EXISTS
    assert cause_of(286064930) is Cause.CARD_TAKEN
    assert cause_of(268632328) is Cause.BUSY
    assert cause_of(1) is Cause.OTHER


# nErrorCode in the vendor's network SDK (DEV_EVENT_ACCESS_CTL_INFO); Intelbras' document has the same.
VENDOR_ERRORS = """
10 11 12 13 14 15 16 17 18 19 1a 20 21 30 40 41 42 43 44 45 50 51 60 61 62 63 64 65 66 67 68 69 6a 6b 70
"""


def test_every_documented_cause_of_a_refusal_has_a_meaning():
    for code in (int(text, 16) for text in VENDOR_ERRORS.split()):
        assert "not known" not in why_refused(code, is_known=True), hex(code)
    assert why_refused(0x10, is_known=False) == "unknown_credential"
    assert why_refused(0x10, is_known=True) == "no_access_level"
    assert why_refused(0x40, is_known=True) == "wrong_pin"
    assert why_refused(0x23, is_known=True) == "the terminal's error 0x23, which is not known here"


def test_every_documented_method_is_recorded():
    """Intelbras, "Open Door Method": 0 to 47, of which 10 and 16 are reserved."""
    assert set(METHODS) == set(range(48)) - {10, 16}
    for method in range(60):
        for status in (0, 1):
            fact = happened({"Method": method, "Status": status, "UserID": "42", "CreateTime": 1_764_020_100}, 1)
            assert isinstance(fact, DeviceReported if status and method in (4, 5) else DeviceDecided)


def record(**fields):
    lines = ["found=1", *(f"records[0].{name}={value}" for name, value in fields.items())]
    return "\r\n".join(lines)


@pytest.fixture
def remembering(build):
    """remembering(**fields) is a terminal with one record, and an open console at it."""
    terminals = []

    def make(**fields):
        terminal = Memory()
        terminals.append(terminal)
        terminal.__enter__()
        terminal.row = {"RecNo": 7, "CreateTime": int(time.time()), "Door": 0, "Status": 1, "ErrorCode": 0} | fields
        terminal.found = lambda query: record(**terminal.row)
        device = build(terminal.address, stream=False, timezone="UTC", remote_user="900")
        device.open()
        return terminal, device

    yield make
    for terminal in terminals:
        terminal.__exit__()


def test_our_own_release_is_recognized_in_the_memory(remembering):
    _, device = remembering(Method=4, UserID="900")
    assert device.release(1, Direction.ENTRY, 3) is Delivery.CONFIRMED
    assert [(fact.kind, fact.serial) for fact in device.poll()] == [(Kind.DEVICE_CONFIRMED, 7)]


def test_our_own_release_whose_answer_was_lost_is_proven_by_the_memory(remembering):
    terminal, device = remembering(Method=4, UserID="900")
    terminal.accessControl = lambda query, body: (200, None)
    with pytest.raises(OutcomeUnknown):
        device.release(1, Direction.ENTRY, 3)
    assert [fact.kind for fact in device.poll()] == [Kind.DEVICE_CONFIRMED]


@pytest.mark.parametrize("fields", [{"UserID": "901"}, {"UserID": "900", "Door": 1}, {"UserID": "900", "old": 60}])
def test_a_strangers_remote_opening_is_none_of_ours(remembering, fields):
    old = fields.pop("old", 0)
    _, device = remembering(Method=4, CreateTime=int(time.time()) - old, **fields)
    device.release(1, Direction.ENTRY, 3)
    assert [fact.kind for fact in device.poll()] == [Kind.PORTAL_UNLOCKED]


def test_a_release_that_was_refused_explains_no_opening(remembering):
    terminal, device = remembering(Method=4, UserID="900")
    terminal.accessControl = lambda query, body: (400, "Error\r\nBad Request!\r\n")
    with pytest.raises(DeviceError):
        device.release(1, Direction.ENTRY, 3)
    assert [fact.kind for fact in device.poll()] == [Kind.PORTAL_UNLOCKED]


@pytest.mark.parametrize("fields", [{"Method": 13}, {"Method": 1, "CardType": 5, "CardNo": "000003E9"}])
def test_duress_in_the_memory_is_an_alarm(remembering, fields):
    """Method 13 is a duress PIN, CardType 5 a duress card (Intelbras)."""
    _, device = remembering(UserID="42", **fields)
    decided, alarm = device.poll()
    assert (type(decided), decided.granted) == (DeviceDecided, True)
    assert (alarm.kind, alarm.serial) == (Kind.DURESS_SIGNALLED, 7)


def test_a_door_that_is_configured_and_not_there_is_a_complaint(build):
    with NewerTerminal() as terminal:
        device = build(terminal.address, doors=2, stream=False)
        device.open()
        assert "doors=2" in device.complaint
        terminal.config["AccessControl[1].State"] = "Normal"
        device.open()
        assert device.complaint is None


def test_an_event_stream_that_never_comes_is_a_complaint(build, monkeypatch):
    monkeypatch.setattr("drivers.dahua_console.console._STREAM_NOTED_S", 0.0)
    with NewerTerminal() as terminal:
        terminal.stream = lambda handler: (400, "Error\r\nBad Request!\r\n")
        device = build(terminal.address)
        device.open()
        for _ in range(500):
            if device._stream.fault:
                break
            time.sleep(0.01)
        assert "alarms are not reported" in device.complaint


def test_unknown_events_of_people_are_recorded_and_others_are_not(sim, opened, collect):
    device = opened()
    device.poll()
    told = json.dumps({"UserID": "42", "Door": 0, "UTC": int(time.time())})
    for code, data in (("_VideoWeather_", "{}"), ("_DoorFace_", told), ("NewGesture", told)):
        device._stream._keep(f"Code={code};action=Pulse;index=0;data={data}".encode())
    (fact,) = collect(device, 1)
    assert isinstance(fact, DeviceReported)
    assert "NewGesture" in fact.why


def test_a_terminal_that_refuses_codes_that_it_does_not_know_gets_the_documented_ones(build):
    class Picky(NewerTerminal):
        def stream(self, handler):
            if "_DoorFace_" in handler.path:
                return 400, "Error\r\nBad Request!\r\n"
            return super().stream(handler)

    with Picky() as terminal:
        device = build(terminal.address)
        device.open()
        assert device._stream.attached.wait(20)
