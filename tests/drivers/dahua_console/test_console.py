"""A console at the simulated terminal: people kept in sync, events told once, doors."""

import io
from datetime import UTC, datetime, timedelta

import pytest
from PIL import Image

from devicemgr.domain.device_events import DeviceDecided, DeviceReported, GateAlarm
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.model import Direction, PortalMode
from devicemgr.domain.ports.device import Gate, Holder, Holding, ReleaseTimes, Replaying, Verifier
from devicemgr.errors import DeviceRefused, HeldInPart, InvalidInput
from drivers.sim.dahua.console import SimulatedDahua

ENTRY = Direction.ENTRY
THEN = datetime(2026, 1, 1, tzinfo=UTC)


def person(key, name="Айгүл", cards=(), doors=(1,), face=None, until=None):
    return Holding(key, name, tuple(cards), frozenset(doors), None, until, face)


def jpeg(size=(640, 640), noise=False, red=120):
    held = io.BytesIO()
    grain = Image.effect_noise((size[0] // 8, size[1] // 8), 40).resize(size).convert("RGB")
    picture = grain if noise else Image.new("RGB", size, (red, 90, 60))
    picture.save(held, "JPEG", quality=95)
    return held.getvalue()


def everything(device):
    found, after = {}, None
    while True:
        page, after = device.held(after)
        found |= {holding.key: holding for holding in page}
        if after is None:
            return found


@pytest.fixture(params=[False, True], ids=["newer", "older"])
def either(request, build):
    """A simulated terminal of either generation, and a console at it."""
    with SimulatedDahua(legacy=request.param) as sim:
        yield sim, build(sim.address)


def test_it_is_what_the_core_asks_for(build):
    device = build("http://127.0.0.1:9")
    assert all(isinstance(device, wanted) for wanted in (Gate, Holder, Replaying, Verifier))
    assert (device.holds, device.batch) == ("people", 10)


def test_people_come_and_go(either):
    sim, device = either
    people = [person(str(n), f"Жанар {n}", [str(1000 + n), f"80:{n}"], face="x") for n in range(1, 11)]
    assert device.put(people, {str(n): jpeg(red=10 * n) for n in range(1, 11)}) == {}
    assert (len(sim.people.users), len(sim.people.cards), len(sim.people.faces)) == (10, 20, 10)
    found = everything(device)
    assert found["3"] == Holding("3", "Жанар 3", ("1003", "5242883"), frozenset({1}), face="")
    device.remove(["3", "4", "nobody"])
    assert sorted(everything(device), key=int) == ["1", "2", "5", "6", "7", "8", "9", "10"]
    assert not {"3", "4"} & set(sim.people.faces)
    assert len(sim.people.cards) == 16


def test_who_is_there_already_is_changed_and_surplus_goes(either):
    sim, device = either
    device.put([person("1", cards=["1001", "1002"], face="x"), person("2")], {"1": jpeg()})
    until = datetime(2027, 5, 1, 12, tzinfo=UTC)
    assert device.put([person("1", "Other", ["1002", "1003"], until=until), person("3")], {}) == {}
    found = everything(device)
    assert found["1"] == Holding("1", "Other", ("1002", "1003"), frozenset({1}), None, until, None)
    assert set(found) == {"1", "2", "3"}
    assert sim.people.faces == {}


def test_a_face_that_is_there_stays_where_no_other_is_given(either):
    sim, device = either
    device.put([person("1", face="x")], {"1": jpeg()})
    before = dict(sim.people.faces)
    device.put([person("1", "Other", face="x")], {})
    assert sim.people.faces == before
    device.put([person("1", "Other", face="y")], {"1": jpeg((600, 700))})
    assert sim.people.faces != before


def test_who_has_no_door_is_frozen_and_never_given_every_door(sim, opened):
    device = opened()
    device.put([person("1", doors=())], {})
    assert (sim.people.users["1"]["UserStatus"], sim.people.users["1"]["Doors"]) == (1, [0])
    assert everything(device)["1"].doors == frozenset()


@pytest.mark.parametrize("size", [(2400, 1200), (160, 200), (600, 1200), (100, 3000)])
def test_photos_are_made_to_fit(sim, opened, size):
    device = opened()
    assert device.put([person("1", face="x")], {"1": jpeg(size, noise=True)}) == {}
    held = sim.people.faces["1"]
    with Image.open(io.BytesIO(held)) as picture:
        width, height = picture.size
    assert len(held) <= 100 * 1024
    assert 150 <= width <= 600
    assert 300 <= height <= 1200


def test_a_photo_that_is_none_is_missing_alone(sim, opened):
    failed = opened().put([person("1", face="x"), person("2")], {"1": b"no photo"})
    assert list(failed) == ["1"]
    assert isinstance(failed["1"], HeldInPart)
    assert set(sim.people.users) == {"1", "2"}
    assert sim.people.faces == {}


def test_what_does_not_fit_blocks_no_removal(either):
    sim, device = either
    device.put([person("1", cards=["1001", "1002"], face="x"), person("9", cards=["1009"])], {"1": jpeg()})
    sim.people.update_cards = sim.people.insert_cards  # newer firmware refuses a card that is another person's
    unfit = person("1", cards=["1002", "1000:123456", "1009"], doors=())
    failed = device.put([unfit], {})
    assert isinstance(failed["1"], HeldInPart)
    assert "1000:123456" in str(failed["1"])
    assert list(sim.people.faces) == []
    held = {holding.key: holding for holding in everybody(device)}
    assert set(held["1"].cards) == {"1002"}
    assert (held["1"].doors, held["9"].cards) == (frozenset(), ("1009",))


def everybody(device):
    found, after, first = [], None, True
    while first or after is not None:
        page, after = device.held(after)
        found, first = [*found, *page], False
    return found


def test_one_face_for_two_people_fails_the_second_with_why(either):
    sim, device = either
    failed = device.put([person("1", face="x"), person("2", face="x")], {"1": jpeg(), "2": jpeg()})
    assert list(failed) == ["2"]
    assert "no other person's" in str(failed["2"])
    assert list(sim.people.faces) == ["1"]


def test_a_full_memory_fails_whom_it_does_not_take(either):
    sim, device = either
    device.put([person("1")], {})
    sim.people.capacity = 2
    failed = device.put([person("1", "New"), person("2"), person("3")], {})
    assert list(failed) == ["3"]
    assert "full" in str(failed["3"])
    assert set(everything(device)) == {"1", "2"}


def test_a_card_of_somebody_else_there_is_told(sim, opened):
    sim.people.insert_users([{"UserID": "9"}])
    sim.people.insert_cards([{"UserID": "9", "CardNo": "000003E9"}])
    sim.people.update_cards = sim.people.insert_cards
    assert list(opened().put([person("1", cards=["1001"]), person("2", cards=["1002"])], {})) == ["1"]
    assert sim.people.cards["000003E9"]["UserID"] == "9"


def test_names_keep_their_script_unless_a_terminal_refuses_it(either):
    sim, device = either
    device.put([person("1", "Айгүл Нұрланқызы")], {})
    assert everything(device)["1"].name == "Айгүл Нұрланқызы"
    sim.people.only_ascii = True
    if sim.legacy:
        sim.people.users.clear()
    assert device.put([person("2", "Щукина Юлия"), person("3", "王芳")], {}) == {}
    found = everything(device)
    assert (found["2"].name, found["3"].name) == ("Shchukina Iuliia", "3")


def test_nobody_is_never_sent_as_everybody(sim, opened):
    with pytest.raises(InvalidInput):
        opened().remove([])
    assert sim.events.all("changed") == []


def test_a_removal_that_does_not_hold_is_no_success(sim, opened):
    device = opened()
    device.put([person("1")], {})
    sim.people.remove_users = lambda names: None
    with pytest.raises(DeviceRefused, match="still holds 1"):
        device.remove(["1"])


def test_a_put_that_does_not_hold_is_no_success(sim, opened):
    sim.people.insert_users = lambda rows: None
    assert list(opened().put([person("1")], {})) == ["1"]


def test_pages_of_a_large_memory(sim, opened):
    for start in range(0, 130, 10):
        sim.people.insert_users([{"UserID": str(n), "Doors": [0, 1]} for n in range(start, start + 10)])
    found = everything(opened())
    assert len(found) == 130
    assert found["7"].doors == {1, 2}


def test_a_terminal_that_ignores_conditions_is_read_whole(sim, opened):
    find = sim.cgis._find
    sim.cgis._find = lambda query, rows: find({k: v for k, v in query.items() if "Condition" not in k}, rows)
    sim.people.insert_users([{"UserID": "other"}])
    device = opened()
    device.put([person("1", cards=["5"]), person("2", cards=["6"])], {})
    device.put([person("1", cards=["7"]), person("2", cards=["6"])], {})
    assert set(sim.people.cards) == {"00000006", "00000007"}
    device.remove(["1"])
    assert set(sim.people.users) == {"other", "2"}


def test_what_happens_is_told_with_what_the_stream_knows_of_it(sim, opened, collect):
    device = opened()
    device.poll()
    sim.people.insert_users([{"UserID": "42", "UserName": "A"}])
    sim.people.insert_cards([{"UserID": "42", "CardNo": "0050E420"}])
    sim.someone("42", Similarity=93, Type="Exit")
    sim.stranger()
    sim.card("0050E420")
    face, stranger, card = collect(device, 3, DeviceDecided)
    assert (face.granted, face.badge, face.serial, face.direction, face.live) == (True, "42", 1, Direction.EXIT, True)
    assert face.evidence["face"] == {"vendor": "dahua", "score": 93.0, "liveness": 1.0}
    assert (stranger.granted, stranger.badge, stranger.why) == (False, None, "unknown_face")
    assert (card.granted, card.names, card.badge) == (True, ("5301280", "80:58400", "raw:26:2A1C841"), "42")


def test_alarms_come_from_the_stream(sim, opened, collect):
    device = opened()
    sim.door(1, "open")
    sim.door(1, "close")
    sim.alarm("ChassisIntruded", "Start")
    assert [(fact.kind, fact.channel, fact.active) for fact in collect(device, 3, GateAlarm)] == [
        (Kind.PORTAL_HELD_OPEN, 1, None),
        (Kind.PORTAL_HELD_OPEN, 1, False),
        (Kind.TAMPER, 1, None),
    ]


def test_what_was_missed_is_told_once_in_order_with_its_time(sim, opened, collect):
    first = int(THEN.timestamp())
    sim.remember(2500, first, step=7)
    device = opened()
    facts = collect(device, 2500, DeviceDecided, 60)
    assert [fact.serial for fact in facts] == list(range(1, 2501))
    assert facts[10].at == THEN + timedelta(seconds=70)
    assert not any(fact.live for fact in facts)
    assert [fact for _ in range(5) for fact in device.poll()] == []


def test_after_a_restart_it_goes_on_where_it_was(sim, opened, collect):
    sim.remember(3000, int(THEN.timestamp()), step=60)
    device = opened(resume=2990)
    assert [fact.serial for fact in collect(device, 10)] == list(range(2991, 3001))
    reads = sum("recordFinder" in event["target"] for event in sim.events.all("request"))
    assert reads < 60


def test_a_full_page_of_one_second_is_no_trap(sim, opened, collect):
    sim.remember(350, int(THEN.timestamp()), step=0)
    sim.remember(20, int(THEN.timestamp()) + 1)
    assert sorted(fact.serial for fact in collect(opened(), 370)) == list(range(1, 371))


def test_a_terminal_that_was_erased_counts_anew(sim, opened, collect):
    sim.remember(5, int(THEN.timestamp()))
    device = opened(resume=4000)
    assert [fact.serial for fact in collect(device, 5)] == [1, 2, 3, 4, 5]
    sim.records.forget()
    sim.stranger()
    assert [fact.serial for fact in collect(device, 1)] == [1]


def test_a_clock_that_was_set_back_hides_nothing(sim, opened, collect):
    device = opened()
    sim.stranger()
    collect(device, 1)
    sim.skew = timedelta(days=-400)
    sim.stranger()
    (fact,) = collect(device, 1, DeviceDecided)
    assert (fact.serial, fact.live) == (2, False)


def test_an_event_without_a_record_is_told_after_a_while(sim, opened, collect, monkeypatch):
    monkeypatch.setattr("drivers.dahua_console.events.feed._PATIENCE", 0.3)
    sim.remember(3, int(THEN.timestamp()))
    device = opened()
    collect(device, 3)
    sim.record_what_is_seen = False
    sim.stranger()
    (fact,) = collect(device, 1)
    assert (fact.granted, fact.serial, fact.live) == (False, 3, True)


def test_the_clock_s_error_is_told(sim, opened, collect):
    sim.skew, sim.zone_hours = timedelta(seconds=92), 5
    device = opened()
    sim.stranger()
    (fact,) = collect(device, 1, DeviceDecided)
    assert 90 <= fact.evidence["clock_skew_s"] <= 94
    told = device.check()
    assert 90 <= told["clock_skew_s"] <= 94
    assert "NTP" in told["advice"]
    assert "s ahead; switch NTP on there" in device.complaint
    sim.skew = timedelta(0)
    device.check()
    assert device.complaint is None


def test_a_check_moves_nothing(sim, opened):
    told = opened(doors=2).check()
    assert (told["model"], told["doors"], told["events"], told["commands"]) == (
        "ASI7213X-T1",
        {"1": "Close", "2": "unknown"},
        "received",
        "newer",
    )
    assert sim.events.all("unlocked") == []
    assert sim.events.all("changed") == []


def test_remote_opening_is_reported_and_no_decision(sim, opened, collect):
    at = int(datetime.now(UTC).timestamp())
    sim.records.add({"CreateTime": at, "UserID": "", "Method": 4, "Status": 1, "Door": 0})
    sim.records.add({"CreateTime": at, "UserID": "", "Method": 5, "Status": 1, "Door": 0})
    facts = collect(opened(), 2, DeviceReported)
    assert [fact.kind for fact in facts] == [Kind.PORTAL_UNLOCKED, Kind.REX_PRESSED]


def test_door_and_modes(sim, opened):
    device = opened()
    device.release(1, ENTRY, 5)
    assert [event["channel"] for event in sim.events.all("unlocked")] == [1]
    device.set_mode(1, PortalMode.LOCKED)
    with pytest.raises(DeviceRefused, match="locked"):
        device.release(1, ENTRY, 5)
    device.set_mode(1, PortalMode.FREE)
    device.release(1, ENTRY, 5)
    device.set_mode(1, PortalMode.NORMAL)
    assert sim.cgis.config["AccessControl[0].State"] == "Normal"
    with pytest.raises(InvalidInput, match="channels 1 to 1"):
        device.release(2, ENTRY, 5)
    assert len(sim.events.all("unlocked")) == 1


@pytest.mark.parametrize(("setting", "seconds"), [("3000", 3.0), ("15000", 15.0), ("x", 5.0)])
def test_the_terminals_own_time_is_that_of_a_release(sim, opened, setting, seconds):
    sim.cgis.config["AccessControl[0].UnlockHoldInterval"] = setting
    assert opened().release_times(1, 5.0) == ReleaseTimes(seconds)
