"""What a device holds is synchronized with the rights: always, from anything, and without harm on the way."""

from datetime import UTC, datetime

import pytest

from devicemgr.access.policy_cache import Rulebook
from devicemgr.devices.sync_run import Keeper, Run, drive
from devicemgr.domain.desired_state import State
from devicemgr.domain.model import DeviceConfig
from devicemgr.domain.ports.device import Holding
from devicemgr.errors import DeviceRefused, OutcomeUnknown
from devicemgr.people import face_enrollment
from devicemgr.people.face_samples import KeptSamples
from devicemgr.store.people import credentials, people
from devicemgr.store.site import devices as device_store
from devicemgr.sync.device_sync import HolderSync
from tests.devicemgr.sync.holders import FakeHolder, PickyHolder, ScheduledHolder

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def names(told):
    return [verb for verb, _ in told]


def test_cards_of_those_who_may_pass_with_their_doors(house):
    device = FakeHolder()
    house.person("A1", "all", ["80:58400"], valid_to="2030-01-01T00:00:00.000Z")
    house.person("B2", "staff", ["77"])
    house.person("C3", "staff", ["78"], suspended=True)
    run = house.bring(device)
    assert (run.phase, run.failed) == ("done", 0)
    assert {key: sorted(h.doors) for key, h in device.kept.items()} == {"8058400": [1, 2], "77": [1]}
    assert device.kept["8058400"].valid_to == datetime(2030, 1, 1, tzinfo=UTC)
    assert {r.state for r in house.records().values()} == {State.HELD}


def test_a_coarse_memory_is_in_step_and_a_strange_change_in_it_is_noticed(house):
    device = FakeHolder("people")
    house.person("A1", "staff", ["77"], valid_to="2030-01-01T15:30:00.000Z")
    house.bring(device)
    assert device.kept["A1"].name == "Name"
    device.told.clear()
    house.fresh()
    house.bring(device, read=True)
    assert device.told == []
    assert not house.preview(device).differs
    device.kept["A1"] = Holding("A1", "Name", ("77",), frozenset({1, 2}))
    assert house.preview(device).restrict == ("A1",)
    house.bring(device, read=True)
    assert device.kept["A1"].doors == {1}


def test_whom_nobody_knows_stays_until_pruned(house):
    device = FakeHolder()
    device.kept["4711"] = Holding("4711", doors=frozenset({1}))
    house.person("A1", cards=["77"])
    assert house.bring(device).unknown == ("4711",)
    assert set(device.kept) == {"4711", "77"}
    assert house.bring(device, read=True, prune=True).unknown == ()
    assert set(device.kept) == {"77"}


def test_a_known_card_without_rights_is_no_stranger(house):
    device = FakeHolder()
    device.kept["77"] = Holding("77", doors=frozenset({1}))
    house.person("A1", cards=["77"], suspended=True)
    house.bring(device)
    assert device.kept == {}


def test_a_whole_number_is_kept_as_the_controller_reads_that_card(house):
    device = FakeHolder()
    house.person("A1", cards=["12345678"])  # printed as 0012345678 188,24910
    house.person("B2", cards=["123:45678"])
    house.bring(device)
    owners = {key: record.person_id for key, record in house.records().items()}
    assert set(device.kept) == {"18824910", "12345678"}
    assert owners["12345678"] == house.rules().refresh().badges["B2"]


def test_a_device_that_no_portal_uses_yet_is_left_in_peace(house):
    device = FakeHolder()
    device.kept["77"] = Holding("77", doors=frozenset({1}))
    house.person("A1", cards=["77"])
    with house.site.database.write() as session:
        other = device_store.add_device(session, house.site.vault, DeviceConfig("", "other", "fake_gate", "x"))
    house.sync = HolderSync(
        house.site,
        Rulebook(house.site.database, house.site.parts.catalog),
        Keeper(other.id, "other"),
        KeptSamples(house.site),
    )
    assert house.bring(device).unknown == ("77",)
    assert set(device.kept) == {"77"}


def test_capacity_is_looked_at_before_pushing_and_room_is_used_when_there_is_some(house):
    device = FakeHolder(most=2)
    for number in range(4):
        house.person(f"A{number}", cards=[f"7{number}"])
    assert house.bring(device).failed == 2
    assert len(device.kept) == 2
    refused = [r for r in house.records().values() if r.state is State.FAILED]
    assert all("is full" in (r.error or "") for r in refused)
    house.edit("A0", suspended=True)
    assert house.bring(device).failed == 1
    assert sorted(device.kept) == ["71", "72"]


def test_one_that_is_refused_holds_up_nobody_and_waits(house):
    device = FakeHolder()
    device.refuses = {"72", "poison"}
    for number in range(6):
        house.person(f"A{number}", cards=[f"7{number}"])
    assert house.bring(device).failed == 1
    assert len(device.kept) == 5
    assert house.records()["72"].error == "72 is not to its taste"
    device.told.clear()
    house.bring(device)
    assert device.told == []
    device.refuses.clear()
    assert house.bring(device, insist=True).failed == 0
    assert "72" in device.kept


def test_a_batch_that_is_refused_whole_is_halved(house):
    device = FakeHolder("people", batch=8)
    device.refuses = {"poison-1"}
    for badge in ("A1", "A2", "A3", "poison-1", "Z1"):
        house.person(badge, cards=[str(abs(hash(badge)) % 10**6 + 1)])
    assert house.bring(device).failed == 1
    assert sorted(device.kept) == ["A1", "A2", "A3", "Z1"]


def test_revocations_go_before_the_reading_after_an_outage(house):
    device = FakeHolder()
    for number in range(5):
        house.person(f"A{number}", cards=[f"7{number}"])
    house.bring(device)
    house.edit("A3", suspended=True)
    house.person("B9", cards=["99"])
    house.fresh()
    order = []
    spy = lambda step: (order.append(len(device.told)), step(device))[1]  # noqa: E731
    device.told.clear()
    reads = []
    device.held = lambda after, real=device.held: (reads.append(len(device.told)), real(after))[1]
    drive(house.sync.steps(Run(), read=True), spy)
    assert device.told[0] == ("remove", ("73",))
    assert reads[0] == 1, "it was read before the revocation was sent"
    assert names(device.told) == ["remove", "add"]


def test_a_revocation_amid_a_long_push_goes_next(house):
    device = FakeHolder(batch=1)
    for number in range(10, 30):
        house.person(f"A{number}", cards=[str(number)])

    def step_and_revoke(step):
        answer = step(device)
        if len(device.told) == 5 and not house.sync.dirty.is_set() and device.told[-1] == ("add", ("14",)):
            house.edit("A10", suspended=True)
            house.sync.dirty.set()
        return answer

    drive(house.sync.steps(Run()), step_and_revoke)
    assert device.told[5] == ("remove", ("10",))
    assert len(device.kept) == 19


def test_an_erasure_reaches_the_device_and_ends_in_a_record_of_each_place(house):
    device = FakeHolder()
    person = house.person("A1", cards=["77", "78"])
    house.bring(device)
    assert face_enrollment.erase(house.site, "uid:0", "A1")["devices"] == ["box"]
    house.bring(device)
    assert device.kept == {}
    assert house.records() == {}
    (on_device,) = house.events("admin.person_erased_on_device")
    assert on_device["device"] == "box"
    (completed,) = house.events("admin.erasure_completed")
    assert [place["place"] for place in completed["detail"]["places"]] == ["this site's database", "box"]
    assert all(place["at"] for place in completed["detail"]["places"])
    assert "A1" not in str(completed)
    assert person not in {r.person_id for r in house.records().values()}


def test_faces_go_by_consent_and_come_off_by_withdrawal(house):
    device = FakeHolder("people")
    anna = house.person("A1", consent=True)
    house.person("B2", cards=["77"])
    house.samples.pictures = {anna: b"anna"}
    house.fresh(faces=True)
    house.bring(device)
    assert device.faces == {"A1": b"anna"}
    assert sorted(device.kept) == ["A1", "B2"]
    device.told.clear()
    house.fresh(faces=True)
    house.bring(device, read=True)
    assert device.told == []
    with house.site.database.write() as session:
        credentials.assign_card(session, people.get(session, "A1"), "78")
        for consent in people.get(session, "A1").consents:
            consent.withdrawn = people.now_text()
    house.bring(device)
    assert device.faces == {}
    assert device.kept["A1"].cards == ("78",)
    assert [event["device"] for event in house.events("admin.face_erased_on_device")] == ["box"]


def test_an_answer_that_was_lost_is_looked_for_by_reading(house):
    device = FakeHolder()
    house.person("A1", cards=["77"])

    def lost(step):
        answer = step(device)
        if device.told and device.told[-1][0] == "add":
            raise OutcomeUnknown("the answer was lost")
        return answer

    with pytest.raises(OutcomeUnknown):
        drive(house.sync.steps(Run()), lost)
    assert house.records()["77"].state is State.PENDING
    told = list(device.told)
    house.bring(device)
    assert device.told == told, "it was there already"
    assert house.records()["77"].state is State.HELD


def test_a_card_that_a_controller_can_not_read_and_one_that_two_have(house):
    device = FakeHolder()
    house.person("A1", cards=["raw:40:123456789A", "388:57549", "18824910", "80:58400"])
    house.old_card("B2", "5301280")
    house.person("C3", cards=["5"])
    assert house.bring(device).failed == 4
    assert sorted(device.kept) == ["5"]
    refused = {r.key for r in house.records().values() if r.state is State.FAILED}
    assert refused == {"raw:40:123456789A", "388:57549", "18824910", "8058400"}
    house.fresh()
    device.told.clear()
    house.bring(device, read=True)
    assert device.told == []


def test_a_card_that_does_not_fit_is_named_and_the_person_is_held(house):
    device = PickyHolder()
    device.unfit = {"388:57549", "1000:5"}
    house.person("A1", cards=["77", "388:57549"])
    house.person("B2", cards=["1000:5"])
    assert house.bring(device).failed == 1
    assert device.kept["A1"].cards == ("77",)
    assert "B2" not in device.kept
    records = house.records()
    assert (records["A1"].state, records["A1"].error) == (State.HELD, "card 388:57549 does not fit")
    assert (records["B2"].state, records["B2"].error) == (State.FAILED, "card 1000:5 does not fit")
    device.told.clear()
    house.bring(device, read=True)
    assert device.told == []
    house.take_card("A1", "77")
    house.bring(device)
    assert device.kept == {}, "nothing of theirs fits any more"
    assert house.records()["A1"].state is State.FAILED
    device.unfit.clear()
    house.fresh()
    assert house.bring(device).failed == 0
    assert {key: holding.cards for key, holding in device.kept.items()} == {"A1": ("388:57549",), "B2": ("1000:5",)}
    assert {record.error for record in house.records().values()} == {None}


def test_a_card_that_was_lost_while_the_device_was_away_goes_before_the_reading(house):
    device = FakeHolder("people")
    for number in range(5):
        house.person(f"A{number}", cards=[f"7{number}", f"8{number}"])
    house.bring(device)
    house.take_card("A3", "83")
    house.fresh()
    device.told.clear()
    at_reading = []
    device.held = lambda after, real=device.held: (at_reading.append(device.kept["A3"].cards), real(after))[1]
    house.bring(device, read=True)
    assert at_reading[0] == ("73",)
    assert device.told == [("change", ("A3",))]


def test_a_change_that_is_refused_before_the_reading_is_a_removal_after_it(house):
    device = PickyHolder()
    house.person("A1", "all", cards=["77", "78"])
    house.bring(device)
    device.stubborn = {"A1"}
    house.take_card("A1", "78")
    house.fresh()
    assert house.bring(device, read=True).failed == 0
    assert device.kept["A1"].cards == ("77",)


def test_whom_a_device_refuses_to_restrict_is_removed_and_added_again(house):
    device = PickyHolder()
    house.person("A1", "all", cards=["77", "78"])
    house.bring(device)
    device.stubborn = {"A1"}
    house.take_card("A1", "78")
    device.told.clear()
    assert house.bring(device).failed == 0
    assert device.told == [("remove", ("A1",)), ("add", ("A1",))]
    assert device.kept["A1"].cards == ("77",)
    assert house.records()["A1"].state is State.HELD


def test_whom_a_device_refuses_to_restrict_and_to_add_is_gone(house):
    device = PickyHolder()
    house.person("A1", "all", cards=["77", "78"])
    house.bring(device)
    device.stubborn, device.refuses = {"A1"}, set()
    remove = device.remove
    device.remove = lambda keys: (remove(keys), device.refuses.update(keys))[0]
    house.take_card("A1", "78")
    assert house.bring(device).failed == 1
    assert device.kept == {}
    assert house.records()["A1"].state is State.FAILED


def test_schedules_that_a_device_refuses_whole_hold_up_no_removal(house):
    device = ScheduledHolder()
    house.person("A1", cards=["77", "78"])
    with house.site.database.write() as session:
        house.schedule(session)
    house.bring(device)
    device.keep_hours = lambda hours, look=False: (_ for _ in ()).throw(DeviceRefused("no hours here"))
    house.fresh()
    house.take_card("A1", "78")
    house.bring(device, read=True)
    assert device.kept["A1"].cards == ("77",)
