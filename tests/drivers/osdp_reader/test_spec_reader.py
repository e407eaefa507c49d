"""The driver against a strict reader written from OSDP 2.2: BUSY, lost frames, keys, unknown replies.

What real readers do beyond the text is DEVICE_FACTS, section 9: BUSY also to osdp_CHLNG, Inner Range SIFER silent
before a poll, the OUI in the order of the IEEE's list.
"""

import itertools

import pytest

from devicemgr.domain.device_events import CardRead, GateAlarm, KeysPressed
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Direction, Signal
from devicemgr.domain.ports.device import Delivery
from devicemgr.errors import DeviceRefused, DeviceUnreachable, NotYet, OutcomeUnknown
from drivers.common.serial.line import NoAnswer
from tests.drivers.osdp_reader.spec_reader import SpecLine, SpecReader, crc

ENTRY = Direction.ENTRY
KEY = bytes.fromhex("8f3a10c7be5520d94417fa6e02b3c85d")
OTHER_KEY = bytes.fromhex("02b3c85d8f3a10c7be5520d94417fa6e")
POLL, ID, LSTAT, OUT, LED, CHLNG, SCRYPT = 0x60, 0x61, 0x64, 0x68, 0x69, 0x76, 0x77
CARD = bytes.fromhex("50 00 01 1a 00") + ((1 << 25 | 80 << 17 | 58400 << 1 | 1) << 6).to_bytes(4, "big")
# osdp_OUT of a release for 2 s: output 0, timed, 20 × 100 ms.
RELEASE = (OUT, bytes.fromhex("00 05 14 00"))


@pytest.fixture
def at(reader):
    """at(key, …) plugs a strict reader in and builds its device, which is not open yet."""
    lines = []

    def make(key=KEY, password=KEY, **options):
        peer = SpecReader(key=key)
        line = SpecLine(peer)
        lines.append(line)
        line.__enter__()
        if password is None:
            options["secure"] = "off"
        return peer, reader(line, password=password and password.hex(), **options)

    yield make
    for line in lines:
        line.__exit__(None, None, None)


def releases(peer):
    return [act for act in peer.acted if act == RELEASE]


@pytest.mark.parametrize("password", [KEY, None], ids=["secure", "clear"])
def test_a_card_and_a_release(at, poll_until, password):
    peer, device = at(key=password, password=password)
    device.open()
    peer.polled.append(CARD)
    (fact,) = poll_until(device, bool)
    assert fact.names[0] == "80:58400"
    assert device.release(1, ENTRY, 2) is Delivery.CONFIRMED
    assert len(releases(peer)) == 1


@pytest.mark.parametrize("code", [POLL, ID, CHLNG, SCRYPT, LSTAT], ids=hex)
def test_busy_at_the_beginning_is_a_request_to_repeat(at, code):
    peer, device = at()
    peer.wishes.busy[code] = 3
    device.open()
    assert peer.wishes.done["busy"] == 3
    first = peer.frames[[found for _, found, _ in peer.frames].index(code)][2]
    assert [raw for raw in peer.sent(code) if raw == first][:4] == [first] * 4
    assert len(set(peer.sent(CHLNG))) == 1


@pytest.mark.parametrize("password", [KEY, None], ids=["secure", "clear"])
@pytest.mark.parametrize("code", [OUT, POLL], ids=hex)
def test_busy_keeps_the_session_and_repeats_the_same_bytes(at, poll_until, password, code):
    peer, device = at(key=password, password=password)
    device.open()
    before = len(peer.frames)
    peer.wishes.busy[code] = 4
    poll_until(device, lambda _: code == OUT or peer.wishes.done["busy"] == 4)
    assert device.release(1, ENTRY, 2) is Delivery.CONFIRMED
    assert peer.wishes.done["busy"] == 4
    times = [(at, raw) for at, found, raw in peer.frames[before:] if found == code]
    repeated = max((list(group) for _, group in itertools.groupby(times, lambda one: one[1])), key=len)
    assert len(repeated) == 5
    # OSDP 2.2, 7.19 leaves the time to the panel; 50 ms is the least that readers are given (DEVICE_FACTS 9).
    assert all(later - earlier >= 0.05 for (earlier, _), (later, _) in itertools.pairwise(repeated))
    assert len(releases(peer)) == 1
    assert ID not in [found for _, found, _ in peer.frames[before:]]
    peer.polled.append(CARD)
    assert [type(fact) for fact in poll_until(device, bool)] == [CardRead]


def test_a_release_that_meets_busy_to_the_end_was_not_done(at, bring_up):
    peer, device = at()
    device.open()
    peer.wishes.busy[OUT] = 1000
    with pytest.raises(NotYet, match="busy"):
        device.release(1, ENTRY, 2)
    peer.wishes.busy[OUT] = 0
    bring_up(device)
    assert releases(peer) == []


@pytest.mark.parametrize("password", [KEY, None], ids=["secure", "clear"])
@pytest.mark.parametrize("lost", ["lose_request", "lose_answer"])
def test_a_lost_release_is_repeated_and_acted_on_once(at, password, lost):
    peer, device = at(key=password, password=password)
    device.open()
    before = len(peer.frames)
    getattr(peer.wishes, lost)[OUT] = 2
    assert device.release(1, ENTRY, 2) is Delivery.CONFIRMED
    assert peer.wishes.done[lost] == 2
    frames = [raw for _, found, raw in peer.frames[before:] if found == OUT]
    assert frames == [frames[0]] * 3
    assert len(releases(peer)) == 1
    assert ID not in [found for _, found, _ in peer.frames[before:]]


def test_a_release_that_is_never_answered_is_unknown_and_never_sent_later(at, bring_up):
    peer, device = at()
    device.open()
    peer.wishes.lose_answer[OUT] = 1000
    with pytest.raises(OutcomeUnknown, match="may or may not"):
        device.release(1, ENTRY, 2)
    peer.wishes.lose_answer[OUT] = 0
    count = len(peer.sent(OUT))
    bring_up(device)
    for _ in range(20):
        device.poll()
    assert len(releases(peer)) == 1
    # The new session puts the output where the mode wants it, once; that lets a release run out.
    assert [act for act in peer.acted if act[0] == OUT][-1] == (OUT, bytes.fromhex("00 03 00 00"))
    assert len(peer.sent(OUT)) == count + 1


@pytest.mark.parametrize("lost", ["lose_request", "lose_answer"])
def test_a_lost_poll_costs_one_repetition_and_no_card(at, poll_until, lost):
    peer, device = at()
    device.open()
    peer.polled.append(CARD)
    getattr(peer.wishes, lost)[POLL] = 1
    (fact,) = poll_until(device, bool)
    assert fact.names[0] == "80:58400"
    assert peer.wishes.done[lost] == 1
    assert len(peer.sent(CHLNG)) == 1
    device.poll()
    times = [at for at, found, _ in peer.frames if found == POLL]
    assert max(later - earlier for earlier, later in itertools.pairwise(times)) < 1.0


def test_a_damaged_frame_is_repeated(at):
    peer, device = at()
    device.open()
    peer.wishes.damage[OUT] = 2
    assert device.release(1, ENTRY, 2) is Delivery.CONFIRMED
    assert peer.wishes.done["damage"] == 2
    assert len(releases(peer)) == 1
    assert len(peer.sent(CHLNG)) == 1


@pytest.mark.parametrize("lost", ["lose_request", "lose_answer"])
@pytest.mark.parametrize("code", [CHLNG, SCRYPT], ids=hex)
def test_silence_in_the_handshake_is_no_other_key_and_no_tamper(at, bring_up, poll_until, code, lost):
    peer, device = at()
    getattr(peer.wishes, lost)[code] = 1000
    with pytest.raises(DeviceUnreachable) as error:
        device.open()
    assert "another key" not in str(error.value)
    assert peer.wishes.done[lost] > 1
    if code == SCRYPT:
        assert "right key" in str(error.value)
    getattr(peer.wishes, lost)[code] = 0
    bring_up(device)
    peer.polled.append(CARD)
    assert [type(fact) for fact in poll_until(device, bool)] == [CardRead]


@pytest.mark.parametrize("how", ["cryptogram", "nak"])
def test_another_key_is_shown_by_the_reader_itself(at, bring_up, poll_until, how):
    peer, device = at(key=OTHER_KEY if how == "cryptogram" else None)
    with pytest.raises(DeviceRefused, match="holds another key than ours and is refused") as error:
        device.open()
    assert ("NAK 6" in str(error.value)) is (how == "nak")
    peer.key = KEY
    bring_up(device)
    (alarm,) = poll_until(device, bool)
    assert alarm == GateAlarm(1, Kind.TAMPER, "a reader with another key answered here and was refused 1 times")


@pytest.mark.parametrize(("nak", "words"), [(3, "offers no Secure Channel"), (5, "offers no Secure Channel")])
def test_a_refused_challenge_is_read(at, nak, words):
    peer, device = at()
    peer.wishes.nak[CHLNG] = nak
    with pytest.raises(DeviceRefused, match=f"{words}.*NAK {nak}"):
        device.open()


@pytest.mark.parametrize("nak", [1, 4, 9])
def test_a_challenge_that_is_refused_for_another_reason_is_no_other_key(at, bring_up, poll_until, nak):
    peer, device = at()
    peer.wishes.nak[CHLNG] = nak
    with pytest.raises(DeviceUnreachable, match=f"NAK {nak}"):
        device.open()
    peer.wishes.nak.clear()
    bring_up(device)
    peer.polled.append(b"\x53\x00\x011")
    assert poll_until(device, bool) == [KeysPressed(1, "1")]


def test_a_refused_output_says_the_readers_reason(at):
    peer, device = at()
    device.open()
    peer.wishes.nak[OUT] = 9
    with pytest.raises(DeviceRefused, match=r"refuses to switch output 1 \(NAK 9: it can't process"):
        device.release(1, ENTRY, 2)


def test_a_refused_lamp_keeps_the_session(at, poll_until):
    peer, device = at()
    device.open()
    peer.wishes.nak[LED] = 3
    device.indicate(1, ENTRY, Signal.GRANTED)
    poll_until(device, lambda _: 0x6A in peer.codes())
    device.indicate(1, ENTRY, Signal.GRANTED)
    poll_until(device, lambda _: peer.codes().count(0x6A) == 2)
    assert peer.codes().count(LED) == 1
    assert len(peer.sent(CHLNG)) == 1


def test_a_reader_that_is_silent_before_a_poll(at):
    peer, device = at()
    peer.wishes.needs_poll = True
    device.open()
    assert peer.codes()[0] == POLL
    assert peer.sent(POLL)[0][4] & 3 == 0
    assert peer.sent(ID)[0][4] & 3 == 0


def test_the_oui_is_in_the_order_of_the_ieee(at):
    _, device = at()
    info = device.open()
    assert (info.manufacturer, info.serial, info.firmware) == ("OUI 000EE3", "97740000", "35.6.6")
    assert device.check()["vendor"] == "000EE3"


XRD = bytes.fromhex("b1 01 01")  # a card has come near (OSDP 2.2, 7.26)
UNKNOWN = [
    XRD,
    bytes.fromhex("51 00 01 05") + b"12345",
    bytes.fromhex("4b 00"),
    bytes.fromhex("57 00 00 00 00 00 00"),
    bytes.fromhex("83 01"),
    bytes.fromhex("90 00 0e e3 01"),
    bytes.fromhex("a5 01 02"),
    bytes.fromhex("48 01"),
    bytes.fromhex("50 00 02 03 00 41"),
]


@pytest.mark.parametrize("password", [KEY, None], ids=["secure", "clear"])
@pytest.mark.parametrize("reply", UNKNOWN, ids=lambda reply: reply[:1].hex())
def test_a_reply_that_is_not_read_keeps_the_session_and_is_named(at, poll_until, password, reply):
    peer, device = at(key=password, password=password)
    device.open()
    before = len(peer.frames)
    peer.polled += [reply, reply, reply, CARD]
    first, *others, card = poll_until(device, lambda facts: any(isinstance(fact, CardRead) for fact in facts))
    assert (first.kind, others, card.names[0]) == (Kind.DEVICE_DEGRADED, [], "80:58400")
    assert f"reply 0x{reply[0]:02X}" in first.detail
    assert {found for _, found, _ in peer.frames[before:]} == {POLL}
    assert peer.wishes.done["repeated"] == 0
    assert f"not read here (0x{reply[0]:02X}" in device.complaint
    assert device.complaint == device.check()["warning"]


def test_a_reader_that_knows_sums_only(at):
    peer, device = at(key=None, password=None)
    peer.wishes.only_sums = True
    device.open()
    assert device.release(1, ENTRY, 2) is Delivery.CONFIRMED
    assert not peer.sent(OUT)[-1][4] & 4


def test_a_slow_reader_is_waited_for(at, poll_until):
    peer, device = at()
    # The standard allows 200 ms from the end of the command (5.7).
    peer.wishes.answer_after_s = 0.19
    device.open()
    assert device.release(1, ENTRY, 2) is Delivery.CONFIRMED
    assert len(releases(peer)) == 1
    assert len(peer.sent(CHLNG)) <= 2


def test_an_input_that_the_reader_does_not_have_is_a_complaint(at):
    _, device = at(door_input=2, rex_input=7)
    device.open()
    assert device.complaint == "rex_input is input 7, which the reader does not report; its inputs: 1, 2, 3, 4"


def test_nothing_at_all_is_silence(at):
    peer, device = at()
    peer.wishes.lose_request.update({code: 1000 for code in range(256)})
    with pytest.raises(NoAnswer, match="no answer from unit 1"):
        device.open()
    assert {POLL, ID} <= set(peer.codes())


def test_a_reader_that_has_lost_its_session_gets_another_at_once(at, poll_until, monkeypatch):
    peer, device = at()
    device.open()
    monkeypatch.setattr("drivers.osdp_reader.reader.STABLE_S", 0.0)
    peer._session = None  # as after a power cut
    peer.polled.append(CARD)
    monkeypatch.setattr("drivers.osdp_reader.session.STALE_S", 0.0)
    assert [type(fact) for fact in poll_until(device, bool)] == [CardRead]
    assert len(peer.sent(CHLNG)) == 2


def test_replies_with_a_wrong_mac_are_not_believed(at, lose, bring_up, poll_until):
    peer, device = at()
    device.open()
    good = peer._frame
    peer._frame = lambda *args: flip(good(*args)) if len(args) == 4 else good(*args)
    peer.polled.append(CARD)
    assert type(lose(device)) is DeviceUnreachable
    peer._frame = good
    bring_up(device)
    peer.polled.append(b"\x53\x00\x011")
    assert poll_until(device, bool) == [KeysPressed(1, "1")]


def flip(frame):
    """One bit of what stands before the check, which is put right."""
    body = bytearray(frame[:-2])
    body[-1] ^= 1
    return bytes(body) + crc(bytes(body))
