"""Erasure and withdrawal reach devices, and are verified only where a device can be queried."""

import pytest

from devicemgr.domain.desired_state import State
from devicemgr.errors import DeviceRefused, HeldInPart, NotVerifiable
from devicemgr.people import face_enrollment
from tests.devicemgr.sync.holders import FakeHolder, HalfHolder


@pytest.mark.parametrize("kind", [HeldInPart, DeviceRefused])
def test_an_erasure_after_a_half_done_addition_asks_the_device(house, kind):
    device = HalfHolder(kind)
    house.person("A1", cards=["77"])
    device.half = {"A1"}
    assert house.bring(device).failed == 1
    assert "A1" in device.kept
    face_enrollment.erase(house.site, "uid:0", "A1")
    house.bring(device)
    assert device.told[-1] == ("remove", ("A1",))
    assert device.kept == {}
    assert len(house.events("admin.erasure_completed")) == 1


class MuteHolder(FakeHolder):
    """Keeps people, and can't be queried about faces: whether one is gone, nobody knows."""

    def __init__(self):
        super().__init__("people")
        self.mute = True

    def put(self, holdings, faces):
        gone = {h.key for h in holdings if h.face is None and h.key in self.kept}
        refused = super().put(holdings, faces)
        return refused | ({key: NotVerifiable("no list of faces") for key in gone} if self.mute else {})

    def remove(self, keys):
        super().remove(keys)
        if self.mute:
            raise NotVerifiable("no list of faces")


def with_face(house, badge="A1", **more):
    person = house.person(badge, consent=True, **more)
    house.samples.pictures[person] = b"jpeg"
    house.fresh(faces=True)
    return person


def test_an_erasure_that_a_device_can_not_be_asked_about_is_incomplete_and_names_it(house):
    device = MuteHolder()
    with_face(house)
    house.bring(device)
    face_enrollment.erase(house.site, "uid:0", "A1")
    house.bring(device, read=True)
    assert (device.kept, house.records()) == ({}, {})
    assert house.events("admin.person_erased_on_device") == house.events("admin.erasure_completed") == []
    (unverified,) = house.events("admin.person_unverified_on_device")
    assert (unverified["device"], unverified["detail"]["cause"]) == ("box", "no list of faces")
    (ended,) = house.events("admin.erasure_incomplete")
    assert (ended["detail"]["unverified_on"], "left_on" in ended["detail"]) == (["box"], False)
    assert [place["place"] for place in ended["detail"]["places"]] == ["this site's database"]


def test_a_face_that_a_device_can_not_be_asked_about_stays_on_record(house):
    device = MuteHolder()
    with_face(house, cards=["77"])
    house.bring(device)
    house.samples.pictures.clear()
    house.bring(device)
    assert house.events("admin.face_erased_on_device") == []
    assert [event["device"] for event in house.events("admin.face_unverified_on_device")] == ["box"]
    record = house.records()["A1"]
    assert (record.state, "cannot be verified" in record.error) == (State.HELD, True)
    device.told.clear()
    house.fresh(faces=True)
    house.bring(device, read=True)
    assert device.told == []
    assert "cannot be verified" in house.records()["A1"].error
    device.mute = False
    face_enrollment.erase(house.site, "uid:0", "A1")
    house.bring(device)
    assert len(house.events("admin.erasure_completed")) == 1, "it was asked at last"
    assert house.events("admin.erasure_incomplete") == []


def test_a_card_only_person_on_such_a_device_is_erased(house):
    device = MuteHolder()
    house.person("A1", cards=["77"])
    house.bring(device)
    face_enrollment.erase(house.site, "uid:0", "A1")
    house.bring(device)
    assert len(house.events("admin.erasure_completed")) == 1


def test_a_refused_removal_is_not_verified_by_a_list_that_lacks_the_person(house):
    device = FakeHolder("people")
    house.person("A1", cards=["77"])
    house.bring(device)
    device.refuses = {"A1"}
    face_enrollment.erase(house.site, "uid:0", "A1")
    device.kept.clear()  # the list lacks them, and the device says that it still holds something
    house.bring(device, read=True)
    house.bring(device, read=True)
    assert house.records()["A1"].state is State.TO_REMOVE
    assert house.events("admin.erasure_completed") == []
    device.refuses.clear()
    house.bring(device, insist=True)
    assert len(house.events("admin.erasure_completed")) == 1


def test_a_badge_that_goes_to_somebody_else_is_removed_for_the_one_before_first(house):
    device = FakeHolder("people")
    house.person("A1", cards=["77"])
    house.bring(device)
    face_enrollment.erase(house.site, "uid:0", "A1")
    new = house.person("A1", cards=["78"])
    device.told.clear()
    house.bring(device, read=True)
    assert device.told == [("remove", ("A1",)), ("add", ("A1",))]
    assert device.kept["A1"].cards == ("78",)
    assert house.records()["A1"].person_id == new
    assert len(house.events("admin.erasure_completed")) == 1
